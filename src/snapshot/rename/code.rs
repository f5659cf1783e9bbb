//! Mentions in SQL itself: in definitions that `PostgreSQL` printed, and in bodies that are kept as text.

use super::literal;
use super::mention::{Catalog, Mention, MentionVerdict};
use super::reader::{CodePlace, CodeReader, words};
use super::view::View;
use crate::snapshot::object::{Action, Object, ObjectKind, identifier_value};
use crate::snapshot::template::foreign_language;
use crate::sql::literal::LiteralContent;
use crate::sql::{Statement, Token, TokenKind, tokens};

/// All places of a statement where the schema's name is read, in the order of their offsets.
pub fn mentions(
    statement: &Statement,
    object: &Object,
    source: &str,
    schema: &str,
    catalog: &Catalog,
) -> Vec<Mention> {
    // Rows are data: nothing in them is ever a name.
    if object.action == Action::Rows && object.kind != ObjectKind::Sequence {
        return rows_head(statement, source, schema);
    }
    let text = statement.text(source);
    let mut reader = CodeReader {
        schema,
        catalog,
        object,
        head: false,
        found: Vec::new(),
    };
    let code = LiteralContent::verbatim(text, statement.range().start);
    let tokens = tokens(text);
    if let Some(language) = foreign_language(statement, source) {
        reader.foreign(&code, &tokens, &language);
    } else {
        let query = matches!(
            object.kind,
            ObjectKind::View | ObjectKind::MaterializedView | ObjectKind::Rule | ObjectKind::Policy
        ) || (object.kind == ObjectKind::Trigger && is_row_variable(schema))
            || has_atomic_body(&tokens, text, object);
        reader.code(&code, &tokens, CodePlace::Definition { query });
    }
    reader.found.sort_by_key(|mention| mention.range.start);
    reader.found
}

/// `INSERT INTO schema.table`, `COPY schema.table`: only the first qualifier.
fn rows_head(statement: &Statement, source: &str, schema: &str) -> Vec<Mention> {
    let significant: Vec<Token> = statement.significant().take(4).collect();
    significant
        .windows(2)
        .find(|pair| {
            matches!(pair, [name, dot] if dot.is(source, ".")
                && identifier_value(*name, source).as_deref() == Some(schema))
        })
        .and_then(|pair| pair.first())
        .map(|name| Mention {
            range: name.start..name.end,
            verdict: MentionVerdict::Schema,
        })
        .into_iter()
        .collect()
}

fn has_atomic_body(tokens: &[Token], text: &str, object: &Object) -> bool {
    matches!(object.kind, ObjectKind::Function | ObjectKind::Procedure)
        && object.action == Action::Create
        && (tokens.iter().any(|token| token.is_word(text, "atomic"))
            // `RETURN expression`, which the server prints for a body of one expression.
            || tokens.iter().any(|token| token.is_word(text, "return")))
}

/// `OLD`, `NEW` and `EXCLUDED` are there without anybody naming them.
fn is_row_variable(schema: &str) -> bool {
    matches!(schema, "old" | "new" | "excluded")
}

