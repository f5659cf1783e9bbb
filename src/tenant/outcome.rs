use std::time::Duration;

/// What became of a tenant that was to be provisioned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProvisionOutcome {
    /// It is there now, whole.
    Created {
        /// From the call to the certainty.
        elapsed: Duration,
        /// Where it came from.
        source: ProvisionSource,
        /// How many attempts it took.
        attempts: u32,
    },
    /// It was there before and was not touched.
    Skipped {
        /// From the call to the certainty.
        elapsed: Duration,
        /// What is known of the tenant that was there.
        made_of: TenantOrigin,
    },
}

/// Where a tenant came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProvisionSource {
    /// It was created from the snapshot.
    Snapshot,
    /// A ready-made one of the pool was renamed.
    Pool,
}

/// What a tenant that exists was made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TenantOrigin {
    /// The same snapshot, says its mark.
    ThisSnapshot,
    /// Another snapshot, says its mark.
    AnotherSnapshot,
    /// It has no mark, and every object that the snapshot creates.
    Unmarked,
}

impl ProvisionOutcome {
    /// From the call to the certainty.
    pub fn elapsed(&self) -> Duration {
        match self {
            Self::Created { elapsed, .. } | Self::Skipped { elapsed, .. } => *elapsed,
        }
    }

    /// `created` or `skipped`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Created { .. } => "created",
            Self::Skipped { .. } => "skipped",
        }
    }
}
