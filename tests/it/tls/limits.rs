//! Numbers, output and hostile certificates.

use std::time::{Duration, Instant};

use super::scene::{diagnose, expect, healthy, with_good_root, with_root};
use super::world::{World, with_app};
use crate::support::{Authority, Cluster, Leaf, Options};

#[test]
fn a_healthy_server_is_diagnosed_quickly_and_on_one_screen() {
    let app = with_good_root(healthy()).env("PGSSLMODE", "verify-full");
    expect(&app, "", 0).unwrap();
    // Other tests run beside this one: the first of twenty that is undisturbed counts.
    let mut times = Vec::new();
    while times.len() < 20 {
        let start = Instant::now();
        let output = app.run(&["--diagnose"]).succeeds();
        times.push(start.elapsed());
        let lines = output.stdout.split('\n').count();
        assert!(lines <= 24, "{}", output.stdout);
        assert!(output.stdout.contains("all is well"), "{}", output.stdout);
        if times
            .last()
            .is_some_and(|time| *time < Duration::from_millis(300))
        {
            return;
        }
    }
    panic!("{times:?}");
}

#[test]
fn hostile_subjects_are_escaped_and_bounded() {
    let hostile = format!("\u{1b}[2J\u{202e}verified\n{}", "A".repeat(40_000));
    let leaf = Leaf::server(&["localhost"]).organization(&hostile);
    let ca = Authority::root("Acme Root");
    let cluster = with_app(Cluster::start(
        &Options::default().tls(ca.issue(&leaf).server_tls()),
    ));
    let app = with_root(healthy(), &World::get().other_ca.certificate)
        .env("PGPORT", cluster.port().to_string());
    let report = diagnose(&app);
    assert!(report.text.len() < 20_000, "{} bytes", report.text.len());
    assert!(
        report.text.contains("\\\\x1b[2J\\\\u{202e}verified\\\\n"),
        "{}",
        report.text
    );
    let text = app.run(&["diagnose"]).stdout;
    assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text}");
}

#[test]
fn nothing_changes_on_the_server() {
    let cluster = World::get().main();
    let state = "SELECT count(*), coalesce(max(oid::bigint), 0) FROM pg_class";
    let before = cluster.maintenance().query(state);
    diagnose(&healthy());
    assert_eq!(cluster.maintenance().query(state), before);
}

#[test]
fn secrets_are_not_shown() {
    let port = World::get().main().port();
    // `diagnose` looks for the password in every output.
    let url = format!("postgres://app:hunter2@localhost:{port}/passwords?sslmode=require");
    let app = healthy().without("PGSSLMODE").env("DATABASE_URL", &url);
    expect(&app, "", 0).unwrap();
    let app = app.env("DATABASE_URL", url.replace("hunter2", "hunter2x"));
    expect(&app, "login.wrong_password", 20).unwrap();
    let output = app.run(&["diagnose", "-v"]);
    assert!(
        !output.stdout.contains("hunter2") && !output.stderr.contains("hunter2"),
        "{output}"
    );
}
