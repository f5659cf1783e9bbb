//! Lists of names.

use super::{marked, names};
use crate::provision::{SMALL, snapshot, tables};
use crate::support::{Cluster, Options, Schemastamp};

/// A snapshot of which tenants with a name of three letters cannot be made.
const SOME_FAIL: &str = "\
CREATE TABLE #{prefix}.t (id integer CHECK (length('#{prefix}') <> 3));

INSERT INTO #{prefix}.t (id) VALUES
    (1);
";

#[test]
fn few_connections_create_many_tenants() {
    let cluster = Cluster::start(&Options::default().setting("log_connections", "on"));
    let database = cluster.database();
    let world = Schemastamp::on(&database);
    world.write("snapshots/app.sql", snapshot(&tables(10)));
    world.write("names", names("list_", 40));
    let connections = || cluster.log().matches("connection authorized").count();
    let before = connections();
    let output = world
        .run(&[
            "provision",
            "--from-file",
            "names",
            "--jobs",
            "3",
            "--format",
            "json",
        ])
        .succeeds();
    // Three workers, and one psql that queries the existing tenants.
    assert!(
        (3..=5).contains(&(connections() - before)),
        "{}",
        connections() - before
    );
    let lines = output.json();
    assert_eq!(lines.len(), 41);
    assert_eq!(lines[40]["summary"]["created"], 40);
    assert_eq!(marked(&database, "list\\_%"), 40);
    assert!(world.leftovers().is_empty());
}

