//! Definitions that the server prints differently once they have been loaded again.
//!
//! `SELECT NULL` in a UNION is printed as `NULL::integer`, and `NULL::integer AS int4` after a reload, since a cast names its
//! column (`FigureColname` in `parse_target.c`). Both are the same query.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::difference::{Difference, canonical_field, is_same, unescaped};
use crate::pg::catalog::{Aspects, ObjectId};
use crate::snapshot::template::PLACEHOLDER;

/// Fields of a definition that the server prints out of a parsed expression or query.
const PRINTED: [&str; 8] = [
    "check",
    "default",
    "generated",
    "partition key",
    "partition of",
    "query",
    "sql",
    "using",
];

/// A definition whose wording changes when it is loaded again, as was seen on the source itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reworded {
    /// The object.
    pub object: ObjectId,
    /// The aspect.
    pub aspect: String,
    /// The wording of the source, by its tokens, with a placeholder for its name.
    source: String,
    /// The wording after a reload, likewise.
    reloaded: String,
}

impl Reworded {
    /// Returns `true` if this is the difference between a schema and its copy.
    pub(crate) fn explains(&self, difference: &Difference, schema: &str, copy: &str) -> bool {
        let is = |text: Option<&str>, name: &str, wording: &str| {
            text.is_some_and(|text| unescaped(text, name, PLACEHOLDER) == wording)
        };
        self.object == difference.object
            && self.aspect == difference.aspect
            && is(difference.source.as_deref(), schema, &self.source)
            && is(difference.copy.as_deref(), copy, &self.reloaded)
    }
}

/// Returns `true` if both sides have the aspect, and only the server's output differs.
pub(crate) fn may_be_reworded(difference: &Difference) -> bool {
    let (Some(source), Some(copy)) = (&difference.source, &difference.copy) else {
        return false;
    };
    difference.aspect == "definition" && differs_in_print(&difference.object.kind, source, copy)
}

/// Removes the differences that are gone when the source's dump is loaded under the source's own name: then nothing that the
/// capture has rewritten is in between, and the copy has the very same wording.
pub(super) fn without_rewording(
    differences: Vec<Difference>,
    reloaded: &Aspects,
    copy: &str,
    schema: &str,
) -> (Vec<Difference>, Vec<Reworded>) {
    let mut left = Vec::new();
    let mut reworded = Vec::new();
    for difference in differences {
        let again = reloaded.get(&difference.object, &difference.aspect);
        let explained = match (&difference.source, &difference.copy, again) {
            (Some(source), Some(value), Some(Some(again)))
                if may_be_reworded(&difference)
                    && is_same(&difference.aspect, again, value, copy, schema) =>
            {
                Some(Reworded {
                    object: difference.object.clone(),
                    aspect: difference.aspect.clone(),
                    source: unescaped(source, schema, PLACEHOLDER),
                    reloaded: unescaped(value, copy, PLACEHOLDER),
                })
            }
            _ => None,
        };
        match explained {
            Some(explained) => reworded.push(explained),
            None => left.push(difference),
        }
    }
    (left, reworded)
}

fn differs_in_print(kind: &str, source: &str, copy: &str) -> bool {
    let fields = |text: &str| match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(fields)) => Some(fields),
        _ => None,
    };
    match (fields(source), fields(copy)) {
        (Some(source), Some(copy)) => others(&source) == others(&copy),
        // A word of the state stands behind them: whether a trigger is enabled.
        _ if matches!(kind, "trigger" | "rule") => {
            source.rsplit(' ').next() == copy.rsplit(' ').next()
        }
        _ => {
            let states =
                |text: &str| [" NOT VALID", " (inherited)"].map(|state| text.contains(state));
            kind == "constraint" && states(source) == states(copy)
        }
    }
}

/// The fields that are not printed out of an expression, in which the names of the schemas do not stand.
fn others(fields: &Map<String, Value>) -> BTreeSet<(String, String)> {
    fields
        .iter()
        .filter(|(name, _)| !PRINTED.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), canonical_field(Some(value), "", "")))
        .collect()
}
