#![expect(
    clippy::doc_markdown,
    reason = "the documentation is the text of --help"
)]
#![expect(clippy::struct_excessive_bools, reason = "flags are what they are")]
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::common::CommonArguments;
use super::report_form::parse_report_file;

const EXIT_CODES: &str = "\
Examples:
  schemastamp capture --schema tenant_demo --seed plans -o snapshots/billing.sql
  schemastamp provision acme globex
  schemastamp --diagnose -h db.example.com --sslmode verify-full

Exit codes:
  0   success
  1   check or verify found differences, or status with --reconcile or --exit-code did
  2   wrong usage, or a tenant name that no schema can have
  10  a setting is missing, empty or malformed
  11  psql or pg_dump is missing, too old or failed
  12  a certificate, key or other file cannot be used
  13  the connection, TLS or login failed
  14  the server refused a statement
  15  a snapshot, template or dump is invalid, or a capture needs a decision
  16  timed out
  17  the tenant exists
  18  some of several tenants failed
  20  diagnose found an error
  128+n  ended by signal n

Each setting comes from the first of: flag, SCHEMASTAMP_* variable, DATABASE_URL, PG* variable, \
service file, password file.";

const CAPTURE_EXAMPLES: &str = "\
Examples:
  schemastamp capture --schema tenant_demo --seed plans -o snapshots/billing.sql
  schemastamp capture --from db/structure.sql --schema app -o snapshots/app.sql
  schemastamp capture --schema tenant_demo --rename 'function audit()' -o snapshots/billing.sql";

const MINIFY_EXAMPLES: &str = "\
Examples:
  schemastamp minify snapshots/billing.sql -o billing.min.sql
  schemastamp minify | wc -c";

const RENDER_EXAMPLES: &str = "\
Examples:
  schemastamp render acme > acme.sql
  schemastamp render acme --no-owner --no-privileges | psql -v ON_ERROR_STOP=1 app";

const PROVISION_EXAMPLES: &str = "\
Examples:
  schemastamp provision acme globex
  schemastamp provision --from-file names.txt --jobs 4
  schemastamp provision acme --migrations migrations
  schemastamp provision --from-file - --from-pool --refill 20 --format json";

const POOL_EXAMPLES: &str = "\
Examples:
  schemastamp pool fill --size 20
  schemastamp provision --from-pool acme
  schemastamp pool drain";

const POOL_FILL_EXAMPLES: &str = "\
Examples:
  schemastamp pool fill --size 20
  schemastamp pool fill --size 100 --jobs 4 --role app";

const POOL_STATUS_EXAMPLES: &str = "\
Examples:
  schemastamp pool status
  schemastamp pool status --format json";

const POOL_DRAIN_EXAMPLES: &str = "\
Examples:
  schemastamp pool drain
  schemastamp pool drain --all";

const MIGRATE_EXAMPLES: &str = "\
Examples:
  schemastamp migrate --all --migrations migrations --dry-run
  schemastamp migrate --all --migrations migrations --jobs 4 --canary 10
  schemastamp migrate acme --run 'bin/migrate-tenant \"$SCHEMASTAMP_TENANT\"'";

const QUERY_EXAMPLES: &str = "\
Examples:
  schemastamp query --all -c 'SELECT count(*) FROM users'
  schemastamp query --match 'tenant_*' -f report.sql --format csv > report.csv
  schemastamp query acme -c \"UPDATE plans SET price = 9 WHERE id = 1\" --write --yes";

const STATUS_EXAMPLES: &str = "\
Examples:
  schemastamp status
  schemastamp status --migrations migrations --behind --exit-code
  schemastamp status --metrics /var/lib/node_exporter/schemastamp.prom
  schemastamp status --reconcile --tenants-query 'SELECT schema AS name FROM accounts'";

const VERIFY_EXAMPLES: &str = "\
Examples:
  schemastamp verify --all
  schemastamp verify --all --migrations migrations
  schemastamp verify --all --report drift.html
  schemastamp verify acme globex --owners --privileges
  schemastamp verify --match 'tenant_*' --each-other";

const REFRESH_EXAMPLES: &str = "\
Examples:
  schemastamp refresh --migrations migrations
  schemastamp refresh --migrations migrations -o snapshots/next.sql";

const CHECK_EXAMPLES: &str = "\
Examples:
  schemastamp check --migrations migrations
  schemastamp check --schema tenant_template";

