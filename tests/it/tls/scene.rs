use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use regex::Regex;
use serde_json::Value;

use super::world::World;
use crate::support::{Client, Identity, Leaf, Schemastamp, ServerUser};

/// A way in which a connection fails, or only seems to.
pub(super) struct Scene {
    pub(super) name: &'static str,
    /// The finding that the report has to have: the only error, or a warning when the exit code is 0. Empty: none at all.
    pub(super) finding: &'static str,
    pub(super) exit: i32,
    /// Sets the scene: `app` connects over TCP to `open` on the main server.
    pub(super) stage: fn(Schemastamp) -> Schemastamp,
    /// Does what the report says.
    pub(super) cure: fn(Schemastamp) -> Schemastamp,
    pub(super) stray: Stray,
}

/// What a stray `~/.postgresql` changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stray {
    /// Nothing: the same root cause.
    Harmless,
    /// The default root certificate is meant to be used, and is another authority's.
    Becomes(&'static str),
    /// The scene says itself what the home is like.
    Own,
}

/// A scene that fails with exit code 20.
pub(super) const fn fails(
    name: &'static str,
    finding: &'static str,
    stage: fn(Schemastamp) -> Schemastamp,
    cure: fn(Schemastamp) -> Schemastamp,
) -> Scene {
    Scene {
        name,
        finding,
        exit: 20,
        stage,
        cure,
        stray: Stray::Harmless,
    }
}

/// A scene that works, and is warned of.
pub(super) const fn warns(
    name: &'static str,
    finding: &'static str,
    stage: fn(Schemastamp) -> Schemastamp,
    cure: fn(Schemastamp) -> Schemastamp,
) -> Scene {
    Scene {
        name,
        finding,
        exit: 0,
        stage,
        cure,
        stray: Stray::Harmless,
    }
}

/// A scene that only looks like trouble.
pub(super) const fn works(name: &'static str, stage: fn(Schemastamp) -> Schemastamp) -> Scene {
    Scene {
        name,
        finding: "",
        exit: 0,
        stage,
        cure: |app| app,
        stray: Stray::Harmless,
    }
}

impl Scene {
    pub(super) const fn stray(mut self, stray: Stray) -> Self {
        self.stray = stray;
        self
    }
}

/// The world of a scene before anything goes wrong.
pub(super) fn healthy() -> Schemastamp {
    let port = World::get().main().port().to_string();
    Schemastamp::new()
        .env("PGHOST", "localhost")
        .env("PGPORT", port)
        .env("PGUSER", "app")
        .env("PGDATABASE", "open")
        .env("PGSSLMODE", "require")
}

