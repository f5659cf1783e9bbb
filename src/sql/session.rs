//! Statements that may leave something behind in their session when their transaction has ended.

use super::identifier::{quote_literal, unquote};
use super::{Token, TokenKind, fold, tokens};

/// Words that, wherever they stand, name what is the session's: temporary objects and settings by function.
const OF_A_SESSION: [&str; 4] = ["temp", "temporary", "pg_temp", "set_config"];

/// Returns whether a statement may change its session beyond its transaction.
///
/// Definitions and the rows of a snapshot do not. What runs functions, triggers or dynamic SQL may: a setting that is not
/// local, a temporary object, a session's advisory lock, a prepared statement, `LISTEN`, a cursor `WITH HOLD`. `SET` is taken
/// for what [`local`](super::local()) makes of it.
pub fn may_change_session(sql: &str) -> bool {
    let tokens: Vec<Token> = tokens(sql)
        .into_iter()
        .filter(|token| !token.is_trivia())
        .collect();
    let is = |index: usize, words: &[&str]| {
        tokens
            .get(index)
            .is_some_and(|token| words.iter().any(|word| token.is_word(sql, word)))
    };
    let has = |words: &[&str]| {
        tokens.iter().any(|token| match token.kind {
            // `"pg_temp"."T"` names the same schema.
            TokenKind::Quoted(_) => words.contains(&unquote(token.text(sql)).as_str()),
            TokenKind::UnicodeQuoted(_) => true,
            _ => words.iter().any(|word| token.is_word(sql, word)),
        })
    };
    let Some(first) = tokens.first() else {
        return false;
    };
    match fold(first.text(sql)).as_str() {
        "set" => is(1, &["session"]) && is(2, &["characteristics"]),
        // A view and a function only hold the query that they are made of.
        "create" if has(&["function", "procedure", "view", "rule"]) && !has(&["materialized"]) => {
            has(&OF_A_SESSION[..3])
        }
        "create" => has(&OF_A_SESSION) || has(&["select", "execute"]),
        // Rows of seeds are literals; a query may call anything.
        "insert" => has(&OF_A_SESSION) || has(&["select", "with", "execute"]),
        "alter" | "comment" | "security" | "grant" | "revoke" | "drop" | "copy" => {
            has(&OF_A_SESSION)
        }
        "select" => !is_contained_call(sql, &tokens),
        "refresh" => false,
        _ => true,
    }
}

/// `SELECT pg_catalog.setval('…', 7, true)` and `SELECT set_config('…', '…', true)`, as a captured snapshot has them.
fn is_contained_call(sql: &str, tokens: &[Token]) -> bool {
    let words: Vec<&str> = tokens.iter().map(|token| token.text(sql)).collect();
    let ([_, "pg_catalog", ".", words @ ..] | [_, words @ ..]) = words.as_slice() else {
        return false;
    };
    match words {
        // No further call among the arguments, and nothing behind them.
        ["setval", "(", rest @ ..] => !rest.contains(&"(") && rest.last() == Some(&")"),
        ["set_config", "(", name, ",", value, ",", "true", ")"] => {
            [name, value].iter().all(|literal| literal.ends_with('\''))
        }
        _ => false,
    }
}

/// The setting in which a transaction keeps what its session began with.
const KEPT: &str = "schemastamp.session";

/// Settings that a pooler keeps for each of its clients (`PgBouncer`'s, and those that the protocol reports). `RESET ALL`
/// would give the client those of the pooler's own connection.
const REPORTED: [&str; 6] = [
    "client_encoding",
    "DateStyle",
    "IntervalStyle",
    "TimeZone",
    "standard_conforming_strings",
    "application_name",
];

/// Lifetime of settings: it decides who cleans up behind statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingScope {
    /// To the end of the transaction.
    Transaction,
    /// To the end of the session.
    Session,
}

/// An expression that remembers what [`session_cleanup`] gives back.
pub fn session_remembered(scope: SettingScope) -> String {
    let values: Vec<String> = REPORTED
        .iter()
        .map(|name| format!("'{name}', pg_catalog.current_setting('{name}')"))
        .collect();
    format!(
        "pg_catalog.set_config('{KEPT}', pg_catalog.json_build_object({})::text, {})",
        values.join(", "),
        scope == SettingScope::Transaction
    )
}

