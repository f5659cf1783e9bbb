//! Copies a tenant with its data, in one transaction.

use std::collections::HashMap;

use super::LifecycleError;
use super::rows::{checks_aside, checks_back, fill_views, find_obstacle, hash_roots};
use super::state::{captured, explain, guard, look};
use crate::pg::{PgDump, ScriptOptions, Server};
use crate::process::Shutdown;
use crate::snapshot::capture::{Captured, ServerProperty, shared_schemas};
use crate::snapshot::{Action, Decisions, Marking, Object, ObjectKind, RenderOptions, settings};
use crate::sql::{TenantName, quote, quote_literal};
use crate::tenant::versions::qualified;
use crate::text::swriteln;

/// A tenant that was copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cloned {
    /// How many tables were copied.
    pub tables: usize,
    /// How many sequences were set.
    pub sequences: usize,
    /// What the proof did not compare, since this server sets it by itself.
    pub ignored: Vec<ServerProperty>,
}

/// Copies a tenant: its objects by a capture that is proven, its rows and the positions of its sequences as they are at
/// one moment.
///
/// Rows of foreign tables and large objects are not copied.
///
/// # Errors
/// [`LifecycleError`]; nothing has changed then.
pub async fn clone_tenant(
    server: &Server,
    pg_dump: &PgDump,
    old: &TenantName,
    new: &TenantName,
    decisions: &Decisions,
    shutdown: &Shutdown,
) -> Result<Cloned, LifecycleError> {
    let before = look(server, old, new, shutdown).await?;
    let captured = captured(server, pg_dump, old, decisions, true, shutdown).await?;
    if let Some(obstacle) = find_obstacle(server, old, &captured, decisions, shutdown).await? {
        return Err(obstacle.into());
    }
    let Captured {
        snapshot, proof, ..
    } = captured;
    let mut contents = read_contents(server, old, shutdown).await?;
    contents.roots = hash_roots(server, old, shutdown).await?;
    let mut path = vec![new.quoted()];
    path.extend(
        shared_schemas(&before.search_path, old.as_str())
            .iter()
            .map(|schema| quote(schema)),
    );
    let path = path.join(", ");
    let data = copy_statements(&contents, old, new, &path);
    let mut script = format!(
        "BEGIN ISOLATION LEVEL REPEATABLE READ;\n{};\n{}",
        settings(server.timeout),
        guard(old, new, &before)
    );
    let options = RenderOptions {
        mark: Marking::None,
        ..RenderOptions::default()
    };
    let (mut copied, mut views) = (false, Vec::new());
    for statement in snapshot.body_for(new, &options)? {
        let object = statement.object.as_ref();
        let is_rows = object.is_some_and(|object| object.action == Action::Rows);
        // As pg_dump does: rows before what watches them.
        if let Some(view) = object.filter(|object| object.action == Action::Refresh) {
            views.push(view.name.clone());
            continue;
        }
        if !copied && (is_rows || object.is_some_and(is_behind_rows)) {
            copied = true;
            script.push_str(&data);
        }
        if !is_rows {
            script.push_str(&statement.sql);
            script.push_str(";\n");
        }
    }
    if !copied {
        script.push_str(&data);
    }
    if !views.is_empty() {
        script.push_str(&set_search_path(&path));
        script.push_str(&fill_views(new, &views));
        script.push_str(&set_search_path(""));
    }
    for sequence in &contents.sequences {
        let target = quote_literal(&qualified(new.as_str(), sequence));
        let source = qualified(old.as_str(), sequence);
        swriteln!(
            script,
            "SELECT pg_catalog.setval({target}, last_value, is_called) FROM {source};"
        );
    }
    if let Some(comment) = &before.comment {
        swriteln!(
            script,
            "COMMENT ON SCHEMA {} IS {};",
            new.quoted(),
            quote_literal(comment)
        );
    }
    script.push_str("COMMIT;\n");
    server
        .run_script(&script, &ScriptOptions::default(), shutdown)
        .await
        .map_err(|error| explain(error, old, new))?;
    Ok(Cloned {
        tables: contents.tables.len(),
        sequences: contents.sequences.len(),
        ignored: proof.map(|proof| proof.ignored).unwrap_or_default(),
    })
}

fn is_behind_rows(object: &Object) -> bool {
    use ObjectKind::{Constraint, Index, Policy, Rule, Trigger};
    object.action == Action::Create
        && matches!(object.kind, Constraint | Index | Trigger | Rule | Policy)
}

/// A column: its name; its type, where values go through their text: without its schema where that is the tenant's own;
/// whether the values are names of objects, `regclass` and its kin.
type Column = (String, Option<String>, bool);

struct Contents {
    /// Each table with its columns.
    tables: Vec<(String, Vec<Column>)>,
    sequences: Vec<String>,
    /// The table through which the rows of a hash partition are inserted.
    roots: HashMap<String, String>,
}

