//! From a template's text to statements whose placeholders are found.

use std::ops::Range;

use sha2::{Digest, Sha256};

use super::context::{foreign_language, is_body, is_format, reads_as_identifier};
use super::error::TemplateError;
use super::slot::{Escape, HASH, PLACEHOLDER, Piece, Slot, SlotForm};
use super::statement::CompiledStatement;
use crate::snapshot::minify::minify_into;
use crate::snapshot::object::{Action, Object};
use crate::snapshot::outside::{OutsideStatement, Reach, judge, reached_through_definitions};
use crate::sql::literal::{LiteralContent, content};
use crate::sql::script::line_of;
use crate::sql::token::Prefix;
use crate::sql::{ScriptError, Segment, Segments, Statement, Token, TokenKind, tokens_of_template};
use crate::text::{hexadecimal, slice};

/// SQL with `#{prefix}` in it, ready to be rendered many times.
#[derive(Clone, Debug)]
pub struct Template {
    /// Its statements, in order.
    pub statements: Vec<CompiledStatement>,
    /// SHA-256, in hexadecimal, of the minified text.
    pub(in crate::snapshot) fingerprint: String,
}

impl Template {
    /// Reads a template and finds out where each placeholder stands.
    ///
    /// # Errors
    /// Fails with the problem and its line.
    pub fn compile(source: &str) -> Result<Self, TemplateError> {
        let mut statements = Vec::new();
        let mut is_hidden = false;
        let mut line = 1;
        let mut counted = 0;
        let mut digest = Sha256::new();
        let mut small = String::new();
        for segment in Segments::new(source, true) {
            let statement = &match segment? {
                Segment::Statement(statement) => statement,
                Segment::Copy { statement, .. } => {
                    return Err(TemplateError::Copy {
                        line: line_of(source, statement.range().start),
                    });
                }
                Segment::Meta { range } => {
                    let text = slice(source, range.clone());
                    let command = text.split_whitespace().next().unwrap_or_default().chars();
                    let command = command
                        .filter(|character| !character.is_control())
                        .collect();
                    return Err(TemplateError::Meta {
                        line: line_of(source, range.start),
                        command,
                    });
                }
            };
            let start = statement.range().start;
            line += line_of(slice(source, counted..start), start - counted) - 1;
            counted = start;
            let object = Object::from_statement(statement, source);
            if object.action == Action::Transaction {
                let word = statement
                    .tokens
                    .first()
                    .map(|token| token.text(source).to_uppercase())
                    .unwrap_or_default();
                return Err(TemplateError::Transaction { line, word });
            }
            if object.action == Action::Setting && changes_encoding(statement, source) {
                return Err(TemplateError::Script(ScriptError::Ambiguous {
                    line,
                    what: "another client_encoding than UTF8, in which quotes can be parts of characters",
                }));
            }
            small.clear();
            minify_into(statement, source, &mut small);
            small.push_str(";\n");
            digest.update(small.as_bytes());
            let judgement = judge(statement, source);
            is_hidden |= judgement.hides;
            let mut compiled = Compiler::new(source, statement).compile(object, line)?;
            compiled.outside = judgement
                .reach
                .map(|reach| OutsideStatement::new(line, reach, statement.text(source)));
            statements.push(compiled);
        }
        if is_hidden {
            mark_what_is_reached(&mut statements, source)?;
        }
        Ok(Self {
            statements,
            fingerprint: hexadecimal(&digest.finalize()),
        })
    }
}

/// Marks statements that use definitions of the same template which reach beyond the database.
fn mark_what_is_reached(
    statements: &mut [CompiledStatement],
    source: &str,
) -> Result<(), TemplateError> {
    let mut parsed = Vec::with_capacity(statements.len());
    for segment in Segments::new(source, true) {
        if let Segment::Statement(statement) = segment? {
            parsed.push(statement);
        }
    }
    for (index, through) in reached_through_definitions(&parsed, source) {
        let (Some(compiled), Some(statement)) = (statements.get_mut(index), parsed.get(index))
        else {
            continue;
        };
        let line = compiled.line;
        let outside =
            OutsideStatement::new(line, Reach::Server, statement.text(source)).through(through);
        compiled.outside = Some(outside);
    }
    Ok(())
}

