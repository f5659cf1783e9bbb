//! What users see of the errors that many commands share: psql's, the programs', a snapshot's, a tenant's.

use std::error::Error;

use serde_json::Value;

use super::shape::ErrorReport;
use crate::cli::lines::ErrorDetails;
use crate::config::ConfigError;
use crate::diagnose::{Context, explain};
use crate::exit;
use crate::pg::{ProgramError, PsqlError, ServerMessage};
use crate::process::{RunError, Signal};
use crate::snapshot::{SnapshotError, TemplateError};
use crate::sql::ScriptError;
use crate::tenant::{FailedStatement, ProvisionError, hint_of};
use crate::tls::TlsError;

pub(super) const CREATE_CITUS: &str =
    "create the extension there (CREATE EXTENSION citus), or leave citus out";

/// 128+n.
pub(in crate::cli) fn signal_exit_code(signal: Signal) -> u8 {
    exit::SIGNAL_BASE.saturating_add(u8::try_from(signal.number()).unwrap_or_default())
}

/// An error that says that a signal ended the work.
pub(super) fn of_interruption(error: &dyn Error, signal: Signal) -> ErrorReport {
    ErrorReport {
        code: signal_exit_code(signal),
        ..ErrorReport::of(error, "interrupted")
    }
}

pub(super) fn config_report(error: &ConfigError) -> ErrorReport {
    ErrorReport::of(error, error.id())
}

pub(super) fn tls_report(error: &TlsError) -> ErrorReport {
    let mut report = ErrorReport::of(error, error.id()).hint(error.fix());
    report.causes = vec![error.why()];
    report
}

pub(super) fn psql_report(error: &PsqlError, context: Option<&Context>) -> ErrorReport {
    match error {
        PsqlError::Program(error) => program_report(error),
        PsqlError::Folder(_) => ErrorReport::of(error, "file.private_folder")
            .hint("set TMPDIR to a folder that exists, is writable and has room"),
        PsqlError::Run(error) => run_report(error),
        PsqlError::Connect { messages, stderr } => {
            connection_report(messages, &stderr.text(), context)
        }
        PsqlError::Lost { .. } => ErrorReport::of(error, "connection.lost"),
        PsqlError::Script { message, .. } => ErrorReport {
            hint: hint_of(message),
            ..ErrorReport::of(error, message_id(message))
        },
        PsqlError::Random(_)
        | PsqlError::Fatal { .. }
        | PsqlError::Output { .. }
        | PsqlError::Encoding { .. } => ErrorReport::of(error, "program.failed"),
    }
}

/// A failed connection in words: what, why, and what to change.
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
        code: exit::code_of_failed_connection(&id),
        id,
        message: format!("cannot connect: {what}"),
        causes,
        details: Vec::new(),
        hint: Some(fix).filter(|fix| !fix.is_empty()),
        statement: None,
        more: ErrorDetails::default(),
    }
}

pub(super) fn program_report(error: &ProgramError) -> ErrorReport {
    let id = match error {
        ProgramError::NotFound { name, .. } => {
            return ErrorReport::of(error, format!("program.{name}_missing"));
        }
        ProgramError::Unusable { .. } => "program.unusable",
        ProgramError::TooOld { .. } => "program.too_old",
        ProgramError::OlderThanServer { .. } => "program.older_than_server",
        ProgramError::NoVersion { .. } => "program.failed",
        ProgramError::Version { source, .. } => return run_report(source).beneath(error),
        ProgramError::Folder { .. } => {
            return ErrorReport::of(error, "file.private_folder")
                .hint("set TMPDIR to a folder that exists, is writable and has room");
        }
    };
    ErrorReport::of(error, id)
}

pub(super) fn run_report(error: &RunError) -> ErrorReport {
    match error {
        RunError::TimedOut { .. } => ErrorReport::of(error, "timeout"),
        RunError::Interrupted { signal, .. } => of_interruption(error, *signal),
        RunError::NotFound { .. }
        | RunError::Spawn { .. }
        | RunError::Signaled { .. }
        | RunError::TooLong { .. }
        | RunError::Refused { .. }
        | RunError::Io { .. } => ErrorReport::of(error, "program.failed"),
    }
}

/// `sql.` and the name of the SQLSTATE's condition.
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

pub(super) fn provision_report(error: &ProvisionError, context: Option<&Context>) -> ErrorReport {
    match error {
        ProvisionError::Exists { .. } => ErrorReport::of(error, "tenant.exists")
            .hint("it was not touched; --if-exists skip takes a whole tenant for done"),
        ProvisionError::ExistsOfAnother { .. } => ErrorReport::of(error, "tenant.exists").hint(
            "it was not touched; anybody who may create schemas can imitate a tenant: provision as its owner, or as a member \
             of that role",
        ),
        ProvisionError::ExistsInPart { missing, .. } => {
            let mut report = ErrorReport::of(error, "tenant.exists_in_part")
                .hint("it was not touched; look at what it is, and drop or rename it");
            report.more.missing = Some(missing.clone());
            report
        }
        ProvisionError::Sql { message, statement, hint } => {
            let mut report = ErrorReport::of(error, message_id(message));
            report.statement = statement.as_ref().map(|statement| statement.sql.clone());
            report.details = details(message, statement.as_ref());
            report.hint.clone_from(hint);
            report
        }
        ProvisionError::Template(source) => ErrorReport::of(error, template_error_id(source)),
        ProvisionError::Connect(source) => psql_report(source, context),
        ProvisionError::Run(source) => psql_report(source, context),
        ProvisionError::Budget(_) => ErrorReport::of(error, "sql.lock_budget")
            .hint("nothing was made; the setting needs a restart of the server"),
        ProvisionError::NoCitus => ErrorReport::of(error, "config.no_citus").hint(CREATE_CITUS),
        ProvisionError::PoolFull => ErrorReport::of(error, "pool.full"),
        ProvisionError::TimedOut { .. } => ErrorReport::of(error, "timeout")
            .hint("give it more time with --timeout, or find out what the server waits for (pg_stat_activity)"),
        ProvisionError::Interrupted { signal } => of_interruption(error, *signal),
        ProvisionError::Lost(source) => {
            let beneath = psql_report(source, context);
            ErrorReport { hint: Some("try again".to_owned()), ..beneath.beneath(error) }
        }
        ProvisionError::Unknown { cause, look } => {
            let mut report = psql_report(cause, context).beneath(error);
            report.causes.push(match look {
                Some(look) => format!("the server could not be asked: {look}"),
                None => "the server still works on it".to_owned(),
            });
            report.hint("look whether the schema is there, or run it again: with --if-exists skip that does no harm")
        }
        ProvisionError::Look { source, .. } => psql_report(source, context).beneath(error),
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
