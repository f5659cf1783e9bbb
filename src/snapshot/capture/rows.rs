//! Writes the rows of a new tenant as INSERT: those of the version table and of seed tables.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use super::dump_mentions::holds_word;
use super::values::Value;
use crate::snapshot::decision::{Decision, Decisions};
use crate::snapshot::object::identifier_value;
use crate::snapshot::template::{PLACEHOLDER, escape_placeholders};
use crate::sql::{quote, quote_literal};
use crate::text::swrite;

/// The well-known tables of migration tools, which `capture` finds if none is named.
pub const VERSIONS_TABLES: &[&str] = &[
    "schema_migrations",
    "ar_internal_metadata",
    "flyway_schema_history",
    "alembic_version",
    "__diesel_schema_migrations",
    "_sqlx_migrations",
    "goose_db_version",
    "refinery_schema_history",
    "django_migrations",
    "databasechangelog",
    "databasechangeloglock",
    "knex_migrations",
    "knex_migrations_lock",
    "_prisma_migrations",
    "SequelizeMeta",
    "pgmigrations",
    "__EFMigrationsHistory",
    "doctrine_migration_versions",
    "mikro_orm_migrations",
    "phinxlog",
    "migrations",
];

/// Those of them in which a tool keeps no versions but settings and locks of its own.
const TOOL_TABLES: [&str; 3] = [
    "ar_internal_metadata",
    "databasechangeloglock",
    "knex_migrations_lock",
];

/// Returns `true` for a table of a migration tool that holds settings or a lock, and no versions.
pub fn is_tool_table(table: &str) -> bool {
    TOOL_TABLES.contains(&table)
}

/// Most rows in one INSERT: keeps lines and messages of a sane size.
const ROWS_PER_STATEMENT: usize = 500;

/// Values of a table that are the schema's name.
#[derive(Debug, Default)]
pub(super) struct DecidedRows {
    /// Their number.
    pub(super) places: usize,
    /// Number of values without a decision.
    pub(super) undecided: usize,
    /// Number of other values in which the name is a word, unless it is decided that this is meant.
    pub(super) within: usize,
    /// The names and patterns of the decisions that were found for them.
    pub(super) used: BTreeSet<String>,
}

/// The rows of one table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableRows {
    /// The table, without its schema.
    pub table: String,
    /// Column names; empty for all, in order.
    pub columns: Vec<String>,
    /// Values in the order of the columns.
    pub rows: Vec<Vec<Value>>,
    /// `true` if an identity column gets explicit values.
    pub identity: bool,
}

impl TableRows {
    /// Names the columns, where the dump does not and these fit; and leaves out those that are always `DEFAULT`.
    pub(super) fn name_columns(&mut self, listed: Vec<String>) {
        if self.columns.is_empty() && self.rows.iter().all(|row| row.len() == listed.len()) {
            self.columns = listed;
        }
        for at in (0..self.columns.len()).rev() {
            if !self.rows.is_empty()
                && self
                    .rows
                    .iter()
                    .all(|row| row.get(at) == Some(&Value::Default))
            {
                self.columns.remove(at);
                for row in &mut self.rows {
                    row.remove(at);
                }
            }
        }
    }

    /// Puts `#{prefix}` into the values of columns that hold names of objects, such as `regclass`. Returns the column of a
    /// value that names the schema where that cannot be done: within an array, a composite value or a range.
    pub(super) fn rename(&mut self, names: &[(String, bool)], schema: &str) -> Result<(), String> {
        for (at, column) in self.columns.iter().enumerate() {
            let Some((_, of_schemas)) = names.iter().find(|(name, _)| name == column) else {
                continue;
            };
            for value in self.rows.iter_mut().filter_map(|row| row.get_mut(at)) {
                let Value::Text(text) = value else { continue };
                if text.starts_with(['{', '(', '[']) {
                    if text.contains(schema) {
                        return Err(column.clone());
                    }
                } else if let Some(template) = renamed(text, schema, *of_schemas) {
                    *value = Value::Name(template);
                }
            }
        }
        Ok(())
    }

    /// Judges the values that are the schema's name, or begin with it as a qualified name does, as the user decided. What
    /// nobody decided about stays as it is.
    pub(super) fn decide(&mut self, schema: &str, decisions: &Decisions) -> DecidedRows {
        let object = self.object();
        let mut decided = DecidedRows::default();
        for value in self.rows.iter_mut().flatten() {
            let Value::Text(text) = value else { continue };
            let behind = [schema.to_owned(), quote(schema)]
                .iter()
                .find_map(|name| text.strip_prefix(name.as_str()));
            let Some(behind) = behind.filter(|behind| behind.is_empty() || behind.starts_with('.'))
            else {
                decided.within += usize::from(holds_word(text, schema));
                continue;
            };
            decided.places += 1;
            let found = decisions.find(&object, decided.places);
            decided.used.extend(found.map(|(key, _)| key.to_owned()));
            match found.map(|(_, decision)| decision) {
                Some(Decision::Rename) if text == schema => *value = Value::Schema,
                Some(Decision::Rename) => {
                    *value = Value::Name(format!("{PLACEHOLDER}{}", escape_placeholders(behind)));
                }
                Some(Decision::Keep) => {}
                None => decided.undecided += 1,
            }
        }
        if decided.within > 0
            && let Some((key, Decision::Keep)) = decisions.find(&object, decided.places + 1)
        {
            decided.used.insert(key.to_owned());
            decided.within = 0;
        }
        decided
    }

