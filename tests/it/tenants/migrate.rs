//! `migrate`, its report, and what goes wrong.

use std::time::Duration;

use schemastamp::fleet::TenantSelection;
use schemastamp::process::{Shutdown, Signal};
use schemastamp::tenant::migrate::MigrateOutcome;

use super::world::{World, groups, name, options, options_with, outcomes};

const USERS: &str = "ALTER TABLE #{prefix}.users ADD name text;";

#[tokio::test]
async fn pending_migrations_are_applied_once() {
    let world = World::new();
    world.tenants(&["acme", "Ber-lin", "o'ne\"il $$"]);
    world
        .database
        .sql("CREATE SCHEMA shared; CREATE TABLE shared.users ()");
    world.migration("1_first.sql", "SELECT 1/0;");
    world.migration("2_name.sql", USERS);
    world.migration(
        "10_rows.sql",
        "INSERT INTO users VALUES (1, '#{prefix}', 'x');\nSELECT 1 AS \"not a marker\";",
    );
    let report = world
        .migrate(&options_with(|options| options.jobs = 2))
        .await;
    assert_eq!(
        outcomes(&report),
        [
            "Ber-lin: migrated",
            "acme: migrated",
            "o'ne\"il $$: migrated"
        ]
    );
    let [first, ..] = report.tenants.as_slice() else {
        panic!("{report:?}")
    };
    assert_eq!(first.applied, ["2_name.sql", "10_rows.sql"]);
    assert_eq!(
        (first.from.as_deref(), first.to.as_deref()),
        (Some("1"), Some("10"))
    );
    assert_eq!(world.versions("o'ne\"il $$"), "1 10 2");
    assert_eq!(
        world
            .database
            .query("SELECT email FROM \"o'ne\"\"il $$\".users"),
        "o'ne\"il $$"
    );
    let again = world.migrate(&options()).await;
    assert_eq!(
        again.count(|outcome| *outcome == MigrateOutcome::UpToDate),
        3,
        "{again:?}"
    );
}

#[tokio::test]
async fn dry_run_changes_nothing() {
    let world = World::new();
    world.tenants(&["a", "b"]);
    world.migration("2_name.sql", USERS);
    let report = world
        .migrate(&options_with(|options| options.dry_run = true))
        .await;
    assert_eq!(outcomes(&report), ["a: pending", "b: pending"]);
    assert_eq!(report.tenants[0].pending, ["2_name.sql"]);
    assert_eq!(world.versions("a"), "1");
}

#[tokio::test]
async fn failed_tenants_do_not_stop_others_and_are_continued() {
    let world = World::new();
    let names: Vec<String> = (0..10).map(|n| format!("t{n}")).collect();
    world.tenants(&names.iter().map(String::as_str).collect::<Vec<_>>());
    world.database.sql(
        "INSERT INTO t4.users VALUES (7); INSERT INTO t6.users VALUES (7); DROP TABLE t8.users",
    );
    world.migration(
        "2_name.sql",
        "ALTER TABLE #{prefix}.users ADD IF NOT EXISTS name text;",
    );
    world.migration(
        "3_row.sql",
        "SELECT 1;\n\nINSERT INTO #{prefix}.users\n  VALUES (7);\n",
    );
    world.migration("4_last.sql", "ALTER TABLE #{prefix}.users ADD age int;");
    for jobs in [1, 3] {
        let report = world
            .migrate(&options_with(|options| options.jobs = jobs))
            .await;
        assert_eq!(
            groups(&report),
            [
                "t4 t6: 23505 duplicate key value violates unique constraint \"users_pkey\" in 3_row.sql, statement 2 (line 3)",
                "t8: 42P01 relation \"#{prefix}.users\" does not exist in 2_name.sql, statement 1 (line 1)",
            ]
        );
        assert_eq!(report.count(MigrateOutcome::is_good), 7);
        assert_eq!(
            (world.versions("t4"), world.versions("t8")),
            ("1 2".to_owned(), "1".to_owned())
        );
        assert_eq!(world.versions("t9"), "1 2 3 4");
    }
    world.database.sql(
        "DELETE FROM t4.users; DELETE FROM t6.users; CREATE TABLE t8.users (id int, email text)",
    );
    let report = world.migrate(&options()).await;
    assert_eq!(
        report.count(|outcome| *outcome == MigrateOutcome::Migrated),
        3
    );
    assert_eq!(world.versions("t8"), "1 2 3 4");
}

