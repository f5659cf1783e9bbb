//! A snapshot renewed: loaded into a scratch schema, migrated, captured, proven; and compared with what there is.

mod compare;
mod run;
mod scratch;

pub use compare::{SnapshotComparison, compare};
pub use run::{RefreshError, RefreshOptions, Refreshed, recapture, refresh};
