//! A server in a bulk run: its workers, its waiting requests, and whether it can be reached.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::AbortHandle;

use super::growth::WorkerScaling;
use super::report::TenantRequest;
use crate::pg::{PsqlError, PsqlSession};
use crate::tenant::{BudgetError, Provisioner};

/// Pause before an unreachable server is tried again.
const DOWN: Duration = Duration::from_secs(5);
/// Pause before another worker is started on a server that had no connection for one.
const SCARCE: Duration = Duration::from_secs(10);
/// Pause before another worker is started if one got no connection for another reason.
const FAILED: Duration = Duration::from_secs(1);

/// A server of a bulk run.
#[derive(Clone, Debug)]
pub struct BulkTarget {
    /// The server's name, empty if it is the only one.
    pub name: String,
    /// The provisioner for this server.
    pub provisioner: Provisioner,
}

/// A server during the run.
#[derive(Debug)]
pub(super) struct TargetState {
    pub(super) target: BulkTarget,
    pub(super) idle: Vec<PsqlSession>,
    /// Number of workers that create a tenant.
    pub(super) busy: usize,
    /// Number of workers that are being connected or checked.
    pub(super) warming: usize,
    pub(super) waiting: VecDeque<TenantRequest>,
    pub(super) growth: WorkerScaling,
    /// Time before which no further worker is started, because the last one got no connection.
    held_back: Option<Instant>,
    /// The time and the reason of the last failed connection.
    down: Option<(Instant, Arc<PsqlError>)>,
    /// The task that asks an unreachable server for its capacity. The server's tenants wait for it.
    pub(super) asking: Option<AbortHandle>,
    /// The reason why not even one tenant fits.
    pub(super) unfit: Option<BudgetError>,
    /// `true` once the user was warned that there is no connection for another worker.
    pub(super) said_scarce: bool,
    /// Maximum number of workers so far.
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

    /// Returns the server's name for messages.
    pub(super) fn place(&self) -> String {
        if self.target.name.is_empty() {
            "the server".to_owned()
        } else {
            format!("target '{}'", self.target.name)
        }
    }

    /// Returns the number of all workers.
    pub(super) fn workers(&self) -> usize {
        self.idle.len() + self.busy + self.warming
    }

    /// Returns the recent failure of all connections, or `None` if a connection may be tried.
    pub(super) fn is_down(&self) -> Option<Arc<PsqlError>> {
        self.down
            .as_ref()
            .filter(|(since, _)| since.elapsed() < DOWN)
            .map(|(_, error)| Arc::clone(error))
    }

    /// Returns `true` if the last attempt could not reach the server.
    pub(super) fn was_down(&self) -> bool {
        self.down.is_some()
    }

    pub(super) fn goes_down(&mut self, error: Arc<PsqlError>) {
        self.down = Some((Instant::now(), error));
    }

    /// Returns `true` if another worker is wanted and may be started.
    pub(super) fn wants_worker(&self) -> bool {
        let held_back = self.held_back.is_some_and(|until| Instant::now() < until);
        self.workers() < self.growth.wanted()
            && !held_back
            && self.is_down().is_none()
            && self.asking.is_none()
    }

    /// Records that a worker got no connection while others work.
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

    /// Takes a free worker, preferably one with an open psql.
    pub(super) fn take_idle(&mut self) -> Option<PsqlSession> {
        self.idle.pop()
    }
}
