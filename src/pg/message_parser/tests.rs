use proptest::prelude::*;

use super::*;

fn one(stderr: &str) -> ServerMessage {
    let mut messages = parse_all(stderr);
    assert_eq!(messages.len(), 1, "{messages:#?}");
    messages.remove(0)
}

fn place(file: &str, line: u32) -> ScriptPlace {
    ScriptPlace {
        file: file.into(),
        line,
    }
}

/// psql 15.18, `-f` and `VERBOSITY=verbose`.
const VERBOSE: &str = r#"psql:/run/s.sql:4: ERROR:  23505: duplicate key value violates unique constraint "t_pkey"
DETAIL:  Key (id)=(1) already exists.
SCHEMA NAME:  app
TABLE NAME:  t
CONSTRAINT NAME:  t_pkey
LOCATION:  _bt_check_unique, nbtinsert.c:664
psql:/run/s.sql:9: ERROR:  42P01: relation "nosuch" does not exist
LINE 2:  FROM nosuch
              ^
LOCATION:  parserOpenTable, parse_relation.c:1392
psql:/run/s.sql:10: NOTICE:  00000: two
lines
DETAIL:  d1
d2
HINT:  h
LOCATION:  exec_stmt_raise, pl_exec.c:3891
psql:/run/s.sql:11: ERROR:  42P01: relation "missing" does not exist
LINE 1: SELECT 1 FROM missing
                      ^
QUERY:  SELECT 1 FROM missing
CONTEXT:  PL/pgSQL function inline_code_block line 1 at EXECUTE
LOCATION:  parserOpenTable, parse_relation.c:1392
psql:/run/s.sql:15: error: invalid command \bogus
psql:/run/s.sql:18: ERROR:  23514: value for domain app.d violates check constraint "d_check"
SCHEMA NAME:  app
DATATYPE NAME:  d
CONSTRAINT NAME:  d_check
LOCATION:  ExecEvalConstraintCheck, execExprInterp.c:3787
psql:/run/s.sql:21: WARNING:  25P01: there is no transaction in progress
LOCATION:  EndTransactionBlock, xact.c:3987
"#;

#[test]
fn verbose_messages_of_a_script() {
    let messages = parse_all(VERBOSE);
    let [duplicate, missing, notice, inner, command, domain, warning] = messages.as_slice() else {
        panic!("{messages:#?}");
    };

    assert_eq!(
        (duplicate.speaker, duplicate.severity),
        (MessageSource::Server, MessageSeverity::Error)
    );
    assert_eq!(duplicate.sqlstate, SqlState::parse("23505"));
    assert_eq!(duplicate.condition_name(), Some("unique_violation"));
    assert_eq!(
        duplicate.message,
        r#"duplicate key value violates unique constraint "t_pkey""#
    );
    assert_eq!(
        duplicate.detail,
        Some("Key (id)=(1) already exists.".to_owned())
    );
    assert_eq!(
        (duplicate.schema.clone(), duplicate.table.clone()),
        (Some("app".to_owned()), Some("t".to_owned()))
    );
    assert_eq!(duplicate.constraint, Some("t_pkey".to_owned()));
    assert_eq!(
        duplicate.location,
        Some("_bt_check_unique, nbtinsert.c:664".to_owned())
    );
    assert_eq!(duplicate.script, Some(place("/run/s.sql", 4)));

    let position = missing.position.clone().unwrap();
    assert_eq!((position.line, &*position.text), (2, " FROM nosuch"));
    assert_eq!(position.caret, Some("              ^".to_owned()));

    assert_eq!(
        (notice.severity, &*notice.message),
        (MessageSeverity::Notice, "two\nlines")
    );
    assert_eq!(
        (notice.detail.clone(), notice.hint.clone()),
        (Some("d1\nd2".to_owned()), Some("h".to_owned()))
    );

    assert_eq!(inner.query, Some("SELECT 1 FROM missing".to_owned()));
    assert_eq!(
        inner.context,
        Some("PL/pgSQL function inline_code_block line 1 at EXECUTE".to_owned())
    );

    assert_eq!(
        (command.speaker, command.severity),
        (MessageSource::Program, MessageSeverity::Error)
    );
    assert_eq!(
        (&*command.message, command.script.clone()),
        (r"invalid command \bogus", Some(place("/run/s.sql", 15)))
    );

    assert_eq!(
        (domain.datatype.clone(), domain.table.clone()),
        (Some("d".to_owned()), None)
    );
    assert!(!warning.is_error() && domain.is_error());
    assert_eq!(
        warning.to_string(),
        "there is no transaction in progress (SQLSTATE 25P01)"
    );
}

