//! The main job on several releases of the server, with the clients of every release that can talk to it.
//!
//! `RELEASES=all` takes all releases that the tests have, and `RELEASES_TABLE` names a file for the result as Markdown:
//! `scripts/nightly matrix` sets both.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use crate::support::{Client, Cluster, Database, Release, Schemastamp};

const INSTALLED: Release = Release::Installed;
const OLDER: Release = Release::Older;
const EMBEDDED: Release = Release::Embedded;

/// The commands, in the order in which a team meets them.
const JOB: [(&str, &[&str]); 12] = [
    (
        "capture",
        &[
            "capture",
            "--schema",
            "tenant_demo",
            "--seed",
            "plans",
            "-o",
            "snapshots/app.sql",
        ],
    ),
    ("provision", &["provision", "acme", "o'neil & co"]),
    ("verify", &["verify", "--all"]),
    ("clone", &["clone", "acme", "copy"]),
    ("rename", &["rename", "copy", "renamed", "--yes"]),
    ("pool fill", &["pool", "fill", "--size", "1"]),
    (
        "claim",
        &["provision", "claimed", "--from-pool", "--format", "json"],
    ),
    (
        "migrate",
        &["migrate", "--all", "--migrations", "migrations"],
    ),
    ("refresh", &["refresh", "--migrations", "migrations"]),
    ("verify again", &["verify", "--all"]),
    ("check", &["check", "--schema", "tenant_demo"]),
    ("drop", &["drop", "acme", "--yes"]),
];

fn all_releases() -> bool {
    std::env::var("RELEASES").is_ok_and(|value| value == "all")
}

/// Server and client. The ordinary tests take each once as the newer and as the older one.
fn pairs() -> Vec<(Release, Release)> {
    let pairs = if all_releases() {
        let servers = [13, 14]
            .map(Release::Major)
            .into_iter()
            .chain([OLDER, INSTALLED]);
        let servers = servers
            .chain([16, 17, 18].map(Release::Major))
            .chain([EMBEDDED]);
        let clients = [
            OLDER,
            INSTALLED,
            Release::Major(16),
            Release::Major(18),
            EMBEDDED,
        ];
        servers
            .flat_map(|server| clients.map(|client| (server, client)))
            .collect()
    } else {
        vec![
            (OLDER, OLDER),
            (OLDER, EMBEDDED),
            (INSTALLED, OLDER),
            (INSTALLED, EMBEDDED),
            (EMBEDDED, Release::Major(18)),
            (EMBEDDED, EMBEDDED),
            // The oldest one.
            (Release::Major(13), EMBEDDED),
        ]
    };
    pairs
        .into_iter()
        .filter(|(_, client)| client.has_client())
        .collect()
}

/// The major version of `15.18`.
fn major(version: &str) -> u32 {
    let digits = version
        .split(|character: char| !character.is_ascii_digit())
        .next();
    digits
        .and_then(|digits| digits.parse().ok())
        .expect("a version begins with its major version")
}

fn server_version(release: Release) -> String {
    let database = Cluster::of_release(release).maintenance();
    let version = database.query("SHOW server_version");
    version.split(' ').next().unwrap_or(&version).to_owned()
}

/// The sample application, as far as a release knows it.
fn sample_for(release: Release) -> String {
    let text = include_str!("../../testdata/sample-app.sql").to_owned();
    if release != Release::Major(13) {
        return text;
    }
    // Function bodies that the server parses came with 14.
    let end = "FROM invoice_lines l WHERE l.invoice_id = invoice;\n  END;";
    let (start, rest) = text
        .split_once("  BEGIN ATOMIC\n")
        .expect("one such function");
    let (body, rest) = rest.split_once(end).expect("which sums up the lines");
    let from = "FROM tenant_demo.invoice_lines l WHERE l.invoice_id = invoice";
    format!("{start}  AS $body$\n{body}{from}\n  $body$;{rest}")
}

/// A world on a fresh database with the sample application, and two migrations that are not applied yet.
fn world(release: Release, database: &Database<'_>, client: &Client) -> Schemastamp {
    database.sql(&sample_for(release));
    let world = Schemastamp::on(database).client(client);
    world.write(
        "migrations/20240301000000_payment_terms.sql",
        "ALTER TABLE #{prefix}.customers ADD payment_days integer NOT NULL DEFAULT 14;\n\
         INSERT INTO #{prefix}.plans (id, code, title) VALUES (90, 'trial', 'Two weeks');\n",
    );
    world.write(
        "migrations/20240302000000_open_by_customer.sql",
        "CREATE INDEX invoices_open ON #{prefix}.invoices (customer_id) WHERE status = 'open';\n",
    );
    world.write("snapshots/.keep", "");
    world
}

/// What became of one server with one client.
struct Row {
    server: String,
    client: String,
    /// Milliseconds of each command, or what went wrong; commands after a failure are not run.
    cells: Vec<Result<u128, String>>,
    snapshot: String,
}

fn run_job(server: Release, client: &Client) -> Row {
    let database = Cluster::of_release(server).database();
    let world = world(server, &database, client);
    let mut row = Row {
        server: server_version(server),
        client: client.version(),
        cells: Vec::new(),
        snapshot: String::new(),
    };
    for (name, arguments) in JOB {
        let start = Instant::now();
        let output = world.run(arguments);
        let wrong = if output.code != Some(0) {
            Some(output.to_string())
        } else if name == "claim" && output.json()[0]["source"] != "pool" {
            Some(format!("not of the pool: {output}"))
        } else {
            None
        };
        if let Some(wrong) = wrong {
            row.cells.push(Err(wrong));
            return row;
        }
        row.cells.push(Ok(start.elapsed().as_millis()));
        if name == "capture" {
            row.snapshot = world.read("snapshots/app.sql");
        }
    }
    row
}

