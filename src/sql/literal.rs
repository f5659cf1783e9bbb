//! The value of a string literal, with the mapping to the bytes of the source.

use super::token::{Prefix, Token, TokenKind, is_space};

/// The decoded text of a literal; each of its bytes knows where it stands in the source.
#[derive(Clone, Debug)]
pub struct LiteralContent {
    /// The value of the literal.
    pub text: String,
    /// For each byte of `text` the byte offset in the source; one more for the end. Empty when offsets run in step.
    map: Vec<usize>,
    /// Byte offset of the first byte in the source.
    start: usize,
}

impl LiteralContent {
    /// Text that stands in the source as it is, from a byte offset on.
    pub fn verbatim(text: &str, start: usize) -> Self {
        Self {
            text: text.to_owned(),
            map: Vec::new(),
            start,
        }
    }

    /// The same text, its offsets carried over to the source that its source was taken from.
    #[must_use]
    pub fn rebased(&self, outer: impl Fn(usize) -> usize) -> Self {
        let map = (0..=self.text.len())
            .map(|offset| outer(self.source_offset(offset)))
            .collect();
        Self {
            text: self.text.clone(),
            map,
            start: outer(self.start),
        }
    }

    /// The byte offset in the source of a byte of [`LiteralContent::text`].
    pub fn source_offset(&self, offset: usize) -> usize {
        self.map.get(offset).copied().unwrap_or(self.start + offset)
    }
}

/// Decodes a string or dollar-quoted literal; `None` for other tokens and for literals that never end.
pub fn content(token: Token, source: &str) -> Option<LiteralContent> {
    match token.kind {
        TokenKind::Dollar(delimiter, true) => {
            let from = token.start + delimiter;
            let to = token.end - delimiter;
            Some(LiteralContent::verbatim(source.get(from..to)?, from))
        }
        TokenKind::String(prefix, true) => {
            let from = token.start + prefix.len() + 1;
            let raw = source.get(from..token.end - 1)?;
            if raw.bytes().any(|byte| byte == b'\'' || byte == b'\\') {
                Some(decode(raw, from, prefix))
            } else {
                Some(LiteralContent::verbatim(raw, from))
            }
        }
        _ => None,
    }
}

/// The value of a `U&"…"` identifier with the default escape character, given with its prefix and quotes.
pub fn unicode_identifier(text: &str) -> Option<String> {
    let raw = text.get(3..text.len().checked_sub(1)?)?;
    Some(decode(&raw.replace("\"\"", "\""), 0, Prefix::Unicode).text)
}

fn decode(raw: &str, from: usize, prefix: Prefix) -> LiteralContent {
    let mut content = LiteralContent {
        text: String::with_capacity(raw.len()),
        map: Vec::new(),
        start: from,
    };
    let mut index = 0;
    while let Some(rest) = raw.get(index..)
        && let Some(character) = rest.chars().next()
    {
        let (decoded, length) = match character {
            '\'' if rest.starts_with("''") => (Some('\''), 2),
            // Only a continuation has a lone quote inside: blanks and comments up to the next quote.
            '\'' => (None, continuation_length(rest)),
            '\\' if prefix == Prefix::Escape => escape(rest),
            '\\' if prefix == Prefix::Unicode => unicode_escape(rest),
            other => (Some(other), other.len_utf8()),
        };
        if let Some(decoded) = decoded {
            for _ in 0..decoded.len_utf8() {
                content.map.push(from + index);
            }
            content.text.push(decoded);
        }
        index += length;
    }
    content.map.push(from + raw.len());
    content
}

fn continuation_length(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let mut index = 1;
    while let Some(byte) = bytes.get(index) {
        match byte {
            b'\'' => return index + 1,
            b'-' => {
                while bytes
                    .get(index)
                    .is_some_and(|byte| *byte != b'\n' && *byte != b'\r')
                {
                    index += 1;
                }
            }
            byte if is_space(*byte) => index += 1,
            _ => return index,
        }
    }
    rest.len()
}

