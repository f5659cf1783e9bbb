use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anstyle::AnsiColor;

use super::csv::CsvPrinter;
use super::json::{result_object, row_keys, row_object};
use super::table::TablePrinter;
use crate::cli::arguments::QueryArguments;
use crate::cli::common::Format;
use crate::cli::failure::CommandError;
use crate::cli::lines::{
    Counts, ErrorDetails, ErrorObject, Line, QueryCounts, QueryDetails, RowLine, TenantDetails,
    TenantLine, TenantOutcome,
};
use crate::cli::output::Output;
use crate::cli::progress::Progress;
use crate::cli::report::signal_exit_code;
use crate::cli::scope::{missing_tenant, named};
use crate::cli::servers::{FleetFailures, Servers, at};
use crate::cli::session::{STDIN, Session};
use crate::exit;
use crate::fleet::query::{QueryOptions, QueryReport, TenantQuery, query};
use crate::fleet::{RunShare, TenantSelection};
use crate::sql::TenantName;
use crate::tenant::query::{
    Query, QueryAccess, QueryFailure, QueryOutcome, ResultTable, StatementResult,
};
use crate::text::{duration, milliseconds, plural, safe};

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
    let servers = Servers::find(session, &arguments.targets, &session.tool()?, false).await?;
    let selection = servers.resolve(session, request).await?;
    let limits = servers.limits(arguments.workers.max_failures, 0);
    let options = QueryOptions {
        jobs: arguments.workers.jobs.into(),
        max_failures: arguments.workers.max_failures,
        role: arguments.role.clone(),
        typed: format == Format::Json,
        ..QueryOptions::new(TenantSelection::Named(Vec::new()))
    };
    let printer = Mutex::new(Printer::new(
        session,
        checked.access(),
        servers.route().is_some(),
    ));
    let progress = Progress::counting(session, selection.count());
    let query_target = async |index: usize, scope: TenantSelection, share: RunShare| {
        let entry = servers.entries().get(index).ok_or(CommandError::NoTarget)?;
        let options = QueryOptions {
            scope,
            ..options.clone()
        };
        let target = entry.name.as_deref();
        let mut take = |tenant: TenantQuery| {
            progress.done();
            lock(&printer).take(target, &tenant)
        };
        let server = &entry.target.server;
        Ok(query(
            server,
            &checked,
            &options,
            Some(share),
            &session.shutdown,
            &mut take,
        )
        .await?)
    };
    let mut outcome = servers
        .run(session, &selection, &limits, query_target)
        .await?;
    progress.end();
    let mut printer = printer.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut report = QueryReport::default();
    for (index, target) in outcome.targets.iter_mut().enumerate() {
        if let Some(Ok(part)) = &mut target.result {
            report.add(servers.name(index), std::mem::take(part));
        }
    }
    let found = report.done + report.failed + report.not_reached;
    printer.finish_rows()?;
    let failures = servers
        .tell_failures_apart(session, &outcome, &|| {
            TenantDetails::Query(QueryDetails {
                results: Vec::new(),
            })
        })
        .await?;
    if failures.targets == 0 {
        let number = found + failures.count();
        arguments
            .scope
            .check_found(&selection, number, session.output)?;
    }
    printer.conclude(&report, &failures)
}

fn lock<'a, 's>(printer: &'a Mutex<Printer<'s>>) -> MutexGuard<'a, Printer<'s>> {
    printer.lock().unwrap_or_else(PoisonError::into_inner)
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
    /// Each tenant comes with its target.
    has_targets: bool,
}

impl<'a> Printer<'a> {
    fn new(session: &'a Session, access: QueryAccess, has_targets: bool) -> Self {
        Self {
            session,
            access,
            table: TablePrinter::default(),
            csv: CsvPrinter::default(),
            rows: 0,
            unprinted: Vec::new(),
            code: exit::PARTIAL,
            failed: None,
            has_targets,
        }
    }

    fn take(&mut self, target: Option<&str>, tenant: &TenantQuery) -> ControlFlow<()> {
        if self.failed.is_none() {
            self.failed = self.print(target, tenant).err();
        }
        match self.failed {
            None => ControlFlow::Continue(()),
            Some(_) => ControlFlow::Break(()),
        }
    }

