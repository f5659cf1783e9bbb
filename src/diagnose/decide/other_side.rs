//! A server, or what stands in for it, has spoken.

use std::net::IpAddr;

use super::decision::DecidedCause;
use super::login::{certificate_user, credentials_refused, lone_key, peer};
use super::names::about_names;
use super::routing::{not_routed, protocol_version};
use crate::diagnose::context::Context;
use crate::diagnose::finding::Speaker;
use crate::diagnose::message::{Message, MessageLink};
use crate::diagnose::probe::{Refusal, StartupReply, TlsAnswer};
use crate::diagnose::words::Voice;
use crate::text;
use crate::tls::SslMode;

/// Interprets words of the other side.
pub(super) fn on_the_other_side(message: &Message, context: &Context) -> Option<DecidedCause> {
    if let Some(decision) = about_somebody_else(message, context) {
        return Some(decision);
    }
    let decision = match message.id {
        Some(id) => known_words(id, message, context),
        None if message.voice == Voice::Server => unknown_words(message, context),
        None => return None,
    };
    Some(about_names(decision, context))
}

fn known_words(id: &'static str, message: &Message, context: &Context) -> DecidedCause {
    match id {
        "tls.server_requires_tls" => plaintext_refused(message, context),
        "login.wrong_password" | "login.refused" | "login.token_expired" => {
            credentials_refused(id, message, context)
        }
        "login.certificate_user" => certificate_user(context),
        "login.peer" if message.pattern.starts_with("Peer") => peer(message, context),
        "server.protocol_version" => protocol_version(message, context),
        "server.startup_parameter" if message.speaker == Speaker::PostgreSql => {
            startup_parameter(message, context)
        }
        "server.pooler_backend" if message.speaker != Speaker::PgBouncer => {
            poolers_own_connection(message)
        }
        "login.not_routed" => not_routed(context),
        "tls.client_cert.required" if message.link == MessageLink::Encrypted => {
            certificate_wanted(context)
        }
        "login.no_hba_entry" if message.speaker == Speaker::PostgreSql => missing_rule(message),
        id => DecidedCause::new(id),
    }
}

/// A pooler other than `PgBouncer`, whose settings the finding's own words name.
fn poolers_own_connection(message: &Message) -> DecidedCause {
    let pooler = message.speaker;
    let decision = DecidedCause::new("server.pooler_backend");
    let decision = if message.why.is_empty() {
        decision.because(format!("the connection of {pooler} to PostgreSQL fails"))
    } else {
        decision
    };
    if message.fix.is_empty() {
        decision.cure(format!(
            "check the log of {pooler}, and the host, port, TLS and login that it has for this database"
        ))
    } else {
        decision
    }
}

/// A parameter for the session comes from `options`, or from the role or the database at the server.
fn startup_parameter(message: &Message, context: &Context) -> DecidedCause {
    let decision = DecidedCause::new("server.startup_parameter");
    let parameter = named(&message.words, "parameter \"");
    match parameter {
        Some(parameter) if !context.origins.has("options") => decision
            .because("no options are configured here: the role or the database has the parameter")
            .cure(format!(
                "ALTER ROLE {0} RESET {1}, or ALTER DATABASE {2} RESET {1}",
                quoted(context.user.as_ref(), "ROLE"),
                text::safe(parameter),
                quoted(context.database.as_ref(), "DATABASE"),
            )),
        _ => decision,
    }
}

fn quoted(name: Option<&String>, otherwise: &str) -> String {
    name.map_or_else(
        || otherwise.to_owned(),
        |name| text::safe(&crate::sql::quote(name)),
    )
}

