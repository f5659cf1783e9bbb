//! The reasons why a capture gives no snapshot.

use super::assembled::Undecided;
use super::difference::Difference;
use super::dump::DumpError;
use crate::pg::catalog::DuplicateIdentity;
use crate::pg::{PgDumpError, PsqlError};
use crate::snapshot::problem::SnapshotError;
use crate::snapshot::template::TemplateError;
use crate::text::{plural, swrite};

/// The reason why there is no snapshot.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaptureError {
    /// `pg_dump` failed.
    #[error(transparent)]
    PgDump(Box<PgDumpError>),
    /// The dump cannot be captured.
    #[error(transparent)]
    Dump(#[from] DumpError),
    /// The server could not be asked.
    #[error("the server could not be asked about the schema")]
    Psql(#[source] Box<PsqlError>),
    /// Text that the user has to judge.
    #[error("{} of text may or may not name the schema", plural(.0.doubts.len(), "place"))]
    Doubtful(Undecided),
    /// Names that only the server can judge, and it could not be asked.
    #[error("{} called like the schema are used in: {}", "tables, aliases or columns", .objects.join(", "))]
    Contested {
        /// The objects.
        objects: Vec<String>,
        /// The reason why the server could not be asked, or `None` without a connection.
        #[source]
        source: Option<Box<ProofError>>,
    },
    /// Names that the server's own definitions do not settle.
    #[error("names like the schema's cannot be told from it, not even by the server, in: {}", .objects.join(", "))]
    Unsettled {
        /// The objects.
        objects: Vec<String>,
    },
    /// A table whose rows are wanted is not there.
    #[error("there is no table '{table}' in the schema; it has: {}", present.join(", "))]
    NoTable {
        /// The table.
        table: String,
        /// The tables that are there, at most 20.
        present: Vec<String>,
    },
    /// A value that names the schema, where it cannot be replaced.
    #[error(
        "column {column} of table '{table}' names objects of the schema in an array, which a seed cannot carry"
    )]
    Name {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// OIDs in the rows of a seed table, which every tenant would share.
    #[error(
        "column {column} of table '{table}' holds OIDs of {}, which every tenant would share with the source; \
         leave the column empty in the seed, or say --keep 'rows of {table}' if that is meant",
        if *.large_objects > 0 { "large objects" } else { "objects of the schema" }
    )]
    Oids {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// Number of large objects.
        large_objects: usize,
    },
    /// Partitions of a table in another schema, which no copy can be: its bounds would be the same.
    #[error("partitions of tables in another schema, which a tenant's copy cannot be, as the bounds are taken: {}", .partitions.join(", "))]
    PartitionElsewhere {
        /// The partitions, each with its table.
        partitions: Vec<String>,
    },
    /// Decisions that change nothing: a wrong name, most likely.
    #[error(
        "nothing doubtful is called {}{}",
        quoted_list(.unused),
        if .decidable.is_empty() { "; the schema has nothing to decide".to_owned() } else { format!("; there are: {}", .decidable.join(", ")) }
    )]
    UnusedDecisions {
        /// The names and patterns.
        unused: Vec<String>,
        /// Objects that can be decided, at most 20.
        decidable: Vec<String>,
    },
    /// A dump without the rows of a seed table.
    #[error(
        "the dump has no rows of table '{table}'; make it without --schema-only, or capture from the live database"
    )]
    NoRows {
        /// The table.
        table: String,
    },
    /// The body is no usable template: a fault of the rewriting.
    #[error("the snapshot is not valid")]
    Snapshot(#[from] SnapshotError),
    /// The proof failed.
    #[error("the snapshot is not proven")]
    Proof(#[source] Box<ProofError>),
}

impl From<PgDumpError> for CaptureError {
    fn from(error: PgDumpError) -> Self {
        Self::PgDump(Box::new(error))
    }
}

impl From<PsqlError> for CaptureError {
    fn from(error: PsqlError) -> Self {
        Self::Psql(Box::new(error))
    }
}

impl From<ProofError> for CaptureError {
    fn from(error: ProofError) -> Self {
        Self::Proof(Box::new(error))
    }
}

fn quoted_list(names: &[String]) -> String {
    let quoted: Vec<String> = names
        .iter()
        .map(|name| format!("'{}'", name.escape_debug()))
        .collect();
    quoted.join(", ")
}

/// The reason why there is no proof.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// psql, the connection or the rights do not allow it.
    #[error("the proof could not be made")]
    Psql(#[source] PsqlError),
    /// The snapshot does not load.
    #[error("the snapshot does not load: {object} (line {line} of the dump's or snapshot's SQL)")]
    Load {
        /// The object of the failed statement.
        object: String,
        /// 1-based line of the statement.
        line: usize,
        /// The server's message.
        #[source]
        source: PsqlError,
    },
    /// The dump itself does not load.
    #[error("the dump itself does not load: {object} (line {line} of the dump)")]
    Dump {
        /// The object of the failed statement.
        object: String,
        /// 1-based line of the statement.
        line: usize,
        /// The server's message.
        #[source]
        source: PsqlError,
    },
    /// An extension cannot be put where the dump expects it.
    #[error(
        "extension {extension} cannot be installed in an empty schema public for the proof; name an empty database of \
         the same server with --scratch"
    )]
    Extension {
        /// The extension.
        extension: String,
        /// The server's message.
        #[source]
        source: PsqlError,
    },
    /// The copy is not its source.
    #[error("the copy is not equal to its source: {}", listed(.0))]
    Different(Vec<Difference>),
    /// The copy needs the source.
    #[error("the copy depends on its source: {}", .0.join("; "))]
    Depends(Vec<String>),
    /// The snapshot cannot be rendered.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The operating system has no random bytes for a fresh name.
    #[error("cannot make a fresh name")]
    Random(#[source] std::io::Error),
    /// The comparison itself is at fault.
    #[error(transparent)]
    Identity(#[from] DuplicateIdentity),
}

fn listed(differences: &[Difference]) -> String {
    let mut text = differences
        .iter()
        .take(5)
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("; ");
    if differences.len() > 5 {
        swrite!(text, "; and {} more", differences.len() - 5);
    }
    text
}
