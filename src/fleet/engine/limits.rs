//! Limits that all targets of a run share.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use super::groups::{GroupRules, GroupStop, Groups, NextGroup};
use crate::process::Shutdown;

/// Longest wait before the state of the first tenants is checked again.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// Limits of a run on one server or several: failures, workers, and the tenants that go first.
#[derive(Debug)]
pub struct RunLimits {
    max_failures: Option<usize>,
    failures: AtomicUsize,
    workers: Option<Arc<Semaphore>>,
    canaries: Mutex<Canaries>,
    /// Held by the target whose tenants go first.
    turn: tokio::sync::Mutex<()>,
    changed: Notify,
    groups: Option<Groups>,
}

/// The tenants that go first, one after the other over all targets.
#[derive(Debug)]
struct Canaries {
    /// Number of tenants that are still to go first.
    left: usize,
    /// Number of targets that have not come to their first tenants.
    targets: usize,
    failed: bool,
}

/// The part of one target in a run, with its right to start tenants that go first. Dropping it lets
/// the other targets go on without this one.
#[derive(Debug)]
pub struct RunShare {
    limits: Arc<RunLimits>,
    /// Number of groups that the target has ended.
    groups_ended: usize,
    /// `true` if none of the target's tenants is selected.
    is_unused: bool,
}

/// The right to work. Dropping it lets another worker work.
#[derive(Debug)]
pub struct WorkerPermit {
    /// `None` if the number of workers has no limit.
    _permit: Option<OwnedSemaphorePermit>,
}

impl RunLimits {
    /// Creates the limits of a run on a number of targets that ends after `max_failures` failed
    /// tenants, and of which `canaries` tenants go first.
    pub fn new(targets: usize, max_failures: Option<usize>, canaries: usize) -> Self {
        Self {
            max_failures,
            failures: AtomicUsize::new(0),
            workers: None,
            canaries: Mutex::new(Canaries {
                left: canaries,
                targets,
                failed: false,
            }),
            turn: tokio::sync::Mutex::new(()),
            changed: Notify::new(),
            groups: None,
        }
    }

