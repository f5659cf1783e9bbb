//! The commands on tenants, as they are typed.

use schemastamp::snapshot::Snapshot;
use serde_json::json;

use super::verify::{SNAPSHOT, create};
use super::world::World;
use crate::support::Schemastamp;

#[track_caller]
fn ends(run: &Schemastamp, arguments: &[&str], code: i32) {
    drop(run.run(arguments).exits_with(code));
}

#[test]
fn migrate_and_status_print_text_and_json() {
    let world = World::new();
    world.tenants(&["a", "b", "c"]);
    world.database.sql("INSERT INTO b.users VALUES (1)");
    let run = Schemastamp::on(&world.database);
    run.write("m/2_row.sql", "INSERT INTO #{prefix}.users VALUES (1);");
    run.write(
        "m/3_name.sql",
        "ALTER TABLE #{prefix}.users ADD name text; UPDATE app.users SET id = 1 WHERE false;",
    );

    let output = run.run(&["status", "--migrations", "m"]).succeeds();
    assert_eq!(
        output.to_string(),
        "behind a: at 1, 2 behind\nbehind b: at 1, 2 behind\nbehind c: at 1, 2 behind\n\
         --- stderr ---\nwarning: 'm/3_name.sql', line 1: 'app.users' would be changed again for each tenant; write #{prefix}.users\n\
         3 tenants, 3 behind, 0 with problems\n[exit status: 0]"
    );
    run.write("m/3_name.sql", "ALTER TABLE #{prefix}.users ADD name text;");
    ends(&run, &["migrate", "--migrations", "m"], 2);
    let output = run
        .run(&["migrate", "--all", "--migrations", "m", "--dry-run"])
        .succeeds();
    assert!(
        output
            .stdout
            .starts_with("pending a: at 1, would apply 2_row.sql, 3_name.sql\n"),
        "{output}"
    );
    let output = run
        .run(&["migrate", "--all", "--migrations", "m"])
        .exits_with(18);
    let lines: Vec<&str> = output.stdout.split('\n').collect();
    assert!(
        lines[0].starts_with("migrated a: from version 1 to 3, 2 migrations ("),
        "{output}"
    );
    let failure = "23505 duplicate key value violates unique constraint \"users_pkey\" in 2_row.sql, statement 1 (line 1)";
    assert!(
        lines.contains(&&*format!("failed b: at 1; {failure}")),
        "{output}"
    );
    assert!(
        output
            .stderr
            .starts_with("2 migrated, 0 up to date, 1 failed ("),
        "{output}"
    );
    ends(&run, &["migrate", "b", "--migrations", "m"], 14);

    let output = run
        .run(&[
            "migrate",
            "--match",
            "[bc]",
            "--migrations",
            "m",
            "--format",
            "json",
        ])
        .exits_with(18);
    let lines = output.json();
    assert_eq!(lines[0]["tenant"], "c");
    assert_eq!(lines[1]["error"]["id"], "sql.unique_violation");
    assert_eq!(
        (
            &lines[1]["error"]["statement_number"],
            &lines[1]["error"]["code"]
        ),
        (&json!(1), &json!(14))
    );
    assert_eq!(
        (
            &lines[2]["summary"]["up_to_date"],
            &lines[2]["summary"]["failed"]
        ),
        (&json!(1), &json!(1))
    );
    let status = run.run(&["status", "--format", "json"]).succeeds().json();
    assert_eq!(
        (&status[1]["tenant"], &status[1]["behind"]),
        (&json!("b"), &json!(2))
    );
    assert_eq!(
        status[3]["summary"]["versions"],
        json!([{"version": "3", "tenants": 2}, {"version": "1", "tenants": 1}])
    );
    assert!(run.leftovers().is_empty());
}

