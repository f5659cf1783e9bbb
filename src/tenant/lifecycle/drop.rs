//! Drops a tenant, and nothing but the tenant.

use serde::Deserialize;
use serde_json::Value;

use super::distribution::{HAS_DISTRIBUTED_SCHEMAS, distributed_bytes};
use super::guard::{Demand, GuardFacts, SchemaRefusal};
use crate::pg::catalog::{BY_KEYS, by_keys_in_message, with_members};
use crate::pg::{PsqlError, Server, SqlState};
use crate::process::Shutdown;
use crate::snapshot::capture::{inspect_tables, oid_values};
use crate::snapshot::{lock, settings};
use crate::sql::{TenantName, quote, quote_literal};
use crate::tenant::transaction::{TransactionError, UnknownEnd, run_transaction};
use crate::text::swriteln;

/// Raised when something outside of the schema depends on it.
const OUTSIDE: SqlState = SqlState::new(*b"SS003");
/// The share of the server's lock table that one transaction takes.
const LOCK_SHARE: u64 = 4;

/// Objects that would go with a tenant.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
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
    /// Objects outside the schema that depend on it, at most 20.
    pub outside: Vec<String>,
    /// Publications that lose tables.
    pub publications: Vec<String>,
    /// True for a distributed schema of Citus.
    #[serde(skip)]
    pub distributed: bool,
    /// Large objects whose ids its rows hold, and that stay in the database; `None` if the rows cannot be read.
    #[serde(skip)]
    pub large_objects: Option<usize>,
    has_citus: bool,
    /// Relations of all kinds: each takes a lock.
    relations: u64,
    /// Locks that the server has room for.
    locks: u64,
    facts: Value,
}

impl Preview {
    /// Refuses a schema that [`drop_tenant`] would refuse.
    ///
    /// # Errors
    /// [`DropError::Refused`].
    pub fn check(&self, tenant: &TenantName, options: &DropOptions) -> Result<(), DropError> {
        let demand = if options.not_a_tenant {
            Demand::AnySchema
        } else {
            Demand::Tenant
        };
        Ok(GuardFacts::read(self.facts.clone())?.check(tenant, demand)?)
    }
}

/// Options for [`drop_tenant`].
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct DropOptions {
    /// Drop also what other schemas have that depends on the tenant.
    pub cascade: bool,
    /// Drop a schema that has neither a mark nor a versions table, too.
    pub not_a_tenant: bool,
    /// The name of the versions table, where it is none that is well known.
    pub versions_table: Option<String>,
}

impl DropOptions {
    /// Drops tenants only, and nothing outside them.
    pub fn new() -> Self {
        Self::default()
    }
}

