//! `migrate` when something happens to it midway: killed, a tenant gone, a pooler between.

use std::time::{Duration, Instant};

use super::world::World;
use crate::support::{Bouncer, BouncerOptions, Client, Cluster, Schemastamp, psql};

const SLEEPING: &str = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()";
const OTHERS: &str = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";

#[tokio::test]
async fn killed_run_leaves_correct_versions_and_is_continued() {
    let world = World::new();
    let names = ["a", "b", "c", "d"];
    world.tenants(&names);
    let run = Schemastamp::on(&world.database);
    run.write("m/2_name.sql", "ALTER TABLE #{prefix}.users ADD name text;");
    let slow = "ALTER TABLE #{prefix}.users ADD age int; SELECT pg_sleep(CASE '#{prefix}' WHEN 'c' THEN 2 ELSE 0 END);";
    run.write("m/3_slow.sql", slow);
    let mut child = run.spawn(&["migrate", "--all", "--migrations", "m"]);
    world.wait_for(SLEEPING, "1").await;
    child.kill().unwrap();
    let ended = run.finish(child);
    assert!(!ended.stdout.contains("migrated c"), "{ended}");
    // Its psql may still work on what it has.
    world.wait_for(OTHERS, "0").await;
    let columns = |tenant: &str| {
        world.database.query(&format!(
            "SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute \
             WHERE attrelid = '{tenant}.users'::regclass AND attnum > 0 AND NOT attisdropped"
        ))
    };
    for tenant in names {
        let expected = match world.versions(tenant).as_str() {
            "1" => "id email",
            "1 2" => "id email name",
            "1 2 3" => "id email name age",
            other => panic!("{tenant} is at {other}"),
        };
        assert_eq!(columns(tenant), expected, "{tenant}");
    }
    assert_eq!(
        (world.versions("a"), world.versions("b")),
        ("1 2 3".to_owned(), "1 2 3".to_owned())
    );
    run.run(&["migrate", "--all", "--migrations", "m"])
        .succeeds();
    for tenant in names {
        assert_eq!(
            (world.versions(tenant), columns(tenant)),
            ("1 2 3".to_owned(), "id email name age".to_owned())
        );
    }
}

#[tokio::test]
async fn tenant_dropped_during_the_run_is_reported_as_gone() {
    let world = World::new();
    world.tenants(&["a", "b", "c"]);
    let run = Schemastamp::on(&world.database);
    run.write(
        "m/2_slow.sql",
        "SELECT pg_sleep(CASE '#{prefix}' WHEN 'a' THEN 2 ELSE 0 END);",
    );
    run.write("m/3_name.sql", "ALTER TABLE #{prefix}.users ADD name text;");
    let child = run.spawn(&["migrate", "--all", "--migrations", "m", "--format", "json"]);
    world.wait_for(SLEEPING, "1").await;
    world.database.sql("DROP SCHEMA b CASCADE");
    let output = run.finish(child).exits_with(18);
    let lines = output.json();
    let line = |tenant: &str| {
        lines
            .iter()
            .find(|line| line["tenant"] == tenant)
            .unwrap()
            .clone()
    };
    assert_eq!(
        (&line("a")["outcome"], &line("c")["outcome"]),
        (&"migrated".into(), &"migrated".into()),
        "{output}"
    );
    assert_eq!(
        (&line("b")["outcome"], &line("b")["error"]["id"]),
        (&"gone".into(), &"tenant.gone".into()),
        "{output}"
    );
    assert_eq!(
        (world.versions("a"), world.versions("c")),
        ("1 2 3".to_owned(), "1 2 3".to_owned())
    );
    assert_eq!(
        world.database.query("SELECT to_regnamespace('b') IS NULL"),
        "t",
        "nothing made it again"
    );
}

#[test]
fn migrate_through_a_pooler_leaves_no_setting_behind() {
    let world = World::new();
    world.tenants(&["a", "b", "Odd name"]);
    let one = BouncerOptions::default().setting("default_pool_size", "1");
    let bouncer = Bouncer::start(Cluster::shared(), &one);
    let through = bouncer.environment(&world.database);
    let settings = || {
        let query = "SELECT pg_backend_pid(); SELECT name, setting FROM pg_settings WHERE name !~ '^plpgsql[.]' ORDER BY name; \
                     SELECT current_user, count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()";
        psql(&Client::installed(), &through, query).unwrap()
    };
    let before = settings();
    let run = Schemastamp::on(&world.database).envs(&through);
    run.write(
        "m/2_name.sql",
        "SET search_path = public; ALTER TABLE #{prefix}.users ADD name text;",
    );
    run.write("m/3_row.sql", "INSERT INTO users VALUES (1, '#{prefix}');");
    // More psql than the pool has connections: they take turns.
    run.run(&[
        "migrate",
        "--all",
        "--migrations",
        "m",
        "--jobs",
        "2",
        "--timeout",
        "60",
    ])
    .succeeds();
    assert_eq!(
        world.database.query("SELECT email FROM \"Odd name\".users"),
        "Odd name"
    );
    for tenant in ["a", "b", "Odd name"] {
        assert_eq!(world.versions(tenant), "1 2 3");
    }
    assert_eq!(settings(), before, "the same backend, with nothing set");
    run.write("m/4_bad.sql", "SELECT 1/('#{prefix}' <> 'b')::int;");
    let started = Instant::now();
    let output = run
        .run(&["migrate", "--all", "--migrations", "m", "--timeout", "60"])
        .exits_with(18);
    assert!(
        output
            .stdout
            .contains("22012 division by zero in 4_bad.sql, statement 1 (line 1)"),
        "{output}"
    );
    assert!(started.elapsed() < Duration::from_secs(30), "{output}");
    assert_eq!(
        (world.versions("a"), world.versions("b")),
        ("1 2 3 4".to_owned(), "1 2 3".to_owned())
    );
    let without_process = |text: String| text.split_once('\n').unwrap().1.to_owned();
    assert_eq!(without_process(settings()), without_process(before));
}
