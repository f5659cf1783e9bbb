use serde::Deserialize;
use serde_json::Value;

use super::sql::for_server;
use crate::sql::quote_literal;

/// One aspect of one object, as the catalogs have it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct Aspect {
    /// The schema.
    pub schema: String,
    /// The kind of object: `table`, `column`, `constraint`.
    pub kind: String,
    /// The object, without its schema: `users`, `users.id`, `users_pkey on users`.
    pub object: String,
    /// What of it: `definition`, `column order`, `owner`, `privileges`, `comment`, `security label`.
    pub aspect: String,
    /// The aspect as text; `None` where there is nothing.
    pub value: Option<String>,
}

impl Aspect {
    /// Reads a line of [`objects`]; `None` when it is something else.
    pub fn read(value: Value) -> Option<Self> {
        let (schema, kind, object, aspect, value) = serde_json::from_value(value).ok()?;
        Some(Self {
            schema,
            kind,
            object,
            aspect,
            value,
        })
    }
}

/// SQL that lists every aspect of every object of the schemas with these names, for a server of this major version.
///
/// Names come out without their schema when `search_path` is that schema; see the comments in the SQL.
pub fn objects(schemas: &[&str], major: u32) -> String {
    let names: Vec<String> = schemas.iter().map(|schema| quote_literal(schema)).collect();
    for_server(include_str!("objects.sql"), major)
        .replace("$filter$", &format!("n.nspname IN ({})", names.join(", ")))
}
