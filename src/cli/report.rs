//! What users see of a failure: words, a stable id, an exit code. Every error of the library is matched here, once.

use std::error::Error;

use serde_json::Value;

use super::failure::CommandError;
use super::lines::{ErrorDetails, ErrorObject};
use super::report_capture::of_capture;
use super::report_tenants::{
    of_drop, of_fleet, of_hook, of_lifecycle, of_migrate, of_migration, of_pool, of_refresh,
    of_verify,
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

/// A failure as it is shown.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ErrorReport {
    pub(super) code: u8,
    /// Stable, documented.
    pub(super) id: String,
    pub(super) message: String,
    /// From the nearest to the root.
    pub(super) causes: Vec<String>,
    /// Lines between causes and hint.
    pub(super) details: Vec<String>,
    pub(super) hint: Option<String>,
    /// The statement that failed.
    pub(super) statement: Option<String>,
    /// More for programs.
    pub(super) more: ErrorDetails,
}

impl ErrorReport {
    /// The words of an error and of its sources.
    pub(super) fn of(error: &dyn Error, code: u8, id: impl Into<String>) -> Self {
        let mut causes = Vec::new();
        let mut source = error.source();
        while let Some(error) = source {
            causes.push(error.to_string());
            source = error.source();
        }
        let message = error.to_string();
        let (id, details, more) = (id.into(), Vec::new(), ErrorDetails::default());
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

    /// The same failure as the cause of another.
    pub(super) fn beneath(mut self, error: &dyn Error) -> Self {
        let message = std::mem::replace(&mut self.message, error.to_string());
        self.causes.insert(0, message);
        self
    }

    /// As JSON users get it.
    pub(super) fn json(&self) -> ErrorObject {
        let mut message = self.message.clone();
        for cause in &self.causes {
            message.push_str(": ");
            message.push_str(cause);
        }
        ErrorObject {
            code: self.code,
            id: self.id.clone(),
            message,
            causes: self.causes.clone(),
            statement: self.statement.clone(),
            hint: self.hint.clone(),
            more: self.more.clone(),
        }
    }
}

/// The report on a failure. `context` makes the explanation of a failed connection concrete.
pub(super) fn report(failure: &CommandError, context: Option<&Context>) -> ErrorReport {
    match failure {
        CommandError::Usage(_) => ErrorReport::of(failure, exit::USAGE, "usage"),
        CommandError::Config(error) => of_config(error),
        CommandError::NoSnapshot => ErrorReport::of(failure, exit::CONFIGURATION, "config.no_snapshot")
            .hint("name one with --snapshot or SCHEMASTAMP_SNAPSHOT; make one with schemastamp capture"),
        CommandError::SeveralSnapshots(_) => ErrorReport::of(failure, exit::CONFIGURATION, "config.several_snapshots")
            .hint("name one with --snapshot or SCHEMASTAMP_SNAPSHOT"),
        CommandError::Snapshot { source, .. } => ErrorReport::of(failure, exit::SNAPSHOT, of_snapshot(source)).without_causes(),
        CommandError::NotReplaced { source, .. } => ErrorReport::of(failure, exit::SNAPSHOT, of_snapshot(source))
            .without_causes()
            .hint("remove it, or write to another file; it was not touched"),
        CommandError::Template { source, .. } => ErrorReport::of(failure, exit::SNAPSHOT, of_template(source)).without_causes(),
        CommandError::DumpEncoding { .. } => ErrorReport::of(failure, exit::SNAPSHOT, "dump.encoding"),
        CommandError::File(error) => ErrorReport::of(error, exit::FILE, "file.unusable"),
        CommandError::Name(error) => ErrorReport::of(error, exit::USAGE, "tenant.name"),
        CommandError::Line { .. } => ErrorReport::of(failure, exit::USAGE, "tenant.name").without_causes(),
        CommandError::Connect(error) => match &**error {
            ConnectError::Psql(error) => of_psql(error, context),
            ConnectError::Tls(error) => of_tls(error),
        },
        CommandError::Capture(error) => of_capture(error, context),
        CommandError::Provision(error) => of_provision(error, context),
        CommandError::Hook(failed) => of_hook(failure, failed),
        CommandError::NoTarget => ErrorReport::of(failure, exit::USAGE, "tenant.no_target")
            .hint("name it, or a pattern that it matches, under `tenants` of a target; or set rule = \"hash\""),
        CommandError::NoCitus { .. } => ErrorReport::of(failure, exit::CONFIGURATION, "config.no_citus").hint(CREATE_CITUS),
        CommandError::Citus { lines, .. } => {
            let mut report = ErrorReport::of(failure, exit::SNAPSHOT, "snapshot.citus").hint("nothing was made");
            report.details = lines.iter().map(|line| format!("  {line}")).collect();
            report.more.objects = Some(lines.clone());
            report
        }
        CommandError::Pool(error) => of_pool(error, context),
        CommandError::Migration(error) => of_migration(error),
        CommandError::Fleet(error) => of_fleet(error, context),
        CommandError::Migrate(error) => of_migrate(error, context),
        CommandError::Verify(error) => of_verify(error, context),
        CommandError::Refresh(error) => of_refresh(error, context),
        CommandError::Drop(error) => of_drop(error, context),
        CommandError::Lifecycle(error) => of_lifecycle(error, context),
        CommandError::Stream { .. } => ErrorReport::of(failure, exit::FILE, "file.unusable"),
        CommandError::Interrupted(signal) => ErrorReport::of(failure, of_signal(*signal), "interrupted"),
        CommandError::Signals(_) => ErrorReport::of(failure, exit::PROGRAM, "program.failed"),
    }
}

const CREATE_CITUS: &str =
    "create the extension there (CREATE EXTENSION citus), or leave citus out";

impl ErrorReport {
    /// For errors whose words hold those of their source.
    fn without_causes(mut self) -> Self {
        self.causes.clear();
        self
    }
}

/// 128+n.
pub(super) fn of_signal(signal: Signal) -> u8 {
    exit::SIGNAL_BASE.saturating_add(u8::try_from(signal.number()).unwrap_or_default())
}

fn of_config(error: &ConfigError) -> ErrorReport {
    let is_file = matches!(
        error,
        ConfigError::File { .. } | ConfigError::Exposed { .. }
    );
    let code = if is_file {
        exit::FILE
    } else {
        exit::CONFIGURATION
    };
    ErrorReport::of(error, code, error.id())
}

fn of_tls(error: &TlsError) -> ErrorReport {
    let mut report = ErrorReport::of(error, error.exit_code(), error.id()).hint(error.fix());
    report.causes = vec![error.why()];
    report
}

pub(super) fn of_psql(error: &PsqlError, context: Option<&Context>) -> ErrorReport {
    match error {
        PsqlError::Program(error) => of_program(error),
        PsqlError::Folder(_) => ErrorReport::of(error, exit::FILE, "file.private_folder")
            .hint("set TMPDIR to a folder that exists, is writable and has room"),
        PsqlError::Run(error) => of_run(error),
        PsqlError::Connect { messages, stderr } => of_connection(messages, &stderr.text(), context),
        PsqlError::Lost { .. } => ErrorReport::of(error, exit::CONNECTION, "connection.lost"),
        PsqlError::Script { message, .. } => ErrorReport {
            hint: hint_of(message),
            ..ErrorReport::of(error, exit::SQL, of_message(message))
        },
        PsqlError::Random(_)
        | PsqlError::Fatal { .. }
        | PsqlError::Output { .. }
        | PsqlError::Encoding { .. } => ErrorReport::of(error, exit::PROGRAM, "program.failed"),
    }
}

/// A failed connection in words: what, why, and what to change.
pub(super) fn of_connection(
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
    // Never empty, says `explain`; with nothing to say the words of psql do.
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
            // Which failure it is, and who said so.
            let speaker = finding.evidence.get("said_by").and_then(Value::as_str);
            let speaker = speaker
                .map(|speaker| format!(", says {speaker}"))
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
        more: ErrorDetails::default(),
    }
}

