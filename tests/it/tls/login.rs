//! The server talks, and says no.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::scene::{Scene, expect, fails, healthy, run, warns, works};
use super::world::{World, with_app};
use crate::support::{Client, Cluster, Options, StopMode};

pub(super) fn roles_databases_and_rules_scenes() -> Vec<Scene> {
    vec![
        works("a password", |app| {
            app.env("PGDATABASE", "passwords")
                .env("PGPASSWORD", "hunter2")
        }),
        fails(
            "a wrong password",
            "login.wrong_password",
            |app| {
                app.env("PGDATABASE", "passwords")
                    .env("PGPASSWORD", "hunter3")
            },
            |app| app.env("PGPASSWORD", "hunter2"),
        ),
        fails(
            "no password",
            "login.no_password",
            |app| app.env("PGDATABASE", "passwords"),
            |app| app.env("PGPASSWORD", "hunter2"),
        ),
        fails(
            "a wrong password, sslmode=prefer",
            "login.wrong_password",
            |app| {
                app.env("PGDATABASE", "passwords")
                    .env("PGPASSWORD", "hunter3")
                    .env("PGSSLMODE", "prefer")
            },
            |app| app.env("PGPASSWORD", "hunter2"),
        ),
        fails(
            "an unknown role with a password",
            "login.wrong_password",
            |app| {
                app.env("PGDATABASE", "passwords")
                    .env("PGUSER", "nemo")
                    .env("PGPASSWORD", "hunter2")
            },
            |app| app.env("PGUSER", "app"),
        ),
        fails(
            "an unknown role",
            "login.unknown_role",
            |app| app.env("PGUSER", "nemo"),
            |app| app.env("PGUSER", "app"),
        ),
        fails(
            "a role that may not log in",
            "login.not_permitted",
            |app| app.env("PGUSER", "nologin"),
            |app| app.env("PGUSER", "app"),
        ),
        fails(
            "a role without a connection left",
            "server.too_many_for_role",
            |app| app.env("PGUSER", "limited"),
            |app| app.env("PGUSER", "app"),
        ),
        fails(
            "an unknown database",
            "server.unknown_database",
            |app| app.env("PGDATABASE", "no_such_database"),
            |app| app.env("PGDATABASE", "open"),
        ),
        fails(
            "a database that the role may not use",
            "server.no_connect_right",
            |app| app.env("PGDATABASE", "private"),
            |app| app.env("PGDATABASE", "open"),
        ),
        fails(
            "no rule in pg_hba.conf",
            "login.no_hba_entry",
            |app| app.env("PGDATABASE", "no_rule"),
            |app| app.env("PGDATABASE", "open"),
        ),
        fails(
            "no rule in pg_hba.conf, plaintext",
            "login.no_hba_entry",
            |app| app.env("PGDATABASE", "no_rule").env("PGSSLMODE", "disable"),
            |app| app.env("PGDATABASE", "open"),
        ),
        fails(
            "no rule in pg_hba.conf, sslmode=prefer",
            "login.no_hba_entry",
            |app| app.env("PGDATABASE", "no_rule").env("PGSSLMODE", "prefer"),
            |app| app.env("PGDATABASE", "open"),
        ),
        fails(
            "a reject line in pg_hba.conf",
            "login.hba_reject",
            |app| app.env("PGDATABASE", "rejected"),
            |app| app.env("PGDATABASE", "open"),
        ),
        fails(
            "a role that PgBouncer does not know",
            "login.not_pooler_user",
            |app| {
                app.env("PGUSER", "nemo")
                    .env("PGPORT", World::get().pooler().port().to_string())
            },
            |app| app.env("PGUSER", "app"),
        ),
        warns(
            "a role that may not create schemas",
            "server.no_create_right",
            |app| {
                app.env("PGPORT", World::get().plain().port().to_string())
                    .env("PGSSLMODE", "disable")
                    .env("PGDATABASE", "postgres")
            },
            |app| app.env("PGDATABASE", "open"),
        ),
        works("through PgBouncer", |app| {
            app.env("PGPORT", World::get().pooler().port().to_string())
        }),
    ]
}

#[test]
fn roles_databases_and_rules() {
    run(&roles_databases_and_rules_scenes());
}

