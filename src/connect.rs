//! From settings to a server that psql and `pg_dump` can be run against. Nothing is connected here.

use std::ffi::OsStr;
use std::path::PathBuf;

use crate::config::{Environment, Settings, ToolSettings};
use crate::diagnose::{Context, named_program, prepare};
use crate::pg::{PgDump, Program, ProgramError, PsqlError, Server};
use crate::process::Shutdown;
use crate::tls::TlsError;

/// Where programs are looked for when `PATH` is not set.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// A server, and what is to be known when it cannot be reached.
#[derive(Clone, Debug)]
pub struct Target {
    /// The server.
    pub server: Server,
    /// What makes the explanation of a failed connection concrete.
    pub context: Context,
    /// The connection does not go through a Unix socket, on which there is no TLS.
    pub over_network: bool,
}

/// Why a connection is not even tried.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// psql or `pg_dump` cannot be used.
    #[error(transparent)]
    Psql(#[from] PsqlError),
    /// It could not work: a file that libpq could not use, a combination that it would refuse.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl From<ProgramError> for ConnectError {
    fn from(error: ProgramError) -> Self {
        Self::Psql(error.into())
    }
}

/// Finds psql, asks it for its version, settles what the connection does about TLS, and puts it all together.
///
/// # Errors
/// See [`ConnectError`].
pub async fn server(
    settings: &Settings,
    environment: &Environment,
    shutdown: &Shutdown,
) -> Result<Target, ConnectError> {
    let psql = Program::find_psql(
        settings.tool.psql.as_ref().map(named_program).as_ref(),
        path(environment),
    )?;
    let temporary = temporary_directory(environment);
    let version = psql.version(&temporary, shutdown).await?;
    let mut connection = settings.connection.clone();
    let prepared = prepare(&mut connection, environment, u32::from(version.major))?;
    let text = |keyword: &str| connection.value(keyword).map(str::to_owned);
    let context = Context {
        sslmode: Some(prepared.mode),
        user: text("user"),
        database: text("dbname"),
        host: text("host").or_else(|| text("hostaddr")),
        port: text("port"),
    };
    let mut child = environment.inherited();
    child.extend(connection.child_environment());
    let mut server = Server::new(psql, child, temporary);
    let arguments = connection.conninfo_arguments();
    server.conninfo = (!arguments.is_empty()).then(|| arguments.join(" "));
    server.timeout = Some(settings.tool.timeout.value).filter(|timeout| !timeout.is_zero());
    Ok(Target {
        server,
        context,
        over_network: !prepared.socket,
    })
}

/// Finds `pg_dump` for a server.
///
/// # Errors
/// There is none, or it cannot be run.
pub fn pg_dump(
    tool: &ToolSettings,
    environment: &Environment,
    server: &Server,
) -> Result<PgDump, ConnectError> {
    let program = Program::find_pg_dump(
        tool.pg_dump.as_ref().map(named_program).as_ref(),
        path(environment),
    )?;
    Ok(PgDump {
        program,
        server: server.clone(),
    })
}

fn path(environment: &Environment) -> &OsStr {
    environment.get("PATH").unwrap_or(OsStr::new(PATH))
}

/// Where private folders are made.
pub fn temporary_directory(environment: &Environment) -> PathBuf {
    PathBuf::from(
        environment
            .get("TMPDIR")
            .filter(|folder| !folder.is_empty())
            .unwrap_or(OsStr::new("/tmp")),
    )
}
