//! Queries all tenants: chooses the next ones, sends their script, and reports their results.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::options::{QueryError, QueryOptions};
use super::output::OutputReader;
use super::report::{QueryReport, TenantQuery};
use crate::fleet::engine::{
    Batch, BatchTenants, CutCause, RunEnd, RunLimits, RunShare, Scheduler, Turn,
};
use crate::fleet::inventory::read_fleet;
use crate::pg::{PsqlError, ScriptOptions, Server, ServerMessage, SqlState, restrict_key};
use crate::process::{RunError, Shutdown};
use crate::sql::TenantName;
use crate::tenant::migrate::BUSY;
use crate::tenant::query::{
    GONE, Query, QueryAccess, QueryContext, QueryFailure, QueryOutcome, QueryPlace, QueryScript,
};
use crate::tenant::versions::{Applied, TenantProblem};
use crate::tenant::was_committed;

/// Maximum number of times that a tenant is tried again: it is locked, or its connection was lost.
const RETRIES: u32 = 5;
/// Maximum number of times that a tenant is tried again after a lost connection.
const LOSSES: u32 = 2;
/// The pause before the first retry. Each later one is twice as long.
const PAUSE: Duration = Duration::from_millis(500);

/// Runs a query in all tenants of the scope, each in a transaction of its own, and hands over each tenant's results as
/// soon as its transaction has ended. A read-only run ends early if `on_result` breaks.
///
/// With a `share`, this is one target of a run whose limits count, not those of the options.
///
/// # Errors
/// [`QueryError`] if the query was not run for any tenant. Everything else is in the report.
pub async fn query(
    server: &Server,
    query: &Query,
    options: &QueryOptions,
    share: Option<RunShare>,
    shutdown: &Shutdown,
    on_result: &mut (dyn FnMut(TenantQuery) -> ControlFlow<()> + Send),
) -> Result<QueryReport, QueryError> {
    let share = share.unwrap_or_else(|| {
        let limits = RunLimits::new(1, options.max_failures, 0);
        Arc::new(limits).share()
    });
    let fleet = read_fleet(server, &options.scope, None, shutdown).await?;
    let version = server.psql.version(&server.temporary, shutdown).await;
    let version = version.map_err(PsqlError::from)?;
    let key = restrict_key().map_err(QueryError::Random)?;
    let null = restrict_key().map_err(QueryError::Random)?;
    let context = QueryContext {
        query,
        typed: options.typed,
        role: options.role.as_deref(),
        statement_timeout: server.timeout.map(|timeout| timeout.as_millis().max(1)),
        search_path: &fleet.search_path,
        restrict: version.knows_restrict(),
        key: &key,
        null: &null,
    };
    let mut entries = Vec::with_capacity(fleet.tenants.len());
    let mut missing = Vec::new();
    for tenant in fleet.tenants {
        if matches!(tenant.applied, Applied::Odd(TenantProblem::NoSchema)) {
            missing.push(entries.len());
        }
        entries.push(QueryEntry {
            tenant: tenant.name,
            settled: false,
            elapsed: Duration::ZERO,
        });
    }
    let engine = QueryEngine {
        server,
        context: &context,
        shutdown,
        scheduler: Scheduler::new(share.limits(), PAUSE, shutdown),
        state: Mutex::new(QueryState {
            entries,
            report: QueryReport::default(),
            on_result,
        }),
    };
    for index in missing {
        engine.settle(index, QueryOutcome::Missing);
    }
    let batch = |turns| engine.batch(turns);
    let turns = engine.turns();
    engine
        .scheduler
        .run(turns, share, options.jobs, batch)
        .await;
    engine.end()
}

struct QueryEntry {
    tenant: TenantName,
    settled: bool,
    elapsed: Duration,
}

struct QueryState<'a> {
    entries: Vec<QueryEntry>,
    report: QueryReport,
    on_result: &'a mut (dyn FnMut(TenantQuery) -> ControlFlow<()> + Send),
}

