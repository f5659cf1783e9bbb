use std::path::PathBuf;

use super::Origin;
use crate::path::PathError;
use crate::text::{bounded, safe};

/// A setting that is missing, empty or malformed. No message holds a password or an unchecked part of a URI.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A value is empty. libpq takes some empty values for "use the default", others for errors; neither is a decision.
    #[error("{origin} is empty; give it a value or remove it")]
    Empty {
        /// The origin of the value.
        origin: Origin,
    },
    /// A value is not text.
    #[error("{origin} is not valid UTF-8")]
    NotUtf8 {
        /// The origin of the value.
        origin: Origin,
    },
    /// A value is not one that the setting can have.
    #[error("{origin} must be {expected}{}", got(.value.as_deref()))]
    Value {
        /// The origin of the value.
        origin: Origin,
        /// The value, escaped and shortened; `None` where it may hold a part of a password.
        value: Option<String>,
        /// The form that it must have.
        expected: String,
    },
    /// A path is expected, and the text of the file stands there.
    #[error("{origin} must be the path of a file, and holds the text of one (-----BEGIN …)")]
    Pem {
        /// The origin of the text.
        origin: Origin,
    },
    /// A `key=value` string or URI cannot be read.
    #[error("{origin} cannot be read as a connection string: {problem}")]
    ConnectionString {
        /// The origin of the string.
        origin: Origin,
        /// The problem.
        problem: StringProblem,
    },
    /// A connection string was expected.
    #[error("{origin} must be a postgres:// URI or a key=value string{}", scheme_note(.scheme.as_deref()))]
    NotConnectionString {
        /// The origin of the string.
        origin: Origin,
        /// The scheme of a URI that is not of `PostgreSQL`, where it is a well-known one.
        scheme: Option<String>,
    },
    /// A database's name was expected where a connection string stands.
    #[error(
        "{origin} must be the name of a database, and holds a connection string; put that into {instead}"
    )]
    NotName {
        /// The origin of the value.
        origin: Origin,
        /// The setting that takes connection strings.
        instead: &'static str,
    },
    /// A `SCHEMASTAMP_*` variable that does not exist.
    #[error("{variable} is not a variable of schemastamp{}", did_you_mean(.suggestion.as_deref()))]
    UnknownVariable {
        /// The variable's name.
        variable: String,
        /// The nearest name that exists.
        suggestion: Option<String>,
    },
    /// The `SCHEMASTAMP_*` variables cannot be read.
    #[error("the SCHEMASTAMP_* variables cannot be read")]
    Variables {
        /// The reader's message.
        #[source]
        source: envy::Error,
    },
    /// The lists of hosts, addresses and ports have different lengths.
    #[error("{} {what} from {origin} do not fit {hosts} hosts from {hosts_origin}; give one per host", .count)]
    ListLength {
        /// `ports` or `addresses`.
        what: &'static str,
        /// Their number.
        count: usize,
        /// Their origin.
        origin: Box<Origin>,
        /// Number of hosts.
        hosts: usize,
        /// The origin of the hosts.
        hosts_origin: Box<Origin>,
    },
    /// A protocol range that is empty.
    #[error("{min_origin} ({min}) is above {max_origin} ({max}); no TLS version is left")]
    ProtocolRange {
        /// The lowest version.
        min: String,
        /// The origin of the lowest version.
        min_origin: Box<Origin>,
        /// The highest version.
        max: String,
        /// The origin of the highest version.
        max_origin: Box<Origin>,
    },
    /// A keyword that libpq knows and this tool refuses.
    #[error("{origin}: {keyword} is not supported: {reason}")]
    Refused {
        /// The keyword.
        keyword: &'static str,
        /// The place where it was set.
        origin: Origin,
        /// The reason, and what to do.
        reason: &'static str,
    },
    /// A service file cannot be read as one.
    #[error("'{}', line {line}: {problem}", path.display())]
    ServiceFile {
        /// The service file.
        path: PathBuf,
        /// 1-based line.
        line: usize,
        /// The problem.
        problem: String,
    },
    /// A service is in none of the files.
    #[error("service '{service}' from {origin} is not in {}", list(.searched))]
    ServiceNotFound {
        /// The service.
        service: String,
        /// The place where it was named.
        origin: Box<Origin>,
        /// The files that were read.
        searched: Vec<PathBuf>,
        /// The services that they define, safe to print.
        defined: Vec<String>,
    },
    /// A file of targets is not what it should be.
    #[error("'{}'{}: {problem}", path.display(), at_line(*line))]
    Targets {
        /// The file.
        path: PathBuf,
        /// 1-based line, where it is known.
        line: Option<usize>,
        /// The problem.
        problem: String,
    },
    /// The file of a project is not what it should be.
    #[error("'{}'{}: {problem}", path.display(), at_line(*line))]
    Project {
        /// The file.
        path: PathBuf,
        /// 1-based line, where it is known.
        line: Option<usize>,
        /// The problem.
        problem: String,
    },
    /// A file with a password that others may read.
    #[error("'{}' holds a password and others may read it (mode {mode:04o}); chmod 600, or use password_variable or a \
             password file", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// A password and a command that prints one, from sources of the same rank.
    #[error("{password} and {command} both give the password; remove one of them")]
    TwoPasswords {
        /// The origin of the password.
        password: Box<Origin>,
        /// The origin of the command.
        command: Box<Origin>,
    },
    /// The program of a command is not there.
    #[error("the program '{program}' of {origin} is not in PATH")]
    CommandNotFound {
        /// The origin of the command.
        origin: Origin,
        /// The program's name.
        program: String,
    },
    /// A file that a setting names cannot be read.
    #[error("the file named by {origin} cannot be used")]
    File {
        /// The setting.
        origin: Origin,
        /// The error.
        #[source]
        source: PathError,
    },
    /// Nobody said which role to log in as.
    #[error("no user name: the user id of this process has no account; set --username or PGUSER")]
    NoUser,
    /// A relative path, and the current directory is not known.
    #[error("{origin} is a relative path and the current directory is not known; make it absolute")]
    NoDirectory {
        /// The origin of the path.
        origin: Origin,
    },
    /// A keyword that libpq does not have.
    #[error("'{keyword}' is not a keyword of libpq{}", did_you_mean(.suggestion.as_deref()))]
    UnknownKeyword {
        /// The keyword.
        keyword: String,
        /// The nearest keyword that exists.
        suggestion: Option<String>,
    },
}

