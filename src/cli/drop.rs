//! The command `drop`.

use std::collections::BTreeMap;

use anstyle::AnsiColor;

use super::arguments::DropArguments;
use super::failure::CommandError;
use super::lines::{
    Counts, DropCounts, DropDetails, ErrorObject, Line, TenantContent, TenantDetails, TenantLine,
    TenantOutcome,
};
use super::output::Output;
use super::prompt::{PromptAnswer, ask};
use super::report::{ErrorReport, build_report, signal_exit_code};
use super::scope::{missing_code, missing_tenant};
use super::servers::{FleetFailures, Servers, at};
use super::session::Session;
use crate::exit;
use crate::fleet::inventory::read_fleet;
use crate::fleet::{Selection, TenantSelection};
use crate::pg::{PsqlError, Server};
use crate::sql::TenantName;
use crate::tenant::lifecycle::{
    DropError, DropOptions, Preview, SettingMention, drop_tenant, preview_drop, setting_mentions,
    text_mentions,
};
use crate::text::{listed, plural, safe};

/// Number of objects that a warning names; JSON has all of them.
const NAMED: usize = 10;

pub(super) async fn run(session: &Session, arguments: DropArguments) -> Result<u8, CommandError> {
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
    options.versions_table = arguments.versions.table;
    let servers = Servers::find(session, &arguments.targets, &session.tool()?, false).await?;
    let selection = servers.resolve(session, request).await?;
    let look = async |index: usize, scope: TenantSelection| {
        let entry = servers.entries().get(index).ok_or(CommandError::NoTarget)?;
        candidates(session, index, &entry.target.server, scope, &options).await
    };
    let mut outcome = servers.run_single(session, &selection, look).await?;
    let mut found: Vec<Candidate> = Vec::new();
    for target in &mut outcome.targets {
        if let Some(Ok(candidates)) = &mut target.result {
            found.append(candidates);
        }
    }
    refuse_two_places(&servers, &selection, &found)?;
    for candidate in &found {
        show_candidate(session, &servers, candidate, &options)?;
    }
    let failures = servers
        .tell_failures(session, &outcome, &|| {
            TenantDetails::Drop(DropDetails::default())
        })
        .await?;
    if failures.targets == 0 {
        selection.check_found(found.len() + failures.count(), true)?;
    }
    if arguments.dry_run {
        foretell(session, &servers, &found, &failures)?;
        let missing = found
            .iter()
            .filter(|tenant| tenant.preview.is_none())
            .count();
        let code = failures.exit_code(found.len());
        return Ok(code
            .or(missing_code(missing, found.len()))
            .unwrap_or(exit::DONE));
    }
    if found.iter().any(|tenant| tenant.preview.is_some()) && !arguments.yes {
        confirm(session, &found).await?;
    }
    drop_all(session, &servers, &found, &options, &failures).await
}

/// A tenant that is to be dropped.
struct Candidate {
    /// Index of its server.
    target: usize,
    tenant: TenantName,
    /// Its content, or `None` if it does not exist.
    preview: Option<Preview>,
    /// Statements that reset the settings that name it.
    mentions: Vec<String>,
    /// Objects and rows elsewhere that name it as text.
    elsewhere: Vec<String>,
}

/// Reads what would be dropped at one server.
async fn candidates(
    session: &Session,
    target: usize,
    server: &Server,
    scope: TenantSelection,
    options: &DropOptions,
) -> Result<Vec<Candidate>, CommandError> {
    let versions_table = options.versions_table.as_deref();
    let names = match scope {
        TenantSelection::Named(names) => names,
        pattern @ TenantSelection::All { .. } => {
            let fleet = read_fleet(server, &pattern, versions_table, &session.shutdown).await?;
            fleet
                .tenants
                .into_iter()
                .map(|tenant| tenant.name)
                .collect()
        }
    };
    let mut candidates = Vec::with_capacity(names.len());
    for tenant in names {
        let preview = preview_drop(server, &tenant, versions_table, &session.shutdown)
            .await
            .map_err(DropError::Psql)?;
        let (mut mentions, mut elsewhere) = (Vec::new(), Vec::new());
        if preview.is_some() {
            mentions = setting_mentions(server, &tenant, &session.shutdown)
                .await
                .map_err(DropError::Psql)?;
            elsewhere = text_mentions(server, &tenant, &session.shutdown)
                .await
                .map_err(DropError::Psql)?;
        }
        candidates.push(Candidate {
            target,
            tenant,
            preview,
            mentions: mentions.iter().map(SettingMention::reset_sql).collect(),
            elsewhere,
        });
    }
    Ok(candidates)
}

