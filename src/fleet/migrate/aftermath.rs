//! Reads the outcome for a tenant from its version table, also after a run that was stopped.

use std::time::Duration;

use super::engine::Engine;
use crate::fleet::inventory::read_fleet;
use crate::fleet::selection::TenantSelection;
use crate::pg::ScriptOptions;
use crate::process::Shutdown;
use crate::sql::TenantName;
use crate::tenant::migrate::{MigrateFailure, MigrateOutcome};
use crate::tenant::versions::{Applied, TenantProblem, plan_migrations};

/// Time limit for reading the outcomes after a stopped run.
const LAST_LOOK: Duration = Duration::from_secs(10);

impl Engine<'_, '_> {
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
            let halted = state.halt.is_some();
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
                        _ => entry.settle(MigrateOutcome::Failed(MigrateFailure::new(
                            "the run was stopped".to_owned(),
                        ))),
                    }
                }
                _ => {}
            }
            (state.on_report)(&entry.report);
        }
    }
}
