//! The command `migrate`.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anstyle::{AnsiColor, Style};

use super::arguments::MigrateArguments;
use super::failure::CommandError;
use super::lines::{
    Counts, ErrorDetails, ErrorObject, Line, MigrateCounts, MigrateDetails, ReasonCount,
    TenantDetails, TenantLine, TenantOutcome,
};
use super::output::Output;
use super::report::signal_exit_code;
use super::scope::{missing_tenant, named, say_duplicates};
use super::session::Session;
use crate::exit;
use crate::fleet::migrate::{MigrateOptions, MigrateReport, migrate, migrate_by};
use crate::path::PathError;
use crate::process::EnvValue;
use crate::snapshot::{OutsidePolicy, OutsideStatement, Reach, grouped};
use crate::tenant::migrate::{ExternalCommand, MigrateOutcome, TenantReport};
use crate::tenant::migrations::{FixedSchema, Migrations, read_folder};
use crate::tenant::versions::{PlanStrictness, TenantProblem};
use crate::text::{milliseconds, plural, safe};

pub(super) async fn run(
    session: &Session,
    arguments: MigrateArguments,
) -> Result<u8, CommandError> {
    let output = session.output;
    let request = arguments.scope.explicit_request(session).await?;
    let migrations = arguments
        .migrations
        .as_deref()
        .map(|folder| load(folder, session))
        .transpose()?;
    let settings = session.settings()?;
    let target = session.target(&settings).await?;
    let selection = request.resolve(&target.server, &session.shutdown).await?;
    say_duplicates(output, &selection);
    let options = MigrateOptions {
        versions_table: arguments.versions_table,
        jobs: arguments.jobs.into(),
        canary: arguments.canary,
        max_failures: arguments.max_failures,
        lock_timeout: Duration::from_secs_f64(arguments.lock_timeout),
        lock_retries: arguments.lock_retries,
        role: arguments.role,
        strictness: PlanStrictness {
            allow_out_of_order: arguments.allow_out_of_order,
            allow_missing: arguments.allow_missing,
            allow_changed: arguments.allow_changed,
        },
        outside: session.common.outside(),
        dry_run: arguments.dry_run,
        ..MigrateOptions::new(selection.at(None))
    };
    let mut failed = None;
    let mut tell = |tenant: &TenantReport| {
        // If stdout is closed, nothing more is printed, but the run continues.
        if failed.is_none() {
            failed = line(output, session.common.verbose > 0, tenant).err();
        }
    };
    let report = match (&migrations, arguments.run) {
        (Some(migrations), _) => {
            migrate(
                &target.server,
                migrations,
                &options,
                &session.shutdown,
                &mut tell,
            )
            .await?
        }
        (None, Some(command)) => {
            let command = external(session, command)?;
            migrate_by(
                &target.server,
                &command,
                &options,
                &session.shutdown,
                &mut tell,
            )
            .await?
        }
        (None, None) => {
            return Err(CommandError::Usage("pass --migrations or --run".to_owned()));
        }
    };
    for tenant in report.tenants.iter().filter(|tenant| {
        matches!(
            tenant.outcome,
            MigrateOutcome::NotReached | MigrateOutcome::Pending
        )
    }) {
        tell_unreached(output, tenant, &mut failed);
    }
    if let Some(failure) = failed {
        return Err(failure);
    }
    let found = report.tenants.len();
    arguments.scope.check_found(&selection, found, output)?;
    warn(output, &report);
    conclude(session, &report)
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

/// Reads a directory of migrations and prints its warnings.
pub(super) fn load(folder: &Path, session: &Session) -> Result<Migrations, CommandError> {
    let output = session.output;
    let migrations = read_folder(folder)?;
    if migrations.as_slice().is_empty() {
        output.warning(&format!("'{}' contains no migrations", folder.display()));
    }
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
            .filter(|statement| !is_named(statement, &migration.fixed_schemas))
            .cloned()
            .collect();
        if !unnamed.is_empty() {
            output.warning(&format!("'{}': {}", path.display(), grouped(&unnamed)));
        }
    }
    Ok(migrations)
}

