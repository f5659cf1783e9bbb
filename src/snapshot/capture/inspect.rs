//! What a dump does not tell: asked of the live schema.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde::Deserialize;

use super::dump::{Dump, DumpStatement};
use super::dump_facts::sequence_tables;
use super::rows::{TableRows, VERSIONS_TABLES};
use crate::pg::{PsqlError, Server};
use crate::process::Shutdown;
use crate::snapshot::object::{Action, Object, ObjectKind, ObjectScope};
use crate::sql::identifier::unquote;
use crate::sql::{TokenKind, quote, quote_literal, tokens};

/// What the server says of a live schema.
#[derive(Clone, Debug, Deserialize)]
pub struct Inspection {
    /// Major version of the server.
    pub major: u32,
    /// Extensions installed in the schema.
    pub extensions: Vec<String>,
    /// Materialized views that hold their rows.
    pub populated: BTreeSet<String>,
    /// Tables.
    pub tables: Vec<InspectedTable>,
    /// Operators without a function that no other one names: a dropped one left them behind.
    pub shells: Vec<String>,
    /// `CREATE CAST` of the casts that have a type or function of the schema.
    pub casts: Vec<String>,
    /// `GRANT` for the privileges of a schema that initdb made, which no dump has; `None` for any other schema.
    pub initial: Option<Vec<String>>,
    /// The `search_path` that sessions begin with.
    pub search_path: String,
}

/// A table of a live schema.
#[derive(Clone, Debug, Deserialize)]
pub struct InspectedTable {
    /// Its name.
    pub name: String,
    /// Columns that can be inserted.
    pub columns: Vec<String>,
    /// Whether an identity column is among them.
    pub identity: bool,
    /// Whether its rows are in partitions.
    pub partitioned: bool,
    /// Columns whose values are names of objects, `regclass` and its kin, and whether of schemas: `regnamespace`.
    pub names: Vec<(String, bool)>,
    /// Columns whose types are not `PostgreSQL`'s own.
    pub own_types: Vec<String>,
}

/// Asks for everything about the schema that is needed beside its dump.
///
/// # Errors
/// See [`PsqlError`].
pub async fn inspect(
    server: &Server,
    schema: &str,
    shutdown: &Shutdown,
) -> Result<Inspection, PsqlError> {
    let sql = format!(
        "BEGIN READ ONLY;\nSET LOCAL search_path = '';\nSET LOCAL jit = off;\n{}\nCOMMIT;\n",
        include_str!("inspect.sql").replace("$schema$", &quote_literal(schema))
    );
    let mut lines = server.query_json(&sql, shutdown).await?.into_iter();
    let value = lines.next().unwrap_or_default();
    serde_json::from_value(value).map_err(|source| PsqlError::Output {
        line: 1,
        text: String::new(),
        source,
    })
}

/// The schemas behind the tenant's own in a `search_path`: without `"$user"`, the system's and the tenant's.
pub fn shared_schemas(search_path: &str, schema: &str) -> Vec<String> {
    tokens(search_path)
        .into_iter()
        .filter_map(|token| match token.kind {
            TokenKind::Word => Some(token.text(search_path).to_ascii_lowercase()),
            TokenKind::Quoted(true) => Some(unquote(token.text(search_path))),
            _ => None,
        })
        .filter(|name| name != "$user" && name != schema && !name.starts_with("pg_"))
        .collect()
}

/// Which tables' rows go into the snapshot: the versions tables and the seeds.
pub(super) fn wanted_tables<'a>(
    present: impl Iterator<Item = &'a str>,
    versions_table: Option<&str>,
    seeds: &[String],
) -> (Vec<String>, Vec<String>) {
    let present: BTreeSet<&str> = present.collect();
    let versions = match versions_table {
        Some(table) => vec![table.to_owned()],
        None => VERSIONS_TABLES
            .iter()
            .filter(|table| present.contains(**table))
            .map(|t| (*t).to_owned())
            .collect(),
    };
    let seeds = seeds
        .iter()
        .filter(|seed| !versions.contains(seed))
        .cloned()
        .collect();
    (versions, seeds)
}

