//! `migrate --record` and `migrate --undo`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::world::World;
use crate::provision::wait_for;
use crate::support::{CommandOutput, Schemastamp};

/// Tenants with the version table of Rails at version 1, and two migrations with ways down.
pub(super) fn world(tenants: &[&str]) -> (World<'static>, Schemastamp) {
    let world = World::new();
    world.tenants(tenants);
    let run = Schemastamp::on(&world.database);
    run.write(
        "m/2_name.up.sql",
        "ALTER TABLE #{prefix}.users ADD name text;",
    );
    run.write(
        "m/2_name.down.sql",
        "ALTER TABLE #{prefix}.users DROP name;",
    );
    run.write("m/3_age.up.sql", "ALTER TABLE #{prefix}.users ADD age int;");
    run.write("m/3_age.down.sql", "ALTER TABLE #{prefix}.users DROP age;");
    (world, run)
}

/// Migrates all tenants with a record; returns the run.
pub(super) fn record(run: &Schemastamp) -> String {
    let output = run
        .run(&[
            "migrate",
            "--all",
            "--migrations",
            "m",
            "--record",
            "--format",
            "json",
        ])
        .succeeds();
    let lines = output.json();
    let id = lines.last().unwrap()["summary"]["run"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        id.len() == 12 && id.chars().all(|c| c.is_ascii_alphanumeric()),
        "{id}"
    );
    id
}

pub(super) fn undo(run: &Schemastamp, id: &str, more: &[&str]) -> CommandOutput {
    let undo = [
        "migrate",
        "--undo",
        id,
        "--migrations",
        "m",
        "--format",
        "json",
    ];
    run.run(&[&undo[..], more].concat())
}

/// The outcome of each tenant, with the reason.
fn outcomes(output: &CommandOutput) -> BTreeMap<String, String> {
    let lines = output.json();
    let tenants = lines.iter().filter(|line| line["type"] == "tenant");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    tenants
        .map(|line| {
            let outcome = format!(
                "{} {}",
                text(&line["outcome"]),
                text(&line["error"]["message"])
            );
            (text(&line["tenant"]), outcome.trim_end().to_owned())
        })
        .collect()
}

fn columns(world: &World<'_>, tenant: &str) -> String {
    world.database.query(&format!(
        "SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = '{tenant}.users'::regclass \
         AND attnum > 0 AND NOT attisdropped"
    ))
}

#[test]
fn a_run_is_undone_for_exactly_its_tenants_newest_first() {
    let (world, run) = world(&["a", "b"]);
    drop(run.run(&["migrate", "b", "--migrations", "m"]).succeeds());
    let id = record(&run);
    let dry = undo(&run, &id, &["--dry-run"]).succeeds();
    assert_eq!(
        outcomes(&dry),
        [("a".to_owned(), "would_undo".to_owned())].into(),
        "{dry}"
    );
    assert_eq!(
        dry.json()[0]["pending"],
        serde_json::json!(["3_age.up.sql", "2_name.up.sql"])
    );
    assert_eq!(world.versions("a"), "1 2 3", "nothing is changed");
    let text = run
        .run(&["migrate", "--undo", &id, "--migrations", "m"])
        .succeeds();
    assert!(
        text.stdout
            .starts_with("undone a: from version 3 to 1, 2 migrations ("),
        "{text}"
    );
    assert!(
        text.stderr.ends_with("1 undone, 0 refused, 0 failed\n"),
        "{text}"
    );
    assert_eq!(
        (world.versions("a"), columns(&world, "a")),
        ("1".to_owned(), "id email".to_owned())
    );
    // It migrated `b` before, without a record.
    assert_eq!(world.versions("b"), "1 2 3");
    // Once more changes nothing, and what was undone can be applied again.
    let again = undo(&run, &id, &[]).succeeds();
    assert_eq!(again.json()[0]["undone"], serde_json::json!([]), "{again}");
    let second = record(&run);
    assert_ne!(second, id);
    assert_eq!(columns(&world, "a"), "id email name age");
    assert_eq!(world.versions("a"), "1 2 3");
    assert!(run.leftovers().is_empty());
}

