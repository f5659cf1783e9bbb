//! Other versions of psql and libpq, and one without TLS.

use super::scene::{
    Scene, expect, fails, healthy, warns, with_client, with_good_client, with_good_root, with_root, without_client,
    works,
};
use super::world::World;
use crate::support::{Client, Leaf};

fn scenes() -> Vec<Scene> {
    vec![
        works("verify-full", |app| with_good_root(app).env("PGSSLMODE", "verify-full")),
        works("the system's authorities", |app| {
            let bundle = app.write("bundle.pem", &World::get().ca.certificate);
            app.env("SSL_CERT_FILE", bundle).env("PGSSLROOTCERT", "system").without("PGSSLMODE")
        }),
        works("sslcertmode=disable", |app| {
            let identity = World::get().other_ca.issue(&Leaf::client("app"));
            with_client(app, &identity).env("PGSSLCERTMODE", "disable")
        }),
        fails(
            "a certificate of another authority",
            "tls.client_cert.unknown_ca",
            |app| {
                let identity = World::get().other_ca.issue(&Leaf::client("app"));
                with_client(app, &identity)
            },
            without_client,
        ),
        fails("no certificate", "tls.client_cert.required", |app| app.env("PGDATABASE", "certs"), with_good_client),
        fails(
            "another authority under verify-full",
            "tls.server_cert.unknown_issuer",
            |app| with_root(app, &World::get().other_ca.certificate).env("PGSSLMODE", "verify-full"),
            with_good_root,
        ),
        fails(
            "plaintext where TLS is wanted",
            "tls.server_requires_tls",
            |app| app.env("PGDATABASE", "tls_only").env("PGSSLMODE", "disable"),
            |app| app.env("PGSSLMODE", "require"),
        ),
        fails(
            "a wrong password",
            "login.wrong_password",
            |app| app.env("PGDATABASE", "passwords").env("PGPASSWORD", "hunter3"),
            |app| app.env("PGPASSWORD", "hunter2"),
        ),
        warns("PGSSLCERT=root", "tls.client_cert.missing", |app| app.env("PGSSLCERT", "root"), without_client),
    ]
}

fn with(major: u32) {
    let client = Client::with_tls(major);
    for scene in scenes() {
        let app = (scene.stage)(healthy().client(&client));
        let report =
            expect(&app, scene.finding, scene.exit).unwrap_or_else(|failure| panic!("{}\n{failure}", scene.name));
        let programs = report.lines.iter().find(|line| line["id"] == "programs").unwrap();
        assert_eq!(programs["evidence"]["libpq"], major);
        if !scene.finding.is_empty() {
            let report =
                expect(&(scene.cure)(app), "", 0).unwrap_or_else(|failure| panic!("{}\n{failure}", scene.name));
            assert!(!report.ids("warning").contains(&scene.finding.to_owned()), "{}", report.text);
        }
    }
}

#[test]
fn version_16() {
    with(16);
}

#[test]
fn version_18() {
    with(18);
}

#[test]
fn tls_without_a_request_for_it_to_an_older_server() {
    let app = healthy().client(&Client::with_tls(18)).env("PGSSLNEGOTIATION", "direct");
    expect(&app, "tls.direct_refused", 20).unwrap();
    expect(&app.without("PGSSLNEGOTIATION"), "", 0).unwrap();
}

#[test]
fn a_psql_without_tls() {
    let app = healthy().client(&Client::of_major(18));
    expect(&app, "program.no_tls", 20).unwrap();
    let app = app.env("PGSSLMODE", "prefer");
    expect(&app, "tls.plaintext", 0).unwrap();
    expect(&app.client(&Client::with_tls(18)).env("PGSSLMODE", "require"), "", 0).unwrap();
}

#[test]
fn no_psql() {
    let app = healthy().env("PATH", "/nonexistent");
    expect(&app, "program.psql_missing", 20).unwrap();
    let app = app.env("SCHEMASTAMP_PSQL", Client::installed().psql());
    expect(&app, "program.pg_dump_missing", 0).unwrap();
}
