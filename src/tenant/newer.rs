//! The migrations that are newer than a snapshot, as a part of the transaction that creates a tenant.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use super::migrations::{Migration, MigrationError, Migrations, read_folder};
use super::versions::{
    PlanProblem, PlanStrictness, TenantProblem, VersionsTable, plan_migrations, qualified,
    snapshot_versions,
};
use crate::snapshot::{
    Action, OutsidePolicy, OutsideStatement, RenderOptions, Rendered, Snapshot, TemplateError,
    refusal,
};
use crate::sql::{
    SettingScope, TenantName, local, quote_literal, session_cleanup, session_remembered, tokens,
};
use crate::text::{slice, swrite};

/// The settings of [`settings`](crate::snapshot::settings) and of a claim that a migration does not have. It runs with those
/// of the role, as it does for a tenant that exists.
const ROLES_OWN: [&str; 17] = [
    "check_function_bodies",
    "xmloption",
    "row_security",
    "default_tablespace",
    "default_table_access_method",
    "timezone",
    "datestyle",
    "intervalstyle",
    "extra_float_digits",
    "bytea_output",
    "quote_all_identifiers",
    "lc_monetary",
    "array_nulls",
    "transform_null_equals",
    "xmlbinary",
    "enable_seqscan",
    "jit",
];

/// Reasons why the newer migrations cannot be applied to new tenants.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NewerError {
    /// The directory cannot be read.
    #[error(transparent)]
    Migrations(#[from] MigrationError),
    /// The versions of the snapshot are unknown.
    #[error("the newer migrations cannot be recorded in a tenant of this snapshot: {0}")]
    Versions(TenantProblem),
    /// The snapshot's versions do not fit the directory, or only their tool can write them.
    #[error("the newer migrations cannot be applied to a tenant of this snapshot: {0}")]
    Plan(PlanProblem),
    /// A newer migration has statements that reach beyond the database.
    #[error("'{}', {}", path.display(), refusal(statements))]
    Outside {
        /// The file.
        path: PathBuf,
        /// They, in their order.
        statements: Vec<OutsideStatement>,
    },
    /// A migration that must run outside of a transaction.
    #[error(
        "{file} runs outside of a transaction, so that it cannot be a part of the one that creates a tenant"
    )]
    NoTransaction {
        /// The file.
        file: String,
    },
}

impl NewerError {
    /// Returns the stable id, or `None` for a directory that cannot be read.
    pub fn id(&self) -> Option<&'static str> {
        match self {
            Self::Migrations(_) => None,
            Self::Versions(_) | Self::Plan(_) => Some("snapshot.versions"),
            Self::Outside { .. } => Some("migration.outside"),
            Self::NoTransaction { .. } => Some("migration.no_transaction"),
        }
    }
}

/// The decisions about migrations that the user may allow.
#[derive(Clone, Copy, Debug, Default)]
pub struct NewerPolicy {
    /// Mismatches between the snapshot's versions and the directory that are reported as warnings.
    pub strictness: PlanStrictness,
    /// Statements that reach beyond the database.
    pub outside: OutsidePolicy,
}

/// The migrations of a directory that a snapshot does not have.
#[derive(Clone, Debug)]
pub struct NewerMigrations {
    table: VersionsTable,
    pending: Vec<Migration>,
    warnings: Vec<PlanProblem>,
}

impl NewerMigrations {
    /// Compares the versions of a snapshot with a directory.
    ///
    /// # Errors
    /// [`NewerError`] if a migration is pending that cannot be a part of the transaction.
    pub fn new(
        snapshot: &Snapshot,
        migrations: &Migrations,
        versions_table: Option<&str>,
        policy: NewerPolicy,
    ) -> Result<Self, NewerError> {
        let table = snapshot_versions(snapshot, versions_table).map_err(NewerError::Versions)?;
        let plan = plan_migrations(&table, migrations, policy.strictness);
        if let Some(problem) = plan.error() {
            return Err(NewerError::Plan(problem.clone()));
        }
        let outside = plan.pending.iter().find(|migration| !migration.transaction);
        if let Some(migration) = outside {
            return Err(NewerError::NoTransaction {
                file: migration.file_name(),
            });
        }
        if policy.outside == OutsidePolicy::Refuse {
            let mut all = plan.pending.iter();
            let found = all.find_map(|migration| {
                let statements = migration.beyond_the_database();
                (!statements.is_empty()).then(|| NewerError::Outside {
                    path: migration.path.clone(),
                    statements,
                })
            });
            if let Some(error) = found {
                return Err(error);
            }
        }
        let pending: Vec<Migration> = plan.pending.iter().map(|one| (*one).clone()).collect();
        let warnings = plan.warnings().cloned().collect();
        Ok(Self {
            table,
            pending,
            warnings,
        })
    }

