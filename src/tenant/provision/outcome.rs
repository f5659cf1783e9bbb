use std::time::Duration;

/// The successful outcome of provisioning a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProvisionOutcome {
    /// The tenant was created, and is complete.
    Created {
        /// Time from the call to the known outcome.
        elapsed: Duration,
        /// The source of the tenant.
        source: ProvisionSource,
        /// Number of attempts.
        attempts: u32,
    },
    /// The tenant existed and was left untouched.
    Skipped {
        /// Time from the call to the known outcome.
        elapsed: Duration,
        /// The origin of the existing tenant.
        made_of: TenantOrigin,
    },
}

/// The source of a new tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProvisionSource {
    /// It was created from the snapshot.
    Snapshot,
    /// A spare of the pool was renamed.
    Pool,
}

/// The origin of an existing tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TenantOrigin {
    /// Its marker names the same snapshot.
    ThisSnapshot,
    /// Its marker names another snapshot.
    AnotherSnapshot,
    /// It has no marker, and every object that the snapshot creates.
    Unmarked,
}

impl ProvisionOutcome {
    /// Time from the call to the known outcome.
    pub fn elapsed(&self) -> Duration {
        match self {
            Self::Created { elapsed, .. } | Self::Skipped { elapsed, .. } => *elapsed,
        }
    }

    /// Returns `created` or `skipped`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Created { .. } => "created",
            Self::Skipped { .. } => "skipped",
        }
    }
}
