//! The statements that a query may have. Pure: no I/O.

use crate::sql::script::line_of;
use crate::sql::{ScriptError, Segment, Segments, Statement, Token, TokenKind, fold, local};

/// The words that a read-only query may begin with. The server refuses what such a statement may not change.
const READING: [&str; 7] = [
    "select", "with", "values", "table", "show", "explain", "set",
];

/// The words that begin or end a transaction or a part of it.
const TRANSACTION: [&str; 9] = [
    "begin",
    "start",
    "commit",
    "end",
    "rollback",
    "abort",
    "savepoint",
    "release",
    "prepare transaction",
];

/// The settings on which it depends how psql and the server cut text into statements.
const OF_LEXERS: [&str; 3] = ["standard_conforming_strings", "client_encoding", "names"];

/// The words that begin a statement that returns rows, and those that do so with `RETURNING`.
const WITH_ROWS: [&str; 8] = [
    "select", "with", "values", "table", "show", "explain", "execute", "fetch",
];

/// The extent to which a query may change a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryAccess {
    /// Each tenant's transaction is read-only and is rolled back.
    ReadOnly,
    /// Each tenant's transaction is committed.
    Write,
}

/// A statement of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct QueryStatement {
    /// Its text, without the semicolon.
    pub(super) sql: String,
    /// 1-based line on which it begins.
    pub(super) line: usize,
    returns_rows: bool,
}

/// SQL that was checked, for every tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    access: QueryAccess,
    pub(super) statements: Vec<QueryStatement>,
}

/// Reasons why SQL is not run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct QueryRefusal {
    /// 1-based line, or `None` if the message names it.
    pub line: Option<usize>,
    /// The reason.
    pub reason: QueryRefusalReason,
}

/// The kind of text that is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueryRefusalReason {
    /// There is no statement.
    #[error("there is no SQL statement")]
    Empty,
    /// psql would not read the text to its end.
    #[error(transparent)]
    Script(ScriptError),
    /// A command of psql.
    #[error("a psql meta-command; a query has SQL only")]
    Meta,
    /// psql would put the value of one of its own variables there.
    #[error("psql replaces :{0} with one of its variables; put a blank after the colon")]
    Variable(String),
    /// A statement that begins or ends a transaction.
    #[error("{0} controls the transaction, and each tenant's query is one transaction")]
    Transaction(String),
    /// `COPY`, which reads and writes the server's files and runs its programs, whatever the transaction.
    #[error(
        "COPY reads or writes files and programs of the server, or data that a query does not have"
    )]
    Copy,
    /// A setting on which it depends where statements end.
    #[error("the setting {0} decides where statements end, and stays as it is")]
    Lexing(String),
    /// A statement that a read-only query may not have.
    #[error("a read-only query cannot have {0}")]
    NotReading(String),
}

impl Query {
    /// Checks SQL.
    ///
    /// A read-only transaction alone is no guard: the text could end it, and `COPY … TO PROGRAM` runs in it. So what ends
    /// a transaction and `COPY` are refused by their tokens, before anything is sent.
    ///
    /// # Errors
    /// [`QueryRefusal`] with the line.
    pub fn parse(sql: &str, access: QueryAccess) -> Result<Self, QueryRefusal> {
        let mut statements = Vec::new();
        for segment in Segments::new(sql, false) {
            let segment = segment.map_err(|error| QueryRefusal {
                line: None,
                reason: QueryRefusalReason::Script(error),
            })?;
            let (start, checked) = match &segment {
                Segment::Meta { range } => (range.start, Err(QueryRefusalReason::Meta)),
                Segment::Copy { statement, .. } => {
                    (statement.range().start, Err(QueryRefusalReason::Copy))
                }
                Segment::Statement(statement) => {
                    (statement.range().start, check(statement, sql, access))
                }
            };
            let line = line_of(sql, start);
            match (checked, segment) {
                (Ok(returns_rows), Segment::Statement(statement)) => {
                    statements.push(QueryStatement {
                        sql: local(statement.text(sql)),
                        line,
                        returns_rows,
                    });
                }
                (Err(reason), _) => {
                    return Err(QueryRefusal {
                        line: Some(line),
                        reason,
                    });
                }
                (Ok(_), _) => {}
            }
        }
        if statements.is_empty() {
            return Err(QueryRefusal {
                line: None,
                reason: QueryRefusalReason::Empty,
            });
        }
        Ok(Self { access, statements })
    }