/// A place in the source where something else than the source's text comes.
struct SourceMark {
    range: Range<usize>,
    piece: Piece,
}

struct Compiler<'a> {
    source: &'a str,
    statement: &'a Statement,
    marks: Vec<SourceMark>,
}

impl<'a> Compiler<'a> {
    fn new(source: &'a str, statement: &'a Statement) -> Self {
        Self {
            source,
            statement,
            marks: Vec::new(),
        }
    }

    fn compile(mut self, object: Object, line: usize) -> Result<CompiledStatement, TemplateError> {
        let range = self.statement.range();
        let foreign = foreign_language(self.statement, self.source);
        if foreign.is_some() || self.statement.text(self.source).contains("#{") {
            self.placeholders(foreign.is_some())?;
        }
        self.guard_from_psql();
        self.marks
            .sort_by_key(|mark| (mark.range.start, mark.range.end));
        let mut pieces = Vec::new();
        let mut at = range.start;
        for mark in self.marks {
            // A placeholder inside one that was replaced as a whole.
            if mark.range.start < at {
                continue;
            }
            if let Some(text) = self
                .source
                .get(at..mark.range.start)
                .filter(|text| !text.is_empty())
            {
                pieces.push(Piece::Text(text.into()));
            }
            pieces.push(mark.piece);
            at = mark.range.end;
        }
        if let Some(text) = self
            .source
            .get(at..range.end)
            .filter(|text| !text.is_empty())
        {
            pieces.push(Piece::Text(text.into()));
        }
        Ok(CompiledStatement {
            object,
            line,
            foreign,
            outside: None,
            pieces,
        })
    }

    fn mark(&mut self, range: Range<usize>, piece: Piece) {
        self.marks.push(SourceMark { range, piece });
    }

    /// Escapes what psql would interpret outside of quotes: variables (`:name`, `:"name"`) and the
    /// semicolons of an atomic body. Also escapes literals whose backslashes depend on
    /// `standard_conforming_strings`.
    fn guard_from_psql(&mut self) {
        let statement = self.statement;
        let is_routine = is_create_routine(statement, self.source);
        for (index, token) in statement.tokens.iter().enumerate() {
            let text = token.text(self.source);
            match token.kind {
                TokenKind::Punctuation if text == ";" => {
                    self.mark(token.start..token.end, Piece::Semicolon);
                }
                TokenKind::Punctuation if text == ":" => {
                    let next = statement.tokens.get(index + 1);
                    // Any of these could begin the name of a variable, or be one: `:E'…'` is `:E` and then `'…'`.
                    if next.is_some_and(|next| {
                        matches!(
                            next.kind,
                            TokenKind::Word
                                | TokenKind::Number
                                | TokenKind::Quoted(_)
                                | TokenKind::UnicodeQuoted(_)
                                | TokenKind::String(..)
                                | TokenKind::Placeholder
                        )
                    }) {
                        self.mark(token.start..token.end, Piece::Text(": ".into()));
                    }
                }
                TokenKind::String(Prefix::None | Prefix::National, true) if text.contains('\\') => {
                    self.escape_literal(*token);
                }
                // psql takes each BEGIN of `CREATE FUNCTION` for one of a body with semicolons, also where it is a name.
                TokenKind::Word
                    if is_routine
                        && token.is_word(self.source, "begin")
                        && !statement
                            .tokens
                            .get(index + 1..)
                            .unwrap_or_default()
                            .iter()
                            .find(|next| !next.is_trivia())
                            .is_some_and(|next| next.is_word(self.source, "atomic")) =>
                {
                    self.mark(token.start..token.end, Piece::Text("\"begin\"".into()));
                }
                _ => {}
            }
        }
    }

