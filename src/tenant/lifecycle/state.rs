//! Detects changes of a schema since it was captured.

use std::sync::Arc;

use serde_json::Value;

use super::LifecycleError;
use super::guard::{Demand, GuardFacts};
use crate::pg::catalog::{BY_KEYS, by_keys_in_message, with_members};
use crate::pg::{PgDump, PsqlError, Server, SqlState};
use crate::process::Shutdown;
use crate::snapshot::capture::{Capture, CaptureSource, Captured};
use crate::snapshot::{Decisions, Snapshot, lock};
use crate::sql::{TenantName, quote_literal};
use crate::tenant::transaction::TransactionError;

/// Raised when the schema is another.
const CHANGED: SqlState = SqlState::new(*b"SS004");

/// Options for [`rename_tenant`](super::rename_tenant) and [`clone_tenant`](super::clone_tenant).
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct MoveOptions {
    /// Decisions on doubtful text.
    pub decisions: Decisions,
    /// Rename a schema that has neither a mark nor a versions table, too.
    pub not_a_tenant: bool,
    /// The name of the versions table, where it is none that is well known.
    pub versions_table: Option<String>,
    /// The project's snapshot. A tenant that is still like it is renamed without a dump of the catalog.
    pub snapshot: Option<Arc<Snapshot>>,
}

impl MoveOptions {
    /// Renames tenants only, with these decisions on doubtful text.
    pub fn new(decisions: Decisions) -> Self {
        Self {
            decisions,
            ..Self::default()
        }
    }
}

/// Facts about the two names before anything is done.
pub(super) struct StateBefore {
    pub(super) major: u32,
    pub(super) search_path: String,
    /// The comment of the old schema, marker included.
    pub(super) comment: Option<String>,
    state: String,
}

/// Row of the query of [`look`].
type StateRow = (u32, String, bool, bool, Option<String>, String, Value, bool);

/// A digest of the catalog rows of a schema: each change of a definition changes one of them.
fn state_sql(schema: &str) -> String {
    let rows = |members: &str, table: &str, key: &str| {
        format!(
            "SELECT '{table}', x.oid, x.xmin FROM {members} m CROSS JOIN LATERAL \
             (SELECT x.oid, x.xmin FROM pg_catalog.{table} x WHERE x.{key} = m.oid OFFSET 0) x"
        )
    };
    let parts = [
        rows("relation", "pg_class", "oid"),
        rows("routine", "pg_proc", "oid"),
        rows("datatype", "pg_type", "oid"),
        rows("relation", "pg_constraint", "conrelid"),
        rows("datatype", "pg_constraint", "contypid"),
        "SELECT 'pg_operator', x.oid, x.xmin FROM inside m JOIN pg_catalog.pg_operator x ON x.oid = m.objid \
         WHERE m.classid = 'pg_catalog.pg_operator'::pg_catalog.regclass"
            .to_owned(),
        rows("relation", "pg_attrdef", "adrelid"),
        rows("relation", "pg_trigger", "tgrelid"),
        rows("relation", "pg_rewrite", "ev_class"),
        rows("relation", "pg_policy", "polrelid"),
        "SELECT x.attname, x.attrelid, x.xmin FROM relation m CROSS JOIN LATERAL \
         (SELECT x.attname, x.attrelid, x.xmin FROM pg_catalog.pg_attribute x WHERE x.attrelid = m.oid OFFSET 0) x"
            .to_owned(),
    ];
    with_members(&format!(
        "WITH ns AS MATERIALIZED (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = {}),\n$members$\n\
         SELECT COALESCE(pg_catalog.md5(pg_catalog.string_agg(pg_catalog.concat_ws(' ', k, o, x), ',' ORDER BY k, o)), '') \
         FROM ({}) AS s (k, o, x)",
        quote_literal(schema),
        parts.join(" UNION ALL ")
    ))
}

