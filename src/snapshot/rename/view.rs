//! The significant tokens of a piece of code, and what stands where among them.

use crate::snapshot::template::callee;
use crate::sql::{Token, TokenKind};

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
                || (token.kind == TokenKind::Operator
                    && text.len() == 1
                    && token.text(self.source).starts_with(text))
        })
    }

    pub(super) fn before_is(&self, index: usize, text: &str) -> bool {
        index
            .checked_sub(1)
            .is_some_and(|before| self.is(before, text))
    }

    pub(super) fn is_cast(&self, index: usize) -> bool {
        self.at(index)
            .is_some_and(|token| token.kind == TokenKind::Cast)
    }

    pub(super) fn word(&self, index: usize, word: &str) -> bool {
        self.at(index)
            .is_some_and(|token| token.is_word(self.source, word))
    }

    /// Returns `true` if the identifier is where only a schema can be: `SCHEMA x`, or an item of
    /// `SET search_path TO …`.
    pub(super) fn names_schema(&self, index: usize) -> bool {
        let Some(mut before) = index.checked_sub(1) else {
            return false;
        };
        let schema = |at: usize| self.word(at, "schema");
        if self.in_search_path(index) {
            return true;
        }
        // A later item of `{ON | IN} SCHEMA a, b`.
        while before >= 2 && self.is(before, ",") && self.is_identifier(before - 1) {
            before -= 2;
        }
        let listed = before + 1 < index;
        if listed {
            return schema(before)
                && before > 0
                && (self.word(before - 1, "on") || self.word(before - 1, "in"));
        }
        schema(before)
            || (self.word(before, "exists")
                && (0..=2).any(|back| before.checked_sub(1 + back).is_some_and(schema)))
    }

    fn is_identifier(&self, index: usize) -> bool {
        self.at(index)
            .is_some_and(|token| matches!(token.kind, TokenKind::Word | TokenKind::Quoted(true)))
    }

    /// Returns `true` if a token is an item of `SET [LOCAL | SESSION] search_path {TO | =} a, 'b',
    /// …`.
    pub(super) fn in_search_path(&self, index: usize) -> bool {
        let mut at = index;
        while at >= 2 && self.is(at - 1, ",") {
            let item = self.at(at - 2).map(|token| token.kind);
            if !matches!(
                item,
                Some(TokenKind::Word | TokenKind::Quoted(_) | TokenKind::String(..))
            ) {
                return false;
            }
            at -= 2;
        }
        at >= 3
            && (self.word(at - 1, "to") || self.is(at - 1, "="))
            && self.word(at - 2, "search_path")
            && ["set", "local", "session"]
                .iter()
                .any(|word| self.word(at - 3, word))
    }

    /// Returns `true` if a name is where a table is named: after `FROM`, `JOIN`, `USING`, `UPDATE`,
    /// `INSERT INTO`, or a comma in a list of tables.
    pub(super) fn is_relation(&self, index: usize) -> bool {
        let Some(before) = self.behind_parentheses(index) else {
            return false;
        };
        if before + 1 < index {
            // `FROM ((a JOIN b …) …)`: parentheses around joined tables.
            return self.word(before, "join")
                || (self.word(before, "from") && !self.in_call(before));
        }
        let earlier = |words: &[&str]| {
            before
                .checked_sub(1)
                .is_some_and(|at| words.iter().any(|word| self.word(at, word)))
        };
        if self.word(before, "from") {
            return !earlier(&["distinct"]) && !self.in_call(index);
        }
        if self.word(before, "using") {
            return !self.is_of_execute(before);
        }
        if self.word(before, "into") {
            return earlier(&["insert", "merge"]);
        }
        if self.word(before, "update") {
            return !earlier(&["for", "key", "do", "on", "or"]);
        }
        self.word(before, "join")
            || self.word(before, "only")
            || (self.is(before, ",") && matches!(self.clause(before), Some("from" | "using")))
    }

    /// Returns `true` if `USING` gives values to `EXECUTE '…'` and names no tables.
    fn is_of_execute(&self, using: usize) -> bool {
        let begin = (0..using).rev().find(|at| self.begins_statement(*at));
        (begin.unwrap_or_default()..using).any(|at| self.word(at, "execute"))
    }

    /// Returns `true` if a statement of SQL or of PL/pgSQL begins after a token.
    fn begins_statement(&self, index: usize) -> bool {
        self.is(index, ";") || ["begin", "loop"].iter().any(|word| self.word(index, word))
    }

    /// Returns `true` if a name is where a declaration of PL/pgSQL has its type: `DECLARE a
    /// [CONSTANT] schema.type;`.
    pub(super) fn is_declared_type(&self, index: usize) -> bool {
        let Some(mut name) = index.checked_sub(1) else {
            return false;
        };
        if self.word(name, "constant") && name > 0 {
            name -= 1;
        }
        let Some(before) = name.checked_sub(1).filter(|_| self.is_identifier(name)) else {
            return false;
        };
        let section = (0..=before)
            .rev()
            .find(|at| self.word(*at, "declare") || self.word(*at, "begin"));
        (self.word(before, "declare") || self.is(before, ";"))
            && section.is_some_and(|at| self.word(at, "declare"))
    }

    /// Returns `true` if a name is in the list of `WITH (option = value)`.
    pub(super) fn is_option(&self, index: usize) -> bool {
        (0..index)
            .rev()
            .find(|at| self.is(*at, "("))
            .is_some_and(|open| open > 0 && self.word(open - 1, "with"))
    }

    /// The token in front of a name, past opening parentheses.
    fn behind_parentheses(&self, index: usize) -> Option<usize> {
        (0..index).rev().find(|at| !self.is(*at, "("))
    }

    /// Returns `true` if a name is where only an expression can be.
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
            "ilike",
            "in",
            "distinct",
            "limit",
            "offset",
            "set",
            "exit",
        ];
        let Some(before) = index.checked_sub(1) else {
            return false;
        };
        let Some(token) = self.at(before) else {
            return false;
        };
        match token.kind {
            TokenKind::Operator => true,
            TokenKind::Word => {
                INTRODUCE.iter().any(|word| self.word(before, word))
                    // `ON a.b = …` of a join; not `GRANT … ON a.b TO`, `CREATE TRIGGER … ON a.b`.
                    || (self.word(before, "on") && self.at(index + 3).is_some_and(|token| token.kind == TokenKind::Operator))
                    || (self.word(before, "from") && !self.is_relation(index))
            }
            TokenKind::Punctuation => match token.text(self.source) {
                ":=" | "[" => true,
                "(" => !self.behind_parentheses(index).is_some_and(|at| {
                    self.word(at, "from") || self.word(at, "join") || self.is(at, ",")
                }),
                "," => self
                    .clause(before)
                    .is_some_and(|clause| clause != "from" && clause != "using"),
                _ => false,
            },
            _ => false,
        }
    }

    /// The word that opened the list in which a comma stands; `call` for the arguments of a function, `values` for what
    /// `EXECUTE … USING` lists.
    fn clause(&self, comma: usize) -> Option<&'static str> {
        const CLAUSES: &[&str] = &[
            "select",
            "from",
            "where",
            "by",
            "set",
            "values",
            "returning",
            "using",
            "declare",
            "into",
            "raise",
            "perform",
            "return",
            "assert",
        ];
        let mut depth = 0_usize;
        for at in (0..comma).rev() {
            if self.is(at, ")") {
                depth += 1;
            } else if self.is(at, "(") {
                if depth == 0 {
                    return Some("call");
                }
                depth -= 1;
            } else if self.begins_statement(at) {
                return None;
            } else if depth == 0
                && let Some(clause) = CLAUSES.iter().find(|clause| self.word(at, clause))
            {
                match *clause {
                    // An operator: IS DISTINCT FROM.
                    "from" if at > 0 && self.word(at - 1, "distinct") => {}
                    "using" if self.is_of_execute(at) => return Some("values"),
                    clause => return Some(clause),
                }
            }
        }
        None
    }

    /// Returns `true` if a token is among the arguments of `extract(… FROM …)` or a similar
    /// function.
    fn in_call(&self, index: usize) -> bool {
        // In a subquery among the arguments, FROM is the subquery's.
        let mut depth = 0_usize;
        for at in (0..index).rev() {
            if self.is(at, ")") {
                depth += 1;
            } else if self.is(at, "(") && depth > 0 {
                depth -= 1;
            } else if self.is(at, "(") {
                break;
            } else if depth == 0 && self.word(at, "select") {
                return false;
            }
        }
        callee(self.tokens, index, self.source).is_some_and(|(name, _)| {
            matches!(
                name.as_str(),
                "extract" | "substring" | "trim" | "overlay" | "position"
            )
        })
    }
}
