//! The sentences by which failures are known: data, one row for each.
//!
//! Collected from the sources and message catalogues of libpq 13 to 18, OpenSSL 1.1.1 to 3.6, `PostgreSQL` 13 to 18, `PgBouncer`
//! 1.18 to 1.26, and from what hosted services and other poolers were seen to say. A more special sentence stands before a more general one.

use crate::diagnose::finding::Speaker;

/// A message, its source, and its meaning.
#[derive(Clone, Copy, Debug)]
pub struct MessageRow {
    /// The speaker.
    pub speaker: Speaker,
    /// The whole sentence; `*` stands for anything.
    pub pattern: &'static str,
    /// The finding.
    pub finding: &'static str,
    /// The versions in which it was seen.
    pub seen_in: &'static str,
    /// The fix, if it differs from the finding's own, or else empty.
    pub fix: &'static str,
    /// The reason, if it differs from the finding's own, or else empty.
    pub why: &'static str,
}

macro_rules! rows {
    ($($speaker:ident {
        $($pattern:literal => $finding:literal, $seen_in:literal $(, $fix:literal)? $(, because $why:literal)?;)*
    })*) => {
        /// All rows.
        pub const ROWS: &[MessageRow] = &[$($(MessageRow {
            speaker: Speaker::$speaker,
            pattern: $pattern,
            finding: $finding,
            seen_in: $seen_in,
            fix: concat!($($fix)?),
            why: concat!($($why)?),
        }),*),*];
    };
}

