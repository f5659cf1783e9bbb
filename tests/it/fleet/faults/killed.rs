//! psql, backends and servers that are killed while a fleet is made.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::fleet::world::{Fleet, Midway, count, names, psql_of};
use crate::provision::wait_for;
use crate::support::{Bouncer, BouncerOptions, Cluster, Options, StopMode};

/// Number of kills.
const TIMES: usize = 5;
/// Between two times: long enough for the run to recover, and to be at work again.
const PAUSE: Duration = Duration::from_millis(150);

/// The backends that are creating a tenant, and no others.
const CREATING: &str = "FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' \
    AND query LIKE 'SELECT NULL AS run!_%' ESCAPE '!'";

/// The number of tenants that there are.
fn tenants(run: &Midway) -> usize {
    let query = "SELECT count(*) FROM pg_namespace WHERE nspname ~ '^t[0-9]'";
    run.fleet.database.query(query).parse().unwrap()
}

fn kill(pid: u32) {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    // It may have ended in between.
    let _gone = kill_process(pid, Signal::KILL).is_err();
}

#[test]
fn killed_psql_does_not_end_the_run() {
    let run = Midway::on(Cluster::shared());
    let mut killed = 0;
    for _ in 0..TIMES {
        wait_for(|| {
            let psql = psql_of(run.pid());
            psql.iter().copied().for_each(kill);
            killed += psql.len();
            !psql.is_empty() || run.is_over()
        });
        // However slow the machine is, the run gets on between two times.
        let before = tenants(&run);
        wait_for(|| tenants(&run) > before || run.is_over());
    }
    assert!(killed > 0);
    let answers = run.end_with_unknown_at_most(killed);
    assert!(count(&answers, "created") > 0);
}

#[test]
fn terminated_backends_do_not_end_the_run() {
    let run = Midway::on(Cluster::shared());
    let mut terminated = 0;
    for _ in 0..TIMES {
        wait_for(|| {
            let query =
                format!("SELECT count(*) FROM (SELECT pg_terminate_backend(pid) {CREATING}) AS t");
            let count: usize = run.fleet.database.query(&query).parse().unwrap();
            terminated += count;
            count > 0 || run.is_over()
        });
        std::thread::sleep(PAUSE);
    }
    assert!(terminated > 0);
    // The server lives, and says what has become of each.
    run.end_with_unknown_at_most(0);
}

#[test]
fn server_crash_does_not_end_the_run() {
    let cluster = Cluster::start(&Options::default().fsync());
    let run = Midway::on(&cluster);
    wait_for(|| {
        let pids = run
            .fleet
            .database
            .query(&format!("SELECT pid {CREATING} LIMIT 1"));
        pids.parse().map(kill).is_ok()
    });
    wait_for(|| {
        cluster
            .log()
            .contains("all server processes terminated; reinitializing")
    });
    wait_for(|| run.fleet.database.try_query("SELECT 1").is_ok());
    // Nobody could be asked about the two that were at work.
    run.end_with_unknown_at_most(2);
}

#[test]
fn server_restart_does_not_end_the_run() {
    let cluster = Cluster::start(&Options::default().fsync());
    for mode in [StopMode::Immediate, StopMode::Fast] {
        let run = Midway::on(&cluster);
        cluster.stop(mode);
        std::thread::sleep(Duration::from_millis(300));
        cluster.start_again();
        run.end_with_unknown_at_most(2);
    }
}

#[test]
fn pooler_restart_does_not_end_the_run() {
    let cluster = Cluster::shared();
    // The connections that the pooler keeps open do not belong to a run. They end a second later.
    let bouncer = Bouncer::start(
        cluster,
        &BouncerOptions::default().setting("server_idle_timeout", "1"),
    );
    let run = Midway::through(cluster, |database| bouncer.environment(database));
    for _ in 0..2 {
        bouncer.restart();
        std::thread::sleep(PAUSE);
    }
    run.end_with_unknown_at_most(4);
}

#[test]
fn server_that_starts_late_gets_its_tenants() {
    let cluster = Cluster::start(&Options::default());
    let fleet = Fleet::on(&cluster, crate::provision::SMALL);
    let names = names("t", 4);
    fleet.list(&names);
    cluster.stop(StopMode::Fast);
    let child = fleet.start(&["--jobs", "2"]);
    std::thread::sleep(Duration::from_millis(500));
    cluster.start_again();
    let answers = fleet.answers(&fleet.world.finish(child).succeeds());
    assert_eq!(count(&answers, "created"), names.len());
    fleet.assert_whole(&names);
}
