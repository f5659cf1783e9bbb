//! Sentences of hosted services and poolers that no test can have for real: `diagnose` and a command name the same finding.

use std::fmt::Write as _;

use super::fake::Fake;
use super::scene::{command_agrees, expect, healthy};
use crate::support::Schemastamp;

fn to(fake: &Fake) -> Schemastamp {
    healthy()
        .env("PGPORT", fake.port.to_string())
        .env("PGSSLMODE", "disable")
}

/// The finding on each sentence, said in plaintext to `sslmode=disable`.
fn named(sentences: &[(&str, &str)], start: fn(&str) -> Fake) {
    let mut failures = String::new();
    for (words, finding) in sentences {
        let fake = start(words);
        let app = to(&fake).env("PGPASSWORD", "hunter2");
        let failed = expect(&app, finding, 20)
            .map(drop)
            .and_then(|()| command_agrees(&app, finding));
        if let Err(failure) = failed {
            writeln!(failures, "--- {words}\n{failure}").unwrap();
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

#[test]
fn tls_is_wanted_in_many_words() {
    let mut sentences = Vec::new();
    for words in [
        "FATAL:  SSL required",
        "ERROR:  SSL required",
        "FATAL:  SSL/TLS required",
        "FATAL:  SSL connection is required. Please specify SSL options and retry.",
        "FATAL:  This RDS Proxy requires TLS connections",
        "ERROR:  connection is insecure (try using `sslmode=require`)",
        "ERROR:  node is running secure mode, SSL connection required",
        // Sentences that nobody has written down yet.
        "FATAL:  plaintext connections are not allowed, use TLS",
        "ERROR:  this endpoint only accepts encrypted connections",
    ] {
        sentences.push((words, "tls.server_requires_tls"));
    }
    named(&sentences, Fake::refusing);
}

#[test]
fn what_is_not_about_encryption_is_not_taken_for_it() {
    let sentences = [
        ("FATAL:  the tlsx extension is missing", "connection.failed"),
        ("FATAL:  something entirely new", "connection.failed"),
    ];
    named(&sentences, Fake::refusing);
}

#[test]
fn services_that_route_by_name() {
    let sentences = [
        ("FATAL:  Tenant or user not found", "login.not_routed"),
        (
            "ERROR:  Endpoint ID is not specified. Either please upgrade the postgres client library (libpq) for SNI support",
            "login.not_routed",
        ),
        (
            "FATAL:  codeParamsRoutingFailed: missing cluster identifier",
            "login.not_routed",
        ),
        (
            "FATAL:  Invalid Username specified. Please check the Username and retry connection.",
            "login.not_routed",
        ),
        (
            "ERROR:  This IP address 1.2.3.4 is not allowed to connect to this endpoint.",
            "login.address_refused",
        ),
    ];
    named(&sentences, Fake::refusing);
}

#[test]
fn poolers_and_their_limits() {
    let sentences = [
        (
            "FATAL:  no more connections allowed (max_client_conn)",
            "server.too_many_clients",
        ),
        (
            "FATAL:  client connections exceeded (max_db_client_connections)",
            "server.too_many_for_role",
        ),
        (
            "FATAL:  (EMAXCONN) max client connections reached, limit: 200",
            "server.too_many_clients",
        ),
        (
            "FATAL:  Feature not supported: RDS Proxy currently doesn\u{2019}t support command-line options.",
            "server.startup_parameter",
        ),
        (
            "FATAL:  client_login_timeout (server down)",
            "server.pooler_backend",
        ),
        ("FATAL:  server shutting down", "server.shutting_down"),
        (
            "FATAL:  client authentication failed\nDETAIL:  no pool_hba.conf entry for host \"h\", user \"app\", database \"open\", SSL off",
            "login.no_hba_entry",
        ),
        (
            "FATAL:  failed to create a backend connection",
            "server.pooler_backend",
        ),
        (
            "FATAL:  canceling authentication due to timeout",
            "login.refused",
        ),
        (
            "FATAL:  unsupported frontend protocol 3.2: server supports 3.0 to 3.0",
            "server.protocol_version",
        ),
    ];
    named(&sentences, Fake::refusing);
}

#[test]
fn passwords_that_are_refused() {
    let sentences = [
        (
            "FATAL:  password authentication failed",
            "login.wrong_password",
        ),
        (
            "FATAL:  password authentication failed for user \"app\"",
            "login.wrong_password",
        ),
        // Of a pooler's own login.
        (
            "FATAL:  password authentication failed for user \"other\"",
            "server.pooler_backend",
        ),
        // Servers in other languages name the role or the database.
        (
            "FATAL:  Passwort-Authentifizierung f\u{fc}r Benutzer \u{bb}app\u{ab} fehlgeschlagen",
            "login.wrong_password",
        ),
        (
            "FATAL:  Datenbank \u{bb}open\u{ab} existiert nicht",
            "server.unknown_database",
        ),
        (
            "FATAL:  PAM authentication failed for user \"app\"",
            "login.refused",
        ),
    ];
    named(&sentences, Fake::refusing_passwords);
}

#[test]
fn an_expired_token_is_named_with_its_date() {
    let fake = Fake::refusing_passwords("FATAL:  PAM authentication failed for user \"app\"");
    let token = "db.rds.amazonaws.com:5432/?Action=connect&DBUser=app&X-Amz-Date=20260101T000000Z&X-Amz-Expires=900&X-Amz-Signature=x";
    let app = to(&fake).env("PGPASSWORD", token);
    let report = expect(&app, "login.token_expired", 20).unwrap();
    assert!(
        report.text.contains("2026-01-01 00:15:00Z"),
        "{}",
        report.text
    );
    assert!(!report.text.contains("X-Amz-Signature"), "{}", report.text);
    command_agrees(&app, "login.token_expired").unwrap();
}

#[test]
fn a_server_that_cannot_start_a_process() {
    let fake = Fake::without_processes();
    for mode in ["require", "disable", "prefer"] {
        let app = to(&fake).env("PGSSLMODE", mode);
        expect(&app, "server.process_limit", 20).unwrap();
        command_agrees(&app, "server.process_limit").unwrap();
    }
}

#[test]
fn servers_in_other_languages_are_read_by_sqlstate() {
    for (words, sqlstate, routine, finding) in [
        (
            "kein pg_hba.conf-Eintrag f\u{fc}r Host, keine Verschl\u{fc}sselung",
            "28000",
            "ClientAuthentication",
            "login.no_hba_entry",
        ),
        (
            "Rolle \u{bb}app\u{ab} existiert nicht",
            "28000",
            "InitializeSessionUserId",
            "login.unknown_role",
        ),
        (
            "Datenbank \u{bb}open\u{ab} existiert nicht",
            "3D000",
            "InitPostgres",
            "server.unknown_database",
        ),
        (
            "tut mir leid, schon zu viele Verbindungen",
            "53300",
            "ProcArrayAdd",
            "server.too_many_clients",
        ),
        (
            "das Datenbanksystem startet",
            "57P03",
            "ProcessStartupPacket",
            "server.starting_up",
        ),
    ] {
        let fake = Fake::in_another_language(words, sqlstate, routine);
        let app = to(&fake);
        expect(&app, finding, 20).unwrap_or_else(|failure| panic!("{words}: {failure}"));
        command_agrees(&app, finding).unwrap_or_else(|failure| panic!("{words}: {failure}"));
    }
}

#[test]
fn an_address_as_host_names_no_server() {
    let fake = Fake::refusing("ERROR:  Endpoint ID is not specified.");
    let app = to(&fake).env("PGHOST", "127.0.0.1");
    let report = expect(&app, "login.not_routed", 20).unwrap();
    assert!(
        report.text.contains("host is the address 127.0.0.1"),
        "{}",
        report.text
    );
    let report = expect(&to(&fake).env("PGSSLSNI", "0"), "login.not_routed", 20).unwrap();
    assert!(report.text.contains("sslsni=0"), "{}", report.text);
}

#[test]
fn the_systems_words_are_those_of_every_c_library() {
    for (words, finding) in [
        ("Host is unreachable", "net.unreachable"),
        ("Network unreachable", "net.unreachable"),
        ("Operation timed out", "net.timeout"),
        ("Permission denied", "net.forbidden"),
        ("Operation not permitted", "net.forbidden"),
    ] {
        let app = healthy();
        let psql = app.write(
            "psql",
            format!(
                "#!/bin/sh\ncase $1 in --version) echo 'psql (PostgreSQL) 15.1'; exit ;; esac\n\
                 echo 'psql: error: connection to server at \"db\" (10.0.0.1), port 5432 failed: {words}' >&2\nexit 2\n"
            ),
        );
        super::scene::mode(&psql, 0o755);
        let app = app.env("SCHEMASTAMP_PSQL", psql);
        command_agrees(&app, finding).unwrap_or_else(|failure| panic!("{words}: {failure}"));
    }
}
