//! Turns each failure into a message, a stable id and an exit code. Every error of the library is
//! matched here, once.

use std::error::Error;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::failure::CommandError;
use super::report_capture::capture_report;
use super::report_tenants::{
    drop_report, fleet_report, hook_report, lifecycle_report, migrate_report, migration_report,
    pool_report, refresh_report, verify_report,
};
use crate::config::ConfigError;
use crate::connect::ConnectError;
use crate::diagnose::{Context, explain};
use crate::exit;
use crate::pg::{ProgramError, PsqlError, ServerMessage};
use crate::process::{RunError, Signal};
use crate::snapshot::{SnapshotError, TemplateError};
use crate::sql::ScriptError;
use crate::tenant::{FailedStatement, ProvisionError, hint_of};
use crate::tls::TlsError;

/// A failure as it is shown to users.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ErrorReport {
    pub(super) code: u8,
    /// The stable, documented id.
    pub(super) id: String,
    pub(super) message: String,
    /// The causes, from the nearest to the root.
    pub(super) causes: Vec<String>,
    /// The lines between the causes and the hint.
    pub(super) details: Vec<String>,
    pub(super) hint: Option<String>,
    /// The statement that failed.
    pub(super) statement: Option<String>,
    /// Additional fields of the JSON.
    pub(super) more: Map<String, Value>,
}

impl ErrorReport {
    /// Creates a report with the messages of an error and of its sources.
    pub(super) fn new(error: &dyn Error, code: u8, id: impl Into<String>) -> Self {
        let mut causes = Vec::new();
        let mut source = error.source();
        while let Some(error) = source {
            causes.push(error.to_string());
            source = error.source();
        }
        let message = error.to_string();
        let (id, details, more) = (id.into(), Vec::new(), Map::new());
        Self {
            code,
            id,
            message,
            causes,
            details,
            hint: None,
            statement: None,
            more,
        }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Makes this report the cause of `error`.
    pub(super) fn beneath(mut self, error: &dyn Error) -> Self {
        let message = std::mem::replace(&mut self.message, error.to_string());
        self.causes.insert(0, message);
        self
    }

    /// Returns the report as JSON.
    pub(super) fn json(&self) -> ErrorObject<'_> {
        let mut message = self.message.clone();
        for cause in &self.causes {
            message.push_str(": ");
            message.push_str(cause);
        }
        let Self {
            code,
            id,
            statement,
            hint,
            more,
            ..
        } = self;
        ErrorObject {
            code: *code,
            id,
            message,
            statement: statement.as_deref(),
            hint: hint.as_deref(),
            more,
        }
    }
}

/// `{"code":14,"id":"sql.duplicate_table","message":"…","statement":"…","hint":"…"}`, and more for some ids.
#[derive(Debug, Serialize)]
pub(super) struct ErrorObject<'a> {
    code: u8,
    id: &'a str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    statement: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
    #[serde(flatten)]
    more: &'a Map<String, Value>,
}

