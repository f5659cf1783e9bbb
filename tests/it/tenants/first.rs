//! `capture --migrations` and `capture --run`: the first snapshot of an app that has migrations only.

use std::process::Stdio;
use std::time::Duration;

use crate::support::{Cluster, Database, Schemastamp};

const USERS: &str = "CREATE TABLE users (id bigserial PRIMARY KEY, email text NOT NULL);\n\
    CREATE TABLE plans (code text PRIMARY KEY);\nINSERT INTO plans VALUES ('free');\n";
const NEXT: &str = "ALTER TABLE users ADD plan text REFERENCES plans;\n";

/// The schemas that a run may have left behind.
fn schemas(database: &Database<'_>) -> String {
    database.query(
        "SELECT string_agg(nspname, ' ' ORDER BY nspname) FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'",
    )
}

fn capture<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let capture = [
        "capture",
        "--migrations",
        "db",
        "--seed",
        "plans",
        "-o",
        "snapshots/app.sql",
    ];
    [&capture, more].concat()
}

#[test]
fn the_version_table_is_that_of_the_layouts_tool() {
    for (first, second, header, footer, table, last) in [
        (
            "20240101000000_a.sql",
            "20240201000000_b.sql",
            "-- migrate:up\n",
            "-- migrate:down\nDROP TABLE x;\n",
            "schema_migrations",
            "20240201000000",
        ),
        ("1_a.up.sql", "2_b.up.sql", "", "", "schema_migrations", "2"),
        (
            "00001_a.sql",
            "00002_b.sql",
            "-- +goose Up\n",
            "-- +goose Down\nDROP TABLE x;\n",
            "goose_db_version",
            "2",
        ),
        (
            "2024-01-01-000000_a/up.sql",
            "2024-02-01-000000_b/up.sql",
            "",
            "",
            "__diesel_schema_migrations",
            "20240201000000",
        ),
        (
            "20240101000000_a.sql",
            "20240201000000_b.sql",
            "",
            "",
            "_sqlx_migrations",
            "20240201000000",
        ),
    ] {
        let database = Cluster::shared().database();
        let world = Schemastamp::on(&database);
        world.write(&format!("db/{first}"), format!("{header}{USERS}{footer}"));
        world.write(&format!("db/{second}"), format!("{header}{NEXT}{footer}"));
        let output = world.run(&capture(&[])).succeeds();
        let note = format!("note: applied 2 migrations; their versions are in {table}, as ");
        assert!(output.stderr.contains(&note), "{first}: {output}");
        assert_eq!(schemas(&database), "public", "{first}");
        let snapshot = world.read("snapshots/app.sql");
        assert!(snapshot.contains("-- rows of plans"), "{first}: {snapshot}");
        // On another day, and in CI, it is the same.
        drop(world.run(&["check", "--migrations", "db"]).succeeds());
        drop(world.run(&capture(&[])).succeeds());
        assert_eq!(world.read("snapshots/app.sql"), snapshot, "{first}");
        drop(world.run(&["provision", "acme"]).succeeds());
        let status = world
            .run(&["status", "acme", "--migrations", "db"])
            .succeeds()
            .stdout;
        assert!(
            status.starts_with("current acme") && status.contains(last),
            "{first}: {status}"
        );
        drop(
            world
                .run(&["migrate", "acme", "--migrations", "db"])
                .succeeds(),
        );
        drop(world.run(&["verify", "acme"]).succeeds());
        assert_eq!(
            database.query("SELECT count(*) FROM acme.plans"),
            "1",
            "{first}"
        );
    }
}

