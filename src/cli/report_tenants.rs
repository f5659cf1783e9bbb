//! Reports on failures of the commands for existing tenants.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::failure::CommandError;
use super::report::{
    ErrorReport, psql_report, signal_exit_code, snapshot_error_id, template_error_id,
};
use super::report_capture::capture_report;
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

pub(super) fn migration_report(error: &MigrationError) -> ErrorReport {
    let id = match error {
        MigrationError::Path(error) => return ErrorReport::new(error, exit::FILE, "file.unusable"),
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
    ErrorReport::new(error, exit::SNAPSHOT, id)
}

/// Reports on `psql`, with `error` in front only if a script failed: a failed connection explains
/// itself.
fn report_beneath(
    error: &dyn std::error::Error,
    psql: &PsqlError,
    context: Option<&Context>,
) -> ErrorReport {
    let report = psql_report(psql, context);
    if matches!(psql, PsqlError::Script { .. }) {
        report.beneath(error)
    } else {
        report
    }
}

pub(super) fn fleet_report(error: &FleetError, context: Option<&Context>) -> ErrorReport {
    match error {
        FleetError::Psql(source) => report_beneath(error, source, context),
        FleetError::Unsteady(source) => psql_report(source, context)
            .beneath(error)
            .hint("run the command again"),
    }
}

pub(super) fn migrate_report(error: &MigrateError, context: Option<&Context>) -> ErrorReport {
    match error {
        MigrateError::Fleet(error) => fleet_report(error, context),
        MigrateError::Psql(error) => psql_report(error, context),
        MigrateError::Random(_) => ErrorReport::new(error, exit::PROGRAM, "program.failed"),
    }
}

/// Reports on a failed hook, with the end of its output.
pub(super) fn hook_report(failure: &CommandError, hook: &MigrateFailure) -> ErrorReport {
    let mut report = ErrorReport::new(failure, exit::PARTIAL, "tenant.hook")
        .hint("run the command for this tenant again, or drop the tenant");
    if let Some(said) = &hook.detail {
        report.details = said.lines().map(|line| format!("  {line}")).collect();
        report.more.insert("detail".to_owned(), json!(said));
    }
    report
}

pub(super) fn verify_report(error: &VerifyError, context: Option<&Context>) -> ErrorReport {
    match error {
        VerifyError::Fleet(error) => fleet_report(error, context),
        VerifyError::Psql(source) => report_beneath(error, source, context),
        VerifyError::Load(source) => psql_report(source, context)
            .beneath(error)
            .hint("connect as a role that may create schemas, because verify creates one and rolls back, or pass --each-other"),
        VerifyError::Template(source) => ErrorReport::new(error, exit::SNAPSHOT, template_error_id(source)),
        VerifyError::Random(_) => ErrorReport::new(error, exit::PROGRAM, "program.failed"),
    }
}

pub(super) fn refresh_report(error: &RefreshError, context: Option<&Context>) -> ErrorReport {
    match error {
        RefreshError::Psql(source) => report_beneath(error, source, context),
        RefreshError::Load(source) => psql_report(source, context).beneath(error),
        RefreshError::Fleet(error) => fleet_report(error, context),
        RefreshError::Migrate(error) => migrate_report(error, context),
        RefreshError::Migration(_) => ErrorReport::new(error, exit::SQL, "refresh.migration"),
        RefreshError::Stopped(signal) => {
            ErrorReport::new(error, signal_exit_code(*signal), "interrupted")
        }
        RefreshError::Capture(error) => capture_report(error, context),
        RefreshError::Snapshot(source) => {
            ErrorReport::new(error, exit::SNAPSHOT, snapshot_error_id(source))
        }
        RefreshError::Template(source) => {
            ErrorReport::new(error, exit::SNAPSHOT, template_error_id(source))
        }
        RefreshError::Random(_) | RefreshError::Name(_) => {
            ErrorReport::new(error, exit::PROGRAM, "program.failed")
        }
        RefreshError::Left { source, .. } => drop_report(source, context).beneath(error),
    }
}

pub(super) fn drop_report(error: &DropError, context: Option<&Context>) -> ErrorReport {
    match error {
        DropError::Psql(source) => report_beneath(error, source, context),
        DropError::Missing(_) => ErrorReport::new(error, exit::USAGE, "tenant.missing"),
        DropError::Outside(_) => ErrorReport::new(error, exit::SQL, "tenant.depended_on")
            .hint("nothing was dropped; pass --cascade to drop these too"),
    }
}

pub(super) fn lifecycle_report(error: &LifecycleError, context: Option<&Context>) -> ErrorReport {
    match error {
        LifecycleError::Psql(source) => report_beneath(error, source, context),
        LifecycleError::Missing(_) => ErrorReport::new(error, exit::USAGE, "tenant.missing"),
        LifecycleError::Exists(_) => ErrorReport::new(error, exit::EXISTS, "tenant.exists"),
        LifecycleError::Changed(_) => {
            ErrorReport::new(error, exit::SQL, "tenant.changed").hint("nothing was changed; run the command again")
        }
        LifecycleError::Capture(error) => capture_report(error, context),
        LifecycleError::Template(source) => ErrorReport::new(error, exit::SNAPSHOT, template_error_id(source)),
        LifecycleError::NotProven(_) => ErrorReport::new(error, exit::SQL, "tenant.not_proven")
            .hint("nothing was changed; change these first, because they hold the name as text that cannot be rewritten"),
        LifecycleError::Random(_) => ErrorReport::new(error, exit::PROGRAM, "program.failed"),
    }
}

pub(super) fn pool_report(error: &PoolError, context: Option<&Context>) -> ErrorReport {
    match error {
        PoolError::Psql(source) => report_beneath(error, source, context),
        PoolError::Load(source) => psql_report(source, context).beneath(error),
        PoolError::Template(source) => {
            ErrorReport::new(error, exit::SNAPSHOT, template_error_id(source))
        }
        PoolError::NotProven(differences) => {
            let mut report = ErrorReport::new(error, exit::SNAPSHOT, "pool.not_proven").hint(
                "provision without a pool: these objects hold the tenant's name as text that the server cannot replace",
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
            report.more.insert(
                "objects".to_owned(),
                json!(objects.keys().collect::<Vec<_>>()),
            );
            report
        }
        PoolError::Random(_) => ErrorReport::new(error, exit::PROGRAM, "program.failed"),
    }
}
