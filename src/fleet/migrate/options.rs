use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::fleet::engine::{RunLimits, RunShare};
use crate::fleet::groups::TenantGroups;
use crate::fleet::inventory::FleetError;
use crate::fleet::selection::TenantSelection;
use crate::pg::PsqlError;
use crate::snapshot::{OutsidePolicy, OutsideStatement, refusal};
use crate::sql::TenantName;
use crate::tenant::versions::PlanStrictness;

/// Options of `migrate`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MigrateOptions {
    /// The tenants.
    pub scope: TenantSelection,
    /// The version table, or `None` for the well-known one of each tenant.
    pub versions_table: Option<String>,
    /// Number of psql processes, at least one.
    pub jobs: usize,
    /// Number of tenants that are migrated first, one after the other. The rest follows only if all
    /// of them succeed.
    pub canary: usize,
    /// The group of each tenant, if groups follow each other.
    pub groups: Option<TenantGroups>,
    /// Number of failures after which no further tenant is started, or `None` for no limit.
    pub max_failures: Option<usize>,
    /// Time that a statement waits for a lock before the tenant is postponed.
    pub lock_timeout: Duration,
    /// Maximum number of times that a tenant is postponed.
    pub lock_retries: u32,
    /// The pause before the first retry. Each later one is twice as long.
    pub retry_pause: Duration,
    /// Time limit of one statement, or `None` for no limit.
    pub statement_timeout: Option<Duration>,
    /// The role that migrates, or `None` for the login role.
    pub role: Option<String>,
    /// Problems that are reported as warnings.
    pub strictness: PlanStrictness,
    /// The decision about statements that are not confined to the tenant's schema.
    pub outside: OutsidePolicy,
    /// Tenants that are refused because they are not what their version should be, with the objects that differ.
    pub drifted: BTreeMap<TenantName, Vec<String>>,
    /// The run for which each migration is recorded, so that it can be undone; `None` for no record.
    pub record: Option<String>,
    /// Only reports what would be run.
    pub dry_run: bool,
}

impl MigrateOptions {
    /// Returns the share of a run on one server within the limits of the options.
    pub(super) fn own_share(&self) -> RunShare {
        let limits = RunLimits::new(1, self.max_failures, self.canary);
        let limits = match &self.groups {
            Some(groups) => limits.with_groups(1, groups.rules().to_vec(), |_| {}),
            None => limits,
        };
        Arc::new(limits).share()
    }

    /// Returns the index of a tenant's group; 0 without groups.
    pub(super) fn group_of(&self, tenant: &TenantName) -> usize {
        let groups = self.groups.as_ref();
        groups.map_or(0, |groups| groups.group_of(tenant))
    }

    /// Returns the default options: one psql, a lock timeout of 3 s, 5 retries.
    pub fn new(scope: TenantSelection) -> Self {
        Self {
            scope,
            versions_table: None,
            jobs: 1,
            canary: 0,
            groups: None,
            max_failures: None,
            lock_timeout: Duration::from_secs(3),
            lock_retries: 5,
            retry_pause: Duration::from_millis(500),
            statement_timeout: None,
            role: None,
            strictness: PlanStrictness::default(),
            outside: OutsidePolicy::Refuse,
            drifted: BTreeMap::new(),
            record: None,
            dry_run: false,
        }
    }
}

/// The reason why nothing could be migrated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MigrateError {
    /// The tenants could not be read.
    #[error(transparent)]
    Fleet(#[from] FleetError),
    /// A pending migration has statements that reach beyond the database; no tenant was started.
    #[error("'{}', {}", path.display(), refusal(statements))]
    Outside {
        /// The file.
        path: PathBuf,
        /// They, in their order.
        statements: Vec<OutsideStatement>,
    },
    /// The table in which the run is recorded cannot be made or used; no tenant was started.
    #[error("the run cannot be recorded")]
    Record(#[source] PsqlError),
    /// psql failed before any tenant was started.
    #[error(transparent)]
    Psql(PsqlError),
    /// Fails if the operating system has no random bytes.
    #[error("cannot make a key for the run")]
    Random(#[source] std::io::Error),
}
