//! What happens to a fleet on several servers during a run: files that change, tenants that move, strangers, two operators, and
//! runs that are killed again and again.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;

use super::selection::create_tenants;
use super::servers::{TARGETS, World, outcomes, summary};
use crate::bulk::target;
use crate::provision::wait_for;
use crate::support::{Cluster, Database, Schemastamp, is_nightly};

/// A migration that waits for `go` in the table `gate` of the tenant's database, as other sessions see it.
const WAITS: &str = "DO $do$ BEGIN WHILE NOT EXISTS (SELECT FROM public.gate) LOOP PERFORM pg_sleep(0.05); END LOOP; END $do$; \
                     ALTER TABLE #{prefix}.users ADD name text;";
const SLEEPING: &str = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()";

/// Starts a migration of all tenants that waits in the first one of each target.
fn start_waiting(world: &World) -> std::process::Child {
    world.run.write("m/2_name.sql", WAITS);
    for database in [&world.eu, &world.us] {
        database.sql("CREATE TABLE public.gate (i int)");
    }
    let migrate = ["migrate", "--all", "--migrations", "m", "--format", "json"];
    let child = world.run.spawn(&[&migrate[..], &TARGETS].concat());
    wait_for(|| {
        [&world.eu, &world.us]
            .iter()
            .all(|database| database.query(SLEEPING) == "1")
    });
    child
}

fn let_go(world: &World) {
    for database in [&world.eu, &world.us] {
        database.sql("INSERT INTO public.gate VALUES (1)");
    }
}

fn expected(outcomes: &[(&str, &str)]) -> BTreeMap<String, String> {
    let pairs = outcomes.iter();
    pairs
        .map(|(tenant, outcome)| ((*tenant).to_owned(), (*outcome).to_owned()))
        .collect()
}

#[test]
fn a_targets_file_that_changes_counts_for_the_next_run() {
    let world = World::new();
    let child = start_waiting(&world);
    world.run.write("targets.toml", "no TOML [");
    let_go(&world);
    let output = world.run.finish(child).succeeds();
    assert_eq!(summary(&output)["migrated"], 4, "{output}");
    let output = world.json(&["status"]).exits_with(10);
    assert!(output.stdout.contains("targets.toml"), "{output}");
    // Without `us`, its tenants are neither found nor touched; with its name at another server, they are not there.
    world.run.write("targets.toml", target("eu", &world.eu, ""));
    let output = world.json(&["status", "--all"]).succeeds();
    assert_eq!(
        outcomes(&output),
        expected(&[("a@eu", "current"), ("b@eu", "current")])
    );
    let output = world.json(&["drop", "a", "c", "--dry-run"]).exits_with(18);
    assert_eq!(outcomes(&output)["c@eu"], "missing", "{output}");
    let elsewhere = Cluster::shared().database();
    create_tenants(&elsewhere, &["e"]);
    world.run.write(
        "targets.toml",
        target("eu", &world.eu, "registry = true") + &target("us", &elsewhere, ""),
    );
    let output = world.json(&["status", "--all"]).succeeds();
    assert_eq!(outcomes(&output)["e@us"], "behind", "{output}");
    let query = "VALUES ('c', 'us')";
    let query = format!("SELECT * FROM ({query}) AS t (name, target)");
    let output = world.json(&["migrate", "--migrations", "m", "--tenants-query", &query]);
    assert_eq!(
        outcomes(&output.exits_with(2)),
        expected(&[("c@us", "missing")])
    );
}

