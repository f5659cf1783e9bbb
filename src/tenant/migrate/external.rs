//! Migrations that only the app can run: its own command, once for each tenant.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::MigrateFailure;
use super::options::{MigrateError, MigrateOptions};
use super::queue::join_all;
use super::report::{MigrateOutcome, MigrateReport, TenantReport};
use crate::pg::Server;
use crate::process::{EnvValue, Finished, Invocation, RunDir, RunError, Shutdown, Stdout, run};
use crate::sql::TenantName;
use crate::tenant::versions::{Applied, Fleet, TenantProblem, VersionsTable, read_fleet};

/// How much of a command's stdout is read; more is an error.
const OUTPUT_LIMIT: usize = 64 * 1024 * 1024;
/// How many lines of what a failed command said are kept.
const LINES: usize = 20;
/// How many characters of a line are kept.
const LINE: usize = 300;

/// A command of the app for one tenant: it migrates it, or finishes what `provision` has begun.
#[derive(Clone, Debug)]
pub struct ExternalCommand {
    /// What `/bin/sh -c` runs. `SCHEMASTAMP_TENANT` names the tenant, `PG*` lead to the server.
    pub command: String,
    /// The folder in which it runs.
    pub folder: PathBuf,
    /// What it inherits; the server's variables come over it.
    pub environment: BTreeMap<String, EnvValue>,
}

impl ExternalCommand {
    /// Runs the command for one tenant, no longer than the server's `timeout`.
    ///
    /// # Errors
    /// [`MigrateFailure`] when it could not be run or did not end with 0; `detail` has the last lines of what it said.
    pub async fn run_for(
        &self,
        server: &Server,
        tenant: &TenantName,
        shutdown: &Shutdown,
    ) -> Result<(), MigrateFailure> {
        let failed = |message: String| MigrateFailure::of(message);
        let run_dir = RunDir::new(&server.temporary).map_err(|error| failed(error.to_string()))?;
        let mut invocation = Invocation::new("/bin/sh").args(["-c", "cd -- \"$0\" && eval \"$1\""]);
        invocation.args.push(self.folder.clone().into_os_string());
        invocation.args.push(self.command.clone().into());
        invocation.env.clone_from(&self.environment);
        invocation.env.extend(
            server
                .environment
                .iter()
                .map(|(name, value)| (name.clone(), value.clone())),
        );
        invocation.env.insert(
            "SCHEMASTAMP_TENANT".to_owned(),
            EnvValue::Plain(tenant.as_str().into()),
        );
        invocation.timeout = server.timeout;
        invocation.grace = server.grace;
        let ran = run(
            &invocation,
            &run_dir,
            shutdown,
            Stdout::Collect(OUTPUT_LIMIT),
        )
        .await;
        let (message, said) = match ran {
            Ok(Finished { code: 0, .. }) => return Ok(()),
            Ok(Finished {
                code,
                stdout,
                stderr,
                ..
            }) => {
                let stderr = stderr.text();
                let said = if stderr.trim().is_empty() {
                    String::from_utf8_lossy(&stdout).into_owned()
                } else {
                    stderr
                };
                (format!("the command ended with {code}"), said)
            }
            Err(error) => {
                let said = match &error {
                    RunError::Signaled { stderr, .. } | RunError::TimedOut { stderr, .. } => {
                        stderr.text()
                    }
                    _ => String::new(),
                };
                let message = match error {
                    RunError::TimedOut { .. } => {
                        format!(
                            "the command took longer than {:?}",
                            server.timeout.unwrap_or_default()
                        )
                    }
                    other => other.to_string(),
                };
                (message, said)
            }
        };
        let lines: Vec<String> = said
            .lines()
            .filter(|line| !line.trim().is_empty())
            .map(|line| {
                line.chars()
                    .filter(|c| !c.is_control())
                    .take(LINE)
                    .collect()
            })
            .collect();
        let last = lines
            .last()
            .map(|line| format!(": {}", super::failure::anonymous(line.trim(), tenant)));
        let kept = lines
            .get(lines.len().saturating_sub(LINES)..)
            .unwrap_or_default()
            .join("\n");
        Err(MigrateFailure {
            detail: (!kept.is_empty()).then_some(kept),
            ..failed(message + &last.unwrap_or_default())
        })
    }
}

/// Runs the command for each tenant of the scope, and tells by the versions tables what came of it.
///
/// No lock of ours is held meanwhile: what holds it would be waited for by `CREATE INDEX CONCURRENTLY`.
///
/// # Errors
/// [`MigrateError`] when nothing could be begun, or when the versions cannot be read afterwards.
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
    // The run may have been stopped: what it did is told all the same.
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
        // Whether it changed anything is seen in the versions table, later.
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
        // A tenant without a versions table may get one from the command.
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

/// Reads from the versions tables what the command has done.
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