struct QueryEngine<'a> {
    server: &'a Server,
    context: &'a QueryContext<'a>,
    shutdown: &'a Shutdown,
    scheduler: Scheduler<'a>,
    state: Mutex<QueryState<'a>>,
}

impl<'a> QueryEngine<'a> {
    /// Never held across an await.
    fn state(&self) -> MutexGuard<'_, QueryState<'a>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_read_only(&self) -> bool {
        self.context.query.access() == QueryAccess::ReadOnly
    }

    /// Returns a turn for each tenant that has no outcome yet.
    fn turns(&self) -> Vec<Turn> {
        let state = self.state();
        let open = state
            .entries
            .iter()
            .enumerate()
            .filter(|(_, entry)| !entry.settled);
        open.map(|(tenant, _)| Turn::new(tenant, false)).collect()
    }

    /// Runs some tenants through one psql.
    async fn batch(&self, turns: Vec<Turn>) {
        let mut script = QueryScript::new(self.context);
        let mut sent: Vec<Turn> = Vec::with_capacity(turns.len());
        for turn in turns {
            let tenant = self.tenant(turn.tenant);
            match tenant.map_or(Ok(()), |tenant| script.tenant(&tenant)) {
                Ok(()) => sent.push(turn),
                Err(error) => {
                    self.scheduler.end(RunEnd::Psql(PsqlError::Random(error)));
                    return;
                }
            }
        }
        let batch = Batch {
            server: self.server,
            script: script.text(),
            // User text is put between \restrict and \unrestrict statement by statement.
            options: ScriptOptions {
                restrict: false,
                ..ScriptOptions::default()
            },
            turns: sent,
        };
        let mut reader = OutputReader::new(&script, self.context.null);
        let read = |line: &[u8]| reader.line(line);
        let take = |tenant, results| {
            let outcome = match results {
                Ok(results) => QueryOutcome::Done(results),
                Err(failure) => QueryOutcome::Failed(self.after_the_end(failure)),
            };
            self.settle(tenant, outcome);
        };
        let Some(cut) = self.scheduler.run_batch(batch, self, read, take).await else {
            return;
        };
        let transaction = reader.transaction(cut.position);
        match cut.cause {
            CutCause::Refused(message) => {
                let place = message.script_line().and_then(|line| script.place(line));
                let place = place.filter(|place| place.tenant == cut.position);
                self.refused(&cut.turn, &message, place);
            }
            CutCause::Psql(error) => self.interrupted(cut.turn, error, transaction).await,
            CutCause::Silent => {
                self.interrupted(cut.turn, PsqlError::Unconfirmed, transaction)
                    .await;
            }
        }
    }

    /// Adds to a failure that came after the end of the transaction what became of that.
    fn after_the_end(&self, mut failure: QueryFailure) -> QueryFailure {
        if !self.is_read_only() {
            failure.message.push_str("; its changes were committed");
        }
        failure
    }

    /// Handles a refused statement, whose transaction was rolled back.
    fn refused(&self, turn: &Turn, message: &ServerMessage, place: Option<QueryPlace>) {
        let Some(tenant) = self.tenant(turn.tenant) else {
            return;
        };
        let state = message.sqlstate;
        if state == Some(GONE) {
            return self.settle(turn.tenant, QueryOutcome::Missing);
        }
        let may_pass = state == Some(BUSY) || state.is_some_and(|state| state.is_retryable());
        if may_pass && turn.retries < RETRIES && self.shutdown.signal().is_none() {
            return self.scheduler.postpone(turn);
        }
        let mut failure =
            QueryFailure::said(message, &tenant, place.and_then(|place| place.statement));
        if state == Some(SqlState::QUERY_CANCELED) && self.server.timeout.is_some() {
            "timeout".clone_into(&mut failure.id);
        }
        if state == Some(BUSY) {
            "query.busy".clone_into(&mut failure.id);
            failure.sqlstate = None;
        }
        self.settle(turn.tenant, QueryOutcome::Failed(failure));
    }