#[test]
fn what_cannot_be_undone_is_refused_with_its_reason_and_the_others_are_undone() {
    let (world, run) = world(&[
        "dropped", "fine", "newer", "renamed", "replaced", "row", "run",
    ]);
    let id = record(&run);
    run.write("m/4_x.up.sql", "SELECT 1;");
    drop(
        run.run(&["migrate", "newer", "--migrations", "m"])
            .succeeds(),
    );
    run.write("m/0_old.up.sql", "SELECT 1;");
    drop(run.run(&[
        "migrate",
        "run",
        "--migrations",
        "m",
        "--record",
        "--allow-out-of-order",
    ]));
    world.database.sql(
        "DROP SCHEMA dropped CASCADE; ALTER SCHEMA renamed RENAME TO other; DROP SCHEMA replaced CASCADE;
         DELETE FROM row.schema_migrations WHERE version = '2'; DELETE FROM run.schema_migrations WHERE version = '4'",
    );
    world.tenants(&["replaced"]);
    let expected: BTreeMap<String, String> = [
        ("dropped", "refused it was dropped after the run"),
        ("fine", "undone"),
        (
            "newer",
            "refused it has newer versions, which the run did not apply: 4",
        ),
        (
            "renamed",
            "refused it is called 'other' now; rename it back first",
        ),
        (
            "replaced",
            "refused it was dropped after the run, and another schema has its name now",
        ),
        ("row", "refused version 2 is not in its version table"),
        (
            "run",
            "refused it has newer versions, which the run did not apply: 0, 4",
        ),
    ]
    .map(|(tenant, outcome)| (tenant.to_owned(), outcome.to_owned()))
    .into();
    let output = undo(&run, &id, &[]).exits_with(18);
    assert_eq!(outcomes(&output), expected, "{output}");
    let lines = output.json();
    assert_eq!(lines[0]["error"]["id"], "migrate.not_undone");
    assert_eq!(lines.last().unwrap()["summary"]["refused"], 6);
    assert_eq!(world.versions("newer"), "1 2 3 4");
    // A name that the run has not, and a run that nobody knows.
    let output = undo(&run, &id, &["other", "fine"]).exits_with(18);
    assert_eq!(
        outcomes(&output)["other"],
        "refused the run applied nothing to it"
    );
    let output = undo(&run, "000000000000", &[]).exits_with(2);
    assert_eq!(
        output.json()[0]["error"]["id"],
        "migrate.unknown_run",
        "{output}"
    );
}

#[test]
fn without_a_way_down_nothing_of_the_tenant_is_touched() {
    let (world, run) = world(&["a"]);
    let id = record(&run);
    for (file, text, reason) in [
        (
            "m/2_name.down.sql",
            "-- nothing\n",
            "refused 2_name.up.sql has no way down",
        ),
        (
            "m/2_name.down.sql",
            "ALTER SYSTEM RESET work_mem;",
            "refused 2_name.down.sql has statements that reach beyond the database; --allow-outside runs them",
        ),
    ] {
        run.write(file, text);
        let output = undo(&run, &id, &[]).exits_with(18);
        assert_eq!(outcomes(&output)["a"], reason, "{output}");
        assert_eq!(world.versions("a"), "1 2 3");
    }
    std::fs::remove_file(run.path("m/2_name.up.sql")).unwrap();
    let output = undo(&run, &id, &[]).exits_with(18);
    assert_eq!(
        outcomes(&output)["a"],
        "refused the directory has no 2_name.up.sql"
    );
}

