//! What every command takes.
#![expect(
    clippy::doc_markdown,
    reason = "the documentation is the text of --help"
)]

use std::path::PathBuf;

use clap::{ArgAction, Args, ValueEnum};

use crate::config::{ConnectionFlags, ToolFlags};

/// What every command takes, before or after its name.
#[derive(Clone, Args, Debug)]
pub(super) struct CommonArguments {
    /// Print help
    #[arg(long, short = '?', global = true, action = ArgAction::Help, help_heading = "Common options")]
    help: Option<bool>,
    #[command(flatten)]
    connection: ConnectionArguments,
    /// The snapshot file [default: `SCHEMASTAMP_SNAPSHOT`, else the only file in snapshots/]
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        help_heading = "Common options"
    )]
    snapshot: Option<PathBuf>,
    /// The psql to run
    #[arg(
        long,
        global = true,
        value_name = "PROGRAM",
        help_heading = "Common options"
    )]
    psql: Option<PathBuf>,
    /// The pg_dump to run
    #[arg(
        long,
        global = true,
        value_name = "PROGRAM",
        help_heading = "Common options"
    )]
    pg_dump: Option<PathBuf>,
    /// How long a run may take in seconds; 0 for no limit
    #[arg(
        long,
        global = true,
        value_name = "SECONDS",
        help_heading = "Common options"
    )]
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
    #[arg(
        long,
        short,
        global = true,
        conflicts_with = "verbose",
        help_heading = "Common options"
    )]
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
        }
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
