//! Sentences of poolers, services and servers, as their sources have them, and their findings.

/// Said by the other side, without the severity: each is tried as `FATAL:  …`.
pub(super) const SAID_BY_SERVERS: &[(&str, &str)] = &[
    // PgBouncer
    ("pause failed", "server.pooler_backend"),
    ("suspend_timeout", "server.shutting_down"),
    (
        "authentication database \"auth\" is disabled",
        "server.pooler_backend",
    ),
    ("database removed", "server.unknown_database"),
    ("auth_ldap_options is null", "login.refused"),
    ("ldap is not supported by this build", "login.refused"),
    ("username too long", "login.refused"),
    ("password too long", "login.refused"),
    ("no username supplied", "config.no_user"),
    (
        "client sent partial pkt in startup phase",
        "server.protocol_version",
    ),
    ("admin forced disconnect", "server.shutting_down"),
    (
        "server login failed: failed to verify server signature",
        "server.pooler_backend",
    ),
    (
        "server login has been failing, try again later (server_login_retry)",
        "server.pooler_backend",
    ),
    // Supavisor
    (
        "(ECHECKOUTFAILED) checkout failed due to :noproc",
        "server.pooler_backend",
    ),
    (
        "(ECHECKOUTRETRIES) failed to check out a connection after multiple retries",
        "server.pooler_backend",
    ),
    (
        "(EPOOLTERMINATING) pool terminating: pool is terminating",
        "server.pooler_backend",
    ),
    (
        "(EPOOLCONFIGNOTFOUND) pool configuration not found for 7",
        "server.pooler_backend",
    ),
    (
        "(EPROXYSUPERVISORUNAVAILABLE) proxy supervisor unavailable after retries",
        "server.pooler_backend",
    ),
    (
        "(EWORKERNOTFOUND) worker processes (manager/pool) not found for tenant 7",
        "server.pooler_backend",
    ),
    (
        "(ESUBSCRIBERETRIES) failed to subscribe to tenant after multiple retries. Terminating",
        "server.pooler_backend",
    ),
    (
        "(EJITREQUESTFAILED) failed to reach JIT provider for user \"app\"",
        "server.pooler_backend",
    ),
    (
        "(EAUTHPROTOCOL) protocol violation during authentication",
        "login.scram",
    ),
    (
        "(EAUTHTIMEOUT) timeout while waiting for message",
        "login.refused",
    ),
    (
        "(ECIRCUITBREAKER) too many authentication failures, new connections are temporarily blocked",
        "login.refused",
    ),
    (
        "(ECIRCUITBREAKER) too many failed attempts to connect to the database, new connections are temporarily blocked",
        "server.pooler_backend",
    ),
    (
        "(ECIRCUITBREAKER) failed to retrieve database credentials after multiple attempts, new connections are temporarily blocked",
        "server.pooler_backend",
    ),
    (
        "(EAUTHQUERY) user not found in the database",
        "login.unknown_role",
    ),
    (
        "(EAUTHQUERY) MD5 secrets are not supported for auth_query, use require_user instead",
        "login.method_not_supported",
    ),
    (
        "(EAUTHQUERY) auth_query secret check timed out",
        "server.pooler_backend",
    ),
    (
        "(EJITUNAUTHORIZED) password authentication failed for user \"app\"",
        "login.wrong_password",
    ),
    (
        "Internal error (handshake): :closed",
        "server.pooler_backend",
    ),
    ("(EBANNED) tenant is banned: abuse", "login.refused"),
    (
        "(ESSLHANDSHAKE) SSL handshake failed: :closed",
        "tls.handshake",
    ),
    (
        "(ESTARTUPMESSAGE) Invalid startup message: :bad",
        "server.protocol_version",
    ),
    (
        "(ESTARTUPPACKETTOOLARGE) Startup packet too large: 20000 bytes (max 10000 bytes)",
        "server.startup_parameter",
    ),
    (
        "(EMAXCONNSESSION) max clients reached in session mode - max clients are limited to pool_size: 15",
        "server.too_many_clients",
    ),
    // Neon's proxy
    (
        "Project name ('a_b') must contain only alphanumeric characters and hyphen.",
        "login.not_routed",
    ),
    (
        "Control plane request failed: endpoint cannot be found",
        "login.not_routed",
    ),
    (
        "Control plane request failed: endpoint is disabled",
        "server.database_closed",
    ),
    (
        "The endpoint has been disabled. Enable it using Neon API and retry.",
        "server.database_closed",
    ),
    (
        "Control plane request failed: unknown error",
        "server.pooler_backend",
    ),
    (
        "unsupported channel binding method tls-unique",
        "login.channel_binding",
    ),
    ("authentication protocol violation", "login.scram"),
    ("Authentication timed out", "login.refused"),
    ("Malformed password message: missing null", "login.refused"),
    (
        "Parameter 'user' is missing in startup packet.",
        "config.no_user",
    ),
    (
        "unsupported startup parameter: lock_timeout. Please use unpooled connection",
        "server.startup_parameter",
    ),
    // PgDog
    ("no such user/database: app/open", "login.not_routed"),
    ("checkout timeout", "server.pooler_backend"),
    ("all replicas down", "server.pooler_backend"),
    ("pool is banned", "server.pooler_backend"),
    ("pool is shut down", "server.pooler_backend"),
    (
        "TLS connection required but server does not support TLS",
        "server.pooler_backend",
    ),
    ("replica checkout timeout", "server.pooler_backend"),
    ("healthcheck timeout", "server.pooler_backend"),
    ("manual ban", "server.pooler_backend"),
    (
        "could not resolve to any address for hostname db",
        "server.pooler_backend",
    ),
    (
        "RDS IAM token generation failed: no credentials",
        "server.pooler_backend",
    ),
    // PgCat
    (
        "Pool down for database: \"open\", user: \"app\"",
        "server.pooler_backend",
    ),
    (
        "checkout failure limit reached (3 / 3)",
        "server.pooler_backend",
    ),
    (
        "Unsupported query against the admin database",
        "server.unknown_database",
    ),
    (
        "Unsupported SHOW query against the admin database",
        "server.unknown_database",
    ),
    // pgpool
    ("clear text authentication failed", "login.wrong_password"),
    (
        "authentication with pgpool failed for user \"app\" rejected",
        "login.hba_reject",
    ),
    (
        "failed to authenticate with backend using SCRAM",
        "server.pooler_backend",
    ),
    (
        "authentication failed, backend node replied with an error",
        "server.pooler_backend",
    ),
    (
        "invalid authentication packet from backend",
        "server.pooler_backend",
    ),
    ("unable to connect to backend", "server.pooler_backend"),
    (
        "failed while reading startup packet",
        "server.protocol_version",
    ),
    ("authentication failed", "login.refused"),
    ("CERT authentication failed", "login.certificate_user"),
    // Odyssey, which puts its name before the server's words as well
    (
        "odyssey: c1d2: password authentication failed for user \"app\"",
        "login.wrong_password",
    ),
    (
        "odyssey: password authentication failed for user \"app\"",
        "login.wrong_password",
    ),
    (
        "odyssey: c1d2: certificate authentication failed for user \"app\"",
        "login.certificate_user",
    ),
    (
        "odyssey: c1d2: TLS connection required",
        "tls.server_requires_tls",
    ),
    (
        "odyssey: c1d2: frontend auth: malformed SASLInitialResponse message",
        "login.scram",
    ),
    (
        "odyssey: c1d2: frontend auth: unsupported SASL authorization mechanism",
        "login.method_not_supported",
    ),
    ("odyssey: c1d2: bad password message", "login.refused"),
    (
        "odyssey: c1d2: can't find suitable host for tsa 'read-write' of user app.open",
        "server.target_session",
    ),
    (
        "odyssey: c1d2: replication lag too big (9 seconds), connection rejected: open app",
        "server.pooler_backend",
    ),
    ("odyssey: c1d2: soft out of memory", "server.process_limit"),
    (
        "odyssey: c1d2: unsupported frontend protocol 3.2: server supports 2.0 to 3.0",
        "server.protocol_version",
    ),
    (
        "odyssey: c1d2: Odyssey has dropped the connection",
        "connection.lost",
    ),
    (
        "odyssey: c1d2: sorry, too many clients already",
        "server.too_many_clients",
    ),
    (
        "odyssey: c1d2: database \"open\" does not exist",
        "server.unknown_database",
    ),
    (
        "odyssey: c1d2: remote server s9: too many clients",
        "connection.failed",
    ),
    (
        "odyssey: c1d2: drop connection due to soft oom (usage is 12 KB)",
        "server.process_limit",
    ),
    // Azure, Google, Amazon
    (
        "The access token has expired. Please acquire a new token and retry.",
        "login.token_expired",
    ),
    (
        "The access token does not have a valid audience claim. Please acquire a new token for the resource",
        "login.refused",
    ),
    (
        "The access token has invalid format. Please ensure the token is passed exactly as returned",
        "login.refused",
    ),
    (
        "RDS Proxy supports only IAM, MD5, or SCRAM authentication.",
        "login.auth_method",
    ),
    (
        "A user name is missing from the connection startup packet. Provide a user name for this connection.",
        "config.no_user",
    ),
    (
        "Request returned an error: database \"open\" does not exist",
        "server.unknown_database",
    ),
    (
        "Request returned an error: out of memory",
        "server.pooler_backend",
    ),
    (
        "setting configuration parameter \"client_min_messages\" not supported",
        "server.startup_parameter",
    ),
    (
        "Cloud SQL IAM service account authentication failed for user \"app\"",
        "login.refused",
    ),
    (
        "Client with IP address '1.2.3.4' is not allowed to connect to this PostgreSQL server.",
        "login.address_refused",
    ),
    (
        "Client from Azure Virtual Networks is not allowed to access the server.",
        "login.address_refused",
    ),
    (
        "The public network access on this server is disabled. Use the private endpoint",
        "login.address_refused",
    ),
    (
        "Azure AD user token for role[app] is neither an AAD_AUTH_TOKENTYPE_APP_USER or another token",
        "login.refused",
    ),
    (
        "Cloud SQL IAM user authentication failed for user \"app\"",
        "login.refused",
    ),
    (
        "unable to accept connection, sni was not received",
        "login.not_routed",
    ),
    (
        "unable to accept connection, access denied",
        "login.refused",
    ),
    (
        "No pool configured for database: \"open\", user: \"app\"",
        "login.not_routed",
    ),
    (
        "could not get connection from the pool - AllServersDown",
        "server.pooler_backend",
    ),
    // CockroachDB
    (
        "codeProxyRefusedConnection: connection attempt throttled",
        "login.refused",
    ),
    (
        "codeProxyRefusedConnection: too many attempts",
        "login.refused",
    ),
    (
        "codeProxyRefusedConnection: connection refused",
        "login.address_refused",
    ),
    (
        "server is not accepting clients, try another node",
        "server.shutting_down",
    ),
    ("app does not have login privilege", "login.not_permitted"),
    (
        "no server.host_based_authentication.configuration entry for host \"1.2.3.4\", user \"app\"",
        "login.no_hba_entry",
    ),
    (
        "requested user identity \"app\" does not correspond to any mapping for system identity \"x\"",
        "login.certificate_user",
    ),
    ("unknown protocol version 196610", "server.protocol_version"),
    // PostgreSQL
    (
        "client requires SCRAM channel binding, but it is not supported",
        "login.channel_binding",
    ),
    (
        "unsupported SCRAM channel-binding type \"tls-unique\"",
        "login.channel_binding",
    ),
    ("malformed SCRAM message", "login.scram"),
    ("non-printable characters in SCRAM nonce", "login.scram"),
    ("invalid password packet size", "login.refused"),
    (
        "database locale is incompatible with operating system",
        "server.database_closed",
    ),
    (
        "terminating connection because of crash of another server process",
        "server.recovering",
    ),
    (
        "the database system is not yet accepting connections",
        "server.recovering",
    ),
    (
        "permission denied to set role \"other\"",
        "server.startup_parameter",
    ),
    (
        "-c search_path requires a value",
        "server.startup_parameter",
    ),
    (
        "could not access file \"auto_explain\": No such file or directory",
        "server.startup_parameter",
    ),
    (
        "could not load library \"/usr/lib/x.so\": undefined symbol: y",
        "server.startup_parameter",
    ),
    (
        "invalid startup packet layout: expected terminator as last byte",
        "server.protocol_version",
    ),
    (
        "received unencrypted data after SSL request",
        "tls.handshake",
    ),
    (
        "OAuth bearer authentication failed for user \"app\"",
        "login.refused",
    ),
    (
        "remaining connection slots are reserved for roles with the SUPERUSER attribute",
        "server.too_many_clients",
    ),
    (
        "remaining connection slots are reserved for non-replication superuser and rds_superuser connections",
        "server.too_many_clients",
    ),
    (
        "no pg_hba.conf entry for host \"h\", user \"u\", database \"d\", GSS encryption",
        "login.no_hba_entry",
    ),
];

