use std::time::Duration;

use super::made_rows::{count_rows, note_on_rows};
use super::scratch::{clean, clean_leftovers, scratch_name, with_scratch};
use crate::fleet::TenantSelection;
use crate::fleet::inventory::{FleetError, read_fleet};
use crate::fleet::migrate::{MigrateError, MigrateOptions, migrate};
use crate::pg::{PgDump, PsqlError, ScriptOptions, Server};
use crate::process::{Shutdown, Signal};
use crate::snapshot::capture::{
    Capture, CaptureError, CaptureSource, Captured, Exceptions, Note, Proof, ProofError,
    ProofInputs, SourceOf, prove, sets_schema_owner,
};
use crate::snapshot::citus::ON_COORDINATOR;
use crate::snapshot::{
    Action, Marking, OutsidePolicy, RenderOptions, Snapshot, SnapshotError, TemplateError, minify,
    settings,
};
use crate::sql::{NameError, TenantName};
use crate::tenant::lifecycle::DropError;
use crate::tenant::migrate::MigrateOutcome;
use crate::tenant::migrations::Migrations;
use crate::tenant::versions::{Applied, PlanStrictness, qualified};

/// Options of renewing a snapshot.
#[derive(Clone, Debug)]
pub struct RefreshOptions {
    /// The version table, or `None` for the well-known one that exists.
    pub versions_table: Option<String>,
    /// `true` to prove the new snapshot.
    pub prove: bool,
    /// Problems that are reported as warnings.
    pub strictness: PlanStrictness,
    /// The decision about statements of migrations that are not confined to the tenant's schema.
    pub outside: OutsidePolicy,
}

/// A renewed snapshot.
#[derive(Debug)]
#[non_exhaustive]
pub struct Refreshed {
    /// Returns the snapshot.
    pub snapshot: Snapshot,
    /// The files that were applied, in order.
    pub applied: Vec<String>,
    /// The proof that a tenant of the old snapshot with the migrations equals a tenant of the new
    /// one, or `None` if it was skipped.
    pub proof: Option<Proof>,
    /// Notes for the user.
    pub notes: Vec<Note>,
    /// Scratch schemas that killed runs had left behind, and that were dropped.
    pub leftovers: Vec<String>,
}

