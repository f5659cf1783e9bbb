//! Settings that end with their transaction.

use super::{TokenKind, tokens};
use crate::text::slice;

/// Turns `SET` into `SET LOCAL`: the next tenant, or the next client of a pooler's connection, must
/// not inherit it. Returns any other statement as it is.
pub fn local(sql: &str) -> String {
    let significant: Vec<_> = tokens(sql)
        .into_iter()
        .filter(|token| !token.is_trivia())
        .collect();
    let is = |index: usize, word: &str| {
        significant
            .get(index)
            .is_some_and(|token| token.is_word(sql, word))
    };
    // SET TRANSACTION and SET CONSTRAINTS end with the transaction anyway; SET SESSION CHARACTERISTICS has no local
    // form.
    let keep = ["local", "transaction", "constraints"]
        .iter()
        .any(|word| is(1, word))
        || is(2, "characteristics");
    match significant.first() {
        Some(first)
            if is(0, "set")
                && !keep
                && significant
                    .get(1)
                    .is_some_and(|token| token.kind == TokenKind::Word) =>
        {
            let named = is(1, "session") && !is(2, "authorization");
            let from = usize::from(named);
            let end = significant.get(from).map_or(first.end, |token| token.end);
            format!("SET LOCAL{}", slice(sql, end..))
        }
        _ => sql.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_end_with_their_transaction() {
        for (sql, expected) in [
            (
                "SET statement_timeout = 0",
                "SET LOCAL statement_timeout = 0",
            ),
            ("set session search_path to a", "SET LOCAL search_path to a"),
            ("SET LOCAL x.y = 1", "SET LOCAL x.y = 1"),
            (
                "SET CONSTRAINTS ALL DEFERRED",
                "SET CONSTRAINTS ALL DEFERRED",
            ),
            ("SET TRANSACTION READ ONLY", "SET TRANSACTION READ ONLY"),
            (
                "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
                "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
            ),
            ("SET ROLE bob", "SET LOCAL ROLE bob"),
            (
                "SET SESSION AUTHORIZATION bob",
                "SET LOCAL SESSION AUTHORIZATION bob",
            ),
            ("SELECT 1", "SELECT 1"),
        ] {
            assert_eq!(local(sql), expected);
        }
    }
}
