//! The commands `rename` and `clone`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::arguments::{RenameArguments, TwoTenantsArguments};
use super::capture::report_notes;
use super::failure::CommandError;
use super::ignored;
use super::lines::{
    CloneCounts, CloneDetails, ConcernObject, Counts, Line, RenameCounts, RenameDetails,
    TenantDetails, TenantLine, TenantOutcome,
};
use super::output::Output;
use super::progress::Progress;
use super::prompt::{PromptAnswer, ask};
use super::servers::at;
use super::session::Session;
use super::slip::{Slip, slips_warning};
use super::snapshot_file;
use crate::config::Settings;
use crate::exit;
use crate::pg::{PgDump, Server};
use crate::snapshot::capture::Note;
use crate::snapshot::{Decision, Decisions, Snapshot};
use crate::sql::TenantName;
use crate::tenant::lifecycle::{
    LifecycleError, MoveOptions, clone_tenant, rename_tenant, setting_mentions, text_mentions,
};
use crate::text::{listed, plural, safe};

/// Number of objects that a warning names; JSON has all of them.
const NAMED: usize = 10;

/// Everything that `rename` and `clone` work with.
struct MovePlan {
    old: TenantName,
    new: TenantName,
    decisions: Decisions,
    snapshot: Option<Arc<Snapshot>>,
    server: Server,
    pg_dump: PgDump,
}

impl MovePlan {
    async fn new(session: &Session, arguments: TwoTenantsArguments) -> Result<Self, CommandError> {
        let old = TenantName::new(arguments.old)?;
        let new = TenantName::new(arguments.new)?;
        if old == new {
            return Err(CommandError::Usage(
                "the old and the new name are the same".to_owned(),
            ));
        }
        if let Some(slip) = Slip::find(new.as_str(), true) {
            let slips = BTreeMap::from([(new.as_str(), slip)]);
            session
                .output
                .warning(&slips_warning(&slips).unwrap_or_default());
        }
        let settings = arguments.target.settings(session)?;
        let mut snapshot = only_snapshot(session, &settings)?;
        let mut decisions = match &snapshot {
            Some(snapshot) => snapshot.header().decisions.clone().for_instance(),
            None => Decisions::default(),
        };
        // Further decisions are about the tenant's own text.
        if !(arguments.keep.is_empty() && arguments.rename.is_empty()) {
            snapshot = None;
        }
        for (objects, decision) in [
            (&arguments.keep, Decision::Keep),
            (&arguments.rename, Decision::Rename),
        ] {
            for object in objects {
                decisions.add(object, decision);
            }
        }
        let (server, pg_dump) = arguments
            .target
            .connect_with_pg_dump(session, &settings)
            .await?;
        Ok(Self {
            old,
            new,
            decisions,
            snapshot,
            server,
            pg_dump,
        })
    }
}