    /// Returns the extent to which it may change a tenant.
    pub fn access(&self) -> QueryAccess {
        self.access
    }

    /// Returns the number of statements that return rows.
    pub fn results(&self) -> usize {
        self.statements
            .iter()
            .filter(|statement| statement.returns_rows)
            .count()
    }
}

/// Checks a statement; returns `true` if it returns rows.
fn check(
    statement: &Statement,
    sql: &str,
    access: QueryAccess,
) -> Result<bool, QueryRefusalReason> {
    let tokens: Vec<Token> = statement.significant().collect();
    if let Some(name) = psql_variable(&tokens, sql) {
        return Err(QueryRefusalReason::Variable(name));
    }
    let word = |index: usize| match tokens.get(index) {
        Some(token) if token.kind == TokenKind::Word => fold(token.text(sql)),
        _ => String::new(),
    };
    // `(SELECT …) UNION …`
    let first_at = tokens
        .iter()
        .position(|token| !token.is(sql, "("))
        .unwrap_or_default();
    let first = word(first_at);
    let second = word(first_at + 1);
    if first == "copy" {
        return Err(QueryRefusalReason::Copy);
    }
    let of_transaction = TRANSACTION.iter().any(|words| match words.split_once(' ') {
        Some((one, two)) => first == one && second == two,
        None => first == *words,
    });
    let set_of_transaction = first == "set"
        && (second == "transaction"
            || (second == "session" && word(first_at + 2) == "characteristics"));
    // `SET LOCAL transaction_read_only` is refused by the server once the transaction has its snapshot.
    if of_transaction || set_of_transaction {
        return Err(QueryRefusalReason::Transaction(shown(&first, &second)));
    }
    if first == "set" || first == "reset" {
        let name_at = if matches!(second.as_str(), "local" | "session") {
            first_at + 2
        } else {
            first_at + 1
        };
        let name = tokens
            .get(name_at)
            .map_or_else(String::new, |token| fold(token.text(sql).trim_matches('"')));
        if OF_LEXERS.contains(&name.as_str()) {
            return Err(QueryRefusalReason::Lexing(name));
        }
    }
    if access == QueryAccess::ReadOnly && !READING.contains(&first.as_str()) {
        let found = tokens.get(first_at).map_or("", |token| token.text(sql));
        return Err(QueryRefusalReason::NotReading(found.to_uppercase()));
    }
    let has_word = |keyword| tokens.iter().any(|token| token.is_word(sql, keyword));
    Ok(WITH_ROWS.contains(&first.as_str()) || has_word("returning"))
}

/// `SET TRANSACTION`, `COMMIT`.
fn shown(first: &str, second: &str) -> String {
    match first {
        "set" | "prepare" => format!("{first} {second}").to_uppercase(),
        _ => first.to_uppercase(),
    }
}

