//! The selection of tenants, which all commands share.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::provision::{SMALL, snapshot};
use crate::support::{Cluster, CommandOutput, Database, Schemastamp};

/// The commands that take the whole selection, without the selection.
const COMMANDS: [&[&str]; 4] = [
    &["status"],
    &["migrate", "--migrations", "m", "--dry-run"],
    &["verify", "--each-other"],
    &["drop", "--dry-run"],
];

/// Creates tenants with the version table of Rails at version 1, and a schema that is none.
pub(super) fn create_tenants(database: &Database<'_>, names: &[&str]) {
    let mut sql = String::new();
    for name in names {
        let _ = write!(
            sql,
            "CREATE SCHEMA \"{name}\"; CREATE TABLE \"{name}\".users (id int PRIMARY KEY);\n\
             CREATE TABLE \"{name}\".schema_migrations (version varchar PRIMARY KEY);\n\
             INSERT INTO \"{name}\".schema_migrations VALUES ('1');\n"
        );
    }
    database.sql(&sql);
}

/// A database with the tenants `a`, `b` and `c`, and the binary with a migration to version 2.
fn world(database: &Database<'_>) -> Schemastamp {
    create_tenants(database, &["a", "b", "c"]);
    let run = Schemastamp::on(database);
    run.write("m/2_name.sql", "ALTER TABLE #{prefix}.users ADD name text;");
    run.write("snapshots/app.sql", snapshot(SMALL));
    run
}

fn run(world: &Schemastamp, command: &[&str], selection: &[&str]) -> CommandOutput {
    world.run(&[command, selection, &["--format", "json"]].concat())
}

/// The tenants that a run has lines for.
fn tenants(output: &CommandOutput) -> BTreeSet<String> {
    let lines = output.json();
    let names = lines.iter().filter_map(|line| line["tenant"].as_str());
    names.map(str::to_owned).collect()
}

fn error(output: &CommandOutput) -> Value {
    output.json().last().unwrap()["error"].clone()
}

#[test]
fn every_command_takes_the_same_selection() {
    let database = Cluster::shared().database();
    let world = world(&database);
    database.sql("CREATE TABLE accounts AS SELECT unnest('{b,a,b}'::text[]) AS name, 'x' AS plan");
    world.write("names", "b\na\n\nb\n");
    let query = "SELECT name, plan AS \"group\", NULL::text AS target FROM accounts;";
    for command in COMMANDS {
        for selection in [
            &["b", "a", "b"][..],
            &["--match", "[ab]"],
            &["--from-file", "names"],
            &["--tenants-query", query],
        ] {
            let output = run(&world, command, selection).succeeds();
            let expected = ["a", "b"].map(str::to_owned).into();
            assert_eq!(tenants(&output), expected, "{command:?} {selection:?}");
            let is_list = selection.len() == 2 && selection[0] != "--match";
            let is_noted = output.stderr.contains("1 duplicate name ignored");
            assert_eq!(is_noted, is_list, "{command:?} {selection:?}: {output}");
        }
    }
    let output = world.run_with_input(&["status", "--from-file", "-"], b"c\n");
    assert_eq!(output.succeeds().stdout, "current c: at 1\n");
    let output = world.run(&["drop", "--all", "--yes"]).exits_with(2);
    assert!(output.stderr.contains("--all"), "{output}");
    for command in COMMANDS {
        let output = run(&world, command, &["a", "--match", "b"]).exits_with(2);
        assert_eq!(error(&output)["id"], "usage", "{command:?}");
    }
}

#[test]
fn selection_of_nothing_is_an_error() {
    let database = Cluster::shared().database();
    let world = world(&database);
    world.write("empty", "\n \n");
    for command in COMMANDS {
        for (selection, message) in [
            (&["--match", "x*"][..], "no tenant matches 'x*'"),
            (&["--from-file", "empty"], "'empty' names no tenant"),
            (
                &["--tenants-query", "SELECT 'a' AS name WHERE false"],
                "the tenants query returned no rows",
            ),
        ] {
            let output = run(&world, command, selection).exits_with(2);
            assert_eq!(error(&output)["id"], "tenant.none", "{command:?}");
            assert_eq!(error(&output)["message"], message, "{command:?}");
        }
    }
    let empty = Cluster::shared().database();
    let world = Schemastamp::on(&empty);
    world.write("m/2_name.sql", "SELECT 1;");
    for command in COMMANDS.iter().filter(|command| command[0] != "drop") {
        let output = run(&world, command, &["--all"]).succeeds();
        let warning = "warning: there are no tenants: no schema has a well-known version table";
        assert!(output.stderr.contains(warning), "{command:?}: {output}");
        let output = run(&world, command, &["--all", "--require-any"]).exits_with(2);
        assert_eq!(error(&output)["id"], "tenant.none", "{command:?}");
    }
    // `status` alone is for all.
    let output = world.run(&["status"]).succeeds();
    assert!(output.stderr.contains("there are no tenants"), "{output}");
    drop(run(&world, &["status", "--require-any"], &[]).exits_with(2));
}

