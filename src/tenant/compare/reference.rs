use super::at_version::VersionReferences;
use crate::snapshot::Snapshot;

/// The reference that tenants are compared with.
#[derive(Clone, Copy, Debug)]
pub enum Reference<'a> {
    /// A tenant of this snapshot, created in a transaction that is rolled back.
    Snapshot(&'a Snapshot),
    /// For each tenant, what its own version should be.
    AtVersion(&'a VersionReferences<'a>),
    /// The state that most of the tenants have.
    Majority,
}