    /// Returns the name of the rows in decisions.
    pub(super) fn object(&self) -> String {
        format!("rows of {}", quote(&self.table))
    }

    /// Sorts by the key columns, numbers by value, or without a key by all columns. The order on
    /// disk does not matter.
    pub fn sort(&mut self, key: &[String]) {
        let positions: Vec<usize> = key
            .iter()
            .filter_map(|column| self.columns.iter().position(|other| other == column))
            .collect();
        let all: Vec<usize> = (0..self.rows.iter().map(Vec::len).max().unwrap_or(0)).collect();
        let order = if positions.is_empty() { all } else { positions };
        self.rows.sort_by(|left, right| {
            order
                .iter()
                .map(|at| compare(left.get(*at), right.get(*at)))
                .find(|o| *o != Ordering::Equal)
                .unwrap_or(Ordering::Equal)
        });
    }

    /// The INSERT statements, as template text without semicolons.
    pub fn statements(&self) -> Vec<String> {
        let mut head = format!(
            "INSERT INTO {PLACEHOLDER}.{}",
            escape_placeholders(&quote(&self.table))
        );
        if self.columns.is_empty() && self.rows.iter().all(Vec::is_empty) {
            return vec![format!("{head} DEFAULT VALUES"); self.rows.len()];
        }
        if !self.columns.is_empty() {
            let columns: Vec<String> = self.columns.iter().map(|column| quote(column)).collect();
            swrite!(head, " ({})", escape_placeholders(&columns.join(", ")));
        }
        if self.identity {
            head.push_str(" OVERRIDING SYSTEM VALUE");
        }
        head.push_str(" VALUES");
        self.rows
            .chunks(ROWS_PER_STATEMENT)
            .map(|chunk| {
                let rows: Vec<String> = chunk
                    .iter()
                    .map(|row| {
                        let values: Vec<String> = row.iter().map(literal).collect();
                        format!("    ({})", values.join(", "))
                    })
                    .collect();
                format!("{head}\n{}", rows.join(",\n"))
            })
            .collect()
    }
}

/// A qualified name with `#{prefix}` for the schema, also within the types of arguments; `None` when it is not in it.
fn renamed(name: &str, schema: &str, of_schemas: bool) -> Option<String> {
    let tokens = crate::sql::tokens(name);
    let mut template = String::with_capacity(name.len());
    let mut found = false;
    for (at, token) in tokens.iter().enumerate() {
        let qualifies = tokens.get(at + 1).is_some_and(|next| next.is(name, ".")) || of_schemas;
        if qualifies && identifier_value(*token, name).as_deref() == Some(schema) {
            template.push_str(PLACEHOLDER);
            found = true;
        } else {
            template.push_str(&escape_placeholders(token.text(name)));
        }
    }
    found.then_some(template)
}

/// Every value is a string literal: the column's type reads it as COPY would.
fn literal(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Default => "DEFAULT".to_owned(),
        Value::Text(text) => escape_placeholders(&quote_literal(text)).into_owned(),
        // If the name is the whole literal, it is not quoted, unless the literal is read as an
        // identifier.
        Value::Name(template) if template == PLACEHOLDER => {
            format!("'{template}'::pg_catalog.regnamespace")
        }
        Value::Name(template) => quote_literal(template),
        // A literal that is nothing else is the bare name.
        Value::Schema => format!("'{PLACEHOLDER}'"),
    }
}

fn compare(left: Option<&Value>, right: Option<&Value>) -> Ordering {
    let left = left.and_then(Value::as_text);
    let right = right.and_then(Value::as_text);
    let number = |value: Option<&str>| value.and_then(|value| value.parse::<i128>().ok());
    match (number(left), number(right)) {
        (Some(left), Some(right)) => left.cmp(&right),
        _ => left.cmp(&right),
    }
}

