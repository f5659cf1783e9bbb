//! Reads words, names, arguments and kinds off the head of a statement.

use super::identity::ObjectScope;
use super::kind::ObjectKind;
use crate::sql::identifier::{fold, unquote};
use crate::sql::{Token, TokenKind};

pub(super) struct Parser<'a> {
    pub(super) tokens: &'a [Token],
    pub(super) source: &'a str,
    pub(super) at: usize,
}

/// A qualified name as it was read.
pub(super) struct Name {
    pub(super) scope: ObjectScope,
    pub(super) object: String,
    /// A third part: the column of `schema.table.column`.
    pub(super) member: Option<String>,
}

impl Parser<'_> {
    pub(super) fn peek(&self) -> Option<Token> {
        self.tokens.get(self.at).copied()
    }

    /// Consumes the words if all of them come next.
    pub(super) fn eat(&mut self, words: &[&str]) -> bool {
        let next = self.tokens.get(self.at..).unwrap_or_default();
        let matches = next.len() >= words.len()
            && words
                .iter()
                .zip(next)
                .all(|(word, token)| token.is_word(self.source, word));
        if matches {
            self.at += words.len();
        }
        matches
    }

    pub(super) fn eat_any(&mut self, choices: &[&[&str]]) {
        while choices.iter().any(|words| self.eat(words)) {}
    }

    /// Moves after the first of these words outside of parentheses.
    pub(super) fn skip_to(&mut self, words: &[&str]) -> bool {
        let mut depth = 0_usize;
        while let Some(token) = self.peek() {
            self.at += 1;
            match token.text(self.source) {
                "(" => depth += 1,
                ")" => depth = depth.saturating_sub(1),
                _ if depth == 0 && words.iter().any(|word| token.is_word(self.source, word)) => {
                    return true;
                }
                _ => {}
            }
        }
        false
    }

    fn identifier(&mut self) -> Option<Result<String, ()>> {
        let token = self.peek()?;
        let text = token.text(self.source);
        let value = match token.kind {
            TokenKind::Word => Ok(fold(text)),
            TokenKind::Quoted(_) => Ok(unquote(text)),
            TokenKind::UnicodeQuoted(true) => Ok(identifier_value(token, self.source)?),
            TokenKind::Placeholder => Err(()),
            _ => return None,
        };
        self.at += 1;
        Some(value)
    }

    fn dot(&mut self) -> bool {
        let dot = self.peek().is_some_and(|token| token.is(self.source, "."));
        self.at += usize::from(dot);
        dot
    }

    pub(super) fn name(&mut self) -> Name {
        let mut parts = Vec::new();
        while let Some(part) = self.identifier() {
            parts.push(part);
            if !self.dot() {
                break;
            }
        }
        let mut parts = parts.into_iter();
        let text = |part: Option<Result<String, ()>>| part.and_then(Result::ok);
        let first = parts.next();
        match (first, parts.next()) {
            (Some(Err(())), second) => Name {
                scope: ObjectScope::Placeholder,
                object: text(second).unwrap_or_default(),
                member: text(parts.next()),
            },
            (Some(Ok(schema)), Some(second)) => {
                let object = second.unwrap_or_default();
                Name {
                    scope: ObjectScope::Named(schema),
                    object,
                    member: text(parts.next()),
                }
            }
            (first, _) => Name {
                scope: ObjectScope::None,
                object: text(first).unwrap_or_default(),
                member: None,
            },
        }
    }

    /// A schema's own name, after `SCHEMA`.
    pub(super) fn schema(&mut self) -> ObjectScope {
        match self.identifier() {
            Some(Ok(name)) => ObjectScope::Named(name),
            Some(Err(())) => ObjectScope::Placeholder,
            None => ObjectScope::None,
        }
    }

    /// An operator's name: `schema.===`.
    pub(super) fn operator(&mut self) -> Name {
        let mut name = Name {
            scope: ObjectScope::None,
            object: String::new(),
            member: None,
        };
        if self
            .tokens
            .get(self.at + 1)
            .is_some_and(|token| token.is(self.source, "."))
        {
            name.scope = self.schema();
            self.at += 1;
        }
        while let Some(token) = self
            .peek()
            .filter(|token| token.kind == TokenKind::Operator)
        {
            name.object.push_str(token.text(self.source));
            self.at += 1;
        }
        name
    }

    /// The arguments of a routine, up to its closing parenthesis, without defaults and without the tenant's schema.
    pub(super) fn arguments(&mut self, scope: &ObjectScope) -> String {
        let mut text = String::new();
        let mut depth = 0_usize;
        let mut in_default = false;
        while let Some(token) = self.peek() {
            let piece = token.text(self.source);
            let closes = piece == ")" && depth == 1;
            match piece {
                "(" => depth += 1,
                ")" => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 && !closes {
                break;
            }
            self.at += 1;
            if closes || (depth == 1 && piece == ",") {
                in_default = false;
            }
            if depth == 1 && (token.is_word(self.source, "default") || token.is(self.source, "=")) {
                in_default = true;
            }
            let followed_by_dot = self.peek().is_some_and(|next| next.is(self.source, "."));
            if followed_by_dot && self.is_scope(token, scope) {
                self.at += 1;
                continue;
            }
            let opens = depth == 1 && piece == "(";
            if !in_default && !opens {
                let glued = text.is_empty()
                    || text.ends_with(['(', '.', '['])
                    || matches!(piece, "," | ")" | "(" | "." | "[" | "]");
                if !glued {
                    text.push(' ');
                }
                text.push_str(piece);
            }
            if closes {
                break;
            }
        }
        format!("({}", if text.is_empty() { ")" } else { &text })
    }

    fn is_scope(&self, token: Token, scope: &ObjectScope) -> bool {
        match scope {
            ObjectScope::Placeholder => token.kind == TokenKind::Placeholder,
            ObjectScope::Named(schema) => {
                identifier_value(token, self.source).as_deref() == Some(schema)
            }
            ObjectScope::None => false,
        }
    }

    /// The words of an object kind, as in `CREATE`, `ALTER`, `COMMENT ON`, `GRANT … ON`.
    pub(super) fn kind(&mut self) -> Option<ObjectKind> {
        const KINDS: &[(&[&str], ObjectKind)] = &[
            (&["schema"], ObjectKind::Schema),
            (&["foreign", "table"], ObjectKind::ForeignTable),
            (&["table"], ObjectKind::Table),
            (&["materialized", "view"], ObjectKind::MaterializedView),
            (&["view"], ObjectKind::View),
            (&["sequence"], ObjectKind::Sequence),
            (&["index"], ObjectKind::Index),
            (&["function"], ObjectKind::Function),
            (&["procedure"], ObjectKind::Procedure),
            (&["routine"], ObjectKind::Function),
            (&["aggregate"], ObjectKind::Aggregate),
            (&["operator", "class"], ObjectKind::OperatorClass),
            (&["operator", "family"], ObjectKind::OperatorFamily),
            (&["operator"], ObjectKind::Operator),
            (&["type"], ObjectKind::Type),
            (&["domain"], ObjectKind::Domain),
            (&["collation"], ObjectKind::Collation),
            (&["conversion"], ObjectKind::Conversion),
            (&["text", "search", "configuration"], ObjectKind::TextSearch),
            (&["text", "search", "dictionary"], ObjectKind::TextSearch),
            (&["text", "search", "parser"], ObjectKind::TextSearch),
            (&["text", "search", "template"], ObjectKind::TextSearch),
            (&["statistics"], ObjectKind::Statistics),
            (&["trigger"], ObjectKind::Trigger),
            (&["rule"], ObjectKind::Rule),
            (&["policy"], ObjectKind::Policy),
            (&["constraint"], ObjectKind::Constraint),
            (&["column"], ObjectKind::Column),
            (&["extension"], ObjectKind::Extension),
        ];
        KINDS
            .iter()
            .find(|(words, _)| self.eat(words))
            .map(|(_, kind)| *kind)
    }
}

/// The value of an identifier token; `None` for other tokens.
pub fn identifier_value(token: Token, source: &str) -> Option<String> {
    match token.kind {
        TokenKind::Word => Some(fold(token.text(source))),
        TokenKind::Quoted(true) => Some(unquote(token.text(source))),
        TokenKind::UnicodeQuoted(true) => {
            crate::sql::literal::unicode_identifier(token.text(source))
        }
        _ => None,
    }
}