impl ConfigError {
    /// The reason, where the finding's own would say something else.
    pub fn why(&self) -> Option<&'static str> {
        Some(match self {
            Self::Empty { .. } => "libpq takes some empty values for 'unset' and others for errors",
            Self::ServiceFile { .. } => {
                "libpq refuses the whole service for one line that it cannot read"
            }
            Self::Pem { .. } => {
                "libpq opens a file of that name; psql and others would print the text in their errors"
            }
            _ => return None,
        })
    }

    /// The fix, where the finding's own would not help.
    pub fn fix(&self) -> Option<String> {
        Some(match self {
            Self::Empty {
                origin: Origin::Variable(variable),
            } => format!("unset {variable}, or give it a value"),
            Self::ServiceFile { path, line, .. } => {
                format!(
                    "correct line {line} of '{}'",
                    safe(&path.display().to_string())
                )
            }
            Self::ServiceNotFound {
                service,
                origin,
                searched,
                defined,
            } => no_service(service, origin, searched, defined),
            Self::Pem { origin } => format!(
                "write that text to a file (a key with mode 0600), and name the file's path in {origin}"
            ),
            _ => return None,
        })
    }

    /// The stable id of the failure, as `docs/findings.md` lists it.
    pub fn id(&self) -> &'static str {
        match self {
            Self::NoUser => "config.no_user",
            Self::ServiceFile { .. } | Self::ServiceNotFound { .. } => "config.service",
            Self::File { .. } => "config.file",
            Self::Targets { .. } => "config.targets",
            Self::Project { .. } => "config.project",
            Self::CommandNotFound { .. } => "config.password_command",
            Self::Exposed { .. } => "config.exposed",
            Self::ProtocolRange { .. } => "config.protocol_range",
            _ => "config.invalid",
        }
    }
}

