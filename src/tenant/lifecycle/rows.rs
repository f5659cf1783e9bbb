//! Statements that a copy of a tenant's rows needs besides `INSERT`, and obstacles that no copy can overcome.

use crate::pg::{PsqlError, Server};
use crate::process::Shutdown;
use crate::snapshot::capture::{Captured, ConcernId, Note, inspect_tables, oid_values};
use crate::snapshot::{Decision, Decisions};
use crate::sql::{TenantName, quote, quote_literal};

/// Raised when a generated column has another value in the copy.
pub(super) const RECOMPUTED: &str = "SS012";

/// Reasons why a copy would not be whole, or would share something with its source.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CopyObstacle {
    /// Partitions and children in other schemas: their rows would be missing.
    #[error(
        "tables in other schemas are parts of the tenant's, and would not be copied: {}",
        .0.join(", ")
    )]
    PartsOutside(Vec<String>),
    /// Tables of the tenant that are parts of a table elsewhere: rows of both tenants would be in it.
    #[error(
        "tables of the tenant are parts of tables in other schemas, which would have the rows of both: {}",
        .0.join(", ")
    )]
    ParentsOutside(Vec<String>),
    /// Values that are OIDs.
    #[error(
        "column {column} of table '{table}' holds OIDs of {}, which the copy would share with '{}'; --keep 'rows of \
         {table}' copies them as they are",
        if *.large_objects > 0 { "large objects" } else { "objects of the tenant" },
        .tenant.as_str().escape_debug()
    )]
    Oids {
        /// The tenant.
        tenant: TenantName,
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// Number of large objects.
        large_objects: usize,
    },
}

/// Finds what a copy would lack, or share with its source.
///
/// # Errors
/// The outer error: the server could not be asked.
pub(super) async fn find_obstacle(
    server: &Server,
    tenant: &TenantName,
    captured: &Captured,
    decisions: &Decisions,
    shutdown: &Shutdown,
) -> Result<Option<CopyObstacle>, PsqlError> {
    let objects = |ids: &[ConcernId]| -> Vec<String> {
        captured
            .notes
            .iter()
            .filter_map(Note::as_concern)
            .filter(|concern| ids.contains(&concern.id))
            .flat_map(|concern| concern.objects.clone())
            .collect()
    };
    let parts = objects(&[ConcernId::PartitionsOutside, ConcernId::ChildrenOutside]);
    if !parts.is_empty() {
        return Ok(Some(CopyObstacle::PartsOutside(parts)));
    }
    let parents = objects(&[ConcernId::ParentsOutside, ConcernId::PartitionsOfOthers]);
    if !parents.is_empty() {
        return Ok(Some(CopyObstacle::ParentsOutside(parents)));
    }
    let tables = inspect_tables(server, tenant.as_str(), shutdown).await?;
    let tables = tables.iter().filter(|table| {
        let rows = format!("rows of {}", quote(&table.name));
        decisions.decision_for(&rows, 1) != Some(Decision::Keep)
    });
    let found = oid_values(server, tenant.as_str(), tables, shutdown).await?;
    Ok(found.into_iter().next().map(|values| CopyObstacle::Oids {
        tenant: tenant.clone(),
        table: values.table,
        column: values.column,
        large_objects: values.large_objects,
    }))
}

/// Constraints, of tables and of domains, whose functions or operators somebody wrote.
const USES_USER_FUNCTIONS: &str = "EXISTS (SELECT FROM pg_catalog.pg_depend d \
    LEFT JOIN pg_catalog.pg_operator o ON d.refclassid = 'pg_catalog.pg_operator'::pg_catalog.regclass AND o.oid = d.refobjid \
    JOIN pg_catalog.pg_proc p ON p.oid = COALESCE(o.oprcode::pg_catalog.oid, d.refobjid) \
    JOIN pg_catalog.pg_language l ON l.oid = p.prolang AND l.lanname NOT IN ('c', 'internal') \
    WHERE d.refclassid IN ('pg_catalog.pg_proc'::pg_catalog.regclass, 'pg_catalog.pg_operator'::pg_catalog.regclass) \
    AND p.pronamespace <> 'pg_catalog'::pg_catalog.regnamespace AND d.classid = $class$ AND d.objid = $object$)";

fn uses_user_functions(class: &str, object: &str) -> String {
    USES_USER_FUNCTIONS
        .replace(
            "$class$",
            &format!("'pg_catalog.{class}'::pg_catalog.regclass"),
        )
        .replace("$object$", object)
}

