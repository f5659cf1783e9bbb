//! The first schema of an app that has migrations only: made in a scratch schema, which is dropped behind the capture.

use super::run::{RefreshError, RefreshOptions, apply};
use super::scratch::{clean, clean_leftovers, scratch_name, with_scratch};
use crate::pg::{PsqlError, ScriptOptions, Server};
use crate::process::Shutdown;
use crate::snapshot::citus::ON_COORDINATOR;
use crate::snapshot::{
    Action, CompiledStatement, ObjectKind, OutsidePolicy, PLACEHOLDER, settings,
};
use crate::sql::{TenantName, quote_literal};
use crate::tenant::migrate::{ExternalCommand, MigrateFailure};
use crate::tenant::migrations::{FixedSchema, Migrations};
use crate::tenant::versions::{NewVersionsTable, qualified};
use crate::text::listed;

/// Number of statements that a message lists.
const LISTED: usize = 10;

/// Source of the first schema.
#[derive(Clone, Copy, Debug)]
pub enum FirstSource<'a> {
    /// A directory of migrations, and the version table that their tool creates.
    Migrations {
        /// The migrations.
        migrations: &'a Migrations,
        /// The version table.
        table: &'a NewVersionsTable,
    },
    /// The app's own migrator.
    Command(&'a ExternalCommand),
}

/// The schema that was made.
#[derive(Clone, Debug)]
pub struct FirstSchema {
    /// The name of the scratch schema.
    pub name: TenantName,
    /// The files that were applied, in order.
    pub applied: Vec<String>,
    /// Scratch schemas that killed runs had left behind, and that were dropped.
    pub leftovers: Vec<String>,
}

/// Statements of migrations that work outside of the schema.
#[derive(Clone, Debug, Default)]
pub struct WorkOutside {
    /// File, line and beginning of each statement.
    pub places: Vec<String>,
    /// A name in a fixed schema that a tenant's own could take the place of.
    pub fixed: Option<FixedSchema>,
    /// `true` if one of the statements has no such name: `CREATE ROLE`, `CREATE SCHEMA` and similar.
    pub has_shared: bool,
}

/// The reason why there is no first schema.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FirstError {
    /// As for a refresh.
    #[error(transparent)]
    Refresh(RefreshError),
    /// psql failed.
    #[error("cannot make the schema")]
    Psql(#[source] PsqlError),
    /// A migration failed, or none can be applied.
    #[error("the migrations cannot make the schema: {0}")]
    Migration(String),
    /// A migration works on objects outside of the schema, so that the scratch schema would not hold all that it makes.
    #[error("migrations work outside of the schema: {}", listed(&.0.places, LISTED))]
    Outside(Box<WorkOutside>),
    /// An extension that the migrations need is not installed, and would be installed for good.
    #[error(
        "{place}: extension {extension} is not installed in this database, where it would stay"
    )]
    Extension {
        /// File and line.
        place: String,
        /// The extension.
        extension: String,
    },
    /// The app's command exceeded the time limit.
    #[error("{}", .0.message)]
    TimedOut(Box<MigrateFailure>),
    /// The app's command failed.
    #[error("the command failed: {}", .0.message)]
    Command(Box<MigrateFailure>),
    /// The command has made nothing in the schema.
    #[error("the command made no table in the schema that SCHEMASTAMP_TENANT names")]
    Nothing,
}

impl From<PsqlError> for FirstError {
    fn from(error: PsqlError) -> Self {
        Self::Psql(error)
    }
}

impl From<RefreshError> for FirstError {
    /// There is no older snapshot that a message could speak of.
    fn from(error: RefreshError) -> Self {
        match error {
            RefreshError::Psql(error) => Self::Psql(error),
            RefreshError::Migration(reason) => Self::Migration(reason),
            other => Self::Refresh(other),
        }
    }
}

/// An error while the scratch schema is there.
enum MakingError<E> {
    First(FirstError),
    Work(E),
}

impl<E> From<PsqlError> for MakingError<E> {
    fn from(error: PsqlError) -> Self {
        Self::First(error.into())
    }
}

