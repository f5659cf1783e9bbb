//! The significant tokens of a statement, and the questions that are asked of them.

use crate::snapshot::object::identifier_value;
use crate::sql::token::PLACEHOLDER;
use crate::sql::{Token, TokenKind, tokens_of_template};

/// The significant tokens of a text.
pub(super) fn significant(sql: &str) -> Vec<Token> {
    tokens_of_template(sql)
        .into_iter()
        .filter(|token| !token.is_trivia())
        .collect()
}

/// Significant tokens of a statement, or of a part of one.
#[derive(Clone, Copy)]
pub(super) struct Words<'a> {
    pub(super) tokens: &'a [Token],
    pub(super) sql: &'a str,
}

impl<'a> Words<'a> {
    pub(super) fn get(self, at: usize) -> Option<Token> {
        self.tokens.get(at).copied()
    }

    /// Returns the rest from an index on.
    pub(super) fn skip(self, count: usize) -> Self {
        Self {
            tokens: self.tokens.get(count..).unwrap_or_default(),
            ..self
        }
    }

    /// Returns whether one of the words is at an index.
    pub(super) fn is(self, at: usize, words: &[&str]) -> bool {
        self.get(at)
            .is_some_and(|token| words.iter().any(|word| token.is_word(self.sql, word)))
    }

    /// Returns whether a mark such as a parenthesis is at an index.
    pub(super) fn is_mark(self, at: usize, mark: &str) -> bool {
        self.get(at).is_some_and(|token| token.is(self.sql, mark))
    }

    /// Returns whether all of the words follow each other from an index on.
    pub(super) fn begins(self, at: usize, words: &[&str]) -> bool {
        words
            .iter()
            .enumerate()
            .all(|(offset, word)| self.is(at + offset, &[word]))
    }

    /// Returns the indexes outside of parentheses.
    pub(super) fn outer(self) -> impl Iterator<Item = usize> + 'a {
        let mut depth = 0_usize;
        self.tokens
            .iter()
            .enumerate()
            .filter_map(move |(at, token)| {
                if token.is(self.sql, "(") {
                    depth += 1;
                } else if token.is(self.sql, ")") {
                    depth = depth.saturating_sub(1);
                } else if depth == 0 {
                    return Some(at);
                }
                None
            })
    }

    /// Returns the index of the first of these words outside of parentheses.
    pub(super) fn find(self, words: &[&str]) -> Option<usize> {
        self.outer().find(|at| self.is(*at, words))
    }

    /// Returns whether one of the words is there outside of parentheses.
    pub(super) fn has(self, words: &[&str]) -> bool {
        self.find(words).is_some()
    }

    /// Returns the value of the identifier at an index.
    pub(super) fn name(self, at: usize) -> Option<String> {
        self.get(at)
            .and_then(|token| identifier_value(token, self.sql))
    }

    /// Returns whether the tenant's schema is named at an index.
    pub(super) fn is_tenant(self, at: usize) -> bool {
        self.get(at)
            .is_some_and(|token| token.kind == TokenKind::Placeholder)
            || self.name(at).is_some_and(|name| name == PLACEHOLDER)
    }

    /// Returns whether the tenant's schema is named anywhere.
    pub(super) fn names_tenant(self) -> bool {
        (0..self.tokens.len()).any(|at| self.is_tenant(at))
    }

    /// Returns the schema that qualifies the name at an index, if it is neither the tenant's nor the session's.
    pub(super) fn fixed_schema(self, at: usize) -> Option<String> {
        let is_first = at == 0 || !self.is_mark(at - 1, ".");
        if !is_first || !self.is_mark(at + 1, ".") || self.is_tenant(at) {
            return None;
        }
        self.name(at).filter(|name| name != "pg_temp")
    }

    /// Returns whether a name outside of parentheses is qualified with a fixed schema.
    pub(super) fn names_fixed(self) -> bool {
        self.outer().any(|at| self.fixed_schema(at).is_some())
    }

    /// Returns whether a literal is at an index.
    pub(super) fn is_literal(self, at: usize) -> bool {
        self.get(at).is_some_and(|token| {
            matches!(token.kind, TokenKind::String(..) | TokenKind::Dollar(..))
        })
    }
}