    fn print(&mut self, target: Option<&str>, tenant: &TenantQuery) -> Result<(), CommandError> {
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
                self.print_rows(&tenant.tenant, target, statement, table)?;
            }
        }
        match self.session.common.format {
            Format::Json => Self::print_line(target, tenant, results),
            Format::Text => self.print_word(target, tenant, results),
            Format::Csv | Format::Nagios | Format::Pgdog | Format::Pgbouncer => Ok(()),
        }
    }

    fn print_rows(
        &mut self,
        tenant: &TenantName,
        target: Option<&str>,
        statement: usize,
        table: &ResultTable,
    ) -> Result<(), CommandError> {
        match self.session.common.format {
            Format::Text => self.table.add(tenant, target, statement, table),
            Format::Csv => {
                if let Some(failure) = self.csv.print(tenant, target, table)? {
                    self.rows -= table.rows.len();
                    self.code = exit::code_of(&failure.id);
                    self.unprinted.push((tenant.clone(), failure));
                }
                Ok(())
            }
            // Other commands print these.
            Format::Nagios | Format::Pgdog | Format::Pgbouncer => Ok(()),
            Format::Json => {
                let keys = row_keys(&table.columns);
                for row in &table.rows {
                    Output::json(&Line::Row(RowLine {
                        tenant: tenant.as_str().to_owned(),
                        target: target.map(str::to_owned),
                        statement,
                        row: row_object(&keys, table, row),
                    }))?;
                }
                Ok(())
            }
        }
    }

    fn print_line(
        target: Option<&str>,
        tenant: &TenantQuery,
        results: &[StatementResult],
    ) -> Result<(), CommandError> {
        Output::json(&Line::Tenant(TenantLine {
            tenant: tenant.tenant.as_str().to_owned(),
            target: target.map(str::to_owned),
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
        target: Option<&str>,
        tenant: &TenantQuery,
        results: &[StatementResult],
    ) -> Result<(), CommandError> {
        let without_rows = results.iter().all(|result| result.table.is_none());
        if self.access == QueryAccess::ReadOnly || results.is_empty() || !without_rows {
            return Ok(());
        }
        let changed: u64 = results.iter().map(|result| result.affected).sum();
        let rows = usize::try_from(changed).unwrap_or(usize::MAX);
        self.session.output.success(
            AnsiColor::Green.on_default(),
            "done",
            &format!(
                "{}{}: {} changed ({})",
                safe(tenant.tenant.as_str()),
                at(target),
                plural(rows, "row"),
                duration(tenant.elapsed)
            ),
        )
    }

    /// Prints the rows that were kept until the end.
    fn finish_rows(&mut self) -> Result<(), CommandError> {
        if let Some(failure) = self.failed.take() {
            return Err(failure);
        }
        match self.session.common.format {
            Format::Text => self.table.finish(),
            Format::Csv => self.csv.finish(self.has_targets),
            Format::Json | Format::Nagios | Format::Pgdog | Format::Pgbouncer => Ok(()),
        }
    }

    fn conclude(&self, report: &QueryReport, failures: &FleetFailures) -> Result<u8, CommandError> {
        let unprinted = self.unprinted.len();
        let done = report.done - unprinted;
        let failed = report.failed + unprinted + failures.tenants + failures.missing;
        if self.session.output.is_json() {
            let groups = report.groups();
            let ended_early = report.ended_early.as_deref();
            self.session.summary(Counts::Query(QueryCounts {
                queried: done,
                rows: self.rows,
                run_counts: failures.run_counts(failed, report.not_reached, &groups, ended_early),
            }))?;
        } else {
            self.say(report, done, failed, failures);
        }
        self.session
            .output
            .ended_early(report.ended_early.as_deref());
        let others = report.done + report.failed + report.not_reached;
        if let Some(code) = failures.exit_code(others) {
            return Ok(code);
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
    fn say(&self, report: &QueryReport, done: usize, failed: usize, failures: &FleetFailures) {
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
        output.summary(&format!("{}{}", parts.join(", "), failures.text()));
    }
}

fn error(outcome: &QueryOutcome, tenant: &TenantName) -> Option<ErrorObject> {
    let failure = match outcome {
        QueryOutcome::Failed(failure) | QueryOutcome::Unknown(failure) => failure,
        QueryOutcome::Missing => return Some(missing_tenant(tenant)),
        _ => return None,
    };
    Some(ErrorObject {
        hint: failure.hint.clone(),
        more: ErrorDetails {
            statement_number: failure.statement,
            line: failure.line,
            detail: failure.detail.clone(),
            ..ErrorDetails::default()
        },
        ..ErrorObject::new(&failure.id, failure.message.clone())
    })
}
