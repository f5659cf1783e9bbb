//! Failures from public reports, on real servers: each with its one right name, and a cure that cures.

use std::process::Command;

use super::scene::{
    Scene, command_agrees, expect, fails, healthy, mode, run, with_good_client, with_good_root,
    with_root, without_client,
};
use super::world::{Odd, World, with_app};
use crate::support::{
    Authority, Client, Cluster, Leaf, Options, Schemastamp, TlsProxy, is_nightly,
};

/// Through stunnel with this certificate, which takes TLS in the server's place.
fn behind(app: Schemastamp, chain: &str, key: &str) -> (Schemastamp, TlsProxy) {
    let proxy = TlsProxy::stunnel_with(World::get().plain().port(), chain, key);
    (app.env("PGPORT", proxy.port().to_string()), proxy)
}

/// Runs openssl in the world of a test.
pub(super) fn openssl(app: &Schemastamp, arguments: &str) {
    let arguments: Vec<&str> = arguments.split(' ').collect();
    let output = Command::new("openssl")
        .args(&arguments)
        .current_dir(app.root())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
}

/// A root and a server's certificate by it, made with these options of `openssl req` and `openssl x509`: root, chain, key.
pub(super) fn chain_by_openssl(
    app: &Schemastamp,
    root: &str,
    leaf: &str,
) -> (String, String, String) {
    app.write("san", "subjectAltName=DNS:localhost");
    openssl(
        app,
        &format!(
            "req -x509 -nodes -newkey {root} -keyout root.key -out root.pem -days 30 -subj /CN=Old"
        ),
    );
    openssl(
        app,
        "req -nodes -newkey rsa:2048 -keyout leaf.key -out leaf.csr -subj /CN=localhost",
    );
    openssl(
        app,
        &format!(
            "x509 -req -in leaf.csr -CA root.pem -CAkey root.key -CAcreateserial -out leaf.pem -days 30 -extfile san {leaf}"
        ),
    );
    (
        app.read("root.pem"),
        app.read("leaf.pem"),
        app.read("leaf.key"),
    )
}

/// A configuration of OpenSSL with this security level.
fn relaxed_conf(level: u8) -> String {
    format!(
        "openssl_conf = init\n[init]\nssl_conf = ssl\n[ssl]\nsystem_default = all\n[all]\n\
         CipherString = DEFAULT@SECLEVEL={level}\n"
    )
}

#[test]
fn keys_and_digests_that_openssl_refuses() {
    for (root, leaf, finding, level) in [
        ("rsa:1024", "-sha256", "tls.server_cert.weak_key", 1),
        ("rsa:2048", "-sha1", "tls.server_cert.weak_digest", 0),
    ] {
        let app = healthy();
        let (root, chain, key) = chain_by_openssl(&app, root, leaf);
        let (app, _proxy) = behind(app, &chain, &key);
        let app = with_root(app, &root).env("PGSSLMODE", "verify-ca");
        expect(&app, finding, 20).unwrap();
        command_agrees(&app, finding).unwrap();
        let relaxed = app.write("relaxed.cnf", relaxed_conf(level));
        // The cure for those who know: psql gets in, and what the report still says of it is a warning.
        let report = super::scene::diagnose(&app.env("OPENSSL_CONF", relaxed));
        assert!(report.of("error").is_empty(), "{}", report.text);
    }
}

#[test]
fn client_certificates_that_openssl_refuses() {
    let ca = &World::get().ca;
    for (key_kind, digest, finding) in [
        ("rsa:1024", "-sha256", "tls.client_cert.weak_key"),
        ("rsa:2048", "-sha1", "tls.client_cert.weak_digest"),
    ] {
        let app = healthy();
        app.write("ca.pem", &ca.certificate);
        app.write("ca.key", &ca.key);
        openssl(
            &app,
            &format!("req -nodes -newkey {key_kind} -keyout weak.key -out weak.csr -subj /CN=app"),
        );
        openssl(
            &app,
            &format!(
                "x509 -req -in weak.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out weak.pem -days 30 {digest}"
            ),
        );
        let (cert, key) = (app.path("weak.pem"), app.path("weak.key"));
        mode(&key, 0o600);
        let app = app.env("PGSSLCERT", cert).env("PGSSLKEY", key);
        expect(&app, finding, 20).unwrap();
        command_agrees(&app, finding).unwrap();
        // This side lets it pass, and the server's alert gives no reason.
        let relaxed = app.write("relaxed.cnf", relaxed_conf(0));
        let app = app.env("OPENSSL_CONF", relaxed);
        expect(&app, finding, 20).unwrap();
        command_agrees(&app, finding).unwrap();
        let app = app.without("OPENSSL_CONF");
        expect(&with_good_client(without_client(app)), "", 0).unwrap();
    }
}