const DROP_EXAMPLES: &str = "\
Examples:
  schemastamp drop acme --dry-run
  schemastamp drop acme globex --yes
  schemastamp drop --from-file cancelled.txt --yes";

const RENAME_EXAMPLES: &str = "\
Examples:
  schemastamp rename acme acme_old
  schemastamp rename acme acme_old --yes --keep 'function audit()'";

const CLONE_EXAMPLES: &str = "\
Examples:
  schemastamp clone acme acme_staging
  schemastamp clone acme acme_staging --keep 'function audit()'";

const DIAGNOSE_EXAMPLES: &str = "\
Examples:
  schemastamp diagnose
  schemastamp diagnose -h db.example.com --sslmode verify-full --sslrootcert ca.pem
  schemastamp diagnose --targets targets.toml --expires-within 30d --format nagios
  schemastamp provision acme --diagnose";

const TARGETS_EXPORT_EXAMPLES: &str = "\
Examples:
  schemastamp targets export --targets fleet.toml --format pgbouncer > databases.ini
  schemastamp targets export --targets fleet.toml --format pgdog --name prod > pgdog.toml
  schemastamp targets export --targets fleet.toml --format json";

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  schemastamp completions bash > ~/.local/share/bash-completion/completions/schemastamp
  schemastamp completions fish > ~/.config/fish/completions/schemastamp.fish";

const JSON_SCHEMA_EXAMPLES: &str = "\
Examples:
  schemastamp json-schema > schemastamp.schema.json";

const MAN_EXAMPLES: &str = "\
Examples:
  schemastamp man > schemastamp.1
  schemastamp man provision | man -l -
  schemastamp man --dir /usr/local/share/man/man1";

/// Create PostgreSQL tenant schemas from a snapshot, through psql
#[derive(Debug, Parser)]
#[command(
    name = "schemastamp",
    version,
    disable_help_flag = true,
    arg_required_else_help = true,
    after_help = EXIT_CODES
)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) common: CommonArguments,
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

/// The commands.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum Command {
    /// Capture a tenant's schema as a snapshot, and prove it
    #[command(after_help = CAPTURE_EXAMPLES)]
    Capture(CaptureArguments),
    /// Remove comments and needless whitespace from a snapshot
    #[command(after_help = MINIFY_EXAMPLES)]
    Minify(MinifyArguments),
    /// Print the SQL for one tenant
    #[command(after_help = RENDER_EXAMPLES)]
    Render(RenderArguments),
    /// Create tenants from a snapshot, each in one transaction
    #[command(after_help = PROVISION_EXAMPLES)]
    Provision(ProvisionArguments),
    /// Keep ready-made tenants that `provision --from-pool` hands out in milliseconds
    #[command(after_help = POOL_EXAMPLES)]
    Pool(PoolArguments),
    /// Apply pending migrations to tenants, each with its version in one transaction
    #[command(after_help = MIGRATE_EXAMPLES)]
    Migrate(MigrateArguments),
    /// Run a query in each tenant, read-only unless --write is passed
    #[command(after_help = QUERY_EXAMPLES)]
    Query(QueryArguments),
    /// Report each tenant's version and how far it is behind
    #[command(after_help = STATUS_EXAMPLES)]
    Status(StatusArguments),
    /// Compare tenants with the snapshot, or with each other, object by object
    #[command(after_help = VERIFY_EXAMPLES)]
    Verify(VerifyArguments),
    /// Renew the snapshot: apply migrations to a copy, capture it, and prove the result
    #[command(after_help = REFRESH_EXAMPLES)]
    Refresh(RefreshArguments),
    /// Fail if the committed snapshot is out of date (for CI)
    #[command(after_help = CHECK_EXAMPLES)]
    Check(CheckArguments),
    /// Drop tenants, after showing what would be dropped
    #[command(after_help = DROP_EXAMPLES)]
    Drop(DropArguments),
    /// Rename a tenant, rewrite text that holds its name, and prove the result
    #[command(after_help = RENAME_EXAMPLES)]
    Rename(RenameArguments),
    /// Copy a tenant with its rows and the positions of its sequences
    #[command(after_help = CLONE_EXAMPLES)]
    Clone(TwoTenantsArguments),
    /// Work with a targets file itself
    #[command(after_help = TARGETS_EXPORT_EXAMPLES)]
    Targets(TargetsFileArguments),
    /// Report on programs, configuration, files, network, TLS, login and privileges
    #[command(after_help = DIAGNOSE_EXAMPLES)]
    Diagnose(DiagnoseArguments),
    /// Print the completions for a shell
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions {
        /// Print the completions for SHELL
        shell: clap_complete::Shell,
    },
    /// Print the JSON Schema of the lines of --format json
    #[command(after_help = JSON_SCHEMA_EXAMPLES)]
    JsonSchema,
    /// Print the manual page of schemastamp or of one command, or write all pages
    #[command(after_help = MAN_EXAMPLES)]
    Man {
        /// Print the manual page of COMMAND, such as `pool fill`
        #[arg(value_name = "COMMAND")]
        command: Vec<String>,
        /// Write the pages of all commands into DIR
        #[arg(long, value_name = "DIR", conflicts_with = "command")]
        dir: Option<PathBuf>,
    },
}

