use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Child;

use schemastamp::snapshot::MARK;
use schemastamp::snapshot::Snapshot;

use crate::provision::{SMALL, snapshot, tables, wait_for};
use crate::support::{Cluster, CommandOutput, Database, Schemastamp};

/// A database, and a world of the binary with one snapshot.
#[derive(Debug)]
pub(super) struct Fleet<'a> {
    pub(super) database: Database<'a>,
    pub(super) world: Schemastamp,
    fingerprint: String,
}

/// A run's answer for a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) tenant: String,
    pub(super) outcome: String,
    /// The error's id; empty without an error.
    pub(super) id: String,
    /// The error's message; empty without an error.
    pub(super) message: String,
}

impl<'a> Fleet<'a> {
    pub(super) fn on(cluster: &'a Cluster, body: &str) -> Self {
        let database = cluster.database();
        let world = Schemastamp::on(&database);
        let text = snapshot(body);
        world.write("snapshots/app.sql", &text);
        let fingerprint = Snapshot::parse(&text).unwrap().fingerprint().to_owned();
        Self {
            database,
            world,
            fingerprint,
        }
    }

    /// The same fleet, reached by the binary in another way: through a pooler, or as another role.
    pub(super) fn through(self, environment: &BTreeMap<String, String>) -> Self {
        Self {
            world: self.world.envs(environment),
            ..self
        }
    }

    /// Writes the list of names that [`Fleet::start`] goes through.
    pub(super) fn list(&self, names: &[String]) {
        self.world.write("names", names.join("\n") + "\n");
    }

    /// Starts a run that goes through the list.
    pub(super) fn start(&self, more: &[&str]) -> Child {
        self.world.spawn(
            &[
                &["provision", "--from-file", "names", "--format", "json"],
                more,
            ]
            .concat(),
        )
    }

    /// Goes through the list to its end.
    pub(super) fn bulk(&self, more: &[&str]) -> CommandOutput {
        self.world.finish(self.start(more))
    }

    /// The schemas, except those of the system and the pool. The flag says that a schema has a
    /// tenant's marker.
    pub(super) fn schemas(&self) -> BTreeMap<String, bool> {
        let rows = self.database.query(&format!(
            "SELECT nspname, COALESCE(obj_description(oid, 'pg_namespace') ~ '{MARK}{}/[0-9a-f]{{12}}$', false) FROM pg_namespace \
             WHERE nspname !~ '^(pg_|information_schema$|public$|schemastamp_)'",
            self.fingerprint
        ));
        let rows = rows.split('\n').filter_map(|row| row.split_once('|'));
        rows.map(|(name, whole)| (name.to_owned(), whole == "t"))
            .collect()
    }

    /// Waits until `count` tenants exist.
    pub(super) fn wait_for_tenants(&self, count: usize) {
        wait_for(|| self.schemas().len() >= count);
    }

    /// Returns the answers of a run, after checking them: `created` and `skipped` tenants are
    /// complete, `failed` ones are absent, and none is incomplete.
    pub(super) fn checked(&self, output: &CommandOutput) -> Result<Vec<Answer>, String> {
        let schemas = self.schemas();
        let untrue = |answer: &Answer| match answer.outcome.as_str() {
            "created" | "skipped" => schemas.get(&answer.tenant) != Some(&true),
            "failed" => schemas.contains_key(&answer.tenant),
            _ => false,
        };
        let answers = answers(output);
        let wrong: Vec<_> = answers.iter().filter(|answer| untrue(answer)).collect();
        let in_part: Vec<_> = schemas.iter().filter(|(_, whole)| !**whole).collect();
        if wrong.is_empty() && in_part.is_empty() {
            Ok(answers)
        } else {
            Err(format!("untrue: {wrong:?}, in part: {in_part:?}\n{output}"))
        }
    }

    /// Returns the answers of a run, after checking them.
    #[track_caller]
    pub(super) fn answers(&self, output: &CommandOutput) -> Vec<Answer> {
        self.checked(output)
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// Panics unless these tenants are there and no others, each the same as the snapshot, object by object.
    #[track_caller]
    pub(super) fn assert_whole(&self, names: &[String]) {
        let schemas = self.schemas();
        assert!(schemas.values().all(|whole| *whole), "{schemas:?}");
        assert_eq!(
            schemas.keys().collect::<Vec<_>>(),
            names
                .iter()
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect::<Vec<_>>()
        );
        if names.is_empty() {
            return;
        }
        // As the superuser, whatever their owner.
        drop(
            self.world
                .run(&["verify", "--all", "--match", "*", "-U", "postgres"])
                .succeeds(),
        );
    }

    /// Waits until nothing of a run is left: no process, connection, lock or prepared transaction.
    #[track_caller]
    pub(super) fn assert_nothing_runs(&self) {
        wait_for(|| self.processes().is_empty() && self.database.query(LEFT) == "0|0|0");
    }

    /// Waits as [`Fleet::assert_nothing_runs`]; and no file is left.
    #[track_caller]
    pub(super) fn assert_nothing_left(&self) {
        self.assert_nothing_runs();
        assert_eq!(self.world.leftovers(), Vec::<PathBuf>::new());
    }

    /// The processes that work in a private directory of the binary.
    pub(super) fn processes(&self) -> Vec<u32> {
        let folder = self.world.path("tmp");
        let works = |pid: &u32| {
            std::fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.starts_with(&folder))
        };
        processes().filter(works).collect()
    }
}

