//! What version 0.1.0 left behind: snapshots, tenants and spares stay valid.

use schemastamp::snapshot::Snapshot;

use super::world::World;
use crate::support::Schemastamp;

const OLD: &str = include_str!("../../../testdata/old-versions/0.1.0/notebook.sql");

/// The old file in the wording that 0.1.0 might have had: another order of statements gives another fingerprint.
fn in_older_wording() -> Snapshot {
    let (_, body) = OLD.split_once("\n\n").unwrap();
    // As dbmate makes it, so that the directory of migrations fits.
    let body = body.replace("version bigint", "version character varying(128)");
    let (before, rest) = body.split_once("\n-- index ").unwrap();
    let (index, behind) = rest.split_once("\n\n").unwrap();
    let header =
        "-- schemastamp snapshot, format 1\n-- server: PostgreSQL 15, in the wording of pg_dump 18";
    let text = format!("{header}\n\n{before}\n{behind}\n-- index {index}\n");
    Snapshot::parse(&text).unwrap()
}

/// Writes the migrations that the old file has already.
fn write_migrations(cli: &Schemastamp) {
    for version in ["20260101120000", "20260214090000"] {
        cli.write(&format!("m/{version}_past.sql"), "SELECT 1;");
    }
}

#[test]
fn files_of_every_older_version_are_read() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/old-versions");
    let mut files = 0;
    for version in std::fs::read_dir(folder).unwrap() {
        for file in std::fs::read_dir(version.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            let snapshot = Snapshot::parse(&text).unwrap();
            assert_eq!(snapshot.warnings(), [], "{}", path.display());
            assert_eq!(snapshot.to_text(), text, "{}", path.display());
            files += 1;
        }
    }
    assert!(files >= 2);
}

#[test]
fn a_snapshot_of_an_older_version_is_no_difference_but_to_be_refreshed() {
    let world = World::new();
    let cli = Schemastamp::on(&world.database);
    let old = in_older_wording();
    cli.write("snapshots/app.sql", old.to_text());
    write_migrations(&cli);
    drop(cli.run(&["provision", "acme"]).succeeds());
    for arguments in [
        &["check", "--schema", "acme"][..],
        &["check", "--migrations", "m"],
    ] {
        let output = cli.run(arguments).exits_with(1);
        assert!(
            output.stderr.contains(
                "'snapshots/app.sql' was written by an older schemastamp (format 1): run refresh"
            ) && output.stdout.is_empty(),
            "{output}"
        );
    }
    // What somebody did change is shown as before.
    world.database.sql("CREATE TABLE acme.extra (i int)");
    let output = cli.run(&["check", "--schema", "acme"]).exits_with(1);
    assert!(
        output.stdout.contains("+CREATE TABLE #{prefix}.extra"),
        "{output}"
    );
    world.database.sql("DROP TABLE acme.extra");
    drop(cli.run(&["refresh", "--migrations", "m"]).succeeds());
    drop(cli.run(&["check", "--schema", "acme"]).succeeds());
    drop(cli.run(&["check", "--migrations", "m"]).succeeds());
}

#[test]
fn tenants_and_spares_of_the_older_fingerprint_are_recognised() {
    let world = World::new();
    let cli = Schemastamp::on(&world.database);
    let old = in_older_wording();
    cli.write("snapshots/app.sql", old.to_text());
    write_migrations(&cli);
    drop(cli.run(&["provision", "acme"]).succeeds());
    drop(cli.run(&["pool", "fill", "--size", "1"]).succeeds());
    drop(cli.run(&["refresh", "--migrations", "m"]).succeeds());
    let text = cli.read("snapshots/app.sql");
    let new = Snapshot::parse(&text).unwrap();
    assert_ne!(new.fingerprint(), old.fingerprint());
    assert_eq!(new.header().formerly, [old.fingerprint()]);
    // Refreshed again, it stays.
    drop(cli.run(&["refresh", "--migrations", "m"]).succeeds());
    assert_eq!(cli.read("snapshots/app.sql"), text);
    let output = cli
        .run(&["provision", "acme", "--if-exists", "resume"])
        .succeeds();
    assert!(output.stdout.contains("skipped"), "{output}");
    let output = cli.run(&["pool", "fill", "--size", "1"]).succeeds();
    assert!(output.stderr.contains("0 made, 1 ready"), "{output}");
    let output = cli
        .run(&["provision", "globex", "--from-pool", "--format", "json"])
        .succeeds();
    assert!(output.stdout.contains("\"pool\""), "{output}");
    // Another snapshot is another one, as ever.
    cli.write(
        "snapshots/app.sql",
        text.replace("-- formerly: ", "-- unknown: "),
    );
    drop(
        cli.run(&["provision", "acme", "--if-exists", "resume"])
            .exits_with(17),
    );
}

#[test]
fn capture_over_an_older_file_keeps_its_fingerprint() {
    let world = World::new();
    let cli = Schemastamp::on(&world.database);
    let old = in_older_wording();
    cli.write("snapshots/app.sql", old.to_text());
    drop(cli.run(&["provision", "acme"]).succeeds());
    drop(cli.run(&["pool", "fill", "--size", "1"]).succeeds());
    let capture = ["capture", "--schema", "acme", "-o", "snapshots/app.sql"];
    drop(cli.run(&capture).succeeds());
    let text = cli.read("snapshots/app.sql");
    let new = Snapshot::parse(&text).unwrap();
    assert_ne!(new.fingerprint(), old.fingerprint());
    assert_eq!(new.header().formerly, [old.fingerprint()]);
    // Captured again, it stays.
    drop(cli.run(&capture).succeeds());
    assert_eq!(cli.read("snapshots/app.sql"), text);
    let output = cli
        .run(&["provision", "acme", "--if-exists", "resume"])
        .succeeds();
    assert!(output.stdout.contains("skipped"), "{output}");
    let output = cli.run(&["pool", "fill", "--size", "1"]).succeeds();
    assert!(output.stderr.contains("0 made, 1 ready"), "{output}");
}

#[test]
fn capture_of_another_schema_over_an_older_file_forgets_its_fingerprint() {
    let world = World::new();
    let cli = Schemastamp::on(&world.database);
    cli.write("snapshots/app.sql", in_older_wording().to_text());
    drop(cli.run(&["provision", "acme"]).succeeds());
    world.database.sql("CREATE TABLE acme.extra (i int)");
    drop(
        cli.run(&["capture", "--schema", "acme", "-o", "snapshots/app.sql"])
            .succeeds(),
    );
    let new = Snapshot::parse(&cli.read("snapshots/app.sql")).unwrap();
    assert!(new.header().formerly.is_empty());
}
