//! A lossless lexer for `PostgreSQL`'s SQL, after `src/backend/parser/scan.l`.
//!
//! Tokens cover the text without gaps; errors are flags on tokens, never failures. `standard_conforming_strings` is on.

use super::token::{Prefix, Token, TokenKind, continues_word, is_operator, is_space, starts_word};

/// Cuts SQL into tokens.
pub fn tokens(source: &str) -> Vec<Token> {
    Lexer::new(source, false).run()
}

/// Cuts a template into tokens: as [`tokens`], and `#{…}` outside of quotes is a [`TokenKind::Placeholder`].
pub fn tokens_of_template(source: &str) -> Vec<Token> {
    Lexer::new(source, true).run()
}

/// Reads one token after the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lexer<'a> {
    source: &'a [u8],
    template: bool,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(source: &'a str, template: bool) -> Self {
        Self {
            source: source.as_bytes(),
            template,
        }
    }

    /// The token that starts at a byte offset; `None` at the end.
    pub(super) fn token_at(&self, start: usize) -> Option<Token> {
        (start < self.source.len()).then(|| {
            let (kind, end) = self.token(start);
            Token { kind, start, end }
        })
    }

    fn run(&self) -> Vec<Token> {
        let mut tokens = Vec::with_capacity(self.source.len() / 5);
        let mut start = 0;
        while let Some(token) = self.token_at(start) {
            tokens.push(token);
            start = token.end;
        }
        tokens
    }

    fn at(&self, index: usize) -> u8 {
        self.source.get(index).copied().unwrap_or(0)
    }

    fn rest(&self, from: usize) -> &[u8] {
        self.source.get(from..).unwrap_or_default()
    }

    fn while_(&self, mut index: usize, accept: impl Fn(u8) -> bool) -> usize {
        while index < self.source.len() && accept(self.at(index)) {
            index += 1;
        }
        index
    }

    fn token(&self, start: usize) -> (TokenKind, usize) {
        let byte = self.at(start);
        let next = self.at(start + 1);
        match byte {
            _ if is_space(byte) => (TokenKind::Space, self.while_(start, is_space)),
            b'-' if next == b'-' => (
                TokenKind::LineComment,
                self.while_(start, |byte| byte != b'\n' && byte != b'\r'),
            ),
            b'/' if next == b'*' => self.block_comment(start),
            b'\'' => self.string(start, Prefix::None),
            b'"' => {
                let (end, terminated) = self.quoted(start + 1);
                (TokenKind::Quoted(terminated), end)
            }
            b'e' | b'E' if next == b'\'' => self.string(start, Prefix::Escape),
            b'b' | b'B' if next == b'\'' => self.string(start, Prefix::Bit),
            b'x' | b'X' if next == b'\'' => self.string(start, Prefix::Hex),
            b'n' | b'N' if next == b'\'' => self.string(start, Prefix::National),
            b'u' | b'U' if next == b'&' && self.at(start + 2) == b'\'' => {
                self.string(start, Prefix::Unicode)
            }
            b'u' | b'U' if next == b'&' && self.at(start + 2) == b'"' => {
                let (end, terminated) = self.quoted(start + 3);
                (TokenKind::UnicodeQuoted(terminated), end)
            }
            b'$' => self.dollar(start),
            b'#' if self.template && next == b'{' => self.placeholder(start),
            b':' if next == b':' => (TokenKind::Cast, start + 2),
            b':' if next == b'=' => (TokenKind::Punctuation, start + 2),
            // `dot_dot` of scan.l: a FOR loop of PL/pgSQL over integers.
            b'.' if next == b'.' => (TokenKind::Punctuation, start + 2),
            b'.' if next.is_ascii_digit() => (TokenKind::Number, self.number(start)),
            b'(' | b')' | b'[' | b']' | b',' | b';' | b'.' | b':' => {
                (TokenKind::Punctuation, start + 1)
            }
            b'\\' => (TokenKind::Backslash, start + 1),
            _ if starts_word(byte) => (TokenKind::Word, self.while_(start, continues_word)),
            _ if byte.is_ascii_digit() => (TokenKind::Number, self.number(start)),
            _ if is_operator(byte) => (TokenKind::Operator, self.operator(start)),
            _ => (TokenKind::Unknown, start + 1),
        }
    }

    /// `xcstart` … `xcstop`: comments nest.
    fn block_comment(&self, start: usize) -> (TokenKind, usize) {
        let mut index = start + 2;
        let mut depth = 1;
        while index < self.source.len() {
            match (self.at(index), self.at(index + 1)) {
                (b'/', b'*') => {
                    depth += 1;
                    index += 2;
                }
                (b'*', b'/') => {
                    depth -= 1;
                    index += 2;
                    if depth == 0 {
                        return (TokenKind::BlockComment(true), index);
                    }
                }
                _ => index += 1,
            }
        }
        (TokenKind::BlockComment(false), self.source.len())
    }

    /// Reads from after an opening double quote to after the closing one.
    fn quoted(&self, mut index: usize) -> (usize, bool) {
        while index < self.source.len() {
            if self.at(index) == b'"' {
                if self.at(index + 1) != b'"' {
                    return (index + 1, true);
                }
                index += 1;
            }
            index += 1;
        }
        (self.source.len(), false)
    }

    fn string(&self, start: usize, prefix: Prefix) -> (TokenKind, usize) {
        let mut index = start + prefix.len() + 1;
        while index < self.source.len() {
            match self.at(index) {
                // Only in E'…': with standard_conforming_strings on, a backslash elsewhere is a backslash.
                b'\\' if prefix == Prefix::Escape => index += 2,
                b'\'' if self.at(index + 1) == b'\'' => index += 2,
                b'\'' => match self.continuation(index + 1) {
                    Some(behind_quote) => index = behind_quote,
                    None => return (TokenKind::String(prefix, true), index + 1),
                },
                _ => index += 1,
            }
        }
        (TokenKind::String(prefix, false), self.source.len())
    }

    /// Reason why some psql, or the server, would end a token elsewhere, or `None` for nearly all tokens.
    pub(super) fn ambiguity(&self, token: Token) -> Option<&'static str> {
        let next = self.at(token.end);
        match token.kind {
            // `1a$$` is `1`, `a$$` up to PostgreSQL 14, `1a`, `$$` in 15 and a longer number or an error later
            // (`integer_junk`, `param_junk`): what follows begins a string in one and not in the other.
            TokenKind::Number | TokenKind::Parameter if starts_word(next) => Some(
                "a number or parameter with a letter right behind it; put a blank between them",
            ),
            TokenKind::Number
                if next == b'$' && (token.start..token.end).any(|at| starts_word(self.at(at))) =>
            {
                Some("a number with a dollar sign right behind it; put a blank between them")
            }
            // psql reads line by line: for it, the next line begins a literal of its own, without `E`.
            TokenKind::String(Prefix::Escape, true) if self.is_escaped_in_continuation(token) => {
                Some(
                    "a literal E'…' that goes on in another line with a backslash in front of a quote; write it as one literal",
                )
            }
            _ => None,
        }
    }

    /// Returns whether a literal `E'…'` has `\'` behind its first piece.
    fn is_escaped_in_continuation(&self, token: Token) -> bool {
        let mut index = token.start + Prefix::Escape.len() + 1;
        let mut continued = false;
        while index < token.end {
            match self.at(index) {
                b'\\' if continued && self.at(index + 1) == b'\'' => return true,
                b'\\' => index += 2,
                b'\'' if self.at(index + 1) == b'\'' => index += 2,
                b'\'' => match self.continuation(index + 1) {
                    Some(behind_quote) => {
                        continued = true;
                        index = behind_quote;
                    }
                    None => return false,
                },
                _ => index += 1,
            }
        }
        false
    }

    /// `quotecontinue`: blanks with at least one line end, then another quote. Comments may stand between
    /// (`special_whitespace`) once the line has ended.
    fn continuation(&self, from: usize) -> Option<usize> {
        let mut index = from;
        let mut line_ended = false;
        loop {
            match self.at(index) {
                b'\n' | b'\r' => line_ended = true,
                b'-' if self.at(index + 1) == b'-' => {
                    index = self.while_(index, |byte| byte != b'\n' && byte != b'\r');
                    continue;
                }
                b'\'' if line_ended => return Some(index + 1),
                byte if is_space(byte) => {}
                _ => return None,
            }
            index += 1;
            if index >= self.source.len() {
                return None;
            }
        }
    }

    /// `$1`, `$tag$ … $tag$`, or a lone `$`.
    fn dollar(&self, start: usize) -> (TokenKind, usize) {
        if self.at(start + 1).is_ascii_digit() {
            return (
                TokenKind::Parameter,
                self.while_(start + 1, |byte| byte.is_ascii_digit()),
            );
        }
        // `dolqdelim`: a tag is an identifier without a dollar sign.
        let tag_end = if starts_word(self.at(start + 1)) {
            self.while_(start + 1, |byte| continues_word(byte) && byte != b'$')
        } else {
            start + 1
        };
        if self.at(tag_end) != b'$' {
            return (TokenKind::Unknown, start + 1);
        }
        let delimiter = self.source.get(start..=tag_end).unwrap_or_default();
        let body = tag_end + 1;
        match find(self.rest(body), delimiter) {
            Some(offset) => (
                TokenKind::Dollar(delimiter.len(), true),
                body + offset + delimiter.len(),
            ),
            None => (TokenKind::Dollar(delimiter.len(), false), self.source.len()),
        }
    }

    fn placeholder(&self, start: usize) -> (TokenKind, usize) {
        let end = self.while_(start + 2, |byte| byte != b'}' && byte != b'\n');
        if self.at(end) == b'}' {
            (TokenKind::Placeholder, end + 1)
        } else {
            (TokenKind::Unknown, start + 1)
        }
    }

    fn number(&self, start: usize) -> usize {
        // From 16 on, numbers may have underscores, and begin with 0x, 0o or 0b.
        let digits = |index| self.while_(index, |byte: u8| byte.is_ascii_digit() || byte == b'_');
        if self.at(start) == b'0'
            && matches!(self.at(start + 1), b'x' | b'X' | b'o' | b'O' | b'b' | b'B')
        {
            return self.while_(start + 2, |byte| byte.is_ascii_hexdigit() || byte == b'_');
        }
        let mut end = digits(start);
        // `1..10` is a range of PL/pgSQL, not `1.` and `.10`.
        if self.at(end) == b'.' && self.at(end + 1) != b'.' {
            end = digits(end + 1);
        }
        if matches!(self.at(end), b'e' | b'E') {
            let sign = usize::from(matches!(self.at(end + 1), b'+' | b'-'));
            if self.at(end + 1 + sign).is_ascii_digit() {
                end = digits(end + 1 + sign);
            }
        }
        end
    }

    /// `operator`: a run that ends where a comment starts.
    fn operator(&self, start: usize) -> usize {
        let mut end = start + 1;
        while is_operator(self.at(end)) && end < self.source.len() {
            let pair = (self.at(end), self.at(end + 1));
            // `a<--b` is `a < ` and a comment, as for the server.
            if pair == (b'-', b'-')
                || pair == (b'/', b'*')
                || (self.template && pair == (b'#', b'{'))
            {
                break;
            }
            end += 1;
        }
        end
    }
}

