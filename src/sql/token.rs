//! The tokens of `PostgreSQL`'s SQL, after `src/backend/parser/scan.l`, and which bytes they are made of.

use crate::text::slice;

/// The text in a template that stands for the name of the tenant's schema.
pub const PLACEHOLDER: &str = "#{prefix}";

/// The kind of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// Blanks, tabs, line ends.
    Space,
    /// `-- …` up to, not including, the line end.
    LineComment,
    /// `/* … */`, nested; `false` when it never ends.
    BlockComment(bool),
    /// An unquoted identifier or keyword.
    Word,
    /// `"…"`; `false` when it never ends.
    Quoted(bool),
    /// `U&"…"`; `false` when it never ends.
    UnicodeQuoted(bool),
    /// A string literal and its continuations on later lines (`quotecontinue`); `false` when it never ends.
    String(Prefix, bool),
    /// `$tag$ … $tag$`; the length of one delimiter in bytes; `false` when it never ends.
    Dollar(usize, bool),
    /// A number.
    Number,
    /// `$1`.
    Parameter,
    /// `::`
    Cast,
    /// One of `( ) [ ] , ; . :`, or `:=` and `..` as two-byte tokens.
    Punctuation,
    /// A run of operator characters.
    Operator,
    /// `#{…}` in a template; the text names it.
    Placeholder,
    /// A backslash outside of literals: the start of a psql meta-command.
    Backslash,
    /// A byte that starts no token.
    Unknown,
}

/// The prefix of a string literal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prefix {
    /// `'…'`
    None,
    /// `E'…'`
    Escape,
    /// `U&'…'`
    Unicode,
    /// `B'…'`
    Bit,
    /// `X'…'`
    Hex,
    /// `N'…'`
    National,
}

impl Prefix {
    /// Bytes before the first quote.
    pub fn len(self) -> usize {
        match self {
            Self::None => 0,
            Self::Unicode => 2,
            Self::Escape | Self::Bit | Self::Hex | Self::National => 1,
        }
    }

    /// Returns `true` if there is no prefix.
    pub fn is_empty(self) -> bool {
        self == Self::None
    }
}

/// A token: its kind and its byte range in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// The kind.
    pub kind: TokenKind,
    /// Byte offset of its first byte.
    pub start: usize,
    /// Byte offset after its last byte.
    pub end: usize,
}

impl Token {
    /// The text of the token within the text it was lexed from.
    pub fn text(self, source: &str) -> &str {
        slice(source, self.start..self.end)
    }

    /// Returns `true` if the token is whitespace or a comment.
    pub fn is_trivia(self) -> bool {
        matches!(
            self.kind,
            TokenKind::Space | TokenKind::LineComment | TokenKind::BlockComment(_)
        )
    }

    /// Returns `true` if the token is terminated.
    pub fn is_terminated(self) -> bool {
        !matches!(
            self.kind,
            TokenKind::BlockComment(false)
                | TokenKind::Quoted(false)
                | TokenKind::UnicodeQuoted(false)
                | TokenKind::String(_, false)
                | TokenKind::Dollar(_, false)
        )
    }

    /// Returns `true` for an unquoted word equal to `keyword`, which is given in lower case.
    pub fn is_word(self, source: &str, keyword: &str) -> bool {
        self.kind == TokenKind::Word && self.text(source).eq_ignore_ascii_case(keyword)
    }

    /// Returns `true` for the punctuation or operator `text`.
    pub fn is(self, source: &str, text: &str) -> bool {
        matches!(
            self.kind,
            TokenKind::Punctuation | TokenKind::Operator | TokenKind::Cast
        ) && self.text(source) == text
    }
}

/// Returns `true` if a byte can start an unquoted identifier (`ident_start`).
pub fn starts_word(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

/// Returns `true` if a byte can continue an unquoted identifier (`ident_cont`).
pub fn continues_word(byte: u8) -> bool {
    starts_word(byte) || byte.is_ascii_digit() || byte == b'$'
}

/// `space` of `scan.l`: blank, tab, line feed, carriage return, form feed, vertical tab.
pub fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0c | 0x0b)
}

pub(super) fn is_operator(byte: u8) -> bool {
    b"~!@#^&|`?+-*/%<>=".contains(&byte)
}
