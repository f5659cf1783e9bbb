//! A psql that is kept open, as a program uses it.

use std::time::{Duration, Instant};

use schemastamp::config::{ConnectionFlags, Environment, Settings, ToolFlags};
use schemastamp::connect;
use schemastamp::pg::{PsqlError, PsqlSession, ScriptOptions};
use schemastamp::process::{RunError, Shutdown, Signal};

use crate::support::{Client, Cluster, Database};

async fn session(
    database: &Database<'_>,
    temporary: &std::path::Path,
    capacity: usize,
) -> PsqlSession {
    let own = [
        ("PATH", Client::installed().bin.display().to_string()),
        ("TMPDIR", temporary.display().to_string()),
    ];
    let own = own.map(|(name, value)| (name.to_owned(), value));
    let environment: Environment = database.environment().into_iter().chain(own).collect();
    let settings = Settings::resolve(
        &ConnectionFlags::default(),
        &ToolFlags::default(),
        &environment,
    )
    .unwrap();
    PsqlSession::new(
        connect::server(&settings, &environment, &Shutdown::new())
            .await
            .unwrap()
            .server,
        capacity,
    )
}

async fn ask(session: &mut PsqlSession, sql: &str) -> Result<Vec<String>, PsqlError> {
    let timeout = Some(Duration::from_secs(20));
    let ran = session
        .run_script(sql, &ScriptOptions::default(), 1, timeout, &Shutdown::new())
        .await;
    ran.map(|output| output.lines)
}

#[tokio::test]
async fn one_psql_runs_many_scripts_and_leaves_no_file() {
    let database = Cluster::shared().database();
    let folder = tempfile::tempdir().unwrap();
    let mut session = session(&database, folder.path(), 1000).await;
    let pid = ask(&mut session, "SELECT pg_backend_pid();").await.unwrap();
    assert_eq!(
        ask(&mut session, "SELECT 1 \\; SELECT E'two\\nlines';")
            .await
            .unwrap(),
        ["1", "two", "lines"]
    );
    assert_eq!(
        ask(&mut session, "SELECT 1 WHERE false;").await.unwrap(),
        Vec::<String>::new()
    );
    assert_eq!(
        ask(&mut session, "SELECT pg_backend_pid();").await.unwrap(),
        pid
    );
    assert_eq!(session.starts(), 1);
    let run = std::fs::read_dir(folder.path())
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    assert_eq!(
        std::fs::read_dir(run).unwrap().count(),
        0,
        "a script is removed once it has run"
    );
    session.close().await;
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn silence_and_a_foreign_token_are_not_an_answer() {
    let database = Cluster::shared().database();
    let folder = tempfile::tempdir().unwrap();
    let mut session = session(&database, folder.path(), 1000).await;
    // A script may print what it likes; it may not leave, nor speak to psql.
    let shown = ask(&mut session, "SELECT repeat('a', 48);").await.unwrap();
    assert_eq!(shown, ["a".repeat(48)]);
    for command in ["\\q", "\\echo done", "\\! true"] {
        let error = ask(&mut session, &format!("SELECT 1;\n{command}\n"))
            .await
            .unwrap_err();
        assert!(
            matches!(error, PsqlError::Script { .. } | PsqlError::Fatal { .. }),
            "{command}: {error:?}"
        );
    }
    assert_eq!(ask(&mut session, "SELECT 2;").await.unwrap(), ["2"]);
}

#[tokio::test]
async fn error_names_its_line_and_the_next_script_gets_a_new_psql() {
    let database = Cluster::shared().database();
    let folder = tempfile::tempdir().unwrap();
    let mut session = session(&database, folder.path(), 1000).await;
    ask(&mut session, "SELECT 1;").await.unwrap();
    let error = ask(&mut session, "SELECT 1;\nSELECT 1/0;\nSELECT 2;")
        .await
        .unwrap_err();
    let PsqlError::Script { message, .. } = error else {
        panic!("{error:?}")
    };
    assert_eq!(
        (
            message.sqlstate.unwrap().as_str(),
            message.script.unwrap().line
        ),
        ("22012", 2)
    );
    assert_eq!(ask(&mut session, "SELECT 3;").await.unwrap(), ["3"]);
    assert_eq!(session.starts(), 2);
}

#[tokio::test]
async fn worn_or_lost_psql_is_replaced() {
    let database = Cluster::shared().database();
    let folder = tempfile::tempdir().unwrap();
    let mut session = session(&database, folder.path(), 2).await;
    for _ in 0..3 {
        ask(&mut session, "SELECT 1;").await.unwrap();
    }
    assert_eq!(session.starts(), 2, "after work for two");
    let lost = ask(
        &mut session,
        "SELECT pg_terminate_backend(pg_backend_pid());",
    )
    .await
    .unwrap_err();
    assert!(
        matches!(lost, PsqlError::Lost { .. }) && lost.began(),
        "{lost:?}"
    );
    assert_eq!(ask(&mut session, "SELECT 1;").await.unwrap(), ["1"]);
    // Nobody uses it, and its backend goes: looked after, it is there again.
    let others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() \
                  AND pid <> pg_backend_pid()";
    database.query(others);
    session.refresh(&Shutdown::new()).await.unwrap();
    let starts = session.starts();
    assert_eq!(ask(&mut session, "SELECT 1;").await.unwrap(), ["1"]);
    assert_eq!(session.starts(), starts);
}

#[tokio::test]
async fn timeout_and_shutdown_end_a_script() {
    let database = Cluster::shared().database();
    let folder = tempfile::tempdir().unwrap();
    let mut session = session(&database, folder.path(), 1000).await;
    let (options, start) = (ScriptOptions::default(), Instant::now());
    let timeout = Some(Duration::from_millis(300));
    let error = session
        .run_script(
            "SELECT pg_sleep(30);",
            &options,
            1,
            timeout,
            &Shutdown::new(),
        )
        .await
        .unwrap_err();
    assert!(
        matches!(error, PsqlError::Run(RunError::TimedOut { .. })) && error.server_refused(),
        "{error:?}"
    );
    let shutdown = Shutdown::new();
    let asks = shutdown.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(300)).await;
        asks.request(Signal::TERMINATE);
    });
    let error = session
        .run_script("SELECT pg_sleep(30);", &options, 1, None, &shutdown)
        .await
        .unwrap_err();
    assert!(
        matches!(error, PsqlError::Run(RunError::Interrupted { .. })),
        "{error:?}"
    );
    assert!(start.elapsed() < Duration::from_secs(10));
    assert_eq!(database.query("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(30)%' AND state = 'active' AND pid <> pg_backend_pid()"), "0");
    assert_eq!(ask(&mut session, "SELECT 1;").await.unwrap(), ["1"]);
}

#[tokio::test]
async fn nothing_is_sent_without_a_server() {
    let database = Cluster::shared().database();
    let folder = tempfile::tempdir().unwrap();
    let mut session = session(&database, folder.path(), 1000).await;
    let mut server = session.server().clone();
    server.environment.insert(
        "PGPORT".to_owned(),
        schemastamp::process::EnvValue::Plain("1".into()),
    );
    session = PsqlSession::new(server, 1000);
    let error = ask(&mut session, "SELECT 1;").await.unwrap_err();
    assert!(
        matches!(error, PsqlError::Connect { .. }) && !error.began() && error.is_transient(),
        "{error:?}"
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
