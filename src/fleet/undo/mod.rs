//! Undoes what a run has applied, with the ways down of the migrations.

mod engine;
mod options;
mod plan;
mod report;
mod runs;

pub use engine::undo_share;
pub use options::{UndoError, UndoOptions};
pub use plan::UndoObstacle;
pub use report::{UndoOutcome, UndoReport, UndoneTenant};
pub use runs::{RecordedRun, read_runs};