#[test]
fn verify_respects_case_and_ignores_parameters() {
    let world = World::new();
    let run = Schemastamp::on(&world.database);
    world.database.sql(
        "CREATE SCHEMA app; CREATE TYPE app.mood AS ENUM ('New'); CREATE TABLE app.t (a int, b int,
            tenant text DEFAULT current_setting('app.tenant', true), at text DEFAULT 'https://app.com/x',
            st text DEFAULT 'Active' CHECK (st IN ('Active')), m app.mood);
         CREATE TABLE app.schema_migrations (version varchar PRIMARY KEY); INSERT INTO app.schema_migrations VALUES ('1');
         CREATE STATISTICS app.st ON a, b FROM app.t;
         CREATE FUNCTION app.f() RETURNS text LANGUAGE plpgsql AS
            $$ BEGIN SET LOCAL app.tenant TO 'x'; RETURN current_setting('app.tenant') || 'Yes, support@app.com'; END $$",
    );
    ends(&run, &["capture", "--schema", "app", "-o", "s.sql"], 0);
    let run = run.env("SCHEMASTAMP_SNAPSHOT", "s.sql");
    ends(&run, &["provision", "acme", "My-App"], 0);
    ends(&run, &["verify", "--all"], 0);
    world.database.sql(
        "ALTER TYPE acme.mood RENAME VALUE 'New' TO 'new'; ALTER TABLE acme.t ALTER st SET DEFAULT 'active';
         CREATE OR REPLACE FUNCTION acme.f() RETURNS text LANGUAGE plpgsql AS
            $$ BEGIN SET LOCAL app.tenant TO 'x'; RETURN current_setting('app.tenant') || 'yes, support@app.com'; END $$",
    );
    let output = run.run(&["verify", "acme"]).exits_with(1);
    for object in ["type mood", "column t.st", "function f()"] {
        assert!(output.stdout.contains(object), "{object}: {output}");
    }
    // Statistics are parts of the schema, also of one whose name needs quotes.
    ends(&run, &["drop", "My-App", "--yes"], 0);
}

#[test]
fn verify_refresh_check_and_drop_work_together() {
    let world = World::new();
    create(&world, &Snapshot::parse(SNAPSHOT).unwrap(), &["a", "b"]);
    world.database.sql(
        "CREATE TABLE a.schema_migrations (version varchar PRIMARY KEY); INSERT INTO a.schema_migrations VALUES ('1')",
    );
    let run = Schemastamp::on(&world.database);
    ends(
        &run,
        &[
            "capture",
            "--schema",
            "a",
            "-o",
            "s.sql",
            "--rename",
            "trigger stamp on users",
        ],
        0,
    );
    let run = run.env("SCHEMASTAMP_SNAPSHOT", "s.sql");
    let output = run.run(&["verify", "--all"]).exits_with(1);
    // NOT NULL is a constraint since PostgreSQL 18.
    let not_null = match world.database.major() {
        ..18 => "",
        _ => "  constraint schema_migrations_version_not_null on schema_migrations is missing\n",
    };
    assert_eq!(
        output.to_string().replace(not_null, ""),
        "different 1 tenant: b\n  constraint schema_migrations_pkey on schema_migrations is missing\n  \
         index schema_migrations_pkey is missing\n  table schema_migrations is missing\n\
         --- stderr ---\n1 equal, 1 in 1 variant\n[exit status: 1]"
    );
    ends(&run, &["verify", "a"], 0);
    ends(&run, &["verify", "a", "nosuch"], 18);
    ends(
        &run,
        &["verify", "--all", "--each-other", "--format", "json"],
        1,
    );

    ends(&run, &["check", "--schema", "a"], 0);
    run.write("m/2_x.sql", "CREATE TABLE #{prefix}.x (id integer);");
    let output = run.run(&["check", "--migrations", "m"]).exits_with(1);
    assert!(
        output
            .stdout
            .contains("+CREATE TABLE #{prefix}.x (\n+    id integer\n+);\n"),
        "{output}"
    );
    let output = run.run(&["refresh", "--migrations", "m"]).succeeds();
    assert!(
        output.stderr.contains("wrote 's.sql', 1 migration applied"),
        "{output}"
    );
    ends(&run, &["check", "--migrations", "m"], 0);
    let output = run
        .run(&["check", "--schema", "a", "--format", "json"])
        .exits_with(1);
    assert!(
        output.json()[0]["summary"]["diff"]
            .as_str()
            .unwrap()
            .starts_with("--- s.sql\n+++ schema a\n"),
        "{output}"
    );
    ends(&run, &["migrate", "a", "--migrations", "m"], 0);
    ends(&run, &["check", "--schema", "a"], 0);

    ends(&run, &["drop", "a"], 2);
    ends(&run, &["drop", "a", "--dry-run"], 0);
    world
        .database
        .sql("CREATE VIEW report AS SELECT * FROM b.users");
    let output = run.run(&["drop", "a", "b", "--yes"]).exits_with(18);
    assert!(
        output.stdout.contains("dropped a\n") && output.stderr.contains("view public.report"),
        "{output}"
    );
    ends(
        &run,
        &["drop", "b", "--yes", "--cascade", "--format", "json"],
        0,
    );
    ends(&run, &["drop", "b", "--yes"], 2);
    assert!(run.leftovers().is_empty());
}