#[test]
fn the_way_down_of_another_migration_is_never_run() {
    let (world, run) = world(&["a"]);
    let up = "ALTER TABLE #{prefix}.users ADD zip text;";
    let sections = |up: &str, down: &str| format!("-- migrate:up\n{up}\n-- migrate:down\n{down}\n");
    run.write(
        "m/4_zip.sql",
        sections(up, "ALTER TABLE #{prefix}.users DROP z;"),
    );
    let id = record(&run);
    let refused = |reason: &str| {
        let output = undo(&run, &id, &[]).exits_with(18);
        assert_eq!(outcomes(&output)["a"], reason, "{output}");
        assert_eq!(world.versions("a"), "1 2 3 4");
        assert_eq!(columns(&world, "a"), "id email name age zip");
    };
    // The same version, and another migration.
    let text = std::fs::read_to_string(run.path("m/4_zip.sql")).unwrap();
    std::fs::remove_file(run.path("m/4_zip.sql")).unwrap();
    run.write(
        "m/4_other.sql",
        sections("SELECT 1;", "DROP TABLE #{prefix}.users;"),
    );
    refused(
        "refused the run applied 4_zip.sql, and the directory has 4_other.sql for this version",
    );
    std::fs::remove_file(run.path("m/4_other.sql")).unwrap();
    // The same file with another way up.
    run.write(
        "m/4_zip.sql",
        sections("SELECT 1;", "DROP TABLE #{prefix}.users;"),
    );
    refused(
        "refused 4_zip.sql has changed since the run; its way down may be that of another migration",
    );
    run.write("m/4_zip.sql", text);
    run.write("m/2_name.up.sql", "SELECT 1;");
    refused(
        "refused 2_name.up.sql has changed since the run; its way down may be that of another migration",
    );
    run.write(
        "m/2_name.up.sql",
        "ALTER TABLE #{prefix}.users ADD name text;\r\n",
    );
    // The way down may be repaired, also in the same file.
    run.write(
        "m/4_zip.sql",
        sections(up, "ALTER TABLE #{prefix}.users\n  DROP zip;"),
    );
    let output = undo(&run, &id, &[]).succeeds();
    assert_eq!(outcomes(&output)["a"], "undone", "{output}");
    assert_eq!(columns(&world, "a"), "id email");
}

/// A way down for version 3 that changes something else when it runs for `a`, whose turn is before that of `b`.
fn meddling_down(header: &str, change: &str) -> String {
    format!(
        "{header}DO $do$ BEGIN IF current_schema() = 'a' THEN {change}; END IF; END $do$;\n\
         ALTER TABLE #{{prefix}}.users DROP age;"
    )
}

/// Replaces the tenant `b` by one that looks like it.
const REPLACE_B: &str = "DROP SCHEMA b CASCADE; CREATE SCHEMA b; \
    CREATE TABLE b.users (id int, email text, name text, age int); \
    CREATE TABLE b.schema_migrations (version varchar); INSERT INTO b.schema_migrations VALUES ('1'), ('2'), ('3')";

#[test]
fn what_changed_after_the_plan_is_not_undone() {
    let record_later = "INSERT INTO schemastamp_runs.applied (run, tenant, schema, versions_table, version, previous, file, digest) \
                        SELECT 'later', tenant, schema, versions_table, version, previous, file, digest \
                        FROM schemastamp_runs.applied WHERE tenant = 'b' AND version = '2'";
    for (change, reason, versions) in [
        (
            REPLACE_B,
            "the schema was dropped, renamed or replaced after the run",
            "1 2 3",
        ),
        (
            "INSERT INTO b.schema_migrations VALUES ('4')",
            "it has a version now that it had not when the undo was planned",
            "1 2 3 4",
        ),
        (
            "DELETE FROM b.schema_migrations WHERE version = '3'",
            "the version is not applied",
            "1 2",
        ),
        (
            record_later,
            "another run has applied something to it since",
            "1 2 3",
        ),
    ] {
        for header in ["", "-- schemastamp: no-transaction\n"] {
            let (world, run) = world(&["a", "b"]);
            let id = record(&run);
            run.write("m/3_age.down.sql", meddling_down(header, change));
            let output = undo(&run, &id, &[]).exits_with(18);
            let expected = [
                ("a", "undone".to_owned()),
                ("b", format!("failed {reason}")),
            ];
            let expected = expected.map(|(tenant, outcome)| (tenant.to_owned(), outcome));
            assert_eq!(outcomes(&output), expected.into(), "{output}");
            assert_eq!(world.versions("b"), versions);
            assert_eq!(columns(&world, "b"), "id email name age", "{output}");
        }
    }
}

#[test]
fn outside_of_a_transaction_a_schema_that_is_replaced_between_two_statements_is_not_touched() {
    let (world, run) = world(&["b"]);
    let id = record(&run);
    run.write(
        "m/3_age.down.sql",
        format!(
            "-- schemastamp: no-transaction\nDO $do$ BEGIN {REPLACE_B}; END $do$;\n\
             ALTER TABLE #{{prefix}}.users DROP age;"
        ),
    );
    let output = undo(&run, &id, &[]).exits_with(14);
    let reason = "failed the schema was dropped, renamed or replaced after the run";
    assert_eq!(outcomes(&output)["b"], reason, "{output}");
    assert_eq!(
        (world.versions("b"), columns(&world, "b")),
        ("1 2 3".to_owned(), "id email name age".to_owned())
    );
}

