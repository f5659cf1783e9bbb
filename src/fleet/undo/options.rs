use std::time::Duration;

use crate::fleet::inventory::FleetError;
use crate::fleet::selection::TenantSelection;
use crate::pg::PsqlError;
use crate::snapshot::OutsidePolicy;
use crate::tenant::migrations::MigrationError;

/// Options of an undo.
#[derive(Clone, Debug)]
pub struct UndoOptions {
    /// The run.
    pub run: String,
    /// The tenants; all of them are those of the run.
    pub scope: TenantSelection,
    /// The version table, or `None` for the one that the run has recorded.
    pub versions_table: Option<String>,
    /// Number of psql processes, at least one.
    pub jobs: usize,
    /// Time that a statement waits for a lock before the tenant is postponed.
    pub lock_timeout: Duration,
    /// Maximum number of times that a tenant is postponed.
    pub lock_retries: u32,
    /// The pause before the first retry. Each later one is twice as long.
    pub retry_pause: Duration,
    /// The role that undoes, or `None` for the login role.
    pub role: Option<String>,
    /// The decision about statements that are not confined to the tenant's schema.
    pub outside: OutsidePolicy,
    /// Only reports what would be undone.
    pub dry_run: bool,
}

/// The reason why nothing could be undone.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UndoError {
    /// The tenants could not be read.
    #[error(transparent)]
    Fleet(#[from] FleetError),
    /// A way down cannot be read.
    #[error(transparent)]
    Migration(#[from] MigrationError),
    /// The records of the run could not be read, or psql failed before any tenant was started.
    #[error(transparent)]
    Psql(#[from] PsqlError),
    /// The table of the runs exists, and the role may not use it or must not trust it.
    #[error(
        "the role may not use the record of runs: it belongs to a role that is not trusted or grants too little, or has triggers or rules"
    )]
    NotUsable,
    /// Fails if the operating system has no random bytes.
    #[error("cannot make a key for the run")]
    Random(#[source] std::io::Error),
}
