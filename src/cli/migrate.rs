//! The command `migrate`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anstyle::{AnsiColor, Style};

use super::arguments::MigrateArguments;
use super::failure::CommandError;
use super::groups::{load_groups, refuse_stdin_twice, warn_of_unmatched};
use super::lines::{
    Counts, ErrorDetails, ErrorObject, Line, MigrateCounts, MigrateDetails, ReasonCount,
    TenantDetails, TenantLine, TenantOutcome,
};
use super::output::Output;
use super::progress::Progress;
use super::report::signal_exit_code;
use super::report_files::{RunFacts, target_reports};
use super::scope::{missing_tenant, named};
use super::servers::{FleetFailures, Servers, at};
use super::session::Session;
use super::snapshot_file;
use crate::exit;
use crate::fleet::migrate::{
    MigrateError, MigrateOptions, MigrateReport, MigrationSource, migrate, new_run_id,
};
use crate::fleet::report::{ReportCommand, TargetReport};
use crate::fleet::verify::{VerifyOptions, verify};
use crate::fleet::{RunShare, TenantSelection};
use crate::path::PathError;
use crate::pg::Server;
use crate::process::EnvValue;
use crate::snapshot::{OutsidePolicy, grouped};
use crate::sql::TenantName;
use crate::tenant::compare::{Class, Reference, VersionReferences};
use crate::tenant::migrate::{ExternalCommand, MigrateFailure, MigrateOutcome, TenantReport};
use crate::tenant::migrations::{FixedSchema, Migrations, other_migration, read_folder};
use crate::tenant::versions::{PlanStrictness, TenantProblem};
use crate::text::{duration, milliseconds, plural, safe};

