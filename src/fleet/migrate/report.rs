//! The report on a run over many tenants.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::sql::TenantName;
use crate::tenant::migrate::{MigrateOutcome, TenantReport};

/// Tenants that fared ill in the same way.
#[derive(Clone, Debug)]
pub struct FailureGroup {
    /// What happened to each of them.
    pub reason: String,
    /// Who they are, by name.
    pub tenants: Vec<TenantName>,
}

/// How all tenants fared.
#[derive(Clone, Debug)]
pub struct MigrateReport {
    /// Each tenant, by name.
    pub tenants: Vec<TenantReport>,
    /// Why the run ended early; `None`: it did not.
    pub ended_early: Option<String>,
    /// The whole run's time.
    pub elapsed: Duration,
}

impl MigrateReport {
    /// How many tenants have an outcome that fits.
    pub fn count(&self, fits: impl Fn(&MigrateOutcome) -> bool) -> usize {
        self.tenants
            .iter()
            .filter(|tenant| fits(&tenant.outcome))
            .count()
    }

    /// The tenants that fared ill, the largest group first.
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
