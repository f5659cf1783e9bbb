use std::collections::BTreeSet;

use super::sentences::{RESEMBLE, SAID_BY_LIBPQ, SAID_BY_SERVERS, WITH_DETAILS};
use super::*;
use crate::diagnose::catalogue;
use crate::diagnose::{Context, explain};

fn ids(stderr: &str) -> Vec<String> {
    explain(stderr.as_bytes(), &Context::default())
        .into_iter()
        .map(|finding| finding.id)
        .collect()
}

/// Sentences and their findings: libpq 13 to 18, OpenSSL 1.1.1 to 3.6, servers, poolers and services.
const SENTENCES: &[(&str, &str)] = &[
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
    // Sentences that had no finding, by speaker.
    (
        "could not create SSL context: library has no ciphers",
        "tls.openssl_config",
    ),
    (
        "server offered SCRAM-SHA-256-PLUS authentication over a non-SSL connection",
        "login.channel_binding",
    ),
    (
        "could not verify server signature: out of memory",
        "login.scram",
    ),
    ("malformed SCRAM message (empty message)", "login.scram"),
    ("incorrect server signature", "login.scram"),
    (
        "could not create socket: Too many open files",
        "net.local_limit",
    ),
    (
        "gssencmode value \"require\" invalid when GSSAPI support is not compiled in",
        "config.gssencmode",
    ),
    (
        "GSSAPI encryption required but was impossible (possibly no credential cache, no server support, or using a local socket)",
        "config.gssencmode",
    ),
    (
        "GSSAPI continuation error: Unspecified GSS failure.  Minor code may provide more information: No Kerberos credentials available",
        "login.gssapi",
    ),
    (
        "could not initiate GSSAPI security context: Unspecified GSS failure",
        "login.gssapi",
    ),
    (
        "server doesn't support GSSAPI encryption, but it was required",
        "config.gssencmode",
    ),
    (
        "received duplicate protocol negotiation message",
        "server.protocol_version",
    ),
    (
        "received invalid protocol negotiation message: server reported an unsupported parameter that was not requested",
        "server.protocol_version",
    ),
    (
        "server only supports protocol version 3.0, but \"min_protocol_version\" was set to 3.2",
        "server.protocol_version",
    ),
    ("SSL error: no application protocol", "tls.alpn"),
    ("SSL error: tlsv1 alert no application protocol", "tls.alpn"),
    (
        "direct SSL connection was established without ALPN protocol negotiation extension",
        "tls.alpn",
    ),
    ("SSL error: no ciphers available", "tls.openssl_config"),
    (
        "SSL error: unsafe legacy renegotiation disabled",
        "tls.legacy_renegotiation",
    ),
    (
        "SSL error: unregistered scheme",
        "tls.root_cert.no_system_roots",
    ),
    ("SSL error: dh key too small", "tls.weak_dh"),
    (
        "SSL error: ssl/tls alert insufficient security",
        "tls.no_shared_cipher",
    ),
    ("SSL error: ssl/tls alert internal error", "tls.handshake"),
    (
        "could not read certificate file \"/c\": ee key too small",
        "tls.client_cert.weak_key",
    ),
    (
        "could not read certificate file \"/c\": ca md too weak",
        "tls.client_cert.weak_digest",
    ),
    ("could not generate nonce", "tls.openssl_config"),
    (
        "none of the server's SASL authentication mechanisms are supported",
        "login.method_not_supported",
    ),
    (
        "authentication method 13 not supported",
        "login.method_not_supported",
    ),
    (
        "GSSAPI authentication not supported",
        "login.method_not_supported",
    ),
    (
        "no OAuth flows are available (try installing the libpq-oauth package)",
        "login.method_not_supported",
    ),
    (
        "requirepeer specifies \"a\", but actual peer user name is \"b\"",
        "login.requirepeer",
    ),
    (
        "server sent an error response during SSL exchange",
        "server.process_limit",
    ),
    (
        "received invalid response to SSL negotiation: \u{15}",
        "tls.direct_required",
    ),
    ("session is read-only", "server.target_session"),
    (
        "FATAL:  cannot connect to invalid database \"x\"",
        "server.database_closed",
    ),
    (
        "FATAL:  canceling authentication due to timeout",
        "login.refused",
    ),
    (
        "FATAL:  SCRAM channel binding check failed",
        "login.channel_binding",
    ),
    (
        "FATAL:  unsupported frontend protocol 3.2: server supports 3.0 to 3.0",
        "server.protocol_version",
    ),
    (
        "FATAL:  invalid command-line argument for server process: endpoint=x",
        "server.startup_parameter",
    ),
    (
        "FATAL:  invalid value for parameter \"work_mem\": \"lots\"",
        "server.startup_parameter",
    ),
    (
        "FATAL:  permission denied to set parameter \"lc_messages\"",
        "server.startup_parameter",
    ),
    (
        "could not fork new process for connection: Resource temporarily unavailable",
        "server.process_limit",
    ),
    (
        "FATAL:  could not fork new process for connection: Cannot allocate memory",
        "server.process_limit",
    ),
    (
        "FATAL:  GSSAPI authentication failed for user \"app\"",
        "login.gssapi",
    ),
    (
        "FATAL:  LDAP authentication failed for user \"app\"",
        "login.refused",
    ),
    (
        "FATAL:  PAM authentication failed for user \"app\"",
        "login.refused",
    ),
    (
        "FATAL:  the database system is not yet accepting connections",
        "server.recovering",
    ),
    (
        "FATAL:  the database system is not accepting connections",
        "server.recovering",
    ),
    (
        "FATAL:  pg_hba.conf rejects connection for host \"[local]\", user \"u\", database \"d\"",
        "login.hba_reject",
    ),
    (
        "FATAL:  pg_hba.conf rejects connection for host \"h\", user \"u\", database \"d\", no encryption",
        "tls.server_requires_tls",
    ),
    // PgBouncer
    ("ERROR:  SSL required", "tls.server_requires_tls"),
    (
        "FATAL:  password authentication failed",
        "login.wrong_password",
    ),
    (
        "FATAL:  certificate authentication failed",
        "login.certificate_user",
    ),
    ("FATAL:  login rejected", "login.hba_reject"),
    ("FATAL:  no such user", "login.not_pooler_user"),
    ("FATAL:  no such user: nemo", "login.not_pooler_user"),
    ("FATAL:  PAM authentication failed", "login.refused"),
    ("FATAL:  client_login_timeout", "server.pooler_backend"),
    (
        "FATAL:  client_login_timeout (server down)",
        "server.pooler_backend",
    ),
    ("FATAL:  server shutting down", "server.shutting_down"),
    (
        "FATAL:  client connections exceeded (max_db_client_connections)",
        "server.too_many_for_role",
    ),
    (
        "FATAL:  no more connections allowed (max_client_conn)",
        "server.too_many_clients",
    ),
    ("FATAL:  no authentication method is found", "login.refused"),
    (
        "FATAL:  unsupported options startup parameter: only '-c config=val' and '--config=val' are allowed",
        "server.startup_parameter",
    ),
    (
        "FATAL:  unsupported startup parameter in options: lock_timeout",
        "server.startup_parameter",
    ),
    (
        "FATAL:  database \"app\" is disabled",
        "server.database_closed",
    ),
    (
        "FATAL:  bad packet header: '0000005100030002'",
        "server.protocol_version",
    ),
    (
        "FATAL:  server login failed: FATAL password authentication failed for user \"x\"",
        "server.pooler_backend",
    ),
    (
        "FATAL:  server login has been failing, cached error: connect failed (server_login_retry)",
        "server.pooler_backend",
    ),
    // Services and other poolers
    ("FATAL:  SSL/TLS required", "tls.server_requires_tls"),
    (
        "FATAL:  SSL connection is required. Please specify SSL options and retry.",
        "tls.server_requires_tls",
    ),
    (
        "FATAL:  This RDS Proxy requires TLS connections",
        "tls.server_requires_tls",
    ),
    (
        "ERROR:  connection is insecure (try using `sslmode=require`)",
        "tls.server_requires_tls",
    ),
    (
        "ERROR:  node is running secure mode, SSL connection required",
        "tls.server_requires_tls",
    ),
    (
        "FATAL:  (ESSLREQUIRED) SSL connection is required for user: app",
        "tls.server_requires_tls",
    ),
    (
        "FATAL:  only TLS connections are allowed",
        "tls.server_requires_tls",
    ),
    (
        "FATAL:  odyssey: c1d2: SSL is required",
        "tls.server_requires_tls",
    ),
    ("FATAL:  Tenant or user not found", "login.not_routed"),
    (
        "FATAL:  (ENOTFOUND) tenant/user postgres.abc not found",
        "login.not_routed",
    ),
    (
        "FATAL:  (ENOIDENTIFIER) no tenant identifier provided (external_id or sni_hostname required)",
        "login.not_routed",
    ),
    (
        "ERROR:  Endpoint ID is not specified. Either please upgrade the postgres client library (libpq) for SNI support",
        "login.not_routed",
    ),
    (
        "ERROR:  The requested endpoint could not be found, or you don't have access to it.",
        "login.not_routed",
    ),
    (
        "FATAL:  codeParamsRoutingFailed: rejected by BackendConfigFromParams: Invalid cluster name",
        "login.not_routed",
    ),
    (
        "FATAL:  Invalid Username specified. Please check the Username and retry connection.",
        "login.not_routed",
    ),
    (
        "ERROR:  This IP address 1.2.3.4 is not allowed to connect to this endpoint.",
        "login.address_refused",
    ),
    (
        "FATAL:  (EADDRNOTALLOWED) address not in tenant allow_list: {1, 2, 3, 4}",
        "login.address_refused",
    ),
    (
        "FATAL:  (EMAXCONN) max client connections reached, limit: 200",
        "server.too_many_clients",
    ),
    (
        "FATAL:  MaxClientsInSessionMode: max clients reached",
        "server.too_many_clients",
    ),
    (
        "ERROR:  password authentication failed for user 'app'",
        "login.wrong_password",
    ),
    (
        "FATAL:  Feature not supported: RDS Proxy currently doesn\u{2019}t support command-line options.",
        "server.startup_parameter",
    ),
    (
        "FATAL:  The password that was provided for the role app is wrong.",
        "login.wrong_password",
    ),
    (
        "FATAL:  This RDS proxy has no credentials for the role app. Check the credentials",
        "login.not_pooler_user",
    ),
    (
        "FATAL:  Timed-out waiting to acquire database connection",
        "server.pooler_backend",
    ),
    (
        "FATAL:  The access token has expired. Acquire a new token and retry",
        "login.token_expired",
    ),
    ("FATAL:  md5 authentication failed", "login.wrong_password"),
    (
        "FATAL:  failed to create a backend connection",
        "server.pooler_backend",
    ),
    (
        "FATAL:  pgpool is not accepting any new connections",
        "server.pooler_backend",
    ),
    (
        "FATAL:  odyssey: c1d2: route for 'd.u' is not found",
        "login.not_routed",
    ),
    (
        "FATAL:  odyssey: c1d2: host based authentication rejected",
        "login.hba_reject",
    ),
    (
        "FATAL:  password for user \"u\" and database \"d\" is wrong, or the database does not exist",
        "login.wrong_password",
    ),
    // The network in the words of musl and macOS
    ("Host is unreachable", "net.unreachable"),
    ("Network unreachable", "net.unreachable"),
    ("Operation timed out", "net.timeout"),
    ("Address not available", "net.unreachable"),
    ("Permission denied", "net.forbidden"),
    ("Operation not permitted", "net.forbidden"),
];

