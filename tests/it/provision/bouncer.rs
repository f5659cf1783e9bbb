use super::world::{LOCKS, SMALL, world};
use crate::support::{Bouncer, BouncerOptions, Client, Cluster, psql};

/// The settings and the role of a session. PL/pgSQL adds its own settings when it is loaded.
const SETTINGS: &str = "SELECT pg_backend_pid(); SELECT name, setting FROM pg_settings WHERE name !~ '^plpgsql[.]' ORDER BY name";

#[test]
fn pooled_connection_keeps_no_setting() {
    let cluster = Cluster::shared();
    let database = cluster.database();
    let bouncer = Bouncer::start(
        cluster,
        &BouncerOptions::default().setting("default_pool_size", "1"),
    );
    let through = bouncer.environment(&database);
    let settings = || psql(&Client::installed(), &through, SETTINGS).unwrap();
    let before = settings();
    let world = world(&database, SMALL).envs(&through);
    world
        .run(&["provision", "a", "b", "--timeout", "30"])
        .succeeds();
    world.run(&["provision", "a"]).exits_with(17);
    world
        .run(&["provision", "a", "--if-exists", "skip"])
        .succeeds();
    world
        .run(&["provision", "d", "--role", "postgres"])
        .succeeds();
    // The same backend has done it all.
    assert_eq!(settings(), before);
    assert_eq!(
        database.query("SELECT a.first() + b.first() + d.first()"),
        "21"
    );
    assert_eq!(database.query(LOCKS), "0");
    // psql leaves a failed transaction open when it ends; the pooler then takes a new connection.
    world.write(
        "failing.sql",
        super::world::snapshot(&format!("{SMALL}\nSELECT 1/0;\n")),
    );
    world
        .run(&["provision", "c", "--snapshot", "failing.sql"])
        .exits_with(14);
    let without_process = |text: String| text.split_once('\n').unwrap().1.to_owned();
    assert_eq!(without_process(settings()), without_process(before));
}
