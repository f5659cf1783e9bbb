//! Dumps that other programs, options and times made.

use schemastamp::snapshot::capture::{CaptureSource, Captured};

use super::{capture_of, chain, dump, provision, run};
use crate::support::{Cluster, Database, Schemastamp};

fn capture_dump(database: &Database<'_>, text: String, seeds: &[&str]) -> Result<Captured, String> {
    let mut capture = capture_of(database, "app");
    capture.source = CaptureSource::Dump(text);
    capture.seeds = seeds.iter().map(|seed| (*seed).to_owned()).collect();
    run(capture).map_err(|error| chain(&error))
}

#[test]
fn a_dump_that_relies_on_its_search_path_is_refused() {
    let database = Cluster::shared().database();
    // As pg_dump wrote before 10.3.
    let old = "SET standard_conforming_strings = on;\nCREATE SCHEMA app;\nSET search_path = app, pg_catalog;\n\
        SET default_with_oids = false;\nCREATE TABLE t (\n    id integer NOT NULL\n);\nCOPY t (id) FROM stdin;\n1\n\\.\n";
    let error = capture_dump(&database, old.to_owned(), &[]).unwrap_err();
    assert!(
        error.starts_with(
            "line 5: 'table t' is named without its schema; make the dump with pg_dump"
        ),
        "{error}"
    );
}

#[test]
fn every_option_of_pg_dump() {
    let database = Cluster::shared().database();
    database.sql(
        "CREATE SCHEMA app; CREATE TABLE app.t (i int, r regclass); INSERT INTO app.t VALUES (1, 'app.t');
         CREATE TABLE app.z (); INSERT INTO app.z DEFAULT VALUES;
         CREATE TABLE app.p (i int, k text) PARTITION BY LIST (i);
         CREATE TABLE app.p1 (k text, i int); ALTER TABLE app.p ATTACH PARTITION app.p1 FOR VALUES IN (1);
         CREATE TABLE app.p2 PARTITION OF app.p DEFAULT; INSERT INTO app.p VALUES (1, 'a'), (2, 'b');",
    );
    let seeds = &["t", "z", "p", "p1"];
    let mut live = capture_of(&database, "app");
    live.seeds = seeds.iter().map(|seed| (*seed).to_owned()).collect();
    let live = run(live)
        .unwrap_or_else(|error| panic!("{}", chain(&error)))
        .snapshot;
    for (number, arguments) in [
        &[][..],
        &["--inserts", "--on-conflict-do-nothing"],
        &["--column-inserts"],
        &["--load-via-partition-root"],
        &["--quote-all-identifiers"],
    ]
    .into_iter()
    .enumerate()
    {
        let captured = capture_dump(&database, dump(&database, arguments), seeds)
            .unwrap_or_else(|error| panic!("{arguments:?}: {error}"));
        let tenant = format!("tenant_{number}");
        provision(&database, &captured.snapshot, &tenant)
            .unwrap_or_else(|error| panic!("{arguments:?}: {error}"));
        let facts = format!(
            "SELECT (SELECT r = '{tenant}.t'::regclass FROM {tenant}.t), (SELECT count(*) FROM {tenant}.z),
             (SELECT string_agg(k, '' ORDER BY i) FROM {tenant}.p)"
        );
        assert_eq!(database.query(&facts), "t|1|ab", "{arguments:?}");
        if !arguments.contains(&"--quote-all-identifiers") {
            let search_path = |text: &str| {
                text.lines()
                    .filter(|l| !l.contains("'search_path'"))
                    .collect::<String>()
            };
            assert_eq!(
                search_path(captured.snapshot.body()),
                search_path(live.body()),
                "{arguments:?}"
            );
        }
    }
}

#[test]
fn casts_of_a_whole_database() {
    let database = Cluster::shared().database();
    database.sql(
        "CREATE SCHEMA app; CREATE SCHEMA other; CREATE TYPE app.ty AS (a int); CREATE TYPE other.ty AS (a int);
         CREATE TYPE other.tz AS (a int);
         CREATE FUNCTION app.f(app.ty) RETURNS text LANGUAGE sql IMMUTABLE AS $$SELECT 'x' || ($1).a$$;
         CREATE FUNCTION app.g(other.ty) RETURNS other.tz LANGUAGE sql IMMUTABLE AS $$SELECT NULL::other.tz$$;
         CREATE CAST (app.ty AS text) WITH FUNCTION app.f(app.ty);
         CREATE CAST (other.ty AS app.ty) WITH INOUT;
         CREATE CAST (other.ty AS other.tz) WITH FUNCTION app.g(other.ty);
         CREATE CAST (other.ty AS text) WITH INOUT;
         CREATE VIEW app.v AS SELECT ROW(1)::app.ty::text AS y;",
    );
    let live =
        run(capture_of(&database, "app")).unwrap_or_else(|error| panic!("{}", chain(&error)));
    let text = live.snapshot.to_text();
    assert!(
        text.contains("2 casts")
            && text.contains("-- cast (ty AS text)\nCREATE CAST (#{prefix}.ty AS"),
        "{text}"
    );
    let captured = capture_dump(&database, dump(&database, &[]), &[]).unwrap();
    assert_eq!(captured.snapshot.to_text(), text);
    for notes in [live.notes, captured.notes] {
        let notes: Vec<String> = notes.iter().map(ToString::to_string).collect();
        assert_eq!(notes.len(), 1, "{notes:?}");
        assert!(
            notes[0].contains("CREATE CAST (other.ty AS other.tz)"),
            "{notes:?}"
        );
    }
    // The proof compares casts.
    let body = live
        .snapshot
        .body()
        .replace("WITH FUNCTION #{prefix}.f(#{prefix}.ty)", "WITH INOUT");
    let changed =
        schemastamp::snapshot::Snapshot::from_parts(live.snapshot.header().clone(), body).unwrap();
    let compare = schemastamp::snapshot::RenderOptions::default();
    let inputs = schemastamp::snapshot::capture::ProofInputs {
        snapshot: &changed,
        schema: "app",
        source: schemastamp::snapshot::capture::SourceOf::Live { dump: None },
        major: 15,
        live_exists: true,
        compare: &compare,
        exceptions: schemastamp::snapshot::capture::Exceptions::default(),
    };
    let shutdown = schemastamp::process::Shutdown::new();
    let error = super::wait(schemastamp::snapshot::capture::prove(
        &super::server(&database),
        &inputs,
        &shutdown,
    ))
    .unwrap_err();
    assert!(
        chain(&error).contains("cast (ty AS text)"),
        "{}",
        chain(&error)
    );
}