#[test]
fn tenants_that_are_dropped_renamed_or_moved_during_the_run_are_gone() {
    let world = World::new();
    create_tenants(&world.eu, &["b2", "b3"]);
    let child = start_waiting(&world);
    // `b` moves to the other server, whose tenants are known by now.
    world
        .eu
        .sql("DROP SCHEMA b CASCADE; DROP SCHEMA b2 CASCADE; ALTER SCHEMA b3 RENAME TO b4");
    create_tenants(&world.us, &["b"]);
    let_go(&world);
    let output = world.run.finish(child).exits_with(18);
    let found = outcomes(&output);
    for (tenant, outcome) in [
        ("a@eu", "migrated"),
        ("b@eu", "gone"),
        ("b2@eu", "gone"),
        ("b3@eu", "gone"),
        ("c@us", "migrated"),
        ("d@us", "migrated"),
    ] {
        assert_eq!(found[tenant], outcome, "{tenant}: {output}");
    }
    // What came during the run is migrated by it or by the next one, and nothing is made again.
    let output = world
        .json(&["migrate", "--all", "--migrations", "m"])
        .succeeds();
    assert_eq!(summary(&output)["failed"], 0, "{output}");
    let versions = world.versions();
    let names: BTreeSet<&str> = versions.keys().map(String::as_str).collect();
    assert_eq!(names, ["a@eu", "b4@eu", "b@us", "c@us", "d@us"].into());
    assert!(
        versions.values().all(|version| version == "2"),
        "{versions:?}"
    );
    let output = world.json(&["status", "--migrations", "m"]).succeeds();
    let lines = output.json();
    let moved = lines.iter().find(|line| line["tenant"] == "b").unwrap();
    assert_eq!(
        (&moved["target"], &moved["belongs_at"]),
        (&json!("us"), &json!("eu"))
    );
}

/// Schemas of others come and go, some with a version table: none of these is a reason to fail for the tenants.
#[test]
fn strangers_schemas_that_come_and_go_fail_no_tenant() {
    let world = World::new();
    std::fs::remove_file(world.run.path("m/2_name.sql")).unwrap();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut number = 0;
            while !is_over.load(Ordering::Relaxed) {
                number += 1;
                let table = if number % 2 == 0 { "users (i int)" } else { "schema_migrations (version varchar)" };
                world.eu.sql(&format!(
                    "CREATE SCHEMA s{number}; CREATE TABLE s{number}.{table}; SELECT pg_sleep(0.01); DROP SCHEMA s{number} CASCADE"
                ));
            }
        });
        let check = || {
            for round in 2..8 {
                let sql = format!("ALTER TABLE #{{prefix}}.users ADD c{round} text;");
                // A stranger's schema with a version table counts as a tenant for as long as it is there.
                world.run.write(&format!("m/{round}_x.sql"), sql);
                for command in [
                    &["status", "--migrations", "m"][..],
                    &["migrate", "--all", "--migrations", "m"],
                    &["verify", "--all", "--each-other"],
                    &[
                        "query",
                        "--all",
                        "-c",
                        "SELECT count(*) FROM schema_migrations",
                    ],
                ] {
                    let output = world.json(command);
                    let found = outcomes(&output);
                    for tenant in ["a@eu", "b@eu", "c@us", "d@us"] {
                        let good = [
                            "current",
                            "behind",
                            "migrated",
                            "up_to_date",
                            "equal",
                            "queried",
                        ];
                        assert!(
                            found
                                .get(tenant)
                                .is_some_and(|outcome| good.contains(&outcome.as_str())),
                            "{command:?}: {output}"
                        );
                    }
                }
            }
        };
        let checked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(check));
        is_over.store(true, Ordering::Relaxed);
        if let Err(panic) = checked {
            std::panic::resume_unwind(panic);
        }
    });
    let versions = world.versions();
    assert!(
        versions.values().all(|version| version == "7"),
        "{versions:?}"
    );
}

#[test]
fn two_operators_apply_each_migration_once() {
    let world = World::new();
    world.run.write(
        "m/2_name.sql",
        "ALTER TABLE #{prefix}.users ADD name text; SELECT pg_sleep(0.1);",
    );
    world.run.write(
        "m/3_age.sql",
        "ALTER TABLE #{prefix}.users ADD age int; SELECT pg_sleep(0.1);",
    );
    let migrate = [
        "migrate",
        "--all",
        "--migrations",
        "m",
        "--record",
        "--jobs",
        "2",
        "--format",
        "json",
    ];
    let arguments = [&migrate[..], &TARGETS].concat();
    let (one, other) = (world.run.spawn(&arguments), world.run.spawn(&arguments));
    let (one, other) = (
        world.run.finish(one).succeeds(),
        world.run.finish(other).succeeds(),
    );
    for output in [&one, &other] {
        let found = summary(output);
        assert_eq!(
            found["migrated"].as_u64().unwrap() + found["up_to_date"].as_u64().unwrap(),
            4,
            "{output}"
        );
    }
    for database in [&world.eu, &world.us] {
        let applied =
            "SELECT count(*), count(DISTINCT (tenant, version)) FROM schemastamp_runs.applied";
        assert_eq!(database.query(applied), "4|4", "{one}{other}");
    }
    assert!(world.versions().values().all(|version| version == "3"));
}