    /// Creates the migrations that lead from a snapshot to a later version, for a copy that is rolled back.
    pub(crate) fn for_reference(table: VersionsTable, pending: &[&Migration]) -> Self {
        Self {
            table,
            pending: pending.iter().map(|one| (*one).clone()).collect(),
            warnings: Vec::new(),
        }
    }

    /// Returns the files, in order.
    pub fn files(&self) -> Vec<String> {
        self.pending.iter().map(Migration::file_name).collect()
    }

    /// Returns the mismatches between the snapshot and the directory that are no obstacle.
    pub fn warnings(&self) -> &[PlanProblem] {
        &self.warnings
    }

    /// Returns the statements that bring a new tenant to the newest version, for psql.
    pub(crate) fn statements(
        &self,
        tenant: &TenantName,
        options: &RenderOptions,
    ) -> Result<Vec<Rendered>, TemplateError> {
        let mut statements = Vec::new();
        let table = qualified(tenant.as_str(), &self.table.table);
        let added = Rendered::added;
        for migration in &self.pending {
            if migration.changes_session() {
                let remembered = session_remembered(SettingScope::Transaction);
                statements.push(added(format!("SELECT {remembered}")));
            }
            statements.push(added(settings_of_migration(tenant, options)));
            for statement in migration.statements() {
                let mut sql = String::new();
                statement.render(tenant, &mut sql)?;
                if statement.object.action == Action::Setting {
                    sql = local(&sql);
                }
                if !migration.transaction {
                    sql = not_concurrently(&sql);
                }
                statements.push(Rendered {
                    line: Some(statement.line),
                    file: Some(migration.file_name()),
                    ..added(sql)
                });
            }
            // A plan has no migration that the table cannot hold.
            statements.extend(self.table.style.write_sql(&table, migration).map(added));
            if migration.changes_session() {
                let cleanup = session_cleanup(SettingScope::Transaction);
                statements.extend(cleanup.into_iter().map(added));
            }
            statements.push(added(end_of_migration(tenant)));
        }
        Ok(statements)
    }

    /// Returns the same statements for a routine that executes them.
    pub(crate) fn executed(
        &self,
        tenant: &TenantName,
        options: &RenderOptions,
    ) -> Result<Vec<String>, TemplateError> {
        let mut executed = Vec::new();
        let mut plain = self
            .pending
            .iter()
            .flat_map(Migration::statements)
            .map(|statement| {
                let mut sql = String::new();
                statement.render_plain(tenant, &mut sql).map(|()| sql)
            });
        for statement in self.statements(tenant, options)? {
            // Only text of a file can have semicolons that psql reads and the server does not.
            let sql = match statement.file {
                Some(_) => plain.next().transpose()?.unwrap_or(statement.sql),
                None => statement.sql,
            };
            executed.push(local(&sql));
        }
        Ok(executed)
    }
}

/// Returns a statement in the form that a transaction allows: without `CONCURRENTLY`, which has the same result.
fn not_concurrently(sql: &str) -> String {
    let all = tokens(sql);
    match all.iter().find(|token| token.is_word(sql, "concurrently")) {
        Some(token) => format!("{}{}", slice(sql, ..token.start), slice(sql, token.end..)),
        None => sql.to_owned(),
    }
}

