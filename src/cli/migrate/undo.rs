//! `migrate --undo`.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anstyle::AnsiColor;

use super::output::{failure_object, from_to};
use crate::cli::arguments::MigrateArguments;
use crate::cli::failure::CommandError;
use crate::cli::lines::{
    Counts, ErrorObject, Line, TenantDetails, TenantLine, TenantOutcome, UndoCounts, UndoDetails,
};
use crate::cli::migrations::load_chosen;
use crate::cli::output::Output;
use crate::cli::progress::Progress;
use crate::cli::report::signal_exit_code;
use crate::cli::report_files::{RunFacts, target_reports};
use crate::cli::scope::named;
use crate::cli::servers::{FleetFailures, Servers, at};
use crate::cli::session::Session;
use crate::exit;
use crate::fleet::report::{ReportCommand, TargetReport};
use crate::fleet::undo::{UndoOptions, UndoOutcome, UndoReport, UndoneTenant, undo_share};
use crate::fleet::{RunShare, TenantSelection};
use crate::text::{milliseconds, plural, safe};

pub(in crate::cli) async fn run(
    session: &Session,
    arguments: MigrateArguments,
    run: String,
) -> Result<u8, CommandError> {
    let start = Instant::now();
    arguments.files.check()?;
    let request = arguments.scope.request(session).await?;
    let Some(migrations) = load_chosen(arguments.migrations.as_deref(), session)? else {
        return Err(CommandError::Usage(
            "--undo needs the directory with the ways down: pass --migrations DIR".to_owned(),
        ));
    };
    let servers = Servers::find(session, &arguments.targets, &session.tool()?, false).await?;
    let selection = servers.resolve(session, request).await?;
    let limits = servers.limits(arguments.workers.max_failures, arguments.canary);
    let progress = Progress::counting(session, selection.count());
    let failed: Mutex<Option<CommandError>> = Mutex::new(None);
    let tell = |index: usize, tenant: &UndoneTenant| {
        progress.done();
        let failed = &mut *failed.lock().unwrap_or_else(PoisonError::into_inner);
        if failed.is_none() {
            *failed = line(session, &run, servers.name(index), tenant).err();
        }
    };
    let undo_target = async |index: usize, scope: TenantSelection, share: RunShare| {
        let entry = servers.entries().get(index).ok_or(CommandError::NoTarget)?;
        let options = undo_options(session, &arguments, &run, scope);
        let mut tell = |tenant: &UndoneTenant| tell(index, tenant);
        let server = &entry.target.server;
        let shutdown = &session.shutdown;
        let report = undo_share(server, &migrations, &options, share, shutdown, &mut tell).await?;
        Ok(report)
    };
    let outcome = servers
        .run(session, &selection, &limits, undo_target)
        .await?;
    progress.end();
    let reported = arguments.files.are_given().then(|| {
        target_reports(&servers, &outcome, |index, part| {
            TargetReport::from_undo(servers.name(index), part)
        })
    });
    let mut report = UndoReport::default();
    for (index, target) in outcome.targets.iter().enumerate() {
        let Some(Ok(part)) = &target.result else {
            continue;
        };
        let is_left = |tenant: &&UndoneTenant| tenant.outcome == UndoOutcome::NotReached;
        for tenant in part.tenants.iter().filter(is_left) {
            tell(index, tenant);
        }
        report.add(servers.name(index), part.clone());
    }
    if let Some(failure) = failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(failure);
    }
    let details = || TenantDetails::Undo(UndoDetails::new(&run));
    let failures = servers.tell_failures(session, &outcome, &details).await?;
    if !report.is_known && failures.count() == failures.missing {
        return Err(CommandError::UnknownRun(run));
    }
    let exit_code = conclude(session, &report, &run, &failures)?;
    if let Some(targets) = reported {
        let facts = RunFacts {
            command: ReportCommand::Undo,
            start,
            exit_code,
            ended_early: report.ended_early,
        };
        arguments.files.write(facts, targets)?;
    }
    Ok(exit_code)
}

fn undo_options(
    session: &Session,
    arguments: &MigrateArguments,
    run: &str,
    scope: TenantSelection,
) -> UndoOptions {
    UndoOptions {
        run: run.to_owned(),
        scope,
        versions_table: arguments.versions.table.clone(),
        jobs: arguments.workers.jobs.into(),
        lock_timeout: Duration::from_secs_f64(arguments.lock_timeout),
        lock_retries: arguments.lock_retries,
        retry_pause: Duration::from_millis(500),
        role: arguments.role.clone(),
        outside: session.common.outside(),
        dry_run: arguments.dry_run,
    }
}

