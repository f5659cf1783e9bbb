use serde_json::Value;

use super::sql::{by_keys, for_server, with_members};
use crate::sql::quote_literal;

/// A definition as the server prints it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Names the object for as long as the transaction lasts.
    pub id: String,
    /// Its text, without a closing semicolon.
    pub text: String,
}

impl Definition {
    /// Reads a line of [`definitions`]; `None` when it is something else.
    pub fn read(value: Value) -> Option<Self> {
        let (id, text) = serde_json::from_value(value).ok()?;
        Some(Self { id, text })
    }
}

/// SQL that prints the views, rules, policies, triggers and SQL-standard bodies of a schema, as `pg_dump` would with an
/// empty `search_path`.
pub fn definitions(schema: &str, major: u32) -> String {
    let sql = for_server(&with_members(include_str!("definitions.sql")), major);
    by_keys(&sql.replace("$schema$", &quote_literal(schema)))
}
