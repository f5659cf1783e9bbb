//! Reports on failures of the commands for existing tenants.

use std::collections::{BTreeMap, BTreeSet};

use super::capture::capture_report;
use super::library::{interruption_report, psql_report};
use super::migrations::{ALLOW_OUTSIDE, migration_report};
use super::shape::ErrorReport;
use crate::cli::failure::CommandError;
use crate::cli::lines::TenantOutcome;
use crate::diagnose::Context;
use crate::fleet::inventory::FleetError;
use crate::fleet::migrate::MigrateError;
use crate::fleet::pool::PoolError;
use crate::fleet::query::QueryError;
use crate::fleet::refresh::{FirstError, RefreshError, WorkOutside};
use crate::fleet::undo::UndoError;
use crate::fleet::verify::VerifyError;
use crate::fleet::{RegistryError, TargetError};
use crate::pg::{PsqlError, SqlState};
use crate::sql::quote;
use crate::tenant::UnknownEnd;
use crate::tenant::lifecycle::{CopyObstacle, DropError, LifecycleError, SchemaRefusal};
use crate::tenant::migrate::MigrateFailure as HookFailure;
use crate::tenant::migrations::FixedSchema;

/// The hint for work that `--timeout` ended.
const TIMED_OUT: &str = "raise --timeout";

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

pub(super) fn target_report(error: &TargetError, context: Option<&Context>) -> ErrorReport {
    match error {
        TargetError::Psql(source) => report_beneath(error, source, context),
        TargetError::SharedDatabase(_) => ErrorReport::new(error, "config.shared_target").hint(
            "remove one of the two from the targets file: nothing was done here for this one",
        ),
    }
}

pub(super) fn registry_report(error: &RegistryError, context: Option<&Context>) -> ErrorReport {
    match error {
        RegistryError::Psql(source) => report_beneath(error, source, context),
        RegistryError::Column(_) | RegistryError::NoName => ErrorReport::new(error, "tenant.query")
            .hint("give the columns these names: SELECT schema_name AS name, plan AS \"group\" FROM …"),
        RegistryError::Row { .. } | RegistryError::TooMany => {
            ErrorReport::new(error, "tenant.query").hint("leave such rows out with WHERE")
        }
    }
}

pub(super) fn migrate_report(error: &MigrateError, context: Option<&Context>) -> ErrorReport {
    match error {
        MigrateError::Fleet(error) => fleet_report(error, context),
        MigrateError::Outside { .. } => {
            ErrorReport::new(error, "migration.outside").hint(ALLOW_OUTSIDE)
        }
        MigrateError::Record(source) => report_beneath(error, source, context),
        MigrateError::Psql(error) => psql_report(error, context),
        MigrateError::Random(_) => ErrorReport::new(error, "program.failed"),
    }
}

pub(super) fn undo_report(error: &UndoError, context: Option<&Context>) -> ErrorReport {
    match error {
        UndoError::Fleet(error) => fleet_report(error, context),
        UndoError::Migration(error) => migration_report(error),
        UndoError::Psql(error) => psql_report(error, context),
        UndoError::NotUsable => ErrorReport::new(error, "sql.insufficient_privilege")
            .hint("use the role that recorded the run (--role)"),
        UndoError::Random(_) => ErrorReport::new(error, "program.failed"),
    }
}

pub(super) fn query_report(error: &QueryError, context: Option<&Context>) -> ErrorReport {
    match error {
        QueryError::Fleet(error) => fleet_report(error, context),
        QueryError::Psql(error) => psql_report(error, context),
        QueryError::Random(_) => ErrorReport::new(error, "program.failed"),
    }
}

/// Reports on a failed hook, with the end of its output.
pub(super) fn hook_report(failure: &CommandError, hook: &HookFailure) -> ErrorReport {
    let report = ErrorReport::new(failure, "tenant.hook")
        .hint("run the command for this tenant again, or drop the tenant");
    with_detail(report, hook)
}

/// Adds the last lines of what a command said.
fn with_detail(mut report: ErrorReport, hook: &HookFailure) -> ErrorReport {
    if let Some(said) = &hook.detail {
        report.details = said.lines().map(|line| format!("  {line}")).collect();
        report.more.detail = Some(said.clone());
    }
    report
}

