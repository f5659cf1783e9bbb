//! The pool, kept full beside the claims.

use std::sync::Arc;

use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::servers::Provisioners;
use crate::cli::session::Session;
use crate::process::Stop;
use crate::tenant::Provisioner;
use crate::tenant::pool::{RefillError, refill};

/// Brings the pool back to its size whenever a spare was claimed, beside the work.
pub(super) struct KeepFull {
    claimed: Arc<Notify>,
    last: Arc<Notify>,
    task: JoinHandle<Option<RefillError>>,
}

impl KeepFull {
    pub(super) fn start(provisioner: Provisioner, size: usize, stop: Stop) -> Self {
        let (claimed, last) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        // Once at the beginning: who streams wants spares from the first name on.
        claimed.notify_one();
        let task = tokio::spawn({
            let (claimed, last) = (Arc::clone(&claimed), Arc::clone(&last));
            async move {
                let mut session = provisioner.session();
                let mut failed = None;
                loop {
                    let ends = tokio::select! {
                        biased;
                        () = claimed.notified() => false,
                        () = last.notified() => true,
                        _ = stop.requested() => break,
                    };
                    if ends {
                        break;
                    }
                    if let Err(error) = refill(&provisioner, &mut session, size, &stop).await {
                        // Tenants are created from the snapshot then; what is wrong is said once.
                        failed.get_or_insert(error);
                    }
                }
                session.close().await;
                failed
            }
        });
        Self { claimed, last, task }
    }

    /// A spare was claimed.
    pub(super) fn claimed(&self) {
        self.claimed.notify_one();
    }

    /// Waits until the pool is full, and says what went wrong.
    pub(super) async fn end(self, session: &Session) {
        self.last.notify_one();
        if let Ok(Some(error)) = self.task.await {
            say(session, &error);
        }
    }
}

/// Brings all pools back to their size.
pub(super) async fn refill_all(session: &Session, servers: &Provisioners, size: Option<usize>) {
    let Some(size) = size else { return };
    // Citus has no pool.
    for target in servers.targets.iter().filter(|target| !target.provisioner.options().render.citus) {
        let mut psql = target.provisioner.session();
        match refill(&target.provisioner, &mut psql, size, &session.stop).await {
            Ok(made) => tracing::info!(made, target = target.name, "the pool is full again"),
            Err(error) => say(session, &error),
        }
        psql.close().await;
    }
}

fn say(session: &Session, error: &RefillError) {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(beneath) = source {
        text.push_str(": ");
        text.push_str(&beneath.to_string());
        source = beneath.source();
    }
    session.output.warning(&format!("the pool was not filled: {text}"));
}
