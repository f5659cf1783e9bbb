//! The order of a run over many tenants: whose turn it is, how many at a time, and when no further one is started.

mod control;
mod limits;
mod queue;
mod scheduler;

pub(super) use control::{RunControl, RunEnd};
pub use limits::{CanaryPass, RunLimits, RunShare};
pub(super) use queue::Turn;
pub(super) use scheduler::{Scheduler, join_all};
