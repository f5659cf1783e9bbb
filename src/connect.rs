//! From settings to a server that psql and `pg_dump` can be run against. Nothing is connected here.
//!
//! Part of the inside: it may change in any release. [`service`](crate::service) is what stays.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::config::{Environment, Host, Settings, ToolSettings};
use crate::diagnose::{
    Context, LibraryTraits, LookPlan, Origins, depends_on_library, examine, has_guarded,
    named_program, password_command, prepare, refuse_ignored,
};
use crate::pg::{PgDump, Program, ProgramError, PsqlError, Server};
use crate::process::Shutdown;
use crate::tls::TlsError;

/// The directories that are searched for programs if `PATH` is not set.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Time limit for a program to report which libpq it loads.
const LIBRARY_TIMEOUT: Duration = Duration::from_secs(10);

/// A server, and what is to be known when it cannot be reached.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Target {
    /// The server.
    pub server: Server,
    /// The facts about the connection, for the explanation of a failure.
    pub context: Context,
    /// The connection may leave this machine: it uses neither a Unix socket, on which there is no TLS, nor only addresses of
    /// the loopback interface.
    pub over_network: bool,
    /// The input of a probe of the server after a failed connection.
    pub look: LookPlan,
}

/// The reason why a connection is not tried.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// psql or `pg_dump` cannot be used.
    #[error(transparent)]
    Psql(#[from] PsqlError),
    /// It could not work: a file that libpq could not use, a combination that it would refuse.
    #[error("{error}")]
    Tls {
        /// The problem.
        error: Box<TlsError>,
        /// The cure, in the form in which the connection was configured.
        cure: String,
    },
}

impl ConnectError {
    fn from_tls(error: TlsError, origins: &Origins) -> Self {
        let cure = origins.expand(&error.fix());
        Self::Tls {
            error: Box::new(error),
            cure,
        }
    }
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
    let timeout = settings.tool.timeout.value;
    let major = u32::from(version.major);
    let found = if depends_on_library(&connection) {
        let traits = find_library(&psql, environment, &temporary, timeout, shutdown).await?;
        Some(traits.library(major))
    } else {
        None
    };
    let libpq_major = found.map_or(major, |library| library.major);
    let origins = Origins::new(&connection, environment);
    let prepared = prepare(&mut connection, environment, libpq_major)
        .map_err(|error| ConnectError::from_tls(error, &origins))?;
    let mut context = Context::new(&connection, &prepared, environment);
    context.configured.libpq_major = found.map(|library| library.major);
    let mut child = environment.inherited();
    child.extend(connection.child_environment());
    let mut server = Server::new(psql, child, temporary);
    server.password_command = password_command(&connection, environment);
    context
        .password_command
        .clone_from(&server.password_command);
    let arguments = connection.conninfo_arguments();
    server.conninfo = (!arguments.is_empty()).then(|| arguments.join(" "));
    server.timeout = Some(settings.tool.timeout.value).filter(|timeout| !timeout.is_zero());
    let hosts = connection.hosts();
    Ok(Target {
        context,
        over_network: !prepared.socket && !hosts.iter().all(Host::is_loopback),
        look: LookPlan::new(hosts, prepared, libpq_major, server.timeout),
        server,
    })
}

/// Finds `pg_dump` for a server. Its libpq may be another one than psql's, and has to know every setting that protects the
/// connection.
///
/// # Errors
/// There is none, it cannot be run, or its libpq would ignore a setting.
pub async fn pg_dump(
    tool: &ToolSettings,
    environment: &Environment,
    server: &Server,
    shutdown: &Shutdown,
) -> Result<PgDump, ConnectError> {
    let program = Program::find_pg_dump(
        tool.pg_dump.as_ref().map(named_program).as_ref(),
        path(environment),
    )?;
    if has_guarded(&server.environment) {
        let temporary = &server.temporary;
        let version = program.version(temporary, shutdown).await?;
        let timeout = tool.timeout.value;
        let library = find_library(&program, environment, temporary, timeout, shutdown).await?;
        let library = library.library(u32::from(version.major));
        refuse_ignored(&server.environment, "pg_dump", library.major)
            .map_err(|error| ConnectError::from_tls(error, &Origins::default()))?;
    }
    Ok(PgDump {
        program,
        server: server.clone(),
    })
}

/// Finds out what libpq a program loads.
async fn find_library(
    program: &Program,
    environment: &Environment,
    temporary: &Path,
    timeout: Duration,
    shutdown: &Shutdown,
) -> Result<LibraryTraits, ConnectError> {
    let timeout = if timeout.is_zero() {
        LIBRARY_TIMEOUT
    } else {
        timeout.min(LIBRARY_TIMEOUT)
    };
    let inherited = environment.inherited();
    let traits = examine(program, &inherited, temporary, timeout, shutdown).await;
    traits.map_err(|error| ConnectError::Psql(error.into()))
}

fn path(environment: &Environment) -> &OsStr {
    environment.get("PATH").unwrap_or(OsStr::new(PATH))
}

/// The directory in which private directories are created.
pub fn temporary_directory(environment: &Environment) -> PathBuf {
    PathBuf::from(
        environment
            .get("TMPDIR")
            .filter(|folder| !folder.is_empty())
            .unwrap_or(OsStr::new("/tmp")),
    )
}