    /// Handles a psql that did not end by itself while it worked on this tenant.
    async fn interrupted(&self, turn: Turn, error: PsqlError, transaction: Option<u64>) {
        if !error.began() {
            self.scheduler.give_back(std::iter::once(turn));
            return self.scheduler.psql_failed(error).await;
        }
        let stopped = self.shutdown.signal().is_some();
        let timed_out = matches!(error, PsqlError::Run(RunError::TimedOut { .. }));
        let failure = if timed_out {
            let limit = self.server.timeout.unwrap_or_default();
            QueryFailure::new("timeout", format!("took longer than {limit:?}"))
        } else {
            QueryFailure::new(error.id(), error.to_string())
        };
        if self.is_read_only() {
            if stopped {
                // Nothing came of it. It is counted as not reached.
                return;
            }
            if timed_out || turn.retries >= LOSSES {
                self.settle(turn.tenant, QueryOutcome::Failed(failure));
            } else {
                self.scheduler.postpone(&turn);
            }
        } else {
            let outcome = self.ask(failure, &error, transaction).await;
            self.settle(turn.tenant, outcome);
        }
        if !timed_out {
            self.scheduler.psql_failed(error).await;
        }
    }

    /// Asks the server whether a transaction was committed whose answer is missing.
    async fn ask(
        &self,
        failure: QueryFailure,
        error: &PsqlError,
        transaction: Option<u64>,
    ) -> QueryOutcome {
        // Without its id the statements were not even sent.
        let Some(id) = transaction.filter(|_| error.is_ambiguous()) else {
            return QueryOutcome::Failed(failure);
        };
        match was_committed(self.server, id).await {
            Ok(Some(true)) => QueryOutcome::Failed(QueryFailure::new(
                "query.rows_lost",
                "it was committed, but its answer was lost",
            )),
            Ok(Some(false)) => QueryOutcome::Failed(failure),
            Ok(None) | Err(_) => QueryOutcome::Unknown(failure),
        }
    }

    fn tenant(&self, index: usize) -> Option<TenantName> {
        let state = self.state();
        state.entries.get(index).map(|entry| entry.tenant.clone())
    }

    fn settle(&self, index: usize, outcome: QueryOutcome) {
        let state = &mut *self.state();
        let Some(entry) = state.entries.get_mut(index).filter(|entry| !entry.settled) else {
            return;
        };
        entry.settled = true;
        state.report.count(&entry.tenant, &outcome);
        let is_good = matches!(outcome, QueryOutcome::Done(_));
        let result = TenantQuery {
            tenant: entry.tenant.clone(),
            outcome,
            elapsed: entry.elapsed,
        };
        let flow = (state.on_result)(result);
        if flow.is_break() && self.is_read_only() {
            self.scheduler.end(RunEnd::ReceiverGone);
        }
        if !is_good {
            self.scheduler.count_failure();
        }
    }

    /// Reports the tenants whose turn did not come.
    fn end(self) -> Result<QueryReport, QueryError> {
        let Self {
            scheduler, state, ..
        } = self;
        let QueryState {
            entries,
            mut report,
            on_result,
            ..
        } = state.into_inner().unwrap_or_else(PoisonError::into_inner);
        let begun = report.done + report.failed > 0;
        report.ended_early = scheduler.into_ended_early(begun)?;
        for entry in entries.into_iter().filter(|entry| !entry.settled) {
            report.count(&entry.tenant, &QueryOutcome::NotReached);
            let result = TenantQuery {
                tenant: entry.tenant,
                outcome: QueryOutcome::NotReached,
                elapsed: Duration::ZERO,
            };
            let _: ControlFlow<()> = on_result(result);
        }
        Ok(report)
    }
}

impl BatchTenants for QueryEngine<'_> {
    fn is_settled(&self, tenant: usize) -> bool {
        let state = self.state();
        state.entries.get(tenant).is_none_or(|entry| entry.settled)
    }

    fn add_elapsed(&self, tenant: usize, elapsed: Duration) {
        if let Some(entry) = self.state().entries.get_mut(tenant) {
            entry.elapsed += elapsed;
        }
    }
}
