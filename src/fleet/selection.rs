//! The tenants that a run is for.

use crate::sql::TenantName;

/// Selects tenants.
#[derive(Clone, Debug)]
pub enum TenantSelection {
    /// Every schema except `public` that has a version table or schemastamp's marker.
    All {
        /// Only names that match this pattern, as in psql's `\dn`.
        pattern: Option<String>,
    },
    /// The tenants with these names.
    Named(Vec<TenantName>),
}
