//! The command `capture`.

use std::path::Path;

use super::arguments::CaptureArguments;
use super::failure::CommandError;
use super::lines::{CaptureCounts, ConcernObject, Counts};
use super::output::Output;
use super::progress::Progress;
use super::session::Session;
use super::{decide, first_capture};
use crate::config::{Origin, Setting, Settings};
use crate::exit;
use crate::fleet::refresh::is_image_of;
use crate::path;
use crate::pg::Server;
use crate::snapshot::capture::{
    Capture, CaptureError, CaptureSource, Captured, Note, VERSIONS_TABLES,
};
use crate::snapshot::{
    Action, Decision, Decisions, FORMAT, Header, OutsidePolicy, Snapshot, parse_names,
};
use crate::sql::{TenantName, TokenKind, fold, tokens};
use crate::text::{plural, safe};

pub(super) async fn run(
    session: &Session,
    mut arguments: CaptureArguments,
) -> Result<u8, CommandError> {
    choose_source(session, &mut arguments)?;
    let kept = arguments.output.as_deref().map(kept).transpose()?.flatten();
    let header = kept.as_ref().map(Snapshot::header);
    let config = CaptureConfig::new(&arguments, header)?;
    let of_first = async |schema: &str, source: CaptureSource, server: Server| {
        let mut capture = config.capture(&arguments, schema, source, Some(server), None);
        decided_capture(session, &mut capture).await
    };
    let versions_table = config.versions_table.clone();
    let first = first_capture::captured(session, &arguments, versions_table, of_first).await?;
    let (mut captured, capture) = if let Some(captured) = first {
        (captured, None)
    } else {
        let (source, server, scratch) = sources(session, &arguments).await?;
        let schema = arguments.schema.as_deref().unwrap_or_default();
        let mut capture = config.capture(&arguments, schema, source, server, scratch);
        (decided_capture(session, &mut capture).await?, Some(capture))
    };
    if arguments.minify {
        captured.snapshot = captured.snapshot.minified().map_err(CaptureError::from)?;
    }
    if let Some(older) = &kept
        && is_same_schema(session, capture.as_ref(), older, &captured.snapshot).await?
    {
        captured.snapshot = captured.snapshot.succeeding(older);
    }
    hand_over(session, arguments.output.as_deref(), &captured)?;
    Ok(exit::DONE)
}

/// Takes the migrations that a variable or the project's file names, if no flag says where the schema comes from.
fn choose_source(session: &Session, arguments: &mut CaptureArguments) -> Result<(), CommandError> {
    if arguments.schema.is_some() || arguments.migrations.is_some() || arguments.run.is_some() {
        return Ok(());
    }
    if let Some(from) = &arguments.from {
        return Err(CommandError::Usage(format!(
            "pass --schema SCHEMA, the schema to take from '{}'",
            from.display()
        )));
    }
    if arguments.scratch.is_none()
        && let Some(setting) = session.tool()?.migrations
    {
        arguments.migrations = Some(setting.value);
        return Ok(());
    }
    Err(CommandError::Usage(
        "pass --schema SCHEMA, --migrations DIR or --run CMD".to_owned(),
    ))
}

/// The seeds, decisions and version table of a capture, from flags and from the header of the file that is about to be
/// replaced.
struct CaptureConfig {
    seeds: Vec<String>,
    versions_table: Option<String>,
    decisions: Decisions,
}

impl CaptureConfig {
    fn new(arguments: &CaptureArguments, header: Option<&Header>) -> Result<Self, CommandError> {
        let schema = arguments.schema.as_deref().unwrap_or_default();
        Ok(Self {
            decisions: merge_decisions(arguments, header)?,
            seeds: merge_seeds(arguments, header)?,
            versions_table: match &arguments.versions_table {
                Some(table) => Some(table_name("--versions-table", table, schema)?),
                None => header.and_then(kept_versions_table),
            },
        })
    }

    /// Returns the capture of a schema.
    fn capture(
        &self,
        arguments: &CaptureArguments,
        schema: &str,
        source: CaptureSource,
        server: Option<Server>,
        scratch: Option<Server>,
    ) -> Capture {
        Capture {
            schema: schema.to_owned(),
            source,
            seeds: self.seeds.clone(),
            versions_table: self.versions_table.clone(),
            versions_from: arguments.versions_from.clone(),
            decisions: self.decisions.clone(),
            owners: !arguments.no_owner,
            schema_owner: true,
            privileges: !arguments.no_privileges,
            server,
            prove: !arguments.no_prove,
            fill_views: true,
            scratch,
        }
    }
}

