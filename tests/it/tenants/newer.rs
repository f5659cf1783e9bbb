//! `provision --migrations`: a tenant is never created behind.

use std::io::{BufRead as _, BufReader, Write as _};
use std::time::Duration;

use crate::support::{Bouncer, BouncerOptions, Client, Cluster, Database, Schemastamp, psql};

const BODY: &str = "\
CREATE TABLE #{prefix}.users (
    id integer NOT NULL,
    note text
);
CREATE TABLE #{prefix}.schema_migrations (
    version character varying(255) NOT NULL
);
INSERT INTO #{prefix}.schema_migrations (version) VALUES
    ('1');
ALTER TABLE ONLY #{prefix}.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);
ALTER TABLE ONLY #{prefix}.schema_migrations
    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (version);
";

/// Migrations whose result depends on `search_path`, settings, deferred constraints, and on what a session keeps.
const MIGRATIONS: [(&str, &str); 5] = [
    ("1_users.sql", "SELECT 1/0;"),
    (
        "2_plans.sql",
        "CREATE TABLE plans (id int PRIMARY KEY, code shared_code);\n\
         CREATE TYPE mood AS ENUM ('low');\n\
         ALTER TABLE users ADD plan int REFERENCES plans DEFERRABLE INITIALLY DEFERRED;\n\
         INSERT INTO users VALUES (1, '#{prefix}', 7); INSERT INTO plans VALUES (7, 'x');\n\
         SELECT 'low'::mood, 1 AS \"a row\";",
    ),
    (
        "3_times.sql",
        "ALTER TABLE users ADD at text; UPDATE users SET at = current_setting('TimeZone') || current_setting('search_path')\n\
         || current_setting('check_function_bodies') || current_user;\n\
         SET search_path = pg_catalog; SET timezone = 'Asia/Tokyo';",
    ),
    (
        "4_session.sql",
        "SELECT set_config('my.leak', 'yes', false), pg_advisory_lock(7); CREATE TEMP TABLE helper (i int);\n\
         INSERT INTO users (id, plan) VALUES (2, 8); INSERT INTO plans VALUES (8, 'y');",
    ),
    (
        "5_function.sql",
        "CREATE FUNCTION seen() RETURNS text LANGUAGE sql AS $$ SELECT note FROM users ORDER BY id LIMIT 1 $$;\n\
         ALTER TABLE users ALTER plan SET NOT NULL;\n\
         UPDATE users SET note = coalesce(current_setting('my.leak', true), '') || current_setting('TimeZone') WHERE id = 2;",
    ),
];

/// A database with a snapshot at version 1 and migrations up to 5.
fn world(database: &Database<'_>) -> Schemastamp {
    database.sql("CREATE DOMAIN public.shared_code AS text");
    let run = Schemastamp::on(database);
    run.write(
        "snapshots/app.sql",
        format!("-- schemastamp snapshot, format 2\n\nCREATE SCHEMA #{{prefix}};\n{BODY}"),
    );
    for (file, sql) in MIGRATIONS {
        run.write(&format!("m/{file}"), sql);
    }
    run
}

/// All that a tenant has, with `T` for its name.
fn content(database: &Database<'_>, tenant: &str) -> String {
    database
        .query(&format!(
            "SELECT string_agg(u::text, ' ' ORDER BY id) FROM {tenant}.users u; \
             SELECT string_agg(version, ' ' ORDER BY version) FROM {tenant}.schema_migrations; \
             SET search_path = {tenant}; SELECT seen(); SELECT string_agg(p::text, ' ' ORDER BY id) FROM {tenant}.plans p; \
             SELECT string_agg(conname || condeferred, ' ' ORDER BY conname) FROM pg_constraint \
             WHERE connamespace = '{tenant}'::regnamespace"
        ))
        .replace(tenant, "T")
}

