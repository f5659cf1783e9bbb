//! Causes that are seldom seen, on a real server wherever one fails in that way on demand.

use std::time::{Duration, Instant};

use super::fake::Fake;
use super::field::{chain_by_openssl, openssl};
use super::network::back;
use super::scene::{
    Scene, command_agrees, expect, fails, healthy, mode, run, with_client, with_good_client,
    with_good_root, with_root, without_client,
};
use super::world::{World, with_app};
use crate::support::{Cluster, Leaf, Options, Schemastamp, ServerUser, StopMode, TlsProxy};

fn at(app: Schemastamp, port: u16) -> Schemastamp {
    app.env("PGPORT", port.to_string())
}

/// Expects the finding from `diagnose`, and from a command.
fn both(app: &Schemastamp, finding: &str) -> super::scene::Report {
    let report = expect(app, finding, 20).unwrap();
    command_agrees(app, finding).unwrap();
    report
}

/// A configuration of OpenSSL with one line of its own.
fn openssl_conf(app: &Schemastamp, line: &str) -> std::path::PathBuf {
    app.write(
        "openssl.cnf",
        format!(
            "openssl_conf = init\n[init]\nssl_conf = ssl\n[ssl]\nsystem_default = all\n[all]\n{line}\n"
        ),
    )
}

pub(super) fn seldom_scenes() -> Vec<Scene> {
    vec![
        fails(
            "a server that gives up with an alert",
            "tls.handshake",
            |app| at(app, Fake::giving_up().port),
            back,
        ),
        fails(
            "a client certificate of a namesake of the server's authority",
            "tls.client_cert.unknown_ca",
            |app| with_client(app, &World::get().namesake.issue(&Leaf::client("app"))),
            without_client,
        ),
        fails(
            "a socket's directory whose path is too long",
            "config.value",
            |app| {
                let directory = app.path(&"deep/".repeat(30));
                std::fs::create_dir_all(&directory).unwrap();
                app.env("PGHOST", directory)
            },
            |app| app.env("PGHOST", World::get().main().socket_folder()),
        ),
        fails(
            "a secret whose half for the server is wrong",
            "login.scram",
            |app| {
                app.env("PGDATABASE", "passwords")
                    .env("PGUSER", World::get().role_with_half_a_secret())
                    .env("PGPASSWORD", "hunter2")
            },
            |app| app.env("PGUSER", "app"),
        ),
        fails(
            "something that speaks half of SCRAM",
            "login.scram",
            |app| {
                at(app, Fake::half_of_scram().port)
                    .env("PGSSLMODE", "disable")
                    .env("PGPASSWORD", "hunter2")
            },
            back,
        ),
    ]
}

#[test]
fn seldom_seen() {
    run(&seldom_scenes());
}

#[test]
fn diffie_hellman_parameters_that_openssl_refuses() {
    let app = healthy();
    let (_, chain, key) = chain_by_openssl(&app, "rsa:2048", "-sha256");
    let behind = |bits: &str| {
        openssl(&app, &format!("dhparam -dsaparam -out dh.pem {bits}"));
        let pem = format!("{chain}{key}{}", app.read("dh.pem"));
        let only = "sslVersionMax = TLSv1.2\nciphers = DHE-RSA-AES256-GCM-SHA384";
        TlsProxy::stunnel_configured(World::get().plain().port(), &pem, only)
    };
    let (weak, strong) = (behind("1024"), behind("2048"));
    let app = at(app, weak.port());
    both(&app, "tls.weak_dh");
    expect(&at(app, strong.port()), "", 0).unwrap();
}

#[test]
fn a_server_that_does_not_know_secure_renegotiation() {
    let fake = Fake::without_secure_renegotiation();
    let app = at(healthy(), fake.port);
    both(&app, "tls.legacy_renegotiation");
    // For those who know: psql goes on, and this server says no more.
    let file = openssl_conf(&app, "Options = UnsafeLegacyServerConnect");
    both(&app.env("OPENSSL_CONF", file), "net.closed");
    expect(&back(healthy()), "", 0).unwrap();
}

#[test]
fn a_root_that_may_not_sign_certificates() {
    let app = healthy();
    let kind = "rsa:2048 -addext basicConstraints=critical,CA:FALSE";
    let (root, chain, key) = chain_by_openssl(&app, kind, "-sha256");
    let proxy = TlsProxy::stunnel_with(World::get().plain().port(), &chain, &key);
    let app = with_root(at(app, proxy.port()), &root).env("PGSSLMODE", "verify-full");
    let report = both(&app, "tls.root_cert.not_an_authority");
    assert!(report.text.contains("CN=Old"), "{}", report.text);
    let identity = World::get().ca.issue(&Leaf::server(&["localhost"]));
    let proxy = TlsProxy::stunnel_server(World::get().plain().port(), &identity);
    expect(&with_good_root(at(app, proxy.port())), "", 0).unwrap();
}

#[test]
fn a_process_without_files_left() {
    let app = healthy();
    // psql opens a file at a time before it connects, and so does the loader before psql.
    let psql = app.write(
        "psql",
        "#!/bin/sh\ncase $1 in --version) echo 'psql (PostgreSQL) 15.1'; exit ;; esac\n\
         echo 'psql: error: could not create socket: Too many open files' >&2\nexit 2\n",
    );
    mode(&psql, 0o755);
    let app = app.env("SCHEMASTAMP_PSQL", psql);
    both(&app, "net.local_limit");
    expect(&app.without("SCHEMASTAMP_PSQL"), "", 0).unwrap();
}

