//! The run: requests come in, workers take them, each result is told as soon as it is there.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::budget::{Room, locks_of};
use super::growth::Growth;
use super::target::{BulkTarget, Working};
use crate::pg::{PsqlError, PsqlSession};
use crate::process::Stop;
use crate::sql::TenantName;
use crate::tenant::attempt::Psql;
use crate::tenant::migrate::{ExternalCommand, Failure as HookFailure};
use crate::tenant::{Outcome, ProvisionError, Provisioner, Retries};

/// The most workers that a server gets unasked.
const MOST: usize = 32;
/// Workers at the beginning, when their number is measured.
const FIRST: usize = 2;
/// Workers of a server that are connected at the same time.
const LOGINS: usize = 4;
/// Requests that may wait for their servers, when there are several.
const WAITING: usize = 1000;
/// How often idle workers are looked after.
const LOOK_AFTER: Duration = Duration::from_secs(5);
/// A worker that was idle for so long is asked whether its connection lives.
const IDLE: Duration = Duration::from_secs(20);

/// How a bulk run works.
#[derive(Clone, Debug, Default)]
pub struct BulkOptions {
    /// Workers for each server; `None`: as many as help.
    pub jobs: Option<usize>,
    /// No further tenant is begun after so many failed; `None` is without limit.
    pub max_failures: Option<usize>,
    /// A command of the app for each tenant once it is created.
    pub hook: Option<ExternalCommand>,
    /// Workers are connected before there is anything to do.
    pub warm: bool,
}

/// A tenant that is to be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The tenant.
    pub tenant: TenantName,
    /// The server, by its place in the list.
    pub target: usize,
}

/// What has become of a request.
#[derive(Debug)]
pub struct Done {
    /// The request.
    pub request: Request,
    /// What has become of the tenant.
    pub result: Result<Outcome, ProvisionError>,
    /// Why the command for it failed, if it did; the tenant stays.
    pub hook: Result<(), HookFailure>,
    /// How often it was tried.
    pub attempts: u32,
    /// From the time a worker took it.
    pub elapsed: Duration,
}

/// How a run ended.
#[derive(Debug)]
pub struct BulkReport {
    /// Requests that were taken and not begun.
    pub not_begun: Vec<Request>,
    /// Why it ended before all requests were done, if it did.
    pub ended_early: Option<String>,
    /// Most workers of each server.
    pub workers: Vec<usize>,
    /// What a user should know of the limits of the servers.
    pub notes: Vec<String>,
}

/// A run on one server or several.
#[derive(Debug)]
pub struct Bulk {
    targets: Vec<Working>,
    options: BulkOptions,
    tasks: JoinSet<Task>,
    closing: JoinSet<()>,
    failures: usize,
    ended_early: Option<String>,
    notes: Vec<String>,
}

/// What a task of the run has done.
enum Task {
    Tenant(Box<Done>, PsqlSession),
    /// A worker was connected, or not.
    Warmed(usize, PsqlSession, Result<(), PsqlError>),
    /// A server was asked what it has room for.
    Asked(usize, PsqlSession, Result<Room, PsqlError>),
}

impl Bulk {
    /// A run that has not begun.
    pub fn new(targets: Vec<BulkTarget>, options: BulkOptions) -> Self {
        // Until it is known what a server has room for.
        let workers = options.jobs.unwrap_or(FIRST).min(FIRST);
        let targets = targets.into_iter().map(|target| Working::new(target, workers)).collect();
        Self {
            targets,
            options,
            tasks: JoinSet::new(),
            closing: JoinSet::new(),
            failures: 0,
            ended_early: None,
            notes: Vec::new(),
        }
    }

    /// Asks the servers what they have room for, and connects the first workers.
    ///
    /// A server that cannot be reached fails its tenants later on; the others go on. With [`ProvisionError::Budget`], which
    /// says that not even one tenant fits, the run is not to be begun.
    pub async fn prepare(&mut self, stop: &Stop) -> Vec<Result<Room, ProvisionError>> {
        for (index, working) in self.targets.iter().enumerate() {
            let (mut session, place, stop) = (working.target.provisioner.session(), working.place(), stop.clone());
            let mut retries = working.target.provisioner.options().retries;
            // Where there are several, those that are reached do not wait for one that is not.
            if self.targets.len() > 1 {
                retries.attempts = 1;
            }
            self.tasks.spawn(async move {
                let room = room(&mut session, &place, retries, &stop).await;
                Task::Asked(index, session, room)
            });
        }
        let mut rooms: Vec<_> = self.targets.iter().map(|_| None).collect();
        while let Some(task) = self.tasks.join_next().await {
            let Ok(Task::Asked(index, session, asked)) = task else { continue };
            if let (Some(working), Some(place)) = (self.targets.get_mut(index), rooms.get_mut(index)) {
                *place = Some(asked_of(working, self.options.jobs, &mut self.notes, session, asked));
            }
        }
        if self.options.warm {
            for index in 0..self.targets.len() {
                self.staff(index, stop);
            }
        }
        let lost =
            || Err(ProvisionError::Interrupted { signal: stop.now().unwrap_or(crate::process::Signal::TERMINATE) });
        rooms.into_iter().map(|room| room.unwrap_or_else(lost)).collect()
    }

