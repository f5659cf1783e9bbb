use std::io::ErrorKind;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt as _;
use tokio::task::JoinHandle;

use super::common::CommonArguments;
use super::failure::CommandError;
use super::lines::{Counts, Line, OutsideObject};
use super::output::Output;
use super::report::{build_report, may_be_of_event_trigger};
use crate::config::{Environment, Origin, Project, Settings, ToolFlags, ToolSettings};
use crate::connect::{self, Target};
use crate::diagnose::{
    Context, Finding, LookPlan, look_closer, silent_plaintext, stays_on_this_machine,
};
use crate::path;
use crate::pg::{PgDump, PgDumpError, Server, event_triggers};
use crate::process::Shutdown;
use crate::snapshot::OutsideStatement;
use crate::snapshot::capture::CaptureError;
use crate::text::{listed, milliseconds, safe};

/// The argument that means stdin.
pub(super) const STDIN: &str = "-";
/// Most bytes that are read from stdin.
const STDIN_LIMIT: u64 = 1 << 30;

/// Returns the name of an input for messages.
pub(super) fn input_name(path: &Path) -> &Path {
    if path == Path::new(STDIN) {
        Path::new("standard input")
    } else {
        path
    }
}

/// The state that every command works with.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) common: CommonArguments,
    pub(super) environment: Environment,
    pub(super) output: Output,
    pub(super) shutdown: Shutdown,
    started: Instant,
    /// The facts about the connection, set once a command has resolved it.
    context: OnceLock<Context>,
    /// The plan for a look at the server when the connection fails.
    look: OnceLock<LookPlan>,
    /// The first server that the command has found.
    server: OnceLock<Server>,
    /// Checks, during the command's own work, for connections that fell back to plaintext.
    links: Mutex<Vec<PlaintextCheck>>,
    /// Statements of snapshots and migrations that are not confined to the tenant's schema.
    outside: Mutex<Vec<OutsideObject>>,
    /// The settings of the project, once its file was read.
    project: OnceLock<Project>,
}

/// A check of one connection, and the name of its server.
#[derive(Debug)]
struct PlaintextCheck {
    server: String,
    look: JoinHandle<Option<Finding>>,
}

impl Session {
    pub(super) fn new(
        common: CommonArguments,
        environment: Environment,
        output: Output,
        shutdown: Shutdown,
    ) -> Self {
        Self {
            common,
            environment,
            output,
            shutdown,
            started: Instant::now(),
            context: OnceLock::new(),
            look: OnceLock::new(),
            server: OnceLock::new(),
            links: Mutex::default(),
            outside: Mutex::default(),
            project: OnceLock::new(),
        }
    }

    /// Prints the last line of a command in JSON; nothing in text.
    pub(super) fn summary(&self, counts: Counts) -> Result<(), CommandError> {
        if !self.output.is_json() {
            return Ok(());
        }
        let outside = std::mem::take(&mut *self.outside());
        let ms = milliseconds(self.started.elapsed());
        Output::json(&Line::summary(counts, ms, outside))
    }

