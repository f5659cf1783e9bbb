//! Copies a tenant with its data, in one transaction.

use serde::Deserialize;

use super::distribution::is_distributed;
use super::guard::Demand;
use super::rows::{checks_aside, checks_back, fill_views, find_obstacle};
use super::state::{StateBefore, capture_tenant, explain, guard, look};
use super::{LifecycleError, MoveOptions};
use crate::pg::{PgDump, PsqlError, Server, SqlState};
use crate::process::Shutdown;
use crate::snapshot::capture::{
    Captured, Concern, ConcernId, Note, ServerProperty, shared_schemas,
};
use crate::snapshot::citus::distributing;
use crate::snapshot::{Action, Marking, Object, ObjectKind, RenderOptions, Rendered, settings};
use crate::sql::{TenantName, quote, quote_literal};
use crate::tenant::transaction::{TransactionError, run_transaction};
use crate::tenant::versions::qualified;
use crate::text::swriteln;

/// A tenant that was copied.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cloned {
    /// Number of tables that were copied.
    pub tables: usize,
    /// Number of sequences that were set.
    pub sequences: usize,
    /// Properties that the proof did not compare, because this server sets them by itself.
    pub ignored: Vec<ServerProperty>,
    /// Objects that the copy lacks, shares with its source or has as text.
    pub concerns: Vec<Concern>,
}

/// Copies a tenant: its objects by a capture that is proven, its rows and the positions of its sequences as they are at
/// one moment.
///
/// Rows of foreign tables and large objects are not copied.
///
/// # Errors
/// [`LifecycleError`]; but for [`LifecycleError::Unknown`] nothing has changed then.
pub async fn clone_tenant(
    server: &Server,
    pg_dump: &PgDump,
    old: &TenantName,
    new: &TenantName,
    options: &MoveOptions,
    shutdown: &Shutdown,
) -> Result<Cloned, LifecycleError> {
    // A copy takes nothing from anybody: any schema that is not protected will do.
    let versions_table = options.versions_table.as_deref();
    let demand = Demand::AnySchema;
    let before = look(server, old, new, versions_table, demand, shutdown).await?;
    let decisions = &options.decisions;
    let captured = capture_tenant(server, pg_dump, old, decisions, true, shutdown).await?;
    if let Some(obstacle) = find_obstacle(server, old, &captured, decisions, shutdown).await? {
        return Err(obstacle.into());
    }
    let Captured {
        snapshot,
        proof,
        notes,
    } = captured;
    let concerns = notes
        .iter()
        .filter_map(Note::as_concern)
        // The copy has the rows, and fills its views from them.
        .filter(|concern| concern.id != ConcernId::UnfilledViews)
        .cloned()
        .collect();
    let contents = read_contents(server, old, shutdown).await?;
    let render = RenderOptions {
        mark: Marking::None,
        citus: is_distributed(server, old, shutdown).await?,
        ..RenderOptions::default()
    };
    let body = snapshot.body_for(new, &render)?;
    let script = format!(
        "{};\n{}{}",
        settings(server.timeout),
        guard(old, new, &before),
        copy_script(&body, &contents, &before, old, new, render.citus)
    );
    run_transaction(
        server,
        // All rows and sequences are those of one moment.
        "BEGIN ISOLATION LEVEL REPEATABLE READ",
        &script,
        shutdown,
    )
    .await
    .map_err(|error| match error {
        TransactionError::Failed(PsqlError::Script { message, .. })
            if message.sqlstate == Some(NESTED) =>
        {
            LifecycleError::NestedNames(message.detail.unwrap_or_default())
        }
        error => explain(error, old, new),
    })?;
    Ok(Cloned {
        tables: contents.tables.len(),
        sequences: contents.sequences.len(),
        ignored: proof.map(|proof| proof.ignored).unwrap_or_default(),
        concerns,
    })
}

