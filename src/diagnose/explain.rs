use std::borrow::Cow;
use std::cmp::Reverse;

use super::context::Context;
use super::decide::{DecidedCause, decide};
use super::finding::{Finding, Severity, Speaker, filled};
use super::message::{Message, MessageLink};
use super::words::{Endpoint, MessageLine, Voice, find};
use crate::text;
use crate::tls::SslMode;

/// The most bytes of stderr that are looked at: a psql that prints more repeats itself.
const LIMIT: usize = 256 << 10;

/// A cause, and the place that it is about.
#[derive(Clone, Debug)]
pub(super) struct Explanation {
    /// The finding.
    pub(super) finding: Finding,
    /// The address of the attempt.
    pub(super) endpoint: Option<Endpoint>,
}

/// Explains why a client could not connect: the root cause first, then what else its stderr says.
///
/// Facts of the context decide before words do. Never empty: words that are not known are reported as `connection.failed`, with
/// the words.
pub fn explain(stderr: &[u8], context: &Context) -> Vec<Finding> {
    explanations(stderr, context)
        .into_iter()
        .map(|explanation| explanation.finding)
        .collect()
}

/// As [`explain`], with the place that each finding is about.
pub(super) fn explanations(stderr: &[u8], context: &Context) -> Vec<Explanation> {
    let mut decided: Vec<(Message, DecidedCause)> = messages(stderr, context)
        .into_iter()
        .filter_map(|message| {
            let decision = decide(&message, context)?;
            Some((message, decision))
        })
        .collect();
    // "no entry" in plaintext after "no entry" over TLS: TLS is not the point.
    if decided
        .iter()
        .any(|(_, decision)| matches!(decision.id, "login.no_hba_entry" | "login.hba_reject"))
    {
        decided.retain(|(message, decision)| {
            decision.id != "tls.server_requires_tls" || message.speaker != Speaker::PostgreSql
        });
    }
    // Stable: among equals the first line stays first.
    decided.sort_by_key(|(message, decision)| Reverse(weight(decision.id, message)));
    // Of the same cause the line that says most is kept: a DETAIL has a cure of its own.
    let mut seen = Vec::new();
    decided.retain(|(_, decision)| {
        let new = !seen.contains(&decision.id);
        seen.push(decision.id);
        new
    });
    let mut explanations: Vec<Explanation> = decided
        .into_iter()
        .map(|(message, decision)| Explanation {
            finding: finding(&message, &decision, context),
            endpoint: message.endpoint,
        })
        .collect();
    if explanations.is_empty() {
        let words = text::bounded(&String::from_utf8_lossy(tail(stderr)), 1000);
        let finding = Finding::from_catalogue("connection.failed", context).with("message", words);
        explanations.push(Explanation {
            finding,
            endpoint: None,
        });
    }
    for explanation in explanations.iter_mut().skip(1) {
        explanation.finding.severity = Severity::Warning;
    }
    explanations
}

/// Every line of a client's stderr that says why a connection failed, in the order of the lines.
///
/// Each failed attempt (TLS and plaintext, each address) adds a line of its own, so all lines count. Lines of this side that say
/// nothing known are left out; bytes that are not UTF-8 do no harm.
fn messages(stderr: &[u8], context: &Context) -> Vec<Message> {
    // Not always UTF-8: with OpenSSL 3 on glibc, libpq prints uninitialised memory for a certificate file that it may
    // not read (the result of strerror_r is ignored).
    let bytes = stderr.get(..stderr.len().min(LIMIT)).unwrap_or(stderr);
    let all = String::from_utf8_lossy(bytes);
    let mut messages: Vec<Message> = all.split(['\n', '\r']).filter_map(message).collect();
    // The lines that follow an attempt's first one do not repeat its place.
    let mut place: Option<Endpoint> = None;
    for message in &mut messages {
        match &message.endpoint {
            Some(endpoint) => place = Some(endpoint.clone()),
            None => message.endpoint.clone_from(&place),
        }
    }
    let ipv4_tried = messages.iter().any(|message| {
        matches!(&message.endpoint, Some(Endpoint::Network { address, .. }) if !address.contains(':'))
    });
    let links: Vec<MessageLink> = (0..messages.len())
        .map(|index| link(&messages, index, context.sslmode))
        .collect();
    for (message, link) in messages.iter_mut().zip(links) {
        message.link = link;
        message.ipv4_tried = ipv4_tried;
    }
    messages
}

