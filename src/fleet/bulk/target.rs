//! A server in a bulk run: its workers, what waits for it, and whether it can be reached.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::AbortHandle;

use super::growth::WorkerScaling;
use super::report::TenantRequest;
use crate::pg::{PsqlError, PsqlSession};
use crate::tenant::{BudgetError, Provisioner};

/// How long a server that could not be reached is left alone.
const DOWN: Duration = Duration::from_secs(5);
/// How long no further worker is started on a server that has no connection for one.
const SCARCE: Duration = Duration::from_secs(10);
/// How long no further worker is started after one got no connection for another reason.
const FAILED: Duration = Duration::from_secs(1);

/// A server of a bulk run.
#[derive(Clone, Debug)]
pub struct BulkTarget {
    /// Its name; empty for the only one.
    pub name: String,
    /// What creates tenants there.
    pub provisioner: Provisioner,
}

/// A server while the run goes on.
#[derive(Debug)]
pub(super) struct TargetState {
    pub(super) target: BulkTarget,
    pub(super) idle: Vec<PsqlSession>,
    /// Workers that create a tenant.
    pub(super) busy: usize,
    /// Workers that are being connected, or looked after.
    pub(super) warming: usize,
    pub(super) waiting: VecDeque<TenantRequest>,
    pub(super) growth: WorkerScaling,
    /// Until when no further worker is started: the last one got no connection.
    held_back: Option<Instant>,
    /// Since when there is no connection, and why.
    down: Option<(Instant, Arc<PsqlError>)>,
    /// Asks it, beside the work, what it has room for: it could not be reached at first. Its tenants wait for that.
    pub(super) asking: Option<AbortHandle>,
    /// Why not even one tenant fits.
    pub(super) unfit: Option<BudgetError>,
    /// Whether it was said that it has no connection for another worker.
    pub(super) said_scarce: bool,
    /// Most workers there have been.
    pub(super) peak: usize,
}

impl TargetState {
    pub(super) fn new(target: BulkTarget, workers: usize) -> Self {
        Self {
            target,
            idle: Vec::new(),
            busy: 0,
            warming: 0,
            waiting: VecDeque::new(),
            growth: WorkerScaling::fixed(workers),
            held_back: None,
            down: None,
            asking: None,
            unfit: None,
            said_scarce: false,
            peak: 0,
        }
    }

    /// What to call it.
    pub(super) fn place(&self) -> String {
        if self.target.name.is_empty() {
            "the server".to_owned()
        } else {
            format!("target '{}'", self.target.name)
        }
    }

    /// All its workers.
    pub(super) fn workers(&self) -> usize {
        self.idle.len() + self.busy + self.warming
    }

    /// The failure of all connections a moment ago; `None` when one may be tried.
    pub(super) fn is_down(&self) -> Option<Arc<PsqlError>> {
        self.down
            .as_ref()
            .filter(|(since, _)| since.elapsed() < DOWN)
            .map(|(_, error)| Arc::clone(error))
    }

    /// Whether the last that is known is that it cannot be reached.
    pub(super) fn was_down(&self) -> bool {
        self.down.is_some()
    }

    pub(super) fn goes_down(&mut self, error: Arc<PsqlError>) {
        self.down = Some((Instant::now(), error));
    }

    /// Whether another worker is wanted and may be started.
    pub(super) fn wants_worker(&self) -> bool {
        let held_back = self.held_back.is_some_and(|until| Instant::now() < until);
        self.workers() < self.growth.wanted()
            && !held_back
            && self.is_down().is_none()
            && self.asking.is_none()
    }

    /// A worker got no connection, while others work.
    pub(super) fn hold_back(&mut self, error: &PsqlError) {
        let pause = if error.is_out_of_connections() {
            SCARCE
        } else {
            FAILED
        };
        self.held_back = Some(Instant::now() + pause);
    }

    pub(super) fn is_up(&mut self) {
        self.down = None;
    }

    /// A worker that is free, with its psql open where there is one.
    pub(super) fn take_idle(&mut self) -> Option<PsqlSession> {
        self.idle.pop()
    }
}
