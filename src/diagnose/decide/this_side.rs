//! libpq, OpenSSL, a TLS alert or the operating system has spoken.

use super::alert;
use super::decision::DecidedCause;
use super::host::{no_address, unreachable};
use super::login::{lone_key, no_password};
use super::routing::{not_routed, protocol_version};
use super::settings::{binding_without_tls, other_method, other_session, unknown_value};
use crate::diagnose::context::{Context, CrlDirectory, SystemRoots};
use crate::diagnose::finding::Speaker;
use crate::diagnose::message::Message;
use crate::diagnose::probe::{Broken, ServerProbe, TlsObstacle};
use crate::diagnose::words::Endpoint;
use crate::text;
use crate::tls::Verdict;

/// Interprets words of this side.
pub(super) fn on_this_side(message: &Message, context: &Context) -> Option<DecidedCause> {
    if let Some(Endpoint::Socket(path)) = &message.endpoint
        && let Some(decision) = on_a_socket(message, path)
    {
        return Some(decision);
    }
    let id = message.id?;
    let probe = context.probe.get();
    Some(match id {
        "tls.client_cert.required" if message.pattern.contains("handshake failure") => {
            handshake_failure(context, probe)
        }
        id if id.starts_with("tls.client_cert.") && is_about_shown_certificate(message) => {
            alert::decide(id, context, probe)
        }
        "tls.handshake" | "net.closed" | "net.not_postgresql" | "tls.direct_required" => {
            broken_off(id, message, context, probe)
        }
        "tls.server_cert.unverified" => unverified(context, probe),
        "tls.openssl_config" => openssl_config(context),
        "login.no_password" => no_password(context),
        "login.auth_method" => other_method(message),
        "login.channel_binding" if message.pattern.ends_with("SSL not in use") => {
            binding_without_tls(message, context)
        }
        "config.value" => unknown_value(message, context),
        "server.protocol_version" => protocol_version(message, context),
        "tls.client_cert.required" => certificate_missing(message, context),
        "login.not_routed" => not_routed(context),
        "net.unreachable" | "net.timeout" => unreachable(id, message, context),
        "net.dns" => no_address(message, context),
        "login.method_not_supported" => method_not_supported(message),
        "login.requirepeer" => other_peer(message),
        "server.target_session" => other_session(message, context),
        id => DecidedCause::new(id),
    })
}

/// An alert, or libpq 16's word (`sslcertmode=require`) for a certificate that was asked for and not shown.
fn is_about_shown_certificate(message: &Message) -> bool {
    message.pattern.contains("alert ") || message.pattern.starts_with("server accepted connection")
}

/// An error of the operating system on a Unix socket means that nobody answered; words of libpq mean what they say.
fn on_a_socket(message: &Message, path: &str) -> Option<DecidedCause> {
    let of_the_system = match message.id {
        Some(id) => {
            id.starts_with("net.") && message.speaker == Speaker::Network && id != "net.timeout"
        }
        None => true,
    };
    if !of_the_system {
        return None;
    }
    let decision = DecidedCause::new("net.socket_missing").with("socket", text::safe(path));
    Some(match message.words.as_str() {
        "Permission denied" => decision
            .because("this user may not use the socket, or not search its directory")
            .cure("let this user use the socket (unix_socket_permissions, unix_socket_group), or connect by TCP"),
        "Connection refused" if path.starts_with('@') => {
            decision.because("no server listens under that name of the abstract namespace")
        }
        "Connection refused" => {
            decision.because("the socket's file is there, and no server listens behind it")
        }
        _ => decision,
    })
}