/// The last statements of a transaction that may have changed its session, or of a session between two tenants.
///
/// `DISCARD ALL` cannot run in a transaction, and behind it a pooler may have given the connection to somebody else. What
/// waits for the end of the transaction runs first, with the settings that it was written for. Only the prepared statements
/// that this transaction has made are deallocated: others are the pooler's.
pub fn session_cleanup(scope: SettingScope) -> Vec<String> {
    let made_here = match scope {
        SettingScope::Transaction => {
            " AND s.prepare_time OPERATOR(pg_catalog.>=) pg_catalog.transaction_timestamp()"
        }
        SettingScope::Session => "",
    };
    let body = format!(
        "DECLARE kept json := NULLIF(pg_catalog.current_setting('{KEPT}', true), '')::json; made record; BEGIN \
         PERFORM pg_catalog.pg_advisory_unlock_all(); \
         FOR made IN SELECT s.name FROM pg_catalog.pg_prepared_statements s WHERE s.from_sql{made_here} LOOP \
         EXECUTE pg_catalog.format('DEALLOCATE %I', made.name); END LOOP; \
         RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL; \
         SET LOCAL search_path = pg_catalog, pg_temp; SET LOCAL statement_timeout = 0; \
         SET LOCAL idle_in_transaction_session_timeout = 0; \
         IF pg_catalog.current_setting('server_version_num')::int >= 170000 THEN \
         PERFORM pg_catalog.set_config('transaction_timeout', '0', true); END IF; \
         FOR made IN SELECT k.key, k.value FROM pg_catalog.json_each_text(kept) k \
         WHERE pg_catalog.current_setting(k.key) <> k.value LOOP \
         PERFORM pg_catalog.set_config(made.key, made.value, false); END LOOP; END"
    );
    let deferred = (scope == SettingScope::Transaction).then_some("SET CONSTRAINTS ALL IMMEDIATE");
    deferred
        .into_iter()
        .chain(["CLOSE ALL", "UNLISTEN *", "DISCARD TEMP"])
        .map(str::to_owned)
        .chain([format!("DO {}", quote_literal(&body))])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_and_rows_leave_nothing_behind() {
        for sql in [
            "CREATE TABLE a.t (id int DEFAULT nextval('a.s'))",
            "CREATE VIEW a.v AS SELECT 1 AS temperature",
            "CREATE FUNCTION a.f() RETURNS void LANGUAGE sql AS $$ SELECT set_config('a.b', 'c', false) $$",
            "CREATE OR REPLACE FUNCTION a.f() RETURNS int BEGIN ATOMIC SELECT 1; END",
            "ALTER TABLE a.t ADD c int",
            "INSERT INTO a.t VALUES (1, 'SELECT')",
            "SELECT pg_catalog.setval('a.s', 7, true)",
            "SELECT pg_catalog.set_config('search_path', 'a, public', true)",
            "SET search_path = a",
            "SET ROLE bob",
            "REFRESH MATERIALIZED VIEW a.m",
            "COMMENT ON TABLE a.t IS 'temp'",
            "",
        ] {
            assert!(!may_change_session(sql), "{sql}");
        }
    }

    #[test]
    fn what_runs_code_or_makes_something_of_the_session_may_leave_it() {
        for sql in [
            "SELECT pg_catalog.set_config('search_path', '', false)",
            "SELECT pg_catalog.set_config('search_path', f(), true)",
            "SELECT set_config('search_path', '', true), f()",
            "SELECT setval('a.s', (SELECT public.f()))",
            "SELECT setval('a.s', 1), set_config('a.b', 'c', false)",
            "SELECT 1 INTO TEMP t",
            "CREATE/**/TEMP TABLE t (i int)",
            "create local temporary view v as select 1",
            "CREATE TABLE pg_temp.t (i int)",
            "CREATE TABLE \"pg_temp\".t (i int)",
            "CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "CREATE TABLE a.t AS SELECT public.f()",
            "INSERT INTO a.t SELECT pg_advisory_lock(7)",
            "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
            "DO $$ BEGIN END $$",
            "CALL a.p()",
            "UPDATE a.t SET b = 1",
            "WITH x AS (SELECT 1) SELECT 1",
            "VALUES (set_config('a.b', 'c', false))",
            "TABLE a.t",
            "LISTEN x",
            "DECLARE c CURSOR WITH HOLD FOR SELECT 1",
            "PREPARE p AS SELECT 1",
            "LOAD 'x'",
            "RESET ALL",
            "EXPLAIN ANALYZE SELECT f()",
        ] {
            assert!(may_change_session(sql), "{sql}");
        }
    }
}
