//! The findings on the answers of a server: to the request for TLS, in the handshake, and to the beginning of a login.

use std::net::{IpAddr, SocketAddr};

use serde_json::Value;

use super::chain::distrust_finding;
use crate::diagnose::finding::{Finding, Severity, Speaker};
use crate::diagnose::probe::{Broken, ServerProbe, StartupReply, TlsAnswer, TlsObstacle};
use crate::diagnose::steps::configuration::describe;
use crate::diagnose::{Context, Prepared};
use crate::text;
use crate::tls::{SslMode, Verdict};

/// Returns the finding on the answer to the request for TLS.
pub(super) fn answer_finding(
    answer: &TlsAnswer,
    obstacle: Option<TlsObstacle>,
    mode: SslMode,
    context: &Context,
) -> Finding {
    // Without TLS everything is well where plaintext is what is asked for.
    let no_tls = if mode >= SslMode::Require {
        Severity::Error
    } else {
        Severity::Warning
    };
    let finding = |id: &str| Finding::from_catalogue(id, context).said_by(Speaker::Schemastamp);
    match answer {
        TlsAnswer::Willing => Finding::ok("ssl_request", "the server is willing to use TLS"),
        TlsAnswer::Unwilling if mode == SslMode::Disable => {
            Finding::ok("ssl_request", "the server has no TLS")
        }
        TlsAnswer::Unwilling => finding("tls.server_without_tls").at(no_tls),
        TlsAnswer::Error(message) => {
            // A server that is full or starting says so even here; psql will hear it too.
            let known = crate::diagnose::explain(message.as_bytes(), context);
            known
                .into_iter()
                .next()
                .unwrap_or_else(|| finding("net.not_postgresql"))
        }
        TlsAnswer::Closed | TlsAnswer::Rubbish(_) if obstacle == Some(TlsObstacle::DirectOnly) => {
            finding("tls.direct_required").at(no_tls)
        }
        TlsAnswer::Rubbish(bytes) => finding("net.not_postgresql").with("answer", bytes.clone()),
        TlsAnswer::Closed => finding("net.closed").with("when", "after the request for TLS"),
        TlsAnswer::Silent => finding("net.silent").with("when", "after the request for TLS"),
    }
}

/// Returns the finding on a handshake that did not succeed.
pub(super) fn broken_finding(
    broken: &Broken,
    probe: &ServerProbe,
    prepared: &Prepared,
    context: &Context,
) -> Finding {
    let asked = probe.seen.client_cert_asked.is_some();
    let severity = if prepared.mode >= SslMode::Prefer {
        Severity::Error
    } else {
        Severity::Warning
    };
    let finding = |id: &str| {
        Finding::from_catalogue(id, context)
            .said_by(Speaker::Schemastamp)
            .at(severity)
    };
    let finding = match broken {
        Broken::Version => finding("tls.protocol_version"),
        // Under TLS 1.2 this is how a server says that it wants a certificate.
        Broken::Alert(alert) if asked => {
            if prepared.files.sends_client_cert() {
                return Finding::ok(
                    "tls",
                    "the server insists on a client certificate, and psql will show one",
                );
            }
            return finding("tls.client_cert.required").with("alert", alert.clone());
        }
        Broken::Alert(alert) => {
            let id = match alert.as_str() {
                "NoApplicationProtocol" => "tls.alpn",
                "HandshakeFailure" | "InsufficientSecurity" => "tls.no_shared_cipher",
                "UnrecognizedName" | "UnrecognisedName" => "login.not_routed",
                _ => "tls.handshake",
            };
            finding(id).with("alert", alert.clone())
        }
        Broken::Closed | Broken::Rubbish(_) if prepared.direct => finding("tls.direct_refused"),
        Broken::Closed => finding("net.closed").with("when", "in the middle of the handshake"),
        Broken::Silent => finding("net.silent").with("when", "in the middle of the handshake"),
        Broken::Rubbish(words) => finding("net.not_postgresql").with("answer", words.clone()),
        // A limit of rustls says nothing about OpenSSL.
        Broken::Limits(words) => {
            return Finding::skipped("tls", format!("it cannot be checked here: {words}"));
        }
    };
    let range = prepared.range;
    finding.with(
        "versions",
        format!(
            "{} to {}",
            range.min.keyword(),
            range.max.map_or("the highest", |max| max.keyword())
        ),
    )
}

