//! Reads what psql prints for some tenants.

use crate::tenant::query::{
    QueryFailure, QueryLine, QueryScript, ResultReader, ResultTable, StatementResult,
};

/// Maximum number of bytes of the rows of a tenant.
const LIMIT: usize = 64 * 1024 * 1024;

/// The part of a statement's output that is being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OutputPart {
    None,
    Types,
    Rows,
}

/// A tenant whose lines are being read.
#[derive(Debug)]
struct Current {
    tenant: usize,
    transaction: Option<u64>,
    results: Vec<StatementResult>,
    part: OutputPart,
    types: ResultReader,
    rows: ResultReader,
    bytes: usize,
    failure: Option<QueryFailure>,
}

/// A tenant whose transaction has ended: its index, and its results or the reason why they cannot be read.
pub(super) type TenantEnd = (usize, Result<Vec<StatementResult>, QueryFailure>);

/// Reads the output of a script line by line.
pub(super) struct OutputReader<'a> {
    script: &'a QueryScript<'a>,
    null: &'a str,
    current: Option<Current>,
}

impl<'a> OutputReader<'a> {
    pub(super) fn new(script: &'a QueryScript<'a>, null: &'a str) -> Self {
        Self {
            script,
            null,
            current: None,
        }
    }

    /// Returns the id of the transaction of a tenant, if that tenant's lines were read last.
    pub(super) fn transaction(&self, tenant: usize) -> Option<u64> {
        let current = self.current.as_ref()?;
        current.transaction.filter(|_| current.tenant == tenant)
    }

    /// Takes a line. Returns a tenant whose transaction has ended.
    pub(super) fn line(&mut self, line: &[u8]) -> Option<TenantEnd> {
        let read = self.script.read(line);
        if let Some(QueryLine::Tenant(tenant)) = read {
            self.current = Some(Current {
                tenant,
                transaction: None,
                results: Vec::new(),
                part: OutputPart::None,
                types: ResultReader::default(),
                rows: ResultReader::default(),
                bytes: 0,
                failure: None,
            });
            return None;
        }
        let current = self.current.as_mut()?;
        match read {
            None => current.line(line, self.null),
            Some(QueryLine::Tenant(_)) => {}
            Some(QueryLine::Transaction(id)) => current.transaction = Some(id),
            Some(QueryLine::Types) => current.part = OutputPart::Types,
            Some(QueryLine::Rows) => current.part = OutputPart::Rows,
            Some(QueryLine::Ended(affected)) => current.end_statement(affected),
            Some(QueryLine::Done) => {
                let current = self.current.take()?;
                let read = match current.failure {
                    Some(failure) => Err(failure),
                    None => Ok(current.results),
                };
                return Some((current.tenant, read));
            }
        }
        None
    }
}

impl Current {
    fn line(&mut self, line: &[u8], null: &str) {
        if self.failure.is_some() {
            return;
        }
        match self.part {
            OutputPart::None => {}
            OutputPart::Types => self.types.line(line, null),
            OutputPart::Rows => {
                self.bytes += line.len() + 1;
                if self.bytes > LIMIT {
                    self.failure = Some(QueryFailure::new(
                        "query.too_large",
                        format!("its rows have more than {} MiB", LIMIT / (1024 * 1024)),
                    ));
                    self.results.clear();
                    return;
                }
                self.rows.line(line, null);
            }
        }
    }

    fn end_statement(&mut self, affected: u64) {
        self.part = OutputPart::None;
        let rows = std::mem::take(&mut self.rows).finish();
        // For a statement without columns psql prints a sentence, which has no rows.
        let types = std::mem::take(&mut self.types).finish().ok().flatten();
        match rows {
            Ok(mut table) => {
                if let (Some(table), Some(types)) = (&mut table, types) {
                    add_types(table, types);
                }
                self.results.push(StatementResult { table, affected });
            }
            Err(error) => {
                let failure = QueryFailure {
                    statement: Some(self.results.len() + 1),
                    ..QueryFailure::new("query.unreadable", error.to_string())
                };
                self.failure.get_or_insert(failure);
            }
        }
    }
}

/// Takes the types from the rows that `\gdesc` prints: name and type of each column.
fn add_types(table: &mut ResultTable, types: ResultTable) {
    for (column, row) in table.columns.iter_mut().zip(types.rows) {
        column.type_name = row.into_iter().nth(1).flatten();
    }
}
