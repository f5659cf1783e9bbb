//! Reports on failures of `capture`.

use super::library::{connection_report, password_report, program_report, psql_report, run_report};
use super::shape::ErrorReport;
use crate::cli::doubts;
use crate::diagnose::Context;
use crate::exit;
use crate::pg::{PgDumpError, PsqlError, SqlState};
use crate::snapshot::capture::{CaptureError, DumpError, ProofError};
use crate::text::{listed, safe};

pub(super) fn capture_report(error: &CaptureError, context: Option<&Context>) -> ErrorReport {
    match error {
        CaptureError::PgDump(error) => pg_dump_report(error, context),
        CaptureError::Dump(source) => ErrorReport::new(source, dump_error_id(source)),
        CaptureError::Psql(source) => psql_report(source, context).beneath(error),
        CaptureError::Doubtful(undecided) => {
            let mut report = ErrorReport::new(error, "capture.doubtful").hint(
                "append these flags to the command, with --keep in the place of --rename where the text only looks alike, \
                 and 'OBJECT#2' for a single place; the snapshot's header keeps the decisions for the next capture",
            );
            report.details = doubts::question_lines(undecided);
            report.more.doubts = Some(doubts::json(&undecided.doubts));
            report
        }
        CaptureError::Contested { objects, source } => {
            let report = match source.as_deref() {
                Some(source) => proof_report(source, context).beneath(error),
                None => ErrorReport::new(error, "capture.contested"),
            };
            let mut report = ErrorReport {
                code: exit::code_of("capture.contested"),
                id: "capture.contested".to_owned(),
                ..report
            }.hint(
                "connect as a role that may rename the schema, so that PostgreSQL can decide, or pass \
                 --scratch DBNAME with a database in which the dump can be loaded",
            );
            report.more.objects = Some(objects.clone());
            report
        }
        CaptureError::Unsettled { objects } => {
            let mut report = ErrorReport::new(error, "capture.contested")
                .hint("rename the alias, table or column that has the schema's name");
            report.more.objects = Some(objects.clone());
            report
        }
        CaptureError::NoTable { .. } => ErrorReport::new(error, "capture.no_table"),
        CaptureError::Name { .. } => ErrorReport::new(error, "capture.name_in_rows"),
        CaptureError::Oids { .. } => ErrorReport::new(error, "capture.oids_in_rows"),
        CaptureError::PartitionElsewhere { .. } => {
            ErrorReport::new(error, "capture.partition_elsewhere").hint(
                "detach them (ALTER TABLE … DETACH PARTITION …) or move the whole table into the tenant's schema; capture \
                 --no-prove carries them as ordinary tables",
            )
        }
        CaptureError::UnusedDecisions { decidable, .. } => {
            let mut report = ErrorReport::new(error, "capture.unused_decision");
            report.more.objects = Some(decidable.clone());
            report
        }
        CaptureError::NoRows { .. } => ErrorReport::new(error, "capture.no_rows"),
        CaptureError::Snapshot(source) => ErrorReport::new(error, source.id()),
        CaptureError::Proof(source) => proof_report(source, context).beneath(error),
    }
}

fn pg_dump_report(error: &PgDumpError, context: Option<&Context>) -> ErrorReport {
    match error {
        PgDumpError::Program(error) => program_report(error),
        PgDumpError::Folder(_) | PgDumpError::Dump(_) => {
            ErrorReport::new(error, "file.private_folder")
                .hint("set TMPDIR to a directory that exists, is writable and has free space")
        }
        PgDumpError::Random(_) | PgDumpError::Encoding { .. } => {
            ErrorReport::new(error, "program.failed")
        }
        PgDumpError::Run(error) => run_report(error),
        PgDumpError::Password(error) => password_report(error),
        PgDumpError::Pooled { server, .. } => {
            let place = server
                .as_ref()
                .map(|server| format!(", at {server} as it sees itself"))
                .unwrap_or_default();
            ErrorReport::new(error, "connection.pooled").hint(format!(
                "connect to the server itself{place}, or to a session pool; provision can still use this pooler"
            ))
        }
        PgDumpError::Connect { messages, stderr } => {
            connection_report(messages, &stderr.text(), context)
        }
        PgDumpError::NoSuchSchema { .. } => {
            let report = ErrorReport::new(error, "sql.invalid_schema_name");
            match context.and_then(|context| Some((context, context.schemas.get()?))) {
                Some((context, schemas)) => {
                    let database = context.database.as_deref().unwrap_or_default();
                    let schemas = listed(schemas.iter().map(|schema| safe(schema)), 20);
                    report.hint(format!(
                        "the database '{}' has the schemas {schemas}",
                        safe(database)
                    ))
                }
                None => report,
            }
        }
        PgDumpError::Denied { .. } => ErrorReport::new(error, "sql.insufficient_privilege"),
        PgDumpError::Failed { messages, .. } => {
            let message = messages.iter().find(|message| message.is_error());
            match message.filter(|message| message.sqlstate.is_some()) {
                Some(message) => ErrorReport::new(error, message.id()),
                None => ErrorReport::new(error, "program.failed"),
            }
        }
        PgDumpError::NotUtf8 { .. } => ErrorReport::new(error, "dump.encoding"),
    }
}

