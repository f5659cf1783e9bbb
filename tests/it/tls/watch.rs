//! Diagnoses that run again and again: ends of certificates, many servers, and the line for Nagios.

use std::fmt::Write as _;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use super::fake::Fake;
use super::scene::{Report, expect, healthy, mode, with_client, with_root};
use super::world::{World, with_app};
use crate::support::{Authority, Cluster, Leaf, Options, Schemastamp};

/// A server of which each certificate has another end: its own in 20 days, the intermediate in 30,
/// the root in 40.
struct Ending {
    root: Authority,
    intermediate: Authority,
    cluster: Cluster,
}

impl Ending {
    fn get() -> &'static Self {
        static ENDING: OnceLock<Ending> = OnceLock::new();
        ENDING.get_or_init(|| {
            let root = Authority::root_for("Short Root", 40);
            let intermediate = root.intermediate_for("Short Intermediate", 30);
            let leaf = Leaf::server(&["localhost", "127.0.0.1"]).ends_in(20);
            let tls = intermediate.issue(&leaf).server_tls_asking(&root);
            let cluster = with_app(Cluster::start(&Options::default().tls(tls)));
            Self {
                root,
                intermediate,
                cluster,
            }
        })
    }

    fn app(&self) -> Schemastamp {
        let app = healthy().env("PGPORT", self.cluster.port().to_string());
        with_root(app, &self.root.certificate).env("PGSSLMODE", "verify-full")
    }
}

/// The ids of the warnings about an end, with these arguments.
fn ending(app: &Schemastamp, arguments: &[&str]) -> Vec<String> {
    let output = app.run(&[&["diagnose", "--format", "json"], arguments].concat());
    assert_eq!(output.code, Some(0), "{output}");
    let report = Report {
        code: output.code,
        lines: output.json(),
        text: format!("{output}"),
    };
    let mut ids = report.ids("warning");
    ids.retain(|id| id.ends_with("expires_soon"));
    ids
}

#[test]
fn what_ends_within_the_span_is_warned_of() {
    let server = "tls.server_cert.expires_soon";
    let chain = "tls.server_cert.chain_expires_soon";
    let root = "tls.root_cert.expires_soon";
    let app = Ending::get().app();
    for (span, expected) in [
        ("14d", vec![]),
        ("21d", vec![server]),
        ("31d", vec![server, chain]),
        ("745h", vec![server, chain]),
        ("6w", vec![server, chain, root]),
    ] {
        assert_eq!(
            ending(&app, &["--expires-within", span]),
            expected,
            "{span}"
        );
    }
    assert_eq!(
        ending(&app, &[]),
        Vec::<String>::new(),
        "the default is two weeks"
    );
    app.run(&["diagnose", "--expires-within", "30"])
        .exits_with(2);
}

#[test]
fn client_certificates_and_revocation_lists_have_an_end_too() {
    let world = Ending::get();
    let client = world.root.issue(&Leaf::client("app").ends_in(5));
    let app = with_client(world.app(), &client);
    assert_eq!(ending(&app, &[]), ["tls.client_cert.expires_soon"]);
    let lists =
        [&world.root, &world.intermediate].map(|authority| authority.revocation_list_for(&[], 9));
    let app = world.app();
    let path = app.write("lists.pem", lists.concat());
    let app = app.env("PGSSLCRL", path);
    assert_eq!(ending(&app, &[]), ["tls.crl.expires_soon"]);
    assert_eq!(
        ending(&app, &["--expires-within", "8d"]),
        Vec::<String>::new()
    );
}

#[test]
fn of_a_file_of_roots_only_the_one_in_use_counts() {
    let world = Ending::get();
    let both = format!(
        "{}{}",
        Authority::root_for("Old Root", 1).certificate,
        world.root.certificate
    );
    let app = with_root(world.app(), &both);
    assert_eq!(ending(&app, &[]), Vec::<String>::new());
}

#[test]
fn an_expired_certificate_that_nothing_verifies_is_warned_of() {
    let port = World::get()
        .odd(super::world::Odd::Expired)
        .port()
        .to_string();
    expect(&healthy().env("PGPORT", port), "tls.server_cert.expired", 0).unwrap();
}

/// A targets file, and the world in which it stands.
fn with_targets(targets: &[(&str, u16, &str)]) -> Schemastamp {
    let app = Schemastamp::new();
    let mut text = String::new();
    for (name, port, more) in targets {
        writeln!(
            text,
            "[[target]]\nname = '{name}'\nhost = 'localhost'\nport = {port}\nuser = 'app'\ndbname = 'open'\n\
             sslmode = 'require'\n{more}"
        )
        .unwrap();
    }
    let path = app.write("targets.toml", text);
    mode(&path, 0o600);
    app
}

