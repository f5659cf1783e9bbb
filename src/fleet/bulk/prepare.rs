//! Prepares a run: the capacity of the servers, and the first workers.

use std::sync::Arc;

use super::budget::{ServerCapacity, locks_of};
use super::engine::{Bulk, FIRST, WorkerEvent};
use super::growth::WorkerScaling;
use super::target::TargetState;
use crate::pg::{PsqlError, PsqlSession};
use crate::process::{Backoff, Shutdown, Signal};
use crate::tenant::{ProvisionError, Provisioner, Retries};

/// Maximum number of workers of a server without `--jobs`.
const MOST: usize = 32;

impl Bulk {
    /// Queries the servers' capacities, and connects the first workers.
    ///
    /// If a server cannot be reached, its tenants fail later on. If there are several servers, it
    /// is retried while the others work, as its [`Retries`] say, and its tenants wait for that.
    /// With [`ProvisionError::Budget`], not even one tenant fits, and the run must not begin.
    pub async fn prepare(
        &mut self,
        shutdown: &Shutdown,
    ) -> Vec<Result<ServerCapacity, ProvisionError>> {
        for (index, working) in self.targets.iter().enumerate() {
            let inquiry = Inquiry::new(working, self.options.jobs, shutdown);
            let mut session = working.target.provisioner.session();
            let mut retries = working.target.provisioner.options().retries;
            // With several servers, those that are reached do not wait for the others.
            if self.targets.len() > 1 {
                retries.attempts = 1;
            }
            self.tasks.spawn(async move {
                let room = inquiry.run(&mut session, retries).await;
                WorkerEvent::Asked(index, session, room)
            });
        }
        let mut rooms: Vec<_> = self.targets.iter().map(|_| None).collect();
        let several = self.targets.len() > 1;
        let mut absent = Vec::new();
        while let Some(task) = self.tasks.join_next().await {
            let Ok(WorkerEvent::Asked(index, session, asked)) = task else {
                continue;
            };
            let (Some(working), Some(place)) = (self.targets.get_mut(index), rooms.get_mut(index))
            else {
                continue;
            };
            let tries_left = working.target.provisioner.options().retries.attempts > 1;
            *place = Some(match asked {
                Err(error) if several && tries_left && error.is_transient() => {
                    absent.push((index, session, error.to_string()));
                    Err(ProvisionError::Connect(Arc::new(error)))
                }
                asked => asked_of(working, self.options.jobs, &mut self.notes, session, asked),
            });
        }
        for (index, session, error) in absent {
            self.ask_on(index, session, &error, shutdown);
        }
        if self.options.warm {
            for index in 0..self.targets.len() {
                self.staff(index, shutdown);
            }
        }
        let lost = || {
            Err(ProvisionError::Interrupted {
                signal: shutdown.signal().unwrap_or(Signal::TERMINATE),
            })
        };
        rooms
            .into_iter()
            .map(|room| room.unwrap_or_else(lost))
            .collect()
    }

    /// Keeps asking a server that could not be reached, while the others work.
    fn ask_on(&mut self, index: usize, mut session: PsqlSession, error: &str, shutdown: &Shutdown) {
        let Some(working) = self.targets.get_mut(index) else {
            return;
        };
        let inquiry = Inquiry::new(working, self.options.jobs, shutdown);
        let place = working.place();
        let retries = working.target.provisioner.options().retries;
        tracing::warn!(reason = %error, "{place}: retrying");
        working.asking = Some(self.tasks.spawn(async move {
            // A shutdown ends the pause, and then the question.
            let backoff = Backoff::new(retries.pause);
            let _: Result<(), Signal> = backoff.wait(0, &inquiry.shutdown).await;
            let retries = Retries {
                attempts: retries.attempts - 1,
                pause: retries.pause * 2,
            };
            let room = inquiry.run(&mut session, retries).await;
            WorkerEvent::Asked(index, session, room)
        }));
    }

