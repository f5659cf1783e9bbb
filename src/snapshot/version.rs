//! The first line of a snapshot file, and the versions of the format.

/// The format that this version writes. It grows when the same schema gives other bytes than before.
pub const FORMAT: u32 = 2;
/// The oldest format that this version reads.
pub(super) const OLDEST_FORMAT: u32 = 1;

/// The first line of a snapshot, up to the version of its format.
pub(super) const TITLE: &str = "-- schemastamp snapshot, format ";