/// Builds the report on a failure. `context` adds concrete values to the explanation of a failed
/// connection.
pub(super) fn build_report(failure: &CommandError, context: Option<&Context>) -> ErrorReport {
    match failure {
        CommandError::Usage(_) => ErrorReport::new(failure, exit::USAGE, "usage"),
        CommandError::Config(error) => config_report(error),
        CommandError::NoSnapshot => ErrorReport::new(failure, exit::CONFIGURATION, "config.no_snapshot")
            .hint("make one with `schemastamp capture`, or name one with --snapshot or SCHEMASTAMP_SNAPSHOT"),
        CommandError::SeveralSnapshots(_) => ErrorReport::new(failure, exit::CONFIGURATION, "config.several_snapshots")
            .hint("name one with --snapshot or SCHEMASTAMP_SNAPSHOT"),
        CommandError::Snapshot { source, .. } => ErrorReport::new(failure, exit::SNAPSHOT, snapshot_error_id(source)).without_causes(),
        CommandError::NotReplaced { source, .. } => ErrorReport::new(failure, exit::SNAPSHOT, snapshot_error_id(source))
            .without_causes()
            .hint("the file was left untouched; remove it, or pass another file to --output"),
        CommandError::Template { source, .. } => ErrorReport::new(failure, exit::SNAPSHOT, template_error_id(source)).without_causes(),
        CommandError::DumpEncoding { .. } => ErrorReport::new(failure, exit::SNAPSHOT, "dump.encoding"),
        CommandError::File(error) => ErrorReport::new(error, exit::FILE, "file.unusable"),
        CommandError::Name(error) => ErrorReport::new(error, exit::USAGE, "tenant.name"),
        CommandError::Line { .. } => ErrorReport::new(failure, exit::USAGE, "tenant.name").without_causes(),
        CommandError::Connect(error) => match &**error {
            ConnectError::Psql(error) => psql_report(error, context),
            ConnectError::Tls(error) => tls_report(error),
        },
        CommandError::Capture(error) => capture_report(error, context),
        CommandError::Provision(error) => provision_report(error, context),
        CommandError::Hook(failed) => hook_report(failure, failed),
        CommandError::NoTarget => ErrorReport::new(failure, exit::USAGE, "tenant.no_target")
            .hint("add it, or a pattern that matches it, to `tenants` of a target, or set rule = \"hash\""),
        CommandError::NoCitus { .. } => ErrorReport::new(failure, exit::CONFIGURATION, "config.no_citus").hint(CREATE_CITUS),
        CommandError::Citus { lines, .. } => {
            let mut report = ErrorReport::new(failure, exit::SNAPSHOT, "snapshot.citus").hint("nothing was created");
            report.details = lines.iter().map(|line| format!("  {line}")).collect();
            report.more.insert("objects".to_owned(), json!(lines));
            report
        }
        CommandError::Pool(error) => pool_report(error, context),
        CommandError::Migration(error) => migration_report(error),
        CommandError::Fleet(error) => fleet_report(error, context),
        CommandError::Migrate(error) => migrate_report(error, context),
        CommandError::Verify(error) => verify_report(error, context),
        CommandError::Refresh(error) => refresh_report(error, context),
        CommandError::Drop(error) => drop_report(error, context),
        CommandError::Lifecycle(error) => lifecycle_report(error, context),
        CommandError::Stream { .. } => ErrorReport::new(failure, exit::FILE, "file.unusable"),
        CommandError::Interrupted(signal) => ErrorReport::new(failure, signal_exit_code(*signal), "interrupted"),
        CommandError::Signals(_) => ErrorReport::new(failure, exit::PROGRAM, "program.failed"),
    }
}

const CREATE_CITUS: &str =
    "run CREATE EXTENSION citus in that database, or create ordinary tenants without citus";

impl ErrorReport {
    /// Removes the causes, for errors whose message includes that of their source.
    fn without_causes(mut self) -> Self {
        self.causes.clear();
        self
    }
}

/// Returns the exit code of a process that `signal` ended: 128+n.
pub(super) fn signal_exit_code(signal: Signal) -> u8 {
    exit::SIGNAL_BASE.saturating_add(u8::try_from(signal.number()).unwrap_or_default())
}

fn config_report(error: &ConfigError) -> ErrorReport {
    let is_file = matches!(
        error,
        ConfigError::File { .. } | ConfigError::Exposed { .. }
    );
    let code = if is_file {
        exit::FILE
    } else {
        exit::CONFIGURATION
    };
    ErrorReport::new(error, code, error.id())
}

fn tls_report(error: &TlsError) -> ErrorReport {
    let mut report = ErrorReport::new(error, error.exit_code(), error.id()).hint(error.fix());
    report.causes = vec![error.why()];
    report
}

pub(super) fn psql_report(error: &PsqlError, context: Option<&Context>) -> ErrorReport {
    match error {
        PsqlError::Program(error) => program_report(error),
        PsqlError::Folder(_) => ErrorReport::new(error, exit::FILE, "file.private_folder")
            .hint("set TMPDIR to a directory that exists, is writable and has free space"),
        PsqlError::Run(error) => run_report(error),
        PsqlError::Connect { messages, stderr } => {
            connection_report(messages, &stderr.text(), context)
        }
        PsqlError::Lost { .. } => ErrorReport::new(error, exit::CONNECTION, "connection.lost"),
        PsqlError::Script { message, .. } => ErrorReport {
            hint: hint_of(message),
            ..ErrorReport::new(error, exit::SQL, message_id(message))
        },
        PsqlError::Random(_)
        | PsqlError::Fatal { .. }
        | PsqlError::Output { .. }
        | PsqlError::Encoding { .. } => ErrorReport::new(error, exit::PROGRAM, "program.failed"),
    }
}

