//! Undoes a run at one target: reads what it did, plans, and runs the ways down.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::options::{UndoError, UndoOptions};
use super::plan::{TenantRun, UndoObstacle, WayDown, WaysDown, plan_undo};
use super::report::{UndoOutcome, UndoReport, UndoneTenant};
use crate::fleet::engine::{RunShare, Scheduler, Turn};
use crate::fleet::inventory::{Fleet, read_fleet};
use crate::fleet::selection::TenantSelection;
use crate::pg::{PsqlError, ScriptOptions, Server, read_json, restrict_key};
use crate::process::Shutdown;
use crate::snapshot::lock;
use crate::sql::TenantName;
use crate::tenant::migrate::{
    BUSY, MigrateFailure, MigrationScript, ScriptContext, UndoStep, index_states,
};
use crate::tenant::migrations::{Migration, MigrationVersion, Migrations};
use crate::tenant::runs::{NOT_RECORDED, RunRecord, records_query, usable_query};
use crate::tenant::versions::{Applied, VersionsTable};

/// Time limit for asking what became of a tenant after a lost connection.
const LAST_LOOK: Duration = Duration::from_secs(10);

/// Undoes what a run has applied to the tenants of a target, and reports each tenant as soon as it is done. Those that
/// cannot be undone are reported before anything is changed.
///
/// # Errors
/// [`UndoError`] if nothing could be started. Everything else is in the report.
pub async fn undo_share(
    server: &Server,
    migrations: &Migrations,
    options: &UndoOptions,
    share: RunShare,
    shutdown: &Shutdown,
    on_report: &mut (dyn FnMut(&UndoneTenant) + Send),
) -> Result<UndoReport, UndoError> {
    let records = read_records(server, options, shutdown).await?;
    let is_known = records.iter().any(|record| record.run == options.run);
    let names = selected(&records, options, server, shutdown).await?;
    let table = versions_table(&records, options);
    let scope = TenantSelection::Named(names.clone());
    let fleet = read_fleet(server, &scope, table.as_deref(), shutdown).await?;
    let ways = ways_down(migrations, &records, &options.run)?;
    let entries: Vec<UndoEntry<'_>> = names
        .iter()
        .map(|name| UndoEntry::new(name, &records, &fleet, &ways, options))
        .collect();
    let key = restrict_key().map_err(UndoError::Random)?;
    let context = ScriptContext {
        lock_timeout: options.lock_timeout,
        statement_timeout: None,
        role: options.role.as_deref(),
        major: fleet.major,
        search_path: &fleet.search_path,
        key: &key,
        run: None,
    };
    let engine = UndoEngine {
        server,
        options,
        context: &context,
        shutdown,
        scheduler: Scheduler::new(share.limits(), options.retry_pause, shutdown),
        state: Mutex::new(UndoState { entries, on_report }),
    };
    engine.report_settled();
    let turns = engine.turns();
    let task = |turns| engine.run_turns(turns);
    engine.scheduler.run(turns, share, options.jobs, task).await;
    let UndoEngine {
        scheduler, state, ..
    } = engine;
    let UndoState { entries, .. } = state.into_inner().unwrap_or_else(PoisonError::into_inner);
    let begun = entries.iter().any(|entry| entry.has_begun);
    let ended_early = scheduler.into_ended_early(begun)?;
    Ok(UndoReport {
        tenants: entries.into_iter().map(|entry| entry.report).collect(),
        is_known,
        ended_early,
    })
}

/// Reads the records of the run and of those after it; none if no run was ever recorded here.
async fn read_records(
    server: &Server,
    options: &UndoOptions,
    shutdown: &Shutdown,
) -> Result<Vec<RunRecord>, UndoError> {
    let role = options.role.as_deref();
    match server
        .query_json_one::<Option<bool>>(&usable_query(role), shutdown)
        .await?
    {
        None => return Ok(Vec::new()),
        Some(false) => return Err(UndoError::NotUsable),
        Some(true) => {}
    }
    let lines = server
        .query_json(&records_query(&options.run, role), shutdown)
        .await?;
    let records: Result<Vec<RunRecord>, PsqlError> = lines
        .into_iter()
        .enumerate()
        .map(|(index, line)| read_json(line, index + 1))
        .collect();
    Ok(records?)
}

