//! Measures how many workers speed up the run, while there is more work than they can do.

use std::time::{Duration, Instant};

/// Factor by which another worker must raise the rate to be kept.
const GAIN: f64 = 1.08;
/// Minimum time over which a rate is measured.
const WINDOW: Duration = Duration::from_millis(300);
/// Minimum number of tenants per worker over which a rate is measured.
const ENDS: usize = 4;

/// The wanted number of workers.
#[derive(Clone, Debug)]
pub(super) struct WorkerScaling {
    wanted: usize,
    most: usize,
    /// The rate with one worker less, in tenants per second.
    before: Option<f64>,
    /// The start of the measurement and the number of tenants since then, or `None` while nothing
    /// is measured.
    window: Option<(Instant, usize)>,
    settled: bool,
}

impl WorkerScaling {
    /// Returns a fixed number of workers.
    pub(super) fn fixed(workers: usize) -> Self {
        Self {
            wanted: workers,
            most: workers,
            before: None,
            window: None,
            settled: true,
        }
    }

    /// Starts with some workers, and adds more up to a limit, as long as more are faster.
    pub(super) fn measured(first: usize, most: usize) -> Self {
        let first = first.min(most).max(1);
        Self {
            wanted: first,
            most,
            before: None,
            window: None,
            settled: first >= most,
        }
    }

    pub(super) fn wanted(&self) -> usize {
        self.wanted
    }

    /// Discards the measurement: a worker was idle, so the rate is not that of the workers.
    pub(super) fn starved(&mut self) {
        self.window = None;
    }

    /// Counts a tenant that ended while `working` workers were running.
    pub(super) fn ended(&mut self, working: usize, now: Instant) {
        // A worker that has not started yet would be measured as one that does not help.
        if self.settled || working < self.wanted {
            self.window = None;
            return;
        }
        let Some((since, count)) = &mut self.window else {
            self.window = Some((now, 0));
            return;
        };
        *count += 1;
        let elapsed = now.duration_since(*since);
        if *count < ENDS * self.wanted || elapsed < WINDOW {
            return;
        }
        #[expect(clippy::cast_precision_loss, reason = "some dozens")]
        let rate = *count as f64 / elapsed.as_secs_f64();
        self.window = None;
        // Less gain than this is within what rates vary by from window to window, and each worker costs a connection.
        if self.before.is_some_and(|before| rate < before * GAIN) {
            tracing::debug!(rate, workers = self.wanted, "the last worker did not help");
            self.wanted -= 1;
            self.settled = true;
        } else if self.wanted < self.most {
            self.before = Some(rate);
            self.wanted += 1;
        } else {
            self.settled = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs tenants on a server that creates `at_a_time` of them at once, each in 100 ms. Returns
    /// the wanted number of workers.
    fn settles(cores: usize, most: usize) -> usize {
        let mut growth = WorkerScaling::measured(2, most);
        let mut now = Instant::now();
        for _ in 0..2000 {
            let working = growth.wanted();
            // Each tenant takes a tenth of a second, as many at once as there are cores.
            now += Duration::from_micros(100_000 / u64::try_from(working.min(cores)).unwrap());
            growth.ended(working, now);
        }
        growth.wanted()
    }

    #[test]
    fn more_workers_than_help_are_not_kept() {
        assert_eq!(settles(1, 32), 2, "two is what it begins with");
        assert_eq!(settles(4, 32), 4);
        assert_eq!(settles(8, 32), 8);
        assert_eq!(settles(8, 3), 3);
        assert_eq!(WorkerScaling::fixed(5).wanted(), 5);
    }

    #[test]
    fn idle_workers_say_nothing() {
        let mut growth = WorkerScaling::measured(2, 32);
        let mut now = Instant::now();
        for _ in 0..200 {
            now += Duration::from_millis(50);
            growth.ended(2, now);
            growth.starved();
        }
        assert_eq!(growth.wanted(), 2);
    }
}
