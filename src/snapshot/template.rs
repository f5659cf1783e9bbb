//! `#{prefix}` in SQL: where each stands, and what a tenant's name becomes there.

use std::borrow::Cow;
use std::ops::Range;

use sha2::{Digest, Sha256};

use super::format::hexadecimal;
use super::minify::minify_into;
use super::object::{Object, identifier_value};
use crate::sql::identifier::{is_plain, quote};
use crate::sql::literal::{Content, content};
use crate::sql::script::line_of;
use crate::sql::token::Prefix;
use crate::sql::{Kind, ScriptError, Segment, Segments, Statement, TenantName, Token, tokens_of_template};

/// What stands where the schema's name stood.
pub const PLACEHOLDER: &str = "#{prefix}";

/// Stands for a `#` in front of a brace that is no placeholder.
const HASH: &str = "#{#}";

/// Why a template cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// Not SQL that psql reads to its end.
    #[error(transparent)]
    Script(#[from] ScriptError),
    /// A psql meta-command.
    #[error("line {line}: psql meta-command '{command}'; a snapshot holds only SQL")]
    Meta {
        /// 1-based line.
        line: usize,
        /// Its first word.
        command: String,
    },
    /// `COPY … FROM stdin`.
    #[error("line {line}: COPY data cannot be sent in one message; write the rows as INSERT, as capture does")]
    Copy {
        /// 1-based line.
        line: usize,
    },
    /// `BEGIN`, `COMMIT` and their kin.
    #[error("line {line}: '{word}' would end the one transaction that a tenant is created in")]
    Transaction {
        /// 1-based line.
        line: usize,
        /// The first word of the statement.
        word: String,
    },
    /// `#{…}` that is not known.
    #[error("line {line}: unknown placeholder '{}'; known are #{{prefix}} and, for a plain '#', #{{#}}", found.escape_debug())]
    Unknown {
        /// 1-based line.
        line: usize,
        /// The placeholder.
        found: String,
    },
    /// A placeholder glued to a word.
    #[error("line {line}: #{{prefix}} is only a part of an identifier here; put the whole identifier in double quotes")]
    Glued {
        /// 1-based line.
        line: usize,
    },
    /// A name that needs quotes, in a body that is not SQL.
    #[error("line {line}: {object} has a body in {language}, where the name '{}' cannot be quoted; use a plain name \
             (lower-case letters, digits, underscores)", name.escape_debug())]
    Foreign {
        /// 1-based line of the statement.
        line: usize,
        /// The function.
        object: String,
        /// Its language.
        language: String,
        /// The tenant's name.
        name: String,
    },
}

/// SQL with `#{prefix}` in it, ready to be rendered many times.
#[derive(Clone, Debug)]
pub struct Template {
    /// Its statements, in order.
    pub statements: Vec<CompiledStatement>,
    /// SHA-256, in hexadecimal, of the minified text.
    pub(super) fingerprint: String,
}

