//! The runs that are recorded at a target.

use serde::Deserialize;

use super::options::UndoError;
use crate::pg::{PsqlError, Server, read_json};
use crate::process::Shutdown;
use crate::sql::TenantName;
use crate::tenant::runs::{listable_query, runs_query};

/// A run of `migrate --record` at a target.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct RecordedRun {
    /// The run's id.
    pub run: String,
    /// Time of its first migration, in UTC: `2026-11-28T03:10:00Z`.
    pub began: String,
    /// Time of its last migration.
    pub ended: String,
    /// Time of the last undo, or `None` if nothing was undone.
    pub undone_at: Option<String>,
    /// The roles that applied it.
    pub roles: Vec<String>,
    /// The files of its migrations, in order.
    pub files: Vec<String>,
    /// Number of tenants to which it has applied something.
    pub tenants: usize,
    /// Number of these in which all of it is undone.
    pub undone: usize,
    /// Number of these in which a part of it is undone.
    pub partly_undone: usize,
}

/// Reads the runs of a target that have applied something to one of the tenants, or to any if there are none; the newest
/// first. Returns `None` if no run was ever recorded.
///
/// # Errors
/// [`UndoError`] if the records cannot be read.
pub async fn read_runs(
    server: &Server,
    tenants: &[TenantName],
    role: Option<&str>,
    shutdown: &Shutdown,
) -> Result<Option<Vec<RecordedRun>>, UndoError> {
    match server
        .query_json_one::<Option<bool>>(&listable_query(role), shutdown)
        .await?
    {
        None => return Ok(None),
        Some(false) => return Err(UndoError::NotUsable),
        Some(true) => {}
    }
    let lines = server
        .query_json(&runs_query(tenants, role), shutdown)
        .await?;
    let runs: Result<Vec<RecordedRun>, PsqlError> = lines
        .into_iter()
        .enumerate()
        .map(|(index, line)| read_json(line, index + 1))
        .collect();
    Ok(Some(runs?))
}