    /// Has groups of tenants follow each other on a number of targets. `on_next` hears of each step from
    /// a group to the next.
    #[must_use]
    pub fn with_groups(
        self,
        targets: usize,
        groups: Vec<GroupRules>,
        on_next: impl Fn(NextGroup<'_>) + Send + Sync + 'static,
    ) -> Self {
        Self {
            groups: Some(Groups::new(groups, targets, Box::new(on_next))),
            ..self
        }
    }

    /// Bounds the number of workers on all targets together.
    #[must_use]
    pub fn with_workers(self, workers: Option<usize>) -> Self {
        let workers =
            workers.map(|workers| Arc::new(Semaphore::new(workers.min(Semaphore::MAX_PERMITS))));
        Self { workers, ..self }
    }

    /// Waits until one more worker may work.
    pub async fn worker(&self) -> WorkerPermit {
        let permit = match &self.workers {
            // The semaphore is never closed.
            Some(workers) => Arc::clone(workers).acquire_owned().await.ok(),
            None => None,
        };
        WorkerPermit { _permit: permit }
    }

    /// Returns the right to work if one more worker may work now.
    pub(in crate::fleet) fn try_worker(&self) -> Option<WorkerPermit> {
        let permit = match &self.workers {
            Some(workers) => Some(Arc::clone(workers).try_acquire_owned().ok()?),
            None => None,
        };
        Some(WorkerPermit { _permit: permit })
    }

    /// Returns the share of one target. Each of the targets must get one.
    pub(in crate::fleet) fn share(self: &Arc<Self>) -> RunShare {
        RunShare {
            limits: Arc::clone(self),
            groups_ended: 0,
            is_unused: false,
        }
    }

    /// Counts a failed tenant; returns the number of failures on all targets.
    pub(in crate::fleet) fn count_failure(&self) -> usize {
        if let Some(groups) = &self.groups {
            groups.count_failure();
        }
        self.failures.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Returns the number of failures on all targets if they are as many as the run allows.
    pub(in crate::fleet) fn too_many_failures(&self) -> Option<usize> {
        let failures = self.failures.load(Ordering::Relaxed);
        self.max_failures
            .is_some_and(|most| failures >= most)
            .then_some(failures)
    }

    /// Returns `true` if one of the tenants that go first failed.
    pub(in crate::fleet) fn canary_failed(&self) -> bool {
        self.canaries().failed
    }

    /// Returns the reason why no further group of tenants begins, if there is one.
    pub(in crate::fleet) fn group_stop(&self) -> Option<GroupStop> {
        self.groups.as_ref()?.stop()
    }

    /// Never held across an await.
    fn canaries(&self) -> MutexGuard<'_, Canaries> {
        self.canaries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RunShare {
    /// Gives the share up without a task: none of the target's tenants is selected.
    pub(in crate::fleet) fn leave_unused(mut self) {
        self.is_unused = true;
    }

    /// Returns the rules of the groups that follow each other; empty without groups.
    pub(in crate::fleet) fn groups(&self) -> &[GroupRules] {
        self.limits.groups.as_ref().map_or(&[], Groups::rules)
    }

    /// Adds the number of the target's tenants that have something to do, by group.
    pub(in crate::fleet) fn plan_groups(&self, planned: &[usize]) {
        if let Some(groups) = &self.limits.groups {
            groups.plan(planned);
        }
    }

    /// Adds a tenant of a group that cannot be started.
    pub(in crate::fleet) fn refuse(&self, group: usize) {
        if let Some(groups) = &self.limits.groups {
            groups.refuse(group);
        }
    }

    /// Waits until the target's next group may begin, the run is stopped, or no further group begins.
    pub(in crate::fleet) async fn begin_group(&self, shutdown: &Shutdown) {
        if let Some(groups) = &self.limits.groups {
            groups.wait_for(self.groups_ended, shutdown).await;
        }
    }

    /// Ends a group at this target.
    pub(in crate::fleet) fn end_group(&mut self) {
        self.groups_ended += 1;
        if let Some(groups) = &self.limits.groups {
            groups.end_group();
        }
    }

    /// Returns the limits of the whole run.
    pub fn limits(&self) -> &Arc<RunLimits> {
        &self.limits
    }

    /// Runs the next tenants that go first: `first` gets their number, and returns how many there
    /// were and whether one failed. Then waits until those of the other targets are done, or the
    /// run is stopped.
    pub(in crate::fleet) async fn go_first(
        self,
        shutdown: &Shutdown,
        first: impl AsyncFnOnce(usize) -> (usize, bool),
    ) {
        let limits = Arc::clone(&self.limits);
        {
            // One target after the other: the first failure keeps the canaries of all others from beginning.
            let _turn = limits.turn.lock().await;
            let (left, failed) = {
                let canaries = limits.canaries();
                (canaries.left, canaries.failed)
            };
            if left > 0 && !failed && shutdown.signal().is_none() {
                let (ran, failed) = first(left).await;
                let mut canaries = limits.canaries();
                canaries.left = canaries.left.saturating_sub(ran);
                canaries.failed |= failed;
            }
        }
        drop(self);
        loop {
            {
                let canaries = limits.canaries();
                if canaries.left == 0 || canaries.failed || canaries.targets == 0 {
                    return;
                }
            }
            tokio::select! {
                () = limits.changed.notified() => {}
                // `notify_waiters` wakes only those that wait already: a notification between the look and the wait
                // is lost.
                () = tokio::time::sleep(LOOK_AGAIN) => {}
                _ = shutdown.requested() => return,
            }
        }
    }
}

impl Drop for RunShare {
    fn drop(&mut self) {
        let mut canaries = self.limits.canaries();
        canaries.targets = canaries.targets.saturating_sub(1);
        drop(canaries);
        self.limits.changed.notify_waiters();
        if let Some(groups) = &self.limits.groups {
            groups.leave(self.groups_ended, self.is_unused);
        }
    }
}
