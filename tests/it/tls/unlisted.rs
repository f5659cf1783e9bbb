//! Failures that no report had listed: names, passwords, files and settings that are a little wrong, and poolers in odd states.

use std::process::{Child, Command, Stdio};

use super::fake::Fake;
use super::field::openssl;
use super::network::back;
use super::scene::{
    Scene, Stray, command_agrees, diagnose, expect, fails, healthy, mode, run, with_good_client,
    with_good_root, without_client,
};
use super::world::{World, with_app};
use crate::support::{Bouncer, BouncerOptions, Client, Cluster, Options, Schemastamp};

fn to_plain(app: Schemastamp) -> Schemastamp {
    app.env("PGPORT", World::get().plain().port().to_string())
        .env("PGSSLMODE", "disable")
}

fn with_password(app: Schemastamp, password: &str) -> Schemastamp {
    app.env("PGDATABASE", "passwords")
        .env("PGPASSWORD", password)
}

/// Names a password file with this line, in which `PORT` is the main server's.
fn with_password_file(app: Schemastamp, line: &str) -> Schemastamp {
    let port = World::get().main().port().to_string();
    let file = app.write("passwords", line.replace("PORT", &port));
    mode(&file, 0o600);
    app.env("PGDATABASE", "passwords").env("PGPASSFILE", file)
}

pub(super) fn names_and_passwords_scenes() -> Vec<Scene> {
    let right = |app: Schemastamp| app.env("PGPASSWORD", "hunter2");
    vec![
        fails(
            "no role is named",
            "login.unknown_role",
            |app| app.without("PGUSER"),
            |app| app.env("PGUSER", "app"),
        ),
        fails(
            "no database is named",
            "server.unknown_database",
            |app| to_plain(app).without("PGDATABASE"),
            |app| app.env("PGDATABASE", "open"),
        ),
        fails(
            "no database is named, and no rule is for it",
            "login.no_hba_entry",
            |app| app.without("PGDATABASE"),
            |app| app.env("PGDATABASE", "open"),
        ),
        fails(
            "a database's name in capitals",
            "server.unknown_database",
            |app| to_plain(app).env("PGDATABASE", "OPEN"),
            |app| app.env("PGDATABASE", "open"),
        ),
        fails(
            "a role's name in capitals",
            "login.unknown_role",
            |app| app.env("PGUSER", "App"),
            |app| app.env("PGUSER", "app"),
        ),
        fails(
            "a role whose password is past its date",
            "login.wrong_password",
            |app| with_password(app, "hunter2").env("PGUSER", "past"),
            |app| app.env("PGUSER", "app"),
        ),
        fails(
            "a role that has no password",
            "login.wrong_password",
            |app| with_password(app, "hunter2").env("PGUSER", "limited"),
            |app| app.env("PGUSER", "app"),
        ),
        fails(
            "a variable in place of the password",
            "login.wrong_password",
            |app| with_password(app, "${DB_PASSWORD}"),
            right,
        ),
        fails(
            "a password in quotes",
            "login.wrong_password",
            |app| with_password(app, "\"hunter2\""),
            right,
        ),
        fails(
            "a password with a line break",
            "login.wrong_password",
            |app| with_password(app, "hunter2\n"),
            right,
        ),
        fails(
            "a password file for another database",
            "login.no_password",
            |app| with_password_file(app, "localhost:PORT:other:app:hunter2\n"),
            |app| with_password_file(app, "localhost:PORT:passwords:app:hunter2\n"),
        ),
        fails(
            "a password file that does not exist",
            "login.password_file",
            |app| {
                app.env("PGDATABASE", "passwords")
                    .env("PGPASSFILE", "/nonexistent/pgpass")
            },
            |app| with_password_file(app, "*:*:*:app:hunter2\n"),
        ),
        fails(
            "an LDAP server that does not answer",
            "login.refused",
            |app| with_password(app, "hunter2").env("PGDATABASE", "directory"),
            |app| app.env("PGDATABASE", "open"),
        ),
        fails(
            "ident over TCP",
            "login.peer",
            |app| app.env("PGDATABASE", "identified"),
            |app| app.env("PGDATABASE", "open"),
        ),
        fails(
            "a certificate for the role, and a map without it",
            "login.certificate_user",
            |app| with_good_client(app.env("PGDATABASE", "mapped")),
            |app| app.env("PGDATABASE", "certs_login"),
        ),
    ]
}