#[test]
fn missing_tenant_is_wrong_usage_alone_and_a_partial_failure_among_others() {
    let database = Cluster::shared().database();
    let world = world(&database);
    let commands = [
        COMMANDS[0],
        COMMANDS[1],
        COMMANDS[2],
        COMMANDS[3],
        &["drop", "--yes"],
    ];
    for command in commands {
        for (selection, code) in [
            (&["nosuch"][..], 2),
            (&["--tenants-query", "SELECT 'nosuch' AS name"], 2),
            (&["nosuch", "a"], 18),
            (&["nosuch", "nobody"], 18),
        ] {
            let output = run(&world, command, selection).exits_with(code);
            let lines = output.json();
            let line = lines
                .iter()
                .find(|line| line["tenant"] == "nosuch")
                .unwrap();
            assert_eq!(
                line["error"]["id"], "tenant.missing",
                "{command:?}: {output}"
            );
            assert_eq!(line["error"]["code"], 2, "{command:?}: {output}");
            let outcome = if command.contains(&"--yes") {
                "failed"
            } else {
                "missing"
            };
            assert_eq!(line["outcome"], outcome, "{command:?}: {output}");
        }
        if command.contains(&"--yes") {
            create_tenants(&database, &["a"]);
        }
    }
}

#[test]
fn tenants_query_that_cannot_be_used_selects_nothing() {
    let database = Cluster::shared().database();
    let world = world(&database);
    database.sql(
        "CREATE TABLE accounts AS SELECT 'a' AS name;
         CREATE FUNCTION writes() RETURNS text LANGUAGE plpgsql AS
            $$ BEGIN PERFORM set_config('transaction_read_only', 'off', true); DELETE FROM accounts; RETURN 'a'; END $$",
    );
    for (query, id, code) in [
        ("SELECT NULL::text AS name", "tenant.query", 2),
        ("SELECT 5 AS name", "tenant.query", 2),
        ("SELECT 'pg_catalog' AS name", "tenant.query", 2),
        ("SELECT '' AS name", "tenant.query", 2),
        ("SELECT 'a' AS schema", "tenant.query", 2),
        ("SELECT 'a' AS name, 1 AS plan", "tenant.query", 2),
        ("SELECT 'a' AS \"group\"", "tenant.query", 2),
        (
            "SELECT 'a' AS name, g AS \"group\" FROM unnest('{x,y}'::text[]) AS g",
            "tenant.query",
            2,
        ),
        ("SELECT 'a' AS name, 'eu' AS target", "tenant.no_target", 2),
        ("", "sql.syntax_error", 14),
        ("SELECT name FROM nowhere", "sql.undefined_table", 14),
        (
            "SELECT 'a' AS name; DELETE FROM accounts",
            "sql.syntax_error",
            14,
        ),
        (
            "DELETE FROM accounts RETURNING name",
            "sql.syntax_error",
            14,
        ),
        (
            "WITH gone AS (DELETE FROM accounts RETURNING name) SELECT name FROM gone",
            "sql.feature_not_supported",
            14,
        ),
        ("SELECT writes() AS name", "sql.active_sql_transaction", 14),
        (
            "COPY accounts TO PROGRAM 'touch pwned'",
            "sql.syntax_error",
            14,
        ),
        ("SELECT 'a' AS name \\! touch pwned", "sql.syntax_error", 14),
        ("\\! touch pwned", "sql.syntax_error", 14),
    ] {
        for command in [&["status"][..], &["drop", "--yes"]] {
            let output = run(&world, command, &["--tenants-query", query]).exits_with(code);
            assert_eq!(error(&output)["id"], id, "{query}: {output}");
        }
    }
    assert!(!world.path("pwned").exists());
    assert_eq!(database.query("SELECT count(*) FROM accounts"), "1");
    // What psql would replace, and what looks like the row itself.
    for query in [
        "SELECT name FROM accounts WHERE name <> ':DBNAME' AND name !~ '\\d' -- a comment",
        "SELECT t.name FROM accounts AS t ;",
        "TABLE accounts",
        "VALUES ('a') ORDER BY 1",
    ] {
        let code = if query.starts_with("VALUES") { 2 } else { 0 };
        let output = run(&world, &["status"], &["--tenants-query", query]).exits_with(code);
        if code == 0 {
            assert_eq!(tenants(&output), ["a".to_owned()].into(), "{query}");
        }
    }
    assert!(world.leftovers().is_empty());
}