/// Whether a finding is about a file on this machine.
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

pub(super) fn of_program(error: &ProgramError) -> ErrorReport {
    let id = match error {
        ProgramError::NotFound { name, .. } => {
            return ErrorReport::of(error, exit::PROGRAM, format!("program.{name}_missing"));
        }
        ProgramError::Unusable { .. } => "program.unusable",
        ProgramError::TooOld { .. } => "program.too_old",
        ProgramError::OlderThanServer { .. } => "program.older_than_server",
        ProgramError::NoVersion { .. } => "program.failed",
        ProgramError::Version { source, .. } => return of_run(source).beneath(error),
        ProgramError::Folder { .. } => {
            return ErrorReport::of(error, exit::FILE, "file.private_folder")
                .hint("set TMPDIR to a folder that exists, is writable and has room");
        }
    };
    ErrorReport::of(error, exit::PROGRAM, id)
}

pub(super) fn of_run(error: &RunError) -> ErrorReport {
    match error {
        RunError::TimedOut { .. } => ErrorReport::of(error, exit::TIMEOUT, "timeout"),
        RunError::Interrupted { signal, .. } => {
            ErrorReport::of(error, of_signal(*signal), "interrupted")
        }
        RunError::NotFound { .. }
        | RunError::Spawn { .. }
        | RunError::Signaled { .. }
        | RunError::TooLong { .. }
        | RunError::Refused { .. }
        | RunError::Io { .. } => ErrorReport::of(error, exit::PROGRAM, "program.failed"),
    }
}

