//! The failures of `capture`, as [`super::report`] has all others.

use super::doubts;
use super::report::{
    ErrorReport, of_connection, of_message, of_program, of_psql, of_run, of_snapshot, of_template,
};
use crate::diagnose::Context;
use crate::exit;
use crate::pg::{PgDumpError, PsqlError};
use crate::snapshot::capture::{CaptureError, DumpError, ProofError};

pub(super) fn of_capture(error: &CaptureError, context: Option<&Context>) -> ErrorReport {
    match error {
        CaptureError::PgDump(error) => of_pg_dump(error, context),
        CaptureError::Dump(source) => ErrorReport::of(source, exit::SNAPSHOT, of_dump(source)),
        CaptureError::Psql(source) => of_psql(source, context).beneath(error),
        CaptureError::Doubtful(undecided) => {
            let mut report = ErrorReport::of(error, exit::SNAPSHOT, "capture.doubtful").hint(
                "decide each with one of its flags; the snapshot's header keeps the decision for the next capture",
            );
            report.details = doubts::lines(&undecided.doubts);
            report.more.doubts = Some(doubts::json(&undecided.doubts));
            report
        }
        CaptureError::Contested { objects, source } => {
            let report = match source.as_deref() {
                Some(source) => of_proof(source, context).beneath(error),
                None => ErrorReport::of(error, exit::SNAPSHOT, "capture.contested"),
            };
            let mut report = ErrorReport { code: exit::SNAPSHOT, id: "capture.contested".to_owned(), ..report }.hint(
                "PostgreSQL can tell which is meant: connect as a role that may rename the schema, or name with \
                 --scratch a database in which the dump can be loaded",
            );
            report.more.objects = Some(objects.clone());
            report
        }
        CaptureError::Unsettled { objects } => {
            let mut report = ErrorReport::of(error, exit::SNAPSHOT, "capture.contested").hint(
                "give the alias, table or column that is called like the schema another name",
            );
            report.more.objects = Some(objects.clone());
            report
        }
        CaptureError::NoTable { .. } => ErrorReport::of(error, exit::USAGE, "capture.no_table"),
        CaptureError::Name { .. } => ErrorReport::of(error, exit::SNAPSHOT, "capture.name_in_rows"),
        CaptureError::NoRows { .. } => ErrorReport::of(error, exit::SNAPSHOT, "capture.no_rows"),
        CaptureError::Snapshot(source) => {
            ErrorReport::of(error, exit::SNAPSHOT, of_snapshot(source))
        }
        CaptureError::Proof(source) => of_proof(source, context).beneath(error),
    }
}

fn of_pg_dump(error: &PgDumpError, context: Option<&Context>) -> ErrorReport {
    match error {
        PgDumpError::Program(error) => of_program(error),
        PgDumpError::Folder(_) | PgDumpError::Dump(_) => {
            ErrorReport::of(error, exit::FILE, "file.private_folder")
                .hint("set TMPDIR to a folder that exists, is writable and has room")
        }
        PgDumpError::Random(_) | PgDumpError::Encoding { .. } => {
            ErrorReport::of(error, exit::PROGRAM, "program.failed")
        }
        PgDumpError::Run(error) => of_run(error),
        PgDumpError::Pooled { server, .. } => {
            let place = server
                .as_ref()
                .map(|server| format!(", at {server} as it sees itself"))
                .unwrap_or_default();
            ErrorReport::of(error, exit::CONNECTION, "connection.pooled").hint(format!(
                "connect to the server itself{place}, or to a pool of sessions; provision may go on here"
            ))
        }
        PgDumpError::Connect { messages, stderr } => {
            of_connection(messages, &stderr.text(), context)
        }
        PgDumpError::NoSuchSchema { .. } => {
            ErrorReport::of(error, exit::SQL, "sql.invalid_schema_name")
        }
        PgDumpError::Denied { .. } => {
            ErrorReport::of(error, exit::SQL, "sql.insufficient_privilege")
        }
        PgDumpError::Failed { messages, .. } => {
            let message = messages.iter().find(|message| message.is_error());
            match message.filter(|message| message.sqlstate.is_some()) {
                Some(message) => ErrorReport::of(error, exit::SQL, of_message(message)),
                None => ErrorReport::of(error, exit::PROGRAM, "program.failed"),
            }
        }
        PgDumpError::NotUtf8 { .. } => ErrorReport::of(error, exit::SNAPSHOT, "dump.encoding"),
    }
}

fn of_dump(error: &DumpError) -> &'static str {
    match error {
        DumpError::Script(_) => "dump.syntax",
        DumpError::Archive { .. } => "dump.archive",
        DumpError::Encoding { .. } => "dump.encoding",
        DumpError::Strings { .. } => "dump.strings",
        DumpError::NoSchema { .. } => "dump.no_schema",
        DumpError::Extension { .. } => "dump.extension",
        DumpError::Meta { .. } => "dump.meta_command",
        DumpError::Statement { .. } => "dump.statement",
        DumpError::Unqualified { .. } => "dump.unqualified",
        DumpError::Rows { .. } => "dump.rows",
    }
}

fn of_proof(error: &ProofError, context: Option<&Context>) -> ErrorReport {
    match error {
        ProofError::Psql(source) | ProofError::Load { source, .. } => {
            let report = of_psql(source, context).beneath(error);
            if denied(source) {
                report.hint(
                    "connect as a role that may create schemas here, name another database of the server with --scratch, \
                     or leave the proof out with --no-prove",
                )
            } else {
                report
            }
        }
        ProofError::Dump { source, .. } => of_psql(source, context).beneath(error).hint(
            "the database itself cannot be restored from its dump; this has to be mended there",
        ),
        ProofError::Different(differences) => {
            let mut report = ErrorReport::of(error, exit::SNAPSHOT, "capture.not_equal");
            let texts: Vec<String> = differences.iter().map(ToString::to_string).collect();
            report.more.differences = Some(texts);
            report
        }
        ProofError::Depends(_) => {
            ErrorReport::of(error, exit::SNAPSHOT, "capture.depends_on_source")
        }
        ProofError::Template(source) => ErrorReport::of(error, exit::SNAPSHOT, of_template(source)),
        ProofError::Random(_) => ErrorReport::of(error, exit::PROGRAM, "program.failed"),
    }
}

/// Whether a right is missing; not where the error itself says what to do.
fn denied(error: &PsqlError) -> bool {
    let message = error
        .messages()
        .iter()
        .find(|message| message.is_error() && message.hint.is_none());
    message
        .and_then(|message| message.sqlstate)
        .is_some_and(|sqlstate| sqlstate.as_str() == "42501")
}