/// Reads the rows of tables, and where the sequences that they own stand.
///
/// # Errors
/// See [`PsqlError`].
pub(super) async fn read_rows(
    server: &Server,
    schema: &str,
    dump: &mut Dump,
    inspection: &Inspection,
    tables: &[String],
    shutdown: &Shutdown,
) -> Result<Vec<TableRows>, PsqlError> {
    if tables.is_empty() {
        return Ok(Vec::new());
    }
    let mut sql = String::from(
        "BEGIN READ ONLY;\nSET LOCAL search_path = '';\nSET LOCAL datestyle = 'ISO';\nSET LOCAL intervalstyle = 'postgres';\n\
         SET LOCAL timezone = 'UTC';\nSET LOCAL extra_float_digits = 3;\nSET LOCAL bytea_output = 'hex';\n\
         SET LOCAL row_security = off;\n",
    );
    let mut found = Vec::new();
    for InspectedTable {
        name,
        columns,
        identity,
        partitioned,
        own_types,
        ..
    } in &inspection.tables
    {
        if !tables.contains(name) {
            continue;
        }
        let value = |column: &String| {
            let quoted = quote(column);
            if !own_types.contains(column) {
                return format!("{quoted}::text");
            }
            // As pg_dump writes it, by the type's output function; a cast to text may be anything.
            format!(
                "CASE WHEN pg_catalog.num_nulls({quoted}) OPERATOR(pg_catalog.=) 0 THEN pg_catalog.format('%s', {quoted}) END"
            )
        };
        let values: Vec<String> = columns.iter().map(value).collect();
        let _ = writeln!(
            sql,
            "SELECT pg_catalog.json_build_array({}, pg_catalog.json_build_array({})) FROM {}{}.{};",
            found.len(),
            values.join(", "),
            if *partitioned { "" } else { "ONLY " },
            quote(schema),
            quote(name)
        );
        found.push(TableRows {
            table: name.clone(),
            columns: columns.clone(),
            rows: Vec::new(),
            identity: *identity,
        });
    }
    let users = sequence_tables(dump);
    let are_read = |of: &BTreeSet<String>| of.iter().any(|table| tables.contains(table));
    for sequence in users
        .iter()
        .filter(|(_, of)| are_read(of))
        .map(|(sequence, _)| sequence)
    {
        let _ = writeln!(
            sql,
            "SELECT pg_catalog.json_build_array({}, last_value::text, is_called) FROM {}.{};",
            quote_literal(sequence),
            quote(schema),
            quote(sequence)
        );
    }
    sql.push_str("COMMIT;\n");
    for value in server.query_json(&sql, shutdown).await? {
        if let Ok((index, row)) =
            serde_json::from_value::<(usize, Vec<Option<String>>)>(value.clone())
        {
            if let Some(table) = found.get_mut(index) {
                table.rows.push(row.into_iter().map(Into::into).collect());
            }
        } else if let Ok((sequence, last, called)) =
            serde_json::from_value::<(String, String, bool)>(value)
        {
            let qualified = format!("{}.{}", quote(schema), quote(&sequence));
            let text = format!(
                "SELECT pg_catalog.setval({}, {last}, {called})",
                quote_literal(&qualified)
            );
            let object = Object {
                action: Action::Rows,
                kind: ObjectKind::Sequence,
                scope: ObjectScope::Named(schema.to_owned()),
                name: sequence.clone(),
                table: None,
            };
            dump.sequence_values.insert(
                sequence,
                DumpStatement {
                    object,
                    text,
                    line: 0,
                },
            );
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_shared_by_tenants() {
        assert_eq!(
            shared_schemas("\"$user\", App, \"My Ext\", public, pg_temp", "app"),
            ["My Ext", "public"]
        );
        assert_eq!(shared_schemas("", "app"), Vec::<String>::new());
    }
}