#[test]
fn outside_of_a_transaction_a_schema_that_is_replaced_by_the_last_statement_keeps_its_version() {
    let (world, run) = world(&["b"]);
    let id = record(&run);
    run.write(
        "m/3_age.down.sql",
        format!("-- schemastamp: no-transaction\nDO $do$ BEGIN {REPLACE_B}; END $do$;"),
    );
    let output = undo(&run, &id, &[]).exits_with(14);
    let reason = "failed the schema was dropped, renamed or replaced after the run";
    assert_eq!(outcomes(&output)["b"], reason, "{output}");
    assert_eq!(world.versions("b"), "1 2 3");
}

#[test]
fn an_index_of_a_table_that_is_re_created_meanwhile_is_noticed() {
    let (world, run) = world(&["a"]);
    run.write(
        "m/4_i.up.sql",
        "-- schemastamp: no-transaction\nCREATE INDEX CONCURRENTLY users_email ON #{prefix}.users (email);",
    );
    // The index is gone when the indexes are read, so that its DROP is left out; then the table is re-created with it.
    let recreate = "DO $do$ BEGIN IF to_regclass('a.again') IS NULL THEN CREATE TABLE a.again (); DROP TABLE a.users; \
                    CREATE TABLE a.users (id int PRIMARY KEY, email text, name text, age int); \
                    CREATE INDEX users_email ON a.users (email); END IF; END $do$;";
    run.write(
        "m/4_i.down.sql",
        format!(
            "-- schemastamp: no-transaction\nDROP INDEX CONCURRENTLY #{{prefix}}.users_email;\n{recreate}"
        ),
    );
    let id = record(&run);
    world.database.sql("DROP INDEX a.users_email");
    let output = undo(&run, &id, &[]).exits_with(14);
    let reason =
        "failed index users_email is there again: its table was changed during the migration";
    assert_eq!(outcomes(&output)["a"], reason, "{output}");
    assert_eq!(
        (world.versions("a"), indexes(&world)),
        ("1 2 3 4".to_owned(), "users_email".to_owned())
    );
    let output = undo(&run, &id, &[]).succeeds();
    assert_eq!(outcomes(&output)["a"], "undone", "{output}");
    assert_eq!(
        (world.versions("a"), indexes(&world)),
        ("1".to_owned(), String::new())
    );
}

#[test]
fn a_way_up_notices_an_index_that_is_lost_meanwhile() {
    let (world, run) = world(&["a"]);
    run.write(
        "m/4_i.up.sql",
        "-- schemastamp: no-transaction\nCREATE INDEX CONCURRENTLY users_email ON #{prefix}.users (email);\n\
         DO $do$ BEGIN IF to_regclass('a.again') IS NULL THEN CREATE TABLE a.again (); DROP TABLE a.users; \
         CREATE TABLE a.users (id int PRIMARY KEY, email text); END IF; END $do$;",
    );
    // What is left of an earlier attempt: its CREATE is left out.
    world
        .database
        .sql("CREATE INDEX users_email ON a.users (email)");
    let output = run.run(&["migrate", "a", "--migrations", "m"]);
    // The second attempt, a statement at a time, finds no index and creates it.
    drop(output.succeeds());
    assert_eq!(
        (world.versions("a"), indexes(&world)),
        ("1 2 3 4".to_owned(), "users_email".to_owned())
    );
}

