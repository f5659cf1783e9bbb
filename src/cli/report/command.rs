//! The report on the failure of a command. Every error of the library is matched in this directory, once.

use serde_json::json;

use super::capture::of_capture;
use super::library::{
    CREATE_CITUS, of_config, of_interruption, of_provision, of_psql, of_snapshot, of_template,
    of_tls,
};
use super::shape::ErrorReport;
use super::tenants::{
    of_drop, of_fleet, of_hook, of_lifecycle, of_migrate, of_migration, of_pool, of_refresh,
    of_verify,
};
use crate::cli::failure::CommandError;
use crate::connect::ConnectError;
use crate::diagnose::Context;

/// The report on a failure. `context` makes the explanation of a failed connection concrete.
pub(in crate::cli) fn report(failure: &CommandError, context: Option<&Context>) -> ErrorReport {
    match failure {
        CommandError::Usage(_) => ErrorReport::of(failure, "usage"),
        CommandError::Config(error) => of_config(error),
        CommandError::NoSnapshot => ErrorReport::of(failure, "config.no_snapshot")
            .hint("name one with --snapshot or SCHEMASTAMP_SNAPSHOT; make one with schemastamp capture"),
        CommandError::SeveralSnapshots(_) => ErrorReport::of(failure, "config.several_snapshots")
            .hint("name one with --snapshot or SCHEMASTAMP_SNAPSHOT"),
        CommandError::Snapshot { source, .. } => ErrorReport::of(failure, of_snapshot(source)).without_causes(),
        CommandError::NotReplaced { source, .. } => ErrorReport::of(failure, of_snapshot(source))
            .without_causes()
            .hint("remove it, or write to another file; it was not touched"),
        CommandError::Template { source, .. } => ErrorReport::of(failure, of_template(source)).without_causes(),
        CommandError::DumpEncoding { .. } => ErrorReport::of(failure, "dump.encoding"),
        CommandError::File(error) => ErrorReport::of(error, "file.unusable"),
        CommandError::Name(error) => ErrorReport::of(error, "tenant.name"),
        CommandError::Line { .. } => ErrorReport::of(failure, "tenant.name").without_causes(),
        CommandError::Connect(error) => match &**error {
            ConnectError::Psql(error) => of_psql(error, context),
            ConnectError::Tls(error) => of_tls(error),
        },
        CommandError::Capture(error) => of_capture(error, context),
        CommandError::Provision(error) => of_provision(error, context),
        CommandError::Hook(failed) => of_hook(failure, failed),
        CommandError::NoTarget => ErrorReport::of(failure, "tenant.no_target")
            .hint("name it, or a pattern that it matches, under `tenants` of a target; or set rule = \"hash\""),
        CommandError::NoCitus { .. } => ErrorReport::of(failure, "config.no_citus").hint(CREATE_CITUS),
        CommandError::Citus { lines, .. } => {
            let mut report = ErrorReport::of(failure, "snapshot.citus").hint("nothing was made");
            report.details = lines.iter().map(|line| format!("  {line}")).collect();
            report.more.insert("objects".to_owned(), json!(lines));
            report
        }
        CommandError::Pool(error) => of_pool(error, context),
        CommandError::Migration(error) => of_migration(error),
        CommandError::Fleet(error) => of_fleet(error, context),
        CommandError::Migrate(error) => of_migrate(error, context),
        CommandError::Verify(error) => of_verify(error, context),
        CommandError::Refresh(error) => of_refresh(error, context),
        CommandError::Drop(error) => of_drop(error, context),
        CommandError::Lifecycle(error) => of_lifecycle(error, context),
        CommandError::Stream { .. } => ErrorReport::of(failure, "file.unusable"),
        CommandError::Interrupted(signal) => of_interruption(failure, *signal),
        CommandError::Signals(_) => ErrorReport::of(failure, "program.failed"),
    }
}
