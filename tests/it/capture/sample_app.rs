//! The sample app, captured in every way there is: the same bytes each time.

use schemastamp::snapshot::capture::{CaptureSource, ProofInputs, SourceOf, prove};
use schemastamp::snapshot::strip_mark;
use schemastamp::snapshot::{Decision, Snapshot};

use super::{capture_of, capture_with, dump, provision, run};
use crate::support::{Client, Cluster, Database};

fn sample() -> Database<'static> {
    let database = Cluster::shared().database();
    database.load("testdata/sample-app.sql");
    database
}

fn snapshot_of(database: &Database<'_>, schema: &str, client: &Client) -> Snapshot {
    let mut capture = capture_with(database, schema, client);
    capture.seeds = vec!["plans".to_owned()];
    run(capture)
        .unwrap_or_else(|error| panic!("{}", super::chain(&error)))
        .snapshot
}

#[test]
fn two_captures_are_the_same_bytes_whichever_pg_dump() {
    let database = sample();
    let text = snapshot_of(&database, "tenant_demo", &Client::installed()).to_text();
    assert_eq!(
        snapshot_of(&database, "tenant_demo", &Client::installed()).to_text(),
        text
    );
    // An older pg_dump refuses the server.
    let server = database.major();
    for major in [16, 18].into_iter().filter(|major| *major >= server) {
        let other = snapshot_of(&database, "tenant_demo", &Client::of_major(major)).to_text();
        let diff = similar::TextDiff::from_lines(&text, &other)
            .unified_diff()
            .to_string();
        assert!(diff.is_empty(), "pg_dump {major}:\n{diff}");
    }
    assert!(!text.contains("restrict"));
    assert!(Snapshot::parse(&text).unwrap().warnings().is_empty());
}

#[test]
fn the_example_in_snapshots_is_the_sample_app() {
    let database = sample();
    let snapshot = snapshot_of(&database, "tenant_demo", &Client::installed()).to_text();
    let example = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/snapshots/sample-app.sql"
    ))
    .unwrap();
    // Later releases word some definitions in another way and name NOT NULL constraints.
    if database.major() == 15 {
        let body = |text: &str| text.split_once("\n-- versions").unwrap().1.to_owned();
        assert_eq!(
            body(&snapshot),
            body(&example),
            "capture it again: see scripts/demo"
        );
    }
    provision(&database, &Snapshot::parse(&example).unwrap(), "acme").unwrap();
}

#[test]
fn a_tenant_captured_again_is_the_same_bytes() {
    let database = sample();
    let snapshot = snapshot_of(&database, "tenant_demo", &Client::installed());
    for tenant in [
        "acme",
        "users",
        "select",
        "Dash-ed \"and\" quoted",
        "naïve_日本",
        &"x".repeat(63),
    ] {
        provision(&database, &snapshot, tenant).unwrap();
        let again = snapshot_of(&database, tenant, &Client::installed()).to_text();
        let text = snapshot.to_text();
        let diff = similar::TextDiff::from_lines(&text, &again)
            .unified_diff()
            .to_string();
        assert!(diff.is_empty(), "{tenant}:\n{diff}");
    }
    let comment = database.query("SELECT obj_description('acme'::regnamespace)");
    assert!(
        comment.ends_with(&format!("schemastamp: {}", snapshot.fingerprint())),
        "{comment}"
    );
    assert!(!strip_mark(&comment).contains("schemastamp"));
}

#[test]
fn the_minified_snapshot_makes_the_same_tenant() {
    let database = sample();
    let snapshot = snapshot_of(&database, "tenant_demo", &Client::installed());
    let small = Snapshot::parse(&snapshot.minified().unwrap().to_text()).unwrap();
    assert!(small.body().len() < snapshot.body().len());
    assert_eq!(small.fingerprint(), snapshot.fingerprint());
    provision(&database, &small, "tiny").unwrap();
    assert_eq!(
        snapshot_of(&database, "tiny", &Client::installed()).to_text(),
        snapshot.to_text()
    );
}

#[test]
fn from_a_file_it_is_the_same_schema() {
    let database = sample();
    let live = snapshot_of(&database, "tenant_demo", &Client::installed());
    for arguments in [
        &["--schema=tenant_demo"][..],
        &[],
        &["--inserts"],
        &["--clean", "--if-exists"],
    ] {
        let mut capture = capture_of(&database, "tenant_demo");
        capture.seeds = vec!["plans".to_owned()];
        capture.source = CaptureSource::Dump(dump(&database, arguments));
        let captured =
            run(capture).unwrap_or_else(|error| panic!("{arguments:?}: {}", super::chain(&error)));
        assert!(captured.proof.is_some_and(|proof| proof.objects > 100));
        // Times of rows are in the time zone of the dump; everything else is the same.
        let difference: Vec<String> =
            similar::TextDiff::from_lines(live.body(), captured.snapshot.body())
                .iter_all_changes()
                .filter(|change| change.tag() != similar::ChangeTag::Equal)
                .map(|change| change.to_string())
                .filter(|line| {
                    !line.trim_start().starts_with("('")
                        && !line.contains("set_config('search_path'")
                })
                .collect();
        assert!(difference.is_empty(), "{arguments:?}: {difference:?}");
    }
}

