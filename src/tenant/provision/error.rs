use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use super::outcome::TenantOrigin;
use crate::pg::{PsqlError, ServerMessage};
use crate::process::{RunError, Signal};
use crate::snapshot::TemplateError;

/// Why a tenant was not created. But for [`ProvisionError::Unknown`] nothing of it is left on the server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProvisionError {
    /// A schema of that name exists. It was not touched.
    #[error("the schema \"{}\" exists{}", tenant.escape_debug(), origin_phrase(*made_of))]
    Exists {
        /// The tenant.
        tenant: String,
        /// What it was made of, where that was looked at.
        made_of: Option<TenantOrigin>,
    },
    /// A schema of that name exists and belongs to a role whose mark does not count. It was not touched.
    #[error("the schema \"{}\" exists and belongs to role \"{}\"", tenant.escape_debug(), owner.escape_debug())]
    ExistsOfAnother {
        /// The tenant.
        tenant: String,
        /// The role.
        owner: String,
    },
    /// A schema of that name exists and lacks objects of the snapshot. It was not touched.
    #[error(
        "the schema \"{}\" exists, and lacks {} of the {objects} objects of the snapshot: {}",
        tenant.escape_debug(), missing.len(), listed(missing)
    )]
    ExistsInPart {
        /// The tenant.
        tenant: String,
        /// How many objects of the snapshot were looked for: relations, routines and types.
        objects: usize,
        /// Those that are not there, as `table invoices`.
        missing: Vec<String>,
    },
    /// The server has no room for the locks of a tenant.
    #[error(transparent)]
    Budget(BudgetError),
    /// The pool has as many spares as it is to have.
    #[error("the pool is full")]
    PoolFull,
    /// The tenant was to be a distributed schema of Citus.
    #[error("the server has no Citus 12 or later in this database")]
    NoCitus,
    /// The server refused a statement.
    #[error("{message}{}", failed(statement.as_ref()))]
    Sql {
        /// What it said.
        message: Box<ServerMessage>,
        /// The statement; `None` when the statement by itself does not fail.
        statement: Option<FailedStatement>,
        /// What to change, where that is known.
        hint: Option<String>,
    },
    /// The snapshot cannot hold this tenant's name.
    #[error("the snapshot cannot be rendered for the tenant")]
    Template(#[from] TemplateError),
    /// There was no connection: nothing was sent.
    #[error("no connection to the server")]
    Connect(#[source] Arc<PsqlError>),
    /// The time was up.
    #[error("not created within {:.1} s; nothing is left", after.as_secs_f64())]
    TimedOut {
        /// The time it was given.
        after: Duration,
    },
    /// A signal asked for the end.
    #[error("stopped by {signal}; nothing is left")]
    Interrupted {
        /// The signal.
        signal: Signal,
    },
    /// The connection or psql went away midway.
    #[error("not created; nothing is left")]
    Lost(#[source] Box<PsqlError>),
    /// Whether the tenant was created is not known: the connection or psql went away midway, and the server could not be
    /// asked afterwards.
    #[error("it is not known whether the tenant was created")]
    Unknown {
        /// What ended the run.
        #[source]
        cause: Box<PsqlError>,
        /// Why the server could not be asked; `None` when it still works on the message.
        look: Option<Box<PsqlError>>,
    },
    /// psql could not be run, or did not do its work. Nothing was sent.
    #[error("psql could not be run")]
    Run(#[source] Box<PsqlError>),
    /// The tenant that exists could not be looked at. It was not touched.
    #[error("the schema \"{}\" exists, and could not be compared with the snapshot", tenant.escape_debug())]
    Look {
        /// The tenant.
        tenant: String,
        /// Why.
        #[source]
        source: Box<PsqlError>,
    },
}

impl ProvisionError {
    /// Whether nothing is left of the tenant, and the next attempt may well succeed: lost and refused connections, too many
    /// connections, deadlocks, serialization failures, a psql that was killed.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Sql { message, .. } => message
                .sqlstate
                .is_some_and(|sqlstate| sqlstate.is_retryable()),
            Self::Connect(error) => error.is_transient(),
            // Somebody has killed psql, or the server was restarted.
            Self::Lost(_) => true,
            Self::Look { source, .. } => source.is_transient(),
            // Somebody has killed psql before it began, as the system does when it is out of memory; a psql that crashes
            // will crash again.
            Self::Run(error) => {
                let by_others = [Signal::KILL, Signal::TERMINATE];
                matches!(&**error, PsqlError::Run(RunError::Signaled { signal, .. }) if by_others.contains(signal))
            }
            _ => false,
        }
    }

    /// Whether the server has cancelled the message: a timeout of the role or the database, or somebody who asked it to.
    pub(super) fn is_cancelled(&self) -> bool {
        let Self::Sql { message, .. } = self else {
            return false;
        };
        message
            .sqlstate
            .is_some_and(|sqlstate| sqlstate.as_str() == "57014")
    }
}

/// Not even one tenant fits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a tenant of this snapshot takes {locks} locks, and the server has room for {free}; \
     raise max_locks_per_transaction (it is {locks_per_transaction}) to {needed} or more"
)]
pub struct BudgetError {
    /// Locks that a tenant takes.
    pub locks: u64,
    /// Locks that are free.
    pub free: u64,
    /// `max_locks_per_transaction` as it is.
    pub locks_per_transaction: u64,
    /// What would do.
    pub needed: u64,
}

/// The statement that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedStatement {
    /// Its beginning, at most 200 characters, on one line.
    pub sql: String,
    /// What it is about, as `table invoices`; `None` for what the snapshot does not hold.
    pub object: Option<String>,
    /// 1-based line in the snapshot file; `None` as for `object`.
    pub line: Option<usize>,
}

fn origin_phrase(made_of: Option<TenantOrigin>) -> &'static str {
    match made_of {
        Some(TenantOrigin::AnotherSnapshot) => ", and was made of another snapshot",
        Some(TenantOrigin::Unmarked) => ", and was not made by schemastamp",
        Some(TenantOrigin::ThisSnapshot) | None => "",
    }
}

/// At most five, and how many more there are.
fn listed(missing: &[String]) -> String {
    const SHOWN: usize = 5;
    let mut text = missing
        .iter()
        .take(SHOWN)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(", ");
    if missing.len() > SHOWN {
        // Writing to a String does not fail.
        let _ = write!(text, " and {} more", missing.len() - SHOWN);
    }
    text
}

fn failed(statement: Option<&FailedStatement>) -> String {
    match statement {
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
            "the schema \"a\\nb\" exists, and lacks 7 of the 9 objects of the snapshot: \
             table t1, table t2, table t3, table t4, table t5 and 2 more"
        );
    }
}
