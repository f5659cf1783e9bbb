//! Statements that make another schema than the tenant's the first of the `search_path`, so that what follows without
//! a schema lands there.

use super::words::Words;
use crate::sql::literal::content;
use crate::sql::token::PLACEHOLDER;

/// Returns whether a statement makes another schema the first of the `search_path`. An empty path is none.
pub(super) fn leaves_the_schema(words: Words<'_>) -> bool {
    if words.is(0, &["set"]) {
        let at = if words.is(1, &["local", "session"]) {
            2
        } else {
            1
        };
        if words.is(at, &["schema"]) {
            return is_another(words, at + 1);
        }
        return words.is(at, &["search_path"]) && is_another(words, at + 2);
    }
    (0..words.tokens.len()).any(|at| {
        words.is(at, &["set_config"])
            && words.is_mark(at + 1, "(")
            && literal(words, at + 2).is_some_and(|name| name.eq_ignore_ascii_case("search_path"))
            && is_another(words, at + 4)
    })
}

/// Returns whether the first name of a list at an index is that of another schema.
fn is_another(words: Words<'_>, at: usize) -> bool {
    if words.is_tenant(at) || words.is(at, &["default"]) {
        return false;
    }
    // A literal is one name in `SET`, and a list of names in `set_config`.
    let first = match literal(words, at) {
        Some(text) => text.split(',').next().unwrap_or_default().trim().to_owned(),
        None => words.name(at).unwrap_or_default(),
    };
    let first = first.trim_matches('"');
    !(first.is_empty() || first.starts_with(PLACEHOLDER) || first.starts_with("pg_"))
}

fn literal(words: Words<'_>, at: usize) -> Option<String> {
    let found = content(words.get(at)?, words.sql)?;
    Some(found.text.clone())
}
