//! The engine of a run over many tenants: targets, workers, limits, retries, interruption and the count of failures.
//!
//! [`on_each_target`] finds the selected tenants on each target and starts the target's task with its [`RunShare`] of the
//! [`RunLimits`], which hold for all targets together. A [`Scheduler`] runs the tenants of one target: the first ones
//! alone, then the rest with several workers, or one group after the other; each tenant again after a pause if it was
//! postponed. Where many tenants go through one psql, [`Scheduler::run_batch`] finds the tenant at which psql ended.
//! [`RunControl`] ends a run early, and [`FailureGroups`] counts the failures by their reason.
//!
//! [`bulk`](super::bulk) has a loop of its own around [`RunControl`] and [`RunLimits`], and says why. `pool fill` runs one
//! for each target, within the limits of all of them. The [refill of a
//! pool](super::pool::refill) runs behind sign-ups with a single session, and has nothing to schedule.

mod batch;
mod control;
mod groups;
mod limits;
mod queue;
mod report;
mod scheduler;
mod targets;

pub(super) use batch::{Batch, BatchTenants, CutCause};
pub(super) use control::{RunControl, RunEnd};
pub use groups::{GroupRules, NextGroup};
pub use limits::{RunLimits, RunShare, WorkerPermit};
pub(super) use queue::Turn;
pub use report::FailureGroup;
pub(super) use report::{FailureGroups, add_ended_early};
pub(super) use scheduler::Scheduler;
pub use targets::{FleetOutcome, TargetError, TargetRun, on_each_target};
