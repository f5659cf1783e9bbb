//! How a copy differs from its source, but for the schema's name.

use std::collections::BTreeMap;
use std::fmt;

use super::strip_mark;
use crate::pg::catalog::Aspect;
use crate::snapshot::RenderOptions;
use crate::snapshot::object::identifier_value;
use crate::sql::literal::content;
use crate::sql::{as_reloaded, quote, tokens};

/// An aspect in which the copy is not its source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The kind of object.
    pub kind: String,
    /// The object.
    pub object: String,
    /// Which aspect.
    pub aspect: String,
    /// What the source has; `None`: it has no such object.
    pub source: Option<String>,
    /// What the copy has; `None`: it has no such object.
    pub copy: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.kind, self.object)?;
        match (&self.source, &self.copy) {
            (Some(source), Some(copy)) => {
                let (source, copy) = differing(source, copy);
                write!(formatter, ", {}: the source has {source}, the copy {copy}", self.aspect)
            }
            (Some(_), None) => write!(formatter, " is missing in the copy ({})", self.aspect),
            _ => write!(formatter, " is only in the copy ({})", self.aspect),
        }
    }
}

/// The parts of two texts from a little before their first difference on.
fn differing(left: &str, right: &str) -> (String, String) {
    let same = left.chars().zip(right.chars()).take_while(|(a, b)| a == b).count();
    let from = same.saturating_sub(20);
    let shown = |text: &str| {
        let part: String = text.chars().skip(from).take(100).map(|c| if c.is_control() { ' ' } else { c }).collect();
        format!("'{}{part}'", if from > 0 { "…" } else { "" })
    };
    (shown(left), shown(right))
}

pub(super) fn is_compared(aspect: &Aspect, compare: &RenderOptions) -> bool {
    match aspect.aspect.as_str() {
        "owner" => compare.owners,
        "privileges" => compare.privileges && compare.owners,
        // The schema's own comment may hold a mark; it is compared by what else it says.
        "comment" => {
            !(aspect.kind == "schema" && aspect.value.as_deref().is_some_and(|text| strip_mark(text).is_empty()))
        }
        _ => true,
    }
}

pub(crate) type Aspects = BTreeMap<(String, String, String), Option<String>>;

pub(crate) fn differences(sources: Aspects, mut copies: Aspects, copy: &str, schema: &str) -> Vec<Difference> {
    let mut found = Vec::new();
    for ((kind, object, aspect), source) in sources {
        let counterpart = copies.remove(&(kind.clone(), object.clone(), aspect.clone()));
        let same = match (&source, &counterpart) {
            (Some(source), Some(Some(value))) => {
                let source = if kind == "schema" && aspect == "comment" { strip_mark(source) } else { source };
                is_same(source, value, copy, schema)
            }
            (None, Some(None)) => true,
            _ => false,
        };
        if !same {
            let copy = counterpart.map(Option::unwrap_or_default);
            found.push(Difference { kind, object, aspect, source: Some(source.unwrap_or_default()), copy });
        }
    }
    found.extend(copies.into_iter().map(|((kind, object, aspect), value)| Difference {
        kind,
        object,
        aspect,
        source: None,
        copy: Some(value.unwrap_or_default()),
    }));
    found
}

/// Whether a text of the copy says the same as the source's, with the source's name for the fresh one.
fn is_same(source: &str, value: &str, copy: &str, schema: &str) -> bool {
    source == value
        || source == value.replace(copy, schema)
        || source == value.replace(copy, &quote(schema))
        || unescaped(source, None) == unescaped(value, Some((copy, schema)))
}

/// The text by its tokens, identifiers by their values: `App.t`, `"app".t` and `app.t` are the same. JSON's own escapes
/// are undone first.
fn unescaped(text: &str, rename: Option<(&str, &str)>) -> String {
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(value) if value.is_object() || value.is_array() => {
            let mut output = String::new();
            walk(&value, rename, &mut output);
            output
        }
        _ => canonical(text, rename),
    }
}

fn walk(value: &serde_json::Value, rename: Option<(&str, &str)>, output: &mut String) {
    match value {
        serde_json::Value::String(text) => output.push_str(&canonical(text, rename)),
        serde_json::Value::Array(items) => items.iter().for_each(|item| walk(item, rename, output)),
        serde_json::Value::Object(fields) => {
            for (name, field) in fields {
                output.push_str(name);
                walk(field, rename, output);
            }
        }
        other => output.push_str(&other.to_string()),
    }
    output.push('\u{1}');
}

fn canonical(text: &str, rename: Option<(&str, &str)>) -> String {
    let text = as_reloaded(text);
    let text = text.as_str();
    let mut output = String::with_capacity(text.len());
    for token in tokens(text) {
        if let Some(value) = identifier_value(token, text) {
            let value = match rename {
                Some((from, to)) if value == from => to.to_owned(),
                _ => value,
            };
            output.push('"');
            output.push_str(&value);
            output.push('"');
        } else if let Some(inner) = content(token, text) {
            output.push('\'');
            match rename {
                Some((from, to)) if inner.text == from => output.push_str(&canonical(to, None)),
                _ => output.push_str(&canonical(&inner.text, rename)),
            }
            output.push('\'');
        } else {
            output.push_str(token.text(text));
        }
    }
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_the_same_but_for_the_name() {
        let same = |source: &str, copy: &str, schema: &str| is_same(source, copy, "stamp_1", schema);
        assert!(same("select app.t", "select stamp_1.t", "app"));
        assert!(same("select APP.t, 'App.s'", "select stamp_1.t, 'stamp_1.s'", "app"));
        assert!(same("nextval('\"My App\".s')", "nextval('stamp_1.s')", "My App"));
        assert!(same("{\"body\": \"select \\\"My App\\\".t\"}", "{\"body\": \"select stamp_1.t\"}", "My App"));
        assert!(same("SET search_path TO 'My App'", "SET search_path TO 'stamp_1'", "My App"));
        assert!(!same("select app.t", "select stamp_1.u", "app"));
        assert!(!same("select app.t", "select other.t", "app"));
        assert!(!same("select 'a'", "select 'A '", "app"));
    }
}
