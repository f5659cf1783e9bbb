//! The report on a comparison.

use super::model::{ReportedTenant, Severity, TargetReport, VersionShare};
use crate::fleet::verify::Verification;
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
            .map(|name| tenant(name, "equal", Severity::Fine, None))
            .collect();
        for name in &verification.missing {
            tenants.push(tenant(name, "missing", Severity::Problem, None));
        }
        for variant in &verification.variants {
            let (outcome, severity) = match variant.class() {
                Class::Cosmetic => ("cosmetic", Severity::Notice),
                Class::Real => ("different", Severity::Problem),
                Class::ForeignTenant => ("foreign_tenant", Severity::Problem),
            };
            for name in &variant.tenants {
                tenants.push(tenant(name, outcome, severity, variant.version.as_ref()));
            }
        }
        let versions = verification.levels.iter().map(|level| VersionShare {
            version: level.version.clone(),
            tenants: level.equal + level.different,
        });
        Self {
            name: name.map(str::to_owned),
            versions: versions.filter(|share| share.tenants > 0).collect(),
            tenants,
            variants: verification.variants.clone(),
            ..Self::default()
        }
    }
}