#[test]
fn placeholders_and_a_named_version_table() {
    let database = Cluster::shared().database();
    let world = Schemastamp::on(&database);
    world.write(
        "db/1_a.sql",
        "CREATE TABLE #{prefix}.plans (code text PRIMARY KEY);\n",
    );
    let output = world.run(&capture(&[])).succeeds();
    assert!(
        output
            .stderr
            .contains("in schema_migrations, as with Rails or dbmate"),
        "{output}"
    );
    drop(std::fs::remove_file(world.path("snapshots/app.sql")));
    let output = world
        .run(&capture(&["--versions-table", "done"]))
        .succeeds();
    assert!(output.stderr.contains("in done, as "), "{output}");
    assert!(
        world
            .read("snapshots/app.sql")
            .contains("-- versions: done: 1 row, last 1")
    );
    drop(world.run(&["check", "--migrations", "db"]).succeeds());
}

#[test]
fn what_works_outside_is_refused_with_file_and_line_before_anything_is_run() {
    let database = Cluster::shared().database();
    database.sql("CREATE TABLE public.shared (id int PRIMARY KEY)");
    let world = Schemastamp::on(&database);
    for (sql, id, words) in [
        (
            "SELECT 1;\nCREATE TABLE public.users (id int);\n",
            "capture.outside",
            "'db/1_a.sql', line 2: CREATE TABLE public.users (id int)",
        ),
        (
            "CREATE TABLE plans (code text);\n\nINSERT INTO public.shared VALUES (1);\n",
            "capture.outside",
            "'db/1_a.sql', line 3: INSERT INTO public.shared",
        ),
        (
            "\nCREATE EXTENSION IF NOT EXISTS citext;\n",
            "capture.missing_extension",
            "'db/1_a.sql', line 2: extension citext is not installed",
        ),
    ] {
        world.write("db/1_a.sql", sql);
        let output = world
            .run(&[&capture(&[])[..], &["--format", "json"]].concat())
            .exits_with(15);
        let json = output.json();
        let error = &json.last().unwrap()["error"];
        assert_eq!(error["id"], id, "{output}");
        assert!(
            error["message"].as_str().unwrap().contains(words),
            "{output}"
        );
        assert_eq!(schemas(&database), "public");
    }
    // What the database has for all is only read.
    database.sql("CREATE EXTENSION citext");
    world.write(
        "db/1_a.sql",
        "CREATE EXTENSION IF NOT EXISTS citext;\nCREATE TABLE plans (code public.citext, of int REFERENCES public.shared);\n",
    );
    drop(world.run(&capture(&[])).succeeds());
    assert!(
        world
            .read("snapshots/app.sql")
            .contains("code public.citext")
    );
}

#[test]
fn failures_leave_nothing_behind() {
    let database = Cluster::shared().database();
    let world = Schemastamp::on(&database);
    world.write("db/1_a.sql", "CREATE TABLE plans (code text);\n");
    world.write("db/2_b.sql", "ALTER TABLE plans ADD x nothing;\n");
    let output = world.run(&capture(&[])).exits_with(14);
    assert!(output.stderr.contains("2_b.sql"), "{output}");
    assert_eq!(schemas(&database), "public");
    world.write(
        "db/2_b.sql",
        "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS 'begin oops; end';\n",
    );
    drop(world.run(&capture(&[])));
    assert_eq!(schemas(&database), "public");
    assert!(!world.path("snapshots/app.sql").exists());
    // The schema of a killed run is dropped by the next one.
    database.sql("CREATE SCHEMA schemastamp_scratch_0123456789abcdef01234567");
    std::fs::remove_file(world.path("db/2_b.sql")).unwrap();
    let output = world.run(&capture(&[])).succeeds();
    assert!(
        output
            .stderr
            .contains("which a run that was killed had left behind"),
        "{output}"
    );
    assert_eq!(schemas(&database), "public");
    // Only its tool can write a table of Flyway's.
    std::fs::remove_file(world.path("db/1_a.sql")).unwrap();
    world.write("db/V1__a.sql", "CREATE TABLE plans (code text);\n");
    let output = world.run(&capture(&[])).exits_with(2);
    assert!(output.stderr.contains("--run"), "{output}");
}

