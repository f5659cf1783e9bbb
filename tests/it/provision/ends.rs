//! Runs that are cut short: by their time, by signals, by the server.

use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::world::{Held, SMALL, schemas, wait_for, wait_until_blocked, waiting, world};
use crate::support::{Client, Cluster, Options, StopMode};

#[test]
fn timeout_cancels_a_waiting_statement() {
    let database = Cluster::shared().database();
    let world = world(&database, SMALL);
    let held = Held::tenant(&database, "acme");
    let start = Instant::now();
    insta::assert_snapshot!(world.run(&["provision", "acme", "--timeout", "0.5"]), @"
    --- stderr ---
    error: tenant 'acme': timed out after [time]; nothing was left behind
    hint: raise --timeout, or query pg_stat_activity to see what the server waits for
    [exit status: 16]
    ");
    assert!(start.elapsed() < Duration::from_secs(10));
    assert_eq!((schemas(&database), waiting(&database)), (String::new(), 0));
    let output = world
        .run(&[
            "provision",
            "acme",
            "other",
            "--timeout",
            "0.5",
            "--format",
            "json",
        ])
        .exits_with(18);
    assert_eq!(output.json()[0]["error"]["id"], "timeout");
    assert_eq!(schemas(&database), "other");
    held.release(&database);
    world
        .run(&["provision", "acme", "--timeout", "20"])
        .succeeds();
    assert!(world.leftovers().is_empty());
}

#[test]
fn signal_leaves_the_tenant_complete_or_absent() {
    let database = Cluster::shared().database();
    let world = world(&database, SMALL);
    let held = Held::tenant(&database, "acme");
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
        let child = world.spawn(&["provision", "acme", "next"]);
        wait_until_blocked(&database);
        kill_process(Pid::from_child(&child), signal).unwrap();
        let output = world.finish(child).exits_with(code);
        assert!(
            output.stderr.contains("nothing was left behind")
                && output.stderr.contains("1 tenant not tried"),
            "{output}"
        );
        wait_for(|| waiting(&database) == 0);
        assert_eq!(schemas(&database), "");
        assert!(world.leftovers().is_empty());
    }
    held.release(&database);
}

