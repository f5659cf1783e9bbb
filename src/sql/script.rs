//! A script as psql reads it: statements, COPY data and meta-commands (`psqlscan.l`, `mainloop.c`).

use std::ops::Range;

use super::lexer::{Lexer, tokens};
use super::token::{Token, TokenKind};
use crate::text::slice;

/// A script, cut into segments. Comments and blanks between statements belong to none.
#[derive(Debug)]
pub struct Script<'a> {
    /// The whole text.
    pub source: &'a str,
    /// Its segments, in order.
    pub segments: Vec<Segment>,
}

/// A part of a script.
#[derive(Debug)]
pub enum Segment {
    /// An SQL statement.
    Statement(Statement),
    /// `COPY … FROM stdin` and its lines of data.
    Copy {
        /// The COPY statement itself.
        statement: Statement,
        /// Byte range of the data lines, without the closing `\.`.
        data: Range<usize>,
    },
    /// A psql meta-command, to the end of its line.
    Meta {
        /// Byte range from the backslash to the end of the line.
        range: Range<usize>,
    },
}

/// A statement: its tokens from the first to the last that is not blank, without the closing semicolon.
#[derive(Clone, Debug)]
pub struct Statement {
    /// The tokens, blanks and comments inside included; offsets are those of the script.
    pub tokens: Vec<Token>,
}

impl Statement {
    /// Byte range in the script.
    pub fn range(&self) -> Range<usize> {
        match (self.tokens.first(), self.tokens.last()) {
            (Some(first), Some(last)) => first.start..last.end,
            _ => 0..0,
        }
    }

    /// The text of the statement.
    pub fn text<'a>(&self, source: &'a str) -> &'a str {
        slice(source, self.range())
    }

    /// Tokens that are neither blank nor comment.
    pub fn significant(&self) -> impl Iterator<Item = Token> + '_ {
        self.tokens
            .iter()
            .copied()
            .filter(|token| !token.is_trivia())
    }
}

/// The reason why psql would not read a text to its end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScriptError {
    /// A literal, quoted identifier or comment never ends.
    #[error("line {line}: {what} starts here and never ends; the file may be truncated")]
    Unterminated {
        /// 1-based line on which it starts.
        line: usize,
        /// The kind.
        what: &'static str,
    },
    /// A parenthesis without its partner.
    #[error(
        "line {line}: a parenthesis in this statement has no partner; the file may be truncated"
    )]
    Unbalanced {
        /// 1-based line on which the statement starts.
        line: usize,
    },
    /// COPY data without `\.`.
    #[error("line {line}: the data of this COPY has no closing '\\.'; the file may be truncated")]
    CopyData {
        /// 1-based line of the COPY statement.
        line: usize,
    },
    /// A backslash inside of a statement: psql would take a meta-command from there on.
    #[error(
        "line {line}: a backslash inside a statement starts a psql meta-command; only SQL can stand here"
    )]
    Meta {
        /// 1-based line.
        line: usize,
    },
    /// A byte that no SQL statement can hold there.
    #[error("line {line}: unexpected character {character:?}")]
    Unexpected {
        /// 1-based line.
        line: usize,
        /// The character.
        character: char,
    },
    /// A NUL byte. psql reads lines as C strings and drops what follows it, so that it would see another script.
    #[error("line {line}: a NUL byte, behind which psql would not read the rest of the line")]
    Nul {
        /// 1-based line.
        line: usize,
    },
    /// Text that versions of psql and the server cut into different tokens.
    #[error("line {line}: {what}; psql and the server read this differently")]
    Ambiguous {
        /// 1-based line.
        line: usize,
        /// The text that was found, and the text to write instead.
        what: &'static str,
    },
}

/// The first NUL byte of a text, as an error with its line.
///
/// # Errors
/// [`ScriptError::Nul`].
pub fn refuse_nul(source: &str) -> Result<(), ScriptError> {
    match source.find('\0') {
        Some(at) => Err(ScriptError::Nul {
            line: line_of(source, at),
        }),
        None => Ok(()),
    }
}

/// The 1-based line of a byte offset.
pub fn line_of(source: &str, offset: usize) -> usize {
    source
        .as_bytes()
        .iter()
        .take(offset)
        .filter(|byte| **byte == b'\n')
        .count()
        + 1
}

