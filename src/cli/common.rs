//! The arguments of every command.
#![expect(
    clippy::doc_markdown,
    reason = "the documentation is the text of --help"
)]

use std::path::PathBuf;

use clap::{ArgAction, Args, ValueEnum};

use crate::config::{ConnectionFlags, ToolFlags};
use crate::snapshot::OutsidePolicy;

/// The arguments of every command, before or after its name.
#[derive(Clone, Args, Debug)]
pub(super) struct CommonArguments {
    /// Print help (-h is --host, as in psql)
    #[arg(long, short = '?', global = true, action = ArgAction::Help, help_heading = "Common options")]
    help: Option<bool>,
    #[command(flatten)]
    connection: ConnectionArguments,
    /// Use the snapshot FILE; repeatable for verify, adopt and migrate --check-drift [env: SCHEMASTAMP_SNAPSHOT] [default: the only file in snapshots/]
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        help_heading = "Common options"
    )]
    pub(super) snapshot: Vec<PathBuf>,
    /// Run PROGRAM as psql [env: SCHEMASTAMP_PSQL]
    #[arg(
        long,
        global = true,
        value_name = "PROGRAM",
        help_heading = "Common options"
    )]
    psql: Option<PathBuf>,
    /// Run PROGRAM as pg_dump [env: SCHEMASTAMP_PG_DUMP]
    #[arg(
        long,
        global = true,
        value_name = "PROGRAM",
        help_heading = "Common options"
    )]
    pg_dump: Option<PathBuf>,
    /// Limit the time for each tenant to SECONDS; 0 for no limit [env: SCHEMASTAMP_TIMEOUT]
    #[arg(
        long,
        global = true,
        value_name = "SECONDS",
        help_heading = "Common options"
    )]
    timeout: Option<String>,
    /// Allow statements that are not confined to the tenant's schema, also on roles, files and the server
    #[arg(long, global = true, help_heading = "Common options")]
    allow_outside: bool,
    /// Print text for people, or JSON Lines; also csv (query), nagios (diagnose), pgdog and pgbouncer (targets export)
    #[arg(long, global = true, value_enum, default_value_t = Format::Text, help_heading = "Common options")]
    pub(super) format: Format,
    /// Set when to color the output
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, help_heading = "Common options")]
    pub(super) color: Color,
    /// Diagnose the connection; with a command, only if it cannot connect
    #[arg(long, global = true, help_heading = "Common options")]
    pub(super) diagnose: bool,
    /// Print more on stderr (repeatable)
    #[arg(long, short, global = true, action = ArgAction::Count, help_heading = "Common options")]
    pub(super) verbose: u8,
    /// Print only errors, failures and the summary
    #[arg(
        long,
        short,
        global = true,
        conflicts_with = "verbose",
        help_heading = "Common options"
    )]
    pub(super) quiet: bool,
}

/// The connection flags, named as in psql.
#[derive(Clone, Args)]
#[command(next_help_heading = "Connection")]
struct ConnectionArguments {
    /// Connect to HOST: a name, an address or a socket directory
    #[arg(long, short = 'h', global = true, value_name = "HOST")]
    host: Option<String>,
    /// Connect to PORT
    #[arg(long, short = 'p', global = true, value_name = "PORT")]
    port: Option<String>,
    /// Log in as ROLE
    #[arg(long, short = 'U', global = true, value_name = "ROLE")]
    username: Option<String>,
    /// Connect to DATABASE: a name, a key=value string or a postgres:// URI
    #[arg(long, short = 'd', global = true, value_name = "DATABASE")]
    dbname: Option<String>,
    /// Use TLS as MODE says: disable, allow, prefer, require, verify-ca or verify-full
    #[arg(long, global = true, value_name = "MODE")]
    sslmode: Option<String>,
    /// Trust the certificates in FILE, or `system` for those of the system
    #[arg(long, global = true, value_name = "FILE")]
    sslrootcert: Option<String>,
    /// Send the client certificate in FILE
    #[arg(long, global = true, value_name = "FILE")]
    sslcert: Option<String>,
    /// Use the private key in FILE with the client certificate
    #[arg(long, global = true, value_name = "FILE")]
    sslkey: Option<String>,
    /// Reject the certificates that the revocation list in FILE names
    #[arg(long, global = true, value_name = "FILE")]
    sslcrl: Option<String>,
    /// Run COMMAND for the password of each new connection [env: SCHEMASTAMP_PASSWORD_COMMAND]
    #[arg(long, global = true, value_name = "COMMAND")]
    password_command: Option<String>,
}

/// Hides the database, which may be a URI with a password.
impl std::fmt::Debug for ConnectionArguments {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        ConnectionFlags::from(self.clone()).fmt(formatter)
    }
}

impl From<ConnectionArguments> for ConnectionFlags {
    fn from(arguments: ConnectionArguments) -> Self {
        let ConnectionArguments {
            host,
            port,
            username,
            dbname,
            sslmode,
            sslrootcert,
            sslcert,
            sslkey,
            sslcrl,
            password_command,
        } = arguments;
        Self {
            host,
            port,
            username,
            dbname,
            sslmode,
            sslrootcert,
            sslcert,
            sslkey,
            sslcrl,
            password_command,
        }
    }
}

impl CommonArguments {
    /// Returns the connection flags.
    pub(super) fn connection(&self) -> ConnectionFlags {
        self.connection.clone().into()
    }

    /// Returns the decision about statements that are not confined to the tenant's schema.
    pub(super) fn outside(&self) -> OutsidePolicy {
        if self.allow_outside {
            OutsidePolicy::Allow
        } else {
            OutsidePolicy::Refuse
        }
    }

    /// Returns the flags of the tool itself.
    pub(super) fn tool(&self) -> ToolFlags {
        ToolFlags {
            snapshot: self.snapshot.first().cloned(),
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
    Text,
    Json,
    #[value(hide = true)]
    Csv,
    #[value(hide = true)]
    Nagios,
    #[value(hide = true)]
    Pgdog,
    #[value(hide = true)]
    Pgbouncer,
}

/// The values of `--color`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    Auto,
    Always,
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
