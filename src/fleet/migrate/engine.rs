//! Migrates all tenants: chooses the next one, sends its script, and reports its outcome.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::entry::QueueEntry;
use super::options::{MigrateError, MigrateOptions};
use super::record::create_runs;
use super::report::MigrateReport;
use crate::fleet::engine::{Batch, BatchTenants, CutCause, RunShare, Scheduler, Turn};
use crate::fleet::inventory::{Fleet, read_fleet};
use crate::fleet::selection::TenantSelection;
use crate::pg::{PsqlError, ScriptOptions, Server, restrict_key};
use crate::process::Shutdown;
use crate::snapshot::OutsidePolicy;
use crate::sql::TenantName;
use crate::tenant::migrate::{
    MigrateFailure, MigrateOutcome, MigrationScript, ScriptContext, TenantReport, index_states,
};
use crate::tenant::migrations::Migrations;
use crate::tenant::versions::TenantProblem;

/// Maximum number of times that tenants are looked for that were created during the run.
const LATECOMER_ROUNDS: usize = 3;

/// Applies pending migrations to the tenants of a fleet, and reports each as soon as it is done.
pub(super) async fn migrate_by_files(
    server: &Server,
    fleet: Fleet,
    migrations: &Migrations,
    options: &MigrateOptions,
    share: RunShare,
    shutdown: &Shutdown,
    on_report: &mut (dyn FnMut(&TenantReport) + Send),
) -> Result<MigrateReport, MigrateError> {
    let start = Instant::now();
    let key = restrict_key().map_err(MigrateError::Random)?;
    let context = ScriptContext {
        lock_timeout: options.lock_timeout,
        statement_timeout: options.statement_timeout,
        role: options.role.as_deref(),
        major: fleet.major,
        search_path: &fleet.search_path,
        key: &key,
        run: options.record.as_deref(),
    };
    let entries: Vec<_> = fleet
        .tenants
        .into_iter()
        .map(|tenant| QueueEntry::new(tenant, migrations, options))
        .collect();
    if options.outside == OutsidePolicy::Refuse {
        refuse_outside(&entries)?;
    }
    let has_work = entries.iter().any(|entry| !entry.settled);
    if let Some(role) = options
        .record
        .as_ref()
        .filter(|_| has_work)
        .map(|_| &options.role)
    {
        create_runs(server, role.as_deref(), shutdown).await?;
    }
    let state = MigrateState {
        entries,
        separate: false,
        on_report,
    };
    let engine = MigrateEngine {
        server,
        migrations,
        options,
        context: &context,
        shutdown,
        scheduler: Scheduler::new(share.limits(), options.retry_pause, shutdown),
        state: Mutex::new(state),
    };
    engine.report_settled();
    if !options.dry_run {
        let batch = |turns| engine.batch(turns);
        let turns = engine.turns();
        engine.count_refused(&share);
        engine
            .scheduler
            .run(turns, share, options.jobs, batch)
            .await;
        for _ in 0..LATECOMER_ROUNDS {
            let late = engine.add_latecomers().await;
            if late.is_empty() {
                break;
            }
            engine
                .scheduler
                .run_all(late.into_iter(), options.jobs, &batch)
                .await;
        }
        engine.look_again().await;
    }
    let MigrateEngine {
        scheduler, state, ..
    } = engine;
    let MigrateState { entries, .. } = state.into_inner().unwrap_or_else(PoisonError::into_inner);
    let begun = entries
        .iter()
        .any(|entry| !entry.report.applied.is_empty() || entry.report.elapsed > Duration::ZERO);
    let ended_early = scheduler
        .into_ended_early(begun)
        .map_err(MigrateError::Psql)?;
    let mut tenants: Vec<TenantReport> = entries.into_iter().map(|entry| entry.report).collect();
    tenants.sort_by(|one, two| one.tenant.cmp(&two.tenant));
    Ok(MigrateReport {
        tenants,
        ended_early,
        elapsed: start.elapsed(),
    })
}

