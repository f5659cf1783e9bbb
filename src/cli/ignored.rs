//! Properties that a comparison did not count, for people and programs.

use super::output::Output;
use crate::snapshot::capture::{Note, ServerProperty};

/// Prints a note for each property.
pub(super) fn say(output: Output, ignored: &[ServerProperty]) {
    for property in ignored {
        output.note(&Note::Ignored(property.clone()).to_string());
    }
}

/// Returns the properties as text.
pub(super) fn texts(ignored: &[ServerProperty]) -> Vec<String> {
    ignored.iter().map(ToString::to_string).collect()
}
