use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use anstyle::AnsiColor;

use super::csv::CsvPrinter;
use super::json::{keys, result_object, row_object};
use super::table::TablePrinter;
use crate::cli::arguments::QueryArguments;
use crate::cli::common::Format;
use crate::cli::failure::CommandError;
use crate::cli::lines::{
    Counts, ErrorDetails, ErrorObject, Line, QueryCounts, QueryDetails, ReasonCount, RowLine,
    TenantDetails, TenantLine, TenantOutcome,
};
use crate::cli::output::Output;
use crate::cli::report::signal_exit_code;
use crate::cli::scope::{missing_tenant, named, say_duplicates};
use crate::cli::session::{STDIN, Session};
use crate::exit;
use crate::fleet::query::{QueryOptions, QueryReport, TenantQuery, query};
use crate::sql::TenantName;
use crate::tenant::query::{
    Query, QueryAccess, QueryFailure, QueryOutcome, ResultTable, StatementResult,
};
use crate::text::{milliseconds, plural, safe};

pub(in crate::cli) async fn run(
    session: &Session,
    arguments: QueryArguments,
) -> Result<u8, CommandError> {
    let is_stdin = |path: &Option<PathBuf>| path.as_deref() == Some(Path::new(STDIN));
    if is_stdin(&arguments.file) && is_stdin(&arguments.scope.listed.from_file) {
        return Err(CommandError::Usage(
            "--file and --from-file cannot both read stdin".to_owned(),
        ));
    }
    let request = arguments.scope.explicit_request(session).await?;
    let checked = read_query(session, &arguments).await?;
    let format = session.common.format;
    if format == Format::Csv && checked.results() != 1 {
        return Err(CommandError::Usage(format!(
            "--format csv has room for the rows of one statement, and there are {} statements with rows",
            checked.results()
        )));
    }
    let settings = session.settings()?;
    let target = session.target(&settings).await?;
    let selection = request.resolve(&target.server, &session.shutdown).await?;
    say_duplicates(session.output, &selection);
    let options = QueryOptions {
        jobs: arguments.jobs.into(),
        max_failures: arguments.max_failures,
        role: arguments.role,
        typed: format == Format::Json,
        ..QueryOptions::new(selection.at(None))
    };
    let mut printer = Printer::new(session, checked.access());
    let report = query(
        &target.server,
        &checked,
        &options,
        &session.shutdown,
        &mut |tenant| printer.take(&tenant),
    )
    .await?;
    let found = report.done + report.failed + report.not_reached;
    arguments
        .scope
        .check_found(&selection, found, session.output)?;
    printer.conclude(&report)
}

/// Reads and checks the SQL.
async fn read_query(session: &Session, arguments: &QueryArguments) -> Result<Query, CommandError> {
    let (origin, text) = match (&arguments.command, &arguments.file) {
        (Some(sql), _) => ("--command".to_owned(), sql.clone()),
        (None, Some(path)) if path == Path::new(STDIN) => {
            let bytes = session.read_input_or_stdin(path).await?;
            ("standard input".to_owned(), utf8("standard input", bytes)?)
        }
        (None, Some(path)) => {
            let origin = format!("'{}'", path.display());
            let text = utf8(&origin, session.read_input(path)?)?;
            (origin, text)
        }
        (None, None) => {
            return Err(CommandError::Usage("pass --command or --file".to_owned()));
        }
    };
    let access = if arguments.write {
        QueryAccess::Write
    } else {
        QueryAccess::ReadOnly
    };
    // As psql does with the byte order mark of a file.
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    Query::parse(text, access).map_err(|source| CommandError::QueryRefused { origin, source })
}

fn utf8(origin: &str, bytes: Vec<u8>) -> Result<String, CommandError> {
    String::from_utf8(bytes).map_err(|_| CommandError::Usage(format!("{origin} is not UTF-8")))
}

/// Prints the results of tenants as they come, and counts them.
struct Printer<'a> {
    session: &'a Session,
    access: QueryAccess,
    table: TablePrinter,
    csv: CsvPrinter,
    rows: usize,
    /// The tenants whose rows could not be printed.
    unprinted: Vec<(TenantName, QueryFailure)>,
    /// The failure of the only tenant.
    code: u8,
    /// Standard output cannot be used.
    failed: Option<CommandError>,
}

impl<'a> Printer<'a> {
    fn new(session: &'a Session, access: QueryAccess) -> Self {
        Self {
            session,
            access,
            table: TablePrinter::default(),
            csv: CsvPrinter::default(),
            rows: 0,
            unprinted: Vec::new(),
            code: exit::PARTIAL,
            failed: None,
        }
    }

    fn take(&mut self, tenant: &TenantQuery) -> ControlFlow<()> {
        if self.failed.is_none() {
            self.failed = self.print(tenant).err();
        }
        match self.failed {
            None => ControlFlow::Continue(()),
            Some(_) => ControlFlow::Break(()),
        }
    }

    fn print(&mut self, tenant: &TenantQuery) -> Result<(), CommandError> {
        if let Some(error) = error(&tenant.outcome, &tenant.tenant) {
            self.code = error.code;
        }
        let results: &[StatementResult] = match &tenant.outcome {
            QueryOutcome::Done(results) => results,
            _ => &[],
        };
        for (statement, result) in (1..).zip(results) {
            if let Some(table) = &result.table {
                self.rows += table.rows.len();
                self.print_rows(&tenant.tenant, statement, table)?;
            }
        }
        match self.session.common.format {
            Format::Json => Self::print_line(tenant, results),
            Format::Text => self.print_word(tenant, results),
            Format::Csv | Format::Nagios | Format::Pgdog | Format::Pgbouncer => Ok(()),
        }
    }

