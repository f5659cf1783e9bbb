//! The hashes of many schemas, read by several workers.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::verification::VerifyOptions;
use crate::fleet::engine::{RunLimits, WorkerPermit};
use crate::fleet::join::join_all;
use crate::fleet::progress::WorkObserver;
use crate::pg::{PsqlError, Server};
use crate::process::Shutdown;
use crate::sql::TenantName;
use crate::tenant::compare::hashes;

/// Maximum number of times that hashes are read again because a tenant was dropped meanwhile.
const ATTEMPTS: usize = 3;

/// Number of parts that each of several workers gets, so that none waits long for the others.
const PARTS_PER_WORKER: usize = 4;

/// Smallest number of tenants of a part: one psql reads them.
const LEAST_PART: usize = 100;

/// Pause before a further worker asks again for its right to work.
const ASK_AGAIN: Duration = Duration::from_millis(50);

/// Tenants by their hash.
pub(super) type ByHash = HashMap<String, Vec<TenantName>>;

/// The surroundings of a run that reads hashes.
pub(super) struct Hashing<'a> {
    pub(super) server: &'a Server,
    pub(super) major: u32,
    pub(super) options: &'a VerifyOptions,
    pub(super) limits: &'a RunLimits,
    pub(super) observer: &'a dyn WorkObserver,
    pub(super) shutdown: &'a Shutdown,
}

/// The parts that no worker has taken.
struct Parts<'a>(Mutex<VecDeque<&'a [TenantName]>>);

impl<'a> Parts<'a> {
    /// Never held across an await.
    fn open(&self) -> MutexGuard<'_, VecDeque<&'a [TenantName]>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hashing<'_> {
    /// Returns the tenants by their hash; those without objects have none. The caller has the right of the first worker.
    pub(super) async fn read(&self, tenants: &[TenantName]) -> Result<ByHash, PsqlError> {
        let jobs = self.options.jobs.max(1);
        let part = match jobs {
            1 => tenants.len(),
            several => tenants
                .len()
                .div_ceil(several * PARTS_PER_WORKER)
                .max(LEAST_PART),
        };
        self.observer.planned(tenants.len());
        let parts = Parts(Mutex::new(tenants.chunks(part.max(1)).collect()));
        let workers = jobs.min(parts.open().len());
        let workers = (0..workers).map(|worker| self.work(worker == 0, &parts));
        let mut all = ByHash::new();
        for found in join_all(workers).await {
            for (hash, tenants) in found? {
                all.entry(hash).or_default().extend(tenants);
            }
        }
        Ok(all)
    }

    /// Reads parts until none is left.
    async fn work(&self, is_first: bool, parts: &Parts<'_>) -> Result<ByHash, PsqlError> {
        let mut all = ByHash::new();
        let permit = if is_first {
            None
        } else {
            self.permit(parts).await
        };
        if !is_first && permit.is_none() {
            return Ok(all);
        }
        loop {
            let Some(part) = parts.open().pop_front() else {
                return Ok(all);
            };
            match self.read_part(part).await {
                Ok(found) => {
                    for (hash, tenants) in found {
                        all.entry(hash).or_default().extend(tenants);
                    }
                }
                Err(error) => {
                    // Nothing that the others would read counts.
                    parts.open().clear();
                    return Err(error);
                }
            }
        }
    }

    /// Waits for the right of one more worker. Returns `None` if all parts are taken.
    async fn permit(&self, parts: &Parts<'_>) -> Option<WorkerPermit> {
        while !parts.open().is_empty() {
            if let Some(permit) = self.limits.try_worker() {
                return Some(permit);
            }
            tokio::time::sleep(ASK_AGAIN).await;
        }
        None
    }

    async fn read_part(&self, tenants: &[TenantName]) -> Result<ByHash, PsqlError> {
        let schemas: Vec<&str> = tenants.iter().map(TenantName::as_str).collect();
        let sql = hashes(&schemas, self.major, &self.options.aspects);
        let mut attempt = 1;
        loop {
            let mut by_hash = ByHash::new();
            let mut lines = 0;
            let read = self
                .server
                .query_json_each(&sql, self.shutdown, |line| {
                    let Ok((schema, hash)) = serde_json::from_value::<(String, String)>(line)
                    else {
                        return;
                    };
                    if let Ok(tenant) = TenantName::for_own_schema(schema) {
                        by_hash.entry(hash).or_default().push(tenant);
                        lines += 1;
                        self.observer.done(1);
                    }
                })
                .await;
            match read {
                Ok(()) => {
                    // Those without objects have no line.
                    self.observer.done(tenants.len().saturating_sub(lines));
                    return Ok(by_hash);
                }
                // The schema was dropped while the server read it.
                Err(PsqlError::Script { message, .. })
                    if attempt < ATTEMPTS && message.message.contains("cache lookup failed") =>
                {
                    self.observer.withdrawn(0, lines);
                    attempt += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }
}