pub(super) async fn run(
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
    let source = match (&migrations, &command) {
        (Some(migrations), _) => MigrationSource::Files(migrations),
        (None, Some(command)) => MigrationSource::Command(command),
        (None, None) => {
            return Err(CommandError::Usage(
                "pass --migrations DIR, or --run CMD for migrations that only the app can run"
                    .to_owned(),
            ));
        }
    };
    let snapshots = if arguments.check_drift {
        snapshot_file::load_all(&session.tool()?, session)?
    } else {
        Vec::new()
    };
    let references = VersionReferences::new(
        &snapshots,
        migrations.as_ref(),
        arguments.versions_table.as_deref(),
        session.common.outside(),
    );
    let selection = servers.resolve(session, request).await?;
    let groups = match &arguments.groups {
        Some(path) => Some(load_groups(session, path, &selection).await?),
        None => None,
    };
    let limits = match &groups {
        Some(groups) => servers.limits_with_groups(session, arguments.max_failures, groups),
        None => servers.limits(arguments.max_failures, arguments.canary),
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
            options.drifted = drifted(session, server, &references, &options).await?;
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
        for tenant in part.tenants.iter().filter(|tenant| {
            matches!(
                tenant.outcome,
                MigrateOutcome::NotReached | MigrateOutcome::Pending
            )
        }) {
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

/// Returns the tenants that are not what their version should be, with the objects that differ.
async fn drifted(
    session: &Session,
    server: &Server,
    references: &VersionReferences<'_>,
    options: &MigrateOptions,
) -> Result<BTreeMap<TenantName, Vec<String>>, CommandError> {
    let verify_options = VerifyOptions {
        scope: options.scope.clone(),
        aspects: Vec::new(),
        versions_table: options.versions_table.clone(),
    };
    let reference = Reference::AtVersion(references);
    let verification = verify(server, reference, &verify_options, &session.shutdown).await?;
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
        versions_table: arguments.versions_table.clone(),
        jobs: arguments.jobs.into(),
        canary: arguments.canary,
        max_failures: arguments.max_failures,
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

/// Prints one tenant's line.
fn line(
    output: Output,
    verbose: bool,
    target: Option<&str>,
    group: Option<&str>,
    report: &TenantReport,
) -> Result<(), CommandError> {
    let ms = milliseconds(report.elapsed);
    if output.is_json() {
        return Output::json(&Line::Tenant(TenantLine {
            tenant: report.tenant.as_str().to_owned(),
            target: target.map(str::to_owned),
            outcome: outcome(&report.outcome),
            ms: Some(ms),
            details: TenantDetails::Migrate(MigrateDetails {
                from: report.from.clone(),
                to: report.to.clone(),
                group: group.map(str::to_owned),
                applied: report.applied.clone(),
                pending: report.pending.clone(),
                warnings: report.warnings.iter().map(ToString::to_string).collect(),
            }),
            error: error(report),
        }));
    }
    let tenant = format!("{}{}", safe(report.tenant.as_str()), at(target));
    let to = report.to.as_deref().unwrap_or("nothing");
    let from = report.from.as_deref().unwrap_or("nothing");
    let rest = match &report.outcome {
        MigrateOutcome::UpToDate if !verbose => return Ok(()),
        MigrateOutcome::UpToDate => format!("{tenant}: at {to}"),
        MigrateOutcome::Migrated => format!(
            "{tenant}: {from} to {to}, {} ({})",
            plural(report.applied.len(), "migration"),
            duration(report.elapsed)
        ),
        MigrateOutcome::Pending => format!(
            "{tenant}: at {to}, would apply {}",
            report.pending.join(", ")
        ),
        MigrateOutcome::NotReached => {
            format!("{tenant}: at {to}, {} pending", report.pending.len())
        }
        MigrateOutcome::Failed(failure) | MigrateOutcome::Unknown(failure) => {
            format!("{tenant}: at {to}; {failure}")
        }
        MigrateOutcome::Refused(problem) => format!("{tenant}: at {to}; {problem}"),
        MigrateOutcome::Odd(TenantProblem::NoSchema) => tenant,
        MigrateOutcome::Odd(oddity) => format!("{tenant}: {oddity}"),
        MigrateOutcome::Gone => format!("{tenant}: dropped or renamed during the run"),
    };
    let (style, word) = (
        style(&report.outcome),
        report.outcome.word().replace('_', " "),
    );
    match &report.outcome {
        MigrateOutcome::UpToDate | MigrateOutcome::Migrated | MigrateOutcome::Pending => {
            output.success(style, &word, &rest)?;
        }
        _ => output.result(style, &word, &rest)?,
    }
    if let MigrateOutcome::Failed(failure) = &report.outcome
        && let Some(detail) = failure.detail.as_deref().filter(|_| verbose)
    {
        output.say(&format!("  {}", detail.replace('\n', "\n  ")));
    }
    Ok(())
}

fn outcome(outcome: &MigrateOutcome) -> TenantOutcome {
    match outcome {
        MigrateOutcome::UpToDate => TenantOutcome::UpToDate,
        MigrateOutcome::Migrated => TenantOutcome::Migrated,
        MigrateOutcome::Pending => TenantOutcome::Pending,
        MigrateOutcome::Failed(_) => TenantOutcome::Failed,
        MigrateOutcome::Refused(_) => TenantOutcome::Refused,
        MigrateOutcome::Odd(TenantProblem::NoSchema) => TenantOutcome::Missing,
        MigrateOutcome::Odd(_) => TenantOutcome::Odd,
        MigrateOutcome::Unknown(_) => TenantOutcome::Unknown,
        MigrateOutcome::Gone => TenantOutcome::Gone,
        MigrateOutcome::NotReached => TenantOutcome::NotReached,
    }
}

fn error(report: &TenantReport) -> Option<ErrorObject> {
    let plain = |code: u8, id: &str, message: String| ErrorObject {
        code,
        id: id.to_owned(),
        message,
        causes: Vec::new(),
        statement: None,
        hint: None,
        more: ErrorDetails::default(),
    };
    match &report.outcome {
        MigrateOutcome::UpToDate
        | MigrateOutcome::Migrated
        | MigrateOutcome::Pending
        | MigrateOutcome::NotReached => None,
        MigrateOutcome::Odd(TenantProblem::NoSchema) => Some(missing_tenant(&report.tenant)),
        MigrateOutcome::Failed(failure) | MigrateOutcome::Unknown(failure) => {
            Some(failure_object(failure))
        }
        MigrateOutcome::Refused(problem) => {
            Some(plain(exit::PARTIAL, "migrate.refused", problem.to_string()))
        }
        MigrateOutcome::Odd(oddity) => Some(plain(exit::PARTIAL, "tenant.odd", oddity.to_string())),
        MigrateOutcome::Gone => Some(plain(
            exit::PARTIAL,
            "tenant.gone",
            "dropped or renamed during the run".to_owned(),
        )),
    }
}

/// Returns the error of a tenant whose migration, up or down, failed.
pub(super) fn failure_object(failure: &MigrateFailure) -> ErrorObject {
    let (code, id) = match failure.sqlstate.as_deref() {
        None => (exit::PARTIAL, "migrate.failed".to_owned()),
        Some(state) => {
            let name = crate::pg::condition_name(state).unwrap_or(state);
            (exit::SQL, format!("sql.{name}"))
        }
    };
    ErrorObject {
        code,
        id,
        message: failure.message.clone(),
        causes: Vec::new(),
        statement: None,
        hint: failure.hint.clone(),
        more: ErrorDetails {
            file: failure.file.clone(),
            statement_number: failure.statement,
            line: failure.line,
            detail: failure.detail.clone(),
            ..ErrorDetails::default()
        },
    }
}

/// Prints each warning once, with the number of tenants that have it.
fn warn(output: Output, report: &MigrateReport) {
    let mut warnings: BTreeMap<String, usize> = BTreeMap::new();
    for problem in report.tenants.iter().flat_map(|tenant| &tenant.warnings) {
        *warnings.entry(problem.to_string()).or_default() += 1;
    }
    for (warning, count) in warnings {
        output.warning(&format!("{}: {warning}", plural(count, "tenant")));
    }
}

fn conclude(
    session: &Session,
    report: &MigrateReport,
    failures: &FleetFailures,
    run: Option<&str>,
) -> Result<u8, CommandError> {
    let output = session.output;
    let migrated = report.count(|outcome| *outcome == MigrateOutcome::Migrated);
    let up_to_date = report.count(|outcome| *outcome == MigrateOutcome::UpToDate);
    let pending = report.count(|outcome| *outcome == MigrateOutcome::Pending);
    let not_reached = report.count(|outcome| *outcome == MigrateOutcome::NotReached);
    let done = migrated + up_to_date + pending + not_reached;
    let failed = report.tenants.len() - done + failures.tenants + failures.missing;
    let groups = report.groups();
    if output.is_json() {
        let errors = groups.iter().map(|group| ReasonCount {
            reason: group.reason.clone(),
            tenants: group.tenants.len(),
        });
        session.summary(Counts::Migrate(MigrateCounts {
            run: run.map(str::to_owned),
            migrated,
            up_to_date,
            pending,
            failed,
            not_reached,
            errors: errors.collect(),
            ended_early: report.ended_early.clone(),
            failed_targets: failures.failed_targets(),
        }))?;
    } else {
        for group in groups.iter().filter(|_| failed > 1) {
            output.summary(&format!(
                "{}: {}: {}",
                plural(group.tenants.len(), "tenant"),
                group.reason,
                named(&group.tenants)
            ));
        }
        let mut parts = vec![
            format!("{migrated} migrated"),
            format!("{up_to_date} up to date"),
            format!("{failed} failed"),
        ];
        parts.extend((pending > 0).then(|| format!("{pending} pending")));
        parts.extend((not_reached > 0).then(|| format!("{not_reached} not reached")));
        output.summary(&format!(
            "{}{} ({})",
            parts.join(", "),
            failures.text(),
            duration(report.elapsed)
        ));
        let has_applied = report
            .tenants
            .iter()
            .any(|tenant| !tenant.applied.is_empty());
        if let Some(run) = run.filter(|_| has_applied) {
            output.say(&format!("recorded as run {run}: --undo {run} undoes it"));
        }
    }
    if let Some(reason) = &report.ended_early {
        output.warning(&format!("ended early: {reason}; run again to continue"));
    }
    let is_incomplete = failed + not_reached + failures.targets > 0;
    Ok(match session.shutdown.signal() {
        Some(signal) if is_incomplete => signal_exit_code(signal),
        _ if failures.count() > 0 => failures
            .exit_code(report.tenants.len())
            .unwrap_or(exit::PARTIAL),
        _ if failed + not_reached == 0 => exit::DONE,
        _ if report.tenants.len() == 1 => {
            let code = report
                .tenants
                .first()
                .and_then(error)
                .map(|error| error.code);
            code.unwrap_or(exit::PARTIAL)
        }
        _ => exit::PARTIAL,
    })
}

fn style(outcome: &MigrateOutcome) -> Style {
    match outcome {
        MigrateOutcome::Migrated | MigrateOutcome::UpToDate => AnsiColor::Green.on_default(),
        MigrateOutcome::Pending | MigrateOutcome::NotReached => AnsiColor::Yellow.on_default(),
        _ => AnsiColor::Red.on_default(),
    }
}
