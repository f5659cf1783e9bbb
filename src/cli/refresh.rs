//! The commands `refresh` and `check`.

use super::arguments::{CheckArguments, OneTargetArguments, RefreshArguments};
use super::capture::{kept_versions_table, report_notes};
use super::failure::CommandError;
use super::lines::{CheckCounts, Counts, RefreshCounts};
use super::migrations::load_chosen;
use super::output::Output;
use super::progress::Progress;
use super::session::Session;
use super::snapshot_file;
use crate::config::Settings;
use crate::connect;
use crate::exit;
use crate::fleet::refresh::{
    RefreshOptions, SnapshotComparison, compare, is_image_of, recapture, refresh,
};
use crate::pg::{PgDump, Server};
use crate::snapshot::capture::CaptureError;
use crate::snapshot::{FORMAT, Snapshot};
use crate::tenant::versions::PlanStrictness;
use crate::text::plural;

pub(super) async fn run(
    session: &Session,
    arguments: RefreshArguments,
) -> Result<u8, CommandError> {
    let output = session.output;
    let migrations = load_chosen(arguments.migrations.as_deref(), session)?.ok_or_else(|| {
        CommandError::Usage("pass --migrations DIR, or set SCHEMASTAMP_MIGRATIONS".to_owned())
    })?;
    let settings = arguments.target.settings(session)?;
    let path = snapshot_file::find(&settings.tool)?;
    let snapshot = snapshot_file::load(&path, session)?;
    let (server, pg_dump) = programs(session, &arguments.target, &settings).await?;
    let options = refresh_options(
        session,
        arguments.versions_table,
        &snapshot,
        !arguments.no_prove,
    );
    let progress = Progress::waiting(session, "refreshing the snapshot in a scratch schema");
    let refreshed = Box::pin(refresh(
        &server,
        &pg_dump,
        &snapshot,
        &migrations,
        &options,
        &session.shutdown,
    ))
    .await?;
    drop(progress);
    report_notes(session.output, &refreshed.notes);
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
        plural(refreshed.applied.len(), "migration")
    ));
    Ok(exit::DONE)
}

/// Compares the committed snapshot with a schema, or with itself plus its migrations.
pub(super) async fn check(
    session: &Session,
    arguments: CheckArguments,
) -> Result<u8, CommandError> {
    let output = session.output;
    let migrations = match &arguments.schema {
        Some(_) => None,
        None => load_chosen(arguments.migrations.as_deref(), session)?,
    };
    if migrations.is_none() && arguments.schema.is_none() {
        return Err(CommandError::Usage(
            "pass --schema SCHEMA or --migrations DIR".to_owned(),
        ));
    }
    let settings = arguments.target.settings(session)?;
    let path = snapshot_file::find(&settings.tool)?;
    let committed = snapshot_file::load(&path, session)?;
    let (server, pg_dump) = programs(session, &arguments.target, &settings).await?;
    let options = refresh_options(session, arguments.versions_table, &committed, false);
    let is_older = committed.header().format < FORMAT;
    let progress = Progress::waiting(session, "comparing the snapshot");
    let (now, name, same_schema) = match (&migrations, &arguments.schema) {
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
            let same_schema = refreshed.applied.is_empty();
            (
                refreshed.snapshot,
                "snapshot and migrations".to_owned(),
                same_schema,
            )
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
            let major = now.snapshot.header().server.filter(|_| is_older);
            let same_schema = match major {
                Some(major) => is_image_of(&server, &committed, schema, major, &session.shutdown)
                    .await
                    .map_err(CaptureError::from)?,
                None => false,
            };
            (now.snapshot, format!("schema {schema}"), same_schema)
        }
        (None, None) => {
            return Err(CommandError::Usage(
                "pass --schema or --migrations".to_owned(),
            ));
        }
    };
    drop(progress);
    let file = path.display().to_string();
    let comparison = match compare(&committed, &now, &file, &name) {
        SnapshotComparison::Different { .. } if is_older && same_schema => {
            SnapshotComparison::Older
        }
        comparison => comparison,
    };
    match comparison {
        SnapshotComparison::Equal => {
            output.say(&format!("'{file}' is up to date"));
            session.summary(Counts::Check(CheckCounts {
                equal: true,
                file,
                diff: None,
                older_format: None,
            }))?;
            Ok(exit::DONE)
        }
        SnapshotComparison::Older => {
            let format = committed.header().format;
            output.summary(&format!(
                "'{file}' was written by an older schemastamp (format {format}): run refresh; the schema is the same"
            ));
            session.summary(Counts::Check(CheckCounts {
                equal: false,
                file,
                diff: None,
                older_format: Some(format),
            }))?;
            Ok(exit::DIFFERENCES)
        }
        SnapshotComparison::Different { diff } => {
            if !output.is_json() {
                Output::raw(&diff)?;
            }
            output.summary(&format!(
                "'{file}' is not what the {name} {}",
                if migrations.is_some() { "make" } else { "has" }
            ));
            let diff = Some(diff);
            session.summary(Counts::Check(CheckCounts {
                equal: false,
                file,
                diff,
                older_format: None,
            }))?;
            Ok(exit::DIFFERENCES)
        }
    }
}

async fn programs(
    session: &Session,
    target: &OneTargetArguments,
    settings: &Settings,
) -> Result<(Server, PgDump), CommandError> {
    let server = target.connect(session, settings).await?.server;
    let pg_dump = connect::pg_dump(
        &settings.tool,
        &session.environment,
        &server,
        &session.shutdown,
    )
    .await?;
    Ok((server, pg_dump))
}

fn refresh_options(
    session: &Session,
    versions_table: Option<String>,
    snapshot: &Snapshot,
    prove: bool,
) -> RefreshOptions {
    let versions_table = versions_table.or_else(|| kept_versions_table(snapshot.header()));
    RefreshOptions {
        versions_table,
        prove,
        strictness: PlanStrictness::default(),
        outside: session.common.outside(),
    }
}
