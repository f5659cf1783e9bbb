use std::time::Duration;

use crate::fleet::inventory::FleetError;
use crate::fleet::selection::TenantSelection;
use crate::pg::PsqlError;
use crate::tenant::versions::PlanStrictness;

/// How tenants are migrated.
#[derive(Clone, Debug)]
pub struct MigrateOptions {
    /// Which tenants.
    pub scope: TenantSelection,
    /// The versions table; `None`: the well-known one that a tenant has.
    pub versions_table: Option<String>,
    /// How many psql processes work at a time; at least one.
    pub jobs: usize,
    /// So many tenants first, one after the other; the rest only when all of them succeeded.
    pub canary: usize,
    /// No further tenant is begun after so many failed; `None` is without limit.
    pub max_failures: Option<usize>,
    /// How long a statement waits for a lock before the tenant is put off.
    pub lock_timeout: Duration,
    /// How often a tenant is put off and tried again.
    pub lock_retries: u32,
    /// How long the first pause before another try is; each later one is twice as long.
    pub retry_pause: Duration,
    /// How long one statement may take; `None` is without end.
    pub statement_timeout: Option<Duration>,
    /// The role that migrates; `None` for the one that logs in.
    pub role: Option<String>,
    /// What is only worth a warning.
    pub strictness: PlanStrictness,
    /// Only says what would be run.
    pub dry_run: bool,
}

impl MigrateOptions {
    /// All tenants, one psql, 3 s of waiting for locks, 5 further tries.
    pub fn new(scope: TenantSelection) -> Self {
        Self {
            scope,
            versions_table: None,
            jobs: 1,
            canary: 0,
            max_failures: None,
            lock_timeout: Duration::from_secs(3),
            lock_retries: 5,
            retry_pause: Duration::from_millis(500),
            statement_timeout: None,
            role: None,
            strictness: PlanStrictness::default(),
            dry_run: false,
        }
    }
}

/// Why nothing could be migrated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MigrateError {
    /// The tenants are not known.
    #[error(transparent)]
    Fleet(#[from] FleetError),
    /// psql failed before any tenant was begun.
    #[error(transparent)]
    Psql(PsqlError),
    /// The operating system has no random bytes.
    #[error("cannot make a key for the run")]
    Random(#[source] std::io::Error),
}