/// Alert 40: a server of TLS 1.2 that wants a certificate, or one that finds no cipher in common.
fn handshake_failure(context: &Context, probe: Option<&ServerProbe>) -> DecidedCause {
    let sends = context.configured.client_cert.is_some();
    let wants = probe
        .filter(|probe| probe.handshake_begun())
        .map(ServerProbe::insists_on_client_cert);
    match wants {
        Some(true) if sends => return DecidedCause::new("tls.client_cert.refused"),
        Some(true) => return DecidedCause::new("tls.client_cert.required"),
        // Nothing was seen of the server: PgBouncer with client_tls_sslmode=verify-ca is the usual sender of this
        // alert under TLS 1.2.
        None if !sends => return DecidedCause::new("tls.client_cert.required"),
        Some(false) | None => {}
    }
    let decision = DecidedCause::new("tls.no_shared_cipher");
    match &context.configured.openssl_conf {
        Some(file) if probe.is_some_and(|probe| probe.tls) => decision
            .because(format!(
                "the server has ciphers for other clients; the file '{file}' in OPENSSL_CONF limits this one's"
            ))
            .cure("unset OPENSSL_CONF, or allow a cipher there that fits the kind of the server's key"),
        Some(file) => decision.with("OPENSSL_CONF", file.clone()),
        None => decision,
    }
}

/// The connection ended before a word: what was seen decides why.
fn broken_off(
    id: &'static str,
    message: &Message,
    context: &Context,
    probe: Option<&ServerProbe>,
) -> DecidedCause {
    let configured = &context.configured;
    if configured.direct {
        // libpq's words for a server that does not know direct negotiation are those for any broken connection.
        if !probe.is_some_and(|probe| probe.tls) {
            return DecidedCause::new("tls.direct_refused");
        }
        return DecidedCause::new(if id == "tls.direct_required" {
            "tls.handshake"
        } else {
            id
        });
    }
    let Some(probe) = probe else {
        return DecidedCause::new(id);
    };
    let obstacle = probe.obstacle;
    if obstacle == Some(TlsObstacle::DirectOnly)
        || (id == "tls.direct_required" && probe.answer.is_none())
    {
        return direct_required(context);
    }
    if id == "tls.direct_required" {
        // An alert in place of an answer, and no TLS either.
        return DecidedCause::new("net.not_postgresql");
    }
    if obstacle == Some(TlsObstacle::LosesLargeMessages) && id != "net.not_postgresql" {
        return DecidedCause::new("tls.large_hello");
    }
    match &probe.broken {
        Some(Broken::Alert(alert)) if alert == "NoApplicationProtocol" => {
            DecidedCause::new("tls.alpn")
        }
        _ if id == "tls.handshake" && message.words.contains("no shared") => {
            DecidedCause::new("tls.no_shared_cipher")
        }
        _ => DecidedCause::new(id),
    }
}

fn direct_required(context: &Context) -> DecidedCause {
    let decision = DecidedCause::new("tls.direct_required");
    match context.configured.libpq_major {
        Some(major) if major < 17 => decision.cure(format!(
            "let the proxy pass TCP through to PostgreSQL; or use a psql with libpq 17 or later and set \
             sslnegotiation=direct (this libpq is {major})"
        )),
        _ => decision,
    }
}

/// libpq has one sentence for every reason not to trust a server. Some reasons lie in its configuration.
fn unverified(context: &Context, probe: Option<&ServerProbe>) -> DecidedCause {
    let configured = &context.configured;
    if let Some((directory, state)) = &configured.crl_directory {
        return no_lists(&text::safe(&directory.to_string_lossy()), *state);
    }
    if let Some(roots) = &configured.system_roots {
        let verdict = probe.and_then(|probe| probe.verdict.as_ref());
        let trusted = verdict == Some(&Verdict::Trusted);
        // An authority that this machine does not know would not be found elsewhere either.
        let hopeless = matches!(verdict, Some(Verdict::Rejected(_)));
        if let Some(misled_by) = roots.misled_by.as_ref().filter(|_| !hopeless) {
            return DecidedCause::new("tls.root_cert.no_system_roots")
                .because(format!("{misled_by} leads to no certificate"))
                .cure(with_bundle(roots, "unset it"));
        }
        if trusted {
            return DecidedCause::new("tls.root_cert.no_system_roots")
                .because("the authority is among this machine's, and psql's OpenSSL looks for them elsewhere")
                .cure(with_bundle(roots, "name a file in [sslrootcert]"));
        }
    }
    DecidedCause::new("tls.server_cert.unverified")
}

