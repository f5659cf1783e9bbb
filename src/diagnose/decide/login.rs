//! A login that the server refuses, held against what this side is configured to show.

use std::path::Path;

use super::decision::DecidedCause;
use crate::diagnose::context::{
    ConfiguredPassword, Context, PasswordForm, ShownCertificate, UnusedPasswordFile,
};
use crate::diagnose::finding::Speaker;
use crate::diagnose::message::{Message, MessageLink};
use crate::text;

/// The name and the password, or the token, were not accepted.
pub(super) fn credentials_refused(
    id: &'static str,
    message: &Message,
    context: &Context,
) -> DecidedCause {
    let password = &context.configured.password;
    if id == "login.wrong_password" && matches!(password, ConfiguredPassword::None(_)) {
        return not_our_password(context);
    }
    if let Some(token) = context.expired_token() {
        return DecidedCause::new("login.token_expired")
            .because(format!(
                "the password is {}, and it expired at {}",
                token.kind,
                token.end()
            ))
            .with("expired", token.end());
    }
    let decision = match context.token() {
        Some(token) => DecidedCause::new(id).with("token_expires", token.end()),
        None => DecidedCause::new(id),
    };
    match password {
        // A directory or a pooler may have other reasons; a password that is none comes before them.
        ConfiguredPassword::Given(Some(form)) if message.speaker != Speaker::Azure => {
            in_form(decision, *form)
        }
        _ => decision,
    }
}

/// libpq ends a connection that asks for a password and has none, so the words are about another one.
fn not_our_password(context: &Context) -> DecidedCause {
    let user = context.user.as_deref().unwrap_or("ROLE");
    DecidedCause::new("server.pooler_backend")
        .because(format!(
            "the words are about a password, and this connection has none: a pooler in between logs in to the server as '{}' with one \
             of its own",
            text::safe(user)
        ))
        .cure(format!(
            "correct the password of role '{}' in the pooler's configuration (PgBouncer: auth_file or [databases])",
            text::safe(user)
        ))
}

fn in_form(decision: DecidedCause, form: PasswordForm) -> DecidedCause {
    let (why, cure) = match form {
        PasswordForm::Placeholder => (
            "the password has the form of a placeholder: nothing has put the real one in its place",
            "write the real password in place of [password]; a variable in it is expanded by a shell only",
        ),
        PasswordForm::Quoted => (
            "the password is in quotes, and they belong to it: only a shell removes them",
            "remove the quotes around [password]",
        ),
        PasswordForm::Padded => (
            "the password begins or ends with a blank or a line break, which belongs to it",
            "remove the blanks and line breaks around [password]",
        ),
    };
    decision.because(why).cure(cure)
}

/// The certificate was taken, and its name is not the role's, or is mapped to none.
pub(super) fn certificate_user(context: &Context) -> DecidedCause {
    let decision = DecidedCause::new("login.certificate_user");
    let (Some(shown), Some(user)) = (&context.configured.client_cert, &context.user) else {
        return decision;
    };
    let (common, whole) = &shown.names;
    let role = of_map(user);
    match common {
        Some(common) if common == user => decision
            .because(format!(
                "the certificate is for '{}', and the line of pg_hba.conf has a map (map=…) that does not lead from there to the role, or \
                 compares the whole name (clientname=DN)",
                text::safe(common)
            ))
            .cure(format!(
                "add the line 'MAP {} {role}' to pg_ident.conf, with the name of that map, or 'MAP {} {role}' with clientname=DN, and \
                 SELECT pg_reload_conf()",
                of_map(common),
                of_map(whole)
            )),
        Some(common) => decision
            .because(format!(
                "the certificate is for '{}', the role is '{}', and no map says otherwise",
                text::safe(common),
                text::safe(user)
            ))
            .cure(format!(
                "name a certificate that was issued to '{}' in [sslcert] and its key in [sslkey], or [set user={}], or add the line \
                 'MAP {} {role}' to pg_ident.conf and map=MAP to the line of pg_hba.conf",
                text::safe(user),
                text::safe(common),
                of_map(common)
            )),
        None => without_common_name(decision, shown),
    }
}

fn without_common_name(decision: DecidedCause, shown: &ShownCertificate) -> DecidedCause {
    decision
        .because(format!(
            "the certificate ({}) has no common name, which the server compares with the role's name",
            shown.subject
        ))
        .cure("have a certificate issued with the role's name as common name (CN)")
}

