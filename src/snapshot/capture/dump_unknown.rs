//! Statements of a dump that create nothing by themselves: which of them may still change something.

use super::dump_mentions::has_words;
use crate::snapshot::object::identifier_value;
use crate::sql::{Statement, Token, TokenKind};

/// First words of statements that change no object and no row.
const HARMLESS: &[&str] = &[
    "analyze",
    "checkpoint",
    "close",
    "cluster",
    "deallocate",
    "declare",
    "discard",
    "fetch",
    "listen",
    "load",
    "lock",
    "move",
    "notify",
    "reindex",
    "show",
    "unlisten",
    "vacuum",
];

/// Words by which a query changes something.
const CHANGES: &[&str] = &["into", "insert", "update", "delete", "merge"];

/// Returns whether a statement can change objects or rows: a `DO`, a call, `UPDATE`, but no `ANALYZE` and no plain query.
///
/// A query that calls nothing but functions of `pg_catalog` with their schema, as `pg_dump` writes them, does not count.
pub(super) fn can_change(statement: &Statement, source: &str) -> bool {
    let tokens: Vec<Token> = statement.significant().collect();
    let Some(first) = tokens.first() else {
        return false;
    };
    if HARMLESS.iter().any(|word| first.is_word(source, word)) {
        return false;
    }
    let is_query = ["select", "values", "table", "with", "explain"]
        .iter()
        .any(|word| first.is_word(source, word))
        || first.is(source, "(");
    !is_query
        || CHANGES
            .iter()
            .any(|word| has_words(statement, source, &[word]))
        || calls_unknown(&tokens, source)
}

/// Returns whether a name is called that is not qualified with `pg_catalog`.
fn calls_unknown(tokens: &[Token], source: &str) -> bool {
    tokens.windows(2).enumerate().any(|(at, pair)| {
        let [name, open] = pair else { return false };
        if !open.is(source, "(") || !is_name(*name) {
            return false;
        }
        let before = |back: usize| at.checked_sub(back).and_then(|at| tokens.get(at));
        let is_of_the_system = before(1).is_some_and(|dot| dot.is(source, "."))
            && before(2).is_some_and(|schema| {
                identifier_value(*schema, source).as_deref() == Some("pg_catalog")
            });
        !is_of_the_system && !KEYWORDS.iter().any(|word| name.is_word(source, word))
    })
}

/// Words with a parenthesis behind them that call nothing.
const KEYWORDS: &[&str] = &[
    "all", "and", "any", "array", "as", "by", "exists", "from", "in", "join", "not", "on", "or",
    "over", "row", "select", "some", "using", "values", "when", "where",
];

fn is_name(token: Token) -> bool {
    matches!(
        token.kind,
        TokenKind::Word | TokenKind::Quoted(_) | TokenKind::UnicodeQuoted(_)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::Script;

    #[test]
    fn statements_that_can_change_something() {
        for (sql, changes) in [
            ("DO $$ BEGIN END $$", true),
            ("CALL f()", true),
            ("SELECT f(1)", true),
            ("SELECT \"f\"(1)", true),
            ("SELECT x.pg_catalog (1)", true),
            ("SELECT 1 INTO t", true),
            ("WITH a AS (DELETE FROM t RETURNING 1) SELECT 1", true),
            ("UPDATE t SET a = 1", true),
            ("TRUNCATE t", true),
            (
                "MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE",
                true,
            ),
            ("EXECUTE p", true),
            ("EXPLAIN ANALYZE SELECT f()", true),
            ("IMPORT FOREIGN SCHEMA x FROM SERVER s INTO y", true),
            ("REASSIGN OWNED BY a TO b", true),
            ("SELECT 1", false),
            ("(SELECT 1)", false),
            ("SELECT pg_catalog.lo_create('1')", false),
            (
                "SELECT a FROM t WHERE (a) IN (1) AND EXISTS (SELECT 1)",
                false,
            ),
            ("WITH a AS (SELECT 1) SELECT * FROM a", false),
            ("VALUES (1)", false),
            ("VACUUM ANALYZE", false),
            ("SHOW all", false),
        ] {
            let script = Script::parse(sql).unwrap();
            let statement = script.statements().next().unwrap();
            assert_eq!(can_change(statement, sql), changes, "{sql}");
        }
    }
}
