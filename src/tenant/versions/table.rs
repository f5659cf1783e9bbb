//! A tenant's versions table, as it was read.

use std::fmt;
use std::sync::Arc;

use super::style::{AppliedVersion, Style};

/// What a tenant's versions table says.
#[derive(Clone, Debug)]
pub enum Applied {
    /// It could be read.
    Known(VersionsTable),
    /// It could not.
    Odd(TenantProblem),
}

/// A versions table and its rows; tenants with the same rows share them.
#[derive(Clone, Debug)]
pub struct VersionsTable {
    /// Its name.
    pub table: String,
    /// The tool that keeps it.
    pub style: Style,
    /// Its rows, in the tool's order.
    pub versions: Arc<[AppliedVersion]>,
}

impl VersionsTable {
    /// The highest version by value; for versions that are names the last one.
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

/// Why nothing is known of a tenant's versions.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TenantProblem {
    /// There is no such schema.
    NoSchema,
    /// It has no versions table that is known.
    NoTable,
    /// It has several.
    Ambiguous(Vec<String>),
    /// The table has columns of no tool that is known.
    UnknownColumns {
        /// The table.
        table: String,
        /// Its columns.
        columns: Vec<String>,
    },
    /// The role may not read it.
    NoRight {
        /// The table; empty for the schema.
        table: String,
    },
    /// Its rows are not what the tool writes.
    Rows {
        /// The table.
        table: String,
    },
}

impl fmt::Display for TenantProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSchema => formatter.write_str("there is no such schema"),
            Self::NoTable => formatter
                .write_str("the schema has no versions table; name it with --versions-table"),
            Self::Ambiguous(tables) => {
                write!(
                    formatter,
                    "the schema has several versions tables: {}; name one with --versions-table",
                    tables.join(", ")
                )
            }
            Self::UnknownColumns { table, columns } => write!(
                formatter,
                "the columns of versions table '{table}' are of no tool that is known: {}",
                columns.join(", ")
            ),
            Self::NoRight { table } if table.is_empty() => {
                formatter.write_str("the role has no USAGE on the schema")
            }
            Self::NoRight { table } => {
                write!(formatter, "the role may not read versions table '{table}'")
            }
            Self::Rows { table } => write!(
                formatter,
                "versions table '{table}' has rows that its tool does not write"
            ),
        }
    }
}