/// Returns the beginning of a migration: the tenant's `search_path` with the database's own behind it, the role, and the role's
/// own settings, as `migrate` has them.
fn settings_of_migration(tenant: &TenantName, options: &RenderOptions) -> String {
    let mut body = String::from("DECLARE path text; BEGIN ");
    for name in ROLES_OWN {
        swrite!(body, "SET LOCAL {name} TO DEFAULT; ");
    }
    if let Some(role) = &options.role {
        swrite!(
            body,
            "PERFORM pg_catalog.set_config('role', {}, true); ",
            quote_literal(role)
        );
    }
    swrite!(
        body,
        "SET LOCAL search_path = ''; \
         SELECT pg_catalog.string_agg(pg_catalog.quote_ident(s.name), ', ' ORDER BY s.place) INTO path FROM \
         (SELECT COALESCE(pg_catalog.replace(p.found[1], '\"\"', '\"'), pg_catalog.lower(p.found[2])) AS name, p.place \
         FROM pg_catalog.pg_settings c, pg_catalog.regexp_matches(c.reset_val, \
         '\"((?:[^\"]|\"\")*)\"|([^\",[:space:]]+)', 'g') WITH ORDINALITY AS p (found, place) \
         WHERE c.name = 'search_path') AS s \
         WHERE s.name <> '$user' AND s.name <> {name} AND s.name !~ '^pg_'; \
         PERFORM pg_catalog.set_config('search_path', pg_catalog.concat_ws(', ', {quoted}, path), true); END",
        name = quote_literal(tenant.as_str()),
        quoted = quote_literal(&tenant.quoted()),
    );
    format!("DO {}", quote_literal(&body))
}

/// Returns the end of a migration: what waits for a commit runs now, as in a transaction of its own, and constraints that
/// begin deferred are so again.
fn end_of_migration(tenant: &TenantName) -> String {
    let body = format!(
        "DECLARE late record; BEGIN SET CONSTRAINTS ALL IMMEDIATE; \
         FOR late IN SELECT c.conname FROM pg_catalog.pg_constraint c WHERE c.condeferred \
         AND c.connamespace OPERATOR(pg_catalog.=) pg_catalog.to_regnamespace({schema})::oid LOOP \
         EXECUTE pg_catalog.format('SET CONSTRAINTS %I.%I DEFERRED', {name}, late.conname); END LOOP; END",
        schema = quote_literal(&tenant.quoted()),
        name = quote_literal(tenant.as_str()),
    );
    format!("DO {}", quote_literal(&body))
}

/// A directory of migrations that is read again when it changes: names may arrive for days, and a deploy brings new files
/// meanwhile.
#[derive(Debug)]
pub struct NewerSource {
    snapshot: Arc<Snapshot>,
    folder: PathBuf,
    versions_table: Option<String>,
    policy: NewerPolicy,
    read: Mutex<(Vec<FileState>, Arc<NewerMigrations>)>,
}

/// A file of the directory: its path, its size, and when it was changed.
type FileState = (PathBuf, u64, Option<SystemTime>);

impl NewerSource {
    /// Reads a directory and compares it with a snapshot.
    ///
    /// # Errors
    /// [`NewerError`].
    pub fn new(
        snapshot: Arc<Snapshot>,
        folder: &Path,
        versions_table: Option<String>,
        policy: NewerPolicy,
    ) -> Result<Self, NewerError> {
        let files = file_states(folder);
        let migrations = read_folder(folder)?;
        let newer =
            NewerMigrations::new(&snapshot, &migrations, versions_table.as_deref(), policy)?;
        Ok(Self {
            snapshot,
            folder: folder.to_owned(),
            versions_table,
            policy,
            read: Mutex::new((files, Arc::new(newer))),
        })
    }

    /// Returns the newer migrations as the directory has them now.
    ///
    /// # Errors
    /// [`NewerError`] if the directory has changed and cannot be applied any more.
    pub fn current(&self) -> Result<Arc<NewerMigrations>, NewerError> {
        let files = file_states(&self.folder);
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if read.0 != files {
            let migrations = read_folder(&self.folder)?;
            let newer = NewerMigrations::new(
                &self.snapshot,
                &migrations,
                self.versions_table.as_deref(),
                self.policy,
            )?;
            *read = (files, Arc::new(newer));
        }
        Ok(Arc::clone(&read.1))
    }
}

/// Returns the files of a directory and of the directories in it. A file that cannot be read is reported when it is read.
fn file_states(folder: &Path) -> Vec<FileState> {
    let mut states = Vec::new();
    let mut add = |path: PathBuf| {
        let Ok(data) = std::fs::metadata(&path) else {
            states.push((path, 0, None));
            return None;
        };
        let is_dir = data.is_dir();
        states.push((path.clone(), data.len(), data.modified().ok()));
        is_dir.then_some(path)
    };
    let entries = |folder: &Path| {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect::<Vec<_>>()
    };
    let inner: Vec<PathBuf> = entries(folder).into_iter().filter_map(&mut add).collect();
    for folder in inner {
        for path in entries(&folder) {
            add(path);
        }
    }
    states.sort();
    states
}
