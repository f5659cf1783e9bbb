//! Commands on tenants of several servers.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::OnceLock;

use serde_json::{Value, json};

use super::selection::create_tenants;
use crate::bulk::target;
use crate::provision::{SMALL, snapshot, wait_for};
use crate::support::{Cluster, CommandOutput, Database, Options, Schemastamp, StopMode};

pub(super) const TARGETS: [&str; 2] = ["--targets", "targets.toml"];
/// A target that refuses connections.
pub(super) const GONE: &str =
    "[[target]]\nname = 'gone'\nhost = '127.0.0.1'\nport = 1\nuser = 'u'\nweight = 0\n";

/// A second cluster, for the tests that do not stop it.
fn second() -> &'static Cluster {
    static SECOND: OnceLock<Cluster> = OnceLock::new();
    SECOND.get_or_init(|| Cluster::start(&Options::default()))
}

/// Two databases on two servers, and a directory of migrations.
pub(super) struct World {
    pub(super) eu: Database<'static>,
    pub(super) us: Database<'static>,
    pub(super) run: Schemastamp,
}

impl World {
    /// `eu` has `a` and `b`, `us` has `c` and `d`; names that begin with `a` or `b` belong at `eu`.
    pub(super) fn new() -> Self {
        let world = Self::empty();
        create_tenants(&world.eu, &["a", "b"]);
        create_tenants(&world.us, &["c", "d"]);
        world
    }

    pub(super) fn empty() -> Self {
        let (eu, us) = (Cluster::shared().database(), second().database());
        let run = Schemastamp::new()
            .env("PGHOST", "nowhere.invalid")
            .env("PGUSER", "nobody");
        run.write("m/2_name.sql", "ALTER TABLE #{prefix}.users ADD name text;");
        run.write("snapshots/app.sql", snapshot(SMALL));
        let world = Self { eu, us, run };
        world.targets("", "", "");
        world
    }

    /// Writes the targets file with further keys, and further targets.
    pub(super) fn targets(&self, eu: &str, us: &str, more: &str) {
        let file = format!(
            "{}{}{more}",
            target("eu", &self.eu, &format!("tenants = ['a*', 'b*']\n{eu}")),
            target("us", &self.us, &format!("tenants = ['c*', 'd*']\n{us}")),
        );
        self.run.write("targets.toml", file);
    }

    pub(super) fn json(&self, arguments: &[&str]) -> CommandOutput {
        self.run
            .run(&[arguments, &TARGETS, &["--format", "json"]].concat())
    }

    /// The version of each tenant at both targets.
    pub(super) fn versions(&self) -> BTreeMap<String, String> {
        let mut versions = BTreeMap::new();
        for (name, database) in [("eu", &self.eu), ("us", &self.us)] {
            let schemas = database.query(
                "SELECT relnamespace::regnamespace FROM pg_class WHERE relname = 'schema_migrations'",
            );
            for schema in schemas.lines() {
                let version = database.query(&format!(
                    "SELECT max(version) FROM {schema}.schema_migrations"
                ));
                versions.insert(format!("{schema}@{name}"), version);
            }
        }
        versions
    }
}

/// The outcome of each tenant, by its name and target.
pub(super) fn outcomes(output: &CommandOutput) -> BTreeMap<String, String> {
    let lines = output.json();
    let tenants = lines.iter().filter(|line| line["type"] == "tenant");
    let key = |line: &Value| {
        let target = line["target"].as_str().unwrap_or("?");
        format!("{}@{target}", line["tenant"].as_str().unwrap())
    };
    tenants
        .map(|line| (key(line), line["outcome"].as_str().unwrap().to_owned()))
        .collect()
}

fn all_with(outcome: &str) -> BTreeMap<String, String> {
    ["a@eu", "b@eu", "c@us", "d@us"]
        .map(|tenant| (tenant.to_owned(), outcome.to_owned()))
        .into()
}

pub(super) fn summary(output: &CommandOutput) -> Value {
    output.json().last().unwrap()["summary"].clone()
}

