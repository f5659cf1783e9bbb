//! What the comparison leaves out, and what it does not.

use schemastamp::process::Shutdown;
use schemastamp::snapshot::capture::{ProofInputs, SourceOf, prove};
use schemastamp::snapshot::{RenderOptions, Snapshot};

use super::{capture_of, chain, provision, run, server, wait};
use crate::support::{Cluster, Database, Schemastamp};

/// Has the server keep something for itself in each column, another value for each table, as 15.20 does with `pg_attver`;
/// `pg_dump` does not write it.
const PRIVATE: &str = "
    CREATE SEQUENCE public.version;
    CREATE FUNCTION public.keep() RETURNS event_trigger LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE pg_catalog.pg_attribute SET attfdwoptions = ARRAY['private=' || pg_catalog.nextval('public.version')]
        WHERE attnum > 0 AND attrelid IN (SELECT objid FROM pg_catalog.pg_event_trigger_ddl_commands()
            WHERE classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND object_type = 'table');
    END $$;
    CREATE EVENT TRIGGER keep ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION public.keep();";

fn notes(database: &Database<'_>) -> Vec<String> {
    let captured =
        run(capture_of(database, "app")).unwrap_or_else(|error| panic!("{}", chain(&error)));
    captured.notes.iter().map(ToString::to_string).collect()
}

#[test]
fn an_unknown_private_property_is_ignored_with_a_note() {
    let database = Cluster::shared().database();
    database.sql(PRIVATE);
    database.sql(
        "CREATE SCHEMA app; CREATE TABLE app.t (i int PRIMARY KEY, s text); CREATE TABLE app.u (i int);
         ALTER TABLE app.t ALTER s SET (n_distinct = 5);",
    );
    assert_eq!(
        notes(&database),
        [
            "ignored: foreign options: private of column t.i and 2 other objects, which this server sets by itself"
        ]
    );
    let cli = Schemastamp::on(&database);
    cli.write("snapshots/.keep", "");
    for arguments in [
        &["capture", "--schema", "app", "-o", "snapshots/app.sql"][..],
        &["provision", "one"],
        &["rename", "one", "two"],
        &["clone", "two", "three"],
        &["pool", "fill", "--size", "1"],
        &["provision", "--from-pool", "four"],
        &["check", "--schema", "four"],
    ] {
        drop(cli.run(arguments).succeeds());
    }
}

#[test]
fn a_private_property_does_not_hide_what_a_user_has_set() {
    let database = Cluster::shared().database();
    database.sql(PRIVATE);
    database.sql("CREATE SCHEMA app; CREATE TABLE app.t (i int, s text);");
    let captured =
        run(capture_of(&database, "app")).unwrap_or_else(|error| panic!("{}", chain(&error)));
    database.sql("ALTER TABLE app.t ALTER s SET (n_distinct = 5), ALTER i SET NOT NULL");
    let found = compared(&database, &captured.snapshot).unwrap_err();
    assert!(
        found.contains("column t.s") && found.contains("column t.i"),
        "{found}"
    );
    assert!(!found.contains("private"), "{found}");
}

/// Proves a snapshot against the live schema `app`.
fn compared(database: &Database<'_>, snapshot: &Snapshot) -> Result<(), String> {
    let inputs = ProofInputs {
        snapshot,
        schema: "app",
        source: SourceOf::Live { dump: None },
        major: 15,
        live_exists: true,
        exceptions: schemastamp::snapshot::capture::Exceptions::default(),
        compare: &RenderOptions::default(),
    };
    wait(prove(&server(database), &inputs, &Shutdown::new()))
        .map(drop)
        .map_err(|error| chain(&error))
}

#[test]
fn what_the_server_words_differently_after_a_reload_is_the_same() {
    let database = Cluster::shared().database();
    database.sql(
        "CREATE SCHEMA app; CREATE TABLE app.t (a int, s varchar);
         CREATE VIEW app.v AS SELECT q.a FROM (SELECT a FROM app.t UNION ALL SELECT NULL FROM app.t) q;
         CREATE MATERIALIZED VIEW app.m AS SELECT q.a FROM (SELECT a FROM app.t UNION ALL SELECT NULL FROM app.t) q;",
    );
    let captured =
        run(capture_of(&database, "app")).unwrap_or_else(|error| panic!("{}", chain(&error)));
    let reworded: Vec<String> = captured
        .proof
        .unwrap()
        .reworded
        .iter()
        .map(|reworded| reworded.object.to_string())
        .collect();
    assert_eq!(reworded, ["materialized view m", "view v"]);
    let cli = Schemastamp::on(&database);
    drop(
        cli.run(&["rename", "app", "other", "--not-a-tenant"])
            .succeeds(),
    );
    // Another query in the same place is a difference.
    let body = captured
        .snapshot
        .body()
        .replace("SELECT NULL::integer", "SELECT 0");
    let changed = Snapshot::from_parts(captured.snapshot.header().clone(), body).unwrap();
    database.sql("ALTER SCHEMA other RENAME TO app");
    let found = compared(&database, &changed).unwrap_err();
    assert!(found.contains("view v"), "{found}");
}

#[test]
fn an_orphan_shell_operator_is_left_out() {
    let database = Cluster::shared().database();
    database.sql(
        "CREATE SCHEMA app; CREATE FUNCTION app.f(boolean, boolean) RETURNS boolean LANGUAGE sql AS 'SELECT $1 = $2';
         CREATE OPERATOR app.=== (leftarg = boolean, rightarg = boolean, function = app.f, negator = OPERATOR(app.!==));
         DROP OPERATOR app.=== (boolean, boolean);",
    );
    assert_eq!(
        notes(&database),
        [
            "left out, as no function stands behind them: operators that another one names: !==(boolean,boolean)"
        ]
    );
}

