//! The run: requests come in, workers take them, and each result is reported as soon as it is
//! known.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::budget::ServerCapacity;
use super::report::{BulkOptions, BulkReport, BulkResult, TenantRequest};
use super::target::{BulkTarget, TargetState};
use crate::fleet::engine::{RunControl, RunEnd, RunLimits, WorkerPermit};
use crate::pg::{PsqlError, PsqlSession};
use crate::process::Shutdown;
use crate::tenant::migrate::ExternalCommand;
use crate::tenant::{ProvisionError, ProvisionOutcome, Provisioner, Psql, Retries};

/// Number of workers at the beginning, if the number is measured.
pub(super) const FIRST: usize = 2;
/// Number of workers of a server that connect at the same time.
const LOGINS: usize = 4;
/// Number of requests that may wait for their servers, if there are several servers.
const WAITING: usize = 1000;
/// Interval between checks of idle workers.
const LOOK_AFTER: Duration = Duration::from_secs(5);
/// Idle time after which a worker's connection is checked.
const IDLE: Duration = Duration::from_secs(20);

/// A run on one server or several.
#[derive(Debug)]
pub struct Bulk {
    pub(super) targets: Vec<TargetState>,
    pub(super) options: BulkOptions,
    pub(super) tasks: JoinSet<WorkerEvent>,
    closing: JoinSet<()>,
    limits: Arc<RunLimits>,
    control: RunControl,
    /// `true` if a tenant waits for nothing but the right of one more worker.
    lacks_permit: bool,
    /// Index of the server that gets the next worker first.
    next_target: usize,
    pub(super) notes: Vec<String>,
}

/// The result of a task of the run.
pub(super) enum WorkerEvent {
    Tenant(Box<BulkResult>, PsqlSession),
    /// A worker was connected, or failed to connect.
    Warmed(usize, PsqlSession, Result<(), PsqlError>),
    /// A server was asked for its capacity.
    Asked(usize, PsqlSession, Result<ServerCapacity, PsqlError>),
}

impl Bulk {
    /// Creates a run that has not begun.
    pub fn new(targets: Vec<BulkTarget>, options: BulkOptions) -> Self {
        // Used until the server's capacity is known.
        let workers = options.jobs.unwrap_or(FIRST).min(FIRST);
        let targets: Vec<_> = targets
            .into_iter()
            .map(|target| TargetState::new(target, workers))
            .collect();
        let limits = RunLimits::new(targets.len(), options.max_failures, 0);
        let limits = Arc::new(limits.with_workers(options.total_jobs));
        Self {
            control: RunControl::new(Arc::clone(&limits)),
            limits,
            lacks_permit: false,
            targets,
            options,
            tasks: JoinSet::new(),
            closing: JoinSet::new(),
            next_target: 0,
            notes: Vec::new(),
        }
    }

    /// Shares the limits of a run over several targets, of which this is one. Those of the options do not count then.
    #[must_use]
    pub fn within(mut self, limits: &Arc<RunLimits>) -> Self {
        self.limits = Arc::clone(limits);
        self.control = RunControl::new(Arc::clone(limits));
        self
    }

