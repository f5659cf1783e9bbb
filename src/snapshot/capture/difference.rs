//! Compares a copy with its source, apart from the schema's name.

use std::fmt;

use serde_json::Value;

use crate::pg::catalog::{Aspects, ObjectAspect, ObjectId};
use crate::snapshot::RenderOptions;
use crate::snapshot::object::identifier_value;
use crate::snapshot::rename::may_hold;
use crate::snapshot::strip_mark;
use crate::sql::literal::content;
use crate::sql::{as_reloaded, quote, tokens};
use crate::text::clip_to_difference;

/// An aspect in which the copy is not its source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The object.
    pub object: ObjectId,
    /// The aspect.
    pub aspect: String,
    /// The value in the source, or `None` if it has no such object.
    pub source: Option<String>,
    /// The value in the copy, or `None` if it has no such object.
    pub copy: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.object)?;
        match (&self.source, &self.copy) {
            (Some(source), Some(copy)) => {
                let (source, copy) = differing(source, copy);
                write!(
                    formatter,
                    ", {}: the source has {source}, the copy {copy}",
                    self.aspect
                )
            }
            (Some(_), None) => write!(formatter, " is missing in the copy ({})", self.aspect),
            _ => write!(formatter, " is only in the copy ({})", self.aspect),
        }
    }
}

/// The parts of two texts from a little before their first difference on.
fn differing(left: &str, right: &str) -> (String, String) {
    let (left, right) = clip_to_difference(left, right, 100);
    let shown = |text: &str| format!("'{}'", text.replace(char::is_control, " "));
    (shown(&left), shown(&right))
}

pub(super) fn is_compared(aspect: &ObjectAspect, compare: &RenderOptions) -> bool {
    match aspect.aspect.as_str() {
        "owner" => compare.owners,
        "privileges" => compare.privileges && compare.owners,
        // The schema's own comment may hold a marker. Only the rest of it is compared.
        "comment" => {
            !(aspect.object.kind == "schema"
                && aspect
                    .value
                    .as_deref()
                    .is_some_and(|text| strip_mark(text).is_empty()))
        }
        _ => true,
    }
}

/// Compares the aspects of a schema with those of a copy, whose name is `copy`.
pub(crate) fn differences(
    sources: &Aspects,
    copies: &Aspects,
    copy: &str,
    schema: &str,
) -> Vec<Difference> {
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let mut found = Vec::new();
    for (object, aspect, source) in sources.iter() {
        let counterpart = copies.get(object, aspect);
        let same = match (source, counterpart) {
            (Some(source), Some(Some(value))) => {
                let source = if object.kind == "schema" && aspect == "comment" {
                    strip_mark(source)
                } else {
                    source
                };
                is_same(aspect, source, value, copy, schema)
            }
            (None, Some(None)) => true,
            _ => false,
        };
        if !same {
            found.push(Difference {
                object: object.clone(),
                aspect: aspect.to_owned(),
                source: Some(text(source)),
                copy: counterpart.map(|value| text(value.as_deref())),
            });
        }
    }
    for (object, aspect, value) in copies.iter() {
        if sources.get(object, aspect).is_none() {
            found.push(Difference {
                object: object.clone(),
                aspect: aspect.to_owned(),
                source: None,
                copy: Some(text(value)),
            });
        }
    }
    found
}

/// Returns `true` if a text of the copy equals the source's, with the source's name for the new
/// one.
pub(super) fn is_same(aspect: &str, source: &str, value: &str, copy: &str, schema: &str) -> bool {
    source == value
        || source == value.replace(copy, schema)
        || source == value.replace(copy, &quote(schema))
        // A comment is prose.
        || (aspect != "comment" && unescaped(source, schema, schema) == unescaped(value, copy, schema))
}

/// Returns `true` if a text of a definition equals that of the schema `schema`, with that name for `copy`.
pub(crate) fn is_same_definition(source: &str, value: &str, copy: &str, schema: &str) -> bool {
    is_same("definition", source, value, copy, schema)
}

/// The text by its tokens, with `to` for the name `from`; identifiers of code by their values: `App.t`, `"app".t` and
/// `app.t` are the same. JSON's own escapes are undone first.
pub(super) fn unescaped(text: &str, from: &str, to: &str) -> String {
    let mut output = String::new();
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(fields)) => {
            // Text that no SQL reads is compared letter by letter.
            let foreign = fields
                .get("language")
                .and_then(Value::as_str)
                .is_some_and(|language| !["sql", "plpgsql"].contains(&language));
            for (name, field) in &fields {
                output.push_str(name);
                let is_data = name == "labels" || (name == "body" && foreign);
                walk(field, from, to, is_data, &mut output);
            }
        }
        Ok(value @ Value::Array(_)) => walk(&value, from, to, false, &mut output),
        _ => canonical(text, from, to, false, &mut output),
    }
    output
}

