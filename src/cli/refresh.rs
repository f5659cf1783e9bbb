//! The commands `refresh` and `check`.

use super::arguments::{CheckArguments, RefreshArguments};
use super::capture::{kept_versions_table, report_notes};
use super::failure::CommandError;
use super::lines::{CheckCounts, Counts, RefreshCounts};
use super::migrations::load_chosen;
use super::output::Output;
use super::progress::Progress;
use super::session::Session;
use super::snapshot_file;
use crate::exit;
use crate::fleet::refresh::{
    RefreshOptions, SnapshotComparison, compare, is_image_of, recapture, refresh,
};
use crate::pg::{PgDump, Server};
use crate::snapshot::capture::CaptureError;
use crate::snapshot::{FORMAT, Snapshot};
use crate::tenant::migrations::Migrations;
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
    let (server, pg_dump) = arguments
        .target
        .connect_with_pg_dump(session, &settings)
        .await?;
    let options = refresh_options(
        session,
        arguments.versions.table,
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
    let reference = match &arguments.schema {
        Some(schema) => CheckReference::Schema(schema),
        None => match load_chosen(arguments.migrations.as_deref(), session)? {
            Some(migrations) => CheckReference::Migrations(migrations),
            None => {
                return Err(CommandError::Usage(
                    "pass --schema SCHEMA or --migrations DIR".to_owned(),
                ));
            }
        },
    };
    let settings = arguments.target.settings(session)?;
    let path = snapshot_file::find(&settings.tool)?;
    let committed = snapshot_file::load(&path, session)?;
    let (server, pg_dump) = arguments
        .target
        .connect_with_pg_dump(session, &settings)
        .await?;
    let options = refresh_options(session, arguments.versions.table, &committed, false);
    let progress = Progress::waiting(session, "comparing the snapshot");
    let now = reference
        .capture(session, &server, &pg_dump, &committed, &options)
        .await?;
    drop(progress);
    let file = path.display().to_string();
    let comparison = match compare(&committed, &now.snapshot, &file, &reference.name()) {
        SnapshotComparison::Different { .. } if is_older(&committed) && now.has_same_schema => {
            SnapshotComparison::Older
        }
        comparison => comparison,
    };
    report_check(session, &reference, &committed, &file, comparison)
}

/// The other side of the comparison that `check` makes.
enum CheckReference<'a> {
    Schema(&'a str),
    /// The committed snapshot, to which these are applied.
    Migrations(Migrations),
}

/// The snapshot that the reference gives today.
struct PresentSnapshot {
    snapshot: Snapshot,
    /// The schema is known to be that of the committed snapshot, whatever the two texts look like.
    has_same_schema: bool,
}

impl CheckReference<'_> {
    fn name(&self) -> String {
        match self {
            Self::Schema(schema) => format!("schema {schema}"),
            Self::Migrations(_) => "snapshot and migrations".to_owned(),
        }
    }

    async fn capture(
        &self,
        session: &Session,
        server: &Server,
        pg_dump: &PgDump,
        committed: &Snapshot,
        options: &RefreshOptions,
    ) -> Result<PresentSnapshot, CommandError> {
        let shutdown = &session.shutdown;
        match self {
            Self::Migrations(migrations) => {
                let refreshed = refresh(server, pg_dump, committed, migrations, options, shutdown);
                let refreshed = Box::pin(refreshed).await?;
                Ok(PresentSnapshot {
                    has_same_schema: refreshed.applied.is_empty(),
                    snapshot: refreshed.snapshot,
                })
            }
            Self::Schema(schema) => {
                let now = recapture(server, pg_dump, committed, schema, options, shutdown).await?;
                let server_major = now.snapshot.header().server;
                let has_same_schema = match server_major.filter(|_| is_older(committed)) {
                    Some(major) => is_image_of(server, committed, schema, major, shutdown)
                        .await
                        .map_err(CaptureError::from)?,
                    None => false,
                };
                Ok(PresentSnapshot {
                    snapshot: now.snapshot,
                    has_same_schema,
                })
            }
        }
    }
}

/// Returns whether a snapshot was written in an older format, whose text differs for the same schema.
fn is_older(snapshot: &Snapshot) -> bool {
    snapshot.header().format < FORMAT
}

/// Prints the result of `check`; returns its exit code.
fn report_check(
    session: &Session,
    reference: &CheckReference<'_>,
    committed: &Snapshot,
    file: &str,
    comparison: SnapshotComparison,
) -> Result<u8, CommandError> {
    let output = session.output;
    let mut counts = CheckCounts {
        equal: false,
        file: file.to_owned(),
        diff: None,
        older_format: None,
    };
    let exit_code = match comparison {
        SnapshotComparison::Equal => {
            output.say(&format!("'{file}' is up to date"));
            counts.equal = true;
            exit::DONE
        }
        SnapshotComparison::Older => {
            let format = committed.header().format;
            output.summary(&format!(
                "'{file}' was written by an older schemastamp (format {format}): run refresh; the schema is the same"
            ));
            counts.older_format = Some(format);
            exit::DIFFERENCES
        }
        SnapshotComparison::Different { diff } => {
            if !output.is_json() {
                Output::raw(&diff)?;
            }
            let (verb, renewed_by) = match reference {
                CheckReference::Migrations(_) => ("make", "refresh"),
                CheckReference::Schema(_) => ("has", "capture"),
            };
            let name = reference.name();
            output.summary(&format!(
                "'{file}' is not what the {name} {verb}: renew it with {renewed_by}, and commit it"
            ));
            counts.diff = Some(diff);
            exit::DIFFERENCES
        }
    };
    session.summary(Counts::Check(counts))?;
    Ok(exit_code)
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
