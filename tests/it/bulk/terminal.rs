//! Output on a terminal.

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};

use super::names;
use crate::provision::{Held, SMALL, snapshot};
use crate::support::{Cluster, Schemastamp};

/// Runs the binary on a pseudo-terminal, by util-linux' `script`; what it wrote, escape sequences and all.
fn on_a_terminal(world: &Schemastamp, arguments: &str) -> String {
    let line = format!("{} {arguments}", env!("CARGO_BIN_EXE_schemastamp"));
    let mut command: Command = world.command_of(
        "/usr/bin/script".as_ref(),
        &["-q", "-e", "-c", &line, "/dev/null"],
    );
    let output = command
        .env("TERM", "xterm")
        .env("COLUMNS", "100")
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Runs the binary on a pseudo-terminal. `then` is called as soon as it has written what is wanted. Returns all of it.
fn seen_until(
    world: &Schemastamp,
    arguments: &str,
    wanted: &regex::Regex,
    then: impl FnOnce(),
) -> String {
    let line = format!("{} {arguments}", env!("CARGO_BIN_EXE_schemastamp"));
    let mut child = world
        .command_of(
            "/usr/bin/script".as_ref(),
            &["-q", "-e", "-c", &line, "/dev/null"],
        )
        .env("TERM", "xterm")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut seen, mut buffer) = (String::new(), [0; 1024]);
    while !wanted.is_match(&seen) {
        let read = child.stdout.as_mut().unwrap().read(&mut buffer).unwrap();
        assert!(read > 0, "{seen}");
        seen.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
    then();
    child
        .stdout
        .as_mut()
        .unwrap()
        .read_to_string(&mut seen)
        .unwrap();
    assert!(child.wait().unwrap().success(), "{seen}");
    seen
}

/// One table is locked, so that what reads it waits with a part of the tenants behind it.
#[test]
fn reading_many_tenants_says_how_many_are_done() {
    let database = Cluster::shared().database();
    let world = Schemastamp::on(&database);
    // The server locks the tables of a view to print it.
    database.sql(
        "DO $$ BEGIN FOR i IN 100..349 LOOP EXECUTE format('CREATE SCHEMA t%1$s; CREATE TABLE t%1$s.u (i int); \
         CREATE TABLE t%1$s.schema_migrations (version varchar PRIMARY KEY); \
         CREATE VIEW t%1$s.v AS SELECT i FROM t%1$s.u', i); END LOOP; END $$",
    );
    for (command, what, locked) in [
        (
            "status",
            "reading the versions of tenants",
            "t340.schema_migrations",
        ),
        ("verify --all --each-other", "comparing tenants", "t340.u"),
    ] {
        let held = Held::table(&database, locked);
        let counts = r"200 of 250 tenants, \d+\.\d a second, \d.* left";
        let wanted = regex::Regex::new(&format!("{what}, {counts}")).unwrap();
        let seen = seen_until(&world, command, &wanted, || held.release(&database));
        assert!(seen.contains("250 "), "{seen}");
    }
}

#[test]
fn progress_bar_is_shown_on_terminals_only() {
    let database = Cluster::shared().database();
    let world = Schemastamp::on(&database);
    world.write("snapshots/app.sql", snapshot(SMALL));
    world.write("names", names("bar_", 30));
    let seen = on_a_terminal(&world, "provision --from-file names --jobs 2");
    let bar = regex::Regex::new(r"\[[=> ]{30}\] \d+/30, \d+\.\d a second, \d+s left").unwrap();
    assert!(bar.is_match(&seen), "{seen}");
    assert_eq!(
        seen.matches("created").count(),
        31,
        "a line for each, and the summary: {seen}"
    );
    world.write("names", names("pipe_", 5));
    let piped = world
        .run(&["provision", "--from-file", "names", "--jobs", "2"])
        .succeeds();
    assert!(!bar.is_match(&piped.stderr), "{piped}");
    world.write("names", names("json_", 5));
    let json = on_a_terminal(&world, "provision --from-file names --format json");
    assert!(
        !bar.is_match(&json) && json.lines().all(|line| line.starts_with('{')),
        "{json}"
    );
}

#[test]
fn what_takes_long_says_what_it_does_on_terminals_only() {
    let database = Cluster::shared().database();
    let world = Schemastamp::on(&database);
    world.write(
        "make.sh",
        "until [ -e go ]; do sleep 0.1; done\npsql -q -c \"CREATE TABLE \\\"$SCHEMASTAMP_TENANT\\\".t (i int)\"\n",
    );
    let command = "sh make.sh";
    let capture = format!("capture --run '{command}' -o snapshot.sql");
    let wanted = regex::Regex::new(r"making the schema, 1\.").unwrap();
    let seen = seen_until(&world, &capture, &wanted, || drop(world.write("go", "")));
    assert!(seen.contains("wrote 'snapshot.sql'"), "{seen}");
    let piped = world
        .run(&["capture", "--run", command, "-o", "other.sql"])
        .succeeds();
    assert!(!piped.stderr.contains("making"), "{piped}");
}

/// Ctrl-C is an answer to a question.
#[test]
fn interrupt_at_a_prompt_ends_the_command() {
    let database = Cluster::shared().database();
    let world = Schemastamp::on(&database);
    world.write("snapshots/app.sql", snapshot(SMALL));
    world.run(&["provision", "acme"]).succeeds();
    for (arguments, prompt) in [
        ("drop acme", "to drop: "),
        ("rename acme other", "to rename: "),
    ] {
        let line = format!("{} {arguments}", env!("CARGO_BIN_EXE_schemastamp"));
        let mut command = world.command_of(
            "/usr/bin/script".as_ref(),
            &["-q", "-e", "-c", &line, "/dev/null"],
        );
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (mut seen, mut buffer) = (String::new(), [0; 1024]);
        while !seen.contains(prompt) {
            let read = child.stdout.as_mut().unwrap().read(&mut buffer).unwrap();
            assert!(read > 0, "{seen}");
            seen.push_str(&String::from_utf8_lossy(&buffer[..read]));
        }
        child.stdin.as_mut().unwrap().write_all(b"\x03").unwrap();
        assert_eq!(
            child.wait().unwrap().code(),
            Some(130),
            "{arguments}: {seen}"
        );
    }
    assert_eq!(database.query("SELECT acme.first()"), "7");
}

/// A closed stdout does not turn an interrupted run into a success.
#[test]
fn closed_stdout_is_not_success() {
    let database = Cluster::shared().database();
    let world = Schemastamp::on(&database);
    world.write("snapshots/app.sql", snapshot(SMALL));
    world.write("names", names("closed_", 200));
    let line = format!(
        "{} provision --from-file names --jobs 1 --format json 2>/dev/null | head -n 1; echo ${{PIPESTATUS[0]}}",
        env!("CARGO_BIN_EXE_schemastamp")
    );
    let output = world.finish(
        world
            .command_of("/bin/bash".as_ref(), &["-c", &line])
            .spawn()
            .unwrap(),
    );
    assert!(output.stdout.ends_with("}\n141\n"), "{output}");
}

/// Types the answers at the questions of `capture` and returns its exit code and what it wrote.
fn capture_with_answers(world: &Schemastamp, answers: &[(&str, &str)]) -> (Option<i32>, String) {
    let line = format!(
        "{} capture --schema app -o app.sql --no-owner",
        env!("CARGO_BIN_EXE_schemastamp")
    );
    let mut child = world
        .command_of(
            "/usr/bin/script".as_ref(),
            &["-q", "-e", "-c", &line, "/dev/null"],
        )
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut seen, mut buffer) = (String::new(), [0; 1024]);
    for (prompt, answer) in answers {
        let mut asked = String::new();
        while !asked.contains(prompt) {
            let read = child.stdout.as_mut().unwrap().read(&mut buffer).unwrap();
            assert!(read > 0, "{prompt}: {seen}{asked}");
            asked.push_str(&String::from_utf8_lossy(&buffer[..read]));
        }
        seen.push_str(&asked);
        let typed = child.stdin.as_mut().unwrap().write_all(answer.as_bytes());
        typed.unwrap();
    }
    child
        .stdout
        .as_mut()
        .unwrap()
        .read_to_string(&mut seen)
        .unwrap();
    (child.wait().unwrap().code(), seen)
}

