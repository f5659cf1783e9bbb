use std::time::Duration;

use schemastamp::pg::{DumpOptions, PgDumpError, PsqlError, ScriptOptions, ScriptOutput};
use schemastamp::process::{EnvValue, RunError, Shutdown, Signal};
use serde_json::json;

use super::fake::Fake;

async fn run_script(fake: &Fake, script: &str) -> Result<ScriptOutput, PsqlError> {
    fake.server()
        .run_script(
            script,
            &ScriptOptions {
                announce: false,
                ..ScriptOptions::default()
            },
            &Shutdown::new(),
        )
        .await
}

#[tokio::test]
async fn psql_is_run_so_that_nothing_surprises() {
    let fake = Fake::new(
        "cp \"$file\" \"$here/script\"; stat -c '%a %n' . \"$file\" > \"$here/modes\"; echo row",
    );
    let mut server = fake.server();
    server
        .environment
        .insert("PGHOST".into(), EnvValue::Plain("db".into()));
    server
        .environment
        .insert("PGPASSWORD".into(), EnvValue::Secret("hunter2".into()));
    server.conninfo = Some("keepalives=1".into());
    let output = server
        .run_script(
            "SELECT 1;\n",
            &ScriptOptions {
                announce: false,
                ..ScriptOptions::default()
            },
            &Shutdown::new(),
        )
        .await
        .unwrap();
    assert_eq!(output.lines, ["row"]);

    let args = fake.record("args");
    let (args, file) = args.trim_end().rsplit_once('\n').unwrap();
    let expected = "-X -q -w -A -t -v ON_ERROR_STOP=1 -v VERBOSITY=verbose -d keepalives=1 -f";
    assert_eq!(args.replace('\n', " "), expected);
    assert_eq!(fake.record("modes"), format!("700 .\n600 {file}\n"));

    let environ = fake.record_of_parts("environ");
    let names: Vec<_> = environ
        .iter()
        .filter_map(|entry| entry.split('=').next())
        .collect();
    assert_eq!(names.len(), 5, "{names:?}");
    for entry in [
        "LC_ALL=C",
        "PGCLIENTENCODING=UTF8",
        "PGHOST=db",
        "PGPASSWORD=hunter2",
    ] {
        assert!(environ.iter().any(|have| have == entry), "{entry}");
    }
    assert!(
        !fake.record("cmdline").contains("hunter2") && !format!("{server:?}").contains("hunter2")
    );

    let script = fake.record("script");
    let lines: Vec<_> = script.lines().collect();
    assert!(
        lines[0].starts_with("\\restrict ") && lines[2].starts_with("\\unrestrict "),
        "{script}"
    );
    assert_eq!(lines[1], "SELECT 1;");
    fake.assert_nothing_left();
}

#[tokio::test]
async fn a_psql_that_does_not_know_restrict_gets_the_script_as_it_is() {
    let fake = Fake::new("cp \"$file\" \"$here/script\"").with_version("psql (PostgreSQL) 15.13");
    run_script(&fake, "SELECT 1;\n").await.unwrap();
    assert_eq!(fake.record("script"), "SELECT 1;\n");
}

#[tokio::test]
async fn exit_code_3_is_an_error_of_the_script_with_its_line() {
    let fake = Fake::new(
        "echo \"psql:$file:2: NOTICE:  00000: first\" >&2\n\
         echo \"psql:$file:3: ERROR:  42P07: relation \\\"t\\\" already exists\" >&2\n\
         echo 'LOCATION:  heap_create_with_catalog, heap.c:1164' >&2; exit 3",
    );
    let error = run_script(&fake, "a\nb").await.unwrap_err();
    let PsqlError::Script {
        message, messages, ..
    } = &error
    else {
        panic!("{error}")
    };
    assert_eq!(
        (message.condition_name(), messages.len()),
        (Some("duplicate_table"), 2)
    );
    // Line 1 of the file is \restrict.
    assert_eq!(message.script.as_ref().unwrap().line, 2);
    assert_eq!(
        error.to_string(),
        "relation \"t\" already exists (SQLSTATE 42P07)"
    );
    assert!(error.stderr().unwrap().text().contains("LOCATION"));
    fake.assert_nothing_left();
}

