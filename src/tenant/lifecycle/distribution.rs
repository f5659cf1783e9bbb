//! Citus's word on a tenant: its schema is distributed, and the bytes that it takes.

use crate::pg::{PsqlError, Server};
use crate::process::Shutdown;
use crate::sql::{TenantName, quote_literal};

/// SQL expression that is true in a database with Citus 12 or later.
pub(super) const HAS_DISTRIBUTED_SCHEMAS: &str =
    "(pg_catalog.to_regclass('pg_catalog.pg_dist_schema') IS NOT NULL)";

/// Returns `true` if the tenant is a distributed schema of Citus.
///
/// # Errors
/// See [`PsqlError`].
pub(super) async fn is_distributed(
    server: &Server,
    tenant: &TenantName,
    shutdown: &Shutdown,
) -> Result<bool, PsqlError> {
    let sql = format!("SELECT pg_catalog.to_json({HAS_DISTRIBUTED_SCHEMAS});\n");
    if !server.query_json_one::<bool>(&sql, shutdown).await? {
        return Ok(false);
    }
    let sql = format!(
        "SELECT pg_catalog.to_json(EXISTS (SELECT FROM pg_catalog.pg_namespace n \
         JOIN pg_catalog.pg_dist_schema d ON d.schemaid = n.oid WHERE n.nspname = {}));\n",
        quote_literal(tenant.as_str())
    );
    server.query_json_one(&sql, shutdown).await
}

/// Returns the bytes of a distributed tenant, on its worker and on the coordinator, indexes included, or `None` for an ordinary schema. The database must
/// have Citus.
///
/// # Errors
/// See [`PsqlError`].
pub(super) async fn distributed_bytes(
    server: &Server,
    tenant: &TenantName,
    shutdown: &Shutdown,
) -> Result<Option<u64>, PsqlError> {
    // With `false`, a worker that is down does not hide that the schema is distributed. The function raises an error for
    // what stays on the coordinator, such as a materialized view.
    let sql = format!(
        "SELECT COALESCE((SELECT pg_catalog.sum(CASE \
         WHEN EXISTS (SELECT FROM pg_catalog.pg_dist_partition p WHERE p.logicalrelid = c.oid) \
         THEN pg_catalog.citus_total_relation_size(c.oid, false) ELSE pg_catalog.pg_total_relation_size(c.oid) END) \
         FROM pg_catalog.pg_class c WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'm')), 0)::bigint \
         FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_dist_schema d ON d.schemaid = n.oid WHERE n.nspname = {};\n",
        quote_literal(tenant.as_str())
    );
    server.query_json_optional(&sql, shutdown).await
}