/// Explains a failed connection: what happened, why, and what to change.
pub(super) fn connection_report(
    messages: &[ServerMessage],
    stderr: &str,
    context: Option<&Context>,
) -> ErrorReport {
    let unknown = Context::default();
    let context = context.unwrap_or(&unknown);
    let findings = explain(stderr.as_bytes(), context);
    let said = messages
        .iter()
        .map(|message| message.message.trim().to_owned())
        .filter(|text| !text.is_empty());
    let mut causes: Vec<String> = said.collect();
    causes.dedup();
    causes.truncate(4);
    // `explain` always returns a finding; psql's own words are a fallback.
    let (id, what, why, fix) = findings.into_iter().next().map_or_else(
        || {
            (
                "connection.failed".to_owned(),
                "the connection failed".to_owned(),
                String::new(),
                String::new(),
            )
        },
        |finding| {
            // The id of the finding, and the program that reported it.
            let speaker = finding.evidence.get("said_by").and_then(Value::as_str);
            let speaker = speaker
                .map(|speaker| format!(", reported by {speaker}"))
                .unwrap_or_default();
            let what = format!("{} ({}{speaker})", finding.what, finding.id);
            (finding.id, what, finding.why, finding.fix)
        },
    );
    if !why.is_empty() {
        causes.push(why);
    }
    ErrorReport {
        code: if is_about_a_file(&id) {
            exit::FILE
        } else {
            exit::CONNECTION
        },
        id,
        message: format!("cannot connect: {what}"),
        causes,
        details: Vec::new(),
        hint: Some(fix).filter(|fix| !fix.is_empty()),
        statement: None,
        more: Map::new(),
    }
}

/// Returns `true` if a finding is about a file on this machine.
fn is_about_a_file(id: &str) -> bool {
    const FAULTS: [&str; 8] = [
        "missing",
        "unreadable",
        "not_a_file",
        "permissions",
        "invalid",
        "encrypted",
        "mismatch",
        "colon",
    ];
    let local = [
        "tls.client_cert.",
        "tls.client_key.",
        "tls.root_cert.",
        "tls.crl.",
    ];
    local.iter().any(|area| {
        id.strip_prefix(area)
            .is_some_and(|fault| FAULTS.contains(&fault))
    })
}

pub(super) fn program_report(error: &ProgramError) -> ErrorReport {
    let id = match error {
        ProgramError::NotFound { name, .. } => {
            return ErrorReport::new(error, exit::PROGRAM, format!("program.{name}_missing"));
        }
        ProgramError::Unusable { .. } => "program.unusable",
        ProgramError::TooOld { .. } => "program.too_old",
        ProgramError::OlderThanServer { .. } => "program.older_than_server",
        ProgramError::NoVersion { .. } => "program.failed",
        ProgramError::Version { source, .. } => return run_report(source).beneath(error),
        ProgramError::Folder { .. } => {
            return ErrorReport::new(error, exit::FILE, "file.private_folder")
                .hint("set TMPDIR to a directory that exists, is writable and has free space");
        }
    };
    ErrorReport::new(error, exit::PROGRAM, id)
}

pub(super) fn run_report(error: &RunError) -> ErrorReport {
    match error {
        RunError::TimedOut { .. } => ErrorReport::new(error, exit::TIMEOUT, "timeout"),
        RunError::Interrupted { signal, .. } => {
            ErrorReport::new(error, signal_exit_code(*signal), "interrupted")
        }
        RunError::NotFound { .. }
        | RunError::Spawn { .. }
        | RunError::Signaled { .. }
        | RunError::TooLong { .. }
        | RunError::Refused { .. }
        | RunError::Io { .. } => ErrorReport::new(error, exit::PROGRAM, "program.failed"),
    }
}

/// Returns the id of a server error: `sql.` and the name of the SQLSTATE's condition.
pub(super) fn message_id(message: &ServerMessage) -> String {
    match (message.condition_name(), message.sqlstate) {
        (Some(name), _) => format!("sql.{name}"),
        (None, Some(sqlstate)) => format!("sql.{sqlstate}"),
        (None, None) => "sql.error".to_owned(),
    }
}

pub(super) fn snapshot_error_id(error: &SnapshotError) -> &'static str {
    match error {
        SnapshotError::Empty => "snapshot.empty",
        SnapshotError::Encoding { .. } => "snapshot.encoding",
        SnapshotError::NotASnapshot => "snapshot.not_a_snapshot",
        SnapshotError::Format { .. } => "snapshot.format",
        SnapshotError::Header { .. } => "snapshot.header",
        SnapshotError::CreateSchema { .. } => "snapshot.create_schema",
        SnapshotError::Unfinished => "snapshot.truncated",
        SnapshotError::Template(error) => template_error_id(error),
    }
}

