//! Chooses the next tenants: in order, and postponed ones after their pause.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Maximum number of tenants that go through one psql before it is restarted.
const MOST_PER_CHUNK: usize = 50;

/// A tenant's turn.
#[derive(Clone, Debug)]
pub(in crate::fleet) struct Turn {
    /// Index of the tenant.
    pub(in crate::fleet) tenant: usize,
    /// Index of its group.
    pub(in crate::fleet) group: usize,
    /// Number of times that it was postponed.
    pub(in crate::fleet) retries: u32,
    /// Number of new plans, because another run was faster.
    pub(in crate::fleet) replans: u32,
    /// Send statement by statement, so that an error names its statement.
    pub(in crate::fleet) separated: bool,
    /// It needs its own psql.
    pub(in crate::fleet) alone: bool,
    /// The earliest time of its turn.
    pub(in crate::fleet) ready: Instant,
}

impl Turn {
    /// Creates the first turn of a tenant. `alone` gives it a psql of its own.
    pub(in crate::fleet) fn new(tenant: usize, alone: bool) -> Self {
        Self {
            tenant,
            group: 0,
            retries: 0,
            replans: 0,
            separated: false,
            alone,
            ready: Instant::now(),
        }
    }

    /// Puts the tenant in a group.
    pub(in crate::fleet) fn in_group(self, group: usize) -> Self {
        Self { group, ..self }
    }
}

/// The next step of a worker.
#[derive(Debug)]
pub(super) enum Next {
    /// Migrate these tenants through one psql.
    Work(Vec<Turn>),
    /// Wait: the remaining tenants are postponed, or another worker has them and may give them
    /// back.
    Wait(Duration),
    /// Everything is done.
    End,
}

/// The remaining turns.
#[derive(Debug, Default)]
pub(super) struct Queue {
    turns: VecDeque<Turn>,
    working: usize,
}

impl Queue {
    pub(super) fn add_all(&mut self, turns: impl IntoIterator<Item = Turn>) {
        self.turns.extend(turns);
    }

    /// Gives back turns that were taken and not started. They stay in front.
    pub(super) fn give_back(&mut self, turns: impl DoubleEndedIterator<Item = Turn>) {
        for turn in turns.rev() {
            self.turns.push_front(turn);
        }
    }

    /// Ends the work on the turns of [`Queue::next`].
    pub(super) fn done(&mut self) {
        self.working = self.working.saturating_sub(1);
    }

    /// Takes the next turns, a fair share for each of the `jobs` workers.
    pub(super) fn next(&mut self, jobs: usize, now: Instant) -> Next {
        let most = (self.turns.len() / jobs.max(1) / 2).clamp(1, MOST_PER_CHUNK);
        let mut taken: Vec<Turn> = Vec::new();
        let mut index = 0;
        while taken.len() < most
            && let Some(turn) = self.turns.get(index)
        {
            let fits = turn.ready <= now
                && taken
                    .first()
                    .is_none_or(|first| !turn.alone && first.separated == turn.separated);
            let Some(turn) = fits.then(|| self.turns.remove(index)).flatten() else {
                index += 1;
                continue;
            };
            let alone = turn.alone;
            taken.push(turn);
            if alone {
                break;
            }
        }
        if !taken.is_empty() {
            self.working += 1;
            return Next::Work(taken);
        }
        match self.turns.iter().map(|turn| turn.ready).min() {
            None if self.working == 0 => Next::End,
            None => Next::Wait(Duration::from_millis(20)),
            Some(ready) => Next::Wait(
                ready
                    .saturating_duration_since(now)
                    .max(Duration::from_millis(1)),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(tenant: usize, alone: bool, ready: Instant) -> Turn {
        Turn {
            ready,
            ..Turn::new(tenant, alone)
        }
    }

    fn taken(next: &Next) -> Vec<usize> {
        match next {
            Next::Work(turns) => turns.iter().map(|turn| turn.tenant).collect(),
            _ => Vec::new(),
        }
    }

    #[test]
    fn shares_are_fair_and_pauses_are_kept() {
        let now = Instant::now();
        let later = now + Duration::from_secs(9);
        let mut queue = Queue::default();
        for tenant in 0..8 {
            queue.add_all(std::iter::once(turn(
                tenant,
                tenant == 3,
                if tenant == 1 { later } else { now },
            )));
        }
        assert_eq!(taken(&queue.next(2, now)), [0, 2]);
        assert_eq!(taken(&queue.next(2, now)), [3], "alone");
        queue.give_back([turn(2, false, now)].into_iter());
        assert_eq!(taken(&queue.next(1, now)), [2, 4, 5]);
        assert_eq!(taken(&queue.next(1, now)), [6]);
        assert_eq!(taken(&queue.next(1, now)), [7]);
        assert!(matches!(queue.next(1, now), Next::Wait(pause) if pause > Duration::from_secs(8)));
        assert_eq!(taken(&queue.next(1, later)), [1]);
        assert!(
            matches!(queue.next(1, later), Next::Wait(_)),
            "others may give something back"
        );
        for _ in 0..6 {
            queue.done();
        }
        assert!(matches!(queue.next(1, later), Next::End));
    }
}