#[test]
fn one_run_works_on_all_targets() {
    let world = World::new();
    let output = world.json(&["status", "--migrations", "m"]).succeeds();
    assert_eq!(outcomes(&output), all_with("behind"), "{output}");
    let output = world.json(&["verify", "--all", "--each-other"]).succeeds();
    assert_eq!(outcomes(&output), all_with("equal"), "{output}");
    let migrate = ["migrate", "--all", "--migrations", "m", "--jobs", "2"];
    let output = world.json(&migrate).succeeds();
    assert_eq!(outcomes(&output), all_with("migrated"), "{output}");
    assert_eq!(summary(&output)["migrated"], 4);
    let output = world
        .run
        .run(&[&["status", "--migrations", "m"][..], &TARGETS].concat())
        .succeeds();
    assert_eq!(
        output.to_string(),
        "current a at eu: at 2\ncurrent b at eu: at 2\ncurrent c at us: at 2\ncurrent d at us: at 2\n\
         --- stderr ---\n4 tenants, 0 behind, 0 with problems\n[exit status: 0]"
    );
    // A name is found wherever it is.
    let output = world.json(&["drop", "b", "c", "--yes"]).succeeds();
    let expected = [("b@eu", "dropped"), ("c@us", "dropped")];
    assert_eq!(
        outcomes(&output),
        expected
            .map(|(tenant, outcome)| (tenant.to_owned(), outcome.to_owned()))
            .into()
    );
    assert_eq!(
        world.versions().into_keys().collect::<Vec<_>>(),
        ["a@eu", "d@us"]
    );
    let output = world.json(&["status", "--target", "us"]).succeeds();
    assert_eq!(summary(&output)["tenants"], 1, "{output}");
    let output = world.json(&["status", "--target", "asia"]).exits_with(2);
    assert!(
        output.stderr.contains("the file has the targets eu, us"),
        "{output}"
    );
    let output = world.json(&["status", "--host", "x"]).exits_with(2);
    assert!(output.stderr.contains("cannot be combined"), "{output}");
    let output = world.json(&["status", "nosuch"]).exits_with(2);
    assert_eq!(
        output.json()[0]["error"]["id"],
        "tenant.missing",
        "{output}"
    );
    let output = world
        .json(&["migrate", "nosuch", "a", "--migrations", "m"])
        .exits_with(18);
    assert_eq!(summary(&output)["failed"], 1, "{output}");
    assert!(world.run.leftovers().is_empty());
}

#[test]
fn a_run_over_several_targets_has_one_id_and_is_undone_on_all_of_them() {
    let world = World::new();
    world.run.write(
        "m/2_name.down.sql",
        "ALTER TABLE #{prefix}.users DROP name;",
    );
    let migrate = ["migrate", "--migrations", "m"];
    let output = world
        .json(&[&migrate[..], &["--all", "--record"]].concat())
        .succeeds();
    let id = summary(&output)["run"].as_str().unwrap().to_owned();
    let run = |expected: Value| {
        let lines = world.json(&["runs"]).succeeds().json();
        let [run, _] = lines.as_slice() else {
            panic!("{lines:?}")
        };
        let found = json!([
            run["run"],
            run["targets"],
            run["tenants"],
            run["undone"],
            run["state"]
        ]);
        assert_eq!(found, expected);
    };
    run(json!([id, ["eu", "us"], 4, 0, "applied"]));
    let undo = [&migrate[..], &["--undo", &id]].concat();
    let files = ["--report", "undo.md", "--metrics", "undo.prom"];
    let output = world
        .json(&[&undo[..], &["--target", "us"], &files].concat())
        .succeeds();
    assert_eq!(outcomes(&output).len(), 2, "{output}");
    let report = world.run.read("undo.md");
    assert!(
        report.starts_with("## schemastamp undo: 2 undone\n"),
        "{report}"
    );
    let metrics = world.run.read("undo.prom");
    let undone =
        "schemastamp_tenants_by_outcome{command=\"undo\",target=\"us\",outcome=\"undone\"} 2\n";
    assert!(metrics.contains(undone), "{metrics}");
    run(json!([id, ["eu", "us"], 4, 2, "partly_undone"]));
    let output = world.json(&undo).succeeds();
    assert_eq!(outcomes(&output), all_with("undone"), "{output}");
    assert!(world.versions().values().all(|version| version == "1"));
    // A target that is down does not make the run unknown.
    world.targets("", "", &format!("{GONE}tenants = ['g*']\n"));
    let output = world.json(&undo).exits_with(18);
    assert_eq!(summary(&output)["failed_targets"], 1, "{output}");
    let output = world.json(&["runs"]).exits_with(18);
    let types: Vec<_> = output
        .json()
        .iter()
        .map(|line| line["type"].clone())
        .collect();
    assert_eq!(types, ["target", "run", "summary"], "{output}");
    assert_eq!(summary(&output)["failed_targets"], 1, "{output}");
    let output = world.json(&[&migrate[..], &["--undo", "nosuch", "--target", "eu"]].concat());
    assert!(output.exits_with(2).stdout.contains("migrate.unknown_run"));
}