    /// Takes requests until there are no more, and tells of each as soon as it is done.
    ///
    /// `on_done` may end the run. `next` must be safe to drop before it is ready, as in `tokio::select!`. When `stop` asks,
    /// nothing further is begun, and what is at work is cut short as [`Provisioner::provision`] says.
    pub async fn run(
        mut self,
        mut next: impl AsyncFnMut() -> Option<Request>,
        on_done: &mut dyn FnMut(Done) -> ControlFlow<()>,
        stop: &Stop,
    ) -> BulkReport {
        let mut exhausted = false;
        let mut look_after = tokio::time::interval(LOOK_AFTER);
        look_after.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            if stop.now().is_some() {
                self.ended_early.get_or_insert_with(|| "the run was stopped".to_owned());
            }
            let goes_on = self.ended_early.is_none();
            if goes_on {
                self.dispatch(on_done, stop);
            }
            let waits = self.targets.iter().any(|working| !working.waiting.is_empty());
            if self.tasks.is_empty() && (!goes_on || (exhausted && !waits)) {
                break;
            }
            tokio::select! {
                task = self.tasks.join_next(), if !self.tasks.is_empty() => {
                    match task {
                        Some(Ok(task)) => self.ended(task, on_done, stop),
                        // Only a panic ends a task that nobody aborts.
                        Some(Err(error)) => std::panic::resume_unwind(error.into_panic()),
                        None => {}
                    }
                }
                request = next(), if goes_on && !exhausted && self.has_room() => match request {
                    Some(request) => self.take(request),
                    None => exhausted = true,
                },
                _ = look_after.tick(), if goes_on => self.look_after(stop),
                _ = stop.requested(), if goes_on => {}
            }
        }
        self.finish().await
    }

    /// Whether another request may be taken: when a worker is there for it, or may be started.
    fn has_room(&self) -> bool {
        match self.targets.as_slice() {
            [only] => {
                only.waiting.is_empty()
                    && (!only.idle.is_empty() || only.workers() < only.growth.wanted() || only.is_down().is_some())
            }
            several => several.iter().map(|working| working.waiting.len()).sum::<usize>() < WAITING,
        }
    }

    fn take(&mut self, request: Request) {
        if let Some(working) = self.targets.get_mut(request.target) {
            working.waiting.push_back(request);
        }
    }

    /// Gives what waits to workers that are free, and starts workers where that helps.
    fn dispatch(&mut self, on_done: &mut dyn FnMut(Done) -> ControlFlow<()>, stop: &Stop) {
        for index in 0..self.targets.len() {
            while self.ended_early.is_none() && self.one(index, on_done, stop) {}
            let busy = self.targets.get(index).is_some_and(|working| !working.waiting.is_empty() || working.busy > 0);
            if busy {
                self.staff(index, stop);
            }
        }
    }

    /// Begins with one request of a server; whether there was one to begin with.
    fn one(&mut self, index: usize, on_done: &mut dyn FnMut(Done) -> ControlFlow<()>, stop: &Stop) -> bool {
        let Some(working) = self.targets.get_mut(index) else { return false };
        if working.waiting.is_empty() {
            return false;
        }
        if let Some(error) = working.is_down() {
            if let Some(request) = working.waiting.pop_front() {
                self.tell(failed(request, ProvisionError::Connect(error)), on_done);
            }
            return true;
        }
        let Some(session) = working.take_idle() else { return false };
        let Some(request) = working.waiting.pop_front() else { return false };
        working.busy += 1;
        let mut retries = working.target.provisioner.options().retries;
        // Nobody waits again for what nobody could reach a moment ago.
        if working.was_down() {
            retries = Retries { attempts: 1, ..retries };
        }
        let provisioner = working.target.provisioner.clone();
        let (hook, stop) = (self.options.hook.clone(), stop.clone());
        self.tasks.spawn(create(provisioner, hook, session, request, retries, stop));
        true
    }

    /// Connects workers until there are as many as are wanted; the first one also when the server was down a while ago.
    fn staff(&mut self, index: usize, stop: &Stop) {
        let Some(working) = self.targets.get_mut(index) else { return };
        // The workers at work are not slowed down by many that log in at once.
        while working.wants_worker() && working.warming < LOGINS {
            let session = working.target.provisioner.session();
            Self::warm(&mut self.tasks, working, index, session, stop);
        }
    }

    fn ended(&mut self, task: Task, on_done: &mut dyn FnMut(Done) -> ControlFlow<()>, stop: &Stop) {
        match task {
            Task::Tenant(done, session) => self.tenant_ended(*done, session, on_done, stop),
            Task::Warmed(index, session, warmed) => self.warmed(index, session, warmed, stop),
            // All have been asked before.
            Task::Asked(..) => {}
        }
    }

    fn tenant_ended(
        &mut self,
        done: Done,
        mut session: PsqlSession,
        on_done: &mut dyn FnMut(Done) -> ControlFlow<()>,
        stop: &Stop,
    ) {
        let index = done.request.target;
        let Some(working) = self.targets.get_mut(index) else { return };
        let at_work = working.busy;
        working.busy -= 1;
        let others = working.busy > 0;
        match &done.result {
            // Others took its connection: the others of this run go on without it.
            Err(ProvisionError::Connect(error))
                if others && error.is_out_of_connections() && self.ended_early.is_none() =>
            {
                working.hold_back(error);
                Self::note_scarce(&mut self.notes, working, error);
                working.waiting.push_front(done.request);
                return;
            }
            // As long as others work there, the server is not down.
            Err(ProvisionError::Connect(error)) if !others => working.goes_down(Arc::clone(error)),
            Err(ProvisionError::Connect(_)) => {}
            _ => working.is_up(),
        }
        working.growth.ended(at_work, Instant::now());
        if working.workers() >= working.growth.wanted() {
            // One more than helps.
            self.closing.spawn(async move { session.close().await });
        } else if session.idle().is_some() || working.is_down().is_some() {
            working.idle.push(session);
        } else {
            // psql ended with the error; the next name does not wait for another.
            Self::warm(&mut self.tasks, working, index, session, stop);
        }
        if working.waiting.is_empty() && working.idle.len() > 1 {
            working.growth.starved();
        }
        self.tell(done, on_done);
    }

    /// Says, once, that a server has no connection for another worker.
    fn note_scarce(notes: &mut Vec<String>, working: &mut Working, error: &PsqlError) {
        // Those that are being connected may get none either.
        let workers = working.idle.len() + working.busy;
        tracing::debug!(%error, workers, "no further worker for now");
        if error.is_out_of_connections() && !std::mem::replace(&mut working.said_scarce, true) {
            notes.push(format!("{} had no connection for another worker beside {workers}: {error}", working.place()));
        }
    }

    /// Has a worker connected, or its connection looked after.
    fn warm(tasks: &mut JoinSet<Task>, working: &mut Working, index: usize, mut session: PsqlSession, stop: &Stop) {
        working.warming += 1;
        let stop = stop.clone();
        tasks.spawn(async move {
            let warmed = session.refresh(&stop).await;
            Task::Warmed(index, session, warmed)
        });
    }

    fn warmed(&mut self, index: usize, session: PsqlSession, warmed: Result<(), PsqlError>, stop: &Stop) {
        let Some(working) = self.targets.get_mut(index) else { return };
        working.warming -= 1;
        match warmed {
            Ok(()) => {
                working.is_up();
                working.idle.push(session);
                working.peak = working.peak.max(working.workers());
            }
            Err(_) if stop.now().is_some() => {}
            Err(error) if working.workers() > 0 => {
                working.hold_back(&error);
                Self::note_scarce(&mut self.notes, working, &error);
            }
            // It was tried once: the next tenant tries it again, as often as it may.
            Err(error) if error.is_transient() => working.idle.push(session),
            Err(error) => working.goes_down(Arc::new(error)),
        }
    }

    /// Connections of workers that have nothing to do are kept alive, and renewed.
    fn look_after(&mut self, stop: &Stop) {
        for index in 0..self.targets.len() {
            let Some(working) = self.targets.get_mut(index) else { continue };
            let (stale, fresh): (Vec<_>, Vec<_>) = std::mem::take(&mut working.idle)
                .into_iter()
                .partition(|session| session.idle().is_none_or(|idle| idle > IDLE));
            working.idle = fresh;
            for session in stale {
                Self::warm(&mut self.tasks, working, index, session, stop);
            }
        }
    }

    fn tell(&mut self, done: Done, on_done: &mut dyn FnMut(Done) -> ControlFlow<()>) {
        let failed = match &done.result {
            Err(ProvisionError::PoolFull) => {
                self.ended_early.get_or_insert_with(|| "the pool is full".to_owned());
                false
            }
            result => result.is_err() || done.hook.is_err(),
        };
        self.failures += usize::from(failed);
        if on_done(done).is_break() {
            self.ended_early.get_or_insert_with(|| "nobody listens any more".to_owned());
        }
        if failed && self.options.max_failures.is_some_and(|most| self.failures >= most) {
            let failures = self.failures;
            self.ended_early.get_or_insert_with(|| format!("{failures} failed"));
        }
    }

    async fn finish(self) -> BulkReport {
        let Self { targets, ended_early, notes, mut closing, .. } = self;
        let (mut not_begun, mut workers) = (Vec::new(), Vec::new());
        for working in targets {
            not_begun.extend(working.waiting);
            workers.push(working.peak);
            for mut session in working.idle {
                closing.spawn(async move { session.close().await });
            }
        }
        while closing.join_next().await.is_some() {}
        BulkReport { not_begun, ended_early, workers, notes }
    }
}

