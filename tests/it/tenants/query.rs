//! `query`: what it prints, what it refuses, and that nothing of it stays.

use std::time::{Duration, Instant};

use serde_json::json;

use super::world::World;
use crate::support::{Bouncer, BouncerOptions, Client, Cluster, Proxy, Schemastamp, psql};

/// Two tenants with rows, and a table of the same name that belongs to no tenant.
fn world() -> (World<'static>, Schemastamp) {
    let world = World::new();
    world.tenants(&["acme", "Ber-lin"]);
    world.database.sql(
        "CREATE TABLE public.users (id int, email text); INSERT INTO public.users VALUES (99, 'nobody'); \
         INSERT INTO acme.users VALUES (1, 'a@x'), (2, NULL); INSERT INTO \"Ber-lin\".users VALUES (10, 'b,\"c\"')",
    );
    let run = Schemastamp::on(&world.database);
    (world, run)
}

/// Waits until a statement sleeps on the server.
fn wait_until_asleep(world: &World<'_>) {
    let asleep = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()";
    let deadline = Instant::now() + Duration::from_secs(20);
    while world.database.query(asleep) != "1" {
        assert!(Instant::now() < deadline, "no statement sleeps");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn rows_of_all_tenants_stand_in_one_table() {
    let (_world, run) = world();
    let output = run
        .run(&[
            "query",
            "--all",
            "-c",
            "SELECT id, email FROM users ORDER BY id",
        ])
        .succeeds();
    assert_eq!(
        output.to_string(),
        " tenant  | id | email\n\
         ---------+----+-------\n \
         Ber-lin | 10 | b,\"c\"\n \
         acme    |  1 | a@x\n \
         acme    |  2 | NULL\n\
         --- stderr ---\n2 queried, 0 failed, 3 rows\n[exit status: 0]"
    );
}

#[test]
fn csv_has_one_header_and_tells_null_from_an_empty_text() {
    let (_world, run) = world();
    run.write("q.sql", "\u{feff}SELECT NULL AS n, '' AS e, E'x\\ny' AS l,\n  email AS email, email FROM users ORDER BY id");
    let output = run
        .run(&["query", "--all", "-f", "q.sql", "--format", "csv"])
        .succeeds();
    assert_eq!(
        output.stdout,
        "tenant,n,e,l,email,email\n\
         Ber-lin,,\"\",\"x\ny\",\"b,\"\"c\"\"\",\"b,\"\"c\"\"\"\n\
         acme,,\"\",\"x\ny\",a@x,a@x\n\
         acme,,\"\",\"x\ny\",,\n"
    );
    for sql in ["SELECT 1; SELECT 2", "SET work_mem = '1MB'"] {
        let output = run.run(&["query", "--all", "-c", sql, "--format", "csv"]);
        drop(output.exits_with(2));
    }
    let output = run.run(&["status", "--format", "csv"]).exits_with(2);
    assert!(output.stderr.contains("csv is for `query`"), "{output}");
}

#[test]
fn columns_are_matched_by_name_and_other_columns_are_no_row_of_the_table() {
    let (world, run) = world();
    world.database.sql(
        "ALTER TABLE \"Ber-lin\".users DROP email; ALTER TABLE \"Ber-lin\".users ADD email text DEFAULT 'z'; \
         ALTER TABLE \"Ber-lin\".users DROP id; ALTER TABLE \"Ber-lin\".users ADD id int DEFAULT 5; \
         CREATE SCHEMA c; CREATE TABLE c.users (id int); CREATE TABLE c.schema_migrations (version varchar)",
    );
    let output = run
        .run(&["query", "--all", "-c", "TABLE users", "--format", "csv"])
        .exits_with(18);
    assert_eq!(
        output.stdout,
        "tenant,email,id\nBer-lin,z,5\nacme,a@x,1\nacme,,2\n"
    );
    assert_eq!(
        output.stderr,
        "error: c: its columns are id, and those of the header are email, id\n2 queried, 1 failed, 3 rows\n"
    );
    let output = run.run(&["query", "--all", "-c", "TABLE users"]).succeeds();
    assert_eq!(output.stdout.matches(" tenant").count(), 3, "{output}");
}

#[test]
fn json_lines_have_the_tenant_and_values_of_their_kind() {
    let (_world, run) = world();
    let sql = "SELECT 1::bigint AS a, 0.10::numeric(9,2) AS a, true AS t, NULL::int AS n, '{\"x\":\n1}'::json AS j, \
        '\\x00ff'::bytea AS b, 'NaN'::float8 AS f, ARRAY[1,2] AS r, 'é' AS u; SELECT 1 WHERE false; SET work_mem = '1MB'; SELECT";
    let output = run
        .run(&["query", "acme", "-c", sql, "--format", "json"])
        .succeeds();
    let lines = output.json();
    assert_eq!(
        lines[0],
        json!({"type": "row", "tenant": "acme", "statement": 1, "row": {"a": 1, "a_2": 0.10, "t": true, "n": null,
            "j": {"x": 1}, "b": "\\x00ff", "f": "NaN", "r": "{1,2}", "u": "é"}})
    );
    assert!(
        output.stdout.contains("\"a\":1,\"a_2\":0.10,\"t\":true"),
        "{output}"
    );
    // A row without columns has nothing to print; it is counted.
    assert_eq!(lines[1]["outcome"], "queried");
    let results = lines[1]["results"].as_array().unwrap();
    assert_eq!(
        results[0]["columns"][1],
        json!({"name": "a_2", "type": "numeric(9,2)"})
    );
    assert_eq!(
        results[1],
        json!({"columns": [{"name": "?column?", "type": "integer"}], "rows": 0})
    );
    assert_eq!(
        (&results[2]["columns"], &results[3]["columns"]),
        (&json!(null), &json!([]))
    );
    let summary = &lines[2]["summary"];
    assert_eq!(
        (&summary["command"], &summary["rows"]),
        (&json!("query"), &json!(1))
    );
}

#[test]
fn failures_are_grouped_and_do_not_stop_others() {
    let (world, run) = world();
    world.tenants(&["c", "d"]);
    world
        .database
        .sql("DROP TABLE c.users; DROP TABLE d.users; DROP TABLE public.users");
    let output = run.run(&["query", "-c", "SELECT 1"]).exits_with(2);
    assert!(output.stderr.contains("no tenants selected"), "{output}");
    let names = ["acme", "c", "d", "nowhere", "Ber-lin"];
    let sql = ["-c", "SELECT 1;\n\nSELECT count(*) FROM users"];
    for jobs in ["1", "3"] {
        let output = run
            .run(&[&["query", "--jobs", jobs] as &[&str], &names, &sql].concat())
            .exits_with(18);
        assert_eq!(
            output.stderr,
            "error: 2 tenants: 42P01 relation \"users\" does not exist in statement 2 (line 3): c, d\n\
             error: 1 tenant: there is no such tenant: nowhere\n2 queried, 3 failed, 4 rows\n"
        );
    }
    for (tenant, code, id) in [
        ("c", 14, "sql.undefined_table"),
        ("nowhere", 2, "tenant.missing"),
    ] {
        let output = run
            .run(&[&["query", tenant, "--format", "json"] as &[&str], &sql].concat())
            .exits_with(code);
        assert_eq!(output.json()[0]["error"]["id"], id, "{output}");
    }
}

#[test]
fn a_read_only_query_changes_nothing_however_it_is_written() {
    let (world, run) = world();
    world.database.sql(
        "CREATE FUNCTION public.opened() RETURNS text LANGUAGE plpgsql AS $$ BEGIN \
         EXECUTE 'SET TRANSACTION READ WRITE'; DELETE FROM users; RETURN 'gone'; END $$; \
         CREATE FUNCTION public.ended() RETURNS text LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'COMMIT'; RETURN 'x'; END $$; \
         CREATE FUNCTION public.lexed() RETURNS text LANGUAGE plpgsql AS $$ BEGIN \
         PERFORM set_config('standard_conforming_strings', 'off', false); RETURN 'x'; END $$; \
         CREATE SEQUENCE acme.s",
    );
    let leave = run.path("left");
    let copy = format!("COPY (SELECT 1) TO PROGRAM 'cat > {}'", leave.display());
    for (sql, code) in [
        ("DELETE FROM users", 2),
        ("SET TRANSACTION READ WRITE; SELECT 1", 2),
        ("COMMIT; DELETE FROM users", 2),
        (&*copy, 2),
        ("\\! touch left", 2),
        ("SELECT 1\n\\! touch left", 2),
        (
            "SELECT set_config('transaction_read_only', 'off', true); SELECT 1",
            14,
        ),
        ("SET transaction_read_only = off", 14),
        ("SET LOCAL \"transaction_read_only\" = off", 14),
        (
            "WITH gone AS (DELETE FROM users RETURNING id) SELECT * FROM gone",
            14,
        ),
        ("SELECT opened()", 14),
        ("SELECT ended()", 14),
        ("SELECT nextval('s')", 14),
        ("SELECT 1 AS i INTO kept", 14),
        ("EXPLAIN ANALYZE DELETE FROM users", 14),
        (
            "SELECT lexed(); SELECT 'a\\'' ; COMMIT; DELETE FROM users; SELECT '",
            0,
        ),
    ] {
        let output = run.run(&["query", "acme", "-c", sql]);
        assert_eq!(output.code, Some(code), "{sql}: {output}");
    }
    assert!(!leave.exists() && !run.path("left").exists());
    let rows = "SELECT count(*) FROM acme.users; SELECT to_regclass('acme.kept') IS NULL";
    assert_eq!(world.database.query(rows), "2\nt");
}

#[test]
fn a_write_is_confirmed_and_committed_for_each_tenant_that_succeeds() {
    let (world, run) = world();
    let sql = "UPDATE users SET email = 'w' WHERE id < 10; INSERT INTO users VALUES (1, 'n')";
    drop(
        run.run(&["query", "--all", "-c", sql, "--write"])
            .exits_with(2),
    );
    drop(
        run.run(&["query", "--all", "-c", sql, "--yes"])
            .exits_with(2),
    );
    let output = run
        .run(&["query", "--all", "-c", sql, "--write", "--yes"])
        .exits_with(18);
    assert!(
        output.stdout.starts_with("done Ber-lin: 1 row changed ("),
        "{output}"
    );
    assert!(
        output.stderr.starts_with(
            "error: 1 tenant: 23505 duplicate key value violates unique constraint \"users_pkey\" in statement 2 (line 1): acme\n"
        ),
        "{output}"
    );
    let rows = "SELECT string_agg(id || ' ' || coalesce(email, '-'), ', ' ORDER BY id) FROM ";
    assert_eq!(
        world.database.query(&format!("{rows} acme.users")),
        "1 a@x, 2 -"
    );
    assert_eq!(
        world.database.query(&format!("{rows} \"Ber-lin\".users")),
        "1 n, 10 b,\"c\""
    );
    let output = run
        .run(&[
            "query",
            "acme",
            "-c",
            "DELETE FROM users RETURNING id",
            "--write",
            "--yes",
            "--format",
            "json",
        ])
        .succeeds();
    assert_eq!(output.json()[1]["row"]["id"], 2, "{output}");
    assert_eq!(world.database.query("SELECT count(*) FROM acme.users"), "0");
}

#[test]
fn a_tenant_that_the_role_may_not_use_or_that_goes_is_not_read_from_elsewhere() {
    let (world, run) = world();
    world.database.sql(
        "CREATE ROLE reader; GRANT reader TO CURRENT_USER; GRANT USAGE ON SCHEMA acme TO reader; \
        GRANT SELECT ON acme.users, public.users TO reader",
    );
    let output = run
        .run(&[
            "query",
            "--all",
            "-c",
            "SELECT count(*) FROM users",
            "--role",
            "reader",
            "--format",
            "csv",
        ])
        .exits_with(18);
    assert_eq!(output.stdout, "tenant,count\nacme,2\n");
    assert!(
        output
            .stderr
            .contains("42501 permission denied for schema #{prefix}: Ber-lin"),
        "{output}"
    );
    let child = run.spawn(&[
        "query",
        "acme",
        "-c",
        "SELECT pg_sleep(2); SELECT count(*) FROM users",
    ]);
    wait_until_asleep(&world);
    world.database.sql("ALTER SCHEMA acme RENAME TO gone");
    let output = run.finish(child).exits_with(2);
    assert!(
        output.stderr.contains("there is no such tenant: acme"),
        "{output}"
    );
    world.database.sql("DROP OWNED BY reader; DROP ROLE reader");
}

#[test]
fn nothing_of_a_tenant_reaches_the_next_one_or_another_client() {
    let (world, _) = world();
    world.tenants(&["c", "d"]);
    world.database.sql(
        "CREATE FUNCTION public.prepare_it() RETURNS int LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'PREPARE p AS SELECT 1'; \
         RETURN 1; END $$; CREATE SEQUENCE public.s",
    );
    let bouncer = Bouncer::start(
        Cluster::shared(),
        &BouncerOptions::default().setting("default_pool_size", "1"),
    );
    let through = bouncer.environment(&world.database);
    let run = Schemastamp::on(&world.database).envs(&through);
    let state = || {
        psql(
            &Client::installed(),
            &through,
            "SELECT name, setting FROM pg_settings WHERE name !~ '^plpgsql[.]' ORDER BY name; \
             SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid(); \
             SELECT name FROM pg_prepared_statements WHERE from_sql; SELECT relname FROM pg_class WHERE relpersistence = 't'; \
             SELECT coalesce(current_setting('my.leak', true), '')",
        )
        .unwrap()
    };
    let before = state();
    for (sql, write) in [
        (
            "SET work_mem = '7MB'; SELECT current_setting('work_mem')",
            false,
        ),
        ("SELECT pg_advisory_lock(7)", false),
        ("SELECT prepare_it()", false),
        ("SELECT set_config('my.leak', 'yes', false)", false),
        (
            "SELECT set_config('my.leak', 'yes', false), pg_advisory_lock(7), prepare_it()",
            true,
        ),
        ("CREATE TEMP TABLE left_over (i int)", true),
        ("SELECT nextval('s')", true),
    ] {
        let seen = format!(
            "SELECT coalesce(nullif(current_setting('my.leak', true), ''), 'clean'); {sql}"
        );
        let mut arguments = vec!["query", "--all", "-c", &seen, "--format", "json"];
        arguments.extend(if write {
            &["--write", "--yes"] as &[&str]
        } else {
            &[]
        });
        let output = run.run(&arguments).succeeds();
        assert_eq!(
            output.stdout.matches("\"coalesce\":\"clean\"").count(),
            4,
            "{output}"
        );
        assert_eq!(state(), before, "{sql}");
    }
    let output = run
        .run(&["query", "--all", "-c", "SELECT lastval()"])
        .exits_with(18);
    assert!(output.stderr.contains("4 tenants: 55000"), "{output}");
}

#[test]
fn a_tenant_that_another_run_works_on_is_waited_for() {
    let (world, run) = world();
    let key = schemastamp::snapshot::lock_key(&super::world::name("acme"));
    let held = format!("SELECT pg_advisory_lock({key}), pg_sleep(3)");
    std::thread::scope(|scope| {
        scope.spawn(|| world.database.query(&held));
        wait_until_asleep(&world);
        drop(run.run(&["query", "acme", "-c", "SELECT 1"]).succeeds());
        let child = run.spawn(&[
            "query",
            "acme",
            "-c",
            "DELETE FROM users",
            "--write",
            "--yes",
        ]);
        std::thread::sleep(Duration::from_millis(500));
        assert_eq!(world.database.query("SELECT count(*) FROM acme.users"), "2");
        drop(run.finish(child).succeeds());
    });
    assert_eq!(world.database.query("SELECT count(*) FROM acme.users"), "0");
}

#[test]
fn a_query_ends_with_its_time_and_its_reader() {
    let (_world, run) = world();
    let output = run.run(&[
        "query",
        "acme",
        "-c",
        "SELECT pg_sleep(60)",
        "--timeout",
        "1",
        "--format",
        "json",
    ]);
    let output = output.exits_with(16);
    assert_eq!(output.json()[0]["error"]["id"], "timeout", "{output}");
    let mut child = run.spawn(&[
        "query",
        "--all",
        "-c",
        "SELECT g FROM generate_series(1, 300000) g",
        "--format",
        "csv",
    ]);
    drop(child.stdout.take());
    let output = run.finish(child);
    assert_eq!(output.code, Some(141), "{output}");
    assert!(run.leftovers().is_empty());
}

#[test]
fn a_lost_connection_is_tried_again_for_reading() {
    let (world, _) = world();
    let proxy = Proxy::start(Cluster::shared().port());
    let run = Schemastamp::on(&world.database).envs(&proxy.environment(&world.database));
    let child = run.spawn(&[
        "query",
        "acme",
        "-c",
        "SELECT pg_sleep(1), id FROM users WHERE id = 1",
    ]);
    wait_until_asleep(&world);
    proxy.cut();
    let output = run.finish(child).succeeds();
    assert!(output.stdout.contains("acme"), "{output}");
}

#[test]
fn sql_comes_from_stdin_too_and_no_tenants_are_no_rows() {
    let (_world, run) = world();
    let output = run.run_with_input(
        &["query", "acme", "-f", "-", "--format", "csv"],
        b"SELECT 1 AS one",
    );
    assert_eq!(output.succeeds().stdout, "tenant,one\nacme,1\n");
    let output = run.run_with_input(&["query", "acme", "-f", "-"], b"SELECT '\xff'");
    assert!(output.exits_with(2).stderr.contains("not UTF-8"));
    let empty = Cluster::shared().database();
    let run = Schemastamp::on(&empty);
    let output = run.run(&["query", "--all", "-c", "SELECT 1", "--format", "csv"]);
    assert_eq!(output.succeeds().stdout, "tenant\n");
}