/// A name as `pg_ident.conf` reads it (`next_token` in `hba.c`).
fn of_map(name: &str) -> String {
    let is_plain = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
    if is_plain && !name.is_empty() {
        name.to_owned()
    } else {
        text::safe(&format!("\"{name}\""))
    }
}

/// The server asked the operating system, over a Unix socket or from an ident service.
pub(super) fn peer(message: &Message, context: &Context) -> DecidedCause {
    let decision = DecidedCause::new("login.peer");
    let account = context.configured.account.as_deref();
    let (MessageLink::Socket, Some(account), Some(user)) = (message.link, account, &context.user)
    else {
        return decision;
    };
    let (shown, role) = (text::safe(account), text::safe(user));
    if account == user {
        return decision
            .because(format!(
                "this program runs as '{shown}', which is the role's name: the line of pg_hba.conf has a map (map=…) without it"
            ))
            .cure(format!(
                "add the line 'MAP {} {}' to pg_ident.conf, with the name of that map, and SELECT pg_reload_conf()",
                of_map(account),
                of_map(user)
            ));
    }
    decision
        .because(format!(
            "on a Unix socket the server takes the operating system's user for the role, and this program runs as '{shown}', not as \
             '{role}'"
        ))
        .cure(format!(
            "[set host=localhost] to log in by TCP, or run this program as '{role}', or [set user={shown}], or change 'peer' to \
             scram-sha-256 in pg_hba.conf"
        ))
}

/// The words of the decision for a private key without a certificate, which libpq does not use.
pub(super) fn lone_key(decision: DecidedCause) -> DecidedCause {
    decision
        .because("the server wants a certificate; a private key is named in [sslkey], and no certificate")
        .cure("name the certificate of that key in [sslcert]")
}

/// No source has a password for a server that asks for one.
pub(super) fn no_password(context: &Context) -> DecidedCause {
    let Some(user) = &context.user else {
        return DecidedCause::new("login.no_password");
    };
    let line = text::safe(&password_line(context, user));
    let whose = format!("the password of role '{}'", text::safe(user));
    let give = context.origins.give_password(&whose);
    let shown = |path: &Path| text::safe(&path.to_string_lossy());
    let file = match &context.configured.password {
        ConfiguredPassword::None(file) => file.as_ref(),
        ConfiguredPassword::Unknown | ConfiguredPassword::Given(_) => None,
    };
    match file {
        Some(UnusedPasswordFile::Open(path)) => {
            let path = shown(path);
            DecidedCause::new("login.password_file")
                .because(format!(
                    "libpq does not read '{path}', and no other source has a password"
                ))
                .cure(format!("chmod 0600 '{path}'"))
        }
        Some(UnusedPasswordFile::Unusable { path, problem }) => DecidedCause {
            what: Some("the password file cannot be used".to_owned()),
            ..DecidedCause::new("login.password_file")
        }
        .because(format!(
            "'{}' is not read: {problem}; no other source has a password",
            shown(path)
        ))
        .cure(format!(
            "name a file of mode 0600 with the line '{line}' in [passfile], or {give}"
        )),
        Some(UnusedPasswordFile::NoLine(miss)) => {
            let path = shown(&miss.path);
            let nearest = miss.nearest.map_or_else(String::new, |(line, field)| {
                format!("; line {line} fits but for its {field}")
            });
            DecidedCause::new("login.no_password")
                .because(format!(
                    "'{path}' has no line for this connection{nearest}, and no other source has a password"
                ))
                .cure(format!("add the line '{line}' to '{path}', or {give}"))
        }
        None => DecidedCause::new("login.no_password").cure(format!(
            "{give}, or let a program print it ([password_command]), or add the line '{line}' to a password file of mode 0600"
        )),
    }
}

/// The line of a password file for a connection; `host` stands for sockets and addresses as it does in libpq.
fn password_line(context: &Context, user: &str) -> String {
    let escaped = |value: &str| value.replace('\\', "\\\\").replace(':', "\\:");
    let field = |value: &Option<String>| value.as_deref().map_or_else(|| "*".to_owned(), escaped);
    format!(
        "{}:{}:{}:{}:PASSWORD",
        field(&context.host),
        field(&context.port),
        field(&context.database),
        escaped(user)
    )
}
