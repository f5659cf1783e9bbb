//! `drop`, `rename` and `clone` when the answer to their COMMIT does not come: the server is asked what became of it.

use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Cluster, CommandOutput, Database, Options, Proxy, Schemastamp};

/// COMMIT has done its work and waits for a standby that does not exist.
const WAITS: &str = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep' \
    AND backend_type = 'client backend' AND datname = current_database()";
const SCHEMAS: &str =
    "SELECT string_agg(nspname, ' ' ORDER BY nspname) FROM pg_namespace WHERE nspname ~ '^t_'";

/// A server that can wait for a standby.
fn options() -> Options {
    Options::default()
        .setting("synchronous_commit", "on")
        .setting("wal_level", "replica")
        .setting("max_wal_senders", "1")
}

/// Lets commits go on when it is dropped, so that the database can be dropped, too.
struct Waiting<'a>(&'a Database<'a>);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        release(self.0);
    }
}

/// Three tenants, and a server whose commits wait.
fn waiting<'a>(database: &'a Database<'a>) -> Waiting<'a> {
    for tenant in ["t_drop", "t_rename", "t_clone"] {
        database.sql(&format!(
            "CREATE SCHEMA {tenant}; CREATE TABLE {tenant}.schema_migrations (version varchar PRIMARY KEY)"
        ));
    }
    database.sql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'; SELECT pg_reload_conf()");
    wait_for(database, "SHOW synchronous_standby_names", "nobody");
    Waiting(database)
}

fn release(database: &Database<'_>) {
    database.sql("ALTER SYSTEM RESET synchronous_standby_names; SELECT pg_reload_conf()");
}

fn wait_for(database: &Database<'_>, query: &str, answer: &str) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while database.query(query) != answer {
        assert!(Instant::now() < deadline, "never: {query}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

const COMMANDS: [(&[&str], &str); 3] = [
    (&["drop", "t_drop", "--yes"], "dropped"),
    (&["rename", "t_rename", "t_renamed", "--yes"], "renamed"),
    (&["clone", "t_clone", "t_cloned"], "cloned"),
];
const DONE: &str = "t_clone t_cloned t_renamed";

#[track_caller]
fn is_done(output: &CommandOutput, word: &str) {
    assert_eq!(output.json()[0]["outcome"], word, "{output}");
}

#[test]
fn what_was_committed_when_the_time_was_up_is_done() {
    let cluster = Cluster::start(&options());
    let database = cluster.database();
    let _waiting = waiting(&database);
    let run = Schemastamp::on(&database);
    for (command, word) in COMMANDS {
        let output = run.run(&[command, &["--format", "json", "--timeout", "4"]].concat());
        is_done(&output.succeeds(), word);
    }
    assert_eq!(database.query(SCHEMAS), DONE);
}

#[test]
fn what_was_committed_when_the_connection_was_cut_is_done() {
    let cluster = Cluster::start(&options());
    let database = cluster.database();
    let _waiting = waiting(&database);
    let proxy = Proxy::start(cluster.port());
    let run = Schemastamp::on(&database).envs(&proxy.environment(&database));
    for (command, word) in COMMANDS {
        let child = run.spawn(&[command, &["--format", "json"]].concat());
        wait_for(&database, WAITS, "1");
        proxy.cut();
        // It is asked while the transaction has not ended yet.
        std::thread::sleep(Duration::from_millis(300));
        release(&database);
        is_done(&run.finish(child).succeeds(), word);
        database
            .sql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'; SELECT pg_reload_conf()");
        wait_for(&database, "SHOW synchronous_standby_names", "nobody");
    }
    assert_eq!(database.query(SCHEMAS), DONE);
}

#[test]
fn what_was_committed_when_a_signal_came_is_done() {
    let cluster = Cluster::start(&options());
    let database = cluster.database();
    let _waiting = waiting(&database);
    let run = Schemastamp::on(&database);
    for (command, word) in COMMANDS {
        let child = run.spawn(&[command, &["--format", "json"]].concat());
        wait_for(&database, WAITS, "1");
        kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
        is_done(&run.finish(child).succeeds(), word);
    }
    assert_eq!(database.query(SCHEMAS), DONE);
}

#[test]
fn what_nobody_can_be_asked_about_is_unknown() {
    let cluster = Cluster::start(&options());
    let database = cluster.database();
    let _waiting = waiting(&database);
    let proxy = Proxy::start(cluster.port());
    let run = Schemastamp::on(&database).envs(&proxy.environment(&database));
    let child = run.spawn(&["drop", "t_drop", "--yes", "--format", "json"]);
    wait_for(&database, WAITS, "1");
    proxy.refuse();
    let output = run.finish(child).exits_with(13);
    assert_eq!(output.json()[0]["outcome"], "unknown", "{output}");
    assert!(
        output
            .stderr
            .contains("it is not known whether the tenant was dropped"),
        "{output}"
    );
    proxy.resume();
    let child = run.spawn(&["clone", "t_clone", "t_cloned", "--format", "json"]);
    wait_for(&database, WAITS, "2");
    proxy.refuse();
    let output = run.finish(child).exits_with(13);
    assert_eq!(output.json()[0]["error"]["outcome"], "unknown", "{output}");
}

#[test]
fn what_was_not_committed_has_failed_and_nothing_has_changed() {
    let database = Cluster::shared().database();
    for tenant in ["t_drop", "t_rename", "t_clone"] {
        database.sql(&format!(
            "CREATE SCHEMA {tenant}; CREATE TABLE {tenant}.schema_migrations (version varchar PRIMARY KEY)"
        ));
    }
    let run = Schemastamp::on(&database);
    for (command, tenant) in [
        (COMMANDS[0].0, "t_drop"),
        (COMMANDS[1].0, "t_renamed"),
        (COMMANDS[2].0, "t_cloned"),
    ] {
        let key = schemastamp::snapshot::lock_key(&super::world::name(tenant));
        let mut holder = database_session(&database, &format!("SELECT pg_advisory_lock({key})"));
        let child = run.spawn(&[command, &["--format", "json"]].concat());
        wait_for(
            &database,
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'advisory' AND datname = current_database()",
            "1",
        );
        database.query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'advisory' \
             AND datname = current_database()",
        );
        let output = run.finish(child).exits_with(13);
        assert!(!output.stdout.contains("unknown"), "{output}");
        assert!(output.stdout.contains("connection.lost"), "{output}");
        holder.kill().unwrap();
        holder.wait().unwrap();
    }
    assert_eq!(database.query(SCHEMAS), "t_clone t_drop t_rename");
}

/// A psql that runs a statement and then keeps its session.
fn database_session(database: &Database<'_>, sql: &str) -> std::process::Child {
    use std::io::Write as _;
    let mut child = std::process::Command::new(crate::support::Client::installed().psql())
        .args(["-X", "-q", "-A", "-t"])
        .env_clear()
        .envs(database.environment())
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let stdin = child.stdin.as_mut().unwrap();
    writeln!(stdin, "{sql};").unwrap();
    let held = "SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'advisory' AND granted \
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    wait_for(database, held, "t");
    child
}