/// Returns whether a statement is reported by the name that it changes.
fn is_named(statement: &OutsideStatement, fixed: &[FixedSchema]) -> bool {
    let lines = statement.line..=statement.last_line;
    statement.reach == Reach::Database
        && fixed
            .iter()
            .any(|fixed| fixed.changed && lines.contains(&fixed.line))
}

fn tell_unreached(output: Output, tenant: &TenantReport, failed: &mut Option<CommandError>) {
    if failed.is_none() {
        *failed = line(output, true, tenant).err();
    }
}

/// Prints one tenant's line.
fn line(output: Output, verbose: bool, report: &TenantReport) -> Result<(), CommandError> {
    let ms = milliseconds(report.elapsed);
    if output.is_json() {
        return Output::json(&Line::Tenant(TenantLine {
            tenant: report.tenant.as_str().to_owned(),
            outcome: outcome(&report.outcome),
            ms: Some(ms),
            details: TenantDetails::Migrate(MigrateDetails {
                from: report.from.clone(),
                to: report.to.clone(),
                applied: report.applied.clone(),
                pending: report.pending.clone(),
                warnings: report.warnings.iter().map(ToString::to_string).collect(),
            }),
            error: error(report),
        }));
    }
    let tenant = safe(report.tenant.as_str());
    let to = report.to.as_deref().unwrap_or("nothing");
    let from = report.from.as_deref().unwrap_or("nothing");
    let rest = match &report.outcome {
        MigrateOutcome::UpToDate if !verbose => return Ok(()),
        MigrateOutcome::UpToDate => format!("{tenant}: at {to}"),
        MigrateOutcome::Migrated => format!(
            "{tenant}: {from} to {to}, {} ({ms} ms)",
            plural(report.applied.len(), "migration")
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
    output.result(
        style(&report.outcome),
        &report.outcome.word().replace('_', " "),
        &rest,
    )?;
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
            let (code, id) = match failure.sqlstate.as_deref() {
                None => (exit::PARTIAL, "migrate.failed".to_owned()),
                Some(state) => {
                    let name = crate::pg::condition_name(state).unwrap_or(state);
                    (exit::SQL, format!("sql.{name}"))
                }
            };
            Some(ErrorObject {
                hint: failure.hint.clone(),
                more: ErrorDetails {
                    file: failure.file.clone(),
                    statement_number: failure.statement,
                    line: failure.line,
                    detail: failure.detail.clone(),
                    ..ErrorDetails::default()
                },
                ..plain(code, &id, failure.message.clone())
            })
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

fn conclude(session: &Session, report: &MigrateReport) -> Result<u8, CommandError> {
    let output = session.output;
    let migrated = report.count(|outcome| *outcome == MigrateOutcome::Migrated);
    let up_to_date = report.count(|outcome| *outcome == MigrateOutcome::UpToDate);
    let pending = report.count(|outcome| *outcome == MigrateOutcome::Pending);
    let not_reached = report.count(|outcome| *outcome == MigrateOutcome::NotReached);
    let failed = report.tenants.len() - migrated - up_to_date - pending - not_reached;
    let groups = report.groups();
    if output.is_json() {
        let errors = groups.iter().map(|group| ReasonCount {
            reason: group.reason.clone(),
            tenants: group.tenants.len(),
        });
        session.summary(Counts::Migrate(MigrateCounts {
            migrated,
            up_to_date,
            pending,
            failed,
            not_reached,
            errors: errors.collect(),
            ended_early: report.ended_early.clone(),
        }))?;
    } else {
        for group in groups.iter().filter(|_| failed > 1) {
            output.say(&format!(
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
        output.say(&format!(
            "{} ({} ms)",
            parts.join(", "),
            milliseconds(report.elapsed)
        ));
    }
    if let Some(reason) = &report.ended_early {
        output.warning(&format!("ended early: {reason}; run again to continue"));
    }
    Ok(match session.shutdown.signal() {
        Some(signal) if failed + not_reached > 0 => signal_exit_code(signal),
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
