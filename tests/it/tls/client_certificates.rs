//! What is wrong with the client's certificate and key, and what only seems to be.

use super::scene::{
    Scene, Stray, as_nobody, fails, mode, run, warns, with_client, with_good_client,
    without_client, works,
};
use super::world::World;
use crate::support::{Identity, Leaf, Schemastamp};

fn strict(app: Schemastamp) -> Schemastamp {
    app.env("PGDATABASE", "certs")
}

fn of_other_ca(app: Schemastamp) -> Schemastamp {
    with_client(app, &World::get().other_ca.issue(&Leaf::client("app")))
}

/// The certificate of an authority with its own key.
fn authority(of: &crate::support::Authority) -> (String, String) {
    (of.certificate.clone(), of.key.clone())
}

fn with_pair(app: Schemastamp, (certificate, key): (String, String)) -> Schemastamp {
    let cert = app.write("client.crt", certificate);
    let key = app.write("client.key", key);
    mode(&key, 0o600);
    app.env("PGSSLCERT", cert).env("PGSSLKEY", key)
}

fn good() -> Identity {
    World::get().ca.issue(&Leaf::client("app"))
}

pub(super) fn the_three_failures_and_the_accidental_cure_scenes() -> Vec<Scene> {
    vec![
        works("the home of another user", |app| {
            app.write("other/.postgresql/postgresql.crt", "x");
            let other = app.path("other");
            let app = as_nobody(app.env("HOME", other));
            mode(&app.path("other/.postgresql"), 0o000);
            app
        })
        .stray(Stray::Own),
        warns(
            "the home of another user is warned of",
            "environment.interference",
            |app| {
                app.write("other/.postgresql/postgresql.crt", "x");
                let other = app.path("other");
                let app = as_nobody(app.env("HOME", other));
                mode(&app.path("other/.postgresql"), 0o000);
                app
            },
            |app| {
                let nowhere = app.path("nowhere");
                app.without("HOME").env("HOME", nowhere)
            },
        )
        .stray(Stray::Own),
        fails(
            "a certificate in the home of another user",
            "tls.client_cert.unreadable",
            |app| {
                app.write("other/.postgresql/postgresql.crt", good().certificate);
                let cert = app.path("other/.postgresql/postgresql.crt");
                let app = as_nobody(app.env("PGSSLCERT", cert));
                mode(&app.path("other/.postgresql"), 0o000);
                app
            },
            without_client,
        ),
        warns(
            "PGSSLCERT=root",
            "tls.client_cert.missing",
            |app| app.env("PGSSLCERT", "root"),
            without_client,
        ),
        fails(
            "PGSSLCERT=root where something is called root",
            "tls.client_cert.not_a_file",
            |app| {
                app.write("root/file", "x");
                app.env("PGSSLCERT", "root")
            },
            without_client,
        ),
        fails(
            "PGSSLCERT=root where a certificate is needed",
            "tls.client_cert.missing",
            |app| strict(app).env("PGSSLCERT", "root"),
            with_good_client,
        ),
        fails(
            "a certificate of another authority",
            "tls.client_cert.unknown_ca",
            of_other_ca,
            without_client,
        ),
        works(
            "a certificate of another authority, sslcertmode=disable",
            |app| of_other_ca(app).env("PGSSLCERTMODE", "disable"),
        ),
    ]
}

#[test]
fn the_three_failures_and_the_accidental_cure() {
    run(&the_three_failures_and_the_accidental_cure_scenes());
}

