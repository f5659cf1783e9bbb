//! Before the first tenant: what the servers have room for, and the first workers.

use std::sync::Arc;

use super::budget::{ServerCapacity, locks_of};
use super::engine::{Bulk, FIRST, WorkerEvent};
use super::growth::WorkerScaling;
use super::target::TargetState;
use crate::pg::{PsqlError, PsqlSession};
use crate::process::{Shutdown, Signal};
use crate::tenant::{ProvisionError, Retries};

/// The most workers that a server gets unasked.
const MOST: usize = 32;

impl Bulk {
    /// Asks the servers what they have room for, and connects the first workers.
    ///
    /// A server that cannot be reached fails its tenants later on; where there are several, it is asked again beside the work
    /// of the others, as its [`Retries`] say, and its tenants wait for that. With [`ProvisionError::Budget`], which says that
    /// not even one tenant fits, the run is not to be begun.
    pub async fn prepare(
        &mut self,
        shutdown: &Shutdown,
    ) -> Vec<Result<ServerCapacity, ProvisionError>> {
        for (index, working) in self.targets.iter().enumerate() {
            let (mut session, place, shutdown) = (
                working.target.provisioner.session(),
                working.place(),
                shutdown.clone(),
            );
            let mut retries = working.target.provisioner.options().retries;
            // Where there are several, those that are reached do not wait for one that is not.
            if self.targets.len() > 1 {
                retries.attempts = 1;
            }
            self.tasks.spawn(async move {
                let room = measure_capacity(&mut session, &place, retries, &shutdown).await;
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

    /// Goes on asking a server that could not be reached, beside the work of the others.
    fn ask_on(&mut self, index: usize, mut session: PsqlSession, error: &str, shutdown: &Shutdown) {
        let Some(working) = self.targets.get_mut(index) else {
            return;
        };
        let (place, shutdown) = (working.place(), shutdown.clone());
        let Retries { attempts, pause } = working.target.provisioner.options().retries;
        tracing::warn!(reason = %error, "{place}: trying again");
        working.asking = Some(self.tasks.spawn(async move {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = shutdown.requested() => {}
            }
            let retries = Retries {
                attempts: attempts - 1,
                pause: pause * 2,
            };
            let room = measure_capacity(&mut session, &place, retries, &shutdown).await;
            WorkerEvent::Asked(index, session, room)
        }));
    }

    /// A server that could not be reached at first has answered, or does not.
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

/// Sets the number of workers of a server by what it has room for.
fn asked_of(
    working: &mut TargetState,
    jobs: Option<usize>,
    notes: &mut Vec<String>,
    session: PsqlSession,
    asked: Result<ServerCapacity, PsqlError>,
) -> Result<ServerCapacity, ProvisionError> {
    let room = match asked {
        Ok(room) => room,
        // It is reached and does not tell: a pooler, or something that is no PostgreSQL to the letter.
        Err(error @ (PsqlError::Script { .. } | PsqlError::Output { .. })) => {
            notes.push(format!(
                "what {} has room for is not known: {error}",
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
    let locks = locks_of(working.target.provisioner.snapshot());
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

/// What a server has room for. It is asked again as a tenant is tried again: one that starts up has its tenants wait for it.
async fn measure_capacity(
    session: &mut PsqlSession,
    place: &str,
    retries: Retries,
    shutdown: &Shutdown,
) -> Result<ServerCapacity, PsqlError> {
    let mut pause = retries.pause;
    for _ in 1..retries.attempts {
        match ServerCapacity::query(session, shutdown).await {
            Err(error) if error.is_transient() => {
                tracing::warn!(reason = %error, "{place}: trying again");
            }
            asked => return asked,
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = shutdown.requested() => break,
        }
        pause *= 2;
    }
    ServerCapacity::query(session, shutdown).await
}
