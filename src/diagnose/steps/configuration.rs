//! The configuration with its origins, what the parent's environment would have done, and the files.

use serde_json::{Map, Value};

use crate::config::{ConfigWarning, Connection, Environment};
use crate::diagnose::finding::{Finding, Severity};
use crate::diagnose::{Context, Prepared};
use crate::text;
use crate::tls::{
    Feature, FileKind, Obstacle, Problem, Roots, Used, default_path, moment, observe,
};

/// Every value with its origin, and what works and is probably not meant.
pub(in crate::diagnose) fn values(connection: &Connection, libpq_major: u32) -> Vec<Finding> {
    let place = |keyword: &str| {
        connection.get(keyword).map(|setting| {
            format!(
                "{keyword} {} ({})",
                text::safe(&setting.value),
                setting.origin
            )
        })
    };
    let what: Vec<String> = ["host", "hostaddr", "port", "user", "dbname", "sslmode"]
        .into_iter()
        .filter_map(place)
        .collect();
    let mut ok = Finding::ok("configuration", what.join(", "));
    for line in connection.describe() {
        let value = serde_json::json!({
            "value": text::bounded(line.value, 1000), "origin": line.origin.to_string(),
        });
        ok = ok.with(line.keyword, value);
    }
    let mut findings = vec![ok];
    for warning in connection.warnings() {
        let why = match warning {
            ConfigWarning::PasswordFile { .. } => "no password is read from it",
            _ => "it works, and probably not as it is meant",
        };
        findings.push(
            Finding::new(
                "config.not_as_meant",
                Severity::Warning,
                text::bounded(&warning.to_string(), 500),
            )
            .because(why)
            .cure("correct the setting where it stands"),
        );
    }
    for (keyword, setting) in connection.unknown_to(libpq_major) {
        // `sslcertmode=disable` and `allow` need no libpq that knows them.
        if matches!(
            Feature::from_keyword(keyword.name),
            Some(Feature::SslCertMode)
        ) {
            continue;
        }
        let what = format!(
            "{}={} is not known to libpq {libpq_major}",
            keyword.name,
            text::safe(&setting.value)
        );
        let finding = Finding::from_catalogue("program.libpq_too_old", &Context::default())
            .at(Severity::Warning);
        findings.push(
            Finding { what, ..finding }
                .with("since", keyword.since)
                .with("origin", setting.origin.to_string()),
        );
    }
    findings
}

/// Variables and files that would have steered a psql started by hand.
pub(in crate::diagnose) fn parent(
    connection: &Connection,
    environment: &Environment,
    libpq_major: u32,
) -> Finding {
    // A foreign HOME does nothing by itself; the files in it do, and they are looked at.
    let variables = connection
        .interfering()
        .iter()
        .filter(|interference| interference.variable != "HOME");
    let mut effects: Vec<String> = variables.map(ToString::to_string).collect();
    effects.extend(files_at_home(connection, environment, libpq_major));
    let Some(first) = effects.first() else {
        return Finding::ok("environment", "nothing in it would have steered psql");
    };
    let what = match effects.len() {
        1 => text::bounded(first, 500),
        count => format!("{count} things in the environment would have steered psql"),
    };
    let effects: Vec<Value> = effects
        .iter()
        .map(|effect| text::bounded(effect, 500).into())
        .collect();
    let finding = Finding::from_catalogue("environment.interference", &Context::default())
        .at(Severity::Warning);
    Finding { what, ..finding }.with("effects", effects)
}

fn files_at_home(
    connection: &Connection,
    environment: &Environment,
    libpq_major: u32,
) -> Vec<String> {
    let Some(home) = environment.home(libpq_major) else {
        return Vec::new();
    };
    let named = |kind: FileKind| connection.get(kind.keyword()).is_some();
    let mut effects = Vec::new();
    for kind in [FileKind::RootCert, FileKind::ClientCert] {
        let path = default_path(&home, kind);
        let observed = observe(&path);
        let shown = text::safe(&path.to_string_lossy());
        let effect = match (kind, &observed.stat) {
            _ if named(kind) => continue,
            (_, Err(Obstacle::Missing)) | (FileKind::RootCert, Err(_)) => continue,
            (FileKind::RootCert, Ok(_)) => "would make psql verify the server against it, in every mode, and prefer fall back to plaintext when that fails".to_owned(),
            (_, Ok(_)) => "would be shown to every server that asks for a client certificate".to_owned(),
            (_, Err(obstacle)) => format!("would make every TLS connection fail: {obstacle}"),
        };
        effects.push(format!("'{shown}' {effect}; it is not used"));
    }
    effects
}