    /// Takes requests until there are no more, and reports each as soon as it is done.
    ///
    /// `on_done` can end the run. `next` must be safe to drop before it is ready, as in
    /// `tokio::select!`. On `shutdown`, no further request is started, and those in progress are
    /// interrupted as [`Provisioner::provision`] describes.
    pub async fn run(
        mut self,
        mut next: impl AsyncFnMut() -> Option<TenantRequest>,
        on_done: &mut dyn FnMut(BulkResult) -> ControlFlow<()>,
        shutdown: &Shutdown,
    ) -> BulkReport {
        let mut exhausted = false;
        let limits = Arc::clone(&self.limits);
        let mut look_after = tokio::time::interval(LOOK_AFTER);
        // Ticks that were missed while the loop was busy would be made up for at once otherwise.
        look_after.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let goes_on = self.control.goes_on(shutdown);
            self.lacks_permit = false;
            if goes_on {
                self.dispatch(on_done, shutdown);
            }
            let waits = self
                .targets
                .iter()
                .any(|working| !working.waiting.is_empty());
            if !goes_on || (exhausted && !waits) {
                // Nothing waits for this answer.
                for asking in self
                    .targets
                    .iter_mut()
                    .filter_map(|working| working.asking.take())
                {
                    asking.abort();
                }
            }
            if self.tasks.is_empty() && (!goes_on || (exhausted && !waits)) {
                break;
            }
            tokio::select! {
                task = self.tasks.join_next(), if !self.tasks.is_empty() => {
                    match task {
                        Some(Ok(task)) => self.ended(task, on_done, shutdown),
                        Some(Err(error)) if error.is_cancelled() => {}
                        // A task that was not aborted fails only by a panic.
                        Some(Err(error)) => std::panic::resume_unwind(error.into_panic()),
                        None => {}
                    }
                }
                request = next(), if goes_on && !exhausted && self.has_room() => match request {
                    Some(request) => self.take(request),
                    None => exhausted = true,
                },
                // Another target of the run may have it. The next round takes it before anybody else can.
                permit = limits.worker(), if goes_on && self.lacks_permit => drop(permit),
                _ = look_after.tick(), if goes_on => self.look_after(shutdown),
                _ = shutdown.requested(), if goes_on => {}
            }
        }
        self.finish().await
    }

    /// Returns `true` if another request can be taken: a worker is free for it or can be started.
    fn has_room(&self) -> bool {
        match self.targets.as_slice() {
            [only] => {
                only.waiting.is_empty()
                    && (!only.idle.is_empty()
                        || only.workers() < only.growth.wanted()
                        || only.is_down().is_some())
            }
            several => {
                several
                    .iter()
                    .map(|working| working.waiting.len())
                    .sum::<usize>()
                    < WAITING
            }
        }
    }

    fn take(&mut self, request: TenantRequest) {
        if let Some(working) = self.targets.get_mut(request.target) {
            working.waiting.push_back(request);
        }
    }

    /// Gives waiting requests to free workers, and starts workers where that helps.
    fn dispatch(
        &mut self,
        on_done: &mut dyn FnMut(BulkResult) -> ControlFlow<()>,
        shutdown: &Shutdown,
    ) {
        // With a limit for all servers, each gets one at a time, so that none has to wait for all
        // tenants of another.
        let mut started = true;
        while started {
            started = false;
            for step in 0..self.targets.len() {
                let index = self.next_target.wrapping_add(step) % self.targets.len();
                started |= !self.control.has_ended() && self.one(index, on_done, shutdown);
            }
            // The next round begins with another server.
            self.next_target = self.next_target.wrapping_add(1);
        }
        for index in 0..self.targets.len() {
            let busy = self
                .targets
                .get(index)
                .is_some_and(|working| !working.waiting.is_empty() || working.busy > 0);
            if busy {
                self.staff(index, shutdown);
            }
        }
    }

    /// Starts one request of a server. Returns `false` if there was none to start.
    fn one(
        &mut self,
        index: usize,
        on_done: &mut dyn FnMut(BulkResult) -> ControlFlow<()>,
        shutdown: &Shutdown,
    ) -> bool {
        let Some(working) = self.targets.get_mut(index) else {
            return false;
        };
        if working.waiting.is_empty() {
            return false;
        }
        if let Some(unfit) = working.unfit.clone() {
            if let Some(request) = working.waiting.pop_front() {
                self.tell(failed(request, ProvisionError::Budget(unfit)), on_done);
            }
            return true;
        }
        if let Some(error) = working.is_down() {
            if let Some(request) = working.waiting.pop_front() {
                self.tell(failed(request, ProvisionError::Connect(error)), on_done);
            }
            return true;
        }
        if working.idle.is_empty() {
            return false;
        }
        let Some(permit) = self.limits.try_worker() else {
            self.lacks_permit = true;
            return false;
        };
        let Some(session) = working.take_idle() else {
            return false;
        };
        let Some(request) = working.waiting.pop_front() else {
            return false;
        };
        working.busy += 1;
        let mut retries = working.target.provisioner.options().retries;
        // Do not wait again for a server that could not be reached a moment ago.
        if working.was_down() {
            retries = Retries {
                attempts: 1,
                ..retries
            };
        }
        let provisioner = working.target.provisioner.clone();
        let hook = self.options.hook.clone();
        let shutdown = shutdown.clone();
        let create = create_tenant(provisioner, hook, session, request, retries, shutdown);
        self.tasks.spawn(with_permit(permit, create));
        true
    }

    /// Connects workers until there are as many as wanted. The first one is also tried if the
    /// server was down a while ago.
    pub(super) fn staff(&mut self, index: usize, shutdown: &Shutdown) {
        let Some(working) = self.targets.get_mut(index) else {
            return;
        };
        // Many logins at once would slow down the workers in progress.
        while working.wants_worker() && working.warming < LOGINS {
            let session = working.target.provisioner.session();
            Self::warm(&mut self.tasks, working, index, session, shutdown);
        }
    }

    fn ended(
        &mut self,
        task: WorkerEvent,
        on_done: &mut dyn FnMut(BulkResult) -> ControlFlow<()>,
        shutdown: &Shutdown,
    ) {
        match task {
            WorkerEvent::Tenant(done, session) => {
                self.tenant_ended(*done, session, on_done, shutdown);
            }
            WorkerEvent::Warmed(index, session, warmed) => {
                self.warmed(index, session, warmed, shutdown);
            }
            WorkerEvent::Asked(index, session, asked) => self.asked(index, session, asked),
        }
    }

    fn tenant_ended(
        &mut self,
        done: BulkResult,
        mut session: PsqlSession,
        on_done: &mut dyn FnMut(BulkResult) -> ControlFlow<()>,
        shutdown: &Shutdown,
    ) {
        let index = done.request.target;
        let Some(working) = self.targets.get_mut(index) else {
            return;
        };
        let at_work = working.busy;
        working.busy -= 1;
        let others = working.busy > 0;
        match &done.result {
            // Others took its connection: the other workers of this run go on without it.
            Err(ProvisionError::Connect(error))
                if others && error.is_out_of_connections() && !self.control.has_ended() =>
            {
                working.hold_back(error);
                Self::note_scarce(&mut self.notes, working, error);
                working.waiting.push_front(done.request);
                return;
            }
            // While other workers are running, the server is not down.
            Err(ProvisionError::Connect(error)) if !others => working.goes_down(Arc::clone(error)),
            Err(ProvisionError::Connect(_)) => {}
            _ => working.is_up(),
        }
        working.growth.ended(at_work, Instant::now());
        if working.workers() >= working.growth.wanted() {
            // One worker more than helps.
            self.closing.spawn(async move { session.close().await });
        } else if session.idle().is_some() || working.is_down().is_some() {
            working.idle.push(session);
        } else {
            // psql ended with the error. Open another one now, so that the next name does not wait
            // for it.
            Self::warm(&mut self.tasks, working, index, session, shutdown);
        }
        if working.waiting.is_empty() && working.idle.len() > 1 {
            working.growth.starved();
        }
        self.tell(done, on_done);
    }

    /// Warns once that a server has no connection for another worker.
    fn note_scarce(notes: &mut Vec<String>, working: &mut TargetState, error: &PsqlError) {
        // Workers that are connecting may get none either.
        let workers = working.idle.len() + working.busy;
        tracing::debug!(%error, workers, "no further worker for now");
        if error.is_out_of_connections() && !std::mem::replace(&mut working.said_scarce, true) {
            notes.push(format!(
                "{} had no connection for another worker in addition to {workers}: {error}",
                working.place()
            ));
        }
    }

    /// Connects a worker, or checks its connection.
    fn warm(
        tasks: &mut JoinSet<WorkerEvent>,
        working: &mut TargetState,
        index: usize,
        mut session: PsqlSession,
        shutdown: &Shutdown,
    ) {
        working.warming += 1;
        let shutdown = shutdown.clone();
        tasks.spawn(async move {
            let warmed = session.refresh(&shutdown).await;
            WorkerEvent::Warmed(index, session, warmed)
        });
    }

    fn warmed(
        &mut self,
        index: usize,
        session: PsqlSession,
        warmed: Result<(), PsqlError>,
        shutdown: &Shutdown,
    ) {
        let Some(working) = self.targets.get_mut(index) else {
            return;
        };
        working.warming -= 1;
        match warmed {
            Ok(()) => {
                working.is_up();
                working.idle.push(session);
                working.peak = working.peak.max(working.workers());
            }
            // A login that a signal interrupted says nothing about the server.
            Err(_) if shutdown.signal().is_some() => {}
            Err(error) if working.workers() > 0 => {
                working.hold_back(&error);
                Self::note_scarce(&mut self.notes, working, &error);
            }
            // Connecting was tried once. The next tenant tries again, within its retries.
            Err(error) if error.is_transient() => working.idle.push(session),
            Err(error) => working.goes_down(Arc::new(error)),
        }
    }

    /// Keeps the connections of idle workers alive, and renews them.
    fn look_after(&mut self, shutdown: &Shutdown) {
        for index in 0..self.targets.len() {
            let Some(working) = self.targets.get_mut(index) else {
                continue;
            };
            let (stale, fresh): (Vec<_>, Vec<_>) = std::mem::take(&mut working.idle)
                .into_iter()
                .partition(|session| session.idle().is_none_or(|idle| idle > IDLE));
            working.idle = fresh;
            for session in stale {
                Self::warm(&mut self.tasks, working, index, session, shutdown);
            }
        }
    }

    fn tell(&mut self, done: BulkResult, on_done: &mut dyn FnMut(BulkResult) -> ControlFlow<()>) {
        let failed = match &done.result {
            Err(ProvisionError::PoolFull) => {
                self.control.end(RunEnd::PoolFull);
                false
            }
            result => result.is_err() || done.hook.is_err(),
        };
        if on_done(done).is_break() {
            self.control.end(RunEnd::ReceiverGone);
        }
        if failed {
            self.control.count_failure();
        }
    }

    async fn finish(self) -> BulkReport {
        let Self {
            targets,
            control,
            notes,
            mut closing,
            ..
        } = self;
        let mut not_begun = Vec::new();
        let mut workers = Vec::new();
        for working in targets {
            not_begun.extend(working.waiting);
            workers.push(working.peak);
            for mut session in working.idle {
                closing.spawn(async move { session.close().await });
            }
        }
        while closing.join_next().await.is_some() {}
        BulkReport {
            not_begun,
            ended_early: control.into_end().map(|end| end.to_string()),
            workers,
            notes,
        }
    }
}

