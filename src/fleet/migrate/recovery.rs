//! Recovers from the failure of a tenant: retries, makes a new plan, or queries its outcome.

use std::time::Duration;

use super::engine::MigrateEngine;
use crate::fleet::engine::Turn;
use crate::fleet::inventory::read_fleet;
use crate::fleet::selection::TenantSelection;
use crate::pg::{PsqlError, ScriptOptions, ServerMessage};
use crate::process::{RunError, Shutdown};
use crate::sql::TenantName;
use crate::tenant::migrate::{ALREADY, BUSY, MessagePlace, MigrateFailure, MigrateOutcome};
use crate::tenant::versions::{Applied, TenantProblem, plan_migrations};

/// Maximum number of new plans for a tenant.
const REPLANS: u32 = 5;

/// Time limit for reading the outcomes after a stopped run.
const LAST_LOOK: Duration = Duration::from_secs(10);

impl MigrateEngine<'_, '_> {
    /// Handles a refused statement, whose transaction was rolled back.
    pub(super) async fn failed(
        &self,
        turn: Turn,
        message: &ServerMessage,
        place: Option<&MessagePlace>,
        separated: bool,
    ) {
        let tenant = {
            let state = self.state();
            let Some(entry) = state.entries.get(turn.tenant) else {
                return;
            };
            entry.report.tenant.clone()
        };
        let failure = MigrateFailure::said(message, &tenant, place);
        let state = message.sqlstate;
        if self.shutdown.signal().is_some() {
            return;
        }
        // Another run has applied the version between this run's reading and its lock. What is left may be less than
        // planned.
        if state == Some(ALREADY) && turn.replans < REPLANS {
            return self.replan(turn, &tenant).await;
        }
        self.remember(turn.tenant, &failure);
        // A lock, a deadlock or a serialization failure is the work of others, and passes.
        let put_off = state == Some(BUSY) || state.is_some_and(|state| state.is_retryable());
        if put_off && turn.retries < self.options.lock_retries {
            return self.scheduler.postpone(&turn);
        }
        if !separated && !put_off {
            // Run it again, one statement at a time, so that the error names its statement.
            self.state().separate = true;
            return self.scheduler.give_back(std::iter::once(Turn {
                separated: true,
                ..turn
            }));
        }
        let outcome = match self.look_at(&tenant, self.shutdown).await {
            Some(Applied::Odd(TenantProblem::NoSchema)) => MigrateOutcome::Gone,
            _ => MigrateOutcome::Failed(failure),
        };
        self.settle(turn.tenant, outcome);
    }

    /// Keeps the failure of an attempt, in case the run ends before the next one.
    fn remember(&self, tenant: usize, failure: &MigrateFailure) {
        if let Some(entry) = self.state().entries.get_mut(tenant) {
            entry.failure = Some(failure.clone());
        }
    }

    /// Handles a migration that another run has applied: plans what is left to do.
    pub(super) async fn replan(&self, turn: Turn, tenant: &TenantName) {
        let Some(applied) = self.look_at(tenant, self.shutdown).await else {
            return self.settle(
                turn.tenant,
                MigrateOutcome::Unknown(MigrateFailure::new(
                    "another run is working on it, and its versions could not be read".to_owned(),
                )),
            );
        };
        let state = &mut *self.state();
        let Some(entry) = state.entries.get_mut(turn.tenant) else {
            return;
        };
        if matches!(applied, Applied::Odd(TenantProblem::NoSchema)) {
            entry.settle(MigrateOutcome::Gone);
        } else {
            entry.plan(applied, self.migrations, self.options);
        }
        if entry.settled {
            (state.on_report)(&entry.report);
        } else {
            self.scheduler.add(Turn {
                replans: turn.replans + 1,
                ..turn
            });
        }
    }