#[test]
fn interrupted_run_reports_the_signal() {
    let database = Cluster::shared().database();
    let world = world(&database, SMALL);
    let _held = Held::tenant(&database, "acme");
    let child = world.spawn(&["provision", "acme", "--format", "json"]);
    wait_until_blocked(&database);
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    insta::assert_snapshot!(world.finish(child), @r#"
    {"type":"tenant","tenant":"acme","outcome":"failed","ms":0.0,"error":{"code":143,"id":"interrupted","message":"interrupted by SIGTERM; nothing was left behind"}}
    {"type":"summary","summary":{"command":"provision","created":0,"skipped":0,"failed":1,"ms":0.0}}
    --- stderr ---
    error: tenant 'acme': interrupted by SIGTERM; nothing was left behind
    [exit status: 143]
    "#);
}

#[test]
fn killed_run_leaves_the_tenant_complete_or_absent() {
    let database = Cluster::shared().database();
    let world = world(&database, SMALL);
    let held = Held::tenant(&database, "acme");
    let child = world.spawn(&["provision", "acme"]);
    wait_until_blocked(&database);
    kill_process(Pid::from_child(&child), Signal::KILL).unwrap();
    assert_eq!(world.finish(child).signal, Some(9));
    held.release(&database);
    // psql was not killed, and completes the tenant.
    wait_for(|| waiting(&database) == 0 && schemas(&database) == "acme");
    assert_eq!(database.query("SELECT acme.first()"), "7");
    world
        .run(&["provision", "acme", "--if-exists", "skip"])
        .succeeds();
}

#[test]
fn signal_between_names_from_stdin_ends_the_run() {
    let database = Cluster::shared().database();
    let world = world(&database, SMALL);
    let mut child = world.spawn(&["provision", "first", "--from-file", "-"]);
    wait_for(|| schemas(&database) == "first");
    // It reads from stdin now, or is about to.
    std::thread::sleep(Duration::from_millis(200));
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    // The end of stdin, which `finish` brings, would be another end.
    wait_for(|| child.try_wait().unwrap().is_some());
    let output = world.finish(child).exits_with(143);
    assert!(output.stdout.starts_with("created first"), "{output}");
}

#[test]
fn outcome_after_a_lost_connection_is_queried() {
    let database = Cluster::shared().database();
    let world = world(&database, SMALL);
    let held = Held::tenant(&database, "acme");
    let terminate = || {
        database.query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'advisory' \
             AND datname = current_database()",
        );
    };
    let child = world.spawn(&["provision", "acme", "--retries", "0"]);
    wait_until_blocked(&database);
    terminate();
    insta::assert_snapshot!(world.finish(child), @"
    --- stderr ---
    error: tenant 'acme': not created; nothing was left behind
    caused by: the connection was lost: terminating connection due to administrator command (SQLSTATE 57P01)
    hint: run the command again
    [exit status: 13]
    ");
    assert_eq!(schemas(&database), "");
    // Nothing is left, so it is tried again.
    let child = world.spawn(&["provision", "acme"]);
    wait_until_blocked(&database);
    terminate();
    held.release(&database);
    insta::assert_snapshot!(world.finish(child), @"
    created acme ([time], 2 attempts)
    --- stderr ---
    warning: tenant 'acme': retrying: the connection was lost: terminating connection due to administrator command (SQLSTATE 57P01)
    [exit status: 0]
    ");
}

#[test]
fn tenant_of_a_concurrent_run_is_not_claimed() {
    let database = Cluster::shared().database();
    let world = world(&database, SMALL);
    world.run(&["provision", "twin"]).succeeds();
    let held = Held::tenant(&database, "acme");
    let child = world.spawn(&["provision", "acme", "--format", "json"]);
    wait_until_blocked(&database);
    // Another run creates the tenant from the same snapshot, and the answer to this run gets lost.
    database.sql(
        "CREATE SCHEMA acme; DO $$ BEGIN EXECUTE format('COMMENT ON SCHEMA acme IS %L', \
         obj_description('twin'::regnamespace)); END $$; \
         SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'advisory' \
         AND datname = current_database()",
    );
    held.release(&database);
    let output = world.finish(child).exits_with(17);
    assert_eq!(output.json()[0]["error"]["id"], "tenant.exists", "{output}");
}

/// psql is killed, the server has not begun with what it sent, and comes to its end only during the next attempt.
#[test]
fn tenant_of_an_earlier_attempt_of_the_run_is_created_by_it() {
    let database = Cluster::shared().database();
    let world = world(&database, SMALL);
    let real = Client::installed().psql();
    let script = format!(
        "#!/bin/bash\nreal='{}'; here='{}'\n\
         for ((i = 1; i < $#; i++)); do if [[ ${{!i}} == -f ]]; then j=$((i + 1)); file=${{!j}}; fi; done\n\
         if [[ -n $file ]] && grep -q 'CREATE SCHEMA' \"$file\"; then\n\
         if [[ ! -e $here/late.sql ]]; then cp \"$file\" \"$here/late.sql\"; echo 'schemastamp: connected' >&2; kill -9 $$; fi\n\
         \"$real\" -X -q -w -f \"$here/late.sql\" >/dev/null 2>&1\nfi\n\
         exec \"$real\" \"$@\"\n",
        real.display(),
        world.path("").display()
    );
    for more in [&[][..], &["--if-exists", "resume"]] {
        let psql = world.write("psql", &script);
        std::fs::set_permissions(&psql, std::fs::Permissions::from_mode(0o755)).unwrap();
        let psql = psql.to_str().unwrap();
        let arguments = ["provision", "acme", "--psql", psql, "--format", "json"];
        let output = world.run(&[&arguments[..], more].concat()).succeeds();
        assert_eq!(output.json()[0]["outcome"], "created", "{output}");
        assert_eq!(output.json()[0]["attempts"], 2, "{output}");
        database.sql("DROP SCHEMA acme CASCADE");
        std::fs::remove_file(world.path("late.sql")).unwrap();
    }
}

#[test]
fn outcome_is_unknown_when_the_server_is_gone() {
    let cluster = Cluster::start(&Options::default());
    let database = cluster.database();
    let world = world(&database, SMALL);
    let _held = Held::tenant(&database, "acme");
    let child = world.spawn(&["provision", "acme", "--format", "json"]);
    wait_until_blocked(&database);
    cluster.stop(StopMode::Immediate);
    let output = world.finish(child).exits_with(13);
    let lines = output.json();
    assert_eq!(lines[0]["outcome"], "unknown", "{output}");
    assert_eq!(lines[0]["error"]["id"], "connection.lost");
    assert_eq!(lines[1]["summary"]["failed"], 1);
    assert!(
        output
            .stderr
            .contains("error: tenant 'acme': the outcome is unknown: the tenant may or may not have been created"),
        "{output}"
    );
    cluster.start_again();
    assert_eq!(schemas(&database), "");
    world.run(&["provision", "acme"]).succeeds();
}
