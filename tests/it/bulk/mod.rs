//! Many tenants by psql that are kept open: lists, streams, several servers.

mod citus;
mod list;
mod session;
mod stream;
mod targets;
mod terminal;

pub(crate) use targets::target;

use crate::support::Database;

/// Returns `count` names, one per line, numbered from 0.
pub(crate) fn names(prefix: &str, count: usize) -> String {
    (0..count).fold(String::new(), |names, number| {
        names + &format!("{prefix}{number}\n")
    })
}

/// Counts the schemas with a tenant's marker.
pub(crate) fn marked(database: &Database<'_>, like: &str) -> u32 {
    let count = database.query(&format!(
        "SELECT count(*) FROM pg_namespace n WHERE nspname LIKE '{like}' \
         AND obj_description(oid, 'pg_namespace') ~ '(^|\n)schemastamp: [0-9a-f]{{64}}/[0-9a-f]{{12}}$'"
    ));
    count.parse().unwrap()
}