/// The arguments of `diagnose`.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct DiagnoseArguments {
    /// Warn of certificates and revocation lists that expire within TIME, such as 30d or 12h [default: 14d]
    #[arg(long, value_name = "TIME", value_parser = span)]
    pub(super) expires_within: Option<Duration>,
    /// Diagnose every target of FILE, all at once
    #[arg(long, value_name = "FILE")]
    pub(super) targets: Option<PathBuf>,
}

/// The arguments of `capture`.
#[derive(Clone, Debug, Args)]
pub(super) struct CaptureArguments {
    /// Capture SCHEMA
    #[arg(long, value_name = "SCHEMA")]
    pub(super) schema: String,
    /// Write to FILE, not stdout; take over the decisions and seed tables of an existing FILE
    #[arg(long, short, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// Read a dump instead of running pg_dump; - for stdin
    #[arg(long, value_name = "DUMP.sql")]
    pub(super) from: Option<PathBuf>,
    /// Carry the rows of TABLE (repeatable, in the order in which to fill the tables)
    #[arg(long, value_name = "TABLE")]
    pub(super) seed: Vec<String>,
    /// Use TABLE as the version table, if it is not a well-known one
    #[arg(long, value_name = "TABLE")]
    pub(super) versions_table: Option<String>,
    /// With --from: take the rows of version tables that the dump lacks from SCHEMA of the database
    #[arg(long, value_name = "SCHEMA", requires = "from")]
    pub(super) versions_from: Option<String>,
    /// Keep ambiguous text of OBJECT as it is (repeatable)
    #[arg(long, value_name = "OBJECT")]
    pub(super) keep: Vec<String>,
    /// Replace the schema's name in ambiguous text of OBJECT (repeatable)
    #[arg(long, value_name = "OBJECT")]
    pub(super) rename: Vec<String>,
    /// Skip the proof: do not load a copy and compare it with the source
    #[arg(long)]
    pub(super) no_prove: bool,
    /// Leave out owners
    #[arg(long)]
    pub(super) no_owner: bool,
    /// Leave out grants
    #[arg(long)]
    pub(super) no_privileges: bool,
    /// Load copies in DBNAME on the same server, if you may not create or rename schemas
    #[arg(long, value_name = "DBNAME")]
    pub(super) scratch: Option<String>,
    /// Remove comments and needless whitespace
    #[arg(long)]
    pub(super) minify: bool,
    #[command(flatten)]
    pub(super) target: OneTargetArguments,
}

/// The arguments of `minify`.
#[derive(Clone, Debug, Args)]
pub(super) struct MinifyArguments {
    /// Read the snapshot FILE, as with --snapshot
    #[arg(value_name = "FILE")]
    pub(super) file: Option<PathBuf>,
    /// Write to FILE, not stdout
    #[arg(long, short, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
}

/// Options that choose what is rendered.
#[derive(Clone, Debug, Args)]
pub(super) struct TenantKindArguments {
    /// Leave out owners
    #[arg(long)]
    pub(super) no_owner: bool,
    /// Leave out grants
    #[arg(long)]
    pub(super) no_privileges: bool,
    /// Create tenants as ROLE (SET LOCAL ROLE)
    #[arg(long, value_name = "ROLE")]
    pub(super) role: Option<String>,
    /// Create tenants as distributed schemas of Citus 12 or later
    #[arg(long)]
    pub(super) citus: bool,
}

/// The arguments of `render`.
#[derive(Clone, Debug, Args)]
pub(super) struct RenderArguments {
    /// Render the schema of TENANT
    #[arg(value_name = "TENANT")]
    pub(super) tenant: String,
    #[command(flatten)]
    pub(super) what: TenantKindArguments,
}

