//! Programs between psql and the server that end TLS, pass it on, or lose a part of it.

use super::fake::Relay;
use super::scene::{command_agrees, expect, healthy, with_good_root};
use super::world::World;
use crate::support::{Client, Leaf, Schemastamp, TlsProxy};

fn at(app: Schemastamp, port: u16) -> Schemastamp {
    app.env("PGPORT", port.to_string())
}

fn identity() -> crate::support::Identity {
    World::get()
        .ca
        .issue(&Leaf::server(&["localhost", "127.0.0.1"]))
}

#[test]
fn a_load_balancer_that_speaks_tls_at_once() {
    let proxy = TlsProxy::haproxy(World::get().plain().port(), &identity(), "postgresql");
    let app = at(healthy(), proxy.port());
    expect(&app, "tls.direct_required", 20).unwrap();
    command_agrees(&app, "tls.direct_required").unwrap();
    // The cure needs a newer libpq.
    let app = app.client(&Client::with_tls(18));
    expect(&app, "tls.direct_required", 20).unwrap();
    command_agrees(&app, "tls.direct_required").unwrap();
    let cured = with_good_root(app)
        .env("PGSSLNEGOTIATION", "direct")
        .env("PGSSLMODE", "verify-full");
    expect(&cured, "", 0).unwrap();
}

#[test]
fn a_tls_proxy_that_does_not_know_the_protocol() {
    let proxy = TlsProxy::openssl(&identity(), "h2");
    // Something in between answers the request for TLS and passes the rest on.
    let relay = Relay::answering_the_request(proxy.port());
    let app = at(healthy(), relay.port).client(&Client::with_tls(18));
    expect(&app, "tls.alpn", 20).unwrap();
    command_agrees(&app, "tls.alpn").unwrap();
    // The cure: the proxy's list has the protocol.
    let proxy = TlsProxy::haproxy(World::get().plain().port(), &identity(), "h2,postgresql");
    let relay = Relay::answering_the_request(proxy.port());
    expect(&at(app, relay.port), "", 0).unwrap();
}

#[test]
fn scram_over_tls_that_a_proxy_has_ended() {
    let tls = TlsProxy::stunnel_client(World::get().main().port());
    let app = at(healthy(), tls.port())
        .env("PGDATABASE", "passwords")
        .env("PGPASSWORD", "hunter2")
        .env("PGSSLMODE", "disable");
    let report = expect(&app, "login.channel_binding", 20).unwrap();
    assert!(
        report.text.contains("non-SSL connection"),
        "{}",
        report.text
    );
    command_agrees(&app, "login.channel_binding").unwrap();
    expect(&at(app, World::get().main().port()), "", 0).unwrap();

    // Two hops, each with a certificate of its own.
    let both = TlsProxy::stunnel_server(tls.port(), &identity());
    let app = at(healthy(), both.port())
        .env("PGDATABASE", "passwords")
        .env("PGPASSWORD", "hunter2");
    expect(&app, "login.channel_binding", 20).unwrap();
    command_agrees(&app, "login.channel_binding").unwrap();
    expect(&app.env("PGCHANNELBINDING", "disable"), "", 0).unwrap();
}

#[test]
fn a_large_first_message_that_gets_lost() {
    // Every cipher that there is makes a larger message than usual; OpenSSL 3.5 needs no more than its defaults.
    let relay = Relay::losing_large_messages(World::get().main().port(), 430);
    let app = at(healthy(), relay.port);
    let groups = app.write("openssl.cnf", LARGE);
    expect(&app, "", 0).unwrap();
    let app = app.env("OPENSSL_CONF", groups);
    expect(&app, "tls.large_hello", 20).unwrap();
    command_agrees(&app, "tls.large_hello").unwrap();
    expect(&app.without("OPENSSL_CONF"), "", 0).unwrap();
}

const LARGE: &str = "openssl_conf = init\n[init]\nssl_conf = ssl\n[ssl]\nsystem_default = all\n[all]\n\
                     CipherString = ALL:COMPLEMENTOFALL@SECLEVEL=0\n";
