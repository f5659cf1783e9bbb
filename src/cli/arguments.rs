#![expect(
    clippy::doc_markdown,
    reason = "the documentation is the text of --help"
)]
#![expect(clippy::struct_excessive_bools, reason = "flags are what they are")]
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::common::CommonArguments;

const EXIT_CODES: &str = "\
Exit codes:
  0   done
  1   differences found
  2   wrong usage, also a tenant's name that no schema can have
  10  a setting is missing, empty or malformed
  11  psql or pg_dump is missing, too old or failed
  12  a certificate, key or other file cannot be used
  13  connection, TLS or login failed
  14  the server refused a statement
  15  a snapshot, template or dump is invalid
  16  the time was up
  17  the tenant exists
  18  some tenants of several failed
  20  diagnose found an error
  128+n  ended by signal n

A value comes from the first of: flag, SCHEMASTAMP_* variable, DATABASE_URL, PG* variable, service and password file.";

/// Stamps out PostgreSQL tenant schemas from a snapshot, through psql
#[derive(Debug, Parser)]
#[command(
    name = "schemastamp",
    version,
    disable_help_flag = true,
    arg_required_else_help = true,
    after_long_help = EXIT_CODES
)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) common: CommonArguments,
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum Command {
    /// Capture a tenant's schema as a snapshot, and prove it
    Capture(CaptureArguments),
    /// The same snapshot without comments, blank lines and needless blanks
    Minify(MinifyArguments),
    /// Print the SQL for one tenant
    Render(RenderArguments),
    /// Create tenants from a snapshot, each all or nothing
    Provision(ProvisionArguments),
    /// Keep ready-made tenants, which `provision --from-pool` hands out in milliseconds
    Pool(PoolArguments),
    /// Apply pending SQL migrations to tenants, each with its version in one transaction
    Migrate(MigrateArguments),
    /// Tell every tenant's version, and how far it is behind
    Status(StatusArguments),
    /// Compare tenants with the snapshot, or with one another, object by object
    Verify(VerifyArguments),
    /// Renew the snapshot: load it into a scratch schema, apply the migrations, capture and prove it
    Refresh(RefreshArguments),
    /// For CI: is the committed snapshot what the schema has, or what it and the migrations make?
    Check(CheckArguments),
    /// Drop tenants, after showing what would go
    Drop(DropArguments),
    /// Rename a tenant; what holds its name as text is written anew, and the result proven
    Rename(TwoTenantsArguments),
    /// Copy a tenant with its data and the positions of its sequences
    Clone(TwoTenantsArguments),
    /// Report on programs, configuration, files, network, TLS, login and rights
    Diagnose,
    /// Print the completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the JSON Schema of the lines that --format json prints
    JsonSchema,
    /// Print the manual page of the program or of a command, or write all of them
    Man {
        /// The command, such as `pool fill`
        #[arg(value_name = "COMMAND")]
        command: Vec<String>,
        /// Write the pages of all commands into this directory
        #[arg(long, value_name = "DIR", conflicts_with = "command")]
        dir: Option<PathBuf>,
    },
}

/// What `capture` takes.
#[derive(Clone, Debug, Args)]
pub(super) struct CaptureArguments {
    /// The schema to capture
    #[arg(long, value_name = "SCHEMA")]
    pub(super) schema: String,
    /// Write the snapshot here, not to stdout; decisions and seed tables of a snapshot that is there are taken over
    #[arg(long, short, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// Read a dump instead of running pg_dump; - is stdin
    #[arg(long, value_name = "DUMP.sql")]
    pub(super) from: Option<PathBuf>,
    /// Carry the rows of this table; may be repeated, in the order in which they are to be filled
    #[arg(long, value_name = "TABLE")]
    pub(super) seed: Vec<String>,
    /// The table of applied migrations, where it is not a well-known one
    #[arg(long, value_name = "TABLE")]
    pub(super) versions_table: Option<String>,
    /// Doubtful text of this object only looks like the schema's name; may be repeated
    #[arg(long, value_name = "OBJECT")]
    pub(super) keep: Vec<String>,
    /// Doubtful text of this object names the schema; may be repeated
    #[arg(long, value_name = "OBJECT")]
    pub(super) rename: Vec<String>,
    /// Do not load the snapshot, in a transaction that is rolled back, to compare it with its source
    #[arg(long)]
    pub(super) no_prove: bool,
    /// Leave owners out
    #[arg(long)]
    pub(super) no_owner: bool,
    /// Leave grants out
    #[arg(long)]
    pub(super) no_privileges: bool,
    /// Judge and prove in this database of the same server, for those who may not rename or create schemas in the other
    #[arg(long, value_name = "DBNAME")]
    pub(super) scratch: Option<String>,
    /// Without comments, blank lines and needless blanks
    #[arg(long)]
    pub(super) minify: bool,
}

