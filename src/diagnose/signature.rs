//! The words by which libpq, `PostgreSQL`, `PgBouncer` and TLS alerts are known: libpq 13 to 18, OpenSSL 1.1 to 3.6.

use super::finding::Speaker;
use super::finding::Speaker::{Libpq, Network, PgBouncer, PostgreSql, TlsAlert};

/// A message and its meaning.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signature {
    /// Parts of the line that stand in this order.
    pub(super) parts: &'static [&'static str],
    /// The cause.
    pub(super) id: &'static str,
    /// Who says so.
    pub(super) speaker: Speaker,
}

/// The first signature that fits a line from which program and address have been taken off.
pub(super) fn of_line(line: &str) -> Option<&'static Signature> {
    SIGNATURES.iter().find(|signature| {
        let mut rest = line;
        signature
            .parts
            .iter()
            .all(|part| match rest.split_once(part) {
                Some((_, behind)) => {
                    rest = behind;
                    true
                }
                None => false,
            })
    })
}

macro_rules! signatures {
    ($($speaker:ident $id:literal: $($part:literal),+;)*) => {
        const SIGNATURES: &[Signature] = &[$(Signature { parts: &[$($part),+], id: $id, speaker: $speaker }),*];
    };
}

// The text after a file's name is not matched: with OpenSSL 3 on glibc libpq prints heap bytes there.
signatures! {
    // libpq, before it connects
    Libpq "program.no_tls": "SSL support is not compiled in";
    Libpq "config.sslmode": "invalid sslmode value:";
    Libpq "config.weak_sslmode": "weak sslmode ";
    Libpq "config.protocol_range": "invalid SSL protocol version range";
    Libpq "config.protocol_range": "invalid ssl_m", "_protocol_version value";
    Libpq "config.service": "definition of service ";
    Libpq "config.service": "service file ", "not found";
    Libpq "config.value": "invalid connection option";
    Libpq "config.value": "invalid integer value ", "for connection option";
    Libpq "config.value": "invalid port number";
    Libpq "config.value": "invalid ", " value: ";
    Libpq "config.no_user": "local user with ID ", "does not exist";
    Libpq "config.no_host_name": "host name must be specified for a verified SSL connection";
    // libpq, files
    Libpq "tls.root_cert.missing": "root certificate file ", "does not exist";
    Libpq "tls.root_cert.missing": "could not get home directory to locate root certificate file";
    Libpq "tls.root_cert.invalid": "could not read root certificate file ", "no certificate or crl found";
    Libpq "tls.root_cert.invalid": "could not read root certificate file ", "PEM lib";
    Libpq "tls.root_cert.unreadable": "could not read root certificate file ";
    Libpq "tls.root_cert.no_system_roots": "could not load system root certificate paths";
    Libpq "tls.client_cert.unreadable": "could not open certificate file ";
    Libpq "tls.client_cert.invalid": "could not read certificate file ", "no start line";
    Libpq "tls.client_cert.invalid": "could not read certificate file ", "key too small";
    Libpq "tls.client_cert.invalid": "could not read certificate file ", "md too weak";
    Libpq "tls.client_cert.invalid": "could not read certificate file ", "PEM lib";
    Libpq "tls.client_cert.unreadable": "could not read certificate file ";
    Libpq "tls.client_key.missing": "certificate present, but not private key file ";
    Libpq "tls.client_key.unreadable": "could not stat private key file ";
    Libpq "tls.client_key.not_a_file": "private key file ", "is not a regular file";
    Libpq "tls.client_key.permissions": "private key file ", "has group or world access";
    Libpq "tls.client_key.mismatch": "could not load private key file ", "key values mismatch";
    Libpq "tls.client_key.mismatch": "could not load private key file ", "key type mismatch";
    Libpq "tls.client_key.mismatch": "certificate does not match private key file ";
    Libpq "tls.client_key.encrypted": "could not load private key file ", "bad decrypt";
    Libpq "tls.client_key.encrypted": "could not load private key file ", "processing error";
    Libpq "tls.client_key.encrypted": "could not load private key file ", "bad password read";
    Libpq "tls.client_key.encrypted": "could not load private key file ", "problems getting password";
    Libpq "tls.client_key.encrypted": "could not load private key file ", "interrupted or cancelled";
    Libpq "tls.client_key.encrypted": "could not load private key file ", "empty password";
    Libpq "tls.client_key.encrypted": "Enter PEM pass phrase";
    Libpq "tls.client_key.invalid": "could not load private key file ", "no start line";
    Libpq "tls.client_key.invalid": "could not load private key file ", "unsupported";
    Libpq "tls.client_key.unreadable": "could not load private key file ";
    Libpq "tls.client_key.colon": "could not load SSL engine ";
    Libpq "tls.client_key.colon": "could not initialize SSL engine ";
    Libpq "login.password_file": "password file ", "has group or world access";
    // alerts, and what OpenSSL says in their stead
    TlsAlert "tls.client_cert.unknown_ca": "alert unknown ca";
    TlsAlert "tls.client_cert.expired": "alert certificate expired";
    TlsAlert "tls.client_cert.revoked": "alert certificate revoked";
    TlsAlert "tls.client_cert.wrong_purpose": "alert unsupported certificate";
    TlsAlert "tls.client_cert.required": "alert certificate required";
    TlsAlert "tls.client_cert.required": "alert handshake failure";
    TlsAlert "tls.client_cert.refused": "alert bad certificate";
    TlsAlert "tls.client_cert.refused": "alert certificate unknown";
    TlsAlert "tls.client_cert.refused": "alert decrypt error";
    TlsAlert "tls.client_cert.refused": "alert access denied";
    TlsAlert "tls.protocol_version": "alert protocol version";
    TlsAlert "tls.direct_refused": "alert no application protocol";
    TlsAlert "tls.handshake": "alert internal error";
    TlsAlert "tls.handshake": "alert unrecognized name";
    TlsAlert "tls.handshake": " alert ", "SSL alert number";
    Libpq "tls.protocol_version": "no protocols available";
    Libpq "tls.protocol_version": "unsupported protocol";
    // Not another version, but no TLS at all: OpenSSL reads the version where a record should begin.
    Libpq "net.not_postgresql": "wrong version number";
    Libpq "tls.protocol_version": "version too low";
    Libpq "tls.server_cert.unverified": "certificate verify failed";
    Libpq "tls.server_cert.unverified": "dh key too small";
    Libpq "tls.server_cert.name": "server certificate for ", "does not match host name";
    Libpq "tls.server_cert.name": "could not get server's host name from server certificate";
    // libpq, negotiation
    Libpq "tls.server_without_tls": "server does not support SSL, but SSL was required";
    Libpq "net.not_postgresql": "received invalid response to SSL negotiation";
    Libpq "net.not_postgresql": "received invalid response to GSSAPI negotiation";
    Libpq "net.not_postgresql": "expected authentication request from server, but received";
    Libpq "net.not_postgresql": "server sent an error response during SSL exchange";
    Libpq "net.not_postgresql": "received unencrypted data after SSL response";
    Libpq "tls.direct_refused": "direct SSL connection was established without ALPN";
    Libpq "tls.client_cert.required": "server accepted connection without a valid SSL certificate";
    Libpq "tls.client_cert.refused": "server did not request an SSL certificate";
    Libpq "login.no_password": "no password supplied";
    Libpq "login.auth_method": "authentication method requirement ";
    Libpq "login.auth_method": "auth method ", "requirement failed";
    Libpq "login.channel_binding": "channel binding required";
    Libpq "login.channel_binding": "channel binding is required";
    Libpq "server.target_session": "session is read-only";
    Libpq "server.target_session": "session is not read-only";
    Libpq "server.target_session": "server is in hot standby mode";
    Libpq "server.target_session": "server is not in hot standby mode";
    // PgBouncer
    PgBouncer "tls.server_requires_tls": "FATAL:", "SSL required";
    PgBouncer "server.pooler_backend": "query_wait_timeout";
    PgBouncer "server.pooler_backend": "server_login_failed";
    PgBouncer "server.pooler_backend": "server login has been failing";
    PgBouncer "server.pooler_backend": "server login failed";
    PgBouncer "server.pooler_backend": "pgbouncer cannot connect to server";
    PgBouncer "server.too_many_clients": "no more connections allowed (max_client_conn)";
    PgBouncer "server.too_many_clients": "no more connections allowed";
    PgBouncer "server.too_many_for_role": "max_db_connections";
    PgBouncer "server.too_many_for_role": "max_user_connections";
    PgBouncer "server.unknown_database": "no such database:";
    PgBouncer "server.startup_parameter": "unsupported startup parameter";
    PgBouncer "login.not_pooler_user": "no such user:";
    PgBouncer "login.wrong_password": "FATAL:", "SASL authentication failed";
    PgBouncer "login.refused": "bouncer config error";
    PgBouncer "server.shutting_down": "pgbouncer is shutting down";
    // PostgreSQL. The version before the last but one says "SSL off" and "SSL on".
    PostgreSql "login.hba_reject": "pg_hba.conf rejects ", ", SSL encryption";
    PostgreSql "login.hba_reject": "pg_hba.conf rejects ", ", SSL on";
    PostgreSql "login.hba_reject": "pg_hba.conf rejects ", "host \"[local]\"";
    PostgreSql "tls.server_requires_tls": "pg_hba.conf rejects ", ", no encryption";
    PostgreSql "tls.server_requires_tls": "pg_hba.conf rejects ", ", SSL off";
    PostgreSql "login.no_hba_entry": "no pg_hba.conf entry ", ", SSL encryption";
    PostgreSql "login.no_hba_entry": "no pg_hba.conf entry ", ", SSL on";
    PostgreSql "login.no_hba_entry": "no pg_hba.conf entry ", "host \"[local]\"";
    PostgreSql "tls.server_requires_tls": "no pg_hba.conf entry ", ", no encryption";
    PostgreSql "tls.server_requires_tls": "no pg_hba.conf entry ", ", SSL off";
    PostgreSql "login.no_hba_entry": "no pg_hba.conf entry ";
    PostgreSql "login.hba_reject": "pg_hba.conf rejects ";
    PostgreSql "tls.client_cert.required": "connection requires a valid client certificate";
    PostgreSql "server.no_client_ca": "client certificates can only be checked if a root certificate store is available";
    PostgreSql "login.certificate_user": "certificate authentication failed for user";
    PostgreSql "login.certificate_user": "\"trust\" authentication failed for user";
    PostgreSql "login.certificate_user": "trust authentication failed for user";
    PgBouncer "login.not_pooler_user": "FATAL:", "\"trust\" authentication failed";
    PostgreSql "login.wrong_password": "password authentication failed for user";
    PostgreSql "login.peer": "eer authentication failed for user";
    PostgreSql "login.peer": "dent authentication failed for user";
    PostgreSql "login.refused": " authentication failed for user";
    PostgreSql "login.unknown_role": "role ", "does not exist";
    PostgreSql "login.not_permitted": "role ", "is not permitted to log in";
    PostgreSql "server.unknown_database": "database ", "does not exist";
    PostgreSql "server.no_connect_right": "permission denied for database ";
    PostgreSql "server.database_closed": "is not currently accepting connections";
    PostgreSql "server.too_many_clients": "too many clients already";
    PostgreSql "server.too_many_clients": "remaining connection slots are reserved";
    PostgreSql "server.too_many_for_role": "too many connections for ";
    PostgreSql "server.starting_up": "the database system is starting up";
    PostgreSql "server.shutting_down": "the database system is shutting down";
    PostgreSql "server.shutting_down": "terminating connection due to administrator command";
    PostgreSql "server.recovering": "the database system is in recovery mode";
    PostgreSql "server.recovering": "the database system is not yet accepting connections";
    PostgreSql "server.recovering": "the database system is not accepting connections";
    PostgreSql "server.startup_parameter": "unrecognized configuration parameter";
    // The network. Last: the words of the others are more to the point.
    Network "net.dns": "could not translate host name ";
    Network "net.dns": "could not parse network address ";
    Network "net.socket_missing": "connection to server on socket ", "failed: ";
    Network "net.socket_missing": "Is the server running locally and accepting";
    Network "net.refused": "Connection refused";
    Network "net.timeout": "timeout expired";
    Network "net.timeout": "Connection timed out";
    Network "net.unreachable": "Network is unreachable";
    Network "net.unreachable": "No route to host";
    Network "net.unreachable": "Cannot assign requested address";
    Network "net.unreachable": "Address family not supported";
    Libpq "connection.lost": "connection to server was lost";
    Network "net.closed": "unexpected eof while reading";
    Network "net.closed": "SSL SYSCALL error: EOF detected";
    Network "net.closed": "SSL connection has been closed unexpectedly";
    Network "net.closed": "server closed the connection unexpectedly";
    Network "net.closed": "Connection reset by peer";
    Network "net.closed": "could not send startup packet";
    Network "net.closed": "could not receive data from server";
    Libpq "tls.handshake": "SSL error: ";
    Libpq "tls.handshake": "SSL SYSCALL error: ";
    Libpq "tls.handshake": "could not establish SSL connection";
}

/// Every cause that some message has.
#[cfg(test)]
pub(super) fn ids() -> impl Iterator<Item = &'static str> {
    SIGNATURES.iter().map(|signature| signature.id)
}
