use std::time::Duration;

use serde::{Serialize, Serializer};

/// The successful outcome of provisioning a tenant. Serialises to the fields of the command's line of JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum ProvisionOutcome {
    /// The tenant was created, and is complete.
    #[non_exhaustive]
    Created {
        /// Time from the call to the known outcome.
        #[serde(rename = "ms", serialize_with = "milliseconds")]
        elapsed: Duration,
        /// The source of the tenant.
        #[serde(skip_serializing_if = "ProvisionSource::is_snapshot")]
        source: ProvisionSource,
        /// Number of attempts.
        #[serde(skip_serializing_if = "is_one")]
        attempts: u32,
    },
    /// The tenant existed and was left untouched.
    #[non_exhaustive]
    Skipped {
        /// Time from the call to the known outcome.
        #[serde(rename = "ms", serialize_with = "milliseconds")]
        elapsed: Duration,
        /// The origin of the existing tenant.
        made_of: TenantOrigin,
    },
}

/// The source of a new tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ProvisionSource {
    /// It was created from the snapshot.
    Snapshot,
    /// A spare of the pool was renamed.
    Pool,
}

impl ProvisionSource {
    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde passes a reference"
    )]
    fn is_snapshot(&self) -> bool {
        *self == Self::Snapshot
    }
}

/// The origin of an existing tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum TenantOrigin {
    /// Its marker names the same snapshot.
    ThisSnapshot,
    /// Its marker names another snapshot.
    AnotherSnapshot,
    /// It has no marker, and every object that the snapshot creates.
    Unmarked,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_one(attempts: &u32) -> bool {
    *attempts == 1
}

/// Milliseconds with one decimal, as the command prints them.
fn milliseconds<S: Serializer>(elapsed: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((elapsed.as_secs_f64() * 10_000.0).round() / 10.0)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_serialise_as_in_json_lines() {
        let json = |outcome: &ProvisionOutcome| serde_json::to_string(outcome).unwrap();
        let elapsed = Duration::from_micros(92_149);
        let (source, attempts) = (ProvisionSource::Snapshot, 1);
        let created = ProvisionOutcome::Created {
            elapsed,
            source,
            attempts,
        };
        assert_eq!(json(&created), r#"{"outcome":"created","ms":92.1}"#);
        let (source, attempts) = (ProvisionSource::Pool, 2);
        let claimed = ProvisionOutcome::Created {
            elapsed,
            source,
            attempts,
        };
        let expected = r#"{"outcome":"created","ms":92.1,"source":"pool","attempts":2}"#;
        assert_eq!(json(&claimed), expected);
        let made_of = TenantOrigin::AnotherSnapshot;
        let skipped = ProvisionOutcome::Skipped { elapsed, made_of };
        let expected = r#"{"outcome":"skipped","ms":92.1,"made_of":"another_snapshot"}"#;
        assert_eq!(json(&skipped), expected);
    }
}
