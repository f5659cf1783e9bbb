//! Several workers that take turns from one queue.

use std::future::Future;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::control::{RunControl, RunEnd};
use super::limits::{RunLimits, RunShare};
use super::queue::{Next, Queue, Turn};
use crate::fleet::join::join_all;
use crate::pg::PsqlError;
use crate::process::{Backoff, Shutdown, Signal};

/// Longest pause of a worker without work. It is short, to notice turns that other workers give back.
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// Maximum number of consecutive attempts to reach the server.
const RECONNECTS: u32 = 3;

/// Runs the turns of a known list of tenants: the canaries one after the other, then the rest by
/// several workers at a time, until the queue is empty or the run ends. With groups, one group after the other.
#[derive(Debug)]
pub(in crate::fleet) struct Scheduler<'a> {
    shutdown: &'a Shutdown,
    limits: Arc<RunLimits>,
    queue: Mutex<Queue>,
    control: Mutex<RunControl>,
    /// Number of failed tenants of this scheduler.
    failures: AtomicUsize,
    /// Number of failures of psql or the server since the last script that ran.
    psql_failures: AtomicU32,
    backoff: Backoff,
}

impl<'a> Scheduler<'a> {
    /// Creates a scheduler without turns. The pause before a first retry is `retry_pause`.
    pub(in crate::fleet) fn new(
        limits: &Arc<RunLimits>,
        retry_pause: Duration,
        shutdown: &'a Shutdown,
    ) -> Self {
        Self {
            shutdown,
            limits: Arc::clone(limits),
            queue: Mutex::default(),
            failures: AtomicUsize::new(0),
            psql_failures: AtomicU32::new(0),
            backoff: Backoff::new(retry_pause),
            control: Mutex::new(RunControl::new(Arc::clone(limits))),
        }
    }

    /// Runs all turns: group by group, or else the canaries before the rest. The task gets those that
    /// are to go together, and may add turns or give them back.
    pub(in crate::fleet) async fn run<F: Future<Output = ()>>(
        &self,
        turns: Vec<Turn>,
        share: RunShare,
        jobs: usize,
        task: impl Fn(Vec<Turn>) -> F,
    ) {
        if share.groups().is_empty() {
            self.run_canaries_first(turns, share, jobs, &task).await;
        } else {
            self.run_groups(turns, share, jobs, &task).await;
        }
    }

    /// Runs the groups of this target, each when all targets have ended the one before it.
    async fn run_groups<F: Future<Output = ()>>(
        &self,
        turns: Vec<Turn>,
        mut share: RunShare,
        jobs: usize,
        task: &impl Fn(Vec<Turn>) -> F,
    ) {
        let workers: Vec<usize> = share
            .groups()
            .iter()
            .map(|rules| rules.jobs.unwrap_or(jobs))
            .collect();
        let mut groups: Vec<Vec<Turn>> = workers.iter().map(|_| Vec::new()).collect();
        for turn in turns {
            if let Some(group) = groups.get_mut(turn.group) {
                group.push(turn);
            }
        }
        share.plan_groups(&groups.iter().map(Vec::len).collect::<Vec<_>>());
        for (turns, workers) in groups.into_iter().zip(workers) {
            share.begin_group(self.shutdown).await;
            self.run_all(turns.into_iter(), workers, task).await;
            if self.has_ended() {
                return;
            }
            share.end_group();
        }
    }

    async fn run_canaries_first<F: Future<Output = ()>>(
        &self,
        turns: Vec<Turn>,
        share: RunShare,
        jobs: usize,
        task: &impl Fn(Vec<Turn>) -> F,
    ) {
        let mut turns = turns.into_iter();
        let first = async |canaries: usize| {
            let ran = turns.len().min(canaries);
            self.queue().add_all(turns.by_ref().take(canaries));
            // One worker: with several, a second canary would have begun when the first one fails.
            self.worker(1, task).await;
            let failed = self.failures.load(Ordering::Relaxed) > 0;
            if failed {
                self.end(RunEnd::Canary);
            }
            (ran, failed)
        };
        share.go_first(self.shutdown, first).await;
        self.run_all(turns, jobs, task).await;
    }

    /// Runs turns of which none goes first.
    pub(in crate::fleet) async fn run_all<F: Future<Output = ()>>(
        &self,
        turns: impl Iterator<Item = Turn>,
        jobs: usize,
        task: &impl Fn(Vec<Turn>) -> F,
    ) {
        if !self.control().goes_on(self.shutdown) {
            return;
        }
        self.queue().add_all(turns);
        let jobs = jobs.max(1);
        join_all((0..jobs).map(|_| self.worker(jobs, task))).await;
    }

