//! A spare becomes a tenant.

use std::fmt::Write as _;

use super::registry::{Kind, STILL_NAMED, table};
use crate::snapshot::capture::SPARE;
use crate::snapshot::{RenderOptions, Rendered, Snapshot, TemplateError, lock, one_message, settings};
use crate::sql::{TenantName, quote, quote_literal};
use crate::tenant::anew::{For, written_anew};
use crate::tenant::mark::{POOL, SPARE_NAME};

/// The setting in which the claim leaves the spare's name, for the rest of its transaction.
const CLAIMED: &str = "schemastamp.claimed";
/// Rows are looked up by their keys, however large the catalogs are and whatever the statistics say.
const BY_KEYS: [&str; 4] = ["enable_seqscan", "enable_hashjoin", "enable_mergejoin", "jit"];

/// The message that claims a spare for a tenant: its last line of output is the spare's name, or empty when there was
/// none, and nothing has changed then.
///
/// # Errors
/// As [`Snapshot::statements_for`].
pub(in crate::tenant) fn claim_message(
    snapshot: &Snapshot,
    tenant: &TenantName,
    options: &RenderOptions,
) -> Result<String, TemplateError> {
    let by_keys: Vec<String> =
        BY_KEYS.iter().map(|name| format!("pg_catalog.set_config('{name}', 'off', true)")).collect();
    let mut statements = vec![
        settings(options.timeout),
        format!("SELECT {}, pg_catalog.set_config('{CLAIMED}', '', true)", by_keys.join(", ")),
        lock(tenant),
    ];
    statements.extend(options.role.as_ref().map(|role| format!("SET LOCAL ROLE {}", quote(role))));
    statements.push(format!("DO {}", quote_literal(&body(snapshot, tenant, options)?)));
    statements.push(format!("SELECT pg_catalog.current_setting('{CLAIMED}')"));
    let statements: Vec<Rendered> = statements.into_iter().map(Rendered::added).collect();
    Ok(one_message(&statements))
}

/// Whether the output of a claim says that there was a spare.
pub(in crate::tenant) fn claimed(lines: &[String]) -> bool {
    lines.last().is_some_and(|name| name.starts_with(SPARE_NAME))
}

fn body(snapshot: &Snapshot, tenant: &TenantName, options: &RenderOptions) -> Result<String, TemplateError> {
    let table = table();
    let mut body = format!(
        "DECLARE spare name; named text; BEGIN \
         IF NOT EXISTS (SELECT FROM pg_catalog.pg_namespace n WHERE n.nspname = '{POOL}' \
         AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')) OR pg_catalog.to_regclass('{table}') IS NULL \
         OR NOT pg_catalog.has_table_privilege('{table}', 'DELETE') THEN RETURN; END IF; \
         LOOP \
         SELECT s.name INTO spare FROM {table} s WHERE {kind} ORDER BY s.made LIMIT 1 FOR UPDATE SKIP LOCKED; \
         IF NOT FOUND THEN RETURN; END IF; \
         DELETE FROM {table} s WHERE s.name = spare; \
         EXIT WHEN spare ~ '^{SPARE_NAME}[0-9a-f]{{24}}$' AND EXISTS (SELECT FROM pg_catalog.pg_namespace n \
         WHERE n.nspname = spare AND pg_catalog.obj_description(n.oid, 'pg_namespace') ~ {mark}); \
         END LOOP; \
         EXECUTE pg_catalog.format('ALTER SCHEMA %I RENAME TO %I', spare, {tenant}::text);",
        kind = Kind::of(snapshot, options).condition(),
        mark = quote_literal(&format!("(^|\\n){SPARE}{}$", snapshot.fingerprint())),
        tenant = quote_literal(tenant.as_str()),
    );
    // The oldest server's way: it costs a blank tenant nothing.
    let anew = written_anew(snapshot, tenant, 0, For::Execute)?;
    let statements = anew.into_iter().flat_map(|anew| anew.statements);
    for sql in statements.chain([snapshot.schema_comment(tenant)?]) {
        // Writing to a String does not fail.
        let _ = write!(body, " EXECUTE {};", quote_literal(&sql));
    }
    let _ = write!(
        body,
        " named := ({}); IF named IS NOT NULL THEN RAISE EXCEPTION USING ERRCODE = '{STILL_NAMED}', \
         MESSAGE = 'objects of the spare still name it', DETAIL = named; END IF; \
         PERFORM pg_catalog.set_config('{CLAIMED}', spare::text, true); END",
        still_named(tenant)
    );
    Ok(body)
}

/// The objects of the tenant whose text holds the spare's name; each catalog by its index.
fn still_named(tenant: &TenantName) -> String {
    let inside = |catalog: &str| {
        format!(
            "pg_catalog.pg_depend d WHERE d.refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass \
             AND d.refobjid = n.oid AND d.classid = 'pg_catalog.{catalog}'::pg_catalog.regclass"
        )
    };
    format!(
        "SELECT pg_catalog.string_agg(named.object, ', ') FROM pg_catalog.pg_namespace n, LATERAL (\
         SELECT 'function ' || p.proname FROM pg_catalog.pg_proc p WHERE p.oid IN (SELECT d.objid FROM {routines}) \
         AND pg_catalog.strpos(pg_catalog.concat_ws(' ', p.prosrc, p.proconfig::text, \
         pg_catalog.obj_description(p.oid, 'pg_proc')), spare::text) > 0 \
         UNION ALL SELECT 'trigger ' || t.tgname FROM pg_catalog.pg_trigger t \
         WHERE t.tgrelid IN (SELECT d.objid FROM {relations}) \
         AND pg_catalog.strpos(pg_catalog.encode(t.tgargs, 'escape'), spare::text) > 0 \
         UNION ALL SELECT 'comment on ' || pg_catalog.pg_describe_object(c.classoid, c.objoid, c.objsubid) \
         FROM pg_catalog.pg_description c WHERE c.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass \
         AND c.objoid IN (SELECT d.objid FROM {relations}) AND pg_catalog.strpos(c.description, spare::text) > 0 \
         ) AS named (object) WHERE n.nspname = {tenant}",
        routines = inside("pg_proc"),
        relations = inside("pg_class"),
        tenant = quote_literal(tenant.as_str()),
    )
}
