use std::fmt;
use std::path::PathBuf;

use super::SqlState;

/// One message on stderr of psql or `pg_dump`, from the server or from the program itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerMessage {
    /// The speaker.
    pub speaker: MessageSource,
    /// The severity.
    pub severity: MessageSeverity,
    /// The SQLSTATE; only the server gives one, and only with `VERBOSITY=verbose` or `sqlstate`.
    pub sqlstate: Option<SqlState>,
    /// The message's text, without severity and SQLSTATE; may have several lines.
    pub message: String,
    /// `DETAIL`.
    pub detail: Option<String>,
    /// `HINT`.
    pub hint: Option<String>,
    /// `QUERY`: the statement that the server itself made, in a function for instance.
    pub query: Option<String>,
    /// `CONTEXT`: the call stack on the server.
    pub context: Option<String>,
    /// The position in the statement.
    pub position: Option<Position>,
    /// The schema of the object in question.
    pub schema: Option<String>,
    /// The table in question.
    pub table: Option<String>,
    /// The column in question.
    pub column: Option<String>,
    /// The data type in question.
    pub datatype: Option<String>,
    /// The constraint in question.
    pub constraint: Option<String>,
    /// Function, file and line of the server's source.
    pub location: Option<String>,
    /// The position in the script.
    pub script: Option<ScriptPlace>,
    /// All of its lines as they came, without the last line end.
    pub raw: String,
}

/// libpq's words for a connection that went away.
const CONNECTION_LOST: [&str; 9] = [
    "server closed the connection unexpectedly",
    "connection to server was lost",
    "no connection to the server",
    "connection not open",
    "could not receive data from server",
    "could not send data to server",
    "SSL SYSCALL error",
    "SSL connection has been closed unexpectedly",
    "lost synchronization with server",
];

/// The words with which Citus names the worker that an error comes from.
const ON_WORKER: &str = "while executing command on ";

/// The source of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageSource {
    /// The `PostgreSQL` server, or a pooler that speaks in its place.
    Server,
    /// psql, `pg_dump` or libpq in it. Its text may quote the server: `connection to server … failed: FATAL:  …`.
    Program,
}

/// The severity of a message, in rising order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MessageSeverity {
    /// `DEBUG`, `DEBUG1` to `DEBUG5`.
    Debug,
    /// `LOG`.
    Log,
    /// `INFO`.
    Info,
    /// `NOTICE`.
    Notice,
    /// `WARNING`.
    Warning,
    /// `ERROR`, and errors of the program.
    Error,
    /// `FATAL`: the session ended.
    Fatal,
    /// `PANIC`: the server ended.
    Panic,
}

/// A place in the statement that the message is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// 1-based line of the statement.
    pub line: u32,
    /// That line, possibly shortened with `...` at either end.
    pub text: String,
    /// The line below it, with a caret under the position.
    pub caret: Option<String>,
}

/// A place in the script that psql ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptPlace {
    /// The file as psql was given it, or `<stdin>`.
    pub file: PathBuf,
    /// 1-based line on which the statement ends.
    pub line: u32,
}

impl ServerMessage {
    /// Returns the stable id: `sql.` and the name of the SQLSTATE's condition.
    pub fn id(&self) -> String {
        match (self.condition_name(), self.sqlstate) {
            (Some(name), _) => format!("sql.{name}"),
            (None, Some(sqlstate)) => format!("sql.{sqlstate}"),
            (None, None) => "sql.error".to_owned(),
        }
    }

    /// Returns the 1-based line of the script on which the refused statement ends.
    pub fn script_line(&self) -> Option<usize> {
        let place = self.script.as_ref()?;
        usize::try_from(place.line).ok()
    }

    /// Returns `true` if libpq says that the connection is gone (`fe-secure.c`, `fe-misc.c`, `fe-exec.c`). Its words are English,
    /// because psql runs with `LC_ALL=C`.
    pub fn says_connection_lost(&self) -> bool {
        self.speaker == MessageSource::Program
            && self.sqlstate.is_none()
            && CONNECTION_LOST
                .iter()
                .any(|words| self.message.contains(words))
    }

