//! Several workers that take turns from one queue.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use super::control::{RunControl, RunEnd};
use super::queue::{Next, Queue, Turn};
use crate::process::Shutdown;

/// Longest pause of a worker without work. It is short, to notice turns that other workers give back.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// Runs the turns of a known list of tenants: the canaries one after the other, then the rest by
/// several workers at a time, until the queue is empty or the run ends.
#[derive(Debug)]
pub(in crate::fleet) struct Scheduler<'a> {
    shutdown: &'a Shutdown,
    queue: Mutex<Queue>,
    control: Mutex<RunControl>,
}

impl<'a> Scheduler<'a> {
    /// Creates a scheduler without turns.
    pub(in crate::fleet) fn new(max_failures: Option<usize>, shutdown: &'a Shutdown) -> Self {
        Self {
            shutdown,
            queue: Mutex::default(),
            control: Mutex::new(RunControl::new(max_failures)),
        }
    }

    /// Runs all turns. The task gets those that are to go together, and may add turns or give them back.
    pub(in crate::fleet) async fn run<F: Future<Output = ()>>(
        &self,
        turns: Vec<Turn>,
        canaries: usize,
        jobs: usize,
        task: impl Fn(Vec<Turn>) -> F,
    ) {
        let mut turns = turns.into_iter();
        if canaries > 0 {
            self.queue().add_all(turns.by_ref().take(canaries));
            self.worker(1, &task).await;
            if self.control().failures() > 0 {
                self.end(RunEnd::Canary);
            }
        }
        if self.has_ended() {
            return;
        }
        self.queue().add_all(turns);
        let jobs = jobs.max(1);
        join_all((0..jobs).map(|_| self.worker(jobs, &task))).await;
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
                    task(turns).await;
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

    /// Counts a failed tenant, and ends the run if that was one too many.
    pub(in crate::fleet) fn count_failure(&self) {
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
    pub(in crate::fleet) fn into_end(self) -> Option<RunEnd> {
        let control = self.control.into_inner();
        control.unwrap_or_else(PoisonError::into_inner).into_end()
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

/// Runs futures concurrently until all of them have ended.
async fn join_all<F: Future<Output = ()>>(futures: impl Iterator<Item = F>) {
    let mut futures: Vec<Pin<Box<F>>> = futures.map(Box::pin).collect();
    std::future::poll_fn(|context| {
        futures.retain_mut(|future| future.as_mut().poll(context).is_pending());
        if futures.is_empty() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::Signal;

    /// Runs tenants of which some fail; returns those that were started, and why the run ended.
    async fn started(
        tenants: usize,
        canaries: usize,
        max_failures: Option<usize>,
        fails: impl Fn(usize) -> bool,
    ) -> (Vec<usize>, Option<String>) {
        let shutdown = Shutdown::new();
        let scheduler = Scheduler::new(max_failures, &shutdown);
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
        scheduler.run(turns, canaries, 2, task).await;
        let end = scheduler.into_end().map(|end| end.to_string());
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
    async fn nothing_is_started_after_the_last_failure_that_is_allowed() {
        let (ran, end) = started(50, 0, Some(3), |_| true).await;
        assert!(ran.len() < 5, "{ran:?}");
        assert_eq!(end.as_deref(), Some("3 tenants failed"));
    }

    #[tokio::test]
    async fn turns_that_come_back_are_run_again_and_a_signal_ends_the_wait_for_them() {
        let shutdown = Shutdown::new();
        let scheduler = Scheduler::new(None, &shutdown);
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
        scheduler.run(vec![Turn::new(0, false)], 0, 2, task).await;
        assert_eq!(*runs.lock().unwrap(), 2);
        assert_eq!(
            scheduler.into_end().unwrap().to_string(),
            "the run was stopped"
        );
    }
}