    /// Handles a psql that did not end by itself while it worked on this tenant.
    pub(super) async fn interrupted(&self, turn: Turn, error: PsqlError) {
        match &error {
            // Nothing was sent.
            PsqlError::Connect { .. }
            | PsqlError::Folder(_)
            | PsqlError::Program(_)
            | PsqlError::Password(_)
            | PsqlError::Random(_) => {
                self.scheduler.give_back(std::iter::once(turn));
                self.scheduler.psql_failed(error).await;
            }
            PsqlError::Run(RunError::TimedOut { after, .. }) => {
                let failure = MigrateFailure::timed_out(format!(
                    "took longer than {:?}",
                    self.server.timeout.unwrap_or(*after)
                ));
                self.settle(turn.tenant, MigrateOutcome::Unknown(failure));
            }
            _ => {
                let failure = MigrateFailure::new(error.to_string());
                self.settle(turn.tenant, MigrateOutcome::Unknown(failure));
                self.scheduler.psql_failed(error).await;
            }
        }
    }

    /// Reads a tenant's version table. Returns `None` if the server cannot be asked.
    pub(super) async fn look_at(
        &self,
        tenant: &TenantName,
        shutdown: &Shutdown,
    ) -> Option<Applied> {
        let scope = TenantSelection::Named(vec![tenant.clone()]);
        let fleet = read_fleet(
            self.server,
            &scope,
            self.options.versions_table.as_deref(),
            shutdown,
        )
        .await
        .ok()?;
        fleet
            .tenants
            .into_iter()
            .next()
            .map(|tenant| tenant.applied)
    }

    /// Waits for the end of anything that still runs on the server for this tenant and holds its
    /// lock.
    pub(super) async fn wait_for_end(
        &self,
        tenant: &TenantName,
        shutdown: &Shutdown,
    ) -> Option<()> {
        let sql = format!(
            "BEGIN;\nSET LOCAL lock_timeout = {};\n{};\nCOMMIT;\n",
            LAST_LOOK.as_millis(),
            crate::snapshot::lock(tenant)
        );
        self.server
            .run_script(&sql, &ScriptOptions::default(), shutdown)
            .await
            .ok()
            .map(drop)
    }

    /// Reads the version tables of the tenants whose outcome was not seen, also after a stopped
    /// run.
    pub(super) async fn look_again(&self) {
        let doubtful: Vec<(usize, TenantName)> = {
            let state = self.state();
            let entries = state.entries.iter().enumerate();
            let halted = self.scheduler.has_ended();
            entries
                .filter(|(_, entry)| {
                    matches!(entry.report.outcome, MigrateOutcome::Unknown(_))
                        || (halted && !entry.settled && entry.report.elapsed > Duration::ZERO)
                })
                .map(|(index, entry)| (index, entry.report.tenant.clone()))
                .collect()
        };
        // Use a new token: the shutdown was meant for the migrations.
        let unstopped = Shutdown::new();
        for (index, tenant) in doubtful {
            let look = async {
                // The lost transaction holds the tenant's advisory lock until it ends; a version table that is read
                // before that may be too old.
                self.wait_for_end(&tenant, &unstopped).await?;
                self.look_at(&tenant, &unstopped).await
            };
            let applied = tokio::time::timeout(LAST_LOOK, look).await.ok().flatten();
            let state = &mut *self.state();
            let Some(entry) = state.entries.get_mut(index) else {
                continue;
            };
            match applied {
                Some(Applied::Odd(TenantProblem::NoSchema)) => entry.settle(MigrateOutcome::Gone),
                Some(Applied::Known(versions)) => {
                    let done = plan_migrations(&versions, self.migrations, self.options.strictness);
                    let open = done.pending.len();
                    while entry.pending.len() > open {
                        entry.applied_one();
                    }
                    match (&entry.report.outcome, entry.pending.is_empty()) {
                        (_, true) => entry.settle(MigrateOutcome::Migrated),
                        (MigrateOutcome::Unknown(failure), false) => {
                            let failure = failure.clone();
                            entry.settle(MigrateOutcome::Failed(failure));
                        }
                        _ => {
                            let stopped = || MigrateFailure::new("the run was stopped".to_owned());
                            let failure = entry.failure.take().unwrap_or_else(stopped);
                            entry.settle(MigrateOutcome::Failed(failure));
                        }
                    }
                }
                _ => {}
            }
            // The caller reports the tenants that were not reached.
            if entry.report.outcome != MigrateOutcome::NotReached {
                (state.on_report)(&entry.report);
            }
        }
    }
}
