use std::fmt::Write as _;
use std::thread::JoinHandle;
use std::time::Duration;

use schemastamp::fleet::TenantSelection;
use schemastamp::fleet::inventory::{Fleet, read_fleet};
use schemastamp::fleet::migrate::{MigrateOptions, MigrateReport, migrate};
use schemastamp::pg::{NamedProgram, PgDump, Program, Server};
use schemastamp::process::{EnvValue, Shutdown};
use schemastamp::sql::TenantName;
use schemastamp::tenant::migrate::MigrateOutcome;
use schemastamp::tenant::migrations::{Migrations, read_folder};
use tempfile::TempDir;

use crate::support::{Client, Cluster, Database, psql};

/// A database, the installed psql, and a directory of migrations.
pub(super) struct World<'a> {
    pub(super) database: Database<'a>,
    pub(super) server: Server,
    folder: TempDir,
    temporary: TempDir,
}

pub(super) fn name(text: &str) -> TenantName {
    TenantName::new(text).unwrap()
}

pub(super) fn all() -> TenantSelection {
    TenantSelection::All { pattern: None }
}

/// Options with pauses fit for tests.
pub(super) fn options() -> MigrateOptions {
    let mut options = MigrateOptions::new(all());
    options.lock_timeout = Duration::from_millis(200);
    options.retry_pause = Duration::from_millis(100);
    options
}

pub(super) fn options_with(change: impl FnOnce(&mut MigrateOptions)) -> MigrateOptions {
    let mut options = options();
    change(&mut options);
    options
}

impl World<'_> {
    pub(super) fn new() -> Self {
        let database = Cluster::shared().database();
        let temporary = tempfile::tempdir().unwrap();
        let client = Client::installed();
        let psql = Program::find_psql(
            Some(&NamedProgram {
                path: client.psql(),
                origin: "a test".to_owned(),
            }),
            "".as_ref(),
        )
        .unwrap();
        let environment = database.environment().into_iter();
        let environment = environment
            .map(|(name, value)| (name, EnvValue::Plain(value.into())))
            .collect();
        let server = Server::new(psql, environment, temporary.path());
        Self {
            database,
            server,
            folder: tempfile::tempdir().unwrap(),
            temporary,
        }
    }

    pub(super) fn pg_dump(&self) -> PgDump {
        let path = NamedProgram {
            path: Client::installed().pg_dump(),
            origin: "a test".to_owned(),
        };
        PgDump {
            program: Program::find_pg_dump(Some(&path), "".as_ref()).unwrap(),
            server: self.server.clone(),
        }
    }

    /// Creates tenants with a table `users` and the version table of Rails at version 1.
    pub(super) fn tenants(&self, names: &[&str]) {
        let mut sql = String::new();
        for name in names {
            let schema = name_sql(name);
            let _ = write!(
                sql,
                "CREATE SCHEMA {schema}; CREATE TABLE {schema}.users (id int PRIMARY KEY, email text);\n\
                 CREATE TABLE {schema}.schema_migrations (version varchar PRIMARY KEY);\n\
                 INSERT INTO {schema}.schema_migrations VALUES ('1');\n"
            );
        }
        self.database.sql(&sql);
    }

    /// Writes a migration.
    pub(super) fn migration(&self, file: &str, sql: &str) {
        let path = self.folder.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, sql).unwrap();
    }

    pub(super) fn migrations(&self) -> Migrations {
        read_folder(self.folder.path()).unwrap()
    }

    /// Holds a lock on a table for some seconds; returns once it is there.
    pub(super) async fn hold_lock(&self, table: &str, seconds: f64) -> JoinHandle<()> {
        let environment = self.database.environment();
        let script = format!("BEGIN; LOCK TABLE {table}; SELECT pg_sleep({seconds}); COMMIT;");
        let holder = std::thread::spawn(move || {
            psql(&Client::installed(), &environment, &script).unwrap();
        });
        let locks = format!("SELECT count(*) FROM pg_locks WHERE relation = '{table}'::regclass");
        self.wait_for(&locks, "1").await;
        holder
    }

    pub(super) async fn migrate(&self, options: &MigrateOptions) -> MigrateReport {
        self.migrate_until(options, &Shutdown::new()).await
    }

    pub(super) async fn migrate_until(
        &self,
        options: &MigrateOptions,
        shutdown: &Shutdown,
    ) -> MigrateReport {
        let mut told = Vec::new();
        let report = migrate(
            &self.server,
            &self.migrations(),
            options,
            None,
            shutdown,
            &mut |tenant| {
                told.push(tenant.tenant.clone());
            },
        )
        .await
        .unwrap();
        let mut expected: Vec<TenantName> = report
            .tenants
            .iter()
            .filter(|tenant| {
                !matches!(
                    tenant.outcome,
                    MigrateOutcome::NotReached | MigrateOutcome::Pending
                )
            })
            .map(|tenant| tenant.tenant.clone())
            .collect();
        expected.sort();
        told.sort();
        if !options.dry_run {
            assert_eq!(told, expected, "each tenant is told of once");
        }
        self.assert_nothing_left();
        report
    }

    pub(super) async fn fleet(&self) -> Fleet {
        read_fleet(&self.server, &all(), None, &Shutdown::new())
            .await
            .unwrap()
    }

    /// The versions of a tenant with a table as Rails has it.
    pub(super) fn versions(&self, tenant: &str) -> String {
        let schema = name_sql(tenant);
        self.database.query(&format!(
            "SELECT string_agg(version, ' ' ORDER BY version) FROM {schema}.schema_migrations"
        ))
    }

    #[track_caller]
    pub(super) fn assert_nothing_left(&self) {
        assert_eq!(
            std::fs::read_dir(self.temporary.path()).unwrap().count(),
            0,
            "files of a run are left"
        );
    }
}

pub(super) fn name_sql(tenant: &str) -> String {
    name(tenant).quoted()
}

/// `tenant: outcome` for each.
pub(super) fn outcomes(report: &MigrateReport) -> Vec<String> {
    report
        .tenants
        .iter()
        .map(|tenant| format!("{}: {}", tenant.tenant, tenant.outcome.word()))
        .collect()
}

/// The groups of failures, each with its tenants.
pub(super) fn groups(report: &MigrateReport) -> Vec<String> {
    report
        .groups()
        .iter()
        .map(|group| {
            let names: Vec<&str> = group.tenants.iter().map(TenantName::as_str).collect();
            format!("{}: {}", names.join(" "), group.reason)
        })
        .collect()
}

impl World<'_> {
    /// Waits until a query gives an answer.
    pub(super) async fn wait_for(&self, query: &str, answer: &str) {
        let deadline = std::time::Instant::now() + Duration::from_secs(20);
        while self.database.query(query) != answer {
            assert!(std::time::Instant::now() < deadline, "never: {query}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
