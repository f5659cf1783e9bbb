//! Spares are made, counted, and dropped again.

use std::thread;

use super::{spares, world};
use crate::provision::{SMALL, snapshot, tables};
use crate::support::Cluster;

#[test]
fn pool_commands_print_text_for_people() {
    let database = Cluster::shared().database();
    let world = world(&database, SMALL);
    insta::assert_snapshot!(world.run(&["pool", "status"]), @"
    ready 0 spares of this snapshot
    [exit status: 0]
    ");
    let filled = world.run(&["pool", "fill", "--size", "2"]).to_string();
    // The constraint of a NOT NULL is an object since PostgreSQL 18.
    let filled = match database.major() {
        ..18 => filled,
        _ => filled.replace("7 objects", "6 objects"),
    };
    insta::assert_snapshot!(filled, @"
    --- stderr ---
    proven: a claimed spare is a tenant, 6 objects equal
    2 made, 2 ready ([time])
    [exit status: 0]
    ");
    insta::assert_snapshot!(world.run(&["pool", "fill", "--size", "3", "--format", "json"]), @r#"
    {"type":"summary","summary":{"command":"pool_fill","made":1,"ready":3,"failed":0,"ms":0.0}}
    [exit status: 0]
    "#);
    let status = world.run(&["pool", "status"]).succeeds();
    assert!(
        status
            .stdout
            .starts_with("ready 3 spares of this snapshot, the oldest from 20"),
        "{status}"
    );
    world.run(&["pool", "fill", "--size", "3"]).succeeds();
    assert_eq!(spares(&database).len(), 3);
    assert!(world.leftovers().is_empty());
}

#[test]
fn missing_privilege_for_a_pool_names_the_grant() {
    let database = Cluster::shared().database();
    let world = world(&database, SMALL);
    let poor = format!("{}_poor", database.name);
    database.sql(&format!("CREATE ROLE {poor} LOGIN"));
    let output = world
        .run(&[
            "pool", "fill", "--size", "1", "-U", &poor, "--format", "json",
        ])
        .exits_with(14);
    let error = &output.json()[0]["error"];
    assert_eq!(error["id"], "sql.insufficient_privilege");
    assert!(
        error["hint"]
            .as_str()
            .unwrap()
            .contains("GRANT CREATE ON DATABASE"),
        "{output}"
    );
    database.sql(&format!("DROP ROLE {poor}"));
}

#[test]
fn spares_of_another_snapshot_are_never_handed_out() {
    let database = Cluster::shared().database();
    let world = world(&database, SMALL);
    world.run(&["pool", "fill", "--size", "2"]).succeeds();
    world
        .run(&["pool", "fill", "--size", "1", "--no-owner"])
        .succeeds();
    world.write("snapshots/app.sql", snapshot(&tables(1)));
    let output = world
        .run(&["provision", "a", "--from-pool", "--format", "json"])
        .succeeds();
    assert_eq!(output.json()[0]["source"].as_str(), None, "{output}");
    let output = world.run(&["pool", "fill", "--size", "1"]).succeeds();
    assert!(
        output
            .stderr
            .contains("3 spares of other snapshots or options"),
        "{output}"
    );
    let status = world
        .run(&["pool", "status", "--format", "json"])
        .succeeds();
    assert_eq!(
        status.json().last().unwrap()["summary"]["other"],
        3,
        "{status}"
    );
    insta::assert_snapshot!(world.run(&["pool", "drain"]), @"
    --- stderr ---
    3 spares dropped
    [exit status: 0]
    ");
    assert_eq!(spares(&database).len(), 1);
    let output = world
        .run(&["provision", "b", "--from-pool", "--format", "json"])
        .succeeds();
    assert_eq!(output.json()[0]["source"], "pool");
    world.run(&["pool", "fill", "--size", "2"]).succeeds();
    world.run(&["pool", "drain", "--all"]).succeeds();
    assert_eq!(
        database.query("SELECT count(*) FROM pg_namespace WHERE nspname ~ '^schemastamp'"),
        "0"
    );
}

#[test]
fn spares_are_never_selected_as_tenants() {
    let database = Cluster::shared().database();
    let body = "CREATE TABLE #{prefix}.schema_migrations (version varchar PRIMARY KEY);\n";
    let world = world(&database, body);
    world.run(&["provision", "acme"]).succeeds();
    world.run(&["pool", "fill", "--size", "2"]).succeeds();
    let status = world
        .run(&["status", "--all", "--format", "json"])
        .succeeds();
    assert!(
        status.stdout.contains("acme") && !status.stdout.contains("spare"),
        "{status}"
    );
    let verify = world.run(&["verify", "--all"]).succeeds();
    assert!(verify.stderr.contains("1 equal"), "{verify}");
    world.write(
        "m/1_first.sql",
        "ALTER TABLE #{prefix}.schema_migrations ADD at timestamptz;",
    );
    let migrated = world
        .run(&["migrate", "--match", "*", "--migrations", "m"])
        .succeeds();
    assert!(
        migrated.stdout.contains("acme") && !migrated.stdout.contains("spare"),
        "{migrated}"
    );
}

#[test]
fn concurrent_fills_do_not_exceed_the_size() {
    let database = Cluster::shared().database();
    let world = world(&database, SMALL);
    world.run(&["pool", "fill", "--size", "1"]).succeeds();
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                world
                    .run(&["pool", "fill", "--size", "12", "--jobs", "2"])
                    .succeeds()
            });
        }
    });
    assert_eq!(spares(&database).len(), 12);
}

#[test]
fn orphan_rows_and_schemas_are_removed() {
    let database = Cluster::shared().database();
    let world = world(&database, SMALL);
    world.run(&["pool", "fill", "--size", "3"]).succeeds();
    let found = spares(&database);
    database.sql(&format!(
        "DROP SCHEMA {} CASCADE; DELETE FROM schemastamp_pool.spares WHERE name = '{}'",
        found[0], found[1]
    ));
    let status = world.run(&["pool", "status"]).succeeds();
    assert!(
        status.stdout.contains("1 row whose schema is gone"),
        "{status}"
    );
    assert!(
        status
            .stdout
            .contains(&format!("stray {}: in no pool", found[1])),
        "{status}"
    );
    // A row alone is no spare.
    let filled = world
        .run(&["pool", "fill", "--size", "2", "--format", "json"])
        .succeeds();
    assert_eq!(
        (
            &filled.json()[0]["summary"]["made"],
            &filled.json()[0]["summary"]["ready"]
        ),
        (&1.into(), &2.into())
    );
    let drained = world.run(&["pool", "drain", "--format", "json"]).succeeds();
    let summary = &drained.json()[0]["summary"];
    assert_eq!(
        (&summary["dropped"], &summary["forgotten"]),
        (&1.into(), &1.into()),
        "the stray, and the row"
    );
    assert_eq!(spares(&database).len(), 2);
}
