//! The request to end a run, shared by everything that works on it.

use std::io;
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::Signal;
use super::disposition::is_ignored;

/// A request to end the run. Clones share one state: what one of them requests, all of them see.
///
/// Each further request (Ctrl-C pressed twice) makes [`run`](super::run()) send the next, harder
/// signal at once instead of waiting for the grace period.
#[derive(Clone, Debug)]
pub struct Shutdown {
    state: Arc<watch::Sender<ShutdownState>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct ShutdownState {
    signal: Option<Signal>,
    requests: usize,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self::new()
    }
}

impl Shutdown {
    /// Creates a handle that only [`request`](Self::request) triggers; no signal handler is installed.
    pub fn new() -> Self {
        Self {
            state: Arc::new(watch::Sender::new(ShutdownState::default())),
        }
    }

    /// Creates a handle that SIGINT, SIGTERM and SIGHUP trigger, but for those that this process was started with ignored.
    ///
    /// A thread of its own receives them, so that they count also while the caller's runtime is busy.
    ///
    /// # Errors
    /// The operating system refuses the handlers or the thread.
    pub fn on_signals() -> io::Result<Self> {
        let shutdown = Self::new();
        let (sender, ready) = std::sync::mpsc::channel();
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn({
                let shutdown = shutdown.clone();
                move || {
                    let runtime = tokio::runtime::Builder::new_current_thread()
                        .enable_all()
                        .build();
                    let listened = runtime.and_then(|runtime| {
                        runtime.block_on(async {
                            let tasks = listen(&shutdown)?;
                            // Who asked has gone when nobody takes it.
                            drop(sender.send(Ok(())));
                            for task in tasks {
                                drop(task.await);
                            }
                            Ok(())
                        })
                    });
                    if let Err(error) = listened {
                        drop(sender.send(Err(error)));
                    }
                }
            })?;
        ready
            .recv()
            .unwrap_or_else(|_| Err(io::ErrorKind::NotConnected.into()))?;
        Ok(shutdown)
    }

    /// Creates a handle that a token triggers, as SIGTERM would. Must be called within a tokio runtime.
    #[cfg(feature = "tokio-util")]
    pub fn from_token(token: tokio_util::sync::CancellationToken) -> Self {
        let shutdown = Self::new();
        let handle = shutdown.clone();
        tokio::spawn(async move {
            token.cancelled().await;
            handle.request(Signal::TERMINATE);
        });
        shutdown
    }

    /// Requests the end of the run, as if `signal` had been received.
    pub fn request(&self, signal: Signal) {
        self.state.send_modify(|state| {
            state.signal.get_or_insert(signal);
            state.requests += 1;
        });
    }

    /// Returns the signal of the first request, or `None` while the run may go on.
    pub fn signal(&self) -> Option<Signal> {
        self.state.borrow().signal
    }

    /// Waits for the first request and returns its signal. Cancel safe.
    pub async fn requested(&self) -> Signal {
        self.requested_more_than(0).await
    }

    /// Returns the number of requests so far.
    pub(super) fn request_count(&self) -> usize {
        self.state.borrow().requests
    }

    /// Waits until there have been more than `count` requests. Cancel safe.
    pub(super) async fn requested_more_than(&self, count: usize) -> Signal {
        let mut changes = self.state.subscribe();
        loop {
            let state = *changes.borrow_and_update();
            if let Some(signal) = state.signal.filter(|_| state.requests > count) {
                return signal;
            }
            if changes.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

/// Makes each signal a request, as long as the runtime lives.
fn listen(shutdown: &Shutdown) -> io::Result<Vec<JoinHandle<()>>> {
    let mut tasks = Vec::new();
    for (kind, number) in [
        (SignalKind::interrupt(), Signal::INTERRUPT),
        (SignalKind::terminate(), Signal::TERMINATE),
        (SignalKind::hangup(), Signal::HANGUP),
    ] {
        if is_ignored(number) {
            continue;
        }
        let mut signals = signal(kind)?;
        let shutdown = shutdown.clone();
        tasks.push(tokio::spawn(async move {
            while signals.recv().await.is_some() {
                shutdown.request(number);
            }
        }));
    }
    Ok(tasks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "tokio-util")]
    #[tokio::test]
    async fn a_cancelled_token_requests_the_end() {
        let token = tokio_util::sync::CancellationToken::new();
        let shutdown = Shutdown::from_token(token.clone());
        assert_eq!(shutdown.signal(), None);
        token.cancel();
        assert_eq!(shutdown.requested().await, Signal::TERMINATE);
    }

    #[tokio::test]
    async fn clones_share_the_state_and_the_first_signal_counts() {
        let shutdown = Shutdown::new();
        assert_eq!(shutdown.signal(), None);
        let waiting = tokio::spawn({
            let shutdown = shutdown.clone();
            async move { shutdown.requested().await }
        });
        tokio::task::yield_now().await;
        shutdown.clone().request(Signal::TERMINATE);
        shutdown.request(Signal::INTERRUPT);
        assert_eq!(waiting.await.unwrap(), Signal::TERMINATE);
        assert_eq!(shutdown.signal(), Some(Signal::TERMINATE));
        assert_eq!(shutdown.request_count(), 2);
        assert_eq!(shutdown.requested_more_than(1).await, Signal::TERMINATE);
    }
}
