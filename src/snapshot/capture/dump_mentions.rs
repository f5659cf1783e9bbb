//! Names of the schema, and of others, within one statement of a dump.

use crate::snapshot::object::identifier_value;
use crate::sql::literal::content;
use crate::sql::{Statement, Token, TokenKind, quote};

/// The schema that is read, and the text of the dump.
#[derive(Clone, Copy)]
pub(super) struct Mentions<'a> {
    pub(super) source: &'a str,
    pub(super) schema: &'a str,
}

impl Mentions<'_> {
    /// Returns whether a statement moves something between schemas, or gives a schema another name.
    pub(super) fn moves(&self, statement: &Statement) -> bool {
        let tokens: Vec<Token> = statement.significant().collect();
        let first = |at: usize, word: &str| {
            tokens
                .get(at)
                .is_some_and(|token| token.is_word(self.source, word))
        };
        first(0, "alter")
            && (has_words(statement, self.source, &["set", "schema"])
                || (first(1, "schema") && has_words(statement, self.source, &["rename", "to"])))
    }

    /// Returns whether a `CREATE SCHEMA` creates objects in it by the way: `CREATE SCHEMA a CREATE TABLE t ()`.
    pub(super) fn has_elements(&self, statement: &Statement) -> bool {
        let mut elements = statement.significant().skip(1);
        elements.any(|token| {
            token.is_word(self.source, "create") || token.is_word(self.source, "grant")
        })
    }

    /// Returns whether a routine takes a setting from the session: `SET search_path FROM CURRENT`.
    pub(super) fn takes_settings(&self, statement: &Statement) -> bool {
        let tokens: Vec<Token> = statement.significant().collect();
        tokens.windows(4).any(|window| {
            matches!(window, [set, _, from, current] if set.is_word(self.source, "set")
                && from.is_word(self.source, "from") && current.is_word(self.source, "current"))
        })
    }

    /// The new name of an object: `ALTER … RENAME TO name`, but not of a column or constraint of it.
    pub(super) fn new_name(&self, statement: &Statement) -> Option<String> {
        let tokens: Vec<Token> = statement.significant().collect();
        let is_alter = tokens
            .first()
            .is_some_and(|token| token.is_word(self.source, "alter"));
        let at = position(&tokens, self.source, &["rename", "to"]).filter(|_| is_alter)?;
        identifier_value(*tokens.get(at + 2)?, self.source)
    }

    /// The partition, in another schema, that `ATTACH PARTITION` gives a table of the schema.
    pub(super) fn attached(&self, statement: &Statement) -> Option<String> {
        let (schema, name) = self.behind(statement, &["attach", "partition"])?;
        (schema != self.schema).then(|| format!("{}.{}", quote(&schema), quote(&name)))
    }

    /// The table of the schema that `ATTACH PARTITION` gives a table elsewhere.
    pub(super) fn attached_here(&self, statement: &Statement) -> Option<String> {
        let (schema, name) = self.behind(statement, &["attach", "partition"])?;
        (schema == self.schema).then_some(name)
    }

    /// The table that a new one is a partition or child of, if its schema is accepted.
    pub(super) fn parent(
        &self,
        statement: &Statement,
        accept: impl Fn(&str) -> bool,
    ) -> Option<String> {
        let (schema, name) = self
            .behind(statement, &["partition", "of"])
            .or_else(|| self.behind(statement, &["inherits", "("]))?;
        accept(&schema).then(|| format!("{}.{}", quote(&schema), quote(&name)))
    }

    /// The qualified name behind words.
    pub(super) fn behind(&self, statement: &Statement, words: &[&str]) -> Option<(String, String)> {
        let tokens: Vec<Token> = statement.significant().collect();
        let at = position(&tokens, self.source, words)? + words.len();
        let schema = identifier_value(*tokens.get(at)?, self.source)?;
        if !tokens.get(at + 1)?.is(self.source, ".") {
            return None;
        }
        Some((schema, identifier_value(*tokens.get(at + 2)?, self.source)?))
    }

    /// Returns whether a statement names the schema: as an identifier, in a literal or in a body.
    pub(super) fn mentions_schema(&self, statement: &Statement) -> bool {
        if !holds_word(statement.text(self.source), self.schema)
            && self.schema.chars().all(|c| c.is_alphanumeric() || c == '_')
        {
            return false;
        }
        let tokens: Vec<Token> = statement.significant().collect();
        // Lists: `IN SCHEMA a, b`, `SET search_path TO a, b`.
        let names_schemas = tokens.iter().any(|token| {
            token.is_word(self.source, "schema") || token.is_word(self.source, "search_path")
        });
        tokens
            .iter()
            .enumerate()
            .any(|(at, token)| match token.kind {
                TokenKind::String(..) | TokenKind::Dollar(..) => content(*token, self.source)
                    .is_some_and(|content| holds_word(&content.text, self.schema)),
                _ if identifier_value(*token, self.source).as_deref() == Some(self.schema) => {
                    let is = |at: Option<usize>, test: &dyn Fn(&Token) -> bool| {
                        at.and_then(|at| tokens.get(at)).is_some_and(test)
                    };
                    is(Some(at + 1), &|next| next.is(self.source, "."))
                        || is(at.checked_sub(1), &|before| {
                            before.is_word(self.source, "schema")
                                // `IMPORT FOREIGN SCHEMA … INTO a`.
                                || (names_schemas && before.is_word(self.source, "into"))
                                || (names_schemas
                                    && (before.is(self.source, ",")
                                        || before.is(self.source, "=")
                                        || before.is_word(self.source, "to")))
                        })
                }
                _ => false,
            })
    }
}

/// Returns whether a whole word of a text is the name.
pub(super) fn holds_word(text: &str, name: &str) -> bool {
    let ends = |character: Option<char>| {
        character.is_none_or(|c| !(c.is_alphanumeric() || c == '_' || c == '$'))
    };
    text.match_indices(name).any(|(at, found)| {
        ends(text.get(..at).and_then(|before| before.chars().next_back()))
            && ends(
                text.get(at + found.len()..)
                    .and_then(|behind| behind.chars().next()),
            )
    })
}

/// Position at which words, or punctuation, follow each other.
pub(super) fn position(tokens: &[Token], source: &str, words: &[&str]) -> Option<usize> {
    tokens.windows(words.len()).position(|window| {
        window
            .iter()
            .zip(words)
            .all(|(token, word)| token.is_word(source, word) || token.is(source, word))
    })
}

pub(super) fn has_words(statement: &Statement, source: &str, words: &[&str]) -> bool {
    let tokens: Vec<Token> = statement.significant().collect();
    position(&tokens, source, words).is_some()
}
