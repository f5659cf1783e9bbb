//! The request for TLS, the handshake, and what the server's certificate is worth.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde_json::Value;

use super::configuration::describe;
use super::network::Way;
use crate::config::Host;
use crate::diagnose::finding::{Finding, Severity, Speaker};
use crate::diagnose::probe::{
    Answer, Broken, Deadline, Offer, ServerProbe, StartupReply, TlsObstacle, begin_login, connect,
    request_tls, shake_hands,
};
use crate::diagnose::{Context, Prepared};
use crate::text;
use crate::tls::{Certificate, ChainFault, SslMode, TlsRange, Trust, Verdict, name, verify};

/// Time limit of the probe with direct TLS.
const AT_ONCE: Duration = Duration::from_secs(1);

/// Asks for TLS, makes the handshake, judges the chain, and hears the first words over TLS and in plaintext.
pub(in crate::diagnose) async fn look(
    way: Way,
    prepared: &Prepared,
    libpq_major: u32,
    context: &Context,
    deadline: Deadline,
) -> (ServerProbe, Vec<Finding>) {
    let Way {
        host,
        address,
        has_ipv4,
        stream,
    } = way;
    let mut probe = ServerProbe {
        has_ipv4,
        ..ServerProbe::default()
    };
    let mut findings = Vec::new();
    let mut stream = match stream {
        Some(stream) => stream,
        None => match connect(address, deadline.share(1, 2)).await {
            Ok((stream, _)) => stream,
            Err(why) => {
                let finding = Finding::from_catalogue(why.id(), context);
                findings.push(finding.said_by(Speaker::Network));
                return (probe, findings);
            }
        },
    };
    let user = context.user.clone().unwrap_or_default();
    let database = context.database.clone().unwrap_or_default();
    if prepared.direct {
        findings.push(Finding::skipped(
            "ssl_request",
            "sslnegotiation=direct begins with the handshake",
        ));
    } else {
        let answer = request_tls(&mut stream, deadline.share(1, 2)).await;
        if may_be_tls_at_once(&answer) {
            let limit = deadline.share(1, 2).at_most(AT_ONCE);
            if speaks_tls_at_once(address, &host, prepared.range, limit).await {
                probe.obstacle = Some(TlsObstacle::DirectOnly);
            }
        }
        findings.push(answer_finding(
            &answer,
            probe.obstacle,
            prepared.mode,
            context,
        ));
        probe.answer = Some(answer);
    }
    // A server that says nothing to the first question would be asked in vain again.
    let speaks = matches!(
        probe.answer,
        None | Some(Answer::Willing | Answer::Unwilling)
    );
    let plaintext = async {
        let stream = connect(address, deadline.share(1, 2)).await.ok();
        match stream {
            Some((mut stream, _)) if speaks && !prepared.direct => {
                Some(begin_login(&mut stream, &user, &database, deadline.share(1, 2)).await)
            }
            _ => None,
        }
    };
    let offer = Offer {
        host: host.name.clone().unwrap_or_default(),
        range: prepared.range,
        // libpq names the protocol in every handshake from 17 on.
        alpn: prepared.direct || libpq_major >= 17,
        large: false,
    };
    let tls = async {
        if !prepared.direct && probe.answer != Some(Answer::Willing) {
            return None;
        }
        let (seen, result) = shake_hands(stream, &offer, deadline.share(1, 2)).await;
        Some(match result {
            Ok(mut stream) => {
                let word = begin_login(&mut stream, &user, &database, deadline.share(1, 2)).await;
                (seen, Ok(word))
            }
            Err(broken) => (seen, Err(broken)),
        })
    };
    let (in_plaintext, handshake) = tokio::join!(plaintext, tls);
    probe.in_plaintext = in_plaintext;
    match handshake {
        None => findings.push(Finding::skipped("tls", "the server was not willing")),
        Some((seen, outcome)) => {
            probe.seen = seen;
            judge_chain(&mut probe, prepared, host.name.as_deref(), libpq_major);
            match outcome {
                Ok(word) => {
                    probe.tls = true;
                    probe.over_tls = Some(word);
                    let place = (offer.host.as_str(), address);
                    findings.extend(handshake_findings(&probe, prepared, place, context));
                }
                Err(broken) => {
                    findings.push(broken_finding(&broken, &probe, prepared, context));
                    probe.broken = Some(broken);
                }
            }
        }
    }
    probe.pooler = [&probe.over_tls, &probe.in_plaintext]
        .into_iter()
        .any(|word| *word == Some(StartupReply::Pooler));
    findings.extend(reply_findings(&probe, prepared, context));
    (probe, findings)
}