#[tokio::test]
async fn exit_code_2_is_no_connection_or_a_lost_one() {
    let fake = Fake::new(
        "printf 'psql: error: could not read certificate file \"x\": \\377\\376\\001\\n' >&2; exit 2",
    );
    let error = run_script(&fake, "").await.unwrap_err();
    let PsqlError::Connect { messages, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(
        messages[0].message,
        "could not read certificate file \"x\": \u{fffd}\u{fffd}\u{1}"
    );

    let fake = Fake::new("echo \"psql:$file:1: error: connection to server was lost\" >&2; exit 2");
    let error = run_script(&fake, "").await.unwrap_err();
    assert!(matches!(error, PsqlError::Lost { .. }), "{error}");
    assert_eq!(
        error.to_string(),
        "the connection was lost: connection to server was lost"
    );

    let fake = Fake::new("exit 2");
    assert_eq!(
        run_script(&fake, "").await.unwrap_err().to_string(),
        "cannot connect: no reason was given"
    );
}

#[tokio::test]
async fn other_exit_codes_are_failures_of_psql_itself() {
    for code in [1, 3, 127] {
        let fake = Fake::new(&format!("echo 'psql: warning: x' >&2; exit {code}"));
        let error = run_script(&fake, "").await.unwrap_err();
        assert!(
            matches!(error, PsqlError::Fatal { code: have, .. } if have == code),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_psql_that_hangs_is_stopped_with_nothing_left() {
    let fake = Fake::new("trap '' INT TERM; while :; do sleep 0.1; done");
    let mut server = fake.server();
    server.timeout = Some(Duration::from_millis(700));
    server.grace = Duration::from_millis(100);
    let error = server
        .run_script(
            "SELECT 1",
            &ScriptOptions {
                announce: false,
                ..ScriptOptions::default()
            },
            &Shutdown::new(),
        )
        .await
        .unwrap_err();
    assert!(
        matches!(error, PsqlError::Run(RunError::TimedOut { .. })),
        "{error}"
    );
    assert!(!fake.is_alive());
    fake.assert_nothing_left();
}

/// What psql prints last: the key that shows that it ran the whole file.
const END: &str = "sed -n 's/^.echo //p' \"$file\"";

#[tokio::test]
async fn a_result_without_its_end_is_no_result() {
    for orders in ["exit 0", "echo 1", "echo 1; echo 0123456789abcdef"] {
        let error = Fake::new(orders)
            .server()
            .query_json("SELECT 1", &Shutdown::new())
            .await
            .unwrap_err();
        assert!(
            matches!(error, PsqlError::Unconfirmed | PsqlError::Output { .. }),
            "{orders}: {error}"
        );
    }
}

#[tokio::test]
async fn every_line_of_a_json_query_is_a_value() {
    let fake = Fake::new(&format!(
        "printf '%s\\n' '{{\"a\":1}}' null '[\"é\"]'\n{END}"
    ));
    let values = fake
        .server()
        .query_json("SELECT …", &Shutdown::new())
        .await
        .unwrap();
    assert_eq!(values, [json!({"a": 1}), json!(null), json!(["é"])]);

    let fake = Fake::new("printf '1\\nno json\\n2\\n'; sleep 60");
    let mut seen = Vec::new();
    let error = fake
        .server()
        .query_json_each("", &Shutdown::new(), |value| seen.push(value))
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 2 of the result is not JSON: \"no json\""
    );
    assert_eq!(seen, [json!(1)]);
    assert!(!fake.is_alive());

    let fake = Fake::new("printf '1\\n\\377\\n'");
    let error = fake
        .server()
        .query_json("", &Shutdown::new())
        .await
        .unwrap_err();
    assert!(
        matches!(error, PsqlError::Output { line: 2, .. }),
        "{error}"
    );
    let error = run_script(&fake, "").await.unwrap_err();
    assert!(
        matches!(error, PsqlError::Encoding { line: 2, .. }),
        "{error}"
    );
    fake.assert_nothing_left();
}

#[tokio::test]
async fn a_json_query_that_fails_is_told_by_its_error_not_by_its_output() {
    let fake =
        Fake::new("echo 1; echo \"psql:$file:1: ERROR:  42501: permission denied\" >&2; exit 3");
    let error = fake
        .server()
        .query_json("", &Shutdown::new())
        .await
        .unwrap_err();
    assert!(
        matches!(&error, PsqlError::Script { message, .. } if message.condition_name() == Some("insufficient_privilege"))
    );
}

#[tokio::test]
async fn a_stop_before_the_start_is_a_stop() {
    let fake = Fake::new("");
    let shutdown = Shutdown::new();
    shutdown.request(Signal::INTERRUPT);
    let error = fake
        .server()
        .run_script(
            "",
            &ScriptOptions {
                announce: false,
                ..ScriptOptions::default()
            },
            &shutdown,
        )
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            PsqlError::Run(RunError::Interrupted { ended: None, .. })
        ),
        "{error}"
    );
    let error = fake
        .pg_dump()
        .dump_schema("a", &DumpOptions::default(), &shutdown)
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            PgDumpError::Run(RunError::Interrupted { ended: None, .. })
        ),
        "{error}"
    );
    assert!(!fake.started());
}