    /// `'a\b'` → `E'a\\b'`; slots inside keep their marks and learn the new kind of literal.
    fn escape_literal(&mut self, token: Token) {
        let prefix = usize::from(token.text(self.source).starts_with(['n', 'N']));
        self.marks.retain(|mark| {
            !(matches!(mark.piece, Piece::EscapeMark(_)) && mark.range.start == token.start)
        });
        self.mark(token.start..token.start + prefix, Piece::Text(" E".into()));
        let backslashes: Vec<usize> = token
            .text(self.source)
            .match_indices('\\')
            .map(|(offset, _)| token.start + offset)
            .collect();
        for at in backslashes {
            self.mark(at..at + 1, Piece::Text("\\\\".into()));
        }
        for mark in &mut self.marks {
            if let Piece::Slot(slot) = &mut mark.piece
                && token.start < mark.range.start
                && mark.range.end < token.end
                && let Some(outermost) = slot.escapes.last_mut()
            {
                *outermost = Escape::Backslashed;
            }
        }
    }

    fn placeholders(&mut self, foreign: bool) -> Result<(), TemplateError> {
        let start = self.statement.range().start;
        let code = LiteralContent::verbatim(self.statement.text(self.source), start);
        let shifted = |token: &Token| Token {
            kind: token.kind,
            start: token.start - start,
            end: token.end - start,
        };
        let tokens: Vec<Token> = self.statement.tokens.iter().map(shifted).collect();
        self.tokens(&code, &tokens, &[], foreign)
    }

    fn line(&self, offset: usize) -> usize {
        line_of(self.source, offset)
    }

    /// Finds placeholders in text that is read as SQL. `outer` are the escapes around it, innermost first.
    fn code(
        &mut self,
        code: &LiteralContent,
        outer: &[Escape],
        foreign: bool,
    ) -> Result<(), TemplateError> {
        if !code.text.contains("#{") {
            return Ok(());
        }
        self.tokens(code, &tokens_of_template(&code.text), outer, foreign)
    }

    fn tokens(
        &mut self,
        code: &LiteralContent,
        tokens: &[Token],
        outer: &[Escape],
        foreign: bool,
    ) -> Result<(), TemplateError> {
        let source = code.text.as_str();
        for (index, token) in tokens.iter().enumerate() {
            // Nearly all tokens, and none of them can hold a placeholder.
            if matches!(
                token.kind,
                TokenKind::Space
                    | TokenKind::Word
                    | TokenKind::Punctuation
                    | TokenKind::Number
                    | TokenKind::Cast
            ) {
                continue;
            }
            let text = token.text(source);
            if !text.contains("#{") {
                continue;
            }
            match token.kind {
                TokenKind::Placeholder => {
                    let neighbour =
                        |index: Option<usize>| index.and_then(|index| tokens.get(index));
                    let glued = |other: Option<&Token>| {
                        other.is_some_and(|other| {
                            matches!(
                                other.kind,
                                TokenKind::Word | TokenKind::Number | TokenKind::Placeholder
                            )
                        })
                    };
                    // In a literal that is prose, words may well touch it.
                    if outer.is_empty()
                        && (glued(neighbour(index.checked_sub(1))) || glued(tokens.get(index + 1)))
                    {
                        return Err(TemplateError::Glued {
                            line: self.line(code.source_offset(token.start)),
                        });
                    }
                    let form = if !outer.is_empty() && is_part_of_address(source, *token) {
                        SlotForm::Name
                    } else {
                        SlotForm::Identifier
                    };
                    self.slots(code, token.start..token.end, form, outer)?;
                }
                TokenKind::Quoted(_) | TokenKind::UnicodeQuoted(_) => {
                    self.slots(
                        code,
                        token.start..token.end,
                        SlotForm::Name,
                        &within(Escape::QuotedIdentifier, outer),
                    )?;
                }
                TokenKind::LineComment | TokenKind::BlockComment(_) => {
                    self.slots(
                        code,
                        token.start..token.end,
                        SlotForm::Name,
                        &within(Escape::Comment, outer),
                    )?;
                }
                TokenKind::String(prefix, true) => {
                    self.string(code, tokens, index, prefix, outer, foreign)?;
                }
                TokenKind::Dollar(length, true) if is_format(tokens, index, &code.text) => {
                    self.dollar(
                        code,
                        *token,
                        length,
                        &within(Escape::Format, outer),
                        foreign,
                    )?;
                }
                TokenKind::Dollar(length, true) => {
                    self.dollar(code, *token, length, outer, foreign)?;
                }
                // A literal that never ends, inside of another: prose with an apostrophe.
                _ => self.slots(code, token.start..token.end, SlotForm::Identifier, outer)?,
            }
        }
        Ok(())
    }