/// A TLS server takes the request for a broken record: it closes, or sends an alert.
fn may_be_tls_at_once(answer: &Answer) -> bool {
    match answer {
        Answer::Closed => true,
        Answer::Rubbish(bytes) => bytes.starts_with("\\x15"),
        _ => false,
    }
}

/// Returns `true` if a server answers a handshake at once, and then speaks only `PostgreSQL`'s
/// protocol.
async fn speaks_tls_at_once(
    address: SocketAddr,
    host: &Host,
    range: TlsRange,
    deadline: Deadline,
) -> bool {
    // A proxy may insist on a protocol of its own.
    for alpn in [true, false] {
        let Ok((stream, _)) = connect(address, deadline).await else {
            return false;
        };
        let offer = Offer {
            host: host.name.clone().unwrap_or_default(),
            range,
            alpn,
            large: false,
        };
        match shake_hands(stream, &offer, deadline).await.1 {
            Ok(mut stream) => {
                let limit = deadline.at_most(AT_ONCE / 2);
                let reply = begin_login(&mut stream, "", "", limit).await;
                return reply != StartupReply::Rubbish;
            }
            Err(Broken::Alert(_)) => {}
            Err(_) => return false,
        }
    }
    false
}

/// Returns `true` if a first message larger than a packet is lost although a small one arrives.
pub(in crate::diagnose) async fn loses_large_messages(
    address: SocketAddr,
    host: &Host,
    range: TlsRange,
    deadline: Deadline,
) -> bool {
    let Ok((mut stream, _)) = connect(address, deadline).await else {
        return false;
    };
    if request_tls(&mut stream, deadline).await != Answer::Willing {
        return false;
    }
    let offer = Offer {
        host: host.name.clone().unwrap_or_default(),
        range,
        alpn: true,
        large: true,
    };
    let (_, result) = shake_hands(stream, &offer, deadline).await;
    matches!(result, Err(Broken::Closed | Broken::Silent))
}

fn judge_chain(probe: &mut ServerProbe, prepared: &Prepared, host: Option<&str>, libpq_major: u32) {
    let Some(leaf) = probe.seen.chain.first() else {
        return;
    };
    probe.name_fits = host.map(|host| name::matches(leaf, host, libpq_major));
    let files = &prepared.files;
    let Some(roots) = files
        .roots
        .file()
        .and_then(|used| used.judged.content.as_deref())
    else {
        return;
    };
    let crl = files
        .crl
        .as_ref()
        .and_then(|used| used.judged.content.as_deref());
    let trust = Trust {
        roots,
        crl,
        now: crate::diagnose::prepare::now(),
    };
    probe.verdict = Some(verify(&probe.seen.chain, &trust));
}

fn answer_finding(
    answer: &Answer,
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
        Answer::Willing => Finding::ok("ssl_request", "the server is willing to use TLS"),
        Answer::Unwilling if mode == SslMode::Disable => {
            Finding::ok("ssl_request", "the server has no TLS")
        }
        Answer::Unwilling => finding("tls.server_without_tls").at(no_tls),
        Answer::Error(message) => {
            // A server that is full or starting says so even here; psql will hear it too.
            let known = crate::diagnose::explain(message.as_bytes(), context);
            known
                .into_iter()
                .next()
                .unwrap_or_else(|| finding("net.not_postgresql"))
        }
        Answer::Closed | Answer::Rubbish(_) if obstacle == Some(TlsObstacle::DirectOnly) => {
            finding("tls.direct_required").at(no_tls)
        }
        Answer::Rubbish(bytes) => finding("net.not_postgresql").with("answer", bytes.clone()),
        Answer::Closed => finding("net.closed").with("when", "after the request for TLS"),
        Answer::Silent => finding("net.silent").with("when", "after the request for TLS"),
    }
}

