//! `verify` and `migrate --check-drift`: a tenant is compared with what its own version should be.

use serde_json::json;

use crate::support::{Cluster, Database, Schemastamp};

/// A snapshot with a version table and its rows.
fn snapshot(table: &str, rows: &str, more: &str) -> String {
    format!(
        "-- schemastamp snapshot, format 2\n\nCREATE SCHEMA #{{prefix}};\n\
         CREATE TABLE #{{prefix}}.users (\n    id integer NOT NULL,\n    email text\n);\n\
         CREATE TABLE #{{prefix}}.schema_migrations ({table});\n{rows}{more}"
    )
}

const RAILS: &str = "version character varying(255) NOT NULL";
const ONE: &str = "INSERT INTO #{prefix}.schema_migrations (version) VALUES ('1');\n";

/// Five tenants at 1, four at 2, three at 3; one drifted at each of 1 and 3.
fn world(database: &Database<'_>) -> Schemastamp {
    let run = Schemastamp::on(database);
    run.write("snapshots/app.sql", snapshot(RAILS, ONE, ""));
    run.write("m/2_name.sql", "ALTER TABLE users ADD name text;");
    run.write(
        "m/3_index.sql",
        "-- schemastamp: no-transaction\nCREATE INDEX CONCURRENTLY users_name ON #{prefix}.users (name);",
    );
    run.write("two/2_name.sql", "ALTER TABLE users ADD name text;");
    let names: Vec<String> = (0..12).map(|number| format!("t{number:02}")).collect();
    run.write("names.txt", names.join("\n"));
    drop(
        run.run(&["provision", "--from-file", "names.txt"])
            .succeeds(),
    );
    run.write("two.txt", names[5..].join("\n"));
    drop(
        run.run(&["migrate", "--from-file", "two.txt", "--migrations", "two"])
            .succeeds(),
    );
    run.write("three.txt", names[9..].join("\n"));
    drop(
        run.run(&["migrate", "--from-file", "three.txt", "--migrations", "m"])
            .succeeds(),
    );
    database.sql("ALTER TABLE t01.users ADD extra int; DROP INDEX t10.users_name");
    run
}

#[test]
fn tenants_are_compared_with_the_snapshot_and_the_migrations_up_to_their_version() {
    let database = Cluster::shared().database();
    let run = world(&database);
    let output = run
        .run(&["verify", "--all", "--migrations", "m"])
        .exits_with(1);
    assert!(
        output
            .stdout
            .contains("different 1 tenant at 1: t01\n  unexpected column extra of users")
            || output.stdout.contains("different 1 tenant at 1: t01"),
        "{output}"
    );
    assert!(
        output.stdout.contains("different 1 tenant at 3: t10"),
        "{output}"
    );
    assert!(
        output
            .stderr
            .ends_with("warning: the snapshot is 2 migrations behind: run refresh\n4 equal at 1, 4 equal at 2, 2 equal at 3, 2 in 2 variants\n"),
        "{output}"
    );
    let output = run
        .run(&["verify", "--all", "--migrations", "m", "--format", "json"])
        .exits_with(1);
    let summary = output.json().pop().unwrap()["summary"].clone();
    assert_eq!(summary["snapshot_behind"], 2);
    let versions = summary["versions"].as_array().unwrap();
    assert!(
        versions.contains(
            &json!({"version": "1", "reference": "snapshot", "equal": 4, "different": 1})
        )
    );
    assert!(
        versions.contains(
            &json!({"version": "2", "reference": "migrations", "equal": 4, "different": 0})
        )
    );
    assert!(
        versions.contains(
            &json!({"version": "3", "reference": "migrations", "equal": 2, "different": 1})
        )
    );
    assert_eq!(
        database.query("SELECT count(*) FROM pg_namespace WHERE nspname ~ '^stamp'"),
        "0"
    );
}

#[test]
fn without_migrations_the_majority_of_a_version_counts() {
    let database = Cluster::shared().database();
    let run = world(&database);
    let output = run.run(&["verify", "--all"]).exits_with(1);
    assert!(
        output.stdout.contains("different 1 tenant at 3: t10"),
        "{output}"
    );
    for line in [
        "warning: the snapshot is 2 migrations behind: run refresh\n",
        "warning: no snapshot or migrations lead to version 2: its 4 tenants are compared with each other\n",
        "warning: no snapshot or migrations lead to version 3: its 3 tenants are compared with each other\n",
        "4 equal at 1, 4 equal at 2, 2 equal at 3, 2 in 2 variants\n",
    ] {
        assert!(output.stderr.contains(line), "{line}: {output}");
    }
}

