//! The problems of a snapshot file, with which it is usable or not.

use super::outside::{OutsideStatement, grouped, refusal};
use super::template::TemplateError;
use super::version::{FORMAT, OLDEST_FORMAT, TITLE};
use crate::sql::ScriptError;

/// A problem of a snapshot file that can still be used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// The body is not the one that the checksum was made of.
    Edited {
        /// Returns the header.
        recorded: String,
        /// The value of the body.
        actual: String,
        /// Objects that the header counts and the body has not.
        missing: Vec<Missing>,
    },
    /// The header has no checksum.
    NoChecksum,
    /// All line ends were CR LF; they were read as LF.
    LineEnds,
    /// A header line that this version does not know.
    UnknownHeader {
        /// 1-based line.
        line: usize,
        /// The line's text, at most 80 characters.
        text: String,
    },
    /// Statements that change something in the database outside of the tenant's schema.
    Outside {
        /// They, in their order.
        statements: Vec<OutsideStatement>,
    },
}

impl std::fmt::Display for Warning {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Edited {
                recorded,
                actual,
                missing,
            } => {
                write!(
                    formatter,
                    "the body was edited: its SHA-256 is {}…, the header says {}…; capture or minify writes a new one",
                    actual.get(..12).unwrap_or(actual),
                    recorded.get(..12).unwrap_or(recorded)
                )?;
                missing.iter().try_for_each(
                    |Missing {
                         objects,
                         header,
                         body,
                     }| {
                        write!(
                            formatter,
                            "; the header counts {header} {objects}, the body has {body}"
                        )
                    },
                )
            }
            Self::NoChecksum => formatter.write_str("the header has no sha256 line"),
            Self::LineEnds => {
                formatter.write_str("the file has CR LF line ends; they were read as LF")
            }
            Self::UnknownHeader { line, text } => {
                write!(formatter, "line {line}: unknown header line '{text}'")
            }
            Self::Outside { statements } => formatter.write_str(&grouped(statements)),
        }
    }
}

/// Objects of a kind that a file has lost, or that were taken out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The kind, as the header has it: `tables`.
    pub objects: String,
    /// Number that the header counts.
    pub header: usize,
    /// Number in the body.
    pub body: usize,
}

/// The reason why a text is not a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// Nothing in it.
    #[error("the file is empty")]
    Empty,
    /// Not UTF-8.
    #[error("line {line}: not UTF-8; snapshots are UTF-8, whatever the server's encoding")]
    Encoding {
        /// 1-based line of the first bad byte.
        line: usize,
    },
    /// The first line is not the title.
    #[error(
        "line 1: this is not a snapshot: the first line must begin with '{TITLE}N' (N from {OLDEST_FORMAT} to {FORMAT}); make one with `schemastamp capture`"
    )]
    NotASnapshot,
    /// A later format.
    #[error(
        "line 1: the snapshot has format {format}, this version reads formats {OLDEST_FORMAT} to {FORMAT}; a newer schemastamp is needed"
    )]
    Format {
        /// The format, as it stands there.
        format: String,
    },
    /// A header line with a bad value.
    #[error("line {line}: {message}")]
    Header {
        /// 1-based line.
        line: usize,
        /// The problem.
        message: String,
    },
    /// The body does not create the tenant's schema, or more than once.
    #[error(
        "the body has {count} statements `CREATE SCHEMA #{{prefix}}`; it needs exactly one, as the first statement"
    )]
    CreateSchema {
        /// Their number.
        count: usize,
    },
    /// The last statement of an edited body has no semicolon.
    #[error("the last statement has no semicolon; the file may be truncated")]
    Unfinished,
    /// Statements that reach beyond the database.
    #[error("{}", refusal(statements))]
    Outside {
        /// They, in their order.
        statements: Vec<OutsideStatement>,
    },
    /// The body is no usable template.
    #[error(transparent)]
    Template(#[from] TemplateError),
}

impl SnapshotError {
    /// Returns the stable id.
    pub fn id(&self) -> &'static str {
        match self {
            Self::Empty => "snapshot.empty",
            Self::Encoding { .. } => "snapshot.encoding",
            Self::NotASnapshot => "snapshot.not_a_snapshot",
            Self::Format { .. } => "snapshot.format",
            Self::Header { .. } => "snapshot.header",
            Self::CreateSchema { .. } => "snapshot.create_schema",
            Self::Unfinished => "snapshot.truncated",
            Self::Outside { .. } => "snapshot.outside",
            Self::Template(error) => error.id(),
        }
    }
}

impl From<ScriptError> for SnapshotError {
    fn from(error: ScriptError) -> Self {
        Self::Template(error.into())
    }
}
