//! The report on a migration.

use super::model::{OutcomeWeight, ReportedTenant, TargetReport};
use crate::fleet::migrate::MigrateReport;
use crate::tenant::migrate::{MigrateOutcome, TenantReport};

impl TargetReport {
    /// Creates the report on the migration of one target's tenants.
    pub fn from_migration(name: Option<&str>, report: &MigrateReport) -> Self {
        Self::from_tenants(name, report.tenants.iter().map(reported).collect())
    }
}

fn reported(tenant: &TenantReport) -> ReportedTenant {
    let severity = match tenant.outcome {
        MigrateOutcome::UpToDate | MigrateOutcome::Migrated => OutcomeWeight::Fine,
        MigrateOutcome::Pending | MigrateOutcome::NotReached => OutcomeWeight::Notice,
        _ => OutcomeWeight::Problem,
    };
    let is_known = !matches!(
        tenant.outcome,
        MigrateOutcome::Odd(_) | MigrateOutcome::Gone
    );
    ReportedTenant {
        name: tenant.tenant.as_str().to_owned(),
        outcome: tenant.outcome.word(),
        severity,
        version: tenant.to.clone(),
        behind: is_known.then_some(tenant.pending.len()),
        reason: tenant.outcome.reason(),
    }
}
