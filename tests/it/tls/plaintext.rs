//! Plaintext where TLS is wanted, and the other way round.

use super::scene::{Scene, fails, run, warns, with_good_root, with_root, works};
use super::world::{Odd, World};

pub(super) fn plaintext_and_tls_scenes() -> Vec<Scene> {
    vec![
        fails(
            "PgBouncer wants TLS, sslmode=disable",
            "tls.server_requires_tls",
            |app| {
                app.env("PGPORT", World::get().pooler().port().to_string())
                    .env("PGSSLMODE", "disable")
            },
            |app| app.env("PGSSLMODE", "require"),
        ),
        fails(
            "hostssl only, sslmode=disable",
            "tls.server_requires_tls",
            |app| {
                app.env("PGDATABASE", "tls_only")
                    .env("PGSSLMODE", "disable")
            },
            |app| app.env("PGSSLMODE", "require"),
        ),
        fails(
            "ssl=off, sslmode=require",
            "tls.server_without_tls",
            |app| app.env("PGPORT", World::get().plain().port().to_string()),
            |app| app.env("PGSSLMODE", "disable"),
        ),
        fails(
            "ssl=off, sslmode=verify-full",
            "tls.server_without_tls",
            |app| {
                with_good_root(app)
                    .env("PGPORT", World::get().plain().port().to_string())
                    .env("PGSSLMODE", "verify-full")
            },
            |app| app.env("PGSSLMODE", "disable"),
        ),
        warns(
            "ssl=off, the default sslmode",
            "tls.plaintext",
            |app| {
                app.env("PGPORT", World::get().plain().port().to_string())
                    .without("PGSSLMODE")
            },
            |app| {
                app.env("PGPORT", World::get().main().port().to_string())
                    .env("PGSSLMODE", "require")
            },
        ),
        warns(
            "sslmode=allow where plaintext is taken",
            "tls.plaintext",
            |app| app.env("PGSSLMODE", "allow"),
            |app| app.env("PGSSLMODE", "require"),
        ),
        works("sslmode=allow where only TLS is taken", |app| {
            app.env("PGDATABASE", "tls_only").env("PGSSLMODE", "allow")
        }),
        works("sslmode=prefer with TLS", |app| {
            app.env("PGSSLMODE", "prefer")
        }),
        works("sslmode=disable where only plaintext is taken", |app| {
            app.env("PGSSLMODE", "disable")
                .env("PGDATABASE", "plain_only")
        }),
        fails(
            "sslmode=require where only plaintext is taken",
            "login.no_hba_entry",
            |app| app.env("PGDATABASE", "plain_only"),
            |app| app.env("PGSSLMODE", "disable"),
        ),
        works("sslmode=disable where plaintext is taken", |app| {
            app.env("PGSSLMODE", "disable")
        }),
        works("verify-full on a Unix socket", |app| {
            app.env("PGHOST", World::get().main().socket_folder())
                .env("PGSSLMODE", "verify-full")
        }),
        warns(
            "a root certificate of another authority under prefer",
            "tls.plaintext",
            |app| with_root(app, &World::get().other_ca.certificate).env("PGSSLMODE", "prefer"),
            |app| with_good_root(app).env("PGSSLMODE", "verify-full"),
        ),
        fails(
            "a root certificate of another authority under prefer, hostssl only",
            "tls.server_cert.unknown_issuer",
            |app| {
                with_root(app, &World::get().other_ca.certificate)
                    .env("PGSSLMODE", "prefer")
                    .env("PGDATABASE", "tls_only")
            },
            with_good_root,
        ),
        warns(
            "an expired certificate under prefer",
            "tls.plaintext",
            |app| {
                with_good_root(app)
                    .env("PGPORT", World::get().odd(Odd::Expired).port().to_string())
                    .env("PGSSLMODE", "prefer")
            },
            |app| app.env("PGPORT", World::get().main().port().to_string()),
        ),
        fails(
            "TLS without a request for it, psql 15",
            "program.libpq_too_old",
            |app| app.env("PGSSLNEGOTIATION", "direct"),
            |app| app.without("PGSSLNEGOTIATION"),
        ),
        fails(
            "the lowest TLS version above the highest",
            "config.protocol_range",
            |app| {
                app.env("PGSSLMINPROTOCOLVERSION", "TLSv1.3")
                    .env("PGSSLMAXPROTOCOLVERSION", "TLSv1.2")
            },
            |app| app.without("PGSSLMAXPROTOCOLVERSION"),
        ),
        fails(
            "the highest TLS version below libpq's lowest",
            "config.protocol_range",
            |app| app.env("PGSSLMAXPROTOCOLVERSION", "TLSv1.1"),
            |app| app.without("PGSSLMAXPROTOCOLVERSION"),
        ),
        fails(
            "TLS 1.3 wanted, the server has 1.2",
            "tls.protocol_version",
            |app| {
                app.env("PGPORT", World::get().tls12().port().to_string())
                    .env("PGSSLMINPROTOCOLVERSION", "TLSv1.3")
            },
            |app| app.without("PGSSLMINPROTOCOLVERSION"),
        ),
        fails(
            "an empty sslmode",
            "config.invalid",
            |app| app.env("PGSSLMODE", ""),
            |app| app.without("PGSSLMODE"),
        ),
        fails(
            "sslmode in capitals",
            "config.invalid",
            |app| app.env("PGSSLMODE", "Require"),
            |app| app.env("PGSSLMODE", "require"),
        ),
    ]
}

#[test]
fn plaintext_and_tls() {
    run(&plaintext_and_tls_scenes());
}