fn dump_error_id(error: &DumpError) -> &'static str {
    match error {
        DumpError::Script(_) => "dump.syntax",
        DumpError::Archive { .. } => "dump.archive",
        DumpError::Encoding { .. } => "dump.encoding",
        DumpError::Strings { .. } => "dump.strings",
        DumpError::Setting { .. } => "dump.setting",
        DumpError::NoSchema { .. } => "dump.no_schema",
        DumpError::Extension { .. } => "dump.extension",
        DumpError::Meta { .. } => "dump.meta_command",
        DumpError::Statement { .. } => "dump.statement",
        DumpError::TakenBack { .. } | DumpError::Unfinished { .. } => "dump.taken_back",
        DumpError::Renamed { .. } => "dump.renamed",
        DumpError::Databases { .. } => "dump.two_databases",
        DumpError::Unqualified { .. } => "dump.unqualified",
        DumpError::Rows { .. } => "dump.rows",
    }
}

fn proof_report(error: &ProofError, context: Option<&Context>) -> ErrorReport {
    match error {
        ProofError::Psql(source) | ProofError::Load { source, .. } => {
            let report = psql_report(source, context).beneath(error);
            if denied(source) {
                report.hint(
                    "connect as a role that may create schemas here, pass --scratch DBNAME with another database of the \
                     server, or skip the proof with --no-prove",
                )
            } else {
                report
            }
        }
        ProofError::Dump { source, .. } => {
            psql_report(source, context)
                .beneath(error)
                .hint(if finds_no_name(source) {
                    "create what the dump needs outside of the schema in the connected database first, name a database \
                     that has it with --scratch, or load the whole dump into a database and capture from there"
                } else {
                    "fix the dump, or the database that it comes from: it cannot be restored from its own dump"
                })
        }
        ProofError::Different(differences) => {
            let mut report = ErrorReport::new(error, "capture.not_equal");
            let texts: Vec<String> = differences.iter().map(ToString::to_string).collect();
            report.more.differences = Some(texts);
            report
        }
        ProofError::Extension { .. } => ErrorReport::new(error, "capture.extension"),
        ProofError::Depends(_) => ErrorReport::new(error, "capture.depends_on_source"),
        ProofError::Template(source) => ErrorReport::new(error, source.id()),
        ProofError::Random(_) => ErrorReport::new(error, "program.failed"),
        ProofError::Identity(_) => ErrorReport::new(error, "internal.identity"),
    }
}

/// Returns `true` if the server does not find a table, type, function or schema.
fn finds_no_name(error: &PsqlError) -> bool {
    let unknown = [
        SqlState::UNDEFINED_TABLE,
        SqlState::UNDEFINED_OBJECT,
        SqlState::UNDEFINED_FUNCTION,
        SqlState::INVALID_SCHEMA_NAME,
    ];
    error.messages().iter().any(|message| {
        message.is_error()
            && message
                .sqlstate
                .is_some_and(|state| unknown.contains(&state))
    })
}

/// Returns `true` if the right to create something is missing, and no hint says which one.
fn denied(error: &PsqlError) -> bool {
    let message = error
        .messages()
        .iter()
        .find(|message| message.is_error() && message.hint.is_none());
    message.is_some_and(|message| {
        message.sqlstate == Some(SqlState::INSUFFICIENT_PRIVILEGE)
            && ![
                "set parameter",
                "member of role",
                "SET ROLE",
                "superuser",
                "for language ",
            ]
            .iter()
            .any(|words| message.message.contains(words))
    })
}