    /// Returns `true` if Citus lost a worker midway: libpq's words, as an internal error of the coordinator.
    ///
    /// `ReportConnectionError` and `ReportResultError` of Citus 13 (`connection/remote_commands.c`) give a worker's message that has no
    /// SQLSTATE class XX, and name the node in the context.
    pub fn says_worker_lost(&self) -> bool {
        self.sqlstate == Some(SqlState::INTERNAL_ERROR)
            && self.is_of_worker()
            && (CONNECTION_LOST
                .iter()
                .any(|words| self.message.contains(words))
                || self.message.contains("connection to the remote node"))
    }

    /// Returns `true` if a worker of Citus refused it, not the coordinator.
    pub fn is_of_worker(&self) -> bool {
        self.context
            .as_deref()
            .is_some_and(|context| context.contains(ON_WORKER))
    }

    /// Returns `true` if Citus refuses a message of several statements, because it would forward its text to the workers.
    pub fn says_one_by_one(&self) -> bool {
        self.sqlstate == Some(SqlState::SYNTAX_ERROR)
            && self
                .message
                .contains("cannot insert multiple commands into a prepared statement")
    }

    /// Returns `true` if the statement, the session or the program failed because of this message.
    pub fn is_error(&self) -> bool {
        self.severity >= MessageSeverity::Error
    }

    /// Returns whether the server refused to create a schema of this name, or to give a schema this name, because there is one.
    ///
    /// Any function may raise 42P06. The place in the server's source decides (`NamespaceCreate` of `pg_namespace.c`,
    /// `RenameSchema` of `schemacmds.c`), and the name, which no translation changes.
    pub fn says_schema_exists(&self, schema: &str) -> bool {
        let is_duplicate = self
            .sqlstate
            .as_ref()
            .is_some_and(|state| state.as_str() == "42P06");
        let is_from_there = self.location.as_ref().is_none_or(|location| {
            ["NamespaceCreate,", "RenameSchema,"]
                .iter()
                .any(|function| location.starts_with(function))
        });
        is_duplicate && is_from_there && self.message.contains(schema)
    }

    /// The name of the SQLSTATE's condition, such as `duplicate_table`.
    pub fn condition_name(&self) -> Option<&'static str> {
        self.sqlstate.as_ref().and_then(SqlState::condition_name)
    }

    pub(super) fn new(speaker: MessageSource, severity: MessageSeverity, message: &str) -> Self {
        Self {
            speaker,
            severity,
            sqlstate: None,
            message: message.to_owned(),
            detail: None,
            hint: None,
            query: None,
            context: None,
            position: None,
            schema: None,
            table: None,
            column: None,
            datatype: None,
            constraint: None,
            location: None,
            script: None,
            raw: String::new(),
        }
    }
}

impl fmt::Display for ServerMessage {
    /// The SQLSTATE, if there is one, and the first line of the text.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.message.lines().next().unwrap_or_default();
        match self.sqlstate {
            Some(sqlstate) if line.is_empty() => sqlstate.fmt(formatter),
            Some(sqlstate) => write!(formatter, "{line} (SQLSTATE {sqlstate})"),
            None => formatter.write_str(line),
        }
    }
}

impl MessageSeverity {
    /// The severity of a word; translated ones are judged by the SQLSTATE, as the server's language is not ours to set.
    pub(super) fn from_word(word: &str, sqlstate: Option<SqlState>) -> Option<Self> {
        Some(match word {
            "LOG" => Self::Log,
            "INFO" => Self::Info,
            "NOTICE" => Self::Notice,
            "WARNING" => Self::Warning,
            "ERROR" => Self::Error,
            "FATAL" => Self::Fatal,
            "PANIC" => Self::Panic,
            _ if word
                .strip_prefix("DEBUG")
                .is_some_and(|level| matches!(level, "" | "1" | "2" | "3" | "4" | "5")) =>
            {
                Self::Debug
            }
            _ => match sqlstate?.class() {
                "00" => Self::Notice,
                "01" | "02" => Self::Warning,
                _ => Self::Error,
            },
        })
    }
}
