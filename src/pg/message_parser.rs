use std::borrow::Cow;
use std::path::PathBuf;

use super::SqlState;
use super::message::{MessageSeverity, MessageSource, Position, ScriptPlace, ServerMessage};
use crate::text::slice;

/// The labels of libpq's `pqBuildErrorMessage3` (fe-protocol3.c). Values may go on over several lines.
const LABELS: [(&str, Field); 10] = [
    ("DETAIL:  ", Field::Detail),
    ("HINT:  ", Field::Hint),
    ("QUERY:  ", Field::Query),
    ("CONTEXT:  ", Field::Context),
    ("SCHEMA NAME:  ", Field::Schema),
    ("TABLE NAME:  ", Field::Table),
    ("COLUMN NAME:  ", Field::Column),
    ("DATATYPE NAME:  ", Field::Datatype),
    ("CONSTRAINT NAME:  ", Field::Constraint),
    ("LOCATION:  ", Field::Location),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    Message,
    Position,
    Detail,
    Hint,
    Query,
    Context,
    Schema,
    Table,
    Column,
    Datatype,
    Constraint,
    Location,
}

/// The prefix of a line.
enum Start<'a> {
    /// `psql:FILE:LINE: `, `psql: ` and the like, and what follows.
    Prefixed {
        script: Option<ScriptPlace>,
        rest: &'a str,
    },
    /// A message of the server without a prefix, as psql gives it for `-c` and its stdin.
    Bare,
    /// A further attempt of a failed connection; only the first has a prefix.
    Attempt,
    /// Nothing new.
    Within,
}

impl ServerMessage {
    /// Reads all of stderr. Every line belongs to exactly one of the messages, in its [`raw`](Self::raw).
    ///
    /// A message may have any text, that of further messages included. So once psql has named the script that it runs, whose
    /// name cannot be guessed, only lines that name it begin a message.
    pub fn parse_all(stderr: &str) -> Vec<Self> {
        parse_all(stderr)
    }
}

fn parse_all(stderr: &str) -> Vec<ServerMessage> {
    let mut messages: Vec<ServerMessage> = Vec::new();
    let mut field = Field::Message;
    let mut prefixed = false;
    // The script of the first message that has one: the first line of a message is psql's own.
    let mut running: Option<PathBuf> = None;
    if stderr.is_empty() {
        return messages;
    }
    for raw in stderr.strip_suffix('\n').unwrap_or(stderr).split('\n') {
        let plain = without_colors(raw.strip_suffix('\r').unwrap_or(raw));
        let start = match message_start(&plain, !messages.is_empty(), prefixed) {
            Start::Prefixed { script, .. } if is_imitated(running.as_ref(), script.as_ref()) => {
                Start::Within
            }
            start => start,
        };
        if let Start::Prefixed {
            script: Some(script),
            ..
        } = &start
        {
            running.get_or_insert_with(|| script.file.clone());
        }
        let begun = match start {
            Start::Prefixed { script, rest } => match (level(rest), messages.last_mut()) {
                (Some(("detail", text)), Some(last)) => {
                    field = append(last, Field::Detail, text);
                    None
                }
                (Some(("hint", text)), Some(last)) => {
                    field = append(last, Field::Hint, text);
                    None
                }
                (level, _) => {
                    prefixed = true;
                    Some(ServerMessage {
                        script,
                        ..begin(rest, level)
                    })
                }
            },
            Start::Bare => Some(begin(&plain, None)),
            Start::Attempt => Some(ServerMessage::new(
                MessageSource::Program,
                MessageSeverity::Error,
                &plain,
            )),
            Start::Within => match messages.last_mut() {
                Some(last) => {
                    field = go_on(last, field, &plain);
                    None
                }
                None => Some(ServerMessage::new(
                    MessageSource::Program,
                    MessageSeverity::Info,
                    &plain,
                )),
            },
        };
        match (begun, messages.last_mut()) {
            (Some(message), _) => {
                field = Field::Message;
                messages.push(ServerMessage {
                    raw: raw.to_owned(),
                    ..message
                });
            }
            (None, Some(last)) => {
                last.raw.push('\n');
                last.raw.push_str(raw);
            }
            (None, None) => {}
        }
    }
    messages
}

/// Returns whether a line that looks like the beginning of a message is text of the one before: while a script runs, psql names it
/// in all of its messages.
fn is_imitated(running: Option<&PathBuf>, script: Option<&ScriptPlace>) -> bool {
    running.is_some_and(|running| script.is_none_or(|script| script.file != *running))
}

fn message_start(line: &str, within: bool, prefixed: bool) -> Start<'_> {
    if let Some((script, rest)) = prefix(line) {
        return Start::Prefixed { script, rest };
    }
    // With -f, all messages except those of a failed connection have a prefix. A line without one
    // continues a message.
    if !(within && prefixed) && server_message(line).is_some() {
        return Start::Bare;
    }
    if within && line.starts_with("connection to server ") && line.contains(" failed: ") {
        return Start::Attempt;
    }
    Start::Within
}

