//! The cause of one sentence: facts first, words where facts do not decide.
//!
//! Pure. A cure that is in force already is never named, nor a cause that contradicts what was seen to work.

use super::context::{Context, SystemRoots};
use super::finding::Speaker;
use super::message::{Link, Message};
use super::probe::{Answer, Broken, Refusal, ServerProbe, StartupReply, TlsObstacle};
use super::words::{Endpoint, Voice};
use crate::text;
use crate::tls::{SslMode, Verdict};

/// A cause, and the words that differ from the catalogue's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Decision {
    pub(super) id: &'static str,
    pub(super) what: Option<String>,
    pub(super) why: Option<String>,
    pub(super) fix: Option<String>,
    pub(super) evidence: Vec<(&'static str, String)>,
}

impl Decision {
    fn new(id: &'static str) -> Self {
        Self {
            id,
            ..Self::default()
        }
    }

    fn because(mut self, why: impl Into<String>) -> Self {
        self.why = Some(why.into());
        self
    }

    fn cure(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.evidence.push((name, value.into()));
        self
    }
}

/// Interprets a message. Returns `None` if it is not about a cause.
pub(super) fn decide(message: &Message, context: &Context) -> Option<Decision> {
    if message.voice == Voice::Client {
        on_this_side(message, context)
    } else {
        on_the_other_side(message, context)
    }
}

/// libpq, OpenSSL, a TLS alert or the operating system has spoken.
fn on_this_side(message: &Message, context: &Context) -> Option<Decision> {
    if let Some(Endpoint::Socket(path)) = &message.endpoint
        && let Some(decision) = on_a_socket(message, path)
    {
        return Some(decision);
    }
    let id = message.id?;
    let probe = context.probe.get();
    let configured = &context.configured;
    Some(match id {
        "tls.client_cert.required" if message.pattern.contains("handshake failure") => {
            handshake_failure(context, probe)
        }
        "tls.handshake" | "net.closed" | "net.not_postgresql" | "tls.direct_required" => {
            broken_off(id, message, context, probe)
        }
        "tls.server_cert.unverified" => unverified(context, probe),
        "tls.openssl_config" => openssl_config(context),
        "login.no_password" => no_password(context),
        "login.not_routed" => not_routed(context),
        "net.unreachable" | "net.timeout" => unreachable(id, message, context),
        "net.dns" => no_address(message, context),
        "login.method_not_supported" => method_not_supported(message),
        "server.target_session" if configured.several_hosts => Decision::new(id)
            .because("target_session_attrs asks for another kind than every host that answered"),
        id => Decision::new(id),
    })
}

/// An error of the operating system on a Unix socket means that nobody answered; words of libpq mean what they say.
fn on_a_socket(message: &Message, path: &str) -> Option<Decision> {
    let of_the_system = match message.id {
        Some(id) => {
            id.starts_with("net.") && message.speaker == Speaker::Network && id != "net.timeout"
        }
        None => true,
    };
    if !of_the_system {
        return None;
    }
    let decision = Decision::new("net.socket_missing").with("socket", text::safe(path));
    Some(match message.words.as_str() {
        "Permission denied" => decision
            .because("this user may not use the socket, or not search its directory")
            .cure("let this user use the socket (unix_socket_permissions, unix_socket_group), or connect by TCP"),
        "Connection refused" => {
            decision.because("the socket's file is there, and no server listens behind it")
        }
        _ => decision,
    })
}