#[test]
fn every_sentence_has_its_finding() {
    let said = SENTENCES
        .iter()
        .chain(SAID_BY_LIBPQ)
        .map(|&(words, id)| (words.to_owned(), id));
    let by_servers = SAID_BY_SERVERS
        .iter()
        .map(|(words, id)| (format!("FATAL:  {words}"), *id));
    for (words, id) in said.chain(by_servers) {
        for prefix in [
            "psql: error: connection to server at \"127.0.0.1\", port 5432 failed: ",
            "psql: error: ",
            "pg_dump: error: connection to server at \"db\" (10.0.0.1), port 5432 failed: ",
            "",
        ] {
            assert_eq!(ids(&format!("{prefix}{words}\n")), [id], "{prefix}{words}");
        }
    }
}

#[test]
fn the_line_behind_a_refusal_says_more() {
    for (fatal, detail, id) in WITH_DETAILS {
        assert_eq!(ids(&format!("{fatal}\n{detail}\n"))[0], *id, "{detail}");
    }
    let standby = "FATAL:  the database system is not accepting connections\nDETAIL:  Hot standby mode is disabled.\n";
    let finding = explain(standby.as_bytes(), &Context::default()).remove(0);
    assert!(finding.fix.contains("hot_standby=on"), "{}", finding.fix);
}

