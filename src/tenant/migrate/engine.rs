//! The run over all tenants: plans, workers, what is retried and what ends the run.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::indexes::index_states;
use super::options::{MigrateError, MigrateOptions};
use super::queue::{Next, Queue, Turn, join_all};
use super::report::{MigrateReport, Outcome, TenantReport};
use super::script::{ALREADY, BUSY, Context, Script};
use super::{Failure, script::Place};
use crate::pg::{PsqlError, ScriptOptions, Server, ServerMessage, SqlState, restrict_key};
use crate::process::{RunError, Stop};
use crate::sql::TenantName;
use crate::tenant::migrations::{Migration, Migrations};
use crate::tenant::versions::{Applied, Oddity, Scope, Tenant, VersionsTable, plan, read_fleet};

/// How often a connection is tried anew, in a row.
const RECONNECTS: u32 = 3;
/// How often a tenant's plan is made anew.
const REPLANS: u32 = 5;
/// How long the look at what became of tenants may take after the run was stopped.
const LAST_LOOK: Duration = Duration::from_secs(10);

/// Applies what is pending to all tenants of the scope, and tells of each tenant as soon as it is done.
///
/// # Errors
/// [`MigrateError`] when nothing could be begun. Everything else is in the report, also a run that was stopped midway.
pub async fn migrate(
    server: &Server,
    migrations: &Migrations,
    options: &MigrateOptions,
    stop: &Stop,
    on_report: &mut (dyn FnMut(&TenantReport) + Send),
) -> Result<MigrateReport, MigrateError> {
    let start = Instant::now();
    let fleet = read_fleet(server, &options.scope, options.versions_table.as_deref(), stop).await?;
    let key = restrict_key().map_err(MigrateError::Random)?;
    let context = Context { options, major: fleet.major, search_path: &fleet.search_path, key: &key };
    let entries = fleet.tenants.into_iter().map(|tenant| Entry::new(tenant, migrations, options)).collect();
    let state =
        State { entries, queue: Queue::default(), failures: 0, separate: false, reconnects: 0, halt: None, on_report };
    let engine = Engine { server, migrations, context: &context, stop, state: Mutex::new(state) };
    engine.report_settled();
    if !options.dry_run {
        let canaries = engine.enqueue(options.canary);
        if canaries > 0 {
            engine.work(1).await;
            if engine.state().failures > 0 {
                engine.halt(Halt::Canary);
            }
        }
        engine.enqueue(usize::MAX);
        engine.work(options.jobs.max(1)).await;
        engine.look_again().await;
    }
    let State { entries, halt, .. } = engine.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    let begun = entries.iter().any(|entry| !entry.report.applied.is_empty() || entry.report.elapsed > Duration::ZERO);
    let ended_early = match halt {
        Some(Halt::Psql(error)) if !begun => return Err(MigrateError::Psql(error)),
        other => other.map(|halt| halt.to_string()),
    };
    let tenants = entries.into_iter().map(|entry| entry.report).collect();
    Ok(MigrateReport { tenants, ended_early, elapsed: start.elapsed() })
}

/// A tenant and what is to be done.
struct Entry<'m> {
    report: TenantReport,
    /// `None` when nothing is known of it.
    versions: Option<VersionsTable>,
    pending: Vec<&'m Migration>,
    settled: bool,
}

impl<'m> Entry<'m> {
    fn new(tenant: Tenant, migrations: &'m Migrations, options: &MigrateOptions) -> Self {
        let report = TenantReport {
            tenant: tenant.name,
            from: None,
            to: None,
            applied: Vec::new(),
            pending: Vec::new(),
            warnings: Vec::new(),
            outcome: Outcome::NotReached,
            elapsed: Duration::ZERO,
        };
        let mut entry = Self { report, versions: None, pending: Vec::new(), settled: false };
        entry.plan(tenant.applied, migrations, options);
        entry.report.from.clone_from(&entry.report.to);
        entry
    }