/// OpenSSL wants a list of every authority as soon as a directory for them is named.
fn no_lists(directory: &str, state: CrlDirectory) -> DecidedCause {
    let decision = DecidedCause::new("tls.crl.incomplete");
    let reason = match state {
        CrlDirectory::Unhashed => {
            return decision
                .because(format!(
                    "OpenSSL finds a list in '{directory}' by its hash only (as 0a1b2c3d.r0), and no file there has such a name"
                ))
                .cure(format!("openssl rehash '{directory}'"));
        }
        CrlDirectory::Missing => "does not exist",
        CrlDirectory::NotADirectory => "is no directory",
        CrlDirectory::Unreadable => "cannot be read by this user",
    };
    decision
        .because(format!(
            "with sslcrldir, OpenSSL wants a list of every authority in the chain, and '{directory}' {reason}"
        ))
        .cure("[leave sslcrldir out], or name a directory with the authorities' lists there")
}

fn with_bundle(roots: &SystemRoots, otherwise: &str) -> String {
    match &roots.bundle {
        Some(bundle) => format!(
            "set SSL_CERT_FILE={}",
            text::safe(&bundle.to_string_lossy())
        ),
        None => otherwise.to_owned(),
    }
}

fn openssl_config(context: &Context) -> DecidedCause {
    let decision = DecidedCause::new("tls.openssl_config");
    match &context.configured.openssl_conf {
        Some(file) => decision
            .because(format!(
                "the file '{file}' in OPENSSL_CONF leaves nothing that a connection could use"
            ))
            .cure("unset OPENSSL_CONF, or correct that file: its providers and its CipherString"),
        None => decision,
    }
}

/// A method that this libpq was built without, which no other version of psql as such has.
fn method_not_supported(message: &Message) -> DecidedCause {
    let decision = DecidedCause::new("login.method_not_supported");
    match message.words.as_str() {
        "GSSAPI authentication not supported" => decision
            .because(
                "the server asks for a login by Kerberos, and the libpq that this psql loads was built without GSSAPI",
            )
            .cure(
                "install a psql whose libpq has GSSAPI (Debian, Ubuntu: postgresql-client; Fedora: postgresql; macOS: \
                 Homebrew's libpq) and name it in SCHEMASTAMP_PSQL, or use another method in pg_hba.conf",
            ),
        "SSPI authentication not supported" => decision
            .because("the server asks for a login by SSPI, which only libpq on Windows has")
            .cure("use gss or another method in pg_hba.conf"),
        words if words.contains("OAuth") || words.contains("libpq-oauth") => decision
            .because("the server asks for a login by OAuth, and libpq's module for it cannot be loaded")
            .cure(
                "install libpq's module for OAuth (Debian, Ubuntu: libpq-oauth), or use another method in pg_hba.conf",
            ),
        _ => decision,
    }
}

/// A certificate was wanted and none was shown; a key alone is none.
fn certificate_missing(message: &Message, context: &Context) -> DecidedCause {
    let decision = DecidedCause::new("tls.client_cert.required");
    if context.has_lone_client_key() && message.fix.is_empty() {
        return lone_key(decision);
    }
    decision
}

/// The words name the operating system's user that the server does run as.
fn other_peer(message: &Message) -> DecidedCause {
    let decision = DecidedCause::new("login.requirepeer");
    let is_plain = |name: &&str| {
        !name.is_empty()
            && name
                .chars()
                .all(|sign| sign.is_ascii_alphanumeric() || "_-.".contains(sign))
    };
    match message.words.split('"').nth(3).filter(is_plain) {
        Some(peer) => decision.cure(format!(
            "[set requirepeer={peer}] if the server is meant to run as that user, or name the right socket's directory in [host]"
        )),
        None => decision,
    }
}
