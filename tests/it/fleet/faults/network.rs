//! A network that is cut, refused and stalled while a fleet is made.

use std::time::{Duration, Instant};

use crate::fleet::world::{Midway, count};
use crate::support::{Cluster, Proxy};

#[test]
fn cut_connections_are_reopened() {
    let cluster = Cluster::shared();
    let proxy = Proxy::start(cluster.port());
    let run = Midway::through(cluster, |database| proxy.environment(database));
    for _ in 0..5 {
        proxy.cut();
        std::thread::sleep(Duration::from_millis(200));
    }
    // The query for a tenant's outcome may be cut too.
    run.end_with_unknown_at_most(2);
}

#[test]
fn refused_connections_are_retried() {
    let cluster = Cluster::shared();
    let proxy = Proxy::start(cluster.port());
    let run = Midway::through(cluster, |database| proxy.environment(database));
    proxy.refuse();
    std::thread::sleep(Duration::from_secs(1));
    proxy.resume();
    run.end_with_unknown_at_most(2);
}

#[test]
fn short_network_stall_is_harmless() {
    let cluster = Cluster::shared();
    let proxy = Proxy::start(cluster.port());
    let run = Midway::through(cluster, |database| proxy.environment(database));
    for _ in 0..3 {
        proxy.stall();
        std::thread::sleep(Duration::from_millis(400));
        proxy.resume();
        std::thread::sleep(Duration::from_millis(100));
    }
    run.end_with_unknown_at_most(0);
}

#[test]
fn network_stall_beyond_the_timeout_is_never_unknown() {
    let cluster = Cluster::shared();
    let proxy = Proxy::start(cluster.port());
    let start = Instant::now();
    let run = Midway::through_with(cluster, &["--timeout", "2"], |database| {
        proxy.environment(database)
    });
    proxy.stall();
    std::thread::sleep(Duration::from_secs(4));
    proxy.resume();
    let answers = run.end_of_some();
    assert_eq!(count(&answers, "unknown"), 0, "{answers:?}");
    // Those at work when the network stalled.
    assert!(count(&answers, "failed") <= 2, "{answers:?}");
    assert!(
        answers
            .iter()
            .all(|answer| ["", "timeout"].contains(&answer.id.as_str())),
        "{answers:?}"
    );
    assert!(start.elapsed() < Duration::from_secs(40));
}