fn message(line: &str) -> Option<Message> {
    let line = MessageLine::parse(line);
    let row = find(&line);
    let on_socket = matches!(line.endpoint, Some(Endpoint::Socket(_)));
    let known = match (row, line.voice) {
        (Some(row), _) => Some(row),
        // A server that says something unknown has spoken, and an error of the system on a socket has a meaning of its own.
        (None, Voice::Server) => None,
        (None, Voice::Client) if on_socket => None,
        (None, _) => return None,
    };
    Some(Message {
        id: known.map(|row| row.finding),
        speaker: known.map_or_else(|| unknown_speaker(line.voice), |row| row.speaker),
        voice: line.voice,
        said: text::safe(line.said),
        words: line.words.to_owned(),
        fix: known.map_or("", |row| row.fix),
        why: known.map_or("", |row| row.why),
        pattern: known.map_or("", |row| row.pattern),
        endpoint: line.endpoint,
        link: MessageLink::Unknown,
        ipv4_tried: false,
    })
}

/// The speaker of words that no row knows: on this side, they are the operating system's.
fn unknown_speaker(voice: Voice) -> Speaker {
    match voice {
        Voice::Client => Speaker::Network,
        Voice::Server | Voice::Detail => Speaker::Server,
    }
}

/// Determines the connection that carried a message: from the mode, and with `prefer` from the
/// order of the attempts at one address.
fn link(messages: &[Message], index: usize, mode: Option<SslMode>) -> MessageLink {
    let Some(message) = messages.get(index) else {
        return MessageLink::Unknown;
    };
    if matches!(message.endpoint, Some(Endpoint::Socket(_))) {
        return MessageLink::Socket;
    }
    let attempts = |range: &[Message]| {
        range
            .iter()
            .filter(|other| {
                other.voice == Voice::Server || other.id.is_some_and(|id| id.starts_with("tls."))
            })
            .filter(|other| other.endpoint == message.endpoint)
            .count()
    };
    let before = attempts(messages.get(..index).unwrap_or_default());
    let after = attempts(messages.get(index + 1..).unwrap_or_default());
    match mode {
        Some(SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull) => MessageLink::Encrypted,
        Some(SslMode::Allow) if before > 0 => MessageLink::Encrypted,
        Some(SslMode::Disable | SslMode::Allow) => MessageLink::Plaintext,
        Some(SslMode::Prefer) if before > 0 => MessageLink::Plaintext,
        // With `prefer`, TLS comes first and plaintext second; with `allow` the other way round (libpq, sslmode).
        Some(SslMode::Prefer) if after > 0 => MessageLink::Encrypted,
        _ => MessageLink::Unknown,
    }
}

/// Ranks a message by how close it is to the root cause.
fn weight(id: &str, message: &Message) -> u8 {
    match id {
        // Of several hosts, those of the wrong kind are what the setting is there for.
        "server.target_session" => 0,
        // Companions of something else.
        "net.closed" | "connection.lost" | "tls.handshake" => 1,
        "login.password_file" => 2,
        // A machine without IPv6: the address of IPv4 says more.
        "net.unreachable" if message.ipv4_tried && is_ipv6(message.endpoint.as_ref()) => 2,
        // Another address may have got further.
        id if id.starts_with("net.") => 3,
        // The details of a refusal say more than the refusal.
        _ if message.voice == Voice::Detail => 7,
        // Plaintext was refused; when TLS had been tried before, its failure is the reason.
        "tls.server_requires_tls" => 4,
        id if id.starts_with("tls.") => 5,
        // A server that talks about role and database: the connection as such stands.
        _ => 6,
    }
}

