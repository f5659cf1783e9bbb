//! Turns a spare into a tenant.

use super::marker::SPARE_NAME;
use super::newer::NewerMigrations;
use super::rewrite::{RewriteReader, rewrites};
use super::spares::{STILL_NAMED, SpareKind, as_role, pool_is_usable, pool_table};
use crate::pg::catalog::BY_KEYS;
use crate::snapshot::SPARE;
use crate::snapshot::citus::distributing;
use crate::snapshot::{
    RenderOptions, Rendered, Snapshot, TemplateError, lock, one_message, settings, storability,
};
use crate::sql::{TenantName, quote, quote_literal};
use crate::text::swrite;

/// The setting in which the claim keeps the spare's name until the end of its transaction.
const CLAIMED: &str = "schemastamp.claimed";

/// Returns the message that claims a spare for a tenant. Its last line of output is the token and
/// the spare's name, or the token alone if there was none and nothing has changed.
///
/// # Errors
/// Like [`Snapshot::statements_for`].
pub(crate) fn claim_message(
    snapshot: &Snapshot,
    newer: Option<&NewerMigrations>,
    tenant: &TenantName,
    options: &RenderOptions,
    token: &str,
) -> Result<String, TemplateError> {
    let mut statements = vec![settings(options.timeout)];
    statements.extend(BY_KEYS.map(str::to_owned));
    statements.extend([
        format!("SELECT pg_catalog.set_config('{CLAIMED}', '', true)"),
        lock(tenant),
    ]);
    statements.extend(storability(tenant));
    if options.citus {
        statements.extend(distributing());
    }
    statements.extend(
        options
            .role
            .as_ref()
            .map(|role| format!("SET LOCAL ROLE {}", quote(role))),
    );
    statements.push(format!(
        "DO {}",
        quote_literal(&body(snapshot, newer, tenant, options)?)
    ));
    statements.push(format!(
        "SELECT pg_catalog.concat_ws(' ', '{token}', NULLIF(pg_catalog.current_setting('{CLAIMED}'), ''))"
    ));
    let statements: Vec<Rendered> = statements.into_iter().map(Rendered::added).collect();
    Ok(one_message(&statements))
}

/// Returns the message that removes a spare's row from the pool, so that nobody claims it.
pub(crate) fn forget_message(spare: &str, options: &RenderOptions) -> String {
    let row = format!(
        "DELETE FROM {} s WHERE s.name = {}",
        pool_table(),
        quote_literal(spare)
    );
    format!(
        "{} \\;\n{}{row};\n",
        settings(options.timeout),
        as_role(options)
    )
}

/// Returns whether the output of a claim reports a spare; `None` without the token.
pub(crate) fn claimed(lines: &[String], token: &str) -> Option<bool> {
    let spare = lines.last()?.strip_prefix(token)?.trim_start();
    Some(spare.starts_with(SPARE_NAME))
}

fn body(
    snapshot: &Snapshot,
    newer: Option<&NewerMigrations>,
    tenant: &TenantName,
    options: &RenderOptions,
) -> Result<String, TemplateError> {
    let table = pool_table();
    let marks: Vec<String> = snapshot
        .fingerprints()
        .map(|fingerprint| format!("{SPARE}{fingerprint}"))
        .collect();
    let mut body = format!(
        "DECLARE spare name; schema oid; named text; BEGIN \
         IF NOT {usable} THEN RETURN; END IF; \
         LOOP \
         DELETE FROM {table} d WHERE d.name = (SELECT s.name FROM {table} s WHERE {kind} ORDER BY s.made LIMIT 1 \
         FOR UPDATE SKIP LOCKED) RETURNING d.name INTO spare; \
         IF NOT FOUND THEN RETURN; END IF; \
         schema := pg_catalog.to_regnamespace(spare::text)::oid; \
         EXIT WHEN pg_catalog.starts_with(spare::text, '{SPARE_NAME}') AND EXISTS (SELECT FROM pg_catalog.pg_description c \
         WHERE c.objoid = schema AND c.classoid = 'pg_catalog.pg_namespace'::pg_catalog.regclass \
         AND pg_catalog.right(c.description, {length}) IN ({marks})){distributed}; \
         END LOOP; \
         EXECUTE pg_catalog.format('ALTER SCHEMA %I RENAME TO %I', spare, {tenant}::text);",
        usable = pool_is_usable(),
        kind = SpareKind::new(snapshot, options).condition(),
        distributed = if options.citus {
            " AND EXISTS (SELECT FROM pg_catalog.pg_dist_schema p WHERE p.schemaid = schema)"
        } else {
            ""
        },
        // A fingerprint has one length in all formats.
        length = marks.first().map_or(0, String::len),
        marks = marks
            .iter()
            .map(|mark| quote_literal(mark))
            .collect::<Vec<_>>()
            .join(", "),
        tenant = quote_literal(tenant.as_str()),
    );
    // Use the form of the oldest supported server. It costs a blank tenant nothing.
    let statements = rewrites(snapshot, tenant, 0, RewriteReader::Execute)?
        .into_iter()
        .flat_map(|rewrite| rewrite.statements);
    for sql in statements.chain([snapshot.schema_comment(tenant, options)?]) {
        swrite!(body, " EXECUTE {};", quote_literal(&sql));
    }
    swrite!(
        body,
        " named := {}; IF named IS NOT NULL THEN RAISE EXCEPTION USING ERRCODE = '{STILL_NAMED}', \
         MESSAGE = spare::text, DETAIL = named; END IF;",
        still_named()
    );
    if let Some(newer) = newer {
        for sql in newer.executed(tenant, options)? {
            swrite!(body, " EXECUTE {};", quote_literal(&sql));
        }
    }
    swrite!(
        body,
        " PERFORM pg_catalog.set_config('{CLAIMED}', spare::text, true); END"
    );
    Ok(body)
}

/// Returns a query for the objects of the schema whose text holds the spare's name, or NULL without
/// one. It starts at `pg_depend`, because the objects in a schema depend on it. Each other catalog
/// has an index. One query is planned in half the time of three (measured).
fn still_named() -> String {
    let holds = |text: &str| format!("pg_catalog.strpos({text}, spare::text) > 0");
    format!(
        "(SELECT pg_catalog.string_agg(NULLIF(pg_catalog.concat_ws(', ', \
         CASE d.classid WHEN 'pg_catalog.pg_proc'::pg_catalog.regclass THEN \
         (SELECT 'function ' || p.proname FROM pg_catalog.pg_proc p WHERE p.oid = d.objid AND {routine}) \
         WHEN 'pg_catalog.pg_class'::pg_catalog.regclass THEN \
         (SELECT pg_catalog.string_agg('trigger ' || t.tgname, ', ') FROM pg_catalog.pg_trigger t \
         WHERE t.tgrelid = d.objid AND t.tgnargs > 0 AND {trigger}) END, \
         (SELECT pg_catalog.string_agg('comment on ' || pg_catalog.pg_describe_object(c.classoid, c.objoid, c.objsubid), ', ') \
         FROM pg_catalog.pg_description c WHERE c.objoid = d.objid AND c.classoid = d.classid AND {comment})), ''), ', ') \
         FROM pg_catalog.pg_depend d \
         WHERE d.refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass AND d.refobjid = schema)",
        routine = holds("pg_catalog.concat_ws(' ', p.prosrc, p.proconfig::text)"),
        trigger = holds("pg_catalog.encode(t.tgargs, 'escape')"),
        comment = holds("c.description"),
    )
}
