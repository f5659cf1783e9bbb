//! The command `status`.

use std::collections::BTreeMap;

use anstyle::AnsiColor;

use super::arguments::StatusArguments;
use super::failure::CommandError;
use super::lines::{
    Counts, Line, StatusCounts, StatusDetails, TenantDetails, TenantLine, TenantOutcome,
    VersionCount,
};
use super::migrate::load_chosen;
use super::output::Output;
use super::scope::{missing_code, missing_tenant};
use super::servers::{FleetFailures, Servers, at};
use super::session::Session;
use crate::exit;
use crate::fleet::inventory::{Tenant, read_fleet};
use crate::fleet::status::{TenantStatus, count_versions, status_of};
use crate::fleet::{FleetOutcome, SelectedTenant, Selection, TenantSelection};
use crate::sql::TenantName;
use crate::tenant::versions::{Applied, TenantProblem};
use crate::text::swrite;
use crate::text::{listed, plural, safe};

/// Number of digits of a fingerprint that are shown.
const SHOWN: usize = 12;

pub(super) async fn run(session: &Session, arguments: StatusArguments) -> Result<u8, CommandError> {
    let output = session.output;
    let request = arguments.scope.request(session).await?;
    let migrations = load_chosen(arguments.migrations.as_deref(), session)?;
    let servers = Servers::find(session, &arguments.targets, &session.tool()?, false).await?;
    let selection = servers.resolve(session, request).await?;
    let mut outcome = read(session, &servers, &selection, &arguments).await?;
    if arguments.reconcile {
        arguments
            .scope
            .check_found(&selection, selection.tenants().len(), output)?;
        outcome.missing = registered_missing(&servers, &selection, &outcome);
    }
    let mut found: Vec<(usize, Tenant)> = Vec::new();
    for (index, target) in outcome.targets.iter_mut().enumerate() {
        if let Some(Ok(tenants)) = &mut target.result {
            found.extend(tenants.drain(..).map(|tenant| (index, tenant)));
        }
    }
    found.sort_by(|(one_at, one), (other_at, other)| {
        (&one.name, one_at).cmp(&(&other.name, other_at))
    });
    let tenants: Vec<&Tenant> = found.iter().map(|(_, tenant)| tenant).collect();
    let status = status_of(&tenants, migrations.as_ref());
    let reconciled = arguments.reconcile.then_some(&selection);
    let places: Vec<usize> = found.iter().map(|(place, _)| *place).collect();
    let tenants = place(&servers, &places, status.tenants, reconciled);
    let failures = servers
        .tell_failures(session, &outcome, &|| {
            TenantDetails::Status(StatusDetails::default())
        })
        .await?;
    if !arguments.reconcile && failures.targets == 0 {
        let number = tenants.len() + failures.count();
        arguments.scope.check_found(&selection, number, output)?;
    }
    let report = Report {
        tenants,
        failures,
        reconciles: arguments.reconcile,
        has_targets: servers.route().is_some(),
    };
    for tenant in &report.tenants {
        line(session, tenant)?;
    }
    summary(session, &report)?;
    Ok(report.exit_code())
}

/// Reads the tenants of all servers; with `--reconcile`, those that are registered or recognised.
async fn read(
    session: &Session,
    servers: &Servers,
    selection: &Selection,
    arguments: &StatusArguments,
) -> Result<FleetOutcome<Vec<Tenant>, CommandError>, CommandError> {
    let versions_table = arguments.versions_table.as_deref();
    let read = async |index: usize, scope: TenantSelection| {
        let entry = servers.entries().get(index).ok_or(CommandError::NoTarget)?;
        let server = &entry.target.server;
        let mut fleet = read_fleet(server, &scope, versions_table, &session.shutdown).await?;
        if arguments.reconcile {
            let target = servers.name(index);
            let registered = selection.at(target);
            let is_new = |tenant: &Tenant| !selection.names(&tenant.name, target);
            fleet.tenants.retain(is_new);
            let registered =
                read_fleet(server, &registered, versions_table, &session.shutdown).await?;
            fleet.tenants.extend(registered.tenants);
            fleet.tenants.retain(exists);
        }
        Ok(fleet.tenants)
    };
    // Every target may have tenants that are not registered.
    let all = Selection::all();
    let scope = if arguments.reconcile { &all } else { selection };
    servers.run_single(session, scope, read).await
}

fn exists(tenant: &Tenant) -> bool {
    !matches!(tenant.applied, Applied::Odd(TenantProblem::NoSchema))
}

