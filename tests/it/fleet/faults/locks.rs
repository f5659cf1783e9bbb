//! A lock table that is too small, and how well it is known beforehand what a tenant takes of it.

use schemastamp::fleet::bulk::locks_of;
use schemastamp::snapshot::{RenderOptions, Snapshot};
use schemastamp::sql::TenantName;

use crate::fleet::world::{Fleet, names};
use crate::provision::tables;
use crate::support::{Cluster, Database, HardCase, Options, Schemastamp};

/// A server with room for a hundred locks.
fn cluster() -> Cluster {
    Cluster::start(
        &Options::default()
            .setting("max_locks_per_transaction", "10")
            .setting("max_connections", "10"),
    )
}

#[test]
fn small_lock_table_reduces_workers_with_a_warning() {
    let cluster = cluster();
    let fleet = Fleet::on(&cluster, &tables(22));
    let names = names("t", 40);
    fleet.list(&names);
    let output = fleet.bulk(&["--jobs", "4"]).succeeds();
    assert!(
        output
            .stderr
            .contains("workers instead of 4: a tenant takes "),
        "{output}"
    );
    assert!(
        output
            .stderr
            .contains("raise max_locks_per_transaction, which is 10"),
        "{output}"
    );
    fleet.answers(&output);
    fleet.assert_nothing_left();
    fleet.assert_whole(&names);
    assert!(
        !cluster.log().contains("out of shared memory"),
        "{}",
        cluster.log()
    );
}

#[test]
fn tenant_that_exceeds_the_lock_table_is_not_started() {
    let cluster = cluster();
    let fleet = Fleet::on(&cluster, &tables(200));
    fleet.list(&names("t", 3));
    for more in [&["--jobs", "2"][..], &[]] {
        let output = fleet.bulk(more).exits_with(14);
        assert!(
            output
                .stderr
                .contains("raise max_locks_per_transaction (it is 10) to "),
            "{output}"
        );
        assert!(!output.stderr.contains("out of shared memory"), "{output}");
    }
    assert!(fleet.schemas().is_empty());
    fleet.assert_nothing_left();
    assert!(
        !cluster.log().contains("out of shared memory"),
        "{}",
        cluster.log()
    );
}

#[test]
fn recommended_lock_setting_is_enough() {
    let cluster = cluster();
    let fleet = Fleet::on(&cluster, &tables(200));
    fleet.list(&names("t", 3));
    let output = fleet.bulk(&[]).exits_with(14);
    let (_, rest) = output.stderr.split_once("(it is 10) to ").unwrap();
    let needed = rest.split(' ').next().unwrap().to_owned();
    cluster.reconfigure(|options| options.setting("max_locks_per_transaction", &needed));
    fleet.answers(&fleet.bulk(&[]).succeeds());
    fleet.assert_whole(&names("t", 3));
}

/// A snapshot of a schema, as the binary captures it.
fn captured(database: &Database<'_>, schema: &str, decisions: &[&str]) -> Snapshot {
    let world = Schemastamp::on(database);
    let arguments = [
        &["capture", "--schema", schema, "-o", "snapshot.sql"],
        decisions,
    ]
    .concat();
    drop(world.run(&arguments).succeeds());
    Snapshot::parse(&world.read("snapshot.sql")).unwrap()
}

/// Returns the number of lock table entries that the transaction of a tenant has at its end.
fn taken(database: &Database<'_>, snapshot: &Snapshot) -> u64 {
    let script = snapshot
        .script_for(
            &TenantName::new("locked").unwrap(),
            &RenderOptions::default(),
        )
        .unwrap();
    let count = "SELECT count(DISTINCT (locktype, database, relation, page, tuple, virtualxid, transactionid::text, \
        classid, objid, objsubid)) FROM pg_catalog.pg_locks WHERE pid = pg_catalog.pg_backend_pid() AND NOT fastpath;\n";
    let script = script.replace("COMMIT;\n", &format!("{count}ROLLBACK;\n"));
    database
        .query(&script)
        .rsplit('\n')
        .next()
        .unwrap()
        .parse()
        .unwrap()
}

/// Returns the locks per tenant that a bulk run assumes: it gets more workers than fit.
fn assumed(database: &Database<'_>, snapshot: &Snapshot) -> u64 {
    let world = Schemastamp::on(database);
    world.write("snapshots/app.sql", snapshot.to_text());
    let names = "t0\nt1\nt2\n";
    let output = world.run_with_input(
        &["provision", "--from-file", "-", "--jobs", "80"],
        names.as_bytes(),
    );
    let (_, rest) = output
        .stderr
        .split_once("workers instead of 80: a tenant takes ")
        .unwrap_or_else(|| panic!("{output}"));
    rest.split(' ').next().unwrap().parse().unwrap()
}

#[test]
fn locks_of_a_tenant_are_measured_on_the_server() {
    let cluster = Cluster::start(
        &Options::default()
            .setting("max_locks_per_transaction", "20")
            .setting("max_connections", "100"),
    );
    let database = cluster.database();
    database.load("testdata/sample-app.sql");
    let snapshot = captured(&database, "tenant_demo", &[]);
    let (assumed, taken) = (assumed(&database, &snapshot), taken(&database, &snapshot));
    // The two ways of counting differ by the locks of the counting query.
    assert!(assumed.abs_diff(taken) <= 2, "{assumed} {taken}");
    assert!(
        !cluster.log().contains("out of shared memory"),
        "{}",
        cluster.log()
    );
    let left = "SELECT count(*) FROM pg_namespace WHERE nspname ~ '^stamp_'";
    assert_eq!(database.query(left), "0");
}

/// The hard cases with many objects, or those of the more seldom kinds.
const KINDS: [&str; 12] = [
    "11-", "12-", "13-", "16-", "21-", "23-", "35-", "36-", "42-", "46-", "50-", "65-",
];

#[test]
fn lock_estimate_is_close_for_every_kind_of_object() {
    let mut wrong = Vec::new();
    let cases = HardCase::all()
        .into_iter()
        .filter(|case| KINDS.iter().any(|kind| case.name.starts_with(kind)));
    for case in cases.filter(|case| case.server.is_none()) {
        let database = Cluster::shared().database();
        database.sql(&case.sql);
        let keep = case.keep.iter().flat_map(|object| ["--keep", object]);
        let decisions: Vec<_> = keep
            .chain(case.rename.iter().flat_map(|object| ["--rename", object]))
            .collect();
        let snapshot = captured(&database, &case.schema, &decisions);
        let (taken, estimate) = (taken(&database, &snapshot), locks_of(&snapshot));
        // A run measures the locks if three times the estimate does not fit.
        if taken > 2 * estimate {
            wrong.push(format!(
                "{}: {taken} are taken, the estimate is {estimate}",
                case.name
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