#[test]
fn rows_of_version_tables_that_a_dump_lacks_come_from_a_schema() {
    let database = Cluster::shared().database();
    database.sql(
        "CREATE SCHEMA \"My Old\"; CREATE TABLE \"My Old\".schema_migrations (version text PRIMARY KEY);
         INSERT INTO \"My Old\".schema_migrations VALUES ('1'), ('2');
         CREATE TABLE \"My Old\".goose_db_version (id serial PRIMARY KEY, version_id bigint NOT NULL);
         INSERT INTO \"My Old\".goose_db_version (version_id) VALUES (0), (7); CREATE SCHEMA bare",
    );
    let run = Schemastamp::on(&database);
    run.write(
        "dump.sql",
        "CREATE SCHEMA app;\nCREATE TABLE app.schema_migrations (version text PRIMARY KEY);\n\
         CREATE SEQUENCE app.goose_db_version_id_seq;\n\
         CREATE TABLE app.goose_db_version (id integer NOT NULL, version_id bigint NOT NULL);\n\
         ALTER SEQUENCE app.goose_db_version_id_seq OWNED BY app.goose_db_version.id;\n\
         ALTER TABLE ONLY app.goose_db_version ALTER COLUMN id SET DEFAULT nextval('app.goose_db_version_id_seq'::regclass);\n",
    );
    let capture = [
        "capture",
        "--schema",
        "app",
        "--from",
        "dump.sql",
        "-o",
        "snapshots/app.sql",
    ];
    let output = run.run(&capture).succeeds();
    assert!(output.stderr.contains("--versions-from"), "{output}");
    let output = run
        .run(&[&capture[..], &["--versions-from", "My Old"]].concat())
        .succeeds();
    assert!(
        !output
            .stderr
            .contains("without which a tenant has no version"),
        "{output}"
    );
    run.run(&["provision", "t"]).succeeds();
    assert_eq!(
        database.query(
            "SELECT (SELECT string_agg(version, ' ') FROM t.schema_migrations), \
             (SELECT string_agg(version_id::text, ' ' ORDER BY id) FROM t.goose_db_version), nextval('t.goose_db_version_id_seq')"
        ),
        "1 2|0 7|3"
    );
    let output = run
        .run(&[&capture[..], &["--versions-from", "bare"]].concat())
        .exits_with(2);
    assert!(output.stderr.contains("there is no table"), "{output}");
}

#[test]
fn a_file_written_by_hand_with_a_sequence_in_its_default_is_captured() {
    let database = Cluster::shared().database();
    let run = Schemastamp::on(&database);
    for (file, sql) in [
        (
            "inline",
            "CREATE SEQUENCE app.t_id_seq;\nCREATE TABLE app.t (id bigint DEFAULT nextval('app.t_id_seq') NOT NULL);\n\
             ALTER SEQUENCE app.t_id_seq OWNED BY app.t.id;\n",
        ),
        ("serial", "CREATE TABLE app.t (id bigserial PRIMARY KEY);\n"),
        (
            "shared",
            "CREATE SEQUENCE app.z;\nCREATE TABLE app.b (id bigint DEFAULT pg_catalog.nextval('app.z') NOT NULL);\n\
             CREATE TABLE app.a (id bigint DEFAULT nextval('app.z'::text::regclass) NOT NULL);\n",
        ),
    ] {
        run.write("dump.sql", format!("CREATE SCHEMA app;\n{sql}"));
        let snapshot = format!("{file}.sql");
        run.run(&[
            "capture", "--from", "dump.sql", "--schema", "app", "-o", &snapshot,
        ])
        .succeeds();
        run.run(&["provision", file, "--snapshot", &snapshot])
            .succeeds();
    }
    assert_eq!(
        database.query("SELECT nextval('inline.t_id_seq'), nextval('shared.z')"),
        "1|1"
    );
}
