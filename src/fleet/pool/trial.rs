//! Proves that a spare of a snapshot becomes equal to a tenant.

use std::collections::{BTreeMap, BTreeSet};

use super::error::PoolError;
use crate::pg::catalog::{Aspect, objects};
use crate::pg::{PsqlError, ScriptOptions, Server};
use crate::process::Shutdown;
use crate::snapshot::capture::{Aspects, differences, fresh_name, search_path};
use crate::snapshot::{Marking, RenderOptions, Snapshot, TemplateError, settings};
use crate::sql::{TenantName, quote_literal};
use crate::tenant::{RewriteReader, written_anew};

/// Creates a spare, renames it, creates a tenant next to it, compares the two object by object, and
/// rolls everything back. Returns the number of equal objects.
pub(super) async fn try_out(
    server: &Server,
    snapshot: &Snapshot,
    options: &RenderOptions,
    shutdown: &Shutdown,
) -> Result<usize, PoolError> {
    let major = major(server, shutdown).await?;
    let (spare, renamed, made) = (name()?, name()?, name()?);
    let mut script = String::from("BEGIN;\nSET LOCAL jit = off;\n");
    let mut push = |sql: &str| {
        script.push_str(sql);
        script.push_str(";\n");
    };
    for statement in snapshot.statements_for(
        &spare,
        &RenderOptions {
            mark: Marking::Spare,
            ..options.clone()
        },
    )? {
        push(&statement.sql);
    }
    push(&format!(
        "ALTER SCHEMA {} RENAME TO {}",
        spare.quoted(),
        renamed.quoted()
    ));
    for anew in written_anew(snapshot, &renamed, 0, RewriteReader::Psql)? {
        anew.statements.iter().for_each(|sql| push(sql));
    }
    push(&snapshot.schema_comment(&renamed, options)?);
    // Reset what the first body has set, such as the access method of its last table.
    push(&settings(server.timeout));
    for statement in snapshot.body_for(
        &made,
        &RenderOptions {
            mark: Marking::Tenant,
            ..options.clone()
        },
    )? {
        push(&statement.sql);
    }
    for schema in [&renamed, &made] {
        push(&settings(server.timeout));
        push(&search_path(&[schema.as_str()]));
        push(
            objects(&[schema.as_str()], major)
                .trim_end()
                .trim_end_matches(';'),
        );
    }
    push(&settings(server.timeout));
    for sql in rows_that_hold(&spare, &renamed) {
        push(&sql);
    }
    script.push_str("ROLLBACK;\n");
    let output = server
        .run_script(&script, &ScriptOptions::default(), shutdown)
        .await
        .map_err(PoolError::Load)?;
    let (mut of_renamed, mut of_made): (Aspects, Aspects) = (BTreeMap::new(), BTreeMap::new());
    for line in &output.lines {
        let Some(mut aspect) = serde_json::from_str(line).ok().and_then(Aspect::read) else {
            continue;
        };
        // Other comparisons ignore the marker. Here it is what turns a spare into a tenant.
        if aspect.kind == "schema" && aspect.aspect == "comment" {
            "comment and mark".clone_into(&mut aspect.aspect);
        }
        let map = if aspect.schema == made.as_str() {
            &mut of_made
        } else {
            &mut of_renamed
        };
        map.insert((aspect.kind, aspect.object, aspect.aspect), aspect.value);
    }
    let count = of_made
        .keys()
        .map(|(kind, object, _)| (kind, object))
        .collect::<BTreeSet<_>>()
        .len();
    let mut found = differences(of_renamed, of_made, made.as_str(), renamed.as_str());
    // The name of an object must not depend on the tenant. It would show as a missing and a new
    // object.
    for different in &mut found {
        for name in [&spare, &renamed, &made] {
            different.object = different
                .object
                .replace(name.as_str(), crate::snapshot::PLACEHOLDER);
        }
    }
    if found.is_empty() {
        Ok(count)
    } else {
        Err(PoolError::NotProven(found))
    }
}

fn name() -> Result<TenantName, PoolError> {
    let name = fresh_name("stamp").map_err(PoolError::Random)?;
    TenantName::new(name).map_err(|_| TemplateError::Glued { line: 0 }.into())
}

/// Returns statements that list the tables and materialized views of the renamed schema whose rows
/// hold the spare's name: seeds that contain it, and values that triggers and functions made of it.
fn rows_that_hold(spare: &TenantName, renamed: &TenantName) -> [String; 2] {
    let (spare, renamed) = (
        quote_literal(spare.as_str()),
        quote_literal(renamed.as_str()),
    );
    let body = format!(
        "DECLARE t record; holds boolean; found text := ''; BEGIN \
         FOR t IN SELECT c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname = {renamed} AND c.relkind IN ('r', 'm') AND (c.relkind = 'r' OR c.relispopulated) LOOP \
         EXECUTE pg_catalog.format('SELECT EXISTS (SELECT FROM %I.%I r WHERE pg_catalog.strpos(r::text, %L) > 0)', \
         {renamed}, t.relname, {spare}) INTO holds; \
         IF holds THEN found := found || t.relname || E'\\n'; END IF; END LOOP; \
         PERFORM pg_catalog.set_config('schemastamp.holding', found, true); END"
    );
    [
        format!("DO {}", quote_literal(&body)),
        format!(
            "SELECT pg_catalog.json_build_array({renamed}, 'rows of', t, 'values', 'hold the name') FROM \
             pg_catalog.regexp_split_to_table(pg_catalog.current_setting('schemastamp.holding'), E'\\n') AS t WHERE t <> ''"
        ),
    ]
}

async fn major(server: &Server, shutdown: &Shutdown) -> Result<u32, PsqlError> {
    let sql = "SELECT pg_catalog.current_setting('server_version_num')::int / 10000;\n";
    let value = server.query_json(sql, shutdown).await?.into_iter().next();
    Ok(value
        .and_then(|value| value.as_u64())
        .and_then(|major| u32::try_from(major).ok())
        .unwrap_or_default())
}
