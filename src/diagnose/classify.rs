use std::borrow::Cow;

use super::catalogue;
use super::finding::{Finding, Severity, Speaker};
use super::signature;
use crate::config::ConfigError;
use crate::tls::{SslMode, text};

/// The most bytes of stderr that are looked at: a psql that prints more repeats itself.
const LIMIT: usize = 256 << 10;

/// What is known about the connection; makes the words of a finding concrete.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// The mode that psql was given.
    pub sslmode: Option<SslMode>,
    /// The role.
    pub user: Option<String>,
    /// The database.
    pub database: Option<String>,
    /// Host name, address or socket directory.
    pub host: Option<String>,
    /// The port.
    pub port: Option<String>,
}

/// One recognised line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The cause.
    pub id: &'static str,
    /// Who said so.
    pub speaker: Speaker,
    /// The line without program and address, safe to print.
    pub line: String,
}

/// Recognises every line of a client's stderr that says why a connection failed, in the order of the lines.
///
/// Each failed attempt (TLS and plaintext, each address) adds a line of its own, so all lines count. Lines that say nothing
/// known are left out; bytes that are not UTF-8 do no harm.
pub fn classify(stderr: &[u8]) -> Vec<Message> {
    let bytes = stderr.get(..stderr.len().min(LIMIT)).unwrap_or(stderr);
    let all = String::from_utf8_lossy(bytes);
    let mut messages: Vec<Message> = all.split(['\n', '\r']).filter_map(message).collect();
    // "no entry" in plaintext after "no entry" over TLS: TLS is not the point.
    if messages
        .iter()
        .any(|message| matches!(message.id, "login.no_hba_entry" | "login.hba_reject"))
    {
        messages.retain(|message| {
            message.id != "tls.server_requires_tls" || message.speaker != Speaker::PostgreSql
        });
    }
    let mut seen = Vec::new();
    messages.retain(|message| {
        !seen.contains(&message.id) && {
            seen.push(message.id);
            true
        }
    });
    messages
}

fn message(line: &str) -> Option<Message> {
    let own = without_prefixes(line);
    let signature = signature::of_line(own)
        // The address is part of what says that a socket has no server behind it.
        .filter(|signature| signature.id != "net.refused" || !line.contains("on socket"))
        .or_else(|| {
            line.contains("on socket")
                .then(|| signature::of_line(line))
                .flatten()
        })?;
    let mut words = own;
    if words.trim().is_empty() {
        words = line;
    }
    Some(Message {
        id: signature.id,
        speaker: signature.speaker,
        line: text::safe(words.trim()),
    })
}

/// Takes off `psql: error: `, `psql:FILE:LINE: ` and libpq's `connection to server at … failed: `.
fn without_prefixes(line: &str) -> &str {
    let mut rest = line;
    if let Some((_, behind)) = rest
        .split_once("connection to server ")
        .and_then(|(_, behind)| behind.split_once(" failed: "))
    {
        rest = behind;
    }
    for prefix in ["psql: error: ", "psql: ", "pg_dump: error: "] {
        rest = rest.strip_prefix(prefix).unwrap_or(rest);
    }
    rest
}

/// Explains why a client could not connect: the root cause first, then what else its stderr says.
///
/// Never empty: words that are not known are reported as `connection.failed`, with the words.
pub fn explain(stderr: &[u8], context: &Context) -> Vec<Finding> {
    let mut messages = classify(stderr);
    // Stable: among equals the first line stays first.
    messages.sort_by_key(|message| std::cmp::Reverse(weight(message)));
    let mut findings: Vec<Finding> = messages
        .iter()
        .map(|message| finding(message, context))
        .collect();
    if findings.is_empty() {
        let words = text::bounded(&String::from_utf8_lossy(tail(stderr)), 1000);
        findings.push(of_id("connection.failed", context).with("message", words));
    }
    for (index, finding) in findings.iter_mut().enumerate() {
        if index > 0 {
            finding.severity = Severity::Warning;
        }
    }
    findings
}

/// How near a message is to the reason for the failure of the whole.
fn weight(message: &Message) -> u8 {
    match message.id {
        // Companions of something else.
        "net.closed" | "connection.lost" | "tls.handshake" => 0,
        "login.password_file" => 1,
        // Another address may have got further.
        id if id.starts_with("net.") => 2,
        // Plaintext was refused; when TLS had been tried before, its failure is the reason.
        "tls.server_requires_tls" => 3,
        id if id.starts_with("tls.") => 4,
        // A server that talks about role and database: the connection as such stands.
        _ => 5,
    }
}

fn finding(message: &Message, context: &Context) -> Finding {
    let mut finding = of_id(message.id, context)
        .said_by(message.speaker)
        .with("message", message.line.clone());
    match (message.id, context.sslmode) {
        ("tls.server_requires_tls", Some(mode @ (SslMode::Disable | SslMode::Allow))) => {
            finding.why = format!(
                "the server wants TLS, and sslmode={mode} made this connection in plaintext"
            );
        }
        ("tls.server_requires_tls", Some(mode @ SslMode::Prefer)) => {
            finding.why = format!(
                "the server wants TLS; with sslmode={mode} psql went on in plaintext after TLS had failed without a word"
            );
        }
        ("login.no_password", _) if context.user.is_some() => {
            finding.fix = format!(
                "{} for role '{}'",
                finding.fix,
                text::safe(context.user.as_deref().unwrap_or_default())
            );
        }
        _ => {}
    }
    finding
}