#[test]
fn dead_target_fails_only_its_own_tenants() {
    let world = World::new();
    world.targets("", "", &format!("{GONE}tenants = ['g*']\n"));
    for command in [
        &["status", "--all"][..],
        &["verify", "--all", "--each-other"],
        &["migrate", "--all", "--migrations", "m"],
    ] {
        let output = world.json(command).exits_with(18);
        assert_eq!(outcomes(&output).len(), 4, "{command:?}: {output}");
        let lines = output.json();
        let line = lines.iter().find(|line| line["type"] == "target").unwrap();
        assert_eq!(
            (&line["target"], &line["outcome"]),
            (&json!("gone"), &json!("failed"))
        );
        assert_eq!(line["error"]["id"], "net.refused", "{command:?}: {output}");
        assert_eq!(
            summary(&output)["failed_targets"],
            1,
            "{command:?}: {output}"
        );
        assert!(output.stderr.contains("error: target 'gone': "), "{output}");
    }
    assert!(world.versions().values().all(|version| version == "2"));
    // By name, its tenants are known: those that belong there and are nowhere else.
    for command in [
        &["status", "a", "g1"][..],
        &["verify", "a", "g1", "--each-other"],
        &["migrate", "a", "g1", "--migrations", "m"],
        &["drop", "a", "g1", "--dry-run"],
    ] {
        let output = world.json(command).exits_with(18);
        let found = outcomes(&output);
        assert_eq!(
            found.get("g1@gone").map(String::as_str),
            Some("failed"),
            "{output}"
        );
        assert!(found.contains_key("a@eu") && found.len() == 2, "{output}");
        assert!(!output.stdout.contains("\"type\":\"target\""), "{output}");
    }
    let output = world
        .json(&["migrate", "g1", "--migrations", "m"])
        .exits_with(13);
    assert_eq!(output.json()[0]["error"]["id"], "net.refused", "{output}");
    // None of its tenants is meant.
    let output = world.json(&["status", "a", "c"]).succeeds();
    assert!(
        output
            .stderr
            .contains("none of these tenants belongs there"),
        "{output}"
    );
    let output = world.json(&["drop", "a", "nosuch", "--yes"]).exits_with(18);
    assert_eq!(
        outcomes(&output).get("nosuch@?").map(String::as_str),
        Some("missing")
    );
    assert_eq!(
        outcomes(&output).get("a@eu").map(String::as_str),
        Some("dropped")
    );
    // A selection that only the dead target could have filled is not called empty.
    let output = world
        .json(&["migrate", "--match", "g*", "--migrations", "m"])
        .exits_with(18);
    assert!(!output.stdout.contains("tenant.none"), "{output}");
    let output = world.json(&[
        "migrate",
        "--match",
        "x*",
        "--migrations",
        "m",
        "--target",
        "eu",
    ]);
    assert!(output.exits_with(2).stdout.contains("tenant.none"));
}

#[test]
fn query_prints_the_rows_of_all_targets_and_failures_apart() {
    let world = World::new();
    world.targets("", "", &format!("{GONE}tenants = ['g*']\n"));
    let query = ["query", "-c", "SELECT version FROM schema_migrations"];
    let run = |more: &[&str]| world.run.run(&[&query[..], &TARGETS, more].concat());
    let mut lines: Vec<String> = run(&["--all", "--format", "csv", "--total-jobs", "1"])
        .exits_with(18)
        .stdout
        .lines()
        .map(str::to_owned)
        .collect();
    lines[1..].sort();
    assert_eq!(
        lines,
        [
            "tenant,target,version",
            "a,eu,1",
            "b,eu,1",
            "c,us,1",
            "d,us,1"
        ]
    );
    let output = run(&["a", "g1", "nosuch", "--format", "csv"]).exits_with(18);
    assert_eq!(output.stdout, "tenant,target,version\na,eu,1\n");
    assert!(
        output.stderr.contains("error: failed: g1 at gone: "),
        "{output}"
    );
    assert!(
        output.stderr.contains("error: missing: nosuch\n"),
        "{output}"
    );
    let output = run(&["c", "--target", "us"]).succeeds();
    assert!(output.stdout.contains(" c      | us     |"), "{output}");
    let output = run(&[
        "a", "c", "--format", "json", "--target", "eu", "--target", "us",
    ]);
    let output = output.succeeds();
    let rows: Vec<Value> = output
        .json()
        .iter()
        .filter(|line| line["type"] == "row")
        .map(|line| json!([line["tenant"], line["target"], line["row"]["version"]]))
        .collect();
    assert!(
        rows.contains(&json!(["c", "us", "1"])) && rows.len() == 2,
        "{output}"
    );
    assert_eq!(summary(&output)["queried"], 2, "{output}");
}

