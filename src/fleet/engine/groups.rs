//! Groups of tenants that follow each other, on all targets together.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::process::Shutdown;
use crate::text::plural;

/// Longest wait before the state of a group is checked again.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// The rules of one group of tenants.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroupRules {
    /// The name.
    pub name: String,
    /// Number of workers on each target, or `None` for the number of the run.
    pub jobs: Option<usize>,
    /// Number of failures in this group that end the run. Without it, the group is worked on to its
    /// end, and one failure keeps the next group from beginning.
    pub max_failures: Option<usize>,
    /// The pause between this group and the next.
    pub pause: Duration,
}

impl GroupRules {
    /// Creates a group without rules of its own.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            jobs: None,
            max_failures: None,
            pause: Duration::ZERO,
        }
    }
}

/// The step from a group to the next one that has tenants with something to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NextGroup<'a> {
    /// The name of the group that is done.
    pub done: &'a str,
    /// Number of its tenants that were worked on.
    pub tenants: usize,
    /// The name of the next group.
    pub next: &'a str,
    /// The pause before it.
    pub pause: Duration,
}

/// The reason why no further group begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::fleet) struct GroupStop {
    group: String,
    /// Number of failed tenants; 0 if a target failed.
    failures: usize,
}

impl fmt::Display for GroupStop {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "group '{}': ", self.group.escape_debug())?;
        match self.failures {
            0 => formatter.write_str("a target failed"),
            failures => write!(formatter, "{} failed", plural(failures, "tenant")),
        }
    }
}

type OnNext = Box<dyn Fn(NextGroup<'_>) + Send + Sync>;

/// The groups of a run. Each begins when all targets have ended the one before it.
pub(super) struct Groups {
    rules: Vec<GroupRules>,
    on_next: OnNext,
    state: Mutex<GroupState>,
    changed: Notify,
}

impl fmt::Debug for Groups {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Groups");
        shown
            .field("rules", &self.rules)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct GroupState {
    /// Index of the group that is worked on.
    current: usize,
    /// Number of targets that take part.
    targets: usize,
    /// Number of these that have ended the current group.
    ended: usize,
    /// Tenants that have something to do, by group.
    planned: Vec<usize>,
    /// Tenants that could not be started, by group.
    refused: Vec<usize>,
    /// Tenants of the current group that failed.
    failures: usize,
    /// `true` if a target has left before its end: its tenants of this group are not done.
    target_failed: bool,
    /// The end of the pause before the current group.
    begin_at: Option<Instant>,
    stop: Option<GroupStop>,
}

impl Groups {
    pub(super) fn new(rules: Vec<GroupRules>, targets: usize, on_next: OnNext) -> Self {
        let state = GroupState {
            current: 0,
            targets,
            ended: 0,
            planned: vec![0; rules.len()],
            refused: vec![0; rules.len()],
            failures: 0,
            target_failed: false,
            begin_at: None,
            stop: None,
        };
        Self {
            rules,
            on_next,
            state: Mutex::new(state),
            changed: Notify::new(),
        }
    }

    pub(super) fn rules(&self) -> &[GroupRules] {
        &self.rules
    }

    /// Adds the tenants of one target that have something to do, by group.
    pub(super) fn plan(&self, planned: &[usize]) {
        add_each(&mut self.state().planned, planned);
    }

    /// Adds a tenant that cannot be started.
    pub(super) fn refuse(&self, group: usize) {
        if let Some(refused) = self.state().refused.get_mut(group) {
            *refused += 1;
        }
    }

    /// Counts a failure in the current group.
    pub(super) fn count_failure(&self) {
        self.state().failures += 1;
    }

    /// Returns the reason why no further tenant is started, if there is one.
    pub(super) fn stop(&self) -> Option<GroupStop> {
        let state = self.state();
        let stop = || {
            let rules = self.rules.get(state.current)?;
            let is_enough = rules
                .max_failures
                .is_some_and(|most| state.failures >= most);
            is_enough.then(|| rules.stop(state.failures))
        };
        state.stop.clone().or_else(stop)
    }

    /// Waits until a group may begin, the run is stopped, or no further group begins.
    pub(super) async fn wait_for(&self, group: usize, shutdown: &Shutdown) {
        loop {
            let pause = {
                let state = self.state();
                if state.stop.is_some() {
                    return;
                }
                match state.begin_at {
                    _ if state.current < group => LOOK_AGAIN,
                    None => return,
                    Some(at) => match at.checked_duration_since(Instant::now()) {
                        None => return,
                        Some(left) => left.min(LOOK_AGAIN),
                    },
                }
            };
            tokio::select! {
                () = self.changed.notified() => {}
                // Also where no notification comes: `notify_waiters` reaches only those that wait already.
                () = tokio::time::sleep(pause) => {}
                _ = shutdown.requested() => return,
            }
        }
    }

    /// Ends the current group at one target.
    pub(super) fn end_group(&self) {
        let mut state = self.state();
        state.ended += 1;
        self.advance(&mut state);
        drop(state);
        self.changed.notify_waiters();
    }

    /// Takes out a target that has ended a number of groups. If there are more groups, it has failed, unless
    /// none of its tenants is selected. The other targets end the current group, and the next one
    /// does not begin.
    pub(super) fn leave(&self, ended: usize, is_unused: bool) {
        let mut state = self.state();
        state.targets = state.targets.saturating_sub(1);
        if ended > state.current {
            state.ended = state.ended.saturating_sub(1);
        }
        state.target_failed |= ended < self.rules.len() && !is_unused;
        self.advance(&mut state);
        drop(state);
        self.changed.notify_waiters();
    }

    /// Begins the next group if all targets have ended the current one, and its failures allow it.
    fn advance(&self, state: &mut GroupState) {
        if state.stop.is_some() || state.targets == 0 || state.ended < state.targets {
            return;
        }
        let Some(rules) = self.rules.get(state.current) else {
            return;
        };
        let later = state.planned.iter().enumerate().skip(state.current + 1);
        let next = later
            .filter(|(_, planned)| **planned > 0)
            .find_map(|(index, _)| self.rules.get(index));
        let planned = state.planned.get(state.current).copied().unwrap_or(0);
        let refused = state.refused.get(state.current).copied().unwrap_or(0);
        let failures = state.failures + refused;
        if let Some(next) = next {
            if state.target_failed || failures >= rules.max_failures.unwrap_or(1) {
                state.stop = Some(rules.stop(failures));
                return;
            }
            if planned > 0 {
                state.begin_at = Some(Instant::now() + rules.pause);
                // Only behind a group that had something to do: an empty one is no step, and needs no pause.
                (self.on_next)(NextGroup {
                    done: &rules.name,
                    tenants: planned,
                    next: &next.name,
                    pause: rules.pause,
                });
            }
        }
        state.current += 1;
        (state.ended, state.failures) = (0, 0);
    }

    /// Never held across an await.
    fn state(&self) -> MutexGuard<'_, GroupState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl GroupRules {
    fn stop(&self, failures: usize) -> GroupStop {
        GroupStop {
            group: self.name.clone(),
            failures,
        }
    }
}

fn add_each(sums: &mut [usize], more: &[usize]) {
    for (sum, more) in sums.iter_mut().zip(more) {
        *sum += more;
    }
}
