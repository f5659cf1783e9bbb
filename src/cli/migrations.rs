//! Directories of migrations, and the app's own migrator, as several commands take them.

use std::path::Path;

use super::failure::CommandError;
use super::session::Session;
use crate::path::PathError;
use crate::process::EnvValue;
use crate::snapshot::{OutsidePolicy, grouped};
use crate::tenant::migrate::ExternalCommand;
use crate::tenant::migrations::{FixedSchema, Migrations, other_migration, read_folder};

/// Returns the app's command, to be run in the current directory. It inherits this process's
/// environment, except variables that could lead to another server.
pub(super) fn external(
    session: &Session,
    command: String,
) -> Result<ExternalCommand, CommandError> {
    let folder = std::env::current_dir().map_err(PathError::on("find", Path::new(".")))?;
    let leads_elsewhere = |name: &str| name.starts_with("PG") || name.starts_with("SCHEMASTAMP_");
    let environment = session.environment.iter().filter_map(|(name, value)| {
        let name = name.to_str().filter(|name| !leads_elsewhere(name))?;
        Some((name.to_owned(), EnvValue::Plain(value.to_owned())))
    });
    Ok(ExternalCommand {
        command,
        folder,
        environment: environment.collect(),
    })
}

/// Reads the directory of migrations that the flag names, or else `SCHEMASTAMP_MIGRATIONS`.
pub(super) fn load_chosen(
    flag: Option<&Path>,
    session: &Session,
) -> Result<Option<Migrations>, CommandError> {
    let variable = session.tool()?.migrations;
    let folder = flag.or(variable.as_ref().map(|setting| setting.value.as_path()));
    folder.map(|folder| load(folder, session)).transpose()
}

/// Reads a directory of migrations and prints its warnings.
pub(super) fn load(folder: &Path, session: &Session) -> Result<Migrations, CommandError> {
    let migrations = read(folder)?;
    let output = session.output;
    let allowed = session.common.outside() == OutsidePolicy::Allow;
    for migration in migrations.as_slice() {
        let path = &migration.path;
        let fixed = migration.fixed_schemas.iter();
        for fixed in fixed.filter(|fixed| !(allowed && fixed.changed)) {
            output.warning(&format!("'{}', {fixed}", path.display()));
        }
        if allowed {
            continue;
        }
        session.record_outside(path, migration.outside());
        // Those of changed names say what to write instead.
        let unnamed: Vec<_> = migration
            .outside()
            .filter(|statement| migration.fixed_name_in(statement).is_none())
            .cloned()
            .collect();
        if !unnamed.is_empty() {
            output.warning(&format!("'{}': {}", path.display(), grouped(&unnamed)));
        }
    }
    Ok(migrations)
}

/// Reads a directory of migrations for the first capture. The capture itself refuses statements that work outside of the
/// schema, so that a warning about them would say the same twice.
pub(super) fn load_for_capture(
    folder: &Path,
    session: &Session,
) -> Result<Migrations, CommandError> {
    let migrations = read(folder)?;
    for migration in migrations.as_slice() {
        let lines: Vec<_> = migration
            .outside()
            .map(|statement| statement.line..=statement.last_line)
            .collect();
        let is_refused =
            |fixed: &FixedSchema| fixed.changed && lines.iter().any(|at| at.contains(&fixed.line));
        for fixed in &migration.fixed_schemas {
            let is_allowed = fixed.changed && session.common.outside() == OutsidePolicy::Allow;
            if !is_allowed && !is_refused(fixed) {
                let path = migration.path.display();
                session.output.warning(&format!("'{path}', {fixed}"));
            }
        }
        if session.common.outside() != OutsidePolicy::Allow {
            session.record_outside(&migration.path, migration.outside());
        }
    }
    Ok(migrations)
}

/// Reads a directory that must have migrations.
fn read(folder: &Path) -> Result<Migrations, CommandError> {
    let migrations = read_folder(folder)?;
    if migrations.as_slice().is_empty() {
        return Err(CommandError::NoMigrations {
            folder: folder.to_owned(),
            other: other_migration(folder)?,
        });
    }
    Ok(migrations)
}
