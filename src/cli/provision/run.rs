//! The command `provision`.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use super::plan::{ProvisionConfig, provision_config};
use super::servers::Provisioners;
use super::tally::ProvisionProgress;
use super::{bulk, dry_run, single};
use crate::cli::arguments::{DiagnoseArguments, ProvisionArguments};
use crate::cli::failure::CommandError;
use crate::cli::migrations::{external, load};
use crate::cli::names::NameReader;
use crate::cli::servers::Servers;
use crate::cli::session::Session;
use crate::cli::{diagnose, snapshot_file};
use crate::snapshot::Snapshot;
use crate::tenant::{NewerPolicy, NewerSource};
use crate::text::{listed, plural, safe};

pub(in crate::cli) async fn run(
    session: &Session,
    arguments: ProvisionArguments,
) -> Result<u8, CommandError> {
    let start = Instant::now();
    let hook = arguments
        .run
        .clone()
        .map(|command| external(session, command))
        .transpose()?;
    let tool = session.tool_with_jobs(arguments.jobs.clone())?;
    let path = snapshot_file::find(&tool)?;
    let mut names = NameReader::new(
        &arguments.tenants,
        arguments.from_file.as_deref(),
        &|path| session.read_input(path),
    )?;
    names.warn_of_slips(session.output);
    let mut config = provision_config(
        &arguments,
        hook,
        tool.jobs.as_ref().map(|jobs| jobs.value.get()),
        &names,
    );
    // Read the snapshot while psql reports its version.
    let (servers, snapshot) = tokio::join!(
        Servers::find(session, &arguments.targets, &tool, arguments.what.citus),
        async { snapshot_file::load(&path, session) }
    );
    let snapshot = Arc::new(snapshot?);
    let servers = servers?;
    config.options.newer = arguments
        .migrations
        .as_deref()
        .map(|folder| {
            newer_migrations(session, folder, &snapshot, arguments.versions_table.clone())
        })
        .transpose()?;
    let servers = Provisioners::new(servers, &snapshot, &config.options);
    let mut tally = ProvisionProgress::default();
    let left = if arguments.dry_run {
        dry_run::run(session, &servers, &config, names, &mut tally).await?
    } else if is_single(&arguments, &config, &names) {
        single::run(session, &servers, &config, names, &mut tally).await?
    } else {
        bulk::run(session, &servers, &config, names, &mut tally).await?
    };
    let code = tally.conclude(session, arguments.dry_run, left, start.elapsed())?;
    if session.common.diagnose && tally.unreachable() {
        diagnose::run(session, DiagnoseArguments::default()).await?;
    }
    Ok(code)
}

/// Returns the migrations that are newer than the snapshot, and reports them.
fn newer_migrations(
    session: &Session,
    folder: &Path,
    snapshot: &Arc<Snapshot>,
    versions_table: Option<String>,
) -> Result<Arc<NewerSource>, CommandError> {
    let output = session.output;
    load(folder, session)?;
    let policy = NewerPolicy {
        outside: session.common.outside(),
        ..NewerPolicy::default()
    };
    let source = NewerSource::new(Arc::clone(snapshot), folder, versions_table, policy)?;
    let newer = source.current()?;
    for problem in newer.warnings() {
        output.warning(&problem.to_string());
    }
    let files = newer.files();
    if !files.is_empty() {
        output.note(&format!(
            "each tenant gets {} that the snapshot does not have: {}",
            plural(files.len(), "migration"),
            listed(files.iter().map(|file| safe(file)), 10)
        ));
    }
    Ok(Arc::new(source))
}

/// Returns `true` if one tenant can be created with its own psql.
fn is_single(arguments: &ProvisionArguments, config: &ProvisionConfig, names: &NameReader) -> bool {
    let asks_for_more =
        config.jobs.is_some() || arguments.targets.targets.is_some() || config.options.render.citus;
    names.known() == Some(1) && arguments.from_file.is_none() && !asks_for_more
}