/// Runs scenes; panics with all that went wrong.
pub(super) fn run(scenes: &[Scene]) {
    let mut failures = String::new();
    for scene in scenes {
        let variants: &[bool] = if scene.stray == Stray::Own {
            &[false]
        } else {
            &[false, true]
        };
        for with_stray in variants {
            if let Err(failure) = play(scene, *with_stray, &Client::installed()) {
                writeln!(
                    failures,
                    "--- {} (stray home: {with_stray})\n{failure}",
                    scene.name
                )
                .unwrap();
            }
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

/// Runs a scene with a client, and again with the cure; `Err` is what went wrong.
pub(super) fn play(scene: &Scene, with_stray: bool, client: &Client) -> Result<(), String> {
    let mut app = healthy().client(client);
    if with_stray {
        litter(&app);
    }
    app = (scene.stage)(app);
    let (finding, exit) = match scene.stray {
        Stray::Becomes(finding) if with_stray => (finding, 20),
        _ => (scene.finding, scene.exit),
    };
    let report = expect(&app, finding, exit)?;
    if !with_stray && exit == 20 {
        command_agrees(&app, finding)?;
    }
    if finding.is_empty() {
        return Ok(());
    }
    if exit == 20 && !with_stray {
        app = paste(app, &report)?;
    }
    app = (scene.cure)(app);
    let report = diagnose(&app);
    let warned = report.ids("warning").contains(&finding.to_owned());
    if report.of("error").is_empty() && report.code == Some(0) && !warned {
        return Ok(());
    }
    Err(format!("the cure does not help:\n{}", report.text))
}

/// Does what the cure says as it is printed, as far as it can be pasted into a shell, and expects that the finding is gone.
fn paste(app: Schemastamp, report: &Report) -> Result<Schemastamp, String> {
    let error = report.of("error");
    let (id, fix) = (&error[0]["id"], error[0]["fix"].as_str().unwrap());
    // Another way than the first may be named behind it.
    let first = fix.split(", or ").next().unwrap_or(fix);
    let assignment =
        Regex::new(r"\bset ((?:PG|SCHEMASTAMP_|SSL_CERT_)[A-Z_]*)=('[^']*'|[^\s,;)]+)").unwrap();
    let removal = Regex::new(r"\bunset ((?:PG|SCHEMASTAMP_|OPENSSL_|SSL_CERT_)[A-Z_]*)").unwrap();
    let command = Regex::new(r"^(chmod 0?600|openssl rehash) '([^']+)'").unwrap();
    let conversion =
        Regex::new(r"^(.+ > '([^']+)'\)?), and name '([^']+)' in (PG[A-Z]+)$").unwrap();
    let mut app = app;
    let mut pasted = false;
    for part in assignment.captures_iter(first) {
        app = app.env(&part[1], part[2].trim_matches('\''));
        pasted = true;
    }
    for part in removal.captures_iter(first) {
        app = app.without(&part[1]);
        pasted = true;
    }
    if let Some(part) = command.captures(first) {
        let mut words = part[1].split(' ').chain([&part[2]]);
        let mut program = Command::new(words.next().unwrap());
        pasted = program
            .args(words)
            .status()
            .is_ok_and(|status| status.success());
    }
    if let Some(part) = conversion.captures(first) {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", &part[1]]).stdin(Stdio::null());
        pasted = shell.status().is_ok_and(|status| status.success());
        if pasted {
            app = app.env(&part[4], &part[3]);
        }
    }
    if !pasted {
        return Ok(app);
    }
    let after = diagnose(&app);
    if after.ids("error").iter().any(|after| *id == *after) {
        return Err(format!(
            "the printed cure does not help: {fix}\n{}",
            after.text
        ));
    }
    Ok(app)
}

/// Expects that a command fails for the reason that `diagnose` names. It may name it less exactly, never another one.
pub(super) fn command_agrees(app: &Schemastamp, finding: &str) -> Result<(), String> {
    let output = app.run(&["status", "--all", "--format", "json"]);
    let said = format!("{}{}", output.stdout, output.stderr);
    let id = output
        .json()
        .iter()
        .find_map(|line| Some(line.get("error")?.get("id")?.as_str()?.to_owned()))
        .unwrap_or_default();
    if is_the_same_cause(&id, finding) {
        return Ok(());
    }
    Err(format!(
        "diagnose names {finding}, the command {id}:\n{said}"
    ))
}

/// Whether a command's finding is the diagnosis, or the sentence of psql that hides it.
fn is_the_same_cause(command: &str, finding: &str) -> bool {
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| finding.starts_with(prefix));
    match command {
        command if command == finding => true,
        // One sentence for every reason not to trust a server.
        "tls.server_cert.unverified" => starts(&["tls.server_cert.", "tls.root_cert.", "tls.crl."]),
        // psql says nothing of a file that is not there.
        "tls.client_cert.required" => starts(&["tls.client_cert.", "tls.client_key."]),
        "tls.client_cert.unknown_ca" | "tls.client_cert.wrong_purpose" => {
            finding == "tls.client_cert.is_ca"
        }
        "tls.client_cert.refused" => starts(&["tls.client_cert."]),
        // prefer says nothing of a handshake that failed; what it says then is about plaintext.
        "tls.server_requires_tls" => starts(&["tls."]),
        // A silent server: psql can only wait.
        "timeout" | "process.timeout" => starts(&["net.", "server.pooler_backend"]),
        "net.timeout" => starts(&["net."]),
        _ => false,
    }
}

/// Expects the finding as the only error, or as a warning.
pub(super) fn expect(app: &Schemastamp, finding: &str, exit: i32) -> Result<Report, String> {
    let report = diagnose(app);
    let errors = report.ids("error");
    let as_expected = match (finding, exit) {
        ("", _) => errors.is_empty(),
        (_, 0) => errors.is_empty() && report.ids("warning").contains(&finding.to_owned()),
        _ => errors == [finding],
    };
    if as_expected && report.code == Some(exit) && app.leftovers().is_empty() {
        return Ok(report);
    }
    Err(format!(
        "expected {finding} with {exit}, got {errors:?} with {:?}:\n{}",
        report.code, report.text
    ))
}

/// A report in JSON, read.
pub(super) struct Report {
    pub(super) code: Option<i32>,
    pub(super) lines: Vec<Value>,
    pub(super) text: String,
}

impl Report {
    pub(super) fn of(&self, severity: &str) -> Vec<&Value> {
        self.lines
            .iter()
            .filter(|line| line["severity"] == severity)
            .collect()
    }

    pub(super) fn ids(&self, severity: &str) -> Vec<String> {
        self.of(severity)
            .iter()
            .map(|line| line["id"].as_str().unwrap().to_owned())
            .collect()
    }
}

/// Runs `diagnose`, and holds every report to what is true of all of them.
pub(super) fn diagnose(app: &Schemastamp) -> Report {
    let output = app.run(&["diagnose", "--format", "json"]);
    let text = format!("{}{}", output.stdout, output.stderr);
    assert!(!text.contains("hunter2"), "a secret is shown:\n{text}");
    assert!(
        !output.stdout.contains("\\u001b"),
        "a control character got through:\n{text}"
    );
    // What is refused would fail in psql as well, and what psql gets through does not fail by itself.
    assert!(
        !text.contains("psql would get in"),
        "psql does not agree:\n{text}"
    );
    let lines = output.json();
    let summary = lines
        .last()
        .and_then(|line| line.get("summary"))
        .unwrap_or_else(|| panic!("no summary:\n{text}"));
    let errors = lines
        .iter()
        .filter(|line| line["severity"] == "error")
        .count();
    assert!(errors <= 1, "a cause is reported once:\n{text}");
    assert_eq!(summary["errors"], errors, "{text}");
    for line in lines
        .iter()
        .filter(|line| matches!(line["severity"].as_str(), Some("error" | "warning")))
    {
        assert!(
            !line["why"].as_str().unwrap().is_empty() && !line["fix"].as_str().unwrap().is_empty(),
            "{line}"
        );
    }
    Report {
        code: output.code,
        lines,
        text,
    }
}

/// A home in which somebody left a root certificate, and a client certificate with an open key, of another authority.
fn litter(app: &Schemastamp) {
    let other = &World::get().other_ca;
    let client = other.issue(&Leaf::client("stray"));
    app.write("home/.postgresql/root.crt", &other.certificate);
    app.write("home/.postgresql/postgresql.crt", &client.certificate);
    let key = app.write("home/.postgresql/postgresql.key", &client.key);
    mode(&key, 0o644);
}

pub(super) fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// Runs as somebody who is not root, to whom permissions mean something.
pub(super) fn as_nobody(app: Schemastamp) -> Schemastamp {
    match ServerUser::named("nobody").filter(|_| rustix::process::geteuid().is_root()) {
        Some(nobody) => app.run_as(&nobody),
        None => app,
    }
}

/// Names a client certificate and its key.
pub(super) fn with_client(app: Schemastamp, identity: &Identity) -> Schemastamp {
    let cert = app.write("client.crt", &identity.certificate);
    let key = app.write("client.key", &identity.key);
    mode(&key, 0o600);
    app.env("PGSSLCERT", cert).env("PGSSLKEY", key)
}

/// Names no client certificate.
pub(super) fn without_client(app: Schemastamp) -> Schemastamp {
    app.without("PGSSLCERT").without("PGSSLKEY")
}

/// A good certificate of the role.
pub(super) fn with_good_client(app: Schemastamp) -> Schemastamp {
    let identity = World::get().ca.issue(&Leaf::client("app"));
    with_client(app, &identity)
}

/// Names a root certificate file.
pub(super) fn with_root(app: Schemastamp, certificate: &str) -> Schemastamp {
    let path = app.write("root.crt", certificate);
    app.env("PGSSLROOTCERT", path)
}

/// Names the root certificate of the servers.
pub(super) fn with_good_root(app: Schemastamp) -> Schemastamp {
    with_root(app, &World::get().ca.certificate)
}