    /// Compares what is applied with the folder.
    fn plan(&mut self, applied: Applied, migrations: &'m Migrations, options: &MigrateOptions) {
        let versions = match applied {
            Applied::Known(versions) => versions,
            Applied::Odd(oddity) => return self.settle(Outcome::Odd(oddity)),
        };
        let plan = plan(&versions, migrations, options.strictness);
        self.report.to = versions.last().map(|version| version.text.clone());
        self.report.warnings = plan.warnings().cloned().collect();
        self.report.pending = plan.pending.iter().map(|migration| migration.file_name()).collect();
        let outcome = match plan.error() {
            Some(problem) => Some(Outcome::Refused(problem.clone())),
            None if plan.pending.is_empty() && self.report.applied.is_empty() => Some(Outcome::UpToDate),
            None if plan.pending.is_empty() => Some(Outcome::Migrated),
            None => options.dry_run.then_some(Outcome::Pending),
        };
        self.pending = plan.pending;
        self.versions = Some(versions);
        if let Some(outcome) = outcome {
            self.settle(outcome);
        }
    }

    /// The first of the pending migrations is committed.
    fn applied_one(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let migration = self.pending.remove(0);
        self.report.applied.push(migration.file_name());
        if !self.report.pending.is_empty() {
            self.report.pending.remove(0);
        }
        self.report.to = Some(migration.version.to_string());
    }

    fn settle(&mut self, outcome: Outcome) {
        self.report.outcome = outcome;
        self.settled = true;
    }
}

/// Why no further tenant is begun.
#[derive(Debug)]
enum Halt {
    Canary,
    Failures(usize),
    Stopped,
    Psql(PsqlError),
}

impl std::fmt::Display for Halt {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Canary => formatter.write_str("one of the first tenants failed"),
            Self::Failures(1) => formatter.write_str("a tenant failed"),
            Self::Failures(count) => write!(formatter, "{count} tenants failed"),
            Self::Stopped => formatter.write_str("the run was stopped"),
            Self::Psql(error) => error.fmt(formatter),
        }
    }
}

struct State<'a, 'm> {
    entries: Vec<Entry<'m>>,
    queue: Queue,
    failures: usize,
    /// A statement has failed: from now on each is sent alone, so that the next error costs no second try.
    separate: bool,
    reconnects: u32,
    halt: Option<Halt>,
    on_report: &'a mut (dyn FnMut(&TenantReport) + Send),
}

struct Engine<'a, 'm> {
    server: &'a Server,
    migrations: &'m Migrations,
    context: &'a Context<'a>,
    stop: &'a Stop,
    state: Mutex<State<'a, 'm>>,
}

