//! Reports on the errors that many commands share: of psql, programs, snapshots and tenants.

use std::error::Error;

use serde_json::Value;

use super::migrations::newer_report;
use super::shape::ErrorReport;
use crate::cli::lines::ErrorDetails;
use crate::config::ConfigError;
use crate::diagnose::{Context, explain};
use crate::exit;
use crate::pg::{PasswordError, ProgramError, PsqlError, ServerMessage};
use crate::process::{RunError, Signal};
use crate::tenant::{FailedStatement, ProvisionError, hint_of};
use crate::tls::TlsError;

pub(super) const CREATE_CITUS: &str =
    "run CREATE EXTENSION citus in that database, or create ordinary tenants without citus";

/// Returns the exit code of a process that `signal` ended: 128+n.
pub(in crate::cli) fn signal_exit_code(signal: Signal) -> u8 {
    exit::SIGNAL_BASE.saturating_add(u8::try_from(signal.number()).unwrap_or_default())
}

/// An error that says that a signal ended the work.
pub(super) fn interruption_report(error: &dyn Error, signal: Signal) -> ErrorReport {
    ErrorReport {
        code: signal_exit_code(signal),
        ..ErrorReport::new(error, "interrupted")
    }
}

pub(super) fn config_report(error: &ConfigError) -> ErrorReport {
    ErrorReport {
        hint: error.fix(),
        ..ErrorReport::new(error, error.id())
    }
}

pub(super) fn tls_report(error: &TlsError, cure: &str) -> ErrorReport {
    let mut report = ErrorReport::new(error, error.id()).hint(cure);
    report.causes = vec![error.why()];
    report
}

pub(super) fn psql_report(error: &PsqlError, context: Option<&Context>) -> ErrorReport {
    match error {
        PsqlError::Program(error) => program_report(error),
        PsqlError::Folder(_) => ErrorReport::new(error, error.id()).hint(
            "set TMPDIR to a directory that exists, is writable, has free space, and that only you and root can replace",
        ),
        PsqlError::Run(error) => run_report(error),
        PsqlError::Connect { messages, stderr } => {
            connection_report(messages, &stderr.text(), context)
        }
        PsqlError::Script { message, .. } => ErrorReport {
            hint: hint_of(message, context.and_then(|context| context.user.as_deref())),
            ..ErrorReport::new(error, message.id())
        },
        PsqlError::Password(error) => password_report(error),
        PsqlError::Lost { stderr, .. } => lost_report(error, &stderr.text(), context),
        PsqlError::Random(_)
        | PsqlError::Fatal { .. }
        | PsqlError::Unconfirmed
        | PsqlError::Output { .. }
        | PsqlError::Encoding { .. } => ErrorReport::new(error, error.id()),
    }
}

/// A pooler lets a client in before it has a connection to the server, and says only then why it gets none.
fn lost_report(error: &PsqlError, stderr: &str, context: Option<&Context>) -> ErrorReport {
    let unknown = Context::default();
    let found = explain(stderr.as_bytes(), context.unwrap_or(&unknown));
    let root = found.into_iter().next().filter(|root| {
        matches!(
            root.id.as_str(),
            "server.pooler_backend" | "server.unknown_database"
        )
    });
    match root {
        Some(root) => ErrorReport {
            code: exit::code_of_failed_connection(&root.id),
            causes: vec![root.why],
            hint: Some(root.fix),
            ..ErrorReport::new(error, root.id)
        },
        None => ErrorReport::new(error, error.id()),
    }
}

pub(super) fn password_report(error: &PasswordError) -> ErrorReport {
    ErrorReport::new(error, error.id()).hint(
        "run the command by hand: it must print the password on one line of stdout and end with 0",
    )
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
        code: exit::code_of_failed_connection(&id),
        id,
        message: format!("cannot connect: {what}"),
        causes,
        details: Vec::new(),
        hint: Some(fix).filter(|fix| !fix.is_empty()),
        statement: None,
        more: ErrorDetails::default(),
        stderr: stderr.to_owned(),
    }
}

pub(super) fn program_report(error: &ProgramError) -> ErrorReport {
    let report = ErrorReport::new(error, error.id());
    match error {
        ProgramError::Version { source, .. } => run_report(source).beneath(error),
        ProgramError::Folder { .. } => {
            report.hint(
                "set TMPDIR to a directory that exists, is writable, has free space, and that only you and root can replace",
            )
        }
        _ => report,
    }
}

pub(super) fn run_report(error: &RunError) -> ErrorReport {
    match error {
        RunError::Interrupted { signal, .. } => interruption_report(error, *signal),
        _ => ErrorReport::new(error, error.id()),
    }
}

pub(super) fn provision_report(error: &ProvisionError, context: Option<&Context>) -> ErrorReport {
    match error {
        ProvisionError::Exists { .. } => ErrorReport::new(error, error.id())
            .hint("it was left untouched; pass --if-exists skip to accept an existing, complete tenant"),
        ProvisionError::ExistsOfAnother { .. } => ErrorReport::new(error, error.id()).hint(
            "it was left untouched; provision as its owner (--role), because anybody who may create schemas can imitate a \
             tenant",
        ),
        ProvisionError::ExistsInPart { missing, .. } => {
            let mut report = ErrorReport::new(error, error.id())
                .hint("it was left untouched; check what it is, then drop or rename it");
            report.more.missing = Some(missing.clone());
            report
        }
        ProvisionError::Sql { message, statement, hint } => {
            let mut report = ErrorReport::new(error, message.id());
            report.statement = statement.as_ref().map(|statement| statement.sql.clone());
            report.details = details(message, statement.as_ref());
            report.hint.clone_from(hint);
            report
        }
        ProvisionError::Template(source) => ErrorReport::new(error, source.id()),
        ProvisionError::Newer(source) => newer_report(source),
        ProvisionError::Connect(source) => psql_report(source, context),
        ProvisionError::Run(source) => psql_report(source, context),
        ProvisionError::Budget(_) => ErrorReport::new(error, error.id())
            .hint("nothing was created; change the setting and restart the server"),
        ProvisionError::NotDistributed { .. } => ErrorReport::new(error, error.id()).hint(
            "nothing was left behind; check the settings citus.* of this role and database: SELECT * FROM pg_db_role_setting",
        ),
        ProvisionError::WouldDistribute => ErrorReport::new(error, error.id())
            .hint("pass --citus, or citus = true for the target, to create distributed tenants"),
        ProvisionError::NoCitus => ErrorReport::new(error, error.id()).hint(CREATE_CITUS),
        ProvisionError::NotStorable(_) | ProvisionError::PoolFull => {
            ErrorReport::new(error, error.id())
        }
        ProvisionError::TimedOut { .. } => ErrorReport::new(error, error.id())
            .hint("raise --timeout, or query pg_stat_activity to see what the server waits for"),
        ProvisionError::Interrupted { signal } => interruption_report(error, *signal),
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
