use crate::snapshot::Snapshot;

/// What tenants are compared with.
#[derive(Clone, Copy, Debug)]
pub enum Reference<'a> {
    /// A tenant made of this snapshot; it is made in a transaction that is rolled back.
    Snapshot(&'a Snapshot),
    /// What most of the tenants have.
    Majority,
}
