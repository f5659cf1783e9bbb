//! Migrations that only the app can run: its own command, once for each tenant.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::failure::{MigrateFailure, anonymous};
use crate::pg::Server;
use crate::process::{EnvValue, Finished, Invocation, RunDir, RunError, Shutdown, Stdout, run};
use crate::sql::TenantName;

/// How much of a command's stdout is read; more is an error.
const OUTPUT_LIMIT: usize = 64 * 1024 * 1024;
/// How many lines of what a failed command said are kept.
const LINES: usize = 20;
/// How many characters of a line are kept.
const LINE: usize = 300;

/// A command of the app for one tenant: it migrates it, or finishes what `provision` has begun.
#[derive(Clone, Debug)]
pub struct ExternalCommand {
    /// What `/bin/sh -c` runs. `SCHEMASTAMP_TENANT` names the tenant, `PG*` lead to the server.
    pub command: String,
    /// The folder in which it runs.
    pub folder: PathBuf,
    /// What it inherits; the server's variables come over it.
    pub environment: BTreeMap<String, EnvValue>,
}

impl ExternalCommand {
    /// Runs the command for one tenant, no longer than the server's `timeout`.
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
        invocation.env.extend(
            server
                .environment
                .iter()
                .map(|(name, value)| (name.clone(), value.clone())),
        );
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
            .map(|line| {
                line.chars()
                    .filter(|c| !c.is_control())
                    .take(LINE)
                    .collect()
            })
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
            ..failed(message + &last.unwrap_or_default())
        })
    }
}