/// One field of a definition, by its tokens as [`unescaped`] has them.
pub(super) fn canonical_field(value: Option<&Value>, from: &str, to: &str) -> String {
    let mut output = String::new();
    if let Some(value) = value {
        walk(value, from, to, false, &mut output);
    }
    output
}

fn walk(value: &Value, from: &str, to: &str, is_data: bool, output: &mut String) {
    match value {
        Value::String(text) => canonical(text, from, to, is_data, output),
        Value::Array(items) => items
            .iter()
            .for_each(|item| walk(item, from, to, is_data, output)),
        Value::Object(fields) => {
            for (name, field) in fields {
                output.push_str(name);
                walk(field, from, to, is_data, output);
            }
        }
        other => output.push_str(&other.to_string()),
    }
    output.push('\u{1}');
}

/// `in_literal`: only the name itself may be written in more than one way; all else is data.
fn canonical(text: &str, from: &str, to: &str, in_literal: bool, output: &mut String) {
    let reloaded = as_reloaded(text);
    let text = if in_literal { text } else { reloaded.as_str() };
    for token in tokens(text) {
        if let Some(value) = identifier_value(token, text) {
            // In the first argument of format() the percent sign of a name is doubled.
            let is_from = value == from || (from.contains('%') && value.replace("%%", "%") == from);
            let value = if is_from { to.to_owned() } else { value };
            if in_literal {
                output.push_str(if value == to { to } else { token.text(text) });
            } else {
                output.push('"');
                output.push_str(&value);
                output.push('"');
            }
        } else if let Some(inner) = content(token, text) {
            // Within a literal the delimiters are data, too; but a name may need other ones.
            if in_literal && !may_hold(&inner.text, from) && !may_hold(&inner.text, to) {
                output.push_str(token.text(text));
                continue;
            }
            output.push('\'');
            if [from, to, &quote(from), &quote(to)].contains(&inner.text.as_str()) {
                output.push_str(&quote(to));
            } else {
                canonical(&inner.text, from, to, true, output);
            }
            output.push('\'');
        } else {
            output.push_str(token.text(text));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_the_same_but_for_the_name() {
        let same = |source: &str, copy: &str, schema: &str| {
            is_same("definition", source, copy, "stamp_1", schema)
        };
        assert!(same("select app.t", "select stamp_1.t", "app"));
        assert!(same(
            "select APP.t, 'App.s'",
            "select stamp_1.t, 'stamp_1.s'",
            "app"
        ));
        assert!(same(
            "nextval('\"My App\".s')",
            "nextval('stamp_1.s')",
            "My App"
        ));
        assert!(same(
            "{\"body\": \"select \\\"My App\\\".t\"}",
            "{\"body\": \"select stamp_1.t\"}",
            "My App"
        ));
        assert!(same(
            "SET search_path TO 'My App'",
            "SET search_path TO 'stamp_1'",
            "My App"
        ));
        assert!(!same("select app.t", "select stamp_1.u", "app"));
        assert!(!same("select app.t", "select other.t", "app"));
        assert!(!same("select 'a'", "select 'A '", "app"));
        // A name that needs quotes: as an identifier, and as a value.
        assert!(same(
            "'\"O''Neil \"\"x\"\"\"'::regnamespace",
            "'stamp_1'::regnamespace",
            "O'Neil \"x\""
        ));
        assert!(same(
            "current_schema = 'O''Neil \"x\"'",
            "current_schema = 'stamp_1'",
            "O'Neil \"x\""
        ));
    }

    #[test]
    fn case_counts_in_what_is_data() {
        let same = |aspect: &str, source: &str, copy: &str| {
            is_same(aspect, source, copy, "stamp_1", "app")
        };
        for [source, copy] in [
            ["'Active'::text", "'active'::text"],
            ["{\"labels\": [\"New\"]}", "{\"labels\": [\"new\"]}"],
            [
                "{\"body\": \"return 'Yes'\", \"language\": \"plpgsql\"}",
                "{\"body\": \"return 'yes'\", \"language\": \"plpgsql\"}",
            ],
            [
                "{\"body\": \"return True\", \"language\": \"plpython3u\"}",
                "{\"body\": \"return true\", \"language\": \"plpython3u\"}",
            ],
            ["EXECUTE FUNCTION f('\"a\"')", "EXECUTE FUNCTION f('a')"],
            ["'$$x$$'", "'$y$x$y$'"],
        ] {
            assert!(!same("definition", source, copy), "{source} {copy}");
        }
        assert!(same(
            "definition",
            "{\"body\": \"BEGIN Return app.T\", \"language\": \"sql\"}",
            "{\"body\": \"begin return stamp_1.t\", \"language\": \"sql\"}"
        ));
        assert!(!same("comment", "Hello", "hello") && same("comment", "of app", "of stamp_1"));
    }
}
