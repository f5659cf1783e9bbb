//! Real psql and `pg_dump` against real servers.

use std::path::PathBuf;
use std::time::Duration;

use schemastamp::pg::{
    DumpOptions, MessageSeverity, NamedProgram, PgDump, PgDumpError, Program, ProgramError,
    PsqlError, ScriptOptions, Server,
};
use schemastamp::process::{EnvValue, ExitStatus, RunError, Shutdown, Signal};
use serde_json::json;
use tempfile::TempDir;

use crate::support::{Client, Cluster, Database};

struct Real {
    server: Server,
    temporary: TempDir,
}

fn given(path: PathBuf) -> NamedProgram {
    NamedProgram {
        path,
        origin: "a test".to_owned(),
    }
}

impl Real {
    fn new(client: &Client, database: &Database<'_>) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let psql = Program::find_psql(Some(&given(client.psql())), "".as_ref()).unwrap();
        let environment = database.environment().into_iter();
        let environment = environment
            .map(|(name, value)| (name, EnvValue::Plain(value.into())))
            .collect();
        Self {
            server: Server::new(psql, environment, temporary.path()),
            temporary,
        }
    }

    fn pg_dump(&self, client: &Client) -> PgDump {
        let program = Program::find_pg_dump(Some(&given(client.pg_dump())), "".as_ref()).unwrap();
        PgDump {
            program,
            server: self.server.clone(),
        }
    }

    async fn fail(&self, script: &str) -> PsqlError {
        self.server
            .run_script(script, &ScriptOptions::default(), &Shutdown::new())
            .await
            .unwrap_err()
    }

    #[track_caller]
    fn assert_nothing_left(&self) {
        assert_eq!(std::fs::read_dir(self.temporary.path()).unwrap().count(), 0);
    }
}

#[tokio::test]
async fn rows_notices_and_errors_of_every_psql() {
    let database = Cluster::shared().database();
    for client in [
        Client::installed(),
        Client::of_major(16),
        Client::of_major(18),
    ] {
        let real = Real::new(&client, &database);
        let script =
            "SELECT 1;\nDO $$ BEGIN RAISE WARNING 'hi' USING HINT = 'ho'; END $$;\nSELECT 'é', 2\n";
        let output = real
            .server
            .run_script(script, &ScriptOptions::default(), &Shutdown::new())
            .await
            .unwrap();
        assert_eq!(output.lines, ["1", "é|2"]);
        let [notice] = output.notices.as_slice() else {
            panic!("{output:?}")
        };
        assert_eq!(
            (notice.severity, &*notice.message, notice.hint.as_deref()),
            (MessageSeverity::Warning, "hi", Some("ho"))
        );
        assert_eq!(notice.script.as_ref().unwrap().line, 2);

        let error = real
            .fail("CREATE TABLE pg_temp.t(id int PRIMARY KEY);\n\nINSERT INTO t VALUES (1),\n(1);\nSELECT 2;")
            .await;
        let PsqlError::Script { message, .. } = &error else {
            panic!("{error}")
        };
        assert_eq!(message.condition_name(), Some("unique_violation"));
        assert_eq!(
            (message.table.as_deref(), message.constraint.as_deref()),
            (Some("t"), Some("t_pkey"))
        );
        assert_eq!(message.script.as_ref().unwrap().line, 4);
        real.assert_nothing_left();
    }
}

#[tokio::test]
async fn backslash_commands_are_refused_by_psql() {
    let database = Cluster::shared().database();
    let real = Real::new(&Client::installed(), &database);
    let planted = real.temporary.path().join("planted");
    let error = real
        .fail(&format!("SELECT 1;\n\\! touch {}\n", planted.display()))
        .await;
    let PsqlError::Script { message, .. } = &error else {
        panic!("{error}")
    };
    assert!(
        message
            .message
            .starts_with("backslash commands are restricted"),
        "{message}"
    );
    assert_eq!(message.script.as_ref().unwrap().line, 2);
    real.assert_nothing_left();
}

