//! The commands that make, print and compare a snapshot.

#![expect(
    clippy::doc_markdown,
    reason = "the documentation is the text of --help"
)]
#![expect(clippy::struct_excessive_bools, reason = "flags are what they are")]

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::provision::TenantKindArguments;
use super::shared::VersionsTableArguments;
use super::targets::OneTargetArguments;

pub(super) const CAPTURE_EXAMPLES: &str = "\
Examples:
  schemastamp capture --schema tenant_demo --seed plans -o snapshots/billing.sql
  schemastamp capture --from db/structure.sql --schema app -o snapshots/app.sql
  schemastamp capture --migrations db/migrations -o snapshots/app.sql
  schemastamp capture --schema tenant_demo --rename 'function log()' -o demo.sql";

pub(super) const MINIFY_EXAMPLES: &str = "\
Examples:
  schemastamp minify snapshots/billing.sql -o billing.min.sql
  schemastamp minify | wc -c";

pub(super) const SNAPSHOT_EXAMPLES: &str = "\
Examples:
  schemastamp snapshot show
  schemastamp snapshot show snapshots/billing.sql --format json";

pub(super) const RENDER_EXAMPLES: &str = "\
Examples:
  schemastamp render acme > acme.sql
  schemastamp render acme --no-owner --no-privileges | psql -1 app";

pub(super) const REFRESH_EXAMPLES: &str = "\
Examples:
  schemastamp refresh --migrations migrations
  schemastamp refresh --migrations migrations -o snapshots/next.sql";

pub(super) const CHECK_EXAMPLES: &str = "\
Examples:
  schemastamp check --migrations migrations
  schemastamp check --schema tenant_template";

/// The arguments of `capture`.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct CaptureArguments {
    /// Capture SCHEMA
    #[arg(long, value_name = "SCHEMA")]
    pub(in crate::cli) schema: Option<String>,
    /// Make the schema from the SQL migrations in DIR, in a scratch schema that is dropped again
    #[arg(long, value_name = "DIR", conflicts_with_all = ["schema", "from", "run", "scratch"])]
    pub(in crate::cli) migrations: Option<PathBuf>,
    /// Have CMD make the schema that SCHEMASTAMP_TENANT names, with PG* set; it is dropped again
    #[arg(long, value_name = "CMD", conflicts_with_all = ["schema", "from", "scratch"])]
    pub(in crate::cli) run: Option<String>,
    /// Write to FILE, not stdout; take over the decisions and seed tables of an existing FILE
    #[arg(long, short, value_name = "FILE")]
    pub(in crate::cli) output: Option<PathBuf>,
    /// Read a dump, not pg_dump's output; - for stdin
    #[arg(long, value_name = "DUMP.sql")]
    pub(in crate::cli) from: Option<PathBuf>,
    /// Carry the rows of TABLE (repeatable, in the order of filling)
    #[arg(long, value_name = "TABLE")]
    pub(in crate::cli) seed: Vec<String>,
    /// Use TABLE as the version table, if it is not a well-known one
    #[arg(long, value_name = "TABLE")]
    pub(in crate::cli) versions_table: Option<String>,
    /// With --from: take the rows of version tables that the dump lacks from SCHEMA of the database
    #[arg(long, value_name = "SCHEMA", requires = "from")]
    pub(in crate::cli) versions_from: Option<String>,
    /// Keep ambiguous text of OBJECT (repeatable)
    #[arg(long, value_name = "OBJECT")]
    pub(in crate::cli) keep: Vec<String>,
    /// Rename in ambiguous text of OBJECT (repeatable)
    #[arg(long, value_name = "OBJECT")]
    pub(in crate::cli) rename: Vec<String>,
    /// Skip the proof: load no copy to compare
    #[arg(long)]
    pub(in crate::cli) no_prove: bool,
    /// Leave out owners
    #[arg(long)]
    pub(in crate::cli) no_owner: bool,
    /// Leave out grants
    #[arg(long)]
    pub(in crate::cli) no_privileges: bool,
    /// Load copies in DBNAME on the same server, if you may not create or rename schemas
    #[arg(long, value_name = "DBNAME")]
    pub(in crate::cli) scratch: Option<String>,
    /// Remove comments and needless whitespace
    #[arg(long)]
    pub(in crate::cli) minify: bool,
    #[command(flatten)]
    pub(in crate::cli) target: OneTargetArguments,
}

/// The arguments of `snapshot`.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct SnapshotArguments {
    #[command(subcommand)]
    pub(in crate::cli) command: SnapshotCommand,
}

/// The commands of `snapshot`.
#[derive(Clone, Debug, Subcommand)]
pub(in crate::cli) enum SnapshotCommand {
    /// Print the fingerprint, origin, versions, decisions and objects of a snapshot
    #[command(after_help = SNAPSHOT_EXAMPLES)]
    Show(SnapshotShowArguments),
}

/// The arguments of `snapshot show`.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct SnapshotShowArguments {
    /// Read the snapshot FILE, as with --snapshot
    #[arg(value_name = "FILE")]
    pub(in crate::cli) file: Option<PathBuf>,
}

/// The arguments of `minify`.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct MinifyArguments {
    /// Read the snapshot FILE, as with --snapshot
    #[arg(value_name = "FILE")]
    pub(in crate::cli) file: Option<PathBuf>,
    /// Write to FILE, not stdout
    #[arg(long, short, value_name = "FILE")]
    pub(in crate::cli) output: Option<PathBuf>,
}

/// The arguments of `render`.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct RenderArguments {
    /// Render the schema of TENANT
    #[arg(value_name = "TENANT")]
    pub(in crate::cli) tenant: String,
    #[command(flatten)]
    pub(in crate::cli) what: TenantKindArguments,
}

/// The arguments of `refresh`.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct RefreshArguments {
    /// Read SQL migrations from the directory DIR [env: SCHEMASTAMP_MIGRATIONS]
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) migrations: Option<PathBuf>,
    /// Write the new snapshot to FILE instead of replacing the old one
    #[arg(long, short, value_name = "FILE")]
    pub(in crate::cli) output: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) versions: VersionsTableArguments,
    /// Skip the proof: do not compare a new tenant with an old one and its migrations
    #[arg(long)]
    pub(in crate::cli) no_prove: bool,
    #[command(flatten)]
    pub(in crate::cli) target: OneTargetArguments,
}

/// The arguments of `check`.
#[derive(Clone, Debug, Args)]
#[command(group = clap::ArgGroup::new("reference").args(["schema", "migrations"]))]
pub(in crate::cli) struct CheckArguments {
    /// Compare the snapshot with SCHEMA
    #[arg(long, value_name = "SCHEMA")]
    pub(in crate::cli) schema: Option<String>,
    /// Compare the snapshot with itself plus the SQL migrations in DIR [env: SCHEMASTAMP_MIGRATIONS]
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) migrations: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) versions: VersionsTableArguments,
    #[command(flatten)]
    pub(in crate::cli) target: OneTargetArguments,
}