/// Reasons why a tenant is not dropped.
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
    /// The schema is one that is left alone.
    #[error(transparent)]
    Refused(#[from] SchemaRefusal),
    /// The answer was lost, and the server could not be asked what became of it.
    #[error("it is not known whether the tenant was dropped")]
    Unknown(#[source] UnknownEnd),
    /// A big schema is dropped in steps, and one of them failed.
    #[error("{dropped} of its {tables} tables are dropped already")]
    InPart {
        /// Tables that are gone.
        dropped: usize,
        /// Tables there were.
        tables: usize,
        /// Cause.
        #[source]
        source: Box<DropError>,
    },
}

fn outside(tenant: &TenantName) -> String {
    with_members(include_str!("inside.sql")).replace("$schema$", &quote_literal(tenant.as_str()))
}

/// Returns what would go; `None` when there is no such schema.
///
/// # Errors
/// See [`PsqlError`].
pub async fn preview_drop(
    server: &Server,
    tenant: &TenantName,
    versions_table: Option<&str>,
    shutdown: &Shutdown,
) -> Result<Option<Preview>, PsqlError> {
    let mut seen = look_before_drop(server, tenant, versions_table, shutdown).await?;
    if let Some(seen) = &mut seen {
        seen.large_objects = large_objects(server, tenant, shutdown).await;
        // The coordinator's own tables of a distributed tenant are empty shells.
        if seen.has_citus
            && let Some(bytes) = distributed_bytes(server, tenant, shutdown).await?
        {
            seen.distributed = true;
            seen.bytes = bytes;
        }
    }
    Ok(seen)
}

/// Returns what decides about a drop: the content but for large objects and the sizes on other nodes.
async fn look_before_drop(
    server: &Server,
    tenant: &TenantName,
    versions_table: Option<&str>,
    shutdown: &Shutdown,
) -> Result<Option<Preview>, PsqlError> {
    let count = |kinds: &str| {
        format!("(SELECT pg_catalog.count(*) FROM kept c WHERE c.relkind IN ({kinds}))")
    };
    let sql = format!(
        "{by_keys}WITH ns AS MATERIALIZED (SELECT oid, nspname FROM pg_catalog.pg_namespace WHERE nspname = {name}),\n{members},\n\
         kept AS MATERIALIZED (SELECT c.oid, c.relkind FROM relation r \
         CROSS JOIN LATERAL (SELECT c.oid, c.relkind FROM pg_catalog.pg_class c WHERE c.oid = r.oid OFFSET 0) c) \
         SELECT pg_catalog.json_build_object('tables', {tables}, 'views', {views}, 'sequences', {sequences}, \
         'relations', {relations}, 'has_citus', {HAS_DISTRIBUTED_SCHEMAS}, \
         'routines', (SELECT pg_catalog.count(*) FROM routine), \
         'bytes', (SELECT COALESCE(pg_catalog.sum(pg_catalog.pg_total_relation_size(c.oid)), 0)::bigint \
         FROM kept c WHERE c.relkind IN ('r', 'm')), \
         'locks', pg_catalog.current_setting('max_locks_per_transaction')::bigint \
         * (pg_catalog.current_setting('max_connections')::bigint + pg_catalog.current_setting('max_prepared_transactions')::bigint), \
         'facts', {facts}, \
         'publications', COALESCE((SELECT pg_catalog.json_agg(DISTINCT p.pubname) FROM pg_catalog.pg_publication_tables t \
         JOIN pg_catalog.pg_publication p ON p.pubname = t.pubname \
         WHERE t.schemaname = n.nspname AND NOT p.puballtables), '[]'), \
         'outside', COALESCE((SELECT pg_catalog.json_agg(outside) FROM ({outside} ORDER BY 1 LIMIT 20) AS o), '[]')) \
         FROM pg_catalog.pg_namespace n WHERE n.nspname = {name};\n",
        tables = count("'r', 'p', 'f'"),
        views = count("'v', 'm'"),
        sequences = count("'S'"),
        relations = count("'r', 'p', 'f', 'v', 'm', 'S', 'i', 'I'"),
        outside = outside(tenant),
        facts = GuardFacts::sql(versions_table),
        name = quote_literal(tenant.as_str()),
        members = with_members("$members$"),
        by_keys = by_keys_in_message(),
    );
    server.query_json_optional(&sql, shutdown).await
}

/// Returns the number of large objects whose ids a tenant's rows hold; `None` if the rows cannot be read.
async fn large_objects(server: &Server, tenant: &TenantName, shutdown: &Shutdown) -> Option<usize> {
    let tables = inspect_tables(server, tenant.as_str(), shutdown)
        .await
        .ok()?;
    let found = oid_values(server, tenant.as_str(), tables.iter(), shutdown).await;
    let found = found.ok()?;
    Some(found.iter().map(|values| values.large_objects).sum())
}

/// Drops the schema and all that is in it; a big one in steps that fit the server's lock table, each a transaction.
///
/// Objects outside the schema that depend on it go only with `cascade`; otherwise nothing goes at all, or, of a big
/// schema, nothing more from the step on in which it appeared. A schema that is no tenant, `public` and those of extensions
/// are refused.
///
/// # Errors
/// See [`DropError`]; but for [`DropError::Unknown`] and [`DropError::InPart`] nothing was dropped.
pub async fn drop_tenant(
    server: &Server,
    tenant: &TenantName,
    options: &DropOptions,
    shutdown: &Shutdown,
) -> Result<(), DropError> {
    let seen = look_before_drop(server, tenant, options.versions_table.as_deref(), shutdown)
        .await?
        .ok_or_else(|| DropError::Missing(tenant.clone()))?;
    seen.check(tenant, options)?;
    drop_seen(server, tenant, seen, options.cascade, shutdown).await
}

/// Drops a schema that a run has made for itself.
pub(crate) async fn drop_own_schema(
    server: &Server,
    schema: &TenantName,
    shutdown: &Shutdown,
) -> Result<(), DropError> {
    let seen = look_before_drop(server, schema, None, shutdown)
        .await?
        .ok_or_else(|| DropError::Missing(schema.clone()))?;
    drop_seen(server, schema, seen, false, shutdown).await
}

async fn drop_seen(
    server: &Server,
    tenant: &TenantName,
    seen: Preview,
    cascade: bool,
    shutdown: &Shutdown,
) -> Result<(), DropError> {
    if !cascade && !seen.outside.is_empty() {
        return Err(DropError::Outside(seen.outside));
    }
    // DROP SCHEMA locks every relation of the schema until the end of its transaction. A big schema would fail with "out of
    // shared memory", and take the locks that others need before that.
    let most = (seen.locks / LOCK_SHARE).max(64);
    let mut dropped = 0;
    let mut count = 0;
    let in_part = |dropped: usize, tables: usize, source: DropError| match dropped {
        0 => source,
        _ => DropError::InPart {
            dropped,
            tables,
            source: Box::new(source),
        },
    };
    if seen.relations > most {
        // Each table has its indexes, its sequences and its TOAST table with it.
        let per_table = seen.relations.saturating_mul(2) / seen.tables.max(1) + 2;
        let at_once = usize::try_from((most / per_table).max(1)).unwrap_or(usize::MAX);
        let tables = read_tables(server, tenant, shutdown).await?;
        count = tables.len();
        for chunk in tables.chunks(at_once) {
            let names: Vec<String> = chunk
                .iter()
                .map(|table| format!("{}.{}", tenant.quoted(), quote(table)))
                .collect();
            let sql = format!("DROP TABLE IF EXISTS {} CASCADE", names.join(", "));
            transaction(server, tenant, cascade, &sql, shutdown)
                .await
                .map_err(|error| in_part(dropped, count, error))?;
            dropped += chunk.len();
        }
    }
    let sql = format!("DROP SCHEMA {} CASCADE", tenant.quoted());
    transaction(server, tenant, cascade, &sql, shutdown)
        .await
        .map_err(|error| in_part(dropped, count, error))
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

/// Checks for outside objects again under the tenant's lock, then drops.
async fn transaction(
    server: &Server,
    tenant: &TenantName,
    cascade: bool,
    drop: &str,
    shutdown: &Shutdown,
) -> Result<(), DropError> {
    let mut body = format!(
        "{};\n{};\n{};\n",
        settings(server.timeout),
        BY_KEYS.join(";\n"),
        lock(tenant)
    );
    if !cascade {
        let check = format!(
            "DECLARE found text; BEGIN SELECT pg_catalog.string_agg(outside, E'\\n') INTO found FROM ({} LIMIT 20) AS o; \
             IF found IS NOT NULL THEN RAISE EXCEPTION USING ERRCODE = '{OUTSIDE}', MESSAGE = 'outside', DETAIL = found; END IF; END",
            outside(tenant)
        );
        swriteln!(body, "DO {};", quote_literal(&check));
    }
    swriteln!(body, "{drop};");
    match run_transaction(server, "BEGIN", &body, shutdown).await {
        Ok(()) => Ok(()),
        Err(TransactionError::Unknown(end)) => Err(DropError::Unknown(end)),
        Err(TransactionError::Failed(PsqlError::Script { message, .. }))
            if message.sqlstate == Some(OUTSIDE) =>
        {
            let found = message.detail.unwrap_or_default();
            Err(DropError::Outside(
                found.split('\n').map(str::to_owned).collect(),
            ))
        }
        Err(TransactionError::Failed(PsqlError::Script { message, .. }))
            if message.sqlstate == Some(SqlState::INVALID_SCHEMA_NAME) =>
        {
            Err(DropError::Missing(tenant.clone()))
        }
        Err(TransactionError::Failed(error)) => Err(error.into()),
    }
}