/// A statement of a template.
#[derive(Clone, Debug)]
pub struct CompiledStatement {
    /// What it is about.
    pub object: Object,
    /// 1-based line in the snapshot file.
    pub line: usize,
    /// The language of the routine it creates, when that is neither SQL nor PL/pgSQL.
    foreign: Option<String>,
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug)]
enum Piece {
    Text(Box<str>),
    Slot(Slot),
    /// The opening or closing delimiter of a dollar-quoted string that holds a slot.
    Delimiter {
        tag: Box<str>,
        opens: bool,
    },
    /// The prefix of a literal that holds a slot: its own, or `E` for names with a backslash.
    EscapeMark(Box<str>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Slot {
    form: Form,
    /// From the innermost to the outermost.
    escapes: Vec<Escape>,
}

/// What the name is, where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// An identifier of SQL: quoted when it needs it.
    Identifier,
    /// The name itself: a value, or a part of a longer quoted identifier.
    Name,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Escape {
    /// Inside `'…'`: a name with a backslash makes it `E'…'`.
    Literal,
    /// Inside `E'…'` or `U&'…'`.
    EscapeLiteral,
    /// Inside `"…"`.
    QuotedIdentifier,
    /// Inside a comment.
    Comment,
    /// Inside a body that is not SQL.
    Foreign,
}

/// Writes every `#{` of plain text so that it is no placeholder.
pub fn escape_placeholders(text: &str) -> Cow<'_, str> {
    if text.contains("#{") { Cow::Owned(text.replace("#{", "#{#}{")) } else { Cow::Borrowed(text) }
}

impl Template {
    /// Reads a template and finds out where each placeholder stands.
    ///
    /// # Errors
    /// What is wrong, with its line.
    pub fn compile(source: &str) -> Result<Self, TemplateError> {
        let mut statements = Vec::new();
        let (mut line, mut counted) = (1, 0);
        let (mut digest, mut small) = (Sha256::new(), String::new());
        for segment in Segments::new(source, true) {
            let statement = &match segment? {
                Segment::Statement(statement) => statement,
                Segment::Copy { statement, .. } => {
                    return Err(TemplateError::Copy { line: line_of(source, statement.range().start) });
                }
                Segment::Meta { range } => {
                    let text = source.get(range.clone()).unwrap_or_default();
                    let command = text.split_whitespace().next().unwrap_or_default().chars();
                    let command = command.filter(|character| !character.is_control()).collect();
                    return Err(TemplateError::Meta { line: line_of(source, range.start), command });
                }
            };
            let start = statement.range().start;
            line += line_of(source.get(counted..start).unwrap_or_default(), start - counted) - 1;
            counted = start;
            let object = Object::of(statement, source);
            if object.action == super::Action::Transaction {
                let word = statement.tokens.first().map(|token| token.text(source).to_uppercase()).unwrap_or_default();
                return Err(TemplateError::Transaction { line, word });
            }
            small.clear();
            minify_into(statement, source, &mut small);
            small.push_str(";\n");
            digest.update(small.as_bytes());
            statements.push(Compiler::new(source, statement).compile(object, line)?);
        }
        Ok(Self { statements, fingerprint: hexadecimal(&digest.finalize()) })
    }
}

impl CompiledStatement {
    /// The statement for one tenant, without a semicolon at its end.
    ///
    /// Semicolons inside a `BEGIN ATOMIC` body come out as `\;`: psql before 14 would cut the body there.
    ///
    /// # Errors
    /// [`TemplateError::Foreign`] for a name that a body in another language cannot hold.
    pub fn render(&self, tenant: &TenantName, output: &mut String) -> Result<(), TemplateError> {
        let name = tenant.as_str();
        let tags = self.tags(tenant);
        let mut next_tag = tags.iter();
        let mut open = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => output.push_str(text),
                Piece::Slot(slot) => {
                    if slot.escapes.contains(&Escape::Foreign) && !is_plain(name) {
                        return Err(TemplateError::Foreign {
                            line: self.line,
                            object: self.object.to_string(),
                            language: self.foreign.clone().unwrap_or_default(),
                            name: name.to_owned(),
                        });
                    }
                    output.push_str(&slot.render(name));
                }
                Piece::EscapeMark(_) if name.contains('\\') => {
                    // `select'…'` is legal, `selectE'…'` another word.
                    let glued = output.bytes().last().is_some_and(crate::sql::token::continues_word);
                    output.push_str(if glued { " E" } else { "E" });
                }
                Piece::EscapeMark(prefix) => output.push_str(prefix),
                Piece::Delimiter { opens: true, .. } => {
                    let tag = next_tag.next().map_or("$$", String::as_str);
                    open.push(tag);
                    output.push_str(tag);
                }
                Piece::Delimiter { opens: false, .. } => output.push_str(open.pop().unwrap_or("$$")),
            }
        }
        Ok(())
    }

    /// Whether the name stands in it as text, not only as an identifier: in a literal, a body, a comment.
    ///
    /// `PostgreSQL` itself renames what is an identifier; text has to be written anew.
    pub fn holds_name_as_text(&self) -> bool {
        self.pieces.iter().any(|piece| match piece {
            Piece::Slot(slot) => !slot.escapes.is_empty() || slot.form == Form::Name,
            Piece::Delimiter { .. } => true,
            Piece::Text(_) | Piece::EscapeMark(_) => false,
        })
    }

    /// The delimiters of the dollar-quoted strings that hold a slot, in order: their own, or others where the name
    /// holds a delimiter and would end the string.
    fn tags(&self, tenant: &TenantName) -> Vec<String> {
        let name = tenant.as_str();
        let taken = |tag: &str| {
            self.pieces.iter().any(|piece| match piece {
                Piece::Text(text) => text.contains(tag),
                Piece::Delimiter { tag: other, .. } => &**other == tag,
                _ => false,
            })
        };
        let fresh = |tag: &str| {
            let mut fresh = tag.to_owned();
            while name.contains(&fresh) || (fresh != tag && taken(&fresh)) {
                fresh = format!("${}_$", fresh.trim_matches('$'));
            }
            fresh
        };
        self.pieces
            .iter()
            .filter_map(|piece| match piece {
                Piece::Delimiter { tag, opens: true } => Some(fresh(tag)),
                _ => None,
            })
            .collect()
    }
}

