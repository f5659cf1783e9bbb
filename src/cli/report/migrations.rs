//! Reports on directories of migrations.

use super::shape::ErrorReport;
use crate::tenant::NewerError;
use crate::tenant::migrations::MigrationError;

pub(super) const ALLOW_OUTSIDE: &str = "remove the statement and run it once by hand, or pass --allow-outside if each run is meant to do this";

/// Reports on a directory that cannot be read.
pub(super) fn migration_report(error: &MigrationError) -> ErrorReport {
    let id = match error {
        MigrationError::Path(error) => return ErrorReport::new(error, "file.unusable"),
        MigrationError::Name { .. } => "migration.name",
        MigrationError::Mixed { .. } | MigrationError::Nested { .. } => "migration.layout",
        MigrationError::Repeatable { .. } => "migration.repeatable",
        MigrationError::Duplicate { .. } => "migration.duplicate",
        MigrationError::Encoding { .. } => "migration.encoding",
        MigrationError::NoUp { .. } => "migration.no_up",
        MigrationError::Variables { .. } => "migration.variables",
        MigrationError::Transaction { .. } => "migration.transaction",
        MigrationError::Meta { .. } => "migration.meta_command",
        MigrationError::Copy { .. } => "migration.copy",
        MigrationError::Template { .. } => "migration.invalid",
        MigrationError::Metadata { .. } => "migration.metadata",
    };
    ErrorReport::new(error, id)
}

/// Reports on migrations that cannot be a part of creating a tenant.
pub(super) fn newer_report(error: &NewerError) -> ErrorReport {
    match error {
        NewerError::Migrations(error) => migration_report(error),
        NewerError::Versions(_) | NewerError::Plan(_) => ErrorReport::new(error, "snapshot.versions")
            .hint("nothing was created; provision without --migrations, and run migrate for the tenants, or renew the snapshot"),
        NewerError::Outside { .. } => {
            ErrorReport::new(error, "migration.outside").hint(ALLOW_OUTSIDE)
        }
        NewerError::NoTransaction { .. } => ErrorReport::new(error, "migration.no_transaction")
            .hint("nothing was created; renew the snapshot with `schemastamp refresh`, which contains the migration then"),
    }
}