/// The words are about encryption. Whose connection are they about?
fn plaintext_refused(message: &Message, context: &Context) -> DecidedCause {
    let by_postgresql = message.speaker == Speaker::PostgreSql;
    match message.link {
        MessageLink::Encrypted => return backend_without_tls(),
        // libpq ignores sslmode there.
        MessageLink::Socket => {
            return DecidedCause::new("tls.server_requires_tls")
                .because("the server wants TLS, and a Unix socket carries none")
                .cure("connect by TCP: name the server's host in [host]");
        }
        MessageLink::Plaintext | MessageLink::Unknown => {}
    }
    let unwilling = context
        .probe
        .get()
        .filter(|probe| probe.answer == Some(TlsAnswer::Unwilling));
    if let Some(probe) = unwilling.filter(|_| by_postgresql) {
        if probe.pooler {
            return backend_without_tls();
        }
        if context.sslmode >= Some(SslMode::Prefer) {
            return DecidedCause::new("tls.server_without_tls")
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
        return if rejected {
            DecidedCause::new("login.hba_reject")
        } else {
            missing_rule(message)
        };
    }
    let decision = DecidedCause::new("tls.server_requires_tls");
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

/// The rule that is missing, as far as the words say it.
fn missing_rule(message: &Message) -> DecidedCause {
    let decision = DecidedCause::new("login.no_hba_entry");
    let part = |before: &str| named(&message.words, before);
    let (Some(host), Some(user), Some(database)) =
        (part("host \""), part("user \""), part("database \""))
    else {
        return decision;
    };
    let place = match host.parse::<IpAddr>() {
        _ if host == "[local]" => String::new(),
        Ok(IpAddr::V4(address)) => format!(" {address}/32"),
        Ok(IpAddr::V6(address)) => format!(" {address}/128"),
        Err(_) => return decision,
    };
    let kind = match message.words.rsplit(", ").next() {
        _ if place.is_empty() => "local",
        // Servers before 14 say `SSL on` and `SSL off`, later ones `SSL encryption` and `no encryption` (`auth.c`).
        Some("SSL encryption" | "SSL on") => "hostssl",
        Some("GSS encryption") => "hostgssenc",
        _ => "host",
    };
    let rule = format!(
        "{kind} {} {}{place} scram-sha-256",
        quote_for_rule(database),
        quote_for_rule(user)
    );
    decision.cure(format!(
        "add the line '{}' to pg_hba.conf, and SELECT pg_reload_conf()",
        text::safe(&rule)
    ))
}

/// A name as `pg_hba.conf` reads it: in quotes if it is a word of its own there or has other signs (`hba.c`, `next_token`).
fn quote_for_rule(name: &str) -> String {
    const WORDS: [&str; 5] = ["all", "sameuser", "samerole", "samegroup", "replication"];
    let is_plain = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
    if is_plain && !WORDS.contains(&name) {
        name.to_owned()
    } else {
        format!("\"{name}\"")
    }
}

/// Returns `true` if a server refuses because of `pg_hba.conf`, in any language.
fn is_about_rules(refusal: &Refusal) -> bool {
    refusal.message.contains("pg_hba.conf")
        || (refusal.sqlstate == "28000"
            && refusal.routine.as_deref() == Some("ClientAuthentication"))
}

/// A server wants a certificate. If this connection has shown one, it was another connection that had none.
fn certificate_wanted(context: &Context) -> DecidedCause {
    match &context.configured.client_cert {
        None if context.has_lone_client_key() => {
            lone_key(DecidedCause::new("tls.client_cert.required"))
        }
        None => DecidedCause::new("tls.client_cert.required"),
        Some(shown) => DecidedCause::new("server.pooler_backend")
            .because(format!(
                "the words are about a connection without a client certificate, and this one shows {}: a pooler in between \
                 connects to the server without one",
                shown.subject
            ))
            .cure(
                "name a certificate and its key in the pooler's configuration (PgBouncer: server_tls_cert_file and \
                 server_tls_key_file)",
            ),
    }
}

/// A pooler hands on what the server said to its own connection.
fn backend_without_tls() -> DecidedCause {
    DecidedCause::new("server.pooler_backend")
        .because(
            "the words are about a connection without encryption, which this one is not: a pooler in between hands on what \
             the server said to its own connection",
        )
        .cure("set server_tls_sslmode=require at the pooler (PgBouncer), or the like in another one")
}

/// The words name a role or a database that this connection does not have: they are about a pooler's own login.
fn about_somebody_else(message: &Message, context: &Context) -> Option<DecidedCause> {
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
            DecidedCause::new("server.pooler_backend")
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
            DecidedCause::new("server.pooler_backend")
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

/// Words of a server that no row knows: another language, or another service.
fn unknown_words(message: &Message, context: &Context) -> DecidedCause {
    if message.link == MessageLink::Plaintext && speaks_of_encryption(&message.words) {
        return plaintext_refused(message, context);
    }
    let refusal = context.probe.get().and_then(|probe| {
        let reply = match message.link {
            MessageLink::Plaintext => probe.in_plaintext.as_ref(),
            MessageLink::Encrypted => probe.over_tls.as_ref(),
            MessageLink::Socket => None,
            MessageLink::Unknown => probe.over_tls.as_ref().or(probe.in_plaintext.as_ref()),
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
            id => DecidedCause::new(id),
        };
        return decision.with("sqlstate", refusal.sqlstate.clone());
    }
    if let Some(decision) = after_a_password(message, context) {
        return decision;
    }
    match context.expired_token() {
        Some(_) => credentials_refused("login.refused", message, context),
        None => DecidedCause::new("connection.failed"),
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
fn after_a_password(message: &Message, context: &Context) -> Option<DecidedCause> {
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
    let user = names(&context.user);
    let database = names(&context.database);
    if !asked {
        return None;
    }
    Some(match (user, database) {
        (true, false) => credentials_refused("login.wrong_password", message, context),
        (false, true) => DecidedCause::new("server.unknown_database"),
        _ => return None,
    })
}
