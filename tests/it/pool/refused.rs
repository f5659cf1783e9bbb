//! Snapshots of which tenants cannot be made ahead, by object.

use super::{spares, world};
use crate::support::Cluster;

/// The objects that `pool fill` names.
fn refused(body: &str) -> Vec<String> {
    let database = Cluster::shared().database();
    let world = world(&database, body);
    let output = world
        .run(&["pool", "fill", "--size", "1", "--format", "json"])
        .exits_with(15);
    assert_eq!(
        output.json()[0]["error"]["id"],
        "pool.not_proven",
        "{output}"
    );
    assert_eq!(
        (
            spares(&database).len(),
            database.query("SELECT count(*) FROM pg_namespace WHERE nspname ~ 'stamp'")
        ),
        (0, "0".into())
    );
    world.run(&["provision", "acme"]).succeeds();
    output
        .stderr
        .lines()
        .filter_map(|line| line.strip_prefix("  "))
        .map(str::to_owned)
        .collect()
}

#[test]
fn pool_is_refused_for_text_that_cannot_be_replaced() {
    assert_eq!(
        refused(
            "CREATE TABLE #{prefix}.t (a text, CONSTRAINT c CHECK (a <> '#{prefix}'::text));\n"
        ),
        ["constraint c on t: definition"]
    );
    assert_eq!(
        refused("CREATE TABLE #{prefix}.t (a text DEFAULT '#{prefix}'::text);\n"),
        ["column t.a: definition"]
    );
    assert_eq!(
        refused("CREATE MATERIALIZED VIEW #{prefix}.m AS SELECT '#{prefix}'::text AS a;\n"),
        ["materialized view m: definition", "rows of m: values"]
    );
    assert!(
        refused("CREATE TABLE #{prefix}.\"of #{prefix}\" (a int);\n")
            .iter()
            .any(|line| line.contains("of #{prefix}"))
    );
}

#[test]
fn pool_is_refused_for_rows_with_the_name() {
    let table = "CREATE TABLE #{prefix}.t (a text, b regclass);\n\n";
    assert_eq!(
        refused(&format!(
            "{table}INSERT INTO #{{prefix}}.t (a) VALUES\n    ('#{{prefix}}');\n"
        )),
        ["rows of t: values"]
    );
    // Nothing in the statement says so: a trigger writes it.
    let by_trigger = format!(
        "{table}CREATE FUNCTION #{{prefix}}.f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         NEW.a := TG_TABLE_SCHEMA; RETURN NEW; END $$;\n\
         CREATE TRIGGER f BEFORE INSERT ON #{{prefix}}.t FOR EACH ROW EXECUTE FUNCTION #{{prefix}}.f();\n\
         INSERT INTO #{{prefix}}.t (a) VALUES\n    ('x');\n"
    );
    assert_eq!(refused(&by_trigger), ["rows of t: values"]);
    // Text that the server keeps as a reference follows the name.
    let database = Cluster::shared().database();
    let tracked =
        format!("{table}INSERT INTO #{{prefix}}.t (a, b) VALUES\n    ('x', '#{{prefix}}.t');\n");
    let world = world(&database, &tracked);
    world.run(&["pool", "fill", "--size", "1"]).succeeds();
    world.run(&["provision", "acme", "--from-pool"]).succeeds();
    assert_eq!(database.query("SELECT b FROM acme.t"), "acme.t");
}