    fn outside(&self) -> MutexGuard<'_, Vec<OutsideObject>> {
        self.outside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the statements of a file that are not confined to the tenant's schema for the summary.
    pub(super) fn record_outside<'a>(
        &self,
        path: &Path,
        statements: impl Iterator<Item = &'a OutsideStatement>,
    ) {
        self.outside()
            .extend(statements.map(|statement| OutsideObject {
                file: path.display().to_string(),
                line: statement.line,
                reach: statement.reach.word().to_owned(),
                statement: statement.excerpt.clone(),
            }));
    }

    /// Returns the settings of the tool, which need no server.
    pub(super) fn tool(&self) -> Result<ToolSettings, CommandError> {
        Ok(self.with_project(ToolSettings::resolve(
            &self.common.tool(),
            &self.environment,
        )?))
    }

    /// Reads the project's file. Without it, commands have no settings of a project.
    pub(super) fn read_project(&self) -> Result<&Project, CommandError> {
        let project = Project::find(&self.environment)?;
        Ok(self.project.get_or_init(|| project))
    }

    /// The settings of the project that a failed command may have used.
    pub(super) fn say_project(&self) {
        let described = self.project.get().map(Project::describe);
        let described = described.unwrap_or_default();
        if !described.is_empty() {
            let settings = described.iter().map(|(text, origin)| match origin {
                Origin::Project { path, line, .. } => {
                    format!("{} ({}, line {line})", safe(text), path.display())
                }
                origin => format!("{} ({origin})", safe(text)),
            });
            let settings = listed(settings, usize::MAX);
            self.output
                .note(&format!("settings of the project: {settings}"));
        }
    }

    fn with_project(&self, tool: ToolSettings) -> ToolSettings {
        match self.project.get() {
            Some(project) => tool.with_project(project),
            None => tool,
        }
    }

    /// Reads a file that the user names, or what comes through a pipe; a signal and the timeout end the wait.
    pub(super) fn read_input(&self, path: &Path) -> Result<Vec<u8>, CommandError> {
        let timeout = self.tool()?.timeout_or(Duration::ZERO);
        let timeout = timeout.filter(|timeout| !timeout.is_zero());
        path::read_input(path, timeout, &|| self.shutdown.signal().is_some()).map_err(|error| {
            match self.shutdown.signal() {
                Some(signal) if error.source.kind() == ErrorKind::Interrupted => {
                    CommandError::Interrupted(signal)
                }
                _ => error.into(),
            }
        })
    }

    /// Like [`Session::read_input`]; `-` is stdin, which is read to its end without a timeout.
    pub(super) async fn read_input_or_stdin(&self, path: &Path) -> Result<Vec<u8>, CommandError> {
        if path != Path::new(STDIN) {
            return self.read_input(path);
        }
        let mut bytes = Vec::new();
        let mut stdin = tokio::io::stdin().take(STDIN_LIMIT + 1);
        let read = tokio::select! {
            read = stdin.read_to_end(&mut bytes) => read,
            signal = self.shutdown.requested() => return Err(CommandError::Interrupted(signal)),
        };
        read.and_then(|length| match u64::try_from(length) {
            Ok(length) if length <= STDIN_LIMIT => Ok(()),
            _ => Err(ErrorKind::FileTooLarge.into()),
        })
        .map_err(|source| CommandError::Stream {
            stream: "standard input",
            source,
        })?;
        Ok(bytes)
    }

    /// Returns the settings of the tool, with the number of workers.
    pub(super) fn tool_with_jobs(
        &self,
        jobs: Option<String>,
    ) -> Result<ToolSettings, CommandError> {
        Ok(self.with_project(ToolSettings::resolve(
            &ToolFlags {
                jobs,
                ..self.common.tool()
            },
            &self.environment,
        )?))
    }

    /// Returns all settings, and prints their warnings.
    pub(super) fn settings(&self) -> Result<Settings, CommandError> {
        let mut settings = Settings::resolve(
            &self.common.connection(),
            &self.common.tool(),
            &self.environment,
        )?;
        settings.tool = self.with_project(settings.tool);
        for warning in settings.connection.warnings() {
            self.output.warning(&warning.to_string());
        }
        Ok(settings)
    }

    /// Returns the server that the settings lead to.
    pub(super) async fn target(&self, settings: &Settings) -> Result<Target, CommandError> {
        self.target_called(settings, "").await
    }

    /// Finds a `pg_dump` that can dump the server.
    pub(super) async fn find_pg_dump(
        &self,
        settings: &Settings,
        server: &Server,
    ) -> Result<PgDump, CommandError> {
        let tool = &settings.tool;
        let environment = &self.environment;
        Ok(connect::pg_dump(tool, environment, server, &self.shutdown).await?)
    }

    /// Returns one of several servers, whose name goes into messages.
    pub(super) async fn target_called(
        &self,
        settings: &Settings,
        name: &str,
    ) -> Result<Target, CommandError> {
        let target = connect::server(settings, &self.environment, &self.shutdown).await?;
        self.context.get_or_init(|| target.context.clone());
        self.look.get_or_init(|| target.look.clone());
        self.server.get_or_init(|| target.server.clone());
        // libpq does not report that `prefer` or `allow` fell back to plaintext. psql must ask the
        // server, which takes another connection. The command's work does not wait for it.
        if let Some(mode) = target.context.sslmode.filter(|_| target.over_network) {
            let server = target.server.clone();
            let context = target.context.clone();
            let shutdown = self.shutdown.clone();
            let hosts = target.look.hosts.clone();
            let look = async move {
                let finding = silent_plaintext(&server, mode, &context, &shutdown).await?;
                (!stays_on_this_machine(&hosts).await).then_some(finding)
            };
            let server = if name.is_empty() {
                String::new()
            } else {
                format!("target '{name}': ")
            };
            self.links().push(PlaintextCheck {
                server,
                look: tokio::spawn(look),
            });
        }
        Ok(target)
    }

    /// Waits for the checks, and warns of connections in plaintext.
    pub(super) async fn say_plaintext(&self) {
        let links = std::mem::take(&mut *self.links());
        for PlaintextCheck { server, look } in links {
            if let Ok(Some(finding)) = look.await {
                self.say(&server, &finding);
            }
        }
    }

    /// Like [`Session::say_plaintext`], for checks that have ended.
    pub(super) fn say_plaintext_if_known(&self) {
        let known: Vec<PlaintextCheck> = self
            .links()
            .extract_if(.., |link| link.look.is_finished())
            .collect();
        for PlaintextCheck { server, look } in known {
            // The task has ended, so this does not wait.
            if let Some(Ok(Some(finding))) = futures_now(look) {
                self.say(&server, &finding);
            }
        }
    }

    fn say(&self, server: &str, finding: &Finding) {
        self.output.warning(&format!(
            "{server}{} ({}): {}; {}",
            finding.what, finding.id, finding.why, finding.fix
        ));
    }

    fn links(&self) -> MutexGuard<'_, Vec<PlaintextCheck>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Cancels the checks after a failed command, whose own error is enough.
    pub(super) async fn forget_link(&self) {
        let links = std::mem::take(&mut *self.links());
        for link in links {
            link.look.abort();
            // Wait until its psql and its files are gone.
            drop(link.look.await);
        }
    }

    /// Looks at the server after a failed connection, so that the report on it names the right cause.
    pub(super) async fn look_closer(&self, failure: &CommandError) {
        if let (Some(context), Some(plan)) = (self.context.get(), self.look.get()) {
            look_at_server(failure, context, plan).await;
        }
        if let (Some(context), Some(server)) = (self.context.get(), self.server.get()) {
            query_event_triggers(failure, context, server, &self.shutdown).await;
            query_schemas(failure, context, server, &self.shutdown).await;
        }
    }

    /// Returns the facts about the connection, or `None` before [`Session::target`].
    pub(super) fn context(&self) -> Option<&Context> {
        self.context.get()
    }
}

