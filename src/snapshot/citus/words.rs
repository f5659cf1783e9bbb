//! The significant tokens of a statement.

use crate::snapshot::object::identifier_value;
use crate::sql::{Token, TokenKind, tokens};
use crate::text::slice;

/// A statement, and its tokens without blanks and comments.
#[derive(Debug)]
pub(crate) struct StatementTokens<'a> {
    sql: &'a str,
    tokens: Vec<Token>,
}

impl<'a> StatementTokens<'a> {
    pub(crate) fn new(sql: &'a str) -> Self {
        let is_word = |token: &Token| !token.is_trivia() && !token.is(sql, ";");
        Self {
            sql,
            tokens: tokens(sql).into_iter().filter(is_word).collect(),
        }
    }

    fn token(&self, index: usize) -> Option<Token> {
        self.tokens.get(index).copied()
    }

    /// The index of each token.
    pub(crate) fn indexes(&self) -> std::ops::Range<usize> {
        0..self.tokens.len()
    }

    /// The statement from a token to its end.
    pub(crate) fn from(&self, index: usize) -> &'a str {
        let end = self.tokens.last().map_or(0, |token| token.end);
        self.token(index)
            .map_or("", |token| slice(self.sql, token.start..end))
    }

    /// Returns `true` if these keywords stand at a token.
    pub(crate) fn has_at(&self, index: usize, keywords: &[&str]) -> bool {
        keywords.iter().enumerate().all(|(offset, keyword)| {
            self.token(index + offset)
                .is_some_and(|token| self.is(token, keyword))
        })
    }

    /// The index behind optional keywords, of which each may stand there once.
    pub(crate) fn behind(&self, mut index: usize, optional: &[&str]) -> usize {
        for keyword in optional {
            index += usize::from(self.has_at(index, &[keyword]));
        }
        index
    }

    /// The first token that is this keyword or sign, from an index on.
    pub(crate) fn find(&self, from: usize, keyword: &str) -> Option<usize> {
        (from..self.tokens.len()).find(|index| self.has_at(*index, &[keyword]))
    }

    fn is(&self, token: Token, keyword: &str) -> bool {
        match token.kind {
            TokenKind::Word => token.is_word(self.sql, keyword),
            _ => token.is(self.sql, keyword),
        }
    }

    /// Reads a name, qualified or not: its parts, and the index behind it.
    pub(crate) fn name_at(&self, mut index: usize) -> (Vec<String>, usize) {
        let mut parts = Vec::new();
        while let Some(part) = self
            .token(index)
            .and_then(|token| identifier_value(token, self.sql))
        {
            parts.push(part);
            index += 1;
            if !self.has_at(index, &["."]) {
                break;
            }
            index += 1;
        }
        (parts, index)
    }

    /// Returns `true` if a name stands anywhere in the statement, outside of literals.
    pub(crate) fn mentions(&self, name: &[String]) -> bool {
        (0..self.tokens.len()).any(|index| {
            let (found, _) = self.name_at(index);
            found.starts_with(name)
        })
    }

    /// The table or view that an `ALTER TABLE` or `ALTER VIEW` is about, and the index of its first action.
    pub(crate) fn altered(&self) -> Option<(Vec<String>, usize)> {
        let is_relation = ["table", "view"]
            .iter()
            .any(|kind| self.has_at(0, &["alter", kind]));
        let start = self.behind(2, &["if", "exists", "only"]);
        is_relation.then(|| self.name_at(start))
    }

    /// The table that a `CREATE TABLE` creates, and the index behind its name.
    pub(crate) fn created_table(&self) -> Option<(Vec<String>, usize)> {
        let kind = self.behind(1, &["unlogged"]);
        let is_table = self.has_at(0, &["create"]) && self.has_at(kind, &["table"]);
        is_table.then(|| self.name_at(self.behind(kind + 1, &["if", "not", "exists"])))
    }

    /// The view that a `CREATE VIEW` creates.
    pub(crate) fn created_view(&self) -> Option<Vec<String>> {
        let kind = self.behind(1, &["or", "replace", "recursive"]);
        let is_view = self.has_at(0, &["create"]) && self.has_at(kind, &["view"]);
        is_view.then(|| self.name_at(kind + 1).0)
    }

    /// The name of the column that stands at an index.
    pub(crate) fn column_at(&self, index: usize) -> Option<String> {
        identifier_value(self.token(index)?, self.sql)
    }

    /// The end, in bytes, of each item in the parentheses that open at a token, with the index of its first token.
    pub(crate) fn items(&self, open: usize) -> Vec<(usize, usize)> {
        let mut depth = 0_usize;
        let mut first = open + 1;
        let mut items = Vec::new();
        for index in open..self.tokens.len() {
            let at = |sign: &str| self.has_at(index, &[sign]);
            if at("(") || at("[") {
                depth += 1;
            } else if at(")") || at("]") {
                depth = depth.saturating_sub(1);
            }
            if depth == 0 || (depth == 1 && at(",")) {
                let end = index.checked_sub(1).and_then(|last| self.token(last));
                items.push((first, end.map_or(0, |token| token.end)));
                first = index + 1;
            }
            if depth == 0 {
                break;
            }
        }
        items
    }
}