/// A target that accepts the connection and never answers.
#[test]
fn silent_target_holds_up_nothing_but_its_own_tenants() {
    let world = World::new();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let more = format!(
        "[[target]]\nname = 'silent'\nhost = '127.0.0.1'\nport = {port}\nuser = 'u'\nweight = 0\n"
    );
    world.targets("", "", &more);
    let migrate = ["migrate", "--all", "--migrations", "m"];
    let output = world
        .json(&[&migrate[..], &["--timeout", "5"]].concat())
        .exits_with(18);
    assert_eq!(outcomes(&output), all_with("migrated"), "{output}");
    let lines = output.json();
    let line = lines.iter().find(|line| line["type"] == "target").unwrap();
    assert_eq!(
        (&line["target"], &line["error"]["id"]),
        (&json!("silent"), &json!("timeout"))
    );
    // The others are done long before.
    let place = lines
        .iter()
        .position(|line| line["type"] == "target")
        .unwrap();
    assert_eq!(place, 4, "{output}");
    // A signal ends the wait.
    let arguments = ["status", "--format", "json"];
    let child = world.run.spawn(&[&arguments[..], &TARGETS].concat());
    std::thread::sleep(std::time::Duration::from_secs(2));
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let output = world.run.finish(child).exits_with(130);
    assert_eq!(outcomes(&output), all_with("current"), "{output}");
    assert_eq!(summary(&output)["failed_targets"], 1, "{output}");
    assert!(world.run.leftovers().is_empty());
}

