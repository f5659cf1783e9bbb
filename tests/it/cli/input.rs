//! Snapshots that are none, or not quite.

use std::time::{Duration, Instant};

use crate::provision::{SMALL, snapshot};
use crate::support::{CommandOutput, Schemastamp};

fn render(content: impl AsRef<[u8]>) -> CommandOutput {
    let world = Schemastamp::new();
    world.write("app.sql", content);
    world.run(&["render", "acme", "--snapshot", "app.sql"])
}

/// The first bytes of a text.
fn first(text: &str, length: usize) -> &str {
    text.split_at(length).0
}

fn refused(content: impl AsRef<[u8]>) -> String {
    let output = render(content).exits_with(15);
    assert!(output.stdout.is_empty(), "{output}");
    output.stderr
}

#[test]
fn invalid_snapshot_is_refused_with_file_and_line() {
    let good = snapshot(SMALL);
    insta::assert_snapshot!(refused(""), @"error: 'app.sql': the file is empty");
    insta::assert_snapshot!(refused("\n \n"), @"error: 'app.sql': the file is empty");
    insta::assert_snapshot!(refused("CREATE SCHEMA app;\n"), @"error: 'app.sql': line 1: this is not a snapshot: the first line must begin with '-- schemastamp snapshot, format N' (N from 1 to 2); make one with `schemastamp capture`");
    insta::assert_snapshot!(refused(b"PGDMP\x01\x0e\x00"), @"error: 'app.sql': line 1: a NUL byte, behind which psql would not read the rest of the line");
    insta::assert_snapshot!(refused(good.replace("format 2", "format 3")), @"error: 'app.sql': line 1: the snapshot has format 3, this version reads formats 1 to 2; a newer schemastamp is needed");
    insta::assert_snapshot!(refused(first(&good, good.len() - 10)), @"error: 'app.sql': line 15: a dollar-quoted string starts here and never ends; the file may be truncated");
    insta::assert_snapshot!(refused(first(&good, good.find("INSERT").unwrap() + 50)), @"error: 'app.sql': the last statement has no semicolon; the file may be truncated");
    insta::assert_snapshot!(refused(good.replace("INSERT", "\\! rm -rf /\nINSERT")), @r"error: 'app.sql': line 10: psql meta-command '\!'; a snapshot holds only SQL");
    insta::assert_snapshot!(refused(good.replace("INSERT", "COMMIT;\nINSERT")), @"error: 'app.sql': line 10: 'COMMIT' would end the one transaction that a tenant is created in");
    insta::assert_snapshot!(refused(good.replace("(7)", "('#{tenant}')")), @"error: 'app.sql': line 11: unknown placeholder '#{tenant}'; known are #{prefix} and, for a plain '#', #{#}");
    insta::assert_snapshot!(refused(good.replace("CREATE SCHEMA #{prefix};", "")), @"error: 'app.sql': the body has 0 statements `CREATE SCHEMA #{prefix}`; it needs exactly one, as the first statement");
    insta::assert_snapshot!(refused(good.replace("CREATE SCHEMA #{prefix}", "CREATE SCHEMA app")), @"error: 'app.sql': the body has 0 statements `CREATE SCHEMA #{prefix}`; it needs exactly one, as the first statement");
    insta::assert_snapshot!(refused([good.as_bytes(), b"-- caf\xe9\n"].concat()), @"error: 'app.sql': line 18: not UTF-8; snapshots are UTF-8, whatever the server's encoding");
    let utf16: Vec<u8> = good.encode_utf16().flat_map(u16::to_le_bytes).collect();
    insta::assert_snapshot!(refused(utf16), @"error: 'app.sql': line 1: a NUL byte, behind which psql would not read the rest of the line");
    insta::assert_snapshot!(refused(good.replace("-- sha256: ", "-- sha256: x")), @"error: 'app.sql': line 4: 'x9f40ca76c5768b6de285d1c0d4360b3000a08a2a95c57855b4948c7d99f99ac2' is not a SHA-256 of 64 hexadecimal digits");
}

