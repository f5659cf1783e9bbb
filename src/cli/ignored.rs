//! Properties that a comparison did not count, for people and programs.

use serde_json::{Value, json};

use super::output::Output;
use crate::snapshot::capture::{Note, ServerProperty};

/// Prints a note for each property.
pub(super) fn say(output: Output, ignored: &[ServerProperty]) {
    for property in ignored {
        output.note(&Note::Ignored(property.clone()).to_string());
    }
}

/// Adds `ignored` to a JSON object, where there is something to list.
pub(super) fn with_ignored(mut object: Value, ignored: &[ServerProperty]) -> Value {
    if let Value::Object(fields) = &mut object
        && !ignored.is_empty()
    {
        let texts: Vec<String> = ignored.iter().map(ToString::to_string).collect();
        fields.insert("ignored".to_owned(), json!(texts));
    }
    object
}
