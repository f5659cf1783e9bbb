use std::io;
use std::path::PathBuf;

use crate::config::ConfigError;
use crate::connect::ConnectError;
use crate::fleet::LineError;
use crate::fleet::inventory::FleetError;
use crate::fleet::migrate::MigrateError;
use crate::fleet::pool::PoolError;
use crate::fleet::refresh::RefreshError;
use crate::fleet::verify::VerifyError;
use crate::path::PathError;
use crate::process::Signal;
use crate::snapshot::capture::CaptureError;
use crate::snapshot::{SnapshotError, TemplateError};
use crate::sql::NameError;
use crate::tenant::ProvisionError;
use crate::tenant::lifecycle::{DropError, LifecycleError};
use crate::tenant::migrations::MigrationError;

/// Why a command, or what it was to do for one tenant, failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum CommandError {
    /// Wrong usage that clap does not see.
    #[error("{0}")]
    Usage(String),
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// No snapshot was named, and there is none in the usual place.
    #[error("no snapshot: there is no file snapshots/*.sql")]
    NoSnapshot,
    /// No snapshot was named, and there are several in the usual place.
    #[error("which snapshot? there are {}", .0.join(", "))]
    SeveralSnapshots(Vec<String>),
    #[error("'{}': {source}", path.display())]
    Snapshot {
        path: PathBuf,
        source: SnapshotError,
    },
    /// The file that a capture would replace is no snapshot.
    #[error("'{}' is there and is no snapshot that can be read: {source}", path.display())]
    NotReplaced {
        path: PathBuf,
        source: SnapshotError,
    },
    #[error("'{}': {source}", path.display())]
    Template {
        path: PathBuf,
        source: TemplateError,
    },
    /// A dump that is not UTF-8.
    #[error("'{}', line {line}: not UTF-8; make the dump with `pg_dump --encoding=UTF8`", path.display())]
    DumpEncoding { path: PathBuf, line: usize },
    #[error(transparent)]
    File(#[from] PathError),
    #[error(transparent)]
    Name(#[from] NameError),
    #[error("'{}', {source}", path.display())]
    Line { path: PathBuf, source: LineError },
    #[error(transparent)]
    Connect(Box<ConnectError>),
    #[error(transparent)]
    Capture(Box<CaptureError>),
    #[error(transparent)]
    Provision(Box<ProvisionError>),
    /// The tenant is created; the command that was to run for it then failed.
    #[error("it was created and stays, but {0}")]
    Hook(Box<crate::tenant::migrate::MigrateFailure>),
    /// No target names the tenant, and the rule says that one must.
    #[error("no target is for this tenant, and the rule is explicit")]
    NoTarget,
    /// A target that is to be Citus is not, or an old one.
    #[error("the server{target} {}", version.as_ref().map_or_else(
        || "has no Citus in this database".to_owned(),
        |version| format!("has Citus {version}; schema-based sharding came with Citus 12")
    ))]
    NoCitus {
        target: String,
        version: Option<String>,
    },
    /// Objects of the snapshot that Citus refuses.
    #[error("Citus{target} cannot make tenants of this snapshot: {} of its objects cannot be distributed", lines.len())]
    Citus { target: String, lines: Vec<String> },
    #[error(transparent)]
    Pool(Box<PoolError>),
    #[error(transparent)]
    Migration(Box<MigrationError>),
    #[error(transparent)]
    Fleet(Box<FleetError>),
    #[error(transparent)]
    Migrate(Box<MigrateError>),
    #[error(transparent)]
    Verify(Box<VerifyError>),
    #[error(transparent)]
    Refresh(Box<RefreshError>),
    #[error(transparent)]
    Drop(Box<DropError>),
    #[error(transparent)]
    Lifecycle(Box<LifecycleError>),
    /// Standard output or input cannot be used.
    #[error("cannot use {stream}")]
    Stream {
        stream: &'static str,
        #[source]
        source: io::Error,
    },
    /// A signal asked for the end.
    #[error("stopped by {0}")]
    Interrupted(Signal),
    /// The operating system refuses signal handlers.
    #[error("cannot handle signals")]
    Signals(#[source] io::Error),
}

/// Errors are large, and failures are rare: the variants hold them in boxes.
macro_rules! boxed {
    ($($variant:ident($error:ty)),* $(,)?) => {
        $(impl From<$error> for CommandError {
            fn from(error: $error) -> Self {
                Self::$variant(Box::new(error))
            }
        })*
    };
}

boxed! {
    Connect(ConnectError),
    Capture(CaptureError),
    Provision(ProvisionError),
    Pool(PoolError),
    Migration(MigrationError),
    Fleet(FleetError),
    Migrate(MigrateError),
    Verify(VerifyError),
    Refresh(RefreshError),
    Drop(DropError),
    Lifecycle(LifecycleError),
}

impl CommandError {
    /// Whoever read stdout wants no more of it.
    pub(super) fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Stream { source, .. } if source.kind() == io::ErrorKind::BrokenPipe)
    }
}