#[tokio::test]
async fn canary_failure_and_max_failures_end_the_run() {
    let world = World::new();
    world.tenants(&["a", "b", "c", "d"]);
    world.migration("2_bad.sql", "SELECT no_such_function();");
    let report = world
        .migrate(&options_with(|options| options.canary = 1))
        .await;
    assert_eq!(
        outcomes(&report),
        [
            "a: failed",
            "b: not_reached",
            "c: not_reached",
            "d: not_reached"
        ]
    );
    assert_eq!(
        report.ended_early.as_deref(),
        Some("one of the first tenants failed")
    );
    let report = world
        .migrate(&options_with(|options| options.max_failures = Some(2)))
        .await;
    assert_eq!(
        outcomes(&report),
        ["a: failed", "b: failed", "c: not_reached", "d: not_reached"]
    );
    assert_eq!(report.ended_early.as_deref(), Some("2 tenants failed"));
}

#[tokio::test]
async fn hostile_migrations_leave_correct_versions() {
    let world = World::new();
    world.tenants(&["a", "b"]);
    world.migration(
        "2_path.sql",
        "SET search_path = 'b';\nSET SESSION lock_timeout = '1h';\nCREATE TABLE #{prefix}.x ();",
    );
    let report = world.migrate(&options()).await;
    assert_eq!(outcomes(&report), ["a: migrated", "b: migrated"]);
    assert_eq!(
        (world.versions("a"), world.versions("b")),
        ("1 2".to_owned(), "1 2".to_owned())
    );
    world.migration("3_drop.sql", "DROP TABLE #{prefix}.schema_migrations;");
    let report = world.migrate(&options()).await;
    assert_eq!(
        groups(&report),
        ["a b: 42P01 relation \"#{prefix}.schema_migrations\" does not exist in 3_drop.sql"]
    );
    assert_eq!(world.versions("b"), "1 2");
    world.migration(
        "3_drop.sql",
        "DO $$ BEGIN CREATE TABLE #{prefix}.y (); COMMIT; END $$;",
    );
    let report = world.migrate(&options()).await;
    assert_eq!(
        groups(&report),
        ["a b: 2D000 invalid transaction termination in 3_drop.sql, statement 1 (line 1)"]
    );
    assert_eq!(
        world.database.query("SELECT to_regclass('a.y') IS NULL"),
        "t"
    );
}

#[tokio::test]
async fn busy_table_is_retried_without_blocking_others() {
    let world = World::new();
    world.tenants(&["a", "b", "c"]);
    world.migration("2_name.sql", USERS);
    let holder = world.hold_lock("b.users", 1.2).await;
    let report = world.migrate(&options()).await;
    assert_eq!(
        outcomes(&report),
        ["a: migrated", "b: migrated", "c: migrated"]
    );
    holder.join().unwrap();

    world.migration("3_age.sql", "ALTER TABLE #{prefix}.users ADD age int;");
    let holder = world.hold_lock("b.users", 2.0).await;
    let report = world
        .migrate(&options_with(|options| options.lock_retries = 1))
        .await;
    assert_eq!(
        outcomes(&report),
        ["a: migrated", "b: failed", "c: migrated"]
    );
    assert_eq!(
        groups(&report),
        ["b: 55P03 canceling statement due to lock timeout in 3_age.sql"]
    );
    holder.join().unwrap();
}

#[tokio::test]
async fn version_table_without_a_column_that_can_be_read_fails_only_its_own_tenant() {
    let world = World::new();
    world.tenants(&["a"]);
    world.database.sql(
        "CREATE SCHEMA b; CREATE TABLE b.schema_migrations ();\n\
         CREATE SCHEMA c; CREATE DOMAIN c.v AS text; CREATE TABLE c.schema_migrations (version c.v);",
    );
    world.migration("2_name.sql", USERS);
    let report = world.migrate(&options()).await;
    assert_eq!(outcomes(&report), ["a: migrated", "b: odd", "c: odd"]);
    assert_eq!(
        groups(&report),
        ["b c: version table 'schema_migrations' has no column of one of PostgreSQL's own types"]
    );
}