/// Returns the snapshot, or `None` if there is no single one.
fn only_snapshot(
    session: &Session,
    settings: &Settings,
) -> Result<Option<Arc<Snapshot>>, CommandError> {
    match snapshot_file::find(&settings.tool) {
        Ok(path) => Ok(Some(Arc::new(snapshot_file::load(&path, session)?))),
        Err(CommandError::NoSnapshot | CommandError::SeveralSnapshots(_)) => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// Explains the rename and asks for confirmation, if stdin is a terminal. A script is not asked.
async fn confirm(session: &Session, old: &str, new: &str) -> Result<(), CommandError> {
    let old = safe(old);
    let new = safe(new);
    let question = format!(
        "'{old}' becomes '{new}': anything that still uses the old name will break\nType yes to rename: "
    );
    match ask(session, &question).await? {
        PromptAnswer::NoTerminal => Ok(()),
        PromptAnswer::Line(answer) if answer.trim() == "yes" => Ok(()),
        PromptAnswer::Line(_) | PromptAnswer::EndOfInput => Err(CommandError::Usage(
            "nothing was renamed: the answer was not yes".to_owned(),
        )),
    }
}

pub(super) async fn rename(
    session: &Session,
    arguments: RenameArguments,
) -> Result<u8, CommandError> {
    let yes = arguments.tenants.yes;
    let target = arguments.tenants.target.target.clone();
    let MovePlan {
        old,
        new,
        decisions,
        snapshot,
        server,
        pg_dump,
    } = MovePlan::new(session, arguments.tenants).await?;
    let mut options = MoveOptions::new(decisions);
    options.snapshot = snapshot;
    options.not_a_tenant = arguments.not_a_tenant;
    options.versions_table = arguments.versions.table;
    let mentions: Vec<String> = setting_mentions(&server, &old, &session.shutdown)
        .await
        .map_err(LifecycleError::Psql)?
        .iter()
        .map(|mention| mention.rename_sql(&old, &new))
        .collect();
    for statement in &mentions {
        session.output.warning(&format!(
            "a setting names '{}' and is not renamed with it: {}",
            safe(old.as_str()),
            safe(statement)
        ));
    }
    let elsewhere = text_mentions(&server, &old, &session.shutdown)
        .await
        .map_err(LifecycleError::Psql)?;
    if !elsewhere.is_empty() {
        session.output.warning(&format!(
            "text outside of '{}' names it, and is not renamed with it: {}",
            safe(old.as_str()),
            safe(&listed(&elsewhere, NAMED))
        ));
    }
    if !yes {
        confirm(session, old.as_str(), new.as_str()).await?;
    }
    let output = session.output;
    let progress = Progress::waiting(session, format!("renaming {}", safe(old.as_str())));
    let renamed = rename_tenant(&server, &pg_dump, &old, &new, &options, &session.shutdown).await?;
    drop(progress);
    if output.is_json() {
        Output::json(&Line::Tenant(TenantLine {
            tenant: new.as_str().to_owned(),
            target: target.clone(),
            outcome: TenantOutcome::Renamed,
            ms: None,
            details: TenantDetails::Rename(RenameDetails {
                from: old.as_str().to_owned(),
                rewritten: renamed.rewritten,
                proven: renamed.objects,
                settings: mentions,
                elsewhere,
                ignored: ignored::texts(&renamed.ignored),
            }),
            error: None,
        }))?;
        session.summary(Counts::Rename(RenameCounts { renamed: 1 }))?;
        return Ok(exit::DONE);
    }
    for object in &renamed.rewritten {
        output.note(&format!("rewritten: {object}"));
    }
    ignored::say(output, &renamed.ignored);
    output.say(&format!("proven: {} objects equal", renamed.objects));
    let old = safe(old.as_str());
    let new = safe(new.as_str());
    output.success(
        anstyle::AnsiColor::Green.on_default(),
        "renamed",
        &format!("{old} to {new}{}", at(target.as_deref())),
    )?;
    Ok(exit::DONE)
}

pub(super) async fn clone(
    session: &Session,
    arguments: TwoTenantsArguments,
) -> Result<u8, CommandError> {
    let target = arguments.target.target.clone();
    let MovePlan {
        old,
        new,
        decisions,
        server,
        pg_dump,
        ..
    } = MovePlan::new(session, arguments).await?;
    let output = session.output;
    let options = MoveOptions::new(decisions);
    let progress = Progress::waiting(session, format!("cloning {}", safe(old.as_str())));
    let cloned = clone_tenant(&server, &pg_dump, &old, &new, &options, &session.shutdown).await?;
    drop(progress);
    let notes: Vec<Note> = cloned.concerns.iter().cloned().map(Note::Concern).collect();
    report_notes(output, &notes);
    if output.is_json() {
        Output::json(&Line::Tenant(TenantLine {
            tenant: new.as_str().to_owned(),
            target: target.clone(),
            outcome: TenantOutcome::Cloned,
            ms: None,
            details: TenantDetails::Clone(CloneDetails {
                from: old.as_str().to_owned(),
                tables: cloned.tables,
                sequences: cloned.sequences,
                ignored: ignored::texts(&cloned.ignored),
                concerns: cloned.concerns.iter().map(ConcernObject::from).collect(),
            }),
            error: None,
        }))?;
        session.summary(Counts::Clone(CloneCounts { cloned: 1 }))?;
        return Ok(exit::DONE);
    }
    ignored::say(output, &cloned.ignored);
    let old = safe(old.as_str());
    let new = safe(new.as_str());
    let text = format!(
        "{old} to {new}{}: {}, {}",
        at(target.as_deref()),
        plural(cloned.tables, "table"),
        plural(cloned.sequences, "sequence")
    );
    output.success(anstyle::AnsiColor::Green.on_default(), "cloned", &text)?;
    Ok(exit::DONE)
}