#[tokio::test]
async fn values_come_as_json() {
    let database = Cluster::shared().database();
    let real = Real::new(&Client::installed(), &database);
    let sql = "SELECT json_build_object('n', n, 's', E'line\\nbreak \\\\ \"é') FROM generate_series(1, 2) n";
    let values = real.server.query_json(sql, &Shutdown::new()).await.unwrap();
    assert_eq!(
        values,
        [
            json!({"n": 1, "s": "line\nbreak \\ \"é"}),
            json!({"n": 2, "s": "line\nbreak \\ \"é"})
        ]
    );
}

#[tokio::test]
async fn a_stopped_run_cancels_its_query_on_the_server() {
    let database = Cluster::shared().database();
    let mut real = Real::new(&Client::installed(), &database);
    real.server.timeout = Some(Duration::from_secs(2));
    let error = real
        .fail("CREATE TABLE left_behind(); SELECT pg_sleep(600)")
        .await;
    let PsqlError::Run(RunError::TimedOut { ended, .. }) = &error else {
        panic!("{error}")
    };
    assert_eq!(*ended, ExitStatus::Code(3));
    assert!(
        error.stderr().unwrap().text().contains("57014"),
        "{error:?}"
    );

    real.server.timeout = None;
    let shutdown = Shutdown::new();
    let (result, ()) = tokio::join!(
        real.server.query_json("SELECT pg_sleep(600)", &shutdown),
        async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            shutdown.request(Signal::TERMINATE);
        }
    );
    let error = result.unwrap_err();
    assert!(
        matches!(
            error,
            PsqlError::Run(RunError::Interrupted {
                signal: Signal::TERMINATE,
                ..
            })
        ),
        "{error}"
    );
    let running = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    assert_eq!(database.query(running), "0");
    real.assert_nothing_left();
}

#[tokio::test]
async fn no_connection_and_a_lost_one_are_told_apart() {
    let database = Cluster::shared().database();
    let mut real = Real::new(&Client::installed(), &database);
    let error = real
        .fail("SELECT 1;\nSELECT pg_terminate_backend(pg_backend_pid());")
        .await;
    let PsqlError::Lost { messages, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(messages[0].condition_name(), Some("admin_shutdown"));

    real.server
        .environment
        .insert("PGUSER".into(), EnvValue::Plain("nosuch".into()));
    let error = real.fail("SELECT 1").await;
    let PsqlError::Connect { messages, .. } = &error else {
        panic!("{error}")
    };
    assert!(
        messages[0]
            .message
            .ends_with("FATAL:  role \"nosuch\" does not exist"),
        "{error}"
    );

    real.server.environment.insert(
        "PGHOST".into(),
        EnvValue::Plain("localhost,127.0.0.1".into()),
    );
    real.server
        .environment
        .insert("PGPORT".into(), EnvValue::Plain("1".into()));
    let error = real.fail("SELECT 1").await;
    assert!(
        matches!(&error, PsqlError::Connect { messages, .. } if messages.len() >= 2),
        "{error:?}"
    );
    real.assert_nothing_left();
}

/// Names that mean something to the shell, to SQL, to psql's patterns or to regular expressions.
const NAMES: [&str; 43] = [
    "App",
    "a.b",
    "a\"b",
    "\"",
    "\"\"",
    "a*",
    "a?b",
    "a$b",
    "$",
    "a$",
    "a-b",
    "été",
    "日本",
    "a b",
    "a\\b",
    "a|b",
    "(x)",
    "[x]",
    "a[]",
    "^a",
    "a+",
    "{1}",
    "a\nb",
    "a\tb",
    "select",
    "a'b",
    "x*.*y",
    ".",
    "*",
    "?",
    "A\"*\"B",
    "%",
    "a%_b",
    "{",
    "[",
    "\\",
    "-x",
    "--x",
    " lead",
    "trail ",
    "#{prefix}",
    ":a",
    "';",
];

#[tokio::test]
async fn any_name_is_dumped_and_no_other() {
    let database = Cluster::shared().database();
    let quoted = |name: &str| name.replace('"', "\"\"");
    let near = ["a", "ab", "app", "axb", "aXb", "aa", "b", "x"]
        .map(|name| format!("CREATE SCHEMA \"{name}\";\n"));
    let hard = NAMES.iter().enumerate().map(|(number, name)| {
        let name = quoted(name);
        format!("CREATE SCHEMA \"{name}\"; CREATE TABLE \"{name}\".t{number}();\n")
    });
    let script: String = near.into_iter().chain(hard).collect();
    database.sql(&script);
    for client in [Client::installed(), Client::of_major(18)] {
        let real = Real::new(&client, &database);
        let pg_dump = real.pg_dump(&client);
        for (number, name) in NAMES.iter().enumerate() {
            let dump = pg_dump
                .dump_schema(name, &DumpOptions::default(), &Shutdown::new())
                .await
                .unwrap();
            let count = |text: &str| dump.matches(text).count();
            assert_eq!(
                (count("CREATE SCHEMA "), count("CREATE TABLE ")),
                (1, 1),
                "{name:?}: {dump}"
            );
            assert_eq!(count(&format!(".t{number} (")), 1, "{name:?}: {dump}");
        }
        let error = pg_dump
            .dump_schema("A", &DumpOptions::default(), &Shutdown::new())
            .await
            .unwrap_err();
        assert!(matches!(error, PgDumpError::NoSuchSchema { .. }), "{error}");
        real.assert_nothing_left();
    }
}

#[tokio::test]
async fn a_server_newer_than_pg_dump_is_explained() {
    let database = Cluster::of_major(18).database();
    let older = Client::of_major(16);
    let real = Real::new(&older, &database);
    let pg_dump = real.pg_dump(&older);
    let error = pg_dump
        .dump_schema("public", &DumpOptions::default(), &Shutdown::new())
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            PgDumpError::Program(ProgramError::OlderThanServer { .. })
        ),
        "{error}"
    );
    assert!(
        error.to_string().ends_with("install postgresql-client-18"),
        "{error}"
    );
}