#[tokio::test]
async fn postponed_tenant_fails_with_its_own_reason_if_the_run_ends_before_its_next_turn() {
    let world = World::new();
    world.tenants(&["a", "b", "c"]);
    world.database.sql("CREATE TABLE c.teams ()");
    let both = format!("{USERS}\nCREATE TABLE #{{prefix}}.teams ();");
    world.migration("2_name.sql", &both);
    let holder = world.hold_lock("b.users", 2.0).await;
    let report = world
        .migrate(&options_with(|options| {
            options.retry_pause = Duration::from_mins(1);
            options.max_failures = Some(1);
        }))
        .await;
    holder.join().unwrap();
    assert_eq!(outcomes(&report), ["a: migrated", "b: failed", "c: failed"]);
    let mut found = groups(&report);
    found.sort();
    assert_eq!(
        found,
        [
            "b: 55P03 canceling statement due to lock timeout in 2_name.sql",
            "c: 42P07 relation \"teams\" already exists in 2_name.sql, statement 2 (line 2)"
        ]
    );
    assert_eq!(report.ended_early.as_deref(), Some("1 tenant failed"));
}

#[tokio::test]
async fn concurrent_runs_apply_each_migration_once() {
    let world = World::new();
    let names: Vec<String> = (0..30).map(|n| format!("t{n:02}")).collect();
    world.tenants(&names.iter().map(String::as_str).collect::<Vec<_>>());
    world.migration("2_name.sql", &format!("{USERS}\nSELECT pg_sleep(0.01);"));
    world.migration("3_row.sql", "INSERT INTO #{prefix}.users VALUES (1);");
    let migrations = world.migrations();
    let run = || async {
        let options = options_with(|options| options.jobs = 2);
        let never = Shutdown::new();
        schemastamp::fleet::migrate::migrate(
            &world.server,
            &migrations,
            &options,
            None,
            &never,
            &mut |_| {},
        )
        .await
        .unwrap()
    };
    let (one, two) = tokio::join!(run(), run());
    assert_eq!((groups(&one), groups(&two)), (vec![], vec![]));
    let applied = |report: &schemastamp::fleet::migrate::MigrateReport| -> usize {
        report
            .tenants
            .iter()
            .map(|tenant| tenant.applied.len())
            .sum()
    };
    assert_eq!(applied(&one) + applied(&two), 60);
    assert!(names.iter().all(|name| world.versions(name) == "1 2 3"));
}

#[tokio::test]
async fn invalid_concurrent_index_is_rebuilt() {
    let world = World::new();
    world.tenants(&["a", "b"]);
    world
        .database
        .sql("INSERT INTO a.users VALUES (1, 'x'), (2, 'x')");
    world.migration("2_name.sql", USERS);
    world.migration(
        "3_index.sql",
        "-- schemastamp: no-transaction\nCREATE UNIQUE INDEX CONCURRENTLY email ON #{prefix}.users (email);\n\
         CREATE INDEX CONCURRENTLY name ON users (name);",
    );
    world.migration("4_age.sql", "ALTER TABLE #{prefix}.users ADD age int;");
    let invalid = "SELECT count(*) FROM pg_index WHERE NOT indisvalid";
    let report = world.migrate(&options()).await;
    assert_eq!(
        groups(&report),
        ["a: 23505 could not create unique index \"email\" in 3_index.sql, statement 1 (line 2)"]
    );
    assert_eq!(
        (world.versions("a"), world.versions("b")),
        ("1 2".to_owned(), "1 2 3 4".to_owned())
    );
    assert_eq!(world.database.query(invalid), "1");
    world
        .database
        .sql("DELETE FROM a.users WHERE id = 2; CREATE INDEX name ON a.users (name)");
    let report = world.migrate(&options()).await;
    assert_eq!(outcomes(&report), ["a: migrated", "b: up_to_date"]);
    assert_eq!(world.database.query(invalid), "0");
    assert_eq!(world.versions("a"), "1 2 3 4");
}

