//! `schemastamp.toml`: settings in the place of flags and variables.

use crate::support::{Cluster, Database, Schemastamp};

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

/// A database with one tenant, `acme`.
fn fleet_database(cluster: &Cluster) -> Database<'_> {
    let database = cluster.database();
    database.sql(
        "CREATE SCHEMA acme; CREATE TABLE acme.schema_migrations (version varchar PRIMARY KEY)",
    );
    database
}

/// A target called `one`.
fn target(database: &Database<'_>) -> String {
    let environment = database.environment();
    format!(
        "[[target]]\nname = \"one\"\nhost = \"{}\"\nport = \"{}\"\nuser = \"{}\"\ndbname = \"{}\"\n",
        environment["PGHOST"], environment["PGPORT"], environment["PGUSER"], database.name
    )
}

/// A project whose targets are the database, without any variable that names a server.
fn fleet_project(database: &Database<'_>) -> Schemastamp {
    let world = Schemastamp::new();
    world.write("fleet.toml", target(database));
    world.write("schemastamp.toml", "targets = \"fleet.toml\"\n");
    world
}

const STATUS: [&str; 4] = ["status", "--all", "--format", "json"];

#[test]
fn targets_of_a_project_give_way_to_connection_flags() {
    let database = fleet_database(Cluster::shared());
    let world = fleet_project(&database);
    let status = world.run(&STATUS).succeeds().json();
    assert_eq!(status[0]["target"], "one");
    let named = [&STATUS[..], &["--target", "one"]].concat();
    assert_eq!(world.run(&named).succeeds().json()[0]["target"], "one");
    let url = database.url();
    let flags = [&STATUS[..], &["-d", &url]].concat();
    assert_eq!(world.run(&flags).succeeds().json()[0].get("target"), None);
}

#[test]
fn targets_of_a_project_give_way_to_variables_that_choose_a_server() {
    let database = fleet_database(Cluster::shared());
    let other = Cluster::shared().database();
    let url = other.url();
    let drop_acme = ["drop", "acme", "--yes"];
    for variables in [
        &[("SCHEMASTAMP_DATABASE_URL", url.as_str())][..],
        &[("DATABASE_URL", &url)],
        &[("SCHEMASTAMP_HOST", "/nonexistent")],
        &[
            ("SCHEMASTAMP_USERNAME", "nobody"),
            ("PGHOST", "/nonexistent"),
        ],
        &[("PGHOST", "/nonexistent")],
        &[("PGHOSTADDR", "127.0.0.1"), ("PGPORT", "1")],
        &[("PGPORT", "1")],
        &[("SCHEMASTAMP_PORT", "1"), ("PGDATABASE", "none")],
        &[("PGSERVICE", "none")],
    ] {
        let mut world = fleet_project(&database);
        for (name, value) in variables {
            world = world.env(name, value);
        }
        let output = world.run(&drop_acme);
        assert!(
            !output.stdout.contains("dropped acme"),
            "{variables:?}: {output}"
        );
        let (name, _) = variables[0];
        let note = format!(
            "note: the targets in schemastamp.toml, line 1 are not used because {name} is set; for them, pass \
             --targets 'fleet.toml' or unset {name}"
        );
        let stderr = output.stderr.replace('\n', " ");
        assert!(stderr.contains(&note), "{variables:?}: {output}");
        let quiet = world.run(&[&drop_acme[..], &["-q"]].concat());
        assert!(!quiet.stderr.contains("not used"), "{quiet}");
        let json = world.run(&[&drop_acme[..], &["--format", "json"]].concat());
        assert!(!json.stderr.contains("not used"), "{json}");
        // A flag that only a file of targets can mean wins.
        let named = world
            .run(&[&STATUS[..], &["--target", "one"]].concat())
            .succeeds();
        assert_eq!(named.json()[0]["target"], "one", "{named}");
        let output = world
            .run(&["status", "--all", "--total-jobs", "1"])
            .exits_with(2);
        assert!(
            output
                .stderr
                .contains("--total-jobs needs a file of targets, and"),
            "{output}"
        );
    }
    // What only says how to connect chooses no other server.
    let world = fleet_project(&database)
        .env("PGSSLMODE", "disable")
        .env("PGPASSWORD", "x")
        .env("SCHEMASTAMP_APPLICATION_NAME", "x");
    assert_eq!(world.run(&STATUS).succeeds().json()[0]["target"], "one");
    let output = world
        .env("DATABASE_URL", &url)
        .run(&["targets", "export", "--format", "pgbouncer"])
        .succeeds();
    assert!(output.stdout.contains("one = host="), "{output}");
}
