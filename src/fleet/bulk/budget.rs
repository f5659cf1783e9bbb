//! The number of tenants that a server can create at the same time.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::fleet::database::DatabaseIdentity;
use crate::pg::{PsqlError, PsqlSession, ScriptOptions, parse_json};
use crate::process::Shutdown;
use crate::snapshot::capture::fresh_name;
use crate::snapshot::{Action, Object, ObjectKind, Rendered, Snapshot, one_message, settings};
use crate::sql::{TenantName, TokenKind, tokens};
use crate::tenant::{BudgetError, Provisioner};

/// Locks that a transaction takes in addition to those of its own objects: for catalogs, the name,
/// and the transaction itself.
const OWN_LOCKS: u64 = 12;
/// Multiple of the estimate that must fit for a run to go without a measurement.
const AMPLE: u64 = 3;
/// Divisor of the lock table for the share that a run leaves to others.
const SPARED: u64 = 8;

/// The free locks and connections of a server.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ServerCapacity {
    /// `max_locks_per_transaction`.
    pub locks_per_transaction: u64,
    /// Size of the server's lock table: `max_locks_per_transaction * (max_connections +
    /// max_prepared_transactions)`
    /// (<https://www.postgresql.org/docs/current/runtime-config-locks.html>).
    pub locks: u64,
    /// Number of locks that are held.
    pub locks_held: u64,
    /// Number of connections that this role can still open in this database, in addition to the one
    /// that asks.
    pub connections: u64,
    /// The setting that limits them.
    pub limited_by: String,
    /// The version of Citus, or `None` without it.
    pub citus: Option<String>,
    /// The database, by which another target of the same run is recognised.
    pub database: Option<DatabaseIdentity>,
    /// Measured number of locks that a tenant takes, or `None` if the run stays far from the limit.
    #[serde(skip)]
    pub tenant_locks: Option<u64>,
}

/// The free locks and connections of a worker of Citus. Each connection to the coordinator opens one to it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct WorkerCapacity {
    node: String,
    locks_per_transaction: u64,
    locks: u64,
    locks_held: u64,
    connections: u64,
    max_connections: u64,
}

/// Query for the capacity of the workers; one that is down is left out.
const WORKERS: &str = include_str!("workers.sql");

/// The number of workers that a run may have, and the reason for the limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Number of workers, at least one.
    pub workers: usize,
    /// The reason why there are not more workers, with the name of the setting.
    pub because: Option<String>,
}

impl ServerCapacity {
    /// Queries the server.
    ///
    /// # Errors
    /// See [`PsqlError`].
    pub async fn query(session: &mut PsqlSession, shutdown: &Shutdown) -> Result<Self, PsqlError> {
        let timeout = session.server().timeout;
        let options = ScriptOptions {
            restrict: false,
            ..ScriptOptions::default()
        };
        // The role's timeout must not interrupt this query either.
        let script = format!("{} \\;\n{}", settings(timeout), include_str!("room.sql"));
        let output = session
            .run_script(&script, &options, 0, timeout, shutdown)
            .await?;
        let line = output.lines.last().map(String::as_str).unwrap_or_default();
        let capacity: Self = parse_json(line, 1)?;
        if capacity.citus.is_none() {
            return Ok(capacity);
        }
        let output = session
            .run_script(
                &format!("{} \\;\n{WORKERS}", settings(timeout)),
                &options,
                0,
                timeout,
                shutdown,
            )
            .await?;
        let line = output.lines.last().map(String::as_str).unwrap_or_default();
        Ok(capacity.with_workers(&parse_json::<Vec<WorkerCapacity>>(line, 1)?))
    }

    /// Returns the capacity with the limits of the workers that have less.
    fn with_workers(mut self, workers: &[WorkerCapacity]) -> Self {
        for worker in workers {
            if worker.connections < self.connections {
                self.connections = worker.connections;
                self.limited_by = format!(
                    "max_connections ({}) of the worker {}",
                    worker.max_connections, worker.node
                );
            }
            let free = |locks: u64, held: u64| locks.saturating_sub(held);
            // A tenant takes up to half as many locks again on a worker: measured 298 on the coordinator, 427 there.
            let locks = worker.locks * 2 / 3;
            if free(locks, worker.locks_held) < free(self.locks, self.locks_held) {
                self.locks = locks;
                self.locks_held = worker.locks_held;
                self.locks_per_transaction = worker.locks_per_transaction;
            }
        }
        self
    }

    /// Returns whether the workers fit even if a tenant takes several times the estimated locks.
    fn is_ample(&self, locks: u64, wanted: Option<usize>, most: usize) -> bool {
        self.budget(locks * AMPLE, wanted, most)
            .is_ok_and(|budget| budget.because.is_none())
    }