/// Refuses a name without a target that two targets have: it may be meant for one of them.
fn refuse_two_places(
    servers: &Servers,
    selection: &Selection,
    found: &[Candidate],
) -> Result<(), CommandError> {
    let mut places: BTreeMap<&TenantName, Vec<String>> = BTreeMap::new();
    for candidate in found {
        let is_for_any = selection.is_by_name() && selection.names(&candidate.tenant, None);
        if is_for_any {
            let name = servers.name(candidate.target).unwrap_or_default();
            places
                .entry(&candidate.tenant)
                .or_default()
                .push(name.to_owned());
        }
    }
    match places.into_iter().find(|(_, targets)| targets.len() > 1) {
        Some((tenant, targets)) => Err(CommandError::TwoPlaces {
            tenant: tenant.clone(),
            targets,
        }),
        None => Ok(()),
    }
}

/// Shows what would be dropped. A schema that is to be left alone says that the list is wrong:
/// nothing of it is dropped.
fn show_candidate(
    session: &Session,
    servers: &Servers,
    candidate: &Candidate,
    options: &DropOptions,
) -> Result<(), CommandError> {
    let place = at(servers.name(candidate.target));
    match &candidate.preview {
        Some(seen) => {
            seen.check(&candidate.tenant, options)?;
            show(session, &candidate.tenant, &place, seen);
            for mention in &candidate.mentions {
                session
                    .output
                    .warning(&format!("a setting still names it: {}", safe(mention)));
            }
            if !candidate.elsewhere.is_empty() {
                session.output.warning(&format!(
                    "text outside of it still names it: {}",
                    safe(&listed(&candidate.elsewhere, NAMED))
                ));
            }
        }
        None => session.output.warning(&format!(
            "there is no tenant '{}'{place}",
            safe(candidate.tenant.as_str())
        )),
    }
    Ok(())
}

/// Drops one tenant after the other.
async fn drop_all(
    session: &Session,
    servers: &Servers,
    found: &[Candidate],
    options: &DropOptions,
    failures: &FleetFailures,
) -> Result<u8, CommandError> {
    let output = session.output;
    let mut failed = 0;
    let mut last = exit::DONE;
    let earlier = failures.count() - failures.targets;
    // The failed connections of servers: their further tenants do not wait for another one.
    let mut down: BTreeMap<usize, ErrorReport> = BTreeMap::new();
    for (index, candidate) in found.iter().enumerate() {
        let target = servers.name(candidate.target);
        if let Some(signal) = session.shutdown.signal() {
            for candidate in found.iter().skip(index).filter(|_| output.is_json()) {
                let target = servers.name(candidate.target);
                line(
                    &candidate.tenant,
                    target,
                    TenantOutcome::NotReached,
                    None,
                    None,
                )?;
            }
            let left = found.len() - index;
            conclude(session, index - failed, failed + earlier, left, failures)?;
            return Ok(signal_exit_code(signal));
        }
        let Some(entry) = servers.entries().get(candidate.target) else {
            continue;
        };
        let (outcome, report) = if let Some(report) = down.get(&candidate.target) {
            (TenantOutcome::Failed, Some(report.clone()))
        } else {
            let ended = drop_tenant(
                &entry.target.server,
                &candidate.tenant,
                options,
                &session.shutdown,
            )
            .await;
            let outcome = match ended {
                Err(DropError::Unknown(_)) => TenantOutcome::Unknown,
                _ => TenantOutcome::Failed,
            };
            let is_down = matches!(&ended, Err(DropError::Psql(PsqlError::Connect { .. })));
            let failure = ended.err().map(CommandError::from);
            let report = failure.map(|error| build_report(&error, Some(&entry.target.context)));
            if let Some(report) = report.as_ref().filter(|_| is_down) {
                down.insert(candidate.target, report.clone());
            }
            (outcome, report)
        };
        let text = format!("{}{}", safe(candidate.tenant.as_str()), at(target));
        match report {
            None if output.is_json() => {
                line(
                    &candidate.tenant,
                    target,
                    TenantOutcome::Dropped,
                    None,
                    None,
                )?;
            }
            None => output.success(AnsiColor::Green.on_default(), "dropped", &text)?,
            Some(mut report) => {
                (failed, last) = (failed + 1, report.code);
                if output.is_json() {
                    line(
                        &candidate.tenant,
                        target,
                        outcome,
                        None,
                        Some(report.json()),
                    )?;
                }
                let name = safe(candidate.tenant.as_str());
                report.message = format!("tenant '{name}'{}: {}", at(target), report.message);
                output.report(&report);
            }
        }
    }
    let dropped = found.len() - failed;
    conclude(session, dropped, failed + earlier, 0, failures)?;
    if !output.is_json() && found.len() + earlier > 1 {
        output.summary(&format!("{dropped} dropped, {} failed", failed + earlier));
    }
    if let Some(code) = failures.exit_code(found.len()) {
        return Ok(code);
    }
    Ok(match (failed, found.len()) {
        (0, _) => exit::DONE,
        (_, 1) => last,
        _ => exit::PARTIAL,
    })
}

