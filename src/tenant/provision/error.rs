use std::sync::Arc;
use std::time::Duration;

use super::outcome::TenantOrigin;
use crate::pg::{PsqlError, ServerMessage, SqlState};
use crate::process::{RunError, Signal};
use crate::snapshot::TemplateError;
use crate::tenant::newer::NewerError;
use crate::text::{listed, seconds};

/// The reason why a tenant was not created. Except for [`ProvisionError::Unknown`], nothing of it
/// was left behind on the server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProvisionError {
    /// A schema of this name exists. It was left untouched.
    #[error("the schema \"{}\" exists{}", tenant.escape_debug(), origin_phrase(*made_of))]
    Exists {
        /// The tenant.
        tenant: String,
        /// The snapshot that it was created from, if that was checked.
        made_of: Option<TenantOrigin>,
    },
    /// A schema of this name exists and belongs to a role whose marker does not count. It was left
    /// untouched.
    #[error("the schema \"{}\" exists and belongs to role \"{}\"", tenant.escape_debug(), owner.escape_debug())]
    ExistsOfAnother {
        /// The tenant.
        tenant: String,
        /// The role.
        owner: String,
    },
    /// A schema of this name exists and lacks objects of the snapshot. It was left untouched.
    #[error(
        "the schema \"{}\" exists but lacks {} of the {objects} objects of the snapshot: {}",
        tenant.escape_debug(), missing.len(), listed(missing, SHOWN)
    )]
    ExistsInPart {
        /// The tenant.
        tenant: String,
        /// Number of objects of the snapshot that were checked: relations, routines and types.
        objects: usize,
        /// The missing ones, as `table invoices`.
        missing: Vec<String>,
    },
    /// The server's lock table has no room for a tenant.
    #[error(transparent)]
    Budget(BudgetError),
    /// The pool already has the requested number of spares.
    #[error("the pool is full")]
    PoolFull,
    /// The tenant should become a distributed schema, but the server has no suitable Citus.
    #[error("the server has no Citus 12 or later in this database")]
    NoCitus,
    /// Citus left the tenant, or some of its tables, on the coordinator.
    #[error("Citus did not distribute the tenant{}", detail.as_ref().map(|detail| format!(": {detail}")).unwrap_or_default())]
    NotDistributed {
        /// The tables that were left on the coordinator, if not all were.
        detail: Option<String>,
    },
    /// The tenant should become an ordinary schema, and the server distributes new schemas.
    #[error(
        "Citus distributes the schemas that this role creates in this database (citus.enable_schema_based_sharding is on)"
    )]
    WouldDistribute,
    /// The server would store the tenant's name in another form.
    #[error("in its encoding, this server would store the name '{}' truncated or with other letters", .0.escape_debug())]
    NotStorable(String),
    /// The server refused a statement.
    #[error("{message}{}", failed(statement.as_ref()))]
    Sql {
        /// The server's message.
        message: Box<ServerMessage>,
        /// The statement, or `None` if it does not fail by itself.
        statement: Option<FailedStatement>,
        /// The hint, if one is known.
        hint: Option<String>,
    },
    /// The snapshot cannot be rendered with this tenant's name.
    #[error("the snapshot cannot be rendered for the tenant")]
    Template(#[from] TemplateError),
    /// The newer migrations changed meanwhile and cannot be applied any more.
    #[error(transparent)]
    Newer(Arc<NewerError>),
    /// There was no connection, and nothing was sent.
    #[error("no connection to the server")]
    Connect(#[source] Arc<PsqlError>),
    /// The run timed out.
    #[error("timed out after {}; nothing was left behind", seconds(*after))]
    TimedOut {
        /// The time limit.
        after: Duration,
    },
    /// A signal ended the run.
    #[error("interrupted by {signal}; nothing was left behind")]
    Interrupted {
        /// The signal.
        signal: Signal,
    },
    /// The connection or psql was lost midway.
    #[error("not created; nothing was left behind")]
    Lost(#[source] Box<PsqlError>),
    /// The outcome is unknown: the connection or psql was lost midway, and the server could not be
    /// asked afterwards.
    #[error("the outcome is unknown: the tenant may or may not have been created")]
    Unknown {
        /// The error that ended the run.
        #[source]
        cause: Box<PsqlError>,
        /// The reason why the server could not be asked, or `None` if it is still working on the
        /// message.
        look: Option<Box<PsqlError>>,
    },
    /// psql could not be run or failed. Nothing was sent.
    #[error("psql could not be run")]
    Run(#[source] Box<PsqlError>),
    /// The existing tenant could not be checked. It was left untouched.
    #[error("the schema \"{}\" exists but could not be compared with the snapshot", tenant.escape_debug())]
    Look {
        /// The tenant.
        tenant: String,
        /// The reason.
        #[source]
        source: Box<PsqlError>,
    },
}

impl ProvisionError {
    /// Returns the stable id. That of a connection that failed is the general one; the finding that explains it has a
    /// closer one.
    pub fn id(&self) -> String {
        match self {
            Self::Exists { .. } | Self::ExistsOfAnother { .. } => "tenant.exists".to_owned(),
            Self::ExistsInPart { .. } => "tenant.exists_in_part".to_owned(),
            Self::NotStorable(_) => "tenant.name".to_owned(),
            Self::Budget(_) => "sql.lock_budget".to_owned(),
            Self::PoolFull => "pool.full".to_owned(),
            Self::NoCitus => "config.no_citus".to_owned(),
            Self::NotDistributed { .. } => "config.not_distributed".to_owned(),
            Self::WouldDistribute => "config.distributes".to_owned(),
            Self::Sql { message, .. } => message.id(),
            Self::Template(source) => source.id().to_owned(),
            Self::Newer(source) => source.id().unwrap_or("migration.invalid").to_owned(),
            Self::Connect(source) => source.id(),
            Self::TimedOut { .. } => "timeout".to_owned(),
            Self::Interrupted { .. } => "interrupted".to_owned(),
            Self::Lost(source)
            | Self::Unknown { cause: source, .. }
            | Self::Run(source)
            | Self::Look { source, .. } => source.id(),
        }
    }

    /// Returns `true` for transient errors that left nothing behind: lost and refused connections,
    /// too many connections, deadlocks, serialization failures, a killed psql.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Sql { message, .. } => {
                message.says_worker_lost()
                    || message
                        .sqlstate
                        .is_some_and(|sqlstate| sqlstate.is_retryable())
            }
            Self::Connect(error) => error.is_transient(),
            // psql was killed, or the server was restarted.
            Self::Lost(error) => !matches!(**error, PsqlError::Unconfirmed),
            Self::Look { source, .. } => source.is_transient(),
            // psql was killed before it began, as the kernel does when memory runs out. A psql that
            // crashes would crash again.
            Self::Run(error) => {
                let by_others = [Signal::KILL, Signal::TERMINATE];
                matches!(&**error, PsqlError::Run(RunError::Signaled { signal, .. }) if by_others.contains(signal))
            }
            _ => false,
        }
    }

    /// Returns `true` if the server cancelled the message: by a timeout of the role or the
    /// database, or on somebody's request.
    pub(super) fn is_cancelled(&self) -> bool {
        let Self::Sql { message, .. } = self else {
            return false;
        };
        message.sqlstate == Some(SqlState::QUERY_CANCELED)
    }
}