/// The finding that the catalogue has under an id, at the severity of an error.
pub fn of_id(id: &str, context: &Context) -> Finding {
    let entry = catalogue::entry(id);
    let what = entry.map_or("an unknown cause", |entry| entry.what);
    let mut finding = Finding::new(id, Severity::Error, what);
    if let Some(entry) = entry {
        finding.why = filled(entry.why, context).into_owned();
        finding.fix = filled(entry.fix, context).into_owned();
    }
    finding
}

fn filled<'t>(template: &'t str, context: &Context) -> Cow<'t, str> {
    if !template.contains('{') {
        return Cow::Borrowed(template);
    }
    let mut out = template.to_owned();
    for (name, value, otherwise) in [
        ("{user}", &context.user, "ROLE"),
        ("{database}", &context.database, "DATABASE"),
        ("{host}", &context.host, "the local socket"),
        ("{port}", &context.port, "5432"),
    ] {
        out = out.replace(
            name,
            &value
                .as_deref()
                .map_or_else(|| otherwise.to_owned(), text::safe),
        );
    }
    Cow::Owned(out)
}

fn tail(stderr: &[u8]) -> &[u8] {
    stderr
        .get(stderr.len().saturating_sub(2000)..)
        .unwrap_or(stderr)
}

impl From<&ConfigError> for Finding {
    fn from(error: &ConfigError) -> Self {
        let standing = of_id(error.id(), &Context::default());
        let mut finding = Self {
            what: text::bounded(&error.to_string(), 500),
            ..standing
        };
        if let Some(source) = std::error::Error::source(error) {
            finding.why = text::bounded(&source.to_string(), 500);
        }
        finding.said_by(Speaker::Schemastamp)
    }
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

