//! Resolves the arguments of `provision`.

use crate::cli::arguments::{IfExistsArgument, ProvisionArguments};
use crate::cli::names::NameReader;
use crate::cli::render::render_options;
use crate::tenant::migrate::ExternalCommand;
use crate::tenant::{IfExists, ProvisionOptions, Retries};

/// The resolved arguments, apart from names and servers.
#[derive(Clone, Debug)]
pub(super) struct ProvisionConfig {
    pub(super) hook: Option<ExternalCommand>,
    pub(super) jobs: Option<usize>,
    pub(super) max_failures: Option<usize>,
    pub(super) refill: Option<usize>,
    /// `true` if names come from stdin.
    pub(super) streams: bool,
    pub(super) options: ProvisionOptions,
}

/// Resolves the arguments.
pub(super) fn provision_config(
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
        // A list is run again after an interruption. A sign-up must learn that the name is taken.
        None if from_file && !streams => IfExists::Resume,
        Some(IfExistsArgument::Fail) | None => IfExists::Fail,
    };
    // Somebody waits for a single tenant, so retry briefly; a list can wait for the server.
    let retries = arguments.retries.unwrap_or(match (from_file, streams) {
        (_, true) => 5,
        (true, false) => 7,
        (false, false) => 2,
    });
    ProvisionConfig {
        hook,
        // One worker answers names on the command line in their order.
        jobs: jobs.or((!from_file && names.known() != Some(1)).then_some(1)),
        max_failures: if arguments.fail_fast {
            Some(1)
        } else {
            arguments.max_failures
        },
        refill: arguments.refill,
        streams,
        options: ProvisionOptions {
            render: render_options(&arguments.what),
            if_exists,
            from_pool: arguments.from_pool,
            newer: None,
            retries: Retries {
                attempts: retries + 1,
                ..Retries::default()
            },
        },
    }
}
