//! A psql that does what the real one does not do on demand.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

use super::world::{SMALL, snapshot};
use crate::support::{CommandOutput, Schemastamp};

/// Runs `provision acme` with a psql that runs these shell commands.
fn provision(orders: &str, arguments: &[&str]) -> CommandOutput {
    let world = Schemastamp::new().env("PGHOST", "db").env("PGUSER", "app");
    world.write("snapshots/app.sql", snapshot(SMALL));
    world.write("fake/orders", orders);
    world.write("fake/version", "psql (PostgreSQL) 15.18\n");
    symlink(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/fake-bin/psql"),
        world.path("fake/psql"),
    )
    .unwrap();
    let psql = world.path("fake/psql");
    let output = world.run(
        &[
            &["provision", "acme", "--psql", psql.to_str().unwrap()],
            arguments,
        ]
        .concat(),
    );
    assert!(world.leftovers().is_empty(), "{:?}", world.leftovers());
    output
}

/// What the server sends last: the run's own token.
const TOKEN: &str = "sed -n \"s/^SELECT '\\([0-9a-f]*\\)';$/\\1/p\" \"$file\"\n";

const CONNECTED: &str = "echo 'schemastamp: connected' >&2\n";

#[test]
fn psql_that_hangs_before_connecting_has_sent_nothing() {
    let start = Instant::now();
    insta::assert_snapshot!(provision("trap '' INT TERM; sleep 100 & wait; wait", &["--timeout", "0.3"]), @"
    --- stderr ---
    error: tenant 'acme': timed out after [time]; nothing was left behind
    hint: raise --timeout, or query pg_stat_activity to see what the server waits for
    [exit status: 16]
    ");
    assert!(start.elapsed() < Duration::from_secs(30));
}

#[test]
fn psql_that_dies_is_reported() {
    insta::assert_snapshot!(provision("kill -SEGV $$", &[]), @"
    --- stderr ---
    error: tenant 'acme': '$ROOT/fake/psql' was ended by SIGSEGV
    [exit status: 11]
    ");
    insta::assert_snapshot!(provision(&format!("{CONNECTED}kill -9 $$"), &["--format", "json"]), @r#"
    {"type":"tenant","tenant":"acme","outcome":"unknown","ms":0.0,"error":{"code":11,"id":"program.failed","message":"the outcome is unknown: the tenant may or may not have been created: '$ROOT/fake/psql' was ended by SIGKILL: the server could not be asked: '$ROOT/fake/psql' was ended by SIGKILL","causes":["'$ROOT/fake/psql' was ended by SIGKILL","the server could not be asked: '$ROOT/fake/psql' was ended by SIGKILL"],"hint":"check whether the schema exists, or run the command again with --if-exists skip, which does no harm"}}
    {"type":"summary","summary":{"command":"provision","created":0,"skipped":0,"failed":1,"ms":0.0}}
    --- stderr ---
    error: tenant 'acme': the outcome is unknown: the tenant may or may not have been created
    caused by: '$ROOT/fake/psql' was ended by SIGKILL
    caused by: the server could not be asked: '$ROOT/fake/psql' was ended by SIGKILL
    hint: check whether the schema exists, or run the command again with --if-exists skip, which does no harm
    [exit status: 11]
    "#);
    insta::assert_snapshot!(provision("echo 'psql: error: out of memory' >&2; exit 1", &[]), @"
    --- stderr ---
    error: tenant 'acme': psql failed with exit code 1: out of memory
    [exit status: 11]
    ");
}

#[test]
fn psql_that_floods_or_prints_garbage_is_reported() {
    let flood = "yes 'WARNING:  noise' | head -c 30000000 >&2; exit 0";
    provision(&format!("{CONNECTED}{TOKEN}{flood}"), &[]).succeeds();
    let broken = format!(
        "{CONNECTED}printf 'psql:script.sql:4: ERROR:  42P07: \\377\\376 exists\\n' >&2; exit 3"
    );
    insta::assert_snapshot!(provision(&broken, &[]), @"
    --- stderr ---
    error: tenant 'acme': �� exists (SQLSTATE 42P07), in: SELECT pg_catalog.set_config('statement_timeout', '0', true), pg_catalog.set_config('search_path', '', true), pg_catalog.set_config('lock_timeout', '0', true), pg_catalog.set_config('idle_in_transact…
      statement: SELECT pg_catalog.set_config('statement_timeout', '0', true), pg_catalog.set_config('search_path', '', true), pg_catalog.set_config('lock_timeout', '0', true), pg_catalog.set_config('idle_in_transact…
    [exit status: 14]
    ");
    let endless = format!("{CONNECTED}head -c 70000000 /dev/zero; exit 0");
    let output = provision(&endless, &[]);
    assert_eq!(output.code, Some(11), "{output}");
}

#[test]
fn program_that_is_not_psql_is_reported() {
    let world = Schemastamp::new().env("PGHOST", "db").env("PGUSER", "app");
    world.write("snapshots/app.sql", snapshot(SMALL));
    let stderr = |psql: &str| {
        world
            .run(&["provision", "acme", "--psql", psql])
            .exits_with(11)
            .stderr
    };
    let no_reason = |text: String| {
        text.split("\ncaused by")
            .next()
            .unwrap()
            .replace(&world.root().display().to_string(), "$ROOT")
    };
    world.write("not-a-program", "x");
    insta::assert_snapshot!(no_reason(stderr("./missing")), @"error: cannot run './missing' (--psql) as psql");
    insta::assert_snapshot!(no_reason(stderr("./not-a-program")), @"error: cannot run './not-a-program' (--psql) as psql");
    insta::assert_snapshot!(no_reason(stderr("/bin/true")), @r#"error: '/bin/true' does not report its version with --version: "true (GNU coreutils) 9.1\nCopyright (C) 2022 Free Software Foundation, Inc.\nLicense GPLv3+: GNU GPL version 3 or later <https://gnu.org/licenses/gpl.html>.\nThis is free software: you are free to change…""#);
    let nowhere = Schemastamp::new()
        .env("PGHOST", "db")
        .env("PGUSER", "app")
        .env("PATH", "/nonexistent");
    nowhere.write("snapshots/app.sql", snapshot(SMALL));
    insta::assert_snapshot!(nowhere.run(&["provision", "acme", "--format", "json"]), @r#"
    {"type":"error","error":{"code":11,"id":"program.psql_missing","message":"no psql in PATH (searched '/nonexistent'); install the PostgreSQL client programs (Debian, Ubuntu, Alpine: postgresql-client; Fedora: postgresql) or give the path of psql"}}
    --- stderr ---
    error: no psql in PATH (searched '/nonexistent'); install the PostgreSQL client programs (Debian, Ubuntu, Alpine: postgresql-client; Fedora: postgresql) or give the path of psql
    [exit status: 11]
    "#);
}

#[test]
fn success_without_the_servers_word_is_no_success() {
    for orders in [
        "exit 0",
        "echo 0123456789abcdef; exit 0",
        // Some other script was run in the place of this one.
        "echo \"$file\"; exit 0",
    ] {
        let output = provision(&format!("{CONNECTED}{orders}"), &[]);
        assert_eq!(output.code, Some(11), "{output}");
        assert!(
            output.stderr.contains("confirmation is missing"),
            "{output}"
        );
        assert!(!output.stdout.contains("created"), "{output}");
    }
}

/// psql ends as after a refused statement when it notices the loss as it sends the next one.
#[test]
fn a_lost_connection_is_no_refusal() {
    let output = provision(
        &format!(
            "{CONNECTED}printf 'psql:script.sql:4: server closed the connection unexpectedly\\n' >&2; exit 3"
        ),
        &["--format", "json"],
    );
    assert_eq!(output.json()[0]["outcome"], "unknown", "{output}");
}