/// Sets the number of workers of a server by what it has room for.
fn asked_of(
    working: &mut Working,
    jobs: Option<usize>,
    notes: &mut Vec<String>,
    session: PsqlSession,
    asked: Result<Room, PsqlError>,
) -> Result<Room, ProvisionError> {
    let room = match asked {
        Ok(room) => room,
        // It is reached and does not tell: a pooler, or something that is no PostgreSQL to the letter.
        Err(error @ (PsqlError::Script { .. } | PsqlError::Output { .. })) => {
            notes.push(format!("what {} has room for is not known: {error}", working.place()));
            working.growth = Growth::fixed(jobs.unwrap_or(FIRST));
            working.idle.push(session);
            return Err(ProvisionError::Run(Box::new(error)));
        }
        Err(error) => {
            let error = Arc::new(error);
            working.goes_down(Arc::clone(&error));
            return Err(ProvisionError::Connect(error));
        }
    };
    working.idle.push(session);
    working.peak = 1;
    let locks = locks_of(working.target.provisioner.snapshot());
    let budget = room.budget(locks, jobs, MOST).map_err(ProvisionError::Budget)?;
    working.growth = match jobs {
        Some(_) => Growth::fixed(budget.workers),
        None => Growth::measured(FIRST, budget.workers),
    };
    if let (Some(because), Some(wanted)) = (budget.because, jobs) {
        notes.push(format!("{}: {} workers instead of {wanted}: {because}", working.place(), budget.workers));
    }
    Ok(room)
}