/// `xeescape`, `xeoctesc`, `xehexesc`, `xeunicode`.
fn escape(rest: &str) -> (Option<char>, usize) {
    let Some(kind) = rest.chars().nth(1) else {
        return (None, 1);
    };
    let number = |from: usize, most: usize, radix: u32| {
        let digits = rest.get(from..).unwrap_or_default();
        let length = digits
            .chars()
            .take(most)
            .take_while(|digit| digit.is_digit(radix))
            .count();
        let value = digits
            .get(..length)
            .and_then(|digits| u32::from_str_radix(digits, radix).ok());
        (value.and_then(char::from_u32), from + length)
    };
    match kind {
        'b' => (Some('\u{8}'), 2),
        'f' => (Some('\u{c}'), 2),
        'n' => (Some('\n'), 2),
        'r' => (Some('\r'), 2),
        't' => (Some('\t'), 2),
        'v' => (Some('\u{b}'), 2),
        '0'..='7' => number(1, 3, 8),
        'x' if rest
            .chars()
            .nth(2)
            .is_some_and(|digit| digit.is_ascii_hexdigit()) =>
        {
            number(2, 2, 16)
        }
        'u' => number(2, 4, 16),
        'U' => number(2, 8, 16),
        other => (Some(other), 1 + other.len_utf8()),
    }
}

/// `\XXXX` and `\+XXXXXX` with the default escape character.
fn unicode_escape(rest: &str) -> (Option<char>, usize) {
    let hex = |from: usize, to: usize| {
        rest.get(from..to)
            .and_then(|digits| u32::from_str_radix(digits, 16).ok())
            .and_then(char::from_u32)
    };
    if rest.starts_with("\\\\") {
        (Some('\\'), 2)
    } else if rest.starts_with("\\+") {
        (hex(2, 8), 8.min(rest.len()))
    } else {
        let length = 5.min(rest.len());
        if rest.is_char_boundary(length) {
            (hex(1, 5), length)
        } else {
            (None, 1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::tokens;

    fn decoded(source: &str) -> (String, Vec<usize>) {
        let token = tokens(source)[0];
        let content = content(token, source).unwrap();
        let offsets = (0..=content.text.len())
            .map(|offset| content.source_offset(offset))
            .collect();
        (content.text, offsets)
    }

    #[test]
    fn plain_and_doubled_quotes() {
        assert_eq!(decoded("'abc'"), ("abc".into(), vec![1, 2, 3, 4]));
        assert_eq!(decoded("'a''b'"), ("a'b".into(), vec![1, 2, 4, 5]));
        assert_eq!(decoded("$x$a'b$x$").0, "a'b");
    }

    #[test]
    fn escapes() {
        assert_eq!(decoded(r"E'a\'b\\c\n\x41\101\u0042'").0, "a'b\\c\nAAB");
        assert_eq!(decoded(r"'a\b'").0, r"a\b");
        assert_eq!(decoded(r"U&'d\0061t\+000061 \\'").0, "data \\");
    }

    #[test]
    fn continued_strings_are_one_value() {
        assert_eq!(
            decoded("'app.'\n  'users'"),
            ("app.users".into(), vec![1, 2, 3, 4, 10, 11, 12, 13, 14, 15])
        );
        assert_eq!(decoded("'a' -- b\n 'c'").0, "ac");
    }

    #[test]
    fn unicode_identifiers() {
        assert_eq!(
            unicode_identifier(r#"U&"\0061p""p""#).as_deref(),
            Some("ap\"p")
        );
        assert_eq!(unicode_identifier("U&\"\"").as_deref(), Some(""));
    }

    proptest::proptest! {
        #[test]
        fn never_panics(source in "(E|U&|)'[\\PC]*'") {
            for token in tokens(&source) {
                let _content = content(token, &source);
            }
        }
    }
}
