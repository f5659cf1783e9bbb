//! The table of the migrations that runs have applied, so that a run can be undone.

use serde::Deserialize;

use crate::pg::SqlState;
use crate::sql::{RUNS, TenantName, quote, quote_literal};
use crate::tenant::migrations::Migration;
use crate::tenant::own_table::OwnTable;

/// SQLSTATE of the error that the records no longer let a migration be undone, because it was undone already, or
/// something else happened to the tenant since the undo was planned.
pub const NOT_RECORDED: SqlState = SqlState::new(*b"SS016");
/// The message for a record that is closed.
const UNDONE_ALREADY: &str = "the migration was undone already";
/// The table of what runs have applied.
const APPLIED: OwnTable = OwnTable {
    schema: RUNS,
    name: "applied",
    privileges: &["SELECT", "INSERT", "UPDATE"],
};
/// The advisory lock that protects creating the table: the first 64 bits of the SHA-256 of `schemastamp runs`.
const LOCK: i64 = 0x4a64_d4e4_895b_f1eb;

/// A migration that a run has applied to a tenant.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct RunRecord {
    /// Its place among all, in the order in which they were applied.
    pub seq: i64,
    /// The run.
    pub run: String,
    /// The tenant's name at that time.
    pub tenant: String,
    /// The OID of its schema.
    pub schema: u32,
    /// The name that this schema has now, or `None` if it was dropped.
    pub name_now: Option<String>,
    /// `true` if the schema that has the name now is another one.
    pub is_replaced: bool,
    /// The version table.
    pub versions_table: String,
    /// The version.
    pub version: String,
    /// The tenant's last version before, or `None` if it had none.
    pub previous: Option<String>,
    /// The file.
    pub file: String,
    /// The SHA-256 of the way up in hexadecimal.
    pub digest: String,
    /// `true` if it was undone.
    pub is_undone: bool,
}

/// Returns the table's name.
pub(crate) fn runs_table() -> String {
    APPLIED.path()
}

/// Returns the script that creates the table if it does not exist, and fails if it belongs to an untrusted role.
pub(crate) fn runs_creation(role: Option<&str>) -> String {
    let table = runs_table();
    let definition = format!(
        "CREATE TABLE {table} (seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, run text NOT NULL, tenant name NOT NULL, \
         schema oid NOT NULL, versions_table name NOT NULL, version text NOT NULL, previous text, file text NOT NULL, digest text NOT NULL, \
         applied timestamp with time zone NOT NULL DEFAULT pg_catalog.now(), applied_by name NOT NULL DEFAULT current_user, \
         undone timestamp with time zone); \
         CREATE INDEX ON {table} (run, schema); CREATE INDEX ON {table} (schema);"
    );
    let creation = APPLIED.creation(
        "Migrations that schemastamp migrate --record has applied",
        &definition,
        "record and undo as the role that owns it (--role), or rename the schema schemastamp_runs",
    );
    format!(
        "BEGIN;\n{}SELECT pg_catalog.pg_advisory_xact_lock({LOCK});\n{creation};\nCOMMIT;\n",
        as_role(role),
    )
}

/// Returns the statement that switches to the role that records and undoes.
fn as_role(role: Option<&str>) -> String {
    role.map(|role| format!("SET LOCAL ROLE {};\n", quote(role)))
        .unwrap_or_default()
}

/// Returns the statement that records a migration of a run, in the transaction that applies it.
pub(crate) fn record_sql(
    run: &str,
    tenant: &TenantName,
    versions_table: &str,
    previous: Option<&str>,
    migration: &Migration,
) -> String {
    let name = quote_literal(tenant.as_str());
    format!(
        "INSERT INTO {} (run, tenant, schema, versions_table, version, previous, file, digest) \
         SELECT {}, n.nspname, n.oid, {}, {}, {}, {}, {} FROM pg_catalog.pg_namespace n WHERE n.nspname = {name}",
        runs_table(),
        quote_literal(run),
        quote_literal(versions_table),
        quote_literal(migration.version.as_str()),
        previous.map_or_else(|| "NULL".to_owned(), quote_literal),
        quote_literal(&migration.file_name()),
        quote_literal(migration.digest()),
    )
}

/// Returns statements of `PL/pgSQL` that fail unless a record is still open, its schema still has the tenant's name, and no
/// later record of the schema is open. For the holder of the tenant's lock: a plan is older than the lock.
pub(crate) fn still_last_sql(record: &RunRecord) -> String {
    let table = runs_table();
    let RunRecord { seq, schema, .. } = record;
    let refused = [
        (
            format!(
                "NOT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE oid = {schema} AND nspname = {})",
                quote_literal(&record.tenant)
            ),
            "the schema was dropped, renamed or replaced after the run",
        ),
        (
            format!("NOT EXISTS (SELECT FROM {table} WHERE seq = {seq} AND undone IS NULL)"),
            UNDONE_ALREADY,
        ),
        (
            format!(
                "EXISTS (SELECT FROM {table} WHERE schema = {schema} AND seq > {seq} AND undone IS NULL)"
            ),
            "another run has applied something to it since",
        ),
    ];
    refused
        .map(|(condition, message)| raise_if(&condition, message))
        .concat()
}

/// Returns a statement of `PL/pgSQL` that fails with [`NOT_RECORDED`] under a condition.
pub(crate) fn raise_if(condition: &str, message: &str) -> String {
    format!(
        "IF {condition} THEN RAISE EXCEPTION USING ERRCODE = '{NOT_RECORDED}', MESSAGE = '{message}'; END IF; "
    )
}

