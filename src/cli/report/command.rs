//! The report on the failure of a command. Every error of the library is matched in this directory, once.

use serde_json::json;

use super::capture::of_capture;
use super::library::{
    CREATE_CITUS, of_config, of_interruption, of_provision, of_psql, of_snapshot, of_template,
    of_tls,
};
use super::shape::Report;
use super::tenants::{
    of_drop, of_fleet, of_hook, of_lifecycle, of_migrate, of_migration, of_pool, of_refresh,
    of_verify,
};
use crate::cli::failure::Failure;
use crate::connect::ConnectError;
use crate::diagnose::Context;

/// The report on a failure. `context` makes the explanation of a failed connection concrete.
pub(in crate::cli) fn report(failure: &Failure, context: Option<&Context>) -> Report {
    match failure {
        Failure::Usage(_) => Report::of(failure, "usage"),
        Failure::Config(error) => of_config(error),
        Failure::NoSnapshot => Report::of(failure, "config.no_snapshot")
            .hint("name one with --snapshot or SCHEMASTAMP_SNAPSHOT; make one with schemastamp capture"),
        Failure::SeveralSnapshots(_) => Report::of(failure, "config.several_snapshots")
            .hint("name one with --snapshot or SCHEMASTAMP_SNAPSHOT"),
        Failure::Snapshot { source, .. } => Report::of(failure, of_snapshot(source)).without_causes(),
        Failure::NotReplaced { source, .. } => Report::of(failure, of_snapshot(source))
            .without_causes()
            .hint("remove it, or write to another file; it was not touched"),
        Failure::Template { source, .. } => Report::of(failure, of_template(source)).without_causes(),
        Failure::DumpEncoding { .. } => Report::of(failure, "dump.encoding"),
        Failure::File(error) => Report::of(error, "file.unusable"),
        Failure::Name(error) => Report::of(error, "tenant.name"),
        Failure::Line { .. } => Report::of(failure, "tenant.name").without_causes(),
        Failure::Connect(error) => match &**error {
            ConnectError::Psql(error) => of_psql(error, context),
            ConnectError::Tls(error) => of_tls(error),
        },
        Failure::Capture(error) => of_capture(error, context),
        Failure::Provision(error) => of_provision(error, context),
        Failure::Hook(failed) => of_hook(failure, failed),
        Failure::NoTarget => Report::of(failure, "tenant.no_target")
            .hint("name it, or a pattern that it matches, under `tenants` of a target; or set rule = \"hash\""),
        Failure::NoCitus { .. } => Report::of(failure, "config.no_citus").hint(CREATE_CITUS),
        Failure::Citus { lines, .. } => {
            let mut report = Report::of(failure, "snapshot.citus").hint("nothing was made");
            report.details = lines.iter().map(|line| format!("  {line}")).collect();
            report.more.insert("objects".to_owned(), json!(lines));
            report
        }
        Failure::Pool(error) => of_pool(error, context),
        Failure::Migration(error) => of_migration(error),
        Failure::Fleet(error) => of_fleet(error, context),
        Failure::Migrate(error) => of_migrate(error, context),
        Failure::Verify(error) => of_verify(error, context),
        Failure::Refresh(error) => of_refresh(error, context),
        Failure::Drop(error) => of_drop(error, context),
        Failure::Lifecycle(error) => of_lifecycle(error, context),
        Failure::Stream { .. } => Report::of(failure, "file.unusable"),
        Failure::Interrupted(signal) => of_interruption(failure, *signal),
        Failure::Signals(_) => Report::of(failure, "program.failed"),
    }
}
