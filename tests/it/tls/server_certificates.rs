//! What is wrong with the server's certificate, or with what it is compared with.

use super::scene::{
    Scene, Stray, as_nobody, fails, mode, run, warns, with_good_root, with_root, works,
};
use super::world::{Odd, World};
use crate::support::Schemastamp;

fn on(app: Schemastamp, odd: Odd) -> Schemastamp {
    app.env("PGPORT", World::get().odd(odd).port().to_string())
}

fn verifying(app: Schemastamp, mode: &str) -> Schemastamp {
    with_good_root(app).env("PGSSLMODE", mode)
}

fn back(app: Schemastamp) -> Schemastamp {
    app.env("PGPORT", World::get().main().port().to_string())
}

pub(super) fn the_servers_certificate_scenes() -> Vec<Scene> {
    vec![
        works("verify-full", |app| verifying(app, "verify-full")),
        works("verify-full by address", |app| {
            verifying(app, "verify-full").env("PGHOST", "127.0.0.1")
        }),
        works("verify-full, the name is only in the common name", |app| {
            on(verifying(app, "verify-full"), Odd::CommonNameOnly)
        }),
        works("verify-full with an intermediate", |app| {
            on(verifying(app, "verify-full"), Odd::WithIntermediate)
        }),
        fails(
            "expired",
            "tls.server_cert.expired",
            |app| on(verifying(app, "verify-full"), Odd::Expired),
            back,
        ),
        fails(
            "expired, verify-ca",
            "tls.server_cert.expired",
            |app| on(verifying(app, "verify-ca"), Odd::Expired),
            back,
        ),
        works("expired, require without a root certificate", |app| {
            on(app, Odd::Expired)
        }),
        fails(
            "not yet valid",
            "tls.server_cert.not_yet_valid",
            |app| on(verifying(app, "verify-full"), Odd::NotYetValid),
            back,
        ),
        fails(
            "self-signed",
            "tls.server_cert.self_signed",
            |app| on(verifying(app, "verify-full"), Odd::SelfSigned),
            |app| {
                let folder = World::get().odd(Odd::SelfSigned).data_folder();
                with_root(
                    app,
                    &std::fs::read_to_string(folder.join("server.crt")).unwrap(),
                )
            },
        ),
        fails(
            "another name",
            "tls.server_cert.name",
            |app| on(verifying(app, "verify-full"), Odd::WrongName),
            |app| {
                app.env("PGHOST", "db.internal")
                    .env("PGHOSTADDR", "127.0.0.1")
            },
        ),
        works("another name, verify-ca", |app| {
            on(verifying(app, "verify-ca"), Odd::WrongName)
        }),
        fails(
            "a name in the certificate, an address as host",
            "tls.server_cert.name",
            |app| on(verifying(app, "verify-full"), Odd::CommonNameOnly).env("PGHOST", "127.0.0.1"),
            |app| app.env("PGHOST", "localhost"),
        ),
        fails(
            "the intermediate is missing",
            "tls.server_cert.incomplete_chain",
            |app| on(verifying(app, "verify-full"), Odd::IntermediateMissing),
            |app| {
                with_root(
                    app,
                    &format!(
                        "{}{}",
                        World::get().ca.certificate,
                        World::get().intermediate.certificate
                    ),
                )
            },
        ),
        fails(
            "only the intermediate is trusted",
            "tls.root_cert.incomplete",
            |app| {
                on(
                    with_root(app, &World::get().intermediate.certificate)
                        .env("PGSSLMODE", "verify-full"),
                    Odd::WithIntermediate,
                )
            },
            |app| {
                with_root(
                    app,
                    &format!(
                        "{}{}",
                        World::get().intermediate.certificate,
                        World::get().ca.certificate
                    ),
                )
            },
        ),
        fails(
            "revoked",
            "tls.server_cert.revoked",
            |app| {
                let list = app.write("root.crl", World::get().revocation_list());
                on(
                    verifying(app, "verify-full").env("PGSSLCRL", list),
                    Odd::Revoked,
                )
            },
            back,
        ),
        warns(
            "the revocation list is not there",
            "tls.crl.missing",
            |app| verifying(app, "verify-full").env("PGSSLCRL", "none.crl"),
            |app| app.without("PGSSLCRL"),
        ),
        fails(
            "another authority under require",
            "tls.server_cert.unknown_issuer",
            |app| with_root(app, &World::get().other_ca.certificate),
            with_good_root,
        ),
        fails(
            "another authority under verify-full",
            "tls.server_cert.unknown_issuer",
            |app| {
                with_root(app, &World::get().other_ca.certificate).env("PGSSLMODE", "verify-full")
            },
            with_good_root,
        ),
        fails(
            "the authority's name with another key",
            "tls.server_cert.other_key",
            |app| {
                with_root(app, &World::get().namesake.certificate).env("PGSSLMODE", "verify-full")
            },
            with_good_root,
        ),
    ]
}

