//! Decisions on single places of an object, in schemas that were made from the snapshot.

use crate::support::{Cluster, Schemastamp};

const SOURCE: &str = "CREATE SCHEMA app; CREATE TABLE app.schema_migrations (version text PRIMARY KEY);
    INSERT INTO app.schema_migrations VALUES ('1');
    CREATE FUNCTION app.isq() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN EXECUTE format('set x.y = %L', 'app');
    RETURN EXISTS (SELECT FROM information_schema.tables WHERE table_schema = 'app'); END $$;";

/// A place that was kept does not name a tenant, so that its places have other numbers.
#[test]
fn places_are_those_of_the_schema_that_was_decided_on() {
    let database = Cluster::shared().database();
    database.sql(SOURCE);
    let run = Schemastamp::on(&database);
    drop(
        run.run(&[
            "capture",
            "--schema",
            "app",
            "-o",
            "s.sql",
            "--keep",
            "function isq#1",
            "--rename",
            "function isq",
        ])
        .succeeds(),
    );
    let header = run.read("s.sql");
    assert!(
        header.contains("-- keep: function isq#1\n")
            && header.contains("-- rename: function isq#2\n"),
        "{header}"
    );
    let run = run.env("SCHEMASTAMP_SNAPSHOT", "s.sql");
    let body = |schema: &str| {
        let source =
            format!("SELECT prosrc FROM pg_proc WHERE pronamespace = '{schema}'::regnamespace");
        let source = database.query(&source);
        let is_right = source.contains("'set x.y = %L', 'app'")
            && source.contains(&format!("table_schema = '{schema}'"));
        assert!(is_right, "{schema}: {source}");
    };
    drop(run.run(&["provision", "b1"]).succeeds());
    drop(run.run(&["rename", "b1", "b2", "--yes"]).succeeds());
    body("b2");
    drop(run.run(&["clone", "b2", "b3"]).succeeds());
    body("b3");
    // The template itself has all places.
    drop(run.run(&["clone", "app", "b4"]).succeeds());
    body("b4");
    for schema in ["app", "b2"] {
        drop(run.run(&["check", "--schema", schema]).succeeds());
    }
    run.write("m/2_z.sql", "CREATE TABLE #{prefix}.z (i int);");
    drop(run.run(&["refresh", "--migrations", "m"]).succeeds());
    let refreshed = run.read("s.sql");
    assert!(
        refreshed.contains("'set x.y = %L', 'app'")
            && refreshed.contains("table_schema = '#{prefix}'")
            && refreshed.contains("-- keep: function isq#1\n"),
        "{refreshed}"
    );
    // Another schema in the place of the template is asked about anew.
    let output = run
        .run(&["capture", "--schema", "b2", "-o", "s.sql"])
        .exits_with(15);
    assert!(output.stderr.contains("function isq"), "{output}");
}