/// Returns the registered tenants that no target has, except those of targets that did not answer.
fn registered_missing(
    servers: &Servers,
    selection: &Selection,
    outcome: &FleetOutcome<Vec<Tenant>, CommandError>,
) -> Vec<SelectedTenant> {
    let mut found = std::collections::HashSet::new();
    let mut silent = Vec::new();
    for (index, target) in outcome.targets.iter().enumerate() {
        let name = servers.name(index);
        match &target.result {
            Some(Ok(tenants)) => {
                for tenant in tenants {
                    found.insert((&tenant.name, None));
                    found.insert((&tenant.name, name));
                }
            }
            _ => silent.push(name),
        }
    }
    let is_missing = |tenant: &&SelectedTenant| {
        let target = tenant.target.as_deref();
        let place = target.or_else(|| servers.belongs_at(&tenant.name));
        !found.contains(&(&tenant.name, target)) && !silent.contains(&place)
    };
    selection
        .tenants()
        .iter()
        .filter(is_missing)
        .cloned()
        .collect()
}

/// A tenant, where it is, and where it should be.
struct Placed {
    status: TenantStatus,
    target: Option<String>,
    /// The target to which the rules of the file send it, if it is at another one.
    belongs_at: Option<String>,
    /// Further targets that have a tenant with its name.
    also_at: Vec<String>,
    /// The query of `--reconcile` did not return it.
    is_unregistered: bool,
}

fn place(
    servers: &Servers,
    places: &[usize],
    tenants: Vec<TenantStatus>,
    registered: Option<&Selection>,
) -> Vec<Placed> {
    let mut targets: BTreeMap<TenantName, Vec<usize>> = BTreeMap::new();
    for (place, tenant) in places.iter().zip(&tenants) {
        targets
            .entry(tenant.tenant.clone())
            .or_default()
            .push(*place);
    }
    let name = |index: usize| servers.name(index).map(str::to_owned);
    places
        .iter()
        .zip(tenants)
        .map(|(place, status)| {
            let target = servers.name(*place);
            let others = targets.get(&status.tenant).into_iter().flatten();
            Placed {
                belongs_at: servers
                    .belongs_at(&status.tenant)
                    .filter(|belongs| Some(*belongs) != target)
                    .map(str::to_owned),
                also_at: others
                    .filter(|other| *other != place)
                    .filter_map(|other| name(*other))
                    .collect(),
                is_unregistered: registered
                    .is_some_and(|registered| !registered.names(&status.tenant, target)),
                target: name(*place),
                status,
            }
        })
        .collect()
}

impl Placed {
    fn outcome(&self) -> TenantOutcome {
        match self.status.behind {
            _ if self.status.is_missing() => TenantOutcome::Missing,
            _ if self.is_unregistered => TenantOutcome::Unregistered,
            _ if self.status.has_problem() => TenantOutcome::Odd,
            Some(0) | None => TenantOutcome::Current,
            Some(_) => TenantOutcome::Behind,
        }
    }
}

/// The tenants of all targets, and what is not known.
struct Report {
    tenants: Vec<Placed>,
    failures: FleetFailures,
    /// Tenants are compared with the registered ones.
    reconciles: bool,
    has_targets: bool,
}

impl Report {
    fn count(&self, fits: impl Fn(&Placed) -> bool) -> usize {
        self.tenants.iter().filter(|tenant| fits(tenant)).count()
    }

    fn missing(&self) -> usize {
        self.count(|tenant| tenant.status.is_missing()) + self.failures.missing
    }

    /// Counts the names that tenants of several targets have.
    fn in_two_places(&self) -> usize {
        let mut names: Vec<&TenantName> = self
            .tenants
            .iter()
            .filter(|tenant| !tenant.also_at.is_empty())
            .map(|tenant| &tenant.status.tenant)
            .collect();
        names.dedup();
        names.len()
    }

    fn exit_code(&self) -> u8 {
        let missing = self.missing();
        let unregistered = self.count(|tenant| tenant.is_unregistered);
        if self.reconciles {
            // A missing tenant is what was asked for, not a wrong name.
            return match self.failures.targets {
                0 if missing + unregistered > 0 => exit::DIFFERENCES,
                0 => exit::DONE,
                _ => exit::PARTIAL,
            };
        }
        if let Some(code) = self.failures.exit_code(self.tenants.len()) {
            return code;
        }
        missing_code(missing, self.tenants.len()).unwrap_or(exit::DONE)
    }
}

