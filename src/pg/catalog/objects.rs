use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Deserialize;
use serde_json::Value;

use super::sql::{by_keys, for_server};
use crate::sql::quote_literal;

/// Identity of an object within its schema: its kind and every part of its name.
///
/// Two objects never share one, however long their names are, and whatever characters stand in them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId {
    /// The kind of object: `table`, `column`, `constraint`.
    pub kind: String,
    /// The parts of the name, without the schema: of a column, the table and the column.
    pub parts: Vec<String>,
}

impl ObjectId {
    /// Returns the name as people read it: `users`, `users.id`, `users_pkey on users`, `total(integer)`.
    pub fn name(&self) -> String {
        match (self.kind.as_str(), self.parts.as_slice()) {
            ("constraint" | "trigger" | "rule" | "policy", [name, table]) => {
                format!("{name} on {table}")
            }
            ("function" | "procedure" | "aggregate", [name, arguments]) => {
                format!("{name}({arguments})")
            }
            ("operator", [name, left, right]) => format!("{name}({left},{right})"),
            ("operator class" | "operator family", [name, method]) => {
                format!("{name} using {method}")
            }
            ("cast", [source, target]) => format!("({source} AS {target})"),
            ("default privileges", [role, kind]) => format!("{role} {kind}"),
            (_, parts) => parts.join("."),
        }
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.kind, self.name())
    }
}

/// One aspect of one object, as the catalogs have it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectAspect {
    /// The schema.
    pub schema: String,
    /// The object.
    pub object: ObjectId,
    /// The aspect: `definition`, `column order`, `owner`, `privileges`, `comment`, `security
    /// label`.
    pub aspect: String,
    /// The value of the aspect, or `None` if there is none.
    pub value: Option<String>,
}

impl ObjectAspect {
    /// Reads a line of [`objects`]; `None` when it is something else.
    pub fn read(value: Value) -> Option<Self> {
        type Line = (String, String, Vec<String>, String, Option<String>);
        let (schema, kind, parts, aspect, value) = Line::deserialize(value).ok()?;
        Some(Self {
            schema,
            object: ObjectId { kind, parts },
            aspect,
            value,
        })
    }
}

/// Two objects that one identity stands for: one of them would silently be left out of every comparison.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "internal error: two objects of schema '{}' are both called {object} ({aspect}); please report it",
    schema.escape_debug()
)]
pub struct DuplicateIdentity {
    /// The schema.
    pub schema: String,
    /// The identity.
    pub object: ObjectId,
    /// The aspect that came twice.
    pub aspect: String,
}

/// The aspects of one schema, by object and aspect.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aspects(BTreeMap<(ObjectId, String), Option<String>>);

impl Aspects {
    /// Adds an aspect.
    ///
    /// # Errors
    /// It is there already: see [`DuplicateIdentity`].
    pub fn insert(&mut self, aspect: ObjectAspect) -> Result<(), DuplicateIdentity> {
        let ObjectAspect {
            schema,
            object,
            aspect,
            value,
        } = aspect;
        let key = (object, aspect);
        if self.0.contains_key(&key) {
            let (object, aspect) = key;
            return Err(DuplicateIdentity {
                schema,
                object,
                aspect,
            });
        }
        self.0.insert(key, value);
        Ok(())
    }

    /// Returns the value of an aspect; `None` where the object or the aspect is not there.
    pub fn get(&self, object: &ObjectId, aspect: &str) -> Option<&Option<String>> {
        self.0.get(&(object.clone(), aspect.to_owned()))
    }

    /// Removes an aspect and returns its value.
    pub fn remove(&mut self, object: &ObjectId, aspect: &str) -> Option<Option<String>> {
        self.0.remove(&(object.clone(), aspect.to_owned()))
    }

    /// Number of objects.
    pub fn count_objects(&self) -> usize {
        self.0
            .keys()
            .map(|(object, _)| object)
            .collect::<BTreeSet<_>>()
            .len()
    }

    /// Returns `true` if there is nothing at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Iterates over the aspects, in the order of their objects.
    pub fn iter(&self) -> impl Iterator<Item = (&ObjectId, &str, Option<&str>)> {
        self.0
            .iter()
            .map(|((object, aspect), value)| (object, aspect.as_str(), value.as_deref()))
    }
}

impl IntoIterator for Aspects {
    type Item = ((ObjectId, String), Option<String>);
    type IntoIter = std::collections::btree_map::IntoIter<(ObjectId, String), Option<String>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// SQL that lists every aspect of every object of the schemas with these names, for a server of this major version.
///
/// Names come out without their schema when `search_path` is that schema; see the comments in the SQL. It is meant for a
/// transaction, for the rest of which it sets [`BY_KEYS`](super::BY_KEYS).
pub fn objects(schemas: &[&str], major: u32) -> String {
    let names: Vec<String> = schemas.iter().map(|schema| quote_literal(schema)).collect();
    let sql = for_server(include_str!("objects.sql"), major);
    by_keys(&sql.replace("$filter$", &format!("n.nspname IN ({})", names.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aspect(parts: &[&str], aspect: &str) -> ObjectAspect {
        ObjectAspect {
            schema: "app".to_owned(),
            object: ObjectId {
                kind: "column".to_owned(),
                parts: parts.iter().map(|part| (*part).to_owned()).collect(),
            },
            aspect: aspect.to_owned(),
            value: None,
        }
    }

    #[test]
    fn dots_in_names_do_not_make_two_objects_one() {
        let mut all = Aspects::default();
        all.insert(aspect(&["a.b", "c"], "definition")).unwrap();
        all.insert(aspect(&["a", "b.c"], "definition")).unwrap();
        all.insert(aspect(&["a", "b.c"], "comment")).unwrap();
        assert_eq!(all.count_objects(), 2);
    }

    #[test]
    fn an_identity_that_comes_twice_is_an_error() {
        let mut all = Aspects::default();
        all.insert(aspect(&["t", "a"], "definition")).unwrap();
        let error = all.insert(aspect(&["t", "a"], "definition")).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("both called column t.a (definition)"),
            "{error}"
        );
    }
}
