//! Runs migrations on the tenants of all servers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::output::{conclude, line, warn};
use crate::cli::arguments::MigrateArguments;
use crate::cli::failure::CommandError;
use crate::cli::groups::{load_groups, refuse_stdin_twice, warn_of_unmatched};
use crate::cli::lines::{MigrateDetails, TenantDetails};
use crate::cli::migrations::{external, load_chosen};
use crate::cli::progress::Progress;
use crate::cli::report_files::{RunFacts, target_reports};
use crate::cli::servers::Servers;
use crate::cli::session::Session;
use crate::cli::snapshot_file;
use crate::fleet::migrate::{
    MigrateError, MigrateOptions, MigrateReport, MigrationSource, migrate, new_run_id,
};
use crate::fleet::report::{ReportCommand, TargetReport};
use crate::fleet::verify::{VerifyOptions, verify_share};
use crate::fleet::{RunLimits, RunShare, TenantSelection, Unobserved};
use crate::pg::Server;
use crate::sql::TenantName;
use crate::tenant::compare::{Class, Reference, VersionReferences};
use crate::tenant::migrate::{ExternalCommand, MigrateOutcome, TenantReport};
use crate::tenant::migrations::Migrations;
use crate::tenant::versions::PlanStrictness;

pub(in crate::cli) async fn run(
    session: &Session,
    arguments: MigrateArguments,
) -> Result<u8, CommandError> {
    let start = Instant::now();
    let output = session.output;
    arguments.files.check()?;
    refuse_stdin_twice(&arguments)?;
    let request = arguments.scope.explicit_request(session).await?;
    let migrations = match &arguments.run {
        Some(_) => None,
        None => load_chosen(arguments.migrations.as_deref(), session)?,
    };
    let servers = Servers::find(session, &arguments.targets, &session.tool()?, false).await?;
    let command = arguments
        .run
        .clone()
        .map(|command| external(session, command))
        .transpose()?;
    let source = find_source(migrations.as_ref(), command.as_ref())?;
    let snapshots = if arguments.check_drift {
        snapshot_file::load_all(&session.tool()?, session)?
    } else {
        Vec::new()
    };
    let references = VersionReferences::new(
        &snapshots,
        migrations.as_ref(),
        arguments.versions.table.as_deref(),
        session.common.outside(),
    );
    let selection = servers.resolve(session, request).await?;
    let groups = match &arguments.groups {
        Some(path) => Some(load_groups(session, path, &selection).await?),
        None => None,
    };
    let limits = match &groups {
        Some(groups) => servers.limits_with_groups(session, arguments.workers.max_failures, groups),
        None => servers.limits(arguments.workers.max_failures, arguments.canary),
    };
    let mut options = migrate_options(session, &arguments);
    if arguments.record && !arguments.dry_run {
        options.record = Some(new_run_id().map_err(MigrateError::Random)?);
    }
    let progress = Progress::counting(session, selection.count());
    // If stdout is closed, nothing more is printed, but the run continues.
    let failed: Mutex<Option<CommandError>> = Mutex::new(None);
    let tell = |index: usize, verbose: bool, tenant: &TenantReport| {
        progress.done();
        let failed = &mut *failed.lock().unwrap_or_else(PoisonError::into_inner);
        if failed.is_none() {
            let target = servers.name(index);
            let groups = groups.as_ref().map(|groups| groups.at(target));
            let group = groups
                .as_ref()
                .and_then(|groups| groups.name_of(&tenant.tenant));
            *failed = line(output, verbose, target, group, tenant).err();
        }
    };
    let migrate_target = async |index: usize, scope: TenantSelection, share: RunShare| {
        let entry = servers.entries().get(index).ok_or(CommandError::NoTarget)?;
        let server = &entry.target.server;
        let mut options = MigrateOptions {
            scope,
            groups: groups.as_ref().map(|groups| groups.at(servers.name(index))),
            ..options.clone()
        };
        if arguments.check_drift {
            let limits = share.limits();
            options.drifted = drifted(session, server, &references, &options, limits).await?;
        }
        let verbose = session.common.verbose > 0;
        let mut tell = |tenant: &TenantReport| tell(index, verbose, tenant);
        let share = Some(share);
        Ok(migrate(
            server,
            source,
            &options,
            share,
            &session.shutdown,
            &mut tell,
        )
        .await?)
    };
    let outcome = servers
        .run(session, &selection, &limits, migrate_target)
        .await?;
    progress.end();
    let reported = arguments.files.are_given().then(|| {
        target_reports(&servers, &outcome, |index, part| {
            TargetReport::from_migration(servers.name(index), part)
        })
    });
    let mut report = MigrateReport {
        elapsed: start.elapsed(),
        ..MigrateReport::default()
    };
    for (index, target) in outcome.targets.iter().enumerate() {
        let Some(Ok(part)) = &target.result else {
            continue;
        };
        // The engine reports a tenant as soon as it is done; these are not.
        for tenant in part.tenants.iter().filter(|tenant| is_left(tenant)) {
            tell(index, true, tenant);
        }
        report.add(servers.name(index), part.clone());
    }
    if let Some(failure) = failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(failure);
    }
    let failures = servers
        .tell_failures(session, &outcome, &|| {
            TenantDetails::Migrate(MigrateDetails::default())
        })
        .await?;
    if failures.targets == 0 {
        let found = report.tenants.len() + failures.count();
        arguments.scope.check_found(&selection, found, output)?;
        if let (Some(groups), false) = (&groups, selection.is_by_name()) {
            warn_of_unmatched(output, groups, report.tenants.iter().map(|t| &t.tenant));
        }
    }
    warn(output, &report);
    let exit_code = conclude(session, &report, &failures, options.record.as_deref())?;
    if let Some(targets) = reported {
        let facts = RunFacts {
            command: ReportCommand::Migrate,
            start,
            exit_code,
            ended_early: report.ended_early,
        };
        arguments.files.write(facts, targets)?;
    }
    Ok(exit_code)
}