#[test]
fn rename_and_clone_print_text_and_json() {
    let world = World::new();
    create(
        &world,
        &Snapshot::parse(SNAPSHOT).unwrap(),
        &["acme", "taken"],
    );
    world
        .database
        .sql("INSERT INTO acme.users (email, state) VALUES ('a', 'new'), ('b', 'done')");
    let run = Schemastamp::on(&world.database);
    let decided = ["--rename", "trigger stamp on users"];
    let with = |arguments: &[&'static str]| [arguments, &decided].concat();
    let output = run.run(&["rename", "acme", "berlin"]).exits_with(15);
    assert!(output.stderr.contains("trigger stamp on users"), "{output}");

    let output = run
        .run(&with(&["rename", "acme", "Berlin & Co"]))
        .succeeds();
    assert_eq!(output.stdout, "renamed acme to Berlin & Co\n");
    assert!(
        output.stderr.contains("note: rewritten: function count(")
            && output.stderr.contains("\nproven: "),
        "{output}"
    );
    assert_eq!(
        world.database.query("SELECT \"Berlin & Co\".count('new')"),
        "1"
    );
    let output = run
        .run(&with(&[
            "rename",
            "Berlin & Co",
            "acme",
            "--yes",
            "--format",
            "json",
        ]))
        .succeeds();
    let line = &output.json()[0];
    assert_eq!(
        (&line["tenant"], &line["outcome"], &line["from"]),
        (&json!("acme"), &json!("renamed"), &json!("Berlin & Co"))
    );
    assert!(
        line["proven"].as_u64().unwrap() > 5 && line["rewritten"].as_array().unwrap().len() > 1,
        "{output}"
    );

    let output = run.run(&with(&["clone", "acme", "staging"])).succeeds();
    assert_eq!(
        output.stdout,
        "cloned acme to staging: 2 tables, 1 sequence\n"
    );
    world
        .database
        .sql("INSERT INTO staging.users (email) VALUES ('c')");
    assert_eq!(
        world
            .database
            .query("SELECT string_agg(id || email, ' ' ORDER BY id) FROM staging.users"),
        "1a 2b 3c"
    );
    assert_eq!(world.database.query("SELECT count(*) FROM acme.users"), "2");
    let output = run
        .run(&with(&["clone", "acme", "more", "--format", "json"]))
        .succeeds();
    let expected = json!({"type": "tenant", "tenant": "more", "outcome": "cloned", "from": "acme", "tables": 2, "sequences": 1});
    assert_eq!(output.json()[0], expected);

    for command in ["rename", "clone"] {
        let id = |arguments: &[&'static str], code| {
            let output = run
                .run(&with(
                    &[&[command], arguments, &["--format", "json"]].concat(),
                ))
                .exits_with(code);
            output.json()[0]["error"]["id"].clone()
        };
        assert_eq!(id(&["acme", "taken"], 17), "tenant.exists");
        assert_eq!(id(&["nosuch", "new"], 2), "tenant.missing");
        assert_eq!(id(&["acme", "acme"], 2), "usage");
        assert_eq!(id(&["acme", "pg_new"], 2), "tenant.name");
    }
    assert_eq!(
        world.database.query("SELECT count(*) FROM taken.users"),
        "0",
        "it was not touched"
    );
    assert!(run.leftovers().is_empty());
}

#[test]
fn a_directory_without_sql_migrations_is_an_error() {
    let world = World::new();
    world.tenants(&["a"]);
    let run = Schemastamp::on(&world.database);
    run.run(&["capture", "--schema", "a", "-o", "snapshots/a.sql"])
        .succeeds();
    run.write("rails/20240101000000_users.rb", "class Users; end");
    run.write("empty/README.md", "nothing yet");
    for (folder, said) in [
        (
            "rails",
            "only files such as 'rails/20240101000000_users.rb'",
        ),
        ("empty", "'empty' contains no SQL migrations"),
    ] {
        for command in [
            &["migrate", "--all"][..],
            &["status", "--all"],
            &["check"],
            &["refresh"],
            &["provision", "b"],
        ] {
            let arguments = [command, &["--migrations", folder]].concat();
            let output = run.run(&arguments).exits_with(15);
            assert!(output.stderr.contains(said), "{output}");
        }
    }
    // The variable stands in for the flag, and not for --run or --schema.
    let run = run.env("SCHEMASTAMP_MIGRATIONS", "empty");
    for command in [
        &["migrate", "--all"][..],
        &["status", "--all"],
        &["check"],
        &["refresh"],
    ] {
        run.run(command).exits_with(15);
    }
    run.run(&["check", "--schema", "a"]).succeeds();
    run.run(&["migrate", "--all", "--run", "true"]).succeeds();
    run.run(&["provision", "b"]).succeeds();
    let run = run.without("SCHEMASTAMP_MIGRATIONS");
    for (command, said) in [
        (&["check"][..], "--schema"),
        (&["refresh"], "SCHEMASTAMP_MIGRATIONS"),
        (&["migrate", "--all"], "--run CMD"),
    ] {
        let output = run.run(command).exits_with(2);
        assert!(output.stderr.contains(said), "{output}");
    }
}