/// Returns the statements that make the copy: its objects, its rows where `pg_dump` would have them, and the positions of
/// its sequences.
fn copy_script(
    body: &[Rendered],
    contents: &Contents,
    before: &StateBefore,
    old: &TenantName,
    new: &TenantName,
    is_distributed: bool,
) -> String {
    let mut path = vec![new.quoted()];
    path.extend(
        shared_schemas(&before.search_path, old.as_str())
            .iter()
            .map(|schema| quote(schema)),
    );
    let path = path.join(", ");
    let data = copy_statements(contents, old, new, &path);
    let mut script = String::new();
    if is_distributed {
        for statement in distributing() {
            swriteln!(script, "{statement};");
        }
    }
    let mut has_rows = false;
    let mut views = Vec::new();
    for statement in body {
        let object = statement.object.as_ref();
        let is_rows = object.is_some_and(|object| object.action == Action::Rows);
        // Rows come before their triggers, as in pg_dump.
        if let Some(view) = object.filter(|object| object.action == Action::Refresh) {
            views.push(view.name.clone());
            continue;
        }
        if !has_rows && (is_rows || object.is_some_and(is_behind_rows)) {
            has_rows = true;
            script.push_str(&data);
        }
        if is_rows {
            continue;
        }
        script.push_str(&statement.sql);
        script.push_str(";\n");
    }
    if !has_rows {
        script.push_str(&data);
    }
    if !views.is_empty() {
        // Functions of a materialized view find by it what the tenant's sessions find; before 17, REFRESH heeds it.
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
    script
}

fn is_behind_rows(object: &Object) -> bool {
    use ObjectKind::{Constraint, Index, Policy, Rule, Trigger};
    object.action == Action::Create
        && matches!(object.kind, Constraint | Index | Trigger | Rule | Policy)
}

/// Raised when rows refer to objects from within a composite value, an array of several dimensions or a range.
const NESTED: SqlState = SqlState::new(*b"SS011");

/// A column that is copied.
#[derive(Debug, Deserialize)]
struct Column {
    name: String,
    /// Its type, where values go through their text: without its schema where that is the tenant's own.
    by_text: Option<String>,
    /// True when the values are names of objects, `regclass` and similar, or domains over them, or arrays of either.
    names: bool,
    /// True when such names stand further inside: in a composite type, in a range, in an array within a domain.
    nested: bool,
}

/// A table whose own rows are copied.
#[derive(Debug)]
struct SourceTable {
    name: String,
    /// The table that the rows are put into: for a partition the topmost partitioned table, which finds the right partition.
    /// Hashes of an enum's values depend on their OIDs, which are others in the copy.
    target: String,
    columns: Vec<Column>,
}

struct Contents {
    tables: Vec<SourceTable>,
    sequences: Vec<String>,
}

async fn read_contents(
    server: &Server,
    tenant: &TenantName,
    shutdown: &Shutdown,
) -> Result<Contents, LifecycleError> {
    let sql = format!(
        "BEGIN READ ONLY;\nSET LOCAL search_path = {schema};\n\
         SELECT pg_catalog.json_build_array('table', c.relname, COALESCE((SELECT pg_catalog.json_agg(pg_catalog.json_build_object('name', a.attname, \
         'by_text', CASE WHEN COALESCE(e.typnamespace, t.typnamespace) = n.oid OR b.names THEN pg_catalog.format_type(a.atttypid, NULL) END, \
         'names', b.names, 'nested', b.nested) ORDER BY a.attnum) \
         FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid \
         LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem AND t.typlen = -1 \
         CROSS JOIN LATERAL (\
            WITH RECURSIVE part (oid, inside) AS (SELECT a.atttypid, false UNION \
            SELECT x.oid, p.inside OR x.inside FROM part p JOIN pg_catalog.pg_type y ON y.oid = p.oid CROSS JOIN LATERAL (\
                SELECT y.typbasetype, false UNION ALL SELECT y.typelem, p.oid <> a.atttypid WHERE y.typlen = -1 \
                UNION ALL SELECT z.atttypid, true FROM pg_catalog.pg_attribute z \
                    WHERE z.attrelid = y.typrelid AND z.attnum > 0 AND NOT z.attisdropped \
                UNION ALL SELECT r.rngsubtype, true FROM pg_catalog.pg_range r WHERE r.rngtypid = y.oid) x (oid, inside) \
            WHERE x.oid <> 0) \
            SELECT COALESCE(pg_catalog.bool_or(NOT p.inside AND r.typname::text OPERATOR(pg_catalog.~) '^reg'), false) AS names, \
            COALESCE(pg_catalog.bool_or(p.inside AND r.typname::text OPERATOR(pg_catalog.~) '^reg'), false) AS nested \
            FROM part p JOIN pg_catalog.pg_type r ON r.oid = p.oid \
            WHERE r.typnamespace = 'pg_catalog'::pg_catalog.regnamespace::pg_catalog.oid) b \
         WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''), '[]'), \
         (SELECT r.relname FROM pg_catalog.pg_class r WHERE r.oid = pg_catalog.pg_partition_root(c.oid) AND r.relnamespace = n.oid)) \
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname = {name} AND c.relkind = 'r' ORDER BY c.relname;\n\
         SELECT pg_catalog.json_build_array('sequence', c.relname, '[]'::json, NULL) FROM pg_catalog.pg_class c \
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = {name} AND c.relkind = 'S' ORDER BY c.relname;\n\
         COMMIT;\n",
        schema = tenant.quoted(),
        name = quote_literal(tenant.as_str())
    );
    let mut contents = Contents {
        tables: Vec::new(),
        sequences: Vec::new(),
    };
    for line in server.query_json(&sql, shutdown).await? {
        let text = line.to_string().chars().take(200).collect();
        let (kind, name, columns, root): (String, String, Vec<Column>, Option<String>) =
            serde_json::from_value(line).map_err(|source| PsqlError::Output {
                line: 1,
                text,
                source,
            })?;
        match kind.as_str() {
            "table" => contents.tables.push(SourceTable {
                target: root.unwrap_or_else(|| name.clone()),
                name,
                columns,
            }),
            _ => contents.sequences.push(name),
        }
    }
    Ok(contents)
}

/// A value that names objects, with the new schema in the place of the old one.
fn renamed(value: &str, names_type: &str, old: &TenantName, new: &TenantName) -> String {
    // The text of an array has its own quotes.
    if let Some(element) = names_type.strip_suffix("[]") {
        let one = renamed("name", element, old, new);
        return format!(
            "CASE WHEN {value} IS NOT NULL THEN ARRAY(SELECT {one} FROM pg_catalog.unnest({value}) WITH ORDINALITY \
             AS u (name, at) ORDER BY at) END"
        );
    }
    // Match neither within a longer name nor after a dot: the whole of a `regnamespace`, or the
    // qualifier of a name.
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

/// A statement that fails where rows refer to objects of the old tenant in a form that a copy cannot follow. Empty when no
/// column can.
fn refusals(contents: &Contents, old: &TenantName) -> String {
    let mut checks = Vec::new();
    for table in &contents.tables {
        for column in &table.columns {
            let value = quote(&column.name);
            let by_text = column.by_text.as_ref();
            let condition = if column.nested {
                format!("pg_catalog.num_nulls({value}) = 0")
            } else if column.names && by_text.is_some_and(|name| name.ends_with("[]")) {
                format!("pg_catalog.array_ndims({value}) > 1")
            } else {
                continue;
            };
            checks.push(format!(
                "SELECT {} WHERE EXISTS (SELECT FROM ONLY {} WHERE {condition})",
                quote_literal(&format!("{}.{}", table.name, column.name)),
                qualified(old.as_str(), &table.name)
            ));
        }
    }
    if checks.is_empty() {
        return String::new();
    }
    let body = format!(
        "DECLARE found text; BEGIN SELECT pg_catalog.string_agg(c, ', ') INTO found FROM ({}) AS s (c); \
         IF found IS NOT NULL THEN RAISE EXCEPTION USING ERRCODE = '{NESTED}', MESSAGE = 'refused', DETAIL = found; \
         END IF; END",
        checks.join(" UNION ALL ")
    );
    format!("DO {};\n", quote_literal(&body))
}

/// The statements that copy the rows. Values of the tenant's own types go through their text.
fn copy_statements(contents: &Contents, old: &TenantName, new: &TenantName, path: &str) -> String {
    let mut script = String::from(AS_TEXT);
    script.push_str(&refusals(contents, old));
    script.push_str(&checks_aside(new));
    script.push_str(&set_search_path(path));
    for SourceTable {
        name: table,
        target,
        columns,
    } in &contents.tables
    {
        let names: Vec<String> = columns.iter().map(|column| quote(&column.name)).collect();
        let values: Vec<String> = columns
            .iter()
            .map(|column| {
                let value = format!("source.{}", quote(&column.name));
                match &column.by_text {
                    // A reference to an object of the old tenant becomes one to the new tenant's.
                    Some(names_type) if column.names => renamed(&value, names_type, old, new),
                    // `search_path` leads to the new tenant's type. By the type's output function: a cast to text may be
                    // anything.
                    Some(own_type) => format!(
                        "CASE WHEN pg_catalog.num_nulls({value}) = 0 THEN pg_catalog.format('%s', {value}) END::{own_type}"
                    ),
                    None => value,
                }
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
            qualified(new.as_str(), target),
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