/// Returns the tenants that are meant: those of the run, as far as the scope has them, and names that the run has not.
async fn selected(
    records: &[RunRecord],
    options: &UndoOptions,
    server: &Server,
    shutdown: &Shutdown,
) -> Result<Vec<TenantName>, UndoError> {
    let own = records.iter().filter(|record| record.run == options.run);
    let mut names: BTreeSet<TenantName> = own
        .filter_map(|record| TenantName::for_own_schema(record.tenant.clone()).ok())
        .collect();
    match &options.scope {
        TenantSelection::All { pattern: None } => {}
        TenantSelection::Named(wanted) => names = wanted.iter().cloned().collect(),
        TenantSelection::All { .. } => {
            let fleet = read_fleet(server, &options.scope, None, shutdown).await?;
            let found: BTreeSet<&TenantName> =
                fleet.tenants.iter().map(|tenant| &tenant.name).collect();
            names.retain(|name| found.contains(name));
        }
    }
    Ok(names.into_iter().collect())
}

/// Returns the version table that the run has recorded, if it is the same for all tenants.
fn versions_table(records: &[RunRecord], options: &UndoOptions) -> Option<String> {
    let own = records.iter().filter(|record| record.run == options.run);
    let tables: BTreeSet<&str> = own.map(|record| record.versions_table.as_str()).collect();
    let only = tables.first().filter(|_| tables.len() == 1);
    let recorded = only.map(|table| (*table).to_owned());
    options.versions_table.clone().or(recorded)
}

/// Reads the ways down of the versions that the run has applied.
fn ways_down(
    migrations: &Migrations,
    records: &[RunRecord],
    run: &str,
) -> Result<WaysDown, UndoError> {
    let own = records.iter().filter(|record| record.run == run);
    let applied: BTreeSet<MigrationVersion> = own
        .filter_map(|record| MigrationVersion::parse(&record.version))
        .collect();
    let mut ways = BTreeMap::new();
    for migration in migrations.as_slice() {
        if applied.contains(&migration.version) {
            let way = WayDown {
                up: migration.file_name(),
                digest: migration.digest().to_owned(),
                down: migration.read_down()?,
            };
            ways.insert(migration.version.clone(), way);
        }
    }
    Ok(ways)
}

/// A tenant and its steps.
struct UndoEntry<'m> {
    report: UndoneTenant,
    /// `None` if its versions are unknown.
    versions: Option<VersionsTable>,
    steps: Vec<UndoStep<'m>>,
    is_settled: bool,
    has_begun: bool,
}

impl<'m> UndoEntry<'m> {
    fn new(
        tenant: &TenantName,
        records: &[RunRecord],
        fleet: &Fleet,
        ways: &'m WaysDown,
        options: &UndoOptions,
    ) -> Self {
        let of_tenant = |record: &&RunRecord| record.tenant == tenant.as_str();
        let (own, later): (Vec<&RunRecord>, Vec<&RunRecord>) = records
            .iter()
            .filter(of_tenant)
            .partition(|record| record.run == options.run);
        let found = fleet.tenants.iter().find(|found| found.name == *tenant);
        let versions = match found.map(|found| &found.applied) {
            Some(Applied::Known(table)) => Some(table.clone()),
            _ => None,
        };
        let run = TenantRun {
            tenant,
            records: own,
            later,
            found,
        };
        let planned = if run.records.is_empty() {
            Err(UndoObstacle::NotInRun)
        } else {
            plan_undo(&run, ways, options.outside)
        };
        let last = versions.as_ref().and_then(|table| table.last());
        let last = last.map(|version| version.text.clone());
        let open = run.records.iter().rev().filter(|record| !record.is_undone);
        let (outcome, steps, is_settled) = match planned {
            Err(obstacle) => (UndoOutcome::Refused(obstacle), Vec::new(), true),
            Ok(steps) if steps.is_empty() => (UndoOutcome::Undone, steps, true),
            Ok(steps) if options.dry_run => (UndoOutcome::WouldUndo, steps, true),
            Ok(steps) => (UndoOutcome::NotReached, steps, false),
        };
        Self {
            report: UndoneTenant {
                tenant: tenant.clone(),
                undone: Vec::new(),
                pending: open.map(|record| record.file.clone()).collect(),
                from: last.clone(),
                to: last,
                outcome,
                elapsed: Duration::ZERO,
            },
            versions,
            steps,
            is_settled,
            has_begun: false,
        }
    }

    /// Records that the first step is committed.
    fn undid_one(&mut self) {
        if self.steps.is_empty() {
            return;
        }
        self.has_begun = true;
        let step = self.steps.remove(0);
        self.report.undone.push(step.down.file_name());
        self.report.to = step.record.previous;
        if !self.report.pending.is_empty() {
            self.report.pending.remove(0);
        }
    }