#[test]
fn a_new_tenant_is_what_migrate_makes_of_an_old_one() {
    let database = Cluster::shared().database();
    let run = world(&database);
    drop(run.run(&["provision", "t_old"]).succeeds());
    drop(
        run.run(&["migrate", "t_old", "--migrations", "m"])
            .succeeds(),
    );
    let expected = content(&database, "t_old");
    assert!(expected.contains("\n1 2 3 4 5\n"), "{expected}");
    let output = run
        .run(&["provision", "t_new", "--migrations", "m"])
        .succeeds();
    assert!(
        output
            .stderr
            .contains("4 migrations that the snapshot does not have: 2_plans.sql, 3_times.sql"),
        "{output}"
    );
    run.write("names.txt", "t_list\n");
    drop(
        run.run(&["provision", "--from-file", "names.txt", "--migrations", "m"])
            .succeeds(),
    );
    drop(
        run.run_with_input(
            &["provision", "--from-file", "-", "--migrations", "m"],
            b"t_stdin\n",
        )
        .succeeds(),
    );
    drop(run.run(&["pool", "fill", "--size", "2"]).succeeds());
    let output = run.run(&[
        "provision",
        "t_claim",
        "--from-pool",
        "--migrations",
        "m",
        "--format",
        "json",
    ]);
    assert_eq!(output.succeeds().json()[0]["source"], "pool");
    // Without a spare.
    drop(run.run(&["pool", "drain", "--all"]).succeeds());
    drop(
        run.run(&["provision", "t_none", "--from-pool", "--migrations", "m"])
            .succeeds(),
    );
    for tenant in ["t_new", "t_list", "t_stdin", "t_claim", "t_none"] {
        assert_eq!(content(&database, tenant), expected, "{tenant}");
    }
    let output = run
        .run(&["migrate", "--all", "--migrations", "m"])
        .succeeds();
    assert!(
        output.stderr.starts_with("0 migrated, 6 up to date"),
        "{output}"
    );
}

#[test]
fn a_migration_of_a_new_tenant_changes_no_session() {
    let database = Cluster::shared().database();
    world(&database);
    let bouncer = Bouncer::start(
        Cluster::shared(),
        &BouncerOptions::default().setting("default_pool_size", "1"),
    );
    let through = bouncer.environment(&database);
    let run = world_through(&database, &through);
    let state = || {
        psql(
            &Client::installed(),
            &through,
            "SELECT name, setting FROM pg_settings WHERE name !~ '^plpgsql[.]' ORDER BY name; \
             SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid(); \
             SELECT relname FROM pg_class WHERE relpersistence = 't'; \
             SELECT coalesce(current_setting('my.leak', true), ''), current_user",
        )
        .unwrap()
    };
    let before = state();
    drop(
        run.run(&["provision", "one", "two", "--migrations", "m"])
            .succeeds(),
    );
    assert_eq!(state(), before);
    drop(run.run(&["pool", "fill", "--size", "1"]).succeeds());
    drop(
        run.run(&["provision", "three", "--from-pool", "--migrations", "m"])
            .succeeds(),
    );
    assert_eq!(state(), before);
}

fn world_through(
    database: &Database<'_>,
    through: &std::collections::BTreeMap<String, String>,
) -> Schemastamp {
    let run = Schemastamp::on(database).envs(through);
    run.write(
        "snapshots/app.sql",
        format!("-- schemastamp snapshot, format 2\n\nCREATE SCHEMA #{{prefix}};\n{BODY}"),
    );
    for (file, sql) in MIGRATIONS {
        run.write(&format!("m/{file}"), sql);
    }
    run
}

#[test]
fn a_failed_migration_leaves_no_tenant_and_names_its_line() {
    let database = Cluster::shared().database();
    let run = world(&database);
    drop(run.run(&["pool", "fill", "--size", "1"]).succeeds());
    run.write(
        "m/6_fails.sql",
        "SELECT 1;\n\nINSERT INTO users (id, plan) VALUES (1, 7);",
    );
    for arguments in [
        &["provision", "a"] as &[&str],
        &["provision", "a", "--from-pool"],
    ] {
        let output = run
            .run(&[arguments, &["--migrations", "m"]].concat())
            .exits_with(14);
        assert!(output.stderr.contains("23505"), "{output}");
        if arguments.len() == 2 {
            assert!(
                output.stderr.contains(", in 6_fails.sql (line 3)"),
                "{output}"
            );
        }
        assert_eq!(database.query("SELECT to_regnamespace('a') IS NULL"), "t");
    }
    let output = run.run(&["pool", "status", "--format", "json"]).succeeds();
    assert_eq!(output.json()[0]["ready"], 1, "{output}");
}