/// Prints a tenant's line for programs.
fn line(
    tenant: &TenantName,
    target: Option<&str>,
    outcome: TenantOutcome,
    content: Option<TenantContent>,
    error: Option<ErrorObject>,
) -> Result<(), CommandError> {
    Output::json(&Line::Tenant(TenantLine {
        tenant: tenant.as_str().to_owned(),
        target: target.map(str::to_owned),
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
    failures: &FleetFailures,
) -> Result<(), CommandError> {
    let not_reached = Some(left).filter(|left| *left > 0);
    session.summary(Counts::Drop(DropCounts {
        dropped,
        failed,
        not_reached,
        failed_targets: failures.failed_targets(),
    }))
}

/// Prints for programs what a run without `--dry-run` would drop.
fn foretell(
    session: &Session,
    servers: &Servers,
    found: &[Candidate],
    failures: &FleetFailures,
) -> Result<(), CommandError> {
    if !session.output.is_json() {
        return Ok(());
    }
    for candidate in found {
        let content = candidate.preview.as_ref().map(|seen| TenantContent {
            tables: seen.tables,
            views: seen.views,
            sequences: seen.sequences,
            routines: seen.routines,
            bytes: seen.bytes,
            distributed: seen.distributed.then_some(true),
            outside: seen.outside.clone(),
            publications: seen.publications.clone(),
            settings: candidate.mentions.clone(),
            elsewhere: candidate.elsewhere.clone(),
            large_objects: seen.large_objects,
        });
        let outcome = match &content {
            Some(_) => TenantOutcome::WouldDrop,
            None => TenantOutcome::Missing,
        };
        let error = content.is_none().then(|| missing_tenant(&candidate.tenant));
        let target = servers.name(candidate.target);
        line(&candidate.tenant, target, outcome, content, error)?;
    }
    let missing = found
        .iter()
        .filter(|tenant| tenant.preview.is_none())
        .count();
    let failed = missing + failures.tenants + failures.missing;
    conclude(session, 0, failed, 0, failures)
}

fn show(session: &Session, tenant: &TenantName, place: &str, seen: &Preview) {
    let count =
        |number: u64, what: &str| plural(usize::try_from(number).unwrap_or(usize::MAX), what);
    session.output.say(&format!(
        "'{}'{place} has {}, {}, {}, {}, {} MB{}",
        safe(tenant.as_str()),
        count(seen.tables, "table"),
        count(seen.views, "view"),
        count(seen.sequences, "sequence"),
        count(seen.routines, "function"),
        seen.bytes.div_ceil(1_000_000),
        if seen.distributed {
            " on the workers"
        } else {
            ""
        },
    ));
    if let Some(count) = seen.large_objects.filter(|count| *count > 0) {
        session.output.warning(&format!(
            "{} whose ids its rows hold will stay in the database: use lo_unlink() before, for those that nothing else uses",
            plural(count, "large object")
        ));
    }
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
async fn confirm(session: &Session, tenants: &[Candidate]) -> Result<(), CommandError> {
    let (wanted, what) = match tenants {
        [only] => (only.tenant.as_str().to_owned(), "the tenant's name"),
        several => (several.len().to_string(), "the number of tenants"),
    };
    let why = match ask(session, &format!("Type {what} to drop: ")).await? {
        PromptAnswer::Line(answer) if answer == wanted => return Ok(()),
        PromptAnswer::Line(_) | PromptAnswer::EndOfInput => "the answer did not match",
        PromptAnswer::NoTerminal => "pass --yes, because there is no terminal to ask on",
    };
    Err(CommandError::Usage(format!("nothing was dropped: {why}")))
}
