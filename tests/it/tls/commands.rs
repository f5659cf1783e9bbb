//! Any command that cannot connect says which failure it is, who said so, and what to change; `status` stands for all.

use super::scene::{healthy, with_client, with_good_root, with_root};
use super::world::World;
use crate::support::{Leaf, Schemastamp};

/// Runs `status`, which needs a connection: its exit code, and what it says.
fn status(app: &Schemastamp, arguments: &[&str]) -> (Option<i32>, String) {
    let output = app.run(&[&["status", "--all"], arguments].concat());
    assert!(app.leftovers().is_empty(), "{:?}", app.leftovers());
    (output.code, format!("{}{}", output.stdout, output.stderr))
}

/// Expects the exit code and every one of the words.
#[track_caller]
fn fails(app: &Schemastamp, code: i32, words: &[&str]) {
    let (exit, said) = status(app, &[]);
    assert_eq!(exit, Some(code), "{said}");
    for word in words {
        assert!(said.contains(word), "'{word}' is missing:\n{said}");
    }
}

#[test]
fn failures_are_explained_where_they_happen() {
    let world = World::get();
    let pooler = world.pooler().port().to_string();
    fails(
        &healthy().env("PGPORT", pooler).env("PGSSLMODE", "disable"),
        13,
        &[
            "tls.server_requires_tls, reported by PgBouncer",
            "SSL required",
            "set PGSSLMODE=require",
        ],
    );
    fails(
        &with_client(healthy(), &world.other_ca.issue(&Leaf::client("app"))),
        13,
        &[
            "tls.client_cert.unknown_ca, reported by a TLS alert of the server",
            "alert unknown ca",
            "unset PGSSLCERT",
        ],
    );
    fails(
        &with_root(healthy(), &world.other_ca.certificate),
        13,
        &[
            "tls.server_cert.unverified, reported by libpq",
            "certificate verify failed",
            "--diagnose",
        ],
    );
    fails(
        &healthy()
            .env("PGDATABASE", "passwords")
            .env("PGPASSWORD", "hunter3"),
        13,
        &[
            "login.wrong_password, reported by PostgreSQL",
            "password authentication failed",
            "role 'app'",
        ],
    );
    fails(
        &healthy().env("PGHOST", "no.such.host.invalid"),
        13,
        &["net.dns, reported by the network", "no.such.host.invalid"],
    );
}

#[test]
fn what_cannot_work_is_refused_before_it_is_tried() {
    let app = healthy().env("PGSSLMODE", "verify-full");
    fails(
        &app,
        12,
        &[
            "root certificate",
            ".postgresql/root.crt' does not exist",
            "PGSSLROOTCERT",
        ],
    );
    let (code, said) = status(&app, &["--format", "json"]);
    assert_eq!(code, Some(12));
    assert!(said.contains("\"id\":\"tls.root_cert.missing\""), "{said}");
    fails(
        &healthy().env("PGSSLNEGOTIATION", "direct"),
        11,
        &["sslnegotiation=direct needs libpq 17"],
    );
    fails(
        &healthy().env("PGSSLROOTCERT", "system"),
        10,
        &["too weak", "verify-full"],
    );
}

#[test]
fn diagnose_beside_a_command_names_the_reason() {
    let app = with_root(healthy(), &World::get().other_ca.certificate);
    let (code, said) = status(&app, &["--diagnose"]);
    assert_eq!(code, Some(13), "{said}");
    assert!(said.contains("tls.server_cert.unknown_issuer"), "{said}");
}

#[test]
fn plaintext_is_never_silent() {
    let world = World::get();
    let plain = world.plain().port().to_string();
    let warned = |app: &Schemastamp| {
        let (code, said) = status(app, &[]);
        assert_eq!(code, Some(0), "{said}");
        let count = said.matches("tls.plaintext").count();
        assert!(count < 2, "{said}");
        if count == 1 {
            for way_out in ["set PGSSLMODE=require", "set PGSSLMODE=disable"] {
                assert!(said.contains(way_out), "{way_out}: {said}");
            }
        }
        count == 1
    };
    // An address that leads to this machine, and is none of the loopback interface's: as good as elsewhere.
    let elsewhere = || healthy().env("PGHOSTADDR", "0.0.0.0");
    let app = elsewhere().env("PGSSLMODE", "prefer");
    assert!(!warned(&app), "the server has TLS");
    assert!(warned(&app.env("PGPORT", &plain)), "the server has no TLS");
    assert!(
        !warned(
            &elsewhere()
                .env("PGPORT", &plain)
                .env("PGSSLMODE", "disable")
        ),
        "plaintext is what is asked for"
    );
    assert!(!warned(
        &with_good_root(healthy()).env("PGSSLMODE", "verify-full")
    ));
    let app = with_root(elsewhere(), &world.other_ca.certificate).env("PGSSLMODE", "prefer");
    assert!(
        warned(&app),
        "libpq does not trust the server, and goes on in plaintext"
    );
    for host in ["localhost", "127.0.0.1", "app.localhost"] {
        let app = healthy()
            .env("PGHOST", host)
            .env("PGHOSTADDR", "127.0.0.1")
            .env("PGPORT", &plain)
            .env("PGSSLMODE", "prefer");
        assert!(!warned(&app), "{host} is this machine");
    }
    let socket = world.main().socket_folder();
    assert!(
        !warned(&healthy().env("PGHOST", socket).env("PGSSLMODE", "prefer")),
        "a socket has no TLS"
    );
}
