//! The entry to a run: by files, or by the app's own command.

use super::engine::migrate_by_files;
use super::external::migrate_by_command;
use super::options::{MigrateError, MigrateOptions};
use super::report::MigrateReport;
use crate::fleet::engine::RunShare;
use crate::fleet::inventory::read_fleet;
use crate::pg::Server;
use crate::process::Shutdown;
use crate::tenant::migrate::{ExternalCommand, TenantReport};
use crate::tenant::migrations::Migrations;

/// The migrations of a run.
#[derive(Clone, Copy, Debug)]
pub enum MigrationSource<'a> {
    /// The files of a directory.
    Files(&'a Migrations),
    /// A command of the app, which runs them itself.
    Command(&'a ExternalCommand),
}

impl<'a> From<&'a Migrations> for MigrationSource<'a> {
    fn from(files: &'a Migrations) -> Self {
        Self::Files(files)
    }
}

impl<'a> From<&'a ExternalCommand> for MigrationSource<'a> {
    fn from(command: &'a ExternalCommand) -> Self {
        Self::Command(command)
    }
}

/// Migrates all tenants of the scope. Tenants that are migrated by files are reported as soon as they
/// are done; those of a command at the end, when the version tables were read again.
///
/// With a `share`, this is one target of a run whose limits count, not those of the options.
///
/// # Errors
/// [`MigrateError`] if no migration could be started, or if the versions cannot be read after a
/// command. Everything else is in the report, including a run that was stopped midway.
pub async fn migrate<'a>(
    server: &Server,
    source: impl Into<MigrationSource<'a>>,
    options: &MigrateOptions,
    share: Option<RunShare>,
    shutdown: &Shutdown,
    on_report: &mut (dyn FnMut(&TenantReport) + Send),
) -> Result<MigrateReport, MigrateError> {
    let source = source.into();
    let share = share.unwrap_or_else(|| options.own_share());
    let versions_table = options.versions_table.as_deref();
    let fleet = read_fleet(server, &options.scope, versions_table, shutdown).await?;
    match source {
        MigrationSource::Files(files) => {
            migrate_by_files(server, fleet, files, options, share, shutdown, on_report).await
        }
        MigrationSource::Command(command) => {
            migrate_by_command(server, fleet, command, options, share, shutdown, on_report).await
        }
    }
}
