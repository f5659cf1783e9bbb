use std::time::Duration;

use super::failure::MigrateFailure;
use crate::sql::TenantName;
use crate::tenant::versions::{PlanProblem, TenantProblem};

/// How one tenant fared.
#[derive(Clone, Debug)]
pub struct TenantReport {
    /// The tenant.
    pub tenant: TenantName,
    /// Its last version before; `None` when it had none.
    pub from: Option<String>,
    /// Its last version now.
    pub to: Option<String>,
    /// The files that were applied, in order.
    pub applied: Vec<String>,
    /// The files that are still pending.
    pub pending: Vec<String>,
    /// What does not fit, but was no obstacle.
    pub warnings: Vec<PlanProblem>,
    /// What came of it.
    pub outcome: MigrateOutcome,
    /// From the tenant's first statement to its last, waiting included.
    pub elapsed: Duration,
}

/// What came of a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MigrateOutcome {
    /// Nothing was pending.
    UpToDate,
    /// Everything that was pending is applied.
    Migrated,
    /// A dry run: it has pending migrations.
    Pending,
    /// A migration failed and left nothing; those before it stay.
    Failed(MigrateFailure),
    /// Its versions table does not fit the folder; nothing was tried.
    Refused(PlanProblem),
    /// Nothing is known of its versions; nothing was tried.
    Odd(TenantProblem),
    /// The connection was lost, and what the server did could not be seen afterwards.
    Unknown(MigrateFailure),
    /// It was dropped or renamed meanwhile.
    Gone,
    /// The run ended before its turn.
    NotReached,
}

impl MigrateOutcome {
    /// Whether the tenant has nothing pending now.
    pub fn is_good(&self) -> bool {
        matches!(self, Self::UpToDate | Self::Migrated | Self::Pending)
    }

    /// The word for it in JSON.
    pub fn word(&self) -> &'static str {
        match self {
            Self::UpToDate => "up_to_date",
            Self::Migrated => "migrated",
            Self::Pending => "pending",
            Self::Failed(_) => "failed",
            Self::Refused(_) => "refused",
            Self::Odd(_) => "odd",
            Self::Unknown(_) => "unknown",
            Self::Gone => "gone",
            Self::NotReached => "not_reached",
        }
    }

    /// Why it is not good, as one line that is the same for tenants that fail alike.
    pub(crate) fn reason(&self) -> Option<String> {
        match self {
            Self::UpToDate | Self::Migrated | Self::Pending | Self::NotReached => None,
            Self::Failed(failure) => Some(failure.to_string()),
            Self::Unknown(failure) => Some(format!("outcome unknown: {failure}")),
            Self::Refused(problem) => Some(problem.to_string()),
            Self::Odd(oddity) => Some(oddity.to_string()),
            Self::Gone => Some("dropped or renamed meanwhile".to_owned()),
        }
    }
}