pub(super) fn certificates_that_the_server_refuses_scenes() -> Vec<Scene> {
    vec![
        works("a good certificate", |app| with_good_client(strict(app))),
        works("a good certificate where none is needed", with_good_client),
        works("a good certificate, verify-full", |app| {
            with_good_client(app.env("PGDATABASE", "certs_full"))
        }),
        works("a good certificate as login", |app| {
            with_good_client(app.env("PGDATABASE", "certs_login"))
        }),
        works("a good certificate for PgBouncer", |app| {
            with_good_client(app).env("PGPORT", World::get().strict_pooler().port().to_string())
        }),
        fails(
            "another authority, TLS 1.2",
            "tls.client_cert.unknown_ca",
            |app| of_other_ca(app).env("PGPORT", World::get().tls12().port().to_string()),
            without_client,
        ),
        warns(
            "another authority, TLS 1.2, prefer",
            "tls.plaintext",
            |app| {
                of_other_ca(app)
                    .env("PGPORT", World::get().tls12().port().to_string())
                    .env("PGSSLMODE", "prefer")
            },
            without_client,
        ),
        fails(
            "another authority, TLS 1.3, prefer",
            "tls.client_cert.unknown_ca",
            |app| of_other_ca(app).env("PGSSLMODE", "prefer"),
            without_client,
        ),
        fails(
            "another authority, PgBouncer",
            "tls.client_cert.unknown_ca",
            |app| of_other_ca(app).env("PGPORT", World::get().pooler().port().to_string()),
            without_client,
        ),
        fails(
            "a self-signed certificate",
            "tls.client_cert.unknown_ca",
            |app| with_client(app, &Leaf::client("app").self_signed()),
            without_client,
        ),
        fails(
            "another authority's own certificate",
            "tls.client_cert.is_ca",
            |app| with_pair(app, authority(&World::get().other_ca)),
            without_client,
        ),
        fails(
            "the server's authority's own certificate",
            "tls.client_cert.is_ca",
            |app| with_pair(app, authority(&World::get().ca)),
            without_client,
        ),
        fails(
            "expired",
            "tls.client_cert.expired",
            |app| with_client(app, &World::get().ca.issue(&Leaf::client("app").expired())),
            with_good_client,
        ),
        fails(
            "not yet valid",
            "tls.client_cert.not_yet_valid",
            |app| {
                with_client(
                    app,
                    &World::get().ca.issue(&Leaf::client("app").not_yet_valid()),
                )
            },
            with_good_client,
        ),
        fails(
            "a server's certificate",
            "tls.client_cert.wrong_purpose",
            |app| with_client(app, &World::get().ca.issue(&Leaf::server(&["app"]))),
            with_good_client,
        ),
        fails(
            "none, clientcert=verify-ca",
            "tls.client_cert.required",
            strict,
            with_good_client,
        ),
        fails(
            "none, clientcert=verify-full",
            "tls.client_cert.required",
            |app| app.env("PGDATABASE", "certs_full"),
            with_good_client,
        ),
        fails(
            "none, cert",
            "tls.client_cert.required",
            |app| app.env("PGDATABASE", "certs_login"),
            with_good_client,
        ),
        fails(
            "none, PgBouncer with verify-full",
            "tls.client_cert.required",
            |app| app.env("PGPORT", World::get().strict_pooler().port().to_string()),
            with_good_client,
        ),
        fails(
            "none, PgBouncer with verify-full, TLS 1.2",
            "tls.client_cert.required",
            |app| {
                app.env("PGPORT", World::get().strict_pooler().port().to_string())
                    .env("PGSSLMAXPROTOCOLVERSION", "TLSv1.2")
            },
            with_good_client,
        ),
        fails(
            "of another role, cert",
            "login.certificate_user",
            |app| {
                with_client(
                    app.env("PGDATABASE", "certs_login"),
                    &World::get().ca.issue(&Leaf::client("else")),
                )
            },
            with_good_client,
        ),
        fails(
            "of another role, clientcert=verify-full",
            "login.certificate_user",
            |app| {
                with_client(
                    app.env("PGDATABASE", "certs_full"),
                    &World::get().ca.issue(&Leaf::client("else")),
                )
            },
            with_good_client,
        ),
    ]
}

#[test]
fn certificates_that_the_server_refuses() {
    run(&certificates_that_the_server_refuses_scenes());
}

pub(super) fn certificate_files_scenes() -> Vec<Scene> {
    vec![
        fails(
            "a certificate that may not be read",
            "tls.client_cert.unreadable",
            |app| {
                let app = as_nobody(with_good_client(app));
                mode(&app.path("client.crt"), 0o000);
                app
            },
            |app| {
                mode(&app.path("client.crt"), 0o644);
                app
            },
        ),
        fails(
            "a symbolic link to itself",
            "tls.client_cert.unreadable",
            |app| {
                let link = app.path("client.crt");
                std::os::unix::fs::symlink(&link, &link).unwrap();
                app.env("PGSSLCERT", link)
            },
            without_client,
        ),
        fails(
            "garbage",
            "tls.client_cert.invalid",
            |app| with_pair(app, ("\u{1b}[31m\u{7}garbage".to_owned(), good().key)),
            with_good_client,
        ),
        fails(
            "an empty file",
            "tls.client_cert.invalid",
            |app| with_pair(app, (String::new(), good().key)),
            with_good_client,
        ),
        fails(
            "five megabytes of zeros",
            "tls.client_cert.invalid",
            |app| with_pair(app, ("\0".repeat(5 << 20), good().key)),
            with_good_client,
        ),
        fails(
            "a key as certificate",
            "tls.client_cert.invalid",
            |app| with_pair(app, (good().key, good().key)),
            with_good_client,
        ),
        fails(
            "DER instead of PEM",
            "tls.client_cert.invalid",
            |app| {
                let app = with_good_client(app);
                let status = std::process::Command::new("openssl")
                    .args([
                        "x509",
                        "-outform",
                        "der",
                        "-in",
                        "client.crt",
                        "-out",
                        "client.der",
                    ])
                    .current_dir(app.root())
                    .status();
                assert!(status.unwrap().success());
                let der = app.path("client.der");
                app.env("PGSSLCERT", der)
            },
            with_good_client,
        ),
        fails(
            "a named pipe",
            "tls.client_cert.not_a_file",
            |app| {
                let path = app.path("client.crt");
                let kind = rustix::fs::FileType::Fifo;
                rustix::fs::mknodat(rustix::fs::CWD, &path, kind, 0o600.into(), 0).unwrap();
                app.env("PGSSLCERT", path)
            },
            without_client,
        ),
        fails(
            "a device",
            "tls.client_cert.not_a_file",
            |app| app.env("PGSSLCERT", "/dev/zero"),
            without_client,
        ),
    ]
}