/// The files that libpq gets, and the resulting protection.
pub(in crate::diagnose) fn files(prepared: &Prepared, connection: &Connection) -> Vec<Finding> {
    let files = &prepared.files;
    let origin = |kind: FileKind| {
        connection
            .get(kind.keyword())
            .map(|setting| setting.origin.to_string())
    };
    let with_origin = |problem: &Problem| match origin(problem.kind) {
        Some(origin) => Finding::from(problem).with("origin", origin),
        None => Finding::from(problem),
    };
    let mut findings: Vec<Finding> = files.all_problems().map(with_origin).collect();
    let mut parts = Vec::new();
    let mut ok = Finding::ok("files", "");
    if let Some(used) = files.roots.file() {
        let how = match &files.roots {
            Roots::System(_) => "the system's authorities in",
            _ if used.by_default => "the default root certificate",
            _ => "root certificate",
        };
        parts.push(format!("{how} '{}'", path_of(used)));
        let certificates = used.judged.content.iter().flatten();
        ok = ok.with("sslrootcert", place(used, origin(FileKind::RootCert)));
        ok = ok.with("authorities", certificates.clone().count());
        // A bundle of the system has hundreds.
        if certificates.clone().count() <= 10 {
            ok = ok.with("roots", certificates.map(describe).collect::<Vec<Value>>());
        }
    }
    if let Some(used) = &files.client_cert {
        let leaf = used.judged.content.as_ref().and_then(|chain| chain.first());
        if let Some(leaf) = leaf {
            parts.push(format!(
                "client certificate {} in '{}'",
                leaf.subject,
                path_of(used)
            ));
            ok = ok.with("client_certificate", describe(leaf));
        }
        ok = ok.with("sslcert", place(used, origin(FileKind::ClientCert)));
    } else {
        parts.push("no client certificate".to_owned());
    }
    if let Some(used) = &files.client_key {
        ok = ok.with("sslkey", place(used, origin(FileKind::ClientKey)));
    }
    if let Some(used) = &files.crl {
        ok = ok.with("sslcrl", place(used, origin(FileKind::Crl)));
    }
    if prepared.socket {
        parts = vec!["none: libpq opens no file for a Unix socket".to_owned()];
    }
    ok.what = parts.join(", ");
    let broken = findings
        .iter()
        .any(|finding| finding.severity == Severity::Error);
    if !broken {
        findings.insert(0, ok);
    }
    findings
}

/// Returns the evidence about a certificate.
pub(in crate::diagnose) fn describe(certificate: &crate::tls::Certificate) -> Value {
    let mut fields = Map::new();
    for (name, value) in [
        ("subject", Value::from(certificate.subject.clone())),
        ("issuer", Value::from(certificate.issuer.clone())),
        (
            "names",
            Value::from(certificate.names().into_iter().take(20).collect::<Vec<_>>()),
        ),
        ("from", Value::from(moment(certificate.validity.not_before))),
        ("until", Value::from(moment(certificate.validity.not_after))),
        ("key", Value::from(certificate.key.clone())),
    ] {
        fields.insert(name.to_owned(), value);
    }
    Value::Object(fields)
}

/// Path, origin, mode and owner.
fn place<C>(used: &Used<C>, origin: Option<String>) -> Value {
    let mut fields = Map::new();
    fields.insert("path".to_owned(), path_of(used).into());
    fields.insert("origin".to_owned(), origin.into());
    if let Ok(stat) = &used.observed.stat {
        fields.insert("mode".to_owned(), format!("{:04o}", stat.mode).into());
        fields.insert("owner".to_owned(), stat.owner.into());
    }
    Value::Object(fields)
}

fn path_of<C>(used: &Used<C>) -> String {
    text::safe(&used.observed.path.to_string_lossy())
}