#[test]
fn the_order_of_columns_is_not_listed_among_differences() {
    let database = Cluster::shared().database();
    database
        .sql("CREATE SCHEMA app; CREATE TABLE app.t (a int, b int); CREATE TABLE app.u (a int);");
    let captured =
        run(capture_of(&database, "app")).unwrap_or_else(|error| panic!("{}", chain(&error)));
    database.sql(
        "ALTER TABLE app.t DROP a; ALTER TABLE app.t ADD a int; ALTER TABLE app.u ALTER a SET NOT NULL",
    );
    let found = compared(&database, &captured.snapshot).unwrap_err();
    assert!(
        found.contains("column u.a") && !found.contains("column order"),
        "{found}"
    );
}

#[test]
fn every_kind_of_object_under_every_default_privilege() {
    for major in [13, 14, 15, 16, 17, 18] {
        let cluster = if major == 15 {
            Cluster::shared()
        } else {
            Cluster::of_major(major)
        };
        let database = cluster.database();
        database.sql(
            "ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
             ALTER DEFAULT PRIVILEGES REVOKE USAGE ON TYPES FROM PUBLIC;
             ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO pg_monitor;
             ALTER DEFAULT PRIVILEGES GRANT USAGE ON SEQUENCES TO pg_monitor;
             ALTER DEFAULT PRIVILEGES GRANT USAGE ON SCHEMAS TO pg_monitor;
             CREATE SCHEMA app;
             CREATE TABLE app.\"T x\" (a int); CREATE VIEW app.v AS SELECT 1 AS x; CREATE SEQUENCE app.s;
             CREATE MATERIALIZED VIEW app.m AS SELECT 1 AS x;
             CREATE FUNCTION app.f() RETURNS TABLE (a int) LANGUAGE sql AS 'SELECT 1';
             CREATE FUNCTION app.f(i int) RETURNS int LANGUAGE sql AS 'SELECT 1';
             CREATE FUNCTION app.g(i int, OUT o int) LANGUAGE sql AS 'SELECT 1';
             CREATE FUNCTION app.g(i int, j int) RETURNS int LANGUAGE sql AS 'SELECT 1';
             CREATE PROCEDURE app.q(INOUT b int, VARIADIC c text[]) LANGUAGE plpgsql AS 'BEGIN END';
             CREATE AGGREGATE app.agg(*) (sfunc = int8inc, stype = int8, initcond = 0);
             CREATE AGGREGATE app.pct(float8 ORDER BY anyelement) (sfunc = ordered_set_transition, stype = internal,
                 finalfunc = percentile_disc_final, finalfunc_extra);
             CREATE TYPE app.\"T y\" AS (a int); CREATE TYPE app.en AS ENUM ('a'); CREATE DOMAIN app.dom AS text;
             CREATE TYPE app.ra AS RANGE (subtype = int4);
             CREATE PROCEDURE app.\"P p\"(\"A b\" app.\"T y\") LANGUAGE plpgsql AS 'BEGIN END';",
        );
        if major >= 14 {
            // OUT arguments of procedures.
            database.sql(
                "CREATE PROCEDURE app.p(IN b int, OUT a int) LANGUAGE plpgsql AS 'BEGIN a := 1; END';
                 CREATE PROCEDURE app.p(IN b int, IN c int) LANGUAGE plpgsql AS 'BEGIN END';",
            );
        }
        let client = match major {
            16.. => crate::support::Client::of_major(if major == 16 { 16 } else { 18 }),
            _ => crate::support::Client::installed(),
        };
        let captured = run(super::capture_with(&database, "app", &client))
            .unwrap_or_else(|error| panic!("{major}: {}", chain(&error)));
        provision(&database, &captured.snapshot, "one")
            .unwrap_or_else(|error| panic!("{major}: {error}"));
        let state = |schema: &str| {
            database.query(&format!(
                "SELECT proname, proacl FROM pg_proc WHERE pronamespace = '{schema}'::regnamespace ORDER BY 1, 2::text"
            ))
        };
        // As in the source: only the owner may.
        assert!(
            !state("one").contains("=X/postgres,="),
            "{major}: {}",
            state("one")
        );
        assert_eq!(state("one"), state("app"), "{major}");
    }
}

#[test]
fn order_of_the_bytes_does_not_depend_on_other_schemas() {
    let database = Cluster::shared().database();
    database.sql(
        "CREATE SCHEMA zoo; CREATE FUNCTION zoo.f() RETURNS int LANGUAGE sql AS 'SELECT 1';
         CREATE TABLE zoo.a (x serial PRIMARY KEY); CREATE TABLE zoo.b (x serial PRIMARY KEY);
         CREATE TABLE zoo.c (x int GENERATED ALWAYS AS IDENTITY); CREATE VIEW zoo.aa AS SELECT x FROM zoo.b;",
    );
    let captured =
        || run(capture_of(&database, "zoo")).unwrap_or_else(|error| panic!("{}", chain(&error)));
    let before = captured().snapshot;
    database.sql(
        "CREATE SCHEMA other; CREATE FUNCTION other.f() RETURNS SETOF zoo.b LANGUAGE sql AS 'SELECT * FROM zoo.b';
         CREATE VIEW other.v AS SELECT x FROM zoo.a WHERE EXISTS (SELECT FROM other.f());",
    );
    provision(&database, &before, "t1").unwrap();
    let cli = Schemastamp::on(&database);
    cli.write("snapshots/zoo.sql", before.to_text());
    for schema in ["zoo", "t1"] {
        drop(cli.run(&["check", "--schema", schema]).succeeds());
    }
    assert_eq!(captured().snapshot.to_text(), before.to_text());
}