/// What a server has room for. It is asked again as a tenant is tried again: one that starts up has its tenants wait for it.
async fn room(session: &mut PsqlSession, place: &str, retries: Retries, stop: &Stop) -> Result<Room, PsqlError> {
    let mut pause = retries.pause;
    for _ in 1..retries.attempts {
        match Room::of(session, stop).await {
            Err(error) if error.is_transient() => tracing::warn!(reason = %error, "{place}: trying again"),
            asked => return asked,
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stop.requested() => break,
        }
        pause *= 2;
    }
    Room::of(session, stop).await
}

async fn create(
    provisioner: Provisioner,
    hook: Option<ExternalCommand>,
    mut session: PsqlSession,
    request: Request,
    retries: Retries,
    stop: Stop,
) -> Task {
    let start = Instant::now();
    let psql = Psql::Kept(&mut session);
    let (result, attempts) = provisioner.provision_with(psql, &request.tenant, retries, &stop).await;
    let mut ran = Ok(());
    if let (Some(hook), Ok(Outcome::Created { .. })) = (&hook, &result) {
        ran = hook.run_for(provisioner.server(), &request.tenant, &stop).await;
    }
    let done = Done { request, result, hook: ran, attempts, elapsed: start.elapsed() };
    Task::Tenant(Box::new(done), session)
}

fn failed(request: Request, error: ProvisionError) -> Done {
    Done { request, result: Err(error), hook: Ok(()), attempts: 0, elapsed: Duration::ZERO }
}