    /// Real messages of libpq 13 to 18 with the cause, most without the address that they begin with.
    #[test]
    fn every_wording_has_its_cause() {
        let table = [
            ("FATAL:  SSL required", "tls.server_requires_tls"),
            (
                "FATAL:  no pg_hba.conf entry for host \"127.0.0.1\", user \"u\", database \"d\", no encryption",
                "tls.server_requires_tls",
            ),
            (
                "FATAL:  no pg_hba.conf entry for host \"127.0.0.1\", user \"u\", database \"d\", SSL off",
                "tls.server_requires_tls",
            ),
            (
                "FATAL:  no pg_hba.conf entry for host \"127.0.0.1\", user \"u\", database \"d\"",
                "login.no_hba_entry",
            ),
            (
                "FATAL:  no pg_hba.conf entry for host \"127.0.0.1\", user \"u\", database \"d\", SSL encryption",
                "login.no_hba_entry",
            ),
            (
                "FATAL:  pg_hba.conf rejects connection for host \"h\", user \"u\", database \"d\", SSL encryption",
                "login.hba_reject",
            ),
            (
                "could not open certificate file \"/h/.postgresql/postgresql.crt\": Permission denied",
                "tls.client_cert.unreadable",
            ),
            (
                "could not open certificate file \"/h/c\": Too many levels of symbolic links",
                "tls.client_cert.unreadable",
            ),
            (
                "could not read certificate file \"/c\": no start line",
                "tls.client_cert.invalid",
            ),
            (
                "could not read certificate file \"/c\": SSL error code 2147483661",
                "tls.client_cert.unreadable",
            ),
            (
                "could not read certificate file \"/c\": ",
                "tls.client_cert.unreadable",
            ),
            (
                "certificate present, but not private key file \"/k\"",
                "tls.client_key.missing",
            ),
            (
                "private key file \"/k\" has group or world access; permissions should be u=rw (0600) or less",
                "tls.client_key.permissions",
            ),
            (
                "could not load private key file \"/k\": key values mismatch",
                "tls.client_key.mismatch",
            ),
            (
                "could not load private key file \"/k\": processing error",
                "tls.client_key.encrypted",
            ),
            (
                "private key file \"/k\" is not a regular file",
                "tls.client_key.not_a_file",
            ),
            (
                "SSL error: tlsv1 alert unknown ca",
                "tls.client_cert.unknown_ca",
            ),
            (
                "SSL error: sslv3 alert certificate expired",
                "tls.client_cert.expired",
            ),
            (
                "SSL error: ssl/tls alert certificate expired",
                "tls.client_cert.expired",
            ),
            (
                "SSL error: ssl/tls alert unsupported certificate",
                "tls.client_cert.wrong_purpose",
            ),
            (
                "SSL error: tlsv13 alert certificate required",
                "tls.client_cert.required",
            ),
            (
                "SSL error: sslv3 alert handshake failure",
                "tls.client_cert.required",
            ),
            (
                "SSL error: tlsv1 alert protocol version",
                "tls.protocol_version",
            ),
            ("SSL error: no protocols available", "tls.protocol_version"),
            ("SSL error: wrong version number", "net.not_postgresql"),
            (
                "SSL error: certificate verify failed",
                "tls.server_cert.unverified",
            ),
            (
                "server certificate for \"a\" (and 1 other name) does not match host name \"b\"",
                "tls.server_cert.name",
            ),
            (
                "root certificate file \"/r\" does not exist",
                "tls.root_cert.missing",
            ),
            (
                "could not read root certificate file \"/r\": no certificate or crl found",
                "tls.root_cert.invalid",
            ),
            (
                "could not read root certificate file \"/r\": ",
                "tls.root_cert.unreadable",
            ),
            (
                "server does not support SSL, but SSL was required",
                "tls.server_without_tls",
            ),
            (
                "received invalid response to SSL negotiation: H",
                "net.not_postgresql",
            ),
            (
                "FATAL:  connection requires a valid client certificate",
                "tls.client_cert.required",
            ),
            (
                "FATAL:  certificate authentication failed for user \"app\"",
                "login.certificate_user",
            ),
            (
                "FATAL:  \"trust\" authentication failed for user \"app\"",
                "login.certificate_user",
            ),
            (
                "FATAL:  \"trust\" authentication failed",
                "login.not_pooler_user",
            ),
            (
                "FATAL:  password authentication failed for user \"app\"",
                "login.wrong_password",
            ),
            (
                "FATAL:  Peer authentication failed for user \"app\"",
                "login.peer",
            ),
            ("FATAL:  role \"x\" does not exist", "login.unknown_role"),
            (
                "FATAL:  role \"x\" is not permitted to log in",
                "login.not_permitted",
            ),
            (
                "FATAL:  database \"x\" does not exist",
                "server.unknown_database",
            ),
            ("FATAL:  no such database: x", "server.unknown_database"),
            (
                "FATAL:  sorry, too many clients already",
                "server.too_many_clients",
            ),
            (
                "FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute",
                "server.too_many_clients",
            ),
            (
                "FATAL:  the database system is starting up",
                "server.starting_up",
            ),
            ("FATAL:  query_wait_timeout", "server.pooler_backend"),
            (
                "FATAL:  unsupported startup parameter: options",
                "server.startup_parameter",
            ),
            ("fe_sendauth: no password supplied", "login.no_password"),
            (
                "Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?",
                "net.refused",
            ),
            ("timeout expired", "net.timeout"),
            ("SSL SYSCALL error: EOF detected", "net.closed"),
            ("SSL error: unexpected eof while reading", "net.closed"),
            (
                "host name must be specified for a verified SSL connection",
                "config.no_host_name",
            ),
        ];
        for (words, id) in table {
            for prefix in [
                AT,
                "psql: error: ",
                "pg_dump: error: connection to server at \"db\" (10.0.0.1), port 5432 failed: ",
                "",
            ] {
                assert_eq!(ids(&format!("{prefix}{words}\n")), [id], "{prefix}{words}");
            }
        }
    }

    #[test]
    fn messages_without_an_address() {
        for (words, id) in [
            (
                "psql: error: could not translate host name \"no.such\" to address: Name or service not known",
                "net.dns",
            ),
            (
                "psql: error: sslmode value \"require\" invalid when SSL support is not compiled in",
                "program.no_tls",
            ),
            (
                "psql: error: invalid sslmode value: \"Require\"",
                "config.sslmode",
            ),
            (
                "psql: error: invalid sslcertmode value: \"bogus\"",
                "config.value",
            ),
            (
                "psql: error: invalid integer value \"\" for connection option \"connect_timeout\"",
                "config.value",
            ),
            (
                "psql: error: weak sslmode \"require\" may not be used with sslrootcert=system (use \"verify-full\")",
                "config.weak_sslmode",
            ),
            (
                "psql: error: definition of service \"\" not found",
                "config.service",
            ),
            (
                "psql: error: invalid SSL protocol version range",
                "config.protocol_range",
            ),
            (
                "psql: error: could not connect to server: Connection refused\n\tIs the server running on host \"h\" (1.2.3.4) and accepting\n\tTCP/IP connections on port 5432?",
                "net.refused",
            ),
            (
                "psql: error: connection to server on socket \"/run/.s.PGSQL.5432\" failed: No such file or directory\n\tIs the server running locally and accepting connections on that socket?",
                "net.socket_missing",
            ),
            (
                "psql: error: connection to server on socket \"/run/.s.PGSQL.5432\" failed: FATAL:  role \"x\" does not exist",
                "login.unknown_role",
            ),
            ("", "connection.failed"),
            ("psql: error: etwas ganz anderes", "connection.failed"),
        ] {
            assert_eq!(ids(words), [id], "{words}");
        }
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
            "correct the password of role 'app\\n', or the role's name"
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
    fn every_signature_is_in_the_catalogue() {
        for id in signature::ids() {
            assert!(catalogue::entry(id).is_some(), "{id}");
        }
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