#[test]
fn a_server_that_has_no_authority_for_clients() {
    let world = World::get();
    let mut tls = world.asking_tls();
    let authority = tls.client_ca.take().unwrap();
    let options = Options::default()
        .tls(tls)
        .hba(&["hostssl all all 127.0.0.1/32 trust clientcert=verify-ca"]);
    let cluster = with_app(Cluster::start(&options));
    let app = with_good_client(at(healthy(), cluster.port()));
    both(&app, "server.no_client_ca");
    let file = cluster.data_folder().join("clients.crt");
    std::fs::write(&file, authority).unwrap();
    ServerUser::get().owns(&file);
    cluster
        .maintenance()
        .sql("ALTER SYSTEM SET ssl_ca_file = 'clients.crt'");
    cluster.maintenance().sql("SELECT pg_reload_conf()");
    eventually(&app, "", 0);
}

#[test]
fn a_revocation_list_of_the_server_that_is_out_of_date() {
    let world = World::get();
    let mut tls = world.asking_tls();
    tls.crl = Some(world.ca.revocation_list_for(&[], -2));
    let cluster = with_app(Cluster::start(&Options::default().tls(tls)));
    let app = with_good_client(at(healthy(), cluster.port()));
    // The server's alert is `certificate expired`, and the client's certificate is good for a century.
    let report = both(&app, "tls.client_cert.refused");
    assert!(report.text.contains("revocation list"), "{}", report.text);
    let list = cluster.data_folder().join("client.crl");
    std::fs::write(&list, world.ca.revocation_list(&[])).unwrap();
    cluster.maintenance().sql("SELECT pg_reload_conf()");
    eventually(&app, "", 0);
}

#[test]
fn a_server_that_says_no_more_after_the_login() {
    let app = at(healthy(), Fake::silent_after_the_login().port)
        .env("PGSSLMODE", "disable")
        .env("SCHEMASTAMP_TIMEOUT", "3");
    let start = Instant::now();
    expect(&app, "timeout", 20).unwrap();
    assert!(start.elapsed() < Duration::from_millis(3500));
    command_agrees(&app, "timeout").unwrap();
    expect(&back(app).env("PGSSLMODE", "require"), "", 0).unwrap();
}

#[test]
fn a_standby_that_takes_no_queries() {
    let options = Options::default().setting("wal_level", "replica");
    let cluster = with_app(Cluster::start(&options));
    let app = at(healthy(), cluster.port()).env("PGSSLMODE", "disable");
    cluster.stop(StopMode::Fast);
    let settings = cluster.data_folder().join("postgresql.auto.conf");
    let before = std::fs::read_to_string(&settings).unwrap();
    let with = |line: &str| std::fs::write(&settings, format!("{before}{line}\n")).unwrap();
    with("hot_standby = off");
    let signal = cluster.data_folder().join("standby.signal");
    std::fs::write(&signal, "").unwrap();
    ServerUser::get().owns(&signal);
    cluster.start_without_waiting();
    let report = eventually(&app, "server.recovering", 20);
    assert!(report.text.contains("hot_standby=on"), "{}", report.text);
    command_agrees(&app, "server.recovering").unwrap();
    with("hot_standby = on");
    cluster.stop(StopMode::Fast);
    cluster.start_without_waiting();
    eventually(&app, "server.read_only", 0);
}

/// Expects the finding within half a minute, as a server gets there.
fn eventually(app: &Schemastamp, finding: &str, exit: i32) -> super::scene::Report {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        match expect(app, finding, exit) {
            Ok(report) => return report,
            Err(failure) => assert!(Instant::now() < deadline, "{failure}"),
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn a_user_id_without_an_account() {
    let Some(somebody) = ServerUser::without_account() else {
        return;
    };
    let app = healthy().without("PGUSER").run_as(&somebody);
    both(&app, "config.no_user");
    expect(&app.env("PGUSER", "app"), "", 0).unwrap();
}

#[test]
fn a_targets_file_with_a_password_that_others_may_read() {
    let app = healthy().without("PGHOST");
    let port = World::get().main().port();
    let file = app.write(
        "targets.toml",
        format!(
            "[[target]]\nname = 'one'\nhost = 'localhost'\nport = {port}\nuser = 'app'\n\
             dbname = 'passwords'\nsslmode = 'require'\npassword = 'hunter2'\n"
        ),
    );
    mode(&file, 0o644);
    let diagnosis = ["diagnose", "--targets", "targets.toml", "--format", "json"];
    let status = [
        "status",
        "--all",
        "--targets",
        "targets.toml",
        "--format",
        "json",
    ];
    for (arguments, code) in [(&diagnosis[..], 20), (&status[..], 12)] {
        let output = app.run(arguments);
        assert_eq!(output.code, Some(code), "{output}");
        assert!(output.stdout.contains("\"config.exposed\""), "{output}");
        assert!(!format!("{output}").contains("hunter2"), "{output}");
    }
    mode(&file, 0o600);
    for arguments in [&diagnosis[..], &status[..]] {
        app.run(arguments).exits_with(0);
    }
}
