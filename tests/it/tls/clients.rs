//! Other versions of psql and libpq, and one without TLS.

use std::fmt::Write as _;

use super::all_scenes;
use super::scene::{expect, healthy, play};
use crate::support::Client;

/// What a newer libpq, or its OpenSSL 1.1.1, does in another way.
const OTHERWISE: &[&str] = &[
    // It knows sslnegotiation from 17 on.
    "TLS without a request for it, psql 15",
    // OpenSSL before 3 takes no root certificate that may not sign certificates.
    "self-signed",
    // Providers came with OpenSSL 3.
    "an OPENSSL_CONF without a provider",
    // It was built without GSSAPI, which is `login.method_not_supported`.
    "Kerberos without a ticket",
];

/// Every scene of every table, with psql and libpq of another version.
fn with(major: u32) {
    let client = Client::with_tls(major);
    let report = expect(&healthy().client(&client), "", 0).unwrap();
    let programs = report
        .lines
        .iter()
        .find(|line| line["id"] == "programs")
        .unwrap();
    assert_eq!(programs["evidence"]["libpq"], major);
    let mut failures = String::new();
    for scene in all_scenes()
        .iter()
        .filter(|scene| !OTHERWISE.contains(&scene.name))
    {
        if let Err(failure) = play(scene, false, &client) {
            writeln!(failures, "--- {}\n{failure}", scene.name).unwrap();
        }
    }
    assert!(failures.is_empty(), "{failures}");
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
    let app = healthy()
        .client(&Client::with_tls(18))
        .env("PGSSLNEGOTIATION", "direct");
    expect(&app, "tls.direct_refused", 20).unwrap();
    expect(&app.without("PGSSLNEGOTIATION"), "", 0).unwrap();
}

#[test]
fn a_psql_without_tls() {
    let app = healthy().client(&Client::of_major(18));
    expect(&app, "program.no_tls", 20).unwrap();
    let app = app.env("PGSSLMODE", "prefer");
    expect(&app, "tls.plaintext", 0).unwrap();
    expect(
        &app.client(&Client::with_tls(18))
            .env("PGSSLMODE", "require"),
        "",
        0,
    )
    .unwrap();
}

#[test]
fn no_psql() {
    let app = healthy().env("PATH", "/nonexistent");
    expect(&app, "program.psql_missing", 20).unwrap();
    let app = app.env("SCHEMASTAMP_PSQL", Client::installed().psql());
    expect(&app, "program.pg_dump_missing", 0).unwrap();
}