    fn print_rows(
        &mut self,
        tenant: &TenantName,
        statement: usize,
        table: &ResultTable,
    ) -> Result<(), CommandError> {
        match self.session.common.format {
            Format::Text => self.table.add(tenant, statement, table),
            Format::Csv => {
                if let Some(failure) = self.csv.print(tenant, table)? {
                    self.rows -= table.rows.len();
                    self.code = exit::code_of(&failure.id);
                    self.unprinted.push((tenant.clone(), failure));
                }
                Ok(())
            }
            // Other commands print these.
            Format::Nagios | Format::Pgdog | Format::Pgbouncer => Ok(()),
            Format::Json => {
                let keys = keys(&table.columns);
                for row in &table.rows {
                    Output::json(&Line::Row(RowLine {
                        tenant: tenant.as_str().to_owned(),
                        statement,
                        row: row_object(&keys, table, row),
                    }))?;
                }
                Ok(())
            }
        }
    }

    fn print_line(tenant: &TenantQuery, results: &[StatementResult]) -> Result<(), CommandError> {
        Output::json(&Line::Tenant(TenantLine {
            tenant: tenant.tenant.as_str().to_owned(),
            target: None,
            outcome: match tenant.outcome {
                QueryOutcome::Done(_) => TenantOutcome::Queried,
                QueryOutcome::Failed(_) => TenantOutcome::Failed,
                QueryOutcome::Unknown(_) => TenantOutcome::Unknown,
                QueryOutcome::Missing => TenantOutcome::Missing,
                QueryOutcome::NotReached => TenantOutcome::NotReached,
            },
            ms: Some(milliseconds(tenant.elapsed)),
            details: TenantDetails::Query(QueryDetails {
                results: results.iter().map(result_object).collect(),
            }),
            error: error(&tenant.outcome, &tenant.tenant),
        }))
    }

    /// Prints a line for a tenant whose statements return no rows, and whose change would not be seen otherwise.
    fn print_word(
        &self,
        tenant: &TenantQuery,
        results: &[StatementResult],
    ) -> Result<(), CommandError> {
        let without_rows = results.iter().all(|result| result.table.is_none());
        if self.access == QueryAccess::ReadOnly || results.is_empty() || !without_rows {
            return Ok(());
        }
        let changed: u64 = results.iter().map(|result| result.affected).sum();
        let rows = usize::try_from(changed).unwrap_or(usize::MAX);
        self.session.output.result(
            AnsiColor::Green.on_default(),
            "done",
            &format!(
                "{}: {} changed ({} ms)",
                safe(tenant.tenant.as_str()),
                plural(rows, "row"),
                milliseconds(tenant.elapsed)
            ),
        )
    }

    fn conclude(mut self, report: &QueryReport) -> Result<u8, CommandError> {
        if let Some(failure) = self.failed {
            return Err(failure);
        }
        match self.session.common.format {
            Format::Text => self.table.finish()?,
            Format::Csv => self.csv.finish()?,
            Format::Json | Format::Nagios | Format::Pgdog | Format::Pgbouncer => {}
        }
        let unprinted = self.unprinted.len();
        let (done, failed) = (report.done - unprinted, report.failed + unprinted);
        if self.session.output.is_json() {
            let errors = report.groups().into_iter().map(|group| ReasonCount {
                reason: group.reason,
                tenants: group.tenants.len(),
            });
            self.session.summary(Counts::Query(QueryCounts {
                queried: done,
                failed,
                not_reached: report.not_reached,
                rows: self.rows,
                errors: errors.collect(),
                ended_early: report.ended_early.clone(),
            }))?;
        } else {
            self.say(report, done, failed);
        }
        if let Some(reason) = &report.ended_early {
            self.session
                .output
                .warning(&format!("ended early: {reason}; run again to continue"));
        }
        let bad = failed + report.not_reached;
        Ok(match self.session.shutdown.signal() {
            Some(signal) if bad > 0 => signal_exit_code(signal),
            _ if bad == 0 => exit::DONE,
            _ if bad == 1 && done == 0 && failed == 1 => self.code,
            _ => exit::PARTIAL,
        })
    }

    /// Prints the failures in groups, then the counts.
    fn say(&self, report: &QueryReport, done: usize, failed: usize) {
        let output = self.session.output;
        for group in report.groups() {
            output.failure(&format!(
                "{}: {}: {}",
                plural(group.tenants.len(), "tenant"),
                group.reason,
                named(&group.tenants)
            ));
        }
        for (tenant, failure) in &self.unprinted {
            output.failure(&format!("{}: {failure}", safe(tenant.as_str())));
        }
        let mut parts = vec![
            format!("{done} queried"),
            format!("{failed} failed"),
            plural(self.rows, "row"),
        ];
        if report.not_reached > 0 {
            parts.insert(2, format!("{} not reached", report.not_reached));
        }
        output.say(&parts.join(", "));
    }
}

fn error(outcome: &QueryOutcome, tenant: &TenantName) -> Option<ErrorObject> {
    let failure = match outcome {
        QueryOutcome::Failed(failure) | QueryOutcome::Unknown(failure) => failure,
        QueryOutcome::Missing => return Some(missing_tenant(tenant)),
        _ => return None,
    };
    Some(ErrorObject {
        code: exit::code_of(&failure.id),
        id: failure.id.clone(),
        message: failure.message.clone(),
        causes: Vec::new(),
        statement: None,
        hint: failure.hint.clone(),
        more: ErrorDetails {
            statement_number: failure.statement,
            line: failure.line,
            detail: failure.detail.clone(),
            ..ErrorDetails::default()
        },
    })
}
