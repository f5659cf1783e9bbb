//! Drops spares that are no longer wanted.

use super::status::{PoolObstacle, status};
use crate::pg::{PsqlError, ScriptOptions, Server};
use crate::process::Shutdown;
use crate::snapshot::SPARE;
use crate::snapshot::{RenderOptions, Snapshot, settings};
use crate::sql::{quote, quote_literal};
use crate::tenant::marker::POOL;
use crate::tenant::spares::{SpareKind, as_role, pool_is_usable, pool_lock, pool_table};

/// Selects the spares to drop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SparesToDrain {
    /// The spares that no claim with this snapshot and these options takes, and those without a
    /// row.
    Others,
    /// All.
    All,
}

/// The result of draining.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Drained {
    /// Number of dropped schemas.
    pub dropped: usize,
    /// Number of removed rows without a spare.
    pub forgotten: usize,
    /// The reason why the current role does not use the pool. Nothing of it was dropped.
    pub obstacle: Option<PoolObstacle>,
}

/// Drops spares, each in its own transaction. A spare that a claim takes at the same moment stays.
///
/// # Errors
/// See [`PsqlError`]. Spares that were dropped before stay dropped.
pub async fn drain(
    server: &Server,
    snapshot: &Snapshot,
    options: &RenderOptions,
    which: SparesToDrain,
    shutdown: &Shutdown,
) -> Result<Drained, PsqlError> {
    let seen = status(server, snapshot, options, shutdown).await?;
    let mut drained = Drained {
        obstacle: seen.obstacle.clone(),
        ..Drained::default()
    };
    let rows = seen
        .spares
        .iter()
        .map(|group| group.ready + group.broken)
        .sum::<usize>();
    if rows > 0 {
        let condition = match which {
            SparesToDrain::All => "true".to_owned(),
            SparesToDrain::Others => format!(
                "NOT ({}) OR NOT EXISTS (SELECT FROM pg_catalog.pg_namespace n WHERE n.nspname = s.name)",
                SpareKind::new(snapshot, options).condition()
            ),
        };
        let role = as_role(options);
        let table = pool_table();
        let sql = format!(
            "{role}SELECT pg_catalog.to_json(s.name) FROM {table} s WHERE {condition} ORDER BY s.made;\n"
        );
        for name in server.query_json(&sql, shutdown).await? {
            let Some(name) = name.as_str() else { continue };
            let removed = remove(server, name, true, options, shutdown).await?;
            drained.dropped += usize::from(removed == "dropped");
            drained.forgotten += usize::from(removed == "forgotten");
        }
    }
    for name in &seen.strays {
        drained.dropped +=
            usize::from(remove(server, name, false, options, shutdown).await? == "dropped");
    }
    if which == SparesToDrain::All {
        server
            .run_script(&disposal(options), &ScriptOptions::default(), shutdown)
            .await?;
    }
    Ok(drained)
}

/// Drops the table of spares, unless somebody has added a spare meanwhile. A claim that waits for
/// it finds no pool.
fn disposal(options: &RenderOptions) -> String {
    let table = pool_table();
    let body = format!(
        "BEGIN IF NOT {} THEN RETURN; END IF; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE; \
         IF NOT EXISTS (SELECT FROM {table}) THEN DROP TABLE {table}; DROP SCHEMA {POOL}; END IF; END",
        pool_is_usable()
    );
    let role = as_role(options);
    format!(
        "{} \\;\n{role}{} \\;\nDO {};\n",
        settings(None),
        pool_lock(),
        quote_literal(&body)
    )
}

/// Removes a spare and its row. The output is `dropped`, `forgotten` if there was only a row, or
/// nothing if somebody has claimed it.
async fn remove(
    server: &Server,
    name: &str,
    has_row: bool,
    options: &RenderOptions,
    shutdown: &Shutdown,
) -> Result<String, PsqlError> {
    let table = pool_table();
    let row = quote_literal(name);
    let take = if has_row {
        format!(
            "PERFORM 1 FROM {table} s WHERE s.name = {row} FOR UPDATE SKIP LOCKED; IF NOT FOUND THEN RETURN; END IF; \
             DELETE FROM {table} s WHERE s.name = {row}; PERFORM pg_catalog.set_config('schemastamp.drained', 'forgotten', true); "
        )
    } else {
        // A concurrent fill may have added it to the pool.
        let usable = pool_is_usable();
        format!(
            "IF {usable} THEN IF EXISTS (SELECT FROM {table} s WHERE s.name = {row}) THEN RETURN; END IF; END IF; "
        )
    };
    // Check the marker again in the transaction that drops: a spare that became a tenant stays.
    let body = format!(
        "BEGIN {take}IF EXISTS (SELECT FROM pg_catalog.pg_namespace n WHERE n.nspname = {literal} \
         AND pg_catalog.obj_description(n.oid, 'pg_namespace') ~ {mark}) THEN DROP SCHEMA {schema} CASCADE; \
         PERFORM pg_catalog.set_config('schemastamp.drained', 'dropped', true); END IF; END",
        literal = quote_literal(name),
        mark = quote_literal(&format!("(^|\\n){SPARE}[0-9a-f]{{64}}$")),
        schema = quote(name),
    );
    let script = format!(
        "{} \\;\n{}SELECT pg_catalog.set_config('schemastamp.drained', '', true) \\;\nDO {} \\;\n\
         SELECT pg_catalog.current_setting('schemastamp.drained');\n",
        settings(server.timeout),
        as_role(options),
        quote_literal(&body)
    );
    let output = server
        .run_script(&script, &ScriptOptions::default(), shutdown)
        .await?;
    Ok(output.lines.last().cloned().unwrap_or_default())
}