/// The arguments of `provision`.
#[derive(Clone, Debug, Args)]
#[group(skip)]
#[command(group = clap::ArgGroup::new("names").required(true).multiple(true))]
pub(super) struct ProvisionArguments {
    /// Create the schema TENANT
    #[arg(value_name = "TENANT", group = "names")]
    pub(super) tenants: Vec<String>,
    /// Read names from the file NAMES, one per line; - to answer names as they arrive on stdin
    #[arg(long, value_name = "NAMES", group = "names")]
    pub(super) from_file: Option<PathBuf>,
    /// Run N workers for each server [default: auto; 1 for names on the command line]
    #[arg(long, value_name = "N")]
    pub(super) jobs: Option<String>,
    /// Choose what happens if a tenant exists: `fail`; `skip` accepts any complete tenant; `resume`
    /// accepts one of this same snapshot [default: resume for a file, otherwise fail]
    #[arg(long, value_enum, value_name = "ACTION", hide_possible_values = true)]
    pub(super) if_exists: Option<IfExistsArgument>,
    /// Stop starting tenants after N failures
    #[arg(long, value_name = "N", value_parser = whole(1_usize..=usize::MAX))]
    pub(super) max_failures: Option<usize>,
    /// Stop starting tenants after the first failure
    #[arg(long, conflicts_with = "max_failures")]
    pub(super) fail_fast: bool,
    /// Retry transient errors up to N times [default: 2; 5 for stdin, 7 for a file]
    #[arg(long, value_name = "N", value_parser = whole(0_u32..=20))]
    pub(super) retries: Option<u32>,
    /// Claim ready-made tenants from the pool, while there are any
    #[arg(long)]
    pub(super) from_pool: bool,
    /// Refill the pool to SIZE ready-made tenants
    #[arg(long, value_name = "SIZE", requires = "from_pool", value_parser = whole(1_usize..=100_000))]
    pub(super) refill: Option<usize>,
    #[command(flatten)]
    pub(super) targets: TargetsArguments,
    /// Apply the SQL migrations in DIR that are newer than the snapshot, in the same transaction
    #[arg(long, value_name = "DIR")]
    pub(super) migrations: Option<PathBuf>,
    /// Use TABLE as the version table, if it is not the only well-known one
    #[arg(long, value_name = "TABLE", requires = "migrations")]
    pub(super) versions_table: Option<String>,
    /// Run CMD after each tenant is created, with SCHEMASTAMP_TENANT and PG* set
    #[arg(long, value_name = "CMD")]
    pub(super) run: Option<String>,
    /// Print the scripts without connecting
    #[arg(long)]
    pub(super) dry_run: bool,
    #[command(flatten)]
    pub(super) what: TenantKindArguments,
}

/// The values of `--if-exists`. They have no doc comments, since clap would then give each option of
/// the help two lines and a blank one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum IfExistsArgument {
    Fail,
    Skip,
    Resume,
}

/// The arguments of `pool`.
#[derive(Clone, Debug, Args)]
pub(super) struct PoolArguments {
    #[command(subcommand)]
    pub(super) command: PoolCommand,
}

/// The commands of `pool`.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum PoolCommand {
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
pub(super) struct PoolFillArguments {
    /// Fill the pool to N ready-made tenants
    #[arg(long, value_name = "N", value_parser = whole(1_usize..=100_000))]
    pub(super) size: usize,
    /// Run N workers [default: auto]
    #[arg(long, value_name = "N")]
    pub(super) jobs: Option<String>,
    #[command(flatten)]
    pub(super) what: TenantKindArguments,
    #[command(flatten)]
    pub(super) targets: TargetsArguments,
}

/// The arguments of `pool status`.
#[derive(Clone, Debug, Args)]
pub(super) struct PoolKindArguments {
    #[command(flatten)]
    pub(super) what: TenantKindArguments,
    #[command(flatten)]
    pub(super) targets: TargetsArguments,
}

/// The arguments of `pool drain`.
#[derive(Clone, Debug, Args)]
pub(super) struct PoolDrainArguments {
    /// Drop all ready-made tenants, also those of this snapshot
    #[arg(long)]
    pub(super) all: bool,
    #[command(flatten)]
    pub(super) what: TenantKindArguments,
    #[command(flatten)]
    pub(super) targets: TargetsArguments,
}

/// The arguments of `targets`.
#[derive(Clone, Debug, Args)]
pub(super) struct TargetsFileArguments {
    #[command(subcommand)]
    pub(super) command: TargetsCommand,
}