#[test]
fn certificate_files() {
    run(&certificate_files_scenes());
}

pub(super) fn key_files_scenes() -> Vec<Scene> {
    vec![
        fails(
            "open to others",
            "tls.client_key.permissions",
            |app| {
                let app = with_good_client(app);
                mode(&app.path("client.key"), 0o644);
                app
            },
            |app| {
                mode(&app.path("client.key"), 0o600);
                app
            },
        ),
        fails(
            "open to the group, not root's",
            "tls.client_key.permissions",
            |app| {
                let app = as_nobody(with_good_client(app));
                mode(&app.path("client.key"), 0o640);
                app
            },
            |app| {
                mode(&app.path("client.key"), 0o600);
                app
            },
        ),
        fails(
            "of another pair",
            "tls.client_key.mismatch",
            |app| with_pair(app, (good().certificate, good().key)),
            with_good_client,
        ),
        fails(
            "an authority's certificate with another key",
            "tls.client_key.mismatch",
            |app| with_pair(app, (World::get().ca.certificate.clone(), good().key)),
            without_client,
        ),
        fails(
            "not there",
            "tls.client_key.missing",
            |app| with_good_client(app).env("PGSSLKEY", "none.key"),
            with_good_client,
        ),
        fails(
            "not named",
            "tls.client_key.missing",
            |app| with_good_client(app).without("PGSSLKEY"),
            with_good_client,
        ),
        fails(
            "encrypted",
            "tls.client_key.encrypted",
            |app| {
                let identity = good();
                let app = with_client(app, &identity);
                encrypt(&app);
                app
            },
            with_good_client,
        ),
        fails(
            "garbage",
            "tls.client_key.invalid",
            |app| with_pair(app, (good().certificate, "garbage".to_owned())),
            with_good_client,
        ),
        fails(
            "empty",
            "tls.client_key.invalid",
            |app| with_pair(app, (good().certificate, String::new())),
            with_good_client,
        ),
        fails(
            "a directory",
            "tls.client_key.not_a_file",
            |app| {
                let folder = app.path("home");
                with_good_client(app).env("PGSSLKEY", folder)
            },
            with_good_client,
        ),
        fails(
            "a colon in the path",
            "tls.client_key.colon",
            |app| {
                let app = with_good_client(app);
                let path = app.path("a:key");
                std::fs::copy(app.path("client.key"), &path).unwrap();
                app.env("PGSSLKEY", path)
            },
            with_good_client,
        ),
        fails(
            "may not be read",
            "tls.client_key.unreadable",
            |app| {
                let app = as_nobody(with_good_client(app));
                mode(&app.path("client.key"), 0o000);
                app
            },
            |app| {
                mode(&app.path("client.key"), 0o600);
                app
            },
        ),
        works("mode 0400", |app| {
            let app = with_good_client(app);
            mode(&app.path("client.key"), 0o400);
            app
        }),
    ]
}

#[test]
fn key_files() {
    run(&key_files_scenes());
}

/// Puts the key under a pass phrase, with OpenSSL's own tool.
fn encrypt(app: &Schemastamp) {
    let key = app.path("client.key");
    let status = std::process::Command::new("openssl")
        .args(["pkcs8", "-topk8", "-passout", "pass:secret", "-in"])
        .arg(&key)
        .arg("-out")
        .arg(app.path("encrypted.key"))
        .stderr(std::process::Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    std::fs::rename(app.path("encrypted.key"), &key).unwrap();
    mode(&key, 0o600);
}
