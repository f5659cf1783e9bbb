//! The commands `refresh` and `check`.

use super::arguments::{CheckArguments, RefreshArguments};
use super::capture::kept_versions_table;
use super::failure::CommandError;
use super::lines::{CheckCounts, Counts, RefreshCounts};
use super::migrate::load;
use super::output::Output;
use super::scope::many;
use super::session::Session;
use super::snapshot_file;
use crate::config::Settings;
use crate::connect;
use crate::exit;
use crate::fleet::refresh::{RefreshOptions, SnapshotComparison, compare, recapture, refresh};
use crate::pg::{PgDump, Server};
use crate::snapshot::Snapshot;
use crate::snapshot::capture::Note;
use crate::tenant::versions::PlanStrictness;

pub(super) async fn run(
    session: &Session,
    arguments: RefreshArguments,
) -> Result<u8, CommandError> {
    let output = session.output;
    let settings = session.settings()?;
    let path = snapshot_file::find(&settings.tool)?;
    let snapshot = snapshot_file::load(&path, output)?;
    let migrations = load(&arguments.migrations, output)?;
    let (server, pg_dump) = programs(session, &settings).await?;
    let options = refresh_options(arguments.versions_table, &snapshot, !arguments.no_prove);
    let refreshed = Box::pin(refresh(
        &server,
        &pg_dump,
        &snapshot,
        &migrations,
        &options,
        &session.shutdown,
    ))
    .await?;
    notes(session, &refreshed.notes);
    for left in &refreshed.leftovers {
        output.note(&format!(
            "dropped '{left}', which a killed run had left behind"
        ));
    }
    let file = arguments.output.unwrap_or(path);
    let changed = Output::file(&file, &refreshed.snapshot.to_text())?;
    if output.is_json() {
        session.summary(Counts::Refresh(RefreshCounts {
            file: file.display().to_string(),
            changed,
            applied: refreshed.applied,
            proven: refreshed.proof.as_ref().map(|proof| proof.objects),
            leftovers: refreshed.leftovers,
        }))?;
        return Ok(exit::DONE);
    }
    if let Some(proof) = &refreshed.proof {
        output.say(&format!("proven: {} objects equal", proof.objects));
    }
    let word = if changed { "wrote" } else { "unchanged:" };
    output.say(&format!(
        "{word} '{}', {} applied",
        file.display(),
        many(refreshed.applied.len(), "migration")
    ));
    Ok(exit::DONE)
}

/// Compares the committed snapshot with a schema, or with itself plus its migrations.
pub(super) async fn check(
    session: &Session,
    arguments: CheckArguments,
) -> Result<u8, CommandError> {
    let output = session.output;
    let settings = session.settings()?;
    let path = snapshot_file::find(&settings.tool)?;
    let committed = snapshot_file::load(&path, output)?;
    let migrations = arguments
        .migrations
        .as_deref()
        .map(|folder| load(folder, output))
        .transpose()?;
    let (server, pg_dump) = programs(session, &settings).await?;
    let options = refresh_options(arguments.versions_table, &committed, false);
    let (now, name) = match (&migrations, &arguments.schema) {
        (Some(migrations), _) => {
            let refreshed = Box::pin(refresh(
                &server,
                &pg_dump,
                &committed,
                migrations,
                &options,
                &session.shutdown,
            ))
            .await?;
            (refreshed.snapshot, "snapshot and migrations".to_owned())
        }
        (None, Some(schema)) => {
            let now = recapture(
                &server,
                &pg_dump,
                &committed,
                schema,
                &options,
                &session.shutdown,
            )
            .await?;
            (now.snapshot, format!("schema {schema}"))
        }
        (None, None) => {
            return Err(CommandError::Usage(
                "pass --schema or --migrations".to_owned(),
            ));
        }
    };
    let file = path.display().to_string();
    match compare(&committed, &now, &file, &name) {
        SnapshotComparison::Equal => {
            output.say(&format!("'{file}' is up to date"));
            session.summary(Counts::Check(CheckCounts {
                equal: true,
                file,
                diff: None,
            }))?;
            Ok(exit::DONE)
        }
        SnapshotComparison::Different { diff } => {
            if !output.is_json() {
                Output::raw(&diff)?;
            }
            output.say(&format!(
                "'{file}' is not what the {name} {}",
                if migrations.is_some() { "make" } else { "has" }
            ));
            let diff = Some(diff);
            session.summary(Counts::Check(CheckCounts {
                equal: false,
                file,
                diff,
            }))?;
            Ok(exit::DIFFERENCES)
        }
    }
}

async fn programs(
    session: &Session,
    settings: &Settings,
) -> Result<(Server, PgDump), CommandError> {
    let server = session.target(settings).await?.server;
    let pg_dump = connect::pg_dump(&settings.tool, &session.environment, &server)?;
    Ok((server, pg_dump))
}

fn refresh_options(
    versions_table: Option<String>,
    snapshot: &Snapshot,
    prove: bool,
) -> RefreshOptions {
    let versions_table = versions_table.or_else(|| kept_versions_table(snapshot.header()));
    RefreshOptions {
        versions_table,
        prove,
        strictness: PlanStrictness::default(),
    }
}

fn notes(session: &Session, notes: &[Note]) {
    for note in notes {
        match note {
            Note::NotProven | Note::UnusedDecision(_) => session.output.warning(&note.to_string()),
            _ => session.output.note(&note.to_string()),
        }
    }
}
