//! The version tables of many tools, created as the tools do.

use super::world::{World, groups, options, outcomes};

/// The table of each tool with version 1 in it, and what it holds after version 2.
const TABLES: &[(&str, &str, &str)] = &[
    (
        "ecto",
        "schema_migrations (version bigint PRIMARY KEY, inserted_at timestamp(0)); \
         INSERT INTO ecto.schema_migrations VALUES (1, now())",
        "SELECT version, inserted_at > now() - interval '1 day' FROM ecto.schema_migrations WHERE version = 2 -- 2|t",
    ),
    (
        "golang",
        "schema_migrations (version bigint PRIMARY KEY, dirty boolean NOT NULL); \
         INSERT INTO golang.schema_migrations VALUES (1, false)",
        "SELECT version, dirty FROM golang.schema_migrations -- 2|f",
    ),
    (
        "goose",
        "goose_db_version (id serial PRIMARY KEY, version_id bigint NOT NULL, is_applied boolean NOT NULL, \
         tstamp timestamp NOT NULL DEFAULT now()); INSERT INTO goose.goose_db_version (version_id, is_applied) \
         VALUES (0, true), (1, true), (2, true), (2, false)",
        "SELECT string_agg(version_id || ' ' || is_applied, ', ' ORDER BY id) FROM goose.goose_db_version \
         -- 0 true, 1 true, 2 true, 2 false, 2 true",
    ),
    (
        "diesel",
        "__diesel_schema_migrations (version varchar(50) PRIMARY KEY NOT NULL, run_on timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP); \
         INSERT INTO diesel.__diesel_schema_migrations VALUES ('1')",
        "SELECT string_agg(version, ' ') FROM diesel.__diesel_schema_migrations -- 1 2",
    ),
    (
        "sqlx",
        "_sqlx_migrations (version bigint PRIMARY KEY, description text NOT NULL, installed_on timestamptz NOT NULL DEFAULT now(), \
         success boolean NOT NULL, checksum bytea NOT NULL, execution_time bigint NOT NULL); INSERT INTO sqlx._sqlx_migrations \
         VALUES (1, 'first one', now(), true, sha384('SELECT 1;'), 0)",
        "SELECT description, success, checksum = sha384('CREATE TABLE added ();') FROM sqlx._sqlx_migrations WHERE version = 2 \
         -- add it|t|t",
    ),
    (
        "dbmate",
        "schema_migrations (version varchar(128) PRIMARY KEY); INSERT INTO dbmate.schema_migrations VALUES ('1')",
        "SELECT string_agg(version, ' ') FROM dbmate.schema_migrations -- 1 2",
    ),
];

fn tables(world: &World<'_>) {
    for (schema, table, _) in TABLES {
        world.database.sql(&format!(
            "CREATE SCHEMA {schema}; CREATE TABLE {schema}.{table};"
        ));
    }
}

#[tokio::test]
async fn version_rows_match_each_tool() {
    let world = World::new();
    tables(&world);
    world.migration("1_first_one.sql", "SELECT 1;");
    world.migration("2_add_it.sql", "CREATE TABLE added ();");
    let report = world.migrate(&options()).await;
    assert_eq!(groups(&report), Vec::<String>::new());
    assert!(
        report
            .tenants
            .iter()
            .all(|tenant| tenant.applied == ["2_add_it.sql"]),
        "{report:?}"
    );
    for (schema, _, check) in TABLES {
        let (query, expected) = check.rsplit_once("-- ").unwrap();
        assert_eq!(world.database.query(query), expected, "{schema}");
        assert_eq!(
            world
                .database
                .query(&format!("SELECT to_regclass('{schema}.added') IS NOT NULL")),
            "t"
        );
    }
    let again = world.migrate(&options()).await;
    assert_eq!(
        again.count(|outcome| outcome.word() == "up_to_date"),
        TABLES.len()
    );
}

#[tokio::test]
async fn mismatched_files_are_handled_as_by_each_tool() {
    let world = World::new();
    tables(&world);
    world.database.sql(
        "INSERT INTO ecto.schema_migrations VALUES (5), (3); UPDATE golang.schema_migrations SET dirty = true;\n\
         INSERT INTO goose.goose_db_version (version_id, is_applied) VALUES (3, true);\n\
         UPDATE sqlx._sqlx_migrations SET checksum = 'x';",
    );
    world.migration("1_first_one.sql", "SELECT 1;");
    world.migration("2_add_it.sql", "CREATE TABLE added ();");
    world.migration("3_third.sql", "SELECT 1;");
    let report = world.migrate(&options()).await;
    let mut refused = groups(&report);
    refused.sort();
    assert_eq!(
        refused,
        [
            "golang: version 1 is marked as unfinished; repair the schema and the version table first",
            "goose: 2_add_it.sql is pending, although 3 is applied: out of order",
            "sqlx: 1_first_one.sql is not the file that was applied as version 1",
        ]
    );
    let ecto = report
        .tenants
        .iter()
        .find(|tenant| tenant.tenant.as_str() == "ecto")
        .unwrap();
    let warnings: Vec<String> = ecto.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [
            "2_add_it.sql is pending, although 5 is applied: out of order",
            "version 5 is applied, but has no file"
        ]
    );
}

#[tokio::test]
async fn foreign_version_tables_are_never_written() {
    let world = World::new();
    world.database.sql(
        "CREATE SCHEMA al; CREATE TABLE al.alembic_version (version_num varchar(32) PRIMARY KEY);\n\
         INSERT INTO al.alembic_version VALUES ('ae1027a6acf');\n\
         CREATE SCHEMA dj; CREATE TABLE dj.django_migrations (id bigserial, app varchar, name varchar, applied timestamptz);\n\
         INSERT INTO dj.django_migrations (app, name, applied) VALUES ('auth', '0001_initial', now()), ('blog', '0002_x', now());\n\
         CREATE SCHEMA fw; CREATE TABLE fw.flyway_schema_history (installed_rank int, version varchar, description varchar, \
         type varchar, script varchar, checksum int, installed_by varchar, installed_on timestamp, execution_time int, success boolean);\n\
         INSERT INTO fw.flyway_schema_history VALUES (1, '1', 'x', 'SQL', 'V1__x.sql', 1, 'me', now(), 1, true);",
    );
    world.migration("V2__add.sql", "CREATE TABLE added ();");
    let report = world.migrate(&options()).await;
    assert_eq!(
        outcomes(&report),
        ["al: refused", "dj: refused", "fw: refused"]
    );
    assert!(
        groups(&report)[0]
            .contains("itself can write its version table; let it run the migrations with --run")
    );
    let from: Vec<Option<&str>> = report
        .tenants
        .iter()
        .map(|tenant| tenant.from.as_deref())
        .collect();
    assert_eq!(from, [Some("ae1027a6acf"), Some("blog.0002_x"), Some("1")]);
}
