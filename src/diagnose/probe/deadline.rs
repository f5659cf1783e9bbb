use std::future::Future;
use std::time::{Duration, Instant};

/// The moment at which a whole diagnosis has to be over.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    end: Option<Instant>,
}

/// The deadline passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no answer in time")]
pub struct DeadlineExceeded;

impl Deadline {
    /// Ends after `time` from now; never for `None`.
    pub fn after(time: Option<Duration>) -> Self {
        Self {
            end: time.and_then(|time| Instant::now().checked_add(time)),
        }
    }

    /// Returns the remaining time, or [`Duration::MAX`] without a limit.
    pub fn left(self) -> Duration {
        self.end.map_or(Duration::MAX, |end| {
            end.saturating_duration_since(Instant::now())
        })
    }

    /// Returns `true` if the deadline has passed.
    pub fn is_over(self) -> bool {
        self.left().is_zero()
    }

    /// The earlier of this one and `time` from now.
    #[must_use]
    pub fn at_most(self, time: Duration) -> Self {
        Self::after(Some(self.left().min(time)))
    }

    /// A share of what is left, so that a later step has some as well.
    #[must_use]
    pub fn share(self, numerator: u32, denominator: u32) -> Self {
        match self.end {
            None => self,
            Some(_) => Self::after(Some(self.left() / denominator.max(1) * numerator)),
        }
    }

    /// Runs a future until the deadline.
    ///
    /// # Errors
    /// The deadline passed first.
    pub async fn run<F: Future>(self, future: F) -> Result<F::Output, DeadlineExceeded> {
        match self.end {
            None => Ok(future.await),
            Some(end) => tokio::time::timeout_at(end.into(), future)
                .await
                .map_err(|_| DeadlineExceeded),
        }
    }
}