impl<'a, 'm> Engine<'a, 'm> {
    /// Never held while anything is awaited.
    fn state(&self) -> MutexGuard<'_, State<'a, 'm>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn options(&self) -> &MigrateOptions {
        self.context.options
    }

    /// Tells of the tenants for which there is nothing to do, or nothing can be done.
    fn report_settled(&self) {
        let state = &mut *self.state();
        for entry in state.entries.iter().filter(|entry| entry.settled) {
            (state.on_report)(&entry.report);
            // A tenant that cannot be migrated is no reason to stop the others, which are fine.
        }
    }

    /// Queues up to `most` of the tenants that are not settled; returns how many.
    fn enqueue(&self, most: usize) -> usize {
        let state = &mut *self.state();
        if state.halt.is_some() {
            return 0;
        }
        let open = state.entries.iter().enumerate().filter(|(_, entry)| !entry.settled).take(most);
        let turns: Vec<Turn> = open
            .map(|(tenant, entry)| Turn {
                tenant,
                retries: 0,
                replans: 0,
                separated: false,
                alone: entry.pending.iter().any(|migration| !migration.transaction),
                ready: Instant::now(),
            })
            .collect();
        let count = turns.len();
        for turn in turns {
            state.queue.add(turn);
        }
        count
    }

    fn halt(&self, halt: Halt) {
        self.state().halt.get_or_insert(halt);
    }

    async fn work(&self, jobs: usize) {
        join_all((0..jobs).map(|_| self.worker(jobs))).await;
    }

    async fn worker(&self, jobs: usize) {
        loop {
            let next = {
                let state = &mut *self.state();
                if state.halt.is_some() { Next::End } else { state.queue.next(jobs, Instant::now()) }
            };
            match next {
                Next::End => return,
                Next::Wait(pause) => {
                    // Short, so that what others give back is seen; a stop ends the pause.
                    let pause = pause.min(Duration::from_millis(200));
                    tokio::select! {
                        () = tokio::time::sleep(pause) => {}
                        _ = self.stop.requested() => self.halt(Halt::Stopped),
                    }
                }
                Next::Work(turns) => {
                    self.chunk(turns).await;
                    self.state().queue.done();
                }
            }
        }
    }

    /// Runs some tenants through one psql.
    async fn chunk(&self, turns: Vec<Turn>) {
        let mut script = Script::new(self.context);
        let separated = self.state().separate || turns.iter().any(|turn| turn.separated);
        let mut sent: Vec<Turn> = Vec::with_capacity(turns.len());
        for turn in turns {
            match self.add(&mut script, &turn, separated).await {
                Ok(()) => sent.push(turn),
                Err(Unsent::Failed(failure)) => {
                    // What stands in the script already is run without it.
                    if sent.is_empty() {
                        self.settle(turn.tenant, Outcome::Failed(failure));
                        continue;
                    }
                    self.state().queue.give_back(std::iter::once(turn));
                    break;
                }
                Err(Unsent::Psql(error)) => {
                    self.state().queue.give_back(std::iter::once(turn));
                    self.trouble(error).await;
                    break;
                }
            }
        }
        if sent.is_empty() {
            return;
        }
        let mut server = self.server.clone();
        let share = u32::try_from(sent.len()).unwrap_or(u32::MAX);
        server.timeout = server.timeout.map(|timeout| timeout.saturating_mul(share));
        let mut last = Instant::now();
        let ran = server
            .run_script_each(script.text(), &ScriptOptions::default(), self.stop, |line| {
                let Some((index, _)) = script.committed(line) else { return };
                let Some(turn) = sent.get(index) else { return };
                let now = Instant::now();
                self.committed(turn.tenant, now - last);
                last = now;
            })
            .await;
        // Those before the first that is not settled are done; nothing of those behind it was begun.
        let open = sent.iter().position(|turn| !self.state().entries.get(turn.tenant).is_none_or(|e| e.settled));
        let Some(open) = open else {
            self.state().reconnects = 0;
            return;
        };
        let behind = sent.split_off(open + 1);
        self.state().queue.give_back(behind.into_iter());
        let Some(turn) = sent.pop() else { return };
        self.spent(turn.tenant, last.elapsed());
        match ran {
            Err(PsqlError::Script { message, .. }) => {
                self.state().reconnects = 0;
                let line = message.script.as_ref().map_or(0, |place| place.line as usize);
                let place = script.place(line).filter(|place| place.tenant == open).cloned();
                self.failed(turn, &message, place.as_ref(), separated).await;
            }
            Err(error) => self.interrupted(turn, error).await,
            // psql has come to the end of its script, but a line is missing: what happened must be looked at.
            Ok(_) => self.settle(
                turn.tenant,
                Outcome::Unknown(Failure::of("psql did not say that the transaction was committed".to_owned())),
            ),
        }
    }

    /// Adds a tenant to a script.
    async fn add(&self, script: &mut Script<'_>, turn: &Turn, separated: bool) -> Result<(), Unsent> {
        let (tenant, versions, pending) = {
            let state = self.state();
            let entry = state.entries.get(turn.tenant);
            let Some((entry, versions)) = entry.and_then(|entry| Some((entry, entry.versions.clone()?))) else {
                return Err(Unsent::Failed(Failure::of("nothing is known of its versions".to_owned())));
            };
            (entry.report.tenant.clone(), versions, entry.pending.clone())
        };
        let indexes = index_states(self.server, &tenant, &pending, self.stop).await.map_err(Unsent::Psql)?;
        script
            .tenant(&tenant, &versions, &pending, separated, &indexes)
            .map_err(|error| Unsent::Failed(Failure::of(error.to_string())))
    }

    fn committed(&self, tenant: usize, elapsed: Duration) {
        let state = &mut *self.state();
        let Some(entry) = state.entries.get_mut(tenant) else { return };
        entry.applied_one();
        entry.report.elapsed += elapsed;
        if entry.pending.is_empty() {
            entry.settle(Outcome::Migrated);
            (state.on_report)(&entry.report);
        }
    }

    fn spent(&self, tenant: usize, elapsed: Duration) {
        if let Some(entry) = self.state().entries.get_mut(tenant) {
            entry.report.elapsed += elapsed;
        }
    }

    fn settle(&self, tenant: usize, outcome: Outcome) {
        let state = &mut *self.state();
        let Some(entry) = state.entries.get_mut(tenant) else { return };
        let good = outcome.is_good();
        // What is unknown is looked at before it is told.
        let told = !matches!(outcome, Outcome::Unknown(_));
        entry.settle(outcome);
        if told {
            (state.on_report)(&entry.report);
        }
        if !good {
            state.failures += 1;
            if self.context.options.max_failures.is_some_and(|most| state.failures >= most) {
                state.halt.get_or_insert(Halt::Failures(state.failures));
            }
        }
    }

    /// The server has refused a statement; the transaction is rolled back.
    async fn failed(&self, turn: Turn, message: &ServerMessage, place: Option<&Place>, separated: bool) {
        let tenant = {
            let state = self.state();
            let Some(entry) = state.entries.get(turn.tenant) else { return };
            entry.report.tenant.clone()
        };
        let failure = Failure::said(message, &tenant, place);
        let code = failure.sqlstate.as_deref().unwrap_or_default();
        if self.stop.now().is_some() {
            self.halt(Halt::Stopped);
            return;
        }
        if code == ALREADY && turn.replans < REPLANS {
            return self.replan(turn, &tenant).await;
        }
        let put_off = code == BUSY || message.sqlstate.as_ref().is_some_and(SqlState::is_retryable);
        if put_off && turn.retries < self.options().lock_retries {
            let pause = self.options().retry_pause.saturating_mul(1 << turn.retries.min(10));
            let turn = Turn { retries: turn.retries + 1, ready: Instant::now() + pause, ..turn };
            self.state().queue.add(turn);
            return;
        }
        if !separated && !put_off {
            // Once more, a statement at a time: the error then names its statement.
            let state = &mut *self.state();
            state.separate = true;
            return state.queue.give_back(std::iter::once(Turn { separated: true, ..turn }));
        }
        let outcome = match self.look_at(&tenant, self.stop).await {
            Some(Applied::Odd(Oddity::NoSchema)) => Outcome::Gone,
            _ => Outcome::Failed(failure),
        };
        self.settle(turn.tenant, outcome);
    }

    /// Another run was faster: what is left to do?
    async fn replan(&self, turn: Turn, tenant: &TenantName) {
        let Some(applied) = self.look_at(tenant, self.stop).await else {
            return self.settle(
                turn.tenant,
                Outcome::Unknown(Failure::of("another run works on it, and its versions could not be read".to_owned())),
            );
        };
        let state = &mut *self.state();
        let Some(entry) = state.entries.get_mut(turn.tenant) else { return };
        if matches!(applied, Applied::Odd(Oddity::NoSchema)) {
            entry.settle(Outcome::Gone);
        } else {
            entry.plan(applied, self.migrations, self.context.options);
        }
        if entry.settled {
            (state.on_report)(&entry.report);
        } else {
            state.queue.add(Turn { replans: turn.replans + 1, ..turn });
        }
    }

    /// psql did not come to an end of its own, while it worked on this tenant.
    async fn interrupted(&self, turn: Turn, error: PsqlError) {
        match &error {
            // Nothing was sent.
            PsqlError::Connect { .. } | PsqlError::Folder(_) | PsqlError::Program(_) | PsqlError::Random(_) => {
                self.state().queue.give_back(std::iter::once(turn));
                self.trouble(error).await;
            }
            PsqlError::Run(RunError::TimedOut { after, .. }) => {
                let failure = Failure::of(format!("took longer than {:?}", self.server.timeout.unwrap_or(*after)));
                self.settle(turn.tenant, Outcome::Unknown(failure));
            }
            _ => {
                let failure = Failure::of(error.to_string());
                self.settle(turn.tenant, Outcome::Unknown(failure));
                self.trouble(error).await;
            }
        }
    }

    /// The server or psql is in trouble: a pause when that may help, or the end of the run.
    async fn trouble(&self, error: PsqlError) {
        let may_pass = matches!(error, PsqlError::Connect { .. } | PsqlError::Lost { .. });
        let reconnects = {
            let state = &mut *self.state();
            state.reconnects += 1;
            state.reconnects
        };
        if self.stop.now().is_some() {
            self.halt(Halt::Stopped);
        } else if may_pass && reconnects <= RECONNECTS {
            let pause = self.options().retry_pause.saturating_mul(1 << reconnects.min(6));
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = self.stop.requested() => self.halt(Halt::Stopped),
            }
        } else {
            self.halt(Halt::Psql(error));
        }
    }

    /// What a tenant's versions table says now; `None` when it cannot be asked.
    async fn look_at(&self, tenant: &TenantName, stop: &Stop) -> Option<Applied> {
        let scope = Scope::Named(vec![tenant.clone()]);
        let fleet = read_fleet(self.server, &scope, self.options().versions_table.as_deref(), stop).await.ok()?;
        fleet.tenants.into_iter().next().map(|tenant| tenant.applied)
    }

    /// Waits until whatever still runs on the server for this tenant has ended: it holds the tenant's lock as long.
    async fn wait_for_end(&self, tenant: &TenantName, stop: &Stop) -> Option<()> {
        let sql = format!(
            "BEGIN;\nSET LOCAL lock_timeout = {};\n{};\nCOMMIT;\n",
            LAST_LOOK.as_millis(),
            crate::snapshot::lock(tenant)
        );
        self.server.run_script(&sql, &ScriptOptions::default(), stop).await.ok().map(drop)
    }

    /// Looks at the tenants whose end was not seen, also when the run was stopped: the versions table tells it truly.
    async fn look_again(&self) {
        let doubtful: Vec<(usize, TenantName)> = {
            let state = self.state();
            let entries = state.entries.iter().enumerate();
            let halted = state.halt.is_some();
            entries
                .filter(|(_, entry)| {
                    matches!(entry.report.outcome, Outcome::Unknown(_))
                        || (halted && !entry.settled && entry.report.elapsed > Duration::ZERO)
                })
                .map(|(index, entry)| (index, entry.report.tenant.clone()))
                .collect()
        };
        // A fresh wish: the one to stop was for the migrations.
        let unstopped = Stop::never();
        for (index, tenant) in doubtful {
            let look = async {
                self.wait_for_end(&tenant, &unstopped).await?;
                self.look_at(&tenant, &unstopped).await
            };
            let applied = tokio::time::timeout(LAST_LOOK, look).await.ok().flatten();
            let state = &mut *self.state();
            let Some(entry) = state.entries.get_mut(index) else { continue };
            match applied {
                Some(Applied::Odd(Oddity::NoSchema)) => entry.settle(Outcome::Gone),
                Some(Applied::Known(versions)) => {
                    let done = plan(&versions, self.migrations, self.context.options.strictness);
                    let open = done.pending.len();
                    while entry.pending.len() > open {
                        entry.applied_one();
                    }
                    match (&entry.report.outcome, entry.pending.is_empty()) {
                        (_, true) => entry.settle(Outcome::Migrated),
                        (Outcome::Unknown(failure), false) => {
                            let failure = failure.clone();
                            entry.settle(Outcome::Failed(failure));
                        }
                        _ => entry.settle(Outcome::Failed(Failure::of("the run was stopped".to_owned()))),
                    }
                }
                _ => {}
            }
            (state.on_report)(&entry.report);
        }
    }
}

/// Why a tenant is not in the script.
enum Unsent {
    Failed(Failure),
    Psql(PsqlError),
}