/// Queries the server about both names, and refuses what is not to be moved.
pub(super) async fn look(
    server: &Server,
    old: &TenantName,
    new: &TenantName,
    versions_table: Option<&str>,
    demand: Demand,
    shutdown: &Shutdown,
) -> Result<StateBefore, LifecycleError> {
    let exists = |name: &TenantName| {
        format!(
            "EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = {})",
            quote_literal(name.as_str())
        )
    };
    let sql = format!(
        "{}SELECT pg_catalog.json_build_array(pg_catalog.current_setting('server_version_num')::int / 10000, \
         (SELECT reset_val FROM pg_catalog.pg_settings WHERE name = 'search_path'), {}, {}, \
         (SELECT pg_catalog.obj_description(oid, 'pg_namespace') FROM pg_catalog.pg_namespace WHERE nspname = {name}), ({}), \
         (SELECT {} FROM pg_catalog.pg_namespace n WHERE n.nspname = {name}), {});\n",
        by_keys_in_message(),
        exists(old),
        exists(new),
        state_sql(old.as_str()),
        GuardFacts::sql(versions_table),
        new.is_storable_sql(),
        name = quote_literal(old.as_str()),
    );
    let row: StateRow = server.query_json_one(&sql, shutdown).await?;
    let (major, search_path, is_there, is_taken, comment, state, facts, is_storable) = row;
    if !is_there {
        return Err(LifecycleError::Missing(old.clone()));
    }
    GuardFacts::read(facts)?.check(old, demand)?;
    if is_taken {
        return Err(LifecycleError::Exists(new.clone()));
    }
    if !is_storable {
        return Err(LifecycleError::NotStorable(new.clone()));
    }
    Ok(StateBefore {
        major,
        search_path,
        comment,
        state,
    })
}

/// The decisions on definitions: those on rows concern the copy of the rows.
fn decisions_for_definitions(decisions: &Decisions) -> Decisions {
    let mut decisions = decisions.clone();
    decisions.retain(|object, _| !object.starts_with("rows of "));
    decisions
}

/// Captures the tenant as it is.
pub(super) async fn capture_tenant(
    server: &Server,
    pg_dump: &PgDump,
    tenant: &TenantName,
    decisions: &Decisions,
    prove: bool,
    shutdown: &Shutdown,
) -> Result<Captured, LifecycleError> {
    let capture = Capture {
        schema: tenant.as_str().to_owned(),
        source: CaptureSource::Live(pg_dump.clone()),
        seeds: Vec::new(),
        versions_table: None,
        versions_from: None,
        decisions: decisions_for_definitions(decisions),
        owners: true,
        schema_owner: true,
        privileges: true,
        server: Some(server.clone()),
        prove,
        fill_views: false,
        scratch: None,
    };
    Ok(capture.run(shutdown).await?)
}

/// The locks of both names, in an order that is the same for everybody, and the certainty that the old schema is the
/// one that was captured.
pub(super) fn guard(old: &TenantName, new: &TenantName, before: &StateBefore) -> String {
    // Two renames in opposite directions would wait for each other otherwise.
    let (first, second) = if old < new { (old, new) } else { (new, old) };
    let body = format!(
        "BEGIN IF ({}) IS DISTINCT FROM '{}' THEN RAISE EXCEPTION USING ERRCODE = '{CHANGED}', MESSAGE = 'changed'; END IF; END",
        state_sql(old.as_str()),
        before.state
    );
    format!(
        "{};\n{};\n{};\nDO {};\n",
        lock(first),
        lock(second),
        BY_KEYS.join(";\n"),
        quote_literal(&body)
    )
}

/// Explains an error of the script.
pub(super) fn explain(
    error: TransactionError,
    old: &TenantName,
    new: &TenantName,
) -> LifecycleError {
    let error = match error {
        TransactionError::Unknown(end) => return LifecycleError::Unknown(end),
        TransactionError::Failed(error) => error,
    };
    let PsqlError::Script { message, .. } = &error else {
        return error.into();
    };
    match message.sqlstate {
        Some(CHANGED) => LifecycleError::Changed(old.clone()),
        Some(SqlState::DUPLICATE_SCHEMA) if message.says_schema_exists(new.as_str()) => {
            LifecycleError::Exists(new.clone())
        }
        _ => error.into(),
    }
}