#[test]
fn less_verbose_forms() {
    let message = one(
        "ERROR:  relation \"x\" does not exist\nLINE 1: SELECT * FROM x;\n                      ^\n",
    );
    assert_eq!(
        (message.sqlstate, &*message.message),
        (None, r#"relation "x" does not exist"#)
    );
    assert_eq!((message.position.unwrap().line, message.script), (1, None));
    let message = one("psql:<stdin>:3: ERROR:  42P01\n");
    assert_eq!(
        (message.sqlstate, &*message.message),
        (SqlState::parse("42P01"), "")
    );
    assert_eq!(message.script, Some(place("<stdin>", 3)));
    assert_eq!(one("ERROR:  12345678 is no state").sqlstate, None);
    assert_eq!(parse_all("ERROR:  42P01: a\nERROR:  42P02: b\n").len(), 2);
}

#[test]
fn a_lost_connection() {
    let messages = parse_all(
        "psql:k.sql:2: FATAL:  57P01: terminating connection due to administrator command\n\
         LOCATION:  ProcessInterrupts, postgres.c:3211\n\
         psql:k.sql:2: server closed the connection unexpectedly\n\
         \tThis probably means the server terminated abnormally\n\
         \tbefore or while processing the request.\n\
         psql:k.sql:2: error: connection to server was lost\n",
    );
    let [fatal, closed, lost] = messages.as_slice() else {
        panic!("{messages:#?}")
    };
    assert_eq!(
        (fatal.severity, fatal.sqlstate),
        (MessageSeverity::Fatal, SqlState::parse("57P01"))
    );
    assert_eq!(
        (closed.speaker, closed.message.lines().count()),
        (MessageSource::Program, 3)
    );
    assert_eq!(lost.message, "connection to server was lost");
    assert_eq!(
        messages
            .iter()
            .map(ServerMessage::says_connection_lost)
            .collect::<Vec<_>>(),
        [false, true, true]
    );
}

#[test]
fn each_attempt_to_connect_is_a_message() {
    let messages = parse_all(
        "psql: error: connection to server at \"db\" (::1), port 1 failed: Connection refused\n\
         \tIs the server running on that host and accepting TCP/IP connections?\n\
         connection to server at \"db\" (127.0.0.1), port 1 failed: FATAL:  SSL required\n",
    );
    let [refused, required] = messages.as_slice() else {
        panic!("{messages:#?}")
    };
    assert!(refused.message.ends_with("accepting TCP/IP connections?"));
    assert!(required.message.ends_with("failed: FATAL:  SSL required") && required.is_error());
    let old = one("psql: error: FATAL:  role \"nope\" does not exist\n");
    assert_eq!(old.speaker, MessageSource::Program);
}

#[test]
fn pg_dump_and_its_details() {
    let message = one(
        "pg_dump: error: query failed: ERROR:  permission denied for table T\n\
         pg_dump: detail: Query was: LOCK TABLE app.\"T\" IN ACCESS SHARE MODE\n\
         pg_dump: hint: Ask.\n",
    );
    assert_eq!(
        message.message,
        "query failed: ERROR:  permission denied for table T"
    );
    assert_eq!(
        message.detail,
        Some(r#"Query was: LOCK TABLE app."T" IN ACCESS SHARE MODE"#.to_owned())
    );
    assert_eq!(message.hint, Some("Ask.".to_owned()));
    assert_eq!(message.raw.lines().count(), 3);
}

#[test]
fn colours_carriage_returns_and_other_languages() {
    let message =
        one("\u{1b}[01mpsql: \u{1b}[0m\u{1b}[01;31merror: \u{1b}[0mno such file\u{1b}[\r\n");
    assert_eq!(
        (&*message.message, message.severity),
        ("no such file", MessageSeverity::Error)
    );
    assert!(message.raw.contains('\u{1b}') && message.raw.ends_with('\r'));
    let message = one("psql:a b:c.sql:7: FEHLER:  42P01: Relation »x« existiert nicht\r\n");
    assert_eq!(
        (message.severity, message.script),
        (MessageSeverity::Error, Some(place("a b:c.sql", 7)))
    );
    assert_eq!(message.message, "Relation »x« existiert nicht");
    assert_eq!(
        one("psql:s:1: HINWEIS:  00000: Tabelle »x« existiert nicht").severity,
        MessageSeverity::Notice
    );
    assert_eq!(
        one("エラー:  42P01: リレーション").sqlstate,
        SqlState::parse("42P01")
    );
}

#[test]
fn a_text_cannot_pose_as_the_next_message() {
    let message =
        one("psql:s:1: NOTICE:  00000: first\nERROR:  42P01: not really\nLOCATION:  f, f.c:1\n");
    assert_eq!(
        (message.severity, &*message.message),
        (MessageSeverity::Notice, "first\nERROR:  42P01: not really")
    );
}

#[test]
fn lines_that_belong_to_nothing_are_kept() {
    assert_eq!(parse_all(""), []);
    let messages = parse_all(
        "Cancel request sent\npsql:s:1: ERROR:  57014: canceling statement due to user request\n",
    );
    assert_eq!(
        (messages.len(), messages[0].severity),
        (2, MessageSeverity::Info)
    );
    assert_eq!(messages[1].condition_name(), Some("query_canceled"));
}

fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("psql:/t/s.sql:3: ERROR:  42P01: x".to_owned()),
        Just(
            "psql: error: connection to server at \"h\", port 1 failed: FATAL:  SSL required"
                .to_owned()
        ),
        Just("LINE 1: SELECT".to_owned()),
        Just("       ^".to_owned()),
        Just("pg_dump: detail: x".to_owned()),
        "(psql|pg_dump)?:?[ -~]{0,20}:[0-9]{0,12}: [A-Z]{0,8}:  [0-9A-Z]{0,6}:? ?\\PC{0,10}",
        "(DETAIL|HINT|TABLE NAME|LOCATION|CONTEXT|DEBUG9):  ?\\PC{0,10}\r?",
        "\u{1b}?\\[?[0-9;]{0,4}\\PC{0,12}",
    ]
}

proptest! {
    #[test]
    fn every_line_is_kept_and_nothing_panics(lines in prop::collection::vec(line(), 0..12)) {
        let stderr = lines.join("\n");
        let raw: Vec<_> = parse_all(&stderr).into_iter().map(|message| message.raw).collect();
        let expected = stderr.strip_suffix('\n').unwrap_or(&stderr);
        prop_assert_eq!(raw.join("\n"), expected);
    }

    #[test]
    fn any_bytes_will_do(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let stderr = String::from_utf8_lossy(&bytes).into_owned();
        let raw: Vec<_> = parse_all(&stderr).into_iter().map(|message| message.raw).collect();
        prop_assert_eq!(raw.join("\n"), stderr.strip_suffix('\n').unwrap_or(&stderr));
    }
}
