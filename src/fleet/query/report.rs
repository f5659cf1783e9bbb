use std::time::Duration;

use crate::fleet::engine::{FailureGroup, FailureGroups, add_ended_early};
use crate::sql::TenantName;
use crate::tenant::query::QueryOutcome;

/// The result of one tenant.
#[derive(Clone, Debug)]
pub struct TenantQuery {
    /// The tenant.
    pub tenant: TenantName,
    /// The outcome.
    pub outcome: QueryOutcome,
    /// Duration of the tenant's transaction, waits included.
    pub elapsed: Duration,
}

/// The result of all tenants. The rows were handed over as they arrived and are not kept.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct QueryReport {
    /// Number of tenants that were queried.
    pub done: usize,
    /// Number of tenants that failed, those of unknown outcome and missing ones included.
    pub failed: usize,
    /// Number of tenants whose turn did not come.
    pub not_reached: usize,
    /// The reason why the run ended early, or `None`.
    pub ended_early: Option<String>,
    failures: FailureGroups,
}

impl QueryReport {
    /// Counts a tenant.
    pub(super) fn count(&mut self, tenant: &TenantName, outcome: &QueryOutcome) {
        match outcome {
            QueryOutcome::Done(_) => self.done += 1,
            QueryOutcome::NotReached => self.not_reached += 1,
            QueryOutcome::Failed(_) | QueryOutcome::Unknown(_) | QueryOutcome::Missing => {
                self.failed += 1;
            }
        }
        if let Some(reason) = outcome.reason() {
            self.failures.add(reason, tenant.clone());
        }
    }

    /// Adds the counts and failures of another target. The reason why its run ended early comes with
    /// the target's name.
    pub fn add(&mut self, target: Option<&str>, other: Self) {
        self.done += other.done;
        self.failed += other.failed;
        self.not_reached += other.not_reached;
        self.failures.extend(other.failures);
        add_ended_early(&mut self.ended_early, target, other.ended_early.as_deref());
    }

    /// Returns the failed tenants in groups, the largest first.
    pub fn groups(&self) -> Vec<FailureGroup> {
        self.failures.clone().into_sorted()
    }
}
