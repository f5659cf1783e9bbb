//! Runs the app's own command once for each tenant, for migrations that only the app can run.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::failure::{MigrateFailure, anonymous};
use crate::pg::Server;
use crate::process::{EnvValue, Finished, Invocation, RunDir, RunError, Shutdown, Stdout, run};
use crate::sql::TenantName;
use crate::text::bounded;

/// Maximum size of a command's stdout. More is an error.
const OUTPUT_LIMIT: usize = 64 * 1024 * 1024;
/// Number of lines of a failed command's output that are kept.
const LINES: usize = 20;
/// Number of characters of a line that are kept.
const LINE: usize = 300;

/// A command of the app for one tenant. It migrates the tenant, or completes one that `provision`
/// created.
#[derive(Clone, Debug)]
pub struct ExternalCommand {
    /// The command for `/bin/sh -c`. `SCHEMASTAMP_TENANT` names the tenant, `PG*` name the server.
    pub command: String,
    /// The directory in which it runs.
    pub folder: PathBuf,
    /// The environment that it inherits, which the server's variables override.
    pub environment: BTreeMap<String, EnvValue>,
}

impl ExternalCommand {
    /// Runs the command for one tenant, for at most the server's `timeout`.
    ///
    /// # Errors
    /// [`MigrateFailure`] when it could not be run or did not end with 0; `detail` has the last lines of what it said.
    pub async fn run_for(
        &self,
        server: &Server,
        tenant: &TenantName,
        shutdown: &Shutdown,
    ) -> Result<(), MigrateFailure> {
        let failed = |message: String| MigrateFailure::new(message);
        let run_dir = RunDir::new(&server.temporary).map_err(|error| failed(error.to_string()))?;
        let mut invocation = Invocation::new("/bin/sh").args(["-c", "cd -- \"$0\" && eval \"$1\""]);
        invocation.args.push(self.folder.clone().into_os_string());
        invocation.args.push(self.command.clone().into());
        invocation.env.clone_from(&self.environment);
        let connection = server.environment_now(shutdown).await;
        invocation
            .env
            .extend(connection.map_err(|error| failed(error.to_string()))?);
        invocation.env.insert(
            "SCHEMASTAMP_TENANT".to_owned(),
            EnvValue::Plain(tenant.as_str().into()),
        );
        invocation.timeout = server.timeout;
        invocation.grace = server.grace;
        let ran = run(
            &invocation,
            &run_dir,
            shutdown,
            Stdout::Collect(OUTPUT_LIMIT),
        )
        .await;
        let is_timeout = matches!(ran, Err(RunError::TimedOut { .. }));
        let (message, said) = match ran {
            Ok(Finished { code: 0, .. }) => return Ok(()),
            Ok(Finished {
                code,
                stdout,
                stderr,
                ..
            }) => {
                let stderr = stderr.text();
                let said = if stderr.trim().is_empty() {
                    String::from_utf8_lossy(&stdout).into_owned()
                } else {
                    stderr
                };
                (format!("the command ended with {code}"), said)
            }
            Err(error) => {
                let said = match &error {
                    RunError::Signaled { stderr, .. } | RunError::TimedOut { stderr, .. } => {
                        stderr.text()
                    }
                    _ => String::new(),
                };
                let message = match error {
                    RunError::TimedOut { .. } => {
                        format!(
                            "the command took longer than {:?}",
                            server.timeout.unwrap_or_default()
                        )
                    }
                    other => other.to_string(),
                };
                (message, said)
            }
        };
        let lines: Vec<String> = said
            .lines()
            .filter(|line| !line.trim().is_empty())
            .map(|line| bounded(line, LINE))
            .collect();
        let last = lines
            .last()
            .map(|line| format!(": {}", anonymous(line.trim(), tenant)));
        let kept = lines
            .get(lines.len().saturating_sub(LINES)..)
            .unwrap_or_default()
            .join("\n");
        Err(MigrateFailure {
            detail: (!kept.is_empty()).then_some(kept),
            is_timeout,
            ..failed(message + &last.unwrap_or_default())
        })
    }
}
