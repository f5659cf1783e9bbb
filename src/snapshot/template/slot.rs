//! The pieces that a compiled statement is made of, and what a tenant's name becomes in each.

use std::borrow::Cow;

use crate::sql::identifier::quote;

pub use crate::sql::token::PLACEHOLDER;

/// Stands for a `#` in front of a brace that is no placeholder.
pub(super) const HASH: &str = "#{#}";

/// Writes every `#{` of plain text so that it is no placeholder.
pub fn escape_placeholders(text: &str) -> Cow<'_, str> {
    if text.contains("#{") {
        Cow::Owned(text.replace("#{", "#{#}{"))
    } else {
        Cow::Borrowed(text)
    }
}

#[derive(Clone, Debug)]
pub(super) enum Piece {
    Text(Box<str>),
    Slot(Slot),
    /// The opening or closing delimiter of a dollar-quoted string that holds a slot.
    Delimiter {
        tag: Box<str>,
        opens: bool,
    },
    /// A semicolon that ends no statement: psql needs a backslash in front of it.
    Semicolon,
    /// The prefix of a literal that holds a slot: its own, or `E` for names with a backslash.
    EscapeMark(Box<str>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) form: SlotForm,
    /// From the innermost to the outermost.
    pub(super) escapes: Vec<Escape>,
}

/// The form that the name has at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SlotForm {
    /// An identifier of SQL: quoted when it needs it.
    Identifier,
    /// The name itself: a value, or a part of a longer quoted identifier.
    Name,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Escape {
    /// Inside `'…'`: a name with a backslash makes it `E'…'`.
    Literal,
    /// Inside `E'…'` or `U&'…'`.
    Backslashed,
    /// Inside `"…"`.
    QuotedIdentifier,
    /// Inside the first argument of `format()`: a percent sign would be a directive.
    Format,
    /// Inside a comment.
    Comment,
    /// Inside a body that is not SQL.
    Foreign,
}

impl Slot {
    pub(super) fn render(&self, name: &str) -> String {
        let mut text = match self.form {
            // Outside of quotes psql would take this word for the beginning of a body in `CREATE FUNCTION begin.f()`.
            SlotForm::Identifier if name == "begin" && self.escapes.is_empty() => {
                "\"begin\"".to_owned()
            }
            SlotForm::Identifier => quote(name),
            SlotForm::Name => name.to_owned(),
        };
        for escape in &self.escapes {
            text = match escape {
                Escape::Literal if name.contains('\\') => {
                    text.replace('\\', "\\\\").replace('\'', "''")
                }
                Escape::Literal => text.replace('\'', "''"),
                Escape::Backslashed => text.replace('\\', "\\\\").replace('\'', "''"),
                Escape::QuotedIdentifier => text.replace('"', "\"\""),
                Escape::Format => text.replace('%', "%%"),
                Escape::Comment => {
                    text.replace(|c: char| c.is_control() || matches!(c, '*' | '/'), "?")
                }
                Escape::Foreign => text,
            };
        }
        text
    }
}
