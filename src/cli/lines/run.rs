//! The lines of `runs`.

use schemars::JsonSchema;
use serde::Serialize;

/// A recorded run.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct RunLine {
    /// The run's id, for `migrate --undo`.
    pub(in crate::cli) run: String,
    /// The part of it that is undone.
    pub(in crate::cli) state: RunState,
    /// Time of its first migration, in UTC.
    pub(in crate::cli) began: String,
    /// Time of its last migration, in UTC.
    pub(in crate::cli) ended: String,
    /// Time of the last undo, in UTC; null if nothing was undone.
    pub(in crate::cli) undone_at: Option<String>,
    /// The roles that applied it.
    pub(in crate::cli) roles: Vec<String>,
    /// The files of its migrations, in order.
    pub(in crate::cli) files: Vec<String>,
    /// The number of tenants to which it has applied something.
    pub(in crate::cli) tenants: usize,
    /// The number of these in which all of it is undone.
    pub(in crate::cli) undone: usize,
    /// The number of these in which a part of it is undone.
    pub(in crate::cli) partly_undone: usize,
    /// The targets at which it is recorded, with `--targets`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::cli) targets: Vec<String>,
}

/// The part of a run that is undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::cli) enum RunState {
    /// Nothing is undone.
    Applied,
    /// A part is undone.
    PartlyUndone,
    /// All of it is undone, in all tenants.
    Undone,
}

/// Figures of `runs`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct RunsCounts {
    /// Runs that are recorded and fit, with those that `--limit` leaves out.
    pub(in crate::cli) runs: usize,
    /// Runs that were printed.
    pub(in crate::cli) shown: usize,
    /// Targets that could not be asked for their runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) failed_targets: Option<usize>,
}