/// The columns of each tenant say which versions it has.
#[track_caller]
fn assert_true(database: &Database<'_>) {
    let mut sql = String::new();
    let schemas = database.query(
        "SELECT relnamespace::regnamespace FROM pg_class WHERE relname = 'schema_migrations'",
    );
    for schema in schemas.lines() {
        let _ = writeln!(
            sql,
            "SELECT '{schema}', (SELECT string_agg(version, ' ' ORDER BY version::int) FROM {schema}.schema_migrations WHERE version <> '1'), \
             (SELECT string_agg(substr(attname, 2), ' ' ORDER BY substr(attname, 2)::int) FROM pg_attribute \
             WHERE attrelid = '{schema}.users'::regclass AND attname ~ '^c[0-9]+$');"
        );
    }
    for line in database.query(&sql).lines() {
        let parts: Vec<&str> = line.split('|').collect();
        assert_eq!(parts[1], parts[2], "{line}");
    }
}

/// Ends the sessions that a killed run has left: psql outlives its parent for a moment.
fn wait_for_sessions(database: &Database<'_>) {
    wait_for(|| {
        database.query(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
             AND pid <> pg_backend_pid() AND backend_type = 'client backend'",
        ) == "0"
    });
}

/// 100 times in `scripts/nightly`, at another moment each time.
#[test]
fn runs_that_are_killed_again_and_again_leave_true_versions() {
    let rounds = if is_nightly() { 100 } else { 6 };
    let world = World::empty();
    for (database, prefix) in [(&world.eu, "a"), (&world.us, "c")] {
        let names: Vec<String> = (0..10).map(|number| format!("{prefix}{number}")).collect();
        create_tenants(
            database,
            &names.iter().map(String::as_str).collect::<Vec<_>>(),
        );
    }
    let write = |run: &Schemastamp, version: usize| {
        let sql =
            format!("ALTER TABLE #{{prefix}}.users ADD c{version} text; SELECT pg_sleep(0.02);");
        run.write(&format!("m/{version}_c.sql"), sql);
    };
    std::fs::remove_file(world.run.path("m/2_name.sql")).unwrap();
    let migrate = [
        "migrate",
        "--all",
        "--migrations",
        "m",
        "--jobs",
        "2",
        "--record",
        "--format",
        "json",
    ];
    let (mut seed, mut interrupted) = (7_u64, 0);
    for version in 2..rounds + 2 {
        write(&world.run, version);
        let mut child = world.run.spawn(&[&migrate[..], &TARGETS].concat());
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        std::thread::sleep(Duration::from_millis(seed >> 33 & 0x3ff));
        child.kill().unwrap();
        interrupted += usize::from(world.run.finish(child).code != Some(0));
        for database in [&world.eu, &world.us] {
            wait_for_sessions(database);
            assert_true(database);
        }
    }
    assert!(interrupted > 0);
    let output = world
        .json(&[
            "migrate",
            "--all",
            "--migrations",
            "m",
            "--jobs",
            "4",
            "--record",
        ])
        .succeeds();
    assert_eq!(summary(&output)["failed"], 0, "{output}");
    let last = (rounds + 1).to_string();
    for database in [&world.eu, &world.us] {
        assert_true(database);
        let twice = "SELECT count(*) FROM (SELECT FROM schemastamp_runs.applied GROUP BY tenant, version HAVING count(*) > 1) AS t";
        assert_eq!(database.query(twice), "0");
    }
    let lines = world
        .json(&["status", "--migrations", "m"])
        .succeeds()
        .json();
    let tenants: Vec<_> = lines
        .iter()
        .filter(|line| line["type"] == "tenant")
        .collect();
    assert_eq!(tenants.len(), 20);
    assert!(
        tenants.iter().all(|line| line["version"] == last.as_str()),
        "{tenants:?}"
    );
}