pub(super) fn template_error_id(error: &TemplateError) -> &'static str {
    match error {
        TemplateError::Script(
            ScriptError::Unterminated { .. }
            | ScriptError::Unbalanced { .. }
            | ScriptError::CopyData { .. }
            | ScriptError::Unexpected { .. },
        ) => "snapshot.syntax",
        TemplateError::Meta { .. } | TemplateError::Script(ScriptError::Meta { .. }) => {
            "snapshot.meta_command"
        }
        TemplateError::Copy { .. } => "snapshot.copy",
        TemplateError::Transaction { .. } => "snapshot.transaction",
        TemplateError::Unknown { .. } => "snapshot.placeholder",
        TemplateError::Glued { .. } => "snapshot.glued",
        TemplateError::Foreign { .. } => "snapshot.foreign_body",
    }
}

fn provision_report(error: &ProvisionError, context: Option<&Context>) -> ErrorReport {
    match error {
        ProvisionError::Exists { .. } => ErrorReport::new(error, exit::EXISTS, "tenant.exists")
            .hint("it was left untouched; pass --if-exists skip to accept an existing, complete tenant"),
        ProvisionError::ExistsOfAnother { .. } => ErrorReport::new(error, exit::EXISTS, "tenant.exists").hint(
            "it was left untouched; provision as its owner, or as a member of that role, because anybody who may create \
             schemas can imitate a tenant",
        ),
        ProvisionError::ExistsInPart { missing, .. } => {
            let mut report = ErrorReport::new(error, exit::EXISTS, "tenant.exists_in_part")
                .hint("it was left untouched; check what it is, then drop or rename it");
            report.more.insert("missing".to_owned(), json!(missing));
            report
        }
        ProvisionError::Sql { message, statement, hint } => {
            let mut report = ErrorReport::new(error, exit::SQL, message_id(message));
            report.statement = statement.as_ref().map(|statement| statement.sql.clone());
            report.details = details(message, statement.as_ref());
            report.hint.clone_from(hint);
            report
        }
        ProvisionError::Template(source) => ErrorReport::new(error, exit::SNAPSHOT, template_error_id(source)),
        ProvisionError::Connect(source) => psql_report(source, context),
        ProvisionError::Run(source) => psql_report(source, context),
        ProvisionError::Budget(_) => ErrorReport::new(error, exit::SQL, "sql.lock_budget")
            .hint("nothing was created; change the setting and restart the server"),
        ProvisionError::NoCitus => ErrorReport::new(error, exit::CONFIGURATION, "config.no_citus").hint(CREATE_CITUS),
        ProvisionError::PoolFull => ErrorReport::new(error, exit::SQL, "pool.full"),
        ProvisionError::TimedOut { .. } => ErrorReport::new(error, exit::TIMEOUT, "timeout")
            .hint("raise --timeout, or query pg_stat_activity to see what the server waits for"),
        ProvisionError::Interrupted { signal } => ErrorReport::new(error, signal_exit_code(*signal), "interrupted"),
        ProvisionError::Lost(source) => {
            let beneath = psql_report(source, context);
            ErrorReport { hint: Some("run the command again".to_owned()), ..beneath.beneath(error) }
        }
        ProvisionError::Unknown { cause, look } => {
            let mut report = psql_report(cause, context).beneath(error);
            report.causes.push(match look {
                Some(look) => format!("the server could not be asked: {look}"),
                None => "the server is still working on it".to_owned(),
            });
            report.hint("check whether the schema exists, or run the command again with --if-exists skip, which does no harm")
        }
        ProvisionError::Look { source, .. } => psql_report(source, context).beneath(error),
    }
}

/// Returns the statement, and the details that the server added to its message.
fn details(message: &ServerMessage, statement: Option<&FailedStatement>) -> Vec<String> {
    let statement = statement.map(|statement| ("statement", statement.sql.as_str()));
    let said = [
        ("detail", message.detail.as_deref()),
        ("query", message.query.as_deref()),
        ("context", message.context.as_deref()),
    ];
    let said = said
        .into_iter()
        .filter_map(|(label, text)| Some((label, text?)));
    let indented = |text: &str| text.replace('\n', "\n  ");
    statement
        .into_iter()
        .chain(said)
        .map(|(label, text)| format!("  {label}: {}", indented(text)))
        .collect()
}