#[test]
fn names_in_a_list_that_no_schema_can_have_refuse_the_list() {
    let database = Cluster::shared().database();
    let world = world(&database);
    world.write("names", b"a\nb\xff\n");
    for command in COMMANDS {
        let output = run(&world, command, &["--from-file", "names"]).exits_with(2);
        assert_eq!(error(&output)["id"], "tenant.name", "{command:?}");
        assert_eq!(error(&output)["message"], "'names', line 2: not UTF-8");
    }
}

#[test]
fn reconcile_reports_what_is_registered_and_what_is_there() {
    let database = Cluster::shared().database();
    let world = world(&database);
    database.sql(
        "CREATE SCHEMA stranger; CREATE SCHEMA bare;
         CREATE TABLE accounts AS SELECT unnest('{a,gone,bare}'::text[]) AS schema",
    );
    let query = ["--tenants-query", "SELECT schema AS name FROM accounts"];
    let reconcile = ["status", "--reconcile"];
    let output = world.run(&[&reconcile[..], &query].concat()).exits_with(1);
    assert_eq!(
        output.to_string(),
        "missing gone\nunregistered b: at 1\n\
         problem bare: the schema has no well-known version table; name it with --versions-table\n\
         unregistered c: at 1\ncurrent a: at 1\n--- stderr ---\n1: 3 tenants\nno version: 1 tenant\n\
         4 tenants, 0 behind, 1 with problems, 1 missing, 2 not registered\n[exit status: 1]"
    );
    let output = run(&world, &reconcile, &query).exits_with(1);
    let summary = output.json().last().unwrap()["summary"].clone();
    assert_eq!(
        (&summary["missing"], &summary["unregistered"]),
        (&json!(1), &json!(2)),
        "{output}"
    );
    database.sql("DROP SCHEMA bare; DELETE FROM accounts WHERE schema <> 'a'; INSERT INTO accounts VALUES ('b'), ('c')");
    drop(run(&world, &reconcile, &query).succeeds());
    let output = world.run(&["status", "--reconcile"]).exits_with(2);
    assert!(output.stderr.contains("--tenants-query"), "{output}");
}

/// Schemas that are no tenants fail alone, and are never dropped.
#[test]
fn foreign_schemas_of_a_query_are_left_alone() {
    let database = Cluster::shared().database();
    let world = world(&database);
    database.sql("CREATE SCHEMA foreign_app; CREATE TABLE foreign_app.t (id int)");
    let query = "SELECT unnest('{a,foreign_app,public}'::text[]) AS name";
    let migrate = ["migrate", "--migrations", "m"];
    let output = run(&world, &migrate, &["--tenants-query", query]).exits_with(18);
    let outcomes: Vec<(Value, Value)> = output
        .json()
        .iter()
        .filter(|line| line["type"] == "tenant")
        .map(|line| (line["tenant"].clone(), line["outcome"].clone()))
        .collect();
    assert!(
        outcomes.contains(&(json!("a"), json!("migrated"))),
        "{output}"
    );
    assert!(
        outcomes.contains(&(json!("foreign_app"), json!("odd"))),
        "{output}"
    );
    let output = run(&world, &["drop", "--yes"], &["--tenants-query", query]).exits_with(2);
    assert_eq!(error(&output)["id"], "tenant.not_a_tenant", "{output}");
    assert_eq!(
        database.query("SELECT count(*) FROM pg_namespace WHERE nspname IN ('a', 'foreign_app')"),
        "2"
    );
}

#[test]
fn hundred_thousand_names_take_seconds() {
    let database = Cluster::shared().database();
    let world = world(&database);
    let names = (0..100_000).fold("a\nc\n".to_owned(), |mut names, number| {
        let _ = writeln!(names, "tenant_number_{number}");
        names
    });
    world.write("names", names);
    let start = std::time::Instant::now();
    let output = world
        .run(&["status", "--from-file", "names"])
        .exits_with(18);
    assert!(
        output
            .stderr
            .contains("2 tenants, 0 behind, 0 with problems, 100000 missing\n"),
        "{}",
        output.stderr
    );
    let query =
        "SELECT 'tenant_' || g AS name FROM generate_series(1, 100000) g UNION ALL SELECT 'b'";
    let output = world
        .run(&["status", "--tenants-query", query])
        .exits_with(18);
    assert!(
        output
            .stderr
            .contains("1 tenant, 0 behind, 0 with problems, 100000 missing\n"),
        "{}",
        output.stderr
    );
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
}