/// Sentences that are said before there is an address.
const WITHOUT_ADDRESS: &[(&str, &str)] = &[
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
];

#[test]
fn every_sentence_without_an_address_has_its_finding() {
    for (words, id) in WITHOUT_ADDRESS {
        assert_eq!(ids(words), [*id], "{words}");
    }
}

/// Messages that resemble others.
const MUST_NOT: &[(&str, &str)] = &[
    // The server has spoken: somebody listens.
    (
        "psql: error: connection to server on socket \"/s/.s.PGSQL.5432\" failed: FATAL:  something new",
        "net.socket_missing",
    ),
    (
        "psql: error: connection to server on socket \"/s/.s.PGSQL.5432\" failed: FATAL:  password authentication failed",
        "net.socket_missing",
    ),
    ("FATAL:  backend said: Connection refused", "net.refused"),
    ("FATAL:  timeout expired", "net.timeout"),
    (
        "FATAL:  SSL error: tlsv1 alert unknown ca",
        "tls.client_cert.unknown_ca",
    ),
    // A sentence of the server in the mouth of libpq.
    (
        "password authentication failed for user \"app\"",
        "login.wrong_password",
    ),
    ("the database system is starting up", "server.starting_up"),
    // A part of a longer sentence.
    ("FATAL:  the table SSL required", "tls.server_requires_tls"),
    ("FATAL:  no such user in sight", "login.not_pooler_user"),
    ("FATAL:  login rejected by policy 7", "login.hba_reject"),
    (
        "FATAL:  function role does not exist in this language",
        "login.unknown_role",
    ),
    // ALPN is not about sslnegotiation=direct, which is not set here.
    (
        "SSL error: tlsv1 alert no application protocol",
        "tls.direct_refused",
    ),
    (
        "SSL error: unexpected eof while reading",
        "tls.direct_refused",
    ),
];

