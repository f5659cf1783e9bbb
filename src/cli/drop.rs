//! The command `drop`.

use anstyle::AnsiColor;

use super::arguments::DropArguments;
use super::failure::CommandError;
use super::lines::{
    Counts, DropCounts, DropDetails, ErrorObject, Line, TenantContent, TenantDetails, TenantLine,
    TenantOutcome,
};
use super::output::Output;
use super::prompt::ask;
use super::report::{build_report, signal_exit_code};
use super::scope::{missing_code, missing_tenant, say_duplicates};
use super::session::Session;
use crate::exit;
use crate::fleet::TenantSelection;
use crate::fleet::inventory::read_fleet;
use crate::sql::TenantName;
use crate::tenant::lifecycle::{
    DropError, DropOptions, Preview, drop_tenant, preview, setting_mentions,
};
use crate::text::{plural, safe};

pub(super) async fn run(session: &Session, arguments: DropArguments) -> Result<u8, CommandError> {
    let output = session.output;
    let Some(request) = arguments.scope.request(session).await? else {
        return Err(CommandError::Usage(
            "no tenants selected: name them, or pass --match PATTERN, --from-file FILE or --tenants-query SQL"
                .to_owned(),
        ));
    };
    if arguments.not_a_tenant && arguments.scope.tenants.len() != 1 {
        return Err(CommandError::Usage(
            "--not-a-tenant takes exactly one name".to_owned(),
        ));
    }
    let mut options = DropOptions::new();
    options.cascade = arguments.cascade;
    options.not_a_tenant = arguments.not_a_tenant;
    options.versions_table = arguments.versions_table;
    let settings = session.settings()?;
    let server = session.target(&settings).await?.server;
    let selection = request.resolve(&server, &session.shutdown).await?;
    say_duplicates(output, &selection);
    let tenants = match selection.at(None) {
        TenantSelection::Named(names) => names,
        pattern @ TenantSelection::All { .. } => {
            let versions_table = options.versions_table.as_deref();
            let fleet = read_fleet(&server, &pattern, versions_table, &session.shutdown).await?;
            fleet
                .tenants
                .into_iter()
                .map(|tenant| tenant.name)
                .collect()
        }
    };
    selection.check_found(tenants.len(), true)?;
    let mut previews = Vec::with_capacity(tenants.len());
    for tenant in &tenants {
        let versions_table = options.versions_table.as_deref();
        let seen = preview(&server, tenant, versions_table, &session.shutdown)
            .await
            .map_err(DropError::Psql)?;
        match &seen {
            Some(seen) => {
                // One that is to be left alone says that the list is wrong: nothing of it is dropped.
                seen.check(tenant, &options)?;
                show(session, tenant, seen);
                let mentions = setting_mentions(&server, tenant, &session.shutdown)
                    .await
                    .map_err(DropError::Psql)?;
                for mention in mentions {
                    session.output.warning(&format!(
                        "a setting still names it: {}",
                        safe(&mention.reset_sql())
                    ));
                }
            }
            None => session
                .output
                .warning(&format!("there is no tenant '{}'", safe(tenant.as_str()))),
        }
        previews.push(seen);
    }
    if arguments.dry_run {
        foretell(session, &tenants, &previews)?;
        let missing = previews.iter().filter(|preview| preview.is_none()).count();
        return Ok(missing_code(missing, tenants.len()).unwrap_or(exit::DONE));
    }
    if previews.iter().any(Option::is_some) && !arguments.yes {
        confirm(session, &tenants).await?;
    }
    let (mut failed, mut last) = (0, exit::DONE);
    for (index, tenant) in tenants.iter().enumerate() {
        if let Some(signal) = session.shutdown.signal() {
            for tenant in tenants
                .iter()
                .skip(index)
                .filter(|_| session.output.is_json())
            {
                line(tenant, TenantOutcome::NotReached, None, None)?;
            }
            conclude(session, index - failed, failed, tenants.len() - index)?;
            return Ok(signal_exit_code(signal));
        }
        let ended = drop_tenant(&server, tenant, &options, &session.shutdown).await;
        let outcome = match ended {
            Err(DropError::Unknown(_)) => TenantOutcome::Unknown,
            _ => TenantOutcome::Failed,
        };
        let failure = ended.err().map(CommandError::from);
        let output = session.output;
        match failure {
            None if output.is_json() => {
                line(tenant, TenantOutcome::Dropped, None, None)?;
            }
            None => {
                output.result(
                    AnsiColor::Green.on_default(),
                    "dropped",
                    &safe(tenant.as_str()),
                )?;
            }
            Some(failure) => {
                let mut report = build_report(&failure, session.context());
                (failed, last) = (failed + 1, report.code);
                if output.is_json() {
                    line(tenant, outcome, None, Some(report.json()))?;
                }
                report.message = format!("tenant '{}': {}", safe(tenant.as_str()), report.message);
                output.report(&report);
            }
        }
    }
    conclude(session, tenants.len() - failed, failed, 0)?;
    Ok(match (failed, tenants.len()) {
        (0, _) => exit::DONE,
        (_, 1) => last,
        _ => exit::PARTIAL,
    })
}

