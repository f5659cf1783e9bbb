//! Queries the facts about the live schema that a dump does not contain.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::dump::{Dump, DumpStatement};
use super::dump_facts::sequence_tables;
use super::note::{Concern, ConcernId};
use super::rows::{TableRows, VERSIONS_TABLES};
use super::shared::PUBLIC;
use crate::pg::catalog::{BY_KEYS, with_own_members};
use crate::pg::{PsqlError, Server};
use crate::process::Shutdown;
use crate::snapshot::object::{Action, Object, ObjectKind, ObjectScope};
use crate::sql::identifier::unquote;
use crate::sql::{TokenKind, quote, quote_literal, tokens};
use crate::text::swriteln;

/// The server's facts about a live schema.
#[derive(Clone, Debug, Deserialize)]
pub struct Inspection {
    /// Major version of the server.
    pub major: u32,
    /// Extensions installed in the schema.
    pub extensions: Vec<String>,
    /// True if the schema's owner is the one that initdb gave to `public`.
    pub has_initial_owner: bool,
    /// Materialized views that hold their rows.
    pub populated: BTreeSet<String>,
    /// Tables.
    pub tables: Vec<InspectedTable>,
    /// Tables that are partitions of a table in another schema, with that table.
    pub partitions_elsewhere: Vec<String>,
    /// Operators without a function that no other one names: a dropped one left them behind.
    pub shells: Vec<String>,
    /// `CREATE CAST` of the casts that have a type or function of the schema.
    pub casts: Vec<String>,
    /// `GRANT` for the privileges of a schema that initdb made, which no dump has; `None` for any other schema.
    pub initial: Option<Vec<String>>,
    /// The `search_path` that sessions begin with.
    pub search_path: String,
    /// The OIDs of the schema and its tables, views, sequences, routines and types, with what they are.
    pub oids: BTreeMap<u32, String>,
    /// Ties of the schema to the outside, by kind.
    #[serde(skip)]
    pub concerns: Vec<Concern>,
}

impl Inspection {
    /// The indexes that a failed `CREATE INDEX CONCURRENTLY` left behind.
    pub(super) fn invalid_indexes(&self) -> &[String] {
        self.objects_of(ConcernId::InvalidIndexes)
    }

    /// The objects that a concern is about.
    pub(super) fn objects_of(&self, id: ConcernId) -> &[String] {
        self.concerns
            .iter()
            .find(|concern| concern.id == id)
            .map_or(&[], |concern| &concern.objects)
    }
}

/// A table of a live schema.
#[derive(Clone, Debug, Deserialize)]
pub struct InspectedTable {
    /// Its name.
    pub name: String,
    /// Columns that can be inserted.
    pub columns: Vec<String>,
    /// `true` if an identity column is among them.
    pub identity: bool,
    /// `true` if its rows are in partitions.
    pub partitioned: bool,
    /// Columns whose values are names of objects, such as `regclass`. The flag is `true` for names
    /// of schemas: `regnamespace`.
    pub names: Vec<(String, bool)>,
    /// Columns whose types are not `PostgreSQL`'s own.
    pub own_types: Vec<String>,
    /// Columns of type `oid`, also in arrays and domains (`lo` is one), with the name of their type.
    pub oid_columns: Vec<(String, String)>,
}

/// Queries everything about the schema that is needed in addition to its dump.
///
/// # Errors
/// See [`PsqlError`].
pub async fn inspect(
    server: &Server,
    schema: &str,
    shutdown: &Shutdown,
) -> Result<Inspection, PsqlError> {
    let sql = format!(
        "BEGIN READ ONLY;\nSET LOCAL search_path = '';\n{};\nSET LOCAL row_security = off;\n{}\n{}\n{}COMMIT;\n",
        BY_KEYS.join(";\n"),
        substituted(include_str!("inspect.sql"), schema),
        substituted(include_str!("outside.sql"), schema),
        mentions_sql(schema),
    );
    let mut lines = server.query_json(&sql, shutdown).await?.into_iter();
    let unreadable = |source| PsqlError::Output {
        line: 1,
        text: String::new(),
        source,
    };
    let value = lines.next().unwrap_or_default();
    let mut inspection: Inspection = serde_json::from_value(value).map_err(unreadable)?;
    inspection.concerns = concerns_of(lines)?;
    Ok(inspection)
}