#[test]
fn messages_of_a_first_capture_speak_of_no_older_snapshot() {
    let database = Cluster::shared().database();
    let world = Schemastamp::on(&database);
    for (sql, code, message, hint) in [
        (
            "CREATE TABLE plans (x nothing);\n",
            14,
            "the migrations cannot make the schema: 42704 type \"nothing\" does not exist",
            None,
        ),
        (
            "CREATE ROLE somebody;\n",
            15,
            "migrations work outside of the schema: 'db/1_a.sql', line 1: CREATE ROLE somebody",
            Some(
                "nothing was run; run once by hand what is meant for the whole database; --allow-outside runs it for good",
            ),
        ),
        (
            "CREATE TABLE public.users (id int);\n",
            15,
            "migrations work outside of the schema: 'db/1_a.sql', line 1: CREATE TABLE public.users (id int)",
            Some(
                "nothing was run; write users or #{prefix}.users in the place of public.users; --allow-outside runs it \
                 for good",
            ),
        ),
    ] {
        world.write("db/1_a.sql", sql);
        let output = world.run(&capture(&[])).exits_with(code);
        assert!(!output.stderr.contains("warning:"), "{output}");
        let output = world.run(&capture(&["--format", "json"]));
        let error = output.json().last().unwrap()["error"].clone();
        let said = error["message"].as_str().unwrap();
        assert!(said.starts_with(message), "{output}");
        if let Some(hint) = hint {
            assert_eq!(error["hint"], hint);
        }
    }
}

#[test]
fn time_limit_of_a_first_capture_and_of_a_refresh_is_reported_as_such() {
    let database = Cluster::shared().database();
    let world = Schemastamp::on(&database);
    let times_out = |arguments: &[&str], message: &str| {
        let limited = [arguments, &["--timeout", "1", "--format", "json"]].concat();
        let output = world.run(&limited).exits_with(16);
        let error = output.json().last().unwrap()["error"].clone();
        assert_eq!(error["id"], "timeout", "{output}");
        assert_eq!(error["message"], message, "{output}");
        assert_eq!(schemas(&database), "public");
    };
    times_out(
        &["capture", "--run", "echo working >&2; sleep 20"],
        "the command took longer than 1s: working",
    );
    world.write("db/1_a.sql", "CREATE TABLE plans (code text);\n");
    drop(world.run(&capture(&[])).succeeds());
    world.write("db/2_slow.sql", "SELECT pg_sleep(20);\n");
    let message = "the migrations took longer than 1s";
    times_out(&["capture", "--migrations", "db"], message);
    times_out(&["refresh", "--migrations", "db"], message);
    times_out(&["check", "--migrations", "db"], message);
}

#[test]
fn interrupt_of_the_apps_own_migrator_is_an_interrupt() {
    let database = Cluster::shared().database();
    let world = Schemastamp::on(&database);
    let mut child = world
        .command(&[
            "capture",
            "--run",
            "touch begun; sleep 20",
            "--format",
            "json",
        ])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    while !world.path("begun").exists() {
        std::thread::sleep(Duration::from_millis(20));
        assert!(child.try_wait().unwrap().is_none());
    }
    rustix::process::kill_process(
        rustix::process::Pid::from_child(&child),
        rustix::process::Signal::INT,
    )
    .unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("\"id\":\"interrupted\""), "{said}");
    assert_eq!(schemas(&database), "public");
}

#[test]
fn migrations_of_the_project_are_captured_if_no_flag_says_otherwise() {
    let database = Cluster::shared().database();
    let world = Schemastamp::on(&database);
    world.write("db/1_a.sql", "CREATE TABLE plans (code text);\n");
    world.write("schemastamp.toml", "migrations = \"db\"\n");
    let output = world
        .run(&["capture", "-o", "snapshots/app.sql"])
        .succeeds();
    assert!(output.stderr.contains("applied 1 migration"), "{output}");
    drop(world.run(&["check"]).succeeds());
    let output = world.run(&["capture", "--from", "dump.sql"]).exits_with(2);
    assert!(
        output
            .stderr
            .contains("pass --schema SCHEMA, the schema to take from 'dump.sql'"),
        "{output}"
    );
}