/// The lock table has no room for even one tenant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a tenant of this snapshot takes {locks} locks, and the server has {free} free; \
     raise max_locks_per_transaction (it is {locks_per_transaction}) to {needed} or more"
)]
pub struct BudgetError {
    /// Number of locks that a tenant takes.
    pub locks: u64,
    /// Number of free locks.
    pub free: u64,
    /// The current `max_locks_per_transaction`.
    pub locks_per_transaction: u64,
    /// A value that would be enough.
    pub needed: u64,
}

/// The statement that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedStatement {
    /// The beginning of the statement, at most 200 characters, on one line.
    pub sql: String,
    /// The object that the statement is about, as `table invoices`, or `None` if the snapshot does
    /// not contain it.
    pub object: Option<String>,
    /// The 1-based line in the snapshot file, or in `file`.
    pub line: Option<usize>,
    /// The migration that has the statement, or `None` for the snapshot.
    pub file: Option<String>,
}

fn origin_phrase(made_of: Option<TenantOrigin>) -> &'static str {
    match made_of {
        Some(TenantOrigin::AnotherSnapshot) => ", and was made of another snapshot",
        Some(TenantOrigin::Unmarked) => ", and was not made by schemastamp",
        Some(TenantOrigin::ThisSnapshot) | None => "",
    }
}

/// Number of missing objects that a message names.
const SHOWN: usize = 5;

fn failed(statement: Option<&FailedStatement>) -> String {
    match statement {
        Some(FailedStatement {
            file: Some(file),
            line: Some(line),
            ..
        }) => format!(", in {file} (line {line})"),
        Some(FailedStatement {
            object: Some(object),
            line: Some(line),
            ..
        }) => {
            format!(", in {object} (line {line} of the snapshot)")
        }
        Some(FailedStatement { sql, .. }) => format!(", in: {sql}"),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_missing_objects_are_counted() {
        let missing: Vec<String> = (1..=7).map(|number| format!("table t{number}")).collect();
        let error = ProvisionError::ExistsInPart {
            tenant: "a\nb".into(),
            objects: 9,
            missing,
        };
        assert_eq!(
            error.to_string(),
            "the schema \"a\\nb\" exists but lacks 7 of the 9 objects of the snapshot: \
             table t1, table t2, table t3, table t4, table t5 and 2 more"
        );
    }
}