#[test]
fn what_another_call_undoes_meanwhile_is_undone() {
    let undo_age = "DELETE FROM b.schema_migrations WHERE version = '3'; ALTER TABLE b.users DROP age; \
                    UPDATE schemastamp_runs.applied SET undone = now() WHERE tenant = 'b' AND version = '3'";
    let undo_both = format!(
        "{undo_age}; DELETE FROM b.schema_migrations WHERE version = '2'; ALTER TABLE b.users DROP name; \
         UPDATE schemastamp_runs.applied SET undone = now() WHERE tenant = 'b'"
    );
    for (change, own) in [
        (undo_both.as_str(), &[][..]),
        (undo_age, &["2_name.down.sql"]),
    ] {
        for header in ["", "-- schemastamp: no-transaction\n"] {
            let (world, run) = world(&["a", "b"]);
            let id = record(&run);
            run.write("m/3_age.down.sql", meddling_down(header, change));
            let output = undo(&run, &id, &[]).succeeds();
            let lines = output.json();
            let line = lines.iter().find(|line| line["tenant"] == "b").unwrap();
            assert_eq!(
                (&line["outcome"], &line["undone"], &line["pending"]),
                (
                    &serde_json::json!("undone"),
                    &serde_json::json!(own),
                    &serde_json::json!([])
                ),
                "{output}"
            );
            assert_eq!(
                (&line["from"], &line["to"]),
                (&"3".into(), &"1".into()),
                "{output}"
            );
            assert_eq!(
                (world.versions("b"), columns(&world, "b")),
                ("1".to_owned(), "id email".to_owned())
            );
        }
    }
}

#[test]
fn the_one_row_of_golang_migrate_may_change_as_planned() {
    let world = World::new();
    world.database.sql(
        "CREATE SCHEMA t; CREATE TABLE t.schema_migrations (version bigint PRIMARY KEY, dirty boolean NOT NULL);
         INSERT INTO t.schema_migrations VALUES (1, false)",
    );
    let run = Schemastamp::on(&world.database);
    for number in ["0002", "0003", "0004"] {
        run.write(
            &format!("m/{number}_x.up.sql"),
            format!("CREATE TABLE #{{prefix}}.t{number} ();"),
        );
        run.write(
            &format!("m/{number}_x.down.sql"),
            format!("DROP TABLE #{{prefix}}.t{number};"),
        );
    }
    let id = record(&run);
    let output = undo(&run, &id, &[]).succeeds();
    assert_eq!(outcomes(&output)["t"], "undone", "{output}");
    let version = "SELECT version FROM t.schema_migrations";
    assert_eq!(world.database.query(version), "1");
}

/// The indexes of `a.users` apart from its key.
fn indexes(world: &World<'_>) -> String {
    world.database.query(
        "SELECT string_agg(c.relname || CASE WHEN i.indisvalid THEN '' ELSE ' invalid' END, ' ' ORDER BY c.relname)
         FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
         WHERE i.indrelid = 'a.users'::regclass AND NOT i.indisprimary",
    )
}

#[test]
fn an_undo_outside_of_transactions_continues_where_it_failed() {
    let (world, run) = world(&["a"]);
    let id = record(&run);
    world
        .database
        .sql("CREATE INDEX users_age ON a.users (age); CREATE INDEX users_id ON a.users (id); INSERT INTO a.users VALUES (1, 'x'), (2, 'x')");
    run.write(
        "m/3_age.down.sql",
        "-- schemastamp: no-transaction\nDROP INDEX CONCURRENTLY #{prefix}.users_age;\n\
         CREATE UNIQUE INDEX CONCURRENTLY users_email ON #{prefix}.users (email);\n\
         DROP INDEX CONCURRENTLY users_id;\nALTER TABLE #{prefix}.users DROP age;",
    );
    let output = undo(&run, &id, &[]).exits_with(14);
    assert!(
        outcomes(&output)["a"].starts_with("failed could not create unique index"),
        "{output}"
    );
    assert_eq!(indexes(&world), "users_email invalid users_id");
    world.database.sql("DELETE FROM a.users WHERE id = 2");
    let output = undo(&run, &id, &[]).succeeds();
    assert_eq!(outcomes(&output)["a"], "undone", "{output}");
    assert_eq!(indexes(&world), "users_email");
    assert_eq!(
        (world.versions("a"), columns(&world, "a")),
        ("1".to_owned(), "id email".to_owned())
    );
}

