//! The first snapshot of an app that has migrations only: `capture --migrations` and `capture --run`.

use super::arguments::CaptureArguments;
use super::failure::CommandError;
use super::migrations::{external, load_for_capture};
use super::progress::Progress;
use super::session::Session;
use crate::fleet::refresh::{
    FirstSchema, FirstSource, RefreshOptions, RowCounts, count_rows, note_on_rows,
    with_first_schema,
};
use crate::pg::Server;
use crate::snapshot::capture::{CaptureError, CaptureSource, Captured, is_tool_table};
use crate::tenant::migrate::ExternalCommand;
use crate::tenant::migrations::Migrations;
use crate::tenant::versions::{NewVersionsTable, PlanStrictness};
use crate::text::plural;

/// Maker of the schema.
enum Maker {
    Migrations(Migrations, NewVersionsTable),
    Command(ExternalCommand),
}

impl Maker {
    fn new(session: &Session, arguments: &CaptureArguments) -> Result<Option<Self>, CommandError> {
        if let Some(folder) = &arguments.migrations {
            let migrations = load_for_capture(folder, session)?;
            let name = arguments.versions_table.as_deref();
            let table = NewVersionsTable::for_layout(migrations.layout(), name);
            return match table {
                Some(table) => Ok(Some(Self::Migrations(migrations, table))),
                None => Err(CommandError::Usage(format!(
                    "'{}' has migrations of Flyway or refinery, whose version table only the tool itself writes; pass \
                     its command with --run in the place of --migrations",
                    folder.display()
                ))),
            };
        }
        let command = arguments
            .run
            .clone()
            .map(|command| external(session, command));
        Ok(command.transpose()?.map(Self::Command))
    }

    fn source(&self) -> FirstSource<'_> {
        match self {
            Self::Migrations(migrations, table) => FirstSource::Migrations { migrations, table },
            Self::Command(command) => FirstSource::Command(command),
        }
    }
}

/// Returns what `capture` makes of a schema that migrations or a command have made; `None` if neither is asked for.
pub(super) async fn captured(
    session: &Session,
    arguments: &CaptureArguments,
    versions_table: Option<String>,
    capture: impl AsyncFnOnce(&str, CaptureSource, Server) -> Result<Captured, CommandError>,
) -> Result<Option<Captured>, CommandError> {
    let Some(maker) = Maker::new(session, arguments)? else {
        return Ok(None);
    };
    let settings = arguments.target.settings(session)?;
    let (server, pg_dump) = arguments
        .target
        .connect_with_pg_dump(session, &settings)
        .await?;
    let options = RefreshOptions {
        versions_table,
        prove: !arguments.no_prove,
        strictness: PlanStrictness::default(),
        outside: session.common.outside(),
    };
    let progress = Progress::waiting(session, "making the schema");
    let capture = async |first: &FirstSchema| {
        progress.end();
        say(session, &maker, first);
        let source = CaptureSource::Live(pg_dump);
        let mut captured = capture(first.name.as_str(), source, server.clone()).await?;
        let rows = count_rows(&server, first.name.as_str(), &session.shutdown)
            .await
            .map_err(CaptureError::from)?;
        let made = note_on_rows(&RowCounts::new(), &rows, &captured.notes);
        captured.notes.extend(made);
        warn_without_versions(session, &maker, &captured);
        Ok(captured)
    };
    let made = with_first_schema(
        &server,
        maker.source(),
        &options,
        &session.shutdown,
        capture,
    );
    Box::pin(made).await.map(Some)
}

/// Warns if a command has left no versions, so that `status` and `migrate` cannot work on the tenants.
fn warn_without_versions(session: &Session, maker: &Maker, captured: &Captured) {
    let tables = captured.snapshot.header().versions.iter();
    let mut names = tables.map(|line| line.split(':').next().unwrap_or_default());
    let is_command = matches!(maker, Maker::Command(_));
    if is_command && names.all(is_tool_table) {
        session.output.warning(
            "the command has made no version table, so status and migrate will not know the version of a tenant; pass \
             --versions-table if it has another name, or let the command record what it has applied",
        );
    }
}

/// Reports what was done in order to have a schema.
fn say(session: &Session, maker: &Maker, first: &FirstSchema) {
    for leftover in &first.leftovers {
        session.output.note(&format!(
            "dropped '{leftover}', which a run that was killed had left behind"
        ));
    }
    if let Maker::Migrations(_, table) = maker {
        session.output.note(&format!(
            "applied {}; their versions are in {}, as with {} (see --versions-table)",
            plural(first.applied.len(), "migration"),
            table.table,
            table.style
        ));
    }
}
