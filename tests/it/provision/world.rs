use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use schemastamp::snapshot::{Header, Snapshot, lock_key};
use schemastamp::sql::TenantName;

use crate::support::{Client, Database, Schemastamp};

/// Returns a snapshot file with these statements after `CREATE SCHEMA`.
pub(crate) fn snapshot(body: &str) -> String {
    Snapshot::from_parts(
        Header::default(),
        format!("\nCREATE SCHEMA #{{prefix}};\n\n{body}"),
    )
    .unwrap()
    .to_text()
}

/// A table and a function that reads it.
pub(crate) const SMALL: &str = "\
CREATE TABLE #{prefix}.t (id integer PRIMARY KEY);

INSERT INTO #{prefix}.t (id) VALUES
    (7);

CREATE FUNCTION #{prefix}.first() RETURNS integer
    LANGUAGE sql
    AS $$
  SELECT id FROM #{prefix}.t ORDER BY id LIMIT 1 -- the first
$$;
";

/// Returns `count` tables, `t0` and so on.
pub(crate) fn tables(count: usize) -> String {
    (0..count).fold(String::new(), |text, number| {
        text + &format!("CREATE TABLE #{{prefix}}.t{number} (id integer);\n")
    })
}

/// Returns a world with one snapshot in the default directory.
pub(crate) fn world(database: &Database<'_>, body: &str) -> Schemastamp {
    let world = Schemastamp::on(database);
    world.write("snapshots/app.sql", snapshot(body));
    world
}

/// The names of the schemas that are not the system's, one a line.
pub(crate) fn schemas(database: &Database<'_>) -> String {
    database.query(
        "SELECT nspname FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema$|public$)' ORDER BY nspname COLLATE \"C\"",
    )
}

/// Counts the advisory locks in the database.
pub(super) const LOCKS: &str = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted \
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

/// A session that holds a tenant's lock, so that every run for it waits.
#[derive(Debug)]
pub(crate) struct Held {
    session: Child,
}

impl Held {
    pub(crate) fn tenant(database: &Database<'_>, name: &str) -> Self {
        let key = lock_key(&TenantName::new(name).unwrap());
        let held = Self::session(database, &format!("SELECT pg_advisory_lock({key})"));
        wait_for(|| database.query(LOCKS) == "1");
        held
    }

    /// Holds a table, so that everybody who reads it waits.
    pub(crate) fn table(database: &Database<'_>, name: &str) -> Self {
        let held = Self::session(
            database,
            &format!("LOCK TABLE {name} IN ACCESS EXCLUSIVE MODE"),
        );
        let is_held = format!(
            "SELECT count(*) FROM pg_locks WHERE relation = '{name}'::regclass AND granted AND mode = 'AccessExclusiveLock'"
        );
        wait_for(|| database.query(&is_held) == "1");
        held
    }

    fn session(database: &Database<'_>, lock: &str) -> Self {
        let script = format!("{lock}; SELECT pg_sleep(60)");
        let session = Command::new(Client::installed().psql())
            .args(["-X", "-q", "-w", "-c", &script])
            .env_clear()
            .envs(database.environment())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { session }
    }

    /// Lets the others go on.
    pub(crate) fn release(mut self, database: &Database<'_>) {
        database.query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' \
             AND pid <> pg_backend_pid() AND datname = current_database()",
        );
        self.session.wait().unwrap();
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // It has ended already, or the server's database is dropped next.
        drop(self.session.kill());
        drop(self.session.wait());
    }
}

/// Waits until a run of the binary waits for a tenant's lock.
pub(crate) fn wait_until_blocked(database: &Database<'_>) {
    wait_for(|| waiting(database) > 0);
}

/// Counts the runs that wait for a lock.
pub(crate) fn waiting(database: &Database<'_>) -> u32 {
    let count = database
        .query("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'advisory' AND datname = current_database()");
    count.parse().unwrap()
}

/// Waits at most 20 s for something to come true.
#[track_caller]
pub(crate) fn wait_for(mut comes_true: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !comes_true() {
        assert!(Instant::now() < deadline, "it does not come true");
        std::thread::sleep(Duration::from_millis(20));
    }
}