impl<'a> Script<'a> {
    /// Cuts a script of plain SQL, such as a dump.
    ///
    /// # Errors
    /// Fails if psql would send an unfinished statement at the end of the file.
    pub fn parse(source: &'a str) -> Result<Self, ScriptError> {
        Ok(Self {
            source,
            segments: Segments::new(source, false).collect::<Result<_, _>>()?,
        })
    }

    /// Cuts a template: as [`Script::parse`], with `#{…}` as a token.
    ///
    /// # Errors
    /// See [`Script::parse`].
    pub fn parse_template(source: &'a str) -> Result<Self, ScriptError> {
        Ok(Self {
            source,
            segments: Segments::new(source, true).collect::<Result<_, _>>()?,
        })
    }

    /// One statement of a script that was parsed before, by its text alone.
    pub(crate) fn parse_head(source: &str) -> Statement {
        Statement {
            tokens: tokens(source),
        }
    }

    /// The statements, COPY statements included.
    pub fn statements(&self) -> impl Iterator<Item = &Statement> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Statement(statement) | Segment::Copy { statement, .. } => Some(statement),
            Segment::Meta { .. } => None,
        })
    }

    /// The 1-based line of a byte offset.
    pub fn line(&self, offset: usize) -> usize {
        line_of(self.source, offset)
    }
}

/// The segments of a script, one after the other: no more than one is in memory.
#[derive(Debug)]
pub struct Segments<'a> {
    source: &'a str,
    lexer: Lexer<'a>,
    at: usize,
    /// The text was searched for NUL bytes.
    searched: bool,
    /// After an error there is nothing more.
    failed: bool,
}

/// `psqlscan.l`'s state of one statement.
#[derive(Default)]
struct Depth {
    parentheses: usize,
    begins: usize,
    words: usize,
    /// The part of `CREATE [OR REPLACE] {FUNCTION|PROCEDURE}` that has been read. Only there does
    /// `BEGIN … END` hide semicolons.
    create: Create,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Create {
    #[default]
    Nothing,
    Verb,
    Or,
    Replace,
    Routine,
}

impl Depth {
    /// `is_atomic` says whether the next word is `ATOMIC`.
    ///
    /// psql counts every `BEGIN` of `CREATE FUNCTION`, also one that is a name: such a name is rendered in quotes.
    fn word(&mut self, word: &str, is_atomic: impl FnOnce() -> bool) {
        let is = |keyword: &str| word.eq_ignore_ascii_case(keyword);
        if self.create == Create::Routine {
            if self.parentheses == 0 {
                if (is("begin") && is_atomic()) || (self.begins > 0 && is("case")) {
                    self.begins += 1;
                } else if self.begins > 0 && is("end") {
                    self.begins -= 1;
                }
            }
        } else if self.words < 4 {
            self.create = match (self.words, self.create) {
                (0, _) if is("create") => Create::Verb,
                (1, Create::Verb) if is("or") => Create::Or,
                (2, Create::Or) if is("replace") => Create::Replace,
                (_, Create::Verb | Create::Replace) if is("function") || is("procedure") => {
                    Create::Routine
                }
                _ => Create::Nothing,
            };
            self.words += 1;
        }
    }
}

impl Iterator for Segments<'_> {
    type Item = Result<Segment, ScriptError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let segment = self.segment().transpose();
        self.failed = matches!(segment, Some(Err(_)));
        segment
    }
}

impl<'a> Segments<'a> {
    /// The segments of a script, or of a template.
    pub fn new(source: &'a str, template: bool) -> Self {
        Self {
            source,
            lexer: Lexer::new(source, template),
            at: 0,
            searched: false,
            failed: false,
        }
    }

