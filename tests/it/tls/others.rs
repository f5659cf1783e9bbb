//! Findings that have no table of their own: files, servers and settings as they are found now and then.

use super::scene::{
    Scene, Stray, as_nobody, command_agrees, expect, fails, healthy, mode, run, warns, with_client,
    with_good_root, with_root, without_client,
};
use super::world::{World, with_app};
use crate::support::{Client, Cluster, Leaf, Options, Schemastamp, TlsProxy};

/// Verifies the chain with a root certificate file of the world's authority, changed.
fn verifying(app: Schemastamp, root: &str) -> Schemastamp {
    with_root(app, root).env("PGSSLMODE", "verify-ca")
}

/// Names a revocation list besides a good root certificate.
fn with_list(app: Schemastamp, name: &str) -> Schemastamp {
    let path = app.path(name);
    with_good_root(app)
        .env("PGSSLMODE", "verify-ca")
        .env("PGSSLCRL", path)
}

pub(super) fn other_scenes() -> Vec<Scene> {
    vec![
        fails(
            "a root certificate that has expired",
            "tls.root_cert.expired",
            |app| verifying(app, &World::get().ca.renewed("Acme Root", -30, -1)),
            |app| verifying(app, &World::get().ca.certificate),
        )
        .stray(Stray::Own),
        fails(
            "a root certificate that is not yet valid",
            "tls.root_cert.not_yet_valid",
            |app| verifying(app, &World::get().ca.renewed("Acme Root", 2, 30)),
            |app| verifying(app, &World::get().ca.certificate),
        )
        .stray(Stray::Own),
        warns(
            "a revocation list that is something else",
            "tls.crl.invalid",
            |app| {
                app.write("list.crl", "no list");
                with_list(app, "list.crl")
            },
            |app| app.without("PGSSLCRL"),
        )
        .stray(Stray::Own),
        warns(
            "a directory in place of a revocation list",
            "tls.crl.not_a_file",
            |app| with_list(app, "tmp"),
            |app| app.without("PGSSLCRL"),
        )
        .stray(Stray::Own),
        warns(
            "a revocation list that this user may not read",
            "tls.crl.unreadable",
            |app| {
                let path = app.write("list.crl", World::get().revocation_list());
                mode(&path, 0o000);
                as_nobody(with_list(app, "list.crl"))
            },
            |app| app.without("PGSSLCRL"),
        )
        .stray(Stray::Own),
        fails(
            "a service that the file does not have",
            "config.service",
            |app| {
                let file = app.write("services", "[prod]\nhost=localhost\n");
                app.env("PGSERVICEFILE", file).env("PGSERVICE", "staging")
            },
            |app| app.without("PGSERVICE"),
        ),
        fails(
            "a service file that does not exist",
            "config.file",
            |app| {
                app.env("PGSERVICEFILE", "/nonexistent/services")
                    .env("PGSERVICE", "prod")
            },
            |app| app.without("PGSERVICE"),
        ),
        warns(
            "options that are not passed on",
            "config.not_as_meant",
            |app| app.env("PGOPTIONS", "-c role=app"),
            |app| app.without("PGOPTIONS"),
        ),
        warns(
            "a database that is read-only",
            "server.read_only",
            |app| app.env("PGDATABASE", "readonly"),
            |app| app.env("PGDATABASE", "open"),
        ),
        fails(
            "a socket of another user's server",
            "login.requirepeer",
            |app| {
                let socket = World::get().main().socket_folder();
                app.env("PGHOST", socket).env("PGREQUIREPEER", "nemo")
            },
            |app| app.without("PGREQUIREPEER"),
        ),
    ]
}

#[test]
fn other_files_servers_and_settings() {
    run(&other_scenes());
}

#[test]
fn an_intermediate_that_has_expired_is_not_taken_for_the_servers_own_certificate() {
    let between = World::get().ca.intermediate_for("Acme Between", -1);
    let identity = between.issue(&Leaf::server(&["localhost"]));
    let port = World::get().plain().port();
    let proxy = TlsProxy::stunnel_with(port, &identity.chain, &identity.key);
    let app = with_good_root(healthy())
        .env("PGPORT", proxy.port().to_string())
        .env("PGSSLMODE", "verify-ca");
    let report = expect(&app, "tls.server_cert.expired", 20).unwrap();
    let cure =
        "put the present certificate of CN=Acme Between, O=Acme into the server's certificate file";
    assert!(report.text.contains(cure), "{}", report.text);
}

#[test]
fn a_server_whose_certificate_is_for_clients() {
    let identity = World::get().ca.issue(&Leaf::client("localhost"));
    let port = World::get().plain().port();
    let proxy = TlsProxy::stunnel_with(port, &identity.chain, &identity.key);
    let app = with_good_root(healthy())
        .env("PGPORT", proxy.port().to_string())
        .env("PGSSLMODE", "verify-ca");
    expect(&app, "tls.server_cert.wrong_purpose", 20).unwrap();
    command_agrees(&app, "tls.server_cert.wrong_purpose").unwrap();
}

#[test]
fn a_client_certificate_that_the_server_has_revoked() {
    let world = World::get();
    let client = world.ca.issue(&Leaf::client("app"));
    let mut tls = world.asking_tls();
    tls.crl = Some(world.ca.revocation_list(&[&client]));
    let cluster = with_app(Cluster::start(&Options::default().tls(tls)));
    let app = healthy().env("PGPORT", cluster.port().to_string());
    let app = with_client(app, &client);
    expect(&app, "tls.client_cert.revoked", 20).unwrap();
    command_agrees(&app, "tls.client_cert.revoked").unwrap();
    expect(&without_client(app), "", 0).unwrap();
}

#[test]
fn a_role_that_the_operating_systems_user_is_not() {
    let options = Options::default().socket_rule("local all app peer");
    let cluster = with_app(Cluster::start(&options));
    let app = healthy()
        .env("PGHOST", cluster.socket_folder())
        .env("PGPORT", cluster.port().to_string());
    expect(&app, "login.peer", 20).unwrap();
    command_agrees(&app, "login.peer").unwrap();
}

#[test]
fn a_server_with_few_locks() {
    let options = Options::default()
        .setting("max_connections", "20")
        .setting("max_locks_per_transaction", "10");
    let cluster = with_app(Cluster::start(&options));
    let app = healthy()
        .env("PGSSLMODE", "disable")
        .env("PGPORT", cluster.port().to_string());
    expect(&app, "server.small_lock_budget", 0).unwrap();
}

#[test]
fn a_libpq_without_gssapi_says_so() {
    let app = healthy()
        .client(&Client::with_tls(16))
        .env("PGDATABASE", "kerberos");
    let report = expect(&app, "login.method_not_supported", 20).unwrap();
    for words in [
        "was built without GSSAPI",
        "install a psql whose libpq has GSSAPI",
    ] {
        assert!(report.text.contains(words), "{}", report.text);
    }
    command_agrees(&app, "login.method_not_supported").unwrap();
}