#[test]
fn names_and_passwords() {
    run(&names_and_passwords_scenes());
}

pub(super) fn addresses_scenes() -> Vec<Scene> {
    let here = |app: Schemastamp| app.env("PGHOST", "localhost");
    vec![
        fails(
            "an address of the local link without an interface",
            "net.unreachable",
            |app| app.env("PGHOST", "fe80::1"),
            here,
        ),
        fails(
            "an address of the local link at an interface that is not there",
            "net.dns",
            |app| app.env("PGHOST", "fe80::1%nope0"),
            here,
        ),
        fails(
            "a variable in place of the host",
            "net.dns",
            |app| app.env("PGHOST", "${DB_HOST}"),
            here,
        ),
        fails(
            "a host in quotes",
            "net.dns",
            |app| app.env("PGHOST", "\"localhost\""),
            here,
        ),
        fails(
            "a host name with too long a label",
            "net.dns",
            |app| app.env("PGHOST", "a".repeat(64)),
            here,
        ),
        fails(
            "a socket of the abstract namespace",
            "net.socket_missing",
            |app| app.env("PGHOST", "@/nonexistent"),
            here,
        ),
        fails(
            "HTTP/2 on the port",
            "net.not_postgresql",
            |app| app.env("PGPORT", Fake::http2().port.to_string()),
            back,
        ),
        fails(
            "SSH on the port, plaintext",
            "net.not_postgresql",
            |app| {
                app.env("PGPORT", Fake::ssh().port.to_string())
                    .env("PGSSLMODE", "disable")
            },
            back,
        ),
        fails(
            "a standby is wanted, and the server is the primary",
            "server.target_session",
            |app| app.env("PGTARGETSESSIONATTRS", "standby"),
            |app| app.env("PGTARGETSESSIONATTRS", "any"),
        ),
    ]
}

#[test]
fn addresses() {
    run(&addresses_scenes());
}

pub(super) fn values_scenes() -> Vec<Scene> {
    vec![
        fails(
            "an empty port",
            "config.invalid",
            |app| app.env("PGPORT", ""),
            back,
        ),
        fails(
            "the text of a key in place of its path",
            "config.invalid",
            |app| {
                let key = World::get().other_ca.key.clone();
                with_good_client(app).env("PGSSLKEY", key)
            },
            without_client,
        ),
        fails(
            "a service in capitals",
            "config.service",
            |app| {
                let file = app.write("services", "[prod]\nhost=localhost\n");
                app.env("PGSERVICEFILE", file).env("PGSERVICE", "PROD")
            },
            |app| app.env("PGSERVICE", "prod"),
        ),
        fails(
            "a line without = in a service file",
            "config.service",
            |app| {
                let file = app.write("services", "[prod]\nhost localhost\n");
                app.env("PGSERVICEFILE", file).env("PGSERVICE", "prod")
            },
            |app| {
                app.write("services", "[prod]\nhost=localhost\n");
                app
            },
        ),
        fails(
            "an unknown parameter in options",
            "server.startup_parameter",
            |app| to_plain(app).env("SCHEMASTAMP_OPTIONS", "-c nosuch=1"),
            |app| app.without("SCHEMASTAMP_OPTIONS"),
        ),
        fails(
            "a parameter of superusers in options",
            "server.startup_parameter",
            |app| to_plain(app).env("SCHEMASTAMP_OPTIONS", "-c log_connections=on"),
            |app| app.without("SCHEMASTAMP_OPTIONS"),
        ),
        fails(
            "channel binding in plaintext",
            "login.channel_binding",
            |app| {
                with_password(app, "hunter2")
                    .env("PGCHANNELBINDING", "require")
                    .env("PGSSLMODE", "disable")
            },
            |app| app.env("PGSSLMODE", "require"),
        ),
        fails(
            "channel binding where no password is asked for",
            "login.channel_binding",
            |app| app.env("PGCHANNELBINDING", "require"),
            |app| app.env("PGCHANNELBINDING", "prefer"),
        ),
        fails(
            "a directory of revocation lists that does not exist",
            "tls.crl.incomplete",
            |app| {
                with_good_root(app)
                    .env("PGSSLMODE", "verify-full")
                    .env("PGSSLCRLDIR", "/nonexistent/crls")
            },
            |app| app.without("PGSSLCRLDIR"),
        ),
        fails(
            "a file in place of a directory of revocation lists",
            "tls.crl.incomplete",
            |app| {
                let list = app.write("root.crl", World::get().revocation_list());
                with_good_root(app)
                    .env("PGSSLMODE", "verify-full")
                    .env("PGSSLCRLDIR", list)
            },
            |app| app.without("PGSSLCRLDIR"),
        ),
    ]
}

