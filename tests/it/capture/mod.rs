//! Capture, proof, render and the way back, on a real server.

mod by_hand;
mod comparison;
mod concerns;
mod dumps;
mod hard_sql;
mod identity;
mod public;
mod sample_app;
mod settings;
mod two_readers;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::future::Future;

use schemastamp::pg::{NamedProgram, PgDump, Program, ScriptOptions, Server};
use schemastamp::process::{EnvValue, Shutdown};
use schemastamp::snapshot::capture::{Capture, CaptureError, CaptureSource, Captured};
use schemastamp::snapshot::{Decisions, RenderOptions, Snapshot, one_message};
use schemastamp::sql::TenantName;

use crate::support::{Client, Database};

/// Runs a future to its end on this thread.
pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(future)
}

/// The library's view of a test's database, through a client of one's choice.
pub(crate) fn server_with(database: &Database<'_>, client: &Client) -> Server {
    let mut environment: BTreeMap<String, EnvValue> = database
        .environment()
        .into_iter()
        .chain([("PATH".to_owned(), "/usr/bin:/bin".to_owned())])
        .map(|(name, value)| (name, EnvValue::Plain(value.into())))
        .collect();
    environment.insert("PGSSLMODE".into(), EnvValue::Plain("disable".into()));
    let psql = Program::find_psql(Some(&explicit(client.psql())), OsStr::new("/usr/bin:/bin"))
        .expect("psql");
    Server::new(psql, environment, std::env::temp_dir())
}

pub(crate) fn server(database: &Database<'_>) -> Server {
    server_with(database, &Client::installed())
}

fn explicit(path: impl Into<std::path::PathBuf>) -> NamedProgram {
    NamedProgram {
        path: path.into(),
        origin: "a test".to_owned(),
    }
}

/// A capture of a live schema with the installed programs, proof included.
pub(crate) fn capture_of(database: &Database<'_>, schema: &str) -> Capture {
    capture_with(database, schema, &Client::installed())
}

/// A capture of a live schema with the programs of one's choice, proof included.
pub(crate) fn capture_with(database: &Database<'_>, schema: &str, client: &Client) -> Capture {
    let server = server_with(database, client);
    let program = Program::find_pg_dump(
        Some(&explicit(client.pg_dump())),
        OsStr::new("/usr/bin:/bin"),
    )
    .expect("pg_dump");
    Capture {
        schema: schema.to_owned(),
        source: CaptureSource::Live(PgDump {
            program,
            server: server.clone(),
        }),
        seeds: Vec::new(),
        versions_table: None,
        versions_from: None,
        decisions: Decisions::default(),
        owners: true,
        schema_owner: true,
        privileges: true,
        server: Some(server),
        prove: true,
        fill_views: true,
        scratch: None,
    }
}

pub(crate) fn run(capture: Capture) -> Result<Captured, CaptureError> {
    wait(capture.run(&Shutdown::new()))
}

/// Creates a tenant as `provision` does: one message, nothing of it stays when it fails.
pub(crate) fn provision(
    database: &Database<'_>,
    snapshot: &Snapshot,
    tenant: &str,
) -> Result<(), String> {
    let tenant = TenantName::new(tenant).expect("a legal name");
    let statements = snapshot
        .statements_for(&tenant, &RenderOptions::default())
        .map_err(|error| error.to_string())?;
    let script = one_message(&statements);
    wait(server(database).run_script(&script, &ScriptOptions::default(), &Shutdown::new()))
        .map(drop)
        .map_err(|error| error.to_string())
}

/// An error and its causes on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

/// Runs `pg_dump` with these arguments.
fn dump(database: &Database<'_>, arguments: &[&str]) -> String {
    let output = std::process::Command::new(Client::installed().pg_dump())
        .args(arguments)
        .env_clear()
        .envs(database.environment())
        .output()
        .expect("pg_dump starts");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("UTF-8")
}