#[test]
fn the_next_root_of_the_same_authority() {
    let (former, present) = (
        Authority::root("Acme Root 2020"),
        Authority::root("Acme Root 2025"),
    );
    let between = present.intermediate("Acme CA 7");
    let names = Leaf::server(&["localhost"]).organization("Acme");
    for identity in [present.issue(&names), between.issue(&names)] {
        let (app, _proxy) = behind(healthy(), &identity.chain, &identity.key);
        let app = with_root(app, &former.certificate).env("PGSSLMODE", "verify-full");
        expect(&app, "tls.server_cert.unknown_issuer", 20).unwrap();
        command_agrees(&app, "tls.server_cert.unknown_issuer").unwrap();
        expect(&with_root(app, &present.certificate), "", 0).unwrap();
    }
}

#[test]
fn a_certificate_for_a_name_with_a_colon() {
    let identity = World::get()
        .ca
        .issue(&Leaf::server_by_common_name("proj:inst"));
    let (app, _proxy) = behind(healthy(), &identity.chain, &identity.key);
    let app = with_good_root(app)
        .env("PGHOST", "127.0.0.1")
        .env("PGSSLMODE", "verify-full");
    let report = expect(&app, "tls.server_cert.name", 20).unwrap();
    let cure = "set PGHOST=proj:inst, and set PGHOSTADDR=127.0.0.1 unless that name leads to it";
    assert!(report.text.contains(cure), "{}", report.text);
    let app = app.env("PGHOST", "proj:inst");
    assert_eq!(
        app.run(&["status", "--all"]).code,
        Some(10),
        "it has no address"
    );
    expect(&app.env("PGHOSTADDR", "127.0.0.1"), "", 0).unwrap();
}

#[test]
fn no_cipher_in_common() {
    let world = World::get();
    // The server's key is of an elliptic curve, and its ciphers are for RSA.
    let options = Options::default()
        .tls(world.asking_tls())
        .setting("ssl_max_protocol_version", "TLSv1.2")
        .setting("ssl_ciphers", "ECDHE-RSA-AES256-GCM-SHA384");
    let cluster = with_app(Cluster::start(&options));
    let app = healthy().env("PGPORT", cluster.port().to_string());
    expect(&app, "tls.no_shared_cipher", 20).unwrap();
    command_agrees(&app, "tls.no_shared_cipher").unwrap();
    // The client's configuration does the same.
    let app = app.env("PGPORT", world.main().port().to_string());
    let narrow = app.write(
        "narrow.cnf",
        "openssl_conf = init\n[init]\nssl_conf = ssl\n[ssl]\nsystem_default = all\n[all]\n\
         CipherString = ECDHE-RSA-AES256-GCM-SHA384\nMaxProtocol = TLSv1.2\n",
    );
    let app = app.env("OPENSSL_CONF", narrow);
    let report = expect(&app, "tls.no_shared_cipher", 20).unwrap();
    assert!(report.text.contains("OPENSSL_CONF"), "{}", report.text);
    command_agrees(&app, "tls.no_shared_cipher").unwrap();
    expect(&app.without("OPENSSL_CONF"), "", 0).unwrap();
}

#[test]
fn lists_of_revoked_certificates_that_openssl_does_not_find() {
    let app = with_good_root(healthy()).env("PGSSLMODE", "verify-full");
    app.write("lists/root.crl", World::get().revocation_list());
    let directory = app.path("lists");
    let app = app.env("PGSSLCRLDIR", &directory);
    let report = expect(&app, "tls.crl.incomplete", 20).unwrap();
    assert!(report.text.contains("openssl rehash"), "{}", report.text);
    // psql gives no reason, and the directory is one.
    command_agrees(&app, "tls.crl.incomplete").unwrap();
    openssl(&app, "rehash lists");
    expect(&app, "", 0).unwrap();
}