/// Returns a statement of `PL/pgSQL` that marks a record as undone, and fails if it is already.
pub(crate) fn undone_sql(record: &RunRecord) -> String {
    format!(
        "UPDATE {} SET undone = pg_catalog.now() WHERE seq = {} AND undone IS NULL; {}",
        runs_table(),
        record.seq,
        raise_if("NOT FOUND", UNDONE_ALREADY)
    )
}

/// Returns the query for whether the table may be used; null if no run was ever recorded.
pub(crate) fn usable_query(role: Option<&str>) -> String {
    usable(APPLIED, role)
}

fn usable(table: OwnTable, role: Option<&str>) -> String {
    format!(
        "BEGIN READ ONLY;\n{}SELECT CASE WHEN pg_catalog.to_regnamespace('{RUNS}') IS NULL THEN 'null'::json \
         ELSE pg_catalog.to_json({}) END;\nCOMMIT;\n",
        as_role(role),
        table.is_usable()
    )
}

/// Returns the query for whether the runs may be listed; null if none was ever recorded.
pub(crate) fn listable_query(role: Option<&str>) -> String {
    let table = OwnTable {
        privileges: &["SELECT"],
        ..APPLIED
    };
    usable(table, role)
}

/// Returns the query for the runs that have applied something to one of the tenants, or to any if there are none; the
/// newest first.
pub(crate) fn runs_query(tenants: &[TenantName], role: Option<&str>) -> String {
    let table = runs_table();
    let of_tenants = if tenants.is_empty() {
        String::new()
    } else {
        let names: Vec<String> = tenants
            .iter()
            .map(|name| quote_literal(name.as_str()))
            .collect();
        format!(
            "WHERE a.run IN (SELECT own.run FROM {table} own WHERE own.tenant IN ({})) ",
            names.join(", ")
        )
    };
    // A run may have applied one file to thousands of tenants: each file is sorted and sent once.
    format!(
        "BEGIN READ ONLY;\n{role}WITH tenants AS (SELECT a.run, a.schema, pg_catalog.min(a.applied) AS began, \
         pg_catalog.max(a.applied) AS ended, pg_catalog.max(a.undone) AS undone, pg_catalog.count(*) AS records, \
         pg_catalog.count(a.undone) AS closed FROM {table} a {of_tenants}GROUP BY a.run, a.schema), \
         runs AS (SELECT t.run, pg_catalog.min(t.began) AS began, pg_catalog.max(t.ended) AS ended, pg_catalog.max(t.undone) AS undone, \
         pg_catalog.count(*) AS tenants, pg_catalog.count(*) FILTER (WHERE t.closed = t.records) AS undone_tenants, \
         pg_catalog.count(*) FILTER (WHERE t.closed > 0 AND t.closed < t.records) AS partly_undone FROM tenants t GROUP BY t.run), \
         files AS (SELECT f.run, pg_catalog.json_agg(f.file ORDER BY f.seq) AS files FROM (SELECT a.run, a.file, \
         pg_catalog.min(a.seq) AS seq FROM {table} a GROUP BY a.run, a.file) f GROUP BY f.run), \
         roles AS (SELECT r.run, pg_catalog.json_agg(r.applied_by ORDER BY r.applied_by) AS roles FROM (SELECT DISTINCT a.run, \
         a.applied_by FROM {table} a) r GROUP BY r.run) \
         SELECT pg_catalog.json_build_object('run', r.run, 'began', {began}, 'ended', {ended}, 'undone_at', {undone}, \
         'roles', o.roles, 'files', f.files, 'tenants', r.tenants, 'undone', r.undone_tenants, 'partly_undone', r.partly_undone) \
         FROM runs r JOIN files f ON f.run = r.run JOIN roles o ON o.run = r.run ORDER BY r.began DESC, r.run;\nCOMMIT;\n",
        role = as_role(role),
        began = utc("r.began"),
        ended = utc("r.ended"),
        undone = utc("r.undone"),
    )
}

/// Returns an expression for a time in UTC, in the one form that sorts as text does.
fn utc(time: &str) -> String {
    format!("pg_catalog.to_char({time} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')")
}

/// Returns the query for the records of a run, and for what other runs have applied to the same schemas after it.
pub(crate) fn records_query(run: &str, role: Option<&str>) -> String {
    let table = runs_table();
    let run = quote_literal(run);
    format!(
        "BEGIN READ ONLY;\n{}SELECT pg_catalog.json_build_object('seq', a.seq, 'run', a.run, 'tenant', a.tenant, \
         'schema', a.schema::bigint, 'name_now', n.nspname, 'is_replaced', n.nspname IS DISTINCT FROM a.tenant AND EXISTS \
         (SELECT FROM pg_catalog.pg_namespace o WHERE o.nspname = a.tenant), \
         'versions_table', a.versions_table, 'version', a.version, 'previous', a.previous, 'file', a.file, \
         'digest', a.digest, 'is_undone', a.undone IS NOT NULL) \
         FROM {table} a LEFT JOIN pg_catalog.pg_namespace n ON n.oid = a.schema \
         WHERE a.run = {run} OR (a.undone IS NULL AND EXISTS (SELECT FROM {table} own WHERE own.run = {run} \
         AND own.schema = a.schema AND own.seq < a.seq)) ORDER BY a.seq;\nCOMMIT;\n",
        as_role(role)
    )
}
