//! `PgBouncer`, and what it hands on of the server behind it.

use super::scene::{Scene, command_agrees, expect, fails, healthy, run};
use super::world::World;
use crate::support::{Bouncer, BouncerOptions, Schemastamp};

fn through(app: Schemastamp, pooler: &Bouncer) -> Schemastamp {
    app.env("PGPORT", pooler.port().to_string())
}

/// A pooler that asks for passwords, over the server whose password for `app` is `hunter2`.
fn asking() -> &'static Bouncer {
    static POOLER: std::sync::OnceLock<Bouncer> = std::sync::OnceLock::new();
    POOLER.get_or_init(|| {
        let options = BouncerOptions::default()
            .user("app", "hunter2")
            .setting("auth_type", "md5");
        Bouncer::start(World::get().plain(), &options)
    })
}

/// A pooler whose connections to a server with `hostssl` only are in plaintext; `mode` is `server_tls_sslmode`.
fn before_hostssl(mode: &str) -> Bouncer {
    let world = World::get();
    let options = BouncerOptions::default()
        .user("app", "")
        .client_tls("require", world.asking_tls())
        .setting("server_tls_sslmode", mode)
        // Otherwise the second client waits for a quarter of a minute.
        .setting("server_login_retry", "1");
    Bouncer::start(world.main(), &options)
}

pub(super) fn pooler_scenes() -> Vec<Scene> {
    vec![
        fails(
            "a wrong password, said by PgBouncer",
            "login.wrong_password",
            |app| {
                through(app, asking())
                    .env("PGPASSWORD", "hunter3")
                    .env("PGSSLMODE", "disable")
            },
            |app| app.env("PGPASSWORD", "hunter2"),
        ),
        fails(
            "no password, asked for by PgBouncer",
            "login.no_password",
            |app| through(app, asking()).env("PGSSLMODE", "disable"),
            |app| app.env("PGPASSWORD", "hunter2"),
        ),
    ]
}

#[test]
fn poolers_refuse() {
    run(&pooler_scenes());
}

#[test]
fn no_encryption_is_about_the_poolers_own_connection() {
    let pooler = before_hostssl("disable");
    for mode in ["require", "prefer"] {
        let app = through(healthy(), &pooler)
            .env("PGDATABASE", "tls_only")
            .env("PGSSLMODE", mode);
        let report = expect(&app, "server.pooler_backend", 20).unwrap();
        assert!(
            report.text.contains("server_tls_sslmode=require"),
            "{}",
            report.text
        );
        command_agrees(&app, "server.pooler_backend").unwrap();
    }
    let cured = before_hostssl("require");
    expect(
        &through(healthy(), &cured).env("PGDATABASE", "tls_only"),
        "",
        0,
    )
    .unwrap();
}

#[test]
fn no_encryption_behind_a_pooler_without_tls() {
    let options = BouncerOptions::default().user("app", "");
    let pooler = Bouncer::start(World::get().main(), &options);
    let app = through(healthy(), &pooler)
        .env("PGDATABASE", "tls_only")
        .env("PGSSLMODE", "prefer");
    expect(&app, "server.pooler_backend", 20).unwrap();
    command_agrees(&app, "server.pooler_backend").unwrap();
}

#[test]
fn the_poolers_own_password_is_not_ours() {
    let options = BouncerOptions::default()
        .user("app", "")
        .database("mine = host=127.0.0.1 port=PORT dbname=passwords user=other password=wrong");
    let pooler = Bouncer::start(World::get().main(), &options);
    let app = through(healthy(), &pooler)
        .env("PGSSLMODE", "disable")
        .env("PGDATABASE", "mine");
    let report = expect(&app, "server.pooler_backend", 20).unwrap();
    assert!(report.text.contains("[databases]"), "{}", report.text);
    command_agrees(&app, "server.pooler_backend").unwrap();
}

#[test]
fn the_poolers_database_is_not_ours() {
    let options = BouncerOptions::default()
        .user("app", "")
        .database("mine = host=127.0.0.1 port=PORT dbname=nowhere");
    let pooler = Bouncer::start(World::get().plain(), &options);
    let app = through(healthy(), &pooler)
        .env("PGSSLMODE", "disable")
        .env("PGDATABASE", "mine");
    expect(&app, "server.pooler_backend", 20).unwrap();
    command_agrees(&app, "server.pooler_backend").unwrap();
}

#[test]
fn a_rule_of_pgbouncers_own() {
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("hba.conf");
    std::fs::write(&rules, "host all all 127.0.0.1/32 reject\n").unwrap();
    crate::support::ServerUser::get().owns(folder.path());
    crate::support::ServerUser::get().owns(&rules);
    let options = BouncerOptions::default()
        .user("app", "")
        .setting("auth_type", "hba")
        .setting("auth_hba_file", rules.to_str().unwrap());
    let pooler = Bouncer::start(World::get().plain(), &options);
    let app = through(healthy(), &pooler).env("PGSSLMODE", "disable");
    expect(&app, "login.hba_reject", 20).unwrap();
    command_agrees(&app, "login.hba_reject").unwrap();
}
