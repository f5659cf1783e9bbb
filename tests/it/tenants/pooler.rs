//! Commands through a pooler in transaction mode.

use std::collections::BTreeSet;
use std::process::{Child, Command, Stdio};

use crate::provision::{SMALL, snapshot, tables};
use crate::support::{
    Bouncer, BouncerOptions, Client, Cluster, Database, Options, Schemastamp, psql,
};

/// A tenant as Rails makes them.
pub(super) const TENANT: &str = "CREATE SCHEMA old; CREATE TABLE old.users (id int PRIMARY KEY, name text); \
    INSERT INTO old.users VALUES (1, 'a'); CREATE TABLE old.schema_migrations (version varchar PRIMARY KEY); \
    INSERT INTO old.schema_migrations VALUES ('1')";

/// Every command that works on tenants, one after the other.
pub(super) fn run_all(world: &Schemastamp) {
    world.write(
        "m/2_age.sql",
        "ALTER TABLE #{prefix}.users ADD age integer;",
    );
    for line in [
        "capture --schema old -o snapshots/app.sql",
        "check --schema old",
        "provision a b",
        "provision --from-file names.txt --jobs 2",
        "status --all",
        "verify --all",
        "migrate --all --migrations m",
        "refresh --migrations m",
        "verify a",
        "rename a renamed --yes",
        "clone b cloned",
        "pool fill --size 2",
        "provision --from-pool claimed",
        "pool status",
        "pool drain --all",
        "drop b --yes",
    ] {
        world.run(&line.split(' ').collect::<Vec<_>>()).succeeds();
    }
}

#[test]
fn no_command_changes_session_settings() {
    let options = Options::default()
        .setting("log_statement", "all")
        .setting("log_line_prefix", "%p|%d|");
    let cluster = Cluster::start(&options);
    let database = cluster.database();
    database.sql(TENANT);
    let world = Schemastamp::on(&database);
    world.write("names.txt", "c\nd\n");
    let before = cluster.log().len();
    run_all(&world);
    let log = cluster.log().split_off(before).replace("\n\t", " ");
    let statements = log.lines().filter_map(|line| {
        let (process, rest) = line.split_once(&format!("|{}|", database.name))?;
        Some((process, rest.strip_prefix("LOG:  statement: ")?))
    });
    let statements: Vec<(&str, &str)> = statements.collect();
    // pg_dump sets what it needs for its session: see below.
    let is_pg_dump = |(_, sql): &&(&str, &str)| sql.starts_with("SET DATESTYLE = ISO");
    let dumps: BTreeSet<&str> = statements
        .iter()
        .filter(is_pg_dump)
        .map(|(process, _)| *process)
        .collect();
    assert!(
        dumps.len() >= 5 && statements.len() > 200,
        "{} dumps, {} statements",
        dumps.len(),
        statements.len()
    );
    let for_a_session = |sql: &&str| {
        let sql = sql.trim_start();
        let is_local = ["SET LOCAL ", "SET CONSTRAINTS ", "SET TRANSACTION "]
            .iter()
            .any(|local| sql.starts_with(local));
        (sql.starts_with("SET ") && !is_local)
            || ["RESET ", "DISCARD "]
                .iter()
                .any(|word| sql.starts_with(word))
            || (sql.contains("set_config(") && sql.contains(", false)"))
            || sql.contains("pg_advisory_lock(")
    };
    for (_, message) in statements
        .iter()
        .filter(|(process, _)| !dumps.contains(process))
    {
        assert_eq!(message.split(';').find(for_a_session), None);
    }
}