#[test]
fn an_index_that_comes_and_goes_in_one_call_is_created_and_dropped() {
    let (world, run) = world(&["a"]);
    let (create, drop_it) = (
        "CREATE INDEX CONCURRENTLY users_email ON #{prefix}.users (email);",
        "DROP INDEX CONCURRENTLY #{prefix}.users_email;",
    );
    for (version, up, down) in [
        (4, create, drop_it),
        (5, drop_it, create),
        (6, create, drop_it),
    ] {
        let header = "-- schemastamp: no-transaction";
        run.write(&format!("m/{version}_i.up.sql"), format!("{header}\n{up}"));
        run.write(
            &format!("m/{version}_i.down.sql"),
            format!("{header}\n{down}"),
        );
    }
    let id = record(&run);
    assert_eq!(indexes(&world), "users_email");
    drop(undo(&run, &id, &[]).succeeds());
    assert_eq!(
        (indexes(&world), world.versions("a")),
        (String::new(), "1".to_owned())
    );
}

#[test]
fn a_way_down_that_fails_keeps_what_was_undone_and_the_next_call_continues() {
    let (world, run) = world(&["a", "b"]);
    let id = record(&run);
    world
        .database
        .sql("CREATE VIEW a.names AS SELECT name FROM a.users");
    let output = undo(&run, &id, &[]).exits_with(18);
    let found = outcomes(&output);
    assert!(
        found["a"].starts_with("failed cannot drop column name of table"),
        "{output}"
    );
    assert_eq!(found["b"], "undone");
    let lines = output.json();
    let line = lines.iter().find(|line| line["tenant"] == "a").unwrap();
    assert_eq!(
        (&line["undone"], &line["pending"], &line["error"]["file"]),
        (
            &serde_json::json!(["3_age.down.sql"]),
            &serde_json::json!(["2_name.up.sql"]),
            &serde_json::json!("2_name.down.sql")
        )
    );
    assert_eq!(
        (world.versions("a"), columns(&world, "a")),
        ("1 2".to_owned(), "id email name".to_owned())
    );
    drop(undo(&run, &id, &["a"]).exits_with(14));
    world.database.sql("DROP VIEW a.names");
    let output = undo(&run, &id, &["a"]).succeeds();
    assert_eq!(
        output.json()[0]["undone"],
        serde_json::json!(["2_name.down.sql"]),
        "{output}"
    );
    assert_eq!(columns(&world, "a"), "id email");
}

#[test]
fn an_undo_that_is_killed_continues_with_the_next_call() {
    let (world, run) = world(&["a", "b", "c"]);
    let id = record(&run);
    let down = "ALTER TABLE #{prefix}.users DROP name;";
    run.write("m/2_name.down.sql", format!("{down} SELECT pg_sleep(60);"));
    let mut child = run.spawn(&["migrate", "--undo", &id, "--migrations", "m"]);
    let sleeps = "FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid() \
                  AND datname = current_database()";
    // The version alone would be true before psql has sent the next statement.
    wait_for(|| {
        world.versions("a") == "1 2"
            && world
                .database
                .query(&format!("SELECT count(*) {sleeps} AND state = 'active'"))
                == "1"
    });
    child.kill().unwrap();
    drop(run.finish(child));
    // psql outlives its parent for a while; end what it left on the server, as its loss would.
    world
        .database
        .query(&format!("SELECT count(pg_terminate_backend(pid)) {sleeps}"));
    wait_for(|| world.database.query(&format!("SELECT count(*) {sleeps}")) == "0");
    assert_eq!(
        (world.versions("b"), columns(&world, "b")),
        ("1 2 3".to_owned(), "id email name age".to_owned())
    );
    run.write("m/2_name.down.sql", down);
    let output = undo(&run, &id, &["--jobs", "2"]).succeeds();
    let lines = output.json();
    let line = lines.iter().find(|line| line["tenant"] == "a").unwrap();
    assert_eq!(
        line["undone"],
        serde_json::json!(["2_name.down.sql"]),
        "{output}"
    );
    for tenant in ["a", "b", "c"] {
        assert_eq!(
            (world.versions(tenant), columns(&world, tenant)),
            ("1".to_owned(), "id email".to_owned())
        );
    }
}

