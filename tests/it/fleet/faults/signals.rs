//! Signals to schemastamp, at any moment of its life.

use std::fmt;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Child;
use std::time::{Duration, Instant, SystemTime};

use rustix::process::{Pid, Signal, kill_process};
use schemastamp::config::Environment;

use crate::fleet::world::{Answer, Fleet, Random, count, names};
use crate::provision::{SMALL, tables};
use crate::support::Cluster;

/// Rounds of each of two threads.
const ROUNDS: u64 = 100;
/// Gives the seed of a run that failed.
const SEED: &str = "SCHEMASTAMP_TEST_SEED";

/// The way in which a round creates tenants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    List,
    Stream,
    ListFromPool,
    StreamFromPool,
}

/// One run that gets one signal.
#[derive(Debug)]
struct Round {
    seed: u64,
    number: u64,
    how: How,
    signal: Signal,
    after: Duration,
    names: Vec<String>,
}

impl fmt::Display for Round {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            seed,
            number,
            how,
            signal,
            after,
            ..
        } = self;
        write!(
            formatter,
            "{SEED}={seed}, round {number}: {signal:?} to {how:?} after {after:?}"
        )
    }
}

impl Round {
    /// Makes a round whose signal comes at any moment of a run that takes `usual`, or a little later.
    fn new(seed: u64, number: u64, random: &mut Random, usual: Duration) -> Self {
        let how = [
            How::List,
            How::Stream,
            How::ListFromPool,
            How::StreamFromPool,
        ][usize::try_from(random.below(4)).unwrap()];
        let signal =
            [Signal::INT, Signal::TERM, Signal::KILL][usize::try_from(number % 3).unwrap()];
        let latest = u64::try_from(usual.as_millis()).unwrap() * 3 / 2;
        let after = Duration::from_millis(random.below(latest.max(1)));
        Self {
            seed,
            number,
            how,
            signal,
            after,
            names: names(&format!("r{number}_"), 5),
        }
    }

    /// Starts the run; a stream stays open.
    fn start(&self, fleet: &Fleet<'_>) -> Child {
        let from_pool: &[&str] = match self.how {
            How::List | How::Stream => &[],
            How::ListFromPool => &["--from-pool"],
            How::StreamFromPool => &["--from-pool", "--refill", "3"],
        };
        fleet.list(&self.names);
        let streams = matches!(self.how, How::Stream | How::StreamFromPool);
        let file = if streams { "-" } else { "names" };
        let arguments = [
            "provision",
            "--from-file",
            file,
            "--jobs",
            "2",
            "--format",
            "json",
        ];
        let mut child = fleet.world.spawn(&[&arguments, from_pool].concat());
        if streams {
            let input = self.names.join("\n") + "\n";
            child
                .stdin
                .as_mut()
                .unwrap()
                .write_all(input.as_bytes())
                .unwrap();
        }
        child
    }

    /// Sends the signal when it is time, and checks what the run has said.
    fn run(&self, fleet: &Fleet<'_>) -> Vec<Answer> {
        let before = fleet.world.leftovers();
        let child = self.start(fleet);
        std::thread::sleep(self.after);
        kill_process(Pid::from_child(&child), self.signal).unwrap();
        let output = fleet.world.finish(child);
        // After SIGKILL, psql brings what it has to its end.
        fleet.assert_nothing_runs();
        let left = fleet.world.leftovers();
        // Nobody can tidy up after SIGKILL.
        let tidy = self.signal == Signal::KILL || left.iter().all(|folder| before.contains(folder));
        assert!(tidy, "{self}: {left:?}\n{output}");
        let answers = fleet
            .checked(&output)
            .unwrap_or_else(|error| panic!("{self}: {error}"));
        let known = |answer: &Answer| {
            answer.outcome == "unknown" || ["", "interrupted"].contains(&answer.id.as_str())
        };
        assert!(answers.iter().all(known), "{self}: {output}");
        answers
    }
}

/// Rounds on a database of their own; returns all that was said, and the files that are left after a last run in peace.
fn rounds(seed: u64) -> (Vec<Answer>, Vec<PathBuf>) {
    let fleet = Fleet::on(Cluster::shared(), &format!("{SMALL}{}", tables(20)));
    drop(
        fleet
            .world
            .run(&["pool", "fill", "--size", "40"])
            .succeeds(),
    );
    let mut random = Random(seed);
    // How long a run takes here and now.
    let mut all = names("usual", 5);
    fleet.list(&all);
    let begun = Instant::now();
    drop(fleet.bulk(&["--jobs", "2"]).succeeds());
    let usual = begun.elapsed();
    let mut said = Vec::new();
    for number in 0..ROUNDS {
        let round = Round::new(seed, number, &mut random, usual);
        said.extend(round.run(&fleet));
        all.extend(round.names);
    }
    // The next run finds out which tenants were interrupted and which are unknown.
    fleet.list(&all);
    let answers = fleet.answers(&fleet.bulk(&["--jobs", "2"]).succeeds());
    assert_eq!(answers.len(), all.len());
    for answer in said.iter().filter(|answer| answer.outcome == "created") {
        assert!(
            answers.contains(&Answer {
                outcome: "skipped".to_owned(),
                ..answer.clone()
            }),
            "{seed}: {answer:?}"
        );
    }
    fleet.assert_nothing_runs();
    fleet.assert_whole(&all);
    let pool = fleet
        .world
        .run(&["pool", "status", "--format", "json"])
        .succeeds();
    assert!(
        pool.json()
            .iter()
            .all(|line| line["broken"].as_u64().unwrap_or_default() == 0),
        "{pool}"
    );
    (said, fleet.world.leftovers())
}

#[test]
fn signals_leave_each_tenant_complete_or_absent() {
    let now = || u64::from(SystemTime::UNIX_EPOCH.elapsed().unwrap().subsec_nanos());
    let seed = Environment::from_process()
        .get(SEED)
        .map_or_else(now, |seed| seed.to_str().unwrap().parse().unwrap());
    println!("{SEED}={seed}");
    let halves = std::thread::scope(|scope| {
        let halves = [seed, seed.wrapping_add(1)].map(|seed| scope.spawn(move || rounds(seed)));
        halves.map(|half| half.join().unwrap())
    });
    let (said, left): (Vec<_>, Vec<_>) = halves.into_iter().unzip();
    let (said, left) = (said.concat(), left.concat());
    let counts = ["created", "failed", "unknown"].map(|outcome| count(&said, outcome));
    println!("created, failed, unknown: {counts:?}");
    assert!(
        counts[0] > 0 && counts[1] > 0,
        "signals that came too early or too late: {counts:?}"
    );
    assert!(counts[2] * 50 <= said.len(), "unknown is rare: {counts:?}");
    // A later run removes the directories of killed runs (`process::run_dir`).
    assert_eq!(left, Vec::<PathBuf>::new());
}
