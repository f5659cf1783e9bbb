use std::time::Duration;

use super::failure::MigrateFailure;
use crate::sql::TenantName;
use crate::tenant::versions::{PlanProblem, TenantProblem};

/// The result of one tenant.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TenantReport {
    /// The tenant.
    pub tenant: TenantName,
    /// Its last version before the run, or `None` if it had none.
    pub from: Option<String>,
    /// Its last version now.
    pub to: Option<String>,
    /// The files that were applied, in order.
    pub applied: Vec<String>,
    /// The files that are still pending.
    pub pending: Vec<String>,
    /// Problems that did not prevent the migration.
    pub warnings: Vec<PlanProblem>,
    /// The outcome.
    pub outcome: MigrateOutcome,
    /// Time from the tenant's first statement to its last, including waits.
    pub elapsed: Duration,
}

/// The outcome of a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MigrateOutcome {
    /// Nothing was pending.
    UpToDate,
    /// All pending migrations were applied.
    Migrated,
    /// A dry run: it has pending migrations.
    Pending,
    /// A migration failed and was rolled back. Those before it stay.
    Failed(MigrateFailure),
    /// Its version table does not fit the directory. Nothing was tried.
    Refused(PlanProblem),
    /// Its versions are unknown. Nothing was tried.
    Odd(TenantProblem),
    /// The connection was lost, and the server could not be asked afterwards.
    Unknown(MigrateFailure),
    /// It was dropped or renamed during the run.
    Gone,
    /// The run ended before its turn.
    NotReached,
}

impl MigrateOutcome {
    /// Returns `true` if the tenant has no pending migrations now.
    pub fn is_good(&self) -> bool {
        matches!(self, Self::UpToDate | Self::Migrated | Self::Pending)
    }

    /// Returns the word for it in JSON.
    pub fn word(&self) -> &'static str {
        match self {
            Self::UpToDate => "up_to_date",
            Self::Migrated => "migrated",
            Self::Pending => "pending",
            Self::Failed(_) => "failed",
            Self::Refused(_) => "refused",
            Self::Odd(TenantProblem::NoSchema) => "missing",
            Self::Odd(_) => "odd",
            Self::Unknown(_) => "unknown",
            Self::Gone => "gone",
            Self::NotReached => "not_reached",
        }
    }

    /// Returns the reason of a failure on one line, which is the same for equal failures.
    pub(crate) fn reason(&self) -> Option<String> {
        match self {
            Self::UpToDate | Self::Migrated | Self::Pending | Self::NotReached => None,
            Self::Failed(failure) => Some(failure.to_string()),
            Self::Unknown(failure) => Some(format!("outcome unknown: {failure}")),
            Self::Refused(problem) => Some(problem.to_string()),
            Self::Odd(oddity) => Some(oddity.to_string()),
            Self::Gone => Some("dropped or renamed during the run".to_owned()),
        }
    }
}