#[test]
fn second_run_continues_an_interrupted_list() {
    let database = Cluster::shared().database();
    let world = Schemastamp::on(&database);
    world.write("snapshots/app.sql", snapshot(SMALL));
    world.write("names", "a1\na2\na3\na4\na2\n");
    world.run(&["provision", "a2", "a3"]).succeeds();
    let output = world.run(&["provision", "--from-file", "names", "--jobs", "1"]);
    insta::assert_snapshot!(output, @"
    skipped a2: created from this snapshot ([time])
    skipped a3: created from this snapshot ([time])
    created a1 ([time])
    created a4 ([time])
    --- stderr ---
    note: 1 duplicate name ignored
    2 created, 2 skipped, 0 failed ([time])
    [exit status: 0]
    ");
    // A schema of somebody else is not accepted as done.
    database.sql("CREATE SCHEMA a5; CREATE TABLE a5.t (id int); COMMENT ON SCHEMA a4 IS NULL");
    world.write("names", "a1\na4\na5\n");
    let output = world
        .run(&[
            "provision",
            "--from-file",
            "names",
            "--jobs",
            "1",
            "--format",
            "json",
        ])
        .exits_with(18);
    let lines = output.json();
    assert_eq!(lines[0]["outcome"], "skipped");
    assert_eq!(
        lines[1]["error"]["id"], "tenant.exists",
        "whole, and not known to be of this snapshot"
    );
    assert_eq!(lines[2]["error"]["id"], "tenant.exists_in_part");
    world
        .run(&["provision", "--from-file", "names", "--if-exists", "fail"])
        .exits_with(18);
    let output = world
        .run(&[
            "provision",
            "a1",
            "--if-exists",
            "resume",
            "--format",
            "json",
        ])
        .succeeds();
    assert_eq!(output.json()[0]["outcome"], "skipped");
}

#[test]
fn failed_tenant_does_not_stop_the_others() {
    let database = Cluster::shared().database();
    let world = Schemastamp::on(&database);
    world.write("snapshots/app.sql", snapshot(SOME_FAIL));
    world.write("names", "one\nfirst\ntwo\nsecond\nsix\nthird\n");
    let output = world
        .run(&[
            "provision",
            "--from-file",
            "names",
            "--jobs",
            "2",
            "--format",
            "json",
        ])
        .exits_with(18);
    let lines = output.json();
    let failed: Vec<_> = lines
        .iter()
        .filter(|line| line["outcome"] == "failed")
        .collect();
    assert_eq!(failed.len(), 3, "{output}");
    for line in failed {
        assert_eq!(line["error"]["id"], "sql.check_violation", "{output}");
        assert!(
            line["error"]["statement"]
                .as_str()
                .unwrap()
                .starts_with("INSERT INTO "),
            "{output}"
        );
    }
    assert_eq!(marked(&database, "%"), 3);
    let named = output
        .stderr
        .lines()
        .find_map(|line| line.strip_prefix("failed: "))
        .unwrap();
    let mut named: Vec<&str> = named.split(", ").collect();
    named.sort_unstable();
    assert_eq!(named, ["one", "six", "two"]);
}

#[test]
fn max_failures_ends_the_run() {
    let database = Cluster::shared().database();
    let world = Schemastamp::on(&database);
    world.write("snapshots/app.sql", snapshot(SOME_FAIL));
    world.write("names", "first\none\nsecond\ntwo\nthird\nfourth\n");
    let run = |arguments: &[&str]| {
        let all = [
            &[
                "provision",
                "--from-file",
                "names",
                "--jobs",
                "1",
                "--format",
                "json",
            ],
            arguments,
        ]
        .concat();
        let output = world.run(&all).exits_with(18);
        let summary = output.json().last().unwrap()["summary"].clone();
        let counts = ["created", "skipped", "failed", "not_tried"]
            .map(|field| summary[field].as_u64().unwrap_or(0));
        (counts, output)
    };
    let (counts, output) = run(&["--fail-fast"]);
    assert_eq!(counts, [1, 0, 1, 4], "{output}");
    assert!(
        output
            .stderr
            .contains("ended early: 1 tenant failed; run again to continue"),
        "{output}"
    );
    assert_eq!(run(&["--max-failures", "2"]).0, [1, 1, 2, 2]);
    assert_eq!(run(&["--max-failures", "3"]).0, [2, 2, 2, 0]);
    // Names that no schema can have count, too.
    world.write("names", "pg_a\npg_b\nfifth\nsixth\n");
    let (counts, output) = run(&["--max-failures", "2"]);
    assert!(
        counts == [0, 0, 2, 2] && output.stderr.contains("ended early: 2 tenants failed"),
        "{output}"
    );
}

#[test]
fn settings_of_one_tenant_do_not_reach_the_next() {
    let database = Cluster::shared().database();
    let world = Schemastamp::on(&database);
    let role = format!("{}_owner", database.name);
    database.sql(&format!(
        "CREATE ROLE {role}; GRANT CREATE ON DATABASE {} TO {role}",
        database.name
    ));
    // As a user might write it into a snapshot by hand.
    world.write(
        "snapshots/app.sql",
        snapshot(&format!(
            "SET ROLE {role};\n\nCREATE TABLE #{{prefix}}.t (id integer);\n"
        )),
    );
    world
        .run(&["provision", "a", "b", "c", "--no-owner"])
        .exits_with(18);
    database.sql(&format!(
        "GRANT {role} TO postgres; ALTER ROLE {role} SUPERUSER"
    ));
    world.run(&["provision", "a", "b", "c"]).succeeds();
    let owners =
        database.query("SELECT string_agg(nspowner::regrole::text, ' ') FROM pg_namespace WHERE nspname ~ '^[abc]$'");
    assert_eq!(owners, "postgres postgres postgres");
    database.sql(&format!("DROP OWNED BY {role} CASCADE; DROP ROLE {role}"));
}

#[test]
fn run_command_runs_for_each_tenant() {
    let database = Cluster::shared().database();
    let world = Schemastamp::on(&database);
    world.write("snapshots/app.sql", snapshot(SMALL));
    world.write("names", names("list_", 6));
    let hook = "test \"$SCHEMASTAMP_TENANT\" != list_3 && echo \"$SCHEMASTAMP_TENANT\" >> hooked";
    let run = [
        "provision",
        "--from-file",
        "names",
        "--jobs",
        "2",
        "--run",
        hook,
        "--format",
        "json",
    ];
    let output = world.run(&run).exits_with(18);
    let lines = output.json();
    let failed: Vec<_> = lines
        .iter()
        .filter(|line| line["error"]["id"] == "tenant.hook")
        .collect();
    assert_eq!(
        (failed.len(), &failed[0]["tenant"]),
        (1, &"list_3".into()),
        "{output}"
    );
    assert_eq!(world.read("hooked").lines().count(), 5);
    assert_eq!(marked(&database, "list\\_%"), 6, "it stays");
}