    /// Measures the locks that a tenant takes: creates one in a transaction that is rolled back.
    ///
    /// The number depends on the server, down to its minor release: 15.20 locks the types and
    /// constraints that new objects depend on, 15.18 does not. A measurement costs as much time as
    /// a tenant. It is left out if the workers fit anyway, if not even the estimate fits, and on
    /// Citus, where a tenant is more than one message.
    pub(super) async fn measure_tenant(
        &mut self,
        provisioner: &Provisioner,
        session: &mut PsqlSession,
        wanted: Option<usize>,
        most: usize,
        shutdown: &Shutdown,
    ) {
        let estimate = locks_of(provisioner.snapshot());
        let is_citus = self.citus.is_some() || provisioner.options().render.citus;
        if is_citus
            || wanted == Some(1)
            || self.is_ample(estimate, wanted, most)
            || self.budget(estimate, wanted, most).is_err()
        {
            return;
        }
        match measured_locks(provisioner, session, shutdown).await {
            Ok(locks) => self.tenant_locks = locks,
            Err(error) => {
                tracing::debug!(%error, "the locks of a tenant were not measured");
                // The transaction of the old session may still be open.
                *session = provisioner.session();
            }
        }
    }

    /// Returns the number of workers that can create tenants of `locks` locks at the same time.
    /// `wanted` is the number that the user asked for, or `None` for at most half of the free
    /// connections.
    ///
    /// # Errors
    /// [`BudgetError`] if there is no room for one tenant.
    pub fn budget(
        &self,
        locks: u64,
        wanted: Option<usize>,
        most: usize,
    ) -> Result<Budget, BudgetError> {
        let free = self
            .locks
            .saturating_sub(self.locks_held)
            .saturating_sub(self.locks / SPARED);
        let by_locks = free / locks.max(1);
        if by_locks == 0 {
            let slots = self.locks / self.locks_per_transaction.max(1);
            // The setting that would have room for one tenant after the share of the others, rounded up: the lock
            // table is the setting times the number of slots.
            let needed = (self.locks_held + locks) * SPARED / (SPARED - 1) / slots.max(1) + 1;
            return Err(BudgetError {
                locks,
                free,
                locks_per_transaction: self.locks_per_transaction,
                needed,
            });
        }
        // The connection that asked becomes one of the workers.
        let by_connections = 1 + if wanted.is_some() {
            self.connections
        } else {
            self.connections / 2
        };
        let allowed = usize::try_from(by_locks.min(by_connections)).unwrap_or(usize::MAX);
        let wanted = wanted.unwrap_or(most);
        if wanted <= allowed {
            return Ok(Budget {
                workers: wanted,
                because: None,
            });
        }
        let because = if by_locks <= by_connections {
            format!(
                "a tenant takes {locks} locks, and the server has {free} free: raise max_locks_per_transaction, which is {}",
                self.locks_per_transaction
            )
        } else {
            format!("{} allows no more connections", self.limited_by)
        };
        Ok(Budget {
            workers: allowed,
            because: Some(because),
        })
    }
}

/// Creates a tenant and rolls it back. Returns the number of entries in the lock table that it took,
/// or `None` if the snapshot cannot be rendered: the first tenant reports why.
async fn measured_locks(
    provisioner: &Provisioner,
    session: &mut PsqlSession,
    shutdown: &Shutdown,
) -> Result<Option<u64>, PsqlError> {
    let tenant = fresh_name("stamp")
        .and_then(|name| TenantName::new(name).map_err(std::io::Error::other))
        .map_err(PsqlError::Random)?;
    let render = &provisioner.options().render;
    let Ok(statements) = provisioner.snapshot().statements_for(&tenant, render) else {
        return Ok(None);
    };
    let added = |sql: &str| Rendered::added(sql.to_owned());
    let message = one_message(
        &std::iter::once(added("BEGIN"))
            .chain(statements)
            .chain([added(LOCKS_TAKEN), added("ROLLBACK")])
            .collect::<Vec<_>>(),
    );
    let timeout = session.server().timeout;
    let output = session
        .run_script(&message, &ScriptOptions::default(), 0, timeout, shutdown)
        .await?;
    let count = |line: &String| {
        let (mark, count) = serde_json::from_str::<(String, u64)>(line).ok()?;
        (mark == "locks taken").then_some(count)
    };
    Ok(output.lines.iter().rev().find_map(count))
}

/// Query for the number of locks of the current transaction, without those on the fast path, which
/// are not in the lock table.
const LOCKS_TAKEN: &str = "SELECT pg_catalog.json_build_array('locks taken', pg_catalog.count(DISTINCT \
    (l.locktype, l.database, l.relation, l.page, l.tuple, l.virtualxid, l.transactionid::text, l.classid, l.objid, l.objsubid))) \
    FROM pg_catalog.pg_locks l WHERE l.pid = pg_catalog.pg_backend_pid() AND NOT l.fastpath";

