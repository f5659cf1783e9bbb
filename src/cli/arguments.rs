use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use crate::config::{ConnectionFlags, ToolFlags};

/// Stamps out `PostgreSQL` tenant schemas from a snapshot, through psql.
#[derive(Debug, Parser)]
#[command(name = "schemastamp", version, disable_help_flag = true, arg_required_else_help = true)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) common: CommonArguments,
    /// Report on programs, configuration, files, network, TLS, login and rights, as the command `diagnose` does
    #[arg(long, global = true)]
    pub(super) diagnose: bool,
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum Command {
    /// Report on programs, configuration, files, network, TLS, login and rights
    Diagnose,
}

/// What every command takes, before or after its name.
#[derive(Clone, Args, Debug)]
pub(super) struct CommonArguments {
    /// Print help
    #[arg(long, short = '?', global = true, action = ArgAction::Help)]
    help: Option<bool>,
    #[command(flatten)]
    connection: ConnectionArguments,
    /// The psql to run
    #[arg(long, global = true, value_name = "PROGRAM")]
    psql: Option<PathBuf>,
    /// The `pg_dump` to run
    #[arg(long, global = true, value_name = "PROGRAM")]
    pg_dump: Option<PathBuf>,
    /// How long a run may take in seconds; 0 for no limit
    #[arg(long, global = true, value_name = "SECONDS")]
    timeout: Option<String>,
    /// Text for people, or JSON Lines
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    pub(super) format: Format,
    /// When to colour the output
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto)]
    pub(super) color: Color,
}

/// The connection, as psql has it.
#[derive(Clone, Args)]
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