#[tokio::test]
async fn a_missing_right_names_the_table() {
    let database = Cluster::shared().database();
    database.sql(
        "CREATE ROLE process_reader LOGIN; CREATE SCHEMA app; GRANT USAGE ON SCHEMA app TO process_reader;\n\
         CREATE TABLE app.invoices();",
    );
    let client = Client::installed();
    let mut real = Real::new(&client, &database);
    real.server
        .environment
        .insert("PGUSER".into(), EnvValue::Plain("process_reader".into()));
    let error = real
        .pg_dump(&client)
        .dump_schema("app", &DumpOptions::default(), &Shutdown::new())
        .await
        .unwrap_err();
    database.sql("DROP OWNED BY process_reader; DROP ROLE process_reader");
    assert!(
        matches!(&error, PgDumpError::Denied { object, .. } if object == "table invoices"),
        "{error}"
    );
    real.server
        .environment
        .insert("PGPORT".into(), EnvValue::Plain("1".into()));
    let error = real
        .pg_dump(&client)
        .dump_schema("app", &DumpOptions::default(), &Shutdown::new())
        .await
        .unwrap_err();
    assert!(matches!(error, PgDumpError::Connect { .. }), "{error}");
    real.assert_nothing_left();
}

#[tokio::test]
async fn text_that_is_not_utf8_is_refused() {
    let maintenance = Cluster::shared().maintenance();
    maintenance
        .sql("CREATE DATABASE process_ascii TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'");
    let client = Client::installed();
    let mut real = Real::new(&client, &maintenance);
    real.server
        .environment
        .insert("PGDATABASE".into(), EnvValue::Plain("process_ascii".into()));
    let script = "SET client_encoding = 'SQL_ASCII'; CREATE SCHEMA app;\n\
                  DO $$ BEGIN EXECUTE 'COMMENT ON SCHEMA app IS ''' || convert_from('\\xff'::bytea, 'SQL_ASCII') || ''''; END $$";
    real.server
        .run_script(script, &ScriptOptions::default(), &Shutdown::new())
        .await
        .unwrap();
    let result = real
        .pg_dump(&client)
        .dump_schema("app", &DumpOptions::default(), &Shutdown::new())
        .await;
    maintenance.sql("DROP DATABASE process_ascii");
    let error = result.unwrap_err();
    assert!(matches!(error, PgDumpError::NotUtf8 { .. }), "{error}");
    assert!(error.to_string().contains("0xff"), "{error}");
    real.assert_nothing_left();
}