#[test]
fn the_second_of_two_hosts_has_the_fault() {
    let world = World::get();
    let (main, expired) = (world.main().port(), world.odd(Odd::Expired).port());
    let app = with_good_root(healthy())
        .env("PGHOST", "localhost,localhost")
        .env("PGPORT", format!("{main},{expired}"))
        .env("PGDATABASE", "readonly")
        .env("PGTARGETSESSIONATTRS", "read-write")
        .env("PGSSLMODE", "verify-full");
    expect(&app, "tls.server_cert.expired", 20).unwrap();
    command_agrees(&app, "tls.server_cert.expired").unwrap();
    let app = app.env("PGPORT", format!("{main},{main}"));
    expect(&app, "server.target_session", 20).unwrap();
    command_agrees(&app, "server.target_session").unwrap();
    expect(&app.env("PGDATABASE", "open"), "", 0).unwrap();
}

/// Runs `diagnose` behind a shell script in namespaces of its own (`unshare` with these flags); returns the ids of the errors, and
/// everything that was said.
fn diagnose_within(app: &Schemastamp, flags: &str, setup: &str) -> (Vec<String>, String) {
    let script = format!("{setup} && exec \"$0\" diagnose --format json");
    let binary = env!("CARGO_BIN_EXE_schemastamp");
    let flags = if rustix::process::geteuid().is_root() {
        format!("-{flags}")
    } else {
        format!("-r{flags}")
    };
    let mut command = app.command_of("unshare".as_ref(), &[&flags, "sh", "-c", &script, binary]);
    let output = app.finish(command.spawn().expect("unshare starts"));
    let errors = output
        .json()
        .iter()
        .filter(|line| line["severity"] == "error")
        .filter_map(|line| Some(line["id"].as_str()?.to_owned()))
        .collect();
    (errors, format!("{}{}", output.stdout, output.stderr))
}

#[test]
fn the_systems_roots_are_looked_for_where_there_are_none() {
    if !is_nightly() {
        return;
    }
    let app = healthy()
        .client(&Client::with_tls(18))
        .without("PGSSLMODE")
        .env("PGSSLROOTCERT", "system");
    let roots = app.write("roots.pem", &World::get().ca.certificate);
    let bundle = "/etc/ssl/certs/ca-certificates.crt";
    let known = format!("mount --bind {} {bundle}", roots.display());
    // This OpenSSL looks elsewhere than the machine has its roots.
    let moved = format!("{known} && mount -t tmpfs none /usr/lib/ssl");
    let elsewhere = diagnose_within(&app, "m", &moved);
    // The variables lead nowhere.
    let app = app
        .env("SSL_CERT_FILE", "/nonexistent")
        .env("SSL_CERT_DIR", "/nonexistent");
    let misled = diagnose_within(&app, "m", &known);
    for (errors, said) in [&elsewhere, &misled] {
        assert_eq!(errors, &["tls.root_cert.no_system_roots"], "{said}");
        assert!(said.contains(&format!("SSL_CERT_FILE={bundle}")), "{said}");
    }
    assert!(
        misled.1.contains("SSL_CERT_FILE=/nonexistent"),
        "{}",
        misled.1
    );
    // Without the mount the authority is one that the machine does not know.
    let app = app.env("SSL_CERT_FILE", bundle).without("SSL_CERT_DIR");
    let cured = diagnose_within(&app, "m", &known);
    assert_eq!(cured.0, [] as [&str; 0], "{}", cured.1);
}

#[test]
fn the_machine_forbids_the_connection() {
    if !is_nightly() {
        return;
    }
    let app = healthy()
        .env("PGHOST", "192.0.2.1")
        .env("SCHEMASTAMP_TIMEOUT", "5");
    let (errors, said) = diagnose_within(
        &app,
        "n",
        "ip link set lo up && ip route add prohibit 192.0.2.1/32",
    );
    assert_eq!(errors, ["net.forbidden"], "{said}");
    let (errors, said) = diagnose_within(&app, "n", "ip link set lo up");
    assert_eq!(errors, ["net.unreachable"], "{said}");
}

