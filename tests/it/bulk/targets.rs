//! Fleets on several servers.

use std::os::unix::fs::PermissionsExt as _;

use super::marked;
use crate::provision::{SMALL, snapshot, wait_for};
use crate::support::{Cluster, Database, Options, Schemastamp, StopMode};

/// A target that leads to a database.
pub(crate) fn target(name: &str, database: &Database<'_>, more: &str) -> String {
    let (socket, port) = (
        database.cluster.socket_folder().display(),
        database.cluster.port(),
    );
    format!(
        "[[target]]\nname = '{name}'\nhost = '{socket}'\nport = {port}\nuser = 'postgres'\ndbname = '{}'\n{more}\n",
        database.name
    )
}

fn world(names: usize) -> Schemastamp {
    let world = Schemastamp::new()
        .env("PGHOST", "nowhere.invalid")
        .env("PGUSER", "nobody");
    world.write("snapshots/app.sql", snapshot(SMALL));
    world.write("names", super::names("t_", names));
    world
}

#[test]
fn unreachable_target_does_not_stop_the_others() {
    let (one, two) = (Cluster::shared().database(), Cluster::shared().database());
    let world = world(30);
    let file = [
        target("one", &one, "tenants = ['t_0', 't_1?']"),
        target("two", &two, ""),
        "[[target]]\nname = 'gone'\nhost = '127.0.0.1'\nport = 1\nuser = 'u'\ntenants = ['t_2?']\nweight = 0\n"
            .to_owned(),
    ];
    world.write("targets.toml", file.concat());
    let run = [
        "provision",
        "--targets",
        "targets.toml",
        "--from-file",
        "names",
        "--retries",
        "1",
        "--format",
        "json",
    ];
    let output = world.run(&run).exits_with(18);
    let lines = output.json();
    let at = |name: &str, outcome: &str| {
        lines
            .iter()
            .filter(|line| line["target"] == name && line["outcome"] == outcome)
            .count()
    };
    assert_eq!(at("gone", "failed"), 10, "{output}");
    assert!(
        lines
            .iter()
            .filter(|line| line["target"] == "gone")
            .all(|line| line["error"]["id"] == "net.refused")
    );
    assert_eq!(at("one", "created") + at("two", "created"), 20, "{output}");
    assert_eq!(
        (marked(&one, "t\\_%"), marked(&two, "t\\_%")),
        (
            u32::try_from(at("one", "created")).unwrap(),
            u32::try_from(at("two", "created")).unwrap()
        )
    );
    let first = |tenant: &str| {
        lines.iter().find(|line| line["tenant"] == tenant).unwrap()["target"].clone()
    };
    assert_eq!(
        (first("t_0"), first("t_15"), first("t_29")),
        ("one".into(), "one".into(), "gone".into())
    );
    // Again: what is there is known for each server.
    let output = world.run(&run).exits_with(18);
    assert_eq!(
        output.json().last().unwrap()["summary"]["skipped"],
        20,
        "{output}"
    );
}

