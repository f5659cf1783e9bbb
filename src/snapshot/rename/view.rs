//! The significant tokens of a piece of code, and what stands where among them.

use crate::snapshot::template::callee;
use crate::sql::{Kind, Token};

/// Significant tokens with their text.
pub(super) struct View<'a> {
    pub(super) tokens: &'a [Token],
    pub(super) source: &'a str,
}

impl View<'_> {
    pub(super) fn at(&self, index: usize) -> Option<Token> {
        self.tokens.get(index).copied()
    }

    pub(super) fn is(&self, index: usize, text: &str) -> bool {
        self.at(index).is_some_and(|token| {
            token.is(self.source, text)
                || (token.kind == Kind::Operator && text.len() == 1 && token.text(self.source).starts_with(text))
        })
    }

    pub(super) fn before_is(&self, index: usize, text: &str) -> bool {
        index.checked_sub(1).is_some_and(|before| self.is(before, text))
    }

    pub(super) fn is_cast(&self, index: usize) -> bool {
        self.at(index).is_some_and(|token| token.kind == Kind::Cast)
    }

    pub(super) fn word(&self, index: usize, word: &str) -> bool {
        self.at(index).is_some_and(|token| token.is_word(self.source, word))
    }

    /// Whether the identifier stands where only a schema can: `SCHEMA x`, or an item of `SET search_path TO …`.
    pub(super) fn names_schema(&self, index: usize) -> bool {
        let Some(before) = index.checked_sub(1) else { return false };
        let schema = |at: usize| self.word(at, "schema");
        schema(before)
            || (self.word(before, "exists") && (0..=2).any(|back| before.checked_sub(1 + back).is_some_and(schema)))
            || self.in_search_path(index)
    }

    /// Whether a token is an item of `search_path {TO | =} a, 'b', …`.
    pub(super) fn in_search_path(&self, index: usize) -> bool {
        let mut at = index;
        while at >= 2 && self.is(at - 1, ",") {
            let item = self.at(at - 2).map(|token| token.kind);
            if !matches!(item, Some(Kind::Word | Kind::Quoted(_) | Kind::String(..))) {
                return false;
            }
            at -= 2;
        }
        at >= 2 && (self.word(at - 1, "to") || self.is(at - 1, "=")) && self.word(at - 2, "search_path")
    }

    /// Whether a name stands where a table is named: behind `FROM`, `JOIN`, `USING`, `UPDATE`, `INSERT INTO`, or a comma
    /// of a list of tables.
    pub(super) fn is_relation(&self, index: usize) -> bool {
        let Some(before) = index.checked_sub(1) else { return false };
        let earlier =
            |words: &[&str]| before.checked_sub(1).is_some_and(|at| words.iter().any(|word| self.word(at, word)));
        if self.word(before, "from") {
            return !earlier(&["distinct"]) && !self.in_call(index);
        }
        if self.word(before, "using") || self.word(before, "into") {
            return earlier(&["insert", "merge"]) || self.word(before, "using") && !earlier(&["execute"]);
        }
        if self.word(before, "update") {
            return !earlier(&["for", "key", "do", "on", "or"]);
        }
        self.word(before, "join")
            || self.word(before, "only")
            || (self.is(before, ",") && self.clause(before) == Some("from"))
    }

    /// Whether a name stands where only an expression can.
    pub(super) fn is_expression(&self, index: usize) -> bool {
        const INTRODUCE: &[&str] = &[
            "select",
            "where",
            "and",
            "or",
            "not",
            "when",
            "then",
            "else",
            "by",
            "having",
            "return",
            "returning",
            "case",
            "between",
            "if",
            "elsif",
            "while",
            "like",
            "ilike",
            "in",
            "on",
            "distinct",
            "limit",
            "offset",
            "set",
            "exit",
        ];
        let Some(before) = index.checked_sub(1) else { return false };
        let Some(token) = self.at(before) else { return false };
        match token.kind {
            Kind::Operator => true,
            Kind::Word => {
                INTRODUCE.iter().any(|word| self.word(before, word))
                    || (self.word(before, "from") && !self.is_relation(index))
            }
            Kind::Punctuation => match token.text(self.source) {
                ":=" | "[" => true,
                "(" => !before
                    .checked_sub(1)
                    .is_some_and(|at| self.word(at, "from") || self.word(at, "join") || self.is(at, ",")),
                "," => self.clause(before).is_some_and(|clause| clause != "from"),
                _ => false,
            },
            _ => false,
        }
    }

    /// The word that opened the list in which a comma stands; `call` for the arguments of a function.
    fn clause(&self, comma: usize) -> Option<&'static str> {
        const CLAUSES: &[&str] = &["select", "from", "where", "by", "set", "values", "returning", "using", "declare"];
        let mut depth = 0_usize;
        for at in (0..comma).rev() {
            if self.is(at, ")") {
                depth += 1;
            } else if self.is(at, "(") {
                if depth == 0 {
                    return Some("call");
                }
                depth -= 1;
            } else if self.is(at, ";") {
                return None;
            } else if depth == 0
                && let Some(clause) = CLAUSES.iter().find(|clause| self.word(at, clause))
            {
                return Some(clause);
            }
        }
        None
    }

    /// Whether a token stands among the arguments of `extract(… FROM …)` and the like.
    fn in_call(&self, index: usize) -> bool {
        callee(self.tokens, index, self.source)
            .is_some_and(|(name, _)| matches!(name.as_str(), "extract" | "substring" | "trim" | "overlay" | "position"))
    }
}