/// The commands of `targets`.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum TargetsCommand {
    /// Print the targets for a pooler: --format pgdog, pgbouncer or json; without passwords
    #[command(after_help = TARGETS_EXPORT_EXAMPLES)]
    Export(TargetsExportArguments),
}

/// The arguments of `targets export`.
#[derive(Clone, Debug, Args)]
pub(super) struct TargetsExportArguments {
    #[command(flatten)]
    pub(super) targets: TargetsArguments,
    /// Call the sharded database of PgDog NAME [default: the database of the first target]
    #[arg(long, value_name = "NAME")]
    pub(super) name: Option<String>,
}

/// Options that select the servers of a fleet.
#[derive(Clone, Debug, Default, Args)]
#[group(skip)]
pub(super) struct TargetsArguments {
    /// Work on the servers listed in FILE (TOML)
    #[arg(long, value_name = "FILE", help_heading = "Targets")]
    pub(super) targets: Option<PathBuf>,
    /// Work only on the target NAME of the file (repeatable)
    #[arg(
        long,
        value_name = "NAME",
        requires = "targets",
        help_heading = "Targets"
    )]
    pub(super) target: Vec<String>,
    /// Run at most N workers on all targets together
    #[arg(long, value_name = "N", requires = "targets", value_parser = whole(1_usize..=usize::MAX), help_heading = "Targets")]
    pub(super) total_jobs: Option<usize>,
}

/// Options that select one server of a fleet.
#[derive(Clone, Debug, Default, Args)]
#[group(skip)]
pub(super) struct OneTargetArguments {
    /// Read the servers of a fleet from FILE (TOML)
    #[arg(
        long,
        value_name = "FILE",
        requires = "target",
        help_heading = "Targets"
    )]
    pub(super) targets: Option<PathBuf>,
    /// Work on the target NAME of the file
    #[arg(
        long,
        value_name = "NAME",
        requires = "targets",
        help_heading = "Targets"
    )]
    pub(super) target: Option<String>,
}

/// Options that select existing tenants, all of them too.
#[derive(Clone, Debug, Args)]
#[group(skip)]
pub(super) struct ScopeArguments {
    #[command(flatten)]
    pub(super) listed: ListedArguments,
    /// Select every schema, except public, that has a version table or that schemastamp created
    #[arg(long, conflicts_with_all = ["tenants", "from_file", "tenants_query"])]
    pub(super) all: bool,
    /// Fail if there are no tenants, also with --all
    #[arg(long)]
    pub(super) require_any: bool,
}

/// Options that select existing tenants by name or by pattern.
#[derive(Clone, Debug, Args)]
#[group(skip)]
pub(super) struct ListedArguments {
    /// Select the schema TENANT
    #[arg(value_name = "TENANT", conflicts_with_all = ["pattern", "from_file", "tenants_query"])]
    pub(super) tenants: Vec<String>,
    /// Select the tenants whose name matches PATTERN, as in psql's \dn: 'tenant_*'
    #[arg(long = "match", value_name = "PATTERN", conflicts_with_all = ["from_file", "tenants_query"])]
    pub(super) pattern: Option<String>,
    /// Select the tenants that the file NAMES lists, one per line; - for stdin
    #[arg(long, value_name = "NAMES", conflicts_with = "tenants_query")]
    pub(super) from_file: Option<PathBuf>,
    /// Select the tenants that the query SQL returns, with the columns name[, group][, target]
    #[arg(long, value_name = "SQL")]
    pub(super) tenants_query: Option<String>,
}

/// Files that a command writes about its run.
#[derive(Clone, Debug, Args)]
#[group(skip)]
pub(super) struct ReportArguments {
    /// Write a report into FILE, whose name ends in .md or .html (repeatable)
    #[arg(long, value_name = "FILE", value_parser = parse_report_file)]
    pub(super) report: Vec<PathBuf>,
    /// Write metrics for Prometheus into FILE, for node_exporter's textfile collector
    #[arg(long, value_name = "FILE")]
    pub(super) metrics: Option<PathBuf>,
}