impl Slot {
    fn render(&self, name: &str) -> String {
        let mut text = match self.form {
            Form::Identifier => quote(name),
            Form::Name => name.to_owned(),
        };
        for escape in &self.escapes {
            text = match escape {
                Escape::Literal if name.contains('\\') => text.replace('\\', "\\\\").replace('\'', "''"),
                Escape::Literal => text.replace('\'', "''"),
                Escape::EscapeLiteral => text.replace('\\', "\\\\").replace('\'', "''"),
                Escape::QuotedIdentifier => text.replace('"', "\"\""),
                Escape::Comment => text.replace(|c: char| c.is_control() || matches!(c, '*' | '/'), "?"),
                Escape::Foreign => text,
            };
        }
        text
    }
}

/// A place in the source where something else than the source's text comes.
struct Mark {
    range: Range<usize>,
    piece: Piece,
}

struct Compiler<'a> {
    source: &'a str,
    statement: &'a Statement,
    marks: Vec<Mark>,
}

impl<'a> Compiler<'a> {
    fn new(source: &'a str, statement: &'a Statement) -> Self {
        Self { source, statement, marks: Vec::new() }
    }

    fn compile(mut self, object: Object, line: usize) -> Result<CompiledStatement, TemplateError> {
        let range = self.statement.range();
        let foreign = foreign_language(self.statement, self.source);
        if foreign.is_some() || self.statement.text(self.source).contains("#{") {
            self.placeholders(foreign.is_some())?;
        }
        self.guard_from_psql();
        self.marks.sort_by_key(|mark| (mark.range.start, mark.range.end));
        let mut pieces = Vec::new();
        let mut at = range.start;
        for mark in self.marks {
            // A mark inside one that was replaced as a whole.
            if mark.range.start < at {
                continue;
            }
            if let Some(text) = self.source.get(at..mark.range.start).filter(|text| !text.is_empty()) {
                pieces.push(Piece::Text(text.into()));
            }
            pieces.push(mark.piece);
            at = mark.range.end;
        }
        if let Some(text) = self.source.get(at..range.end).filter(|text| !text.is_empty()) {
            pieces.push(Piece::Text(text.into()));
        }
        Ok(CompiledStatement { object, line, foreign, pieces })
    }

    fn mark(&mut self, range: Range<usize>, piece: Piece) {
        self.marks.push(Mark { range, piece });
    }

    /// What psql would take for its own outside of quotes: variables (`:name`, `:"name"`) and the semicolons of an
    /// atomic body; and literals whose backslashes depend on `standard_conforming_strings`.
    fn guard_from_psql(&mut self) {
        let statement = self.statement;
        for (index, token) in statement.tokens.iter().enumerate() {
            let text = token.text(self.source);
            match token.kind {
                Kind::Punctuation if text == ";" => {
                    self.mark(token.start..token.end, Piece::Text("\\;".into()));
                }
                Kind::Punctuation if text == ":" => {
                    let next = statement.tokens.get(index + 1);
                    if next.is_some_and(|next| matches!(next.kind, Kind::Word | Kind::Quoted(_) | Kind::String(..))) {
                        self.mark(token.start..token.end, Piece::Text(": ".into()));
                    }
                }
                Kind::String(Prefix::None | Prefix::National, true) if text.contains('\\') => {
                    self.escape_literal(*token);
                }
                _ => {}
            }
        }
    }

