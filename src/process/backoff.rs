//! Pauses between attempts.

use std::time::Duration;

use super::{Shutdown, Signal};

/// Number of failures after which the pause no longer grows.
const MOST_DOUBLINGS: u32 = 10;

/// The pause before the next attempt. It doubles with each failure, and is drawn at random around its length, so that
/// runs that failed together do not retry together.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    first: Duration,
}

impl Backoff {
    /// A back-off whose first pause is about `first`.
    pub fn new(first: Duration) -> Self {
        Self { first }
    }

    /// Returns the pause after a number of earlier failures, between 75 % and 125 % of its length.
    pub fn pause_after(self, failures: u32) -> Duration {
        let pause = self.first.saturating_mul(1 << failures.min(MOST_DOUBLINGS));
        pause.mul_f64(jitter())
    }

    /// Waits for [`Backoff::pause_after`].
    ///
    /// # Errors
    /// The signal of a shutdown, which ends the pause.
    pub async fn wait(self, failures: u32, shutdown: &Shutdown) -> Result<(), Signal> {
        tokio::select! {
            () = tokio::time::sleep(self.pause_after(failures)) => Ok(()),
            signal = shutdown.requested() => Err(signal),
        }
    }
}

fn jitter() -> f64 {
    let random = getrandom::u32().unwrap_or(u32::MAX / 2);
    0.75 + f64::from(random) / f64::from(u32::MAX) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_differ() {
        let backoff = Backoff::new(Duration::from_millis(100));
        for (failures, length) in [(0, 100), (1, 200), (3, 800), (10, 102_400), (99, 102_400)] {
            let pause = backoff.pause_after(failures).as_secs_f64() * 1000.0;
            let share = pause / f64::from(length);
            assert!((0.75..=1.25).contains(&share), "{failures}: {pause} ms");
        }
    }

    #[tokio::test]
    async fn a_shutdown_ends_the_pause() {
        let shutdown = Shutdown::new();
        shutdown.request(Signal::TERMINATE);
        let waited = Backoff::new(Duration::from_hours(1))
            .wait(0, &shutdown)
            .await;
        assert_eq!(waited, Err(Signal::TERMINATE));
    }
}