/// Counts the database's other connections, advisory locks and prepared transactions.
const LEFT: &str = "SELECT \
    (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()), \
    (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' \
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())), \
    (SELECT count(*) FROM pg_prepared_xacts WHERE database = current_database())";

/// Returns a run's answers, in their order.
pub(super) fn answers(output: &CommandOutput) -> Vec<Answer> {
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let lines = output
        .json()
        .into_iter()
        .filter(|line| line["tenant"].is_string());
    lines
        .map(|line| Answer {
            tenant: text(&line["tenant"]),
            outcome: text(&line["outcome"]),
            id: text(&line["error"]["id"]),
            message: text(&line["error"]["message"]),
        })
        .collect()
}

/// Counts the answers with this outcome.
pub(super) fn count(answers: &[Answer], outcome: &str) -> usize {
    answers
        .iter()
        .filter(|answer| answer.outcome == outcome)
        .count()
}

/// Returns `count` names with the same beginning.
pub(super) fn names(begin: &str, count: usize) -> Vec<String> {
    (0..count)
        .map(|number| format!("{begin}{number:03}"))
        .collect()
}

/// The psql that a process has started and that run.
pub(super) fn psql_of(parent: u32) -> Vec<u32> {
    let is_child = |pid: &u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // `17 (psql) S 12 …`: the state, then the parent.
        stat.split_once(" (psql) ")
            .and_then(|(_, rest)| rest.split(' ').nth(1))
            == Some(&parent.to_string())
    };
    processes().filter(is_child).collect()
}

fn processes() -> impl Iterator<Item = u32> {
    let entries = std::fs::read_dir("/proc").expect("Linux").flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// Numbers that come again with their seed.
#[derive(Debug)]
pub(super) struct Random(pub(super) u64);

impl Random {
    /// A number below a limit (`SplitMix64`).
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}

/// A bulk run with two workers that has begun and has a while to go.
#[derive(Debug)]
pub(super) struct Midway<'a> {
    pub(super) fleet: Fleet<'a>,
    names: Vec<String>,
    child: Child,
}

impl<'a> Midway<'a> {
    pub(super) fn on(cluster: &'a Cluster) -> Self {
        Self::through(cluster, Database::environment)
    }

    /// One whose binary reaches the database in another way.
    pub(super) fn through(
        cluster: &'a Cluster,
        environment: impl FnOnce(&Database<'a>) -> BTreeMap<String, String>,
    ) -> Self {
        Self::through_with(cluster, &[], environment)
    }

    pub(super) fn through_with(
        cluster: &'a Cluster,
        more: &[&str],
        environment: impl FnOnce(&Database<'a>) -> BTreeMap<String, String>,
    ) -> Self {
        let fleet = Fleet::on(cluster, &format!("{SMALL}{}", tables(60)));
        let environment = environment(&fleet.database);
        let fleet = fleet.through(&environment);
        // Enough for a quick machine to be at work still after all that is done to it.
        let names = names("t", 150);
        fleet.list(&names);
        let child = fleet.start(&[&["--jobs", "2"], more].concat());
        fleet.wait_for_tenants(4);
        Self {
            fleet,
            names,
            child,
        }
    }

    /// The run's process.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// `true` once the run has ended: on a busy machine, that is before all was done to it.
    pub(super) fn is_over(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid()));
        // A process that has ended and was not waited for is a zombie.
        stat.is_ok_and(|stat| stat.contains(") Z "))
    }

    /// Waits for the end, checks all that the run has said and that it leaves nothing, and has a further run make what is
    /// missing. Returns what the run has said.
    #[track_caller]
    pub(super) fn end_of_some(self) -> Vec<Answer> {
        let Self {
            fleet,
            names,
            child,
        } = self;
        let output = fleet.world.finish(child);
        fleet.assert_nothing_left();
        let answers = fleet.answers(&output);
        assert_eq!(answers.len(), names.len(), "{output}");
        fleet.answers(&fleet.bulk(&[]).succeeds());
        fleet.assert_nothing_left();
        fleet.assert_whole(&names);
        answers
    }

    /// Like [`Midway::end_of_some`], for a run without failures and with at most `most` unknown
    /// outcomes.
    #[track_caller]
    pub(super) fn end_with_unknown_at_most(self, most: usize) -> Vec<Answer> {
        let answers = self.end_of_some();
        let others: Vec<_> = answers
            .iter()
            .filter(|answer| answer.outcome != "created")
            .collect();
        assert!(
            others.len() <= most && others.iter().all(|answer| answer.outcome == "unknown"),
            "{others:?}"
        );
        answers
    }
}
