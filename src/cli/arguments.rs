use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use crate::config::{ConnectionFlags, ToolFlags};

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

/// Stamps out `PostgreSQL` tenant schemas from a snapshot, through psql.
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
    /// Report on programs, configuration, files, network, TLS, login and rights
    Diagnose,
    /// Print the completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, of the program or of a command
    Man {
        /// The command
        command: Option<String>,
    },
}

/// What `capture` takes.
#[derive(Clone, Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct CaptureArguments {
    /// The schema to capture
    #[arg(long, value_name = "SCHEMA")]
    pub(super) schema: String,
    /// Write the snapshot here, not to stdout; decisions and seed tables of a snapshot that is there are taken over
    #[arg(long, short, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// Read a dump instead of running `pg_dump`; - is stdin
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
pub(super) struct WhatArguments {
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
    pub(super) what: WhatArguments,
}

/// What `provision` takes.
#[derive(Clone, Debug, Args)]
pub(super) struct ProvisionArguments {
    /// The tenants: the names of their schemas
    #[arg(value_name = "TENANT", required_unless_present = "from_file")]
    pub(super) tenants: Vec<String>,
    /// Read names from a file, one a line; - is stdin, where each is answered as it comes
    #[arg(long, value_name = "NAMES")]
    pub(super) from_file: Option<PathBuf>,
    /// What to do about a tenant that exists, whole; one that exists in part is always an error
    #[arg(long, value_enum, default_value_t = IfExistsArgument::Fail)]
    pub(super) if_exists: IfExistsArgument,
    /// Print what would be run, connect nowhere
    #[arg(long)]
    pub(super) dry_run: bool,
    #[command(flatten)]
    pub(super) what: WhatArguments,
}

/// What to do about a tenant that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum IfExistsArgument {
    /// It is an error.
    Fail,
    /// It is left as it is.
    Skip,
}

/// What every command takes, before or after its name.
#[derive(Clone, Args, Debug)]
pub(super) struct CommonArguments {
    /// Print help
    #[arg(long, short = '?', global = true, action = ArgAction::Help, help_heading = "Common options")]
    help: Option<bool>,
    #[command(flatten)]
    connection: ConnectionArguments,
    /// The snapshot file [default: `SCHEMASTAMP_SNAPSHOT`, else the only file in snapshots/]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Common options")]
    snapshot: Option<PathBuf>,
    /// The psql to run
    #[arg(long, global = true, value_name = "PROGRAM", help_heading = "Common options")]
    psql: Option<PathBuf>,
    /// The `pg_dump` to run
    #[arg(long, global = true, value_name = "PROGRAM", help_heading = "Common options")]
    pg_dump: Option<PathBuf>,
    /// How long a run may take in seconds; 0 for no limit
    #[arg(long, global = true, value_name = "SECONDS", help_heading = "Common options")]
    timeout: Option<String>,
    /// Text for people, or JSON Lines
    #[arg(long, global = true, value_enum, default_value_t = Format::Text, help_heading = "Common options")]
    pub(super) format: Format,
    /// When to colour the output
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, help_heading = "Common options")]
    pub(super) color: Color,
    /// Report on programs, configuration, files, network, TLS, login and rights; beside a command: when it cannot connect
    #[arg(long, global = true, help_heading = "Common options")]
    pub(super) diagnose: bool,
    /// Say more on stderr; may be repeated
    #[arg(long, short, global = true, action = ArgAction::Count, help_heading = "Common options")]
    pub(super) verbose: u8,
    /// Say nothing on stderr but errors
    #[arg(long, short, global = true, conflicts_with = "verbose", help_heading = "Common options")]
    pub(super) quiet: bool,
}

/// The connection, as psql has it.
#[derive(Clone, Args)]
#[command(next_help_heading = "Connection")]
struct ConnectionArguments {
    /// Server's host name, address or socket directory
    #[arg(long, short = 'h', global = true, value_name = "HOST")]
    host: Option<String>,
    /// Server's port
    #[arg(long, short = 'p', global = true, value_name = "PORT")]
    port: Option<String>,
    /// Role to log in as
    #[arg(long, short = 'U', global = true, value_name = "ROLE")]
    username: Option<String>,
    /// Database: a name, a key=value string or a postgres:// URI
    #[arg(long, short = 'd', global = true, value_name = "DATABASE")]
    dbname: Option<String>,
    /// disable, allow, prefer, require, verify-ca or verify-full
    #[arg(long, global = true, value_name = "MODE")]
    sslmode: Option<String>,
    /// Certificates of the authorities to trust, or system
    #[arg(long, global = true, value_name = "FILE")]
    sslrootcert: Option<String>,
    /// Client certificate
    #[arg(long, global = true, value_name = "FILE")]
    sslcert: Option<String>,
    /// Private key of the client certificate
    #[arg(long, global = true, value_name = "FILE")]
    sslkey: Option<String>,
    /// Certificates that are revoked
    #[arg(long, global = true, value_name = "FILE")]
    sslcrl: Option<String>,
}

/// The database may be a URI with a password.
impl std::fmt::Debug for ConnectionArguments {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        ConnectionFlags::from(self.clone()).fmt(formatter)
    }
}

impl From<ConnectionArguments> for ConnectionFlags {
    fn from(arguments: ConnectionArguments) -> Self {
        let ConnectionArguments { host, port, username, dbname, sslmode, sslrootcert, sslcert, sslkey, sslcrl } =
            arguments;
        Self { host, port, username, dbname, sslmode, sslrootcert, sslcert, sslkey, sslcrl }
    }
}

impl CommonArguments {
    /// The flags on the connection.
    pub(super) fn connection(&self) -> ConnectionFlags {
        self.connection.clone().into()
    }

    /// The flags on the tool itself.
    pub(super) fn tool(&self) -> ToolFlags {
        ToolFlags {
            snapshot: self.snapshot.clone(),
            psql: self.psql.clone(),
            pg_dump: self.pg_dump.clone(),
            timeout: self.timeout.clone(),
            ..ToolFlags::default()
        }
    }
}

/// The form of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people.
    Text,
    /// JSON Lines.
    Json,
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl From<Color> for anstream::ColorChoice {
    fn from(color: Color) -> Self {
        match color {
            Color::Auto => Self::Auto,
            Color::Always => Self::Always,
            Color::Never => Self::Never,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definition_holds_together() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn common_flags_stand_before_or_behind_the_command() {
        let parse = |line: &str| Arguments::try_parse_from(line.split(' ')).unwrap();
        for line in ["s -h db --format json provision a", "s provision a -h db --format json"] {
            let arguments = parse(line);
            assert_eq!(arguments.common.connection().host.as_deref(), Some("db"), "{line}");
            assert_eq!(arguments.common.format, Format::Json);
        }
        assert!(parse("s provision --diagnose a").common.diagnose);
        assert_eq!(parse("s -vv render a").common.verbose, 2);
    }

    #[test]
    fn debug_shows_no_password() {
        let arguments = Arguments::try_parse_from(["s", "-d", "postgres://u:hunter2@h/d", "diagnose"]).unwrap();
        assert!(!format!("{arguments:?}").contains("hunter2"));
    }
}