/// Refuses a run in which a migration that is pending for a tenant reaches beyond the database.
fn refuse_outside(entries: &[QueueEntry<'_>]) -> Result<(), MigrateError> {
    let would_run =
        |entry: &&QueueEntry<'_>| !entry.settled || entry.report.outcome == MigrateOutcome::Pending;
    let pending = entries
        .iter()
        .filter(would_run)
        .flat_map(|entry| &entry.pending);
    let refused = pending
        .map(|migration| (migration, migration.beyond_the_database()))
        .find(|(_, statements)| !statements.is_empty());
    match refused {
        Some((migration, statements)) => Err(MigrateError::Outside {
            path: migration.path.clone(),
            statements,
        }),
        None => Ok(()),
    }
}

pub(super) struct MigrateState<'a, 'm> {
    pub(super) entries: Vec<QueueEntry<'m>>,
    /// `true` once a statement has failed: from then on each is sent alone, so that the next error
    /// needs no second try.
    pub(super) separate: bool,
    pub(super) on_report: &'a mut (dyn FnMut(&TenantReport) + Send),
}

pub(super) struct MigrateEngine<'a, 'm> {
    pub(super) server: &'a Server,
    pub(super) migrations: &'m Migrations,
    pub(super) options: &'a MigrateOptions,
    context: &'a ScriptContext<'a>,
    pub(super) shutdown: &'a Shutdown,
    pub(super) scheduler: Scheduler<'a>,
    state: Mutex<MigrateState<'a, 'm>>,
}

impl<'a, 'm> MigrateEngine<'a, 'm> {
    /// Never held across an await.
    pub(super) fn state(&self) -> MutexGuard<'_, MigrateState<'a, 'm>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reports the tenants for which nothing is to be done, or nothing can be done.
    fn report_settled(&self) {
        let state = &mut *self.state();
        let is_told = |entry: &&QueueEntry<'_>| {
            entry.settled && entry.report.outcome != MigrateOutcome::Pending
        };
        // Those with pending migrations in a dry run are in the report only.
        for entry in state.entries.iter().filter(is_told) {
            (state.on_report)(&entry.report);
            // A tenant that cannot be migrated does not stop the others.
        }
    }

    /// Returns a turn for each tenant that has no outcome yet.
    fn turns(&self) -> Vec<Turn> {
        let state = self.state();
        let open = state
            .entries
            .iter()
            .enumerate()
            .filter(|(_, entry)| !entry.settled);
        open.map(|(tenant, entry)| {
            let alone = entry.pending.iter().any(|migration| !migration.transaction);
            Turn::new(tenant, alone).in_group(self.options.group_of(&entry.report.tenant))
        })
        .collect()
    }

    /// Counts, in their groups, the tenants that exist and cannot be started.
    fn count_refused(&self, share: &RunShare) {
        let state = self.state();
        let refused = state.entries.iter().filter(|entry| {
            let outcome = &entry.report.outcome;
            let is_missing = *outcome == MigrateOutcome::Odd(TenantProblem::NoSchema);
            entry.settled && !outcome.is_good() && !is_missing
        });
        for entry in refused {
            share.refuse(self.options.group_of(&entry.report.tenant));
        }
    }

    /// Adds the tenants that were created during the run and are behind: a sign-up that began before the newest migration
    /// was there ends after this run has read the tenants. Returns their turns.
    async fn add_latecomers(&self) -> Vec<Turn> {
        if self.scheduler.has_ended() || !matches!(self.options.scope, TenantSelection::All { .. })
        {
            return Vec::new();
        }
        let versions_table = self.options.versions_table.as_deref();
        let read = read_fleet(
            self.server,
            &self.options.scope,
            versions_table,
            self.shutdown,
        );
        let fleet = match read.await {
            Ok(fleet) => fleet,
            Err(error) => {
                tracing::debug!(%error, "tenants that were created meanwhile are not known");
                return Vec::new();
            }
        };
        let state = &mut *self.state();
        let known: BTreeSet<TenantName> = state
            .entries
            .iter()
            .map(|entry| entry.report.tenant.clone())
            .collect();
        let mut turns = Vec::new();
        for tenant in fleet.tenants {
            if known.contains(&tenant.name) {
                continue;
            }
            let mut entry = QueueEntry::new(tenant, self.migrations, self.options);
            if self.options.outside == OutsidePolicy::Refuse
                && let Err(error) = refuse_outside(std::slice::from_ref(&entry))
            {
                let failure = MigrateFailure::new(error.to_string());
                entry.settle(MigrateOutcome::Failed(failure));
                (state.on_report)(&entry.report);
                state.entries.push(entry);
                continue;
            }
            if !entry.settled {
                let alone = entry.pending.iter().any(|migration| !migration.transaction);
                turns.push(Turn::new(state.entries.len(), alone));
                state.entries.push(entry);
            }
        }
        turns
    }

    /// Runs some tenants through one psql.
    async fn batch(&self, turns: Vec<Turn>) {
        let mut script = MigrationScript::new(self.context);
        let separated = self.state().separate || turns.iter().any(|turn| turn.separated);
        let mut sent: Vec<Turn> = Vec::with_capacity(turns.len());
        for turn in turns {
            match self.add(&mut script, &turn, separated).await {
                Ok(()) => sent.push(turn),
                Err(Unsent::Failed(failure)) => {
                    // Run the script as it is, without this tenant.
                    if sent.is_empty() {
                        self.settle(turn.tenant, MigrateOutcome::Failed(failure));
                        continue;
                    }
                    self.scheduler.give_back(std::iter::once(turn));
                    break;
                }
                Err(Unsent::Psql(error)) => {
                    self.scheduler.give_back(std::iter::once(turn));
                    self.scheduler.psql_failed(error).await;
                    break;
                }
            }
        }
        if sent.is_empty() {
            return;
        }
        let batch = Batch {
            server: self.server,
            script: script.text(),
            options: ScriptOptions::default(),
            turns: sent,
        };
        let read = |line: &[u8]| {
            let (position, _) = script.committed(line)?;
            Some((position, ()))
        };
        let take = |tenant, ()| self.committed(tenant);
        let Some(cut) = self.scheduler.run_batch(batch, self, read, take).await else {
            return;
        };
        match cut.cause {
            CutCause::Refused(message) => {
                let place = message.script_line().and_then(|line| script.place(line));
                let place = place.filter(|place| place.tenant == cut.position);
                self.failed(cut.turn, &message, place, separated).await;
            }
            CutCause::Psql(error) => self.interrupted(cut.turn, error).await,
            // The version table shows later what happened.
            CutCause::Silent => self.settle(
                cut.turn.tenant,
                MigrateOutcome::Unknown(MigrateFailure::new(
                    "psql did not report that the transaction was committed".to_owned(),
                )),
            ),
        }
    }

    /// Adds a tenant to a script.
    async fn add(
        &self,
        script: &mut MigrationScript<'_>,
        turn: &Turn,
        separated: bool,
    ) -> Result<(), Unsent> {
        let (tenant, versions, pending) = {
            let state = self.state();
            let entry = state.entries.get(turn.tenant);
            let Some((entry, versions)) =
                entry.and_then(|entry| Some((entry, entry.versions.clone()?)))
            else {
                return Err(Unsent::Failed(MigrateFailure::new(
                    "its versions are unknown".to_owned(),
                )));
            };
            (entry.report.tenant.clone(), versions, entry.pending.clone())
        };
        let indexes = index_states(self.server, &tenant, &pending, self.shutdown)
            .await
            .map_err(Unsent::Psql)?;
        script
            .tenant(&tenant, &versions, &pending, separated, &indexes)
            .map_err(|error| Unsent::Failed(MigrateFailure::new(error.to_string())))
    }

    fn committed(&self, tenant: usize) {
        let state = &mut *self.state();
        let Some(entry) = state.entries.get_mut(tenant) else {
            return;
        };
        entry.applied_one();
        if entry.pending.is_empty() {
            entry.settle(MigrateOutcome::Migrated);
            (state.on_report)(&entry.report);
        }
    }

    pub(super) fn settle(&self, tenant: usize, outcome: MigrateOutcome) {
        let state = &mut *self.state();
        let Some(entry) = state.entries.get_mut(tenant) else {
            return;
        };
        let good = outcome.is_good();
        // Query an unknown outcome before reporting it.
        let told = !matches!(outcome, MigrateOutcome::Unknown(_));
        entry.settle(outcome);
        if told {
            (state.on_report)(&entry.report);
        }
        if !good {
            self.scheduler.count_failure();
        }
    }
}

impl BatchTenants for MigrateEngine<'_, '_> {
    fn is_settled(&self, tenant: usize) -> bool {
        let state = self.state();
        state.entries.get(tenant).is_none_or(|entry| entry.settled)
    }

    fn add_elapsed(&self, tenant: usize, elapsed: Duration) {
        if let Some(entry) = self.state().entries.get_mut(tenant) {
            entry.report.elapsed += elapsed;
        }
    }
}

/// The reason why a tenant is not in the script.
enum Unsent {
    Failed(MigrateFailure),
    Psql(PsqlError),
}