/// The problem with a connection string. It contains no part of the string, because any part may
/// belong to a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StringProblem {
    /// A `%` that begins no escape.
    #[error("in the {0}, '%' is not followed by two hexadecimal digits; write a '%' itself as %25")]
    Percent(&'static str),
    /// `%00`.
    #[error("the {0} holds %00, which no value can have")]
    Nul(&'static str),
    /// Escapes that are not UTF-8.
    #[error("the {0} is not valid UTF-8 once decoded")]
    NotUtf8(&'static str),
    /// A blank in a URI.
    #[error("the {0} holds a blank; write it as %20")]
    Blank(&'static str),
    /// A blank behind a URI.
    #[error("there is a blank or a line break at its end; remove it")]
    BlankAtEnd,
    /// An `@` that was not meant as the end of the password.
    #[error(
        "there is an '@' after the user name and password; write a '/' in them as %2F, and every further '@' as %40"
    )]
    StrayAt,
    /// `[` without `]`.
    #[error("the IPv6 address after '[' has no closing ']'")]
    OpenBracket,
    /// `[]`.
    #[error("there is no IPv6 address between '[' and ']'")]
    EmptyBracket,
    /// Something else than a port or path after `]`.
    #[error("after the ']' of an IPv6 address only ':', '/', '?' or ',' may follow")]
    AfterBracket,
    /// A query parameter without `=`.
    #[error("query parameter {0} has no '='")]
    NoEquals(usize),
    /// A query parameter with two `=`.
    #[error("query parameter {0} has more than one '='; write the second as %3D")]
    SecondEquals(usize),
    /// A `key=value` string in which a keyword has no `=`.
    #[error("there is no '=' after keyword {0}; a value with blanks needs quotes: 'two words'")]
    PairNoEquals(usize),
    /// A quote that is not closed.
    #[error("the quoted value of keyword {0} has no closing quote")]
    OpenQuote(usize),
    /// A keyword libpq does not have.
    #[error("keyword {number}{} is not known to libpq{}", name(.keyword.as_deref()), keyword_advice(.suggestion.as_deref()))]
    UnknownKeyword {
        /// The number of the keyword in the string, starting at 1.
        number: usize,
        /// The keyword, where it cannot be a part of a password.
        keyword: Option<String>,
        /// The nearest keyword that exists.
        suggestion: Option<String>,
    },
    /// `ssl=` with something else than `true`.
    #[error("ssl can only be 'true', which means sslmode=require; use sslmode for the rest")]
    Ssl,
    /// NUL in a value.
    #[error("the value of {0} holds a NUL character")]
    NulCharacter(&'static str),
}

/// A value fit for a message: quoted, control characters escaped, at most 60 characters.
pub(super) fn shown(value: &str) -> String {
    bounded(value, 60)
}

fn got(value: Option<&str>) -> String {
    value
        .map(|value| format!(", and is '{value}'"))
        .unwrap_or_default()
}

fn at_line(line: Option<usize>) -> String {
    line.map(|line| format!(", line {line}"))
        .unwrap_or_default()
}

fn name(keyword: Option<&str>) -> String {
    keyword
        .map(|keyword| format!(" ('{keyword}')"))
        .unwrap_or_default()
}

fn did_you_mean(suggestion: Option<&str>) -> String {
    suggestion
        .map(|suggestion| format!("; did you mean {suggestion}?"))
        .unwrap_or_default()
}

fn keyword_advice(suggestion: Option<&str>) -> String {
    match suggestion {
        Some(suggestion) => format!("; did you mean {suggestion}?"),
        None => "; remove it, or give schemastamp a URL of its own in SCHEMASTAMP_DATABASE_URL"
            .to_owned(),
    }
}

fn scheme_note(scheme: Option<&str>) -> String {
    scheme
        .map(|scheme| format!(", and its scheme is '{scheme}'"))
        .unwrap_or_default()
}

/// Advice on a service that is not defined: a name that is, or the place for a definition.
fn no_service(service: &str, origin: &Origin, searched: &[PathBuf], defined: &[String]) -> String {
    let near = defined
        .iter()
        .find(|name| name.trim().eq_ignore_ascii_case(service))
        .map(String::as_str)
        .or_else(|| nearest(service, defined.iter().map(String::as_str)));
    let unset = match origin {
        Origin::Variable(variable) => format!("unset {variable}"),
        origin => format!("remove {origin}"),
    };
    match (near, searched.first()) {
        (Some(near), _) => match origin {
            Origin::Variable(variable) => {
                format!("set {variable}={}, or {unset}", shell_words::quote(near))
            }
            origin => format!("name '{near}' in {origin}, or {unset}"),
        },
        (None, Some(path)) => format!(
            "add a section [{}] to '{}', or {unset}",
            safe(service),
            safe(&path.display().to_string())
        ),
        (None, None) => format!("name the service file in PGSERVICEFILE, or {unset}"),
    }
}

fn list(paths: &[PathBuf]) -> String {
    if paths.is_empty() {
        return "any service file: there is none; set PGSERVICEFILE".to_owned();
    }
    let quoted: Vec<String> = paths
        .iter()
        .map(|path| format!("'{}'", path.display()))
        .collect();
    quoted.join(" or ")
}

/// The name nearest to a mistyped one, if any is near.
pub(super) fn nearest<'a>(typed: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    names
        .map(|name| (strsim::jaro_winkler(typed, name), name))
        .filter(|(likeness, _)| *likeness > 0.85)
        .max_by(|(left, _), (right, _)| left.total_cmp(right))
        .map(|(_, name)| name)
}
