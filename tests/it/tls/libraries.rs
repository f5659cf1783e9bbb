//! psql and libpq of different versions: what is supported is decided by the libpq that is loaded, for every command.

use super::fake::Wiretap;
use super::scene::{expect, healthy, with_good_root};
use super::world::World;
use crate::support::{Client, Schemastamp};

/// A server that asks for the password in clear, behind a relay, and a client that wants SCRAM only.
fn wants_scram(tap: &Wiretap) -> Schemastamp {
    healthy()
        .env("PGPORT", tap.port.to_string())
        .env("PGDATABASE", "cleartext")
        .env("PGSSLMODE", "disable")
        .env("PGPASSWORD", "hunter2")
        .env("PGREQUIREAUTH", "scram-sha-256")
}

/// Runs commands that connect; each ends with the code and names the finding.
fn commands_fail(app: &Schemastamp, code: i32, finding: &str) {
    app.write(
        "snapshot.sql",
        crate::provision::snapshot(crate::provision::SMALL),
    );
    for arguments in [
        &["status", "--all", "--format", "json"] as &[_],
        &["drop", "acme", "--yes", "--format", "json"],
        &[
            "capture", "--schema", "public", "-o", "x.sql", "--format", "json",
        ],
        &[
            "provision",
            "acme",
            "--snapshot",
            "snapshot.sql",
            "--format",
            "json",
        ],
    ] {
        let output = app.run(arguments);
        let said = format!("{}{}", output.stdout, output.stderr);
        assert_eq!(output.code, Some(code), "{arguments:?}: {said}");
        assert!(said.contains(finding), "{arguments:?}: {said}");
    }
}

#[test]
fn an_older_libpq_gets_no_password_that_require_auth_withholds() {
    let tap = Wiretap::start(World::get().main().port());
    let directory = tempfile::tempdir().unwrap();
    let client = Client::over_libpq(16, 15, directory.path());
    let app = wants_scram(&tap).client(&client);
    expect(&app, "program.libpq_too_old", 20).unwrap();
    commands_fail(&app, 11, "program.libpq_too_old");
    assert!(!tap.has_seen("hunter2"), "the password crossed the wire");
    // The relay does see a password that is sent in clear.
    let app = app.without("PGREQUIREAUTH");
    expect(&app, "", 0).unwrap();
    assert!(tap.has_seen("hunter2"));
}

#[test]
fn a_libpq_that_knows_require_auth_withholds_the_password() {
    let tap = Wiretap::start(World::get().main().port());
    let app = wants_scram(&tap).client(&Client::with_tls(16));
    expect(&app, "login.auth_method", 20).unwrap();
    commands_fail(&app, 13, "login.auth_method");
    assert!(!tap.has_seen("hunter2"), "the password crossed the wire");
}

#[test]
fn a_newer_libpq_than_psql_is_used_to_the_full() {
    let directory = tempfile::tempdir().unwrap();
    let app = healthy()
        .client(&Client::over_libpq(15, 17, directory.path()))
        .env("PGDATABASE", "passwords")
        .env("PGPASSWORD", "hunter2")
        .env("PGREQUIREAUTH", "scram-sha-256");
    expect(&app, "", 0).unwrap();
    let output = app.run(&["status", "--all"]);
    assert_eq!(output.code, Some(0), "{output}");
}

#[test]
fn pg_dump_over_an_older_libpq_is_refused() {
    let tap = Wiretap::start(World::get().main().port());
    let directory = tempfile::tempdir().unwrap();
    let older = Client::over_libpq(16, 15, directory.path());
    let app = wants_scram(&tap)
        .env("PGDATABASE", "passwords")
        .client(&Client::with_tls(16))
        .env("SCHEMASTAMP_PG_DUMP", older.pg_dump());
    let output = app.run(&["capture", "--schema", "public", "-o", "x.sql"]);
    assert_eq!(output.code, Some(11), "{output}");
    assert!(output.stderr.contains("pg_dump loads libpq 15"), "{output}");
    // Other commands work, and diagnose says what does not.
    expect(&app, "program.libpq_too_old", 0).unwrap();
}

#[test]
fn the_versions_of_libpq_are_told_apart() {
    for (program, libpq) in [(16, 13), (16, 14), (16, 15), (16, 17), (15, 14), (15, 18)] {
        let directory = tempfile::tempdir().unwrap();
        let client = Client::over_libpq(program, libpq, directory.path());
        let report = expect(&healthy().client(&client), "", 0).unwrap();
        let programs = report.lines.iter().find(|line| line["id"] == "programs");
        let evidence = &programs.unwrap()["evidence"];
        assert_eq!(evidence["libpq"], libpq, "psql {program}: {}", report.text);
    }
}

#[test]
fn the_systems_roots_on_either_side_of_libpq_16() {
    let ca = &World::get().ca.certificate;
    for (program, libpq) in [(16, 15), (15, 17), (16, 16)] {
        let directory = tempfile::tempdir().unwrap();
        let client = Client::over_libpq(program, libpq, directory.path());
        let app = healthy().client(&client).without("PGSSLMODE");
        let roots = app.write("roots.pem", ca);
        let app = app
            .env("PGSSLROOTCERT", "system")
            .env("SSL_CERT_FILE", roots);
        let report = expect(&app, "", 0).unwrap();
        let output = app.run(&["status", "--all"]);
        assert_eq!(
            output.code,
            Some(0),
            "{program} over {libpq}: {output}{}",
            report.text
        );
    }
}

#[test]
fn a_default_root_certificate_is_looked_for_where_libpq_looks() {
    let directory = tempfile::tempdir().unwrap();
    // libpq 14 does not read HOME: the account's home has no root certificate.
    let client = Client::over_libpq(16, 14, directory.path());
    let app = with_good_root(healthy()).env("PGSSLMODE", "verify-full");
    app.write("home/.postgresql/root.crt", &World::get().ca.certificate);
    let app = app.without("PGSSLROOTCERT");
    expect(&app, "", 0).unwrap();
    let app = app.client(&client);
    expect(&app, "tls.root_cert.missing", 20).unwrap();
    let output = app.run(&["status", "--all"]);
    assert_eq!(output.code, Some(12), "{output}");
}
