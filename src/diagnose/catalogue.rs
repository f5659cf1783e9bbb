//! Every cause that a report can name, with its standing words.

/// The general text of a cause.
#[derive(Clone, Copy, Debug)]
pub struct CatalogueEntry {
    /// The stable id.
    pub id: &'static str,
    /// The problem, as a fragment.
    pub what: &'static str,
    /// The reason.
    pub why: &'static str,
    /// The fix. `{user}`, `{database}`, `{host}` and `{port}` stand for those of the connection.
    pub fix: &'static str,
}

/// The entry of an id; `None` for an id that no report has.
pub fn entry(id: &str) -> Option<&'static CatalogueEntry> {
    ENTRIES.iter().find(|entry| entry.id == id)
}

/// The steps of the walk; a step that is well, or was skipped, is reported under its own name.
pub const STEPS: [&str; 13] = [
    "programs",
    "configuration",
    "environment",
    "files",
    "dns",
    "tcp",
    "ssl_request",
    "tls",
    "modes",
    "login",
    "server",
    "locks",
    "pooler",
];

macro_rules! catalogue {
    ($($id:literal: $what:literal, $why:literal, $fix:literal;)*) => {
        /// All causes.
        pub const ENTRIES: &[CatalogueEntry] = &[$(CatalogueEntry { id: $id, what: $what, why: $why, fix: $fix }),*];
    };
}

