//! A hot standby: it streams from its primary, and is read-only.

use serde_json::Value;

use super::selection::create_tenants;
use crate::provision::{SMALL, snapshot, wait_for};
use crate::support::{Cluster, CommandOutput, Database, Options, Schemastamp};

/// Runs a command with `--format json`; returns its lines without times.
fn lines(run: &Schemastamp, arguments: &[&str]) -> Vec<Value> {
    let output = run.run(&[arguments, &["--format", "json"]].concat());
    timeless(&output.succeeds())
}

fn timeless(output: &CommandOutput) -> Vec<Value> {
    let mut lines = output.json();
    for line in &mut lines {
        for place in ["", "/summary"] {
            if let Some(fields) = line.pointer_mut(place).and_then(Value::as_object_mut) {
                fields.remove("ms");
            }
        }
    }
    lines
}

#[test]
fn what_only_reads_works_on_a_hot_standby() {
    let primary = Cluster::start(&Options::default().with_standby());
    let database = primary.database();
    let run = Schemastamp::on(&database);
    run.write("snapshots/app.sql", snapshot(SMALL));
    drop(run.run(&["provision", "x", "y"]).succeeds());
    create_tenants(&database, &["a", "b", "c"]);
    run.write(
        "m/2_name.up.sql",
        "ALTER TABLE #{prefix}.users ADD name text;",
    );
    let migrate = ["migrate", "a", "b", "--migrations", "m", "--record"];
    drop(run.run(&migrate).succeeds());
    drop(run.run(&["pool", "fill", "--size", "1"]).succeeds());
    let standby = primary.standby();
    let copy = Database::named(&standby, &database.name);
    let end = database.query("SELECT pg_current_wal_lsn()");
    let has_all = format!("SELECT pg_last_wal_replay_lsn() >= '{end}'");
    wait_for(|| copy.query(&has_all) == "t");
    assert_eq!(copy.query("SELECT pg_is_in_recovery()"), "t");

    let reader = Schemastamp::on(&copy);
    reader.write("snapshots/app.sql", snapshot(SMALL));
    reader.write(
        "m/2_name.up.sql",
        "ALTER TABLE #{prefix}.users ADD name text;",
    );
    for command in [
        &["status", "--migrations", "m"][..],
        &["verify", "--all", "--each-other", "--problems"],
        &["query", "--all", "-c", "SELECT count(*) FROM pg_class"],
        &["runs"],
        &["pool", "status"],
        &["migrate", "--all", "--migrations", "m", "--dry-run"],
    ] {
        let expected = run.run(&[command, &["--format", "json"]].concat());
        let found = reader.run(&[command, &["--format", "json"]].concat());
        assert_eq!(timeless(&found), timeless(&expected), "{command:?}");
    }
    let named = ["a", "b", "--each-other", "--jobs", "2"];
    let verified = lines(&reader, &[&["verify"][..], &named].concat());
    assert_eq!(verified.last().unwrap()["summary"]["equal"], 2);
    let registered = "SELECT v AS name FROM (VALUES ('a'), ('b')) AS t (v)";
    let status = lines(&reader, &["status", "--tenants-query", registered]);
    assert_eq!(status.last().unwrap()["summary"]["tenants"], 2);

    // The reference would be made in a schema of its own.
    let output = reader.run(&["verify", "x", "y"]).exits_with(14);
    assert!(
        output.stderr.contains(
            "hint: the server is read-only: pass --each-other, or connect to the primary"
        ),
        "{output}"
    );
    for command in [
        &["query", "a", "-c", "DELETE FROM users", "--write", "--yes"][..],
        &["migrate", "c", "--migrations", "m"],
        &["provision", "z"],
        &["drop", "c", "--yes"],
    ] {
        let output = reader.run(command);
        assert_ne!(output.code, Some(0), "{output}");
        let words = ["read-only transaction", "during recovery"];
        let text = output.to_string();
        assert!(
            words.iter().any(|words| text.contains(words)),
            "{command:?}: {output}"
        );
    }
    assert!(run.leftovers().is_empty() && reader.leftovers().is_empty());
}
