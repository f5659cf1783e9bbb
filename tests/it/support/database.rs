use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use super::{Client, Cluster};

/// The role that owns the databases of tests in place of the superuser, if `SCHEMASTAMP_TEST_PLAIN_OWNER=1`: what hosted services
/// (RDS, Cloud SQL, Azure) give to the administrator of a database.
const PLAIN_OWNER: &str = "plain_owner";

/// A database of one test, reached as the superuser `postgres` or as the plain owner; dropped with this value, open connections or not.
#[derive(Debug)]
pub(crate) struct Database<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) name: String,
    user: &'static str,
    drop: bool,
}

impl<'a> Database<'a> {
    pub(super) fn create(cluster: &'a Cluster) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let maintenance = Self::maintenance(cluster);
        maintenance.sql(&format!("CREATE DATABASE {name} TEMPLATE template0"));
        let user = if is_owner_plain() {
            maintenance.sql(&owned_by_plain_owner(&name));
            PLAIN_OWNER
        } else {
            SUPERUSER
        };
        Self {
            cluster,
            name,
            user,
            drop: true,
        }
    }

    pub(super) fn maintenance(cluster: &'a Cluster) -> Self {
        Self {
            cluster,
            name: "postgres".to_owned(),
            user: SUPERUSER,
            drop: false,
        }
    }

    /// A database that exists under this name. It is not dropped.
    pub(crate) fn named(cluster: &'a Cluster, name: &str) -> Self {
        Self {
            cluster,
            name: name.to_owned(),
            user: SUPERUSER,
            drop: false,
        }
    }

    /// Runs a script through the real psql, which stops at the first error; panics on one.
    pub(crate) fn sql(&self, script: &str) {
        self.query(script);
    }

    /// Runs a file of the project, such as `testdata/sample-app.sql`.
    pub(crate) fn load(&self, path: &str) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        let script = std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("'{}': {error}", path.display()));
        self.sql(&script);
    }

    /// The server's major version: 15.
    pub(crate) fn major(&self) -> u32 {
        let number = self.query("SHOW server_version_num");
        number.parse::<u32>().expect("a number") / 10_000
    }

    /// What psql prints for a script, unaligned and without headers: columns parted by `|`, rows by newlines, no newline at
    /// the end. Panics on an SQL error.
    pub(crate) fn query(&self, script: &str) -> String {
        self.try_query(script)
            .unwrap_or_else(|error| panic!("psql failed:\n{error}"))
    }

    /// As [`Database::query`]; psql's stderr when it fails.
    pub(crate) fn try_query(&self, script: &str) -> Result<String, String> {
        psql(&Client::installed(), &self.environment(), script)
    }

    /// `PG*` variables that lead here over the Unix socket.
    pub(crate) fn environment(&self) -> BTreeMap<String, String> {
        self.environment_with(self.cluster.socket_folder().to_str().expect("UTF-8"))
    }

    /// `PG*` variables that lead here over TCP, 127.0.0.1.
    pub(crate) fn tcp_environment(&self) -> BTreeMap<String, String> {
        self.environment_with("127.0.0.1")
    }

    /// A `postgres://` URI that leads here over TCP.
    pub(crate) fn url(&self) -> String {
        format!(
            "postgres://{}@127.0.0.1:{}/{}",
            self.user,
            self.cluster.port(),
            self.name
        )
    }

    fn environment_with(&self, host: &str) -> BTreeMap<String, String> {
        let port = self.cluster.port().to_string();
        [
            ("PGHOST", host),
            ("PGPORT", &port),
            ("PGUSER", self.user),
            ("PGDATABASE", &self.name),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }
}

/// The superuser of every cluster.
const SUPERUSER: &str = "postgres";

/// Whether the tests run as a plain owner of their databases.
fn is_owner_plain() -> bool {
    std::env::var_os("SCHEMASTAMP_TEST_PLAIN_OWNER").is_some_and(|value| value == "1")
}

/// SQL that gives a database to the plain owner, who is made first where it is not there.
fn owned_by_plain_owner(database: &str) -> String {
    format!(
        "SELECT pg_advisory_lock(15);
         DO $$ BEGIN
             IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{PLAIN_OWNER}') THEN
                 CREATE ROLE {PLAIN_OWNER} LOGIN CREATEROLE CREATEDB;
                 GRANT pg_monitor, pg_signal_backend TO {PLAIN_OWNER};
             END IF;
         END $$;
         ALTER DATABASE {database} OWNER TO {PLAIN_OWNER};"
    )
}

impl Drop for Database<'_> {
    fn drop(&mut self) {
        if self.drop {
            let statement = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
            let _dropped_or_server_gone = Self::maintenance(self.cluster).try_query(&statement);
        }
    }
}

/// Runs a script through psql with these variables and nothing else: its stdout, or its stderr when it fails.
pub(crate) fn psql(
    client: &Client,
    environment: &BTreeMap<String, String>,
    script: &str,
) -> Result<String, String> {
    let mut child = Command::new(client.psql())
        .args([
            "-X",
            "-q",
            "-w",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            "-f",
            "-",
        ])
        .env_clear()
        .envs([
            ("HOME", "/nonexistent"),
            ("LC_ALL", "C"),
            ("PGCLIENTENCODING", "UTF8"),
        ])
        .envs(environment)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("psql starts");
    let mut stdin = child.stdin.take().expect("piped");
    let script = script.to_owned();
    // psql may end before it has read everything; then the pipe is closed, and its stderr tells why.
    let feeder = std::thread::spawn(move || stdin.write_all(script.as_bytes()).is_ok());
    let output = child.wait_with_output().expect("psql ends");
    feeder.join().expect("the feeder does not panic");
    if output.status.success() {
        Ok(String::from_utf8(output.stdout)
            .expect("UTF-8")
            .trim_end_matches('\n')
            .to_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}