#[test]
fn values() {
    run(&values_scenes());
}

/// Writes files in other forms than PEM beside a good certificate and its key: PKCS #12, PKCS #7, base64 and others.
fn in_other_forms(app: Schemastamp) -> Schemastamp {
    let app = with_good_client(app);
    for arguments in [
        "pkcs12 -export -in client.crt -inkey client.key -passout pass: -out client.p12",
        "crl2pkcs7 -nocrl -certfile client.crt -out client.p7b",
        "base64 -in client.crt -out client.b64",
        "base64 -in client.key -out key.b64",
        "req -new -key client.key -subj /CN=app -out client.csr",
    ] {
        openssl(&app, arguments);
    }
    mode(&app.path("key.b64"), 0o600);
    app
}

fn with_certificate_file(app: Schemastamp, name: &str) -> Schemastamp {
    let path = app.path(name);
    in_other_forms(app).env("PGSSLCERT", path)
}

pub(super) fn forms_of_files_scenes() -> Vec<Scene> {
    vec![
        fails(
            "PKCS #7 as certificate",
            "tls.client_cert.invalid",
            |app| with_certificate_file(app, "client.p7b"),
            with_good_client,
        ),
        fails(
            "base64 of a certificate",
            "tls.client_cert.invalid",
            |app| with_certificate_file(app, "client.b64"),
            with_good_client,
        ),
        fails(
            "a certificate with \\n in place of line breaks",
            "tls.client_cert.invalid",
            |app| {
                let app = in_other_forms(app);
                let text = app.read("client.crt").replace('\n', "\\n");
                let path = app.write("escaped.crt", text);
                app.env("PGSSLCERT", path)
            },
            with_good_client,
        ),
        fails(
            "a request as certificate",
            "tls.client_cert.invalid",
            |app| with_certificate_file(app, "client.csr"),
            with_good_client,
        ),
        fails(
            "PKCS #12 as certificate",
            "tls.client_cert.invalid",
            |app| with_certificate_file(app, "client.p12"),
            with_good_client,
        ),
        fails(
            "base64 of a key",
            "tls.client_key.invalid",
            |app| {
                let path = app.path("key.b64");
                in_other_forms(app).env("PGSSLKEY", path)
            },
            with_good_client,
        ),
        fails(
            "a certificate as key, open to others",
            "tls.client_key.invalid",
            |app| {
                let path = app.path("client.crt");
                with_good_client(app).env("PGSSLKEY", path)
            },
            with_good_client,
        ),
        fails(
            "a key without a certificate",
            "tls.client_cert.required",
            |app| with_good_client(app.env("PGDATABASE", "certs")).without("PGSSLCERT"),
            with_good_client,
        ),
        fails(
            "the root certificate on a single line",
            "tls.root_cert.invalid",
            |app| {
                let text = World::get().ca.certificate.replace('\n', "");
                super::scene::with_root(app, &text).env("PGSSLMODE", "verify-ca")
            },
            with_good_root,
        )
        .stray(Stray::Own),
    ]
}

#[test]
fn forms_of_files() {
    run(&forms_of_files_scenes());
}

/// The words of the only error.
fn said(app: &Schemastamp, finding: &str) -> String {
    let report = expect(app, finding, 20).unwrap();
    command_agrees(app, finding).unwrap();
    let error = report.of("error")[0];
    format!(
        "{} | {}",
        error["why"].as_str().unwrap(),
        error["fix"].as_str().unwrap()
    )
}

