//! The commands for existing tenants: migrate, query, status, verify.

#![expect(
    clippy::doc_markdown,
    reason = "the documentation is the text of --help"
)]
#![expect(clippy::struct_excessive_bools, reason = "flags are what they are")]

use std::path::PathBuf;

use clap::Args;

use super::report::ReportArguments;
use super::selection::ScopeArguments;
use super::shared::{VersionsTableArguments, WorkerArguments};
use super::targets::TargetsArguments;
use super::value::{seconds, whole};
use crate::tenant::compare::Aspect;

pub(super) const MIGRATE_EXAMPLES: &str = "\
Examples:
  schemastamp migrate --all --migrations migrations --dry-run
  schemastamp migrate --all --migrations migrations --jobs 4 --canary 9 --record
  schemastamp migrate --undo 3f9c0a7be21d --migrations migrations --dry-run
  schemastamp migrate acme --run 'bin/migrate-tenant \"$SCHEMASTAMP_TENANT\"'";

pub(super) const RUNS_EXAMPLES: &str = "\
Examples:
  schemastamp runs
  schemastamp runs acme --limit 1
  schemastamp migrate --undo 3f9c0a7be21d --migrations migrations --dry-run";

pub(super) const ADOPT_EXAMPLES: &str = "\
Examples:
  schemastamp adopt --all --dry-run
  schemastamp adopt acme globex --migrations migrations --owners --privileges
  schemastamp adopt --match 'tenant_*' --targets targets.toml";

pub(super) const QUERY_EXAMPLES: &str = "\
Examples:
  schemastamp query --all -c 'SELECT count(*) FROM users'
  schemastamp query --match 'tenant_*' -f report.sql --format csv > report.csv
  schemastamp query acme -c \"UPDATE plans SET price = 9\" --write --yes";

pub(super) const STATUS_EXAMPLES: &str = "\
Examples:
  schemastamp status
  schemastamp status --migrations migrations --behind --exit-code
  schemastamp status --metrics /var/lib/node_exporter/schemastamp.prom
  schemastamp status --reconcile --tenants-query 'SELECT name FROM accounts'";

pub(super) const VERIFY_EXAMPLES: &str = "\
Examples:
  schemastamp verify --all
  schemastamp verify --all --migrations migrations
  schemastamp verify --all --report drift.html
  schemastamp verify acme globex --owners --privileges
  schemastamp verify --match 'tenant_*' --each-other";

/// The arguments of `migrate`.
#[derive(Clone, Debug, Args)]
#[command(group = clap::ArgGroup::new("work").args(["migrations", "run"]))]
pub(in crate::cli) struct MigrateArguments {
    #[command(flatten)]
    pub(in crate::cli) scope: ScopeArguments,
    #[command(flatten)]
    pub(in crate::cli) targets: TargetsArguments,
    /// Read SQL migrations from the directory DIR [env: SCHEMASTAMP_MIGRATIONS]
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) migrations: Option<PathBuf>,
    /// Run CMD for each tenant instead, with SCHEMASTAMP_TENANT and PG* set
    #[arg(
        long,
        value_name = "CMD",
        conflicts_with_all = ["role", "allow_out_of_order", "allow_missing", "allow_changed"]
    )]
    pub(in crate::cli) run: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) versions: VersionsTableArguments,
    #[command(flatten)]
    pub(in crate::cli) workers: WorkerArguments,
    /// Migrate N tenants first, and the rest only if all of these succeed
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = whole(0..=usize::MAX))]
    pub(in crate::cli) canary: usize,
    /// Migrate the groups of FILE (TOML) one after the other
    #[arg(long, value_name = "FILE", conflicts_with = "canary")]
    pub(in crate::cli) groups: Option<PathBuf>,
    /// Postpone a tenant if a statement waits for a lock longer than SECONDS
    #[arg(long, value_name = "SECONDS", default_value_t = 3.0, value_parser = seconds)]
    pub(in crate::cli) lock_timeout: f64,
    /// Retry a postponed tenant up to N times
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = whole(0..=u32::MAX))]
    pub(in crate::cli) lock_retries: u32,
    /// Migrate as ROLE
    #[arg(long, value_name = "ROLE")]
    pub(in crate::cli) role: Option<String>,
    /// Warn of a pending migration older than an applied one, instead of refusing
    #[arg(long)]
    pub(in crate::cli) allow_out_of_order: bool,
    /// Warn of an applied version without a file, instead of refusing
    #[arg(long)]
    pub(in crate::cli) allow_missing: bool,
    /// Warn of a file that changed after it was applied, instead of refusing
    #[arg(long)]
    pub(in crate::cli) allow_changed: bool,
    /// Refuse tenants that are not what their version should be, before the first one is touched
    #[arg(long, requires = "migrations")]
    pub(in crate::cli) check_drift: bool,
    /// Record what is applied in the schema schemastamp_runs, so that --undo can undo it
    #[arg(long, conflicts_with = "run")]
    pub(in crate::cli) record: bool,
    /// Undo what RUN applied, with the ways down of the migrations; of all its tenants if none are selected
    #[arg(
        long,
        value_name = "RUN",
        conflicts_with_all = [
            "run", "record", "groups", "check_drift", "allow_out_of_order", "allow_missing", "allow_changed"
        ]
    )]
    pub(in crate::cli) undo: Option<String>,
    /// Report what is pending without changing anything
    #[arg(long)]
    pub(in crate::cli) dry_run: bool,
    #[command(flatten)]
    pub(in crate::cli) files: ReportArguments,
}