#[test]
fn quiet_transaction_pool_warns_and_session_pool_does_not() {
    let cluster = Cluster::shared();
    let database = cluster.database();
    database.sql(TENANT);
    let direct = Schemastamp::on(&database);
    let expected = direct.run(&["capture", "--schema", "old"]).succeeds();
    assert!(!expected.stderr.contains("pooler"), "{expected}");
    for (mode, is_told) in [("transaction", true), ("session", false)] {
        // Not even one connection to spare.
        let options = BouncerOptions::default()
            .setting("pool_mode", mode)
            .setting("default_pool_size", "1");
        let bouncer = Bouncer::start(cluster, &options);
        let through = bouncer.environment(&database);
        let ask = |sql| psql(&Client::installed(), &through, sql).unwrap();
        let settings =
            "SELECT name, setting FROM pg_settings WHERE name !~ '^plpgsql[.]' ORDER BY name";
        let before = ask(settings);
        // Makes the pool's connection older than the next client.
        ask("SELECT pg_sleep(0.2)");
        let output = Schemastamp::on(&database)
            .envs(&through)
            .run(&["capture", "--schema", "old"])
            .succeeds();
        assert_eq!(output.stdout, expected.stdout);
        assert_eq!(
            output
                .stderr
                .contains("a pooler in transaction mode stands in between"),
            is_told,
            "{output}"
        );
        assert_eq!(ask(settings), before);
    }
}

/// Clients of a pooler that never rest; they end when this is dropped.
struct Noise(Vec<Child>);

impl Noise {
    fn through(bouncer: &Bouncer, database: &Database<'_>) -> Self {
        let make = |_| {
            let mut shell = Command::new("/bin/sh");
            let order = format!(
                "yes 'SELECT 1;' | exec {} -X -q -w -At -f -",
                Client::installed().psql().display()
            );
            shell
                .args(["-c", &order])
                .env_clear()
                .env("PATH", "/usr/bin:/bin")
                .envs(bouncer.environment(database));
            shell
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap()
        };
        Self((0..3).map(make).collect())
    }
}

impl Drop for Noise {
    fn drop(&mut self) {
        for child in &mut self.0 {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

#[test]
fn busy_transaction_pooler_is_refused_for_pg_dump() {
    let cluster = Cluster::shared();
    let database = cluster.database();
    database.sql(TENANT);
    let bouncer = Bouncer::start(
        cluster,
        &BouncerOptions::default().setting("default_pool_size", "3"),
    );
    let world = Schemastamp::on(&database).envs(&bouncer.environment(&database));
    world.write("snapshots/app.sql", snapshot(SMALL));
    let noise = Noise::through(&bouncer, &database);
    // Until all of the pool's connections are there, and older than what comes.
    let connections = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
        AND client_addr IS NOT NULL AND backend_start < clock_timestamp() - interval '1 s'";
    crate::provision::wait_for(|| database.query(connections) == "3");
    let output = world
        .run(&["capture", "--schema", "old", "--format", "json"])
        .exits_with(13);
    let error = &output.json()[0]["error"];
    assert_eq!(error["id"], "connection.pooled", "{output}");
    let itself = format!("at 127.0.0.1, port {} as it sees itself", cluster.port());
    assert!(
        error["hint"].as_str().unwrap().contains(&itself),
        "{output}"
    );
    // Commands that need no session continue.
    world.run(&["provision", "acme"]).succeeds();
    world.run(&["status"]).succeeds();
    world.run(&["verify", "acme"]).succeeds();
    drop(noise);
    assert_eq!(database.query("SELECT acme.first()"), "7");
}

#[test]
fn app_timeouts_do_not_interrupt_catalog_queries() {
    let cluster = Cluster::shared();
    let database = cluster.database();
    let world = Schemastamp::on(&database);
    world.write("snapshots/app.sql", snapshot(&tables(300)));
    world.run(&["provision", "a", "b"]).succeeds();
    let hurried = format!("{}_hurried", database.name);
    database.sql(&format!(
        "CREATE ROLE {hurried} SUPERUSER LOGIN; ALTER ROLE {hurried} SET statement_timeout = '10ms'"
    ));
    for line in [
        "status --all",
        "verify --all",
        "pool status",
        "drop a --dry-run",
        "rename a c --yes",
        "clone b d",
    ] {
        let arguments: Vec<&str> = line.split(' ').chain(["-U", &hurried]).collect();
        world.run(&arguments).succeeds();
    }
    database.sql(&format!(
        "REASSIGN OWNED BY {hurried} TO postgres; DROP ROLE {hurried}"
    ));
}
