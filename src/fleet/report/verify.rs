//! The report on a comparison.

use super::model::{OutcomeWeight, ReportedTenant, TargetReport, VersionShare};
use crate::fleet::verify::{Verification, VersionLevel};
use crate::sql::TenantName;
use crate::tenant::compare::Class;

impl TargetReport {
    /// Creates the report on the comparison of one target's tenants.
    pub fn from_verification(name: Option<&str>, verification: &Verification) -> Self {
        let tenant =
            |tenant: &TenantName, outcome, severity, version: Option<&String>| ReportedTenant {
                name: tenant.as_str().to_owned(),
                outcome,
                severity,
                version: version.cloned(),
                behind: None,
                reason: None,
            };
        let equal = verification.equal.iter();
        let mut tenants: Vec<ReportedTenant> = equal
            .map(|name| tenant(name, "equal", OutcomeWeight::Fine, None))
            .collect();
        for name in &verification.missing {
            tenants.push(tenant(name, "missing", OutcomeWeight::Problem, None));
        }
        for variant in &verification.variants {
            let (outcome, severity) = match variant.class() {
                Class::Cosmetic => ("cosmetic", OutcomeWeight::Notice),
                Class::Real => ("different", OutcomeWeight::Problem),
                Class::ForeignTenant => ("foreign_tenant", OutcomeWeight::Problem),
            };
            for name in &variant.tenants {
                tenants.push(tenant(name, outcome, severity, variant.version.as_ref()));
            }
        }
        Self {
            name: name.map(str::to_owned),
            versions: shares(&verification.levels),
            tenants,
            variants: verification.variants.clone(),
            ..Self::default()
        }
    }
}

/// Counts the tenants of each version, whatever they were compared with, in the order of the levels.
fn shares(levels: &[VersionLevel]) -> Vec<VersionShare> {
    let mut shares: Vec<VersionShare> = Vec::new();
    for level in levels {
        let tenants = level.equal + level.different;
        match shares
            .iter_mut()
            .find(|share| share.version == level.version)
        {
            Some(share) => share.tenants += tenants,
            None => shares.push(VersionShare {
                version: level.version.clone(),
                tenants,
            }),
        }
    }
    shares.retain(|share| share.tenants > 0);
    shares
}