    async fn worker<F: Future<Output = ()>>(&self, jobs: usize, task: &impl Fn(Vec<Turn>) -> F) {
        while self.control().goes_on(self.shutdown) {
            let next = self.queue().next(jobs, Instant::now());
            match next {
                Next::End => return,
                Next::Wait(pause) => {
                    tokio::select! {
                        () = tokio::time::sleep(pause.min(LOOK_AGAIN)) => {}
                        _ = self.shutdown.requested() => {}
                    }
                }
                Next::Work(turns) => {
                    let permit = self.limits.worker().await;
                    // The wait for the permit may have outlasted the run.
                    if self.control().goes_on(self.shutdown) {
                        task(turns).await;
                    } else {
                        self.queue().give_back(turns.into_iter());
                    }
                    drop(permit);
                    self.queue().done();
                }
            }
        }
    }

    /// Gives back turns that were not started. They stay in front.
    pub(in crate::fleet) fn give_back(&self, turns: impl DoubleEndedIterator<Item = Turn>) {
        self.queue().give_back(turns);
    }

    /// Adds a turn behind all others.
    pub(in crate::fleet) fn add(&self, turn: Turn) {
        self.queue().add_all(std::iter::once(turn));
    }

    /// Adds a turn that is tried again after a pause.
    pub(in crate::fleet) fn postpone(&self, turn: &Turn) {
        let pause = self.backoff.pause_after(turn.retries);
        self.add(Turn {
            retries: turn.retries + 1,
            ready: Instant::now() + pause,
            ..turn.clone()
        });
    }

    /// Records that psql and the server work.
    pub(in crate::fleet) fn psql_worked(&self) {
        // Consecutive failures count: a server that restarts twice during a long run is not a server that is gone.
        self.psql_failures.store(0, Ordering::Relaxed);
    }

    /// Handles a failure of psql or the server: pauses if that may help, or ends the run.
    pub(in crate::fleet) async fn psql_failed(&self, error: PsqlError) {
        let may_pass = match &error {
            // A server that restarts refuses connections or drops them; whatever else fails, such as a full disk,
            // fails for the next tenant too.
            PsqlError::Connect { .. } | PsqlError::Lost { .. } => true,
            PsqlError::Password(error) => error.is_transient(),
            _ => false,
        };
        let failures = self.psql_failures.fetch_add(1, Ordering::Relaxed) + 1;
        // After a signal no further turn is started.
        if self.shutdown.signal().is_some() {
            return;
        }
        if !may_pass || failures > RECONNECTS {
            return self.end(RunEnd::Psql(error));
        }
        let _: Result<(), Signal> = self.backoff.wait(failures, self.shutdown).await;
    }

    /// Counts a failed tenant, and ends the run if that was one too many.
    pub(in crate::fleet) fn count_failure(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        self.control().count_failure();
    }

    /// Ends the run. The first reason counts.
    pub(in crate::fleet) fn end(&self, reason: RunEnd) {
        self.control().end(reason);
    }

    /// Returns `true` once no further turn is started.
    pub(in crate::fleet) fn has_ended(&self) -> bool {
        self.control().has_ended()
    }

    /// Returns the reason why the run ended early, or `None` if it did not.
    ///
    /// # Errors
    /// The failure of psql or the server, if it ended the run before any tenant was begun.
    pub(in crate::fleet) fn into_ended_early(
        self,
        begun: bool,
    ) -> Result<Option<String>, PsqlError> {
        let control = self.control.into_inner();
        match control.unwrap_or_else(PoisonError::into_inner).into_end() {
            Some(RunEnd::Psql(error)) if !begun => Err(error),
            end => Ok(end.map(|end| end.to_string())),
        }
    }

    pub(super) fn shutdown(&self) -> &Shutdown {
        self.shutdown
    }

    /// Never held across an await.
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Never held across an await.
    fn control(&self) -> MutexGuard<'_, RunControl> {
        self.control.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::engine::groups::GroupRules;

    const PAUSE: Duration = Duration::from_millis(1);

    /// Runs tenants of which some fail; returns those that were started, and why the run ended.
    async fn started(
        tenants: usize,
        canaries: usize,
        max_failures: Option<usize>,
        fails: impl Fn(usize) -> bool,
    ) -> (Vec<usize>, Option<String>) {
        let shutdown = Shutdown::new();
        let limits = Arc::new(RunLimits::new(1, max_failures, canaries));
        let scheduler = Scheduler::new(&limits, PAUSE, &shutdown);
        let started = Mutex::new(Vec::new());
        let turns = (0..tenants).map(|tenant| Turn::new(tenant, true)).collect();
        let task = async |turns: Vec<Turn>| {
            for turn in turns {
                started.lock().unwrap().push(turn.tenant);
                if fails(turn.tenant) {
                    scheduler.count_failure();
                }
            }
        };
        scheduler.run(turns, limits.share(), 2, task).await;
        let end = scheduler.into_ended_early(true).unwrap();
        (started.into_inner().unwrap(), end)
    }

