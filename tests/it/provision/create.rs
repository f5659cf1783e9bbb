use std::io::{BufRead, BufReader, Write};

use super::world::{SMALL, schemas, snapshot, world};
use crate::support::{Cluster, Schemastamp};

#[test]
fn tenant_is_complete_and_has_a_marker() {
    let database = Cluster::shared().database();
    let world = world(&database, SMALL);
    insta::assert_snapshot!(world.run(&["provision", "acme"]), @"
    created acme ([time])
    [exit status: 0]
    ");
    assert_eq!(database.query("SELECT acme.first()"), "7");
    let comment = database.query("SELECT obj_description('acme'::regnamespace)");
    let mark = regex::Regex::new("^schemastamp: [0-9a-f]{64}/[0-9a-f]{12}$").unwrap();
    assert!(mark.is_match(&comment), "{comment}");
    assert!(world.leftovers().is_empty());
}

#[test]
fn several_tenants_are_reported_one_by_one() {
    let database = Cluster::shared().database();
    let world = world(&database, SMALL);
    insta::assert_snapshot!(world.run(&["provision", "b", "a", "b"]), @"
    created b ([time])
    created a ([time])
    --- stderr ---
    note: 1 duplicate name ignored
    2 created, 0 skipped, 0 failed ([time])
    [exit status: 0]
    ");
    insta::assert_snapshot!(world.run(&["provision", "c", "a", "pg_d", "--format", "json"]), @r#"
    {"type":"tenant","tenant":"c","outcome":"created","ms":0.0}
    {"type":"tenant","tenant":"a","outcome":"failed","ms":0.0,"error":{"code":17,"id":"tenant.exists","message":"the schema \"a\" exists","hint":"it was left untouched; pass --if-exists skip to accept an existing, complete tenant"}}
    {"type":"tenant","tenant":"pg_d","outcome":"failed","ms":0.0,"error":{"code":2,"id":"tenant.name","message":"the name 'pg_d' begins with 'pg_', which PostgreSQL reserves for its own schemas"}}
    {"type":"summary","summary":{"command":"provision","created":1,"skipped":0,"failed":2,"ms":0.0}}
    --- stderr ---
    error: tenant 'a': the schema "a" exists
    hint: it was left untouched; pass --if-exists skip to accept an existing, complete tenant
    error: the name 'pg_d' begins with 'pg_', which PostgreSQL reserves for its own schemas
    failed: a, pg_d
    [exit status: 18]
    "#);
    assert_eq!(schemas(&database), "a\nb\nc");
}

#[test]
fn names_from_a_file_count_once_and_bad_lines_are_named() {
    let database = Cluster::shared().database();
    let world = world(&database, SMALL);
    world.write("names", b"one\r\n\r\n# two\n\xff\xfe\na\0b\none\nlast");
    let output = world.run(&[
        "provision",
        "--from-file",
        "names",
        "--jobs",
        "1",
        "--format",
        "json",
    ]);
    insta::assert_snapshot!(output, @r##"
    {"type":"tenant","tenant":"one","outcome":"created","ms":0.0}
    {"type":"tenant","tenant":"��","outcome":"failed","ms":0.0,"error":{"code":2,"id":"tenant.name","message":"'names', line 4: not UTF-8"}}
    {"type":"tenant","tenant":"a\u0000b","outcome":"failed","ms":0.0,"error":{"code":2,"id":"tenant.name","message":"'names', line 5: the name 'a\\0b' has a NUL byte, which no identifier can hold"}}
    {"type":"tenant","tenant":"last","outcome":"created","ms":0.0}
    {"type":"summary","summary":{"command":"provision","created":2,"skipped":0,"failed":2,"ms":0.0}}
    --- stderr ---
    error: 'names', line 4: not UTF-8
    error: 'names', line 5: the name 'a\0b' has a NUL byte, which no identifier can hold
    note: 1 duplicate name ignored
    failed: ��, a\x00b
    [exit status: 18]
    "##);
    assert_eq!(schemas(&database), "last\none");
    insta::assert_snapshot!(world.run(&["provision", "--from-file", "none"]).exits_with(12), @"
    --- stderr ---
    error: cannot read 'none'
    caused by: No such file or directory (os error 2)
    [exit status: 12]
    ");
    world.write("names", b"\n");
    insta::assert_snapshot!(world.run(&["provision", "--from-file", "names"]), @"
    --- stderr ---
    0 created, 0 skipped, 0 failed ([time])
    [exit status: 0]
    ");
}

#[test]
fn names_from_stdin_are_answered_as_they_arrive() {
    let database = Cluster::shared().database();
    let world = world(&database, SMALL);
    let mut child = world.spawn(&["provision", "--from-file", "-", "--format", "json"]);
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut answer = |name: &str| {
        writeln!(stdin, "{name}").unwrap();
        stdin.flush().unwrap();
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        (
            line["tenant"].as_str().unwrap().to_owned(),
            line["outcome"].as_str().unwrap().to_owned(),
        )
    };
    assert_eq!(answer("first"), ("first".to_owned(), "created".to_owned()));
    assert_eq!(
        database.query("SELECT first.first()"),
        "7",
        "it is there before the next name is read"
    );
    assert_eq!(answer("pg_x"), ("pg_x".to_owned(), "failed".to_owned()));
    assert_eq!(
        answer("second"),
        ("second".to_owned(), "created".to_owned())
    );
    drop(stdin);
    let mut rest = String::new();
    stdout.read_line(&mut rest).unwrap();
    assert!(
        rest.starts_with(r#"{"type":"summary","summary":{"command":"provision","created":2,"skipped":0,"failed":1,"ms":"#),
        "{rest}"
    );
    assert_eq!(child.wait().unwrap().code(), Some(18));
}

#[test]
fn sample_application_is_provisioned() {
    let database = Cluster::shared().database();
    database.load("testdata/notebook-source.sql");
    let world = Schemastamp::on(&database);
    let folder = world.path("snapshots");
    std::fs::create_dir(&folder).unwrap();
    world
        .run(&[
            "capture",
            "--schema",
            "notebook",
            "-o",
            "snapshots/notebook.sql",
        ])
        .succeeds();
    world.run(&["provision", "acme"]).succeeds();
    database.sql(
        "INSERT INTO acme.users (email, name) VALUES ('a@b', 'A');
         INSERT INTO acme.notes (author, visibility, body) VALUES (1, 'team', 'hello'), (1, 'private', 'secret')",
    );
    assert_eq!(
        database.query("SELECT body FROM acme.shared_notes"),
        "hello"
    );
    assert_eq!(database.query("SELECT count(*) FROM notebook.notes"), "0");
    assert_eq!(
        database.query("SELECT max(version) FROM acme.schema_migrations"),
        "20260214090000"
    );
}

#[test]
fn dry_run_prints_command_and_script_without_connecting() {
    let world = Schemastamp::new()
        .env("PGHOST", "nowhere.invalid")
        .env("PGUSER", "app")
        .env("PGPASSWORD", "hunter2");
    world.write(
        "snapshots/app.sql",
        snapshot("CREATE TABLE #{prefix}.t (id integer);\n"),
    );
    let bin = crate::support::Client::installed()
        .bin
        .display()
        .to_string();
    let world = world.hide(&bin, "$BIN/");
    let output = world
        .run(&["provision", "O'Neil", "--dry-run", "--role", "Tenant Owner"])
        .succeeds()
        .to_string();
    let settings = |line: &&str| !line.starts_with("SELECT pg_catalog.set_config");
    let shown: Vec<&str> = output.split('\n').filter(settings).take(9).collect();
    let shown = regex::Regex::new("[0-9a-f]{64}/[0-9a-f]{12}")
        .unwrap()
        .replace(&shown.join("\n"), "[fingerprint]")
        .into_owned();
    insta::assert_snapshot!(shown, @r#"
    -- O'Neil
    -- LC_ALL=C PATH=$BIN/:/usr/bin:/bin PGAPPNAME=schemastamp PGCLIENTENCODING=UTF8 PGDATABASE=app PGGSSENCMODE=disable PGHOST=nowhere.invalid PGPASSFILE=[absent] PGPASSWORD=[redacted] PGPORT=5432 PGSERVICEFILE=[absent] PGSSLCERT=[absent] PGSSLCERTMODE=disable PGSSLCRL=[absent] PGSSLKEY=[absent] PGSSLMODE=prefer PGSSLROOTCERT=[absent] PGUSER=app TMPDIR=$ROOT/tmp $BIN/psql -X -q -w -A -t -v 'ON_ERROR_STOP=1' -v 'VERBOSITY=verbose' -f script.sql
    \warn 'schemastamp: connected'
    \restrict [key]
    SELECT NULL AS run_[token] WHERE false \;
    SELECT pg_catalog.pg_advisory_xact_lock(-5671012553091024823) \;
    SET LOCAL ROLE "Tenant Owner" \;
    CREATE SCHEMA "O'Neil" \;
    COMMENT ON SCHEMA "O'Neil" IS 'schemastamp: [fingerprint]' \;
    "#);
    assert!(
        output.ends_with(
            "\n\\unrestrict [key]\n\n--- stderr ---\nwarning: used as a name, as it is legal: 'O'Neil' (upper case: SQL \
             needs double quotes around it)\n[exit status: 0]"
        ),
        "{output}"
    );
    let output = world
        .run(&["provision", "a", "pg_b", "--dry-run", "--format", "json"])
        .exits_with(18);
    let lines = output.json();
    assert_eq!(lines.len(), 3);
    assert!(
        lines[0]["script"]
            .as_str()
            .unwrap()
            .contains("CREATE SCHEMA a")
    );
    assert!(
        lines[0]["command"]
            .as_str()
            .unwrap()
            .contains("PGPASSWORD=[redacted]")
    );
    assert_eq!(lines[1]["error"]["id"], "tenant.name");
    assert_eq!(lines[2]["summary"]["rendered"], 1);
}
