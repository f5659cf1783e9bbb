//! `snapshot show`, and the way from a tenant's marker to a file.

use crate::provision::{SMALL, snapshot};
use crate::support::{Cluster, Schemastamp};

const SOURCE: &str =
    "CREATE SCHEMA app; CREATE TABLE app.schema_migrations (version varchar PRIMARY KEY);
    INSERT INTO app.schema_migrations VALUES ('20240101000000');
    CREATE TABLE app.plans (code text PRIMARY KEY); INSERT INTO app.plans VALUES ('free');
    CREATE FUNCTION app.log(t text) RETURNS void LANGUAGE plpgsql AS
        $$ BEGIN EXECUTE format('INSERT INTO %I.plans VALUES (%L)', 'app', t); END $$";

fn captured() -> (Schemastamp, crate::support::Database<'static>) {
    let database = Cluster::shared().database();
    database.sql(SOURCE);
    let world = Schemastamp::on(&database);
    let capture = [
        "capture",
        "--schema",
        "app",
        "--seed",
        "plans",
        "--rename",
        "function log(t text)",
        "--no-owner",
        "--no-privileges",
        "-o",
        "snapshots/app.sql",
    ];
    drop(world.run(&capture).succeeds());
    (world, database)
}

/// The fingerprint in the header of a file.
fn in_header(world: &Schemastamp, file: &str) -> String {
    let text = world.read(file);
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("-- fingerprint: "));
    line.expect("a fingerprint in the header").to_owned()
}

#[test]
fn a_tenants_mark_leads_to_its_file() {
    let (world, _database) = captured();
    let fingerprint = in_header(&world, "snapshots/app.sql");
    assert_eq!(fingerprint.len(), 64);
    drop(world.run(&["provision", "acme"]).succeeds());
    let status = world.run(&["status", "acme"]).succeeds().stdout;
    assert!(
        status.contains(&format!("from snapshot {}", fingerprint.get(..12).unwrap())),
        "{status}"
    );
    let json = world
        .run(&["status", "acme", "--format", "json"])
        .succeeds()
        .json();
    assert_eq!(json[0]["snapshot"], fingerprint);
    // Comments do not count, so that the minified file has the same.
    drop(world.run(&["minify", "-o", "small.sql"]).succeeds());
    assert_eq!(in_header(&world, "small.sql"), fingerprint);
    // An edited file has another one, whatever its header says.
    let edited = world
        .read("snapshots/app.sql")
        .replace("code text", "code varchar");
    world.write("edited.sql", edited);
    let shown = world
        .run(&["snapshot", "show", "edited.sql", "--format", "json"])
        .succeeds()
        .json();
    assert_ne!(shown[0]["fingerprint"], fingerprint);
    // A file of an earlier version has no such line.
    let older = world
        .read("snapshots/app.sql")
        .replace(&format!("-- fingerprint: {fingerprint}\n"), "");
    world.write("older.sql", older);
    let output = world
        .run(&["snapshot", "show", "older.sql", "--format", "json"])
        .succeeds();
    assert_eq!(output.json()[0]["fingerprint"], fingerprint);
    assert_eq!(output.stderr, "");
}

#[test]
fn what_a_snapshot_holds_is_shown() {
    let (world, database) = captured();
    let fingerprint = in_header(&world, "snapshots/app.sql");
    let output = world.run(&["snapshot", "show"]).succeeds();
    let major = database.major();
    assert_eq!(
        output.stdout,
        format!(
            "file         snapshots/app.sql\nfingerprint  {fingerprint}\nformat       2\n\
             server       PostgreSQL {major}, in the wording of pg_dump 18\n\
             versions     schema_migrations: 1 row, last 20240101000000\nseed         plans\n\
             rename       function log(t text)\nobjects      2 tables\n             1 function\n\
             \x20            2 constraints\n"
        )
    );
    let json = world
        .run(&["snapshot", "show", "snapshots/app.sql", "--format", "json"])
        .succeeds()
        .json();
    assert_eq!(json[0]["type"], "snapshot_details");
    assert_eq!(json[0]["objects"]["table"], 2);
    assert_eq!(json[0]["decisions"][0]["object"], "function log(t text)");
    assert_eq!(json[0]["decisions"][0]["decision"], "rename");
    assert_eq!(json[1]["summary"]["command"], "snapshot_show");
    assert_eq!(json[1]["summary"]["objects"], 5);
    let output = world.run(&["snapshot", "show", "none.sql"]).exits_with(12);
    assert!(output.stderr.contains("none.sql"), "{output}");
}

#[test]
fn snapshot_comes_from_standard_input() {
    let world = Schemastamp::new();
    let text = snapshot(SMALL);
    world.write("app.sql", &text);
    let shown = world.run(&["snapshot", "show", "app.sql"]).succeeds();
    let piped = world
        .run_with_input(&["snapshot", "show", "-"], text.as_bytes())
        .succeeds();
    assert_eq!(
        piped.stdout,
        shown.stdout.replace("app.sql", "standard input")
    );
    let minified = world.run(&["minify", "app.sql"]).succeeds();
    let piped = world
        .run_with_input(&["minify", "-"], text.as_bytes())
        .succeeds();
    assert_eq!(piped.stdout, minified.stdout);
    let output = world
        .run_with_input(&["snapshot", "show", "-"], b"x")
        .exits_with(15);
    assert!(
        output.stderr.contains("'standard input': line 1"),
        "{output}"
    );
}

/// Rails keeps the name of the environment in a table of its own, which holds no versions.
#[test]
fn a_tools_own_settings_are_no_versions() {
    let database = Cluster::shared().database();
    database.sql(
        "CREATE SCHEMA app; CREATE TABLE app.schema_migrations (version varchar PRIMARY KEY);
         INSERT INTO app.schema_migrations VALUES ('7');
         CREATE TABLE app.ar_internal_metadata (key varchar PRIMARY KEY, value varchar);
         INSERT INTO app.ar_internal_metadata VALUES ('environment', 'test')",
    );
    let world = Schemastamp::on(&database);
    let capture = ["capture", "--schema", "app", "-o", "snapshots/app.sql"];
    drop(world.run(&capture).succeeds());
    let shown = world.run(&["snapshot", "show"]).succeeds().stdout;
    for line in [
        "versions     schema_migrations: 1 row, last 7",
        "carried      ar_internal_metadata: 1 row",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{shown}");
    }
    // A dump without its rows lacks settings, and no version.
    world.write(
        "structure.sql",
        "CREATE SCHEMA app;\nCREATE TABLE app.ar_internal_metadata (key varchar NOT NULL);\n",
    );
    let dump = [
        "capture",
        "--from",
        "structure.sql",
        "--schema",
        "app",
        "-o",
        "s.sql",
    ];
    let output = world.run(&dump).succeeds();
    assert!(
        output
            .stderr
            .contains("ar_internal_metadata, in which a migration tool keeps its own settings"),
        "{output}"
    );
}