/// `sql.` and the name of the SQLSTATE's condition.
pub(super) fn of_message(message: &ServerMessage) -> String {
    match (message.condition_name(), message.sqlstate) {
        (Some(name), _) => format!("sql.{name}"),
        (None, Some(sqlstate)) => format!("sql.{sqlstate}"),
        (None, None) => "sql.error".to_owned(),
    }
}

pub(super) fn of_snapshot(error: &SnapshotError) -> &'static str {
    match error {
        SnapshotError::Empty => "snapshot.empty",
        SnapshotError::Encoding { .. } => "snapshot.encoding",
        SnapshotError::NotASnapshot => "snapshot.not_a_snapshot",
        SnapshotError::Format { .. } => "snapshot.format",
        SnapshotError::Header { .. } => "snapshot.header",
        SnapshotError::CreateSchema { .. } => "snapshot.create_schema",
        SnapshotError::Unfinished => "snapshot.truncated",
        SnapshotError::Template(error) => of_template(error),
    }
}

pub(super) fn of_template(error: &TemplateError) -> &'static str {
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

fn of_provision(error: &ProvisionError, context: Option<&Context>) -> ErrorReport {
    match error {
        ProvisionError::Exists { .. } => ErrorReport::of(error, exit::EXISTS, "tenant.exists")
            .hint("it was not touched; --if-exists skip takes a whole tenant for done"),
        ProvisionError::ExistsOfAnother { .. } => ErrorReport::of(error, exit::EXISTS, "tenant.exists").hint(
            "it was not touched; anybody who may create schemas can imitate a tenant: provision as its owner, or as a member \
             of that role",
        ),
        ProvisionError::ExistsInPart { missing, .. } => {
            let mut report = ErrorReport::of(error, exit::EXISTS, "tenant.exists_in_part")
                .hint("it was not touched; look at what it is, and drop or rename it");
            report.more.missing = Some(missing.clone());
            report
        }
        ProvisionError::Sql { message, statement, hint } => {
            let mut report = ErrorReport::of(error, exit::SQL, of_message(message));
            report.statement = statement.as_ref().map(|statement| statement.sql.clone());
            report.details = details(message, statement.as_ref());
            report.hint.clone_from(hint);
            report
        }
        ProvisionError::Template(source) => ErrorReport::of(error, exit::SNAPSHOT, of_template(source)),
        ProvisionError::Connect(source) => of_psql(source, context),
        ProvisionError::Run(source) => of_psql(source, context),
        ProvisionError::Budget(_) => ErrorReport::of(error, exit::SQL, "sql.lock_budget")
            .hint("nothing was made; the setting needs a restart of the server"),
        ProvisionError::NoCitus => ErrorReport::of(error, exit::CONFIGURATION, "config.no_citus").hint(CREATE_CITUS),
        ProvisionError::PoolFull => ErrorReport::of(error, exit::SQL, "pool.full"),
        ProvisionError::TimedOut { .. } => ErrorReport::of(error, exit::TIMEOUT, "timeout")
            .hint("give it more time with --timeout, or find out what the server waits for (pg_stat_activity)"),
        ProvisionError::Interrupted { signal } => ErrorReport::of(error, of_signal(*signal), "interrupted"),
        ProvisionError::Lost(source) => {
            let beneath = of_psql(source, context);
            ErrorReport { hint: Some("try again".to_owned()), ..beneath.beneath(error) }
        }
        ProvisionError::Unknown { cause, look } => {
            let mut report = of_psql(cause, context).beneath(error);
            report.causes.push(match look {
                Some(look) => format!("the server could not be asked: {look}"),
                None => "the server still works on it".to_owned(),
            });
            report.hint("look whether the schema is there, or run it again: with --if-exists skip that does no harm")
        }
        ProvisionError::Look { source, .. } => of_psql(source, context).beneath(error),
    }
}

/// What the server said beyond its message, and the statement.
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
