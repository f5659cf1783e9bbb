//! The record of a run.

use super::options::MigrateError;
use crate::pg::{ScriptOptions, Server, restrict_key};
use crate::process::Shutdown;
use crate::tenant::runs::runs_creation;

/// Number of digits of a run's id.
const DIGITS: usize = 12;

/// Returns the id of a new run.
///
/// # Errors
/// The operating system has no random bytes.
pub fn new_run_id() -> std::io::Result<String> {
    let key = restrict_key()?;
    Ok(key.get(..DIGITS).unwrap_or(&key).to_owned())
}

/// Creates the table of the runs if it does not exist, and checks that it may be trusted.
pub(super) async fn create_runs(
    server: &Server,
    role: Option<&str>,
    shutdown: &Shutdown,
) -> Result<(), MigrateError> {
    let script = runs_creation(role);
    let options = ScriptOptions::default();
    let ran = server.run_script(&script, &options, shutdown).await;
    ran.map(drop).map_err(MigrateError::Record)
}