#[test]
fn status_reports_the_wrong_place_and_two_places() {
    let world = World::new();
    create_tenants(&world.us, &["a2", "b"]);
    let output = world
        .run
        .run(&[&["status"][..], &TARGETS].concat())
        .succeeds();
    insta::assert_snapshot!(output, @"
    current a2 at us: at 1; belongs at eu
    current b at eu: at 1; also at us
    current b at us: at 1; belongs at eu; also at eu
    current a at eu: at 1
    current c at us: at 1
    current d at us: at 1
    --- stderr ---
    6 tenants, 0 behind, 0 with problems, 2 in the wrong place, 1 in two places
    [exit status: 0]
    ");
    let output = world.json(&["status"]).succeeds();
    let lines = output.json();
    let b = lines
        .iter()
        .find(|line| line["tenant"] == "b" && line["target"] == "us")
        .unwrap();
    assert_eq!(
        (&b["belongs_at"], &b["also_at"]),
        (&json!("eu"), &json!(["eu"]))
    );
    let figures = summary(&output);
    assert_eq!(
        (&figures["misplaced"], &figures["in_two_places"]),
        (&json!(2), &json!(1))
    );
    // Which one is meant is not guessed.
    let output = world.json(&["drop", "b", "--yes"]).exits_with(2);
    assert_eq!(
        output.json()[0]["error"]["id"],
        "tenant.two_places",
        "{output}"
    );
    let output = world
        .json(&["drop", "b", "--yes", "--target", "us"])
        .succeeds();
    assert_eq!(outcomes(&output).into_keys().collect::<Vec<_>>(), ["b@us"]);
}

#[test]
fn targets_that_share_a_database_are_not_counted_twice() {
    let world = World::new();
    let again = target("again", &world.eu, "");
    world.targets("", "", &again);
    let output = world.json(&["status"]).exits_with(18);
    assert_eq!(outcomes(&output).len(), 4, "{output}");
    assert!(output.stdout.contains("config.shared_target"), "{output}");
    let output = world
        .json(&["migrate", "--all", "--migrations", "m"])
        .exits_with(18);
    assert_eq!(summary(&output)["migrated"], 4, "{output}");
    for command in [
        &["provision", "x", "y"][..],
        &["pool", "status"],
        &["pool", "fill", "--size", "1"],
    ] {
        let output = world.json(command).exits_with(10);
        let error = output.json().last().unwrap()["error"].clone();
        assert_eq!(error["id"], "config.shared_target", "{command:?}");
        assert_eq!(
            error["message"],
            "the targets 'eu' and 'again' lead to the same database"
        );
    }
    // Another database of the same server is another target.
    let other = Cluster::shared().database();
    world.targets("", "", &target("again", &other, ""));
    drop(world.json(&["status"]).succeeds());
}

#[test]
fn query_of_the_registry_names_targets() {
    let world = World::new();
    create_tenants(&world.us, &["a"]);
    world.us.sql(
        "CREATE TABLE accounts (name text, target text, wave int);
         INSERT INTO accounts VALUES ('a', 'us', 1), ('b', NULL, 2), ('c', 'eu', 2)",
    );
    let query = "SELECT name, target, wave AS \"group\" FROM accounts";
    let selection = ["--tenants-query", query];
    let output = world
        .json(&[&["status"][..], &selection].concat())
        .exits_with(2);
    assert!(output.stderr.contains("registry = true"), "{output}");
    world.targets("", "registry = true", "");
    let output = world
        .json(&[&["status"][..], &selection].concat())
        .exits_with(18);
    let expected = [
        ("a@us", "current"),
        ("b@eu", "current"),
        ("c@eu", "missing"),
    ];
    assert_eq!(
        outcomes(&output),
        expected
            .map(|(tenant, outcome)| (tenant.to_owned(), outcome.to_owned()))
            .into()
    );
    let reconcile = ["status", "--reconcile"];
    let output = world
        .json(&[&reconcile[..], &selection].concat())
        .exits_with(1);
    let found = outcomes(&output);
    for (tenant, outcome) in [
        ("a@eu", "unregistered"),
        ("a@us", "current"),
        ("c@eu", "missing"),
        ("c@us", "unregistered"),
        ("d@us", "unregistered"),
    ] {
        assert_eq!(
            found.get(tenant).map(String::as_str),
            Some(outcome),
            "{tenant}: {output}"
        );
    }
    // The registry is asked also where its own tenants are left out.
    let only_eu = ["status", "--target", "eu"];
    let output = world
        .json(&[&only_eu[..], &selection].concat())
        .exits_with(18);
    assert_eq!(outcomes(&output).len(), 2, "{output}");
    world
        .us
        .sql("UPDATE accounts SET target = 'asia' WHERE name = 'b'");
    let output = world
        .json(&[&["status"][..], &selection].concat())
        .exits_with(2);
    let error = output.json()[0]["error"].clone();
    assert_eq!(error["id"], "tenant.no_target", "{output}");
    // Two rows are two tenants, so that each may be dropped.
    world
        .us
        .sql("TRUNCATE accounts; INSERT INTO accounts VALUES ('a', 'us'), ('a', 'eu')");
    let output = world
        .json(&[&["drop", "--yes"][..], &selection].concat())
        .succeeds();
    assert_eq!(outcomes(&output).len(), 2, "{output}");
}

#[test]
fn limits_count_on_all_targets_together() {
    let world = World::empty();
    let names = |prefix: &str| {
        (0..6)
            .map(|number| format!("{prefix}{number}"))
            .collect::<Vec<_>>()
    };
    for (database, prefix) in [(&world.eu, "a"), (&world.us, "c")] {
        let names = names(prefix);
        create_tenants(
            database,
            &names.iter().map(String::as_str).collect::<Vec<_>>(),
        );
    }
    // Fails for every tenant.
    world.run.write("m/2_name.sql", "SELECT 1/0;");
    let migrate = ["migrate", "--all", "--migrations", "m", "--total-jobs", "1"];
    let output = world
        .json(&[&migrate[..], &["--max-failures", "3"]].concat())
        .exits_with(18);
    assert_eq!(
        (
            &summary(&output)["failed"],
            &summary(&output)["not_reached"]
        ),
        (&json!(3), &json!(9)),
        "{output}"
    );
    let output = world
        .json(&[&migrate[..], &["--canary", "2"]].concat())
        .exits_with(18);
    assert_eq!(summary(&output)["not_reached"], 10, "{output}");
    let reason = summary(&output)["ended_early"].as_str().unwrap().to_owned();
    assert!(
        reason.contains("target 'us': one of the first tenants failed"),
        "{reason}"
    );
    // More first tenants than the first target has.
    world
        .run
        .write("m/2_name.sql", "ALTER TABLE #{prefix}.users ADD name text;");
    let output = world
        .json(&[&migrate[..], &["--canary", "8"]].concat())
        .succeeds();
    assert_eq!(summary(&output)["migrated"], 12, "{output}");
    // New tenants, with fewer workers than targets.
    world.run.write("names", "a10\nc10\na11\nc11\na12\n");
    let output = world
        .json(&["provision", "--from-file", "names", "--total-jobs", "1"])
        .succeeds();
    assert_eq!(summary(&output)["created"], 5, "{output}");
    let output = world
        .json(&["provision", "a20", "--target", "us"])
        .exits_with(2);
    assert_eq!(
        output.json()[0]["error"]["id"],
        "tenant.no_target",
        "{output}"
    );
}

/// A migration of many tenants on both targets, each slow enough to be interrupted.
fn start_slow(world: &World) -> std::process::Child {
    let names = |prefix: &str| {
        (0..10)
            .map(|number| format!("{prefix}{number}"))
            .collect::<Vec<_>>()
    };
    for (database, prefix) in [(&world.eu, "a"), (&world.us, "c")] {
        let names = names(prefix);
        create_tenants(
            database,
            &names.iter().map(String::as_str).collect::<Vec<_>>(),
        );
    }
    let slow = "ALTER TABLE #{prefix}.users ADD name text; SELECT pg_sleep(0.2);";
    world.run.write("m/2_name.sql", slow);
    let migrate = ["migrate", "--all", "--migrations", "m", "--format", "json"];
    let child = world.run.spawn(&[&migrate[..], &TARGETS].concat());
    let done = |database: &Database<'_>| {
        database.query(
            "SELECT count(*) FROM pg_attribute WHERE attname = 'name' AND attrelid IN \
             (SELECT oid FROM pg_class WHERE relname = 'users')",
        )
    };
    wait_for(|| done(&world.eu) != "0" && done(&world.us) != "0");
    child
}

