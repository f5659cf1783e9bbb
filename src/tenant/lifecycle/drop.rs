//! Drops a tenant, and nothing but the tenant.

use serde::Deserialize;

use crate::pg::{PsqlError, ScriptOptions, Server, SqlState};
use crate::process::Shutdown;
use crate::snapshot::{lock, settings};
use crate::sql::{TenantName, quote, quote_literal};
use crate::text::{swrite, swriteln};

/// Raised when something outside of the schema depends on it.
const OUTSIDE: SqlState = SqlState::new(*b"SS003");
/// The share of the server's lock table that one transaction takes.
const LOCK_SHARE: u64 = 4;

/// What would go.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Preview {
    /// Tables, partitions included.
    pub tables: u64,
    /// Views and materialized views.
    pub views: u64,
    /// Sequences.
    pub sequences: u64,
    /// Functions and procedures.
    pub routines: u64,
    /// Bytes on disk, indexes included.
    pub bytes: u64,
    /// What is not in the schema and depends on it, at most 20.
    pub outside: Vec<String>,
    /// Relations of all kinds: each takes a lock.
    relations: u64,
    /// Locks that the server has room for.
    locks: u64,
}

/// Why a tenant is not dropped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DropError {
    /// psql failed.
    #[error("the tenant could not be dropped")]
    Psql(#[from] PsqlError),
    /// There is no such schema.
    #[error("there is no tenant '{}'", .0.as_str().escape_debug())]
    Missing(TenantName),
    /// Something outside of the schema depends on it.
    #[error("objects of other schemas depend on it: {}", .0.join("; "))]
    Outside(Vec<String>),
}

fn outside(tenant: &TenantName) -> String {
    include_str!("inside.sql").replace("$schema$", &quote_literal(tenant.as_str()))
}

/// Tells what would go; `None` when there is no such schema.
///
/// # Errors
/// See [`PsqlError`].
pub async fn preview(
    server: &Server,
    tenant: &TenantName,
    shutdown: &Shutdown,
) -> Result<Option<Preview>, PsqlError> {
    let count = |kinds: &str| {
        format!(
            "(SELECT pg_catalog.count(*) FROM pg_catalog.pg_class c WHERE c.relnamespace = n.oid AND c.relkind IN ({kinds}))"
        )
    };
    let sql = format!(
        "SELECT pg_catalog.json_build_object('tables', {tables}, 'views', {views}, 'sequences', {sequences}, \
         'relations', {relations}, \
         'routines', (SELECT pg_catalog.count(*) FROM pg_catalog.pg_proc p WHERE p.pronamespace = n.oid), \
         'bytes', (SELECT COALESCE(pg_catalog.sum(pg_catalog.pg_total_relation_size(c.oid)), 0)::bigint \
         FROM pg_catalog.pg_class c WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'm')), \
         'locks', pg_catalog.current_setting('max_locks_per_transaction')::bigint \
         * (pg_catalog.current_setting('max_connections')::bigint + pg_catalog.current_setting('max_prepared_transactions')::bigint), \
         'outside', COALESCE((SELECT pg_catalog.json_agg(outside) FROM ({outside} ORDER BY 1 LIMIT 20) AS o), '[]')) \
         FROM pg_catalog.pg_namespace n WHERE n.nspname = {name};\n",
        tables = count("'r', 'p', 'f'"),
        views = count("'v', 'm'"),
        sequences = count("'S'"),
        relations = count("'r', 'p', 'f', 'v', 'm', 'S', 'i', 'I'"),
        outside = outside(tenant),
        name = quote_literal(tenant.as_str()),
    );
    server.query_json_optional(&sql, shutdown).await
}

/// Drops the schema and all that is in it; a big one in steps that fit the server's lock table, each a transaction.
///
/// What is outside of the schema and depends on it goes only with `cascade`; otherwise nothing goes at all, or, of a big
/// schema, nothing more from the step on in which it appeared.
///
/// # Errors
/// See [`DropError`].
pub async fn drop_tenant(
    server: &Server,
    tenant: &TenantName,
    cascade: bool,
    shutdown: &Shutdown,
) -> Result<(), DropError> {
    let seen = preview(server, tenant, shutdown)
        .await?
        .ok_or_else(|| DropError::Missing(tenant.clone()))?;
    if !cascade && !seen.outside.is_empty() {
        return Err(DropError::Outside(seen.outside));
    }
    let most = (seen.locks / LOCK_SHARE).max(64);
    if seen.relations > most {
        // Each table has its indexes, its sequences and its TOAST table with it.
        let per_table = seen.relations.saturating_mul(2) / seen.tables.max(1) + 2;
        let at_once = usize::try_from((most / per_table).max(1)).unwrap_or(usize::MAX);
        let tables = read_tables(server, tenant, shutdown).await?;
        for chunk in tables.chunks(at_once) {
            let names: Vec<String> = chunk
                .iter()
                .map(|table| format!("{}.{}", tenant.quoted(), quote(table)))
                .collect();
            transaction(
                server,
                tenant,
                cascade,
                &format!("DROP TABLE IF EXISTS {} CASCADE", names.join(", ")),
                shutdown,
            )
            .await?;
        }
    }
    transaction(
        server,
        tenant,
        cascade,
        &format!("DROP SCHEMA {} CASCADE", tenant.quoted()),
        shutdown,
    )
    .await
}

async fn read_tables(
    server: &Server,
    tenant: &TenantName,
    shutdown: &Shutdown,
) -> Result<Vec<String>, PsqlError> {
    let sql = format!(
        "SELECT pg_catalog.to_json(c.relname) FROM pg_catalog.pg_class c \
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname = {} AND c.relkind IN ('r', 'p') ORDER BY c.relispartition DESC, c.relname;\n",
        quote_literal(tenant.as_str())
    );
    let names = server.query_json(&sql, shutdown).await?;
    Ok(names
        .into_iter()
        .filter_map(|name| name.as_str().map(str::to_owned))
        .collect())
}

/// Under the tenant's lock: looks for what is outside once more, then drops.
async fn transaction(
    server: &Server,
    tenant: &TenantName,
    cascade: bool,
    drop: &str,
    shutdown: &Shutdown,
) -> Result<(), DropError> {
    let mut script = format!("BEGIN;\n{};\n{};\n", settings(server.timeout), lock(tenant));
    if !cascade {
        let body = format!(
            "DECLARE found text; BEGIN SELECT pg_catalog.string_agg(outside, E'\\n') INTO found FROM ({} LIMIT 20) AS o; \
             IF found IS NOT NULL THEN RAISE EXCEPTION USING ERRCODE = '{OUTSIDE}', MESSAGE = 'outside', DETAIL = found; END IF; END",
            outside(tenant)
        );
        swriteln!(script, "DO {};", quote_literal(&body));
    }
    swrite!(script, "{drop};\nCOMMIT;\n");
    match server
        .run_script(&script, &ScriptOptions::default(), shutdown)
        .await
    {
        Ok(_) => Ok(()),
        Err(PsqlError::Script { message, .. }) if message.sqlstate == Some(OUTSIDE) => {
            let found = message.detail.unwrap_or_default();
            Err(DropError::Outside(
                found.split('\n').map(str::to_owned).collect(),
            ))
        }
        Err(PsqlError::Script { message, .. })
            if message.sqlstate == Some(SqlState::INVALID_SCHEMA_NAME) =>
        {
            Err(DropError::Missing(tenant.clone()))
        }
        Err(error) => Err(error.into()),
    }
}
