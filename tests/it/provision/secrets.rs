use super::world::{Held, SMALL, wait_until_blocked, world};
use crate::support::{Cluster, Schemastamp};

#[test]
fn password_reaches_only_psql() {
    const PASSWORD: &str = "hunter2-Zq";
    let database = Cluster::shared().database();
    let world = world(&database, SMALL).env("PGPASSWORD", PASSWORD);
    let held = Held::tenant(&database, "acme");
    let child = world.spawn(&["provision", "acme", "-vvv"]);
    wait_until_blocked(&database);
    let mut psql_has_it = false;
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let read = |name: &str| std::fs::read(entry.path().join(name)).unwrap_or_default();
        let holds = |bytes: &[u8]| {
            bytes
                .windows(PASSWORD.len())
                .any(|window| window == PASSWORD.as_bytes())
        };
        let command_line = read("cmdline");
        assert!(
            !holds(&command_line),
            "{}",
            String::from_utf8_lossy(&command_line)
        );
        psql_has_it |= command_line.ends_with(b"script.sql\0") && holds(&read("environ"));
    }
    assert!(psql_has_it, "psql has it in its environment");
    for folder in world.leftovers() {
        for file in std::fs::read_dir(folder).unwrap().flatten() {
            assert!(
                !std::fs::read_to_string(file.path())
                    .unwrap()
                    .contains(PASSWORD)
            );
        }
    }
    held.release(&database);
    let output = world.finish(child).succeeds();
    assert!(output.stderr.contains("PGPASSWORD=[redacted]"), "{output}");
    assert!(
        !output.stderr.contains(PASSWORD) && !output.stdout.contains(PASSWORD),
        "{output}"
    );
}

#[test]
fn password_is_never_printed() {
    // On this program's own command line, where the user has put it.
    const PASSWORD: &str = "hunter3-Xw";
    let world = Schemastamp::new().env("PGUSER", "app");
    world.write("snapshots/app.sql", super::world::snapshot(SMALL));
    let uri = format!("postgres://app:{PASSWORD}@127.0.0.1:1/db");
    let typo = format!("postgres://app:{PASSWORD}@@127.0.0.1:1/db?sslmod=require");
    for arguments in [
        &["provision", "a", "-d", &uri, "-vvv"] as &[&str],
        &["provision", "a", "-d", &uri, "--dry-run", "-vvv"],
        &[
            "provision",
            "a",
            "-d",
            &uri,
            "--diagnose",
            "--format",
            "json",
        ],
        &["provision", "a", "-d", &typo],
        &["provision", "a", "-d", &uri, "--sslmode", "nonsense"],
        &["capture", "--schema", "s", "-d", &uri, "-vvv"],
        &["diagnose", "-d", &uri, "-vvv", "--timeout", "2"],
    ] {
        let output = world.run(arguments);
        assert!(
            !output.stdout.contains(PASSWORD) && !output.stderr.contains(PASSWORD),
            "{arguments:?}\n{output}"
        );
    }
}