/// The arguments of `runs`.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct RunsArguments {
    /// List only the runs that have applied something to TENANT
    #[arg(value_name = "TENANT")]
    pub(in crate::cli) tenants: Vec<String>,
    #[command(flatten)]
    pub(in crate::cli) targets: TargetsArguments,
    /// List the newest N runs
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = whole(1_usize..=usize::MAX))]
    pub(in crate::cli) limit: usize,
    /// Read the records as ROLE
    #[arg(long, value_name = "ROLE")]
    pub(in crate::cli) role: Option<String>,
}

/// Options that add to what is compared.
#[derive(Clone, Copy, Debug, Args)]
#[group(skip)]
pub(in crate::cli) struct AspectArguments {
    /// Compare owners too
    #[arg(long)]
    pub(in crate::cli) owners: bool,
    /// Compare grants too
    #[arg(long)]
    pub(in crate::cli) privileges: bool,
    /// Compare comments too
    #[arg(long)]
    pub(in crate::cli) comments: bool,
}

impl AspectArguments {
    /// Returns the chosen aspects.
    pub(in crate::cli) fn chosen(self) -> Vec<Aspect> {
        let wanted = [
            (self.owners, Aspect::Owners),
            (self.privileges, Aspect::Privileges),
            (self.comments, Aspect::Comments),
        ];
        let chosen = wanted.into_iter().filter(|(is_wanted, _)| *is_wanted);
        chosen.map(|(_, aspect)| aspect).collect()
    }
}

/// The arguments of `adopt`.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct AdoptArguments {
    #[command(flatten)]
    pub(in crate::cli) scope: ScopeArguments,
    #[command(flatten)]
    pub(in crate::cli) targets: TargetsArguments,
    /// Compare tenants that are newer than the snapshot with it plus the SQL migrations in DIR [env: SCHEMASTAMP_MIGRATIONS]
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) migrations: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) versions: VersionsTableArguments,
    #[command(flatten)]
    pub(in crate::cli) aspects: AspectArguments,
    /// Refuse also other orders of columns and other names of indexes and constraints
    #[arg(long)]
    pub(in crate::cli) strict: bool,
    /// Report what would be adopted without changing anything
    #[arg(long)]
    pub(in crate::cli) dry_run: bool,
}

/// The arguments of `query`.
#[derive(Clone, Debug, Args)]
#[command(group = clap::ArgGroup::new("sql").args(["command", "file"]).required(true))]
pub(in crate::cli) struct QueryArguments {
    #[command(flatten)]
    pub(in crate::cli) scope: ScopeArguments,
    #[command(flatten)]
    pub(in crate::cli) targets: TargetsArguments,
    /// Run SQL in each tenant, with the tenant first in the search_path
    #[arg(long, short, value_name = "SQL")]
    pub(in crate::cli) command: Option<String>,
    /// Read the SQL from FILE; - for stdin
    #[arg(long, short, value_name = "FILE")]
    pub(in crate::cli) file: Option<PathBuf>,
    /// Commit each tenant's transaction, and allow statements that change something
    #[arg(long, requires = "yes")]
    pub(in crate::cli) write: bool,
    /// Confirm --write
    #[arg(long, requires = "write")]
    pub(in crate::cli) yes: bool,
    #[command(flatten)]
    pub(in crate::cli) workers: WorkerArguments,
    /// Query as ROLE
    #[arg(long, value_name = "ROLE")]
    pub(in crate::cli) role: Option<String>,
}

/// The arguments of `status`.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct StatusArguments {
    #[command(flatten)]
    pub(in crate::cli) scope: ScopeArguments,
    #[command(flatten)]
    pub(in crate::cli) targets: TargetsArguments,
    /// Report also the tenants that the query of --tenants-query does not return; exit with 1 if any differ
    #[arg(long, requires = "tenants_query")]
    pub(in crate::cli) reconcile: bool,
    /// List only the tenants that are behind; with --problems, those too
    #[arg(long)]
    pub(in crate::cli) behind: bool,
    /// List only the tenants that have a problem, are missing, or are not where they should be
    #[arg(long)]
    pub(in crate::cli) problems: bool,
    /// Exit with 1 if a tenant is behind, has a problem, or is not where it should be
    #[arg(long)]
    pub(in crate::cli) exit_code: bool,
    #[command(flatten)]
    pub(in crate::cli) files: ReportArguments,
    /// Count against the SQL migrations in DIR [env: SCHEMASTAMP_MIGRATIONS] [default: those that any other tenant has]
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) migrations: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) versions: VersionsTableArguments,
}

/// The arguments of `verify`.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct VerifyArguments {
    #[command(flatten)]
    pub(in crate::cli) scope: ScopeArguments,
    #[command(flatten)]
    pub(in crate::cli) targets: TargetsArguments,
    /// Compare with what most of the tenants have, instead of the snapshot
    #[arg(long, conflicts_with = "migrations")]
    pub(in crate::cli) each_other: bool,
    /// Compare tenants that are newer than the snapshot with it plus the SQL migrations in DIR
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) migrations: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) versions: VersionsTableArguments,
    /// Run N workers
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = whole(1_u16..=256))]
    pub(in crate::cli) jobs: u16,
    #[command(flatten)]
    pub(in crate::cli) aspects: AspectArguments,
    /// Exit with 1 also for the order of columns and the names of indexes and constraints
    #[arg(long)]
    pub(in crate::cli) strict: bool,
    /// List only the tenants that are different; with --strict, the cosmetic ones too
    #[arg(long)]
    pub(in crate::cli) problems: bool,
    #[command(flatten)]
    pub(in crate::cli) files: ReportArguments,
}