// The text behind a file's name is not matched to its end: with OpenSSL 3 on glibc libpq 14.13, 15.8, 16.4 and later print heap bytes
// there.
rows! {
    // Before libpq connects.
    Libpq {
        "*error while loading shared libraries: *" => "program.failed", "13-18",
            "install psql and libpq of the same version, or correct LD_LIBRARY_PATH";
        "*symbol lookup error: *" => "program.failed", "13-18",
            "install psql and libpq of the same version, or correct LD_LIBRARY_PATH";
        "gssencmode value * invalid when GSSAPI support is not compiled in" => "config.gssencmode", "12-18",
            "[leave gssencmode out], or use a psql whose libpq has GSSAPI";
        "*SSL support is not compiled in" => "program.no_tls", "13-18";
        "invalid sslmode value: *" => "config.sslmode", "13-18";
        "weak sslmode * may not be used with *" => "config.weak_sslmode", "16-18";
        "invalid SSL protocol version range" => "config.protocol_range", "13-18";
        "invalid ssl_m*_protocol_version value*" => "config.protocol_range", "13-18";
        "invalid \"ssl_m*_protocol_version\" value*" => "config.protocol_range", "14-18";
        "invalid value * for m*imum SSL protocol version" => "config.protocol_range", "13-18";
        "definition of service * not found" => "config.service", "13-18";
        "service file * not found" => "config.service", "13-18";
        "* in service file *" => "config.service", "13-18",
            "correct the line of the service file that is named";
        "lookup on LDAP server failed: *" => "config.service", "13-18",
            "correct the LDAP URL in the service file, or give the settings there by themselves";
        "* on LDAP lookup" => "config.service", "13-18",
            "correct the LDAP URL in the service file, or give the settings there by themselves";
        "invalid LDAP URL *" => "config.service", "13-18",
            "correct the LDAP URL in the service file, or give the settings there by themselves";
        "missing \"=\" after * in connection info string" => "config.invalid", "13-18",
            "write the connection string as key=value pairs, with quotes around values that hold blanks";
        "unterminated quoted string in connection info string" => "config.invalid", "13-18",
            "close the quote in the connection string; within quotes write \\' for a quote";
        "invalid URI query parameter: *" => "config.invalid", "13-18",
            "correct the parameter's name behind the ? of the URI";
        "invalid percent-encoded token: *" => "config.invalid", "13-18",
            "write % as %25 in the URI, as in a password";
        "could not match * to * host*" => "config.value", "13-18",
            "give as many values as there are hosts, with commas between them";
        "Unix-domain socket path * is too long*" => "config.value", "13-18",
            "name a shorter path of the socket's directory in [host], such as a symbolic link to it";
        "invalid connection option *" => "config.value", "13-18";
        "\"min_protocol_version\" is greater than \"max_protocol_version\"" => "config.value", "18",
            "[leave min_protocol_version out], or [leave max_protocol_version out]",
            because "no version of the protocol is both as new as the one and as old as the other";
        "invalid integer value * for connection option *" => "config.value", "13-18";
        "invalid port number: *" => "config.value", "13-18";
        "require_auth method * is specified more than once" => "config.value", "16-18";
        "*negative*require_auth method*" => "config.value", "16-18";
        "require_auth method * cannot be mixed with negative methods" => "config.value", "16-18";
        "invalid * value: *" => "config.value", "13-18";
        "invalid SSL negotiation value*" => "config.value", "17";
        "local user with ID * does not exist" => "config.no_user", "13-18";
        "could not look up local user ID *" => "config.no_user", "13-18";
        "host name must be specified for a verified SSL connection" => "config.no_host_name", "13-18";
        "host name must be specified" => "config.no_host_name", "13-18";
    }
    // Files.
    Libpq {
        "root certificate file * does not exist" => "tls.root_cert.missing", "13-18";
        "could not get home directory to locate root certificate file" => "tls.root_cert.missing", "13-18";
        "could not read root certificate file *no certificate or crl found*" => "tls.root_cert.invalid", "13-18";
        "could not read root certificate file *PEM lib*" => "tls.root_cert.invalid", "13-18";
        "could not read root certificate file *" => "tls.root_cert.unreadable", "13-18";
        "could not load system root certificate paths*" => "tls.root_cert.no_system_roots", "16-18";
        "could not open certificate file *" => "tls.client_cert.unreadable", "13-18";
        "could not read certificate file *no start line*" => "tls.client_cert.invalid", "13-18";
        "could not read certificate file *key too small*" => "tls.client_cert.weak_key", "13-18";
        "could not read certificate file *md too weak*" => "tls.client_cert.weak_digest", "13-18";
        "could not read certificate file *PEM lib*" => "tls.client_cert.invalid", "13-18";
        "could not read certificate file *" => "tls.client_cert.unreadable", "13-18";
        "certificate present, but not private key file *" => "tls.client_key.missing", "13-18";
        "could not stat private key file *" => "tls.client_key.unreadable", "15-18";
        "private key file * is not a regular file*" => "tls.client_key.not_a_file", "13-18";
        "private key file * has group or world access*" => "tls.client_key.permissions", "13-18";
        "could not load private key file *key values mismatch*" => "tls.client_key.mismatch", "13-18";
        "could not load private key file *key type mismatch*" => "tls.client_key.mismatch", "13-18";
        "certificate does not match private key file *" => "tls.client_key.mismatch", "13-18";
        "could not load private key file *bad decrypt*" => "tls.client_key.encrypted", "13-18";
        "could not load private key file *processing error*" => "tls.client_key.encrypted", "13-18";
        "could not load private key file *bad password read*" => "tls.client_key.encrypted", "13-18";
        "could not load private key file *problems getting password*" => "tls.client_key.encrypted", "13-18";
        "could not load private key file *interrupted or cancelled*" => "tls.client_key.encrypted", "13-18";
        "could not load private key file *empty password*" => "tls.client_key.encrypted", "13-18";
        "Enter PEM pass phrase*" => "tls.client_key.encrypted", "13-18";
        "could not load private key file *no start line*" => "tls.client_key.invalid", "13-18";
        "could not load private key file *unsupported*" => "tls.client_key.invalid", "13-18";
        "could not load private key file *" => "tls.client_key.unreadable", "13-18";
        "could not load SSL engine *" => "tls.client_key.colon", "13-18";
        "could not initialize SSL engine *" => "tls.client_key.colon", "13-18";
        "could not * private SSL key * from engine *" => "tls.client_key.colon", "13-18";
        "*password file * has group or world access*" => "login.password_file", "13-18";
        "*password file * is not a plain file" => "login.password_file", "13-18",
            "name a regular file in PGPASSFILE";
    }
    // OpenSSL's configuration and what it has to offer.
    Libpq {
        "could not create SSL context: *" => "tls.openssl_config", "1.1.1-3.6";
        "could not set m*imum SSL protocol version: *" => "tls.openssl_config", "1.1.1-3.6";
        "SSL error: no ciphers available*" => "tls.openssl_config", "1.1.1-3.6";
        "SSL error: no cipher match*" => "tls.openssl_config", "1.1.1-3.6";
        "SSL error: *library has no ciphers*" => "tls.openssl_config", "1.1.1-3.6";
        "SSL error: no suitable signature algorithm*" => "tls.openssl_config", "1.1.1-3.6";
        "SSL error: *unsupported:*" => "tls.openssl_config", "3.0-3.6";
        "could not generate nonce" => "tls.openssl_config", "13-18";
        "could not generate random salt" => "tls.openssl_config", "13-18";
        "SSL error: unsafe legacy renegotiation disabled*" => "tls.legacy_renegotiation", "3.0-3.6";
        "SSL error: unregistered scheme*" => "tls.root_cert.no_system_roots", "3.0-3.6";
    }
    // Alerts of the other side. OpenSSL before 3.2 begins most with `sslv3`, later ones with `ssl/tls`.
    TlsAlert {
        "SSL error: *alert unknown ca*" => "tls.client_cert.unknown_ca", "1.1.1-3.6";
        "SSL error: *alert certificate expired*" => "tls.client_cert.expired", "1.1.1-3.6";
        "SSL error: *alert certificate revoked*" => "tls.client_cert.revoked", "1.1.1-3.6";
        "SSL error: *alert unsupported certificate*" => "tls.client_cert.wrong_purpose", "1.1.1-3.6";
        "SSL error: *alert certificate required*" => "tls.client_cert.required", "1.1.1-3.6";
        "SSL error: *alert handshake failure*" => "tls.client_cert.required", "1.1.1-3.6";
        "SSL error: *alert insufficient security*" => "tls.no_shared_cipher", "1.1.1-3.6";
        "SSL error: *alert bad certificate*" => "tls.client_cert.refused", "1.1.1-3.6";
        "SSL error: *alert certificate unknown*" => "tls.client_cert.refused", "1.1.1-3.6";
        "SSL error: *alert decrypt error*" => "tls.client_cert.refused", "1.1.1-3.6";
        "SSL error: *alert access denied*" => "tls.client_cert.refused", "1.1.1-3.6";
        "SSL error: *alert protocol version*" => "tls.protocol_version", "1.1.1-3.6";
        "SSL error: *alert no application protocol*" => "tls.alpn", "1.1.1-3.6";
        "SSL error: *alert unrecognized name*" => "login.not_routed", "1.1.1-3.6";
        "SSL error: *unrecognized name*" => "login.not_routed", "1.1.1-3.6";
        "SSL error: *alert *" => "tls.handshake", "1.1.1-3.6";
    }
    // Messages of OpenSSL on this side.
    Libpq {
        "SSL error: no application protocol*" => "tls.alpn", "1.1.1-3.6";
        "SSL error: no protocols available*" => "tls.protocol_version", "1.1.1-3.6";
        "SSL error: *unsupported protocol*" => "tls.protocol_version", "1.1.1-3.6";
        "SSL error: *version too low*" => "tls.protocol_version", "1.1.1-3.6";
        // Not another version, but no TLS at all: OpenSSL reads the version where a record should begin.
        "SSL error: wrong version number*" => "net.not_postgresql", "1.1.1-3.6";
        "SSL error: *http request*" => "net.not_postgresql", "1.1.1-3.6";
        "SSL error: packet length too long*" => "net.not_postgresql", "3.0-3.6";
        "SSL error: certificate verify failed*" => "tls.server_cert.unverified", "1.1.1-3.6";
        "SSL error: dh key too small*" => "tls.weak_dh", "1.1.1-3.6";
        "SSL error: *ee key too small*" => "tls.server_cert.weak_key", "1.1.1-3.6";
        "SSL error: *ca key too small*" => "tls.server_cert.weak_key", "1.1.1-3.6";
        "SSL error: *md too weak*" => "tls.server_cert.weak_digest", "1.1.1-3.6";
        "SSL error: wrong signature type*" => "tls.server_cert.weak_digest", "1.1.1-3.6";
        "SSL error: *no shared cipher*" => "tls.no_shared_cipher", "1.1.1-3.6";
        "SSL error: unexpected eof while reading*" => "net.closed", "3.0-3.6";
        "SSL SYSCALL error: EOF detected*" => "net.closed", "1.1.1-3.5";
        "SSL SYSCALL error: Connection reset by peer*" => "net.closed", "1.1.1-3.6";
        "SSL SYSCALL error: Connection timed out*" => "net.timeout", "1.1.1-3.6";
        "SSL SYSCALL error: Operation timed out*" => "net.timeout", "1.1.1-3.6";
        "SSL connection has been closed unexpectedly*" => "net.closed", "1.1.1-3.6";
        "SSL error: *" => "tls.handshake", "1.1.1-3.6";
        "SSL SYSCALL error: *" => "tls.handshake", "1.1.1-3.6";
        "could not establish SSL connection*" => "tls.handshake", "1.1.1-3.6";
    }
    // libpq: the certificate, the request for encryption, the login.
    Libpq {
        "server certificate for * does not match host name *" => "tls.server_cert.name", "13-18";
        "could not get server's host name from server certificate*" => "tls.server_cert.name", "13-18";
        "SSL certificate's name contains embedded null" => "tls.server_cert.name", "13-18",
            "have the server's certificate issued again: a name in it holds a NUL byte";
        "certificate contains IP address with invalid length *" => "tls.server_cert.name", "15-18",
            "have the server's certificate issued again: an address in it is no IPv4 or IPv6 address";
        "could not set SSL Server Name Indication (SNI): *" => "tls.handshake", "14-18";
        "certificate could not be obtained: *" => "tls.handshake", "13-18";
        "server does not support SSL, but SSL was required" => "tls.server_without_tls", "13-18";
        // A TLS record begins with 0x15 (alert) or 0x16 (handshake).
        "received invalid response to SSL negotiation: \x15*" => "tls.direct_required", "13-18";
        "received invalid response to SSL negotiation:*" => "net.not_postgresql", "13-18";
        "received invalid response to GSSAPI negotiation:*" => "net.not_postgresql", "13-18";
        "expected authentication request from server, but received*" => "net.not_postgresql", "13-18";
        "received invalid authentication request" => "net.not_postgresql", "15-18";
        "received unencrypted data after *" => "net.not_postgresql", "13-18";
        "unexpected message from server during startup" => "net.not_postgresql", "13-18";
        "lost synchronization with server: *" => "net.not_postgresql", "13-18";
        "unexpected response from server; first received character was *" => "net.not_postgresql", "13";
        "message contents do not agree with length in message type *" => "net.not_postgresql", "13-18";
        "unexpected shape of result set returned for SHOW" => "net.not_postgresql", "13-18";
        "received invalid error message" => "net.not_postgresql", "15-18";
        // PostgreSQL answers so when it cannot start a process for the connection. libpq hides the words (CVE-2024-10977).
        "server sent an error response during SSL exchange" => "server.process_limit", "13-18";
        "could not fork *process*" => "server.process_limit", "9-18";
        "server sent an error response during GSS encryption exchange" => "server.process_limit", "13-18";
        "direct SSL connection was established without ALPN*" => "tls.alpn", "17-18";
        "server accepted connection without a valid SSL certificate" => "tls.client_cert.required", "16-18",
            "name a certificate and its key in [sslcert] and [sslkey], or [leave sslcertmode out]",
            because "sslcertmode=require has libpq end a connection for which no certificate was shown";
        "server did not request an SSL certificate" => "tls.client_cert.refused", "16-18",
            "[leave sslcertmode out], or set ssl_ca_file at the server so that it asks for certificates";
        "fe_sendauth: no password supplied" => "login.no_password", "13-18";
        "authentication method requirement * failed: *" => "login.auth_method", "16-18";
        "auth method * requirement failed*" => "login.auth_method", "16-18";
        "channel binding required, but SSL not in use" => "login.channel_binding", "13-18",
            "[set channel_binding=prefer]",
            because "channel binding ties the login to a TLS connection, and this one is in plaintext";
        "channel binding required but not supported by server's authentication request" => "login.channel_binding", "13-18",
            "set the role's password again with password_encryption=scram-sha-256 and use that method in pg_hba.conf, or \
             [set channel_binding=prefer]",
            because "only SCRAM has channel binding, and the server asks for the password by another method";
        "channel binding required, but server authenticated client without channel binding" => "login.channel_binding", "13-18",
            "use scram-sha-256 in pg_hba.conf, or [set channel_binding=prefer]",
            because "only SCRAM over TLS has channel binding, and the server let this role in without (trust, peer, cert, or over a socket)";
        "channel binding required*" => "login.channel_binding", "13-18";
        "channel binding is required*" => "login.channel_binding", "13-18";
        "could not encode cbind data for channel binding" => "login.channel_binding", "13-18";
        "server offered SCRAM-SHA-256-PLUS authentication over a non-SSL connection" => "login.channel_binding", "13-18",
            "connect to the server itself rather than through the TLS proxy, or use TLS to the proxy as well; \
             channel_binding=disable does not help here";
        "none of the server's SASL authentication mechanisms are supported" => "login.method_not_supported", "13-18";
        "authentication method * not supported" => "login.method_not_supported", "13-18";
        "*authentication method not supported" => "login.method_not_supported", "13-18";
        "*authentication not supported" => "login.method_not_supported", "13-18";
        "*OAuth*" => "login.method_not_supported", "18";
        "could not load library *libpq-oauth*" => "login.method_not_supported", "18";
        "GSSAPI encryption required but was impossible*" => "config.gssencmode", "12-18";
        "server doesn't support GSSAPI encryption, but it was required" => "config.gssencmode", "12-18";
        "GSSAPI continuation error*" => "login.gssapi", "13-18";
        "could not initiate GSSAPI security context*" => "login.gssapi", "13-18";
        "GSSAPI * error*" => "login.gssapi", "13-18";
        "SSPI continuation error*" => "login.gssapi", "13-18";
        "duplicate GSS authentication request" => "login.gssapi", "13-18";
        "incorrect server signature" => "login.scram", "13-18",
            "set the password of role '{user}' again at the server (\\password in psql), or connect to the server itself: what answers \
             does not know the password";
        "could not verify server signature*" => "login.scram", "14-18";
        "malformed SCRAM message*" => "login.scram", "13-18";
        "invalid SCRAM response*" => "login.scram", "13-18";
        "could not calculate client proof*" => "login.scram", "14-18";
        "could not * client proof*" => "login.scram", "13-18";
        "could not * nonce" => "login.scram", "13-18";
        "error received from server in SCRAM exchange: *" => "login.scram", "13-18";
        "duplicate SASL authentication request" => "login.scram", "13-18";
        "AuthenticationSASLFinal received from server, but *" => "login.scram", "13-18";
        "invalid SCRAM exchange state" => "login.scram", "13-18";
        "no client response found after SASL exchange success" => "login.scram", "13-18";
        "fe_sendauth: invalid authentication request from server*" => "login.scram", "13-18";
        "fe_sendauth: error *" => "login.scram", "13-18";
        "could not encrypt password: *" => "tls.openssl_config", "14-18";
        "requirepeer specifies *" => "login.requirepeer", "13-18";
        "requirepeer parameter is not supported*" => "login.requirepeer", "13-18",
            "[leave requirepeer out]";
        "could not get peer credentials: *" => "login.requirepeer", "13-18";
        "server only supports protocol version *" => "server.protocol_version", "18";
        "protocol version not supported by server*" => "server.protocol_version", "18";
        "received duplicate protocol negotiation message" => "server.protocol_version", "18";
        "received invalid protocol negotiation message*" => "server.protocol_version", "18";
        "received invalid BackendKeyData message*" => "server.protocol_version", "18";
        "session is read-only" => "server.target_session", "14-18";
        "session is not read-only" => "server.target_session", "14-18";
        "server is in hot standby mode" => "server.target_session", "14-18";
        "server is not in hot standby mode" => "server.target_session", "14-18";
        "could not make a writable connection to server *" => "server.target_session", "13";
    }
    PgBouncer {
        "SSL required" => "tls.server_requires_tls", "1.7-1.26";
        "server login failed: *" => "server.pooler_backend", "1.18-1.26";
        "server login has been failing*" => "server.pooler_backend", "1.18-1.26";
        "server_login_failed" => "server.pooler_backend", "1.18-1.26";
        "pgbouncer cannot connect to server" => "server.pooler_backend", "1.5-1.14";
        "query_wait_timeout" => "server.pooler_backend", "1.18-1.26",
            "check PgBouncer's log, and SHOW POOLS and SHOW DATABASES on its console: end idle connections or raise default_pool_size and \
             max_db_connections, RESUME {database} if it is paused, or correct the server behind it",
            because "no connection to the server became free in time: the pool is full or paused, or the server cannot be reached";
        "client_login_timeout" => "server.pooler_backend", "1.18-1.26";
        "client_login_timeout (server down)" => "server.pooler_backend", "1.18-1.26";
        "server conn crashed?" => "server.pooler_backend", "1.18-1.26";
        "pause failed" => "server.pooler_backend", "1.18-1.26";
        "suspend_timeout" => "server.shutting_down", "1.18-1.26",
            "wait: PgBouncer is suspended for a restart; RESUME on its console ends that";
        "authentication database \"*\" is disabled" => "server.pooler_backend", "1.19-1.26",
            "ENABLE the database of auth_dbname on PgBouncer's console";
        "no more connections allowed*" => "server.too_many_clients", "1.18-1.26",
            "end idle connections, or raise max_client_conn in PgBouncer",
            because "PgBouncer has as many clients as max_client_conn allows";
        "client connections exceeded (max_*_client_connections)" => "server.too_many_for_role", "1.24-1.26",
            "raise max_db_client_connections or max_user_client_connections in PgBouncer";
        "*max_db_connections*" => "server.too_many_for_role", "1.18-1.26",
            "raise max_db_connections in PgBouncer";
        "*max_user_connections*" => "server.too_many_for_role", "1.18-1.26",
            "raise max_user_connections in PgBouncer";
        "bouncer resources exhaustion" => "server.too_many_clients", "1.18-1.26",
            "raise the limits on files and memory of PgBouncer";
        "no memory for *pool" => "server.too_many_clients", "1.18-1.26",
            "raise the limits on memory of PgBouncer";
        "no such database: *" => "server.unknown_database", "1.5-1.26",
            "add database '{database}' to [databases] in PgBouncer's configuration, or correct the name";
        "database \"*\" is disabled" => "server.database_closed", "1.18-1.26",
            "ENABLE {database} on PgBouncer's console",
            because "somebody has switched it off on PgBouncer's console (DISABLE)";
        "database removed" => "server.unknown_database", "1.18-1.26",
            "add database '{database}' to [databases] in PgBouncer's configuration again, or correct the name";
        "database does not allow connections: *" => "server.database_closed", "1.5-1.17",
            "ENABLE {database} on PgBouncer's console";
        "unsupported startup parameter*" => "server.startup_parameter", "1.5-1.26",
            "[leave options out], or set ignore_startup_parameters in PgBouncer",
            because "PgBouncer passes on few startup parameters, and not options";
        "unsupported options startup parameter*" => "server.startup_parameter", "1.20-1.26",
            "write options as '-c name=value', the only form that PgBouncer takes, or leave them out";
        "\"trust\" authentication failed" => "login.not_pooler_user", "1.18-1.26";
        "no such user" => "login.not_pooler_user", "1.18-1.26";
        "no such user: *" => "login.not_pooler_user", "1.5-1.17";
        "password authentication failed" => "login.wrong_password", "1.18-1.26",
            "correct the password of role '{user}' here or in PgBouncer's auth_file";
        "SASL authentication failed" => "login.wrong_password", "1.18-1.26",
            "correct the password of role '{user}' here or in PgBouncer's auth_file, which needs the password itself or a SCRAM secret for \
             SCRAM, and not an MD5 hash";
        "auth failed" => "login.wrong_password", "1.5-1.17",
            "correct the password of role '{user}' here or in PgBouncer's auth_file";
        "empty password returned by client" => "login.no_password", "1.18-1.26";
        "PAM authentication failed" => "login.refused", "1.18-1.26";
        "LDAP authentication failed" => "login.refused", "1.25-1.26";
        "auth_ldap_options is null" => "login.refused", "1.25-1.26",
            "set auth_ldap_options in PgBouncer's configuration, or the options of the ldap line in its auth_hba_file";
        "ldap is not supported by this build" => "login.refused", "1.25-1.26",
            "use a PgBouncer that was built with LDAP, or another auth_type";
        "username too long" => "login.refused", "1.18-1.26",
            "use a name of at most 127 bytes: PgBouncer takes no longer one";
        "password too long" => "login.refused", "1.18-1.26",
            "use a shorter password or token, or connect to the server itself: PgBouncer takes no longer one";
        "certificate authentication failed" => "login.certificate_user", "1.18-1.26",
            "connect as the role in the certificate, or map the name in PgBouncer's auth_ident_file";
        "login rejected" => "login.hba_reject", "1.18-1.26",
            "change the line in PgBouncer's auth_hba_file, or add one that fits this client, role and database";
        "unix socket login rejected" => "login.hba_reject", "1.5-1.26",
            "connect to PgBouncer by TCP, or as the operating system's user that runs it";
        "not allowed" => "server.unknown_database", "1.18-1.26",
            "name a database of PgBouncer's section 'databases' in [dbname]",
            because "'{database}' is PgBouncer's own console, for admin_users and stats_users only, and it runs no SQL";
        "invalid command '*', use SHOW HELP;" => "server.unknown_database", "1.18-1.26",
            "name a database of PgBouncer's section 'databases' in [dbname]",
            because "'{database}' is PgBouncer's own console, and it runs no SQL";
        "failure" => "server.unknown_database", "1.18-1.26",
            "name a database of PgBouncer's section 'databases' in [dbname]",
            because "'{database}' is PgBouncer's own console, and it runs no SQL";
        "no authentication method is found" => "login.refused", "1.25-1.26",
            "set auth_type in PgBouncer's configuration for this kind of connection";
        "bouncer config error" => "server.pooler_backend", "1.18-1.26",
            "check PgBouncer's log: auth_user, auth_query and auth_file",
            because "PgBouncer queries the server for the role's password (auth_query), and that query fails";
        "client selected an invalid SASL authentication mechanism" => "login.method_not_supported", "1.18-1.26";
        "bad packet header: '*" => "server.protocol_version", "1.18-1.26";
        "client sent partial pkt in startup phase" => "server.protocol_version", "1.18-1.24";
        "old V2 protocol not supported" => "server.protocol_version", "1.18-1.26";
        "pgbouncer is shutting down" => "server.shutting_down", "1.5-1.26";
        "pooler is shutting down" => "server.shutting_down", "1.25-1.26";
        "server shutting down" => "server.shutting_down", "1.18-1.26";
        "bouncer is shutting down" => "server.shutting_down", "1.5-1.26";
        "admin forced disconnect" => "server.shutting_down", "1.24-1.26",
            "try again: an administrator ended this connection on PgBouncer's console (KILL_CLIENT)";
    }
    Supavisor {
        "*SSL connection is required for user*" => "tls.server_requires_tls", "2";
        "SSL connection is required" => "tls.server_requires_tls", "1";
        "*enant or user not found*" => "login.not_routed", "1-2",
            "connect as {user}.PROJECT, with the project's reference behind the dot, at the pooler's host of the project's region";
        "*tenant/user * not found*" => "login.not_routed", "2",
            "connect as {user}.PROJECT, with the project's reference behind the dot, at the pooler's host of the project's region";
        "*no tenant identifier provided*" => "login.not_routed", "2",
            "connect as {user}.PROJECT, with the project's reference behind the dot, at the pooler's host of the project's region";
        "*multiple users matched for *" => "login.not_routed", "2";
        "*nvalid format for user or db_name*" => "login.not_routed", "1-2";
        "*ax client connections reached*" => "server.too_many_clients", "1-2";
        "*ax clients reached*" => "server.too_many_clients", "1-2";
        "*ax pools count reached*" => "server.too_many_clients", "1-2";
        "*ddress not in tenant allow_list*" => "login.address_refused", "1-2";
        "*ircuit breaker open*" => "login.refused", "2",
            "correct the password, then wait: too many logins have failed, and the pooler refuses this client for a while";
        "*unable to check out connection from the pool*" => "server.pooler_backend", "2";
        "*ailed to retrieve authentication secrets*" => "server.pooler_backend", "1-2";
        "*failed to start proxy connection*" => "server.pooler_backend", "2";
        "(EDBHANDLEREXITED)*" => "server.pooler_backend", "2";
        "(EAUTHQUERY) user not found in the database" => "login.unknown_role", "2.9",
            "CREATE ROLE \"{user}\" LOGIN, or correct the part of [user] before the dot";
        "(EAUTHQUERY) MD5 secrets are not supported *" => "login.method_not_supported", "2.9",
            "set the password of role '{user}' again with password_encryption=scram-sha-256",
            because "the role's secret is an MD5 hash, with which the pooler cannot log it in";
        "(EAUTHQUERY) unsupported or invalid secret format" => "login.method_not_supported", "2.9",
            "set the password of role '{user}' again with password_encryption=scram-sha-256",
            because "the role's secret is none of SCRAM, with which alone the pooler can log it in";
        "(EAUTHQUERY)*" => "server.pooler_backend", "2";
        "(ECHECKOUT*" => "server.pooler_backend", "2";
        "Internal error (*" => "server.pooler_backend", "2";
        "(EPOOL*" => "server.pooler_backend", "2";
        "(EPROXY*" => "server.pooler_backend", "2";
        "(EWORKERNOTFOUND)*" => "server.pooler_backend", "2";
        "(ESUBSCRIBERETRIES)*" => "server.pooler_backend", "2";
        "(EJITREQUESTFAILED)*" => "server.pooler_backend", "2";
        "(EJITUNAUTHORIZED)*" => "login.wrong_password", "2.9";
        "(EWRONGPASSWORD)*" => "login.wrong_password", "2.9";
        "(EAUTHPROTOCOL)*" => "login.scram", "2";
        "protocol violation during authentication" => "login.scram", "2";
        "*timeout while waiting for message" => "login.refused", "2",
            "try again: the login took too long, as over a slow network";
        "(ECIRCUITBREAKER) too many failed attempts to connect to the database*" => "server.pooler_backend", "2.9",
            "see that the database behind the pooler is up, then wait half a minute: the pooler tries no new connection for a while",
            because "the pooler could not connect to the database many times in a row";
        "(ECIRCUITBREAKER) failed to retrieve database credentials*" => "server.pooler_backend", "2.9",
            "see that the database behind the pooler is up, then wait: the pooler asks for no credentials for a while",
            because "the pooler could not read the roles' secrets many times in a row";
        "(ECIRCUITBREAKER)*" => "login.refused", "2",
            "correct the password, then wait: too many logins have failed, and the pooler refuses this client for a while";
        "*tenant is banned: *" => "login.refused", "2",
            "ask the service's support: the project is banned from the pooler";
        "*SSL handshake failed: *" => "tls.handshake", "2";
        "*nvalid startup message: *" => "server.protocol_version", "2";
        "*tartup packet too large: *" => "server.startup_parameter", "2";
    }
    Neon {
        "connection is insecure*" => "tls.server_requires_tls", "2022-2026";
        "Endpoint ID is not specified*" => "login.not_routed", "2023-2026";
        "Project ID is not specified*" => "login.not_routed", "2022-2023";
        "VPC endpoint ID is not specified*" => "login.not_routed", "2025-2026";
        "Inconsistent project name inferred from *" => "login.not_routed", "2022-2026";
        "Common name inferred from SNI *" => "login.not_routed", "2022-2026";
        "The requested endpoint could not be found*" => "login.not_routed", "2023-2026";
        "SNI name doesn't *" => "login.not_routed", "2022-2026";
        "Project name (*) must contain only *" => "login.not_routed", "2022-2026";
        "Control plane request failed: endpoint cannot be found*" => "login.not_routed", "2023-2026";
        "*ndpoint has been disabled*" => "server.database_closed", "2023-2026",
            "enable the endpoint in the service's console or API";
        "*ndpoint is disabled*" => "server.database_closed", "2023-2026",
            "enable the endpoint in the service's console or API";
        "This IP address * is not allowed to connect*" => "login.address_refused", "2023-2026";
        "This VPC endpoint id * is not allowed*" => "login.address_refused", "2025-2026";
        "This connection is trying to access this endpoint from a blocked network*" => "login.address_refused", "2024-2026";
        "Too many connections to this endpoint*" => "server.too_many_clients", "2023-2026";
        "Failed to acquire permit to connect*" => "server.too_many_clients", "2024-2026";
        "You have exceeded the limit of concurrently active endpoints*" => "server.too_many_clients", "2023-2026";
        "Couldn't connect to compute node*" => "server.pooler_backend", "2022-2026";
        "Console request failed*" => "server.pooler_backend", "2022-2026";
        "Control plane request failed*" => "server.pooler_backend", "2024-2026";
        "password authentication failed for user '*'" => "login.wrong_password", "2022-2026";
        "*exceeded the * quota*" => "login.refused", "2023-2026",
            "raise the quota of the project in the service's console";
        "Unsupported authentication method: *" => "login.method_not_supported", "2022-2026";
        "unsupported channel binding method *" => "login.channel_binding", "2023-2026";
        "authentication protocol violation" => "login.scram", "2022-2026";
        "Authentication timed out" => "login.refused", "2024-2026",
            "try again: the login took too long, as over a slow network";
        "Malformed password message: *" => "login.refused", "2022-2026",
            "write the password as endpoint=ENDPOINT;PASSWORD if no name reaches the proxy by SNI, or else as it is";
        "Parameter '*' is missing in startup packet*" => "config.no_user", "2022-2026";
    }
    PgDog {
        "only TLS connections are allowed" => "tls.server_requires_tls", "0.1";
        "password for user * and database * is wrong, or the database does not exist" => "login.wrong_password", "0.1";
        "connection pool for user * and database * is down" => "server.pooler_backend", "0.1";
        "client login timeout" => "server.pooler_backend", "0.1";
        "no such user/database: *" => "login.not_routed", "0.1",
            "add database '{database}' and role '{user}' to pgdog.toml and users.toml, or correct the names";
        "checkout timeout" => "server.pooler_backend", "0.1";
        "connect timeout" => "server.pooler_backend", "0.1";
        "cluster start timeout" => "server.pooler_backend", "0.1";
        "all replicas down" => "server.pooler_backend", "0.1";
        "no primary" => "server.pooler_backend", "0.1";
        "no replicas" => "server.pooler_backend", "0.1";
        "no databases" => "server.pooler_backend", "0.1";
        "pool is *" => "server.pooler_backend", "0.1";
        "TLS connection required but server does not support TLS" => "server.pooler_backend", "0.1",
            "switch TLS on at the server behind the pooler, or lower tls_verify in pgdog.toml";
        "PgDog is shutting down" => "server.shutting_down", "0.1";
        "replica checkout timeout" => "server.pooler_backend", "0.1.54";
        "healthcheck *" => "server.pooler_backend", "0.1.54";
        "manual ban" => "server.pooler_backend", "0.1.54",
            "UNBAN the pool on PgDog's console",
            because "somebody has banned the pool on PgDog's console";
        "could not resolve to any address for hostname *" => "server.pooler_backend", "0.1.54",
            "correct host of database '{database}' in pgdog.toml";
        "RDS IAM token generation failed: *" => "server.pooler_backend", "0.1.54",
            "see why PgDog gets no IAM token: its AWS credentials and rds-db:connect";
        "Azure Workload Identity token generation failed: *" => "server.pooler_backend", "0.1.54",
            "see why PgDog gets no token: its workload identity";
        "Vault credentials fetch failed: *" => "server.pooler_backend", "0.1.54",
            "see why PgDog gets no credentials from Vault";
        "unsupported authentication algorithm" => "server.pooler_backend", "0.1.54",
            "use scram-sha-256 in pg_hba.conf for PgDog's connections";
    }
    PgCat {
        "No pool configured for database: *" => "login.not_routed", "1.0-1.3",
            "add a pool for database '{database}' and role '{user}' to pgcat.toml, or correct the names";
        "Pool down for database: *" => "server.pooler_backend", "1.0-1.3",
            "check PgCat's log: the servers of that pool in pgcat.toml cannot be reached, or refuse its password";
        "could not get connection from the pool*" => "server.pooler_backend", "1.0-1.3",
            "check PgCat's log: the servers of that pool in pgcat.toml cannot be reached, or refuse its password";
        "checkout failure limit reached (*" => "server.pooler_backend", "1.2-1.3",
            "end idle connections or raise pool_size in pgcat.toml";
        "Unsupported * query against the admin database" => "server.unknown_database", "1.0-1.3",
            "name a database of pgcat.toml's pools in [dbname]",
            because "'{database}' is PgCat's own console, and it runs no SQL";
        "Unsupported query against the admin database" => "server.unknown_database", "1.0-1.3",
            "name a database of pgcat.toml's pools in [dbname]",
            because "'{database}' is PgCat's own console, and it runs no SQL";
    }
    Pgpool {
        "no pool_hba.conf entry for *" => "login.no_hba_entry", "4.2-4.6",
            "add a line for database '{database}', role '{user}' and this address to pool_hba.conf, before any line that rejects them",
            because "no line of pool_hba.conf lets this client in: none matches, or a reject line does (pgpool says the same of both)";
        "missing or erroneous pool_hba.conf file*" => "login.no_hba_entry", "4.2-4.6",
            "correct pool_hba.conf, and look into pgpool's log for the line";
        "pool_hba.conf rejects connection *" => "login.hba_reject", "4.2-4.6",
            "change that line in pool_hba.conf";
        "pool_passwd file does not contain an entry for *" => "login.not_pooler_user", "4.2-4.6",
            "add role '{user}' to pool_passwd with pg_md5 or pg_enc";
        "pool_passwd file does not contain valid *" => "login.not_pooler_user", "4.2-4.6",
            "write the password of role '{user}' to pool_passwd with pg_enc";
        "unable to get the password for *" => "login.not_pooler_user", "4.2-4.6",
            "add role '{user}' to pool_passwd with pg_md5 or pg_enc";
        "password does not match" => "login.wrong_password", "4.2-4.6";
        "md5 authentication failed" => "login.wrong_password", "4.2-4.6";
        "SCRAM authentication failed" => "login.wrong_password", "4.2-4.6";
        "clear text password authentication failed" => "login.wrong_password", "4.2-4.6";
        "clear text authentication failed" => "login.wrong_password", "4.2-4.6";
        "username * or password does not exist in backend" => "login.wrong_password", "4.2-4.6";
        "SERVER ERROR:*password authentication failed for user *" => "login.wrong_password", "4.2-4.6";
        "unable to decrypt password from pool_passwd" => "login.not_pooler_user", "4.2-4.6",
            "give pgpool the key of pool_passwd (~/.pgpoolkey or PGPOOLKEYFILE)";
        "valid password not found" => "login.not_pooler_user", "4.2-4.6",
            "add role '{user}' to pool_passwd with pg_enc";
        "username * has invalid password type" => "login.not_pooler_user", "4.2-4.6",
            "write the password of role '{user}' to pool_passwd with pg_enc";
        "password type stored in pool_passwd can't be used for *" => "login.not_pooler_user", "4.2-4.6",
            "write the password of role '{user}' to pool_passwd with pg_enc";
        "no valid certificate presented" => "tls.client_cert.required", "4.2-4.6";
        "CERT authentication is not supported without SSL" => "tls.server_requires_tls", "4.2-4.6";
        "CERT authentication failed" => "login.certificate_user", "4.2-4.6";
        "authentication with pgpool failed for user * rejected" => "login.hba_reject", "4.2-4.6",
            "change that line in pool_hba.conf";
        "failed to authenticate with backend*" => "server.pooler_backend", "4.2-4.6",
            "check pgpool's log and pool_passwd: the server behind it did not take the login";
        "authentication failed, backend node replied with an error" => "server.pooler_backend", "4.2-4.6",
            "check pgpool's log and pool_passwd: the server behind it did not take the login";
        "*backend authentication failed" => "server.pooler_backend", "4.2-4.6";
        "authentication failed from backend" => "server.pooler_backend", "4.2-4.6";
        "invalid authentication packet from backend" => "server.pooler_backend", "4.2-4.6";
        "pool_do_auth: all backends are down" => "server.pooler_backend", "4.2-4.6";
        "unable to connect to backend" => "server.pooler_backend", "4.2-4.6";
        "failed to accept user connection" => "server.pooler_backend", "4.2-4.6";
        "failed while reading startup packet" => "server.protocol_version", "4.2-4.6";
        "failed authentication against PAM" => "login.refused", "4.2-4.6";
        "failed to create a backend * connection" => "server.pooler_backend", "4.2-4.6";
        "failed to create a backend connection" => "server.pooler_backend", "4.2-4.6";
        "pgpool is not accepting any new connections" => "server.pooler_backend", "4.2-4.6";
        "*all backend nodes are down*" => "server.pooler_backend", "4.2-4.6";
        "unable to read * backend*" => "server.pooler_backend", "4.2-4.6";
        "failed to read kind from backend*" => "server.pooler_backend", "4.2-4.6";
        "unable to read message kind" => "server.pooler_backend", "4.2-4.6";
        "kind mismatch among backends*" => "server.pooler_backend", "4.2-4.6";
        "unable to get memory context*" => "server.pooler_backend", "4.2-4.6";
        "client authentication failed" => "login.refused", "4.2-4.6",
            "check pgpool's log, pool_hba.conf and pool_passwd";
        "authentication failed" => "login.refused", "4.2-4.6",
            "check pgpool's log, pool_hba.conf and pool_passwd";
        "failed to authenticate" => "login.refused", "4.2-4.6",
            "check pgpool's log, pool_hba.conf and pool_passwd";
    }
    Odyssey {
        "*SSL is required" => "tls.server_requires_tls", "1.2-1.4";
        "*TLS connection required" => "tls.server_requires_tls", "1.4";
        "*route for '*' is not found" => "login.not_routed", "1.2-1.4",
            "add a route for database '{database}' and role '{user}' to Odyssey's configuration, or correct the names";
        "*client routing failed" => "login.not_routed", "1.2-1.4",
            "look into Odyssey's log for the route of database '{database}' and role '{user}'";
        "*host based authentication rejected" => "login.hba_reject", "1.3-1.4",
            "change the line in Odyssey's hba_file";
        "*incorrect user" => "login.not_pooler_user", "1.2-1.4",
            "add role '{user}' to Odyssey's routes";
        "*user blocked: *" => "login.hba_reject", "1.2-1.4",
            "unblock role '{user}' in Odyssey's configuration";
        "*too many active clients for user*" => "server.too_many_for_role", "1.2-1.4",
            "raise pool_size of the route in Odyssey";
        "*too many client tcp connections*" => "server.too_many_clients", "1.2-1.4";
        "*too many tcp connections (*" => "server.too_many_clients", "1.2-1.4";
        "*failed to connect to remote server *" => "server.pooler_backend", "1.2-1.4";
        "*failed to get remote server connection" => "server.pooler_backend", "1.2-1.4";
        "*remote server read/write error *" => "server.pooler_backend", "1.2-1.4";
        "*failed to make auth query" => "server.pooler_backend", "1.2-1.4";
        "*frontend auth: *channel binding*" => "login.channel_binding", "1.2-1.4";
        "*frontend auth: invalid user password or SCRAM secret*" => "login.wrong_password", "1.2-1.4";
        "*frontend auth: unsupported SASL *" => "login.method_not_supported", "1.2-1.4";
        "*frontend auth: *" => "login.scram", "1.2-1.4";
        "*bad password message" => "login.refused", "1.2-1.4";
        "*can't find suitable host for tsa *" => "server.target_session", "1.4";
        "*replication lag too big *" => "server.pooler_backend", "1.4",
            "wait until the replica has caught up, or connect to the primary";
        "*soft out of memory" => "server.process_limit", "1.4",
            "raise the limit of soft_oom in Odyssey's configuration, or end idle connections";
        "*Odyssey has dropped the connection" => "connection.lost", "1.3-1.5";
        "*drop connection due to soft oom *" => "server.process_limit", "1.5",
            "raise the limit of soft_oom in Odyssey's configuration, or end idle connections";
        "*replication lag of the node you are trying to connect is too big*" => "server.pooler_backend", "1.5",
            "wait until the replica has caught up, or connect to the primary";
        "*insufficient access" => "login.not_permitted", "1.5",
            "name a role with access to Odyssey's console in [user], or another database in [dbname]",
            because "the role may not use Odyssey's own console";
        "*external authentication failed for user *" => "login.refused", "1.2-1.4";
        "*ldap authentication failed for user *" => "login.refused", "1.3-1.4";
        "*Odyssey is gracefully shutting down" => "server.shutting_down", "1.3-1.4";
        "*The Odyssey instance is *" => "server.shutting_down", "1.3-1.4";
    }
    RdsProxy {
        "*This RDS Proxy requires TLS connections*" => "tls.server_requires_tls", "2020-2026";
        "*IAM authentication is allowed only with SSL connections*" => "tls.server_requires_tls", "2020-2026";
        "*IAM is allowed only with SSL connections*" => "tls.server_requires_tls", "2020-2026";
        // The apostrophe is a typographic one in most versions.
        "*RDS Proxy currently doesn*t support *" => "server.startup_parameter", "2020-2026",
            "leave options out, and set what is needed for the role: ALTER ROLE \"{user}\" SET …";
        "*RDS Proxy supports only version 3.0 of *" => "server.protocol_version", "2020-2026";
        "*The password that was provided for the role * is wrong*" => "login.wrong_password", "2020-2026",
            "correct the password of role '{user}' here or in the proxy's secret in Secrets Manager";
        "*IAM authentication failed because of too many competing requests*" => "server.too_many_clients", "2020-2026";
        "*IAM authentication failed for *" => "login.refused", "2020-2026",
            "make a new IAM token for role '{user}', and allow rds-db:connect for it";
        "*RDS proxy has no credentials for the role *" => "login.not_pooler_user", "2020-2026",
            "add a secret for role '{user}' to the proxy in Secrets Manager";
        "*RDS supports only IAM* authentication*" => "login.auth_method", "2020-2026";
        "*RDS Proxy supports only IAM* authentication*" => "login.auth_method", "2024-2026";
        "*A user name is missing from the connection startup packet*" => "config.no_user", "2020-2026";
        "*The maximum number of client connections to the proxy exceeded *" => "server.too_many_clients", "2020-2026";
        "*Rate of connection to proxy exceeded *" => "server.too_many_clients", "2020-2026";
        "*Timed-out waiting to acquire database connection*" => "server.pooler_backend", "2020-2026";
        "*Request returned an error: database * does not exist*" => "server.unknown_database", "2020-2026";
        "*Request returned an error: *" => "server.pooler_backend", "2020-2026",
            "correct what the database behind the proxy says";
        "*DBProxy Target unavailable*" => "server.pooler_backend", "2020-2026";
    }
    Azure {
        "SSL connection is required. Please specify SSL options and retry*" => "tls.server_requires_tls", "2018-2026";
        "Invalid Username specified*" => "login.not_routed", "2018-2025",
            "connect as {user}@SERVER, with the server's name behind the @";
        "The server name you tried cannot be found*" => "login.not_routed", "2018-2025";
        "*lient with IP address * is not allowed to *" => "login.address_refused", "2018-2026";
        "*lient from Azure Virtual Networks is not allowed to *" => "login.address_refused", "2018-2026",
            "add a rule for this virtual network to the server's firewall (service endpoint), or allow Azure's own services";
        "*ublic network access on this server is *" => "login.address_refused", "2020-2026",
            "connect through the server's private endpoint, or allow public network access";
        "*eny Public Network Access is set to *" => "login.address_refused", "2020-2026",
            "connect through the server's private endpoint, or allow public network access";
        "*AAD_AUTH_TOKENTYPE*" => "login.refused", "2020-2026",
            "make the token for the resource https://ossrdbms-aad.database.windows.net, as the role that is named";
        "The access token does not have a valid audience claim*" => "login.refused", "2024",
            "make the token for the resource https://ossrdbms-aad.database.windows.net (az account get-access-token --resource-type oss-rdbms)",
            because "the token is for another service than the database";
        "The access token has invalid format*" => "login.refused", "2025",
            "give the token alone as it was made, without quotes, braces and line breaks (az account get-access-token --resource-type \
             oss-rdbms --query accessToken -o tsv)",
            because "the password is no token, or something stands around it";
        "*access token*expired*" => "login.token_expired", "2021-2026";
        "*token is expired*" => "login.token_expired", "2021-2026";
        "*token has expired*" => "login.token_expired", "2021-2026";
    }
    CockroachDb {
        "node is running secure mode, SSL connection required" => "tls.server_requires_tls", "20-26";
        "*server requires encryption*" => "tls.server_requires_tls", "20-26";
        "*odeUnexpectedInsecureStartupMessage*" => "tls.server_requires_tls", "20-26";
        "*odeParamsRoutingFailed*" => "login.not_routed", "20-26";
        "*odeSNIRoutingFailed*" => "login.not_routed", "20-26";
        "*missing cluster identifier*" => "login.not_routed", "20-26";
        "*missing cluster name*" => "login.not_routed", "20-26";
        "*odeProxyRefusedConnection: *throttled*" => "login.refused", "20-26",
            "correct the password of role '{user}', then wait: too many logins have failed from this address";
        "*odeProxyRefusedConnection: too many *" => "login.refused", "20-26",
            "correct the password of role '{user}', then wait: too many logins have failed from this address";
        "*odeProxyRefusedConnection*" => "login.address_refused", "20-26";
        "*connection attempt throttled*" => "login.refused", "23-26",
            "correct the password of role '{user}', then wait: too many logins have failed from this address";
        "*odeBackendDown*" => "server.pooler_backend", "20-26";
        "*odeUnavailable*" => "server.pooler_backend", "20-26";
        "*odeBackendDisconnected*" => "server.pooler_backend", "20-26";
        "*odeBackendRefusedTLS*" => "server.pooler_backend", "20-26";
        "*odeAuthFailed*" => "login.wrong_password", "20-26";
        "server is not accepting clients*" => "server.shutting_down", "2-26";
        "* does not have login privilege" => "login.not_permitted", "20-26";
        "no server.host_based_authentication.configuration entry for *" => "login.no_hba_entry", "19-26",
            "add a line for role '{user}' and this address to the cluster setting server.host_based_authentication.configuration";
        "method * required for this user, but unusable over this connection type" => "login.method_not_supported", "19-26",
            "use TLS, or another method in the cluster setting server.host_based_authentication.configuration";
        "requested user identity * does not correspond to any mapping for *" => "login.certificate_user", "21-26";
        "system identity * did not map to a database role" => "login.certificate_user", "21-26";
        "unknown protocol version *" => "server.protocol_version", "2-26";
    }
    // Services whose words begin as the server's own do.
    Server {
        "Cloud SQL IAM * authentication failed for user *" => "login.refused", "2021-2026",
            "make a new token (gcloud sql generate-login-token) as the principal '{user}', and grant it roles/cloudsql.instanceUser";
    }
    // The server itself. Version 13 says "SSL off" and "SSL on".
    PostgreSql {
        "pg_hba.conf rejects *, no encryption" => "tls.server_requires_tls", "14-18";
        "pg_hba.conf rejects *, SSL off" => "tls.server_requires_tls", "9-13";
        "pg_hba.conf rejects *" => "login.hba_reject", "9-18";
        "no pg_hba.conf entry *host \"[local]\"*" => "login.no_hba_entry", "9-18";
        "no pg_hba.conf entry *, no encryption" => "tls.server_requires_tls", "14-18";
        "no pg_hba.conf entry *, SSL off" => "tls.server_requires_tls", "9-13";
        "no pg_hba.conf entry *" => "login.no_hba_entry", "9-18";
        "connection requires a valid client certificate" => "tls.client_cert.required", "9-18";
        "client certificates can only be checked if a root certificate store is available" => "server.no_client_ca", "9-18";
        "certificate authentication failed for user *" => "login.certificate_user", "9-18";
        "\"trust\" authentication failed for user *" => "login.certificate_user", "9-18";
        "trust authentication failed for user *" => "login.certificate_user", "9-13";
        "password authentication failed for user *" => "login.wrong_password", "9-18";
        "Peer authentication failed for user *" => "login.peer", "9-18";
        "Ident authentication failed for user *" => "login.peer", "9-18",
            "change 'ident' to scram-sha-256 in pg_hba.conf, and SELECT pg_reload_conf()",
            because "the server asks an ident service on this machine (port 113) whose connection this is; few machines run one";
        "GSSAPI authentication failed for user *" => "login.gssapi", "9-18";
        "SSPI authentication failed for user *" => "login.gssapi", "9-18";
        "LDAP authentication failed for user *" => "login.refused", "9-18",
            "correct [password] of '{user}' as the LDAP directory has it; or check the server's log for whether the LDAP server of \
             pg_hba.conf answers",
            because "the server asked its LDAP directory, which did not accept the name and password, or did not answer";
        "RADIUS authentication failed for user *" => "login.refused", "9-18",
            "correct [password] of '{user}' as the RADIUS server has it; or check the server's log for whether the RADIUS servers of \
             pg_hba.conf answer",
            because "the server asked its RADIUS servers, which did not accept the name and password, or did not answer";
        "PAM authentication failed for user *" => "login.refused", "9-18",
            "correct [password] of '{user}' as the server's machine has it, or check the server's log and its PAM service (/etc/pam.d); on Amazon \
             RDS, make a new IAM token for that role",
            because "the server asked PAM, which did not accept the name and password";
        "* authentication failed for user *" => "login.refused", "9-18";
        "authentication failed for user *: host rejected" => "login.hba_reject", "9-18";
        "authentication failed for user *" => "login.refused", "9-18";
        "canceling authentication due to timeout" => "login.refused", "9-18",
            "raise authentication_timeout at the server, or see why the login takes so long: LDAP, RADIUS or PAM, or a slow network";
        "expected * response, got message type *" => "login.refused", "9-18";
        "SCRAM channel binding check failed" => "login.channel_binding", "11-18",
            "[set channel_binding=disable], or pass TCP through: a TLS proxy with another certificate stands in between";
        "SCRAM channel binding negotiation error" => "login.channel_binding", "11-18",
            "[set channel_binding=disable], or pass TCP through: something in between changes what the server offers";
        "client requires SCRAM channel binding, but it is not supported" => "login.channel_binding", "11-18",
            "[set channel_binding=prefer], or use TLS to the server itself";
        "unsupported SCRAM channel-binding type *" => "login.channel_binding", "11-18";
        "malformed SCRAM message" => "login.scram", "10-18";
        "invalid SCRAM response" => "login.scram", "10-18";
        "* SCRAM nonce" => "login.scram", "10-18";
        "* SCRAM channel-binding attribute in client-final-message" => "login.scram", "10-18";
        "client uses authorization identity, but it is not supported" => "login.scram", "10-18";
        "client requires an unsupported SCRAM extension" => "login.scram", "10-18";
        "invalid password packet size" => "login.refused", "9-18";
        "no PostgreSQL user name specified in startup packet" => "config.no_user", "9-18";
        "no username supplied" => "config.no_user", "1.18-1.26";
        "role * does not exist" => "login.unknown_role", "9-18";
        "role * is not permitted to log in" => "login.not_permitted", "9-18";
        "must be superuser to connect *" => "login.not_permitted", "9-18",
            "wait until the upgrade or the shutdown is over",
            because "only superusers are let in while the server is upgraded or shuts down";
        "database * does not exist" => "server.unknown_database", "9-18";
        "database * has disappeared from pg_database" => "server.unknown_database", "9-18";
        "database locale is incompatible with operating system" => "server.database_closed", "9-18",
            "generate the locale that the DETAIL line names on the server's machine (locale-gen) and restart the server, or restore the \
             database with a locale that it has";
        "permission denied for database *" => "server.no_connect_right", "9-18";
        "database * is not currently accepting connections" => "server.database_closed", "9-18";
        "cannot connect to invalid database *" => "server.database_closed", "11-18",
            "DROP DATABASE \"{database}\": an interrupted DROP DATABASE has left it invalid, and nothing else can be done with it";
        "sorry, too many clients already" => "server.too_many_clients", "9-18";
        "Sorry, too many clients already" => "server.too_many_clients", "9-18";
        "remaining connection slots are reserved *" => "server.too_many_clients", "9-18";
        "number of requested standby connections exceeds max_wal_senders*" => "server.too_many_clients", "9-18";
        "too many connections for role *" => "server.too_many_for_role", "9-18",
            "end idle connections of role '{user}', or ALTER ROLE \"{user}\" CONNECTION LIMIT -1";
        "too many connections for database *" => "server.too_many_for_role", "9-18",
            "end idle connections to database '{database}', or ALTER DATABASE \"{database}\" CONNECTION LIMIT -1";
        "too many connections for *" => "server.too_many_for_role", "9-18";
        "the database system is starting up" => "server.starting_up", "9-18";
        "the database system is shutting down" => "server.shutting_down", "9-18";
        "terminating connection due to administrator command" => "server.shutting_down", "9-18";
        "terminating connection due to unexpected postmaster exit" => "server.shutting_down", "9-18";
        "terminating connection because of crash of another server process" => "server.recovering", "9-18";
        "the database system is in recovery mode" => "server.recovering", "9-18";
        "the database system is not *accepting connections" => "server.recovering", "9-18";
        "Hot standby mode is disabled." => "server.recovering", "14-18",
            "set hot_standby=on at the standby, or connect to the primary";
        "unrecognized configuration parameter *" => "server.startup_parameter", "9-18",
            "[leave options out], or correct the parameter's name there";
        "invalid command-line argument* for server process*" => "server.startup_parameter", "9-18",
            "[leave options out], or write them as '-c name=value', with a backslash before each blank of a value; a service that takes \
             others is not this server";
        "invalid value for parameter *" => "server.startup_parameter", "9-18",
            "[leave options out], or correct the value there or in ALTER ROLE \"{user}\" SET";
        "* is outside the valid range for parameter *" => "server.startup_parameter", "9-18",
            "[leave options out], or correct the value there or in ALTER ROLE \"{user}\" SET";
        "permission denied to set parameter *" => "server.startup_parameter", "9-18",
            "[leave options out], or GRANT SET ON PARAMETER it TO \"{user}\" (PostgreSQL 15 and later)",
            because "only a superuser, or a role with that privilege, may set this parameter";
        "parameter * cannot be *" => "server.startup_parameter", "9-18",
            "[leave options out], or set the parameter for the whole server (ALTER SYSTEM)",
            because "the parameter cannot be set for one connection";
        "permission denied to set role *" => "server.startup_parameter", "9-18",
            "[leave options out], or GRANT that role TO \"{user}\"",
            because "'{user}' is no member of the role in options or in ALTER ROLE … SET role";
        "-c * requires a value" => "server.startup_parameter", "9-18",
            "[leave options out], or write them as '-c name=value'";
        "--* requires a value" => "server.startup_parameter", "9-18",
            "[leave options out], or write them as '-c name=value'";
        // Every connection loads the libraries of session_preload_libraries and local_preload_libraries.
        "could not access file *: No such file or directory" => "server.startup_parameter", "9-18",
            "correct session_preload_libraries or local_preload_libraries (of the server, database or role), or install the library there",
            because "the server loads a library for each connection, and has no such file";
        "could not load library *" => "server.startup_parameter", "9-18",
            "correct session_preload_libraries or local_preload_libraries (of the server, database or role), or install the library there",
            because "the server loads a library for each connection, and that one cannot be loaded";
        "unsupported frontend protocol *" => "server.protocol_version", "9-18";
        "invalid startup packet layout*" => "server.protocol_version", "9-18";
        // Bytes that came before TLS did: a proxy or a library mixes both (CVE-2021-23214).
        "received unencrypted data after * request" => "tls.handshake", "9-18",
            "connect to the server itself: something in between sends bytes of its own before TLS begins";
        "could not fork *process*" => "server.process_limit", "9-18";
        "out of memory" => "server.process_limit", "9-18";
        "out of shared memory" => "server.process_limit", "9-18";
        "could not load pg_hba.conf" => "login.no_hba_entry", "9-18",
            "correct pg_hba.conf; the server's log and pg_hba_file_rules name the line";
    }
    // Seen in the field; the source is uncertain.
    Server {
        "SSL/TLS required" => "tls.server_requires_tls", "seen 2024";
        "unable to accept connection, sni was not received*" => "login.not_routed", "2024-2026";
        "setting configuration parameter * not supported" => "server.startup_parameter", "2025",
            "[leave options out]: Aurora DSQL takes few parameters",
            because "the service does not let a client set this parameter";
        "unable to accept connection, access denied*" => "login.refused", "2024-2026",
            "make a new token for role '{user}' with the rights to connect (dsql:DbConnect or dsql:DbConnectAdmin)";
    }
    // The network. The system's words are glibc's, musl's and macOS's.
    Network {
        "could not translate host name * to address: *" => "net.dns", "13-18";
        "could not parse network address *" => "net.dns", "13-18";
        "Is the server running locally and accepting*" => "net.socket_missing", "13-18";
        "Invalid argument" => "net.unreachable", "13-18",
            "correct [host]",
            because "the operating system takes it for no address that can be connected to";
        "could not create socket: Too many open files*" => "net.local_limit", "13-18";
        "could not create socket: No file descriptors available" => "net.local_limit", "13-18";
        "could not create socket: *not permitted" => "net.forbidden", "13-18";
        "could not create socket: Permission denied" => "net.forbidden", "13-18";
        "could not create socket: *" => "net.unreachable", "13-18";
        "*Connection refused*" => "net.refused", "13-18";
        "*timeout expired" => "net.timeout", "13-18";
        "*Connection timed out*" => "net.timeout", "13-18";
        "*Operation timed out*" => "net.timeout", "13-18";
        "*Network is unreachable*" => "net.unreachable", "13-18";
        "*Network unreachable*" => "net.unreachable", "13-18";
        "*No route to host*" => "net.unreachable", "13-18";
        "*Host is unreachable*" => "net.unreachable", "13-18";
        "*Host is down*" => "net.unreachable", "13-18";
        "*Network is down*" => "net.unreachable", "13-18";
        "*Cannot assign requested address*" => "net.unreachable", "13-18";
        "*Can't assign requested address*" => "net.unreachable", "13-18";
        "*Address not available*" => "net.unreachable", "13-18";
        "*Address family not supported*" => "net.unreachable", "13-18";
        "Permission denied" => "net.forbidden", "13-18";
        "Operation not permitted" => "net.forbidden", "13-18";
        "could not connect to server: Permission denied" => "net.forbidden", "13";
        "could not connect to server: Operation not permitted" => "net.forbidden", "13";
        "Resource temporarily unavailable" => "server.too_many_clients", "13-18",
            "wait: the server's queue of connections is full";
    }
    Libpq {
        "*connection to server was lost" => "connection.lost", "13-18";
        "server closed the connection unexpectedly" => "net.closed", "13-18";
        "*Connection reset by peer*" => "net.closed", "13-18";
        "could not send * packet: *" => "net.closed", "13-18";
        "could not receive data from server*" => "net.closed", "13-18";
        "could not send data to server*" => "net.closed", "13-18";
        "*Broken pipe*" => "net.closed", "13-18";
    }
}
