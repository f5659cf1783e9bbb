use std::fmt;
use std::path::PathBuf;

/// The origin of a setting's value, for messages such as "PGPORT (environment)".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A command-line flag, with its dashes: `--host`.
    Flag(&'static str),
    /// An environment variable.
    Variable(String),
    /// A part of a URI or `key=value` string that came from another origin.
    Part {
        /// The keyword or part: `host`, `port`, `sslmode`.
        keyword: String,
        /// The origin of the whole string.
        whole: Box<Origin>,
    },
    /// A service of a service file.
    Service {
        /// The service file.
        path: PathBuf,
        /// 1-based line.
        line: usize,
        /// The name of the service.
        service: String,
    },
    /// An entry of a password file.
    PasswordFile {
        /// The password file.
        path: PathBuf,
        /// 1-based line.
        line: usize,
    },
    /// A target of a file of targets.
    Target {
        /// The file.
        path: PathBuf,
        /// The target's name.
        target: String,
    },
    /// A key of a project's file.
    Project {
        /// The key.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// 1-based line.
        line: usize,
    },
    /// Set by the program that uses the library.
    Code,
    /// Nothing said otherwise; the text says whose default it is.
    Default(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => formatter.write_str(flag),
            Self::Variable(name) => formatter.write_str(name),
            Self::Part { keyword, whole } => write!(formatter, "{keyword} in {whole}"),
            Self::Service {
                path,
                line,
                service,
            } => {
                write!(
                    formatter,
                    "service '{service}' in '{}', line {line}",
                    path.display()
                )
            }
            Self::PasswordFile { path, line } => {
                write!(formatter, "'{}', line {line}", path.display())
            }
            Self::Target { path, target } => {
                write!(formatter, "target '{target}' of '{}'", path.display())
            }
            Self::Project { key, path, line } => {
                write!(formatter, "{key} in {}, line {line}", path.display())
            }
            Self::Code => formatter.write_str("the calling program"),
            Self::Default(whose) => write!(formatter, "default ({whose})"),
        }
    }
}

/// A value and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting<T> {
    /// The value.
    pub value: T,
    /// Its origin.
    pub origin: Origin,
}

impl<T> Setting<T> {
    /// A value with its origin.
    pub fn new(value: T, origin: Origin) -> Self {
        Self { value, origin }
    }

    /// The same origin with another value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Setting<U> {
        Setting {
            value: change(self.value),
            origin: self.origin,
        }
    }
}