    /// `'a\b'` → `E'a\\b'`; slots inside keep their marks and learn the new kind of literal.
    fn escape_literal(&mut self, token: Token) {
        let prefix = if token.text(self.source).starts_with(['n', 'N']) { 1 } else { 0 };
        self.marks.retain(|mark| !(matches!(mark.piece, Piece::EscapeMark(_)) && mark.range.start == token.start));
        self.mark(token.start..token.start + prefix, Piece::Text(" E".into()));
        let backslashes: Vec<usize> =
            token.text(self.source).match_indices('\\').map(|(offset, _)| token.start + offset).collect();
        for at in backslashes {
            self.mark(at..at + 1, Piece::Text("\\\\".into()));
        }
        for mark in &mut self.marks {
            if let Piece::Slot(slot) = &mut mark.piece
                && token.start < mark.range.start
                && mark.range.end < token.end
                && let Some(outermost) = slot.escapes.last_mut()
            {
                *outermost = Escape::EscapeLiteral;
            }
        }
    }

    fn placeholders(&mut self, foreign: bool) -> Result<(), TemplateError> {
        let start = self.statement.range().start;
        let code = Content::verbatim(self.statement.text(self.source), start);
        let shifted = |token: &Token| Token { kind: token.kind, start: token.start - start, end: token.end - start };
        let tokens: Vec<Token> = self.statement.tokens.iter().map(shifted).collect();
        self.tokens(&code, &tokens, &[], foreign)
    }

    fn line(&self, offset: usize) -> usize {
        line_of(self.source, offset)
    }

    /// Finds placeholders in text that is read as SQL. `outer` are the escapes around it, innermost first.
    fn code(&mut self, code: &Content, outer: &[Escape], foreign: bool) -> Result<(), TemplateError> {
        if !code.text.contains("#{") {
            return Ok(());
        }
        self.tokens(code, &tokens_of_template(&code.text), outer, foreign)
    }

    fn tokens(
        &mut self,
        code: &Content,
        tokens: &[Token],
        outer: &[Escape],
        foreign: bool,
    ) -> Result<(), TemplateError> {
        let source = code.text.as_str();
        for (index, token) in tokens.iter().enumerate() {
            let text = token.text(source);
            if text.len() < 3 || !text.contains("#{") {
                continue;
            }
            match token.kind {
                Kind::Placeholder => {
                    let neighbour = |index: Option<usize>| index.and_then(|index| tokens.get(index));
                    let glued = |other: Option<&Token>| {
                        other.is_some_and(|other| matches!(other.kind, Kind::Word | Kind::Number | Kind::Placeholder))
                    };
                    // In a literal that is prose, words may well touch it.
                    if outer.is_empty() && (glued(neighbour(index.checked_sub(1))) || glued(tokens.get(index + 1))) {
                        return Err(TemplateError::Glued { line: self.line(code.source_offset(token.start)) });
                    }
                    self.slots(code, token.start..token.end, Form::Identifier, outer)?;
                }
                Kind::Quoted(_) | Kind::UnicodeQuoted(_) => {
                    self.slots(code, token.start..token.end, Form::Name, &within(Escape::QuotedIdentifier, outer))?;
                }
                Kind::LineComment | Kind::BlockComment(_) => {
                    self.slots(code, token.start..token.end, Form::Name, &within(Escape::Comment, outer))?;
                }
                Kind::String(prefix, true) => {
                    self.string(code, tokens, index, prefix, outer, foreign)?;
                }
                Kind::Dollar(length, true) => self.dollar(code, *token, length, outer, foreign)?,
                // A literal that never ends, inside of another: prose with an apostrophe.
                _ => self.slots(code, token.start..token.end, Form::Identifier, outer)?,
            }
        }
        Ok(())
    }