#[test]
fn typing_error_at_a_decision_is_asked_about_again() {
    let database = Cluster::shared().database();
    database.sql(
        "CREATE SCHEMA app; CREATE TABLE app.audit (what text);
         CREATE FUNCTION app.first(what text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN EXECUTE format('insert into %I.%I values (%L)', 'app', 'audit', what); END $$;
         CREATE FUNCTION app.second(what text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN EXECUTE format('insert into %I.%I values (%L)', 'app', 'audit', what);
  EXECUTE format('delete from %I.%I', 'app', 'audit'); END $$;",
    );
    let world = Schemastamp::on(&database);
    let (one, several, place) = ("eep it, [q]uit: ", "by itself, [q]uit: ", "eep or [q]uit: ");
    let quits: [&[(&str, &str)]; 3] = [
        &[(one, "q\n")],
        &[(one, "\n"), (one, "r\n"), (several, "\x04")],
        &[(one, "k\n"), (several, "e\n"), (place, "Quit\n")],
    ];
    for answers in quits {
        let (code, seen) = capture_with_answers(&world, answers);
        assert_eq!(code, Some(15), "{seen}");
        assert!(!world.path("app.sql").exists(), "{seen}");
    }
    let (code, seen) = capture_with_answers(
        &world,
        &[
            (one, "h\n"),
            (one, "e\n"),
            (one, "R\n"),
            (several, "\n"),
            (several, "x\n"),
            (several, "each\n"),
            (place, "e\n"),
            (place, "keep\n"),
            (place, "r\n"),
        ],
    );
    assert_eq!(code, Some(0), "{seen}");
    assert!(
        seen.contains("answer with one of: rename, keep, each, quit"),
        "{seen}"
    );
    let snapshot = world.read("app.sql");
    for line in [
        "\n-- rename: function first(what text)\n",
        "\n-- keep: function second(what text)#1\n",
        "\n-- rename: function second(what text)#2\n",
    ] {
        assert!(snapshot.contains(line), "{line}: {snapshot}");
    }
}