/// What `minify` takes.
#[derive(Clone, Debug, Args)]
pub(super) struct MinifyArguments {
    /// The snapshot; as --snapshot
    #[arg(value_name = "FILE")]
    pub(super) file: Option<PathBuf>,
    /// Write here, not to stdout
    #[arg(long, short, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
}

/// What of a snapshot is rendered.
#[derive(Clone, Debug, Args)]
pub(super) struct TenantKindArguments {
    /// Leave owners out
    #[arg(long)]
    pub(super) no_owner: bool,
    /// Leave grants out
    #[arg(long)]
    pub(super) no_privileges: bool,
    /// Create as this role (SET LOCAL ROLE)
    #[arg(long, value_name = "ROLE")]
    pub(super) role: Option<String>,
}

/// What `render` takes.
#[derive(Clone, Debug, Args)]
pub(super) struct RenderArguments {
    /// The tenant: the name of its schema
    #[arg(value_name = "TENANT")]
    pub(super) tenant: String,
    #[command(flatten)]
    pub(super) what: TenantKindArguments,
}

/// What `provision` takes.
#[derive(Clone, Debug, Args)]
#[group(skip)]
#[command(group = clap::ArgGroup::new("names").required(true).multiple(true))]
pub(super) struct ProvisionArguments {
    /// The tenants: the names of their schemas
    #[arg(value_name = "TENANT", group = "names")]
    pub(super) tenants: Vec<String>,
    /// Read names from a file, one a line; - is stdin, where each is answered as it comes
    #[arg(long, value_name = "NAMES", group = "names")]
    pub(super) from_file: Option<PathBuf>,
    /// How many workers create tenants, each with a psql that is kept open [default: as many as help; 1 for names on the
    /// command line]
    #[arg(long, value_name = "N")]
    pub(super) jobs: Option<String>,
    /// What to do about a tenant that exists [default: resume for --from-file NAMES, else fail]
    #[arg(long, value_enum, hide_default_value = true)]
    pub(super) if_exists: Option<IfExistsArgument>,
    /// Begin no further tenant after so many failed
    #[arg(long, value_name = "N", value_parser = whole(1_usize..=usize::MAX))]
    pub(super) max_failures: Option<usize>,
    /// Begin no further tenant after one failed
    #[arg(long, conflicts_with = "max_failures")]
    pub(super) fail_fast: bool,
    /// How often what may pass is tried again: a lost connection, a deadlock, too many connections [default: 2; 5 for stdin,
    /// 7 for a file]
    #[arg(long, value_name = "N", value_parser = whole(0_u32..=20))]
    pub(super) retries: Option<u32>,
    /// Take ready-made tenants of the pool, as long as there are any
    #[arg(long)]
    pub(super) from_pool: bool,
    /// After a claim, bring the pool back to this size
    #[arg(long, value_name = "SIZE", requires = "from_pool", value_parser = whole(1_usize..=100_000))]
    pub(super) refill: Option<usize>,
    /// Send tenants to the servers of this file (TOML)
    #[arg(long, value_name = "FILE")]
    pub(super) targets: Option<PathBuf>,
    /// Make tenants distributed schemas of Citus 12 or later
    #[arg(long, conflicts_with = "from_pool")]
    pub(super) citus: bool,
    /// Run this command of the app for each tenant once it is created, with `SCHEMASTAMP_TENANT` and `PG*` set
    #[arg(long, value_name = "CMD")]
    pub(super) run: Option<String>,
    /// Print what would be run, connect nowhere
    #[arg(long)]
    pub(super) dry_run: bool,
    #[command(flatten)]
    pub(super) what: TenantKindArguments,
}

/// What to do about a tenant that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum IfExistsArgument {
    /// It is an error.
    Fail,
    /// It is left as it is, if it is whole; one that exists in part is an error.
    Skip,
    /// It is done if it was made of this very snapshot; any other is an error.
    Resume,
}

