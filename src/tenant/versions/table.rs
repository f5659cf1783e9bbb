//! The content of a tenant's version table.

use std::fmt;
use std::sync::Arc;

use super::style::{AppliedVersion, Style};

/// The content of a tenant's version table.
#[derive(Clone, Debug)]
pub enum Applied {
    /// It could be read.
    Known(VersionsTable),
    /// It could not be read.
    Odd(TenantProblem),
}

/// A version table and its rows. Tenants with the same rows share them.
#[derive(Clone, Debug)]
pub struct VersionsTable {
    /// Its name.
    pub table: String,
    /// The tool that writes it.
    pub style: Style,
    /// Its rows, in the tool's order.
    pub versions: Arc<[AppliedVersion]>,
}

impl VersionsTable {
    /// Returns the highest version by value, or the last one if versions are names.
    pub fn last(&self) -> Option<&AppliedVersion> {
        let numbered = self
            .versions
            .iter()
            .filter(|version| version.version().is_some());
        numbered
            .max_by_key(|version| version.version())
            .or(self.versions.last())
    }
}

/// The reason why a tenant's versions are unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TenantProblem {
    /// The schema does not exist.
    NoSchema,
    /// It has no well-known version table.
    NoTable,
    /// It has several version tables.
    Ambiguous(Vec<String>),
    /// The table's columns match no known tool.
    UnknownColumns {
        /// The table.
        table: String,
        /// Its columns of `PostgreSQL`'s own types.
        columns: Vec<String>,
    },
    /// The role may not read it.
    NoRight {
        /// The table; empty for the schema.
        table: String,
    },
    /// The node that has it cannot be reached.
    Unreachable {
        /// The server's message.
        reason: String,
    },
    /// Its rows are not as the tool writes them.
    Rows {
        /// The table.
        table: String,
    },
}

impl fmt::Display for TenantProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSchema => formatter.write_str("there is no such schema"),
            Self::NoTable => formatter.write_str(
                "the schema has no well-known version table; name it with --versions-table",
            ),
            Self::Ambiguous(tables) => {
                write!(
                    formatter,
                    "the schema has several version tables: {}; name one with --versions-table",
                    tables.join(", ")
                )
            }
            Self::UnknownColumns { table, columns } if columns.is_empty() => write!(
                formatter,
                "version table '{table}' has no column of one of PostgreSQL's own types"
            ),
            Self::UnknownColumns { table, columns } => write!(
                formatter,
                "the columns of version table '{table}' match no known tool: {}",
                columns.join(", ")
            ),
            Self::NoRight { table } if table.is_empty() => {
                formatter.write_str("the role has no USAGE on the schema")
            }
            Self::NoRight { table } => {
                write!(formatter, "the role may not read version table '{table}'")
            }
            Self::Unreachable { reason } => {
                write!(formatter, "its node cannot be reached: {reason}")
            }
            Self::Rows { table } => write!(
                formatter,
                "version table '{table}' has rows that its tool does not write"
            ),
        }
    }
}
