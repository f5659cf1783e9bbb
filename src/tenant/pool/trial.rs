//! The proof that a spare of a snapshot becomes what a tenant of it is.

use std::collections::{BTreeMap, BTreeSet};

use super::PoolError;
use crate::pg::catalog::{Aspect, objects};
use crate::pg::{PsqlError, ScriptOptions, Server};
use crate::process::Stop;
use crate::snapshot::capture::{Aspects, differences, fresh_name, search_path};
use crate::snapshot::{Action, Marking, RenderOptions, Snapshot, TemplateError, settings};
use crate::sql::{TenantName, quote, quote_literal};
use crate::tenant::anew::{For, written_anew};

/// Makes a spare, renames it, makes a tenant beside it, compares the two object by object, and rolls everything back.
/// Returns how many objects are equal.
pub(super) async fn try_out(
    server: &Server,
    snapshot: &Snapshot,
    options: &RenderOptions,
    stop: &Stop,
) -> Result<usize, PoolError> {
    let major = major(server, stop).await?;
    let (spare, renamed, made) = (name()?, name()?, name()?);
    let mut script = String::from("BEGIN;\nSET LOCAL jit = off;\n");
    let mut push = |sql: &str| {
        script.push_str(sql);
        script.push_str(";\n");
    };
    for statement in snapshot.statements_for(&spare, &RenderOptions { mark: Marking::Spare, ..options.clone() })? {
        push(&statement.sql);
    }
    push(&format!("ALTER SCHEMA {} RENAME TO {}", spare.quoted(), renamed.quoted()));
    for anew in written_anew(snapshot, &renamed, 0, For::Psql)? {
        anew.statements.iter().for_each(|sql| push(sql));
    }
    push(&snapshot.schema_comment(&renamed)?);
    for statement in snapshot.body_for(&made, &RenderOptions { mark: Marking::Tenant, ..options.clone() })? {
        push(&statement.sql);
    }
    for schema in [&renamed, &made] {
        push(&settings(server.timeout));
        push(&search_path(&[schema.as_str()]));
        push(objects(&[schema.as_str()], major).trim_end().trim_end_matches(';'));
        for table in tables_with_names(snapshot) {
            push(&format!(
                "SELECT pg_catalog.json_build_array({name}, 'rows of table', {shown}, 'values', \
                 (SELECT pg_catalog.string_agg(r::text, E'\\n' ORDER BY r::text) FROM {schema}.{table} r))",
                name = quote_literal(schema.as_str()),
                shown = quote_literal(&table),
                schema = schema.quoted(),
                table = quote(&table),
            ));
        }
    }
    script.push_str("ROLLBACK;\n");
    let output = server.run_script(&script, &ScriptOptions::default(), stop).await.map_err(PoolError::Load)?;
    let (mut of_renamed, mut of_made): (Aspects, Aspects) = (BTreeMap::new(), BTreeMap::new());
    for line in &output.lines {
        let Some(mut aspect) = serde_json::from_str(line).ok().and_then(Aspect::read) else { continue };
        // Elsewhere the mark of a schema does not count; here it is what makes a spare a tenant.
        if aspect.kind == "schema" && aspect.aspect == "comment" {
            "comment and mark".clone_into(&mut aspect.aspect);
        }
        let map = if aspect.schema == made.as_str() { &mut of_made } else { &mut of_renamed };
        map.insert((aspect.kind, aspect.object, aspect.aspect), aspect.value);
    }
    let count = of_made.keys().map(|(kind, object, _)| (kind, object)).collect::<BTreeSet<_>>().len();
    let mut found = differences(of_renamed, of_made, made.as_str(), renamed.as_str());
    // What an object is called must not depend on the tenant: it shows as one that is missing and one that is new.
    for different in &mut found {
        for name in [&spare, &renamed, &made] {
            different.object = different.object.replace(name.as_str(), crate::snapshot::PLACEHOLDER);
        }
    }
    if found.is_empty() { Ok(count) } else { Err(PoolError::NotProven(found)) }
}

fn name() -> Result<TenantName, PoolError> {
    let name = fresh_name("stamp").map_err(PoolError::Random)?;
    TenantName::new(name).map_err(|_| TemplateError::Glued { line: 0 }.into())
}

/// The tables whose rows hold the name.
fn tables_with_names(snapshot: &Snapshot) -> BTreeSet<String> {
    let rows = snapshot.template().statements.iter().filter(|statement| statement.object.action == Action::Rows);
    rows.filter(|statement| statement.holds_name_as_text())
        .map(|statement| statement.object.bare_name().to_owned())
        .collect()
}

async fn major(server: &Server, stop: &Stop) -> Result<u32, PsqlError> {
    let sql = "SELECT pg_catalog.current_setting('server_version_num')::int / 10000;\n";
    let value = server.query_json(sql, stop).await?.into_iter().next();
    Ok(value.and_then(|value| value.as_u64()).and_then(|major| u32::try_from(major).ok()).unwrap_or_default())
}