/// Said by libpq.
pub(super) const SAID_BY_LIBPQ: &[(&str, &str)] = &[
    (
        "syntax error in service file \"/s\", line 3",
        "config.service",
    ),
    (
        "nested service specifications not supported in service file \"/s\", line 3",
        "config.service",
    ),
    ("line 7 too long in service file \"/s\"", "config.service"),
    ("no entry found on LDAP lookup", "config.service"),
    (
        "missing \"=\" after \"x\" in connection info string",
        "config.invalid",
    ),
    (
        "unterminated quoted string in connection info string",
        "config.invalid",
    ),
    ("invalid URI query parameter: \"sslmod\"", "config.invalid"),
    ("invalid percent-encoded token: \"p%ss\"", "config.invalid"),
    (
        "could not match 2 host names to 3 hostaddr values",
        "config.value",
    ),
    ("could not match 3 port numbers to 2 hosts", "config.value"),
    (
        "Unix-domain socket path \"/x/.s.PGSQL.5432\" is too long (maximum 107 bytes)",
        "config.value",
    ),
    (
        "invalid value \"TLSv2\" for minimum SSL protocol version",
        "config.protocol_range",
    ),
    (
        "WARNING: password file \"/p\" is not a plain file",
        "login.password_file",
    ),
    (
        "SSL certificate's name contains embedded null",
        "tls.server_cert.name",
    ),
    (
        "certificate contains IP address with invalid length 5",
        "tls.server_cert.name",
    ),
    (
        "could not set SSL Server Name Indication (SNI): no SSL error reported",
        "tls.handshake",
    ),
    (
        "message contents do not agree with length in message type \"R\"",
        "net.not_postgresql",
    ),
    (
        "unexpected response from server; first received character was \"H\"",
        "net.not_postgresql",
    ),
    (
        "SCM_CRED authentication method not supported",
        "login.method_not_supported",
    ),
    ("duplicate GSS authentication request", "login.gssapi"),
    (
        "could not encode cbind data for channel binding",
        "login.channel_binding",
    ),
    ("incorrect server signature", "login.scram"),
    ("invalid SCRAM exchange state", "login.scram"),
    (
        "AuthenticationSASLFinal received from server, but SASL authentication was not completed",
        "login.scram",
    ),
    (
        "requirepeer parameter is not supported on this platform",
        "login.requirepeer",
    ),
    (
        "could not get peer credentials: Operation not supported",
        "login.requirepeer",
    ),
];

