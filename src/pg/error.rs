use std::io;

use super::script::without_announcement;
use super::{ProgramError, ServerMessage, Severity, Speaker};
use crate::path::PathError;
use crate::process::{RunError, StderrTail};

/// The words of `PostgreSQL` and `PgBouncer` when there is no slot free.
const OUT_OF_CONNECTIONS: [&str; 5] = [
    "too many clients already",
    "remaining connection slots are reserved",
    "too many connections for ",
    "no more connections allowed",
    "max_client_conn",
];

/// The words of libpq, the system, `PostgreSQL` and `PgBouncer` for what may be gone a moment later.
const TRANSIENT: [&str; 25] = [
    "too many clients already",
    "remaining connection slots are reserved",
    "too many connections for ",
    "no more connections allowed",
    "the database system is starting up",
    "the database system is shutting down",
    "the database system is in recovery mode",
    "not yet accepting connections",
    "terminating connection due to administrator command",
    "Is the server running",
    "Connection refused",
    "Connection reset by peer",
    "Connection timed out",
    "Broken pipe",
    "No route to host",
    "Network is unreachable",
    "Temporary failure in name resolution",
    "timeout expired",
    "server closed the connection unexpectedly",
    "SSL SYSCALL error: EOF detected",
    "server login has been failing",
    "pgbouncer cannot connect to server",
    "query_wait_timeout",
    "server conn crashed",
    "bouncer is shutting down",
];