/// Queries the tables of a schema, and nothing about what is outside of it, which takes longer the more schemas there are.
///
/// # Errors
/// See [`PsqlError`].
pub(crate) async fn inspect_tables(
    server: &Server,
    schema: &str,
    shutdown: &Shutdown,
) -> Result<Vec<InspectedTable>, PsqlError> {
    let sql = format!(
        "BEGIN READ ONLY;\nSET LOCAL search_path = '';\n{};\nSET LOCAL row_security = off;\n{}\nCOMMIT;\n",
        BY_KEYS.join(";\n"),
        substituted(include_str!("inspect.sql"), schema),
    );
    let inspection: Inspection = server.query_json_one(&sql, shutdown).await?;
    Ok(inspection.tables)
}

/// Queries what elsewhere names a schema in text: routines, arguments of triggers, foreign tables, subscriptions, and rows of
/// registries such as `pg_cron`'s. A rename or drop of the schema leaves it as it is.
///
/// # Errors
/// See [`PsqlError`].
pub(crate) async fn mentions_elsewhere(
    server: &Server,
    schema: &str,
    shutdown: &Shutdown,
) -> Result<Vec<Concern>, PsqlError> {
    let sql = format!(
        "BEGIN READ ONLY;\nSET LOCAL search_path = '';\nSET LOCAL row_security = off;\n{}COMMIT;\n",
        mentions_sql(schema)
    );
    concerns_of(server.query_json(&sql, shutdown).await?.into_iter())
}

fn mentions_sql(schema: &str) -> String {
    let versions: Vec<String> = VERSIONS_TABLES
        .iter()
        .map(|name| quote_literal(name))
        .collect();
    format!(
        "{}\nDO {};\nSELECT pg_catalog.json_build_array('registered', name) \
         FROM pg_catalog.json_array_elements_text(pg_catalog.current_setting('schemastamp.registries')::json) AS r (name);\n",
        substituted(include_str!("elsewhere.sql"), schema)
            .replace("$versions$", &versions.join(", ")),
        quote_literal(substituted(include_str!("registries.sql"), schema).trim_end()),
    )
}

/// Puts a schema's name into one of the queries.
fn substituted(sql: &str, schema: &str) -> String {
    with_own_members(sql)
        .replace("$schema$", &quote_literal(schema))
        .replace("$pattern$", &quote_literal(&as_pattern(schema)))
}

/// Groups rows of `[concern, object]`; each object is there once.
fn concerns_of(lines: impl Iterator<Item = serde_json::Value>) -> Result<Vec<Concern>, PsqlError> {
    let mut concerns = BTreeMap::<ConcernId, Vec<String>>::new();
    for line in lines {
        let (id, object): (ConcernId, String) =
            serde_json::from_value(line).map_err(|source| PsqlError::Output {
                line: 1,
                text: String::new(),
                source,
            })?;
        let objects = concerns.entry(id).or_default();
        if !objects.contains(&object) {
            objects.push(object);
        }
    }
    Ok(concerns
        .into_iter()
        .map(|(id, objects)| Concern { id, objects })
        .collect())
}

/// Values of an `oid` column that name something which a copy of the rows would share with its source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OidValues {
    pub(crate) table: String,
    pub(crate) column: String,
    /// Number of large objects.
    pub(crate) large_objects: usize,
    /// Number of objects of the schema.
    pub(crate) objects: usize,
}

/// Asks which `oid` columns of tables hold OIDs of large objects, or of objects of the schema.
///
/// # Errors
/// See [`PsqlError`].
pub(crate) async fn oid_values<'a>(
    server: &Server,
    schema: &str,
    tables: impl Iterator<Item = &'a InspectedTable>,
    shutdown: &Shutdown,
) -> Result<Vec<OidValues>, PsqlError> {
    let name = quote_literal(schema);
    let mut sql = String::new();
    for table in tables {
        for (column, _) in &table.oid_columns {
            let from = format!("{}.{}", quote(schema), quote(&table.name));
            swriteln!(
                sql,
                "SELECT pg_catalog.json_build_array({table_name}, {column_name}, pg_catalog.count(DISTINCT m.oid), \
                 pg_catalog.count(DISTINCT o.oid)) \
                 FROM (SELECT DISTINCT v::pg_catalog.oid AS v FROM {from} AS source \
                 CROSS JOIN LATERAL pg_catalog.regexp_split_to_table(source.{column}::text, '[^0-9]+') AS s (v) WHERE v <> '') s \
                 LEFT JOIN pg_catalog.pg_largeobject_metadata m ON m.oid = s.v \
                 LEFT JOIN (SELECT c.oid, c.relnamespace FROM pg_catalog.pg_class c \
                 UNION ALL SELECT p.oid, p.pronamespace FROM pg_catalog.pg_proc p \
                 UNION ALL SELECT t.oid, t.typnamespace FROM pg_catalog.pg_type t \
                 UNION ALL SELECT n.oid, n.oid FROM pg_catalog.pg_namespace n) o (oid, namespace) \
                 ON o.oid = s.v AND o.namespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = {name});",
                table_name = quote_literal(&table.name),
                column_name = quote_literal(column),
                column = quote(column),
            );
        }
    }
    if sql.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "BEGIN READ ONLY;\nSET LOCAL search_path = '';\nSET LOCAL row_security = off;\n{sql}COMMIT;\n"
    );
    let mut values = Vec::new();
    for line in server.query_json(&sql, shutdown).await? {
        let (table, column, large_objects, objects) =
            serde_json::from_value(line).map_err(|source| PsqlError::Output {
                line: 1,
                text: String::new(),
                source,
            })?;
        let found = OidValues {
            table,
            column,
            large_objects,
            objects,
        };
        if found.large_objects > 0 || found.objects > 0 {
            values.push(found);
        }
    }
    Ok(values)
}

