//! What users see of failures of the commands on many tenants.

use std::collections::{BTreeMap, BTreeSet};

use super::failure::CommandError;
use super::report::{ErrorReport, of_psql, of_signal, of_snapshot, of_template};
use super::report_capture::of_capture;
use crate::diagnose::Context;
use crate::exit;
use crate::pg::PsqlError;
use crate::tenant::lifecycle::{DropError, LifecycleError};
use crate::tenant::migrate::{MigrateError, MigrateFailure};
use crate::tenant::migrations::MigrationError;
use crate::tenant::pool::PoolError;
use crate::tenant::refresh::RefreshError;
use crate::tenant::verify::VerifyError;
use crate::tenant::versions::FleetError;

pub(super) fn of_migration(error: &MigrationError) -> ErrorReport {
    let id = match error {
        MigrationError::Path(error) => return ErrorReport::of(error, exit::FILE, "file.unusable"),
        MigrationError::Name { .. } => "migration.name",
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
    ErrorReport::of(error, exit::SNAPSHOT, id)
}

/// Without a connection its own words say it best.
fn of_beneath(
    error: &dyn std::error::Error,
    psql: &PsqlError,
    context: Option<&Context>,
) -> ErrorReport {
    let report = of_psql(psql, context);
    if matches!(psql, PsqlError::Script { .. }) {
        report.beneath(error)
    } else {
        report
    }
}

pub(super) fn of_fleet(error: &FleetError, context: Option<&Context>) -> ErrorReport {
    match error {
        FleetError::Psql(source) => of_beneath(error, source, context),
        FleetError::Unsteady(source) => of_psql(source, context).beneath(error).hint("try again"),
    }
}

pub(super) fn of_migrate(error: &MigrateError, context: Option<&Context>) -> ErrorReport {
    match error {
        MigrateError::Fleet(error) => of_fleet(error, context),
        MigrateError::Psql(error) => of_psql(error, context),
        MigrateError::Random(_) => ErrorReport::of(error, exit::PROGRAM, "program.failed"),
    }
}

/// The hook's failure, with the end of what it said.
pub(super) fn of_hook(failure: &CommandError, hook: &MigrateFailure) -> ErrorReport {
    let mut report = ErrorReport::of(failure, exit::PARTIAL, "tenant.hook")
        .hint("run the command for it again, or drop it");
    if let Some(said) = &hook.detail {
        report.details = said.lines().map(|line| format!("  {line}")).collect();
        report.more.detail = Some(said.clone());
    }
    report
}

pub(super) fn of_verify(error: &VerifyError, context: Option<&Context>) -> ErrorReport {
    match error {
        VerifyError::Fleet(error) => of_fleet(error, context),
        VerifyError::Psql(source) => of_beneath(error, source, context),
        VerifyError::Load(source) => of_psql(source, context)
            .beneath(error)
            .hint("verify makes a schema in a transaction that it rolls back; with --each-other it needs none"),
        VerifyError::Template(source) => ErrorReport::of(error, exit::SNAPSHOT, of_template(source)),
        VerifyError::Random(_) => ErrorReport::of(error, exit::PROGRAM, "program.failed"),
    }
}

pub(super) fn of_refresh(error: &RefreshError, context: Option<&Context>) -> ErrorReport {
    match error {
        RefreshError::Psql(source) => of_beneath(error, source, context),
        RefreshError::Load(source) => of_psql(source, context).beneath(error),
        RefreshError::Fleet(error) => of_fleet(error, context),
        RefreshError::Migrate(error) => of_migrate(error, context),
        RefreshError::Migration(_) => ErrorReport::of(error, exit::SQL, "refresh.migration"),
        RefreshError::Stopped(signal) => ErrorReport::of(error, of_signal(*signal), "interrupted"),
        RefreshError::Capture(error) => of_capture(error, context),
        RefreshError::Snapshot(source) => {
            ErrorReport::of(error, exit::SNAPSHOT, of_snapshot(source))
        }
        RefreshError::Template(source) => {
            ErrorReport::of(error, exit::SNAPSHOT, of_template(source))
        }
        RefreshError::Random(_) | RefreshError::Name(_) => {
            ErrorReport::of(error, exit::PROGRAM, "program.failed")
        }
        RefreshError::Left { source, .. } => of_drop(source, context).beneath(error),
    }
}

pub(super) fn of_drop(error: &DropError, context: Option<&Context>) -> ErrorReport {
    match error {
        DropError::Psql(source) => of_beneath(error, source, context),
        DropError::Missing(_) => ErrorReport::of(error, exit::USAGE, "tenant.missing"),
        DropError::Outside(_) => ErrorReport::of(error, exit::SQL, "tenant.depended_on")
            .hint("nothing was dropped; --cascade drops these, too"),
    }
}

pub(super) fn of_lifecycle(error: &LifecycleError, context: Option<&Context>) -> ErrorReport {
    match error {
        LifecycleError::Psql(source) => of_beneath(error, source, context),
        LifecycleError::Missing(_) => ErrorReport::of(error, exit::USAGE, "tenant.missing"),
        LifecycleError::Exists(_) => ErrorReport::of(error, exit::EXISTS, "tenant.exists"),
        LifecycleError::Changed(_) => {
            ErrorReport::of(error, exit::SQL, "tenant.changed").hint("nothing was done; try again")
        }
        LifecycleError::Capture(error) => of_capture(error, context),
        LifecycleError::Template(source) => ErrorReport::of(error, exit::SNAPSHOT, of_template(source)),
        LifecycleError::NotProven(_) => ErrorReport::of(error, exit::SQL, "tenant.not_proven")
            .hint("nothing was done; these hold the name as text that cannot be written anew: change them first"),
        LifecycleError::Random(_) => ErrorReport::of(error, exit::PROGRAM, "program.failed"),
    }
}

pub(super) fn of_pool(error: &PoolError, context: Option<&Context>) -> ErrorReport {
    match error {
        PoolError::Psql(source) => of_beneath(error, source, context),
        PoolError::Load(source) => of_psql(source, context).beneath(error),
        PoolError::Template(source) => ErrorReport::of(error, exit::SNAPSHOT, of_template(source)),
        PoolError::NotProven(differences) => {
            let mut report = ErrorReport::of(error, exit::SNAPSHOT, "pool.not_proven").hint(
                "these hold the tenant's name as text, and the server cannot replace that: provision without a pool",
            );
            let mut objects: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
            for different in differences {
                let object = format!("{} {}", different.kind, different.object);
                objects.entry(object).or_default().insert(&different.aspect);
            }
            let aspects =
                |aspects: &BTreeSet<&str>| aspects.iter().copied().collect::<Vec<_>>().join(", ");
            report.details = objects
                .iter()
                .map(|(object, all)| format!("  {object}: {}", aspects(all)))
                .collect();
            report.more.objects = Some(objects.into_keys().collect());
            report
        }
        PoolError::Random(_) => ErrorReport::of(error, exit::PROGRAM, "program.failed"),
    }
}