/// Looks at the server and adds the facts to the context, if the failure is that of a connection.
pub(super) async fn look_at_server(failure: &CommandError, context: &Context, plan: &LookPlan) {
    let stderr = build_report(failure, Some(context)).stderr;
    if !stderr.is_empty() {
        Box::pin(look_closer(plan, &stderr, context)).await;
    }
}

/// Queries the event triggers of the database, if one of them may have caused the failure.
async fn query_event_triggers(
    failure: &CommandError,
    context: &Context,
    server: &Server,
    shutdown: &Shutdown,
) {
    let report = build_report(failure, Some(context));
    if context.event_triggers.get().is_some() || !may_be_of_event_trigger(&report.id) {
        return;
    }
    // The failure is reported as it is where they cannot be queried.
    if let Ok(found) = event_triggers(server, shutdown).await {
        context.event_triggers.get_or_init(|| found);
    }
}

/// Queries the schemas of the database, if the one to capture is not among them.
async fn query_schemas(
    failure: &CommandError,
    context: &Context,
    server: &Server,
    shutdown: &Shutdown,
) {
    let CommandError::Capture(error) = failure else {
        return;
    };
    let is_missing = match &**error {
        CaptureError::PgDump(error) => matches!(**error, PgDumpError::NoSuchSchema { .. }),
        _ => false,
    };
    if !is_missing {
        return;
    }
    let sql = "SELECT pg_catalog.json_agg(nspname ORDER BY nspname) FROM pg_catalog.pg_namespace \
        WHERE nspname !~ '^pg_' AND nspname <> 'information_schema';\n";
    if let Ok(found) = server.query_json_one(sql, shutdown).await {
        context.schemas.get_or_init(|| found);
    }
}

/// Returns the output of a future that is ready, and `None` otherwise.
fn futures_now<F: Future + Unpin>(mut future: F) -> Option<F::Output> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::Pin::new(&mut future).poll(&mut context) {
        std::task::Poll::Ready(output) => Some(output),
        std::task::Poll::Pending => None,
    }
}