/// Prints a tenant's line for programs.
fn line(
    tenant: &TenantName,
    outcome: TenantOutcome,
    content: Option<TenantContent>,
    error: Option<ErrorObject>,
) -> Result<(), CommandError> {
    Output::json(&Line::Tenant(TenantLine {
        tenant: tenant.as_str().to_owned(),
        outcome,
        ms: None,
        details: TenantDetails::Drop(DropDetails { content }),
        error,
    }))
}

fn conclude(
    session: &Session,
    dropped: usize,
    failed: usize,
    left: usize,
) -> Result<(), CommandError> {
    let not_reached = Some(left).filter(|left| *left > 0);
    session.summary(Counts::Drop(DropCounts {
        dropped,
        failed,
        not_reached,
    }))
}

/// Prints for programs what a run without `--dry-run` would drop.
fn foretell(
    session: &Session,
    tenants: &[TenantName],
    previews: &[Option<Preview>],
) -> Result<(), CommandError> {
    if !session.output.is_json() {
        return Ok(());
    }
    for (tenant, preview) in tenants.iter().zip(previews) {
        let content = preview.as_ref().map(|seen| TenantContent {
            tables: seen.tables,
            views: seen.views,
            sequences: seen.sequences,
            routines: seen.routines,
            bytes: seen.bytes,
            outside: seen.outside.clone(),
        });
        let outcome = match &content {
            Some(_) => TenantOutcome::WouldDrop,
            None => TenantOutcome::Missing,
        };
        let error = content.is_none().then(|| missing_tenant(tenant));
        line(tenant, outcome, content, error)?;
    }
    let missing = previews.iter().filter(|preview| preview.is_none()).count();
    conclude(session, 0, missing, 0)
}

fn show(session: &Session, tenant: &TenantName, seen: &Preview) {
    let count =
        |number: u64, what: &str| plural(usize::try_from(number).unwrap_or(usize::MAX), what);
    session.output.say(&format!(
        "'{}' has {}, {}, {}, {}, {} MB",
        safe(tenant.as_str()),
        count(seen.tables, "table"),
        count(seen.views, "view"),
        count(seen.sequences, "sequence"),
        count(seen.routines, "function"),
        seen.bytes.div_ceil(1_000_000),
    ));
    for outside in &seen.outside {
        session
            .output
            .warning(&format!("outside of it, {}", safe(outside)));
    }
    for publication in &seen.publications {
        session.output.warning(&format!(
            "the publication '{}' loses its tables: subscribers get no more of their rows",
            safe(publication)
        ));
    }
}

/// Asks for confirmation on the terminal, and fails if there is none.
async fn confirm(session: &Session, tenants: &[TenantName]) -> Result<(), CommandError> {
    let (wanted, what) = match tenants {
        [tenant] => (tenant.as_str().to_owned(), "the tenant's name"),
        several => (several.len().to_string(), "the number of tenants"),
    };
    let why = match ask(session, &format!("Type {what} to drop: ")).await? {
        Some(answer) if answer == wanted => return Ok(()),
        Some(_) => "the name did not match",
        None => "pass --yes, because there is no terminal to ask on",
    };
    Err(CommandError::Usage(format!("nothing was dropped: {why}")))
}
