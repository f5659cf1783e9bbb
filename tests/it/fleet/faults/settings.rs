//! Settings that somebody has given the role or the database, and that would cut a tenant short.

use crate::fleet::world::{Fleet, count, names};
use crate::provision::{SMALL, tables};
use crate::support::{Cluster, Options};

/// Creates tenants as a role with these settings, in every way in which tenants are created; returns what the last way has
/// said on stderr.
#[track_caller]
fn come_out_with(settings: &[&str], body: &str) -> String {
    let cluster = Cluster::start(&Options::default());
    let fleet = Fleet::on(&cluster, body);
    fleet.database.sql(&format!(
        "CREATE ROLE app LOGIN; GRANT CREATE ON DATABASE {} TO app",
        fleet.database.name
    ));
    for setting in settings {
        fleet.database.sql(&format!("ALTER ROLE app SET {setting}"));
    }
    let fleet = fleet.through(&[("PGUSER".to_owned(), "app".to_owned())].into());
    let names = names("t", 6);
    let (alone, rest) = names.split_first().unwrap();
    let (streamed, listed) = rest.split_at(2);
    drop(fleet.world.run(&["provision", alone]).succeeds());
    let stream = [
        "provision",
        "--from-file",
        "-",
        "--jobs",
        "2",
        "--format",
        "json",
    ];
    let output = fleet
        .world
        .run_with_input(&stream, (streamed.join("\n") + "\n").as_bytes())
        .succeeds();
    assert_eq!(count(&fleet.answers(&output), "created"), streamed.len());
    fleet.list(listed);
    let output = fleet.bulk(&["--jobs", "2"]).succeeds();
    assert_eq!(count(&fleet.answers(&output), "created"), listed.len());
    let said = output.stderr;
    let output = fleet.bulk(&["--jobs", "2"]).succeeds();
    assert_eq!(count(&fleet.answers(&output), "skipped"), listed.len());
    fleet.assert_nothing_left();
    fleet.assert_whole(&names);
    said
}

#[test]
fn role_timeouts_do_not_interrupt_tenants() {
    let settings = [
        "statement_timeout = '20ms'",
        "lock_timeout = '1ms'",
        "idle_in_transaction_session_timeout = '1ms'",
    ];
    assert_eq!(
        come_out_with(&settings, &format!("{SMALL}{}", tables(100))),
        ""
    );
}

#[test]
fn timeout_shorter_than_reading_the_message_does_not_interrupt_tenants() {
    // The server reads a message whole before it runs the first statement of it.
    let long = "-- padding\n".repeat(600_000);
    let body = format!(
        "CREATE FUNCTION #{{prefix}}.f() RETURNS int LANGUAGE plpgsql AS $$\nBEGIN\n{long}END\n$$;\n"
    );
    let said = come_out_with(
        &["statement_timeout = '5ms'", "lock_timeout = '1ms'"],
        &body,
    );
    assert!(
        said.contains("retrying, with the time limit set first"),
        "{said}"
    );
}
