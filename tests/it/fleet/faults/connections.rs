//! Servers, roles and poolers that have fewer connections than a run wants.

use crate::fleet::world::{Fleet, names};
use crate::provision::SMALL;
use crate::support::{Bouncer, BouncerOptions, Cluster, CommandOutput, Options};

/// Returns the output of a successful run of twelve tenants with `--jobs 8`.
fn run_of_twelve(fleet: &Fleet<'_>) -> CommandOutput {
    let names = names("t", 12);
    fleet.list(&names);
    let output = fleet.bulk(&["--jobs", "8"]).succeeds();
    fleet.answers(&output);
    fleet.assert_whole(&names);
    output
}

#[test]
fn role_connection_limit_reduces_workers() {
    let cluster = Cluster::start(&Options::default());
    let fleet = Fleet::on(&cluster, SMALL);
    let grant = format!("GRANT CREATE ON DATABASE {} TO app", fleet.database.name);
    fleet.database.sql(&format!(
        "CREATE ROLE app LOGIN CONNECTION LIMIT 3; {grant}"
    ));
    let fleet = fleet.through(&[("PGUSER".to_owned(), "app".to_owned())].into());
    let output = run_of_twelve(&fleet);
    let note =
        "3 workers instead of 8: the connection limit of role app (3) allows no more connections";
    assert!(output.stderr.contains(note), "{output}");
    fleet.assert_nothing_left();
}

#[test]
fn database_connection_limit_reduces_workers() {
    let cluster = Cluster::start(&Options::default());
    let fleet = Fleet::on(&cluster, SMALL);
    let name = &fleet.database.name;
    // A limit does not bind a superuser.
    fleet.database.sql(&format!(
        "CREATE ROLE app LOGIN; GRANT CREATE ON DATABASE {name} TO app; ALTER DATABASE {name} CONNECTION LIMIT 4"
    ));
    let fleet = fleet.through(&[("PGUSER".to_owned(), "app".to_owned())].into());
    let output = run_of_twelve(&fleet);
    let note = format!(
        "the connection limit of database {} (4) allows no more connections",
        fleet.database.name
    );
    assert!(output.stderr.contains(&note), "{output}");
    fleet.assert_nothing_left();
}

#[test]
fn few_server_connections_reduce_workers() {
    let cluster = Cluster::start(&Options::default().setting("max_connections", "8"));
    let fleet = Fleet::on(&cluster, SMALL);
    let output = run_of_twelve(&fleet);
    // Three are the superuser's.
    let note = "5 workers instead of 8: max_connections (8) allows no more connections";
    assert!(output.stderr.contains(note), "{output}");
    fleet.assert_nothing_left();
}

#[test]
fn connections_taken_by_others_reduce_workers() {
    let cluster = Cluster::shared();
    // The server does not know the pooler's limit.
    let bouncer = Bouncer::start(
        cluster,
        &BouncerOptions::default()
            .setting("max_client_conn", "3")
            .setting("server_idle_timeout", "1"),
    );
    let fleet = Fleet::on(cluster, SMALL);
    let environment = bouncer.environment(&fleet.database);
    let fleet = fleet.through(&environment);
    let output = run_of_twelve(&fleet);
    let (_, note) = output
        .stderr
        .split_once("the server had no connection for another worker in addition to ")
        .unwrap();
    let (workers, why) = note.split_once(": ").unwrap();
    assert!(
        (1..=3).contains(&workers.parse().unwrap()) && why.contains("max_client_conn"),
        "{output}"
    );
    fleet.assert_nothing_left();
}