/// Each tenant is at the version that its table says: the column is there exactly with version 2.
#[track_caller]
fn assert_true_versions(world: &World) {
    for database in [&world.eu, &world.us] {
        let mut sql = String::new();
        let schemas = database.query(
            "SELECT relnamespace::regnamespace FROM pg_class WHERE relname = 'schema_migrations'",
        );
        for schema in schemas.lines() {
            let _ = writeln!(
                sql,
                "SELECT '{schema}', (SELECT count(*) FROM {schema}.schema_migrations WHERE version = '2'), \
                 (SELECT count(*) FROM pg_attribute WHERE attname = 'name' AND attrelid = '{schema}.users'::regclass);"
            );
        }
        for line in database.query(&sql).lines() {
            let parts: Vec<&str> = line.split('|').collect();
            assert_eq!(parts[1], parts[2], "{line}");
        }
    }
}

#[test]
fn interrupted_run_reports_truly_and_the_next_one_continues() {
    let world = World::empty();
    let child = start_slow(&world);
    rustix::process::kill_process(
        rustix::process::Pid::from_child(&child),
        rustix::process::Signal::INT,
    )
    .unwrap();
    let output = world.run.finish(child).exits_with(130);
    assert_true_versions(&world);
    let versions = world.versions();
    let found = outcomes(&output);
    assert_eq!(found.len(), 20, "{output}");
    for (tenant, outcome) in &found {
        let is_migrated = outcome == "migrated";
        assert_eq!(
            versions[tenant] == "2",
            is_migrated,
            "{tenant} {outcome}: {output}"
        );
    }
    let migrated = found
        .values()
        .filter(|outcome| *outcome == "migrated")
        .count();
    assert_eq!(summary(&output)["migrated"], migrated);
    assert!(migrated < 20, "{output}");
    assert_continues(&world, migrated);
}

#[test]
fn killed_run_leaves_true_versions_and_the_next_one_continues() {
    let world = World::empty();
    let mut child = start_slow(&world);
    child.kill().unwrap();
    assert!(!child.wait().unwrap().success());
    // The servers roll back what the run had in progress.
    for database in [&world.eu, &world.us] {
        wait_for(|| {
            database.query(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                 AND pid <> pg_backend_pid() AND backend_type = 'client backend'",
            ) == "0"
        });
    }
    assert_true_versions(&world);
    let migrated = world
        .versions()
        .values()
        .filter(|version| *version == "2")
        .count();
    assert_continues(&world, migrated);
}

#[track_caller]
fn assert_continues(world: &World, migrated: usize) {
    world
        .run
        .write("m/2_name.sql", "ALTER TABLE #{prefix}.users ADD name text;");
    let migrate = ["migrate", "--all", "--migrations", "m", "--allow-changed"];
    let output = world.json(&migrate).succeeds();
    let figures = summary(&output);
    assert_eq!(
        (&figures["migrated"], &figures["up_to_date"]),
        (&json!(20 - migrated), &json!(migrated)),
        "{output}"
    );
    assert_true_versions(world);
    assert!(world.versions().values().all(|version| version == "2"));
}