#[test]
fn every_target_is_diagnosed_and_named() {
    let world = World::get();
    let (good, plain) = (world.main().port(), world.plain().port());
    let app = with_targets(&[("eu", good, ""), ("us", plain, ""), ("as", good, "")]);
    let run = ["diagnose", "--targets", "targets.toml"];
    let output = app
        .run(&[&run[..], &["--format", "json"]].concat())
        .exits_with(20);
    let lines = output.json();
    for (target, errors) in [
        ("eu", vec![]),
        ("us", vec!["tls.server_without_tls"]),
        ("as", vec![]),
    ] {
        let of = lines.iter().filter(|line| line["target"] == target);
        assert!(of.clone().any(|line| line["id"] == "programs"), "{output}");
        let found: Vec<&str> = of
            .filter(|line| line["severity"] == "error")
            .filter_map(|line| line["id"].as_str())
            .collect();
        assert_eq!(found, errors, "{target}: {output}");
    }
    let summary = &lines.last().unwrap()["summary"];
    assert_eq!(
        (&summary["targets"], &summary["failed_targets"]),
        (&3.into(), &1.into())
    );
    let output = app.run(&run).exits_with(20);
    assert!(
        output
            .stdout
            .contains("error    us: tls.server_without_tls: "),
        "{output}"
    );
    assert!(
        output.stdout.ends_with("3 targets: 1 with an error\n"),
        "{output}"
    );
    app.run(&[&run[..], &["-h", "localhost"]].concat())
        .exits_with(2);
    let app = with_targets(&[("eu", good, "")]);
    let output = app.run(&run).exits_with(0);
    assert!(output.stdout.contains("eu: all is well ("), "{output}");
}

#[test]
fn targets_are_diagnosed_at_the_same_time() {
    let silent: Vec<Fake> = (0..4).map(|_| Fake::silent()).collect();
    let names = ["a", "b", "c", "d"];
    let targets: Vec<(&str, u16, &str)> = names
        .iter()
        .zip(&silent)
        .map(|(name, fake)| (*name, fake.port, ""))
        .collect();
    let app = with_targets(&targets);
    let start = Instant::now();
    let run = ["diagnose", "--targets", "targets.toml", "--timeout", "2"];
    app.run(&run).exits_with(20);
    assert!(
        start.elapsed() < Duration::from_secs(4),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn a_targets_file_that_cannot_be_read_is_the_cause() {
    let app = with_targets(&[("eu", 1, "sslmod = 'require'")]);
    let output = app.run(&["diagnose", "--targets", "targets.toml", "--format", "json"]);
    assert_eq!(output.code, Some(20), "{output}");
    assert_eq!(output.json()[0]["id"], "config.targets", "{output}");
}

/// Runs the check, and expects the exit code and the beginning of the one line.
#[track_caller]
fn nagios(app: &Schemastamp, arguments: &[&str], code: i32, start: &str) -> String {
    let output = app.run(&[&["diagnose", "--format", "nagios"], arguments].concat());
    assert_eq!(output.code, Some(code), "{output}");
    assert!(output.stdout.starts_with(start), "{output}");
    assert_eq!(output.stdout.matches('\n').count(), 1, "{output}");
    output.stdout
}

#[test]
fn nagios_gets_one_line_and_its_exit_codes() {
    let world = Ending::get();
    let app = world.app();
    let line = nagios(
        &app,
        &[],
        0,
        "SCHEMASTAMP OK - all is well, the first certificate expires in 20 days | time=",
    );
    for part in [
        " server_cert=172",
        "s;1209600:;0:;;",
        " root_cert=345",
        " errors=0;;0;0;",
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
    let soon = "SCHEMASTAMP WARNING - tls.server_cert.expires_soon: the server's certificate expires soon (CN=localhost";
    nagios(&app, &["--expires-within", "21d"], 1, soon);
    let plain = World::get().plain().port().to_string();
    let broken = "SCHEMASTAMP CRITICAL - tls.server_without_tls: ";
    nagios(&healthy().env("PGPORT", plain), &[], 2, broken);
    let unknown = healthy().env("PGPORT", "many");
    nagios(
        &unknown,
        &[],
        3,
        "SCHEMASTAMP UNKNOWN - config.invalid: PGPORT must be ",
    );
    nagios(
        &app,
        &["--expires-within", "soon"],
        3,
        "SCHEMASTAMP UNKNOWN - wrong usage",
    );
    let no_psql = world.app().env("PATH", "/nonexistent");
    nagios(
        &no_psql,
        &[],
        3,
        "SCHEMASTAMP UNKNOWN - program.psql_missing: ",
    );
    let output = app.run(&["status", "--all", "--format", "nagios"]);
    assert_eq!(output.code, Some(3), "{output}");
}

#[test]
fn nagios_gets_one_line_for_all_targets() {
    let world = World::get();
    let app = with_targets(&[
        ("eu", world.main().port(), ""),
        ("us", world.plain().port(), ""),
    ]);
    let run = ["--targets", "targets.toml"];
    let line = nagios(
        &app,
        &run,
        2,
        "SCHEMASTAMP CRITICAL - us: tls.server_without_tls: ",
    );
    assert!(line.contains(" 'eu server_cert'="), "{line}");
}
