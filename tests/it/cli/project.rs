//! `schemastamp.toml`: settings in the place of flags and variables.

use crate::support::{Cluster, Schemastamp};

const SOURCE: &str =
    "CREATE SCHEMA demo; CREATE TABLE demo.schema_migrations (version varchar PRIMARY KEY);
    INSERT INTO demo.schema_migrations VALUES ('1');
    CREATE TABLE demo.plans (code text PRIMARY KEY); INSERT INTO demo.plans VALUES ('free');
    CREATE SCHEMA other; CREATE TABLE other.t (id int)";

const PROJECT: &str = "# The shop\nschema = \"demo\"\nseeds = [\"plans\"]\nsnapshot = \"sql/shop.sql\"\nmigrations = \"db\"\n";

#[test]
fn settings_of_a_project_stand_in_for_flags() {
    let database = Cluster::shared().database();
    database.sql(SOURCE);
    let world = Schemastamp::on(&database);
    world.write("schemastamp.toml", PROJECT);
    world.write("db/1_a.sql", "SELECT 1;");
    std::fs::create_dir(world.path("sql")).unwrap();
    drop(world.run(&["capture", "-o", "sql/shop.sql"]).succeeds());
    let snapshot = world.read("sql/shop.sql");
    assert!(snapshot.contains("-- rows of plans"), "{snapshot}");
    drop(world.run(&["check"]).succeeds());
    drop(world.run(&["refresh"]).succeeds());
    drop(world.run(&["provision", "acme"]).succeeds());
    world.write("db/2_b.sql", "ALTER TABLE plans ADD name text;");
    let status = world.run(&["status", "acme"]).succeeds();
    assert!(status.stdout.contains("behind"), "{status}");
    drop(world.run(&["migrate", "acme"]).succeeds());
    assert_eq!(database.query("SELECT count(name) FROM acme.plans"), "0");
    // Flags and variables win.
    let output = world
        .run(&["capture", "--schema", "other", "--seed", "t"])
        .succeeds();
    assert!(
        output.stdout.contains("CREATE TABLE #{prefix}.t"),
        "{output}"
    );
    let output = world
        .env("SCHEMASTAMP_MIGRATIONS", "nowhere")
        .run(&["check"])
        .exits_with(12);
    assert!(output.stderr.contains("nowhere"), "{output}");
}

#[test]
fn another_file_is_named_by_a_variable() {
    let database = Cluster::shared().database();
    database.sql(SOURCE);
    let world = Schemastamp::on(&database);
    world.write(
        "conf/shop.toml",
        "schema = \"demo\"\nmigrations = \"../db\"\nversions_table = \"plans\"\n",
    );
    world.write("schemastamp.toml", "schema = 1\n");
    let world = world.env("SCHEMASTAMP_CONFIG", "conf/shop.toml");
    let output = world.run(&["capture"]).succeeds();
    assert!(
        output.stdout.contains("-- versions: plans: 1 row"),
        "{output}"
    );
    let world = world.env("SCHEMASTAMP_CONFIG", "none.toml");
    let output = world.run(&["capture"]).exits_with(12);
    assert!(output.stderr.contains("SCHEMASTAMP_CONFIG"), "{output}");
}

#[test]
fn mistakes_are_named_with_file_and_line() {
    let world = Schemastamp::new();
    for (text, words) in [
        (
            "schema = \"a\"\nshema = \"b\"\n",
            "'schemastamp.toml', line 2: unknown field `shema`",
        ),
        (
            "\nseeds = \"plans\"\n",
            "'schemastamp.toml', line 2: invalid type: string",
        ),
        (
            "snapshot = \"\"\n",
            "snapshot in schemastamp.toml, line 1 is empty",
        ),
    ] {
        world.write("schemastamp.toml", text);
        for command in [
            &["capture"][..],
            &["diagnose"],
            &["render", "acme"],
            &["snapshot", "show"],
        ] {
            let output = world.run(command).exits_with(10);
            assert!(output.stderr.contains(words), "{command:?}: {output}");
        }
        // What only prints needs no settings.
        drop(world.run(&["completions", "bash"]).succeeds());
    }
    world.write("schemastamp.toml", "snapshot = \"sql/none.sql\"\n");
    let output = world.run(&["render", "acme"]).exits_with(12);
    assert!(
        output.stderr.contains(
            "note: settings of the project: snapshot 'sql/none.sql' (schemastamp.toml, line 1)"
        ),
        "{output}"
    );
    let output = world.run(&["diagnose"]);
    assert!(
        output
            .stderr
            .contains("snapshot 'sql/none.sql' (schemastamp.toml, line 1)"),
        "{output}"
    );
    let output = world
        .run(&["status", "--all", "--target", "a"])
        .exits_with(2);
    assert!(
        output.stderr.contains("--target needs a file of targets"),
        "{output}"
    );
}

#[test]
fn targets_of_a_project_give_way_to_connection_flags() {
    let database = Cluster::shared().database();
    database.sql(
        "CREATE SCHEMA acme; CREATE TABLE acme.schema_migrations (version varchar PRIMARY KEY)",
    );
    let world = Schemastamp::on(&database);
    let environment = database.environment();
    let fleet = format!(
        "[[target]]\nname = \"one\"\nhost = \"{}\"\nport = \"{}\"\nuser = \"{}\"\ndbname = \"{}\"\n",
        environment["PGHOST"], environment["PGPORT"], environment["PGUSER"], database.name
    );
    world.write("fleet.toml", fleet);
    world.write("schemastamp.toml", "targets = \"fleet.toml\"\n");
    let status = world
        .run(&["status", "--all", "--format", "json"])
        .succeeds()
        .json();
    assert_eq!(status[0]["target"], "one");
    let named = ["status", "--all", "--format", "json", "--target", "one"];
    assert_eq!(world.run(&named).succeeds().json()[0]["target"], "one");
    let flags = ["status", "--all", "--format", "json", "-d", &database.name];
    assert_eq!(world.run(&flags).succeeds().json()[0].get("target"), None);
}
