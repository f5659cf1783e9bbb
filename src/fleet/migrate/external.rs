//! The app's own command, run for many tenants.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::options::{MigrateError, MigrateOptions};
use super::report::MigrateReport;
use crate::fleet::engine::{RunShare, Scheduler, Turn};
use crate::fleet::inventory::{Fleet, read_fleet};
use crate::pg::Server;
use crate::process::Shutdown;
use crate::sql::TenantName;
use crate::tenant::migrate::{ExternalCommand, MigrateOutcome, TenantReport};
use crate::tenant::versions::{Applied, TenantProblem, VersionsTable};

/// Runs the command for each tenant of a fleet, and reads the outcomes from the version tables.
///
/// No lock is held meanwhile, because `CREATE INDEX CONCURRENTLY` would wait for its holder.
pub(super) async fn migrate_by_command(
    server: &Server,
    before: Fleet,
    command: &ExternalCommand,
    options: &MigrateOptions,
    share: RunShare,
    shutdown: &Shutdown,
    on_report: &mut (dyn FnMut(&TenantReport) + Send),
) -> Result<MigrateReport, MigrateError> {
    let start = Instant::now();
    let mut reports: Vec<TenantReport> = before
        .tenants
        .iter()
        .map(|tenant| blank(&tenant.name, &tenant.applied))
        .collect();
    if options.dry_run {
        for report in reports
            .iter_mut()
            .filter(|report| report.outcome == MigrateOutcome::NotReached)
        {
            report.outcome = MigrateOutcome::Pending;
            report.pending = vec![command.command.clone()];
        }
        return Ok(MigrateReport {
            tenants: reports,
            ended_early: None,
            elapsed: start.elapsed(),
        });
    }
    let mut open: Vec<(usize, usize)> = Vec::new();
    for (index, report) in reports.iter().enumerate() {
        let group = options.group_of(&report.tenant);
        match &report.outcome {
            MigrateOutcome::NotReached => open.push((index, group)),
            MigrateOutcome::Odd(TenantProblem::NoSchema) => {}
            _ => share.refuse(group),
        }
    }
    let scheduler = Scheduler::new(share.limits(), options.retry_pause, shutdown);
    let shared = Mutex::new(&mut reports);
    let task = async |turns: Vec<Turn>| {
        for turn in turns {
            let name = lock(&shared)
                .get(turn.tenant)
                .map(|report| report.tenant.clone());
            let Some(name) = name else { continue };
            let begun = Instant::now();
            let ran = command.run_for(server, &name, shutdown).await;
            if ran.is_err() {
                scheduler.count_failure();
            }
            if let Some(report) = lock(&shared).get_mut(turn.tenant) {
                report.elapsed = begun.elapsed();
                // The version table shows later what it changed.
                report.outcome = match ran {
                    Ok(()) => MigrateOutcome::UpToDate,
                    Err(failure) => MigrateOutcome::Failed(failure),
                };
            }
        }
    };
    let turns = open
        .into_iter()
        .map(|(index, group)| Turn::new(index, true).in_group(group))
        .collect();
    scheduler.run(turns, share, options.jobs, task).await;
    let ended_early = scheduler
        .into_ended_early(true)
        .map_err(MigrateError::Psql)?;
    // Report what the run did, even if it was stopped.
    let after = read_fleet(
        server,
        &options.scope,
        options.versions_table.as_deref(),
        &Shutdown::new(),
    )
    .await?;
    conclude(&mut reports, &before, &after);
    for report in reports
        .iter()
        .filter(|report| report.outcome != MigrateOutcome::NotReached)
    {
        on_report(report);
    }
    Ok(MigrateReport {
        tenants: reports,
        ended_early,
        elapsed: start.elapsed(),
    })
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn blank(tenant: &TenantName, applied: &Applied) -> TenantReport {
    let last = match applied {
        Applied::Known(table) => table.last().map(|version| version.text.clone()),
        Applied::Odd(_) => None,
    };
    let outcome = match applied {
        // The command may create a missing version table.
        Applied::Known(_) | Applied::Odd(TenantProblem::NoTable) => MigrateOutcome::NotReached,
        Applied::Odd(oddity) => MigrateOutcome::Odd(oddity.clone()),
    };
    TenantReport {
        tenant: tenant.clone(),
        from: last.clone(),
        to: last,
        applied: Vec::new(),
        pending: Vec::new(),
        warnings: Vec::new(),
        outcome,
        elapsed: Duration::ZERO,
    }
}

/// Reads the command's effect from the version tables.
fn conclude(reports: &mut [TenantReport], before: &Fleet, after: &Fleet) {
    let table = |fleet: &Fleet, name: &TenantName| -> Option<VersionsTable> {
        let tenant = fleet.tenants.iter().find(|tenant| tenant.name == *name)?;
        match &tenant.applied {
            Applied::Known(table) => Some(table.clone()),
            Applied::Odd(_) => None,
        }
    };
    for report in reports {
        let Some(now) = table(after, &report.tenant) else {
            let is_there = after.tenants.iter().any(|tenant| {
                tenant.name == report.tenant
                    && !matches!(tenant.applied, Applied::Odd(TenantProblem::NoSchema))
            });
            if !is_there && report.outcome == MigrateOutcome::UpToDate {
                report.outcome = MigrateOutcome::Gone;
            }
            continue;
        };
        let earlier = table(before, &report.tenant);
        let had: BTreeSet<&str> = earlier
            .iter()
            .flat_map(|table| table.versions.iter())
            .map(|version| version.text.as_str())
            .collect();
        let new = now
            .versions
            .iter()
            .filter(|version| !had.contains(version.text.as_str()));
        report.applied = new.map(|version| version.text.clone()).collect();
        report.to = now.last().map(|version| version.text.clone());
        if report.outcome == MigrateOutcome::UpToDate && !report.applied.is_empty() {
            report.outcome = MigrateOutcome::Migrated;
        }
    }
}
