//! Settings of this side that the other side, or an older libpq, does not go along with.

use super::decision::DecidedCause;
use crate::config::Keyword;
use crate::diagnose::context::Context;
use crate::diagnose::message::{Message, MessageLink};
use crate::text;
use crate::tls::SslMode;

/// The method that the server asked for, in libpq's words for it (`check_expected_areq` in `fe-auth.c`).
pub(super) fn other_method(message: &Message) -> DecidedCause {
    const METHODS: [(&str, &str); 6] = [
        ("requested a cleartext password", "password"),
        ("requested a hashed password", "md5"),
        ("requested GSSAPI authentication", "gss"),
        ("requested SSPI authentication", "sspi"),
        ("requested SASL authentication", "scram-sha-256"),
        ("did not complete authentication", "none"),
    ];
    let decision = DecidedCause::new("login.auth_method");
    let found = METHODS
        .iter()
        .find(|(words, _)| message.words.ends_with(words));
    match found {
        Some((_, method)) => decision.cure(format!(
            "[set require_auth={method}] if this is the server that is meant and its method is good enough, or change the method in \
             pg_hba.conf"
        )),
        None => decision,
    }
}

/// Channel binding needs TLS, which a Unix socket does not have.
pub(super) fn binding_without_tls(message: &Message, context: &Context) -> DecidedCause {
    let decision = DecidedCause::new("login.channel_binding");
    match message.link {
        MessageLink::Socket => decision.because(
            "channel binding ties the login to a TLS connection, and a Unix socket carries none",
        ),
        _ if context.sslmode >= Some(SslMode::Require) => decision,
        _ => decision.cure("[set sslmode=require], or [set channel_binding=prefer]"),
    }
}

/// libpq names the setting. One that is right for a newer version is no mistake.
pub(super) fn unknown_value(message: &Message, context: &Context) -> DecidedCause {
    let quoted = message.words.split('"').nth(1).unwrap_or_default();
    let option = message
        .words
        .strip_prefix("invalid connection option")
        .map(|_| quoted);
    let value = message
        .words
        .strip_prefix("invalid ")
        .and_then(|rest| rest.split_once(" value: "))
        .map(|(name, _)| name);
    let known = option.or(value).and_then(Keyword::named);
    let version = context
        .configured
        .libpq_major
        .map_or_else(String::new, |major| format!(" {major}"));
    match (known, option) {
        (Some(keyword), Some(_)) => DecidedCause::new("program.libpq_too_old")
            .because(format!(
                "{} needs libpq {} or later, and psql loads libpq{version}",
                keyword.name, keyword.since
            ))
            .cure(format!(
                "[leave {} out], or use a psql with a newer libpq",
                keyword.name
            )),
        (Some(keyword), None) => DecidedCause::new("config.value")
            .because(format!(
                "psql loads libpq{version}, which does not know '{}' for {}",
                text::safe(quoted),
                keyword.name
            ))
            .cure(format!(
                "[leave {} out], or correct it, or use a psql with a newer libpq",
                keyword.name
            )),
        (None, _) => DecidedCause::new("config.value"),
    }
}

/// The servers that answered are of another kind than `target_session_attrs` asks for.
pub(super) fn other_session(message: &Message, context: &Context) -> DecidedCause {
    let decision = DecidedCause::new("server.target_session");
    let whose = if context.configured.several_hosts {
        "every host that answered"
    } else {
        "this server"
    };
    let (is, cure) = match message.words.as_str() {
        "server is in hot standby mode" => (
            "is a standby",
            "name the primary in [host], or [set target_session_attrs=any]",
        ),
        "server is not in hot standby mode" => (
            "is the primary",
            "name a standby in [host], or [set target_session_attrs=any]",
        ),
        "session is not read-only" => (
            "takes changes",
            "name a standby in [host], or [set target_session_attrs=any]",
        ),
        _ => (
            "is read-only: a standby, or default_transaction_read_only is on",
            "name the primary in [host], or [set target_session_attrs=any]",
        ),
    };
    decision
        .because(format!(
            "target_session_attrs asks for another kind, and {whose} {is}"
        ))
        .cure(cure)
}
