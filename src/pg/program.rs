use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OnceCell;

use super::version::OLDEST;
use super::{Version, wrapper};
use crate::path::PathError;
use crate::process::{EnvValue, Invocation, RunDir, RunError, Shutdown, Stdout, run};
use crate::text::clip;

const VERSION_TIMEOUT: Duration = Duration::from_secs(10);
const VERSION_LIMIT: usize = 64 * 1024;

/// A client program of `PostgreSQL`, found but not yet run. Clones share what is known of its version.
#[derive(Clone, Debug)]
pub struct Program {
    name: &'static str,
    found: PathBuf,
    path: PathBuf,
    version: Arc<OnceCell<Version>>,
}

/// A program that a setting names, instead of one that is searched for in `PATH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedProgram {
    /// Its path, or a name to be searched for in `PATH`.
    pub path: PathBuf,
    /// The setting that names it, as `--psql`.
    pub origin: String,
}

/// The reason why a client program cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProgramError {
    /// `PATH` has no such program.
    #[error(
        "no {name} in PATH ({}); install {}",
        Searched(searched),
        package(name)
    )]
    NotFound {
        /// `psql` or `pg_dump`.
        name: &'static str,
        /// The value of `PATH`.
        searched: OsString,
    },
    /// The program that was asked for by path cannot be run.
    #[error("cannot run '{}' ({origin}) as {name}", path.display())]
    Unusable {
        /// `psql` or `pg_dump`.
        name: &'static str,
        /// The path that was given.
        path: PathBuf,
        /// The setting that named it, as `--psql`.
        origin: String,
        /// The error of the operating system.
        #[source]
        source: io::Error,
    },
    /// The program is of a version this tool does not work with.
    #[error("'{}' is version {version}; {name} {OLDEST} or newer is needed: install {}", path.display(), package(name))]
    TooOld {
        /// `psql` or `pg_dump`.
        name: &'static str,
        /// The program.
        path: PathBuf,
        /// Its version.
        version: Version,
    },
    /// `pg_dump` refuses servers of a newer major version.
    #[error("'{}' of version {program} cannot dump a server of version {server}; install postgresql-client-{}",
        path.display(), server_major(server))]
    OlderThanServer {
        /// The program.
        path: PathBuf,
        /// Its version as it said it.
        program: String,
        /// The server's version as the program said it.
        server: String,
    },
    /// `--version` did not report a version.
    #[error("'{}' does not report its version with --version: {output:?}", path.display())]
    NoVersion {
        /// The program.
        path: PathBuf,
        /// The output instead, shortened.
        output: String,
    },
    /// `--version` could not be run to its end.
    #[error("cannot read the version of {name}")]
    Version {
        /// `psql` or `pg_dump`.
        name: &'static str,
        /// The reason.
        #[source]
        source: Box<RunError>,
    },
    /// There is no private directory to run it in.
    #[error("cannot run {name}")]
    Folder {
        /// `psql` or `pg_dump`.
        name: &'static str,
        /// The reason.
        #[source]
        source: PathError,
    },
}

impl ProgramError {
    /// Returns the stable id.
    pub fn id(&self) -> String {
        match self {
            Self::NotFound { name, .. } => format!("program.{name}_missing"),
            Self::Unusable { .. } => "program.unusable".to_owned(),
            Self::TooOld { .. } => "program.too_old".to_owned(),
            Self::OlderThanServer { .. } => "program.older_than_server".to_owned(),
            Self::NoVersion { .. } => "program.failed".to_owned(),
            Self::Version { source, .. } => source.id().to_owned(),
            Self::Folder { .. } => "file.private_folder".to_owned(),
        }
    }
}

impl ProgramError {
    /// The error of a run that was stopped, if that is what this is.
    pub(super) fn into_stop(self) -> Result<RunError, Self> {
        match self {
            Self::Version { source, .. } if matches!(*source, RunError::Interrupted { .. }) => {
                Ok(*source)
            }
            other => Err(other),
        }
    }
}

struct Searched<'a>(&'a OsStr);

impl fmt::Display for Searched<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return formatter.write_str("which is empty");
        }
        write!(formatter, "searched '{}'", self.0.to_string_lossy())?;
        if std::env::split_paths(self.0).any(|part| !part.is_absolute()) {
            formatter.write_str(" but for its empty and relative parts")?;
        }
        Ok(())
    }
}

fn package(name: &str) -> String {
    format!(
        "the PostgreSQL client programs (Debian, Ubuntu, Alpine: postgresql-client; Fedora: postgresql) or give the path of {name}"
    )
}

fn server_major(server: &str) -> String {
    Version::parse(server).map_or_else(|| server.to_owned(), |version| version.major.to_string())
}

impl Program {
    /// Finds psql: the given one, or the first in `path_variable`. If that is Debian's wrapper,
    /// finds the program behind it.
    ///
    /// # Errors
    /// Fails if there is none, or if the given one cannot be run.
    pub fn find_psql(
        explicit: Option<&NamedProgram>,
        path_variable: &OsStr,
    ) -> Result<Self, ProgramError> {
        Self::find("psql", explicit, path_variable)
    }

