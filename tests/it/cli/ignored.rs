//! Started with signals ignored, as `nohup` and a script's `&` do.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::provision::{SMALL, snapshot};
use crate::support::Schemastamp;

/// Starts the binary as a shell does that ignores signals.
fn spawn_ignoring(world: &Schemastamp, signals: &str, arguments: &[&str]) -> Child {
    let script = format!("trap '' {signals}; exec \"$@\"");
    let binary = world.command(&[]).get_program().to_owned();
    let mut all = vec!["-c", &script, "sh", binary.to_str().unwrap()];
    all.extend(arguments);
    world
        .command_of(Path::new("/bin/sh"), &all)
        .spawn()
        .unwrap()
}

/// A world with a FIFO, at which the binary waits.
fn waiting_world() -> Schemastamp {
    let world = Schemastamp::new();
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mkfifoat(rustix::fs::CWD, world.path("fifo"), mode).unwrap();
    world
}

#[test]
fn what_was_ignored_stays_ignored_and_the_rest_ends_the_run() {
    let world = waiting_world();
    for (ignored, stays, ends, code) in [
        ("INT", vec![Signal::INT], Signal::TERM, 143),
        ("HUP", vec![Signal::HUP], Signal::INT, 130),
        ("INT HUP", vec![Signal::HUP, Signal::INT], Signal::TERM, 143),
    ] {
        let mut child = spawn_ignoring(&world, ignored, &["render", "a", "--snapshot", "fifo"]);
        std::thread::sleep(Duration::from_millis(500));
        for signal in stays {
            kill_process(Pid::from_child(&child), signal).unwrap();
        }
        std::thread::sleep(Duration::from_millis(500));
        assert!(child.try_wait().unwrap().is_none(), "{ignored}: it goes on");
        kill_process(Pid::from_child(&child), ends).unwrap();
        let output = world.finish(child).exits_with(code);
        assert!(output.stderr.contains("by SIG"), "{output}");
    }
}

#[test]
fn its_children_obey_all_the_same() {
    let world = Schemastamp::new().env("PGHOST", "db").env("PGUSER", "app");
    world.write("snapshots/app.sql", snapshot(SMALL));
    world.write("fake/orders", "sleep 60");
    world.write("fake/version", "psql (PostgreSQL) 15.18\n");
    let fake = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/fake-bin/psql");
    assert!(std::fs::metadata(&fake).unwrap().permissions().mode() & 0o111 != 0);
    symlink(fake, world.path("fake/psql")).unwrap();
    let psql = world.path("fake/psql");
    let start = Instant::now();
    let arguments = [
        "provision",
        "acme",
        "--timeout",
        "0.5",
        "--psql",
        psql.to_str().unwrap(),
    ];
    let child = spawn_ignoring(&world, "INT", &arguments);
    let output = world.finish(child).exits_with(16);
    // Not after the grace of five seconds, when SIGTERM follows.
    assert!(start.elapsed() < Duration::from_millis(5400), "{output}");
}