    fn string(
        &mut self,
        code: &Content,
        tokens: &[Token],
        index: usize,
        prefix: Prefix,
        outer: &[Escape],
        foreign: bool,
    ) -> Result<(), TemplateError> {
        let Some(token) = tokens.get(index).copied() else { return Ok(()) };
        let Some(inner) = content(token, &code.text) else { return Ok(()) };
        let inner = relative(&inner, code);
        let plain = matches!(prefix, Prefix::None | Prefix::National);
        let escapes = within(if plain { Escape::Literal } else { Escape::EscapeLiteral }, outer);
        if plain && inner.text.contains("#{") {
            let at = code.source_offset(token.start);
            let own = self.source.get(at..at + prefix.len()).unwrap_or_default();
            self.mark(at..at + prefix.len(), Piece::EscapeMark(own.into()));
        }
        if foreign && outer.is_empty() && is_body(tokens, index, &code.text) {
            return self.slots(&inner, 0..inner.text.len(), Form::Name, &within(Escape::Foreign, &escapes));
        }
        if inner.text == PLACEHOLDER && !reads_as_identifier(tokens, index, &code.text) {
            return self.slots(&inner, 0..inner.text.len(), Form::Name, &escapes);
        }
        self.code(&inner, &escapes, false)
    }

    fn dollar(
        &mut self,
        code: &Content,
        token: Token,
        length: usize,
        outer: &[Escape],
        foreign: bool,
    ) -> Result<(), TemplateError> {
        let Some(inner) = content(token, &code.text) else { return Ok(()) };
        let inner = relative(&inner, code);
        let tag: Box<str> = code.text.get(token.start..token.start + length).unwrap_or("$$").into();
        for (start, opens) in [(token.start, true), (token.end - length, false)] {
            let range = code.source_offset(start)..code.source_offset(start + length);
            self.mark(range, Piece::Delimiter { tag: tag.clone(), opens });
        }
        if foreign && outer.is_empty() {
            return self.slots(&inner, 0..inner.text.len(), Form::Name, &[Escape::Foreign]);
        }
        self.code(&inner, outer, false)
    }

    /// Marks every placeholder in a range of decoded text.
    fn slots(
        &mut self,
        code: &Content,
        range: Range<usize>,
        form: Form,
        escapes: &[Escape],
    ) -> Result<(), TemplateError> {
        let text = code.text.get(range.clone()).unwrap_or_default();
        for (offset, _) in text.match_indices("#{") {
            let rest = text.get(offset..).unwrap_or_default();
            let length = rest.find('}').map_or(rest.len(), |end| end + 1);
            let start = range.start + offset;
            let source_range = code.source_offset(start)..code.source_offset(start + length);
            match rest.get(..length).unwrap_or_default() {
                PLACEHOLDER => self.mark(source_range, Piece::Slot(Slot { form, escapes: escapes.to_vec() })),
                HASH => self.mark(source_range, Piece::Text("#".into())),
                unknown => {
                    let found = unknown.chars().take(40).collect();
                    return Err(TemplateError::Unknown { line: self.line(source_range.start), found });
                }
            }
        }
        Ok(())
    }
}

fn within(inner: Escape, outer: &[Escape]) -> Vec<Escape> {
    let mut escapes = vec![inner];
    escapes.extend_from_slice(outer);
    escapes
}

/// Content found inside of other content, with offsets in the source.
fn relative(inner: &Content, outer: &Content) -> Content {
    inner.rebased(|offset| outer.source_offset(offset))
}

/// The language of the routine a statement creates, when it is neither SQL nor PL/pgSQL nor compiled.
pub(super) fn foreign_language(statement: &Statement, source: &str) -> Option<String> {
    let tokens: Vec<Token> = statement.significant().collect();
    let create = tokens.first().is_some_and(|token| token.is_word(source, "create"));
    let routine =
        tokens.iter().take(4).any(|token| token.is_word(source, "function") || token.is_word(source, "procedure"));
    if !create || !routine {
        return None;
    }
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate() {
        match token.text(source) {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            _ if depth == 0 && token.is_word(source, "language") => {
                let next = *tokens.get(index + 1)?;
                let language = identifier_value(next, source)
                    .or_else(|| content(next, source).map(|content| content.text.to_ascii_lowercase()))?;
                let known = matches!(language.as_str(), "sql" | "plpgsql" | "c" | "internal");
                return (!known).then_some(language);
            }
            _ => {}
        }
    }
    None
}

