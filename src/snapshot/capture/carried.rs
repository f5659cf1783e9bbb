//! The tables of a snapshot whose rows it carries, read back from its statements.

use super::values::{Value, columns, insert_rows};
use crate::snapshot::format::Snapshot;
use crate::snapshot::object::{Action, ObjectKind, identifier_value};
use crate::sql::{Script, Statement, TenantName, Token, fold};

/// The words that end the type in a column's definition.
const AFTER_TYPE: [&str; 12] = [
    "not",
    "null",
    "default",
    "collate",
    "constraint",
    "primary",
    "unique",
    "check",
    "references",
    "generated",
    "storage",
    "compression",
];
/// The words that begin a part of a table's definition that is no column.
const NO_COLUMN: [&str; 7] = [
    "constraint",
    "primary",
    "unique",
    "check",
    "foreign",
    "exclude",
    "like",
];

/// A table of a snapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CarriedTable {
    /// Its columns, each with its type in the words of `format_type`.
    pub(crate) columns: Vec<(String, String)>,
    /// Its rows, each as the columns that have a value.
    pub(crate) rows: Vec<Vec<(String, String)>>,
}

/// Returns a table of a snapshot, or `None` if the snapshot does not create it.
pub(crate) fn carried_table(snapshot: &Snapshot, table: &str) -> Option<CarriedTable> {
    let any = TenantName::new("t").ok()?;
    let mut found: Option<CarriedTable> = None;
    for statement in &snapshot.template().statements {
        let object = &statement.object;
        if object.bare_name() != table {
            continue;
        }
        let mut sql = String::new();
        if statement.render_plain(&any, &mut sql).is_err() {
            continue;
        }
        let parsed = Script::parse_head(&sql);
        match (object.action, object.kind) {
            (Action::Create, ObjectKind::Table) => {
                found.get_or_insert_default().columns = defined_columns(&parsed, &sql);
            }
            (Action::Rows, _) => {
                let carried = found.get_or_insert_default();
                let names = columns(&parsed, &sql).unwrap_or_else(|| {
                    let all = carried.columns.iter();
                    all.map(|(name, _)| name.clone()).collect()
                });
                let rows = insert_rows(&parsed, &sql).map(|data| data.rows);
                for row in rows.unwrap_or_default() {
                    let values = names.iter().cloned().zip(row);
                    carried.rows.push(values.filter_map(text_value).collect());
                }
            }
            _ => {}
        }
    }
    found
}

fn text_value((column, value): (String, Value)) -> Option<(String, String)> {
    Some((column, value.as_text()?.to_owned()))
}

/// Reads `CREATE TABLE t.name (column type …, …)`.
fn defined_columns(statement: &Statement, source: &str) -> Vec<(String, String)> {
    let tokens: Vec<Token> = statement.significant().collect();
    let mut depth = 0_usize;
    let mut part = Vec::new();
    let mut parts = Vec::new();
    for token in tokens {
        match token.text(source) {
            "(" => {
                depth += 1;
                if depth == 1 {
                    continue;
                }
            }
            ")" => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    break;
                }
            }
            "," if depth == 1 => {
                parts.push(std::mem::take(&mut part));
                continue;
            }
            _ => {}
        }
        if depth > 0 {
            part.push(token);
        }
    }
    parts.push(part);
    parts
        .iter()
        .filter_map(|part| defined_column(part, source))
        .collect()
}

fn defined_column(part: &[Token], source: &str) -> Option<(String, String)> {
    let (first, rest) = part.split_first()?;
    if NO_COLUMN.iter().any(|word| first.is_word(source, word)) {
        return None;
    }
    let words = rest
        .iter()
        .take_while(|token| !AFTER_TYPE.iter().any(|word| token.is_word(source, word)))
        .map(|token| fold(token.text(source)));
    let words: Vec<String> = words.collect();
    let kind = match words.join(" ").as_str() {
        "int8" | "bigserial" => "bigint".to_owned(),
        "int" | "int4" | "serial" => "integer".to_owned(),
        other => other.to_owned(),
    };
    Some((identifier_value(*first, source)?, kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_and_rows_are_read_back() {
        let snapshot = Snapshot::parse(
            "-- schemastamp snapshot, format 1\n\nCREATE SCHEMA #{prefix};\n\
             CREATE TABLE #{prefix}.v (\n    \"Version\" bigint NOT NULL,\n    name character varying(255) DEFAULT 'a, b',\n    \
             dirty boolean,\n    CONSTRAINT c CHECK ((\"Version\" > 0))\n);\n\
             INSERT INTO #{prefix}.v (\"Version\", name) VALUES\n    ('1', NULL),\n    ('2', 'x');\n",
        )
        .unwrap();
        let table = carried_table(&snapshot, "v").unwrap();
        let columns: Vec<String> = table
            .columns
            .iter()
            .map(|(name, kind)| format!("{name}: {kind}"))
            .collect();
        assert_eq!(
            columns,
            [
                "Version: bigint",
                "name: character varying ( 255 )",
                "dirty: boolean"
            ]
        );
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            table.rows,
            [
                vec![pair("Version", "1")],
                vec![pair("Version", "2"), pair("name", "x")]
            ]
        );
        assert_eq!(carried_table(&snapshot, "w"), None);
    }
}
