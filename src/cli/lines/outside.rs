//! A statement whose scope is not the tenant's schema.

use schemars::JsonSchema;
use serde::Serialize;

/// A statement that is not confined to the tenant's schema.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct OutsideObject {
    /// The snapshot or migration.
    pub(in crate::cli) file: String,
    /// Line of the statement, from 1.
    pub(in crate::cli) line: usize,
    /// `database`, or `server` for one that reaches beyond the database.
    pub(in crate::cli) reach: String,
    /// Its beginning.
    pub(in crate::cli) statement: String,
}