    fn string(
        &mut self,
        code: &LiteralContent,
        tokens: &[Token],
        index: usize,
        prefix: Prefix,
        outer: &[Escape],
        foreign: bool,
    ) -> Result<(), TemplateError> {
        let Some(token) = tokens.get(index).copied() else {
            return Ok(());
        };
        let Some(inner) = content(token, &code.text) else {
            return Ok(());
        };
        let inner = relative(&inner, code);
        let plain = matches!(prefix, Prefix::None | Prefix::National);
        let mut escapes = within(
            if plain {
                Escape::Literal
            } else {
                Escape::Backslashed
            },
            outer,
        );
        if is_format(tokens, index, &code.text) {
            escapes = within(Escape::Format, &escapes);
        }
        if plain && inner.text.contains("#{") {
            let at = code.source_offset(token.start);
            let own = self.source.get(at..at + prefix.len()).unwrap_or_default();
            self.mark(at..at + prefix.len(), Piece::EscapeMark(own.into()));
        }
        if foreign && outer.is_empty() && is_body(tokens, index, &code.text) {
            return self.slots(
                &inner,
                0..inner.text.len(),
                SlotForm::Name,
                &within(Escape::Foreign, &escapes),
            );
        }
        if inner.text == PLACEHOLDER && !reads_as_identifier(tokens, index, &code.text) {
            return self.slots(&inner, 0..inner.text.len(), SlotForm::Name, &escapes);
        }
        self.code(&inner, &escapes, false)
    }

    fn dollar(
        &mut self,
        code: &LiteralContent,
        token: Token,
        length: usize,
        outer: &[Escape],
        foreign: bool,
    ) -> Result<(), TemplateError> {
        let Some(inner) = content(token, &code.text) else {
            return Ok(());
        };
        let inner = relative(&inner, code);
        let tag: Box<str> = code
            .text
            .get(token.start..token.start + length)
            .unwrap_or("$$")
            .into();
        for (start, opens) in [(token.start, true), (token.end - length, false)] {
            let range = code.source_offset(start)..code.source_offset(start + length);
            self.mark(
                range,
                Piece::Delimiter {
                    tag: tag.clone(),
                    opens,
                },
            );
        }
        if foreign && outer.is_empty() {
            return self.slots(
                &inner,
                0..inner.text.len(),
                SlotForm::Name,
                &[Escape::Foreign],
            );
        }
        self.code(&inner, outer, false)
    }

    /// Marks every placeholder in a range of decoded text.
    fn slots(
        &mut self,
        code: &LiteralContent,
        range: Range<usize>,
        form: SlotForm,
        escapes: &[Escape],
    ) -> Result<(), TemplateError> {
        let text = slice(&code.text, range.clone());
        for (offset, _) in text.match_indices("#{") {
            let rest = slice(text, offset..);
            let length = rest.find('}').map_or(rest.len(), |end| end + 1);
            let start = range.start + offset;
            let source_range = code.source_offset(start)..code.source_offset(start + length);
            match slice(rest, ..length) {
                PLACEHOLDER => self.mark(
                    source_range,
                    Piece::Slot(Slot {
                        form,
                        escapes: escapes.to_vec(),
                    }),
                ),
                HASH => self.mark(source_range, Piece::Text("#".into())),
                unknown => {
                    let found = unknown.chars().take(40).collect();
                    return Err(TemplateError::Unknown {
                        line: self.line(source_range.start),
                        found,
                    });
                }
            }
        }
        Ok(())
    }
}

