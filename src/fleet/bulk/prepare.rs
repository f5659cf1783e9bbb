//! Before the first tenant: what the servers have room for, and the first workers.

use std::sync::Arc;

use super::budget::{Room, locks_of};
use super::engine::{Bulk, FIRST, Task};
use super::growth::Growth;
use super::target::Working;
use crate::pg::{PsqlError, PsqlSession};
use crate::process::{Signal, Stop};
use crate::tenant::{ProvisionError, Retries};

/// The most workers that a server gets unasked.
const MOST: usize = 32;

impl Bulk {
    /// Asks the servers what they have room for, and connects the first workers.
    ///
    /// A server that cannot be reached fails its tenants later on; where there are several, it is asked again beside the work
    /// of the others, as its [`Retries`] say, and its tenants wait for that. With [`ProvisionError::Budget`], which says that
    /// not even one tenant fits, the run is not to be begun.
    pub async fn prepare(&mut self, stop: &Stop) -> Vec<Result<Room, ProvisionError>> {
        for (index, working) in self.targets.iter().enumerate() {
            let (mut session, place, stop) = (
                working.target.provisioner.session(),
                working.place(),
                stop.clone(),
            );
            let mut retries = working.target.provisioner.options().retries;
            // Where there are several, those that are reached do not wait for one that is not.
            if self.targets.len() > 1 {
                retries.attempts = 1;
            }
            self.tasks.spawn(async move {
                let room = room(&mut session, &place, retries, &stop).await;
                Task::Asked(index, session, room)
            });
        }
        let mut rooms: Vec<_> = self.targets.iter().map(|_| None).collect();
        let several = self.targets.len() > 1;
        let mut absent = Vec::new();
        while let Some(task) = self.tasks.join_next().await {
            let Ok(Task::Asked(index, session, asked)) = task else {
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
            self.ask_on(index, session, &error, stop);
        }
        if self.options.warm {
            for index in 0..self.targets.len() {
                self.staff(index, stop);
            }
        }
        let lost = || {
            Err(ProvisionError::Interrupted {
                signal: stop.now().unwrap_or(Signal::TERMINATE),
            })
        };
        rooms
            .into_iter()
            .map(|room| room.unwrap_or_else(lost))
            .collect()
    }

    /// Goes on asking a server that could not be reached, beside the work of the others.
    fn ask_on(&mut self, index: usize, mut session: PsqlSession, error: &str, stop: &Stop) {
        let Some(working) = self.targets.get_mut(index) else {
            return;
        };
        let (place, stop) = (working.place(), stop.clone());
        let Retries { attempts, pause } = working.target.provisioner.options().retries;
        tracing::warn!(reason = %error, "{place}: trying again");
        working.asking = Some(self.tasks.spawn(async move {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = stop.requested() => {}
            }
            let retries = Retries {
                attempts: attempts - 1,
                pause: pause * 2,
            };
            let room = room(&mut session, &place, retries, &stop).await;
            Task::Asked(index, session, room)
        }));
    }

    /// A server that could not be reached at first has answered, or does not.
    pub(super) fn asked(
        &mut self,
        index: usize,
        session: PsqlSession,
        asked: Result<Room, PsqlError>,
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
    working: &mut Working,
    jobs: Option<usize>,
    notes: &mut Vec<String>,
    session: PsqlSession,
    asked: Result<Room, PsqlError>,
) -> Result<Room, ProvisionError> {
    let room = match asked {
        Ok(room) => room,
        // It is reached and does not tell: a pooler, or something that is no PostgreSQL to the letter.
        Err(error @ (PsqlError::Script { .. } | PsqlError::Output { .. })) => {
            notes.push(format!(
                "what {} has room for is not known: {error}",
                working.place()
            ));
            working.growth = Growth::fixed(jobs.unwrap_or(FIRST));
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
        Some(_) => Growth::fixed(budget.workers),
        None => Growth::measured(FIRST, budget.workers),
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
async fn room(
    session: &mut PsqlSession,
    place: &str,
    retries: Retries,
    stop: &Stop,
) -> Result<Room, PsqlError> {
    let mut pause = retries.pause;
    for _ in 1..retries.attempts {
        match Room::of(session, stop).await {
            Err(error) if error.is_transient() => {
                tracing::warn!(reason = %error, "{place}: trying again");
            }
            asked => return asked,
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stop.requested() => break,
        }
        pause *= 2;
    }
    Room::of(session, stop).await
}