    /// Leaves out the first steps, which another call has undone. Returns `true` if there were any.
    fn leave_out(&mut self, undone: &BTreeSet<i64>) -> bool {
        let is_undone = |step: &&UndoStep<'m>| undone.contains(&step.record.seq);
        let count = self.steps.iter().take_while(is_undone).count();
        for step in self.steps.drain(..count) {
            self.report.to = step.record.previous;
        }
        self.report
            .pending
            .drain(..count.min(self.report.pending.len()));
        count > 0
    }
}

struct UndoState<'a, 'm> {
    entries: Vec<UndoEntry<'m>>,
    on_report: &'a mut (dyn FnMut(&UndoneTenant) + Send),
}

struct UndoEngine<'a, 'm> {
    server: &'a Server,
    options: &'a UndoOptions,
    context: &'a ScriptContext<'a>,
    shutdown: &'a Shutdown,
    scheduler: Scheduler<'a>,
    state: Mutex<UndoState<'a, 'm>>,
}

impl<'a, 'm> UndoEngine<'a, 'm> {
    /// Never held across an await.
    fn state(&self) -> MutexGuard<'_, UndoState<'a, 'm>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn report_settled(&self) {
        let state = &mut *self.state();
        for entry in state.entries.iter().filter(|entry| entry.is_settled) {
            (state.on_report)(&entry.report);
        }
    }

    fn turns(&self) -> Vec<Turn> {
        let state = self.state();
        let open = state.entries.iter().enumerate();
        open.filter(|(_, entry)| !entry.is_settled)
            .map(|(index, _)| Turn::new(index, true))
            .collect()
    }

    async fn run_turns(&self, turns: Vec<Turn>) {
        let mut turns = turns.into_iter();
        while let Some(turn) = turns.next() {
            self.run_turn(turn).await;
            if self.scheduler.has_ended() || self.shutdown.signal().is_some() {
                self.scheduler.give_back(turns);
                return;
            }
        }
    }

    /// Returns a tenant with its versions and the steps that are left.
    fn planned(&self, index: usize) -> Option<(TenantName, VersionsTable, Vec<UndoStep<'m>>)> {
        let state = self.state();
        let entry = state.entries.get(index)?;
        let versions = entry.versions.clone()?;
        Some((entry.report.tenant.clone(), versions, entry.steps.clone()))
    }

    /// Undoes one tenant. One psql each: an undo is rare, and must be simple to follow.
    async fn run_turn(&self, turn: Turn) {
        let Some((tenant, versions, steps)) = self.planned(turn.tenant) else {
            return;
        };
        let downs: Vec<&Migration> = steps.iter().map(|step| step.down).collect();
        let indexes = match index_states(self.server, &tenant, &downs, self.shutdown).await {
            Ok(indexes) => indexes,
            Err(error) => {
                self.scheduler.give_back(std::iter::once(turn));
                return self.scheduler.psql_failed(error).await;
            }
        };
        let mut script = MigrationScript::new(self.context);
        if let Err(error) = script.undo(&tenant, &versions, &steps, &indexes) {
            let failure = MigrateFailure::new(error.to_string());
            return self.settle(turn.tenant, UndoOutcome::Failed(failure));
        }
        let start = Instant::now();
        let ran = self
            .server
            .run_script_each(
                script.text(),
                &ScriptOptions::default(),
                self.shutdown,
                |line| {
                    if script.committed(line).is_some()
                        && let Some(entry) = self.state().entries.get_mut(turn.tenant)
                    {
                        entry.undid_one();
                    }
                },
            )
            .await;
        let is_done = {
            let state = &mut *self.state();
            let Some(entry) = state.entries.get_mut(turn.tenant) else {
                return;
            };
            entry.report.elapsed += start.elapsed();
            entry.steps.is_empty()
        };
        if is_done {
            self.scheduler.psql_worked();
            return self.settle(turn.tenant, UndoOutcome::Undone);
        }
        match ran {
            Err(PsqlError::Script { message, .. }) => {
                self.scheduler.psql_worked();
                let state = message.sqlstate;
                let may_pass =
                    state == Some(BUSY) || state.is_some_and(|state| state.is_retryable());
                if may_pass && turn.retries < self.options.lock_retries {
                    return self.scheduler.postpone(&turn);
                }
                let line = message
                    .script
                    .as_ref()
                    .map_or(0, |place| place.line as usize);
                let failure = MigrateFailure::said(&message, &tenant, script.place(line));
                if state == Some(NOT_RECORDED) {
                    return self.overtaken(turn, &tenant, failure).await;
                }
                self.settle(turn.tenant, UndoOutcome::Failed(failure));
            }
            Err(error) => self.interrupted(turn, &tenant, error).await,
            Ok(_) => {
                let text = "psql did not report that the transaction was committed".to_owned();
                self.look_again(turn.tenant, &tenant, MigrateFailure::new(text))
                    .await;
            }
        }
    }

    /// Handles a psql that did not end by itself.
    async fn interrupted(&self, turn: Turn, tenant: &TenantName, error: PsqlError) {
        match &error {
            // Nothing was sent.
            PsqlError::Connect { .. }
            | PsqlError::Folder(_)
            | PsqlError::Program(_)
            | PsqlError::Password(_)
            | PsqlError::Random(_) => self.scheduler.give_back(std::iter::once(turn)),
            _ => {
                if let Some(entry) = self.state().entries.get_mut(turn.tenant) {
                    entry.has_begun = true;
                }
                let failure = MigrateFailure::new(error.to_string());
                self.look_again(turn.tenant, tenant, failure).await;
            }
        }
        self.scheduler.psql_failed(error).await;
    }

    /// Handles records that are not as planned: another call may have undone the same, and may still be at work.
    async fn overtaken(&self, turn: Turn, tenant: &TenantName, failure: MigrateFailure) {
        let undone = self.read_undone(tenant).await.unwrap_or_default();
        let state = &mut *self.state();
        let Some(entry) = state.entries.get_mut(turn.tenant) else {
            return;
        };
        let has_moved = entry.leave_out(&undone);
        if entry.steps.is_empty() {
            self.settle_in(state, turn.tenant, UndoOutcome::Undone);
        } else if has_moved {
            self.scheduler.add(turn);
        } else {
            self.settle_in(state, turn.tenant, UndoOutcome::Failed(failure));
        }
    }

    /// Reads which records are closed, once nobody else works on the tenant. Returns `None` if the server cannot be asked.
    async fn read_undone(&self, tenant: &TenantName) -> Option<BTreeSet<i64>> {
        // The shutdown was meant for the run.
        let unstopped = Shutdown::new();
        let look = async {
            let wait = format!(
                "BEGIN;\nSET LOCAL lock_timeout = {};\n{};\nCOMMIT;\n",
                LAST_LOOK.as_millis(),
                lock(tenant)
            );
            let options = ScriptOptions::default();
            let waited = self.server.run_script(&wait, &options, &unstopped);
            waited.await.ok()?;
            read_records(self.server, self.options, &unstopped)
                .await
                .ok()
        };
        let records = tokio::time::timeout(LAST_LOOK, look).await.ok().flatten()?;
        let undone = records.iter().filter(|record| record.is_undone);
        Some(undone.map(|record| record.seq).collect())
    }

    /// Asks the server how many of a tenant's migrations are undone.
    async fn look_again(&self, index: usize, tenant: &TenantName, failure: MigrateFailure) {
        let undone = self.read_undone(tenant).await;
        let state = &mut *self.state();
        let Some(undone) = undone else {
            return self.settle_in(state, index, UndoOutcome::Unknown(failure));
        };
        let Some(entry) = state.entries.get_mut(index) else {
            return;
        };
        while entry
            .steps
            .first()
            .is_some_and(|step| undone.contains(&step.record.seq))
        {
            entry.undid_one();
        }
        let outcome = match (entry.steps.is_empty(), self.shutdown.signal()) {
            (true, _) => UndoOutcome::Undone,
            (false, Some(_)) => {
                UndoOutcome::Failed(MigrateFailure::new("the run was stopped".to_owned()))
            }
            (false, None) => UndoOutcome::Failed(failure),
        };
        self.settle_in(state, index, outcome);
    }

    fn settle(&self, index: usize, outcome: UndoOutcome) {
        let state = &mut *self.state();
        self.settle_in(state, index, outcome);
    }

    fn settle_in(&self, state: &mut UndoState<'a, 'm>, index: usize, outcome: UndoOutcome) {
        let Some(entry) = state.entries.get_mut(index) else {
            return;
        };
        let is_good = outcome == UndoOutcome::Undone;
        entry.report.outcome = outcome;
        entry.is_settled = true;
        (state.on_report)(&entry.report);
        if !is_good {
            self.scheduler.count_failure();
        }
    }
}
