//! The report on a run over many tenants.

use std::time::Duration;

use crate::fleet::engine::{FailureGroup, FailureGroups, add_ended_early};
use crate::tenant::migrate::{MigrateOutcome, TenantReport};

/// The result of all tenants.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct MigrateReport {
    /// The tenants, by name.
    pub tenants: Vec<TenantReport>,
    /// The reason why the run ended early, or `None`.
    pub ended_early: Option<String>,
    /// Duration of the whole run.
    pub elapsed: Duration,
}

impl MigrateReport {
    /// Counts the tenants whose outcome fits.
    pub fn count(&self, fits: impl Fn(&MigrateOutcome) -> bool) -> usize {
        self.tenants
            .iter()
            .filter(|tenant| fits(&tenant.outcome))
            .count()
    }

    /// Returns the failed tenants in groups, the largest first.
    pub fn groups(&self) -> Vec<FailureGroup> {
        let failed = self
            .tenants
            .iter()
            .filter_map(|tenant| Some((tenant.outcome.reason()?, tenant.tenant.clone())));
        failed.collect::<FailureGroups>().into_sorted()
    }

    /// Adds the report on another target. The reason why its run ended early comes with the target's name.
    pub fn add(&mut self, target: Option<&str>, other: Self) {
        self.tenants.extend(other.tenants);
        add_ended_early(&mut self.ended_early, target, other.ended_early.as_deref());
    }
}
