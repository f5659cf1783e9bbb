use std::sync::OnceLock;

use super::common::CommonArguments;
use super::failure::Failure;
use super::output::Output;
use crate::config::{Environment, Settings, ToolSettings};
use crate::connect::{self, Target};
use crate::diagnose::{Context, silent_plaintext};
use crate::process::Stop;

/// What every command works with.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) common: CommonArguments,
    pub(super) environment: Environment,
    pub(super) output: Output,
    pub(super) stop: Stop,
    /// What is known of the connection, once a command has settled it.
    context: OnceLock<Context>,
}

impl Session {
    pub(super) fn new(common: CommonArguments, environment: Environment, output: Output, stop: Stop) -> Self {
        Self { common, environment, output, stop, context: OnceLock::new() }
    }

    /// The settings that need no server.
    pub(super) fn tool(&self) -> Result<ToolSettings, Failure> {
        Ok(ToolSettings::resolve(&self.common.tool(), &self.environment)?)
    }

    /// All settings; says what works and is probably not meant.
    pub(super) fn settings(&self) -> Result<Settings, Failure> {
        let settings = Settings::resolve(&self.common.connection(), &self.common.tool(), &self.environment)?;
        for warning in settings.connection.warnings() {
            self.output.warning(&warning.to_string());
        }
        Ok(settings)
    }

    /// The server that the settings lead to.
    pub(super) async fn target(&self, settings: &Settings) -> Result<Target, Failure> {
        let target = connect::server(settings, &self.environment, &self.stop).await?;
        self.context.get_or_init(|| target.context.clone());
        // `prefer` and `allow` never say themselves that they went on in plaintext.
        if let Some(mode) = target.context.sslmode.filter(|_| target.over_network)
            && let Some(finding) = silent_plaintext(&target.server, mode, &target.context, &self.stop).await
        {
            self.output.warning(&format!("{} ({}): {}; {}", finding.what, finding.id, finding.why, finding.fix));
        }
        Ok(target)
    }

    /// What is known of the connection; `None` before [`Session::target`].
    pub(super) fn context(&self) -> Option<&Context> {
        self.context.get()
    }
}