/// Returns whether a setting gives the session another encoding than the file's: psql cuts the text by `client_encoding`, and in
/// some of them the byte of a quote ends a character.
fn changes_encoding(statement: &Statement, source: &str) -> bool {
    let words: Vec<String> = statement
        .significant()
        .filter_map(|token| match token.kind {
            TokenKind::Word | TokenKind::Quoted(true) => {
                Some(token.text(source).trim_matches('"').to_owned())
            }
            TokenKind::String(..) | TokenKind::Dollar(..) => {
                content(token, source).map(|content| content.text)
            }
            _ => None,
        })
        .map(|word| word.to_ascii_lowercase())
        .collect();
    let is_encoding = |word: &String| word == "client_encoding" || word == "names";
    match words.iter().position(is_encoding) {
        Some(at) if words.first().is_some_and(|word| word != "reset") => {
            words.get(at + 1..).unwrap_or_default().iter().any(|word| {
                !matches!(
                    word.as_str(),
                    "to" | "default" | "utf8" | "utf-8" | "unicode" | "true" | "false"
                )
            })
        }
        _ => false,
    }
}

/// Returns whether psql looks for `BEGIN … END` in the statement: its first words, whatever stands between them, are
/// `CREATE [OR REPLACE] {FUNCTION | PROCEDURE}`.
fn is_create_routine(statement: &Statement, source: &str) -> bool {
    let words: Vec<Token> = statement
        .significant()
        .filter(|token| token.kind == TokenKind::Word)
        .take(4)
        .collect();
    let is = |at: usize, word: &str| {
        words
            .get(at)
            .is_some_and(|token| token.is_word(source, word))
    };
    let verb = if is(1, "or") && is(2, "replace") {
        3
    } else {
        1
    };
    is(0, "create") && (is(verb, "function") || is(verb, "procedure"))
}

/// Returns whether a placeholder in a literal is a part of a path, a channel or a list with bars, where quotes would be wrong:
/// `https://x.org/#{prefix}`, `#{prefix}:orders`. In front of a dot it is an identifier, also behind a division.
fn is_part_of_address(source: &str, token: Token) -> bool {
    let byte = |at: Option<usize>| at.and_then(|at| source.as_bytes().get(at)).copied();
    let joins = |near: Option<u8>, far: Option<u8>| {
        matches!(near, Some(b'/' | b'|' | b':')) && (near == Some(b'/') || near != far)
    };
    let before = |back: usize| byte(token.start.checked_sub(back));
    let behind = |ahead: usize| byte(Some(token.end + ahead));
    behind(0) != Some(b'.') && (joins(before(1), before(2)) || joins(behind(0), behind(1)))
}

fn within(inner: Escape, outer: &[Escape]) -> Vec<Escape> {
    let mut escapes = vec![inner];
    escapes.extend_from_slice(outer);
    escapes
}

/// Content found inside of other content, with offsets in the source.
fn relative(inner: &LiteralContent, outer: &LiteralContent) -> LiteralContent {
    inner.rebased(|offset| outer.source_offset(offset))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_template_cannot_hold() {
        for (source, expected) in [
            ("SELECT 1;\n\\! id\n", "line 2: psql meta-command '\\!'"),
            (
                "SELECT #{tenant}.a;",
                "line 1: unknown placeholder '#{tenant}'",
            ),
            ("SELECT '\n#{x}';", "line 2: unknown placeholder"),
            ("SELECT #{prefix}_x;", "line 1: #{prefix} is only a part"),
            ("COPY a FROM stdin;\n\\.\n", "line 1: COPY data"),
            ("SELECT 1;\nCOMMIT;", "line 2: 'COMMIT' would end"),
            (
                "SET client_encoding = 'SJIS';",
                "line 1: another client_encoding",
            ),
            ("SET NAMES 'big5';", "line 1: another client_encoding"),
            (
                "SELECT\n pg_catalog.set_config('Client_Encoding', 'gbk', true);",
                "line 1: another client_encoding",
            ),
            (
                "SELECT 'a",
                "line 1: a string literal starts here and never ends",
            ),
        ] {
            let error = Template::compile(source).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
        for source in [
            "SET client_encoding TO 'UTF8'",
            "SET NAMES 'utf-8'",
            "RESET client_encoding",
        ] {
            assert!(Template::compile(source).is_ok(), "{source}");
        }
    }
}
