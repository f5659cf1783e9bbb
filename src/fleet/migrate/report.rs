//! The report on a run over many tenants.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::sql::TenantName;
use crate::tenant::migrate::{MigrateOutcome, TenantReport};

/// Tenants that failed in the same way.
#[derive(Clone, Debug)]
pub struct FailureGroup {
    /// The reason.
    pub reason: String,
    /// The tenants, by name.
    pub tenants: Vec<TenantName>,
}

/// The result of all tenants.
#[derive(Clone, Debug)]
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
        let mut groups: BTreeMap<String, Vec<TenantName>> = BTreeMap::new();
        for tenant in &self.tenants {
            if let Some(reason) = tenant.outcome.reason() {
                groups
                    .entry(reason)
                    .or_default()
                    .push(tenant.tenant.clone());
            }
        }
        let mut groups: Vec<FailureGroup> = groups
            .into_iter()
            .map(|(reason, tenants)| FailureGroup { reason, tenants })
            .collect();
        groups.sort_by_key(|group| std::cmp::Reverse(group.tenants.len()));
        groups
    }
}