#[test]
fn an_older_snapshot_is_the_reference_of_those_who_came_from_it() {
    let database = Cluster::shared().database();
    let run = world(&database);
    run.write(
        "new.sql",
        snapshot(
            RAILS,
            &ONE.replace("('1')", "('1'), ('2')"),
            "ALTER TABLE #{prefix}.users ADD name text;\n",
        ),
    );
    let named = ["--snapshot", "new.sql", "--snapshot", "snapshots/app.sql"];
    let check = |output: crate::support::CommandOutput| {
        let summary = output.exits_with(1).json().pop().unwrap()["summary"].clone();
        let versions = summary["versions"].as_array().unwrap().clone();
        for (version, reference, equal) in [
            ("1", "snapshot", 4),
            ("2", "snapshot", 4),
            ("3", "migrations", 2),
        ] {
            let found = versions
                .iter()
                .find(|level| level["version"] == version)
                .unwrap();
            assert_eq!(
                (&found["reference"], &found["equal"]),
                (&json!(reference), &json!(equal)),
                "{summary}"
            );
        }
        assert_eq!(summary["snapshot_behind"], 1);
    };
    let rest = ["verify", "--all", "--migrations", "m", "--format", "json"];
    check(run.run(&[&rest as &[&str], &named].concat()));
    std::fs::rename(run.path("new.sql"), run.path("snapshots/new.sql")).unwrap();
    check(run.run(&rest));
    // Tenants that are older than the only snapshot have no reference but each other.
    let output = run
        .run(&[
            "verify",
            "--match",
            "t0*",
            "--snapshot",
            "snapshots/new.sql",
        ])
        .exits_with(1);
    assert!(
        output
            .stderr
            .contains("no snapshot or migrations lead to version 1: its 5 tenants are compared"),
        "{output}"
    );
    for command in [
        &["provision", "a"] as &[&str],
        &["render", "a"],
        &["migrate", "--all", "--migrations", "m"],
    ] {
        drop(run.run(&[command, &named].concat()).exits_with(2));
    }
}

#[test]
fn a_reference_that_cannot_be_made_is_reported() {
    let database = Cluster::shared().database();
    let run = world(&database);
    run.write("m/2_name.sql", "SELECT 1/0;");
    let output = run
        .run(&["verify", "--all", "--migrations", "m"])
        .exits_with(1);
    assert!(
        output.stderr.contains(
            "the reference of version 2 cannot be made from the snapshot and the migrations"
        ) && output.stderr.contains("division by zero"),
        "{output}"
    );
    assert!(
        output.stdout.contains("different 1 tenant at 3: t10"),
        "{output}"
    );
}

#[test]
fn versions_of_one_row_lead_through_all_migrations_between() {
    let database = Cluster::shared().database();
    let run = Schemastamp::on(&database);
    let rows = "INSERT INTO #{prefix}.schema_migrations (version, dirty) VALUES ('1', 'f');\n";
    run.write(
        "snapshots/app.sql",
        snapshot("version bigint NOT NULL, dirty boolean NOT NULL", rows, ""),
    );
    run.write("m/2_name.up.sql", "ALTER TABLE users ADD name text;");
    run.write("m/3_age.up.sql", "ALTER TABLE users ADD age int;");
    drop(run.run(&["provision", "a", "b"]).succeeds());
    drop(run.run(&["migrate", "a", "--migrations", "m"]).succeeds());
    let output = run
        .run(&["verify", "--all", "--migrations", "m"])
        .succeeds();
    assert!(
        output.stderr.ends_with("1 equal at 1, 1 equal at 3\n")
            || output.stderr.ends_with("1 equal at 3, 1 equal at 1\n"),
        "{output}"
    );
}

#[test]
fn drifted_tenants_are_refused_before_the_first_one_is_touched() {
    let database = Cluster::shared().database();
    let run = world(&database);
    drop(
        run.run(&["migrate", "--all", "--check-drift"])
            .exits_with(2),
    );
    run.write("m/4_age.sql", "ALTER TABLE users ADD age int;");
    for dry_run in [true, false] {
        let mut arguments = vec![
            "migrate",
            "--all",
            "--migrations",
            "m",
            "--check-drift",
            "--format",
            "json",
        ];
        arguments.extend(dry_run.then_some("--dry-run"));
        let output = run.run(&arguments).exits_with(18);
        let lines = output.json();
        let refused: Vec<(&str, &str)> = lines
            .iter()
            .filter(|line| line["outcome"] == "refused")
            .map(|line| {
                (
                    line["tenant"].as_str().unwrap(),
                    line["error"]["message"].as_str().unwrap(),
                )
            })
            .collect();
        let [("t01", one), ("t10", ten)] = refused[..] else {
            panic!("{output}")
        };
        assert!(
            one.contains("it is not what its version should be: column") && one.contains("extra"),
            "{one}"
        );
        assert!(ten.contains("index") && ten.contains("users_name"), "{ten}");
        let word = if dry_run { "pending" } else { "migrated" };
        assert_eq!(
            lines.iter().filter(|line| line["outcome"] == word).count(),
            10,
            "{output}"
        );
    }
    let behind = "SELECT string_agg(nspname, ' ' ORDER BY nspname) FROM pg_namespace n WHERE nspname ~ '^t[0-9]' \
        AND NOT EXISTS (SELECT FROM pg_attribute WHERE attname = 'age' AND attrelid = (nspname || '.users')::regclass)";
    assert_eq!(database.query(behind), "t01 t10");
}