/// The arguments of `migrate`.
#[derive(Clone, Debug, Args)]
#[command(group = clap::ArgGroup::new("work").args(["migrations", "run"]))]
pub(super) struct MigrateArguments {
    #[command(flatten)]
    pub(super) scope: ScopeArguments,
    #[command(flatten)]
    pub(super) targets: TargetsArguments,
    /// Read SQL migrations from the directory DIR [env: SCHEMASTAMP_MIGRATIONS]
    #[arg(long, value_name = "DIR")]
    pub(super) migrations: Option<PathBuf>,
    /// Run CMD for each tenant instead, with SCHEMASTAMP_TENANT and PG* set
    #[arg(
        long,
        value_name = "CMD",
        conflicts_with_all = ["role", "allow_out_of_order", "allow_missing", "allow_changed"]
    )]
    pub(super) run: Option<String>,
    /// Use TABLE as the version table, if it is not the only well-known one
    #[arg(long, value_name = "TABLE")]
    pub(super) versions_table: Option<String>,
    /// Run N workers
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = whole(1_u16..=256))]
    pub(super) jobs: u16,
    /// Migrate N tenants first, and the rest only if all of these succeed
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = whole(0..=usize::MAX))]
    pub(super) canary: usize,
    /// Stop starting tenants after N failures
    #[arg(long, value_name = "N", value_parser = whole(1_usize..=usize::MAX))]
    pub(super) max_failures: Option<usize>,
    /// Postpone a tenant if a statement waits for a lock longer than SECONDS
    #[arg(long, value_name = "SECONDS", default_value_t = 3.0, value_parser = seconds)]
    pub(super) lock_timeout: f64,
    /// Retry a postponed tenant up to N times
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = whole(0..=u32::MAX))]
    pub(super) lock_retries: u32,
    /// Migrate as ROLE
    #[arg(long, value_name = "ROLE")]
    pub(super) role: Option<String>,
    /// Warn of a pending migration older than an applied one, instead of refusing
    #[arg(long)]
    pub(super) allow_out_of_order: bool,
    /// Warn of an applied version without a file, instead of refusing
    #[arg(long)]
    pub(super) allow_missing: bool,
    /// Warn of a file that changed after it was applied, instead of refusing
    #[arg(long)]
    pub(super) allow_changed: bool,
    /// Refuse tenants that are not what their version should be, before the first one is touched
    #[arg(long, requires = "migrations")]
    pub(super) check_drift: bool,
    /// Report what is pending without changing anything
    #[arg(long)]
    pub(super) dry_run: bool,
    #[command(flatten)]
    pub(super) files: ReportArguments,
}

/// The arguments of `query`.
#[derive(Clone, Debug, Args)]
#[command(group = clap::ArgGroup::new("sql").args(["command", "file"]).required(true))]
pub(super) struct QueryArguments {
    #[command(flatten)]
    pub(super) scope: ScopeArguments,
    #[command(flatten)]
    pub(super) targets: TargetsArguments,
    /// Run SQL in each tenant, with the tenant first in the search_path
    #[arg(long, short, value_name = "SQL")]
    pub(super) command: Option<String>,
    /// Read the SQL from FILE; - for stdin
    #[arg(long, short, value_name = "FILE")]
    pub(super) file: Option<PathBuf>,
    /// Commit each tenant's transaction, and allow statements that change something
    #[arg(long, requires = "yes")]
    pub(super) write: bool,
    /// Confirm --write
    #[arg(long, requires = "write")]
    pub(super) yes: bool,
    /// Run N workers
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = whole(1_u16..=256))]
    pub(super) jobs: u16,
    /// Stop starting tenants after N failures
    #[arg(long, value_name = "N", value_parser = whole(1_usize..=usize::MAX))]
    pub(super) max_failures: Option<usize>,
    /// Query as ROLE
    #[arg(long, value_name = "ROLE")]
    pub(super) role: Option<String>,
}

/// The arguments of `status`.
#[derive(Clone, Debug, Args)]
pub(super) struct StatusArguments {
    #[command(flatten)]
    pub(super) scope: ScopeArguments,
    #[command(flatten)]
    pub(super) targets: TargetsArguments,
    /// Report also the tenants that the query of --tenants-query does not return; exit with 1 if any differ
    #[arg(long, requires = "tenants_query")]
    pub(super) reconcile: bool,
    /// List only the tenants that are behind; with --problems, those too
    #[arg(long)]
    pub(super) behind: bool,
    /// List only the tenants that have a problem, are missing, or are not where they should be
    #[arg(long)]
    pub(super) problems: bool,
    /// Exit with 1 if a tenant is behind, has a problem, or is not where it should be
    #[arg(long)]
    pub(super) exit_code: bool,
    #[command(flatten)]
    pub(super) files: ReportArguments,
    /// Count against the SQL migrations in DIR [env: SCHEMASTAMP_MIGRATIONS] [default: those that any other tenant has]
    #[arg(long, value_name = "DIR")]
    pub(super) migrations: Option<PathBuf>,
    /// Use TABLE as the version table, if it is not the only well-known one
    #[arg(long, value_name = "TABLE")]
    pub(super) versions_table: Option<String>,
}

