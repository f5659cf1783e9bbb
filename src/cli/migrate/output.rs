//! The output of `migrate`: a line for each tenant, and the summary.

use std::collections::BTreeMap;

use anstyle::{AnsiColor, Style};

use crate::cli::failure::CommandError;
use crate::cli::lines::{
    Counts, ErrorDetails, ErrorObject, Line, MigrateCounts, MigrateDetails, TenantDetails,
    TenantLine, TenantOutcome,
};
use crate::cli::output::Output;
use crate::cli::report::signal_exit_code;
use crate::cli::scope::{missing_tenant, named};
use crate::cli::servers::{FleetFailures, at};
use crate::cli::session::Session;
use crate::exit;
use crate::fleet::migrate::MigrateReport;
use crate::tenant::migrate::{MigrateFailure, MigrateOutcome, TenantReport};
use crate::tenant::versions::TenantProblem;
use crate::text::{duration, milliseconds, plural, safe};

/// Prints one tenant's line.
pub(super) fn line(
    output: Output,
    verbose: bool,
    target: Option<&str>,
    group: Option<&str>,
    report: &TenantReport,
) -> Result<(), CommandError> {
    let ms = milliseconds(report.elapsed);
    if output.is_json() {
        return Output::json(&Line::Tenant(TenantLine {
            tenant: report.tenant.as_str().to_owned(),
            target: target.map(str::to_owned),
            outcome: outcome(&report.outcome),
            ms: Some(ms),
            details: TenantDetails::Migrate(MigrateDetails {
                from: report.from.clone(),
                to: report.to.clone(),
                group: group.map(str::to_owned),
                applied: report.applied.clone(),
                pending: report.pending.clone(),
                warnings: report.warnings.iter().map(ToString::to_string).collect(),
            }),
            error: error(report),
        }));
    }
    let tenant = format!("{}{}", safe(report.tenant.as_str()), at(target));
    let to = report.to.as_deref().unwrap_or("nothing");
    let rest = match &report.outcome {
        MigrateOutcome::UpToDate if !verbose => return Ok(()),
        MigrateOutcome::UpToDate => format!("{tenant}: at {to}"),
        MigrateOutcome::Migrated => format!(
            "{tenant}: {}, {} ({})",
            from_to(report.from.as_deref(), to),
            plural(report.applied.len(), "migration"),
            duration(report.elapsed)
        ),
        MigrateOutcome::Pending => format!(
            "{tenant}: at {to}, would apply {}",
            report.pending.join(", ")
        ),
        MigrateOutcome::NotReached => {
            format!("{tenant}: at {to}, {} pending", report.pending.len())
        }
        MigrateOutcome::Failed(failure) | MigrateOutcome::Unknown(failure) => {
            format!("{tenant}: at {to}; {failure}")
        }
        MigrateOutcome::Refused(problem) => format!("{tenant}: at {to}; {problem}"),
        MigrateOutcome::Odd(TenantProblem::NoSchema) => tenant,
        MigrateOutcome::Odd(oddity) => format!("{tenant}: {oddity}"),
        MigrateOutcome::Gone => format!("{tenant}: dropped or renamed during the run"),
    };
    let style = outcome_style(&report.outcome);
    let word = report.outcome.word().replace('_', " ");
    match &report.outcome {
        MigrateOutcome::UpToDate | MigrateOutcome::Migrated | MigrateOutcome::Pending => {
            output.success(style, &word, &rest)?;
        }
        _ => output.result(style, &word, &rest)?,
    }
    if let MigrateOutcome::Failed(failure) = &report.outcome
        && let Some(detail) = failure.detail.as_deref().filter(|_| verbose)
    {
        output.say(&format!("  {}", detail.replace('\n', "\n  ")));
    }
    Ok(())
}

/// Returns `from version 1 to 3`.
pub(super) fn from_to(from: Option<&str>, to: &str) -> String {
    match from {
        Some(from) => format!("from version {from} to {to}"),
        None => format!("to version {to}"),
    }
}

fn outcome(outcome: &MigrateOutcome) -> TenantOutcome {
    match outcome {
        MigrateOutcome::UpToDate => TenantOutcome::UpToDate,
        MigrateOutcome::Migrated => TenantOutcome::Migrated,
        MigrateOutcome::Pending => TenantOutcome::Pending,
        MigrateOutcome::Failed(_) => TenantOutcome::Failed,
        MigrateOutcome::Refused(_) => TenantOutcome::Refused,
        MigrateOutcome::Odd(TenantProblem::NoSchema) => TenantOutcome::Missing,
        MigrateOutcome::Odd(_) => TenantOutcome::Odd,
        MigrateOutcome::Unknown(_) => TenantOutcome::Unknown,
        MigrateOutcome::Gone => TenantOutcome::Gone,
        MigrateOutcome::NotReached => TenantOutcome::NotReached,
    }
}