#[test]
fn a_name_with_addresses_of_ipv6_only() {
    if !is_nightly() {
        return;
    }
    let app = healthy().env("PGHOST", "six.example");
    let hosts = app.write("hosts", "2001:db8::1 six.example\n");
    let setup = format!(
        "ip link set lo up && mount --bind {} /etc/hosts",
        hosts.display()
    );
    let (errors, said) = diagnose_within(&app, "nm", &setup);
    assert_eq!(errors, ["net.ipv6_only"], "{said}");
}

pub(super) fn settings_scenes() -> Vec<Scene> {
    vec![
        fails(
            "an OPENSSL_CONF without a provider",
            "tls.openssl_config",
            |app| {
                let file = app.write(
                    "fips.cnf",
                    "openssl_conf = init\n[init]\nalg_section = algorithms\n[algorithms]\ndefault_properties = fips=yes\n",
                );
                app.env("OPENSSL_CONF", file)
            },
            |app| app.without("OPENSSL_CONF"),
        ),
        fails(
            "a password file that others can read",
            "login.password_file",
            |app| {
                let file = app.write("passwords", "*:*:*:*:hunter2\n");
                mode(&file, 0o640);
                app.env("PGDATABASE", "passwords").env("PGPASSFILE", file)
            },
            |app| {
                mode(&app.path("passwords"), 0o600);
                app
            },
        ),
        fails(
            "Kerberos without a ticket",
            "login.gssapi",
            |app| app.env("PGDATABASE", "kerberos"),
            |app| app.env("PGDATABASE", "open"),
        ),
        fails(
            "gssencmode=require without a ticket",
            "config.gssencmode",
            |app| {
                app.env("PGGSSENCMODE", "require")
                    .env("PGSSLMODE", "prefer")
            },
            |app| {
                app.env("PGGSSENCMODE", "disable")
                    .env("PGSSLMODE", "require")
            },
        ),
        fails(
            "an invalid database",
            "server.database_closed",
            |app| to_plain(app).env("PGDATABASE", "invalid"),
            |app| app.env("PGDATABASE", "open"),
        ),
        fails(
            "an invalid database, over a socket",
            "server.database_closed",
            |app| {
                let socket = World::get().plain().socket_folder().to_owned();
                to_plain(app)
                    .env("PGDATABASE", "invalid")
                    .env("PGHOST", socket)
            },
            |app| app.env("PGDATABASE", "open"),
        ),
        fails(
            "options of another service",
            "server.startup_parameter",
            |app| to_plain(app).env("SCHEMASTAMP_OPTIONS", "endpoint=x"),
            |app| app.without("SCHEMASTAMP_OPTIONS"),
        ),
        fails(
            "an invalid value in options",
            "server.startup_parameter",
            |app| to_plain(app).env("SCHEMASTAMP_OPTIONS", "-c work_mem=lots"),
            |app| app.without("SCHEMASTAMP_OPTIONS"),
        ),
        fails(
            "a name that only a private network knows",
            "net.private_name",
            |app| app.env("PGHOST", "db.railway.internal"),
            |app| app.env("PGHOST", "localhost"),
        ),
    ]
}

fn to_plain(app: Schemastamp) -> Schemastamp {
    app.env("PGPORT", World::get().plain().port().to_string())
        .env("PGSSLMODE", "disable")
}

#[test]
fn settings_and_states() {
    run(&settings_scenes());
}

#[test]
fn a_version_of_the_protocol_that_the_server_does_not_know() {
    let app = healthy().client(&Client::with_tls(18));
    let asking = app.env("PGMINPROTOCOLVERSION", "3.2");
    expect(&asking, "server.protocol_version", 20).unwrap();
    command_agrees(&asking, "server.protocol_version").unwrap();
    let pooler = World::get().pooler().port().to_string();
    let asking = asking.env("PGPORT", pooler);
    expect(&asking, "server.protocol_version", 20).unwrap();
    command_agrees(&asking, "server.protocol_version").unwrap();
    let cured = asking.without("PGMINPROTOCOLVERSION");
    expect(&cured, "", 0).unwrap();
}
