//! The tenants that a run is for.

use crate::sql::TenantName;

/// Which tenants are meant.
#[derive(Clone, Debug)]
pub enum TenantSelection {
    /// Every schema but `public` that has a versions table or schemastamp's mark.
    All {
        /// Only names that match this pattern, as psql's `\dn` takes it.
        pattern: Option<String>,
    },
    /// These.
    Named(Vec<TenantName>),
}
