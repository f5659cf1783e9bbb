//! What a migration or an edited snapshot does to its session ends with its transaction.

use std::fmt::Write as _;

use super::world::World;
use crate::support::{Bouncer, BouncerOptions, Client, Cluster, Schemastamp, psql};

/// Statements that change their session.
const LEAKS: [&str; 18] = [
    "SELECT pg_catalog.set_config('search_path', '', false)",
    "SELECT set_config('my.leak', 'yes', false)",
    "SELECT (set_config('my.leak', 'yes', false)), 1 FROM pg_class LIMIT 1",
    "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
    "CREATE TEMP TABLE ids AS SELECT 1 AS i",
    "SELECT 1 AS i INTO TEMP ids",
    "CREATE/**/TEMP TABLE ids (i int)",
    "CREATE TABLE pg_temp.ids (i int)",
    "CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "SELECT pg_advisory_lock(7)",
    "DO $$ BEGIN PERFORM pg_advisory_lock_shared(7); END $$",
    "DO $$ BEGIN EXECUTE 'PREPARE p AS SELECT 1'; END $$",
    "LISTEN x",
    "DECLARE c CURSOR WITH HOLD FOR SELECT 1",
    "DO $$ BEGIN SET session_replication_role = replica; END $$",
    "DO $$ BEGIN PERFORM set_config('TimeZone', 'Asia/Tokyo', false); END $$",
    "DO $$ BEGIN EXECUTE 'SET default_transaction_isolation = serializable'; END $$",
    "INSERT INTO #{prefix}.users (id) SELECT 5 WHERE set_config('my.leak', 'yes', false) = 'no'",
];

/// All that a session has.
const STATE: &str = "SELECT pg_backend_pid(); \
    SELECT name, setting FROM pg_settings WHERE name !~ '^plpgsql[.]' ORDER BY name; \
    SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid(); \
    SELECT name FROM pg_prepared_statements; SELECT pg_listening_channels(); \
    SELECT name FROM pg_cursors WHERE is_holdable; SELECT relname FROM pg_class WHERE relpersistence = 't'; \
    SELECT proname FROM pg_proc WHERE pronamespace = pg_my_temp_schema(); \
    SELECT coalesce(current_setting('my.leak', true), ''), current_user, session_user";

/// As `PgBouncer` hands one server connection to all.
fn one_connection() -> BouncerOptions {
    BouncerOptions::default().setting("default_pool_size", "1")
}

#[test]
fn a_migration_changes_no_session_but_its_own() {
    let world = World::new();
    let names = ["a", "b", "c", "d"];
    world.tenants(&names);
    let bouncer = Bouncer::start(Cluster::shared(), &one_connection());
    let through = bouncer.environment(&world.database);
    let state = || psql(&Client::installed(), &through, STATE).unwrap();
    let run = Schemastamp::on(&world.database).envs(&through);
    let before = state();
    for (number, leak) in LEAKS.iter().enumerate() {
        let file = format!("m/{}_leak.sql", number + 10);
        // A row for whoever finds what another one has left.
        let seen = "INSERT INTO #{prefix}.users (id) SELECT 77 WHERE current_setting('my.leak', true) = 'yes' \
             OR current_setting('TimeZone') = 'Asia/Tokyo' OR to_regclass('pg_temp.ids') IS NOT NULL";
        run.write(&file, format!("{seen};\n{leak};\n"));
        run.run(&["migrate", "--all", "--migrations", "m", "--jobs", "1"])
            .succeeds();
        assert_eq!(state(), before, "{leak}");
    }
    for name in names {
        let found = format!("SELECT count(*) FROM {name}.users WHERE id = 77");
        assert_eq!(world.database.query(&found), "0", "{name}");
    }
}

#[test]
fn migrations_outside_of_transactions_leave_nothing_to_the_next_tenant() {
    let world = World::new();
    let names = ["a", "b", "c", "d"];
    world.tenants(&names);
    let run = Schemastamp::on(&world.database);
    let mut all = String::from("-- schemastamp: no-transaction\n");
    for leak in LEAKS.iter().filter(|leak| {
        // One of each name; a cursor needs a transaction, and nothing is written into a read-only one.
        !leak.contains("DECLARE") && !leak.contains("READ ONLY") && !leak.contains("'search_path'")
    }) {
        let _ = writeln!(all, "{leak};");
        let _ = writeln!(all, "DROP TABLE IF EXISTS ids;");
    }
    all.push_str("CREATE TABLE pg_temp.ids (i int);\n");
    run.write("m/10_all.sql", all);
    run.write(
        "m/11_seen.sql",
        "INSERT INTO #{prefix}.users (id) SELECT 77 WHERE current_setting('my.leak', true) = 'yes' \
         OR to_regclass('pg_temp.ids') IS NOT NULL OR EXISTS (SELECT FROM pg_prepared_statements) \
         OR EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 7 AND pid = pg_backend_pid());",
    );
    run.run(&["migrate", "--all", "--migrations", "m", "--jobs", "1"])
        .succeeds();
    for name in names {
        let found = format!("SELECT count(*) FROM {name}.users WHERE id = 77");
        assert_eq!(world.database.query(&found), "0", "{name}");
    }
}