/// Captures, and asks for decisions at a terminal until none is missing. The answers become decisions of the capture.
async fn decided_capture(
    session: &Session,
    capture: &mut Capture,
) -> Result<Captured, CommandError> {
    loop {
        let progress = Progress::waiting(session, format!("capturing {}", safe(&capture.schema)));
        let captured = capture.clone().run(&session.shutdown).await;
        drop(progress);
        match captured {
            Ok(captured) => return Ok(captured),
            Err(CaptureError::Doubtful(undecided)) if !session.output.is_json() => {
                let Some(answers) = decide::answers(session, &undecided).await? else {
                    return Err(CaptureError::Doubtful(undecided).into());
                };
                for (object, decision) in answers.iter() {
                    capture.decisions.add(object, decision);
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Returns `true` if the file that is about to be replaced holds the same schema with the same rows, however an older format
/// words them: tenants and spares of it are then tenants and spares of the new snapshot.
async fn is_same_schema(
    session: &Session,
    capture: Option<&Capture>,
    older: &Snapshot,
    new: &Snapshot,
) -> Result<bool, CommandError> {
    if older.fingerprint() == new.fingerprint() {
        return Ok(true);
    }
    // A schema that was made for the capture is gone.
    let Some(capture) = capture else {
        return Ok(false);
    };
    let (CaptureSource::Live(_), Some(server), Some(major)) =
        (&capture.source, &capture.server, new.header().server)
    else {
        return Ok(false);
    };
    if older.header().format >= FORMAT || rows(older) != rows(new) {
        return Ok(false);
    }
    is_image_of(server, older, &capture.schema, major, &session.shutdown)
        .await
        .map_err(|error| CaptureError::from(error).into())
}

/// Returns the statements that fill tables, in the order of their text.
fn rows(snapshot: &Snapshot) -> Vec<String> {
    let Ok(anybody) = TenantName::new("anybody") else {
        return Vec::new();
    };
    let mut rows: Vec<String> = snapshot
        .template()
        .statements
        .iter()
        .filter(|statement| statement.object.action == Action::Rows)
        .filter_map(|statement| {
            let mut sql = String::new();
            statement.render(&anybody, &mut sql).ok()?;
            Some(sql)
        })
        .collect();
    rows.sort();
    rows
}

/// Returns the snapshot that is about to be replaced, if there is one.
fn kept(path: &Path) -> Result<Option<Snapshot>, CommandError> {
    if !path.exists() || path::is_special(path) {
        return Ok(None);
    }
    let bytes = path::read(path)?;
    if bytes.is_empty() {
        return Ok(None);
    }
    match Snapshot::parse_bytes(&bytes, OutsidePolicy::Allow) {
        Ok(snapshot) => Ok(Some(snapshot)),
        Err(source) => Err(CommandError::NotReplaced {
            path: path.to_owned(),
            source,
        }),
    }
}

/// Returns the decisions of the flags, and those of the old header that no flag overrides.
fn merge_decisions(
    arguments: &CaptureArguments,
    kept: Option<&Header>,
) -> Result<Decisions, CommandError> {
    if let Some(both) = arguments
        .keep
        .iter()
        .find(|object| arguments.rename.contains(object))
    {
        return Err(CommandError::Usage(format!(
            "'{both}' is given with both --keep and --rename"
        )));
    }
    let mut decisions = kept
        .map(|header| header.decisions.clone())
        .unwrap_or_default();
    for (objects, decision) in [
        (&arguments.keep, Decision::Keep),
        (&arguments.rename, Decision::Rename),
    ] {
        for object in objects {
            if object.trim().is_empty() || object.contains(['\n', '\r']) {
                let flag = decision.word();
                return Err(CommandError::Usage(format!(
                    "--{flag} '{}' names no object",
                    object.escape_debug()
                )));
            }
            decisions.add(object, decision);
        }
    }
    Ok(decisions)
}

fn merge_seeds(
    arguments: &CaptureArguments,
    kept: Option<&Header>,
) -> Result<Vec<String>, CommandError> {
    if arguments.seed.is_empty() {
        return Ok(kept.map(|header| header.seeds.clone()).unwrap_or_default());
    }
    let mut seeds = Vec::new();
    for table in &arguments.seed {
        let schema = arguments.schema.as_deref().unwrap_or_default();
        let table = table_name("--seed", table, schema)?;
        if !seeds.contains(&table) {
            seeds.push(table);
        }
    }
    Ok(seeds)
}

/// Parses a table name as SQL does: folded unless quoted, with or without the schema.
fn table_name(flag: &str, text: &str, schema: &str) -> Result<String, CommandError> {
    let wrong =
        |why: String| CommandError::Usage(format!("{flag} '{}': {why}", text.escape_debug()));
    let mut names = Vec::new();
    for token in tokens(text) {
        let part = token.text(text);
        match token.kind {
            TokenKind::Word => names.push(fold(part)),
            TokenKind::Quoted(true) => names.extend(parse_names(part).map_err(wrong)?),
            TokenKind::Punctuation if part == "." => {}
            _ => {
                return Err(wrong(
                    "not a table name; put a name that is not a plain identifier in double quotes"
                        .to_owned(),
                ));
            }
        }
    }
    match <[String; 1]>::try_from(names) {
        Ok([table]) => Ok(table),
        Err(names) => match <[String; 2]>::try_from(names) {
            Ok([of, table]) if of == schema => Ok(table),
            Ok(_) if schema.is_empty() => Err(wrong("name the table without a schema".to_owned())),
            Ok([of, _]) => Err(wrong(format!(
                "the table must be in the schema '{schema}', not in '{of}'"
            ))),
            Err(_) => Err(wrong("not a table name".to_owned())),
        },
    }
}

/// Returns the version table in the header if it is not a well-known one, because a flag named it
/// once.
pub(super) fn kept_versions_table(header: &Header) -> Option<String> {
    let [line] = header.versions.as_slice() else {
        return None;
    };
    let (name, _) = line.split_once(": ")?;
    let table = parse_names(name).ok()?.into_iter().next()?;
    (!VERSIONS_TABLES.contains(&table.as_str())).then_some(table)
}

/// Returns the source of the schema, and the servers for judgement and proof.
async fn sources(
    session: &Session,
    arguments: &CaptureArguments,
) -> Result<(CaptureSource, Option<Server>, Option<Server>), CommandError> {
    let dump = match &arguments.from {
        Some(path) => Some(read_dump(session, path).await?),
        None => None,
    };
    // A dump needs no server if it is not proven.
    let asks_server = arguments.scratch.is_some() || arguments.versions_from.is_some();
    if let (Some(text), true, false) = (&dump, arguments.no_prove, asks_server) {
        return Ok((CaptureSource::Dump(text.clone()), None, None));
    }
    let settings = arguments.target.settings(session)?;
    let server = arguments.target.connect(session, &settings).await?.server;
    let scratch = match &arguments.scratch {
        Some(database) => Some(scratch(session, settings.clone(), database).await?),
        None => None,
    };
    let source = match dump {
        Some(text) => CaptureSource::Dump(text),
        None => CaptureSource::Live(session.find_pg_dump(&settings, &server).await?),
    };
    Ok((source, Some(server), scratch))
}

/// Returns the same server with another database.
async fn scratch(
    session: &Session,
    mut settings: Settings,
    database: &str,
) -> Result<Server, CommandError> {
    let setting = Setting::new(database.to_owned(), Origin::Flag("--scratch"));
    settings.connection.set("dbname", setting)?;
    Ok(session.target(&settings).await?.server)
}

async fn read_dump(session: &Session, path: &Path) -> Result<String, CommandError> {
    let bytes = session.read_input_or_stdin(path).await?;
    String::from_utf8(bytes).map_err(|error| {
        let before = error
            .as_bytes()
            .get(..error.utf8_error().valid_up_to())
            .unwrap_or_default();
        let line = before.split(|byte| *byte == b'\n').count();
        CommandError::DumpEncoding {
            path: path.to_owned(),
            line,
        }
    })
}

/// Reports what a capture has noticed.
pub(super) fn report_notes(output: Output, notes: &[Note]) {
    for note in notes {
        if note.is_warning() {
            output.warning(&note.to_string());
        } else {
            output.note(&note.to_string());
        }
    }
}

/// Writes the snapshot, and prints its notes and its summary.
fn hand_over(
    session: &Session,
    file: Option<&Path>,
    captured: &Captured,
) -> Result<(), CommandError> {
    let output = session.output;
    let Captured {
        snapshot,
        proof,
        notes,
    } = captured;
    report_notes(output, notes);
    let text = snapshot.to_text();
    let changed = output.snapshot(file, text)?;
    let counts = snapshot.counts();
    if output.is_json() {
        return session.summary(Counts::Capture(CaptureCounts {
            file: file.map(|file| file.display().to_string()),
            changed,
            objects: counts
                .iter()
                .map(|(kind, count)| (kind.words().to_owned(), *count))
                .collect(),
            proven: proof.as_ref().map(|proof| proof.objects),
            concerns: notes
                .iter()
                .filter_map(Note::as_concern)
                .map(ConcernObject::from)
                .collect(),
            notes: notes.iter().map(ToString::to_string).collect(),
        }));
    }
    if let Some(proof) = proof {
        output.say(&format!(
            "proven: {} equal",
            plural(proof.objects, "object")
        ));
    }
    if let Some(file) = file {
        let objects = plural(counts.values().sum(), "object");
        let word = if changed == Some(true) {
            "wrote"
        } else {
            "unchanged:"
        };
        output.say(&format!("{word} '{}', {objects}", file.display()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_named_as_in_sql() {
        let name =
            |text: &str| table_name("--seed", text, "app").map_err(|error| error.to_string());
        assert_eq!(name("Plans").as_deref(), Ok("plans"));
        assert_eq!(name("app.plans").as_deref(), Ok("plans"));
        assert_eq!(name("\"My.Plans\"").as_deref(), Ok("My.Plans"));
        assert!(
            name("other.plans")
                .unwrap_err()
                .contains("in the schema 'app', not in 'other'")
        );
        for wrong in ["", "a b", "a, b", "app.a.b", "a;"] {
            assert!(name(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_versions_table_that_was_named_once_is_kept() {
        let header = |line: &str| Header {
            versions: vec![line.to_owned()],
            ..Header::default()
        };
        assert_eq!(
            kept_versions_table(&header("\"My Versions\": 3 rows, last 7")).as_deref(),
            Some("My Versions")
        );
        assert_eq!(
            kept_versions_table(&header("schema_migrations: 3 rows")),
            None
        );
    }
}