/// Runs a task that has the right to work until it ends.
async fn with_permit<T>(permit: WorkerPermit, task: impl Future<Output = T>) -> T {
    let ended = task.await;
    drop(permit);
    ended
}

async fn create_tenant(
    provisioner: Provisioner,
    hook: Option<ExternalCommand>,
    mut session: PsqlSession,
    request: TenantRequest,
    retries: Retries,
    shutdown: Shutdown,
) -> WorkerEvent {
    let start = Instant::now();
    let psql = Psql::PersistentProcess(&mut session);
    let (result, attempts) = provisioner
        .provision_with(psql, &request.tenant, retries, &shutdown)
        .await;
    let mut ran = Ok(());
    if let (Some(hook), Ok(ProvisionOutcome::Created { .. })) = (&hook, &result) {
        ran = hook
            .run_for(provisioner.server(), &request.tenant, &shutdown)
            .await;
    }
    let done = BulkResult {
        request,
        result,
        hook: ran,
        attempts,
        elapsed: start.elapsed(),
    };
    WorkerEvent::Tenant(Box::new(done), session)
}

fn failed(request: TenantRequest, error: ProvisionError) -> BulkResult {
    BulkResult {
        request,
        result: Err(error),
        hook: Ok(()),
        attempts: 0,
        elapsed: Duration::ZERO,
    }
}