#[test]
fn an_edited_snapshot_changes_no_session_but_its_own() {
    let world = World::new();
    let bouncer = Bouncer::start(Cluster::shared(), &one_connection());
    let through = bouncer.environment(&world.database);
    let state = || psql(&Client::installed(), &through, STATE).unwrap();
    let run = Schemastamp::on(&world.database).envs(&through);
    let before = state();
    for (number, leak) in LEAKS.iter().enumerate() {
        run.write(
            "s.sql",
            format!(
                "-- schemastamp snapshot, format 1\n\nCREATE SCHEMA #{{prefix}};\n\
                 CREATE TABLE #{{prefix}}.users (id int, seen text DEFAULT current_setting('my.leak', true));\n\
                 INSERT INTO #{{prefix}}.users (id) VALUES (1);\n{leak};\n"
            ),
        );
        let names = format!("x{number}\ny{number}\nz{number}\n");
        run.run_with_input(
            &[
                "provision",
                "--snapshot",
                "s.sql",
                "--from-file",
                "-",
                "--jobs",
                "1",
            ],
            names.as_bytes(),
        )
        .succeeds();
        assert_eq!(state(), before, "{leak}");
        for name in names.lines() {
            let seen = format!("SELECT coalesce(seen, '') FROM {name}.users WHERE id = 1");
            assert_eq!(world.database.query(&seen), "", "{name}: {leak}");
        }
    }
}

#[test]
fn what_fails_leaves_no_lock_with_the_pooler() {
    let world = World::new();
    world.tenants(&["a"]);
    let bouncer = Bouncer::start(Cluster::shared(), &one_connection());
    let through = bouncer.environment(&world.database);
    let run = Schemastamp::on(&world.database).envs(&through);
    let locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 7 \
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    run.write(
        "s.sql",
        "-- schemastamp snapshot, format 1\n\nCREATE SCHEMA #{prefix};\n\
         SELECT pg_advisory_lock(7);\nSELECT 1/0;\n",
    );
    run.run(&["provision", "x", "--snapshot", "s.sql"])
        .exits_with(14);
    assert_eq!(world.database.query(locks), "0");
    run.write(
        "m/2_fails.sql",
        "SELECT pg_advisory_lock(7);\nSELECT 1/0;\n",
    );
    run.run(&["migrate", "a", "--migrations", "m"])
        .exits_with(14);
    assert_eq!(world.database.query(locks), "0");
}

#[test]
fn what_waits_for_the_end_of_the_transaction_has_the_migrations_settings() {
    let world = World::new();
    world.tenants(&["a"]);
    let run = Schemastamp::on(&world.database);
    // A deferred trigger that finds its table by `search_path`, and a temporary table with a deferred constraint.
    run.write(
        "m/2_deferred.sql",
        "CREATE TABLE #{prefix}.log (n bigint);\n\
         CREATE FUNCTION #{prefix}.f() RETURNS trigger LANGUAGE plpgsql AS \
         'BEGIN INSERT INTO log SELECT count(*) FROM users; RETURN NULL; END';\n\
         CREATE CONSTRAINT TRIGGER late AFTER INSERT ON #{prefix}.users DEFERRABLE INITIALLY DEFERRED \
         FOR EACH ROW EXECUTE FUNCTION #{prefix}.f();\n\
         CREATE TEMP TABLE ids (i int UNIQUE DEFERRABLE INITIALLY DEFERRED);\n\
         INSERT INTO ids VALUES (1);\n\
         INSERT INTO #{prefix}.users VALUES (1), (2);\n",
    );
    run.run(&["migrate", "a", "--migrations", "m"]).succeeds();
    assert_eq!(
        world
            .database
            .query("SELECT string_agg(n::text, ' ') FROM a.log"),
        "2 2"
    );
}