    /// Finds `pg_dump` in the same way.
    ///
    /// # Errors
    /// Fails if there is none, or if the given one cannot be run.
    pub fn find_pg_dump(
        explicit: Option<&NamedProgram>,
        path_variable: &OsStr,
    ) -> Result<Self, ProgramError> {
        Self::find("pg_dump", explicit, path_variable)
    }

    fn find(
        name: &'static str,
        explicit: Option<&NamedProgram>,
        path_variable: &OsStr,
    ) -> Result<Self, ProgramError> {
        let wanted = explicit.map_or(Path::new(name), |named| &named.path);
        let folder = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
        // An empty part is the working directory to a shell: whoever can write there could put a psql of their own.
        let mut parts: Vec<PathBuf> = std::env::split_paths(path_variable)
            .filter(|part| part.is_absolute())
            .collect();
        if parts.is_empty() {
            // No part at all would be an empty one again.
            parts.push(PathBuf::from("/dev/null"));
        }
        let searched = std::env::join_paths(parts).unwrap_or_default();
        let found =
            which::which_in(wanted, Some(searched), folder).map_err(|_| match explicit {
                Some(NamedProgram { path, origin }) => {
                    let source = usable(path)
                        .err()
                        .unwrap_or_else(|| io::ErrorKind::NotFound.into());
                    ProgramError::Unusable {
                        name,
                        path: path.clone(),
                        origin: origin.clone(),
                        source,
                    }
                }
                None => ProgramError::NotFound {
                    name,
                    searched: path_variable.to_owned(),
                },
            })?;
        let path = wrapper::real_program(name, &found).unwrap_or_else(|| found.clone());
        Ok(Self {
            name,
            found,
            path,
            version: Arc::default(),
        })
    }

    /// `psql` or `pg_dump`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The program that was found in `PATH` or given.
    pub fn found(&self) -> &Path {
        &self.found
    }

    /// The program that is run: the same one, or the one behind Debian's wrapper.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns `true` if Debian's wrapper was found and is bypassed.
    pub fn bypasses_wrapper(&self) -> bool {
        self.found != self.path
    }

    /// The program's version, found once: read from its file, or reported by a process, which takes
    /// about 5 ms.
    ///
    /// `temporary` is the directory in which the run's private directory is created.
    ///
    /// # Errors
    /// Fails if it cannot be run, reports no version, or is too old.
    pub async fn version(
        &self,
        temporary: &Path,
        shutdown: &Shutdown,
    ) -> Result<Version, ProgramError> {
        self.version
            .get_or_try_init(|| self.read_version(temporary, shutdown))
            .await
            .copied()
    }

    async fn read_version(
        &self,
        temporary: &Path,
        shutdown: &Shutdown,
    ) -> Result<Version, ProgramError> {
        let name = self.name;
        let version = match written_version(name, &self.path) {
            Some(version) => version,
            None => self.told_version(temporary, shutdown).await?,
        };
        if version.major < OLDEST {
            return Err(ProgramError::TooOld {
                name,
                path: self.path.clone(),
                version,
            });
        }
        Ok(version)
    }

    /// The output of `--version`.
    async fn told_version(
        &self,
        temporary: &Path,
        shutdown: &Shutdown,
    ) -> Result<Version, ProgramError> {
        let name = self.name;
        let run_dir =
            RunDir::new(temporary).map_err(|source| ProgramError::Folder { name, source })?;
        let mut invocation = Invocation::new(&self.path).args(["--version"]);
        invocation = invocation.env("LC_ALL", EnvValue::Plain("C".into()));
        invocation.timeout = Some(VERSION_TIMEOUT);
        let finished = run(
            &invocation,
            &run_dir,
            shutdown,
            Stdout::Collect(VERSION_LIMIT),
        )
        .await
        .map_err(|source| ProgramError::Version {
            name,
            source: Box::new(source),
        })?;
        let output = String::from_utf8_lossy(&finished.stdout);
        let Some(version) = Version::from_program_output(&output) else {
            let output = clip(&format!("{output}{}", finished.stderr.text()), 200).into_owned();
            return Err(ProgramError::NoVersion {
                path: self.path.clone(),
                output,
            });
        };
        Ok(version)
    }
}

/// The line that `--version` prints, where the program's file holds it as it does in every build of these programs
/// (`puts("psql (PostgreSQL) " PG_VERSION)`): a process less in front of every tenant. `None` for scripts and other files.
fn written_version(name: &str, path: &Path) -> Option<Version> {
    let file = crate::path::read(path)
        .ok()
        .filter(|file| file.starts_with(b"\x7fELF"))?;
    let head = format!("{name} (PostgreSQL) ");
    let at = file
        .windows(head.len())
        .position(|window| window == head.as_bytes())?;
    let line = file.get(at..)?.split(|byte| *byte == 0).next()?;
    Version::from_program_output(std::str::from_utf8(line.get(..line.len().min(200))?).ok()?)
}

/// The reason why a file cannot be run.
fn usable(path: &Path) -> io::Result<()> {
    let metadata = std::fs::metadata(path)?;
    if metadata.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    rustix::fs::access(path, rustix::fs::Access::EXEC_OK)?;
    Ok(())
}