/// Returns the name of a variable that psql sets by itself and that stands behind a colon.
///
/// psql replaces `:name`, `:'name'`, `:"name"` and `:{?name}` if it has that variable. The names of its own are upper case
/// (`EstablishVariableSpace` and `SyncVariables`), and it leaves a colon before any other name alone: `a[1:n]`.
fn psql_variable(tokens: &[Token], sql: &str) -> Option<String> {
    tokens.windows(2).find_map(|pair| {
        let [colon, name] = pair else { return None };
        if !colon.is(sql, ":") || colon.end != name.start {
            return None;
        }
        let text = name.text(sql);
        if text.starts_with('{') {
            return Some(text.to_owned());
        }
        let bare = text.trim_matches(['\'', '"']);
        let is_own = !bare.is_empty()
            && bare
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
            && !bare.starts_with(|first: char| first.is_ascii_digit());
        is_own.then(|| text.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(sql: &str, access: QueryAccess) -> Option<String> {
        Query::parse(sql, access).err().map(|error| {
            let line = error.line.map(|line| format!("{line}: "));
            format!("{}{error}", line.unwrap_or_default())
        })
    }

    #[test]
    fn reading_is_allowed() {
        for sql in [
            "SELECT 1",
            "select 1;\n;\nselect 2;",
            "(SELECT 1) UNION (SELECT 2)",
            "WITH a AS (SELECT 1) TABLE a",
            "VALUES (1), (2)",
            "TABLE users",
            "SHOW search_path",
            "EXPLAIN (ANALYZE) SELECT ';COMMIT;'",
            "SET enable_seqscan = off; EXPLAIN SELECT 1",
            "SELECT $$ ; COMMIT; $$, E'\\';COMMIT', \"commit\" FROM x -- COMMIT\n",
            "SELECT a[1:n], a[1: USER], a::text, b::VARCHAR, 'x:HOST' FROM t",
            "SELECT 'copy' AS copy /* COPY */",
        ] {
            assert_eq!(refused(sql, QueryAccess::ReadOnly), None, "{sql}");
        }
    }

    #[test]
    fn what_could_leave_the_transaction_is_refused_with_and_without_write() {
        for (sql, expected) in [
            ("COMMIT", "1: COMMIT controls the transaction"),
            ("SELECT 1;\n  rollback ;", "2: ROLLBACK controls"),
            ("/* x */ END", "1: END controls"),
            ("begin; delete from t", "1: BEGIN controls"),
            ("START TRANSACTION", "1: START controls"),
            ("ABORT AND CHAIN", "1: ABORT controls"),
            ("SAVEPOINT a", "1: SAVEPOINT controls"),
            ("RELEASE a", "1: RELEASE controls"),
            ("PREPARE TRANSACTION 'x'", "1: PREPARE TRANSACTION controls"),
            ("set transaction read write", "1: SET TRANSACTION controls"),
            (
                "SET/**/SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
                "1: SET SESSION controls",
            ),
            ("COPY t TO PROGRAM 'id'", "1: COPY reads"),
            ("copy (select 1) to '/tmp/x'", "1: COPY reads"),
            ("COPY t FROM stdin;\n1\n\\.\n", "1: COPY reads"),
            ("COPY t TO stdout", "1: COPY reads"),
            ("\\! id", "1: a psql meta-command"),
            ("SELECT 1;\n\\copy t to 'x'", "2: a psql meta-command"),
            ("SELECT 1 \\gexec", "line 1: a backslash"),
            ("SELECT 1\0;", "line 1: a NUL byte"),
            ("SELECT 'a", "line 1: a string literal"),
            ("SELECT :DBNAME", "1: psql replaces :DBNAME"),
            ("SELECT :'HOST'", "1: psql replaces :'HOST'"),
            ("SELECT a[1:PORT]", "1: psql replaces :PORT"),
            (
                "SET standard_conforming_strings = off; SELECT 1",
                "1: the setting standard_conforming_strings",
            ),
            (
                "SET LOCAL \"client_encoding\" = 'SJIS'",
                "1: the setting client_encoding",
            ),
            ("SET NAMES 'SJIS'", "1: the setting names"),
            (" ; -- nothing\n", "there is no SQL statement"),
        ] {
            for access in [QueryAccess::ReadOnly, QueryAccess::Write] {
                let found = refused(sql, access).unwrap_or_default();
                assert!(found.starts_with(expected), "{sql}: {found}");
            }
        }
    }

    #[test]
    fn only_write_may_begin_with_another_word() {
        for (sql, word) in [
            ("DELETE FROM t", "DELETE"),
            ("insert into t values (1)", "INSERT"),
            ("DO $$ BEGIN END $$", "DO"),
            ("CALL p()", "CALL"),
            ("CREATE TABLE t ()", "CREATE"),
            ("LOCK t", "LOCK"),
            ("NOTIFY x", "NOTIFY"),
            ("\"select\" 1", "\"SELECT\""),
        ] {
            let expected = format!("1: a read-only query cannot have {word}");
            assert_eq!(refused(sql, QueryAccess::ReadOnly), Some(expected));
            assert_eq!(refused(sql, QueryAccess::Write), None, "{sql}");
        }
    }

    #[test]
    fn statements_with_rows_are_counted() {
        for (sql, expected) in [
            ("SELECT 1", 1),
            ("SET work_mem = '1MB'; SELECT 1", 1),
            ("SELECT 1; TABLE t", 2),
            ("DELETE FROM t", 0),
            ("DELETE FROM t RETURNING id; UPDATE t SET a = 1", 1),
        ] {
            let query = Query::parse(sql, QueryAccess::Write).unwrap();
            assert_eq!(query.results(), expected, "{sql}");
        }
    }

    #[test]
    fn settings_end_with_the_transaction() {
        let query = Query::parse("SET work_mem = '1MB'", QueryAccess::ReadOnly).unwrap();
        assert_eq!(query.statements[0].sql, "SET LOCAL work_mem = '1MB'");
    }
}