/// Sentences that resemble a row, and what they are not.
pub(super) const RESEMBLE: &[(&str, &str)] = &[
    ("FATAL:  username too long to be true", "login.refused"),
    (
        "FATAL:  the pool is closed in winter",
        "server.pooler_backend",
    ),
    ("FATAL:  there is no primary", "server.pooler_backend"),
    ("checkout timeout", "server.pooler_backend"),
    (
        "FATAL:  database removed the row",
        "server.unknown_database",
    ),
    (
        "FATAL:  the documentation of hba_file has no entry for user \"u\"",
        "login.no_hba_entry",
    ),
    ("FATAL:  odyssey is a poem", "connection.lost"),
    (
        "database locale is incompatible with operating system",
        "server.database_closed",
    ),
    // The server's own words about its libraries, and libpq's about its own.
    (
        "could not load library \"libpq-oauth-18.so\": x",
        "server.startup_parameter",
    ),
    (
        "FATAL:  syntax error in service file \"/s\", line 3",
        "config.service",
    ),
    ("FATAL:  incorrect server signature", "login.wrong_password"),
    (
        "FATAL:  Unix-domain socket path \"/x\" is too long",
        "config.value",
    ),
];

/// A FATAL line, the line behind it, and the first finding.
pub(super) const WITH_DETAILS: &[(&str, &str, &str)] = &[
    (
        "FATAL:  client authentication failed",
        "DETAIL:  no pool_hba.conf entry for host \"h\", user \"u\", database \"d\"",
        "login.no_hba_entry",
    ),
    (
        "ERROR:  authentication failed, backend node replied with an error",
        "DETAIL:  SERVER ERROR:\"password authentication failed for user \"app\"\"",
        "login.wrong_password",
    ),
    (
        "ERROR:  CERT authentication failed",
        "DETAIL:  no valid certificate presented",
        "tls.client_cert.required",
    ),
    (
        "ERROR:  authentication failed",
        "DETAIL:  pool_do_auth: all backends are down",
        "server.pooler_backend",
    ),
    (
        "FATAL:  the database system is not accepting connections",
        "DETAIL:  Hot standby mode is disabled.",
        "server.recovering",
    ),
];
