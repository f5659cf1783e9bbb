use std::collections::HashSet;
use std::time::Instant;

use super::output::{Filter, StatusReport, print_tenants, summary};
use super::placed::place;
use crate::cli::arguments::StatusArguments;
use crate::cli::failure::CommandError;
use crate::cli::lines::{StatusDetails, TenantDetails};
use crate::cli::migrations::load_chosen;
use crate::cli::progress::Progress;
use crate::cli::report_files::{RunFacts, target_reports};
use crate::cli::servers::Servers;
use crate::cli::session::Session;
use crate::fleet::inventory::{Tenant, read_fleet_observed};
use crate::fleet::pool::count_ready;
use crate::fleet::report::{ReportCommand, TargetReport};
use crate::fleet::status::status_of;
use crate::fleet::{FleetOutcome, SelectedTenant, Selection, SelectionSource, TenantSelection};
use crate::tenant::versions::{Applied, TenantProblem};

pub(in crate::cli) async fn run(
    session: &Session,
    arguments: StatusArguments,
) -> Result<u8, CommandError> {
    let start = Instant::now();
    let output = session.output;
    arguments.files.check()?;
    let request = arguments.scope.request(session).await?;
    let migrations = load_chosen(arguments.migrations.as_deref(), session)?;
    let servers = Servers::find(session, &arguments.targets, &session.tool()?, false).await?;
    let selection = servers.resolve(session, request).await?;
    let progress = Progress::working(session, "reading the versions of tenants");
    let mut outcome = read(session, &servers, &selection, &arguments, &progress).await?;
    drop(progress);
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
    let filter = Filter {
        behind: arguments.behind,
        problems: arguments.problems,
        whole: matches!(selection.source(), SelectionSource::Names) || session.common.verbose > 0,
    };
    let report = StatusReport {
        tenants,
        failures,
        reconciles: arguments.reconcile,
        has_targets: servers.route().is_some(),
    };
    print_tenants(session, &report.tenants, filter)?;
    summary(session, &report)?;
    let exit_code = report.exit_code(arguments.exit_code);
    if arguments.files.are_given() {
        let mut targets = target_reports(&servers, &outcome, |index, _| {
            report.target_report(servers.name(index))
        });
        if arguments.files.metrics.is_some() {
            count_spares(session, &servers, &mut targets).await;
        }
        let facts = RunFacts {
            command: ReportCommand::Status,
            start,
            exit_code,
            ended_early: None,
        };
        arguments.files.write(facts, targets)?;
    }
    Ok(exit_code)
}

/// Counts the ready-made tenants of each server that answered, where the role may.
async fn count_spares(session: &Session, servers: &Servers, targets: &mut [TargetReport]) {
    for (entry, target) in servers.entries().iter().zip(targets) {
        if target.error.is_none() {
            let spares = count_ready(&entry.target.server, &session.shutdown).await;
            target.spares = spares.unwrap_or_default();
        }
    }
}

/// Reads the tenants of all servers; with `--reconcile`, those that are registered or recognised.
async fn read(
    session: &Session,
    servers: &Servers,
    selection: &Selection,
    arguments: &StatusArguments,
    progress: &Progress,
) -> Result<FleetOutcome<Vec<Tenant>, CommandError>, CommandError> {
    let versions_table = arguments.versions.table.as_deref();
    let read = async |index: usize, scope: TenantSelection| {
        let entry = servers.entries().get(index).ok_or(CommandError::NoTarget)?;
        let server = &entry.target.server;
        let read = async |scope: &TenantSelection| {
            read_fleet_observed(server, scope, versions_table, progress, &session.shutdown).await
        };
        let mut fleet = read(&scope).await?;
        if arguments.reconcile {
            let target = servers.name(index);
            let registered = selection.at(target);
            let is_new = |tenant: &Tenant| !selection.names(&tenant.name, target);
            fleet.tenants.retain(is_new);
            let registered = read(&registered).await?;
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
    let mut found = HashSet::new();
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