#[test]
fn edited_snapshot_is_used_with_a_warning() {
    let good = snapshot(SMALL);
    let plain = render(&good).succeeds();
    assert!(plain.stderr.is_empty(), "{plain}");
    let accepted = |content: String| {
        let output = render(content).succeeds();
        (output.stdout == plain.stdout, output.stderr)
    };
    assert_eq!(accepted(format!("\u{feff}{good}")), (true, String::new()));
    insta::assert_debug_snapshot!(accepted(good.replace('\n', "\r\n")), @r#"
    (
        true,
        "warning: 'app.sql': the file has CR LF line ends; they were read as LF\n",
    )
    "#);
    insta::assert_debug_snapshot!(accepted(good.replace("(7)", "(8)")), @r#"
    (
        false,
        "warning: 'app.sql': the body was edited: its SHA-256 is dad1a3901133…, the header says 9f40ca76c576…; capture or minify writes a new one\n",
    )
    "#);
    let (before, after) = good.split_once("-- sha256").unwrap();
    let (_, after) = after.split_once('\n').unwrap();
    insta::assert_debug_snapshot!(accepted(format!("{before}{after}")), @r#"
    (
        true,
        "warning: 'app.sql': the header has no sha256 line\n",
    )
    "#);
}

#[test]
fn json_error_is_the_last_object() {
    let world = Schemastamp::new();
    world.write("app.sql", "no snapshot");
    insta::assert_snapshot!(world.run(&["render", "acme", "--snapshot", "app.sql", "--format", "json"]), @r#"
    {"type":"error","error":{"code":15,"id":"snapshot.not_a_snapshot","message":"'app.sql': line 1: this is not a snapshot: the first line must begin with '-- schemastamp snapshot, format N' (N from 1 to 2); make one with `schemastamp capture`"}}
    --- stderr ---
    error: 'app.sql': line 1: this is not a snapshot: the first line must begin with '-- schemastamp snapshot, format N' (N from 1 to 2); make one with `schemastamp capture`
    [exit status: 15]
    "#);
    let world = world.env("PGUSER", "app");
    insta::assert_snapshot!(world.run(&["provision", "acme", "--snapshot", "app.sql", "--format", "json"]), @r#"
    {"type":"error","error":{"code":15,"id":"snapshot.not_a_snapshot","message":"'app.sql': line 1: this is not a snapshot: the first line must begin with '-- schemastamp snapshot, format N' (N from 1 to 2); make one with `schemastamp capture`"}}
    --- stderr ---
    error: 'app.sql': line 1: this is not a snapshot: the first line must begin with '-- schemastamp snapshot, format N' (N from 1 to 2); make one with `schemastamp capture`
    [exit status: 15]
    "#);
}

#[test]
fn missing_or_ambiguous_snapshot_is_an_error() {
    let world = Schemastamp::new();
    insta::assert_snapshot!(world.run(&["render", "acme"]), @"
    --- stderr ---
    error: no snapshot found: there is no file snapshots/*.sql
    hint: make one with `schemastamp capture`, or name one with --snapshot or SCHEMASTAMP_SNAPSHOT
    [exit status: 10]
    ");
    insta::assert_snapshot!(world.run(&["render", "acme", "--snapshot", "none.sql"]).exits_with(12).stderr.split("\ncaused").next().unwrap(), @"error: cannot read 'none.sql'");
    world.write("snapshots/one.sql", snapshot(""));
    world.run(&["render", "acme"]).succeeds();
    world.write(
        "snapshots/two.sql",
        snapshot("CREATE TABLE #{prefix}.two (id integer);\n"),
    );
    insta::assert_snapshot!(world.run(&["render", "acme"]), @"
    --- stderr ---
    error: several snapshots found: 'snapshots/one.sql', 'snapshots/two.sql'
    hint: name one with --snapshot or SCHEMASTAMP_SNAPSHOT
    [exit status: 10]
    ");
    let world = world.env("SCHEMASTAMP_SNAPSHOT", "snapshots/two.sql");
    assert!(
        world
            .run(&["render", "acme"])
            .succeeds()
            .stdout
            .contains("CREATE TABLE acme.two")
    );
    assert!(
        !world
            .run(&["render", "acme", "--snapshot", "snapshots/one.sql"])
            .succeeds()
            .stdout
            .contains("two")
    );
}

#[test]
fn hundred_megabytes_are_refused_in_time() {
    let start = Instant::now();
    let junk = vec![b'x'; 100_000_000];
    insta::assert_snapshot!(refused(&junk), @"error: 'app.sql': line 1: this is not a snapshot: the first line must begin with '-- schemastamp snapshot, format N' (N from 1 to 2); make one with `schemastamp capture`");
    let mut large = snapshot(SMALL);
    let row = format!("-- {}\n", "y".repeat(1000));
    while large.len() < 100_000_000 {
        large.push_str(&row);
    }
    let output = render(&large).succeeds();
    assert!(
        output.stderr.contains("the body was edited"),
        "{}",
        output.stderr
    );
    let statement = format!("{}SELECT '{}", snapshot(SMALL), "z".repeat(100_000_000));
    assert!(refused(statement).contains("never ends"));
    assert!(
        start.elapsed() < Duration::from_mins(2),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn what_blocks_answers_signals_and_timeouts() {
    let world = Schemastamp::new();
    world.write("app.sql", snapshot(SMALL));
    let fifo = world.path("fifo");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, mode).unwrap();
    let commands: [&[&str]; 4] = [
        &["render", "a", "--snapshot", "fifo"],
        &["provision", "a", "--snapshot", "fifo"],
        &["provision", "--from-file", "fifo", "--snapshot", "app.sql"],
        &["minify", "fifo"],
    ];
    for command in commands {
        for (signal, code) in [
            (rustix::process::Signal::INT, 130),
            (rustix::process::Signal::TERM, 143),
        ] {
            let child = world.spawn(command);
            std::thread::sleep(Duration::from_millis(300));
            rustix::process::kill_process(rustix::process::Pid::from_child(&child), signal)
                .unwrap();
            let start = Instant::now();
            let output = world.finish(child).exits_with(code);
            assert!(start.elapsed() < Duration::from_secs(5), "{output}");
        }
        let output = world
            .run(&[command, &["--timeout", "0.3", "--format", "json"]].concat())
            .exits_with(16);
        assert!(output.stdout.contains("\"timeout\""), "{output}");
    }
}

#[test]
fn what_comes_through_a_pipe_is_read_to_its_end() {
    let world = Schemastamp::new();
    let text = snapshot(SMALL);
    world.write("app.sql", &text);
    let fifo = world.path("fifo");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, mode).unwrap();
    let expected = world
        .run(&["render", "a", "--snapshot", "app.sql"])
        .succeeds();
    let child = world.spawn(&["render", "a", "--snapshot", "fifo"]);
    let writer = std::thread::spawn(move || {
        use std::io::Write as _;
        let mut file = std::fs::OpenOptions::new().write(true).open(fifo).unwrap();
        let (head, tail) = text.split_at(text.len() / 2);
        file.write_all(head.as_bytes()).unwrap();
        std::thread::sleep(Duration::from_millis(300));
        file.write_all(tail.as_bytes()).unwrap();
    });
    let output = world.finish(child).succeeds();
    writer.join().unwrap();
    assert_eq!(output.stdout, expected.stdout);
}

#[test]
fn what_has_no_end_is_refused() {
    let world = Schemastamp::new();
    world.write("app.sql", snapshot(SMALL));
    std::os::unix::fs::symlink("/dev/zero", world.path("zero.sql")).unwrap();
    world.write("m/1_a.sql", "SELECT 1;");
    std::os::unix::fs::symlink("/dev/zero", world.path("m/2_b.sql")).unwrap();
    let commands: [&[&str]; 4] = [
        &["render", "a", "--snapshot", "zero.sql"],
        &[
            "provision",
            "--from-file",
            "/dev/zero",
            "--snapshot",
            "app.sql",
        ],
        &[
            "capture",
            "--schema",
            "a",
            "--from",
            "/dev/zero",
            "--no-prove",
        ],
        &["migrate", "--all", "--migrations", "m"],
    ];
    for command in commands {
        let start = Instant::now();
        let output = world.run(command).exits_with(12);
        assert!(
            output.stderr.contains("zero") || output.stderr.contains("2_b.sql"),
            "{output}"
        );
        assert!(start.elapsed() < Duration::from_secs(10), "{output}");
    }
}

#[test]
fn a_psql_of_the_working_directory_is_not_run() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = Schemastamp::new();
    for name in ["psql", "bin/psql"] {
        let path = world.write(
            name,
            "#!/bin/sh\ntouch ran\necho 'psql (PostgreSQL) 16.1'\n",
        );
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let mut world = world;
    for path in [
        ":/nonexistent",
        "/nonexistent:",
        "/nonexistent::/nor/this",
        ".",
        "bin",
    ] {
        world = world.env("PATH", path);
        let output = world.run(&["diagnose", "--format", "json"]).exits_with(20);
        assert!(output.stdout.contains("psql_missing"), "{path}: {output}");
        assert!(!world.path("ran").exists(), "{path}");
    }
}