impl CodeReader<'_> {
    /// Reads code: the identifiers here, the literals by what they are used for.
    fn code(&mut self, code: &LiteralContent, all: &[Token], place: CodePlace) {
        let source = code.text.as_str();
        let tokens: Vec<Token> = all
            .iter()
            .copied()
            .filter(|token| !token.is_trivia())
            .collect();
        let view = View {
            tokens: &tokens,
            source,
        };
        let introduced = self.is_introduced(&view, place);
        if place != CodePlace::Body {
            self.head = introduced;
        }
        for (index, token) in tokens.iter().enumerate() {
            match token.kind {
                // Another escape character would change what the identifier is.
                TokenKind::UnicodeQuoted(_)
                    if tokens
                        .get(index + 1)
                        .is_some_and(|next| next.is_word(source, "uescape")) =>
                {
                    self.add(
                        code,
                        *token,
                        MentionVerdict::Doubtful("an identifier with its own escape character"),
                    );
                }
                TokenKind::Word | TokenKind::Quoted(true) | TokenKind::UnicodeQuoted(true)
                    if self.is_schema(*token, source) =>
                {
                    if let Some(verdict) = self.identifier(&view, index, place, introduced) {
                        self.add(code, *token, verdict);
                    }
                }
                TokenKind::String(..) | TokenKind::Dollar(..) => {
                    if let Some((inner, tokens)) = literal::read(self, code, &view, index, place) {
                        self.code(&inner, &tokens, CodePlace::Body);
                    }
                }
                _ => {}
            }
        }
    }

    /// Returns `true` if something in the code has the schema's name, so that `schema.x` can mean a
    /// part of it.
    fn is_introduced(&self, view: &View<'_>, place: CodePlace) -> bool {
        if is_row_variable(self.schema) {
            return true;
        }
        // PL/pgSQL and SQL let an argument stand for itself, and `function.argument` too.
        if place == CodePlace::Body && self.head {
            return true;
        }
        (0..view.tokens.len()).any(|index| {
            let qualifies = view.is(index + 1, ".") && !view.before_is(index, ".");
            view.at(index)
                .is_some_and(|token| self.is_schema(token, view.source))
                && !qualifies
                && !view.names_schema(index)
        })
    }

    /// Returns `None` for an identifier that is certainly something else.
    fn identifier(
        &self,
        view: &View<'_>,
        index: usize,
        place: CodePlace,
        introduced: bool,
    ) -> Option<MentionVerdict> {
        if view.before_is(index, ".") {
            // `database.schema.table`: three parts where a table is named.
            let of_database = index >= 2 && view.is(index + 1, ".") && view.is_relation(index - 2);
            return (of_database && !view.before_is(index - 2, "."))
                .then_some(MentionVerdict::Schema);
        }
        if !view.is(index + 1, ".") {
            if view.in_search_path(index) {
                return Some(MentionVerdict::PathName);
            }
            return view.names_schema(index).then_some(MentionVerdict::Schema);
        }
        if self.is_operator(view, index) || self.is_decisive(view, index, place) {
            return Some(MentionVerdict::Schema);
        }
        // A whole row; or, for a schema called toast, the options of the TOAST table.
        if view.is(index + 2, "*") || (self.schema == "toast" && view.is_option(index)) {
            return None;
        }
        match place {
            CodePlace::Definition { query: true } if introduced => Some(MentionVerdict::Contested),
            CodePlace::Definition { .. } => Some(MentionVerdict::Schema),
            CodePlace::Body => self.in_body(view, index, introduced),
        }
    }

    /// Returns `true` if the name qualifies an operator: `OPERATOR(schema.*)`, or in a definition
    /// of operators.
    fn is_operator(&self, view: &View<'_>, index: usize) -> bool {
        let called = view.before_is(index, "(") && index > 1 && view.word(index - 2, "operator");
        let kinds = [
            ObjectKind::Operator,
            ObjectKind::OperatorClass,
            ObjectKind::OperatorFamily,
        ];
        called
            || (kinds.contains(&self.object.kind)
                && view
                    .at(index + 2)
                    .is_some_and(|t| t.kind == TokenKind::Operator))
    }

    /// Returns `true` if only a schema can precede the dot there.
    fn is_decisive(&self, view: &View<'_>, index: usize, place: CodePlace) -> bool {
        let before = |word| index > 0 && view.word(index - 1, word);
        // `x::schema.type`, `COLLATE schema.c`, `schema.f(…)`.
        if (index > 0 && view.is_cast(index - 1)) || before("collate") || view.is(index + 3, "(") {
            return true;
        }
        if before("join")
            || before("table")
            || (index > 1 && before("into") && view.word(index - 2, "insert"))
        {
            return true;
        }
        let definition = matches!(place, CodePlace::Definition { .. });
        // The server writes the field of a composite column with parentheses, so three parts are a table's column;
        // and the head of a definition names the object itself.
        definition && (view.is(index + 3, ".") || self.in_head(view, index))
    }

    /// Returns `true` if a token precedes the query of a view, rule, policy or routine.
    fn in_head(&self, view: &View<'_>, index: usize) -> bool {
        let before =
            |words: &[&str]| !(0..index).any(|at| words.iter().any(|word| view.word(at, word)));
        match self.object.kind {
            ObjectKind::View | ObjectKind::MaterializedView => before(&["as"]),
            ObjectKind::Rule => before(&["where", "do"]),
            ObjectKind::Policy => before(&["using", "check"]),
            ObjectKind::Trigger => before(&["when"]),
            ObjectKind::Function | ObjectKind::Procedure => before(&["atomic", "return"]),
            _ => false,
        }
    }

    fn in_body(&self, view: &View<'_>, index: usize, introduced: bool) -> Option<MentionVerdict> {
        let before = |word| index > 0 && view.word(index - 1, word);
        // A configuration parameter: SET app.tenant = …, RESET, SHOW; also after LOCAL and SESSION.
        if before("set")
            || before("reset")
            || before("show")
            || before("local")
            || before("session")
        {
            return None;
        }
        if !introduced {
            return Some(MentionVerdict::Schema);
        }
        let member = view
            .at(index + 2)
            .and_then(|token| identifier_value(token, view.source))?;
        // `schema.table%ROWTYPE` is a table; `table.column%TYPE` has two parts too.
        if view.is(index + 3, "%") {
            let row = view.word(index + 4, "rowtype");
            return if row {
                self.catalog
                    .has_relation(&member)
                    .then_some(MentionVerdict::Schema)
            } else {
                None
            };
        }
        if view.is_relation(index) || (view.is_declared_type(index) && self.catalog.has(&member)) {
            return Some(MentionVerdict::Schema);
        }
        // A column of a table that the code names with its schema elsewhere: `schema.table.column`.
        if view.is(index + 3, ".")
            && (0..view.tokens.len()).any(|at| self.names_table(view, at, &member))
        {
            return Some(MentionVerdict::Schema);
        }
        // In an expression two parts are a table, variable or routine and something in it: never a schema.
        if !self.catalog.has(&member) || (view.is_expression(index) && !view.is(index + 3, ".")) {
            return None;
        }
        Some(MentionVerdict::Doubtful(
            "the schema, or an alias, variable or argument of the same name",
        ))
    }

    /// Returns `true` if `schema.table` is at a place where only a table can be.
    fn names_table(&self, view: &View<'_>, index: usize, table: &str) -> bool {
        view.at(index)
            .is_some_and(|token| self.is_schema(token, view.source))
            && view.is(index + 1, ".")
            && view
                .at(index + 2)
                .and_then(|token| identifier_value(token, view.source))
                .as_deref()
                == Some(table)
            && (view.is_relation(index) || self.is_decisive(view, index, CodePlace::Body))
    }

    /// A body in a language of which nothing is known here.
    fn foreign(&mut self, code: &LiteralContent, all: &[Token], language: &str) {
        let source = code.text.as_str();
        let body = all.iter().enumerate().filter(|(_, token)| {
            matches!(token.kind, TokenKind::Dollar(..) | TokenKind::String(..))
        });
        let bodies: Vec<Token> = body.map(|(_, token)| *token).collect();
        let head: Vec<Token> = all
            .iter()
            .copied()
            .filter(|token| !bodies.contains(token))
            .collect();
        self.code(code, &head, CodePlace::Definition { query: false });
        for token in bodies {
            let Some(inner) = crate::sql::literal::content(token, source) else {
                continue;
            };
            let inner = inner.rebased(|offset| code.source_offset(offset));
            if inner.text == language {
                continue;
            }
            for word in words(&inner.text, self.schema) {
                self.add(
                    &inner,
                    word,
                    MentionVerdict::Doubtful("the body is not SQL"),
                );
            }
        }
    }
}