/// A text as a regular expression that matches it.
fn as_pattern(text: &str) -> String {
    text.chars().fold(String::new(), |mut pattern, character| {
        if !character.is_alphanumeric() && character != '_' {
            pattern.push('\\');
        }
        pattern.push(character);
        pattern
    })
}

/// Returns the schemas of a `search_path` except the tenant's, the system's and `"$user"`. All tenants share `public`, also
/// where a template lives in it.
pub fn shared_schemas(search_path: &str, schema: &str) -> Vec<String> {
    tokens(search_path)
        .into_iter()
        .filter_map(|token| match token.kind {
            TokenKind::Word => Some(token.text(search_path).to_ascii_lowercase()),
            TokenKind::Quoted(true) => Some(unquote(token.text(search_path))),
            _ => None,
        })
        .filter(|name| {
            name != "$user" && (name != schema || name == PUBLIC) && !name.starts_with("pg_")
        })
        .collect()
}

/// Chooses the tables whose rows go into the snapshot: the version tables and the seeds.
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

/// Reads the rows of tables, and where the sequences that they own stand. The values are those for `named`, the schema of
/// the dump.
///
/// # Errors
/// See [`PsqlError`].
pub(super) async fn read_rows(
    server: &Server,
    schema: &str,
    named: &str,
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
    for table in &inspection.tables {
        if !tables.contains(&table.name) {
            continue;
        }
        sql.push_str(&rows_sql(schema, table, found.len()));
        found.push(TableRows {
            table: table.name.clone(),
            columns: table.columns.clone(),
            rows: Vec::new(),
            identity: table.identity,
        });
    }
    let users = sequence_tables(dump);
    let are_read = |of: &BTreeSet<String>| of.iter().any(|table| tables.contains(table));
    for sequence in users
        .iter()
        .filter(|(_, of)| are_read(of))
        .map(|(sequence, _)| sequence)
    {
        swriteln!(
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
            let qualified = format!("{}.{}", quote(named), quote(&sequence));
            let text = format!(
                "SELECT pg_catalog.setval({}, {last}, {called})",
                quote_literal(&qualified)
            );
            let object = Object {
                action: Action::Rows,
                kind: ObjectKind::Sequence,
                scope: ObjectScope::Named(named.to_owned()),
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

/// Returns the query for the rows of a table: each is its index and its values as text.
fn rows_sql(schema: &str, table: &InspectedTable, index: usize) -> String {
    let value = |column: &String| {
        let quoted = quote(column);
        if !table.own_types.contains(column) {
            return format!("{quoted}::text");
        }
        // Written by the type's output function, as in pg_dump. A cast to text may do anything.
        format!(
            "CASE WHEN pg_catalog.num_nulls({quoted}) OPERATOR(pg_catalog.=) 0 THEN pg_catalog.format('%s', {quoted}) END"
        )
    };
    let values: Vec<String> = table.columns.iter().map(value).collect();
    // ONLY: the children of a table in an inheritance tree are tables of their own. A partitioned table has no rows itself.
    let only = if table.partitioned { "" } else { "ONLY " };
    format!(
        "SELECT pg_catalog.json_build_array({index}, pg_catalog.json_build_array({})) FROM {only}{}.{};\n",
        values.join(", "),
        quote(schema),
        quote(&table.name)
    )
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