/// Returns the findings on a handshake that succeeded: what it has shown, or why libpq would refuse it.
pub(super) fn handshake_findings(
    probe: &ServerProbe,
    prepared: &Prepared,
    (host, address): (&str, SocketAddr),
    context: &Context,
) -> Vec<Finding> {
    let seen = &probe.seen;
    let protection = prepared.terms().protection();
    let cipher = seen.cipher.clone().unwrap_or_default();
    let version = seen.version.unwrap_or("TLS");
    let leaf = seen.chain.first();
    let subject = leaf.map_or("an unreadable certificate", |leaf| leaf.subject.as_str());
    let until = leaf.map_or_else(String::new, |leaf| {
        format!(", until {}", crate::tls::moment(leaf.validity.not_after))
    });
    let asks = match &seen.client_cert_asked {
        None => "asks for no client certificate".to_owned(),
        Some(names) if names.is_empty() => "asks for a client certificate".to_owned(),
        Some(names) => format!("asks for a client certificate of {}", names.join(" or ")),
    };
    let chain: Vec<Value> = seen.chain.iter().map(describe).collect();
    let evidence = |finding: Finding| {
        let asked = seen
            .client_cert_asked
            .clone()
            .map_or(Value::Null, Value::from);
        finding
            .with("version", version)
            .with("cipher", cipher.clone())
            .with("chain", chain.clone())
            .with("client_certificate_authorities", asked)
    };
    let mut suspicions = Vec::new();
    // Only what the configuration lets libpq verify can be a cause.
    if protection.chain
        && let Some(Verdict::Rejected(distrust)) = &probe.verdict
    {
        suspicions.push(distrust_finding(distrust, leaf, prepared, context));
    }
    if protection.host_name
        && probe.name_fits == Some(false)
        && let Some(leaf) = leaf
    {
        let mut finding =
            Finding::from_catalogue("tls.server_cert.name", context).said_by(Speaker::Schemastamp);
        let names = leaf.names();
        finding.what = format!("the server's certificate is not for '{}'", text::safe(host));
        let for_names = if names.is_empty() {
            leaf.common_name.clone().into_iter().collect()
        } else {
            names
        };
        finding.fix = format!(
            "{}, or have the certificate issued for '{}'",
            connect_as(&for_names, address.ip()),
            text::safe(host)
        );
        suspicions.push(finding.with("names", for_names));
    }
    if suspicions.is_empty() {
        return vec![evidence(Finding::ok(
            "tls",
            format!("{version}, {cipher}, {subject}{until}; the server {asks}"),
        ))];
    }
    suspicions.into_iter().map(evidence).collect()
}

/// Advises to connect under a name of the server's certificate: the first that is one host's.
fn connect_as(names: &[String], address: IpAddr) -> String {
    let is_host = |name: &&String| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._:".contains(c);
        !name.is_empty() && name.chars().all(plain)
    };
    match names.iter().find(is_host) {
        Some(name) if name.parse::<IpAddr>().is_ok() => format!("[set host={name}]"),
        Some(name) => {
            format!("[set host={name}], and [set hostaddr={address}] unless that name leads to it")
        }
        None if names.is_empty() => "name a host of the certificate in [host]".to_owned(),
        None => format!("name a host that fits '{}' in [host]", names.join("' or '")),
    }
}

/// The facts of a connection of which it is certain that TLS carries it.
fn encrypted(context: &Context) -> Context {
    Context {
        sslmode: context.sslmode.map(|mode| mode.max(SslMode::Require)),
        ..context.clone()
    }
}

/// Interprets the server's answers to the beginnings of a login. Only an answer that no password
/// could change is a suspicion.
pub(super) fn reply_findings(
    probe: &ServerProbe,
    prepared: &Prepared,
    context: &Context,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let asked = probe.seen.client_cert_asked.is_some();
    match &probe.over_tls {
        Some(StartupReply::Alert(alert)) if asked && !prepared.files.sends_client_cert() => {
            let finding = Finding::from_catalogue("tls.client_cert.required", context)
                .said_by(Speaker::TlsAlert);
            let severity = if prepared.mode >= SslMode::Prefer {
                Severity::Error
            } else {
                Severity::Warning
            };
            findings.push(finding.at(severity).with("alert", alert.clone()));
        }
        // Without a rule for TLS, "no entry" in plaintext is not about TLS. It does not matter if
        // plaintext is requested and accepted.
        Some(StartupReply::Refused(refusal))
            if prepared.mode >= SslMode::Prefer
                || matches!(probe.in_plaintext, Some(StartupReply::Refused(_))) =>
        {
            let told = crate::diagnose::explain(refusal.message.as_bytes(), &encrypted(context));
            findings.extend(told.into_iter().take(1).filter(|finding| {
                matches!(
                    finding.id.as_str(),
                    "login.no_hba_entry" | "login.hba_reject" | "server.pooler_backend"
                )
            }));
        }
        _ => {}
    }
    findings
}