#[test]
fn contested_names_are_settled_also_for_a_file() {
    let database = Cluster::shared().database();
    database.sql(
        "CREATE SCHEMA film; CREATE TABLE film.film (id int, title text, film text);
         CREATE VIEW film.v AS SELECT film.title, film.film FROM film.film;
         CREATE FUNCTION film.n() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(film.title) FROM film.film; END;",
    );
    let live = run(capture_of(&database, "film")).unwrap().snapshot;
    // PostgreSQL 16 and later qualify no column of a single relation.
    let selected = match database.major() {
        ..16 => "SELECT film.title,\n    film.film\n   FROM #{prefix}.film;",
        _ => "SELECT title,\n    film\n   FROM #{prefix}.film;",
    };
    assert!(live.body().contains(selected), "{}", live.body());
    let text = dump(&database, &["--schema=film", "--schema-only"]);
    let from_file = || {
        let mut capture = capture_of(&database, "film");
        capture.source = CaptureSource::Dump(text.clone());
        capture
    };
    assert_eq!(run(from_file()).unwrap().snapshot.to_text(), live.to_text());
    let elsewhere = Cluster::shared().database();
    let mut capture = from_file();
    capture.server = None;
    capture.scratch = Some(super::server(&elsewhere));
    assert_eq!(run(capture).unwrap().snapshot.to_text(), live.to_text());
    // Nothing is left in the other database, and nothing was renamed in the first.
    assert_eq!(
        elsewhere.query(
            "SELECT count(*) FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema|public)'"
        ),
        "0"
    );
    assert_eq!(
        database.query(
            "SELECT count(*) FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema|public)'"
        ),
        "1"
    );
    // Without any server it is refused, with the objects.
    let mut capture = from_file();
    capture.server = None;
    capture.prove = false;
    let error = run(capture).unwrap_err().to_string();
    assert!(
        error.contains("function n()") && error.contains("view v"),
        "{error}"
    );
}

#[test]
fn decisions_are_kept_in_the_header() {
    let database = Cluster::shared().database();
    database.sql(
        "CREATE SCHEMA app; CREATE TABLE app.audit (what text);
         CREATE FUNCTION app.log(text) RETURNS void LANGUAGE plpgsql AS
         $$ BEGIN EXECUTE format('insert into %I.%I values (%L)', 'app', 'audit', $1); END $$;",
    );
    let error = run(capture_of(&database, "app")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "1 place of text may or may not name the schema"
    );
    let mut capture = capture_of(&database, "app");
    capture.decisions.add("function log", Decision::Rename);
    let snapshot = run(capture).unwrap().snapshot;
    let text = snapshot.to_text();
    assert!(text.contains("\n-- rename: function log\n"), "{text}");
    provision(&database, &snapshot, "Ac-me").unwrap();
    database.sql("DROP SCHEMA app CASCADE");
    assert_eq!(
        database.query("SELECT \"Ac-me\".log('x'); SELECT what FROM \"Ac-me\".audit"),
        "\nx"
    );
    let mut capture = capture_of(&database, "Ac-me");
    capture.decisions = Snapshot::parse(&text).unwrap().header().decisions.clone();
    assert_eq!(run(capture).unwrap().snapshot.to_text(), text);
}

#[test]
fn rails_and_ecto_dumps() {
    let database = Cluster::shared().database();
    // As `rails db:structure:dump` and `mix ecto.dump` append the versions.
    let rails = "SET statement_timeout = 0;\nSET client_encoding = 'UTF8';\n\
        SELECT pg_catalog.set_config('search_path', '', false);\n\
        CREATE TABLE shop.schema_migrations (\n    version character varying NOT NULL\n);\n\
        CREATE TABLE shop.users (\n    id bigint NOT NULL\n);\n\
        ALTER TABLE ONLY shop.schema_migrations\n    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (version);\n\
        SET search_path TO \"$user\", public;\n\n\
        INSERT INTO \"schema_migrations\" (version) VALUES\n('20240301120000'),\n('20230101000000');\n\n";
    let ecto = rails
        .split_once("SET search_path TO")
        .map(|(head, _)| {
            format!(
                "{head}INSERT INTO shop.\"schema_migrations\" (version) VALUES (20230101000000);\n\
                 INSERT INTO shop.\"schema_migrations\" (version) VALUES (20240301120000);\n"
            )
        })
        .unwrap();
    for (text, name) in [(rails, "r"), (&ecto, "e")] {
        let mut capture = capture_of(&database, "shop");
        capture.source = CaptureSource::Dump(text.to_owned());
        let snapshot = run(capture)
            .unwrap_or_else(|error| panic!("{}", super::chain(&error)))
            .snapshot;
        assert_eq!(
            snapshot.header().versions,
            ["schema_migrations: 2 rows, last 20240301120000"]
        );
        provision(&database, &snapshot, name).unwrap();
        let versions = database.query(&format!(
            "SELECT string_agg(version, ' ' ORDER BY version) FROM {name}.schema_migrations"
        ));
        assert_eq!(versions, "20230101000000 20240301120000");
    }
}