#[test]
fn the_words_name_what_is_wrong() {
    for (app, finding, words) in [
        (
            healthy().without("PGUSER"),
            "login.unknown_role",
            "no role is named",
        ),
        (
            with_password(healthy(), "[YOUR-PASSWORD]"),
            "login.wrong_password",
            "placeholder",
        ),
        (
            with_password(healthy(), "hunter2 "),
            "login.wrong_password",
            "ends with a blank",
        ),
        (
            with_password_file(healthy(), "127.0.0.1:PORT:passwords:app:hunter2\n"),
            "login.no_password",
            "line 1 fits but for its host",
        ),
        (
            healthy().env("PGHOST", "fe80::1"),
            "net.unreachable",
            "as in fe80::1%eth0",
        ),
        (
            healthy().env("PGTARGETSESSIONATTRS", "standby"),
            "server.target_session",
            "is the primary | name a standby",
        ),
        (
            with_good_client(healthy().env("PGDATABASE", "mapped")),
            "login.certificate_user",
            "'MAP app app' to pg_ident.conf",
        ),
        (
            with_good_client(healthy().env("PGDATABASE", "certs_login")).env("PGUSER", "limited"),
            "login.certificate_user",
            "the certificate is for 'app', the role is 'limited'",
        ),
        (
            healthy()
                .env("PGDATABASE", "no_rule")
                .env("PGSSLMODE", "disable"),
            "login.no_hba_entry",
            "add the line 'host no_rule app 127.0.0.1/32 scram-sha-256'",
        ),
    ] {
        let text = said(&app, finding);
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[test]
fn a_private_key_in_a_variable_is_not_shown() {
    let key = &World::get().other_ca.key;
    let app = with_good_client(healthy()).env("PGSSLKEY", key);
    let secret = key.split('\n').nth(2).unwrap();
    for output in [app.run(&["diagnose", "-v"]), app.run(&["status", "--all"])] {
        assert!(!format!("{output}").contains(secret), "{output}");
    }
}

#[test]
fn settings_of_newer_libraries() {
    let (old, new) = (Client::with_tls(16), Client::with_tls(18));
    let password = || with_password(healthy(), "hunter2");
    for (app, finding, cure) in [
        (
            password().client(&old).env("PGREQUIREAUTH", "none"),
            "login.auth_method",
            ("PGREQUIREAUTH", "scram-sha-256"),
        ),
        (
            healthy().client(&old).env("PGREQUIREAUTH", "scram-sha-256"),
            "login.auth_method",
            ("PGREQUIREAUTH", "none"),
        ),
        (
            healthy()
                .client(&new)
                .env("PGSSLNEGOTIATION", "direct")
                .env("PGSSLMODE", "prefer"),
            "config.weak_sslmode",
            ("PGSSLMODE", "require"),
        ),
    ] {
        let text = said(&app, finding);
        let (variable, value) = cure;
        assert!(text.contains(&format!("set {variable}={value}")), "{text}");
        let cured = app.env(variable, value);
        let errors = diagnose(&cured).ids("error");
        assert!(!errors.contains(&finding.to_owned()), "{errors:?}");
    }
    for (app, finding, variable) in [
        (
            healthy().client(&old).env("PGREQUIREAUTH", "oauth"),
            "config.value",
            "PGREQUIREAUTH",
        ),
        (
            healthy().client(&old).env("PGSSLCERTMODE", "require"),
            "tls.client_cert.required",
            "PGSSLCERTMODE",
        ),
        (
            healthy()
                .client(&new)
                .env("PGMINPROTOCOLVERSION", "3.2")
                .env("PGMAXPROTOCOLVERSION", "3.0"),
            "config.value",
            "PGMINPROTOCOLVERSION",
        ),
    ] {
        let text = said(&app, finding);
        assert!(text.contains(&format!("unset {variable}")), "{text}");
        expect(&app.without(variable), "", 0).unwrap();
    }
}

#[test]
fn a_role_that_the_server_takes_from_the_operating_system() {
    let options = Options::default().socket_rule("local all app peer");
    let cluster = with_app(Cluster::start(&options));
    let app = healthy()
        .env("PGHOST", cluster.socket_folder())
        .env("PGPORT", cluster.port().to_string())
        .env("PGSSLMODE", "prefer");
    let text = said(&app, "login.peer");
    assert!(text.contains("set PGHOST=localhost"), "{text}");
    let report = diagnose(&app.env("PGHOST", "localhost"));
    assert!(report.of("error").is_empty(), "{}", report.text);
}

#[test]
fn parameters_that_the_role_has() {
    let main = World::get().main().maintenance();
    main.sql("CREATE ROLE preset LOGIN");
    main.sql("ALTER ROLE preset SET session_preload_libraries = 'nosuch'");
    let app = healthy().env("PGUSER", "preset");
    let text = said(&app, "server.startup_parameter");
    assert!(text.contains("session_preload_libraries"), "{text}");
    main.sql("ALTER ROLE preset RESET session_preload_libraries");
    let report = diagnose(&app);
    assert!(report.of("error").is_empty(), "{}", report.text);
}

/// A pooler before the server without TLS.
fn pooler(options: &BouncerOptions) -> (Bouncer, Schemastamp) {
    let pooler = Bouncer::start(World::get().plain(), options);
    let app = healthy()
        .env("PGPORT", pooler.port().to_string())
        .env("PGSSLMODE", "disable")
        .env("SCHEMASTAMP_TIMEOUT", "8");
    (pooler, app)
}

/// A client that holds a connection, ended on drop.
struct Holding(Child);

impl Holding {
    fn connection_of(app: &Schemastamp) -> Self {
        let psql = Client::installed().psql();
        let arguments = ["-X", "-q", "-w", "-c", "SELECT pg_sleep(60)"];
        let mut command: Command = app.command_of(psql.as_ref(), &arguments);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        Self(child.unwrap())
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn a_pool_without_a_free_connection() {
    let options = BouncerOptions::default()
        .user("app", "")
        .setting("pool_mode", "session")
        .setting("max_db_connections", "1")
        .setting("query_wait_timeout", "1");
    let (_pooler, app) = pooler(&options);
    let sleeping = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)' AND pid <> pg_backend_pid()";
    let holding = Holding::connection_of(&app);
    let database = World::get().plain().maintenance();
    while database.query(sleeping) == "0" {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let text = said(&app, "server.pooler_backend");
    assert!(text.contains("default_pool_size"), "{text}");
    drop(holding);
    database.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)' AND pid <> pg_backend_pid()");
    let report = diagnose(&app);
    assert!(report.of("error").is_empty(), "{}", report.text);
}

#[test]
fn the_console_of_a_pooler_is_no_database() {
    let options = BouncerOptions::default()
        .user("app", "")
        .setting("admin_users", "app");
    for options in [BouncerOptions::default().user("app", ""), options] {
        let (_pooler, app) = pooler(&options);
        let app = app.env("PGDATABASE", "pgbouncer");
        let text = said(&app, "server.unknown_database");
        assert!(text.contains("PgBouncer's own console"), "{text}");
        expect(&app.env("PGDATABASE", "open"), "", 0).unwrap();
    }
}

#[test]
fn a_query_for_passwords_that_fails_in_the_pooler() {
    let options = BouncerOptions::default()
        .user("app", "hunter2")
        .setting("auth_type", "md5")
        .setting("auth_user", "app")
        .setting("auth_query", "SELECT 1 FROM nowhere WHERE $1 IS NULL");
    let (_pooler, app) = pooler(&options);
    let app = app.env("PGUSER", "reader").env("PGPASSWORD", "hunter2");
    let text = said(&app, "server.pooler_backend");
    assert!(text.contains("auth_query"), "{text}");
    expect(&app.env("PGUSER", "app"), "", 0).unwrap();
}

#[test]
fn the_poolers_password_of_the_same_role_is_not_ours() {
    let database = "passwords = host=127.0.0.1 port=PORT dbname=passwords";
    let before_main = |password: &str| {
        let options = BouncerOptions::default()
            .user("app", password)
            .setting("server_login_retry", "1")
            .database(database);
        Bouncer::start(World::get().main(), &options)
    };
    let wrong = before_main("hunter3");
    let app = healthy()
        .env("PGPORT", wrong.port().to_string())
        .env("PGSSLMODE", "disable")
        .env("PGDATABASE", "passwords");
    let text = said(&app, "server.pooler_backend");
    assert!(text.contains("auth_file"), "{text}");
    let right = before_main("hunter2");
    expect(&app.env("PGPORT", right.port().to_string()), "", 0).unwrap();
}

#[test]
fn of_several_hosts_the_one_that_failed_is_named() {
    let main = World::get().main().port();
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let app = healthy()
        .env("PGHOST", "localhost,localhost")
        .env("PGPORT", format!("{closed},{main}"))
        .env("PGTARGETSESSIONATTRS", "standby");
    let text = said(&app, "net.refused");
    assert!(text.contains(&format!("(127.0.0.1, {closed})")), "{text}");
}
