//! Renews a snapshot: loads it into a scratch schema, migrates, captures and proves it. Also
//! compares snapshots.

mod compare;
mod first;
mod made_rows;
mod run;
mod scratch;

pub use compare::{SnapshotComparison, compare};
pub use first::{FirstError, FirstSchema, FirstSource, WorkOutside, with_first_schema};
pub use made_rows::{RowCounts, count_rows, note_on_rows};
pub use run::{RefreshError, RefreshOptions, Refreshed, is_image_of, recapture, refresh};
