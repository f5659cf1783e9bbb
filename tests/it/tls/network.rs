//! Nothing there, or something else.

use std::time::{Duration, Instant};

use super::fake::{Fake, Filtered};
use super::scene::{Scene, diagnose, expect, fails, healthy, mode, run};
use super::world::{World, with_app};
use crate::support::{Cluster, Options};

/// A port of which it is certain that nobody listens: the listener has just been closed.
fn closed_port() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port().to_string()
}

pub(super) fn back(app: crate::support::Schemastamp) -> crate::support::Schemastamp {
    app.env("PGPORT", World::get().main().port().to_string())
}

pub(super) fn nobody_listens_scenes() -> Vec<Scene> {
    vec![
        fails(
            "refused",
            "net.refused",
            |app| app.env("PGPORT", closed_port()),
            back,
        ),
        fails(
            "no such host",
            "net.dns",
            |app| app.env("PGHOST", "no.such.host.invalid"),
            |app| app.env("PGHOST", "localhost"),
        ),
        fails(
            "no such socket",
            "net.socket_missing",
            |app| {
                app.env("PGHOST", "/nonexistent")
                    .env("PGSSLMODE", "disable")
            },
            |app| app.env("PGHOST", World::get().main().socket_folder()),
        ),
        fails(
            "IPv6 where the server has IPv4 only",
            "net.refused",
            |app| app.env("PGHOST", "::1"),
            |app| app.env("PGHOST", "127.0.0.1"),
        ),
    ]
}

#[test]
fn nobody_listens() {
    run(&nobody_listens_scenes());
}

pub(super) fn something_else_listens_scenes() -> Vec<Scene> {
    vec![
        fails(
            "HTTP on the port",
            "net.not_postgresql",
            |app| app.env("PGPORT", Fake::http().port.to_string()),
            back,
        ),
        fails(
            "it closes",
            "net.closed",
            |app| app.env("PGPORT", Fake::closing().port.to_string()),
            back,
        ),
        fails(
            "rubbish instead of a handshake",
            "net.not_postgresql",
            |app| app.env("PGPORT", Fake::rubbish().port.to_string()),
            back,
        ),
    ]
}

#[test]
fn something_else_listens() {
    run(&something_else_listens_scenes());
}

#[test]
fn an_ipv6_only_server() {
    let cluster = with_app(Cluster::start(&Options::default().listen("::1")));
    let app = healthy()
        .env("PGPORT", cluster.port().to_string())
        .env("PGSSLMODE", "disable")
        .env("PGHOST", "127.0.0.1");
    expect(&app, "net.refused", 20).unwrap();
    expect(&app.env("PGHOST", "::1"), "", 0).unwrap();
}

#[test]
fn a_second_host_is_tried() {
    let main = World::get().main().port().to_string();
    let app = healthy()
        .env("PGHOST", "127.0.0.1,localhost")
        .env("PGPORT", format!("{},{main}", closed_port()));
    expect(&app, "", 0).unwrap();
}

#[test]
fn a_report_is_never_later_than_the_timeout() {
    let filtered = Filtered::start();
    let silent = Fake::silent();
    let half = Fake::half_a_handshake();
    for (port, finding) in [
        (filtered.port, "net.timeout"),
        (silent.port, "net.silent"),
        (half.port, "net.silent"),
    ] {
        let app = healthy()
            .env("PGPORT", port.to_string())
            .env("SCHEMASTAMP_TIMEOUT", "3");
        let start = Instant::now();
        expect(&app, finding, 20).unwrap();
        assert!(
            start.elapsed() < Duration::from_millis(3300),
            "{finding}: {:?}",
            start.elapsed()
        );
    }
    let app = healthy().env("PGPORT", filtered.port.to_string());
    let start = Instant::now();
    assert_eq!(diagnose(&app).code, Some(20));
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "unless told otherwise: {:?}",
        start.elapsed()
    );
}

#[test]
fn a_psql_that_hangs() {
    let app = healthy().env("SCHEMASTAMP_TIMEOUT", "3");
    let psql = app.write("psql", "#!/bin/sh\nexec sleep 60\n");
    mode(&psql, 0o755);
    let app = app.env("SCHEMASTAMP_PSQL", psql);
    let start = Instant::now();
    expect(&app, "program.failed", 20).unwrap();
    assert!(
        start.elapsed() < Duration::from_millis(3300),
        "{:?}",
        start.elapsed()
    );
}
