//! Keeps the pool full during a run of claims.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::servers::Provisioners;
use crate::cli::output::Output;
use crate::cli::session::Session;
use crate::fleet::bulk::BulkTarget;
use crate::fleet::pool::{RefillError, refill};
use crate::process::Shutdown;

/// Pause after a failed refill.
const PAUSE: Duration = Duration::from_secs(5);

/// Refills the pool in the background after each tenant.
pub(super) struct PoolRefiller {
    made: Arc<Notify>,
    last: Arc<Notify>,
    task: JoinHandle<()>,
}

impl PoolRefiller {
    pub(super) fn start(
        target: BulkTarget,
        size: usize,
        output: Output,
        shutdown: Shutdown,
    ) -> Self {
        let (made, last) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        // Fill once at the beginning, so that the first name finds a spare.
        made.notify_one();
        let task = tokio::spawn(keep(
            target,
            size,
            output,
            shutdown,
            (Arc::clone(&made), Arc::clone(&last)),
        ));
        Self { made, last, task }
    }

    /// Notifies the task that a tenant was created, with or without a spare.
    pub(super) fn made(&self) {
        self.made.notify_one();
    }

    /// Waits until the pool is full.
    pub(super) async fn end(self) {
        self.last.notify_one();
        // The task fails only by a panic, which was printed.
        drop(self.task.await);
    }
}

/// Refills the pool on each notification, and again a while after a failure, until the last one.
async fn keep(
    target: BulkTarget,
    size: usize,
    output: Output,
    shutdown: Shutdown,
    (made, last): (Arc<Notify>, Arc<Notify>),
) {
    let mut session = target.provisioner.session();
    let (mut failed, mut said) = (false, false);
    loop {
        tokio::select! {
            biased;
            () = made.notified() => {}
            () = last.notified() => break,
            () = tokio::time::sleep(PAUSE), if failed => {}
            _ = shutdown.requested() => break,
        }
        match refill(&target.provisioner, &mut session, size, &shutdown).await {
            Ok(_) => (failed, said) = (false, false),
            Err(_) if shutdown.signal().is_some() => break,
            Err(error) => {
                failed = true;
                // Warn only of the first of several failures: tenants are created from the snapshot
                // meanwhile.
                if !std::mem::replace(&mut said, true) {
                    say(output, &target.name, &error);
                }
            }
        }
    }
    session.close().await;
}

/// Refills all pools.
pub(super) async fn refill_all(session: &Session, servers: &Provisioners, size: Option<usize>) {
    let Some(size) = size else { return };
    // The pool does not support Citus.
    for target in servers
        .targets
        .iter()
        .filter(|target| !target.provisioner.options().render.citus)
    {
        let mut psql = target.provisioner.session();
        match refill(&target.provisioner, &mut psql, size, &session.shutdown).await {
            Ok(made) => tracing::info!(made, target = target.name, "the pool is full again"),
            Err(error) => say(session.output, &target.name, &error),
        }
        psql.close().await;
    }
}

fn say(output: Output, target: &str, error: &RefillError) {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(beneath) = source {
        text.push_str(": ");
        text.push_str(&beneath.to_string());
        source = beneath.source();
    }
    let place = if target.is_empty() {
        String::new()
    } else {
        format!("target '{target}': ")
    };
    output.warning(&format!("{place}cannot refill the pool: {text}"));
}