/// Prints one tenant's line.
fn line(
    session: &Session,
    run: &str,
    target: Option<&str>,
    report: &UndoneTenant,
) -> Result<(), CommandError> {
    let output = session.output;
    if output.is_json() {
        return Output::json(&Line::Tenant(TenantLine {
            tenant: report.tenant.as_str().to_owned(),
            target: target.map(str::to_owned),
            outcome: outcome(&report.outcome),
            ms: Some(milliseconds(report.elapsed)),
            details: TenantDetails::Undo(UndoDetails {
                from: report.from.clone(),
                to: report.to.clone(),
                undone: report.undone.clone(),
                pending: report.pending.clone(),
                ..UndoDetails::new(run)
            }),
            error: error(report),
        }));
    }
    let tenant = format!("{}{}", safe(report.tenant.as_str()), at(target));
    let from = version(report.from.as_deref());
    let to = version(report.to.as_deref());
    let (color, word, rest) = match &report.outcome {
        UndoOutcome::Undone if report.undone.is_empty() && session.common.verbose == 0 => {
            return Ok(());
        }
        UndoOutcome::Undone if report.undone.is_empty() => (
            AnsiColor::Green,
            "undone",
            format!("{tenant}: at {to}, undone before"),
        ),
        UndoOutcome::Undone => {
            let count = plural(report.undone.len(), "migration");
            let ms = milliseconds(report.elapsed);
            let moved = from_to(report.from.as_deref().map(safe).as_deref(), &to);
            let rest = format!("{tenant}: {moved}, {count} ({ms} ms)");
            (AnsiColor::Green, "undone", rest)
        }
        UndoOutcome::WouldUndo => {
            let files = report.pending.iter().map(|file| safe(file));
            let files = files.collect::<Vec<_>>().join(", ");
            (
                AnsiColor::Yellow,
                "would undo",
                format!("{tenant}: at {from}, {files}"),
            )
        }
        UndoOutcome::NotReached => {
            let rest = format!("{tenant}: at {to}, {} to undo", report.pending.len());
            (AnsiColor::Yellow, "not reached", rest)
        }
        UndoOutcome::Refused(obstacle) => {
            (AnsiColor::Red, "refused", format!("{tenant}: {obstacle}"))
        }
        UndoOutcome::Failed(failure) => (
            AnsiColor::Red,
            "failed",
            format!("{tenant}: at {to}; {failure}"),
        ),
        UndoOutcome::Unknown(failure) => (
            AnsiColor::Red,
            "unknown",
            format!("{tenant}: at {to}; {failure}"),
        ),
    };
    output.result(color.on_default(), word, &rest)?;
    if session.common.verbose > 0
        && let UndoOutcome::Failed(failure) = &report.outcome
        && let Some(detail) = &failure.detail
    {
        output.say(&format!("  {}", detail.replace('\n', "\n  ")));
    }
    Ok(())
}

fn version(version: Option<&str>) -> String {
    version.map_or_else(|| "nothing".to_owned(), safe)
}

fn outcome(outcome: &UndoOutcome) -> TenantOutcome {
    match outcome {
        UndoOutcome::Undone => TenantOutcome::Undone,
        UndoOutcome::WouldUndo => TenantOutcome::WouldUndo,
        UndoOutcome::NotReached => TenantOutcome::NotReached,
        UndoOutcome::Refused(_) => TenantOutcome::Refused,
        UndoOutcome::Failed(_) => TenantOutcome::Failed,
        UndoOutcome::Unknown(_) => TenantOutcome::Unknown,
    }
}

fn error(report: &UndoneTenant) -> Option<ErrorObject> {
    match &report.outcome {
        UndoOutcome::Failed(failure) | UndoOutcome::Unknown(failure) => {
            Some(failure_object(failure))
        }
        UndoOutcome::Refused(obstacle) => {
            Some(ErrorObject::new("migrate.not_undone", obstacle.to_string()))
        }
        _ => None,
    }
}

/// Prints the summary; returns the exit code.
fn conclude(
    session: &Session,
    report: &UndoReport,
    run: &str,
    failures: &FleetFailures,
) -> Result<u8, CommandError> {
    let undone = report.count(|outcome| *outcome == UndoOutcome::Undone);
    let would_undo = report.count(|outcome| *outcome == UndoOutcome::WouldUndo);
    let refused = report.count(|outcome| matches!(outcome, UndoOutcome::Refused(_)));
    let not_reached = report.count(|outcome| *outcome == UndoOutcome::NotReached);
    let good = undone + would_undo + refused + not_reached;
    let failed = report.tenants.len() - good + failures.tenants + failures.missing;
    let groups = report.groups();
    let ended_early = report.ended_early.as_deref();
    if session.output.is_json() {
        session.summary(Counts::Undo(UndoCounts {
            run: run.to_owned(),
            undone,
            would_undo,
            refused,
            run_counts: failures.run_counts(failed, not_reached, &groups, ended_early),
        }))?;
    } else {
        for group in groups.iter().filter(|_| failed + refused > 1) {
            let count = plural(group.tenants.len(), "tenant");
            let names = named(&group.tenants);
            session
                .output
                .say(&format!("{count}: {}: {names}", group.reason));
        }
        let mut parts = vec![
            format!("{undone} undone"),
            format!("{refused} refused"),
            format!("{failed} failed"),
        ];
        parts.extend((would_undo > 0).then(|| format!("{would_undo} to undo")));
        parts.extend((not_reached > 0).then(|| format!("{not_reached} not reached")));
        session
            .output
            .say(&format!("{}{}", parts.join(", "), failures.text()));
    }
    session.output.ended_early(ended_early);
    let bad = failed + refused + not_reached + failures.targets;
    Ok(match session.shutdown.signal() {
        Some(signal) if bad > 0 => signal_exit_code(signal),
        _ if failures.count() > 0 => failures
            .exit_code(report.tenants.len())
            .unwrap_or(exit::PARTIAL),
        _ if bad == 0 => exit::DONE,
        _ => match report.tenants.as_slice() {
            [only] => error(only).map_or(exit::PARTIAL, |error| error.code),
            _ => exit::PARTIAL,
        },
    })
}