/// One target stops during the run: its tenants fail or are not reached, the others are migrated.
#[test]
fn target_that_dies_midway_does_not_stop_the_other() {
    let (eu, us) = (
        Cluster::shared().database(),
        Cluster::start(&Options::default()),
    );
    let database = us.database();
    let names: Vec<String> = (0..8).map(|number| format!("t{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    create_tenants(&eu, &names);
    create_tenants(&database, &names);
    let run = Schemastamp::new();
    run.write(
        "m/2_name.sql",
        "ALTER TABLE #{prefix}.users ADD name text; SELECT pg_sleep(0.2);",
    );
    run.write(
        "targets.toml",
        target("eu", &eu, "") + &target("us", &database, ""),
    );
    let migrate = ["migrate", "--all", "--migrations", "m", "--format", "json"];
    let child = run.spawn(&[&migrate[..], &TARGETS].concat());
    let applied = "SELECT count(*) FROM pg_attribute WHERE attname = 'name' AND attrelid IN \
         (SELECT oid FROM pg_class WHERE relname = 'users')";
    wait_for(|| database.query(applied) != "0");
    us.stop(StopMode::Immediate);
    let output = run.finish(child).exits_with(18);
    let lines = output.json();
    let count = |target: &str, outcome: &str| {
        lines
            .iter()
            .filter(|line| line["target"] == target && line["outcome"] == outcome)
            .count()
    };
    assert_eq!(count("eu", "migrated"), 8, "{output}");
    assert!(count("us", "migrated") < 8, "{output}");
    assert_eq!(
        lines.iter().filter(|line| line["target"] == "us").count(),
        8,
        "{output}"
    );
    us.start_again();
    let output = run.run(&[&migrate[..], &TARGETS].concat()).succeeds();
    assert_eq!(summary(&output)["failed"], 0, "{output}");
    assert_eq!(
        database.query(
            "SELECT count(*) FROM pg_attribute WHERE attname = 'name' AND attrelid IN \
             (SELECT oid FROM pg_class WHERE relname = 'users')"
        ),
        "8"
    );
}

#[test]
fn commands_for_one_tenant_take_one_target() {
    let world = World::new();
    let at = |name: &'static str| ["--targets", "targets.toml", "--target", name];
    let run = |arguments: &[&str], target: &'static str| {
        world.run.run(&[arguments, &at(target)].concat())
    };
    drop(run(&["capture", "--schema", "a", "-o", "s.sql"], "eu").succeeds());
    let check = ["check", "--schema", "c", "--snapshot", "s.sql"];
    drop(run(&check, "us").succeeds());
    let output = run(&["clone", "c", "c2"], "us").succeeds();
    assert!(
        output.stdout.starts_with("cloned c to c2 at us: "),
        "{output}"
    );
    let output = run(&["rename", "c2", "c3", "--yes", "--format", "json"], "us").succeeds();
    assert_eq!(output.json()[0]["target"], "us", "{output}");
    let keys = world.versions().into_keys().collect::<Vec<_>>();
    assert_eq!(keys, ["a@eu", "b@eu", "c3@us", "c@us", "d@us"]);
    drop(run(&["clone", "c", "c2"], "asia").exits_with(2));
    let output = world
        .run
        .run(&["clone", "c", "c2", "--targets", "targets.toml"]);
    assert!(output.exits_with(2).stderr.contains("--target"));
}

#[test]
fn pools_of_all_targets_are_filled_counted_and_drained() {
    let world = World::empty();
    world.targets("", "", GONE);
    let output = world.json(&["pool", "fill", "--size", "2"]).exits_with(18);
    let figures = summary(&output);
    assert_eq!(
        (
            &figures["made"],
            &figures["ready"],
            &figures["failed_targets"]
        ),
        (&json!(4), &json!(4), &json!(1)),
        "{output}"
    );
    world.targets("", "", "");
    let output = world.json(&["pool", "status"]).succeeds();
    let targets: Vec<Value> = output
        .json()
        .iter()
        .filter(|line| line["type"] == "spares")
        .map(|line| json!([line["target"], line["ready"]]))
        .collect();
    assert_eq!(targets, [json!(["eu", 2]), json!(["us", 2])], "{output}");
    let output = world.json(&["pool", "drain", "--all"]).succeeds();
    assert_eq!(summary(&output)["dropped"], 4, "{output}");
    world.targets("", "citus = true", "");
    let output = world.json(&["pool", "fill", "--size", "1"]).exits_with(18);
    let figures = summary(&output);
    assert_eq!(
        (&figures["made"], &figures["failed_targets"]),
        (&json!(1), &json!(1)),
        "{output}"
    );
    assert!(output.stdout.contains("config.no_citus"), "{output}");
}

#[test]
fn pools_of_several_targets_are_filled_at_the_same_time_within_both_limits() {
    let world = World::empty();
    let body = format!("{SMALL}SELECT pg_sleep(0.5);\n");
    world.run.write("snapshots/app.sql", snapshot(&body));
    let fill = [
        "pool",
        "fill",
        "--size",
        "2",
        "--jobs",
        "1",
        "--allow-outside",
    ];
    let times = |database: &Database<'_>| {
        let made = "SELECT extract(epoch FROM min(made)), extract(epoch FROM max(made)) FROM schemastamp_pool.spares";
        let times: Vec<f64> = database
            .query(made)
            .split('|')
            .map(|at| at.parse().unwrap())
            .collect();
        (times[0], times[1])
    };
    drop(world.json(&fill).succeeds());
    let (eu, us) = (times(&world.eu), times(&world.us));
    assert!(
        eu.0 < us.1 && us.0 < eu.1,
        "one after the other: {eu:?} {us:?}"
    );
    drop(world.json(&["pool", "drain", "--all"]).succeeds());
    // One worker for both: no spare is begun before another is done.
    drop(
        world
            .json(&[&fill[..], &["--total-jobs", "1"]].concat())
            .succeeds(),
    );
    let all = "SELECT extract(epoch FROM made) FROM schemastamp_pool.spares";
    let (eu, us) = (world.eu.query(all), world.us.query(all));
    let mut made: Vec<f64> = eu
        .lines()
        .chain(us.lines())
        .map(|at| at.parse().unwrap())
        .collect();
    made.sort_by(f64::total_cmp);
    assert_eq!(made.len(), 4);
    assert!(
        made.windows(2).all(|pair| pair[1] - pair[0] >= 0.5),
        "{made:?}"
    );
}

