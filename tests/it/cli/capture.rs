use crate::support::{Cluster, Database, Schemastamp};

/// A world on a database with this source.
fn world(database: &Database<'_>, source: &str) -> Schemastamp {
    database.sql(source);
    Schemastamp::on(database)
}

const NOTEBOOK: &str = include_str!("../../../testdata/notebook-source.sql");

#[test]
fn capture_writes_to_stdout_or_a_file() {
    let database = Cluster::shared().database();
    let world = world(&database, NOTEBOOK);
    let bare = [
        "capture",
        "--schema",
        "notebook",
        "--no-owner",
        "--no-privileges",
    ];
    let expected = &include_str!("../../../testdata/notebook.sql").replace(
        "-- server: PostgreSQL 15,",
        &format!("-- server: PostgreSQL {},", database.major()),
    );
    let output = world.run(&bare).succeeds();
    assert_eq!(&output.stdout, expected);
    let to_file = [&bare[..], &["-o", "notebook.sql"]].concat();
    // NOT NULL constraints are objects since PostgreSQL 18.
    let capture_to_file = || {
        let output = world.run(&to_file).to_string();
        output.replace("40 objects equal", "31 objects equal")
    };
    insta::assert_snapshot!(capture_to_file(), @"
    --- stderr ---
    note: carried 2 rows of schema_migrations
    proven: 31 objects equal
    wrote 'notebook.sql', 13 objects
    [exit status: 0]
    ");
    assert_eq!(&world.read("notebook.sql"), expected);
    insta::assert_snapshot!(capture_to_file(), @"
    --- stderr ---
    note: carried 2 rows of schema_migrations
    proven: 31 objects equal
    unchanged: 'notebook.sql', 13 objects
    [exit status: 0]
    ");
    let said = world
        .run(&[&to_file[..], &["--format", "json"]].concat())
        .to_string();
    insta::assert_snapshot!(said.replace("\"proven\":40", "\"proven\":31"), @r#"
    {"type":"summary","summary":{"command":"capture","file":"notebook.sql","changed":false,"objects":{"constraint":5,"function":1,"index":1,"table":3,"trigger":1,"type":1,"view":1},"proven":31,"concerns":[],"notes":["carried 2 rows of schema_migrations"],"ms":0.0}}
    --- stderr ---
    note: carried 2 rows of schema_migrations
    [exit status: 0]
    "#);
    let json = world
        .run(&[&bare[..], &["--format", "json"]].concat())
        .succeeds()
        .json();
    assert_eq!(json[0]["snapshot"], **expected);
    assert!(json[1]["summary"]["proven"].as_u64().unwrap() > 10);
    let small = world
        .run(&[&bare[..], &["--minify"]].concat())
        .succeeds()
        .stdout;
    world.write("snapshots/notebook.sql", expected);
    assert_eq!(small, world.run(&["minify"]).succeeds().stdout);
    assert!(world.leftovers().is_empty());
}

#[test]
fn doubts_are_listed_with_flags_and_decisions_are_kept() {
    let database = Cluster::shared().database();
    let world = world(
        &database,
        "CREATE SCHEMA app; CREATE TABLE app.audit (what text);
         CREATE FUNCTION app.write(what text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('insert into %I.%I values (%L)', 'app', 'audit', what);
END $$;",
    );
    let capture = ["capture", "--schema", "app", "-o", "app.sql", "--no-owner"];
    insta::assert_snapshot!(world.run(&capture), @"
    --- stderr ---
    error: 1 place of text may or may not name the schema
      function write(what text)
        #1, line 5 of its definition: the bare name, as a string
            EXECUTE format('insert into %I.%I values (%L)', 'app', 'audit', what);
                                                             ^^^
      if all of it names the schema:
          --rename 'function write(what text)'
    hint: append these flags to the command, with --keep in the place of --rename where the text only looks alike, and 'OBJECT#2' for a single place; the snapshot's header keeps the decisions for the next capture
    [exit status: 15]
    ");
    // pg_dump 17 and later set one more parameter at the start of a dump.
    let said = world
        .run(&[&capture[..], &["--format", "json"]].concat())
        .stdout
        .replace("\"line\":37,", "\"line\":36,");
    insta::assert_snapshot!(said, @r#"
    {"type":"error","error":{"code":15,"id":"capture.doubtful","message":"1 place of text may or may not name the schema","hint":"append these flags to the command, with --keep in the place of --rename where the text only looks alike, and 'OBJECT#2' for a single place; the snapshot's header keeps the decisions for the next capture","doubts":[{"object":"function write(what text)","place":1,"line":36,"own_line":5,"excerpt":"EXECUTE format('insert into %I.%I values (%L)', 'app', 'audit', what);","word":[49,52],"why":"the bare name, as a string","rename":"--rename 'function write(what text)'","keep":"--keep 'function write(what text)'"}]}}
    "#);
    assert!(!world.path("app.sql").exists());
    world
        .run(&[&capture[..], &["--rename", "function write(what text)"]].concat())
        .succeeds();
    let snapshot = world.read("app.sql");
    assert!(
        snapshot.contains("\n-- rename: function write(what text)\n")
            && snapshot.contains("'#{prefix}', 'audit'"),
        "{snapshot}"
    );
    // The file that is replaced remembers; a flag wins.
    world.run(&capture).succeeds();
    assert_eq!(world.read("app.sql"), snapshot);
    world
        .run(&[&capture[..], &["--keep", "function write(what text)"]].concat())
        .succeeds();
    assert!(world.read("app.sql").contains("'app', 'audit'"));
    world
        .run(&[&capture[..], &["--keep", "x", "--rename", "x"]].concat())
        .exits_with(2);
}

#[test]
fn seed_tables_are_carried_and_kept_in_the_header() {
    let database = Cluster::shared().database();
    let world = world(
        &database,
        "CREATE SCHEMA app; CREATE TABLE app.plans (id int PRIMARY KEY, name text); INSERT INTO app.plans VALUES (2, 'b'), (1, 'a');
         CREATE TABLE app.\"My Versions\" (v int PRIMARY KEY); INSERT INTO app.\"My Versions\" VALUES (5)",
    );
    let capture = ["capture", "--schema", "app", "-o", "app.sql", "-q"];
    let flags = ["--seed", "app.Plans", "--versions-table", "\"My Versions\""];
    world.run(&[&capture[..], &flags].concat()).succeeds();
    let snapshot = world.read("app.sql");
    assert!(
        snapshot.contains("\n-- seed: plans\n")
            && snapshot.contains("\n-- versions: \"My Versions\": 1 row, last 5\n")
    );
    world.run(&capture).succeeds();
    assert_eq!(world.read("app.sql"), snapshot);
    insta::assert_snapshot!(world.run(&["capture", "--schema", "app", "--seed", "nothing"]), @"
    --- stderr ---
    error: there is no table 'nothing' in the schema; it has: My Versions, plans
    [exit status: 2]
    ");
    insta::assert_snapshot!(world.run(&["capture", "--schema", "app", "--seed", "other.plans"]), @"
    --- stderr ---
    error: --seed 'other.plans': the table must be in the schema 'app', not in 'other'
    [exit status: 2]
    ");
}

#[test]
fn seed_rows_with_the_schema_name_are_reported_and_decided() {
    let database = Cluster::shared().database();
    let world = world(
        &database,
        "CREATE SCHEMA app; CREATE TABLE app.settings (key text PRIMARY KEY, value text); \
         INSERT INTO app.settings VALUES ('schema', 'app'), ('table', 'app.plans'), ('word', 'apps'), ('title', 'My app')",
    );
    let capture = [
        "capture", "--schema", "app", "--seed", "settings", "-o", "app.sql",
    ];
    let said = |output: &str| {
        output.contains("note: 2 values in rows of settings are the schema's name and stay")
    };
    let output = world.run(&capture).succeeds();
    assert!(said(&output.stderr), "{output}");
    world
        .run(&["provision", "a", "--snapshot", "app.sql"])
        .succeeds();
    let rows = |schema: &str| {
        database.query(&format!(
            "SELECT string_agg(value, '|' ORDER BY key) FROM {schema}.settings"
        ))
    };
    assert_eq!(rows("a"), "app|app.plans|My app|apps");
    let output = world
        .run(&[&capture[..], &["--keep", "rows of settings"]].concat())
        .succeeds();
    assert!(!said(&output.stderr), "{output}");
    let output = world
        .run(&[&capture[..], &["--rename", "rows of settings"]].concat())
        .succeeds();
    assert!(!output.stderr.contains("decision"), "{output}");
    world
        .run(&["provision", "O'Neil \"x\"", "--snapshot", "app.sql"])
        .succeeds();
    assert_eq!(
        rows("\"O'Neil \"\"x\"\"\""),
        "O'Neil \"x\"|\"O'Neil \"\"x\"\"\".plans|My app|apps"
    );
    // And back: the decision is in the header.
    let snapshot = world.read("app.sql");
    world
        .run(&["capture", "--schema", "O'Neil \"x\"", "-o", "app.sql", "-q"])
        .succeeds();
    assert_eq!(world.read("app.sql"), snapshot);
}

#[test]
fn seed_rows_hidden_by_a_policy_are_an_error() {
    let database = Cluster::shared().database();
    let owner = format!("{}_owner", database.name);
    let world = world(
        &database,
        &format!(
            "CREATE ROLE {owner} LOGIN; GRANT CREATE ON DATABASE {} TO {owner}; SET ROLE {owner}; CREATE SCHEMA app; \
             CREATE TABLE app.plans (id int PRIMARY KEY, tenant text); INSERT INTO app.plans VALUES (1, 'a'), (2, 'b'); \
             ALTER TABLE app.plans ENABLE ROW LEVEL SECURITY; ALTER TABLE app.plans FORCE ROW LEVEL SECURITY; \
             CREATE POLICY p ON app.plans USING (tenant = 'a')",
            database.name
        ),
    );
    let capture = [
        "capture", "--schema", "app", "--seed", "plans", "-U", &owner,
    ];
    let output = world.run(&capture).exits_with(14);
    assert!(
        output.stdout.is_empty()
            && output
                .stderr
                .contains("row-level security policy for table \"plans\""),
        "{output}"
    );
    database.sql("ALTER TABLE app.plans NO FORCE ROW LEVEL SECURITY");
    assert!(world.run(&capture).succeeds().stdout.contains("('2', 'b')"));
    database.sql(&format!("DROP OWNED BY {owner} CASCADE; DROP ROLE {owner}"));
}

#[test]
fn dump_is_read_from_a_file_or_stdin() {
    let database = Cluster::shared().database();
    let world = world(&database, NOTEBOOK);
    let live = world
        .run(&["capture", "--schema", "notebook", "-q"])
        .succeeds()
        .stdout;
    let dump = crate::support::Client::installed().pg_dump();
    let dump = std::process::Command::new(dump)
        .args(["--schema-only"])
        .env_clear()
        .envs(database.environment())
        .output()
        .unwrap();
    let rows =
        "INSERT INTO notebook.schema_migrations VALUES (20260101120000), (20260214090000);\n";
    let dump = format!("{}\n{rows}", String::from_utf8(dump.stdout).unwrap());
    world.write("structure.sql", &dump);
    let from_file = world
        .run(&["capture", "--schema", "notebook", "--from", "structure.sql"])
        .succeeds();
    assert_eq!(from_file.stdout, live);
    assert!(from_file.stderr.contains("proven: "), "{from_file}");
    let from_stdin = world.run_with_input(
        &[
            "capture",
            "--schema",
            "notebook",
            "--from",
            "-",
            "--no-prove",
        ],
        dump.as_bytes(),
    );
    assert_eq!(
        from_stdin
            .succeeds()
            .stdout
            .split("\n\n")
            .skip(1)
            .collect::<Vec<_>>(),
        live.split("\n\n").skip(1).collect::<Vec<_>>()
    );
    let offline = Schemastamp::new();
    offline.write("structure.sql", &dump);
    offline
        .run(&[
            "capture",
            "--schema",
            "notebook",
            "--from",
            "structure.sql",
            "--no-prove",
        ])
        .succeeds();
    insta::assert_snapshot!(offline.run(&["capture", "--schema", "other", "--from", "structure.sql", "--no-prove"]), @"
    --- stderr ---
    error: the dump has no schema 'other'; it has notebook
    [exit status: 15]
    ");
    offline.write("latin1.sql", b"-- \xe9\n");
    insta::assert_snapshot!(offline.run(&["capture", "--schema", "x", "--from", "latin1.sql", "--no-prove"]), @"
    --- stderr ---
    error: 'latin1.sql', line 1: not UTF-8; make the dump with `pg_dump --encoding=UTF8`
    [exit status: 15]
    ");
}

#[test]
fn uncapturable_schemas_are_refused() {
    let database = Cluster::shared().database();
    let world = world(
        &database,
        "CREATE SCHEMA app; CREATE TABLE app.t (id int); CREATE ROLE capture_reader LOGIN",
    );
    insta::assert_snapshot!(world.run(&["capture", "--schema", "missing"]), @r#"
    --- stderr ---
    error: the database has no schema "missing"
    hint: the database '$DATABASE' has the schemas app, public
    [exit status: 14]
    "#);
    let reader = ["capture", "--schema", "app", "-U", "capture_reader"];
    insta::assert_snapshot!(world.run(&reader).exits_with(14), @"
    --- stderr ---
    error: pg_dump may not read schema app; connect as its owner, or grant SELECT on it
    [exit status: 14]
    ");
    database.sql(
        "GRANT USAGE ON SCHEMA app TO capture_reader; GRANT SELECT ON app.t TO capture_reader",
    );
    insta::assert_snapshot!(world.run(&[&reader[..], &["--no-owner", "--no-privileges"]].concat()), @r#"
    --- stderr ---
    error: the snapshot is not proven
    caused by: the snapshot does not load: schema (line 2 of the dump's or snapshot's SQL)
    caused by: permission denied for database $DATABASE (SQLSTATE 42501)
    hint: connect as a role that may create schemas here, pass --scratch DBNAME with another database of the server, or skip the proof with --no-prove
    [exit status: 14]
    "#);
    world
        .run(&[&reader[..], &["--no-prove", "-q"]].concat())
        .succeeds();
    world.write("precious.sql", "SELECT 1;\n");
    insta::assert_snapshot!(world.run(&["capture", "--schema", "app", "-o", "precious.sql"]), @"
    --- stderr ---
    error: 'precious.sql' exists and is not a readable snapshot: line 1: this is not a snapshot: the first line must begin with '-- schemastamp snapshot, format N' (N from 1 to 2); make one with `schemastamp capture`
    hint: the file was left untouched; remove it, or pass another file to --output
    [exit status: 15]
    ");
    assert_eq!(world.read("precious.sql"), "SELECT 1;\n");
    database.sql("DROP OWNED BY capture_reader; DROP ROLE capture_reader");
}

#[test]
fn scratch_database_allows_the_proof_without_privileges() {
    let (database, scratch) = (Cluster::shared().database(), Cluster::shared().database());
    let role = format!("{}_scratch", database.name);
    let world = world(
        &database,
        &format!(
            "CREATE ROLE {role} LOGIN; CREATE SCHEMA app; CREATE TABLE app.app (app int);
        CREATE VIEW app.v AS SELECT app.app FROM app.app; GRANT USAGE ON SCHEMA app TO {role};
        GRANT SELECT ON ALL TABLES IN SCHEMA app TO {role}"
        ),
    );
    scratch.sql(&format!(
        "GRANT CREATE ON DATABASE {} TO {role}",
        scratch.name
    ));
    let capture = [
        "capture",
        "--schema",
        "app",
        "-U",
        &role,
        "--no-owner",
        "--no-privileges",
    ];
    world.run(&capture).exits_with(15);
    let output = world
        .run(&[&capture[..], &["--scratch", &scratch.name]].concat())
        .succeeds();
    assert!(
        output.stderr.contains("proven: ") && output.stdout.contains("#{prefix}.app"),
        "{output}"
    );
    assert_eq!(
        scratch.query("SELECT count(*) FROM pg_namespace WHERE nspname = 'app'"),
        "0"
    );
    database.sql(&format!("DROP OWNED BY {role}"));
    scratch.sql(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
}