    fn segment(&mut self) -> Result<Option<Segment>, ScriptError> {
        if !std::mem::replace(&mut self.searched, true) {
            refuse_nul(self.source)?;
        }
        let mut tokens: Vec<Token> = Vec::new();
        let mut depth = Depth::default();
        while let Some(token) = self.lexer.token_at(self.at) {
            self.check(token)?;
            match token.kind {
                _ if token.is_trivia() && tokens.is_empty() => self.at = token.end,
                TokenKind::Backslash if tokens.is_empty() => return Ok(Some(self.meta(token))),
                TokenKind::Backslash => {
                    let line = line_of(self.source, token.start);
                    return Err(ScriptError::Meta { line });
                }
                TokenKind::Punctuation
                    if token.is(self.source, ";")
                        && depth.parentheses == 0
                        && depth.begins == 0 =>
                {
                    self.at = token.end;
                    if !tokens.is_empty() {
                        return self.end(tokens).map(Some);
                    }
                }
                kind => {
                    self.at = token.end;
                    match (kind, token.text(self.source)) {
                        (TokenKind::Word, word) => {
                            depth.word(word, || self.next_is_word(token.end, "atomic"));
                        }
                        (TokenKind::Punctuation, "(") => depth.parentheses += 1,
                        (TokenKind::Punctuation, ")") => {
                            depth.parentheses =
                                depth.parentheses.checked_sub(1).ok_or_else(|| {
                                    ScriptError::Unbalanced {
                                        line: line_of(self.source, token.start),
                                    }
                                })?;
                        }
                        _ => {}
                    }
                    tokens.push(token);
                }
            }
        }
        if depth.parentheses > 0 || depth.begins > 0 {
            let start = tokens.first().map_or(0, |token| token.start);
            return Err(ScriptError::Unbalanced {
                line: line_of(self.source, start),
            });
        }
        if tokens.is_empty() {
            Ok(None)
        } else {
            self.end(tokens).map(Some)
        }
    }

    fn check(&self, token: Token) -> Result<(), ScriptError> {
        let line = || line_of(self.source, token.start);
        if !token.is_terminated() {
            let what = match token.kind {
                TokenKind::BlockComment(_) => "a comment",
                TokenKind::Quoted(_) | TokenKind::UnicodeQuoted(_) => "a quoted identifier",
                TokenKind::Dollar(..) => "a dollar-quoted string",
                _ => "a string literal",
            };
            return Err(ScriptError::Unterminated { line: line(), what });
        }
        if let Some(what) = self.lexer.ambiguity(token) {
            return Err(ScriptError::Ambiguous { line: line(), what });
        }
        if token.kind == TokenKind::Unknown {
            let character = self
                .source
                .get(token.start..)
                .and_then(|rest| rest.chars().next())
                .unwrap_or('\0');
            return Err(ScriptError::Unexpected {
                line: line(),
                character,
            });
        }
        Ok(())
    }

    /// Returns whether the next token that is neither blank nor comment is a keyword, given in lower case.
    fn next_is_word(&self, from: usize, keyword: &str) -> bool {
        let mut at = from;
        while let Some(token) = self.lexer.token_at(at) {
            if !token.is_trivia() {
                return token.is_word(self.source, keyword);
            }
            at = token.end;
        }
        false
    }

    /// Takes a meta-command to the end of its line.
    fn meta(&mut self, backslash: Token) -> Segment {
        let rest = slice(self.source, backslash.start..);
        let end = backslash.start + rest.find('\n').unwrap_or(rest.len());
        self.at = end;
        Segment::Meta {
            range: backslash.start..end,
        }
    }

    /// Ends a statement. After `COPY … FROM stdin`, takes the data too.
    fn end(&mut self, mut tokens: Vec<Token>) -> Result<Segment, ScriptError> {
        while tokens.last().is_some_and(|token| token.is_trivia()) {
            tokens.pop();
        }
        let start_of_statement = tokens.first().map_or(0, |token| token.start);
        let statement = Statement { tokens };
        if !is_copy_from_stdin(&statement, self.source) {
            return Ok(Segment::Statement(statement));
        }
        let truncated = || ScriptError::CopyData {
            line: line_of(self.source, start_of_statement),
        };
        let rest = slice(self.source, self.at..);
        let start = self.at + rest.find('\n').ok_or_else(truncated)? + 1;
        let mut end = start;
        for line in slice(self.source, start..).split_inclusive('\n') {
            if line.trim_end_matches(['\n', '\r']) == "\\." {
                self.at = end + line.len();
                return Ok(Segment::Copy {
                    statement,
                    data: start..end,
                });
            }
            end += line.len();
        }
        Err(truncated())
    }
}

