//! The command `runs`.

use std::collections::BTreeMap;

use anstyle::AnsiColor;

use super::arguments::RunsArguments;
use super::failure::CommandError;
use super::lines::{Counts, Line, NoDetails, RunLine, RunState, RunsCounts, TenantDetails};
use super::output::Output;
use super::scope::named;
use super::servers::Servers;
use super::session::Session;
use crate::exit;
use crate::fleet::undo::{RecordedRun, read_runs};
use crate::fleet::{Selection, TenantSelection};
use crate::sql::TenantName;
use crate::text::{listed, plural, safe, swrite};

/// Number of files and targets that a line names.
const SHOWN: usize = 5;

pub(super) async fn run(session: &Session, arguments: RunsArguments) -> Result<u8, CommandError> {
    let names = arguments.tenants.iter();
    let names = names.map(|name| TenantName::new(name.as_str()));
    let tenants: Vec<TenantName> = names.collect::<Result<_, _>>()?;
    let servers = Servers::find(session, &arguments.targets, &session.tool()?, false).await?;
    let read = async |index: usize, _: TenantSelection| {
        let entry = servers.entries().get(index).ok_or(CommandError::NoTarget)?;
        let role = arguments.role.as_deref();
        Ok(read_runs(&entry.target.server, &tenants, role, &session.shutdown).await?)
    };
    // A tenant that was dropped or renamed since has runs, too.
    let outcome = servers.run_single(session, &Selection::all(), read).await?;
    let mut merged = Runs::default();
    for (index, target) in outcome.targets.iter().enumerate() {
        if let Some(Ok(runs)) = &target.result {
            for run in runs.iter().flatten() {
                merged.add(run, servers.name(index));
            }
        }
    }
    let details = || TenantDetails::None(NoDetails::default());
    let failures = servers.tell_failures(session, &outcome, &details).await?;
    let runs = merged.newest_first();
    for run in runs.iter().take(arguments.limit) {
        line(session, run)?;
    }
    let shown = runs.len().min(arguments.limit);
    session.summary(Counts::Runs(RunsCounts {
        runs: runs.len(),
        shown,
        failed_targets: failures.failed_targets(),
    }))?;
    if !session.output.is_json() {
        say_rest(session, &tenants, runs.len(), shown);
    }
    Ok(failures.exit_code(runs.len()).unwrap_or(exit::DONE))
}

/// Says that nothing is recorded, or what was left out.
fn say_rest(session: &Session, tenants: &[TenantName], found: usize, shown: usize) {
    let output = session.output;
    match (found, tenants) {
        (0, []) => output.note("no run is recorded; `migrate --record` records runs"),
        (0, tenants) => output.note(&format!("no run is recorded for {}", named(tenants))),
        _ if found > shown => output.note(&format!(
            "{} more; --limit {found} lists all",
            plural(found - shown, "run")
        )),
        _ => {}
    }
}

/// The runs of all targets, by their ids.
#[derive(Debug, Default)]
struct Runs {
    runs: BTreeMap<String, RunLine>,
}

impl Runs {
    /// Adds the part of a run that is recorded at one target.
    fn add(&mut self, part: &RecordedRun, target: Option<&str>) {
        let run = self
            .runs
            .entry(part.run.clone())
            .or_insert_with(|| RunLine {
                run: part.run.clone(),
                state: RunState::Applied,
                began: part.began.clone(),
                ended: part.ended.clone(),
                undone_at: None,
                roles: Vec::new(),
                files: Vec::new(),
                tenants: 0,
                undone: 0,
                partly_undone: 0,
                targets: Vec::new(),
            });
        // Times of one form: they sort as text.
        run.began = part.began.clone().min(std::mem::take(&mut run.began));
        run.ended = part.ended.clone().max(std::mem::take(&mut run.ended));
        run.undone_at = part.undone_at.clone().max(run.undone_at.take());
        add_new(&mut run.roles, &part.roles);
        add_new(&mut run.files, &part.files);
        run.tenants += part.tenants;
        run.undone += part.undone;
        run.partly_undone += part.partly_undone;
        run.targets.extend(target.map(str::to_owned));
        run.state = match (run.undone, run.partly_undone) {
            (0, 0) => RunState::Applied,
            (undone, _) if undone == run.tenants => RunState::Undone,
            _ => RunState::PartlyUndone,
        };
    }

    fn newest_first(self) -> Vec<RunLine> {
        let mut runs: Vec<RunLine> = self.runs.into_values().collect();
        runs.sort_by(|one, other| other.began.cmp(&one.began));
        runs
    }
}

fn add_new(known: &mut Vec<String>, more: &[String]) {
    for text in more {
        if !known.contains(text) {
            known.push(text.clone());
        }
    }
}

fn line(session: &Session, run: &RunLine) -> Result<(), CommandError> {
    if session.output.is_json() {
        return Output::json(&Line::Run(run.clone()));
    }
    let shown = if session.common.verbose > 0 {
        usize::MAX
    } else {
        SHOWN
    };
    let names = |names: &[String]| listed(names.iter().map(|name| safe(name)), shown);
    let mut text = format!(
        "{} {}: {} in {}",
        safe(&run.run),
        run.began,
        names(&run.files),
        plural(run.tenants, "tenant")
    );
    if !run.targets.is_empty() {
        swrite!(text, " at {}", names(&run.targets));
    }
    swrite!(text, ", by {}", names(&run.roles));
    if run.state == RunState::PartlyUndone {
        swrite!(text, "; {} undone", run.undone);
        if run.partly_undone > 0 {
            swrite!(text, ", {} in part", run.partly_undone);
        }
    }
    let (color, word) = match run.state {
        RunState::Applied => (AnsiColor::Green, "applied"),
        RunState::PartlyUndone => (AnsiColor::Yellow, "partly undone"),
        RunState::Undone => (AnsiColor::Yellow, "undone"),
    };
    session.output.result(color.on_default(), word, &text)
}
