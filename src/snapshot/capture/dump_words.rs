//! The words by which messages name what a dump has.

use crate::snapshot::object::{Object, ObjectScope};
use crate::sql::quote;

/// Most characters of a statement that a message shows.
const SHOWN: usize = 60;

/// The beginning of a statement, on one line.
pub(super) fn head(text: &str) -> String {
    text.chars()
        .take(SHOWN)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// `auth.users`: the object, or the table that it belongs to, with its schema.
pub(super) fn qualified(object: &Object) -> String {
    let name = object.table.as_deref().unwrap_or(&object.name);
    match &object.scope {
        ObjectScope::Named(schema) => format!("{}.{}", quote(schema), quote(name)),
        _ => quote(name),
    }
}

/// `trigger on_user on auth.users`, `view public.all`: an object of another schema.
pub(super) fn described(object: &Object) -> String {
    let words = object.kind.words();
    match &object.table {
        Some(_) => format!("{words} {} on {}", quote(&object.name), qualified(object)),
        None if object.name.ends_with(')') => match &object.scope {
            ObjectScope::Named(schema) => format!("{words} {}.{}", quote(schema), object.name),
            _ => format!("{words} {}", object.name),
        },
        None => format!("{words} {}", qualified(object)),
    }
}
