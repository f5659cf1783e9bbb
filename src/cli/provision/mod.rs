//! The command `provision`.

mod bulk;
mod dry_run;
mod keep_full;
mod servers;
mod single;
mod tally;

use std::sync::Arc;
use std::time::Instant;

use self::servers::Servers;
use self::tally::ProvisionProgress;
use super::arguments::{IfExistsArgument, ProvisionArguments};
use super::diagnose;
use super::failure::CommandError;
use super::migrate::external;
use super::names::NameReader;
use super::render::render_options;
use super::session::Session;
use super::snapshot_file;
use crate::tenant::migrate::ExternalCommand;
use crate::tenant::{IfExists, ProvisionOptions, Retries};

/// What the arguments come to, but for the names and the servers.
#[derive(Clone, Debug)]
struct ProvisionConfig {
    hook: Option<ExternalCommand>,
    jobs: Option<usize>,
    max_failures: Option<usize>,
    refill: Option<usize>,
    /// Names come over stdin, one by one.
    streams: bool,
    options: ProvisionOptions,
}

pub(super) async fn run(
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
    let names = NameReader::new(&arguments.tenants, arguments.from_file.as_deref())?;
    let wishes = wishes(
        &arguments,
        hook,
        tool.jobs.as_ref().map(|jobs| jobs.value.get()),
        &names,
    );
    // psql tells its version while the snapshot is read.
    let (servers, snapshot) = tokio::join!(Servers::find(session, &arguments, &tool), async {
        snapshot_file::load(&path, session.output)
    });
    let (snapshot, servers) = (Arc::new(snapshot?), servers?);
    let servers = servers.with(&snapshot, &wishes.options);
    let mut tally = ProvisionProgress::default();
    let left = if arguments.dry_run {
        dry_run::run(session, &servers, &wishes, names, &mut tally).await?
    } else if is_single(&arguments, &wishes, &names) {
        single::run(session, &servers, &wishes, names, &mut tally).await?
    } else {
        bulk::run(session, &servers, &wishes, names, &mut tally).await?
    };
    let code = tally.conclude(session, arguments.dry_run, left, start.elapsed())?;
    if session.common.diagnose && tally.unreachable() {
        diagnose::run(session).await?;
    }
    Ok(code)
}

/// One tenant gets a psql of its own, as it does when somebody runs psql by hand.
fn is_single(arguments: &ProvisionArguments, wishes: &ProvisionConfig, names: &NameReader) -> bool {
    let asks_for_more =
        wishes.jobs.is_some() || arguments.targets.is_some() || wishes.options.render.citus;
    names.known() == Some(1) && arguments.from_file.is_none() && !asks_for_more
}

fn wishes(
    arguments: &ProvisionArguments,
    hook: Option<ExternalCommand>,
    jobs: Option<usize>,
    names: &NameReader,
) -> ProvisionConfig {
    let from_file = arguments.from_file.is_some();
    let streams = names.known().is_none();
    let if_exists = match arguments.if_exists {
        Some(IfExistsArgument::Skip) => IfExists::Skip,
        Some(IfExistsArgument::Resume) => IfExists::Resume,
        // A list is gone through again after an interruption; a sign-up wants to know that the name is taken.
        None if from_file && !streams => IfExists::Resume,
        Some(IfExistsArgument::Fail) | None => IfExists::Fail,
    };
    // Somebody waits for one tenant, a list waits for the server.
    let retries = arguments.retries.unwrap_or(match (from_file, streams) {
        (_, true) => 5,
        (true, false) => 7,
        (false, false) => 2,
    });
    let mut render = render_options(&arguments.what);
    render.citus = arguments.citus;
    ProvisionConfig {
        hook,
        // Names on the command line are answered in their order.
        jobs: jobs.or((!from_file && names.known() != Some(1)).then_some(1)),
        max_failures: if arguments.fail_fast {
            Some(1)
        } else {
            arguments.max_failures
        },
        refill: arguments.refill,
        streams,
        options: ProvisionOptions {
            render,
            if_exists,
            from_pool: arguments.from_pool,
            retries: Retries {
                attempts: retries + 1,
                ..Retries::default()
            },
        },
    }
}
