//! Passwords that a command prints, and that live for minutes.

use std::time::Duration;

use schemastamp::config::{ConnectionFlags, Environment, Settings, ToolFlags};
use schemastamp::connect;
use schemastamp::pg::{PsqlSession, ScriptOptions};
use schemastamp::process::Shutdown;

use super::scene::{diagnose, expect, healthy, mode};
use super::world::World;
use crate::provision::{SMALL, snapshot};
use crate::support::{Client, Cluster, Options, Schemastamp};

/// A world on a database that wants a password.
fn asked() -> Schemastamp {
    healthy().env("PGDATABASE", "passwords")
}

/// Writes a shell script and returns its path.
fn script(app: &Schemastamp, text: &str) -> String {
    let path = app.write("token", format!("#!/bin/sh\n{text}\n"));
    mode(&path, 0o755);
    path.display().to_string()
}

#[test]
fn a_command_prints_the_password() {
    let app = asked();
    let path = script(
        &app,
        "test \"$PGUSER/$PGDATABASE\" = app/passwords && echo hunter2",
    );
    let app = app.env("SCHEMASTAMP_PASSWORD_COMMAND", &path);
    let report = expect(&app, "", 0).unwrap();
    assert!(report.text.contains("password_command"), "{}", report.text);
    app.run(&["status", "--all"]).exits_with(0);
    let app = app.without("SCHEMASTAMP_PASSWORD_COMMAND");
    let shell = "sh -c 'printf %s hunter | sed s/$/2/'";
    let output = app.run(&["status", "--all", "--password-command", shell, "-vvv"]);
    assert_eq!(output.code, Some(0), "{output}");
    assert!(!format!("{output}").contains("printf"), "{output}");
}

#[test]
fn a_target_has_a_command_of_its_own() {
    let app = asked();
    let path = script(&app, "echo hunter2");
    let port = World::get().main().port();
    app.write("snapshots/app.sql", snapshot(SMALL));
    let target = format!(
        "[[target]]\nname = 'one'\nhost = 'localhost'\nport = {port}\nuser = 'app'\n\
         dbname = 'passwords'\nsslmode = 'require'\npassword_command = '{path}'\n"
    );
    app.write("targets.toml", &target);
    let app = app.without("PGHOST").without("PGDATABASE");
    let run = ["provision", "--targets", "targets.toml", "by_command"];
    app.run(&run).exits_with(0);
    app.run(&run[..3]).exits_with(2);
    World::get().main().maintenance();
    app.write("targets.toml", format!("{target}password = 'x'\n"));
    let output = app.run(&run).exits_with(10);
    assert!(output.stderr.contains("both give the password"), "{output}");
}

#[test]
fn a_command_that_fails_is_named_and_its_output_is_not_shown() {
    let app = asked();
    let path = script(
        &app,
        "echo hunter2; echo 'Unable to locate credentials' >&2; exit 255",
    );
    let app = app.env("SCHEMASTAMP_PASSWORD_COMMAND", path);
    let report = expect(&app, "config.password_command", 20).unwrap();
    let words = "the password command 'token' (SCHEMASTAMP_PASSWORD_COMMAND) ended with exit code \
                 255: Unable to locate credentials";
    assert!(report.text.contains(words), "{}", report.text);
    for format in ["text", "json"] {
        let output = app.run(&["status", "--all", "--format", format, "-vvv"]);
        let said = format!("{output}");
        assert_eq!(output.code, Some(10), "{said}");
        assert!(said.contains(words) && !said.contains("hunter2"), "{said}");
    }
    let app = app.env("SCHEMASTAMP_PASSWORD_COMMAND", "no-such-program a b");
    expect(&app, "config.password_command", 20).unwrap();
    app.run(&["status", "--all"]).exits_with(10);
}

#[test]
fn a_command_that_hangs_is_stopped() {
    let app = asked();
    let path = script(&app, "echo hunter2; sleep 60");
    let app = app.env("SCHEMASTAMP_PASSWORD_COMMAND", path);
    let app = app.env("SCHEMASTAMP_TIMEOUT", "2");
    let start = std::time::Instant::now();
    let report = diagnose(&app);
    assert_eq!(
        report.ids("error"),
        ["config.password_command"],
        "{}",
        report.text
    );
    assert!(
        start.elapsed() < Duration::from_secs(4),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn an_expired_token_that_a_command_prints_is_named_with_its_date() {
    let app = asked();
    let token = "db:5432/?DBUser=app&X-Amz-Date=20260101T000000Z&X-Amz-Expires=900";
    let path = script(&app, &format!("echo '{token}'"));
    let app = app.env("SCHEMASTAMP_PASSWORD_COMMAND", path);
    let report = expect(&app, "login.token_expired", 20).unwrap();
    let output = app.run(&["status", "--all"]).exits_with(13);
    for said in [report.text, format!("{output}")] {
        assert!(said.contains("2026-01-01 00:15:00Z"), "{said}");
        assert!(!said.contains("X-Amz-Expires"), "{said}");
    }
}

/// A server on which each password is good for one login, as the command sets another one.
#[tokio::test]
async fn each_new_connection_asks_for_a_password_of_its_own() {
    let cluster =
        Cluster::start(&Options::default().hba(&["host all app 127.0.0.1/32 scram-sha-256"]));
    cluster.maintenance().sql("CREATE ROLE app LOGIN");
    let app = Schemastamp::new();
    let psql = Client::installed().psql();
    let token = script(
        &app,
        &format!(
            "n=$(($(cat \"$0.count\" 2>/dev/null)+1)); echo $n >\"$0.count\"\n\
             PGHOST='{}' PGUSER=postgres PGDATABASE=postgres '{}' -qXc \"ALTER ROLE app PASSWORD 'token $n'\" &&\n\
             echo \"token $n\"",
            cluster.socket_folder().display(),
            psql.display(),
        ),
    );
    let variables = [
        (
            "PATH",
            format!("{}:/usr/bin:/bin", Client::installed().bin.display()),
        ),
        ("PGHOST", "127.0.0.1".to_owned()),
        ("PGPORT", cluster.port().to_string()),
        ("PGUSER", "app".to_owned()),
        ("PGDATABASE", "postgres".to_owned()),
        ("SCHEMASTAMP_PASSWORD_COMMAND", token),
    ];
    let environment: Environment = variables.into_iter().collect();
    let (flags, tool) = (ConnectionFlags::default(), ToolFlags::default());
    let settings = Settings::resolve(&flags, &tool, &environment).unwrap();
    let shutdown = Shutdown::new();
    let target = connect::server(&settings, &environment, &shutdown)
        .await
        .unwrap();
    let server = target.server;
    // Runs on their own, and a psql that is kept open.
    for _ in 0..2 {
        let lines = server
            .run_script("SELECT 1;", &ScriptOptions::default(), &shutdown)
            .await;
        assert_eq!(lines.unwrap().lines, ["1"]);
    }
    let mut session = PsqlSession::new(server, 1000);
    let (kill, ask) = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'",
        "SELECT 2;",
    );
    for round in 0..2 {
        let ran = session
            .run_script(ask, &ScriptOptions::default(), 1, None, &shutdown)
            .await;
        assert_eq!(ran.unwrap().lines, ["2"], "round {round}");
        cluster.maintenance().sql(kill);
        // The loss of the connection is noticed with the next script.
        let lost = session
            .run_script(ask, &ScriptOptions::default(), 1, None, &shutdown)
            .await;
        assert!(lost.is_err());
    }
    session.close().await;
    assert_eq!(app.read("token.count").trim(), "4");
}