/// Alert 40: a server of TLS 1.2 that wants a certificate, or one that finds no cipher in common.
fn handshake_failure(context: &Context, probe: Option<&ServerProbe>) -> Decision {
    let sends = context.configured.sends_client_cert;
    let wants = probe
        .filter(|probe| probe.handshake_begun())
        .map(ServerProbe::insists_on_client_cert);
    match wants {
        Some(true) if sends => return Decision::new("tls.client_cert.refused"),
        Some(true) => return Decision::new("tls.client_cert.required"),
        None if !sends => return Decision::new("tls.client_cert.required"),
        Some(false) | None => {}
    }
    let decision = Decision::new("tls.no_shared_cipher");
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
) -> Decision {
    let configured = &context.configured;
    if configured.direct {
        // libpq's words for a server that does not know direct negotiation are those for any broken connection.
        if !probe.is_some_and(|probe| probe.tls) {
            return Decision::new("tls.direct_refused");
        }
        return Decision::new(if id == "tls.direct_required" {
            "tls.handshake"
        } else {
            id
        });
    }
    let Some(probe) = probe else {
        return Decision::new(id);
    };
    let obstacle = probe.obstacle;
    if obstacle == Some(TlsObstacle::DirectOnly)
        || (id == "tls.direct_required" && probe.answer.is_none())
    {
        return direct_required(context);
    }
    if id == "tls.direct_required" {
        // An alert in place of an answer, and no TLS either.
        return Decision::new("net.not_postgresql");
    }
    if obstacle == Some(TlsObstacle::LosesLargeMessages) && id != "net.not_postgresql" {
        return Decision::new("tls.large_hello");
    }
    match &probe.broken {
        Some(Broken::Alert(alert)) if alert == "NoApplicationProtocol" => Decision::new("tls.alpn"),
        _ if id == "tls.handshake" && message.words.contains("no shared") => {
            Decision::new("tls.no_shared_cipher")
        }
        _ => Decision::new(id),
    }
}

fn direct_required(context: &Context) -> Decision {
    let decision = Decision::new("tls.direct_required");
    match context.configured.libpq_major {
        Some(major) if major < 17 => decision.cure(format!(
            "let the proxy pass TCP through to PostgreSQL; or use a psql with libpq 17 or later and set \
             sslnegotiation=direct (this libpq is {major})"
        )),
        _ => decision,
    }
}

