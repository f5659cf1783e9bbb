//! The report on an undo.

use std::time::Duration;

use super::plan::UndoObstacle;
use crate::fleet::engine::{FailureGroup, FailureGroups, add_ended_early};
use crate::sql::TenantName;
use crate::tenant::migrate::MigrateFailure;

/// The result of one tenant.
#[derive(Clone, Debug)]
pub struct UndoneTenant {
    /// The tenant.
    pub tenant: TenantName,
    /// The files of the ways down that were run, in order.
    pub undone: Vec<String>,
    /// The files of the ways up that are still to be undone, the newest first.
    pub pending: Vec<String>,
    /// Its last version before, or `None` if it is not known.
    pub from: Option<String>,
    /// Its last version now, or `None` if it has none or it is not known.
    pub to: Option<String>,
    /// The outcome.
    pub outcome: UndoOutcome,
    /// Time from the tenant's first statement to its last, including waits.
    pub elapsed: Duration,
}

/// The outcome of a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UndoOutcome {
    /// Everything that the run applied is undone, also if it was before.
    Undone,
    /// A dry run: it would be undone.
    WouldUndo,
    /// It cannot be undone. Nothing was tried.
    Refused(UndoObstacle),
    /// A way down failed and was rolled back. Those before it stay undone.
    Failed(MigrateFailure),
    /// The connection was lost, and the server could not be asked afterwards.
    Unknown(MigrateFailure),
    /// The run ended before its turn.
    NotReached,
}

impl UndoOutcome {
    /// Returns its word, as in the JSON.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Undone => "undone",
            Self::WouldUndo => "would_undo",
            Self::NotReached => "not_reached",
            Self::Refused(_) => "refused",
            Self::Failed(_) => "failed",
            Self::Unknown(_) => "unknown",
        }
    }

    /// Returns the reason why a tenant is not undone, or `None` for any other outcome.
    pub fn reason(&self) -> Option<String> {
        match self {
            Self::Refused(obstacle) => Some(obstacle.to_string()),
            Self::Failed(failure) => Some(failure.to_string()),
            Self::Unknown(failure) => Some(format!("outcome unknown: {failure}")),
            Self::Undone | Self::WouldUndo | Self::NotReached => None,
        }
    }
}

/// The result of all tenants of a target.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct UndoReport {
    /// The tenants, by name.
    pub tenants: Vec<UndoneTenant>,
    /// `true` if the target has records of the run.
    pub is_known: bool,
    /// The reason why the run ended early, or `None`.
    pub ended_early: Option<String>,
}

impl UndoReport {
    /// Counts the tenants with an outcome.
    pub fn count(&self, fits: impl Fn(&UndoOutcome) -> bool) -> usize {
        let outcomes = self.tenants.iter().map(|tenant| &tenant.outcome);
        outcomes.filter(|outcome| fits(outcome)).count()
    }

    /// Returns the tenants that were not undone by their reason, the largest group first.
    pub fn groups(&self) -> Vec<FailureGroup> {
        let failed = self
            .tenants
            .iter()
            .filter_map(|tenant| Some((tenant.outcome.reason()?, tenant.tenant.clone())));
        failed.collect::<FailureGroups>().into_sorted()
    }

    /// Adds the report on another target. The reason why its run ended early comes with the target's name.
    pub fn add(&mut self, target: Option<&str>, other: Self) {
        self.tenants.extend(other.tenants);
        self.is_known |= other.is_known;
        let reason = other.ended_early.as_deref();
        add_ended_early(&mut self.ended_early, target, reason);
    }
}