/// The arguments of `verify`.
#[derive(Clone, Debug, Args)]
pub(super) struct VerifyArguments {
    #[command(flatten)]
    pub(super) scope: ScopeArguments,
    #[command(flatten)]
    pub(super) targets: TargetsArguments,
    /// Compare with what most of the tenants have, instead of the snapshot
    #[arg(long, conflicts_with = "migrations")]
    pub(super) each_other: bool,
    /// Compare tenants that are newer than the snapshot with it plus the SQL migrations in DIR
    #[arg(long, value_name = "DIR")]
    pub(super) migrations: Option<PathBuf>,
    /// Use TABLE as the version table, if it is not the only well-known one
    #[arg(long, value_name = "TABLE")]
    pub(super) versions_table: Option<String>,
    /// Compare owners too
    #[arg(long)]
    pub(super) owners: bool,
    /// Compare grants too
    #[arg(long)]
    pub(super) privileges: bool,
    /// Compare comments too
    #[arg(long)]
    pub(super) comments: bool,
    /// Exit with 1 also for the order of columns and the names of indexes and constraints
    #[arg(long)]
    pub(super) strict: bool,
    /// List only the tenants that are different; with --strict, the cosmetic ones too
    #[arg(long)]
    pub(super) problems: bool,
    #[command(flatten)]
    pub(super) files: ReportArguments,
}

/// The arguments of `refresh`.
#[derive(Clone, Debug, Args)]
pub(super) struct RefreshArguments {
    /// Read SQL migrations from the directory DIR [env: SCHEMASTAMP_MIGRATIONS]
    #[arg(long, value_name = "DIR")]
    pub(super) migrations: Option<PathBuf>,
    /// Write the new snapshot to FILE instead of replacing the old one
    #[arg(long, short, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// Use TABLE as the version table, if it is not the only well-known one
    #[arg(long, value_name = "TABLE")]
    pub(super) versions_table: Option<String>,
    /// Skip the proof: do not compare a new tenant with an old one and its migrations
    #[arg(long)]
    pub(super) no_prove: bool,
    #[command(flatten)]
    pub(super) target: OneTargetArguments,
}

/// The arguments of `check`.
#[derive(Clone, Debug, Args)]
#[command(group = clap::ArgGroup::new("reference").args(["schema", "migrations"]))]
pub(super) struct CheckArguments {
    /// Compare the snapshot with SCHEMA
    #[arg(long, value_name = "SCHEMA")]
    pub(super) schema: Option<String>,
    /// Compare the snapshot with itself plus the SQL migrations in DIR [env: SCHEMASTAMP_MIGRATIONS]
    #[arg(long, value_name = "DIR")]
    pub(super) migrations: Option<PathBuf>,
    /// Use TABLE as the version table, if it is not the only well-known one
    #[arg(long, value_name = "TABLE")]
    pub(super) versions_table: Option<String>,
    #[command(flatten)]
    pub(super) target: OneTargetArguments,
}

/// The arguments of `drop`.
#[derive(Clone, Debug, Args)]
pub(super) struct DropArguments {
    #[command(flatten)]
    pub(super) scope: ListedArguments,
    #[command(flatten)]
    pub(super) targets: TargetsArguments,
    /// Skip the question
    #[arg(long)]
    pub(super) yes: bool,
    /// Drop objects in other schemas that depend on the tenant too
    #[arg(long)]
    pub(super) cascade: bool,
    /// Show what would be dropped without dropping it
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Drop a schema that has neither schemastamp's mark nor a versions table; takes exactly one name
    #[arg(long)]
    pub(super) not_a_tenant: bool,
    /// The table of applied migrations, where it is not a well-known one
    #[arg(long, value_name = "TABLE")]
    pub(super) versions_table: Option<String>,
}