/// Returns what migrates the tenants: files, or a command.
fn find_source<'a>(
    migrations: Option<&'a Migrations>,
    command: Option<&'a ExternalCommand>,
) -> Result<MigrationSource<'a>, CommandError> {
    match (migrations, command) {
        (Some(migrations), _) => Ok(MigrationSource::Files(migrations)),
        (None, Some(command)) => Ok(MigrationSource::Command(command)),
        (None, None) => Err(CommandError::Usage(
            "pass --migrations DIR, or --run CMD for migrations that only the app can run"
                .to_owned(),
        )),
    }
}

/// Returns whether a tenant was not reached, or has something pending in a dry run.
fn is_left(tenant: &TenantReport) -> bool {
    matches!(
        tenant.outcome,
        MigrateOutcome::NotReached | MigrateOutcome::Pending
    )
}

/// Returns the tenants that are not what their version should be, with the objects that differ.
async fn drifted(
    session: &Session,
    server: &Server,
    references: &VersionReferences<'_>,
    options: &MigrateOptions,
    limits: &Arc<RunLimits>,
) -> Result<BTreeMap<TenantName, Vec<String>>, CommandError> {
    let verify_options = VerifyOptions {
        scope: options.scope.clone(),
        aspects: Vec::new(),
        versions_table: options.versions_table.clone(),
        jobs: options.jobs,
    };
    let verification = verify_share(
        server,
        Reference::AtVersion(references),
        &verify_options,
        limits,
        &Unobserved,
        &session.shutdown,
    )
    .await?;
    for note in &verification.notes {
        session.output.warning(note);
    }
    let mut drifted = BTreeMap::new();
    for variant in &verification.variants {
        if variant.class() == Class::Cosmetic {
            continue;
        }
        let mut objects: Vec<String> = Vec::new();
        for finding in &variant.findings {
            let object = format!("{} {}", finding.kind, finding.object);
            if finding.class != Class::Cosmetic && !objects.contains(&object) {
                objects.push(object);
            }
        }
        for tenant in &variant.tenants {
            drifted.insert(tenant.clone(), objects.clone());
        }
    }
    Ok(drifted)
}

fn migrate_options(session: &Session, arguments: &MigrateArguments) -> MigrateOptions {
    MigrateOptions {
        versions_table: arguments.versions.table.clone(),
        jobs: arguments.workers.jobs.into(),
        canary: arguments.canary,
        max_failures: arguments.workers.max_failures,
        lock_timeout: Duration::from_secs_f64(arguments.lock_timeout),
        lock_retries: arguments.lock_retries,
        role: arguments.role.clone(),
        strictness: PlanStrictness {
            allow_out_of_order: arguments.allow_out_of_order,
            allow_missing: arguments.allow_missing,
            allow_changed: arguments.allow_changed,
        },
        outside: session.common.outside(),
        dry_run: arguments.dry_run,
        ..MigrateOptions::new(TenantSelection::Named(Vec::new()))
    }
}