/// What `pool` takes.
#[derive(Clone, Debug, Args)]
pub(super) struct PoolArguments {
    #[command(subcommand)]
    pub(super) command: PoolCommand,
}

/// What to do with the pool.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum PoolCommand {
    /// Make ready-made tenants until there are so many; before the first it is proven that they become tenants
    Fill(PoolFillArguments),
    /// Tell how many ready-made tenants there are, and of which snapshots
    Status(PoolKindArguments),
    /// Drop ready-made tenants that are of other snapshots, or made otherwise
    Drain(PoolDrainArguments),
}

/// What `pool fill` takes.
#[derive(Clone, Debug, Args)]
pub(super) struct PoolFillArguments {
    /// How many there are to be
    #[arg(long, value_name = "N", value_parser = whole(1_usize..=100_000))]
    pub(super) size: usize,
    /// How many workers make them [default: as many as help]
    #[arg(long, value_name = "N")]
    pub(super) jobs: Option<String>,
    #[command(flatten)]
    pub(super) what: TenantKindArguments,
}

/// What `pool status` takes.
#[derive(Clone, Debug, Args)]
pub(super) struct PoolKindArguments {
    #[command(flatten)]
    pub(super) what: TenantKindArguments,
}

/// What `pool drain` takes.
#[derive(Clone, Debug, Args)]
pub(super) struct PoolDrainArguments {
    /// Drop those of this snapshot, too
    #[arg(long)]
    pub(super) all: bool,
    #[command(flatten)]
    pub(super) what: TenantKindArguments,
}

/// Which tenants a command is about.
#[derive(Clone, Debug, Args)]
pub(super) struct ScopeArguments {
    /// The tenants: the names of their schemas
    #[arg(value_name = "TENANT", conflicts_with_all = ["all", "pattern"])]
    pub(super) tenants: Vec<String>,
    /// Every schema but public that has a versions table or was made by schemastamp
    #[arg(long)]
    pub(super) all: bool,
    /// Of all, those whose name matches this pattern, as psql's \dn takes it: `tenant_*`
    #[arg(long = "match", value_name = "PATTERN")]
    pub(super) pattern: Option<String>,
}

/// What `migrate` takes.
#[derive(Clone, Debug, Args)]
pub(super) struct MigrateArguments {
    #[command(flatten)]
    pub(super) scope: ScopeArguments,
    /// The folder of SQL migrations
    #[arg(long, value_name = "DIR", required_unless_present = "run")]
    pub(super) migrations: Option<PathBuf>,
    /// Run this command of the app for each tenant, with `SCHEMASTAMP_TENANT` and `PG*` set
    #[arg(
        long,
        value_name = "CMD",
        conflicts_with_all = ["migrations", "role", "allow_out_of_order", "allow_missing", "allow_changed"]
    )]
    pub(super) run: Option<String>,
    /// The table of applied migrations, where it is not the only well-known one
    #[arg(long, value_name = "TABLE")]
    pub(super) versions_table: Option<String>,
    /// How many psql work at a time
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = whole(1_u16..=256))]
    pub(super) jobs: u16,
    /// So many tenants first, the rest only when all of them succeeded
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = whole(0..=usize::MAX))]
    pub(super) canary: usize,
    /// Begin no further tenant after so many failed
    #[arg(long, value_name = "N", value_parser = whole(1_usize..=usize::MAX))]
    pub(super) max_failures: Option<usize>,
    /// How long a statement waits for a lock, in seconds, before the tenant is put off
    #[arg(long, value_name = "SECONDS", default_value_t = 3.0, value_parser = seconds)]
    pub(super) lock_timeout: f64,
    /// How often a tenant that waits for a lock is put off and tried again
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = whole(0..=u32::MAX))]
    pub(super) lock_retries: u32,
    /// Migrate as this role
    #[arg(long, value_name = "ROLE")]
    pub(super) role: Option<String>,
    /// Only warn of pending migrations that come before one that is applied
    #[arg(long)]
    pub(super) allow_out_of_order: bool,
    /// Only warn of applied versions that have no file
    #[arg(long)]
    pub(super) allow_missing: bool,
    /// Only warn of files that are not the ones that were applied
    #[arg(long)]
    pub(super) allow_changed: bool,
    /// Tell what is pending, change nothing
    #[arg(long)]
    pub(super) dry_run: bool,
}

