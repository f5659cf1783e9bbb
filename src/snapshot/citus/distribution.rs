//! The settings of a transaction that creates a distributed tenant, and the checks of what it created.

use crate::pg::SqlState;
use crate::sql::{TenantName, quote_literal};

/// SQLSTATE of the error that says that there is no Citus with schema-based sharding.
pub const NO_CITUS: &str = "SS009";
/// SQLSTATE of the error that says that a tenant would not be distributed.
pub const NOT_DISTRIBUTED: SqlState = SqlState::new(*b"SS014");
/// Fails if there is none.
const HAS_CITUS: &str = "DO 'BEGIN IF NOT EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = ''citus'' \
    AND pg_catalog.split_part(extversion, ''.'', 1)::int >= 12) THEN RAISE EXCEPTION USING ERRCODE = ''SS009'', \
    MESSAGE = ''this database has no Citus 12 or later''; END IF; END'";

/// The statements that precede a distributed tenant's: they fail without Citus, and set for the transaction what decides
/// whether its objects reach the workers. The role or the database may have other values.
pub(crate) fn distributing() -> [String; 3] {
    [
        HAS_CITUS.to_owned(),
        "SELECT pg_catalog.set_config('citus.create_object_propagation', 'immediate', true), \
         pg_catalog.set_config('citus.enable_metadata_sync', 'on', true), \
         pg_catalog.set_config('citus.enable_ddl_propagation', 'on', true)"
            .to_owned(),
        "SET LOCAL citus.enable_schema_based_sharding TO on".to_owned(),
    ]
}

/// A statement that fails unless the schema and all its tables are distributed. Settings of Citus make them local ones
/// without a word.
pub(crate) fn distribution_check(tenant: &TenantName) -> String {
    let schema = format!(
        "pg_catalog.to_regnamespace({})::oid",
        quote_literal(&tenant.quoted())
    );
    let body = format!(
        "DECLARE left_out text; BEGIN \
         SELECT pg_catalog.string_agg(c.relname, ', ' ORDER BY c.relname) INTO left_out FROM pg_catalog.pg_class c \
         WHERE c.relnamespace = {schema} AND c.relkind IN ('r', 'p') \
         AND NOT EXISTS (SELECT FROM pg_catalog.pg_dist_partition p WHERE p.logicalrelid = c.oid); \
         IF left_out IS NOT NULL OR NOT EXISTS (SELECT FROM pg_catalog.pg_dist_schema d WHERE d.schemaid = {schema}) THEN \
         RAISE EXCEPTION USING ERRCODE = '{NOT_DISTRIBUTED}', MESSAGE = 'Citus did not distribute it', \
         DETAIL = COALESCE('tables on the coordinator only: ' || left_out, ''); END IF; END"
    );
    format!("DO {}", quote_literal(&body))
}

/// A statement for transactions that create a copy to compare it, and roll it back: of the copy, nothing goes to the workers.
/// It also takes what Citus cannot send to them.
pub(crate) const ON_COORDINATOR: &str = "SELECT CASE WHEN pg_catalog.to_regclass('pg_catalog.pg_dist_schema') IS NOT NULL \
    THEN pg_catalog.set_config('citus.enable_ddl_propagation', 'off', true) END";

/// SQLSTATE of the error that a schema would be distributed that should be an ordinary one.
pub(crate) const DISTRIBUTES: SqlState = SqlState::new(*b"SS015");

/// A statement that fails where Citus would distribute a new schema.
pub(crate) fn refuse_distribution() -> String {
    let body = format!(
        "BEGIN IF pg_catalog.current_setting('citus.enable_schema_based_sharding', true) = 'on' THEN \
         RAISE EXCEPTION USING ERRCODE = '{DISTRIBUTES}', MESSAGE = 'new schemas are distributed'; END IF; END"
    );
    format!("DO {}", quote_literal(&body))
}