/// Cuts `psql:FILE:LINE: ` or `psql: ` off.
fn prefix(line: &str) -> Option<(Option<ScriptPlace>, &str)> {
    let (program, rest) = line.split_once(':')?;
    if !(program.starts_with("psql") || program.starts_with("pg_dump"))
        || program.contains(char::is_whitespace)
    {
        return None;
    }
    if let Some(rest) = rest.strip_prefix(' ') {
        return Some((None, rest));
    }
    for (colon, _) in rest.match_indices(':') {
        let (file, after) = rest.split_at_checked(colon)?;
        let Some((number, text)) = after
            .strip_prefix(':')
            .and_then(|after| after.split_once(": "))
        else {
            continue;
        };
        if let (true, Ok(line)) = (
            number.bytes().all(|byte| byte.is_ascii_digit()),
            number.parse(),
        ) {
            return Some((
                Some(ScriptPlace {
                    file: PathBuf::from(file),
                    line,
                }),
                text,
            ));
        }
    }
    None
}

/// The levels of `src/common/logging.c`.
fn level(text: &str) -> Option<(&str, &str)> {
    let (word, rest) = text.split_once(": ")?;
    matches!(
        word,
        "error" | "warning" | "fatal" | "detail" | "hint" | "info" | "debug"
    )
    .then_some((word, rest))
}

/// `SEVERITY:  SQLSTATE: text`, `SEVERITY:  SQLSTATE` or `SEVERITY:  text`.
fn server_message(text: &str) -> Option<ServerMessage> {
    let (word, rest) = text.split_once(":  ")?;
    if word.is_empty()
        || word.len() > 32
        || word.contains(|letter: char| letter.is_whitespace() || letter == ':')
    {
        return None;
    }
    let (sqlstate, text) = match rest.split_at_checked(5) {
        Some((state, "")) if SqlState::parse(state).is_some() => (SqlState::parse(state), ""),
        Some((state, after)) => match (SqlState::parse(state), after.strip_prefix(": ")) {
            (Some(state), Some(text)) => (Some(state), text),
            _ => (None, rest),
        },
        None => (None, rest),
    };
    let severity = MessageSeverity::from_word(word, sqlstate)?;
    Some(ServerMessage {
        sqlstate,
        ..ServerMessage::new(MessageSource::Server, severity, text)
    })
}

fn begin(text: &str, level: Option<(&str, &str)>) -> ServerMessage {
    match level {
        Some((word, text)) => {
            let severity = match word {
                "warning" => MessageSeverity::Warning,
                "info" => MessageSeverity::Info,
                "debug" => MessageSeverity::Debug,
                "detail" | "hint" => MessageSeverity::Notice,
                _ => MessageSeverity::Error,
            };
            ServerMessage::new(MessageSource::Program, severity, text)
        }
        // libpq's messages about a lost connection have no severity.
        None => server_message(text).unwrap_or_else(|| {
            ServerMessage::new(MessageSource::Program, MessageSeverity::Error, text)
        }),
    }
}

/// Adds a line that begins no message; returns the field it belongs to.
fn go_on(message: &mut ServerMessage, field: Field, line: &str) -> Field {
    if let Some((label, field)) = LABELS.iter().find(|(label, _)| line.starts_with(label)) {
        return append(message, *field, slice(line, label.len()..));
    }
    if let Some(position) = position(line)
        .filter(|_| field == Field::Message && message.speaker == MessageSource::Server)
    {
        message.position = Some(position);
        return Field::Position;
    }
    append(message, field, line)
}

fn position(line: &str) -> Option<Position> {
    let (number, text) = line.strip_prefix("LINE ")?.split_once(": ")?;
    Some(Position {
        line: number.parse().ok()?,
        text: text.to_owned(),
        caret: None,
    })
}

fn append(message: &mut ServerMessage, field: Field, text: &str) -> Field {
    let value = match field {
        Field::Message => {
            message.message.push('\n');
            message.message.push_str(text);
            return field;
        }
        Field::Position => match &mut message.position {
            Some(position) => &mut position.caret,
            None => return field,
        },
        Field::Detail => &mut message.detail,
        Field::Hint => &mut message.hint,
        Field::Query => &mut message.query,
        Field::Context => &mut message.context,
        Field::Schema => &mut message.schema,
        Field::Table => &mut message.table,
        Field::Column => &mut message.column,
        Field::Datatype => &mut message.datatype,
        Field::Constraint => &mut message.constraint,
        Field::Location => &mut message.location,
    };
    match value {
        Some(value) => {
            value.push('\n');
            value.push_str(text);
        }
        None => *value = Some(text.to_owned()),
    }
    field
}

/// Without the colours that `PG_COLOR=always` puts in: `ESC [ … letter`.
fn without_colors(line: &str) -> Cow<'_, str> {
    if !line.contains("\u{1b}[") {
        return Cow::Borrowed(line);
    }
    let mut plain = String::with_capacity(line.len());
    let mut parts = line.split("\u{1b}[");
    plain.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let parameters = part
            .bytes()
            .take_while(|byte| (0x20..0x40).contains(byte))
            .count();
        plain.push_str(part.get(parameters + 1..).unwrap_or_default());
    }
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests;