/// libpq has one sentence for every reason not to trust a server. Some reasons lie in its configuration.
fn unverified(context: &Context, probe: Option<&ServerProbe>) -> Decision {
    let configured = &context.configured;
    if let Some(directory) = &configured.unhashed_crl_directory {
        let directory = text::safe(&directory.to_string_lossy());
        return Decision::new("tls.crl.incomplete")
            .because(format!(
                "OpenSSL finds a list in '{directory}' by its hash only (as 0a1b2c3d.r0), and no file there has such a name"
            ))
            .cure(format!("openssl rehash '{directory}'"));
    }
    if let Some(roots) = &configured.system_roots {
        let verdict = probe.and_then(|probe| probe.verdict.as_ref());
        let trusted = verdict == Some(&Verdict::Trusted);
        // An authority that this machine does not know would not be found elsewhere either.
        let hopeless = matches!(verdict, Some(Verdict::Rejected(_)));
        if let Some(misled_by) = roots.misled_by.as_ref().filter(|_| !hopeless) {
            return Decision::new("tls.root_cert.no_system_roots")
                .because(format!("{misled_by} leads to no certificate"))
                .cure(with_bundle(roots, "unset it"));
        }
        if trusted {
            return Decision::new("tls.root_cert.no_system_roots")
                .because("the authority is among this machine's, and psql's OpenSSL looks for them elsewhere")
                .cure(with_bundle(roots, "name a file in [sslrootcert]"));
        }
    }
    Decision::new("tls.server_cert.unverified")
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

fn openssl_config(context: &Context) -> Decision {
    let decision = Decision::new("tls.openssl_config");
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
fn method_not_supported(message: &Message) -> Decision {
    let decision = Decision::new("login.method_not_supported");
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

fn no_password(context: &Context) -> Decision {
    match (&context.configured.ignored_password_file, &context.user) {
        (Some(path), _) => {
            let path = text::safe(&path.to_string_lossy());
            Decision::new("login.password_file")
                .because(format!(
                    "libpq does not read '{path}', and no other source has a password"
                ))
                .cure(format!("chmod 0600 '{path}'"))
        }
        (None, Some(user)) => Decision::new("login.no_password").cure(format!(
            "set [password] for role '{}', or add a line to a password file",
            text::safe(user)
        )),
        (None, None) => Decision::new("login.no_password"),
    }
}

fn not_routed(context: &Context) -> Decision {
    let decision = Decision::new("login.not_routed");
    match &context.configured.no_server_name {
        Some(reason) => decision.because(reason.clone()).cure(
            "name the host that the service gave you in [host] and [leave sslsni out] (hostaddr keeps an address)",
        ),
        None => decision,
    }
}

fn unreachable(id: &'static str, message: &Message, context: &Context) -> Decision {
    let by_name = context
        .host
        .as_deref()
        .is_some_and(|host| host.parse::<std::net::IpAddr>().is_err());
    let only_ipv6 = !message.ipv4_tried && context.probe.get().is_none_or(|probe| !probe.has_ipv4);
    match &message.endpoint {
        Some(Endpoint::Network { address, .. })
            if id == "net.unreachable" && by_name && address.contains(':') && only_ipv6 =>
        {
            Decision::new("net.ipv6_only").with("address", text::safe(address))
        }
        _ => Decision::new(id),
    }
}

/// Names that only some networks know.
fn no_address(message: &Message, context: &Context) -> Decision {
    let named = message.words.split('"').nth(1).map(str::to_owned);
    let name = named.or_else(|| context.host.clone()).unwrap_or_default();
    if is_private_name(&name) {
        return Decision::new("net.private_name").with("host", text::safe(&name));
    }
    Decision::new("net.dns")
}

/// Returns `true` for a name that only the resolver of a private network knows: Docker, Kubernetes,
/// a cloud's internal zone.
pub(super) fn is_private_name(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let internal = [
        ".internal",
        ".local",
        ".localdomain",
        ".svc",
        ".lan",
        ".corp",
        ".intranet",
        ".home.arpa",
        ".flycast",
    ];
    !name.is_empty()
        && name != "localhost"
        && name.parse::<std::net::IpAddr>().is_err()
        && (!name.contains('.') || internal.iter().any(|end| name.ends_with(end)))
}

/// A server, or what stands in for it, has spoken.
fn on_the_other_side(message: &Message, context: &Context) -> Option<Decision> {
    if let Some(decision) = about_somebody_else(message, context) {
        return Some(decision);
    }
    let Some(id) = message.id else {
        return (message.voice == Voice::Server).then(|| unknown_words(message, context));
    };
    Some(match id {
        "tls.server_requires_tls" => plaintext_refused(message, context),
        "login.wrong_password" | "login.refused" | "login.token_expired" => {
            credentials_refused(id, context)
        }
        "login.not_routed" => not_routed(context),
        id => Decision::new(id),
    })
}

/// The words are about encryption. Whose connection are they about?
fn plaintext_refused(message: &Message, context: &Context) -> Decision {
    let by_postgresql = message.speaker == Speaker::PostgreSql;
    if message.link == Link::Encrypted {
        return backend_without_tls();
    }
    let unwilling = context
        .probe
        .get()
        .filter(|probe| probe.answer == Some(Answer::Unwilling));
    if let Some(probe) = unwilling.filter(|_| by_postgresql) {
        if probe.pooler {
            return backend_without_tls();
        }
        if context.sslmode >= Some(SslMode::Prefer) {
            return Decision::new("tls.server_without_tls")
                .because("psql asked for TLS, the server has none, and no line in pg_hba.conf takes plaintext")
                .cure("switch TLS on at the server (ssl=on), or add a 'host' line to its pg_hba.conf");
        }
    }
    // Over TLS the server has no rule either: TLS is not the point.
    let refused_over_tls = context.probe.get().is_some_and(|probe| {
        matches!(&probe.over_tls, Some(StartupReply::Refused(refusal)) if is_about_rules(refusal))
    });
    if by_postgresql && refused_over_tls {
        let rejected = message.pattern.starts_with("pg_hba.conf rejects");
        return Decision::new(if rejected {
            "login.hba_reject"
        } else {
            "login.no_hba_entry"
        });
    }
    let decision = Decision::new("tls.server_requires_tls");
    match context.sslmode {
        Some(mode @ (SslMode::Disable | SslMode::Allow)) => decision.because(format!(
            "the server wants TLS, and sslmode={mode} made this connection in plaintext"
        )),
        Some(mode @ SslMode::Prefer) => decision.because(format!(
            "the server wants TLS; with sslmode={mode} psql went on in plaintext after TLS had failed without a word"
        )),
        _ => decision,
    }
}

/// Returns `true` if a server refuses because of `pg_hba.conf`, in any language.
fn is_about_rules(refusal: &Refusal) -> bool {
    refusal.message.contains("pg_hba.conf")
        || (refusal.sqlstate == "28000"
            && refusal.routine.as_deref() == Some("ClientAuthentication"))
}

/// A pooler hands on what the server said to its own connection.
fn backend_without_tls() -> Decision {
    Decision::new("server.pooler_backend")
        .because(
            "the words are about a connection without encryption, which this one is not: a pooler in between hands on what \
             the server said to its own connection",
        )
        .cure("set server_tls_sslmode=require at the pooler (PgBouncer), or the like in another one")
}

/// The words name a role or a database that this connection does not have: they are about a pooler's own login.
fn about_somebody_else(message: &Message, context: &Context) -> Option<Decision> {
    if !matches!(message.speaker, Speaker::PostgreSql | Speaker::PgBouncer) {
        return None;
    }
    let user = named(&message.words, "user \"").or_else(|| {
        message
            .words
            .strip_prefix("role \"")
            .and_then(|rest| rest.split_once('"'))
            .map(|(name, _)| name)
    });
    if let (Some(theirs), Some(ours)) = (user, &context.user)
        && !is_ours(theirs, ours)
    {
        return Some(
            Decision::new("server.pooler_backend")
                .because(format!(
                    "the words are about role '{}', and this connection is for '{}': a pooler in between logs in with a name \
                     of its own",
                    text::safe(theirs),
                    text::safe(ours)
                ))
                .cure(format!(
                    "correct user and password of database '{}' in the pooler's configuration (PgBouncer: [databases])",
                    context.database.as_deref().map_or_else(|| "DATABASE".to_owned(), text::safe)
                )),
        );
    }
    let database = matches!(
        message.id,
        Some(
            "server.unknown_database"
                | "server.no_connect_right"
                | "server.database_closed"
                | "login.no_hba_entry"
                | "login.hba_reject"
                | "tls.server_requires_tls"
        )
    )
    .then(|| named(&message.words, "database \""))
    .flatten();
    if let (Some(theirs), Some(ours)) = (database, &context.database)
        && !is_ours(theirs, ours)
    {
        return Some(
            Decision::new("server.pooler_backend")
                .because(format!(
                    "the words are about database '{}', and this connection is for '{}': a pooler in between has a database of \
                     its own for that name",
                    text::safe(theirs),
                    text::safe(ours)
                ))
                .cure(format!(
                    "correct dbname of database '{}' in the pooler's configuration (PgBouncer: [databases])",
                    text::safe(ours)
                )),
        );
    }
    None
}

/// The name between quotes behind some words.
fn named<'a>(words: &'a str, before: &str) -> Option<&'a str> {
    let (_, behind) = words.split_once(before)?;
    // A quote within a name is as good as an end: the names then differ, and nothing is made of it.
    behind.split_once('"').map(|(name, _)| name)
}

/// Returns `true` if a name in a server's message is this connection's. Servers truncate names
/// after 63 bytes, and gateways keep the part after `@` or `.` for themselves.
fn is_ours(theirs: &str, ours: &str) -> bool {
    let rest = ours.strip_prefix(theirs).filter(|_| !theirs.is_empty());
    match rest {
        Some("") => true,
        Some(rest) => {
            rest.starts_with(['@', '.', '"'])
                || rest.starts_with(char::is_control)
                || theirs.len() >= 60
        }
        // A line ends where a name has a line feed.
        None => theirs.is_empty() || ours.contains('"') || ours.contains(char::is_control),
    }
}

/// The name and the password, or the token, were not accepted.
fn credentials_refused(id: &'static str, context: &Context) -> Decision {
    match context.expired_token() {
        Some(token) => Decision::new("login.token_expired")
            .because(format!(
                "the password is {}, and it expired at {}",
                token.kind,
                token.end()
            ))
            .with("expired", token.end()),
        None => match context.token() {
            Some(token) => Decision::new(id).with("token_expires", token.end()),
            None => Decision::new(id),
        },
    }
}

/// Words of a server that no row knows: another language, or another service.
fn unknown_words(message: &Message, context: &Context) -> Decision {
    if message.link == Link::Plaintext && speaks_of_encryption(&message.words) {
        return plaintext_refused(message, context);
    }
    let refusal = context.probe.get().and_then(|probe| {
        let reply = match message.link {
            Link::Plaintext => probe.in_plaintext.as_ref(),
            Link::Encrypted => probe.over_tls.as_ref(),
            Link::Socket => None,
            Link::Unknown => probe.over_tls.as_ref().or(probe.in_plaintext.as_ref()),
        };
        match reply? {
            StartupReply::Refused(refusal) => Some(refusal),
            _ => None,
        }
    });
    if let Some(refusal) = refusal
        && let Some(id) = by_state(refusal, context)
    {
        let decision = match id {
            "tls.server_requires_tls" => plaintext_refused(message, context),
            id => Decision::new(id),
        };
        return decision.with("sqlstate", refusal.sqlstate.clone());
    }
    if let Some(decision) = after_a_password(message, context) {
        return decision;
    }
    match context.expired_token() {
        Some(_) => credentials_refused("login.refused", context),
        None => Decision::new("connection.failed"),
    }
}

/// Returns `true` if an unknown message about a refused plaintext connection is about encryption.
fn speaks_of_encryption(words: &str) -> bool {
    let words = words.to_ascii_lowercase();
    let has = |all: &[&str]| all.iter().any(|word| words.contains(word));
    has(&[
        "ssl",
        "tls",
        "encrypt",
        "insecure",
        "secure connection",
        "secure mode",
    ]) && has(&[
        "require",
        "must",
        "need",
        "only",
        "insecure",
        "mandatory",
        "enforce",
        "not allowed",
        "not permitted",
        "use ssl",
        "use tls",
        "without",
        "enable",
        "reject",
        "refuse",
        "disallow",
    ])
}

/// The cause by SQLSTATE and the server's routine, which no language changes. `PostgreSQL`'s `auth.c`, `miscinit.c`, `postinit.c`.
fn by_state(refusal: &Refusal, context: &Context) -> Option<&'static str> {
    let routine = refusal.routine.as_deref().unwrap_or_default();
    let tls_is_open = context.probe.get().is_some_and(|probe| {
        matches!(
            probe.over_tls,
            Some(StartupReply::Welcome { .. } | StartupReply::Pooler)
        )
    });
    Some(match (refusal.sqlstate.as_str(), routine) {
        ("28000", "ClientAuthentication") if tls_is_open => "tls.server_requires_tls",
        ("28000", "ClientAuthentication") => "login.no_hba_entry",
        ("28000", "InitializeSessionUserId") => "login.unknown_role",
        ("28P01", routine) if routine != "auth_failed" => "login.wrong_password",
        ("28000" | "28P01", _) => "login.refused",
        ("3D000", _) => "server.unknown_database",
        ("42501", _) => "server.no_connect_right",
        ("55000", _) => "server.database_closed",
        ("53300", "InitializeSessionUserId" | "CheckMyDatabase") => "server.too_many_for_role",
        ("53300", _) => "server.too_many_clients",
        ("53200", _) => "server.process_limit",
        ("57P01", _) => "server.shutting_down",
        ("57P03", _) => "server.starting_up",
        ("0A000", "ProcessStartupPacket") => "server.protocol_version",
        ("42704" | "22023" | "42601", _) => "server.startup_parameter",
        _ => return None,
    })
}

/// Interprets an unknown refusal after the server had asked for a password: the name in the message
/// decides.
fn after_a_password(message: &Message, context: &Context) -> Option<Decision> {
    let probe = context.probe.get()?;
    let asked = [&probe.over_tls, &probe.in_plaintext]
        .into_iter()
        .any(|reply| {
            matches!(
                reply,
                Some(StartupReply::Welcome {
                    asks_password: true
                })
            )
        });
    let names = |name: &Option<String>| {
        name.as_deref()
            .is_some_and(|name| !name.is_empty() && message.words.contains(name))
    };
    let (user, database) = (names(&context.user), names(&context.database));
    if !asked {
        return None;
    }
    Some(match (user, database) {
        (true, false) => credentials_refused("login.wrong_password", context),
        (false, true) => Decision::new("server.unknown_database"),
        _ => return None,
    })
}
