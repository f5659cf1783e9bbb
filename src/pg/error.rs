use std::io;

use super::password::AskError;
use super::script::without_announcement;
use super::{MessageSeverity, MessageSource, PasswordError, ProgramError, ServerMessage};
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

/// `PostgreSQL`'s and `PgBouncer`'s English words for what is the same the next time (`auth.c`, `postinit.c`, `backend_startup.c`).
const PERMANENT: [&str; 17] = [
    "authentication failed",
    "does not exist",
    "no pg_hba.conf entry",
    "pg_hba.conf rejects",
    "is not permitted to log in",
    "permission denied",
    "is not currently accepting connections",
    "unsupported frontend protocol",
    "no PostgreSQL user name",
    "invalid startup packet",
    "unrecognized configuration parameter",
    "invalid value for parameter",
    "must be ",
    "certificate",
    "SASL",
    "no such ",
    "not allowed",
];

/// Reasons why psql did not do what its script says.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PsqlError {
    /// psql is missing, too old, or does not report its version.
    #[error(transparent)]
    Program(ProgramError),
    /// There is no private directory for the script, or no space in it.
    #[error("cannot give psql its script")]
    Folder(#[source] PathError),
    /// The operating system has no random bytes for `\restrict`.
    #[error("cannot make a key for \\restrict")]
    Random(#[source] io::Error),
    /// The command that prints the password printed none, so nothing was done.
    #[error(transparent)]
    Password(#[from] PasswordError),
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
        /// The error.
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
    /// psql ended as if all went well, and the row that the server was to send is missing.
    #[error("psql reports success, but the server's confirmation is missing")]
    Unconfirmed,
    /// A line of a query's result is not the JSON value it should be.
    #[error("line {line} of the result is not JSON: {text:?}")]
    Output {
        /// 1-based line of psql's stdout.
        line: usize,
        /// The beginning of the line.
        text: String,
        /// Cause.
        #[source]
        source: serde_json::Error,
    },
    /// A line of psql's stdout is not UTF-8.
    #[error("line {line} of psql's output is not UTF-8")]
    Encoding {
        /// 1-based line.
        line: usize,
        /// The place.
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
            Self::Password(error) => error.id().to_owned(),
            Self::Run(error) => error.id().to_owned(),
            Self::Connect { .. } => "connection.failed".to_owned(),
            Self::Lost { .. } => "connection.lost".to_owned(),
            Self::Script { message, .. } => message.id(),
            Self::Unconfirmed
            | Self::Random(_)
            | Self::Fatal { .. }
            | Self::Output { .. }
            | Self::Encoding { .. } => "program.failed".to_owned(),
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

    /// Returns whether there was no connection for a reason that may be gone the next time: the server starts up or shuts down, has no
    /// slot free, or the network failed.
    ///
    /// libpq's own words are English, as psql is run with `LC_ALL=C`. The server's are those of its `lc_messages`, and a failed
    /// login has no SQLSTATE in psql's output: what is not known to be permanent may pass.
    pub fn is_transient(&self) -> bool {
        let messages = match self {
            Self::Connect { messages, .. } => messages,
            Self::Password(error) => return error.is_transient(),
            _ => return false,
        };
        let mut errors = messages
            .iter()
            .filter(|message| message.is_error())
            .peekable();
        errors.peek().is_some()
            && errors.all(|message| {
                is_known(&message.raw, &TRANSIENT)
                    || server_words(&message.raw).is_some_and(|words| !is_known(words, &PERMANENT))
            })
    }

    /// Returns whether there was no connection because the server, or the role or database on it, has no slot free; also where the
    /// server's words are not known, which is what that is in another language.
    pub fn is_out_of_connections(&self) -> bool {
        let Self::Connect { messages, .. } = self else {
            return false;
        };
        messages.iter().any(|message| {
            is_known(&message.raw, &OUT_OF_CONNECTIONS)
                || server_words(&message.raw).is_some_and(|words| {
                    !is_known(words, &PERMANENT) && !is_known(words, &TRANSIENT)
                })
        })
    }

    /// Returns whether psql was connected and began with the script, so that something may have been sent: for runs with
    /// [`ScriptOptions::announce`](super::ScriptOptions::announce).
    pub fn began(&self) -> bool {
        match self {
            Self::Program(_)
            | Self::Folder(_)
            | Self::Random(_)
            | Self::Password(_)
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

    /// Returns whether psql has passed on that the server refused a statement, before psql itself was stopped.
    ///
    /// An error ends the transaction of its message for certain.
    pub fn server_refused(&self) -> bool {
        let said = self
            .stderr()
            .map(|stderr| without_announcement(&stderr.text()).0)
            .unwrap_or_default();
        ServerMessage::parse_all(&said).iter().any(|message| {
            message.speaker == MessageSource::Server
                && message.severity == MessageSeverity::Error
                && message.sqlstate.is_some()
        })
    }

    /// Returns whether the server may have committed what the script did, although its answer did not come.
    pub fn is_ambiguous(&self) -> bool {
        let refused = matches!(
            self,
            Self::Script { .. } | Self::Connect { .. } | Self::Password(_)
        );
        !refused && self.began() && !self.server_refused()
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

impl From<AskError> for PsqlError {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Password(error) => Self::Password(error),
            AskError::Stop(shutdown) => Self::Run(shutdown),
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

fn is_known(text: &str, words: &[&str]) -> bool {
    words.iter().any(|words| text.contains(words))
}

/// Returns the server's words when it refused a connection: `connection to server at … failed: FATAL:  …`, whatever its word for
/// the severity. libpq's own words have no severity.
fn server_words(raw: &str) -> Option<&str> {
    let (_, said) = raw.split_once(" failed: ")?;
    let (severity, words) = said.split_once(":  ")?;
    let is_word = !severity.is_empty() && !severity.contains(|c: char| c.is_whitespace());
    is_word.then_some(words)
}

/// Returns the text of the first message that is an error.
pub(super) fn first(messages: &[ServerMessage]) -> String {
    let message = messages
        .iter()
        .find(|message| message.is_error())
        .or(messages.first());
    message.map_or_else(|| "no reason was given".to_owned(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(said: &str) -> PsqlError {
        let stderr =
            format!("psql: error: connection to server at \"db\", port 5432 failed: {said}\n");
        PsqlError::Connect {
            messages: ServerMessage::parse_all(&stderr),
            stderr: StderrTail::default(),
        }
    }

    #[test]
    fn what_no_known_words_call_permanent_may_pass() {
        for (said, is_transient, is_out) in [
            ("FATAL:  sorry, too many clients already", true, true),
            (
                "FATAL:  tut mir leid, schon zu viele Verbindungen",
                true,
                true,
            ),
            (
                "FATAL:  désolé, trop de clients sont déjà connectés",
                true,
                true,
            ),
            ("ВАЖНО:  извините, уже слишком много клиентов", true, true),
            ("FATAL:  the database system is starting up", true, false),
            ("FATAL:  das Datenbanksystem startet", true, true),
            (
                "FATAL:  password authentication failed for user \"app\"",
                false,
                false,
            ),
            ("FATAL:  database \"app\" does not exist", false, false),
            (
                "FATAL:  no pg_hba.conf entry for host \"::1\"",
                false,
                false,
            ),
            ("FATAL:  no such database: app", false, false),
            ("Connection refused", true, false),
            ("SSL error: certificate verify failed", false, false),
            ("fe_sendauth: no password supplied", false, false),
            ("root certificate file \"x\" does not exist", false, false),
        ] {
            let error = refused(said);
            assert_eq!(
                (error.is_transient(), error.is_out_of_connections()),
                (is_transient, is_out),
                "{said}"
            );
        }
    }
}