#[test]
fn sentences_that_look_like_others_are_told_apart() {
    for (words, id) in MUST_NOT.iter().chain(RESEMBLE) {
        assert!(
            !ids(words).contains(&(*id).to_owned()),
            "{words} is not {id}"
        );
    }
}

#[test]
fn every_finding_of_a_row_is_in_the_catalogue() {
    for row in ROWS {
        assert!(catalogue::entry(row.finding).is_some(), "{}", row.finding);
        assert!(!row.seen_in.is_empty(), "{}", row.pattern);
    }
}

#[test]
fn no_row_hides_another() {
    let mut seen = BTreeSet::new();
    for row in ROWS {
        let voice = row.speaker.sends_messages();
        assert!(
            seen.insert((voice, row.pattern)),
            "{} is there twice",
            row.pattern
        );
        let example = row.pattern.replace('*', "x");
        let first = ROWS
            .iter()
            .find(|other| {
                other.speaker.sends_messages() == voice && matches(other.pattern, &example)
            })
            .unwrap();
        assert!(
            first.pattern == row.pattern || first.finding == row.finding,
            "{} never gets a word in: {} stands before it",
            row.pattern,
            first.pattern
        );
    }
}

#[test]
fn patterns_are_whole_sentences() {
    for (pattern, text, fits) in [
        ("a", "a", true),
        ("a", "ab", false),
        ("a*", "ab", true),
        ("*b", "ab", true),
        ("a*c", "abc", true),
        ("a*c", "abcd", false),
        ("a*b*c", "a1b2c", true),
        ("a*b*c", "a1c", false),
        ("*", "", true),
        ("ab*ba", "aba", false),
    ] {
        assert_eq!(matches(pattern, text), fits, "{pattern} {text}");
    }
}
