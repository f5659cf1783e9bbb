use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::{Signal, StderrTail};
use crate::text::seconds;

/// The way in which a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// By itself, with an exit code.
    Code(i32),
    /// By a signal.
    Signal(Signal),
}

impl From<std::process::ExitStatus> for ExitStatus {
    fn from(status: std::process::ExitStatus) -> Self {
        use std::os::unix::process::ExitStatusExt;
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Code(code),
            (None, signal) => Self::Signal(Signal::from_number(signal.unwrap_or_default())),
        }
    }
}

impl RunError {
    /// Returns the stable id.
    pub fn id(&self) -> &'static str {
        match self {
            Self::TimedOut { .. } => "timeout",
            Self::Interrupted { .. } => "interrupted",
            Self::NotFound { .. }
            | Self::Spawn { .. }
            | Self::Signaled { .. }
            | Self::TooLong { .. }
            | Self::Refused { .. }
            | Self::Io { .. } => "program.failed",
        }
    }
}

impl fmt::Display for ExitStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(formatter, "exit code {code}"),
            Self::Signal(signal) => signal.fmt(formatter),
        }
    }
}

/// Reasons why a program did not run to its own end. An exit code other than 0 is none of them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// There is no such program.
    #[error("no program '{}'", program.display())]
    NotFound {
        /// The program's path.
        program: PathBuf,
        /// Error of the operating system.
        #[source]
        source: io::Error,
    },
    /// The program could not be started.
    #[error("cannot start '{}'", program.display())]
    Spawn {
        /// The program's path.
        program: PathBuf,
        /// Error of the operating system.
        #[source]
        source: io::Error,
    },
    /// A signal that did not come from this run ended the program.
    #[error("'{}' was ended by {signal}", program.display())]
    Signaled {
        /// The program's path.
        program: PathBuf,
        /// The signal.
        signal: Signal,
        /// Its stderr until then.
        stderr: StderrTail,
    },
    /// The program was stopped because it timed out.
    #[error("'{}' was stopped after {}", program.display(), seconds(*after))]
    TimedOut {
        /// The program's path.
        program: PathBuf,
        /// The time it was given.
        after: Duration,
        /// Its end once asked to.
        ended: ExitStatus,
        /// Its stderr until then.
        stderr: StderrTail,
    },
    /// The program was stopped because [`Shutdown`](super::Shutdown) asked for the end.
    #[error("'{}' was stopped by {signal}", program.display())]
    Interrupted {
        /// The program's path.
        program: PathBuf,
        /// The signal that asked.
        signal: Signal,
        /// Its end once asked to; `None` when it was not even started.
        ended: Option<ExitStatus>,
        /// Its stderr until then.
        stderr: StderrTail,
    },
    /// The program wrote a line, or collected output, beyond the limit and was stopped.
    #[error("'{}' wrote a line or a result of more than {limit} bytes", program.display())]
    TooLong {
        /// The program's path.
        program: PathBuf,
        /// The limit in bytes.
        limit: usize,
    },
    /// The reader of the lines wanted no more, and the program was stopped.
    #[error("the output of '{}' was refused", program.display())]
    Refused {
        /// The program's path.
        program: PathBuf,
    },
    /// Reading from or waiting for the program failed.
    #[error("cannot read {stream} of '{}'", program.display())]
    Io {
        /// The program's path.
        program: PathBuf,
        /// `stdout`, `stderr` or `the exit status`.
        stream: &'static str,
        /// Error of the operating system.
        #[source]
        source: io::Error,
    },
}
