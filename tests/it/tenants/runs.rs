//! `runs`: the recorded runs.

use serde_json::Value;

use super::undo::{record, undo, world};
use crate::support::Schemastamp;

fn runs(run: &Schemastamp, more: &[&str]) -> Vec<Value> {
    let runs = run.run(&[&["runs", "--format", "json"], more].concat());
    let mut lines = runs.succeeds().json();
    let summary = lines.pop().unwrap();
    assert_eq!(summary["summary"]["command"], "runs");
    assert_eq!(summary["summary"]["shown"], lines.len());
    lines
}

fn ids(lines: &[Value]) -> Vec<&str> {
    let ids = lines.iter().map(|line| line["run"].as_str().unwrap());
    ids.collect()
}

#[test]
fn runs_are_listed_newest_first_with_their_files_tenants_and_what_is_undone() {
    let (world, run) = world(&["a", "b"]);
    assert_eq!(runs(&run, &[]), [] as [Value; 0]);
    let none = run.run(&["runs"]).succeeds();
    assert!(none.stderr.contains("no run is recorded"), "{none}");
    assert_eq!(
        world
            .database
            .query("SELECT to_regnamespace('schemastamp_runs') IS NULL"),
        "t",
        "listing creates nothing"
    );
    let first = record(&run);
    world
        .database
        .sql("UPDATE schemastamp_runs.applied SET applied = applied - interval '1 day'");
    run.write(
        "m/4_zip.up.sql",
        "ALTER TABLE #{prefix}.users ADD zip text;",
    );
    run.write("m/4_zip.down.sql", "ALTER TABLE #{prefix}.users DROP zip;");
    let only_b = [
        "migrate",
        "b",
        "--migrations",
        "m",
        "--record",
        "--format",
        "json",
    ];
    let lines = run.run(&only_b).succeeds().json();
    let second = lines.last().unwrap()["summary"]["run"]
        .as_str()
        .unwrap()
        .to_owned();

    let found = runs(&run, &[]);
    assert_eq!(ids(&found), [&second, &first]);
    let user = world.database.query("SELECT current_user");
    let expected = serde_json::json!({
        "type": "run", "run": first, "state": "applied", "began": found[1]["began"], "ended": found[1]["ended"],
        "undone_at": null, "roles": [user], "files": ["2_name.up.sql", "3_age.up.sql"], "tenants": 2, "undone": 0,
        "partly_undone": 0
    });
    assert_eq!(found[1], expected);
    let began = found[1]["began"].as_str().unwrap();
    let utc = world.database.query(
        "SELECT to_char(min(applied) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') FROM schemastamp_runs.applied",
    );
    assert_eq!(began, utc);
    assert_eq!(ids(&runs(&run, &["a"])), [&first]);
    assert_eq!(ids(&runs(&run, &["b"])), [&second, &first]);
    assert_eq!(ids(&runs(&run, &["b", "--limit", "1"])), [&second]);
    assert!(runs(&run, &["nobody"]).is_empty());

    let text = run.run(&["runs", "--limit", "1"]).succeeds();
    let line = format!(
        "applied {second} {}: 4_zip.up.sql in 1 tenant, by {user}\n",
        found[0]["began"].as_str().unwrap()
    );
    assert_eq!(text.stdout, line);
    assert!(
        text.stderr
            .contains("note: 1 run more; --limit 2 lists all"),
        "{text}"
    );

    // A way down that fails leaves `a` undone in part, and a dropped tenant stays in the record.
    drop(undo(&run, &second, &[]).succeeds());
    world
        .database
        .sql("CREATE VIEW a.names AS SELECT name FROM a.users");
    drop(undo(&run, &first, &[]).exits_with(18));
    world.database.sql("DROP SCHEMA b CASCADE");
    let found = runs(&run, &[]);
    assert_eq!(
        (&found[0]["state"], &found[0]["undone"]),
        (&"undone".into(), &1.into())
    );
    assert_eq!(
        (
            &found[1]["state"],
            &found[1]["undone"],
            &found[1]["partly_undone"]
        ),
        (&"partly_undone".into(), &1.into(), &1.into())
    );
    assert!(found[1]["undone_at"].is_string(), "{found:?}");
    let text = run.run(&["runs", "a"]).succeeds();
    assert!(
        text.stdout.starts_with(&format!("partly undone {first} "))
            && text.stdout.ends_with("; 1 undone, 1 in part\n"),
        "{text}"
    );
}

#[test]
fn an_unknown_run_leads_to_the_list() {
    let (_world, run) = world(&["a"]);
    let output = run.run(&["migrate", "--undo", "nosuch", "--migrations", "m"]);
    let output = output.exits_with(2);
    assert!(
        output
            .stderr
            .contains("hint: `schemastamp runs` lists the recorded runs"),
        "{output}"
    );
}

#[test]
fn records_of_a_role_that_is_not_trusted_are_not_listed() {
    let (world, run) = world(&["a"]);
    drop(record(&run));
    world.database.sql(
        "CREATE ROLE runs_stranger_role NOLOGIN; ALTER TABLE schemastamp_runs.applied OWNER TO runs_stranger_role",
    );
    let output = run.run(&["runs"]).exits_with(14);
    world.database.sql(
        "ALTER TABLE schemastamp_runs.applied OWNER TO current_user; DROP ROLE runs_stranger_role",
    );
    assert!(
        output
            .stderr
            .contains("the role may not use the record of runs"),
        "{output}"
    );
    assert_eq!(output.stdout, "");
}