#[test]
fn a_pooler_whose_server_side_is_broken() {
    let app = healthy()
        .env("PGPORT", World::get().broken_pooler().port().to_string())
        .env("SCHEMASTAMP_TIMEOUT", "4");
    let start = Instant::now();
    expect(&app, "server.pooler_backend", 20).unwrap();
    assert!(
        start.elapsed() < Duration::from_millis(4500),
        "{:?}",
        start.elapsed()
    );
    let app = app.env("PGPORT", World::get().pooler().port().to_string());
    expect(&app, "", 0).unwrap();
}

#[test]
fn a_pooler_is_seen() {
    let app = healthy().env("PGPORT", World::get().pooler().port().to_string());
    let report = expect(&app, "", 0).unwrap();
    assert!(
        report
            .lines
            .iter()
            .any(|line| line["id"] == "pooler" && line["evidence"]["pooler"] == true),
        "{}",
        report.text
    );
    let report = expect(&healthy(), "", 0).unwrap();
    assert!(
        report
            .lines
            .iter()
            .any(|line| line["id"] == "pooler" && line["evidence"]["pooler"] == false)
    );
}

/// A connection that is held until dropped.
struct Held<'a> {
    cluster: &'a Cluster,
    child: Child,
}

impl<'a> Held<'a> {
    fn new(cluster: &'a Cluster) -> Self {
        Self {
            cluster,
            child: Self::connect(cluster),
        }
    }

    fn connect(cluster: &Cluster) -> Child {
        Command::new(Client::installed().psql())
            .args(["-X", "-q", "-w", "-c", "SELECT pg_sleep(60)"])
            .env_clear()
            .env("PGHOST", cluster.socket_folder())
            .env("PGPORT", cluster.port().to_string())
            .env("PGUSER", "app")
            .env("PGDATABASE", "open")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// Connects again if there was no room, as a connection before it had not quite ended.
    fn insist(&mut self) {
        if self.child.try_wait().unwrap().is_some() {
            self.child = Self::connect(self.cluster);
        }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[test]
fn a_full_server() {
    let options = Options::default()
        .setting("max_connections", "5")
        .setting("superuser_reserved_connections", "3");
    let cluster = with_app(Cluster::start(&options));
    let app = healthy()
        .env("PGPORT", cluster.port().to_string())
        .env("PGSSLMODE", "disable");
    let mut held = [Held::new(&cluster), Held::new(&cluster)];
    let sleeping = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)'";
    let deadline = Instant::now() + Duration::from_secs(10);
    while cluster
        .maintenance()
        .query(&format!("{sleeping} AND pid <> pg_backend_pid()"))
        != "2"
    {
        assert!(Instant::now() < deadline, "the connections are not held");
        held.iter_mut().for_each(Held::insist);
        std::thread::sleep(Duration::from_millis(20));
    }
    expect(&app, "server.too_many_clients", 20).unwrap();
    drop(held);
    cluster
        .maintenance()
        .sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'");
    std::thread::sleep(Duration::from_millis(200));
    // Two connections are left, which is what the probes and psql need at a time.
    expect(&app, "", 0).unwrap();
}

#[test]
fn a_server_that_starts_up() {
    let options = Options::default().setting("wal_level", "replica");
    let cluster = with_app(Cluster::start(&options));
    let app = healthy()
        .env("PGPORT", cluster.port().to_string())
        .env("PGSSLMODE", "disable");
    cluster.stop(StopMode::Fast);
    // A standby asks for its archive first, and is starting up as long as that takes.
    let settings = cluster.data_folder().join("postgresql.auto.conf");
    let before = std::fs::read_to_string(&settings).unwrap();
    std::fs::write(
        &settings,
        format!("{before}restore_command = 'sleep 3; false'\n"),
    )
    .unwrap();
    let signal = cluster.data_folder().join("recovery.signal");
    std::fs::write(&signal, "").unwrap();
    crate::support::ServerUser::get().owns(&signal);
    cluster.start_without_waiting();
    let deadline = Instant::now() + Duration::from_secs(10);
    while std::net::TcpStream::connect(("127.0.0.1", cluster.port())).is_err() {
        assert!(Instant::now() < deadline, "the server does not listen");
        std::thread::sleep(Duration::from_millis(10));
    }
    expect(&app, "server.starting_up", 20).unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while let Err(failure) = expect(&app, "", 0) {
        assert!(
            Instant::now() < deadline,
            "the server does not get up:\n{failure}"
        );
        std::thread::sleep(Duration::from_millis(500));
    }
}