/// Takes the CHECKs of the copy away that may read other rows than the one they judge: in the source these were there when a
/// row came, while a copy fills one table after the other. Run with an empty `search_path`.
pub(super) fn checks_aside(new: &TenantName) -> String {
    let body = format!(
        "DECLARE k record; saved text[] := '{{}}'; target text; BEGIN \
         FOR k IN SELECT c.conname, c.conrelid, c.contypid, pg_catalog.pg_get_constraintdef(c.oid) AS definition, \
         pg_catalog.obj_description(c.oid, 'pg_constraint') AS comment \
         FROM pg_catalog.pg_constraint c JOIN pg_catalog.pg_namespace n ON n.oid = c.connamespace \
         WHERE n.nspname = {name} AND c.contype = 'c' AND c.coninhcount = 0 AND {user_functions} ORDER BY c.oid \
         LOOP \
         target := CASE WHEN k.conrelid <> 0 THEN 'TABLE ' || k.conrelid::pg_catalog.regclass::text \
         ELSE 'DOMAIN ' || pg_catalog.format_type(k.contypid, NULL) END; \
         EXECUTE pg_catalog.format('ALTER %s DROP CONSTRAINT %I', target, k.conname); \
         saved := saved || pg_catalog.format('ALTER %s ADD CONSTRAINT %I %s', target, k.conname, k.definition); \
         IF k.comment IS NOT NULL THEN saved := saved || pg_catalog.format('COMMENT ON CONSTRAINT %I ON %s IS %L', k.conname, \
         CASE WHEN k.conrelid <> 0 THEN k.conrelid::pg_catalog.regclass::text ELSE target END, k.comment); END IF; \
         END LOOP; \
         PERFORM pg_catalog.set_config('schemastamp.checks', pg_catalog.array_to_json(saved)::text, true); END",
        name = quote_literal(new.as_str()),
        user_functions = uses_user_functions("pg_constraint", "c.oid"),
    );
    format!("DO {};\n", quote_literal(&body))
}

/// Brings the CHECKs back, which judges all rows again, and computes generated columns again that may read other rows.
///
/// Only a change of a column that it is computed from has a generated column computed again (`ExecComputeStoredGenerated`).
pub(super) fn checks_back(old: &TenantName, new: &TenantName) -> String {
    let checks = "DECLARE s text; BEGIN FOR s IN SELECT pg_catalog.json_array_elements_text(\
        pg_catalog.current_setting('schemastamp.checks')::json) LOOP EXECUTE s; END LOOP; END";
    let generated = format!(
        "DECLARE g record; differs boolean; BEGIN \
         FOR g IN SELECT c.relname, a.attname, (SELECT b.attname FROM pg_catalog.pg_depend d \
         JOIN pg_catalog.pg_attribute b ON b.attrelid = d.refobjid AND b.attnum = d.refobjsubid \
         WHERE d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND d.objid = e.oid AND d.refobjid = e.adrelid \
         AND b.attgenerated = '' AND b.attidentity <> 'a' ORDER BY b.attnum LIMIT 1) AS base FROM pg_catalog.pg_attrdef e \
         JOIN pg_catalog.pg_attribute a ON a.attrelid = e.adrelid AND a.attnum = e.adnum AND a.attgenerated = 's' \
         JOIN pg_catalog.pg_class c ON c.oid = e.adrelid AND c.relkind = 'r' \
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace AND n.nspname = {new_name} \
         WHERE {user_functions} ORDER BY c.relname, a.attnum \
         LOOP \
         IF g.base IS NOT NULL THEN \
         EXECUTE pg_catalog.format('UPDATE ONLY %1$I.%2$I SET %3$I = %3$I', {new_name}, g.relname, g.base); END IF; \
         EXECUTE pg_catalog.format('SELECT EXISTS (SELECT pg_catalog.format(''%%s'', %1$I) FROM ONLY %2$I.%3$I EXCEPT ALL \
         SELECT pg_catalog.format(''%%s'', %1$I) FROM ONLY %4$I.%3$I)', g.attname, {old_name}, g.relname, {new_name}) INTO differs; \
         IF differs THEN RAISE EXCEPTION USING ERRCODE = '{RECOMPUTED}', \
         MESSAGE = pg_catalog.concat('the generated column ', g.attname, ' of ', g.relname, ' is computed from other rows, and \
is not the same in the copy'); END IF; \
         END LOOP; END",
        old_name = quote_literal(old.as_str()),
        new_name = quote_literal(new.as_str()),
        user_functions = uses_user_functions("pg_attrdef", "e.oid"),
    );
    format!(
        "DO {};\nDO {};\n",
        quote_literal(checks),
        quote_literal(&generated)
    )
}

/// Fills the materialized views of the copy behind its rows, each as soon as those that it reads are filled.
pub(super) fn fill_views(new: &TenantName, views: &[String]) -> String {
    if views.is_empty() {
        return String::new();
    }
    let list: Vec<String> = views.iter().map(|view| quote_literal(view)).collect();
    let body = format!(
        "DECLARE todo text[] := ARRAY[{}]; later text[]; view text; BEGIN \
         WHILE pg_catalog.cardinality(todo) > 0 LOOP later := '{{}}'; \
         FOREACH view IN ARRAY todo LOOP \
         BEGIN EXECUTE pg_catalog.format('REFRESH MATERIALIZED VIEW %I.%I', {}, view); \
         EXCEPTION WHEN object_not_in_prerequisite_state THEN \
         IF pg_catalog.cardinality(todo) = pg_catalog.cardinality(later) + 1 THEN RAISE; END IF; later := later || view; END; \
         END LOOP; todo := later; END LOOP; END",
        list.join(", "),
        quote_literal(new.as_str())
    );
    format!("DO {};\n", quote_literal(&body))
}