async fn read_contents(
    server: &Server,
    tenant: &TenantName,
    shutdown: &Shutdown,
) -> Result<Contents, LifecycleError> {
    let sql = format!(
        "BEGIN READ ONLY;\nSET LOCAL search_path = {schema};\n\
         SELECT pg_catalog.json_build_array('table', c.relname, COALESCE((SELECT pg_catalog.json_agg(pg_catalog.json_build_array(a.attname, \
         CASE WHEN COALESCE(e.typnamespace, t.typnamespace) = n.oid OR b.names THEN pg_catalog.format_type(a.atttypid, NULL) END, b.names) \
         ORDER BY a.attnum) \
         FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid \
         LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem AND t.typlen = -1 \
         CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM pg_catalog.pg_type r WHERE r.typname::text OPERATOR(pg_catalog.~) '^_?reg' \
         AND r.typnamespace = 'pg_catalog'::pg_catalog.regnamespace::pg_catalog.oid AND r.oid IN (t.oid, t.typbasetype)) AS names) b \
         WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''), '[]')) \
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname = {name} AND c.relkind = 'r' ORDER BY c.relname;\n\
         SELECT pg_catalog.json_build_array('sequence', c.relname, '[]'::json) FROM pg_catalog.pg_class c \
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = {name} AND c.relkind = 'S' ORDER BY c.relname;\n\
         COMMIT;\n",
        schema = tenant.quoted(),
        name = quote_literal(tenant.as_str())
    );
    let mut contents = Contents {
        tables: Vec::new(),
        sequences: Vec::new(),
        roots: HashMap::new(),
    };
    for line in server.query_json(&sql, shutdown).await? {
        let Ok((kind, name, columns)) =
            serde_json::from_value::<(String, String, Vec<Column>)>(line)
        else {
            continue;
        };
        if kind == "table" {
            contents.tables.push((name, columns));
        } else {
            contents.sequences.push(name);
        }
    }
    Ok(contents)
}

/// A value that names objects, with the new schema in the place of the old one.
fn renamed(value: &str, names_type: &str, old: &TenantName, new: &TenantName) -> String {
    // The text of an array has quotes of its own.
    if let Some(element) = names_type.strip_suffix("[]") {
        let one = renamed("name", element, old, new);
        return format!(
            "CASE WHEN {value} IS NOT NULL THEN ARRAY(SELECT {one} FROM pg_catalog.unnest({value}) WITH ORDINALITY \
             AS u (name, at) ORDER BY at) END"
        );
    }
    // Neither within a longer name nor behind a dot: the whole of `regnamespace`, or what qualifies a name.
    let pattern = format!(
        "(?<![[:alnum:]_$\".]){}(?![[:alnum:]_$\"])",
        escaped(&old.quoted())
    );
    let replacement = new.quoted().replace('\\', "\\\\");
    format!(
        "pg_catalog.regexp_replace({value}::text, {}, {}, 'g')::{names_type}",
        quote_literal(&pattern),
        quote_literal(&replacement)
    )
}

/// A text as a regular expression that matches it.
fn escaped(text: &str) -> String {
    let plain =
        |character: char| character.is_alphanumeric() || character == '_' || character == ' ';
    text.chars().fold(String::new(), |mut pattern, character| {
        if !plain(character) {
            pattern.push('\\');
        }
        pattern.push(character);
        pattern
    })
}

/// Values that go through their text lose nothing.
const AS_TEXT: &str = "SET LOCAL datestyle = 'ISO';\nSET LOCAL intervalstyle = 'postgres';\n\
    SET LOCAL extra_float_digits = 3;\nSET LOCAL bytea_output = 'hex';\n";

/// The statements that copy the rows. Values of the tenant's own types go through their text.
fn copy_statements(contents: &Contents, old: &TenantName, new: &TenantName, path: &str) -> String {
    let mut script = String::from(AS_TEXT);
    script.push_str(&checks_aside(new));
    script.push_str(&set_search_path(path));
    for (table, columns) in &contents.tables {
        let names: Vec<String> = columns.iter().map(|(column, ..)| quote(column)).collect();
        let values: Vec<String> = columns
            .iter()
            .map(|(column, by_text, names)| match by_text {
                // What refers to an object of the old tenant refers to the new one's.
                Some(names_type) if *names => renamed(&format!("source.{}", quote(column)), names_type, old, new),
                // `search_path` leads to the new tenant's type.
                Some(own_type) => {
                    let value = format!("source.{}", quote(column));
                    // By the type's output function: a cast to text may be anything.
                    format!("CASE WHEN pg_catalog.num_nulls({value}) = 0 THEN pg_catalog.format('%s', {value}) END::{own_type}")
                }
                None => format!("source.{}", quote(column)),
            })
            .collect();
        let list = if names.is_empty() {
            String::new()
        } else {
            format!(" ({})", names.join(", "))
        };
        swriteln!(
            script,
            "INSERT INTO {}{list} OVERRIDING SYSTEM VALUE SELECT {} FROM ONLY {} AS source;",
            qualified(new.as_str(), contents.roots.get(table).unwrap_or(table)),
            values.join(", "),
            qualified(old.as_str(), table)
        );
    }
    script.push_str(&checks_back(old, new));
    script.push_str(&set_search_path(""));
    script
}

fn set_search_path(path: &str) -> String {
    format!(
        "SELECT pg_catalog.set_config('search_path', {}, true);\n",
        quote_literal(path)
    )
}
