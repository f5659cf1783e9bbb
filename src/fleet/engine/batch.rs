//! Many tenants through one psql, and the tenant at which it ended.

use std::time::{Duration, Instant};

use super::queue::Turn;
use super::scheduler::Scheduler;
use crate::pg::{PsqlError, ScriptOptions, Server, ServerMessage};

/// Tenants whose parts of one script follow each other.
pub(in crate::fleet) struct Batch<'a> {
    pub(in crate::fleet) server: &'a Server,
    pub(in crate::fleet) script: &'a str,
    pub(in crate::fleet) options: ScriptOptions,
    /// The tenants, in the order of the script.
    pub(in crate::fleet) turns: Vec<Turn>,
}

/// The tenants of a run, as far as a batch must know them.
pub(in crate::fleet) trait BatchTenants: Sync {
    /// Returns `true` if the tenant has its outcome.
    fn is_settled(&self, tenant: usize) -> bool;

    /// Adds time that was spent on the tenant.
    fn add_elapsed(&self, tenant: usize, elapsed: Duration);
}

/// The tenant at which psql ended before the end of its script. Those before it have their outcome,
/// and those behind it were not begun and are given back.
pub(in crate::fleet) struct CutShort {
    /// Position in the batch.
    pub(in crate::fleet) position: usize,
    pub(in crate::fleet) turn: Turn,
    pub(in crate::fleet) cause: CutCause,
}

/// The reason why a tenant of a batch has no outcome.
pub(in crate::fleet) enum CutCause {
    /// The server refused a statement, and the transaction was rolled back.
    Refused(Box<ServerMessage>),
    /// psql did not end by itself.
    Psql(PsqlError),
    /// psql came to the end of its script, but a line of this tenant is missing.
    Silent,
}

impl Scheduler<'_> {
    /// Runs the script of a batch. `read` gets each line of its output, and returns the position of a
    /// tenant with an answer of its own, which `take` gets with the tenant's index.
    pub(in crate::fleet) async fn run_batch<A>(
        &self,
        batch: Batch<'_>,
        tenants: &impl BatchTenants,
        mut read: impl FnMut(&[u8]) -> Option<(usize, A)> + Send,
        mut take: impl FnMut(usize, A) + Send,
    ) -> Option<CutShort> {
        let mut turns = batch.turns;
        let mut server = batch.server.clone();
        let share = u32::try_from(turns.len()).unwrap_or(u32::MAX);
        // `--timeout` is for each tenant, and one psql works on all of them in turn.
        server.timeout = server.timeout.map(|timeout| timeout.saturating_mul(share));
        let mut last = Instant::now();
        let ran = server
            .run_script_each(batch.script, &batch.options, self.shutdown(), |line| {
                let Some((position, answer)) = read(line) else {
                    return;
                };
                let Some(turn) = turns.get(position) else {
                    return;
                };
                let now = Instant::now();
                tenants.add_elapsed(turn.tenant, now - last);
                last = now;
                take(turn.tenant, answer);
            })
            .await;
        let is_open = |turn: &Turn| !tenants.is_settled(turn.tenant);
        let Some(position) = turns.iter().position(is_open) else {
            self.psql_worked();
            return None;
        };
        // psql stops at the first error (ON_ERROR_STOP), so nothing of those behind was sent.
        let behind = turns.split_off(position + 1);
        self.give_back(behind.into_iter());
        let turn = turns.pop()?;
        tenants.add_elapsed(turn.tenant, last.elapsed());
        let cause = match ran {
            Err(PsqlError::Script { message, .. }) => {
                self.psql_worked();
                CutCause::Refused(message)
            }
            Err(error) => CutCause::Psql(error),
            Ok(_) => CutCause::Silent,
        };
        Some(CutShort {
            position,
            turn,
            cause,
        })
    }
}
