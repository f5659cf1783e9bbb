use std::io;
use std::path::{Path, PathBuf};

use crate::config::ConfigError;
use crate::connect::ConnectError;
use crate::fleet::inventory::FleetError;
use crate::fleet::migrate::MigrateError;
use crate::fleet::pool::PoolError;
use crate::fleet::query::QueryError;
use crate::fleet::refresh::{FirstError, RefreshError};
use crate::fleet::undo::UndoError;
use crate::fleet::verify::VerifyError;
use crate::fleet::{GroupError, GroupFileError, LineError, NoTenants, RegistryError, TargetError};
use crate::path::PathError;
use crate::process::Signal;
use crate::snapshot::capture::CaptureError;
use crate::snapshot::{SnapshotError, TemplateError};
use crate::sql::{NameError, TenantName, quote};
use crate::tenant::lifecycle::{DropError, LifecycleError};
use crate::tenant::migrations::MigrationError;
use crate::tenant::query::QueryRefusal;
use crate::tenant::{NewerError, ProvisionError};

/// The failure of a command, or of its work for one tenant.
#[derive(Debug, thiserror::Error)]
pub(super) enum CommandError {
    /// Wrong usage that clap cannot detect.
    #[error("{0}")]
    Usage(String),
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// No snapshot was named, and the default directory has none.
    #[error("no snapshot found: there is no file snapshots/*.sql")]
    NoSnapshot,
    /// No snapshot was named, and the default directory has several.
    #[error("several snapshots found: {}", .0.join(", "))]
    SeveralSnapshots(Vec<String>),
    #[error("'{}': {source}", path.display())]
    Snapshot {
        path: PathBuf,
        source: SnapshotError,
    },
    /// The file that `capture` would replace is not a snapshot.
    #[error("'{}' exists and is not a readable snapshot: {source}", path.display())]
    NotReplaced {
        path: PathBuf,
        source: SnapshotError,
    },
    #[error("'{}': {source}", path.display())]
    Template {
        path: PathBuf,
        source: TemplateError,
    },
    /// The dump is not UTF-8.
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
    /// The tenant was created, and the command of `--run` failed for it.
    #[error("it was created and stays, but {0}")]
    Hook(Box<crate::tenant::migrate::MigrateFailure>),
    /// A directory of migrations without any that is SQL.
    #[error("'{}' contains no SQL migrations{}", folder.display(), only(other.as_deref()))]
    NoMigrations {
        folder: PathBuf,
        /// A file of another language in it.
        other: Option<PathBuf>,
    },
    /// No target lists the tenant, although the rule requires one.
    #[error("no target lists this tenant, and the rule is explicit")]
    NoTarget,
    /// The tenant belongs to a target that --target leaves out.
    #[error("it belongs at target '{}', which --target leaves out", .0.escape_debug())]
    OtherTarget(String),
    /// The tenants query names a target that the file does not have.
    #[error("the tenants query puts the tenant '{}' at target '{}'{}", tenant.as_str().escape_debug(), target.escape_debug(),
        if *has_file { ", which the targets file does not have" } else { ", and there is no targets file" })]
    UnknownTarget {
        tenant: TenantName,
        target: String,
        has_file: bool,
    },
    /// The file of `--groups` cannot be used.
    #[error("'{}', {source}", path.display())]
    GroupFile {
        path: PathBuf,
        source: GroupFileError,
    },
    #[error(transparent)]
    Group(#[from] GroupError),
    /// Two targets lead to the same database.
    #[error("the targets '{}' and '{}' lead to the same database", .0.escape_debug(), .1.escape_debug())]
    SharedTargets(String, String),
    /// A name without a target that several targets have.
    #[error("there is a tenant '{}' at {}", tenant.as_str().escape_debug(), targets.join(" and at "))]
    TwoPlaces {
        tenant: TenantName,
        targets: Vec<String>,
    },
    /// The target could not be asked for its tenants.
    #[error(transparent)]
    Target(Box<TargetError>),
    /// A target should use Citus, but has none or an old version.
    #[error("the server{target} {}", version.as_ref().map_or_else(
        || "has no Citus in this database".to_owned(),
        |version| format!("has Citus {version}; schema-based sharding needs Citus 12 or later")
    ))]
    NoCitus {
        target: String,
        version: Option<String>,
    },
    /// A target is a worker of Citus.
    #[error("the server{target} is a worker of Citus")]
    CitusWorker { target: String },
    /// Citus would have to create the role on its workers, which the role itself may not do.
    #[error(
        "Citus{target} has not recorded the role {}, so it can create nothing for it on the workers",
        quote(role)
    )]
    CitusRole { target: String, role: String },
    /// The snapshot has objects that Citus cannot distribute.
    #[error("Citus{target} cannot create tenants from this snapshot: it cannot distribute {} of the objects", lines.len())]
    Citus { target: String, lines: Vec<String> },
    #[error(transparent)]
    Newer(Box<NewerError>),
    #[error(transparent)]
    Pool(Box<PoolError>),
    #[error(transparent)]
    Migration(Box<MigrationError>),
    #[error(transparent)]
    Fleet(Box<FleetError>),
    #[error(transparent)]
    Registry(Box<RegistryError>),
    /// No tenant is selected.
    #[error(transparent)]
    NoTenants(#[from] NoTenants),
    #[error(transparent)]
    Migrate(Box<MigrateError>),
    #[error(transparent)]
    Undo(Box<UndoError>),
    /// `--undo` names a run that no target has a record of.
    #[error("no run '{}' is recorded", .0.escape_debug())]
    UnknownRun(String),
    /// The SQL of a query has something that is not run.
    #[error("{}", refused(origin, source))]
    QueryRefused {
        /// The file, or the flag that has the SQL.
        origin: String,
        source: QueryRefusal,
    },
    #[error(transparent)]
    Query(Box<QueryError>),
    #[error(transparent)]
    Verify(Box<VerifyError>),
    #[error(transparent)]
    Refresh(Box<RefreshError>),
    #[error(transparent)]
    First(Box<FirstError>),
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
    /// A signal ended the command.
    #[error("interrupted by {0}")]
    Interrupted(Signal),
    /// The operating system refuses signal handlers.
    #[error("cannot handle signals")]
    Signals(#[source] io::Error),
}

/// Implements `From` with a box: errors are large, and failures are rare.
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
    Newer(NewerError),
    Pool(PoolError),
    Migration(MigrationError),
    Fleet(FleetError),
    Target(TargetError),
    Registry(RegistryError),
    Migrate(MigrateError),
    Undo(UndoError),
    Query(QueryError),
    Verify(VerifyError),
    Refresh(RefreshError),
    First(FirstError),
    Drop(DropError),
    Lifecycle(LifecycleError),
}

/// `'report.sql', line 3: COPY …`.
fn refused(origin: &str, refusal: &QueryRefusal) -> String {
    match refusal.line {
        Some(line) => format!("{origin}, line {line}: {refusal}"),
        None => format!("{origin}: {refusal}"),
    }
}

impl CommandError {
    /// Returns `true` if the reader of stdout has closed it.
    pub(super) fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Stream { source, .. } if source.kind() == io::ErrorKind::BrokenPipe)
    }
}

fn only(other: Option<&Path>) -> String {
    other
        .map(|path| format!(", only files such as '{}'", path.display()))
        .unwrap_or_default()
}