fn error(report: &TenantReport) -> Option<ErrorObject> {
    match &report.outcome {
        MigrateOutcome::UpToDate
        | MigrateOutcome::Migrated
        | MigrateOutcome::Pending
        | MigrateOutcome::NotReached => None,
        MigrateOutcome::Odd(TenantProblem::NoSchema) => Some(missing_tenant(&report.tenant)),
        MigrateOutcome::Failed(failure) | MigrateOutcome::Unknown(failure) => {
            Some(failure_object(failure))
        }
        MigrateOutcome::Refused(problem) => {
            Some(ErrorObject::new("migrate.refused", problem.to_string()))
        }
        MigrateOutcome::Odd(oddity) => Some(ErrorObject::new("tenant.odd", oddity.to_string())),
        MigrateOutcome::Gone => Some(ErrorObject::new(
            "tenant.gone",
            "dropped or renamed during the run".to_owned(),
        )),
    }
}

/// Returns the error of a tenant whose migration, up or down, failed.
pub(super) fn failure_object(failure: &MigrateFailure) -> ErrorObject {
    let (code, id) = match failure.sqlstate.as_deref() {
        None => (exit::PARTIAL, "migrate.failed".to_owned()),
        Some(state) => {
            let name = crate::pg::condition_name(state).unwrap_or(state);
            (exit::SQL, format!("sql.{name}"))
        }
    };
    ErrorObject {
        code,
        hint: failure.hint.clone(),
        more: ErrorDetails {
            file: failure.file.clone(),
            statement_number: failure.statement,
            line: failure.line,
            detail: failure.detail.clone(),
            ..ErrorDetails::default()
        },
        ..ErrorObject::new(&id, failure.message.clone())
    }
}

/// Prints each warning once, with the number of tenants that have it.
pub(super) fn warn(output: Output, report: &MigrateReport) {
    let mut warnings: BTreeMap<String, usize> = BTreeMap::new();
    for problem in report.tenants.iter().flat_map(|tenant| &tenant.warnings) {
        *warnings.entry(problem.to_string()).or_default() += 1;
    }
    for (warning, count) in warnings {
        output.warning(&format!("{}: {warning}", plural(count, "tenant")));
    }
}

pub(super) fn conclude(
    session: &Session,
    report: &MigrateReport,
    failures: &FleetFailures,
    run: Option<&str>,
) -> Result<u8, CommandError> {
    let output = session.output;
    let migrated = report.count(|outcome| *outcome == MigrateOutcome::Migrated);
    let up_to_date = report.count(|outcome| *outcome == MigrateOutcome::UpToDate);
    let pending = report.count(|outcome| *outcome == MigrateOutcome::Pending);
    let not_reached = report.count(|outcome| *outcome == MigrateOutcome::NotReached);
    let done = migrated + up_to_date + pending + not_reached;
    let failed = report.tenants.len() - done + failures.tenants + failures.missing;
    let groups = report.groups();
    if output.is_json() {
        let ended_early = report.ended_early.as_deref();
        session.summary(Counts::Migrate(MigrateCounts {
            run: run.map(str::to_owned),
            migrated,
            up_to_date,
            pending,
            run_counts: failures.run_counts(failed, not_reached, &groups, ended_early),
        }))?;
    } else {
        for group in groups.iter().filter(|_| failed > 1) {
            output.summary(&format!(
                "{}: {}: {}",
                plural(group.tenants.len(), "tenant"),
                group.reason,
                named(&group.tenants)
            ));
        }
        let mut parts = vec![
            format!("{migrated} migrated"),
            format!("{up_to_date} up to date"),
            format!("{failed} failed"),
        ];
        parts.extend((pending > 0).then(|| format!("{pending} pending")));
        parts.extend((not_reached > 0).then(|| format!("{not_reached} not reached")));
        output.summary(&format!(
            "{}{} ({})",
            parts.join(", "),
            failures.text(),
            duration(report.elapsed)
        ));
        let has_applied = report
            .tenants
            .iter()
            .any(|tenant| !tenant.applied.is_empty());
        if let Some(run) = run.filter(|_| has_applied) {
            output.say(&format!("recorded as run {run}: --undo {run} undoes it"));
        }
    }
    output.ended_early(report.ended_early.as_deref());
    let is_incomplete = failed + not_reached + failures.targets > 0;
    Ok(match session.shutdown.signal() {
        Some(signal) if is_incomplete => signal_exit_code(signal),
        _ if failures.count() > 0 => failures
            .exit_code(report.tenants.len())
            .unwrap_or(exit::PARTIAL),
        _ if failed + not_reached == 0 => exit::DONE,
        _ if report.tenants.len() == 1 => {
            let code = report
                .tenants
                .first()
                .and_then(error)
                .map(|error| error.code);
            code.unwrap_or(exit::PARTIAL)
        }
        _ => exit::PARTIAL,
    })
}

fn outcome_style(outcome: &MigrateOutcome) -> Style {
    match outcome {
        MigrateOutcome::Migrated | MigrateOutcome::UpToDate => AnsiColor::Green.on_default(),
        MigrateOutcome::Pending | MigrateOutcome::NotReached => AnsiColor::Yellow.on_default(),
        _ => AnsiColor::Red.on_default(),
    }
}