/// Arguments of `rename`.
#[derive(Clone, Debug, Args)]
pub(super) struct RenameArguments {
    #[command(flatten)]
    pub(super) tenants: TwoTenantsArguments,
    /// Rename a schema that has neither schemastamp's mark nor a versions table
    #[arg(long)]
    pub(super) not_a_tenant: bool,
    /// The table of applied migrations, where it is not a well-known one
    #[arg(long, value_name = "TABLE")]
    pub(super) versions_table: Option<String>,
}

/// The arguments of `rename` and `clone`.
#[derive(Clone, Debug, Args)]
pub(super) struct TwoTenantsArguments {
    /// Take the tenant OLD
    #[arg(value_name = "OLD")]
    pub(super) old: String,
    /// Give it the name NEW
    #[arg(value_name = "NEW")]
    pub(super) new: String,
    /// Skip the question that rename asks on a terminal
    #[arg(long)]
    pub(super) yes: bool,
    /// Keep ambiguous text of OBJECT as it is (repeatable; added to the decisions in the snapshot)
    #[arg(long, value_name = "OBJECT")]
    pub(super) keep: Vec<String>,
    /// Replace the schema's name in ambiguous text of OBJECT (repeatable; likewise)
    #[arg(long, value_name = "OBJECT")]
    pub(super) rename: Vec<String>,
    #[command(flatten)]
    pub(super) target: OneTargetArguments,
}

/// Parses a whole number within a range.
fn whole<T: FromStr + PartialOrd + Display>(
    range: RangeInclusive<T>,
) -> impl Fn(&str) -> Result<T, String> + Clone
where
    RangeInclusive<T>: Clone,
{
    move |text| match text.parse::<T>() {
        Ok(number) if range.contains(&number) => Ok(number),
        // The upper limit of an integer type means nothing to the user.
        _ if range.end().to_string().len() > 9 => {
            Err(format!("not a whole number of at least {}", range.start()))
        }
        _ => Err(format!(
            "not a whole number between {} and {}",
            range.start(),
            range.end()
        )),
    }
}

/// Parses a span of time with a unit: `30d`, `12h`, `1d12h`.
fn span(text: &str) -> Result<Duration, String> {
    let wrong = || "not a time with a unit, such as 30d, 12h, 90m or 2w".to_owned();
    let (mut seconds, mut rest) = (0_u64, text);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (number, behind) = rest.split_at(digits);
        let unit = match behind.chars().next() {
            Some('w') => 7 * 86_400,
            Some('d') => 86_400,
            Some('h') => 3600,
            Some('m') => 60,
            Some('s') => 1,
            _ => return Err(wrong()),
        };
        let number = number.parse::<u64>().map_err(|_| wrong())?;
        let added = number.checked_mul(unit).ok_or_else(wrong)?;
        seconds = seconds.checked_add(added).ok_or_else(wrong)?;
        rest = behind.get(1..).unwrap_or_default();
    }
    if text.is_empty() {
        return Err(wrong());
    }
    Ok(Duration::from_secs(seconds))
}

/// Parses a number of seconds within the range that a timeout can have.
fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.001..=86_400.0).contains(&seconds) => Ok(seconds),
        _ => Err("not a number of seconds between 0.001 and 86400".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::common::Format;

    #[test]
    fn spans_of_time_have_a_unit() {
        for (text, seconds) in [
            ("30d", 2_592_000),
            ("12h", 43_200),
            ("1d12h", 129_600),
            ("2w", 1_209_600),
            ("0s", 0),
        ] {
            assert_eq!(span(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in [
            "",
            "30",
            "d",
            "1.5d",
            "-1d",
            "30D",
            "99999999999999999999d",
            "30d1",
        ] {
            assert!(span(text).is_err(), "{text}");
        }
    }

    #[test]
    fn definition_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn common_flags_are_accepted_before_and_after_the_command() {
        let parse = |line: &str| Arguments::try_parse_from(line.split(' ')).unwrap();
        for line in [
            "s -h db --format json provision a",
            "s provision a -h db --format json",
        ] {
            let arguments = parse(line);
            assert_eq!(
                arguments.common.connection().host.as_deref(),
                Some("db"),
                "{line}"
            );
            assert_eq!(arguments.common.format, Format::Json);
        }
        assert!(parse("s provision --diagnose a").common.diagnose);
        assert_eq!(parse("s -vv render a").common.verbose, 2);
    }

    #[test]
    fn debug_shows_no_password() {
        let arguments =
            Arguments::try_parse_from(["s", "-d", "postgres://u:hunter2@h/d", "diagnose"]).unwrap();
        assert!(!format!("{arguments:?}").contains("hunter2"));
    }
}
