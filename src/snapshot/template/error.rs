//! The reason why a template cannot be used, or not for a name.

use crate::sql::ScriptError;

/// The reason why a template cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// Not SQL that psql reads to its end.
    #[error(transparent)]
    Script(#[from] ScriptError),
    /// A psql meta-command.
    #[error("line {line}: psql meta-command '{command}'; a snapshot holds only SQL")]
    Meta {
        /// 1-based line.
        line: usize,
        /// Its first word.
        command: String,
    },
    /// `COPY … FROM stdin`.
    #[error(
        "line {line}: COPY data cannot be sent in one message; write the rows as INSERT, as capture does"
    )]
    Copy {
        /// 1-based line.
        line: usize,
    },
    /// `BEGIN`, `COMMIT` and similar.
    #[error("line {line}: '{word}' would end the one transaction that a tenant is created in")]
    Transaction {
        /// 1-based line.
        line: usize,
        /// The first word of the statement.
        word: String,
    },
    /// `#{…}` that is not known.
    #[error("line {line}: unknown placeholder '{}'; known are #{{prefix}} and, for a plain '#', #{{#}}", found.escape_debug())]
    Unknown {
        /// 1-based line.
        line: usize,
        /// The placeholder.
        found: String,
    },
    /// A placeholder glued to a word.
    #[error(
        "line {line}: #{{prefix}} is only a part of an identifier here; put the whole identifier in double quotes"
    )]
    Glued {
        /// 1-based line.
        line: usize,
    },
    /// A name that needs quotes, in a body that is not SQL.
    #[error("line {line}: {object} has a body in {language}, where the name '{}' cannot be quoted; use a plain name \
             (lower-case letters, digits, underscores)", name.escape_debug())]
    Foreign {
        /// 1-based line of the statement.
        line: usize,
        /// The function.
        object: String,
        /// Its language.
        language: String,
        /// The tenant's name.
        name: String,
    },
}

impl TemplateError {
    /// Returns the stable id.
    pub fn id(&self) -> &'static str {
        match self {
            Self::Script(
                ScriptError::Unterminated { .. }
                | ScriptError::Unbalanced { .. }
                | ScriptError::CopyData { .. }
                | ScriptError::Unexpected { .. }
                | ScriptError::Nul { .. }
                | ScriptError::Ambiguous { .. },
            ) => "snapshot.syntax",
            Self::Meta { .. } | Self::Script(ScriptError::Meta { .. }) => "snapshot.meta_command",
            Self::Copy { .. } => "snapshot.copy",
            Self::Transaction { .. } => "snapshot.transaction",
            Self::Unknown { .. } => "snapshot.placeholder",
            Self::Glued { .. } => "snapshot.glued",
            Self::Foreign { .. } => "snapshot.foreign_body",
        }
    }
}