fn is_ipv6(endpoint: Option<&Endpoint>) -> bool {
    matches!(endpoint, Some(Endpoint::Network { address, .. }) if address.contains(':'))
}

fn finding(message: &Message, decision: &DecidedCause, context: &Context) -> Finding {
    let id = decision.id;
    let context = &at_endpoint(message, context);
    let mut finding = Finding::from_catalogue(id, context)
        .said_by(message.speaker)
        .with("message", message.said.clone());
    if message.id == Some(id) {
        for (part, own) in [
            (&mut finding.fix, message.fix),
            (&mut finding.why, message.why),
        ] {
            if !own.is_empty() {
                *part = filled(own, context).into_owned();
            }
        }
    }
    decision.applied(finding, context)
}

/// The facts with the place of the attempt, which of several hosts only the message names.
fn at_endpoint<'a>(message: &Message, context: &'a Context) -> Cow<'a, Context> {
    match &message.endpoint {
        Some(Endpoint::Network { address, port }) if context.configured.several_hosts => {
            Cow::Owned(Context {
                host: Some(address.clone()),
                port: Some(port.clone()),
                ..context.clone()
            })
        }
        _ => Cow::Borrowed(context),
    }
}

fn tail(stderr: &[u8]) -> &[u8] {
    stderr
        .get(stderr.len().saturating_sub(2000)..)
        .unwrap_or(stderr)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const AT: &str = "psql: error: connection to server at \"127.0.0.1\", port 5432 failed: ";

    fn ids(stderr: &str) -> Vec<String> {
        explain(stderr.as_bytes(), &Context::default())
            .into_iter()
            .map(|finding| finding.id)
            .collect()
    }

    #[test]
    fn the_root_cause_comes_first() {
        let plain = "connection to server at \"127.0.0.1\", port 5432 failed: ";
        let cases = [
            // prefer: TLS failed, then plaintext was refused.
            (
                format!(
                    "{AT}could not open certificate file \"/c\": Permission denied\n{plain}FATAL:  SSL required\n"
                ),
                vec!["tls.client_cert.unreadable", "tls.server_requires_tls"],
            ),
            (
                format!(
                    "{AT}SSL error: tlsv1 alert unknown ca\n{plain}FATAL:  no pg_hba.conf entry for host \"h\", user \"u\", database \"d\", no encryption\n"
                ),
                vec!["tls.client_cert.unknown_ca", "tls.server_requires_tls"],
            ),
            // prefer: no rule at all.
            (
                format!(
                    "{AT}FATAL:  no pg_hba.conf entry for host \"h\", user \"u\", database \"d\", SSL encryption\n{plain}FATAL:  no pg_hba.conf entry for host \"h\", user \"u\", database \"d\", no encryption\n"
                ),
                vec!["login.no_hba_entry"],
            ),
            // prefer: wrong password, and hostssl only.
            (
                format!(
                    "{AT}FATAL:  password authentication failed for user \"u\"\n{plain}FATAL:  no pg_hba.conf entry for host \"h\", user \"u\", database \"d\", no encryption\n"
                ),
                vec!["login.wrong_password", "tls.server_requires_tls"],
            ),
            // localhost: nothing on ::1.
            (
                format!(
                    "psql: error: connection to server at \"localhost\" (::1), port 5432 failed: Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?\n{plain}FATAL:  database \"x\" does not exist\n"
                ),
                vec!["server.unknown_database", "net.refused"],
            ),
            // TLS 1.3 and libpq 14: the race.
            (
                format!(
                    "{AT}SSL error: tlsv1 alert unknown ca\ncould not send startup packet: Connection reset by peer\n"
                ),
                vec!["tls.client_cert.unknown_ca", "net.closed"],
            ),
        ];
        for (stderr, expected) in cases {
            assert_eq!(ids(&stderr), expected, "{stderr}");
        }
    }

    #[test]
    fn a_name_without_an_address_of_ipv4_is_told_from_one_with_both() {
        let context = Context {
            host: Some("db.example".to_owned()),
            ..Context::default()
        };
        let ids = |stderr: &str| -> Vec<String> {
            let findings = explain(stderr.as_bytes(), &context);
            findings.into_iter().map(|finding| finding.id).collect()
        };
        let six = "psql: error: connection to server at \"db.example\" (2001:db8::1), port 5432 failed: Network is unreachable\n";
        let four = "connection to server at \"db.example\" (192.0.2.1), port 5432 failed: Connection refused\n";
        assert_eq!(ids(six), ["net.ipv6_only"]);
        assert_eq!(
            ids(&format!("{six}{four}")),
            ["net.refused", "net.unreachable"]
        );
    }

    #[test]
    fn of_several_hosts_the_one_of_the_wrong_kind_is_not_the_reason() {
        let stderr = "psql: error: connection to server at \"a\" (10.0.0.1), port 5432 failed: session is read-only\n\
                      connection to server at \"b\" (10.0.0.2), port 5432 failed: SSL error: certificate verify failed\n";
        assert_eq!(
            ids(stderr),
            ["tls.server_cert.unverified", "server.target_session"]
        );
    }

    #[test]
    fn whose_connection_the_words_are_about() {
        let entry = |user: &str, tail: &str| {
            format!(
                "{AT}FATAL:  no pg_hba.conf entry for host \"h\", user \"{user}\", database \"d\", {tail}\n"
            )
        };
        let root = |mode: SslMode, user: &str, stderr: &str| {
            let context = Context {
                sslmode: Some(mode),
                user: Some(user.to_owned()),
                database: Some("d".to_owned()),
                ..Context::default()
            };
            explain(stderr.as_bytes(), &context).remove(0).id
        };
        let plain = entry("u", "no encryption");
        assert_eq!(
            root(SslMode::Disable, "u", &plain),
            "tls.server_requires_tls"
        );
        assert_eq!(root(SslMode::Require, "u", &plain), "server.pooler_backend");
        assert_eq!(
            root(SslMode::Prefer, "u", &format!("{plain}{plain}")),
            "server.pooler_backend"
        );
        assert_eq!(
            root(SslMode::Require, "u", &entry("u", "SSL encryption")),
            "login.no_hba_entry"
        );
        let password = |user: &str| {
            format!("{AT}FATAL:  password authentication failed for user \"{user}\"\n")
        };
        assert_eq!(
            root(SslMode::Require, "u", &password("u")),
            "login.wrong_password"
        );
        assert_eq!(
            root(SslMode::Require, "u", &password("v")),
            "server.pooler_backend"
        );
        // Gateways take what stands behind the name for themselves; servers cut long names.
        assert_eq!(
            root(SslMode::Require, "u@server", &password("u")),
            "login.wrong_password"
        );
        assert_eq!(
            root(SslMode::Require, "u.project", &password("u")),
            "login.wrong_password"
        );
        let long = "a".repeat(70);
        assert_eq!(
            root(SslMode::Require, &long, &password(&"a".repeat(63))),
            "login.wrong_password"
        );
    }

    #[test]
    fn garbage_after_a_path_does_no_harm() {
        let mut stderr = format!("{AT}could not read certificate file \"/c\": ").into_bytes();
        stderr.extend_from_slice(b"\xff\xfe\x80\n\x07\x1b[2J\xc3\nFATAL");
        let findings = explain(&stderr, &Context::default());
        assert_eq!(findings[0].id, "tls.client_cert.unreadable");
        let json = serde_json::to_string(&findings).unwrap();
        assert!(
            !json.contains("\\u001b") && !json.contains("\\u0007"),
            "{json}"
        );
    }

    #[test]
    fn words_are_made_concrete() {
        let context = Context {
            user: Some("app\n".to_owned()),
            database: Some("d".to_owned()),
            ..Context::default()
        };
        let finding = &explain(
            b"FATAL:  password authentication failed for user \"app\"",
            &context,
        )[0];
        assert_eq!(
            finding.fix,
            "correct the password in PGPASSWORD of role 'app\\n', or the role's name in user, or set the role's password again \
             at the server (\\password in psql)"
        );
        assert_eq!(finding.evidence["said_by"], "PostgreSQL");
        let context = Context {
            sslmode: Some(SslMode::Disable),
            ..Context::default()
        };
        assert!(
            explain(b"FATAL:  SSL required", &context)[0]
                .why
                .contains("sslmode=disable")
        );
    }

    #[test]
    fn cures_can_be_pasted() {
        let context = Context {
            user: Some("app-1".to_owned()),
            database: Some("Shop".to_owned()),
            host: Some("db:x".to_owned()),
            port: Some("5433".to_owned()),
            ..Context::default()
        };
        let entry = "FATAL:  no pg_hba.conf entry for host";
        let rest = "user \"app-1\", database \"Shop\"";
        for (words, cure) in [
            (
                "FATAL:  permission denied for database \"Shop\"".to_owned(),
                "GRANT CONNECT ON DATABASE \"Shop\" TO \"app-1\"",
            ),
            (
                "FATAL:  role \"app-1\" is not permitted to log in".to_owned(),
                "ALTER ROLE \"app-1\" LOGIN, or",
            ),
            (
                "fe_sendauth: no password supplied".to_owned(),
                "set PGPASSWORD to the password of role 'app-1', or let a program print it (--password-command), or add the \
                 line 'db\\:x:5433:Shop:app-1:PASSWORD'",
            ),
            (
                format!("{entry} \"10.0.0.7\", {rest}, SSL encryption"),
                "add the line 'hostssl Shop app-1 10.0.0.7/32 scram-sha-256' to pg_hba.conf",
            ),
            (
                format!("{entry} \"fd00::7\", {rest}, GSS encryption"),
                "'hostgssenc Shop app-1 fd00::7/128 scram-sha-256'",
            ),
            (
                format!("{entry} \"[local]\", {rest}, no encryption"),
                "'local Shop app-1 scram-sha-256'",
            ),
            (
                "requirepeer specifies \"nemo\", but actual peer user name is \"postgres\""
                    .to_owned(),
                "set requirepeer=postgres if the server",
            ),
        ] {
            let finding = explain(words.as_bytes(), &context).remove(0);
            assert!(finding.fix.contains(cure), "{words}: {}", finding.fix);
        }
        let all = format!("{entry} \"10.0.0.7\", user \"all\", database \"a b\"");
        let fix = explain(all.as_bytes(), &Context::default()).remove(0).fix;
        assert!(fix.contains("host \"a b\" \"all\" 10.0.0.7/32"), "{fix}");
    }

    proptest! {
        #[test]
        fn never_panics_and_never_lets_control_characters_through(bytes: Vec<u8>) {
            for finding in explain(&bytes, &Context::default()) {
                let message = finding.evidence.get("message").and_then(|value| value.as_str()).unwrap_or_default();
                prop_assert!(!message.chars().any(char::is_control));
            }
        }

        #[test]
        fn noise_around_a_message_changes_nothing(before in "[a-z \n]{0,80}", after in "[a-z ]{0,80}") {
            let stderr = format!("{before}\n{AT}SSL error: tlsv1 alert unknown ca\n{after}");
            prop_assert_eq!(ids(&stderr), ["tls.client_cert.unknown_ca"]);
        }
    }
}
