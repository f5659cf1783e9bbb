//! Effects that a statement can have anywhere in its text: functions that it calls, rows that it changes.

use super::names::{is_of_the_database, is_of_the_server};
use super::reach::Reach;
use super::words::Words;

/// Returns how far the functions that are called reach.
pub(super) fn called(words: Words<'_>) -> Option<Reach> {
    let mut found = None;
    for at in 1..words.tokens.len() {
        if !words.is_mark(at, "(") {
            continue;
        }
        let Some(name) = words.name(at - 1) else {
            continue;
        };
        if is_of_the_server(&name) {
            return Some(Reach::Server);
        }
        if is_of_the_database(&name) {
            found = Some(Reach::Database);
        }
    }
    found
}

/// Returns whether a function of the server is named where only its name stands: `SFUNC = pg_read_file`.
pub(super) fn names_function(words: Words<'_>) -> bool {
    (0..words.tokens.len()).any(|at| words.name(at).is_some_and(|name| is_of_the_server(&name)))
}

/// Returns whether rows of a table in a fixed schema are changed, also within a query.
pub(super) fn changes_rows_elsewhere(words: Words<'_>) -> bool {
    (0..words.tokens.len()).any(|at| {
        let target = if words.begins(at, &["insert", "into"])
            || words.begins(at, &["merge", "into"])
            || words.begins(at, &["delete", "from"])
        {
            at + 2
        } else if words.is(at, &["update"]) && begins_a_query(words, at) {
            at + 1
        } else {
            return false;
        };
        let target = target + usize::from(words.is(target, &["only"]));
        words.fixed_schema(target).is_some()
    })
}

/// Only at the beginning, in parentheses and behind those of `WITH` does `UPDATE` begin a query: `FOR UPDATE` does not.
fn begins_a_query(words: Words<'_>, at: usize) -> bool {
    at == 0 || words.is_mark(at - 1, "(") || words.is_mark(at - 1, ")")
}

/// Returns whether a query makes a table in a fixed schema: `SELECT … INTO public.t`.
pub(super) fn selects_into_elsewhere(words: Words<'_>) -> bool {
    if !words.is(0, &["select", "with"]) {
        return false;
    }
    words.outer().any(|at| {
        let mut target = at + 1;
        while words.is(target, &["table", "unlogged"]) {
            target += 1;
        }
        words.is(at, &["into"])
            && !(at > 0 && words.is(at - 1, &["insert", "merge"]))
            && words.fixed_schema(target).is_some()
    })
}

/// Returns whether rows are copied into a table of a fixed schema.
pub(super) fn copies_elsewhere(words: Words<'_>) -> bool {
    words.is(0, &["copy"]) && words.fixed_schema(1).is_some() && words.has(&["from"])
}