/// The reason why there is no new snapshot.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RefreshError {
    /// psql failed.
    #[error("cannot renew the snapshot")]
    Psql(#[from] PsqlError),
    /// The old snapshot does not load in this database.
    #[error("the snapshot does not load in this database")]
    Load(#[source] PsqlError),
    /// The versions could not be read.
    #[error(transparent)]
    Fleet(#[from] FleetError),
    /// No migration could be started.
    #[error(transparent)]
    Migrate(#[from] MigrateError),
    /// A migration failed, or none can be applied.
    #[error("the migrations cannot be applied to the snapshot: {0}")]
    Migration(String),
    /// The migrations exceeded the time limit.
    #[error("the migrations took longer than {0:?}")]
    TimedOut(Duration),
    /// A signal ended the run.
    #[error("stopped by {0}")]
    Stopped(Signal),
    /// The migrated schema cannot be captured.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// The new snapshot cannot be minified as the old one is.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The old snapshot cannot be rendered.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The operating system has no random bytes for a new name.
    #[error("cannot create a new name")]
    Random(#[source] std::io::Error),
    /// The new name is invalid, which is a bug.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The scratch schema is still there.
    #[error(
        "the new snapshot was created, but its scratch schema '{scratch}' could not be dropped; the next run will drop it"
    )]
    Left {
        /// The schema.
        scratch: String,
        /// The reason.
        #[source]
        source: DropError,
    },
}

/// Loads the snapshot into a scratch schema, applies the pending migrations, captures the schema,
/// and drops it again.
///
/// The proof of the capture is that a tenant of the old snapshot with the migrations equals a tenant of the new one.
///
/// # Errors
/// See [`RefreshError`]. The scratch schema is dropped if possible, and otherwise by the next run.
pub async fn refresh(
    server: &Server,
    pg_dump: &PgDump,
    snapshot: &Snapshot,
    migrations: &Migrations,
    options: &RefreshOptions,
    shutdown: &Shutdown,
) -> Result<Refreshed, RefreshError> {
    let leftovers = clean_leftovers(server, shutdown).await?;
    let scratch = TenantName::for_own_schema(scratch_name().map_err(RefreshError::Random)?)?;
    let work = async {
        load(server, snapshot, &scratch, shutdown).await?;
        let before = count_rows(server, scratch.as_str(), shutdown)
            .await
            .map_err(RefreshError::Load)?;
        let applied = apply(server, &scratch, migrations, options, shutdown).await?;
        let mut captured = recapture(
            server,
            pg_dump,
            snapshot,
            scratch.as_str(),
            options,
            shutdown,
        )
        .await?;
        if !applied.is_empty() {
            let after = count_rows(server, scratch.as_str(), shutdown)
                .await
                .map_err(RefreshError::Load)?;
            let made = note_on_rows(&before, &after, &captured.notes);
            captured.notes.extend(made);
        }
        if is_minified(snapshot) {
            captured.snapshot = captured.snapshot.minified()?;
        }
        // Nothing was applied: the schema is the same, however it is written now.
        if applied.is_empty() {
            captured.snapshot = captured.snapshot.succeeding(snapshot);
        }
        Ok((captured, applied))
    };
    let worked: Result<_, RefreshError> = with_scratch(server, &scratch, Box::pin(work)).await;
    let cleaned = clean(server, &scratch).await;
    let (captured, applied) = worked?;
    cleaned.map_err(|source| RefreshError::Left {
        scratch: scratch.to_string(),
        source,
    })?;
    let Captured {
        snapshot,
        proof,
        notes,
    } = captured;
    Ok(Refreshed {
        snapshot,
        applied,
        proof,
        notes,
        leftovers,
    })
}

/// Captures a live schema with the seeds, decisions, owners and grants of a snapshot.
///
/// # Errors
/// See [`CaptureError`].
pub async fn recapture(
    server: &Server,
    pg_dump: &PgDump,
    like: &Snapshot,
    schema: &str,
    options: &RefreshOptions,
    shutdown: &Shutdown,
) -> Result<Captured, CaptureError> {
    let (owners, privileges) = carried(like);
    let capture = Capture {
        schema: schema.to_owned(),
        source: CaptureSource::Live(pg_dump.clone()),
        seeds: like.header().seeds.clone(),
        versions_table: options.versions_table.clone(),
        versions_from: None,
        decisions: like.header().decisions.clone().for_instance(),
        owners,
        schema_owner: sets_schema_owner(like),
        privileges,
        server: Some(server.clone()),
        prove: options.prove,
        fill_views: true,
        scratch: None,
    };
    capture.run(shutdown).await
}

/// Returns whether a snapshot holds owners, and whether it holds grants: one without them was
/// captured without them.
fn carried(snapshot: &Snapshot) -> (bool, bool) {
    let has = |action: Action| {
        let mut statements = snapshot.template().statements.iter();
        statements.any(|statement| statement.object.action == action)
    };
    let owners = has(Action::Owner);
    (owners, owners || has(Action::Privileges))
}

/// Returns whether a tenant of a snapshot equals a live schema, however either is written. `major`
/// is the server's version.
///
/// # Errors
/// See [`ProofError`]; a difference is no error.
pub async fn is_image_of(
    server: &Server,
    snapshot: &Snapshot,
    schema: &str,
    major: u32,
    shutdown: &Shutdown,
) -> Result<bool, ProofError> {
    let (owners, privileges) = carried(snapshot);
    let inputs = ProofInputs {
        snapshot,
        schema,
        source: SourceOf::Live { dump: None },
        major,
        live_exists: true,
        compare: &RenderOptions {
            owners,
            privileges,
            mark: Marking::None,
            ..RenderOptions::default()
        },
        exceptions: Exceptions::default(),
    };
    match prove(server, &inputs, shutdown).await {
        Ok(_) => Ok(true),
        Err(ProofError::Different(_) | ProofError::Depends(_) | ProofError::Load { .. }) => {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// Returns `true` if a snapshot's body is minified.
pub(super) fn is_minified(snapshot: &Snapshot) -> bool {
    minify(snapshot.body()).is_ok_and(|minified| minified.trim() == snapshot.body().trim())
}

async fn load(
    server: &Server,
    snapshot: &Snapshot,
    scratch: &TenantName,
    shutdown: &Shutdown,
) -> Result<(), RefreshError> {
    let options = RenderOptions {
        mark: Marking::None,
        ..RenderOptions::default()
    };
    // The scratch schema is dropped again: nothing of it goes to the workers of Citus.
    let mut script = format!("BEGIN;\n{};\n{ON_COORDINATOR};\n", settings(server.timeout));
    for statement in snapshot.body_for(scratch, &options)? {
        script.push_str(&statement.sql);
        script.push_str(";\n");
    }
    script.push_str("COMMIT;\n");
    match server
        .run_script(&script, &ScriptOptions::default(), shutdown)
        .await
    {
        Ok(_) => Ok(()),
        Err(error @ PsqlError::Script { .. }) => Err(RefreshError::Load(error)),
        Err(error) => Err(error.into()),
    }
}

/// Applies the pending migrations and returns their files.
pub(super) async fn apply(
    server: &Server,
    scratch: &TenantName,
    migrations: &Migrations,
    options: &RefreshOptions,
    shutdown: &Shutdown,
) -> Result<Vec<String>, RefreshError> {
    if migrations.as_slice().is_empty() {
        return Ok(Vec::new());
    }
    let scope = TenantSelection::Named(vec![scratch.clone()]);
    let migrate_options = MigrateOptions {
        versions_table: options.versions_table.clone(),
        strictness: options.strictness,
        outside: options.outside,
        ..MigrateOptions::new(scope.clone())
    };
    let report = migrate(
        server,
        migrations,
        &migrate_options,
        None,
        shutdown,
        &mut |_| {},
    )
    .await?;
    let reason = report.groups().into_iter().next().map(|group| group.reason);
    if let Some(signal) = shutdown.signal() {
        return Err(RefreshError::Stopped(signal));
    }
    let Some(tenant) = report.tenants.into_iter().next() else {
        return Err(RefreshError::Migration(
            "the scratch schema is gone".to_owned(),
        ));
    };
    match (tenant.outcome, reason) {
        (MigrateOutcome::Failed(failure) | MigrateOutcome::Unknown(failure), _)
            if failure.is_timeout =>
        {
            return Err(RefreshError::TimedOut(server.timeout.unwrap_or_default()));
        }
        (MigrateOutcome::UpToDate | MigrateOutcome::Migrated, _) => {}
        (_, Some(reason)) => return Err(RefreshError::Migration(reason)),
        (outcome, None) => return Err(RefreshError::Migration(outcome.word().to_owned())),
    }
    settle_times(
        server,
        scratch,
        migrations,
        &tenant.applied,
        options,
        &scope,
        shutdown,
    )
    .await?;
    Ok(tenant.applied)
}

/// Gives the new rows of the version table times that are the same in each run, so that the
/// snapshot is too.
async fn settle_times(
    server: &Server,
    scratch: &TenantName,
    migrations: &Migrations,
    applied: &[String],
    options: &RefreshOptions,
    scope: &TenantSelection,
    shutdown: &Shutdown,
) -> Result<(), RefreshError> {
    let fleet = read_fleet(server, scope, options.versions_table.as_deref(), shutdown).await?;
    let Some(Applied::Known(versions)) = fleet.tenants.first().map(|tenant| &tenant.applied) else {
        return Ok(());
    };
    let table = qualified(scratch.as_str(), &versions.table);
    let script: String = migrations
        .as_slice()
        .iter()
        .filter(|migration| applied.contains(&migration.file_name()))
        .filter_map(|migration| versions.style.settle_time_sql(&table, migration))
        .map(|sql| sql + ";\n")
        .collect();
    if !script.is_empty() {
        let script = format!("BEGIN;\nSET LOCAL timezone = 'UTC';\n{script}COMMIT;\n");
        server
            .run_script(&script, &ScriptOptions::default(), shutdown)
            .await?;
    }
    Ok(())
}