/// Why psql did not do what its script says.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PsqlError {
    /// psql is missing, too old or cannot tell its version.
    #[error(transparent)]
    Program(ProgramError),
    /// There is no private folder for the script, or no room in it.
    #[error("cannot give psql its script")]
    Folder(#[source] PathError),
    /// The operating system has no random bytes for `\restrict`.
    #[error("cannot make a key for \\restrict")]
    Random(#[source] io::Error),
    /// psql was not started, was stopped, or was killed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// There was no connection at all, so nothing was done.
    #[error("cannot connect: {}", first(messages))]
    Connect {
        /// All messages: each address and each attempt has one.
        messages: Vec<ServerMessage>,
        /// All of stderr.
        stderr: StderrTail,
    },
    /// The connection was lost midway: whether the transaction was committed is unknown.
    #[error("the connection was lost: {}", first(messages))]
    Lost {
        /// All messages.
        messages: Vec<ServerMessage>,
        /// All of stderr.
        stderr: StderrTail,
    },
    /// A statement failed.
    #[error("{message}")]
    Script {
        /// The first error.
        message: Box<ServerMessage>,
        /// All messages, with those before it.
        messages: Vec<ServerMessage>,
        /// All of stderr.
        stderr: StderrTail,
    },
    /// psql itself failed.
    #[error("psql failed with exit code {code}: {}", first(messages))]
    Fatal {
        /// The exit code.
        code: i32,
        /// All messages.
        messages: Vec<ServerMessage>,
        /// All of stderr.
        stderr: StderrTail,
    },
    /// A line of a query's result is not the JSON value it should be.
    #[error("line {line} of the result is not JSON: {text:?}")]
    Output {
        /// 1-based line of psql's stdout.
        line: usize,
        /// The beginning of the line.
        text: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// A line of psql's stdout is not UTF-8.
    #[error("line {line} of psql's output is not UTF-8")]
    Encoding {
        /// 1-based line.
        line: usize,
        /// Where.
        #[source]
        source: std::str::Utf8Error,
    },
}

impl PsqlError {
    /// Returns the stable id. That of a connection that failed is the general one; the finding that explains it has a
    /// closer one.
    pub fn id(&self) -> String {
        match self {
            Self::Program(error) => error.id(),
            Self::Folder(_) => "file.private_folder".to_owned(),
            Self::Run(error) => error.id().to_owned(),
            Self::Connect { .. } => "connection.failed".to_owned(),
            Self::Lost { .. } => "connection.lost".to_owned(),
            Self::Script { message, .. } => message.id(),
            Self::Random(_) | Self::Fatal { .. } | Self::Output { .. } | Self::Encoding { .. } => {
                "program.failed".to_owned()
            }
        }
    }

    /// The messages of psql, if it said something before it ended.
    pub fn messages(&self) -> &[ServerMessage] {
        match self {
            Self::Connect { messages, .. }
            | Self::Lost { messages, .. }
            | Self::Script { messages, .. }
            | Self::Fatal { messages, .. } => messages,
            _ => &[],
        }
    }

    /// Whether there was no connection for a reason that may be gone the next time: the server starts up or shuts down, has no
    /// slot free, or the network failed; by the server's words, which are English unless its `lc_messages` says otherwise.
    pub fn is_transient(&self) -> bool {
        let Self::Connect { messages, .. } = self else {
            return false;
        };
        let mut errors = messages
            .iter()
            .filter(|message| message.is_error())
            .peekable();
        errors.peek().is_some()
            && errors.all(|message| TRANSIENT.iter().any(|words| message.raw.contains(words)))
    }

    /// Whether there was no connection because the server, or the role or database on it, has no slot free.
    pub fn is_out_of_connections(&self) -> bool {
        let Self::Connect { messages, .. } = self else {
            return false;
        };
        messages.iter().any(|message| {
            OUT_OF_CONNECTIONS
                .iter()
                .any(|words| message.raw.contains(words))
        })
    }

    /// Whether psql was connected and began with the script, so that something may have been sent: for runs with
    /// [`ScriptOptions::announce`](super::ScriptOptions::announce).
    pub fn began(&self) -> bool {
        match self {
            Self::Program(_)
            | Self::Folder(_)
            | Self::Random(_)
            | Self::Connect { .. }
            | Self::Run(
                RunError::NotFound { .. }
                | RunError::Spawn { .. }
                | RunError::Interrupted { ended: None, .. },
            ) => false,
            Self::Run(
                RunError::Signaled { stderr, .. }
                | RunError::TimedOut { stderr, .. }
                | RunError::Interrupted { stderr, .. },
            )
            | Self::Fatal { stderr, .. } => without_announcement(&stderr.text()).1,
            _ => true,
        }
    }

    /// Whether psql has passed on that the server refused a statement, before psql itself was stopped.
    ///
    /// An error ends the transaction of its message for certain.
    pub fn server_refused(&self) -> bool {
        let said = self
            .stderr()
            .map(|stderr| without_announcement(&stderr.text()).0)
            .unwrap_or_default();
        ServerMessage::parse_all(&said).iter().any(|message| {
            message.speaker == Speaker::Server
                && message.severity == Severity::Error
                && message.sqlstate.is_some()
        })
    }

    /// Everything psql wrote to stderr, if it was started.
    pub fn stderr(&self) -> Option<&StderrTail> {
        match self {
            Self::Connect { stderr, .. }
            | Self::Lost { stderr, .. }
            | Self::Script { stderr, .. }
            | Self::Fatal { stderr, .. }
            | Self::Run(
                RunError::Signaled { stderr, .. }
                | RunError::TimedOut { stderr, .. }
                | RunError::Interrupted {
                    stderr,
                    ended: Some(_),
                    ..
                },
            ) => Some(stderr),
            _ => None,
        }
    }
}

impl From<ProgramError> for PsqlError {
    /// A stop while the version was read is a stop of the run, not a fault of the program.
    fn from(error: ProgramError) -> Self {
        match error.into_stop() {
            Ok(shutdown) => Self::Run(shutdown),
            Err(error) => Self::Program(error),
        }
    }
}

/// What the first message says that is an error.
pub(super) fn first(messages: &[ServerMessage]) -> String {
    let message = messages
        .iter()
        .find(|message| message.is_error())
        .or(messages.first());
    message.map_or_else(|| "no reason was given".to_owned(), ToString::to_string)
}
