//! Recovers from failures of a tenant or the server: retries, makes a new plan, pauses, or ends the
//! run.

use std::time::Instant;

use super::engine::Engine;
use super::halt::MigrateHalt;
use super::queue::Turn;
use crate::pg::{PsqlError, ServerMessage, SqlState};
use crate::process::RunError;
use crate::sql::TenantName;
use crate::tenant::migrate::{ALREADY, BUSY, MessagePlace, MigrateFailure, MigrateOutcome};
use crate::tenant::versions::{Applied, TenantProblem};

/// Maximum number of consecutive connection attempts.
const RECONNECTS: u32 = 3;
/// Maximum number of new plans for a tenant.
const REPLANS: u32 = 5;

impl Engine<'_, '_> {
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
        let code = failure.sqlstate.as_deref().unwrap_or_default();
        if self.shutdown.signal().is_some() {
            self.halt(MigrateHalt::Stopped);
            return;
        }
        if code == ALREADY && turn.replans < REPLANS {
            return self.replan(turn, &tenant).await;
        }
        let put_off = code == BUSY
            || message
                .sqlstate
                .as_ref()
                .is_some_and(SqlState::is_retryable);
        if put_off && turn.retries < self.options.lock_retries {
            let pause = self
                .options
                .retry_pause
                .saturating_mul(1 << turn.retries.min(10));
            let turn = Turn {
                retries: turn.retries + 1,
                ready: Instant::now() + pause,
                ..turn
            };
            self.state().queue.add(turn);
            return;
        }
        if !separated && !put_off {
            // Run it again, one statement at a time, so that the error names its statement.
            let state = &mut *self.state();
            state.separate = true;
            return state.queue.give_back(std::iter::once(Turn {
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
            state.queue.add(Turn {
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
            | PsqlError::Random(_) => {
                self.state().queue.give_back(std::iter::once(turn));
                self.trouble(error).await;
            }
            PsqlError::Run(RunError::TimedOut { after, .. }) => {
                let failure = MigrateFailure::new(format!(
                    "took longer than {:?}",
                    self.server.timeout.unwrap_or(*after)
                ));
                self.settle(turn.tenant, MigrateOutcome::Unknown(failure));
            }
            _ => {
                let failure = MigrateFailure::new(error.to_string());
                self.settle(turn.tenant, MigrateOutcome::Unknown(failure));
                self.trouble(error).await;
            }
        }
    }

    /// Handles a failure of the server or psql: pauses if that may help, or ends the run.
    pub(super) async fn trouble(&self, error: PsqlError) {
        let may_pass = matches!(error, PsqlError::Connect { .. } | PsqlError::Lost { .. });
        let reconnects = {
            let state = &mut *self.state();
            state.reconnects += 1;
            state.reconnects
        };
        if self.shutdown.signal().is_some() {
            self.halt(MigrateHalt::Stopped);
        } else if may_pass && reconnects <= RECONNECTS {
            let pause = self
                .options
                .retry_pause
                .saturating_mul(1 << reconnects.min(6));
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = self.shutdown.requested() => self.halt(MigrateHalt::Stopped),
            }
        } else {
            self.halt(MigrateHalt::Psql(error));
        }
    }
}
