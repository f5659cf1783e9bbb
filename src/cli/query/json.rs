//! Rows as JSON Lines.

use std::collections::BTreeSet;

use serde_json::value::RawValue;

use crate::cli::lines::{ColumnObject, ResultObject, RowObject};
use crate::tenant::query::{ResultColumn, ResultTable, StatementResult};

/// Returns the names of the values in a row's object. The second column of a name `a` is `a_2`, or the next name that no
/// column has.
pub(super) fn row_keys(columns: &[ResultColumn]) -> Vec<String> {
    let own: BTreeSet<&str> = columns.iter().map(|column| &*column.name).collect();
    let mut used: BTreeSet<String> = BTreeSet::new();
    let mut keys = Vec::with_capacity(columns.len());
    for column in columns {
        let mut key = column.name.clone();
        let mut number = 2;
        while used.contains(&key) || (key != column.name && own.contains(&*key)) {
            key = format!("{}_{number}", column.name);
            number += 1;
        }
        used.insert(key.clone());
        keys.push(key);
    }
    keys
}

/// Describes the result of a statement.
pub(super) fn result_object(result: &StatementResult) -> ResultObject {
    let columns = result.table.as_ref().map(|table| {
        row_keys(&table.columns)
            .into_iter()
            .zip(&table.columns)
            .map(|(name, column)| ColumnObject {
                name,
                type_name: column.type_name.clone().unwrap_or_default(),
            })
            .collect()
    });
    ResultObject {
        columns,
        rows: result.affected,
    }
}

/// Returns a row as an object.
pub(super) fn row_object(
    keys: &[String],
    table: &ResultTable,
    row: &[Option<String>],
) -> RowObject {
    let values = table
        .columns
        .iter()
        .zip(row)
        .map(|(column, value)| json_value(value.as_deref(), column.type_name.as_deref()));
    RowObject(keys.iter().cloned().zip(values).collect())
}

/// Returns a value as JSON: numbers, booleans and JSON as they are, with all their digits, and anything else as text.
fn json_value(text: Option<&str>, type_name: Option<&str>) -> Box<RawValue> {
    let Some(text) = text else {
        return RawValue::NULL.to_owned();
    };
    let type_name = type_name.unwrap_or_default();
    let raw = match type_name.split('(').next().unwrap_or_default() {
        // NaN and Infinity are no JSON.
        "smallint" | "integer" | "bigint" | "oid" | "real" | "double precision" | "numeric"
            if !type_name.ends_with(']') && is_number(text) =>
        {
            RawValue::from_string(text.to_owned()).ok()
        }
        "boolean" if text == "t" => Some(RawValue::TRUE.to_owned()),
        "boolean" if text == "f" => Some(RawValue::FALSE.to_owned()),
        "json" | "jsonb" => RawValue::from_string(on_one_line(text)).ok(),
        _ => None,
    };
    // A text always serialises.
    raw.or_else(|| serde_json::value::to_raw_value(text).ok())
        .unwrap_or_else(|| RawValue::NULL.to_owned())
}

fn is_number(text: &str) -> bool {
    text.starts_with(|first: char| first == '-' || first.is_ascii_digit())
}

/// Removes the blanks between the tokens of JSON, line ends included.
fn on_one_line(json: &str) -> String {
    let mut line = String::with_capacity(json.len());
    let mut quoted = false;
    let mut escaped = false;
    for character in json.chars() {
        if !quoted && character.is_ascii_whitespace() {
            continue;
        }
        line.push(character);
        if escaped {
            escaped = false;
        } else if character == '\\' {
            escaped = true;
        } else if character == '"' {
            quoted = !quoted;
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_kind() {
        for (text, type_name, expected) in [
            (Some("1"), "integer", "1"),
            (Some("9223372036854775807"), "bigint", "9223372036854775807"),
            (
                Some("12345678901234567890.10"),
                "numeric(30,2)",
                "12345678901234567890.10",
            ),
            (Some("NaN"), "numeric", "\"NaN\""),
            (Some("-Infinity"), "double precision", "\"-Infinity\""),
            (Some("1e+20"), "real", "1e+20"),
            (Some("{1,2}"), "integer[]", "\"{1,2}\""),
            (Some("{1}"), "numeric(3,1)[]", "\"{1}\""),
            (Some("t"), "boolean", "true"),
            (Some("f"), "boolean", "false"),
            (Some("t"), "text", "\"t\""),
            (Some("1"), "acme.integer", "\"1\""),
            (
                Some("{\n \"a b\": [1,\t\"\\\" \"]}"),
                "json",
                "{\"a b\":[1,\"\\\" \"]}",
            ),
            (Some("\\x00ff"), "bytea", "\"\\\\x00ff\""),
            (Some("a\nb"), "text", "\"a\\nb\""),
            (Some(""), "text", "\"\""),
            (None, "integer", "null"),
        ] {
            assert_eq!(
                json_value(text, Some(type_name)).get(),
                expected,
                "{type_name}"
            );
        }
    }

    #[test]
    fn columns_of_one_name_get_names_of_their_own() {
        let columns: Vec<ResultColumn> = ["a", "a", "a_2", "b", "a"]
            .map(|name| ResultColumn {
                name: name.to_owned(),
                type_name: None,
            })
            .into();
        assert_eq!(row_keys(&columns), ["a", "a_3", "a_2", "b", "a_4"]);
    }
}