    /// Handles the late answer of a server that could not be reached at first.
    pub(super) fn asked(
        &mut self,
        index: usize,
        session: PsqlSession,
        asked: Result<ServerCapacity, PsqlError>,
    ) {
        let Some(working) = self.targets.get_mut(index) else {
            return;
        };
        working.asking = None;
        if let Err(ProvisionError::Budget(unfit)) =
            asked_of(working, self.options.jobs, &mut self.notes, session, asked)
        {
            working.unfit = Some(unfit);
        }
    }
}

/// Sets the number of workers of a server from its capacity.
fn asked_of(
    working: &mut TargetState,
    jobs: Option<usize>,
    notes: &mut Vec<String>,
    session: PsqlSession,
    asked: Result<ServerCapacity, PsqlError>,
) -> Result<ServerCapacity, ProvisionError> {
    let room = match asked {
        Ok(room) => room,
        // The server is reachable but does not answer the query: it is a pooler, or not quite
        // PostgreSQL.
        Err(error @ (PsqlError::Script { .. } | PsqlError::Output { .. })) => {
            notes.push(format!(
                "the capacity of {} is unknown: {error}",
                working.place()
            ));
            working.growth = WorkerScaling::fixed(jobs.unwrap_or(FIRST));
            working.idle.push(session);
            return Err(ProvisionError::Run(Box::new(error)));
        }
        Err(error) => {
            let error = Arc::new(error);
            working.goes_down(Arc::clone(&error));
            return Err(ProvisionError::Connect(error));
        }
    };
    working.idle.push(session);
    working.peak = 1;
    let estimate = || locks_of(working.target.provisioner.snapshot());
    let locks = room.tenant_locks.unwrap_or_else(estimate);
    let budget = room
        .budget(locks, jobs, MOST)
        .map_err(ProvisionError::Budget)?;
    working.growth = match jobs {
        Some(_) => WorkerScaling::fixed(budget.workers),
        None => WorkerScaling::measured(FIRST, budget.workers),
    };
    if let (Some(because), Some(wanted)) = (budget.because, jobs) {
        notes.push(format!(
            "{}: {} workers instead of {wanted}: {because}",
            working.place(),
            budget.workers
        ));
    }
    Ok(room)
}

/// Query for the capacity of a server.
struct Inquiry {
    provisioner: Provisioner,
    place: String,
    jobs: Option<usize>,
    shutdown: Shutdown,
}

impl Inquiry {
    fn new(working: &TargetState, jobs: Option<usize>, shutdown: &Shutdown) -> Self {
        Self {
            provisioner: working.target.provisioner.clone(),
            place: working.place(),
            jobs,
            shutdown: shutdown.clone(),
        }
    }

    /// Queries the capacity, and measures what a tenant takes of it.
    async fn run(
        &self,
        session: &mut PsqlSession,
        retries: Retries,
    ) -> Result<ServerCapacity, PsqlError> {
        let mut capacity = self.query_capacity(session, retries).await?;
        capacity
            .measure_tenant(&self.provisioner, session, self.jobs, MOST, &self.shutdown)
            .await;
        Ok(capacity)
    }

    /// Queries the capacity. The query is retried as a tenant is, so that tenants wait for a server
    /// that is starting up.
    async fn query_capacity(
        &self,
        session: &mut PsqlSession,
        retries: Retries,
    ) -> Result<ServerCapacity, PsqlError> {
        let Self {
            place, shutdown, ..
        } = self;
        let backoff = Backoff::new(retries.pause);
        for failures in 0..retries.attempts.saturating_sub(1) {
            match ServerCapacity::query(session, shutdown).await {
                Err(error) if error.is_transient() => {
                    tracing::warn!(reason = %error, "{place}: retrying");
                }
                asked => return asked,
            }
            if backoff.wait(failures, shutdown).await.is_err() {
                break;
            }
        }
        ServerCapacity::query(session, shutdown).await
    }
}
