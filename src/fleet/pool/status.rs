//! Reads the state of the pools.

use serde::Deserialize;

use crate::pg::{PsqlError, Server, UNHURRIED, read_json};
use crate::process::Shutdown;
use crate::snapshot::SPARE;
use crate::snapshot::{RenderOptions, Snapshot};
use crate::sql::quote_literal;
use crate::tenant::TableState;
use crate::tenant::marker::{POOL, SPARE_NAME};
use crate::tenant::spares::{
    SpareKind, as_role, pool_is_usable, pool_owner, pool_state, pool_table,
};

/// The spares of a database.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolStatus {
    /// Groups of equivalent spares. The requested kind is first.
    pub spares: Vec<Spares>,
    /// Schemas that are marked as spares and have no row.
    pub strays: Vec<String>,
    /// The reason why the current role does not use the pool.
    pub obstacle: Option<PoolObstacle>,
}

impl PoolStatus {
    /// Returns the number of spares that can be claimed: those of the wanted kind, whatever format
    /// their snapshot was written in.
    pub fn ready(&self) -> usize {
        let wanted = self.spares.iter().filter(|group| group.wanted);
        wanted.map(|group| group.ready).sum()
    }
}

/// The reason why a role does not use the pool of a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PoolObstacle {
    /// It belongs to a role that is not trusted, or that grants too little.
    OfAnother {
        /// The role.
        owner: String,
    },
    /// Its table runs code when it is written to, or hides rows.
    Altered,
}

/// Equivalent spares.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Spares {
    /// Fingerprint of their snapshot.
    pub snapshot: String,
    /// Their options: `no owners, no privileges`, or empty for the whole snapshot.
    pub options: String,
    /// The role that created them and may claim them, or `None` for the login role, if it has no
    /// spares.
    pub owner: Option<String>,
    /// Number of spares.
    pub ready: usize,
    /// Number of rows whose schema is gone or is no longer a spare. Claims skip them.
    pub broken: usize,
    /// Creation time of the oldest, in UTC as the server prints it, or `None` if there is none.
    pub oldest: Option<String>,
    /// `true` if a claim for this snapshot with these options takes them.
    pub wanted: bool,
}

/// Reads the state of the pools. The first group is that of this snapshot and these options, even
/// if it is empty.
///
/// # Errors
/// See [`PsqlError`].
pub async fn status(
    server: &Server,
    snapshot: &Snapshot,
    options: &RenderOptions,
    shutdown: &Shutdown,
) -> Result<PoolStatus, PsqlError> {
    let kind = SpareKind::new(snapshot, options);
    let role = as_role(options);
    let table = pool_table();
    let marked = format!(
        "(SELECT n.nspname, pg_catalog.obj_description(n.oid, 'pg_namespace') AS comment FROM pg_catalog.pg_namespace n \
         WHERE n.nspname ~ '^{SPARE_NAME}[0-9a-f]{{24}}$')"
    );
    let sql = format!(
        "{role}SELECT pg_catalog.json_build_array({}, {});\n",
        pool_state(),
        pool_owner()
    );
    let (state, owner): (Option<TableState>, Option<String>) =
        server.query_json_one(&sql, shutdown).await?;
    let there = state == Some(TableState::Usable);
    let groups = if there {
        format!(
            "{role}SELECT pg_catalog.json_build_object('snapshot', s.snapshot, 'options', s.options, 'owner', s.owner, \
             'ready', pg_catalog.count(m.nspname), 'broken', pg_catalog.count(*) - pg_catalog.count(m.nspname), \
             'oldest', pg_catalog.to_char(pg_catalog.min(s.made) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), \
             'wanted', {wanted}) \
             FROM {table} s LEFT JOIN {marked} m ON m.nspname = s.name AND m.comment LIKE '%{SPARE}' || s.snapshot \
             GROUP BY s.snapshot, s.options, s.owner ORDER BY {wanted} DESC, pg_catalog.min(s.made);\n",
            wanted = kind.condition(),
        )
    } else {
        String::new()
    };
    let strays = format!(
        "{UNHURRIED}{role}SELECT pg_catalog.to_json(m.nspname) FROM {marked} m WHERE m.comment ~ {} AND {} ORDER BY m.nspname;\n",
        quote_literal(&format!("(^|\\n){SPARE}[0-9a-f]{{64}}$")),
        // A spare in a pool that this role may not read is not a stray.
        if there {
            format!("NOT EXISTS (SELECT FROM {table} s WHERE s.name = m.nspname)")
        } else {
            format!("pg_catalog.to_regnamespace('{POOL}') IS NULL")
        }
    );
    let obstacle = match state {
        Some(TableState::Usable) => None,
        Some(TableState::Altered) => Some(PoolObstacle::Altered),
        Some(TableState::OfAnother | TableState::Forbidden) | None => {
            owner.map(|owner| PoolObstacle::OfAnother { owner })
        }
    };
    let mut found = PoolStatus {
        spares: Vec::new(),
        strays: Vec::new(),
        obstacle,
    };
    for (index, value) in server
        .query_json(&format!("{groups}{strays}"), shutdown)
        .await?
        .into_iter()
        .enumerate()
    {
        if let Some(stray) = value.as_str() {
            found.strays.push(stray.to_owned());
            continue;
        }
        let group = read_json(value, index + 1)?;
        found.spares.push(group);
    }
    if !found.spares.first().is_some_and(|group| group.wanted) {
        found.spares.insert(0, kind.none());
    }
    Ok(found)
}

/// The ready-made tenants of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ReadySpares {
    /// The snapshot's fingerprint.
    pub snapshot: String,
    /// Number of spares that can be claimed, whatever their options.
    pub ready: usize,
}

/// Counts the spares of each snapshot that are ready; none if the role may not use the pools.
///
/// # Errors
/// See [`PsqlError`].
pub async fn count_ready(
    server: &Server,
    shutdown: &Shutdown,
) -> Result<Vec<ReadySpares>, PsqlError> {
    let sql = format!("SELECT pg_catalog.to_json({});\n", pool_is_usable());
    if !server.query_json_one::<bool>(&sql, shutdown).await? {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT pg_catalog.json_build_object('snapshot', s.snapshot, 'ready', pg_catalog.count(n.oid)) FROM {} s \
         LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = s.name \
         AND pg_catalog.obj_description(n.oid, 'pg_namespace') LIKE '%{SPARE}' || s.snapshot \
         GROUP BY s.snapshot ORDER BY s.snapshot;\n",
        pool_table()
    );
    let lines = server.query_json(&sql, shutdown).await?.into_iter();
    lines
        .enumerate()
        .map(|(index, line)| read_json(line, index + 1))
        .collect()
}

impl SpareKind {
    fn none(self) -> Spares {
        let Self {
            snapshot,
            options,
            role,
            ..
        } = self;
        Spares {
            snapshot,
            options,
            owner: role,
            ready: 0,
            broken: 0,
            oldest: None,
            wanted: true,
        }
    }
}
