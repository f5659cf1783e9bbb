//! The report on the failure of a command. Every error of the library is matched in this directory, once.

use super::capture::capture_report;
use super::event_trigger::name_event_triggers;
use super::library::{
    CREATE_CITUS, config_report, interruption_report, provision_report, psql_report, tls_report,
};
use super::migrations::{ALLOW_OUTSIDE, migration_report, newer_report};
use super::shape::ErrorReport;
use super::tenants::{
    drop_report, first_report, fleet_report, hook_report, lifecycle_report, migrate_report,
    pool_report, query_report, refresh_report, registry_report, target_report, undo_report,
    verify_report,
};
use crate::cli::failure::CommandError;
use crate::connect::ConnectError;
use crate::diagnose::Context;
use crate::fleet::GroupError;
use crate::snapshot::SnapshotError;
use crate::sql::quote;
use crate::tenant::query::QueryRefusalReason;

/// Builds the report on a failure. `context` adds concrete values to the explanation of a failed
/// connection.
pub(in crate::cli) fn build_report(
    failure: &CommandError,
    context: Option<&Context>,
) -> ErrorReport {
    let mut report = report_on(failure, context);
    if let Some(triggers) = context.and_then(|context| context.event_triggers.get()) {
        name_event_triggers(&mut report, failure, triggers);
    }
    report
}

fn report_on(failure: &CommandError, context: Option<&Context>) -> ErrorReport {
    match failure {
        CommandError::Usage(_) => ErrorReport::new(failure, "usage"),
        CommandError::Config(error) => config_report(error),
        CommandError::NoSnapshot => ErrorReport::new(failure, "config.no_snapshot")
            .hint("make one with `schemastamp capture`, or name one with --snapshot or SCHEMASTAMP_SNAPSHOT"),
        CommandError::SeveralSnapshots(_) => ErrorReport::new(failure, "config.several_snapshots")
            .hint("name one with --snapshot or SCHEMASTAMP_SNAPSHOT"),
        CommandError::Snapshot { source, .. } => {
            let report = ErrorReport::new(failure, source.id()).without_causes();
            match source {
                SnapshotError::Outside { .. } => report.hint(ALLOW_OUTSIDE),
                _ => report,
            }
        }
        CommandError::NotReplaced { source, .. } => ErrorReport::new(failure, source.id())
            .without_causes()
            .hint("the file was left untouched; remove it, or pass another file to --output"),
        CommandError::Template { source, .. } => ErrorReport::new(failure, source.id()).without_causes(),
        CommandError::DumpEncoding { .. } => ErrorReport::new(failure, "dump.encoding"),
        CommandError::File(error) if error.source.kind() == std::io::ErrorKind::TimedOut => {
            ErrorReport::new(error, "timeout")
        }
        CommandError::File(error) => ErrorReport::new(error, "file.unusable"),
        CommandError::Name(error) => ErrorReport::new(error, "tenant.name"),
        CommandError::Line { .. } => ErrorReport::new(failure, "tenant.name").without_causes(),
        CommandError::Connect(error) => match &**error {
            ConnectError::Psql(error) => psql_report(error, context),
            ConnectError::Tls { error, cure } => tls_report(error, cure),
        },
        CommandError::Capture(error) => capture_report(error, context),
        CommandError::Provision(error) => provision_report(error, context),
        CommandError::Hook(failed) => hook_report(failure, failed),
        CommandError::NoMigrations { other, .. } => ErrorReport::new(failure, "migration.none").hint(
            match other {
                Some(_) => "only the app can run these: pass its command with --run to migrate, and to capture for the snapshot",
                None => "name the directory that holds the migrations with --migrations or SCHEMASTAMP_MIGRATIONS",
            },
        ),
        CommandError::NoTarget => ErrorReport::new(failure, "tenant.no_target")
            .hint("add it, or a pattern that matches it, to `tenants` of a target, or set rule = \"hash\""),
        CommandError::OtherTarget(_) => ErrorReport::new(failure, "tenant.no_target"),
        CommandError::UnknownTarget { has_file, .. } => ErrorReport::new(failure, "tenant.no_target").hint(if *has_file {
            "add the target to the file, or correct the row"
        } else {
            "pass --targets FILE, or leave the column target out"
        }),
        CommandError::GroupFile { .. } => ErrorReport::new(failure, "config.groups").without_causes(),
        CommandError::Group(error) => group_report(failure, error),
        CommandError::SharedTargets(..) => ErrorReport::new(failure, "config.shared_target")
            .hint("nothing was done; remove one of them from the targets file"),
        CommandError::TwoPlaces { .. } => ErrorReport::new(failure, "tenant.two_places")
            .hint("nothing was done; name the right one with --target"),
        CommandError::Target(error) => target_report(error, context),
        CommandError::NoCitus { .. } => ErrorReport::new(failure, "config.no_citus").hint(CREATE_CITUS),
        CommandError::CitusWorker { .. } => ErrorReport::new(failure, "config.citus_worker")
            .hint("nothing was created; connect to the coordinator"),
        CommandError::CitusRole { role, .. } => ErrorReport::new(failure, "config.citus_role").hint(format!(
            "nothing was created; let a superuser run GRANT {} TO CURRENT_USER on the coordinator: with it, Citus records the role",
            quote(role)
        )),
        CommandError::Citus { lines, .. } => {
            let mut report = ErrorReport::new(failure, "snapshot.citus").hint("nothing was created");
            report.details = lines.iter().map(|line| format!("  {line}")).collect();
            report.more.objects = Some(lines.clone());
            report
        }
        CommandError::Newer(error) => newer_report(error),
        CommandError::Pool(error) => pool_report(error, context),
        CommandError::Migration(error) => migration_report(error),
        CommandError::Fleet(error) => fleet_report(error, context),
        CommandError::Registry(error) => registry_report(error, context),
        CommandError::NoTenants(_) => ErrorReport::new(failure, "tenant.none"),
        CommandError::Migrate(error) => migrate_report(error, context),
        CommandError::Undo(error) => undo_report(error, context),
        CommandError::UnknownRun(_) => ErrorReport::new(failure, "migrate.unknown_run")
            .hint("`schemastamp runs` lists the recorded runs"),
        CommandError::QueryRefused { source, .. } => {
            let report = ErrorReport::new(failure, "query.refused").without_causes();
            match source.reason {
                QueryRefusalReason::NotReading(_) => {
                    report.hint("nothing was run; pass --write --yes to change tenants")
                }
                _ => report.hint("nothing was run"),
            }
        }
        CommandError::Query(error) => query_report(error, context),
        CommandError::Verify(error) => verify_report(error, context),
        CommandError::Refresh(error) => refresh_report(error, context),
        CommandError::First(error) => first_report(error, context),
        CommandError::Drop(error) => drop_report(error, context),
        CommandError::Lifecycle(error) => lifecycle_report(error, context),
        CommandError::Stream { .. } => ErrorReport::new(failure, "file.unusable"),
        CommandError::Interrupted(signal) => interruption_report(failure, *signal),
        CommandError::Signals(_) => ErrorReport::new(failure, "program.failed"),
    }
}

fn group_report(failure: &CommandError, error: &GroupError) -> ErrorReport {
    let report = ErrorReport::new(failure, "tenant.group");
    match error {
        GroupError::Unknown { .. } => report.hint("add the group to the file, or correct the row"),
        GroupError::None(_) => report.hint(
            "add them, or a pattern that matches them, to `tenants` of a group, or set rest = true for one group",
        ),
        GroupError::NoRest => report.hint("set rest = true for one group"),
        _ => report,
    }
}