pub(super) fn verify_report(error: &VerifyError, context: Option<&Context>) -> ErrorReport {
    match error {
        VerifyError::Fleet(error) => fleet_report(error, context),
        VerifyError::Psql(source) => report_beneath(error, source, context),
        VerifyError::Public => ErrorReport::new(error, "tenant.protected").hint(
            "leave it out; `schemastamp check --schema public` compares it with the snapshot that was captured from it",
        ),
        VerifyError::NoUsage(_) => ErrorReport::new(error, "sql.insufficient_privilege")
            .hint("verify as the tenants' owner (--username), or grant the right: GRANT USAGE ON SCHEMA … TO …"),
        VerifyError::Load(source) if is_read_only(source) => psql_report(source, context)
            .beneath(error)
            .hint("the server is read-only: pass --each-other, or connect to the primary"),
        VerifyError::Load(source) => psql_report(source, context)
            .beneath(error)
            .hint("connect as a role that may create schemas, because verify creates one and rolls back, or pass --each-other"),
        VerifyError::Template(source) => ErrorReport::new(error, source.id()),
        VerifyError::Random(_) => ErrorReport::new(error, "program.failed"),
        VerifyError::Identity(_) => ErrorReport::new(error, "internal.identity"),
    }
}

/// Returns `true` if a server that only reads, such as a standby, has refused a statement.
fn is_read_only(error: &PsqlError) -> bool {
    matches!(error, PsqlError::Script { message, .. }
        if message.sqlstate == Some(SqlState::READ_ONLY_SQL_TRANSACTION))
}

pub(super) fn refresh_report(error: &RefreshError, context: Option<&Context>) -> ErrorReport {
    match error {
        RefreshError::Psql(source) => report_beneath(error, source, context),
        RefreshError::Load(source) => psql_report(source, context).beneath(error),
        RefreshError::Fleet(error) => fleet_report(error, context),
        RefreshError::Migrate(error) => migrate_report(error, context),
        RefreshError::Migration(_) => ErrorReport::new(error, "refresh.migration"),
        RefreshError::TimedOut(_) => ErrorReport::new(error, "timeout").hint(TIMED_OUT),
        RefreshError::Stopped(signal) => interruption_report(error, *signal),
        RefreshError::Capture(error) => capture_report(error, context),
        RefreshError::Snapshot(source) => ErrorReport::new(error, source.id()),
        RefreshError::Template(source) => ErrorReport::new(error, source.id()),
        RefreshError::Random(_) | RefreshError::Name(_) => {
            ErrorReport::new(error, "program.failed")
        }
        RefreshError::Left { source, .. } => drop_report(source, context).beneath(error),
    }
}

pub(super) fn first_report(error: &FirstError, context: Option<&Context>) -> ErrorReport {
    match error {
        FirstError::Refresh(error) => refresh_report(error, context),
        FirstError::Psql(source) => report_beneath(error, source, context),
        FirstError::Migration(_) => ErrorReport::new(error, "refresh.migration"),
        FirstError::Outside(work) => {
            ErrorReport::new(error, "capture.outside").hint(outside_hint(work))
        }
        FirstError::Extension { extension, .. } => {
            let hint = format!("run once: CREATE EXTENSION {} SCHEMA public", quote(extension));
            ErrorReport::new(error, "capture.missing_extension").hint(hint)
        }
        FirstError::TimedOut(failed) => {
            with_detail(ErrorReport::new(error, "timeout").hint(TIMED_OUT), failed)
        }
        FirstError::Command(failed) => {
            with_detail(ErrorReport::new(error, "capture.command"), failed)
        }
        FirstError::Nothing => ErrorReport::new(error, "capture.nothing_made").hint(
            "have the command work in the schema that SCHEMASTAMP_TENANT names, for instance with it as the search_path",
        ),
    }
}

/// The way on for migrations that work outside of the schema.
fn outside_hint(work: &WorkOutside) -> String {
    let mut parts = vec!["nothing was run".to_owned()];
    if let Some(FixedSchema { schema, object, .. }) = &work.fixed {
        let schema = schema.escape_debug();
        let object = object.escape_debug();
        parts.push(format!(
            "write {object} or #{{prefix}}.{object} in the place of {schema}.{object}"
        ));
    }
    if work.has_shared {
        parts.push("run once by hand what is meant for the whole database".to_owned());
    }
    parts.push("--allow-outside runs it for good".to_owned());
    parts.join("; ")
}