#[tokio::test]
async fn stopped_run_reports_versions_and_is_continued() {
    let world = World::new();
    world.tenants(&["a", "b", "c", "d"]);
    world.migration("2_name.sql", USERS);
    world.migration(
        "3_slow.sql",
        "SELECT pg_sleep(CASE current_schema() WHEN 'b' THEN 30 ELSE 0 END) /* slow */;",
    );
    let shutdown = Shutdown::new();
    let stopper = async {
        world
            .wait_for(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()",
                "1",
            )
            .await;
        shutdown.request(Signal::INTERRUPT);
    };
    let options = options();
    let (report, ()) = tokio::join!(world.migrate_until(&options, &shutdown), stopper);
    assert_eq!(
        outcomes(&report),
        [
            "a: migrated",
            "b: failed",
            "c: not_reached",
            "d: not_reached"
        ]
    );
    assert!(report.ended_early.is_some());
    assert_eq!(
        report.tenants[1].to.as_deref(),
        Some(if world.versions("b") == "1 2" {
            "2"
        } else {
            "1"
        })
    );
    world.migration("3_slow.sql", "SELECT 1;");
    let report = world.migrate(&options).await;
    assert_eq!(groups(&report), Vec::<String>::new());
    assert!(
        ["a", "b", "c", "d"]
            .iter()
            .all(|tenant| world.versions(tenant) == "1 2 3")
    );
}

#[tokio::test]
async fn outcome_of_a_lost_connection_is_read_from_the_versions() {
    let world = World::new();
    world.tenants(&["a", "b", "c"]);
    world.migration(
        "2_die.sql",
        "SELECT pg_terminate_backend(pg_backend_pid()) WHERE current_schema() = 'b';",
    );
    let report = world.migrate(&options()).await;
    assert_eq!(
        outcomes(&report),
        ["a: migrated", "b: failed", "c: migrated"]
    );
    assert_eq!(world.versions("b"), "1");
    assert!(
        groups(&report)[0].contains("terminating connection"),
        "{:?}",
        groups(&report)
    );
}

#[tokio::test]
async fn slow_tenant_times_out() {
    let mut world = World::new();
    world.tenants(&["a"]);
    world.server.timeout = Some(Duration::from_secs(1));
    world.migration("2_slow.sql", "SELECT pg_sleep(30);");
    let report = world.migrate(&options()).await;
    assert_eq!(groups(&report), ["a: took longer than 1s"]);
    let statement_timeout = Some(Duration::from_millis(300));
    let report = world
        .migrate(&options_with(|options| {
            options.statement_timeout = statement_timeout;
        }))
        .await;
    assert_eq!(
        groups(&report),
        [
            "a: 57014 canceling statement due to statement timeout in 2_slow.sql, statement 1 (line 1)"
        ]
    );
}

#[tokio::test]
async fn missing_and_invalid_tenants_are_reported() {
    let world = World::new();
    world.tenants(&["a", "b", "c"]);
    world.database.sql(
        "ALTER TABLE b.schema_migrations RENAME version TO v; CREATE TABLE c.alembic_version (version_num varchar);\n\
         CREATE SCHEMA bare",
    );
    world.migration("2_name.sql", USERS);
    let scope = TenantSelection::Named(["a", "b", "c", "bare", "nosuch"].map(name).to_vec());
    let report = world
        .migrate(&options_with(|options| options.scope = scope))
        .await;
    assert_eq!(
        groups(&report),
        [
            "b: the columns of version table 'schema_migrations' match no known tool: v character varying",
            "bare: the schema has no well-known version table; name it with --versions-table",
            "c: the schema has several version tables: alembic_version, schema_migrations; name one with --versions-table",
            "nosuch: there is no such schema",
        ]
    );
    let scope = TenantSelection::All {
        pattern: Some("?".to_owned()),
    };
    let versions_table = Some("schema_migrations".to_owned());
    let report = world
        .migrate(&options_with(|options| {
            options.scope = scope;
            options.versions_table = versions_table;
        }))
        .await;
    assert_eq!(
        outcomes(&report),
        ["a: up_to_date", "b: odd", "c: migrated"]
    );
}