/// What `status` takes.
#[derive(Clone, Debug, Args)]
pub(super) struct StatusArguments {
    #[command(flatten)]
    pub(super) scope: ScopeArguments,
    /// The folder of SQL migrations to count against; else, what any other tenant has
    #[arg(long, value_name = "DIR")]
    pub(super) migrations: Option<PathBuf>,
    /// The table of applied migrations, where it is not the only well-known one
    #[arg(long, value_name = "TABLE")]
    pub(super) versions_table: Option<String>,
}

/// What `verify` takes.
#[derive(Clone, Debug, Args)]
pub(super) struct VerifyArguments {
    #[command(flatten)]
    pub(super) scope: ScopeArguments,
    /// Compare with what most of the tenants have, not with the snapshot
    #[arg(long)]
    pub(super) each_other: bool,
    /// Owners count, too
    #[arg(long)]
    pub(super) owners: bool,
    /// Grants count, too
    #[arg(long)]
    pub(super) privileges: bool,
    /// Comments count, too
    #[arg(long)]
    pub(super) comments: bool,
    /// Order of columns and names of indexes and constraints count for the exit code, too
    #[arg(long)]
    pub(super) strict: bool,
}

/// What `refresh` takes.
#[derive(Clone, Debug, Args)]
pub(super) struct RefreshArguments {
    /// The folder of SQL migrations
    #[arg(long, value_name = "DIR")]
    pub(super) migrations: PathBuf,
    /// Write the new snapshot here, not over the old one
    #[arg(long, short, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// The table of applied migrations, where it is not the only well-known one
    #[arg(long, value_name = "TABLE")]
    pub(super) versions_table: Option<String>,
    /// Do not compare a tenant of the new snapshot with one of the old snapshot and its migrations
    #[arg(long)]
    pub(super) no_prove: bool,
}

/// What `check` takes.
#[derive(Clone, Debug, Args)]
pub(super) struct CheckArguments {
    /// The schema that the snapshot is to be equal to
    #[arg(long, value_name = "SCHEMA", required_unless_present = "migrations")]
    pub(super) schema: Option<String>,
    /// The folder of SQL migrations that the snapshot is to hold already
    #[arg(long, value_name = "DIR", conflicts_with = "schema")]
    pub(super) migrations: Option<PathBuf>,
    /// The table of applied migrations, where it is not the only well-known one
    #[arg(long, value_name = "TABLE")]
    pub(super) versions_table: Option<String>,
}

/// What `drop` takes.
#[derive(Clone, Debug, Args)]
pub(super) struct DropArguments {
    /// The tenants: the names of their schemas
    #[arg(value_name = "TENANT", required = true)]
    pub(super) tenants: Vec<String>,
    /// Do not ask
    #[arg(long)]
    pub(super) yes: bool,
    /// Drop also what other schemas have that depends on the tenant
    #[arg(long)]
    pub(super) cascade: bool,
    /// Show what would go, drop nothing
    #[arg(long)]
    pub(super) dry_run: bool,
}

/// What `rename` and `clone` take.
#[derive(Clone, Debug, Args)]
pub(super) struct TwoTenantsArguments {
    /// The tenant: the name of its schema
    #[arg(value_name = "OLD")]
    pub(super) old: String,
    /// The new name
    #[arg(value_name = "NEW")]
    pub(super) new: String,
    /// Do not ask; without it, rename asks on a terminal
    #[arg(long)]
    pub(super) yes: bool,
    /// Doubtful text of this object only looks like the schema's name; may be repeated; as in the snapshot, if there is one
    #[arg(long, value_name = "OBJECT")]
    pub(super) keep: Vec<String>,
    /// Doubtful text of this object names the schema; may be repeated; as in the snapshot, if there is one
    #[arg(long, value_name = "OBJECT")]
    pub(super) rename: Vec<String>,
}

/// A whole number between two.
fn whole<T: FromStr + PartialOrd + Display>(
    range: RangeInclusive<T>,
) -> impl Fn(&str) -> Result<T, String> + Clone
where
    RangeInclusive<T>: Clone,
{
    move |text| match text.parse::<T>() {
        Ok(number) if range.contains(&number) => Ok(number),
        // A limit that is a type's and not ours tells nobody anything.
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

/// A number of seconds that a timeout can have.
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
    fn the_definition_holds_together() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn common_flags_stand_before_or_behind_the_command() {
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
