//! The context of one statement that is read, and the names in it.

use super::mention::{Catalog, Mention, MentionVerdict};
use crate::snapshot::object::{Object, identifier_value};
use crate::sql::identifier::{MAX_BYTES, is_reserved};
use crate::sql::literal::LiteralContent;
use crate::sql::{Token, TokenKind};

/// The kind of a piece of code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CodePlace {
    /// A definition printed by the server: every name is qualified, aliases exist only in queries.
    Definition {
        /// `true` if it holds a query, in which aliases and tables can have the schema's name.
        query: bool,
    },
    /// A body, or dynamic SQL in it: written by people, with names resolved at run time.
    Body,
}

/// Everything that stays the same while one statement is read.
pub(super) struct CodeReader<'a> {
    pub(super) schema: &'a str,
    pub(super) catalog: &'a Catalog,
    pub(super) object: &'a Object,
    /// Returns `true` if the head of the routine gives something the schema's name: an argument, a
    /// column of `RETURNS TABLE`, the routine itself.
    pub(super) head: bool,
    pub(super) found: Vec<Mention>,
}

impl CodeReader<'_> {
    pub(super) fn add(&mut self, code: &LiteralContent, token: Token, verdict: MentionVerdict) {
        let range = code.source_offset(token.start)..code.source_offset(token.end);
        self.found.push(Mention { range, verdict });
    }

    pub(super) fn is_schema(&self, token: Token, source: &str) -> bool {
        match identifier_value(token, source) {
            // A reserved word without quotes is no identifier.
            Some(value) if token.kind == TokenKind::Word && is_reserved(&value) => false,
            // In the first argument of format() the percent sign of a name is doubled.
            Some(value) if self.schema.contains('%') && value.contains("%%") => {
                truncated(&value.replace("%%", "%")) == self.schema
                    || truncated(&value) == self.schema
            }
            Some(value) => truncated(&value) == self.schema,
            None => false,
        }
    }
}

/// Truncates an identifier of more than 63 bytes as the server does.
fn truncated(identifier: &str) -> &str {
    let mut end = identifier.len().min(MAX_BYTES);
    while !identifier.is_char_boundary(end) {
        end -= 1;
    }
    identifier.get(..end).unwrap_or(identifier)
}

/// Finds the name as a whole word in any text.
pub(super) fn words(text: &str, name: &str) -> Vec<Token> {
    let continues = |character: Option<char>| {
        character.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$')
    };
    // ASCII letters have the same length in both cases, so offsets stay.
    let lower = text.to_ascii_lowercase();
    let name = name.to_ascii_lowercase();
    lower
        .match_indices(&name)
        .filter(|(at, found)| {
            !continues(
                text.get(..*at)
                    .and_then(|before| before.chars().next_back()),
            ) && !continues(
                text.get(at + found.len()..)
                    .and_then(|behind| behind.chars().next()),
            )
        })
        .map(|(at, found)| Token {
            kind: TokenKind::Word,
            start: at,
            end: at + found.len(),
        })
        .collect()
}
