//! Options that select servers, and the commands on the targets file.

#![expect(
    clippy::doc_markdown,
    reason = "the documentation is the text of --help"
)]

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::value::whole;
use crate::config::FileChoice;

pub(super) const TARGETS_EXPORT_EXAMPLES: &str = "\
Examples:
  schemastamp targets export --targets fleet.toml --format pgbouncer > pool.ini
  schemastamp targets export --targets fleet.toml --format pgdog --name prod
  schemastamp targets export --targets fleet.toml --format json";

/// The arguments of `targets`.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct TargetsFileArguments {
    #[command(subcommand)]
    pub(in crate::cli) command: TargetsCommand,
}

/// The commands of `targets`.
#[derive(Clone, Debug, Subcommand)]
pub(in crate::cli) enum TargetsCommand {
    /// Print the targets for a pooler: --format pgdog, pgbouncer or json; without passwords
    #[command(after_help = TARGETS_EXPORT_EXAMPLES)]
    Export(TargetsExportArguments),
}

/// The arguments of `targets export`.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct TargetsExportArguments {
    #[command(flatten)]
    pub(in crate::cli) targets: TargetsArguments,
    /// Call the sharded database of PgDog NAME [default: the database of the first target]
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) name: Option<String>,
}

/// Options that select the servers of a fleet.
#[derive(Clone, Debug, Default, Args)]
#[group(skip)]
pub(in crate::cli) struct TargetsArguments {
    /// Work on the servers listed in FILE (TOML)
    #[arg(long, value_name = "FILE", help_heading = "Targets")]
    pub(in crate::cli) targets: Option<PathBuf>,
    /// The way in which the file came to be used.
    #[arg(skip)]
    pub(in crate::cli) choice: FileChoice,
    /// Work only on the target NAME of the file (repeatable)
    #[arg(long, value_name = "NAME", help_heading = "Targets")]
    pub(in crate::cli) target: Vec<String>,
    /// Run at most N workers on all targets together
    #[arg(long, value_name = "N", value_parser = whole(1_usize..=usize::MAX), help_heading = "Targets")]
    pub(in crate::cli) total_jobs: Option<usize>,
}

/// Options that select one server of a fleet.
#[derive(Clone, Debug, Default, Args)]
#[group(skip)]
pub(in crate::cli) struct OneTargetArguments {
    /// Read the servers of a fleet from FILE (TOML)
    #[arg(
        long,
        value_name = "FILE",
        requires = "target",
        help_heading = "Targets"
    )]
    pub(in crate::cli) targets: Option<PathBuf>,
    /// The way in which the file came to be used.
    #[arg(skip)]
    pub(in crate::cli) choice: FileChoice,
    /// Work on the target NAME of the file
    #[arg(long, value_name = "NAME", help_heading = "Targets")]
    pub(in crate::cli) target: Option<String>,
}
