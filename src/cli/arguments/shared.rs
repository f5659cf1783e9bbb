//! Options that several commands have for migrations and workers.

use clap::Args;

use super::value::whole;

/// The option that names the version table.
#[derive(Clone, Debug, Default, Args)]
#[group(skip)]
pub(in crate::cli) struct VersionsTableArguments {
    /// Use TABLE as the version table, if it is not the only well-known one
    #[arg(id = "versions_table", long = "versions-table", value_name = "TABLE")]
    pub(in crate::cli) table: Option<String>,
}

/// The options of a run that goes through the tenants with several workers.
#[derive(Clone, Debug, Args)]
#[group(skip)]
pub(in crate::cli) struct WorkerArguments {
    /// Run N workers
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = whole(1_u16..=256))]
    pub(in crate::cli) jobs: u16,
    /// Stop starting tenants after N failures
    #[arg(long, value_name = "N", value_parser = whole(1_usize..=usize::MAX))]
    pub(in crate::cli) max_failures: Option<usize>,
}