fn line(session: &Session, placed: &Placed) -> Result<(), CommandError> {
    let output = session.output;
    let outcome = placed.outcome();
    let tenant = &placed.status;
    if output.is_json() {
        return Output::json(&Line::Tenant(TenantLine {
            tenant: tenant.tenant.as_str().to_owned(),
            target: placed.target.clone(),
            outcome,
            ms: None,
            details: TenantDetails::Status(StatusDetails {
                version: tenant.version.clone(),
                tool: tenant.style.map(|style| style.tool().to_owned()),
                behind: tenant.behind,
                snapshot: tenant.snapshot.clone(),
                problems: tenant.problems.iter().map(ToString::to_string).collect(),
                odd: tenant.oddity.as_ref().map(ToString::to_string),
                distributed: tenant.distributed,
                belongs_at: placed.belongs_at.clone(),
                also_at: placed.also_at.clone(),
            }),
            error: (outcome == TenantOutcome::Missing).then(|| missing_tenant(&tenant.tenant)),
        }));
    }
    let (word, color) = match outcome {
        TenantOutcome::Missing => ("missing", AnsiColor::Red),
        TenantOutcome::Unregistered => ("unregistered", AnsiColor::Red),
        TenantOutcome::Odd => ("problem", AnsiColor::Red),
        TenantOutcome::Behind => ("behind", AnsiColor::Yellow),
        _ => ("current", AnsiColor::Green),
    };
    output.result(color.on_default(), word, &text(placed))
}

/// Describes a tenant on one line.
fn text(placed: &Placed) -> String {
    let tenant = &placed.status;
    let mut text = format!(
        "{}{}",
        safe(tenant.tenant.as_str()),
        at(placed.target.as_deref())
    );
    match (&tenant.oddity, tenant.version.as_deref()) {
        _ if tenant.is_missing() => return text,
        (Some(oddity), _) => swrite!(text, ": {oddity}"),
        (None, None) => text.push_str(": no version"),
        (None, Some(version)) => swrite!(text, ": at {}", safe(version)),
    }
    if let Some(behind) = tenant.behind.filter(|behind| *behind > 0) {
        swrite!(text, ", {behind} behind");
    }
    if let Some(snapshot) = tenant
        .snapshot
        .as_deref()
        .filter(|_| tenant.oddity.is_none())
        .and_then(|snapshot| snapshot.get(..SHOWN))
    {
        swrite!(text, ", from snapshot {snapshot}");
    }
    if tenant.distributed == Some(true) {
        text.push_str(", distributed");
    }
    for problem in &tenant.problems {
        swrite!(text, "; {problem}");
    }
    if let Some(target) = &placed.belongs_at {
        swrite!(text, "; belongs at {}", safe(target));
    }
    if !placed.also_at.is_empty() {
        let others = placed.also_at.iter().map(|target| safe(target));
        swrite!(text, "; also at {}", listed(others, 10));
    }
    text
}

fn summary(session: &Session, report: &Report) -> Result<(), CommandError> {
    let output = session.output;
    let missing = report.missing();
    let tenants = report.count(|tenant| !tenant.status.is_missing());
    let is_behind = |tenant: &Placed| tenant.status.behind.is_some_and(|behind| behind > 0);
    let behind = report.count(is_behind);
    let problems = report.count(|tenant| tenant.status.has_problem()) + report.failures.tenants;
    let unregistered = report
        .reconciles
        .then(|| report.count(|tenant| tenant.is_unregistered));
    let misplaced = report.count(|tenant| tenant.belongs_at.is_some());
    let twice = report.in_two_places();
    let versions = count_versions(report.tenants.iter().map(|tenant| &tenant.status));
    if output.is_json() {
        let versions = versions.iter().map(|(version, count)| VersionCount {
            version: version.map(str::to_owned),
            tenants: *count,
        });
        return session.summary(Counts::Status(StatusCounts {
            tenants,
            behind,
            odd: problems,
            missing,
            unregistered,
            misplaced: report.has_targets.then_some(misplaced),
            in_two_places: report.has_targets.then_some(twice),
            failed_targets: report.failures.failed_targets(),
            versions: versions.collect(),
        }));
    }
    for (version, count) in versions.iter().filter(|_| versions.len() > 1) {
        output.say(&format!(
            "{}: {}",
            safe(version.unwrap_or("no version")),
            plural(*count, "tenant")
        ));
    }
    let mut text = format!(
        "{}, {behind} behind, {problems} with problems",
        plural(tenants, "tenant")
    );
    for (count, what) in [
        (missing, "missing"),
        (misplaced, "in the wrong place"),
        (twice, "in two places"),
    ] {
        if count > 0 {
            swrite!(text, ", {count} {what}");
        }
    }
    if let Some(unregistered) = unregistered {
        swrite!(text, ", {unregistered} not registered");
    }
    text.push_str(&report.failures.text());
    output.say(&text);
    Ok(())
}
