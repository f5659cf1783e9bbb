//! The command `snapshot show`.

use std::collections::BTreeMap;

use super::arguments::{SnapshotArguments, SnapshotCommand};
use super::failure::CommandError;
use super::lines::{Counts, HeaderDecision, Line, SnapshotDetailsLine, SnapshotShowCounts};
use super::output::Output;
use super::session::{Session, input_name};
use super::snapshot_file;
use crate::exit;
use crate::snapshot::capture::is_tool_table;
use crate::snapshot::{ObjectKind, Snapshot};
use crate::sql::quote;
use crate::text::{safe, swriteln};

pub(super) async fn run(
    session: &Session,
    arguments: &SnapshotArguments,
) -> Result<u8, CommandError> {
    let SnapshotCommand::Show(arguments) = &arguments.command;
    let path = match &arguments.file {
        Some(file) => file.clone(),
        None => snapshot_file::find(&session.tool()?)?,
    };
    let snapshot = snapshot_file::load_or_stdin(&path, session).await?;
    let file = input_name(&path).display().to_string();
    let details = details_of(&snapshot, file.clone());
    let objects = details.objects.values().sum();
    if session.output.is_json() {
        Output::json(&Line::SnapshotDetails(details))?;
    } else {
        Output::raw(&text(&details, &snapshot.counts()))?;
    }
    session.summary(Counts::SnapshotShow(SnapshotShowCounts { file, objects }))?;
    Ok(exit::DONE)
}

fn details_of(snapshot: &Snapshot, file: String) -> SnapshotDetailsLine {
    let header = snapshot.header();
    SnapshotDetailsLine {
        file,
        fingerprint: snapshot.fingerprint().to_owned(),
        formerly: header.formerly.clone(),
        format: header.format,
        server: header.server,
        wording: header.wording,
        versions: header.versions.clone(),
        seeds: header.seeds.clone(),
        decisions: header
            .decisions
            .iter()
            .map(|(object, decision)| HeaderDecision {
                object: object.to_owned(),
                decision: decision.word().to_owned(),
            })
            .collect(),
        objects: snapshot
            .counts()
            .into_iter()
            .map(|(kind, count)| (kind.words().to_owned(), count))
            .collect(),
    }
}

/// One line for each fact, in the words of the file's header.
fn text(details: &SnapshotDetailsLine, counts: &BTreeMap<ObjectKind, usize>) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        swriteln!(text, "{name:<12} {}", safe(value));
    };
    line("file", &details.file);
    line("fingerprint", &details.fingerprint);
    for fingerprint in &details.formerly {
        line("formerly", fingerprint);
    }
    line("format", &details.format.to_string());
    if let Some(server) = details.server {
        let wording = details
            .wording
            .map(|wording| format!(", in the wording of pg_dump {wording}"))
            .unwrap_or_default();
        line("server", &format!("PostgreSQL {server}{wording}"));
    }
    for versions in &details.versions {
        let table = versions.split(':').next().unwrap_or_default();
        let name = if is_tool_table(table) {
            "carried"
        } else {
            "versions"
        };
        line(name, versions);
    }
    if !details.seeds.is_empty() {
        let seeds: Vec<String> = details.seeds.iter().map(|seed| quote(seed)).collect();
        line("seed", &seeds.join(", "));
    }
    for HeaderDecision { object, decision } in &details.decisions {
        line(decision, object);
    }
    let mut name = "objects";
    let width = counts.values().map(|count| count.to_string().len()).max();
    for (kind, count) in counts {
        let kind = if *count == 1 {
            kind.words().to_owned()
        } else {
            kind.plural()
        };
        line(
            name,
            &format!("{count:>0$} {kind}", width.unwrap_or_default()),
        );
        name = "";
    }
    text
}