/// Estimates the number of entries in the server's lock table that creating a tenant takes.
///
/// Measured on `PostgreSQL` 15: one for each table, index, sequence, view and composite type; two for
/// the TOAST table and its index, which most tables have; one for the index of each primary key,
/// unique or exclusion constraint. Any other object takes one if it gets a comment or an owner, and
/// none otherwise.
pub fn locks_of(snapshot: &Snapshot) -> u64 {
    let of = |statement: &crate::snapshot::CompiledStatement| {
        let object = &statement.object;
        match (object.action, object.kind) {
            (Action::Create, ObjectKind::Table | ObjectKind::MaterializedView) => 3,
            (
                Action::Create,
                ObjectKind::ForeignTable
                | ObjectKind::View
                | ObjectKind::Sequence
                | ObjectKind::Index
                | ObjectKind::Type,
            )
            | (Action::Alter, ObjectKind::Constraint) => 1,
            _ => 0,
        }
    };
    let statements: u64 = snapshot.template().statements.iter().map(of).sum();
    let objects = snapshot
        .template()
        .statements
        .iter()
        .map(|statement| &statement.object);
    let locked: BTreeSet<String> = objects
        .filter(|object| locks_itself(object))
        .map(Object::to_string)
        .collect();
    // Keys inside CREATE TABLE, as in files written by hand. Identity columns have their own
    // sequence.
    let body = snapshot.body();
    let words = tokens(body)
        .into_iter()
        .filter(|token| token.kind == TokenKind::Word);
    let inside = words
        .filter(|token| {
            let word = token.text(body);
            [
                "primary",
                "unique",
                "exclude",
                "identity",
                "serial",
                "bigserial",
            ]
            .iter()
            .any(|wanted| word.eq_ignore_ascii_case(wanted))
        })
        .count();
    statements + locked.len() as u64 + inside as u64 + OWN_LOCKS
}

/// Returns `true` if a statement locks an object that was not locked before.
fn locks_itself(object: &Object) -> bool {
    let relation = matches!(
        object.kind,
        ObjectKind::Table
            | ObjectKind::ForeignTable
            | ObjectKind::View
            | ObjectKind::MaterializedView
            | ObjectKind::Sequence
            | ObjectKind::Index
            | ObjectKind::Column
    );
    matches!(object.action, Action::Comment | Action::Owner) && !relation
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room() -> ServerCapacity {
        ServerCapacity {
            locks_per_transaction: 64,
            locks: 6400,
            locks_held: 0,
            connections: 20,
            limited_by: "max_connections (100)".to_owned(),
            citus: None,
            database: None,
            tenant_locks: None,
        }
    }

    #[test]
    fn locks_and_connections_limit_the_workers() {
        assert_eq!(
            room().budget(100, None, 8).unwrap(),
            Budget {
                workers: 8,
                because: None
            }
        );
        assert_eq!(
            room().budget(100, None, 32).unwrap().workers,
            11,
            "half of what is free, and this one"
        );
        assert_eq!(
            room().budget(100, Some(20), 32).unwrap(),
            Budget {
                workers: 20,
                because: None
            }
        );
        let few = room().budget(1000, Some(16), 32).unwrap();
        assert_eq!(few.workers, 5);
        assert!(
            few.because
                .unwrap()
                .ends_with("raise max_locks_per_transaction, which is 64")
        );
        let many = room().budget(10, Some(64), 32).unwrap();
        assert_eq!(
            (many.workers, many.because.unwrap()),
            (
                21,
                "max_connections (100) allows no more connections".to_owned()
            )
        );
    }

    #[test]
    fn node_with_the_least_room_limits_the_workers() {
        // The form of an answer of `workers.sql` with Citus 13.2.2, with other numbers.
        let answer = r#"[{"node": "127.0.0.1:9701", "locks": 2000, "connections": 95, "locks_held": 1, "max_connections": 100, "locks_per_transaction": 64},
            {"node": "127.0.0.1:9702", "locks": 51200, "connections": 14, "locks_held": 1, "max_connections": 20, "locks_per_transaction": 256}]"#;
        let workers: Vec<WorkerCapacity> = serde_json::from_str(answer).unwrap();
        let room = room().with_workers(&workers);
        assert_eq!(
            (room.connections, room.limited_by.as_str()),
            (14, "max_connections (20) of the worker 127.0.0.1:9702")
        );
        assert_eq!((room.locks, room.locks_per_transaction), (1333, 64));
        assert_eq!(room.budget(10, Some(20), 32).unwrap().workers, 15);
    }

    #[test]
    fn locks_are_measured_only_near_the_limit() {
        assert!(room().is_ample(50, Some(20), 32));
        assert!(!room().is_ample(100, Some(20), 32));
        assert!(!room().is_ample(3000, None, 32));
    }

    #[test]
    fn a_tenant_that_does_not_fit_says_what_to_raise() {
        let error = room().budget(7000, Some(1), 1).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a tenant of this snapshot takes 7000 locks, and the server has 5600 free; \
             raise max_locks_per_transaction (it is 64) to 81 or more"
        );
        let raised = ServerCapacity {
            locks_per_transaction: 81,
            locks: 8100,
            ..room()
        };
        assert_eq!(raised.budget(7000, Some(1), 1).unwrap().workers, 1);
    }
}
