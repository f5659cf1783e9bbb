//! The command line as clap parses it: the commands here, their arguments in the files of their subjects.

#![expect(
    clippy::doc_markdown,
    reason = "the documentation is the text of --help"
)]

mod diagnose;
mod fleet;
mod lifecycle;
mod provision;
mod report;
mod selection;
mod shared;
mod shell;
mod snapshot;
mod targets;
mod value;

pub(super) use diagnose::DiagnoseArguments;
pub(super) use fleet::{
    AdoptArguments, MigrateArguments, QueryArguments, RunsArguments, StatusArguments,
    VerifyArguments,
};
pub(super) use lifecycle::{DropArguments, RenameArguments, TwoTenantsArguments};
pub(super) use provision::{
    IfExistsArgument, PoolArguments, PoolCommand, PoolDrainArguments, PoolFillArguments,
    PoolKindArguments, ProvisionArguments, TenantKindArguments,
};
pub(super) use report::ReportArguments;
pub(super) use selection::{ListedArguments, ScopeArguments};
pub(super) use shell::CompletionShell;
pub(super) use snapshot::{
    CaptureArguments, CheckArguments, MinifyArguments, RefreshArguments, RenderArguments,
    SnapshotArguments, SnapshotCommand,
};
pub(super) use targets::{
    OneTargetArguments, TargetsArguments, TargetsCommand, TargetsExportArguments,
    TargetsFileArguments,
};

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use self::diagnose::DIAGNOSE_EXAMPLES;
use self::fleet::{
    ADOPT_EXAMPLES, MIGRATE_EXAMPLES, QUERY_EXAMPLES, RUNS_EXAMPLES, STATUS_EXAMPLES,
    VERIFY_EXAMPLES,
};
use self::lifecycle::{CLONE_EXAMPLES, DROP_EXAMPLES, RENAME_EXAMPLES};
use self::provision::{POOL_EXAMPLES, PROVISION_EXAMPLES};
use self::snapshot::{
    CAPTURE_EXAMPLES, CHECK_EXAMPLES, MINIFY_EXAMPLES, REFRESH_EXAMPLES, RENDER_EXAMPLES,
    SNAPSHOT_EXAMPLES,
};
use self::targets::TARGETS_EXPORT_EXAMPLES;
use super::common::CommonArguments;

const EXIT_CODES: &str = "\
Examples:
  schemastamp capture --schema tenant_demo --seed plans -o snapshots/billing.sql
  schemastamp provision acme globex
  schemastamp --diagnose -h db.example.com --sslmode verify-full

Exit codes:
  0   success
  1   check, verify or adopt found differences, or status with --reconcile or --exit-code did
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

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  source <(schemastamp completions bash)             # in .bashrc
  source <(schemastamp completions bash --tenants)   # and names of tenants
  schemastamp completions zsh > ~/.zfunc/_schemastamp   # with ~/.zfunc in fpath
  schemastamp completions fish > ~/.config/fish/completions/schemastamp.fish
  schemastamp completions nushell > ~/.config/nushell/autoload/schemastamp.nu";

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
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    pub(in crate::cli) common: CommonArguments,
    #[command(subcommand)]
    pub(in crate::cli) command: Option<Command>,
}

/// The commands.
#[derive(Clone, Debug, Subcommand)]
pub(in crate::cli) enum Command {
    /// Capture a tenant's schema as a snapshot, and prove it
    #[command(after_help = CAPTURE_EXAMPLES)]
    Capture(CaptureArguments),
    /// Remove comments and needless whitespace from a snapshot
    #[command(after_help = MINIFY_EXAMPLES)]
    Minify(MinifyArguments),
    /// Show what a snapshot holds, and its fingerprint
    #[command(after_help = SNAPSHOT_EXAMPLES)]
    Snapshot(SnapshotArguments),
    /// Print the SQL for one tenant
    #[command(after_help = RENDER_EXAMPLES)]
    Render(RenderArguments),
    /// Create tenants from a snapshot, each in one transaction
    #[command(after_help = PROVISION_EXAMPLES)]
    Provision(ProvisionArguments),
    /// Keep ready-made tenants for `provision --from-pool`
    #[command(after_help = POOL_EXAMPLES)]
    Pool(PoolArguments),
    /// Apply pending migrations, each with its version in a transaction
    #[command(after_help = MIGRATE_EXAMPLES)]
    Migrate(MigrateArguments),
    /// List the runs of `migrate --record`, for `migrate --undo`
    #[command(after_help = RUNS_EXAMPLES)]
    Runs(RunsArguments),
    /// Mark tenants that another tool made, if they equal the snapshot
    #[command(after_help = ADOPT_EXAMPLES)]
    Adopt(AdoptArguments),
    /// Run a query in each tenant, read-only unless --write is passed
    #[command(after_help = QUERY_EXAMPLES)]
    Query(QueryArguments),
    /// Report each tenant's version and how far it is behind
    #[command(after_help = STATUS_EXAMPLES)]
    Status(StatusArguments),
    /// Compare tenants with the snapshot, or with each other
    #[command(after_help = VERIFY_EXAMPLES)]
    Verify(VerifyArguments),
    /// Renew the snapshot from migrations, and prove the result
    #[command(after_help = REFRESH_EXAMPLES)]
    Refresh(RefreshArguments),
    /// Fail if the committed snapshot is out of date (for CI)
    #[command(after_help = CHECK_EXAMPLES)]
    Check(CheckArguments),
    /// Drop tenants, after showing what would be dropped
    #[command(after_help = DROP_EXAMPLES)]
    Drop(DropArguments),
    /// Rename a tenant and text that holds its name, and prove it
    #[command(after_help = RENAME_EXAMPLES)]
    Rename(RenameArguments),
    /// Copy a tenant with its rows and the positions of its sequences
    #[command(after_help = CLONE_EXAMPLES)]
    Clone(TwoTenantsArguments),
    /// Work with a targets file itself
    #[command(after_help = TARGETS_EXPORT_EXAMPLES)]
    Targets(TargetsFileArguments),
    /// Report on programs, settings, network, TLS, login and privileges
    #[command(after_help = DIAGNOSE_EXAMPLES)]
    Diagnose(DiagnoseArguments),
    /// Print the completions for a shell
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions {
        /// Print the completions for SHELL
        #[arg(value_enum)]
        shell: CompletionShell,
        /// Complete the names of tenants and targets too: each Tab on one asks the database
        #[arg(long)]
        tenants: bool,
    },
    /// Print the JSON Schema of the lines of --format json
    #[command(after_help = JSON_SCHEMA_EXAMPLES)]
    JsonSchema,
    /// Print the manual page of a command, or write all pages
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

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::common::Format;

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