pub(super) fn drop_report(error: &DropError, context: Option<&Context>) -> ErrorReport {
    match error {
        DropError::Psql(source) => report_beneath(error, source, context),
        DropError::Missing(_) => ErrorReport::new(error, "tenant.missing"),
        DropError::Refused(refusal) => refusal_report(refusal),
        DropError::Unknown(end) => unknown_report(error, end, context),
        DropError::InPart { source, .. } => drop_report(source, context)
            .beneath(error)
            .hint("drop it again: what is gone is no obstacle"),
        DropError::Outside(_) => ErrorReport::new(error, "tenant.depended_on")
            .hint("nothing was dropped; pass --cascade to drop these too"),
    }
}

/// A schema that is left alone.
fn refusal_report(refusal: &SchemaRefusal) -> ErrorReport {
    match refusal {
        SchemaRefusal::NotATenant(_) => ErrorReport::new(refusal, "tenant.not_a_tenant").hint(
            "nothing was done; pass --not-a-tenant if it is the right schema, or --versions-table if its versions table \
             has a name of its own",
        ),
        _ => ErrorReport::new(refusal, "tenant.protected").hint("nothing was done"),
    }
}

/// A transaction whose end nobody has seen.
fn unknown_report(
    error: &dyn std::error::Error,
    end: &UnknownEnd,
    context: Option<&Context>,
) -> ErrorReport {
    let mut report = psql_report(&end.cause, context).beneath(error);
    report.causes.push(match &end.look {
        Some(look) => format!("the server could not be asked: {look}"),
        None => "the server still works on it".to_owned(),
    });
    report.more.outcome = Some(TenantOutcome::Unknown);
    report.hint("check on the server which schemas there are before you run it again")
}

pub(super) fn lifecycle_report(error: &LifecycleError, context: Option<&Context>) -> ErrorReport {
    match error {
        LifecycleError::Psql(source) => report_beneath(error, source, context),
        LifecycleError::Missing(_) => ErrorReport::new(error, "tenant.missing"),
        LifecycleError::Refused(refusal) => refusal_report(refusal),
        LifecycleError::NestedNames(_) => ErrorReport::new(error, "tenant.nested_names")
            .hint("nothing was done; keep such references in columns of their own, or set these values to NULL"),
        LifecycleError::NotStorable(_) => ErrorReport::new(error, "tenant.name"),
        LifecycleError::Unknown(end) => unknown_report(error, end, context),
        LifecycleError::Exists(_) => ErrorReport::new(error, "tenant.exists"),
        LifecycleError::Changed(_) => {
            ErrorReport::new(error, "tenant.changed").hint("nothing was changed; run the command again")
        }
        LifecycleError::Capture(error) => capture_report(error, context),
        LifecycleError::Template(source) => ErrorReport::new(error, source.id()),
        LifecycleError::NotProven(_) => ErrorReport::new(error, "tenant.not_proven")
            .hint("nothing was changed; change these first, because they hold the name as text that cannot be rewritten"),
        LifecycleError::Copy(source) => match source {
            CopyObstacle::PartsOutside(_) | CopyObstacle::ParentsOutside(_) => {
                ErrorReport::new(error, "clone.parts_outside")
            }
            CopyObstacle::Oids { .. } => ErrorReport::new(error, "clone.oids"),
        },
        LifecycleError::Random(_) => ErrorReport::new(error, "program.failed"),
        LifecycleError::Identity(_) => ErrorReport::new(error, "internal.identity"),
    }
}

pub(super) fn pool_report(error: &PoolError, context: Option<&Context>) -> ErrorReport {
    match error {
        PoolError::Psql(source) => report_beneath(error, source, context),
        PoolError::Load(source) => psql_report(source, context).beneath(error),
        PoolError::Template(source) => ErrorReport::new(error, source.id()),
        PoolError::NotProven(differences) => {
            let mut report = ErrorReport::new(error, "pool.not_proven").hint(
                "provision without a pool: these objects hold the tenant's name as text that the server cannot replace",
            );
            let mut objects: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
            for different in differences {
                let object = different.object.to_string();
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
        PoolError::Random(_) => ErrorReport::new(error, "program.failed"),
        PoolError::Identity(_) => ErrorReport::new(error, "internal.identity"),
    }
}