#[test]
fn inherited_columns_come_first_and_a_note_says_so() {
    let database = Cluster::shared().database();
    database.sql(
        "CREATE SCHEMA app; CREATE TABLE app.parent (a int); CREATE TABLE app.child (b int, a int);
         ALTER TABLE app.child INHERIT app.parent; CREATE TABLE app.late (c int) INHERITS (app.parent);
         ALTER TABLE app.parent ADD COLUMN d int DEFAULT 4;",
    );
    let captured = run(capture_of(&database, "app"))
        .unwrap_or_else(|error| panic!("{}", super::chain(&error)));
    let notes: Vec<String> = captured.notes.iter().map(ToString::to_string).collect();
    let words = "has its inherited columns first, which no dump can make otherwise";
    assert_eq!(
        notes,
        [
            format!("table child {words}"),
            format!("table late {words}")
        ]
    );
    provision(&database, &captured.snapshot, "acme").unwrap();
    database.sql("DROP SCHEMA app CASCADE; INSERT INTO acme.child (a, b) VALUES (1, 2)");
    assert_eq!(database.query("SELECT a, d FROM acme.parent"), "1|4");
    // A tenant has them in front; from then on nothing changes.
    let again = run(capture_of(&database, "acme")).unwrap();
    assert!(again.notes.is_empty(), "{:?}", again.notes);
    provision(&database, &again.snapshot, "zoo").unwrap();
    assert_eq!(
        run(capture_of(&database, "zoo"))
            .unwrap()
            .snapshot
            .to_text(),
        again.snapshot.to_text()
    );
}

#[test]
fn a_wrong_snapshot_is_not_proven() {
    // The proof does not trust the rewriting: a body that was changed by hand is found out.
    let database = Cluster::shared().database();
    database.sql(
        "CREATE SCHEMA app; CREATE TABLE app.t (a int); CREATE VIEW app.v AS SELECT a FROM app.t;",
    );
    let good = run(capture_of(&database, "app")).unwrap().snapshot;
    let proven = |body: String| {
        let snapshot = Snapshot::from_parts(good.header().clone(), body).unwrap();
        let compare = schemastamp::snapshot::RenderOptions::default();
        let inputs = ProofInputs {
            snapshot: &snapshot,
            schema: "app",
            source: SourceOf::Live { dump: None },
            major: 15,
            live_exists: true,
            exceptions: schemastamp::snapshot::capture::Exceptions::default(),
            compare: &compare,
        };
        super::wait(prove(
            &super::server(&database),
            &inputs,
            &schemastamp::process::Shutdown::new(),
        ))
        .map_err(|error| super::chain(&error))
    };
    assert!(proven(good.body().to_owned()).is_ok());
    let error = proven(good.body().replace("FROM #{prefix}.t;", "FROM app.t;")).unwrap_err();
    assert!(
        error.contains("depends on its source") && error.contains("view"),
        "{error}"
    );
    let error = proven(good.body().replace("a integer", "a bigint")).unwrap_err();
    assert!(
        error.contains("column t.a") && error.contains("bigint"),
        "{error}"
    );
    let error = proven(
        good.body()
            .replace("CREATE VIEW #{prefix}.v", "CREATE VIEW #{prefix}.w")
            .replace("VIEW #{prefix}.v OWNER", "VIEW #{prefix}.w OWNER"),
    )
    .unwrap_err();
    assert!(error.contains("view v is missing in the copy"), "{error}");
    let error = proven(format!(
        "{}\nCREATE TABLE #{{prefix}}.x (a nonsense);\n",
        good.body()
    ))
    .unwrap_err();
    assert!(
        error.contains("does not load: table x") && error.contains("nonsense"),
        "{error}"
    );
    assert_eq!(
        database.query("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'stamp%'"),
        "0"
    );
}
