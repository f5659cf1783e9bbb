//! Several runs for the same names at the same time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::fleet::world::{Answer, Fleet, answers, count, names};
use crate::provision::{SMALL, wait_for};
use crate::support::{Cluster, Options};

/// Number of rounds in which tenants are created and dropped at the same time.
const TIMES: usize = 40;
/// The longest that may take.
const LONGEST: Duration = Duration::from_mins(1);

/// Starts `runs` processes, each with all names, and returns the output of each.
fn at_once(
    fleet: &Fleet<'_>,
    runs: usize,
    names: &[String],
    arguments: &[&str],
) -> Vec<Vec<Answer>> {
    fleet.list(names);
    let arguments = [&["provision", "--format", "json", "--jobs", "2"], arguments].concat();
    let input = std::fs::read(fleet.world.path("names")).unwrap();
    std::thread::scope(|scope| {
        let run = || fleet.answers(&fleet.world.run_with_input(&arguments, &input));
        let running: Vec<_> = (0..runs).map(|_| scope.spawn(run)).collect();
        running.into_iter().map(|run| run.join().unwrap()).collect()
    })
}

/// Panics unless each name is `created` once, and otherwise what is said of one that exists.
fn assert_created_once(answers: &[Vec<Answer>], names: &[String], otherwise: (&str, &str)) {
    for name in names {
        let of_name: Vec<_> = answers
            .iter()
            .flatten()
            .filter(|answer| answer.tenant == *name)
            .cloned()
            .collect();
        let others = of_name
            .iter()
            .filter(|answer| (answer.outcome.as_str(), answer.id.as_str()) == otherwise)
            .count();
        assert_eq!(
            (count(&of_name, "created"), others),
            (1, answers.len() - 1),
            "{name}: {of_name:?}"
        );
    }
}

#[test]
fn concurrent_bulk_runs_create_each_tenant_once() {
    let cluster = Cluster::start(&Options::default());
    let fleet = Fleet::on(&cluster, SMALL);
    for runs in [2, 20] {
        let names = names(&format!("of_{runs}_"), 4);
        let answers = at_once(
            &fleet,
            runs,
            &names,
            &["--from-file", "names", "--if-exists", "skip"],
        );
        assert_created_once(&answers, &names, ("skipped", ""));
    }
    fleet.assert_nothing_left();
    fleet.assert_whole(&[names("of_2_", 4), names("of_20_", 4)].concat());
}

#[test]
fn concurrent_streams_create_each_tenant_once() {
    let cluster = Cluster::start(&Options::default());
    let fleet = Fleet::on(&cluster, SMALL);
    for runs in [2, 20] {
        let skipping = names(&format!("skip_{runs}_"), 4);
        let answers = at_once(
            &fleet,
            runs,
            &skipping,
            &["--from-file", "-", "--if-exists", "skip"],
        );
        assert_created_once(&answers, &skipping, ("skipped", ""));
    }
    // A sign-up learns that the name is taken, so `failed` does not mean absent there.
    let taken = names("taken_", 4);
    fleet.list(&taken);
    let arguments = [
        "provision",
        "--format",
        "json",
        "--jobs",
        "2",
        "--from-file",
        "-",
    ];
    let runs: Vec<_> = (0..20).map(|_| fleet.world.spawn(&arguments)).collect();
    let input = taken.join("\n") + "\n";
    let outputs = runs.into_iter().map(|mut run| {
        std::io::Write::write_all(run.stdin.as_mut().unwrap(), input.as_bytes()).unwrap();
        fleet.world.finish(run)
    });
    let answers: Vec<_> = outputs.map(|output| answers(&output)).collect();
    assert_created_once(&answers, &taken, ("failed", "tenant.exists"));
    fleet.assert_nothing_left();
    fleet.assert_whole(&[names("skip_2_", 4), names("skip_20_", 4), taken].concat());
}

#[test]
fn tenants_created_during_drops_are_complete_or_absent() {
    let fleet = Fleet::on(Cluster::shared(), SMALL);
    let names = names("t", 4);
    fleet.list(&names);
    let drop: Vec<&str> = ["drop", "--yes"]
        .into_iter()
        .chain(names.iter().map(String::as_str))
        .collect();
    let race = Race {
        begun: Instant::now(),
        created: AtomicUsize::new(0),
        dropped: AtomicUsize::new(0),
    };
    let created = std::thread::scope(|scope| {
        let creates = || {
            race.until_over(&race.created, || {
                let answers = answers(&fleet.bulk(&["--jobs", "2", "--if-exists", "skip"]));
                (count(&answers, "created"), answers)
            })
        };
        let drops = || {
            race.until_over(&race.dropped, || {
                let output = fleet.world.run(&drop);
                (
                    output.stdout.matches("dropped").count(),
                    Vec::<Answer>::new(),
                )
            })
        };
        let creating = [scope.spawn(creates), scope.spawn(creates)];
        scope.spawn(drops);
        scope.spawn(drops);
        creating.map(|thread| thread.join().unwrap()).concat()
    });
    // Else nothing was tried. A slow machine may not come to as many as are wanted.
    assert!(race.has(1), "{race:?}");
    for answer in &created {
        let dropped_in_between = answer.outcome == "failed" && answer.id == "tenant.exists";
        assert!(
            ["created", "skipped"].contains(&answer.outcome.as_str()) || dropped_in_between,
            "{answer:?}"
        );
    }
    let left = fleet.schemas();
    fleet.assert_nothing_left();
    fleet.assert_whole(&left.into_keys().collect::<Vec<_>>());
    fleet.bulk(&[]).succeeds();
    fleet.assert_whole(&names);
    wait_for(|| fleet.world.run(&drop).code == Some(0));
    fleet.assert_whole(&[]);
}

/// Number of tenants that were created while others dropped them.
#[derive(Debug)]
struct Race {
    begun: Instant,
    created: AtomicUsize,
    dropped: AtomicUsize,
}

impl Race {
    /// Returns `true` if so many were created, and so many dropped.
    fn has(&self, times: usize) -> bool {
        [&self.created, &self.dropped]
            .iter()
            .all(|count| count.load(Ordering::Relaxed) >= times)
    }

    /// Does something, which counts for some, until the race is over; returns all that came of it.
    fn until_over<T>(
        &self,
        counted: &AtomicUsize,
        mut work: impl FnMut() -> (usize, Vec<T>),
    ) -> Vec<T> {
        let mut all = Vec::new();
        while !self.has(TIMES) && self.begun.elapsed() < LONGEST {
            let (count, more) = work();
            counted.fetch_add(count, Ordering::Relaxed);
            all.extend(more);
        }
        all
    }
}