fn broken_finding(
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
            return Finding::skipped("tls", format!("it cannot be looked at here: {words}"));
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

fn handshake_findings(
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

/// The certificate that is not valid today: the server's own, one that it sends along, or a root.
enum Outdated {
    Leaf,
    Intermediate,
    Root,
}

impl Outdated {
    fn new(certificate: &Certificate, leaf: Option<&Certificate>, prepared: &Prepared) -> Self {
        let roots = prepared.files.roots.file();
        let mut roots = roots
            .iter()
            .flat_map(|used| used.judged.content.iter().flatten());
        if leaf.is_some_and(|leaf| leaf.der == certificate.der) {
            Self::Leaf
        } else if roots.any(|root| root.der == certificate.der) {
            Self::Root
        } else {
            Self::Intermediate
        }
    }
}

/// A certificate of the chain that has expired, or is not yet valid: renewing another one would not help.
fn outdated(
    certificate: &Certificate,
    is_over: bool,
    whose: &Outdated,
    context: &Context,
) -> Finding {
    let id = match (whose, is_over) {
        (Outdated::Root, true) => "tls.root_cert.expired",
        (Outdated::Root, false) => "tls.root_cert.not_yet_valid",
        (_, true) => "tls.server_cert.expired",
        (_, false) => "tls.server_cert.not_yet_valid",
    };
    let mut finding = Finding::from_catalogue(id, context);
    finding.why = format!("{} is valid {}", certificate.subject, certificate.validity);
    let state = if is_over {
        "has expired"
    } else {
        "is not yet valid"
    };
    match (whose, is_over) {
        (Outdated::Leaf, _) => {}
        (Outdated::Root, _) => {
            finding.what = format!("the root certificate at which the server's chain ends {state}");
            if is_over {
                let fix =
                    "get the authority's present certificate, and name its file in [sslrootcert]";
                fix.clone_into(&mut finding.fix);
            }
        }
        (Outdated::Intermediate, _) => {
            finding.what = format!("an intermediate certificate that the server sends {state}");
            if is_over {
                finding.fix = format!(
                    "put the present certificate of {} into the server's certificate file",
                    certificate.subject
                );
            }
        }
    }
    finding
}

fn distrust_finding(
    distrust: &ChainFault,
    leaf: Option<&Certificate>,
    prepared: &Prepared,
    context: &Context,
) -> Finding {
    let file = prepared
        .files
        .roots
        .file()
        .map(|used| text::safe(&used.observed.path.to_string_lossy()))
        .unwrap_or_default();
    let id = match distrust {
        ChainFault::Expired(certificate) | ChainFault::NotYetValid(certificate) => {
            let is_over = matches!(distrust, ChainFault::Expired(_));
            let whose = Outdated::new(certificate, leaf, prepared);
            return outdated(certificate, is_over, &whose, context)
                .said_by(Speaker::Schemastamp)
                .with("root_certificate_file", file);
        }
        ChainFault::SelfSigned => "tls.server_cert.self_signed",
        ChainFault::IntermediateMissing { .. } => "tls.server_cert.incomplete_chain",
        ChainFault::UnknownIssuer { .. } => "tls.server_cert.unknown_issuer",
        ChainFault::IssuerKeyMismatch { .. } => "tls.server_cert.other_key",
        ChainFault::RootMissing { .. } => "tls.root_cert.incomplete",
        ChainFault::Revoked => "tls.server_cert.revoked",
        ChainFault::RevocationUnknown => "tls.crl.incomplete",
        ChainFault::WrongPurpose => "tls.server_cert.wrong_purpose",
        ChainFault::NotAnAuthority { .. } => "tls.root_cert.not_an_authority",
        ChainFault::WeakKey { .. } => "tls.server_cert.weak_key",
        ChainFault::WeakDigest { .. } => "tls.server_cert.weak_digest",
    };
    let mut finding = Finding::from_catalogue(id, context)
        .said_by(Speaker::Schemastamp)
        .with("root_certificate_file", file.clone());
    match distrust {
        ChainFault::UnknownIssuer { issuer } | ChainFault::IssuerKeyMismatch { issuer } => {
            finding.why = format!("the chain ends in {issuer}, which '{file}' does not have");
            finding.fix = format!(
                "get the present certificate of {issuer} and name its file in [sslrootcert]; if it is an intermediate, \
                 the server should send it"
            );
        }
        ChainFault::NotAnAuthority { subject } => {
            finding.why = format!(
                "{subject} in '{file}' may not sign certificates (basicConstraints CA:FALSE)"
            );
        }
        ChainFault::WeakKey { subject, key } => {
            finding.why = format!(
                "the key of {subject} is {key}, and OpenSSL's security level wants RSA of 2048 bits"
            );
        }
        ChainFault::WeakDigest { subject, digest } => {
            finding.why = format!(
                "{subject} is signed with {digest}, which OpenSSL's security level refuses"
            );
        }
        ChainFault::IntermediateMissing { issuer } => {
            finding.why = format!(
                "{issuer} signed the server's certificate, and is neither sent nor in '{file}'"
            );
            finding.fix =
                format!("append the certificate of {issuer} to the server's certificate file");
        }
        ChainFault::RootMissing { issuer } => {
            finding.fix = format!("append the certificate of {issuer} to '{file}'");
        }
        _ => {}
    }
    finding
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
fn reply_findings(probe: &ServerProbe, prepared: &Prepared, context: &Context) -> Vec<Finding> {
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