/// Returns the header's text about a migration tool's table: the number of rows, and the last version if it holds versions.
pub fn describe_versions(rows: &TableRows) -> String {
    let named = [
        "version",
        "version_num",
        "version_id",
        "installed_rank",
        "migration_name",
        "name",
        "id",
    ];
    let column = named
        .iter()
        .find_map(|name| rows.columns.iter().position(|column| column == name))
        .unwrap_or(0);
    let mut values: Vec<Option<&Value>> = rows.rows.iter().map(|row| row.get(column)).collect();
    values.sort_by(|left, right| compare(*left, *right));
    let last = values.last().copied().flatten().and_then(Value::as_text);
    let last = last.filter(|_| !is_tool_table(&rows.table));
    let count = rows.rows.len();
    let plural = if count == 1 { "row" } else { "rows" };
    let last = last.map_or_else(String::new, |last| {
        let shown: String = last
            .chars()
            .take(60)
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        format!(", last {shown}")
    });
    format!(
        "{}: {count} {plural}{last}",
        quote(&rows.table).replace(['\n', '\r'], " ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(values: &[&[&str]]) -> TableRows {
        TableRows {
            table: "schema_migrations".into(),
            columns: vec!["version".into(), "name".into()],
            rows: values
                .iter()
                .map(|row| row.iter().map(|v| Value::Text((*v).to_owned())).collect())
                .collect(),
            identity: false,
        }
    }

    #[test]
    fn sorted_by_key_with_numbers_by_value() {
        let mut table = rows(&[&["10", "b"], &["9", "c"], &["9", "a"]]);
        table.sort(&["version".to_owned()]);
        let versions: Vec<&str> = table
            .rows
            .iter()
            .map(|row| row[0].as_text().unwrap())
            .collect();
        assert_eq!(versions, ["9", "9", "10"]);
        table.sort(&[]);
        assert_eq!(table.rows[0][1].as_text(), Some("a"));
        assert_eq!(
            describe_versions(&table),
            "schema_migrations: 3 rows, last 10"
        );
    }

    #[test]
    fn names_of_objects_follow_the_schema() {
        let mut table = rows(&[
            &["My App.t", "\"My App\".\"#{t\"(\"My App\".ty,text)"],
            &["app.t", "{app.t}"],
        ]);
        table
            .rename(
                &[("version".into(), false), ("name".into(), false)],
                "My App",
            )
            .unwrap();
        assert_eq!(table.rows[0][0], Value::Text("My App.t".into()));
        assert_eq!(
            table.rows[0][1],
            Value::Name("#{prefix}.\"#{#}{t\"(#{prefix}.ty,text)".into())
        );
        assert_eq!(
            table.rename(&[("name".into(), false)], "app"),
            Err("name".into())
        );
        let mut table = rows(&[&["integer", "integer"]]);
        table
            .rename(
                &[("version".into(), false), ("name".into(), true)],
                "integer",
            )
            .unwrap();
        assert!(
            table.statements()[0].ends_with("('integer', '#{prefix}'::pg_catalog.regnamespace)")
        );
    }

    #[test]
    fn values_that_are_the_name_are_for_the_user_to_judge() {
        let values: &[&[&str]] = &[
            &["my app", "x"],
            &["\"my app\".t", "my apps"],
            &["my app", "my app"],
        ];
        let decided = |decisions: &[(&str, Decision)]| {
            let (mut table, mut all) = (rows(values), Decisions::default());
            for (object, decision) in decisions {
                all.add(object, *decision);
            }
            let undecided = table.decide("my app", &all).undecided;
            (
                undecided,
                table
                    .statements()
                    .remove(0)
                    .split_once(" VALUES\n    ")
                    .unwrap()
                    .1
                    .replace("\n    ", " "),
            )
        };
        let kept = "('my app', 'x'), ('\"my app\".t', 'my apps'), ('my app', 'my app')";
        assert_eq!(decided(&[]), (4, kept.to_owned()));
        assert_eq!(
            decided(&[("rows of schema_migrations", Decision::Keep)]),
            (0, kept.to_owned())
        );
        let renamed = "('#{prefix}', 'x'), ('#{prefix}.t', 'my apps'), ('#{prefix}', 'my app')";
        let but_one = [
            ("rows of *", Decision::Rename),
            ("rows of schema_migrations#4", Decision::Keep),
        ];
        assert_eq!(decided(&but_one), (0, renamed.to_owned()));
    }

    #[test]
    fn a_row_without_columns() {
        let table = TableRows {
            table: "z".into(),
            rows: vec![Vec::new(), Vec::new()],
            ..TableRows::default()
        };
        assert_eq!(
            table.statements(),
            ["INSERT INTO #{prefix}.z DEFAULT VALUES"; 2]
        );
    }

    #[test]
    fn values_are_literals_and_never_placeholders() {
        let table = rows(&[&["1", "o'x #{prefix} \\"]]);
        assert_eq!(
            table.statements(),
            [
                "INSERT INTO #{prefix}.schema_migrations (version, name) VALUES\n    ('1', E'o''x #{#}{prefix} \\\\')"
            ]
        );
    }
}
