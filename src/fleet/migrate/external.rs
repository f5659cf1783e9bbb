//! The app's own command, run for many tenants.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::options::{MigrateError, MigrateOptions};
use super::queue::join_all;
use super::report::MigrateReport;
use crate::fleet::inventory::{Fleet, read_fleet};
use crate::pg::Server;
use crate::process::Shutdown;
use crate::sql::TenantName;
use crate::tenant::migrate::{ExternalCommand, MigrateFailure, MigrateOutcome, TenantReport};
use crate::tenant::versions::{Applied, TenantProblem, VersionsTable};

/// Runs the command for each tenant of the scope, and reads the outcomes from the version tables.
///
/// No lock is held meanwhile, because `CREATE INDEX CONCURRENTLY` would wait for its holder.
///
/// # Errors
/// [`MigrateError`] if no command could be started, or if the versions cannot be read afterwards.
pub async fn migrate_by(
    server: &Server,
    command: &ExternalCommand,
    options: &MigrateOptions,
    shutdown: &Shutdown,
    on_report: &mut (dyn FnMut(&TenantReport) + Send),
) -> Result<MigrateReport, MigrateError> {
    let start = Instant::now();
    let before = read_fleet(
        server,
        &options.scope,
        options.versions_table.as_deref(),
        shutdown,
    )
    .await?;
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
    let open: Vec<usize> = (0..reports.len())
        .filter(|index| {
            reports
                .get(*index)
                .is_some_and(|report| report.outcome == MigrateOutcome::NotReached)
        })
        .collect();
    let (canaries, rest) = open.split_at(options.canary.min(open.len()));
    let shared = Mutex::new(Shared {
        reports: &mut reports,
        failures: 0,
        ended_early: None,
    });
    for (indexes, jobs) in [(canaries, 1), (rest, options.jobs.max(1))] {
        let queue = Mutex::new(indexes.iter().copied());
        let work = || async {
            loop {
                if lock(&shared).ended_early.is_some() {
                    return;
                }
                let Some(index) = lock(&queue).next() else {
                    return;
                };
                let tenant = lock(&shared)
                    .reports
                    .get(index)
                    .map(|report| report.tenant.clone());
                let Some(tenant) = tenant else { continue };
                let begun = Instant::now();
                let ran = command.run_for(server, &tenant, shutdown).await;
                let shared = &mut *lock(&shared);
                shared.settle(index, ran, begun.elapsed(), options, shutdown);
            }
        };
        join_all((0..jobs).map(|_| work())).await;
        let shared = &mut *lock(&shared);
        if jobs == 1
            && !canaries.is_empty()
            && shared.failures > 0
            && indexes.len() == canaries.len()
        {
            shared
                .ended_early
                .get_or_insert_with(|| "one of the first tenants failed".to_owned());
        }
    }
    let ended_early = shared
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner)
        .ended_early;
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

struct Shared<'a> {
    reports: &'a mut Vec<TenantReport>,
    failures: usize,
    ended_early: Option<String>,
}

impl Shared<'_> {
    fn settle(
        &mut self,
        index: usize,
        ran: Result<(), MigrateFailure>,
        elapsed: Duration,
        options: &MigrateOptions,
        shutdown: &Shutdown,
    ) {
        let Some(report) = self.reports.get_mut(index) else {
            return;
        };
        report.elapsed = elapsed;
        // The version table shows later what it changed.
        report.outcome = match ran {
            Ok(()) => MigrateOutcome::UpToDate,
            Err(failure) => {
                self.failures += 1;
                MigrateOutcome::Failed(failure)
            }
        };
        if shutdown.signal().is_some() {
            self.ended_early
                .get_or_insert_with(|| "the run was stopped".to_owned());
        } else if options
            .max_failures
            .is_some_and(|most| self.failures >= most)
        {
            let count = self.failures;
            self.ended_early
                .get_or_insert_with(|| format!("{count} failed"));
        }
    }
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