/// Only the tenants of a server that starts during the run wait for it.
#[test]
fn late_target_gets_its_tenants() {
    let (prompt, late) = (
        Cluster::shared().database(),
        Cluster::start(&Options::default()),
    );
    let database = late.database();
    let world = world(20);
    let files = |more: &str| {
        target("prompt", &prompt, "tenants = ['t_?']\nweight = 0")
            + &target("late", &database, more)
    };
    world.write("targets.toml", files(""));
    world.write("citus.toml", files("citus = true"));
    let run = |file: &str| {
        let schemas = (0..10).map(|number| format!("DROP SCHEMA IF EXISTS t_{number} CASCADE"));
        prompt.sql(&schemas.collect::<Vec<_>>().join(";"));
        late.stop(StopMode::Fast);
        let arguments = [
            "provision",
            "--targets",
            file,
            "--from-file",
            "names",
            "--retries",
            "10",
            "--format",
            "json",
        ];
        let child = world.spawn(&arguments);
        wait_for(|| marked(&prompt, "t\\_%") == 10);
        late.start_again();
        world.finish(child)
    };
    let output = run("targets.toml").succeeds();
    let lines = output.json();
    let place = |name: &str| {
        lines
            .iter()
            .position(|line| line["target"] == name)
            .unwrap()
    };
    assert!(place("prompt") < 10 && place("late") == 10, "{output}");
    assert_eq!((marked(&database, "t\\_%"), lines.len()), (10, 21));
    assert!(
        output.stderr.contains("warning: target 'late': retrying: "),
        "{output}"
    );
    // Nothing has checked for Citus then, so the transaction itself does.
    database.sql("DROP SCHEMA t_10 CASCADE");
    let output = run("citus.toml").exits_with(18);
    let failed = output
        .json()
        .iter()
        .filter(|line| line["error"]["id"] == "config.no_citus")
        .count();
    assert_eq!((failed, marked(&database, "t\\_%")), (10, 9), "{output}");
    // Without retries, nothing waits.
    late.stop(StopMode::Fast);
    let arguments = [
        "provision",
        "t_11",
        "--targets",
        "targets.toml",
        "--retries",
        "0",
        "--format",
        "json",
    ];
    let output = world.run(&arguments).exits_with(13);
    assert_eq!(output.json()[0]["outcome"], "failed", "{output}");
    assert!(!output.stderr.contains("retrying"), "{output}");
}

#[test]
fn explicit_rule_and_exposed_targets_file_are_errors() {
    let database = Cluster::shared().database();
    let world = world(1);
    world.write(
        "targets.toml",
        format!(
            "rule = 'explicit'\n{}",
            target("one", &database, "tenants = ['mine']")
        ),
    );
    let run = |tenant: &str| world.run(&["provision", tenant, "--targets", "targets.toml"]);
    insta::assert_snapshot!(run("other"), @r#"
    --- stderr ---
    error: tenant 'other': no target lists this tenant, and the rule is explicit
    hint: add it, or a pattern that matches it, to `tenants` of a target, or set rule = "hash"
    [exit status: 2]
    "#);
    insta::assert_snapshot!(run("mine"), @"
    created mine at one ([time])
    [exit status: 0]
    ");
    let file = world.write(
        "targets.toml",
        target("one", &database, "password = 'hunter2'"),
    );
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let output = run("mine").exits_with(12);
    assert!(
        output.stderr.contains("others may read it (mode 0644)")
            && !output.stderr.contains("hunter2"),
        "{output}"
    );
    world.write("targets.toml", "[[target]]\nname = 'x'\nhosts = 'a'\n");
    insta::assert_snapshot!(run("mine"), @"
    --- stderr ---
    error: 'targets.toml': target 'x': 'hosts' is not a key of a target; did you mean host?
    [exit status: 10]
    ");
}

#[test]
fn target_without_citus_is_an_error() {
    let database = Cluster::shared().database();
    let world = world(1);
    world.write("targets.toml", target("one", &database, "citus = true"));
    insta::assert_snapshot!(world.run(&["provision", "a", "--targets", "targets.toml"]), @"
    --- stderr ---
    error: the server at one has no Citus in this database
    hint: run CREATE EXTENSION citus in that database, or create ordinary tenants without citus
    [exit status: 10]
    ");
    let output = world
        .run(&["provision", "a", "--targets", "targets.toml", "--dry-run"])
        .succeeds();
    // A message for each statement, in one transaction.
    assert!(
        output.stdout.contains("BEGIN;\n") && output.stdout.contains("COMMIT;\n"),
        "{output}"
    );
    assert!(
        output
            .stdout
            .contains("SET LOCAL citus.enable_schema_based_sharding TO on;\n"),
        "{output}"
    );
    assert!(!output.stdout.contains("\\;"), "{output}");
}
