//! The commands that create tenants, and spares in a pool.

#![expect(
    clippy::doc_markdown,
    reason = "the documentation is the text of --help"
)]

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::targets::TargetsArguments;
use super::value::whole;

pub(super) const PROVISION_EXAMPLES: &str = "\
Examples:
  schemastamp provision acme globex
  schemastamp provision --from-file names.txt --jobs 4
  schemastamp provision acme --migrations migrations
  schemastamp provision --from-file - --from-pool --refill 20 --format json";

pub(super) const POOL_EXAMPLES: &str = "\
Examples:
  schemastamp pool fill --size 20
  schemastamp provision --from-pool acme
  schemastamp pool drain";

pub(super) const POOL_FILL_EXAMPLES: &str = "\
Examples:
  schemastamp pool fill --size 20
  schemastamp pool fill --size 100 --jobs 4 --role app";

pub(super) const POOL_STATUS_EXAMPLES: &str = "\
Examples:
  schemastamp pool status
  schemastamp pool status --format json";

pub(super) const POOL_DRAIN_EXAMPLES: &str = "\
Examples:
  schemastamp pool drain
  schemastamp pool drain --all";

/// Options that choose what is rendered.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct TenantKindArguments {
    /// Leave out owners
    #[arg(long)]
    pub(in crate::cli) no_owner: bool,
    /// Leave out grants
    #[arg(long)]
    pub(in crate::cli) no_privileges: bool,
    /// Create tenants as ROLE (SET LOCAL ROLE)
    #[arg(long, value_name = "ROLE")]
    pub(in crate::cli) role: Option<String>,
    /// Create tenants as distributed schemas of Citus 12 or later
    #[arg(long)]
    pub(in crate::cli) citus: bool,
}

/// The arguments of `provision`.
#[derive(Clone, Debug, Args)]
#[group(skip)]
#[command(group = clap::ArgGroup::new("names").required(true).multiple(true))]
pub(in crate::cli) struct ProvisionArguments {
    /// Create the schema TENANT
    #[arg(value_name = "TENANT", group = "names")]
    pub(in crate::cli) tenants: Vec<String>,
    /// Read names from the file NAMES, one per line; - to answer names as they arrive on stdin
    #[arg(long, value_name = "NAMES", group = "names")]
    pub(in crate::cli) from_file: Option<PathBuf>,
    /// Run N workers for each server [default: auto; 1 for names on the command line]
    #[arg(long, value_name = "N")]
    pub(in crate::cli) jobs: Option<String>,
    /// Choose what happens if a tenant exists: `fail`; `skip` accepts any complete tenant; `resume`
    /// accepts one of this same snapshot [default: resume for a file, otherwise fail]
    #[arg(long, value_enum, value_name = "ACTION", hide_possible_values = true)]
    pub(in crate::cli) if_exists: Option<IfExistsArgument>,
    /// Stop starting tenants after N failures
    #[arg(long, value_name = "N", value_parser = whole(1_usize..=usize::MAX))]
    pub(in crate::cli) max_failures: Option<usize>,
    /// Stop starting tenants after the first failure
    #[arg(long, conflicts_with = "max_failures")]
    pub(in crate::cli) fail_fast: bool,
    /// Retry transient errors up to N times [default: 2; 5 for stdin, 7 for a file]
    #[arg(long, value_name = "N", value_parser = whole(0_u32..=20))]
    pub(in crate::cli) retries: Option<u32>,
    /// Claim ready-made tenants from the pool, while there are any
    #[arg(long)]
    pub(in crate::cli) from_pool: bool,
    /// Refill the pool to SIZE ready-made tenants
    #[arg(long, value_name = "SIZE", requires = "from_pool", value_parser = whole(1_usize..=100_000))]
    pub(in crate::cli) refill: Option<usize>,
    #[command(flatten)]
    pub(in crate::cli) targets: TargetsArguments,
    /// Apply the SQL migrations in DIR that are newer than the snapshot, in the same transaction
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) migrations: Option<PathBuf>,
    /// Use TABLE as the version table, if it is not the only well-known one
    #[arg(long, value_name = "TABLE", requires = "migrations")]
    pub(in crate::cli) versions_table: Option<String>,
    /// Run CMD after each tenant is created, with SCHEMASTAMP_TENANT and PG* set
    #[arg(long, value_name = "CMD")]
    pub(in crate::cli) run: Option<String>,
    /// Print the scripts without connecting
    #[arg(long)]
    pub(in crate::cli) dry_run: bool,
    #[command(flatten)]
    pub(in crate::cli) what: TenantKindArguments,
}

/// The values of `--if-exists`. They have no doc comments, since clap would then give each option of
/// the help two lines and a blank one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum IfExistsArgument {
    Fail,
    Skip,
    Resume,
}

/// The arguments of `pool`.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct PoolArguments {
    #[command(subcommand)]
    pub(in crate::cli) command: PoolCommand,
}

/// The commands of `pool`.
#[derive(Clone, Debug, Subcommand)]
pub(in crate::cli) enum PoolCommand {
    /// Create ready-made tenants until the pool has N, after proving that they become tenants
    #[command(after_help = POOL_FILL_EXAMPLES)]
    Fill(PoolFillArguments),
    /// Count the ready-made tenants, by snapshot and options
    #[command(after_help = POOL_STATUS_EXAMPLES)]
    Status(PoolKindArguments),
    /// Drop ready-made tenants of other snapshots or other options
    #[command(after_help = POOL_DRAIN_EXAMPLES)]
    Drain(PoolDrainArguments),
}

/// The arguments of `pool fill`.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct PoolFillArguments {
    /// Fill the pool to N ready-made tenants
    #[arg(long, value_name = "N", value_parser = whole(1_usize..=100_000))]
    pub(in crate::cli) size: usize,
    /// Run N workers [default: auto]
    #[arg(long, value_name = "N")]
    pub(in crate::cli) jobs: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) what: TenantKindArguments,
    #[command(flatten)]
    pub(in crate::cli) targets: TargetsArguments,
}

/// The arguments of `pool status`.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct PoolKindArguments {
    #[command(flatten)]
    pub(in crate::cli) what: TenantKindArguments,
    #[command(flatten)]
    pub(in crate::cli) targets: TargetsArguments,
}

/// The arguments of `pool drain`.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct PoolDrainArguments {
    /// Drop all ready-made tenants, also those of this snapshot
    #[arg(long)]
    pub(in crate::cli) all: bool,
    #[command(flatten)]
    pub(in crate::cli) what: TenantKindArguments,
    #[command(flatten)]
    pub(in crate::cli) targets: TargetsArguments,
}