/// The offset of `needle` in `haystack`.
fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    let first = *needle.first()?;
    let mut from = 0;
    while let Some(offset) = haystack.get(from..)?.iter().position(|byte| *byte == first) {
        let at = from + offset;
        if haystack.get(at..)?.starts_with(needle) {
            return Some(at);
        }
        from = at + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn kinds(source: &str) -> Vec<String> {
        tokens(source)
            .iter()
            .filter(|token| token.kind != TokenKind::Space)
            .map(|token| format!("{} {:?}", token.text(source), token.kind))
            .collect()
    }

    #[test]
    fn words_and_strings() {
        assert_eq!(
            kinds(r#"SELECT a."B c"::text"#),
            [
                "SELECT Word",
                "a Word",
                ". Punctuation",
                "\"B c\" Quoted(true)",
                ":: Cast",
                "text Word"
            ]
        );
        assert_eq!(
            kinds("E'a\\'b' 'c''d' U&'x' n'y'"),
            [
                "E'a\\'b' String(Escape, true)",
                "'c''d' String(None, true)",
                "U&'x' String(Unicode, true)",
                "n'y' String(National, true)"
            ]
        );
    }

    #[test]
    fn a_string_goes_on_behind_a_line_end_only() {
        assert_eq!(kinds("'a'\n  'b'"), ["'a'\n  'b' String(None, true)"]);
        assert_eq!(kinds("'a' 'b'").len(), 2);
        assert_eq!(
            kinds("E'a'\n'b\\'c'"),
            ["E'a'\n'b\\'c' String(Escape, true)"]
        );
        assert_eq!(
            kinds("'a' -- why\n'b'"),
            ["'a' -- why\n'b' String(None, true)"]
        );
    }

    #[test]
    fn dollar_quotes_nest_by_tag() {
        assert_eq!(
            kinds("$$a $b$ c $b$ d$$ $1 $x$ $$ $x$"),
            [
                "$$a $b$ c $b$ d$$ Dollar(2, true)",
                "$1 Parameter",
                "$x$ $$ $x$ Dollar(3, true)"
            ]
        );
        assert_eq!(kinds("a$b$ c"), ["a$b$ Word", "c Word"]);
        assert_eq!(kinds("$a$ b"), ["$a$ b Dollar(3, false)"]);
    }

    #[test]
    fn comments_nest_and_cut_operators() {
        assert_eq!(
            kinds("a/* /* */ */b --c\n+--d"),
            [
                "a Word",
                "/* /* */ */ BlockComment(true)",
                "b Word",
                "--c LineComment",
                "+ Operator",
                "--d LineComment"
            ]
        );
    }

    #[test]
    fn numbers_and_ranges() {
        assert_eq!(
            kinds("1..10 1.5e-3 .5 0x1F x.5"),
            [
                "1 Number",
                ".. Punctuation",
                "10 Number",
                "1.5e-3 Number",
                ".5 Number",
                "0x1F Number",
                "x Word",
                ".5 Number"
            ]
        );
    }

    #[test]
    fn placeholders_only_in_templates() {
        let source = "a #{prefix}.b <#{x}";
        let found: Vec<_> = tokens_of_template(source)
            .into_iter()
            .filter(|token| token.kind == TokenKind::Placeholder)
            .map(|token| token.text(source))
            .collect();
        assert_eq!(found, ["#{prefix}", "#{x}"]);
        assert!(
            tokens(source)
                .iter()
                .all(|token| token.kind != TokenKind::Placeholder)
        );
    }

    /// Boundaries of everything that hides text from a rewriter, as squawk's lexer sees them.
    fn by_squawk(source: &str) -> Vec<(usize, usize)> {
        use squawk_lexer::TokenKind as S;
        let mut at = 0;
        let mut ranges = Vec::new();
        for token in squawk_lexer::tokenize(source) {
            let end = at + usize::try_from(token.len).unwrap();
            if matches!(
                token.kind,
                S::Ident | S::QuotedIdent { .. } | S::LineComment | S::BlockComment { .. }
            ) || matches!(token.kind, S::Literal { .. })
                && source.get(at..end).unwrap().ends_with(['\'', '$'])
            {
                ranges.push((at, end));
            }
            at = end;
        }
        ranges
    }

    fn by_us(source: &str) -> Vec<(usize, usize)> {
        tokens(source)
            .iter()
            .filter(|token| {
                matches!(
                    token.kind,
                    TokenKind::Word
                        | TokenKind::Quoted(_)
                        | TokenKind::LineComment
                        | TokenKind::BlockComment(_)
                        | TokenKind::String(..)
                        | TokenKind::Dollar(..)
                )
            })
            .map(|token| (token.start, token.end))
            .collect()
    }

    proptest! {
        #[test]
        fn tokens_cover_any_text(source in "\\PC*|[ -~\\n]{0,80}") {
            let mut at = 0;
            for token in tokens(&source) {
                prop_assert_eq!(token.start, at);
                prop_assert!(source.is_char_boundary(token.end));
                at = token.end;
            }
            prop_assert_eq!(at, source.len());
        }

        #[test]
        fn boundaries_agree_with_squawk(parts in prop::collection::vec(prop::sample::select(vec![
            "select", " ", "'a''b'", "E'x\\'y'", "\"q\"\"r\"", "$$b$$", "$t$ ' $t$", "-- c\n", "/* d /* e */ */",
            "app.t", "(", ")", ",", ";", "::", "42", " = ", "\n", "x", "U&\"z\"", "B'01'",
        ]), 0..20)) {
            // Blanks between parts: glued parts (`x'a'`) and continued strings are where squawk differs by design.
            let source = parts.join(" ");
            let continued = tokens(&source)
                .iter()
                .any(|token| matches!(token.kind, TokenKind::String(..)) && token.text(&source).contains('\n'));
            if !continued && !source.contains('U') {
                prop_assert_eq!(by_us(&source), by_squawk(&source));
            }
        }
    }
}
