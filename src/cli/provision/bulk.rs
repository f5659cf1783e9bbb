//! Creates many tenants, or tenants whose names arrive on stdin.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::time::Duration;

use super::plan::ProvisionConfig;
use super::refill::{refill_all, say_not_filled};
use super::servers::Provisioners;
use super::single::hook_failed;
use super::tally::{ProvisionProgress, TenantResult};
use crate::cli::failure::CommandError;
use crate::cli::names::{NameReader, NameRequest};
use crate::cli::progress::Progress;
use crate::cli::session::Session;
use crate::fleet::bulk::{
    Bulk, BulkOptions, BulkResult, BulkTarget, ServerCapacity, TenantRequest,
};
use crate::fleet::pool::PoolRefiller;
use crate::process::Shutdown;
use crate::sql::TenantName;
use crate::tenant::citus::{CitusObstacles, FIRST as FIRST_CITUS};
use crate::tenant::{IfExists, ProvisionError, ProvisionOutcome, Provisioner, TenantOrigin};
use crate::text::plural;

/// Number of tenants that one query checks.
const LOOKED_UP: usize = 500;

pub(super) async fn run(
    session: &Session,
    servers: &Provisioners,
    config: &ProvisionConfig,
    mut names: NameReader,
    tally: &mut ProvisionProgress,
) -> Result<usize, CommandError> {
    let options = BulkOptions {
        jobs: config.jobs,
        total_jobs: servers.total_jobs(),
        max_failures: config.max_failures,
        hook: config.hook.clone(),
        warm: config.streams,
    };
    if !config.streams && config.options.if_exists != IfExists::Fail {
        pass_over(session, servers, &mut names, tally).await?;
    }
    if names.known() == Some(0) {
        names.say_repeated(session.output);
        return Ok(0);
    }
    let mut bulk = Bulk::new(servers.targets.clone(), options);
    prepare(session, servers, &mut bulk).await?;
    let refill = config.refill.filter(|_| config.streams);
    let keeps_full = refill.map_or_else(Vec::new, |size| start_refillers(session, servers, size));
    let progress = Progress::new(session, names.known().filter(|known| *known > 1));
    let shared = RefCell::new(Shared {
        tally,
        failed: None,
        most: config.max_failures,
    });
    let report = {
        let next = async || next_request(session, servers, &mut names, &progress, &shared).await;
        let mut on_done = |done: BulkResult| {
            let target = done.request.target;
            let made = shared.borrow_mut().done(session, servers, done, &progress);
            if let Some(keeps_full) = keeps_full.get(target).filter(|_| made) {
                keeps_full.made();
            }
            if shared.borrow().failed.is_some() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        bulk.run(next, &mut on_done, &session.shutdown).await
    };
    drop(progress);
    let Shared { tally, failed, .. } = shared.into_inner();
    if keeps_full.is_empty() && config.options.from_pool {
        refill_all(session, servers, config.refill).await;
    }
    for keeps_full in keeps_full {
        keeps_full.end().await;
    }
    if let Some(failure) = failed {
        return Err(failure);
    }
    for note in &report.notes {
        session.output.warning(note);
    }
    let is_left = names.left() > 0 || config.streams;
    warn_ended_early(session, config, tally.failed(), is_left, report.ended_early);
    names.say_repeated(session.output);
    tally.cut_short = names.is_cut_short();
    tally.workers = report.workers.iter().sum();
    Ok(names.left() + report.not_begun.len())
}

/// Queries the capacity of each server, and refuses what cannot go well on any of them.
async fn prepare(
    session: &Session,
    servers: &Provisioners,
    bulk: &mut Bulk,
) -> Result<(), CommandError> {
    let rooms = bulk.prepare(&session.shutdown).await;
    servers.refuse_shared(&rooms)?;
    for (index, room) in rooms.into_iter().enumerate() {
        match room {
            Ok(room) => {
                if let Some(provisioner) = servers.provisioner(index) {
                    let place = servers.name(index);
                    check_citus(&session.shutdown, provisioner, place, &room).await?;
                }
            }
            // The tenants of this target will fail with this reason.
            Err(
                error @ (ProvisionError::Connect(_)
                | ProvisionError::Run(_)
                | ProvisionError::Interrupted { .. }),
            ) => servers.look_closer(index, &error.into()).await,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Starts to refill the pool of each target; the result is indexed like the targets.
fn start_refillers(session: &Session, servers: &Provisioners, size: usize) -> Vec<PoolRefiller> {
    let start = |target: &BulkTarget| {
        let output = session.output;
        let name = target.name.clone();
        PoolRefiller::start(
            target.provisioner.clone(),
            size,
            move |error| say_not_filled(output, &name, error),
            session.shutdown.clone(),
        )
    };
    servers.targets.iter().map(start).collect()
}

/// Warns that the run ended before all names had their turn. A signal is reported elsewhere.
fn warn_ended_early(
    session: &Session,
    config: &ProvisionConfig,
    failed: usize,
    is_left: bool,
    reason: Option<String>,
) {
    let has_enough_failures = config.max_failures.is_some_and(|most| failed >= most);
    let reason = if has_enough_failures && is_left {
        Some(format!("{} failed", plural(failed, "tenant")))
    } else {
        reason
    };
    let Some(reason) = reason.filter(|_| session.shutdown.signal().is_none()) else {
        return;
    };
    // With `fail`, a second run would fail for the tenants that this one has made.
    let again = if config.options.if_exists == IfExists::Fail {
        ""
    } else {
        "; run again to continue"
    };
    session
        .output
        .warning(&format!("ended early: {reason}{again}"));
}

/// The state shared between reading names and printing answers.
struct Shared<'a> {
    tally: &'a mut ProvisionProgress,
    /// The failure of stdin or stdout that ends the run.
    failed: Option<CommandError>,
    /// The limit of `--max-failures`. Invalid names count as failures.
    most: Option<usize>,
}

impl Shared<'_> {
    /// Prints a tenant's outcome. Returns `true` if it was created now.
    fn done(
        &mut self,
        session: &Session,
        servers: &Provisioners,
        done: BulkResult,
        progress: &Progress,
    ) -> bool {
        let BulkResult {
            request,
            result,
            hook,
            attempts,
            elapsed,
        } = done;
        let made = matches!(result, Ok(ProvisionOutcome::Created { .. }));
        let result = match (result, hook) {
            (Ok(_), Err(failure)) => Err(hook_failed(failure, &request.tenant)),
            (result, _) => result.map_err(CommandError::from),
        };
        let target = servers.name(request.target);
        let answer = TenantResult {
            tenant: request.tenant.as_str(),
            target,
            result,
            attempts,
            elapsed,
        };
        self.answer(session, answer, servers.context(request.target), progress);
        made
    }

    fn answer(
        &mut self,
        session: &Session,
        answer: TenantResult<'_>,
        context: Option<&crate::diagnose::Context>,
        progress: &Progress,
    ) {
        let told = self.tally.answer(session, answer, context);
        progress.done();
        if let Err(failure) = told {
            self.failed.get_or_insert(failure);
        }
    }
}

/// Returns the next tenant to start. Names that cannot be started are answered here.
async fn next_request(
    session: &Session,
    servers: &Provisioners,
    names: &mut NameReader,
    progress: &Progress,
    shared: &RefCell<Shared<'_>>,
) -> Option<TenantRequest> {
    loop {
        let enough = |shared: &Shared<'_>| {
            shared
                .most
                .is_some_and(|most| shared.tally.failed() >= most)
        };
        if enough(&shared.borrow()) {
            return None;
        }
        // Names may arrive for days, so warn as soon as the check has ended.
        if shared.borrow().tally.answered() > 0 {
            session.say_plaintext_if_known();
        }
        let wanted = match names.next(&session.shutdown).await {
            Ok(wanted) => wanted?,
            Err(failure) => {
                shared.borrow_mut().failed.get_or_insert(failure);
                return None;
            }
        };
        // A list was judged before the run.
        if names.known().is_none() {
            names.warn_of_slip(&wanted, session.output);
        }
        let routed = wanted
            .tenant
            .and_then(|tenant| Ok((servers.route(&tenant)?, tenant)));
        match routed {
            Ok((target, tenant)) => return Some(TenantRequest { tenant, target }),
            Err(failure) => {
                let tenant = wanted.text.as_str();
                let elapsed = Duration::ZERO;
                let answer = TenantResult {
                    tenant,
                    target: None,
                    result: Err(failure),
                    attempts: 0,
                    elapsed,
                };
                shared
                    .borrow_mut()
                    .answer(session, answer, session.context(), progress);
                if shared.borrow().failed.is_some() {
                    return None;
                }
            }
        }
    }
}

/// Reports the tenants of a list that exist and were created from this same snapshot, a few hundred
/// at a time. They are the work of an interrupted run.
async fn pass_over(
    session: &Session,
    servers: &Provisioners,
    names: &mut NameReader,
    tally: &mut ProvisionProgress,
) -> Result<(), CommandError> {
    for (index, target) in servers.targets.iter().enumerate() {
        let mut seen = BTreeSet::new();
        let tenants: Vec<TenantName> = names
            .waiting()
            .filter_map(|wanted: &NameRequest| wanted.tenant.as_ref().ok())
            .filter(|tenant| servers.route(tenant).is_ok_and(|target| target == index))
            .filter(|tenant| seen.insert(*tenant))
            .cloned()
            .collect();
        for chunk in tenants.chunks(LOOKED_UP) {
            let start = std::time::Instant::now();
            // If the server cannot be asked, its tenants fail one by one with the reason.
            let Ok(made) = target
                .provisioner
                .made_already(chunk, &session.shutdown)
                .await
            else {
                break;
            };
            names.take_out(&made);
            for tenant in chunk.iter().filter(|tenant| made.contains(*tenant)) {
                let made_of = TenantOrigin::ThisSnapshot;
                let elapsed = start.elapsed() / u32::try_from(chunk.len()).unwrap_or(1);
                let tenant = tenant.as_str();
                let target = servers.name(index);
                let result = Ok(ProvisionOutcome::Skipped { elapsed, made_of });
                tally.answer(
                    session,
                    TenantResult {
                        tenant,
                        target,
                        result,
                        attempts: 0,
                        elapsed,
                    },
                    None,
                )?;
            }
        }
    }
    Ok(())
}

/// Checks, before anything is created, that Citus can distribute the snapshot's objects.
pub(in crate::cli) async fn check_citus(
    shutdown: &Shutdown,
    provisioner: &Provisioner,
    place: Option<&str>,
    room: &ServerCapacity,
) -> Result<(), CommandError> {
    if !provisioner.options().render.citus {
        return Ok(());
    }
    let target = place.map(|name| format!(" at {name}")).unwrap_or_default();
    let version = room.citus.clone();
    let major = version
        .as_deref()
        .and_then(|version| version.split('.').next()?.parse::<u32>().ok());
    if major.is_none_or(|major| major < FIRST_CITUS) {
        return Err(CommandError::NoCitus { target, version });
    }
    let obstacles = CitusObstacles::from_snapshot(provisioner.snapshot());
    let role = provisioner.options().render.role.as_deref();
    let answers = obstacles.ask(provisioner.server(), role, shutdown).await;
    let answers = answers.map_err(|error| ProvisionError::Run(Box::new(error)))?;
    if answers.is_worker() {
        return Err(CommandError::CitusWorker { target });
    }
    if let Some(role) = answers.unrecorded_role(role) {
        let role = role.to_owned();
        return Err(CommandError::CitusRole { target, role });
    }
    let lines = obstacles.refused(&answers, role);
    if lines.is_empty() {
        Ok(())
    } else {
        Err(CommandError::Citus { target, lines })
    }
}