#[test]
fn the_servers_certificate() {
    run(&the_servers_certificate_scenes());
}

pub(super) fn the_root_certificate_file_scenes() -> Vec<Scene> {
    vec![
        fails(
            "verify-full without a root certificate",
            "tls.root_cert.missing",
            |app| app.env("PGSSLMODE", "verify-full"),
            with_good_root,
        )
        .stray(Stray::Becomes("tls.server_cert.unknown_issuer")),
        fails(
            "verify-ca without a root certificate",
            "tls.root_cert.missing",
            |app| app.env("PGSSLMODE", "verify-ca"),
            with_good_root,
        )
        .stray(Stray::Becomes("tls.server_cert.unknown_issuer")),
        works("verify-full with the root certificate in the home", |app| {
            app.write("home/.postgresql/root.crt", &World::get().ca.certificate);
            app.env("PGSSLMODE", "verify-full")
        })
        .stray(Stray::Own),
        warns(
            "require with a root certificate that is not there",
            "tls.root_cert.missing",
            |app| app.env("PGSSLROOTCERT", "none.crt"),
            with_good_root,
        ),
        fails(
            "garbage as root certificate",
            "tls.root_cert.invalid",
            |app| with_root(app, "\u{1b}[31mgarbage"),
            with_good_root,
        ),
        fails(
            "an empty root certificate",
            "tls.root_cert.invalid",
            |app| with_root(app, ""),
            with_good_root,
        ),
        fails(
            "a directory as root certificate",
            "tls.root_cert.not_a_file",
            |app| {
                let folder = app.path("home");
                app.env("PGSSLROOTCERT", folder)
            },
            with_good_root,
        ),
        fails(
            "a root certificate that may not be read",
            "tls.root_cert.unreadable",
            |app| {
                let app = as_nobody(with_good_root(app));
                mode(&app.path("root.crt"), 0o000);
                app
            },
            |app| {
                mode(&app.path("root.crt"), 0o644);
                app
            },
        ),
        fails(
            "a root certificate in a directory that may not be searched",
            "tls.root_cert.unreadable",
            |app| {
                let path = app.write("closed/root.crt", &World::get().ca.certificate);
                let app = as_nobody(
                    app.env("PGSSLROOTCERT", path)
                        .env("PGSSLMODE", "verify-full"),
                );
                mode(&app.path("closed"), 0o000);
                app
            },
            |app| {
                mode(&app.path("closed"), 0o755);
                app
            },
        ),
        fails(
            "verify-full with an address alone",
            "config.no_host_name",
            |app| {
                with_good_root(app)
                    .without("PGHOST")
                    .env("PGHOSTADDR", "127.0.0.1")
                    .env("PGSSLMODE", "verify-full")
            },
            |app| app.env("PGHOST", "localhost"),
        ),
        fails(
            "the system's authorities with a weak mode",
            "config.weak_sslmode",
            |app| {
                let bundle = app.write("bundle.pem", &World::get().ca.certificate);
                app.env("SSL_CERT_FILE", bundle)
                    .env("PGSSLROOTCERT", "system")
            },
            |app| app.env("PGSSLMODE", "verify-full"),
        ),
        works("the system's authorities, psql 15", |app| {
            let bundle = app.write("bundle.pem", &World::get().ca.certificate);
            app.env("SSL_CERT_FILE", bundle)
                .env("PGSSLROOTCERT", "system")
                .without("PGSSLMODE")
        }),
    ]
}

#[test]
fn the_root_certificate_file() {
    run(&the_root_certificate_file_scenes());
}