/// Calls a function for each item on two threads, and keeps the order.
fn on_two_threads<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let (next, done) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    std::thread::scope(|scope| {
        for _thread in 0..2 {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(index) else { return };
                    let result = work(item);
                    done.lock().unwrap().insert(index, result);
                }
            });
        }
    });
    done.into_inner().unwrap().into_values().collect()
}

fn write_table(name: &str, table: &str) {
    if let Ok(folder) = std::env::var("RELEASES_TABLE") {
        let path = std::path::Path::new(&folder).join(name);
        std::fs::write(&path, table)
            .unwrap_or_else(|error| panic!("'{}': {error}", path.display()));
    }
}

#[test]
fn the_main_job_works_on_every_server_with_every_client() {
    let pairs: Vec<(Release, Client)> = pairs()
        .into_iter()
        .map(|(server, client)| (server, Client::of_release(client)))
        // pg_dump refuses a server of a later major version than its own.
        .filter(|(server, client)| major(&client.version()) >= major(&server_version(*server)))
        .collect();
    let rows = on_two_threads(&pairs, |(server, client)| run_job(*server, client));

    let mut failures = Vec::new();
    let mut table = "| server | client |".to_owned();
    for (name, _) in JOB {
        write!(table, " {name} |").unwrap();
    }
    table += " the same bytes |\n|---|---|";
    table += &"---:|".repeat(JOB.len());
    table += "---|\n";
    for row in &rows {
        let pair = format!("server {}, client {}", row.server, row.client);
        write!(table, "| {} | {} |", row.server, row.client).unwrap();
        for (index, (name, _)) in JOB.iter().enumerate() {
            match row.cells.get(index) {
                Some(Ok(milliseconds)) => write!(table, " {milliseconds} ms |").unwrap(),
                Some(Err(wrong)) => {
                    table += " **failed** |";
                    failures.push(format!("{pair}: {name}\n{wrong}"));
                }
                None => table += " |",
            }
        }
        if row.snapshot.is_empty() {
            table += " |\n";
            continue;
        }
        let first = rows
            .iter()
            .find(|first| first.server == row.server && !first.snapshot.is_empty())
            .expect("itself at least");
        if row.snapshot == first.snapshot {
            table += " yes |\n";
            continue;
        }
        table += " **no** |\n";
        let diff = similar::TextDiff::from_lines(&first.snapshot, &row.snapshot);
        let diff = diff.unified_diff().to_string();
        failures.push(format!(
            "{pair}: other bytes than by client {}\n{diff}",
            first.client
        ));
    }
    write_table("job.md", &table);
    assert!(failures.is_empty(), "{}\n{table}", failures.join("\n\n"));
}

/// A snapshot of the sample application, by the newest client; `Err` is what capture said instead.
fn capture_on(release: Release) -> Result<String, String> {
    let database = Cluster::of_release(release).database();
    let world = world(release, &database, &Client::of_release(EMBEDDED));
    succeed(&world, JOB[0].1)?;
    Ok(world.read("snapshots/app.sql"))
}

fn succeed(world: &Schemastamp, arguments: &[&str]) -> Result<(), String> {
    let output = world.run(arguments);
    if output.code == Some(0) {
        Ok(())
    } else {
        Err(output.to_string())
    }
}

#[test]
fn a_snapshot_serves_every_later_release_without_false_drift() {
    let releases = if all_releases() {
        let older = [13, 14]
            .map(Release::Major)
            .into_iter()
            .chain([OLDER, INSTALLED]);
        older
            .chain([16, 17, 18].map(Release::Major))
            .chain([EMBEDDED])
            .collect()
    } else {
        vec![OLDER, INSTALLED, EMBEDDED]
    };
    let versions: Vec<String> = releases
        .iter()
        .map(|release| server_version(*release))
        .collect();
    let snapshots = on_two_threads(&releases, |release| capture_on(*release));
    let mut pairs = Vec::new();
    for (from, snapshot) in snapshots.iter().enumerate() {
        // Minor releases of one major version serve one another both ways.
        let serves = |to: &usize| *to > from || major(&versions[*to]) == major(&versions[from]);
        pairs.extend(
            (0..releases.len())
                .filter(serves)
                .map(|to| (from, to, snapshot)),
        );
    }
    let client = Client::of_release(EMBEDDED);
    let results = on_two_threads(&pairs, |(_, to, snapshot)| {
        let database = Cluster::of_release(releases[*to]).database();
        let world = world(releases[*to], &database, &client);
        world.write(
            "snapshots/app.sql",
            snapshot.as_ref().map_err(String::clone)?,
        );
        succeed(&world, &["provision", "acme"])?;
        succeed(&world, &["verify", "acme"])
    });

    let mut table = "| captured on |".to_owned();
    for version in &versions {
        write!(table, " {version} |").unwrap();
    }
    write!(table, "\n|---|{}", "---|".repeat(versions.len())).unwrap();
    let mut failures = Vec::new();
    for (from, captured) in versions.iter().enumerate() {
        write!(table, "\n| {captured} |").unwrap();
        for (to, version) in versions.iter().enumerate() {
            let at = pairs.iter().position(|pair| (pair.0, pair.1) == (from, to));
            table += match at.map(|at| &results[at]) {
                None => " |",
                Some(Ok(())) => " verified |",
                Some(Err(wrong)) => {
                    failures.push(format!("captured on {captured}, on {version}:\n{wrong}"));
                    " **failed** |"
                }
            };
        }
    }
    write_table("later-releases.md", &(table.clone() + "\n"));
    assert!(failures.is_empty(), "{}\n{table}", failures.join("\n\n"));
}