#[test]
fn the_apps_own_migrator_makes_the_schema() {
    let database = Cluster::shared().database();
    let world = Schemastamp::on(&database);
    world.write(
        "migrate.sql",
        "SET search_path TO :\"tenant\";\nCREATE TABLE schema_migrations (version varchar PRIMARY KEY);\n\
         INSERT INTO schema_migrations VALUES ('7');\nCREATE TABLE users (id serial PRIMARY KEY);\n",
    );
    let command = "psql -X -q -v ON_ERROR_STOP=1 -v tenant=\"$SCHEMASTAMP_TENANT\" -f migrate.sql";
    let run = ["capture", "--run", command, "-o", "snapshots/app.sql"];
    let output = world.run(&run).succeeds();
    assert!(!output.stderr.contains("no version table"), "{output}");
    let snapshot = world.read("snapshots/app.sql");
    assert!(
        snapshot.contains("-- versions: schema_migrations: 1 row, last 7"),
        "{snapshot}"
    );
    assert_eq!(schemas(&database), "public");
    drop(world.run(&run).succeeds());
    assert_eq!(world.read("snapshots/app.sql"), snapshot);
    drop(world.run(&["provision", "acme"]).succeeds());
    drop(world.run(&["check", "--schema", "acme"]).succeeds());
    for (command, id) in [
        ("echo no such thing >&2; exit 3", "capture.command"),
        ("true", "capture.nothing_made"),
    ] {
        let output = world
            .run(&["capture", "--run", command, "--format", "json"])
            .exits_with(15);
        assert_eq!(output.json().last().unwrap()["error"]["id"], id, "{output}");
        assert_eq!(schemas(&database), "acme public");
    }
    let output = world.run(&["capture"]).exits_with(2);
    assert!(
        output
            .stderr
            .contains("--schema SCHEMA, --migrations DIR or --run CMD"),
        "{output}"
    );
}

#[test]
fn a_command_that_keeps_no_versions_has_a_warning() {
    let database = Cluster::shared().database();
    let world = Schemastamp::on(&database);
    let command = "psql -X -q -c \"CREATE TABLE \\\"$SCHEMASTAMP_TENANT\\\".users (id int)\"";
    let output = world.run(&["capture", "--run", command]).succeeds();
    assert!(
        output
            .stderr
            .contains("warning: the command has made no version table"),
        "{output}"
    );
}

/// Rows that the snapshot does not carry are named, when it is made first and when it is renewed.
#[test]
fn rows_that_migrations_make_are_carried_or_named() {
    let database = Cluster::shared().database();
    let run = Schemastamp::on(&database);
    run.write(
        "db/1_users.sql",
        USERS
            .replace("TABLE ", "TABLE #{prefix}.")
            .replace("INTO ", "INTO #{prefix}."),
    );
    let first = ["capture", "--migrations", "db", "-o", "snapshots/app.sql"];
    let named = |output: &crate::support::CommandOutput, what: &str| {
        output
            .stderr
            .contains(&format!("rows that the migrations made in: {what}"))
    };
    let output = run.run(&first).succeeds();
    assert!(named(&output, "plans (1 row)"), "{output}");
    let output = run
        .run(&[&first[..], &["--seed", "plans"]].concat())
        .succeeds();
    assert!(
        !output.stderr.contains("rows that the migrations made"),
        "{output}"
    );
    run.write(
        "db/2_roles.sql",
        "CREATE TABLE #{prefix}.roles (name text); INSERT INTO #{prefix}.roles VALUES ('a'), ('b');\n\
         INSERT INTO #{prefix}.plans VALUES ('paid');",
    );
    let output = run.run(&["refresh", "--migrations", "db"]).succeeds();
    assert!(
        named(&output, "roles (2 rows)") && !output.stderr.contains("plans ("),
        "{output}"
    );
    let output = run.run(&["refresh", "--migrations", "db"]).succeeds();
    assert!(
        !output.stderr.contains("rows that the migrations made"),
        "{output}"
    );
}
