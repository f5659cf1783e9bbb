//! Keeps the pool full during a run of claims.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::refill::{RefillError, refill};
use crate::process::Shutdown;
use crate::tenant::Provisioner;

/// Pause after a failed refill.
const PAUSE: Duration = Duration::from_secs(5);

/// Refills the pool in the background after each tenant.
#[derive(Debug)]
pub struct PoolRefiller {
    made: Arc<Notify>,
    last: Arc<Notify>,
    task: JoinHandle<()>,
}

impl PoolRefiller {
    /// Starts to keep a pool at `size` spares. `on_failure` hears of the first of several failures.
    ///
    /// Must be called within a tokio runtime.
    pub fn start(
        provisioner: Provisioner,
        size: usize,
        on_failure: impl FnMut(&RefillError) + Send + 'static,
        shutdown: Shutdown,
    ) -> Self {
        let made = Arc::new(Notify::new());
        let last = Arc::new(Notify::new());
        // Fill once at the beginning, so that the first name finds a spare.
        made.notify_one();
        let task = tokio::spawn(keep(
            provisioner,
            size,
            on_failure,
            shutdown,
            (Arc::clone(&made), Arc::clone(&last)),
        ));
        Self { made, last, task }
    }

    /// Notifies the task that a tenant was created, with or without a spare.
    pub fn made(&self) {
        self.made.notify_one();
    }

    /// Waits until the pool is full.
    pub async fn end(self) {
        self.last.notify_one();
        // The task fails only by a panic, which was printed.
        drop(self.task.await);
    }
}

/// Refills the pool on each notification, and again a while after a failure, until the last one.
async fn keep(
    provisioner: Provisioner,
    size: usize,
    mut on_failure: impl FnMut(&RefillError) + Send,
    shutdown: Shutdown,
    (made, last): (Arc<Notify>, Arc<Notify>),
) {
    let mut session = provisioner.session();
    let mut failed = false;
    let mut said = false;
    loop {
        tokio::select! {
            // The last notification may come together with one of a tenant, whose spare is still to be made.
            biased;
            () = made.notified() => {}
            () = last.notified() => break,
            () = tokio::time::sleep(PAUSE), if failed => {}
            _ = shutdown.requested() => break,
        }
        match refill(&provisioner, &mut session, size, &shutdown).await {
            Ok(_) => (failed, said) = (false, false),
            Err(_) if shutdown.signal().is_some() => break,
            Err(error) => {
                failed = true;
                // Warn only of the first of several failures: tenants are created from the snapshot
                // meanwhile.
                if !std::mem::replace(&mut said, true) {
                    on_failure(&error);
                }
            }
        }
    }
    session.close().await;
}
