//! A coordinator and two workers, where Citus is installed.

use std::io::Write as _;
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::support::{Cluster, Database, Options};

/// The servers of a real Citus.
#[derive(Debug)]
pub(super) struct Nodes {
    pub(super) coordinator: Cluster,
    pub(super) workers: [Cluster; 2],
}

impl Nodes {
    /// The nodes that most tests share, or `None` where the installed server has no Citus.
    pub(super) fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Nodes>> = OnceLock::new();
        SHARED.get_or_init(Self::start).as_ref()
    }

    /// Nodes of one's own, for a test that stops one.
    pub(super) fn start() -> Option<Self> {
        let database = Cluster::shared().database();
        let found = "SELECT count(*) FROM pg_available_extensions WHERE name = 'citus'";
        if database.query(found) == "0" {
            // To the terminal, past the test runner that keeps what tests say.
            writeln!(
                std::io::stderr(),
                "bulk::citus: not run on a real Citus: the installed server does not have it"
            )
            .unwrap();
            return None;
        }
        let options = Options::default()
            .setting("shared_preload_libraries", "citus")
            .setting("citus.node_conninfo", "sslmode=disable")
            .setting("max_prepared_transactions", "50")
            .setting("max_locks_per_transaction", "256");
        Some(Self {
            coordinator: Cluster::start(&options),
            workers: [Cluster::start(&options), Cluster::start(&options)],
        })
    }

    /// A database with Citus on all nodes, and in it `public.plain`, the reference table `public.reference` and the
    /// distributed table `public.hash`.
    pub(super) fn database(&self) -> Database<'_> {
        // Citus writes roles on all nodes at once, and two databases have the same roles.
        static ONE_BY_ONE: Mutex<()> = Mutex::new(());
        let _guard = ONE_BY_ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let database = self.coordinator.database();
        for worker in &self.workers {
            let maintenance = worker.maintenance();
            maintenance.sql(&format!("CREATE DATABASE {}", database.name));
            Database::named(worker, &database.name).sql("CREATE EXTENSION citus");
        }
        database.sql(&format!(
            "CREATE EXTENSION citus; SELECT citus_set_coordinator_host('127.0.0.1', {}); \
             SELECT citus_add_node('127.0.0.1', {}); SELECT citus_add_node('127.0.0.1', {}); \
             CREATE TABLE public.plain (id integer PRIMARY KEY); \
             CREATE TABLE public.reference (id integer PRIMARY KEY); SELECT create_reference_table('public.reference'); \
             CREATE TABLE public.hash (id integer PRIMARY KEY); SELECT create_distributed_table('public.hash', 'id'); \
             CREATE ROLE {role} LOGIN; GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}; \
             GRANT CREATE ON DATABASE {database} TO {role}",
            self.coordinator.port(),
            self.workers[0].port(),
            self.workers[1].port(),
            role = role(&database),
            database = database.name,
        ));
        database
    }

    /// Counts the schemas of a name on the workers.
    pub(super) fn on_workers(&self, database: &Database<'_>, schema: &str) -> usize {
        let sql = format!("SELECT count(*) FROM pg_namespace WHERE nspname = '{schema}'");
        self.workers
            .iter()
            .filter(|worker| Database::named(worker, &database.name).query(&sql) == "1")
            .count()
    }
}

/// An ordinary role. Citus knows it on all nodes, because it was created in that database.
pub(super) fn role(database: &Database<'_>) -> String {
    format!("app_{}", database.name)
}

/// The tenants that are distributed schemas, by name.
pub(super) fn distributed(database: &Database<'_>) -> String {
    database.query("SELECT COALESCE(string_agg(schema_name::text, ' ' ORDER BY schema_name::text), '') FROM citus_schemas")
}
