use std::io;
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::Signal;

/// The wish to end the run, shared by all who work on it: clones see the same wish.
///
/// A wish that is repeated (ctrl-C twice) makes [`run`](super::run()) go on to the next, harder signal at once.
#[derive(Clone, Debug)]
pub struct Stop {
    wish: Arc<watch::Sender<Wish>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Wish {
    signal: Option<Signal>,
    times: usize,
}

impl Stop {
    /// A handle that nobody has asked yet; [`request`](Self::request) does.
    pub fn never() -> Self {
        Self {
            wish: Arc::new(watch::Sender::new(Wish::default())),
        }
    }

    /// A handle that SIGINT, SIGTERM and SIGHUP ask. Needs a tokio runtime, which from now on receives these signals.
    ///
    /// # Errors
    /// The operating system refuses the handlers.
    pub fn on_signals() -> io::Result<Self> {
        let stop = Self::never();
        for (kind, number) in [
            (SignalKind::interrupt(), Signal::INTERRUPT),
            (SignalKind::terminate(), Signal::TERMINATE),
            (SignalKind::hangup(), Signal::HANGUP),
        ] {
            let mut signals = signal(kind)?;
            let stop = stop.clone();
            tokio::spawn(async move {
                while signals.recv().await.is_some() {
                    stop.request(number);
                }
            });
        }
        Ok(stop)
    }

    /// Asks for the end, as if `signal` had come.
    pub fn request(&self, signal: Signal) {
        self.wish.send_modify(|wish| {
            wish.signal.get_or_insert(signal);
            wish.times += 1;
        });
    }

    /// The first signal that asked, if one has.
    pub fn now(&self) -> Option<Signal> {
        self.wish.borrow().signal
    }

    /// Waits until the end is asked for; returns the first signal that did. Safe to drop and call again.
    pub async fn requested(&self) -> Signal {
        self.more_than(0).await
    }

    /// How often the end was asked for.
    pub(super) fn times(&self) -> usize {
        self.wish.borrow().times
    }

    /// Waits until the end has been asked for more than `times` times.
    pub(super) async fn more_than(&self, times: usize) -> Signal {
        let mut wishes = self.wish.subscribe();
        loop {
            let wish = *wishes.borrow_and_update();
            if let Some(signal) = wish.signal.filter(|_| wish.times > times) {
                return signal;
            }
            if wishes.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn clones_share_the_wish_and_the_first_signal_counts() {
        let stop = Stop::never();
        assert_eq!(stop.now(), None);
        let waiting = tokio::spawn({
            let stop = stop.clone();
            async move { stop.requested().await }
        });
        tokio::task::yield_now().await;
        stop.clone().request(Signal::TERMINATE);
        stop.request(Signal::INTERRUPT);
        assert_eq!(waiting.await.unwrap(), Signal::TERMINATE);
        assert_eq!((stop.now(), stop.times()), (Some(Signal::TERMINATE), 2));
        assert_eq!(stop.more_than(1).await, Signal::TERMINATE);
    }
}
