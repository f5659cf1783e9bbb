use std::path::PathBuf;

use super::MigrationVersion;
use crate::path::PathError;
use crate::snapshot::TemplateError;

/// The reason why a directory of migrations cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MigrationError {
    /// The directory or a file in it cannot be read.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The name of an SQL file does not begin with a version.
    #[error(
        "'{}' does not begin with a version; migrations are named VERSION_name.sql, such as 20240131_add_users.sql",
        path.display()
    )]
    Name {
        /// The file or directory.
        path: PathBuf,
    },
    /// A migration beside the directory `up`, whose migrations alone would be run.
    #[error("'{}' stands beside the directory 'up' and would not be run; move it there", path.display())]
    Mixed {
        /// The file or directory.
        path: PathBuf,
    },
    /// A migration in a directory within the one that is read.
    #[error("'{}' is in a directory of its own and would not be run; move it up, or rename it", path.display())]
    Nested {
        /// The file.
        path: PathBuf,
    },
    /// A repeatable migration, which runs again whenever it changes.
    #[error("'{}' is a repeatable migration; only Flyway itself can run it: use --run", path.display())]
    Repeatable {
        /// The file.
        path: PathBuf,
    },
    /// Two migrations have the same version.
    #[error("'{}' and '{}' have the same version {version}", first.display(), second.display())]
    Duplicate {
        /// The version.
        version: MigrationVersion,
        /// One of them.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
    /// The file is not UTF-8.
    #[error("'{}', line {line}: not UTF-8", path.display())]
    Encoding {
        /// The file.
        path: PathBuf,
        /// 1-based line of the first bad byte.
        line: usize,
    },
    /// The file has a way down, but no way up.
    #[error("'{}' has no way up: its section is missing or has no statement", path.display())]
    NoUp {
        /// The file.
        path: PathBuf,
    },
    /// `-- +goose ENVSUB ON`.
    #[error("'{}', line {line}: environment variables are not substituted in migrations", path.display())]
    Variables {
        /// The file.
        path: PathBuf,
        /// 1-based line.
        line: usize,
    },
    /// `COMMIT` or a similar statement.
    #[error(
        "'{}', line {line}: '{word}' would end the transaction that holds the migration and its version; \
         write '-- schemastamp: no-transaction' into a migration that must run outside of one",
        path.display()
    )]
    Transaction {
        /// The file.
        path: PathBuf,
        /// 1-based line.
        line: usize,
        /// The first word of the statement.
        word: String,
    },
    /// A psql meta-command.
    #[error("'{}', line {line}: psql meta-command '{command}'; a migration holds only SQL", path.display())]
    Meta {
        /// The file.
        path: PathBuf,
        /// 1-based line.
        line: usize,
        /// Its first word.
        command: String,
    },
    /// `COPY … FROM stdin`.
    #[error("'{}', line {line}: COPY data cannot be part of a migration; write the rows as INSERT", path.display())]
    Copy {
        /// The file.
        path: PathBuf,
        /// 1-based line.
        line: usize,
    },
    /// The SQL is incomplete, or has an unknown placeholder.
    #[error("'{}' is not a valid migration", path.display())]
    Template {
        /// The file.
        path: PathBuf,
        /// The reason, with its line.
        #[source]
        source: TemplateError,
    },
    /// diesel's `metadata.toml` cannot be read.
    #[error("'{}' cannot be read", path.display())]
    Metadata {
        /// The file.
        path: PathBuf,
        /// The reason.
        #[source]
        source: Box<toml::de::Error>,
    },
}

impl MigrationError {
    /// Converts a template error of a migration.
    pub(super) fn template(path: PathBuf, error: TemplateError) -> Self {
        match error {
            TemplateError::Transaction { line, word } => Self::Transaction { path, line, word },
            TemplateError::Meta { line, command } => Self::Meta {
                path,
                line,
                command,
            },
            TemplateError::Copy { line } => Self::Copy { path, line },
            source => Self::Template { path, source },
        }
    }
}
