//! The commands that drop, rename and clone tenants.

#![expect(clippy::struct_excessive_bools, reason = "flags are what they are")]

use clap::Args;

use super::selection::ListedArguments;
use super::shared::VersionsTableArguments;
use super::targets::{OneTargetArguments, TargetsArguments};

pub(super) const DROP_EXAMPLES: &str = "\
Examples:
  schemastamp drop acme --dry-run
  schemastamp drop acme globex --yes
  schemastamp drop --from-file cancelled.txt --yes";

pub(super) const RENAME_EXAMPLES: &str = "\
Examples:
  schemastamp rename acme acme_old
  schemastamp rename acme acme_old --yes --keep 'function audit()'";

pub(super) const CLONE_EXAMPLES: &str = "\
Examples:
  schemastamp clone acme acme_staging
  schemastamp clone acme acme_staging --keep 'function audit()'";

/// The arguments of `drop`.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct DropArguments {
    #[command(flatten)]
    pub(in crate::cli) scope: ListedArguments,
    #[command(flatten)]
    pub(in crate::cli) targets: TargetsArguments,
    /// Skip the question
    #[arg(long)]
    pub(in crate::cli) yes: bool,
    /// Drop objects in other schemas that depend on the tenant too
    #[arg(long)]
    pub(in crate::cli) cascade: bool,
    /// Show what would be dropped without dropping it
    #[arg(long)]
    pub(in crate::cli) dry_run: bool,
    /// Drop a schema that has neither schemastamp's mark nor a versions table; takes exactly one name
    #[arg(long)]
    pub(in crate::cli) not_a_tenant: bool,
    #[command(flatten)]
    pub(in crate::cli) versions: VersionsTableArguments,
}

/// Arguments of `rename`.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct RenameArguments {
    #[command(flatten)]
    pub(in crate::cli) tenants: TwoTenantsArguments,
    /// Rename a schema that has neither schemastamp's mark nor a versions table
    #[arg(long)]
    pub(in crate::cli) not_a_tenant: bool,
    #[command(flatten)]
    pub(in crate::cli) versions: VersionsTableArguments,
}

/// The arguments of `rename` and `clone`.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct TwoTenantsArguments {
    /// Take the tenant OLD
    #[arg(value_name = "OLD")]
    pub(in crate::cli) old: String,
    /// Give it the name NEW
    #[arg(value_name = "NEW")]
    pub(in crate::cli) new: String,
    /// Skip the question that rename asks on a terminal
    #[arg(long)]
    pub(in crate::cli) yes: bool,
    /// Keep ambiguous text of OBJECT as it is (repeatable; added to the decisions in the snapshot)
    #[arg(long, value_name = "OBJECT")]
    pub(in crate::cli) keep: Vec<String>,
    /// Replace the schema's name in ambiguous text of OBJECT (repeatable; likewise)
    #[arg(long, value_name = "OBJECT")]
    pub(in crate::cli) rename: Vec<String>,
    #[command(flatten)]
    pub(in crate::cli) target: OneTargetArguments,
}
