use crate::fleet::inventory::FleetError;
use crate::fleet::selection::TenantSelection;
use crate::pg::PsqlError;

/// Options of `query`.
#[derive(Clone, Debug)]
pub struct QueryOptions {
    /// The tenants.
    pub scope: TenantSelection,
    /// Number of psql processes, at least one.
    pub jobs: usize,
    /// Number of failures after which no further tenant is started, or `None` for no limit.
    pub max_failures: Option<usize>,
    /// The role that the query runs as, or `None` for the login role.
    pub role: Option<String>,
    /// Asks for the types of columns too, which takes one more exchange with the server for each statement.
    pub typed: bool,
}

impl QueryOptions {
    /// Returns the default options: one psql, no types.
    pub fn new(scope: TenantSelection) -> Self {
        Self {
            scope,
            jobs: 1,
            max_failures: None,
            role: None,
            typed: false,
        }
    }
}

/// The reason why the query was not run for any tenant.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// The tenants could not be read.
    #[error(transparent)]
    Fleet(#[from] FleetError),
    /// psql failed before any tenant was started.
    #[error(transparent)]
    Psql(#[from] PsqlError),
    /// Fails if the operating system has no random bytes.
    #[error("cannot make a key for the run")]
    Random(#[source] std::io::Error),
}