#[test]
fn every_tool_has_its_row_removed() {
    let ecto = "version bigint PRIMARY KEY, inserted_at timestamp(0)";
    let golang = "version bigint PRIMARY KEY, dirty boolean NOT NULL";
    let goose = "id serial PRIMARY KEY, version_id bigint, is_applied boolean, tstamp timestamp DEFAULT now()";
    let diesel = "version varchar(50) PRIMARY KEY, run_on timestamp DEFAULT now()";
    let sqlx = "version bigint PRIMARY KEY, description text, installed_on timestamptz DEFAULT now(), success boolean, \
                checksum bytea, execution_time bigint";
    for (name, table, columns, row) in [
        ("ecto", "schema_migrations", ecto, "(1, now())"),
        ("golang", "schema_migrations", golang, "(1, false)"),
        ("goose", "goose_db_version", goose, "(1, 1, true)"),
        ("diesel", "__diesel_schema_migrations", diesel, "('1')"),
        (
            "sqlx",
            "_sqlx_migrations",
            sqlx,
            "(1, 'x', now(), true, '\\x00', 0)",
        ),
    ] {
        let world = World::new();
        world.database.sql(&format!(
            "CREATE SCHEMA t; CREATE TABLE t.users (id int); CREATE TABLE t.{table} ({columns}); INSERT INTO t.{table} VALUES {row};
             SELECT setval(pg_get_serial_sequence('t.{table}', 'id'), 1) FROM pg_attribute
             WHERE attrelid = 't.{table}'::regclass AND attname = 'id'"
        ));
        let run = Schemastamp::on(&world.database);
        for number in [2, 3] {
            let text = format!(
                "-- migrate:up transaction:false\nALTER TABLE #{{prefix}}.users ADD c{number} int;\n\
                 -- migrate:down\nALTER TABLE #{{prefix}}.users DROP c{number};\n"
            );
            run.write(&format!("m/{number}_x.sql"), text);
        }
        let rows = || {
            world
                .database
                .query(&format!("SELECT count(*), max(t::text) FROM t.{table} t"))
        };
        let before = rows();
        let id = record(&run);
        assert_ne!(rows(), before, "{name}");
        let output = undo(&run, &id, &[]).succeeds();
        assert_eq!(outcomes(&output)["t"], "undone", "{name}: {output}");
        assert_eq!(rows(), before, "{name}");
        let status = run
            .run(&["status", "--migrations", "m", "--format", "json"])
            .succeeds();
        assert_eq!(status.json()[0]["behind"], 2, "{name}: {status}");
    }
}

#[test]
fn the_record_is_trusted_only_if_its_owner_is_and_is_no_tenant() {
    let (world, run) = world(&["a"]);
    let user = world.database.query("SELECT current_user");
    world.database.sql("CREATE ROLE undo_stranger_role NOLOGIN");
    world.database.sql(
        "CREATE SCHEMA schemastamp_runs; CREATE TABLE schemastamp_runs.applied (x int);
         ALTER TABLE schemastamp_runs.applied OWNER TO undo_stranger_role",
    );
    let migrate = ["migrate", "--all", "--migrations", "m", "--record"];
    let output = run.run(&migrate).exits_with(14);
    assert!(
        output.stderr.contains("is not a table of this role"),
        "{user}: {output}"
    );
    assert_eq!(
        world.versions("a"),
        "1",
        "nothing is applied without a record"
    );
    world
        .database
        .sql("DROP SCHEMA schemastamp_runs CASCADE; DROP ROLE undo_stranger_role");
    let id = record(&run);
    // Also with a version table in it, it is never selected, and no tenant can be called like it.
    world
        .database
        .sql("CREATE TABLE schemastamp_runs.schema_migrations (version varchar PRIMARY KEY)");
    let output = run.run(&["status", "--format", "json"]).succeeds();
    assert_eq!(output.json()[0]["tenant"], "a");
    assert_eq!(output.json().len(), 2, "{output}");
    let output = run
        .run(&["drop", "schemastamp_runs", "--yes"])
        .exits_with(2);
    assert!(
        output
            .stderr
            .contains("reserved for schemastamp's own schemas"),
        "{output}"
    );
    // A dry run and a run with nothing to do create nothing.
    drop(undo(&run, &id, &[]).succeeds());
    world.database.sql("DROP SCHEMA schemastamp_runs CASCADE");
    drop(run.run(&[&migrate[..], &["--dry-run"]].concat()).succeeds());
    assert_eq!(
        world
            .database
            .query("SELECT to_regnamespace('schemastamp_runs') IS NULL"),
        "t"
    );
    let output = undo(&run, &id, &[]).exits_with(2);
    assert!(output.stdout.contains("migrate.unknown_run"), "{output}");
}
