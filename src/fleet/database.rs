//! The servers of a fleet, and which of them lead to the same database.

use std::time::Duration;

use serde::Deserialize;

use super::join::join_all;
use crate::pg::{PsqlError, Server};
use crate::process::Shutdown;

/// A server of a fleet.
#[derive(Clone, Debug)]
pub struct FleetTarget {
    /// The server's name, or `None` if it is the only one.
    pub name: Option<String>,
    /// The server.
    pub server: Server,
}

/// A database of a running server: the time at which the server started, to the microsecond, and
/// the database's OID and name. A copy of a server has another time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct DatabaseIdentity(String, String, String);

/// Time limit for the query of an identity, if the user sets none.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Expression for a [`DatabaseIdentity`] as JSON.
const IDENTITY: &str = "(SELECT pg_catalog.json_build_array(pg_catalog.pg_postmaster_start_time() AT TIME ZONE 'UTC', \
     d.oid, d.datname) FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())";

impl DatabaseIdentity {
    /// Returns a query that prints the identity of its database on one line.
    pub(super) fn sql() -> String {
        format!("SELECT {IDENTITY};\n")
    }

    async fn query(server: &Server, shutdown: &Shutdown) -> Result<Self, PsqlError> {
        let mut server = server.clone();
        server.timeout.get_or_insert(TIMEOUT);
        server.query_json_one(&Self::sql(), shutdown).await
    }
}

/// Returns the indexes of two of these databases that are the same one, if there are any. A server
/// that is not known counts as another one.
pub fn find_shared(databases: &[Option<DatabaseIdentity>]) -> Option<(usize, usize)> {
    databases.iter().enumerate().find_map(|(index, database)| {
        let database = database.as_ref()?;
        let mut earlier = databases.iter().take(index);
        let first = earlier.position(|other| other.as_ref() == Some(database))?;
        Some((first, index))
    })
}

/// Asks all targets, and returns the indexes of two that lead to the same database, if there are
/// any.
pub async fn shared_database(
    targets: &[FleetTarget],
    shutdown: &Shutdown,
) -> Option<(usize, usize)> {
    if targets.len() < 2 {
        return None;
    }
    let queries = targets
        .iter()
        .map(async |target| DatabaseIdentity::query(&target.server, shutdown).await.ok());
    find_shared(&join_all(queries).await)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_database_of_the_same_run_of_a_server_is_found() {
        let database = |started: &str, oid: &str| {
            let name = "app".to_owned();
            Some(DatabaseIdentity(started.to_owned(), oid.to_owned(), name))
        };
        let different = [
            database("1", "5"),
            None,
            database("2", "5"),
            database("1", "6"),
            None,
        ];
        assert_eq!(find_shared(&different), None);
        let shared = [
            database("1", "5"),
            None,
            database("2", "5"),
            database("2", "5"),
        ];
        assert_eq!(find_shared(&shared), Some((2, 3)));
    }
}
