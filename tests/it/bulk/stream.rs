//! Names over stdin, answered one by one while it stays open.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value;

use super::marked;
use crate::provision::{Held, SMALL, snapshot};
use crate::support::{Cluster, Database, Schemastamp};

/// A running `provision --from-file -`.
struct Stream {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Stream {
    fn start(world: &Schemastamp, arguments: &[&str]) -> Self {
        let mut child = world.spawn(
            &[
                &["provision", "--from-file", "-", "--format", "json"],
                arguments,
            ]
            .concat(),
        );
        let (stdin, stdout) = (
            child.stdin.take(),
            BufReader::new(child.stdout.take().unwrap()),
        );
        Self {
            child,
            stdin,
            stdout,
        }
    }

    fn write(&mut self, text: &str) {
        let stdin = self.stdin.as_mut().unwrap();
        stdin.write_all(text.as_bytes()).unwrap();
        stdin.flush().unwrap();
    }

    fn read(&mut self) -> Value {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line:?} is no answer"))
    }

    fn ask(&mut self, name: &str) -> Value {
        self.write(&format!("{name}\n"));
        self.read()
    }

    /// Closes stdin; the exit code.
    fn end(mut self) -> i32 {
        drop(self.stdin.take());
        self.child.wait().unwrap().code().unwrap()
    }
}

/// The backends of the workers; autovacuum may be in the database as well.
fn backends(database: &Database<'_>) -> String {
    database.query(
        "SELECT string_agg(pid::text, ' ' ORDER BY pid) FROM pg_stat_activity \
         WHERE datname = current_database() AND pid <> pg_backend_pid() \
         AND backend_type = 'client backend'",
    )
}

fn world(database: &Database<'_>) -> Schemastamp {
    let world = Schemastamp::on(database);
    world.write("snapshots/app.sql", snapshot(SMALL));
    world
}

#[test]
fn names_are_answered_by_open_psql_processes() {
    let database = Cluster::shared().database();
    let world = world(&database);
    let mut stream = Stream::start(&world, &["--jobs", "1"]);
    assert_eq!(stream.ask("first")["outcome"], "created");
    let before = backends(&database);
    assert_eq!(before.split(' ').count(), 1);
    assert_eq!(stream.ask("second")["outcome"], "created");
    assert_eq!(stream.ask("pg_no")["error"]["id"], "tenant.name");
    assert_eq!(backends(&database), before, "the same backend");
    // A name that comes again is another question.
    assert_eq!(stream.ask("second")["error"]["id"], "tenant.exists");
    assert_eq!(stream.ask("third")["outcome"], "created");
    assert_ne!(
        backends(&database),
        before,
        "psql ends with an error, and another one takes its place"
    );
    assert_eq!(stream.end(), 18);
    assert_eq!(marked(&database, "%"), 3);
    assert!(world.leftovers().is_empty());
}

#[test]
fn dead_backend_is_replaced() {
    let database = Cluster::shared().database();
    let world = world(&database);
    let mut stream = Stream::start(&world, &["--jobs", "1"]);
    stream.ask("first");
    let pid = backends(&database);
    database.query(&format!("SELECT pg_terminate_backend({pid})"));
    let answer = stream.ask("second");
    assert_eq!(
        (&answer["outcome"], &answer["attempts"]),
        (&"created".into(), &2.into()),
        "{answer}"
    );
    assert_eq!(stream.end(), 0);
}

#[test]
fn names_read_before_the_end_of_stdin_are_answered() {
    let database = Cluster::shared().database();
    let world = world(&database);
    let mut stream = Stream::start(&world, &[]);
    stream.write("a\nb\nc\nd\nlast without a line end");
    drop(stream.stdin.take());
    let answers: Vec<Value> = (0..6).map(|_| stream.read()).collect();
    assert_eq!(answers[5]["summary"]["created"], 5, "{answers:?}");
    assert_eq!(stream.end(), 0);
    assert_eq!(marked(&database, "%"), 5);
}

#[test]
fn excess_names_wait_in_the_pipe() {
    let database = Cluster::shared().database();
    let world = world(&database);
    let held = Held::tenant(&database, "n0");
    let mut stream = Stream::start(&world, &["--jobs", "1"]);
    let written = Arc::new(AtomicUsize::new(0));
    let mut stdin = stream.stdin.take().unwrap();
    let feeder = std::thread::spawn({
        let written = Arc::clone(&written);
        move || {
            // Far more than a pipe holds.
            for number in 0..100_000 {
                if writeln!(stdin, "n{number}").is_err() {
                    return;
                }
                written.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    crate::provision::wait_until_blocked(&database);
    std::thread::sleep(Duration::from_millis(500));
    let before = written.load(Ordering::Relaxed);
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(written.load(Ordering::Relaxed), before, "nobody reads on");
    assert!((1..40_000).contains(&before), "{before}");
    held.release(&database);
    assert_eq!(stream.read()["tenant"], "n0");
    assert_eq!(stream.read()["tenant"], "n1");
    rustix::process::kill_process(
        rustix::process::Pid::from_child(&stream.child),
        rustix::process::Signal::TERM,
    )
    .unwrap();
    assert_eq!(stream.child.wait().unwrap().code(), Some(143));
    feeder.join().unwrap();
}

#[test]
fn temporary_tables_end_with_their_tenant() {
    let database = Cluster::shared().database();
    let world = Schemastamp::on(&database);
    let body = "Create  Temp Table numbers (n integer);\n\nINSERT INTO pg_temp.numbers (n) VALUES (7);\n\n\
        CREATE TABLE #{prefix}.t AS SELECT n FROM pg_temp.numbers;\n";
    world.write("snapshots/app.sql", snapshot(body));
    let mut stream = Stream::start(&world, &["--jobs", "1"]);
    for name in ["a", "b", "c"] {
        assert_eq!(stream.ask(name)["outcome"], "created");
    }
    assert_eq!(stream.end(), 0);
    assert_eq!(
        database.query("SELECT a.n + b.n + c.n FROM a.t a, b.t b, c.t c"),
        "21"
    );
}