/// Whether a literal is what follows the `AS` of a routine.
fn is_body(tokens: &[Token], index: usize, source: &str) -> bool {
    let before = tokens.get(..index).unwrap_or_default();
    before.iter().rev().find(|token| !token.is_trivia()).is_some_and(|token| token.is_word(source, "as"))
}

/// Functions whose text argument is parsed as an identifier.
const IDENTIFIER_FUNCTIONS: &[&str] = &[
    "nextval",
    "currval",
    "setval",
    "to_regclass",
    "to_regnamespace",
    "to_regproc",
    "to_regprocedure",
    "to_regtype",
    "to_regoper",
    "to_regoperator",
    "to_regcollation",
    "pg_get_serial_sequence",
];

/// Whether a literal that holds nothing but the name is parsed as an identifier by what stands around it:
/// `::regnamespace`, `to_regnamespace('…')`, `set_config('search_path', '…')`, `'…' || …`.
///
/// Everywhere else it is the name itself: an item of `SET search_path TO '…'`, an argument of `format('%I', '…')`, a
/// value compared with `nspname`.
pub(super) fn reads_as_identifier(tokens: &[Token], index: usize, source: &str) -> bool {
    let significant = |token: &&Token| !token.is_trivia();
    let mut after = tokens.get(index + 1..).unwrap_or_default().iter().filter(significant);
    let mut before = tokens.get(..index).unwrap_or_default().iter().rev().filter(significant);
    match after.next() {
        Some(token) if token.kind == Kind::Cast => {
            let names: Vec<&Token> = after.take(3).collect();
            if names
                .iter()
                .take_while(|token| token.kind == Kind::Word || token.text(source) == ".")
                .any(|token| token.kind == Kind::Word && token.text(source).to_ascii_lowercase().starts_with("reg"))
            {
                return true;
            }
        }
        Some(token) if token.is(source, "||") => return true,
        Some(token) if token.is_word(source, "as") => {
            if after.next().is_some_and(|token| token.text(source).to_ascii_lowercase().starts_with("reg")) {
                return true;
            }
        }
        _ => {}
    }
    let previous = before.next();
    if previous.is_some_and(|token| token.is(source, "||")) {
        return true;
    }
    match callee(tokens, index, source) {
        Some((name, _)) if IDENTIFIER_FUNCTIONS.contains(&name.as_str()) => true,
        Some((name, arguments)) if name == "set_config" => arguments.contains("search_path"),
        _ => false,
    }
}