    #[tokio::test]
    async fn a_failed_canary_spares_the_rest() {
        let (ran, end) = started(5, 2, None, |tenant| tenant == 0).await;
        assert_eq!(ran, [0, 1]);
        assert_eq!(end.as_deref(), Some("one of the first tenants failed"));
        let (ran, end) = started(5, 2, None, |tenant| tenant == 3).await;
        assert_eq!((ran.len(), end), (5, None));
    }

    #[tokio::test]
    async fn canaries_of_all_targets_come_before_the_rest() {
        let shutdown = Shutdown::new();
        let limits = Arc::new(RunLimits::new(3, None, 3));
        let order = Mutex::new(Vec::new());
        let run = async |target: usize, tenants: usize, share: RunShare| {
            let scheduler = Scheduler::new(&limits, PAUSE, &shutdown);
            let turns = (0..tenants).map(|tenant| Turn::new(tenant, true)).collect();
            let task = async |turns: Vec<Turn>| {
                for turn in turns {
                    order.lock().unwrap().push((target, turn.tenant));
                    tokio::task::yield_now().await;
                }
            };
            scheduler.run(turns, share, 2, task).await;
        };
        let (one, dead, two) = (limits.share(), limits.share(), limits.share());
        tokio::join!(run(1, 2, one), run(2, 9, two), async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            drop(dead);
        });
        let order = order.into_inner().unwrap();
        assert_eq!(order[..3], [(1, 0), (1, 1), (2, 0)]);
        assert_eq!(order.len(), 11);
    }

    #[tokio::test]
    async fn a_group_begins_when_all_targets_have_ended_the_one_before() {
        let shutdown = Shutdown::new();
        let pause = Duration::from_millis(50);
        let rules = ["early", "none", "main"].map(|name| {
            let mut rules = GroupRules::new(name);
            rules.pause = pause;
            rules
        });
        let steps = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&steps);
        let limits = RunLimits::new(3, None, 0).with_groups(3, rules.to_vec(), move |step| {
            let step = (step.done.to_owned(), step.next.to_owned(), step.tenants);
            seen.lock().unwrap().push(step);
        });
        let limits = Arc::new(limits);
        let order = Mutex::new(Vec::new());
        let run = async |share: RunShare, slow: Duration| {
            let scheduler = Scheduler::new(&limits, PAUSE, &shutdown);
            let turns = [2, 0, 2, 0].into_iter().enumerate();
            let turns = turns.map(|(tenant, group)| Turn::new(tenant, true).in_group(group));
            let task = async |turns: Vec<Turn>| {
                tokio::time::sleep(slow).await;
                let groups = turns.iter().map(|turn| turn.group);
                order.lock().unwrap().extend(groups);
            };
            scheduler.run(turns.collect(), share, 1, task).await;
        };
        let unused = limits.share();
        let (one, two) = (limits.share(), limits.share());
        let start = Instant::now();
        tokio::join!(
            run(one, Duration::from_millis(1)),
            run(two, Duration::from_millis(40)),
            async { unused.leave_unused() }
        );
        assert_eq!(*order.lock().unwrap(), [0, 0, 0, 0, 2, 2, 2, 2]);
        let step = ("early".to_owned(), "main".to_owned(), 4);
        assert_eq!(*steps.lock().unwrap(), [step], "an empty group is no step");
        assert!(start.elapsed() >= pause);
    }

    #[tokio::test]
    async fn nothing_is_started_after_the_last_failure_that_is_allowed() {
        let (ran, end) = started(50, 0, Some(3), |_| true).await;
        assert!(ran.len() < 5, "{ran:?}");
        assert_eq!(end.as_deref(), Some("3 tenants failed"));
    }

    #[tokio::test]
    async fn turns_that_come_back_are_run_again_and_a_signal_ends_the_wait_for_them() {
        let shutdown = Shutdown::new();
        let limits = Arc::new(RunLimits::new(1, None, 0));
        let scheduler = Scheduler::new(&limits, PAUSE, &shutdown);
        let runs = Mutex::new(0);
        let task = async |turns: Vec<Turn>| {
            for mut turn in turns {
                *runs.lock().unwrap() += 1;
                turn.retries += 1;
                match turn.retries {
                    1 => scheduler.give_back(std::iter::once(turn)),
                    2 => {
                        turn.ready += Duration::from_hours(1);
                        scheduler.add(turn);
                        shutdown.request(Signal::TERMINATE);
                    }
                    _ => {}
                }
            }
        };
        let turns = vec![Turn::new(0, false)];
        scheduler.run(turns, limits.share(), 2, task).await;
        assert_eq!(*runs.lock().unwrap(), 2);
        assert_eq!(
            scheduler.into_ended_early(true).unwrap().as_deref(),
            Some("the run was stopped")
        );
    }
}