#[test]
fn verify_hashes_with_several_workers_what_one_would_find() {
    let world = World::empty();
    let names: Vec<String> = (0..250).map(|number| format!("a{number:03}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    create_tenants(&world.eu, &names);
    create_tenants(&world.us, &["c", "d"]);
    world.eu.sql(
        "ALTER TABLE a007.users ADD x int; ALTER TABLE a249.users ADD x int; CREATE SCHEMA empty",
    );
    let verify = ["verify", "--all", "--each-other"];
    let found = |more: &[&str]| {
        let output = world.json(&[&verify[..], more].concat()).exits_with(1);
        let mut lines = output.json();
        lines.last_mut().unwrap()["summary"]["ms"] = Value::Null;
        lines
    };
    let one = found(&[]);
    assert_eq!(one.last().unwrap()["summary"]["different"], 2);
    assert_eq!(one.last().unwrap()["summary"]["equal"], 250);
    for more in [
        &["--jobs", "3"][..],
        &["--jobs", "256", "--total-jobs", "1"],
    ] {
        assert_eq!(found(more), one, "{more:?}");
    }
}

#[test]
fn targets_are_exported_for_poolers() {
    let world = World::new();
    let export = |format: &str, more: &[&str]| {
        let arguments = ["targets", "export", "--format", format];
        world.run.run(&[&arguments[..], &TARGETS, more].concat())
    };
    let output = export("pgbouncer", &[]).succeeds();
    let lines: Vec<&str> = output.stdout.lines().collect();
    assert_eq!(lines[0], "[databases]");
    let port = world.us.cluster.port();
    assert!(lines[2].starts_with("us = host="), "{output}");
    assert!(
        lines[2].contains(&format!(" port={port} dbname={} ", world.us.name)),
        "{output}"
    );
    let output = export("pgdog", &["--name", "prod"]).succeeds();
    for (schema, shard) in [("a", 0), ("b", 0), ("c", 1), ("d", 1)] {
        let entry = format!(
            "[[sharded_schemas]]\ndatabase = \"prod\"\nname = \"{schema}\"\nshard = {shard}\n"
        );
        assert!(output.stdout.contains(&entry), "{output}");
    }
    let output = export("json", &[]).succeeds();
    assert_eq!(output.json()[1]["tenants"], json!(["c", "d"]), "{output}");
    drop(export("text", &[]).exits_with(2));
    // Routes for a part of the tenants would send the others elsewhere.
    world.targets("", "", GONE);
    assert_eq!(export("pgdog", &[]).exits_with(18).stdout, "");
    let output = world
        .run
        .run(&["status", "--format", "pgdog"])
        .exits_with(2);
    assert!(output.stderr.contains("`targets export`"), "{output}");
}