/// The function in whose argument list a token stands, past parentheses that only group, and the text of the
/// arguments in front of the token.
pub(super) fn callee(tokens: &[Token], index: usize, source: &str) -> Option<(String, String)> {
    let mut depth = 0_usize;
    let end = tokens.get(index)?.start;
    for (position, token) in tokens.get(..index)?.iter().enumerate().rev() {
        match token.text(source) {
            ")" if token.kind == Kind::Punctuation => depth += 1,
            "(" if token.kind == Kind::Punctuation && depth > 0 => depth -= 1,
            "(" if token.kind == Kind::Punctuation => {
                let before = tokens.get(..position)?.iter().rev().find(|token| !token.is_trivia());
                match before.and_then(|token| identifier_value(*token, source)) {
                    Some(name) if !is_clause(&name) => {
                        return Some((name, source.get(token.end..end).unwrap_or_default().to_owned()));
                    }
                    // Parentheses that group only: look further out.
                    None if before.is_none_or(|token| token.kind != Kind::Punctuation || token.text(source) != "]") => {
                    }
                    _ => return None,
                }
            }
            ";" if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

/// Words that stand in front of a parenthesis without being called.
fn is_clause(word: &str) -> bool {
    matches!(
        word,
        "in" | "any"
            | "all"
            | "some"
            | "and"
            | "or"
            | "not"
            | "values"
            | "check"
            | "using"
            | "as"
            | "where"
            | "when"
            | "then"
            | "else"
            | "default"
            | "on"
            | "select"
            | "return"
            | "if"
            | "elsif"
            | "by"
            | "exists"
            | "with"
            | "array"
            | "row"
            | "from"
            | "is"
            | "case"
            | "union"
            | "limit"
            | "over"
            | "filter"
            | "key"
            | "unique"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rendered(template: &str, name: &str) -> String {
        let template = Template::compile(template).unwrap();
        let mut output = String::new();
        template.statements[0].render(&TenantName::new(name).unwrap(), &mut output).unwrap();
        output
    }

    const ODD: &str = "o'ne\"il.$1";

    #[test]
    fn identifiers_are_quoted_when_they_need_it() {
        assert_eq!(rendered("CREATE TABLE #{prefix}.t ();", "acme"), "CREATE TABLE acme.t ()");
        assert_eq!(rendered("CREATE TABLE #{prefix}.t ();", ODD), "CREATE TABLE \"o'ne\"\"il.$1\".t ()");
        assert_eq!(rendered("SELECT \"x #{prefix}\";", "a\"b"), "SELECT \"x a\"\"b\"");
    }

    #[test]
    fn an_identifier_in_a_literal_is_quoted_then_escaped() {
        assert_eq!(
            rendered("SELECT nextval('#{prefix}.s'::regclass);", ODD),
            "SELECT nextval('\"o''ne\"\"il.$1\".s'::regclass)"
        );
        assert_eq!(rendered("SELECT E'\\t#{prefix}.s';", "a\\b'"), "SELECT E'\\t\"a\\\\b''\".s'");
    }

    #[test]
    fn a_whole_literal_is_the_name_itself_unless_it_is_parsed() {
        for (template, expected) in [
            ("SELECT format('%I', '#{prefix}');", "SELECT format('%I', 'A-b')"),
            (
                "CREATE FUNCTION f() SET search_path TO '#{prefix}', 'x';",
                "CREATE FUNCTION f() SET search_path TO 'A-b', 'x'",
            ),
            ("SELECT '#{prefix}'::regnamespace;", "SELECT '\"A-b\"'::regnamespace"),
            ("SELECT to_regnamespace('#{prefix}');", "SELECT to_regnamespace('\"A-b\"')"),
            ("SELECT '#{prefix}' || '.t';", "SELECT '\"A-b\"' || '.t'"),
            (
                "SELECT set_config('search_path', '#{prefix}', true);",
                "SELECT set_config('search_path', '\"A-b\"', true)",
            ),
            ("SELECT set_config('x.y', '#{prefix}', true);", "SELECT set_config('x.y', 'A-b', true)"),
        ] {
            assert_eq!(rendered(template, "A-b"), expected);
        }
    }

    #[test]
    fn bodies_are_read_as_code() {
        assert_eq!(
            rendered("CREATE FUNCTION f() AS $$ select #{prefix}.t, '#{prefix}', E'#{prefix}.x' $$;", "A'b"),
            "CREATE FUNCTION f() AS $$ select \"A'b\".t, 'A''b', E'\"A''b\".x' $$"
        );
        assert_eq!(
            rendered("CREATE FUNCTION f() AS 'select ''#{prefix}.t''';", "A'b"),
            "CREATE FUNCTION f() AS 'select ''\"A''''b\".t'''"
        );
    }

    #[test]
    fn no_name_ends_a_dollar_quoted_body() {
        assert_eq!(rendered("DO $$ x #{prefix} $$;", "a$$b"), "DO $_$ x \"a$$b\" $_$");
        assert_eq!(rendered("DO $f$ x #{prefix} $f$;", "$f$$f_$"), "DO $f__$ x \"$f$$f_$\" $f__$");
        assert_eq!(rendered("DO $a$ $$ #{prefix} $$ $a$;", "$$"), "DO $a$ $_$ \"$$\" $_$ $a$");
    }

    #[test]
    fn a_backslash_means_the_same_under_both_settings() {
        assert_eq!(rendered("SELECT 'a\\b';", "x"), "SELECT  E'a\\\\b'");
        assert_eq!(rendered("SELECT '#{prefix}.t';", "a\\'"), "SELECT E'\"a\\\\''\".t'");
        assert_eq!(rendered("SELECT '\\#{prefix}.t';", "a\\"), "SELECT  E'\\\\\"a\\\\\".t'");
    }

    #[test]
    fn psql_finds_no_variables_and_no_ends() {
        assert_eq!(rendered("SELECT a[x:\"HOST\"], b::text, c[1:y];", "x"), "SELECT a[x: \"HOST\"], b::text, c[1: y]");
        assert_eq!(
            rendered("CREATE FUNCTION f() BEGIN ATOMIC SELECT 1; END;", "x"),
            "CREATE FUNCTION f() BEGIN ATOMIC SELECT 1\\; END"
        );
    }

    #[test]
    fn a_hash_can_be_written() {
        assert_eq!(rendered("SELECT '#{#}{prefix} #{prefix}.x';", "t"), "SELECT '#{prefix} t.x'");
        assert_eq!(escape_placeholders("a #{prefix} #{b}"), "a #{#}{prefix} #{#}{b}");
    }

    #[test]
    fn names_are_not_rendered_again() {
        assert_eq!(rendered("SELECT #{prefix}.a;", "#{prefix}"), "SELECT \"#{prefix}\".a");
    }

    #[test]
    fn bodies_in_other_languages_take_plain_names_only() {
        let source =
            "CREATE FUNCTION f() RETURNS int LANGUAGE plpython3u AS $$ plpy.execute(\"select #{prefix}.t\") $$;";
        assert!(rendered(source, "acme").contains("acme.t"));
        let template = Template::compile(source).unwrap();
        let error = template.statements[0].render(&TenantName::new("a-b").unwrap(), &mut String::new()).unwrap_err();
        assert!(error.to_string().contains("function f() has a body in plpython3u"), "{error}");
    }

    #[test]
    fn what_a_template_cannot_hold() {
        for (source, expected) in [
            ("SELECT 1;\n\\! id\n", "line 2: psql meta-command '\\!'"),
            ("SELECT #{tenant}.a;", "line 1: unknown placeholder '#{tenant}'"),
            ("SELECT '\n#{x}';", "line 2: unknown placeholder"),
            ("SELECT #{prefix}_x;", "line 1: #{prefix} is only a part"),
            ("COPY a FROM stdin;\n\\.\n", "line 1: COPY data"),
            ("SELECT 1;\nCOMMIT;", "line 2: 'COMMIT' would end"),
            ("SELECT 'a", "line 1: a string literal starts here and never ends"),
        ] {
            let error = Template::compile(source).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }

    proptest! {
        /// Whatever the name, the rendered statement has the same tokens around it and names exactly the schema.
        #[test]
        fn no_name_leaves_its_place(name in "[ -~é\\n]{1,20}|[$'\"\\\\]{1,8}") {
            prop_assume!(TenantName::new(name.clone()).is_ok());
            let output = rendered("SELECT #{prefix}.a, '#{prefix}.b'::regclass, $$ #{prefix}.c '#{prefix}' $$, x;", &name);
            let tokens: Vec<Token> =
                crate::sql::tokens(&output).into_iter().filter(|token| !token.is_trivia()).collect();
            prop_assert_eq!(identifier_value(tokens[1], &output), Some(name.clone()));
            let literal = tokens.iter().find(|t| matches!(t.kind, Kind::String(..))).unwrap();
            let value = content(*literal, &output).unwrap().text;
            prop_assert_eq!(value, format!("{}.b", quote(&name)));
            let body = tokens.iter().find(|t| matches!(t.kind, Kind::Dollar(..))).unwrap();
            let body = content(*body, &output).unwrap().text;
            let inner: Vec<Token> = crate::sql::tokens(&body).into_iter().filter(|token| !token.is_trivia()).collect();
            prop_assert_eq!(identifier_value(inner[0], &body), Some(name.clone()));
            prop_assert_eq!(content(*inner.last().unwrap(), &body).unwrap().text, name);
            prop_assert_eq!(tokens.last().unwrap().text(&output), "x");
        }
    }
}