/// Makes the schema, hands its name to `work`, and drops it again.
///
/// # Errors
/// See [`FirstError`], and those of `work`. The schema is dropped if possible, and otherwise by the next run.
pub async fn with_first_schema<T, E>(
    server: &Server,
    source: FirstSource<'_>,
    options: &RefreshOptions,
    shutdown: &Shutdown,
    work: impl AsyncFnOnce(&FirstSchema) -> Result<T, E>,
) -> Result<T, E>
where
    E: From<FirstError>,
{
    if let FirstSource::Migrations { migrations, .. } = source {
        refuse_outside(server, migrations, options, shutdown).await?;
    }
    let leftovers = clean_leftovers(server, shutdown)
        .await
        .map_err(FirstError::from)?;
    let scratch = scratch_name().map_err(|error| FirstError::from(RefreshError::Random(error)))?;
    let scratch = TenantName::for_own_schema(scratch)
        .map_err(|error| FirstError::from(RefreshError::from(error)))?;
    let making = async {
        let applied = make(server, source, &scratch, options, shutdown)
            .await
            .map_err(MakingError::First)?;
        let first = FirstSchema {
            name: scratch.clone(),
            applied,
            leftovers,
        };
        work(&first).await.map_err(MakingError::Work)
    };
    let made = with_scratch(server, &scratch, Box::pin(making)).await;
    let cleaned = clean(server, &scratch).await;
    let made = made.map_err(|error| match error {
        MakingError::First(error) => error.into(),
        MakingError::Work(error) => error,
    })?;
    cleaned.map_err(|source| {
        FirstError::from(RefreshError::Left {
            scratch: scratch.to_string(),
            source,
        })
    })?;
    Ok(made)
}

async fn make(
    server: &Server,
    source: FirstSource<'_>,
    scratch: &TenantName,
    options: &RefreshOptions,
    shutdown: &Shutdown,
) -> Result<Vec<String>, FirstError> {
    let mut script = format!(
        "BEGIN;\n{};\n{ON_COORDINATOR};\nCREATE SCHEMA {};\n",
        settings(server.timeout),
        scratch.quoted()
    );
    if let FirstSource::Migrations { table, .. } = source {
        let name = qualified(scratch.as_str(), &table.table);
        for statement in table.style.create_sql(&name).unwrap_or_default() {
            script.push_str(&statement);
            script.push_str(";\n");
        }
    }
    script.push_str("COMMIT;\n");
    server
        .run_script(&script, &ScriptOptions::default(), shutdown)
        .await?;
    match source {
        FirstSource::Migrations { migrations, table } => {
            let options = RefreshOptions {
                versions_table: Some(table.table.clone()),
                ..options.clone()
            };
            Ok(apply(server, scratch, migrations, &options, shutdown).await?)
        }
        FirstSource::Command(command) => {
            command
                .run_for(server, scratch, shutdown)
                .await
                .map_err(|failure| command_failed(failure, scratch, shutdown))?;
            let sql = format!(
                "SELECT pg_catalog.to_json(EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n \
                 ON n.oid = c.relnamespace WHERE n.nspname = {} AND c.relkind IN ('r', 'p', 'v', 'm')));\n",
                quote_literal(scratch.as_str())
            );
            let is_made: bool = server.query_json_one(&sql, shutdown).await?;
            if is_made {
                Ok(Vec::new())
            } else {
                Err(FirstError::Nothing)
            }
        }
    }
}

fn command_failed(
    mut failure: MigrateFailure,
    scratch: &TenantName,
    shutdown: &Shutdown,
) -> FirstError {
    if let Some(signal) = shutdown.signal() {
        return RefreshError::Stopped(signal).into();
    }
    failure.message = failure.message.replace(PLACEHOLDER, scratch.as_str());
    if failure.is_timeout {
        FirstError::TimedOut(Box::new(failure))
    } else {
        FirstError::Command(Box::new(failure))
    }
}

/// Refuses migrations that work outside of the schema, before anything is made: it would stay behind in the database, and
/// no tenant would have it.
async fn refuse_outside(
    server: &Server,
    migrations: &Migrations,
    options: &RefreshOptions,
    shutdown: &Shutdown,
) -> Result<(), FirstError> {
    if options.outside == OutsidePolicy::Allow {
        return Ok(());
    }
    let sql =
        "SELECT pg_catalog.json_agg(extname ORDER BY extname) FROM pg_catalog.pg_extension;\n";
    let installed: Vec<String> = server.query_json_one(sql, shutdown).await?;
    let mut work = WorkOutside::default();
    for migration in migrations.as_slice() {
        for statement in migration.statements() {
            let place = format!("'{}', line {}", migration.path.display(), statement.line);
            if is_extension(statement) {
                let extension = statement.object.name.clone();
                if !installed.contains(&extension) {
                    return Err(FirstError::Extension { place, extension });
                }
            } else if let Some(outside) = statement.outside() {
                work.places.push(format!("{place}: {}", outside.excerpt));
                match migration.fixed_name_in(outside) {
                    Some(fixed) => work.fixed = work.fixed.or_else(|| Some(fixed.clone())),
                    None => work.has_shared = true,
                }
            }
        }
    }
    if work.places.is_empty() {
        Ok(())
    } else {
        Err(FirstError::Outside(Box::new(work)))
    }
}

fn is_extension(statement: &CompiledStatement) -> bool {
    statement.object.kind == ObjectKind::Extension && statement.object.action == Action::Create
}
