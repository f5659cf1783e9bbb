use std::sync::{Mutex, OnceLock, PoisonError};

use tokio::task::JoinHandle;

use super::common::CommonArguments;
use super::failure::Failure;
use super::output::Output;
use crate::config::{Environment, Settings, ToolSettings};
use crate::connect::{self, Target};
use crate::diagnose::{Context, Finding, silent_plaintext};
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
    /// Looks, beside the command's own work, whether the connection is in plaintext where nobody asked for that.
    link: Mutex<Option<JoinHandle<Option<Finding>>>>,
}

impl Session {
    pub(super) fn new(common: CommonArguments, environment: Environment, output: Output, stop: Stop) -> Self {
        Self { common, environment, output, stop, context: OnceLock::new(), link: Mutex::default() }
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
        // `prefer` and `allow` never say themselves that they went on in plaintext. psql must be asked, which takes a
        // connection of its own: at the same time as the work, which does not wait for it.
        if let Some(mode) = target.context.sslmode.filter(|_| target.over_network) {
            let (server, context, stop) = (target.server.clone(), target.context.clone(), self.stop.clone());
            let look = async move { silent_plaintext(&server, mode, &context, &stop).await };
            *self.link.lock().unwrap_or_else(PoisonError::into_inner) = Some(tokio::spawn(look));
        }
        Ok(target)
    }

    /// Says that the connection is in plaintext, if it is; once the command has answered something.
    pub(super) async fn say_plaintext(&self) {
        let look = self.take_link();
        if let Some(look) = look
            && let Ok(Some(finding)) = look.await
        {
            self.output.warning(&format!("{} ({}): {}; {}", finding.what, finding.id, finding.why, finding.fix));
        }
    }

    fn take_link(&self) -> Option<JoinHandle<Option<Finding>>> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Ends the look after a command that failed: its own words are enough.
    pub(super) async fn forget_link(&self) {
        let look = self.take_link();
        if let Some(look) = look {
            look.abort();
            // Until its psql and its files are gone.
            drop(look.await);
        }
    }

    /// What is known of the connection; `None` before [`Session::target`].
    pub(super) fn context(&self) -> Option<&Context> {
        self.context.get()
    }
}