#[test]
fn what_cannot_be_a_part_of_the_transaction_is_refused_before_the_run() {
    let database = Cluster::shared().database();
    let run = world(&database);
    run.write(
        "m/6_index.sql",
        "-- schemastamp: no-transaction\nCREATE INDEX CONCURRENTLY i ON #{prefix}.users (note);",
    );
    let flyway = "CREATE TABLE #{prefix}.flyway_schema_history (installed_rank integer, version text, script text, \
        checksum integer, success boolean);\n";
    for (body, id, words) in [
        (
            BODY,
            "migration.no_transaction",
            "6_index.sql runs outside of a transaction",
        ),
        ("", "snapshot.versions", "no well-known version table"),
        (
            flyway,
            "snapshot.versions",
            "only Flyway itself can write its version table",
        ),
    ] {
        run.write(
            "other.sql",
            format!("-- schemastamp snapshot, format 2\n\nCREATE SCHEMA #{{prefix}};\n{body}"),
        );
        let output = run
            .run(&[
                "provision",
                "a",
                "b",
                "--migrations",
                "m",
                "--snapshot",
                "other.sql",
                "--format",
                "json",
            ])
            .exits_with(15);
        let [error] = &output.json()[..] else {
            panic!("{output}")
        };
        assert_eq!(error["error"]["id"], id, "{output}");
        assert!(
            error["error"]["message"].as_str().unwrap().contains(words),
            "{output}"
        );
    }
    assert_eq!(database.query("SELECT to_regnamespace('a') IS NULL"), "t");
}

#[test]
fn a_tenant_that_appears_during_the_run_is_migrated_too() {
    let database = Cluster::shared().database();
    let run = world(&database);
    drop(run.run(&["provision", "slow"]).succeeds());
    run.write("m/6_slow.sql", "SELECT pg_sleep(2);");
    let deploy = run.spawn(&["migrate", "--all", "--migrations", "m", "--format", "json"]);
    let asleep = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()";
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while database.query(asleep) != "1" {
        assert!(
            std::time::Instant::now() < deadline,
            "the migration never sleeps"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    // A sign-up that knows nothing of the migrations.
    drop(run.run(&["provision", "late"]).succeeds());
    let output = run.finish(deploy).succeeds();
    let lines = output.json();
    let migrated: Vec<&str> = lines
        .iter()
        .filter(|line| line["outcome"] == "migrated")
        .map(|line| line["tenant"].as_str().unwrap())
        .collect();
    assert_eq!(migrated, ["slow", "late"], "{output}");
}

#[test]
fn sign_ups_during_a_deploy_are_neither_behind_nor_migrated_twice() {
    let database = Cluster::shared().database();
    let run = world(&database);
    // Each migration leaves a row, so that one that ran twice would show.
    run.write(
        "m/6_count.sql",
        "CREATE TABLE counts (version int); INSERT INTO counts VALUES (6);",
    );
    for number in 0..30 {
        run.write("names.txt", format!("old_{number}\n"));
        drop(
            run.run(&["provision", "--from-file", "names.txt"])
                .succeeds(),
        );
    }
    drop(run.run(&["pool", "fill", "--size", "20"]).succeeds());
    let mut child = run.spawn(&[
        "provision",
        "--from-file",
        "-",
        "--from-pool",
        "--migrations",
        "m",
        "--jobs",
        "2",
        "--format",
        "json",
    ]);
    let mut stdin = child.stdin.take().unwrap();
    let mut answers = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut sign_up = |number: usize| {
        writeln!(stdin, "new_{number}").unwrap();
        let answer = answers.next().unwrap().unwrap();
        assert!(answer.contains("\"created\""), "{answer}");
    };
    for number in 0..10 {
        sign_up(number);
    }
    // The deploy: a new file, then all tenants that are there.
    run.write("m/7_count.sql", "INSERT INTO counts VALUES (7);");
    let deploy = run.spawn(&["migrate", "--all", "--migrations", "m", "--jobs", "2"]);
    for number in 10..40 {
        sign_up(number);
        std::thread::sleep(Duration::from_millis(5));
    }
    drop(run.finish(deploy).succeeds());
    drop(stdin);
    assert!(child.wait().unwrap().success());
    let output = run
        .run(&["status", "--all", "--migrations", "m", "--format", "json"])
        .succeeds();
    let summary = &output.json().pop().unwrap()["summary"];
    assert_eq!(
        (&summary["tenants"], &summary["behind"]),
        (&70.into(), &0.into()),
        "{output}"
    );
    for (prefix, count) in [("old", 30), ("new", 40)] {
        for number in 0..count {
            let rows = format!(
                "SELECT string_agg(version::text, ' ' ORDER BY version) FROM {prefix}_{number}.counts; \
                 SELECT string_agg(version, ' ' ORDER BY version) FROM {prefix}_{number}.schema_migrations"
            );
            assert_eq!(
                database.query(&rows),
                "6 7\n1 2 3 4 5 6 7",
                "{prefix}_{number}"
            );
        }
    }
}
