//! A schema with an unguessable name that is dropped at the end of the run, or by the next run
//! after a crash.

use std::time::Duration;

use crate::pg::{PsqlError, PsqlSession, ScriptOptions, Server};
use crate::process::Shutdown;
use crate::snapshot::capture::fresh_name;
use crate::snapshot::{lock, lock_key, settings};
use crate::sql::TenantName;
use crate::tenant::lifecycle::{DropError, drop_own_schema};
use crate::tenant::marker::{SCRATCH, is_scratch};

/// Time limit for dropping the schema after a stopped run.
const CLEANING: Duration = Duration::from_mins(2);

/// Returns a name for the run's schema.
///
/// # Errors
/// Fails if the operating system has no random bytes.
pub(super) fn scratch_name() -> std::io::Result<String> {
    // `fresh_name` separates the prefix from 24 random digits with an underscore.
    fresh_name(SCRATCH.trim_end_matches('_'))
}

/// The lock of a run that works in the schema. It is not the tenant's lock, which each step takes.
fn in_use(scratch: &TenantName) -> Option<TenantName> {
    TenantName::for_own_schema(format!("{scratch} in use")).ok()
}

/// Runs `work` while another transaction shows other runs that the schema is in use.
///
/// That transaction runs no statement meanwhile: a running statement holds a database snapshot,
/// which `CREATE INDEX CONCURRENTLY` of a migration would wait for.
pub(super) async fn with_scratch<T, E: From<PsqlError>>(
    server: &Server,
    scratch: &TenantName,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let mut holder = PsqlSession::new(server.clone(), usize::MAX);
    let held = in_use(scratch).map(|name| lock(&name)).unwrap_or_default();
    // The settings include idle_in_transaction_session_timeout = 0: this transaction idles for as long as the run
    // takes.
    let script = format!("BEGIN;\n{};\n{held};\n", settings(None));
    holder
        .run_script(
            &script,
            &ScriptOptions::default(),
            0,
            server.timeout,
            &Shutdown::new(),
        )
        .await?;
    let result = work.await;
    holder.close().await;
    result
}

/// Drops the schema, also after a stopped run. Returns `Ok` if it is gone.
pub(super) async fn clean(server: &Server, scratch: &TenantName) -> Result<(), DropError> {
    let mut server = server.clone();
    server.timeout = Some(CLEANING);
    match drop_own_schema(&server, scratch, &Shutdown::new()).await {
        Err(DropError::Missing(_)) => Ok(()),
        other => other,
    }
}

/// Drops the schemas that crashed runs left behind. Those of active runs stay.
///
/// # Errors
/// See [`PsqlError`].
pub(super) async fn clean_leftovers(
    server: &Server,
    shutdown: &Shutdown,
) -> Result<Vec<String>, PsqlError> {
    let sql = format!(
        "SELECT pg_catalog.to_json(nspname) FROM pg_catalog.pg_namespace WHERE pg_catalog.starts_with(nspname, '{SCRATCH}');\n"
    );
    let mut dropped = Vec::new();
    for name in server.query_json(&sql, shutdown).await? {
        let Some(name) = name.as_str().filter(|name| is_scratch(name)) else {
            continue;
        };
        let Ok(tenant) = TenantName::for_own_schema(name) else {
            continue;
        };
        let Some(in_use) = in_use(&tenant) else {
            continue;
        };
        let key = lock_key(&in_use);
        let free =
            format!("SELECT pg_catalog.to_json(pg_catalog.pg_try_advisory_xact_lock({key}));\n");
        let is_free: bool = server.query_json_one(&free, shutdown).await?;
        if is_free && clean(server, &tenant).await.is_ok() {
            dropped.push(name.to_owned());
        }
    }
    Ok(dropped)
}
