//! What `status` and `verify` list, and what they leave out.

use super::selection::create_tenants;
use crate::provision::{SMALL, snapshot};
use crate::support::{Cluster, CommandOutput, Schemastamp};

/// Returns the tenants of JSON Lines with their outcomes.
fn outcomes(output: &CommandOutput) -> Vec<String> {
    let lines = output.json();
    let tenants = lines.iter().filter(|line| line["type"] == "tenant");
    let text = |line: &serde_json::Value, field: &str| line[field].as_str().unwrap().to_owned();
    tenants
        .map(|line| format!("{} {}", text(line, "tenant"), text(line, "outcome")))
        .collect()
}

#[test]
fn status_lists_what_matters_first_and_few_of_the_rest() {
    let database = Cluster::shared().database();
    let names: Vec<String> = (0..60).map(|number| format!("t{number:02}")).collect();
    create_tenants(
        &database,
        &names.iter().map(String::as_str).collect::<Vec<_>>(),
    );
    let ahead = (0..30).map(|n| format!("INSERT INTO t{n:02}.schema_migrations VALUES ('2');"));
    database.sql(&ahead.collect::<String>());
    database.sql("ALTER TABLE t59.schema_migrations ADD dirty boolean; ALTER TABLE t59.schema_migrations RENAME version TO v");
    let run = Schemastamp::on(&database);

    let output = run.run(&["status"]).succeeds();
    let lines: Vec<&str> = output.stdout.lines().collect();
    assert!(lines[0].starts_with("problem t59: "), "{output}");
    assert_eq!(lines[1], "behind t30: at 1, 1 behind");
    assert_eq!(lines[21], "current t00: at 2");
    assert_eq!(lines.len(), 41, "{output}");
    assert!(
        output
            .stderr
            .contains("9 more behind: --behind lists them\n"),
        "{output}"
    );
    assert!(
        output.stderr.contains("10 more current: -v lists them\n"),
        "{output}"
    );
    let count = |arguments: &[&str]| {
        let output = run.run(&[&["status"], arguments].concat()).succeeds();
        output.stdout.lines().count()
    };
    assert_eq!(count(&["-v"]), 60);
    assert_eq!(count(&["--behind"]), 29);
    assert_eq!(count(&["--problems"]), 1);
    assert_eq!(count(&["--problems", "--behind"]), 30);
    // Who names tenants wants to see them.
    let thirty: Vec<&str> = names.iter().take(30).map(String::as_str).collect();
    assert_eq!(count(&thirty), 30);
    // Programs get all of them, unless they ask for fewer. The figures are always those of all.
    assert_eq!(
        outcomes(&run.run(&["status", "--format", "json"])).len(),
        60
    );
    let output = run
        .run(&["status", "--problems", "--format", "json"])
        .succeeds();
    assert_eq!(outcomes(&output), ["t59 odd"]);
    assert_eq!(
        output.json().last().unwrap()["summary"]["tenants"],
        60,
        "{output}"
    );
}

#[test]
fn status_exits_with_1_on_request_if_a_tenant_needs_attention() {
    let database = Cluster::shared().database();
    create_tenants(&database, &["a", "b"]);
    let run = Schemastamp::on(&database);
    drop(run.run(&["status", "--exit-code"]).succeeds());
    database.sql("INSERT INTO a.schema_migrations VALUES ('2')");
    drop(run.run(&["status"]).succeeds());
    drop(run.run(&["status", "--exit-code"]).exits_with(1));
    drop(run.run(&["status", "a", "--exit-code"]).succeeds());
    // A name that no tenant has is an error of its own.
    drop(run.run(&["status", "nosuch", "--exit-code"]).exits_with(2));
    database.sql("DELETE FROM a.schema_migrations WHERE version = '2'; DROP TABLE b.schema_migrations; CREATE TABLE b.schema_migrations (x int)");
    drop(run.run(&["status", "--exit-code"]).exits_with(1));
}

#[test]
fn verify_lists_only_what_is_different_on_request() {
    let database = Cluster::shared().database();
    let run = Schemastamp::on(&database);
    run.write("snapshots/app.sql", snapshot(SMALL));
    drop(run.run(&["provision", "a", "b", "c"]).succeeds());
    database.sql(
        "ALTER TABLE b.t ADD note text; ALTER TABLE c.t RENAME CONSTRAINT t_pkey TO other_pkey",
    );
    let verify = ["verify", "--all", "--format", "json"];
    let all = ["a equal", "b different", "c cosmetic"];
    assert_eq!(outcomes(&run.run(&verify).exits_with(1)), all);
    let problems = [&verify[..], &["--problems"]].concat();
    let output = run.run(&problems).exits_with(1);
    assert_eq!(outcomes(&output), ["b different"]);
    let lines = output.json();
    let summary = &lines.last().unwrap()["summary"];
    assert_eq!(
        (&summary["equal"], &summary["different"]),
        (&1.into(), &2.into())
    );
    let strict = [&problems[..], &["--strict"]].concat();
    assert_eq!(
        outcomes(&run.run(&strict).exits_with(1)),
        ["b different", "c cosmetic"]
    );
    let text = run.run(&["verify", "--all", "--problems"]).exits_with(1);
    assert!(!text.stdout.contains("cosmetic"), "{text}");
}