catalogue! {
    "program.psql_missing": "psql was not found", "no program of that name can be started",
        "install the PostgreSQL client, or name the program with --psql";
    "program.failed": "psql could not be run", "it did not end by itself, or died by a signal", "run it by hand to see why";
    "program.pg_dump_missing": "pg_dump was not found", "only capturing from a database needs it",
        "install the PostgreSQL client, or name the program with --pg-dump";
    "program.no_tls": "this psql cannot use TLS", "its libpq was built without TLS, as in packages from PyPI",
        "use a psql of your distribution or of postgresql.org";
    "program.libpq_too_old": "libpq is too old for a setting", "libpq ignores variables that it does not know",
        "use a newer psql, or leave the setting out";
    "config.invalid": "a setting is invalid", "it cannot be read as what it is meant to be", "correct it where it stands";
    "config.file": "a file of the configuration cannot be read", "a service or password file is named that is not there or not readable",
        "correct the path, or let this user read the file";
    "config.targets": "the targets file is invalid", "it cannot be read as a list of servers", "correct the line or the target that is named";
    "config.exposed": "the targets file has a password, and others may read it", "a password in a file is for its owner only",
        "chmod 600 the file, or use password_variable, password_command or a password file";
    "config.sslmode": "sslmode has a value that libpq does not know", "libpq compares the words with case, and empty is not unset",
        "set [sslmode] to disable, allow, prefer, require, verify-ca or verify-full";
    "config.value": "a setting has a value that libpq does not know", "libpq refuses it before it connects",
        "correct the value, or remove the variable: an empty one is not 'unset'";
    "config.weak_sslmode": "sslmode is too weak for another setting",
        "libpq refuses sslrootcert=system without verify-full, and sslnegotiation=direct below require",
        "raise [sslmode], or leave the other setting out";
    "config.protocol_range": "no TLS version is allowed", "the lowest allowed version is above the highest",
        "lower [ssl_min_protocol_version] or raise [ssl_max_protocol_version]";
    "config.service": "the service is not defined", "PGSERVICE names a section that the service file does not have",
        "correct PGSERVICE, or remove it: an empty one is not 'unset'";
    "config.no_host_name": "verify-full has no host name to verify", "only an address is given",
        "name the host of the server's certificate in [host], and keep the address in [hostaddr]";
    "config.gssencmode": "encryption by GSSAPI cannot be had", "gssencmode=require needs a Kerberos ticket, a server with GSSAPI, and TCP",
        "get a ticket with kinit, or [set gssencmode=disable]";
    "config.password_command": "the password command gave no password", "it could not be run, failed, or printed none",
        "run it by hand: it must print the password on one line of stdout and end with 0";
    "config.no_user": "there is no user name to log in with", "the user id has no entry in the password database",
        "name the role in --username or PGUSER";
    "config.not_as_meant": "a setting is probably not as meant", "it works, and another source wins, or it is not passed on",
        "correct the setting where it stands";
    "environment.interference": "the environment would have steered psql",
        "psql started by hand obeys these variables and files; this program does not pass them on",
        "remove them from the service's environment, or name what is meant in the configuration";
    "tls.root_cert.missing": "the root certificate file does not exist",
        "without it verify-ca and verify-full fail, and the other modes verify nothing",
        "name the authority's certificate in [sslrootcert]";
    "tls.root_cert.unreadable": "the root certificate file cannot be read",
        "this user may not open it or search a directory above it", "let this user read it";
    "tls.root_cert.invalid": "the root certificate file holds no certificate", "libpq reads PEM only",
        "put the authority's certificate there in PEM";
    "tls.root_cert.not_a_file": "the root certificate path is no regular file", "it is a directory, a pipe or a device",
        "name a regular file in [sslrootcert]";
    "tls.root_cert.expires_soon": "the root certificate expires soon", "the chain of the server's certificate ends at it",
        "add the authority's next root certificate to the file that [sslrootcert] names";
    "tls.root_cert.expired": "no certificate in the root certificate file is valid any more", "it has expired",
        "get the authority's new certificate";
    "tls.root_cert.not_yet_valid": "no certificate in the root certificate file is valid yet", "its validity has not begun",
        "check this machine's clock";
    "tls.root_cert.no_system_roots": "the system's certificate authorities were not found",
        "the package ca-certificates is not installed", "install ca-certificates, or name a file in [sslrootcert]";
    "tls.root_cert.not_an_authority": "the certificate in the root certificate file may not sign others", "it is not an authority's (basicConstraints CA:FALSE)",
        "name the certificate of the authority that signed the server's certificate in [sslrootcert]";
    "tls.crl.missing": "the revocation list does not exist", "libpq ignores that and checks no revocation",
        "name the right file in [sslcrl], or leave it out";
    "tls.crl.unreadable": "the revocation list cannot be read", "libpq ignores that and checks no revocation",
        "let this user read it";
    "tls.crl.invalid": "the file is not a revocation list", "libpq ignores that and checks no revocation",
        "put a revocation list in PEM there";
    "tls.crl.not_a_file": "the revocation list is no regular file", "libpq ignores that and checks no revocation",
        "name a regular file in [sslcrl]";
    "tls.crl.expires_soon": "a revocation list expires soon", "OpenSSL refuses every certificate of the authority after the list's next update",
        "get the authority's present list";
    "tls.crl.incomplete": "the revocation list does not cover the server's chain, or is out of date",
        "with a revocation list, OpenSSL wants a current one of every authority in the chain",
        "get a current list of each authority of the chain, in one file";
    "tls.client_cert.missing": "the client certificate does not exist",
        "libpq then sends none, silently: the accidental fix known as PGSSLCERT=root",
        "name the right file in [sslcert], or [leave sslcert out] when none is meant";
    "tls.client_cert.unreadable": "the client certificate cannot be read",
        "this user may not open it or search a directory above it, as in another user's home",
        "let this user read it, or [leave sslcert out] when none is meant";
    "tls.client_cert.invalid": "the client certificate file holds no certificate", "libpq reads PEM only",
        "put the certificate there in PEM";
    "tls.client_cert.not_a_file": "the client certificate path is no regular file", "it is a directory, a pipe or a device",
        "name a regular file in [sslcert], or leave it out";
    "tls.client_cert.weak_key": "the key of the client certificate is too short", "OpenSSL's security level refuses RSA below 2048 bits",
        "have the certificate issued for a key of 2048 bits or more";
    "tls.client_cert.weak_digest": "the client certificate is signed with a digest that is too weak", "OpenSSL's security level refuses SHA-1 and MD5",
        "have the certificate issued again with SHA-256";
    "tls.client_cert.expires_soon": "the client certificate expires soon", "it has not been renewed yet",
        "renew the client certificate";
    "tls.client_cert.expired": "the client certificate has expired", "the server refuses it when it asks for one",
        "renew the client certificate";
    "tls.client_cert.not_yet_valid": "the client certificate is not yet valid", "the server refuses it when it asks for one",
        "check this machine's clock, or wait";
    "tls.client_cert.wrong_purpose": "the client certificate is not for TLS clients",
        "its key usage does not allow it", "have it issued for TLS clients (extendedKeyUsage clientAuth)";
    "tls.client_cert.is_ca": "the client certificate is an authority's", "it was not issued to a client",
        "name a certificate that was issued to this client";
    "tls.client_cert.unknown_ca": "the server does not know the authority of the client certificate",
        "the server asks every client for a certificate, and the one it got is not signed by an authority it trusts",
        "name a certificate that the server's authority signed, or [leave sslcert out] when the server needs none";
    "tls.client_cert.revoked": "the client certificate is revoked", "the server's revocation list has it",
        "get a new client certificate";
    "tls.client_cert.refused": "the server refuses the client certificate", "it could not verify it",
        "check the server's log for the reason, and name another certificate in [sslcert]";
    "tls.client_cert.required": "the server wants a client certificate and got none",
        "its configuration requires one (clientcert or cert in pg_hba.conf, client_tls_sslmode in PgBouncer)",
        "name a certificate and its key in [sslcert] and [sslkey]";
    "tls.client_key.missing": "the private key of the client certificate does not exist",
        "a certificate is of no use without its key", "name the certificate's private key in [sslkey]";
    "tls.client_key.unreadable": "the private key cannot be read",
        "this user may not open it or search a directory above it", "let this user read it";
    "tls.client_key.not_a_file": "the private key is no regular file", "libpq refuses anything else",
        "name a regular file in [sslkey]";
    "tls.client_key.permissions": "the private key is open to others",
        "libpq refuses keys above 0600, or 0640 when root owns them", "chmod 600 the key as its owner";
    "tls.client_key.invalid": "the private key file holds no key that libpq can read", "it is neither PEM nor DER of a key",
        "put the private key there in PEM";
    "tls.client_key.encrypted": "the private key needs a pass phrase",
        "no variable can give it to psql, and OpenSSL would ask on the terminal or eat the script",
        "store the key without a pass phrase, with mode 0600";
    "tls.client_key.mismatch": "certificate and private key do not belong together", "their public keys differ",
        "name a certificate and a key that are a pair";
    "tls.client_key.colon": "the private key's path has a colon", "libpq takes it for an OpenSSL engine's name",
        "move the key to a path without a colon";
    "tls.server_requires_tls": "the server refuses plaintext here",
        "it wants TLS (hostssl in pg_hba.conf, client_tls_sslmode in PgBouncer), and this connection was plaintext",
        "[set sslmode=require], or better verify-full with the authority's certificate in [sslrootcert]";
    "tls.server_without_tls": "the server has no TLS", "it answered the request for TLS with 'no'",
        "switch TLS on at the server (ssl=on, client_tls_sslmode), or [set sslmode=disable] where plaintext is acceptable";
    "tls.direct_required": "the server speaks TLS at once", "a TLS proxy stands in between that does not know PostgreSQL's request for TLS",
        "[set sslnegotiation=direct] (libpq 17 or later), or let the proxy pass TCP through to PostgreSQL";
    "tls.alpn": "a TLS proxy in between does not know the protocol 'postgresql'",
        "libpq names it in every handshake from version 17 on, and the proxy's list has others only",
        "add 'postgresql' to the proxy's ALPN list, or let the proxy pass TCP through to PostgreSQL";
    "tls.no_shared_cipher": "client and server have no cipher in common",
        "the ciphers that one side allows do not fit the other's, or the kind of the server's key (RSA or ECDSA)",
        "allow ciphers for the kind of the server's key in ssl_ciphers at the server";
    "tls.openssl_config": "OpenSSL has nothing to make a TLS connection with",
        "its configuration, often one for FIPS, leaves no cipher, no algorithm or no source of random numbers",
        "correct OpenSSL's configuration: openssl.cnf, or the file in OPENSSL_CONF";
    "tls.legacy_renegotiation": "the server's TLS is too old for this OpenSSL", "it does not know secure renegotiation (RFC 5746), which OpenSSL 3 requires",
        "update the server or the proxy in between, or knowingly set Options = UnsafeLegacyServerConnect in the file of OPENSSL_CONF (docs/tls.md has one)";
    "tls.weak_dh": "the server's Diffie-Hellman parameters are too short", "OpenSSL's security level refuses parameters below 2048 bits",
        "set ssl_dh_params_file at the server to parameters of 2048 bits or more, or prefer ciphers with ECDHE";
    "tls.large_hello": "a large first message of TLS gets lost on the way",
        "OpenSSL 3.5 and later send a key for hybrid key exchange, and a middlebox drops what does not fit one packet",
        "set Groups = X25519:P-256 in the file of OPENSSL_CONF (docs/tls.md has one), or have the middlebox repaired";
    "tls.direct_refused": "the server does not know TLS without a request for it",
        "sslnegotiation=direct needs PostgreSQL 17 or later and no older pooler in between",
        "[leave sslnegotiation out], or [set sslnegotiation=postgres]";
    "tls.protocol_version": "client and server have no TLS version in common",
        "the versions that the configuration allows are not the server's",
        "widen [ssl_min_protocol_version] and [ssl_max_protocol_version], or the server's";
    "tls.handshake": "the TLS handshake failed", "one side gave up without a reason that can be known here",
        "check the server's log at this moment";
    "tls.plaintext": "the connection is not encrypted", "the mode allows plaintext, and TLS was not established",
        "[set sslmode=require], or better verify-full with the authority's certificate in [sslrootcert]; [set sslmode=disable] where plaintext is meant";
    "tls.server_cert.unverified": "the server's certificate was not accepted",
        "libpq says no more than that its chain does not end in the root certificate file, or is out of date",
        "compare the server's chain with the root certificate file; schemastamp --diagnose names the reason";
    "tls.server_cert.unknown_issuer": "the authority of the server's certificate is not in the root certificate file",
        "the chain ends in another authority", "name that authority's certificate in [sslrootcert]";
    "tls.server_cert.self_signed": "the server's certificate is self-signed and not in the root certificate file",
        "no authority vouches for it", "name that very certificate in [sslrootcert] (before OpenSSL 3 it must be one that may sign), or give the server one of an authority";
    "tls.server_cert.incomplete_chain": "the server does not send the intermediate certificate",
        "its certificate is signed by an intermediate that is neither sent nor in the root certificate file",
        "append the intermediate's certificate to the server's certificate file";
    "tls.server_cert.other_key": "the root certificate file has the authority's name with another key",
        "the authority was re-created under the same name", "get the authority's present certificate";
    "tls.root_cert.incomplete": "the root certificate file has an intermediate only",
        "OpenSSL wants the self-signed authority at the end of the chain", "append the root authority's certificate to the file";
    "tls.server_cert.expired": "the server's certificate has expired", "its validity period has ended", "renew the server's certificate";
    "tls.server_cert.not_yet_valid": "the server's certificate is not yet valid", "its validity has not begun",
        "check the clocks of both machines";
    "tls.server_cert.revoked": "the server's certificate is revoked", "the revocation list has it",
        "give the server a new certificate";
    "tls.server_cert.wrong_purpose": "the server's certificate is not for TLS servers", "its key usage does not allow it",
        "have it issued for TLS servers (extendedKeyUsage serverAuth)";
    "tls.server_cert.weak_key": "a key in the server's chain is too short", "OpenSSL's security level refuses RSA below 2048 bits",
        "have the certificate issued again for a key of 2048 bits or more, or knowingly set CipherString = DEFAULT@SECLEVEL=1 in the file of OPENSSL_CONF (docs/tls.md has one)";
    "tls.server_cert.weak_digest": "a certificate in the server's chain is signed with a digest that is too weak", "OpenSSL's security level refuses SHA-1 and MD5",
        "have the certificate issued again with SHA-256, or knowingly set CipherString = DEFAULT@SECLEVEL=0 in the file of OPENSSL_CONF (docs/tls.md has one)";
    "tls.server_cert.expires_soon": "the server's certificate expires soon", "it has not been renewed yet",
        "renew the server's certificate";
    "tls.server_cert.chain_expires_soon": "an intermediate certificate that the server sends expires soon", "it has not been renewed yet",
        "put the authority's present intermediate certificate into the server's certificate file";
    "tls.server_cert.name": "the server's certificate is for another name", "verify-full compares it with host",
        "connect under a name of the certificate (hostaddr keeps the address), or have it issued for this name";
    "net.dns": "the host name has no address", "the resolver does not know it, or cannot be reached",
        "correct '{host}' in [host], or check /etc/resolv.conf and /etc/hosts";
    "net.refused": "nothing listens at the address and port", "the server is down, or listens elsewhere",
        "start the server, or correct [host] and [port] ({host}, {port}); see listen_addresses";
    "net.timeout": "the server does not answer", "a firewall drops the packets, or no machine has the address",
        "open the port in the firewall or security group, or correct [host] and [port] ({host}, {port})";
    "net.unreachable": "there is no route to the address", "the network has no route to it, often for IPv6",
        "correct [host], or the machine's routes";
    "net.forbidden": "this machine forbids the connection", "the operating system refuses it: a firewall, SELinux, AppArmor, seccomp or a container's policy",
        "allow outgoing connections to {host}, {port} in this machine's or container's policy";
    "net.ipv6_only": "the host name has IPv6 addresses only, and this machine has no IPv6", "the name has no IPv4 address that could be used instead",
        "connect from a network with IPv6, or use a host name with an IPv4 address (a pooler's, or the service's IPv4 add-on)";
    "net.private_name": "the host name is one that only a private network knows", "names of containers, clusters and internal zones have no address elsewhere",
        "connect from inside that network, or use the service's public host name";
    "net.local_limit": "this process may open no more files", "each connection needs one, and the limit of this process (ulimit -n) is reached",
        "raise the limit on open files, or use fewer jobs";
    "net.socket_missing": "there is no server behind the Unix socket", "the socket's file does not exist or may not be used",
        "start the server, or name the server's directory (unix_socket_directories) or its host in [host]";
    "net.closed": "the server closed the connection without a message", "it crashed, is no PostgreSQL, or a proxy ended it",
        "check the server's log; check what listens at {host}, {port}";
    "net.silent": "something accepts the connection and sends nothing", "it is no PostgreSQL, or hangs",
        "check what listens at {host}, {port}";
    "net.not_postgresql": "the program at this address is not PostgreSQL", "its answer to the request for TLS is none of PostgreSQL's",
        "correct [host] and [port] ({host}, {port})";
    "login.wrong_password": "the password is wrong, or the role does not exist",
        "the server does not tell these apart, nor a role that has no password, or one that is past its VALID UNTIL",
        "correct [password] of role '{user}', or the role's name in [user], or set the role's password again at the server (\\password in psql)";
    "login.no_password": "the server wants a password and none is configured",
        "psql is not allowed to prompt for one",
        "[give password], or let a program print it ([password_command]), or add a line to a password file";
    "login.password_file": "the password file is open to others", "libpq ignores it then", "chmod 600 the password file";
    "login.token_expired": "the token used as password has expired", "tokens of cloud services are valid for minutes",
        "make a new token and put it into [password], or let [password_command] make one";
    "login.not_routed": "the service cannot determine which database is meant", "it reads that from the host's name in the TLS handshake (SNI), from the role's name or from options",
        "use host, role and options exactly as the service's console shows them";
    "login.address_refused": "the service does not let this address in", "its list of allowed addresses does not have the one from which this connection comes",
        "add this machine's public address to the service's list of allowed addresses";
    "login.gssapi": "the login by Kerberos failed", "there is no ticket, it has expired, or it is for another service name",
        "get a ticket with kinit, pass KRB5CCNAME on, and set [krbsrvname] if the service is not called postgres";
    "login.scram": "the login by SCRAM broke off", "one side sent what the other did not expect: a proxy in between, or a server that is not PostgreSQL",
        "connect to the server itself, and check its log";
    "login.method_not_supported": "client and server have no method of authentication in common", "this libpq, or the server, does not know the method that the other one wants",
        "use a newer psql, or another method in pg_hba.conf";
    "login.requirepeer": "the socket's server runs as another user than required", "requirepeer names the operating system's user that the server has to run as",
        "correct [requirepeer], or connect to the right socket";
    "login.unknown_role": "the role does not exist", "the server has no role of that name", "CREATE ROLE \"{user}\" LOGIN, or correct the name in [user]";
    "login.not_permitted": "the role may not log in", "it is NOLOGIN", "ALTER ROLE \"{user}\" LOGIN, or name another role in [user]";
    "login.no_hba_entry": "the server has no rule for this client, role and database",
        "no line in pg_hba.conf matches", "add a line for database '{database}', role '{user}' and this address to pg_hba.conf";
    "login.hba_reject": "the server rejects this client, role and database", "a reject line in pg_hba.conf matches first",
        "change that line in pg_hba.conf";
    "login.certificate_user": "the client certificate is for another role",
        "its common name is not the role's name, and no map says otherwise",
        "connect as the role in the certificate, or map the name in pg_ident.conf";
    "login.peer": "the operating system's user is not the role", "the server asks the operating system (peer or ident)",
        "connect as the role of that name, or use another method in pg_hba.conf";
    "login.refused": "the login failed", "the server's method of authentication, or the service, did not accept it", "check the server's log";
    "login.auth_method": "the server uses another method than required", "require_auth does not allow it",
        "change [require_auth], or the method in pg_hba.conf";
    "login.channel_binding": "channel binding is required and cannot be had", "the server did not offer it, as behind a TLS proxy",
        "[set channel_binding=prefer], or connect to the server itself";
    "login.not_pooler_user": "the pooler does not know the role", "the pooler's list of roles does not have it (PgBouncer: auth_file and auth_query)",
        "add role '{user}' to auth_file";
    "server.unknown_database": "the database does not exist", "the server has none of that name",
        "CREATE DATABASE \"{database}\", or correct the name in [dbname]";
    "server.no_connect_right": "the role may not connect to the database", "it has no CONNECT right",
        "GRANT CONNECT ON DATABASE \"{database}\" TO \"{user}\"";
    "server.database_closed": "the database accepts no connections", "datallowconn is off",
        "ALTER DATABASE \"{database}\" ALLOW_CONNECTIONS true, or name another database in [dbname]";
    "server.too_many_clients": "the server has no connection left", "max_connections, or the pooler's limit, is reached",
        "end idle connections, use a pooler, or raise the limit";
    "server.too_many_for_role": "the role or database has no connection left", "its own CONNECTION LIMIT is reached",
        "end idle connections, or raise the limit with ALTER ROLE \"{user}\" or ALTER DATABASE \"{database}\" CONNECTION LIMIT";
    "server.starting_up": "the server is starting up", "it does not accept connections yet", "try again in a moment";
    "server.shutting_down": "the server is shutting down", "an administrator stops it", "wait until it is back";
    "server.recovering": "the server is recovering", "it is a standby, or comes back after a crash", "wait, or connect to the primary";
    "server.no_client_ca": "the server asks for certificates and has no authority to check them",
        "pg_hba.conf has clientcert, and ssl_ca_file is empty", "set ssl_ca_file at the server";
    "server.pooler_backend": "the pooler cannot reach the server behind it",
        "PgBouncer's own connection to PostgreSQL fails, and it gives clients no details",
        "check PgBouncer's log (server_tls_sslmode, server_tls_ca_file, host and port of the database), and SHOW DATABASES on its console: \
         RESUME a paused database";
    "server.startup_parameter": "a startup parameter is refused", "the server or the pooler does not know it, or does not take it from this role",
        "[leave options out], or set ignore_startup_parameters in PgBouncer";
    "server.protocol_version": "client and server speak different versions of the protocol", "min_protocol_version or max_protocol_version asks for more than the server or the pooler knows",
        "[leave min_protocol_version out], and [leave max_protocol_version out]";
    "server.process_limit": "the server cannot start a process for the connection", "a limit on processes or memory of the server's machine or container is reached",
        "raise the limit on processes (pids, nproc) and memory of the server, or end idle connections";
    "server.target_session": "no server has the requested role", "target_session_attrs asks for another",
        "connect to the primary, or change [target_session_attrs]";
    "server.no_create_right": "the role may not create schemas", "it has no CREATE right on the database",
        "GRANT CREATE ON DATABASE \"{database}\" TO \"{user}\"";
    "server.small_lock_budget": "the server has few locks",
        "a tenant of many objects needs one lock each, all in one transaction",
        "ALTER SYSTEM SET max_locks_per_transaction = 256, and restart the server";
    "server.read_only": "the server is read-only", "it is a standby, or default_transaction_read_only is on", "connect to the primary";
    "timeout": "the diagnosis timed out", "a step took too long", "raise --timeout";
    "connection.lost": "the connection broke", "the server or something in between ended it", "check the server's log";
    "connection.failed": "the connection failed for a reason that is not known here", "the messages are below", "check the server's log";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_complete() {
        for (index, one) in ENTRIES.iter().enumerate() {
            assert!(
                ENTRIES
                    .iter()
                    .skip(index + 1)
                    .all(|other| other.id != one.id),
                "{}",
                one.id
            );
            assert!(
                !one.what.is_empty() && !one.why.is_empty() && !one.fix.is_empty(),
                "{}",
                one.id
            );
            assert!(
                !one.what.ends_with('.') && !one.fix.ends_with('.'),
                "{}",
                one.id
            );
        }
    }
}
