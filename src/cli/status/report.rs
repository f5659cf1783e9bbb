//! The tenants of `status` for a report.

use super::output::StatusReport;
use super::placed::{Attention, Placed};
use crate::cli::lines::TenantOutcome;
use crate::fleet::report::{OutcomeWeight, ReportedTenant, TargetReport};
use crate::text::listed;

/// Number of further targets that a tenant's reason names.
const PLACES: usize = 10;

impl StatusReport {
    /// Returns the report on a target.
    pub(super) fn target_report(&self, name: Option<&str>) -> TargetReport {
        let here = |tenant: &&Placed| tenant.target.as_deref() == name;
        TargetReport::from_tenants(
            name,
            self.tenants.iter().filter(here).map(reported).collect(),
        )
    }
}

fn reported(tenant: &Placed) -> ReportedTenant {
    ReportedTenant {
        name: tenant.status.tenant.as_str().to_owned(),
        outcome: match tenant.outcome() {
            TenantOutcome::Missing => "missing",
            TenantOutcome::Unregistered => "unregistered",
            TenantOutcome::Odd => "odd",
            TenantOutcome::Behind => "behind",
            _ => "current",
        },
        severity: match tenant.attention() {
            Attention::Problem => OutcomeWeight::Problem,
            Attention::Behind => OutcomeWeight::Notice,
            Attention::Nothing => OutcomeWeight::Fine,
        },
        version: tenant.status.version.clone(),
        behind: tenant.status.behind,
        reason: reason(tenant),
    }
}

fn reason(tenant: &Placed) -> Option<String> {
    let mut reasons = Vec::new();
    if !tenant.status.is_missing() {
        reasons.extend(tenant.status.oddity.as_ref().map(ToString::to_string));
    }
    reasons.extend(tenant.status.problems.iter().map(ToString::to_string));
    if tenant.is_unregistered {
        reasons.push("the tenants query does not return it".to_owned());
    }
    reasons.extend(
        tenant
            .belongs_at
            .as_ref()
            .map(|target| format!("belongs at {target}")),
    );
    if !tenant.also_at.is_empty() {
        reasons.push(format!("also at {}", listed(&tenant.also_at, PLACES)));
    }
    (!reasons.is_empty()).then(|| reasons.join("; "))
}