fn is_copy_from_stdin(statement: &Statement, source: &str) -> bool {
    let mut significant = statement.significant();
    if !significant
        .next()
        .is_some_and(|token| token.is_word(source, "copy"))
    {
        return false;
    }
    let words: Vec<Token> = significant
        .filter(|token| token.kind == TokenKind::Word)
        .collect();
    words
        .windows(2)
        .any(|pair| matches!(pair, [from, stdin] if from.is_word(source, "from") && stdin.is_word(source, "stdin")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(source: &str) -> Vec<String> {
        let script = Script::parse(source).unwrap();
        script
            .segments
            .iter()
            .map(|segment| match segment {
                Segment::Statement(statement) => statement.text(source).to_owned(),
                Segment::Copy { statement, data } => {
                    format!(
                        "{} <- {:?}",
                        statement.text(source),
                        source.get(data.clone()).unwrap()
                    )
                }
                Segment::Meta { range } => format!("META {}", source.get(range.clone()).unwrap()),
            })
            .collect()
    }

    #[test]
    fn statements_end_outside_of_quotes_and_parentheses() {
        assert_eq!(
            cut("-- a;\nselect ';' ; /* ; */ select (1;2) ;; select $$;$$"),
            ["select ';'", "select (1;2)", "select $$;$$"]
        );
    }

    #[test]
    fn atomic_bodies_hide_semicolons() {
        assert_eq!(
            cut(
                "create function f() begin atomic select case when true then 1 end; select 2; end; select 3;"
            ),
            [
                "create function f() begin atomic select case when true then 1 end; select 2; end",
                "select 3"
            ]
        );
        assert_eq!(cut("begin; select 1; end;"), ["begin", "select 1", "end"]);
    }

    #[test]
    fn names_like_begin_open_no_block() {
        assert_eq!(
            cut("create function begin.g() as $$x$$; select 1;"),
            ["create function begin.g() as $$x$$", "select 1"]
        );
        assert_eq!(
            cut("create procedure a.begin () as ''; select 1"),
            ["create procedure a.begin () as ''", "select 1"]
        );
        assert_eq!(
            cut("create function f() begin /* x */ atomic select begin from t; end; select 1"),
            [
                "create function f() begin /* x */ atomic select begin from t; end",
                "select 1"
            ]
        );
    }

    #[test]
    fn what_psql_could_read_differently_is_refused() {
        for (source, line) in [
            ("select 1;\nselect 'a\0b';", 2),
            ("-- c\0\nselect 1;", 1),
            ("copy t from stdin;\n\0\n\\.\n", 2),
            ("\n\0", 2),
        ] {
            assert_eq!(
                Script::parse(source).unwrap_err(),
                ScriptError::Nul { line },
                "{source:?}"
            );
        }
        for source in [
            "select $1a$$ '$$ x '",
            "select 1a$$ '$$ x '",
            "select 1_000$$ x $$",
            "select 0x1f$$ x $$",
            "select 1e'\\' '",
            "select $1E'\\' '",
            "select 2.5x",
            "select E'a'\n'b\\'c'",
            "select e'a' -- c\n  'b\\\\\\'c'",
        ] {
            assert!(
                matches!(
                    Script::parse(source),
                    Err(ScriptError::Ambiguous { line: 1, .. })
                ),
                "{source:?} {:?}",
                Script::parse(source)
            );
        }
        for source in [
            "select 1, 1.5e3, .5, $1, 1..2, 0x1f, 1_000, a1$$",
            "select $1$$ x $$",
            "select E'a\\'b'",
            "select E'a'\n'b\\nc'",
            "select 'a'\n'b\\'",
        ] {
            assert!(Script::parse(source).is_ok(), "{source:?}");
        }
    }

    #[test]
    fn copy_data_is_no_sql() {
        assert_eq!(
            cut("copy t from stdin;\n'\\.x\n(\t;\n\\.\nselect 1;"),
            ["copy t from stdin <- \"'\\\\.x\\n(\\t;\\n\"", "select 1"]
        );
        assert!(matches!(
            Script::parse("copy t from stdin;\n1\n"),
            Err(ScriptError::CopyData { line: 1 })
        ));
    }

    #[test]
    fn meta_commands_take_their_line() {
        assert_eq!(
            cut("\\restrict a'b\nselect 1;\n\\unrestrict a'b\n"),
            ["META \\restrict a'b", "select 1", "META \\unrestrict a'b"]
        );
    }

    #[test]
    fn truncation_is_seen() {
        assert_eq!(
            Script::parse("select 1;\nselect 'a").unwrap_err(),
            ScriptError::Unterminated {
                line: 2,
                what: "a string literal"
            }
        );
        assert_eq!(
            Script::parse("select 1 \\g\n").unwrap_err(),
            ScriptError::Meta { line: 1 }
        );
        assert!(matches!(
            Script::parse("create table t (\n a int"),
            Err(ScriptError::Unbalanced { line: 1 })
        ));
    }
}
