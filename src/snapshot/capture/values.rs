//! Rows as dumps hold them: COPY's text format and INSERT.

use crate::snapshot::object::identifier_value;
use crate::snapshot::template::PLACEHOLDER;
use crate::sql::literal::content;
use crate::sql::{Statement, Token, TokenKind};

/// A value of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// NULL.
    Null,
    /// `DEFAULT`, as dumps have it for generated columns.
    Default,
    /// Anything else, as the text that the column's type reads.
    Text(String),
    /// The name of an object of the schema, as template text: a value of `regclass` or a similar
    /// type.
    Name(String),
    /// The schema's own name, as text.
    Schema,
}

impl Value {
    /// Returns the text, if there is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Name(text) => Some(text),
            Self::Schema => Some(PLACEHOLDER),
            Self::Null | Self::Default => None,
        }
    }
}

impl From<Option<String>> for Value {
    fn from(value: Option<String>) -> Self {
        value.map_or(Self::Null, Self::Text)
    }
}

/// The reason why rows cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ValueError {
    /// Octal or hexadecimal escapes of COPY that are no text in UTF-8.
    #[error("row {row}: its escapes are not UTF-8; make the dump with `pg_dump --encoding=UTF8`")]
    Encoding {
        /// 1-based row of the data.
        row: usize,
    },
    /// Not `INSERT INTO t (…) VALUES (…)`.
    #[error("it is not INSERT … VALUES with literals")]
    NotValues,
    /// A value that is not a literal.
    #[error("'{0}' is not a literal")]
    NotALiteral(String),
    /// Two statements for one table name different columns.
    #[error("its statements name different columns")]
    Columns,
}

/// Returns the columns named after the table, `t (a, b)`, or `None` without a list.
pub(super) fn columns(statement: &Statement, source: &str) -> Option<Vec<String>> {
    let tokens: Vec<Token> = statement.significant().collect();
    let end = tokens.iter().position(|token| {
        ["values", "overriding", "from"]
            .iter()
            .any(|word| token.is_word(source, word))
    })?;
    let open = tokens
        .get(..end)?
        .iter()
        .position(|token| token.is(source, "("))?;
    Some(
        tokens
            .get(open..end)?
            .iter()
            .take_while(|token| !token.is(source, ")"))
            .filter_map(|token| identifier_value(*token, source))
            .collect(),
    )
}

/// Rows of a table as a dump holds them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CopyData {
    /// Column names; `None` when the dump does not name them.
    pub columns: Option<Vec<String>>,
    /// Values in the order of the columns.
    pub rows: Vec<Vec<Value>>,
}

impl CopyData {
    /// Adds rows, in the order of the columns that are here.
    pub(super) fn append(&mut self, data: Self) -> Result<(), ValueError> {
        if self.columns == data.columns {
            self.rows.extend(data.rows);
            return Ok(());
        }
        let (Some(to), Some(from)) = (&self.columns, &data.columns) else {
            return Err(ValueError::Columns);
        };
        let order: Option<Vec<usize>> = to
            .iter()
            .map(|name| from.iter().position(|column| column == name))
            .collect();
        let order = order
            .filter(|order| order.len() == from.len())
            .ok_or(ValueError::Columns)?;
        for row in data.rows {
            let row: Option<Vec<Value>> = order.iter().map(|at| row.get(*at).cloned()).collect();
            self.rows.push(row.ok_or(ValueError::Columns)?);
        }
        Ok(())
    }
}

/// The rows of `INSERT INTO t (…) VALUES (…), (…)`.
pub(super) fn insert_rows(statement: &Statement, source: &str) -> Result<CopyData, ValueError> {
    let tokens: Vec<Token> = statement.significant().collect();
    let values = tokens
        .iter()
        .position(|token| token.is_word(source, "values"))
        .ok_or(ValueError::NotValues)?;
    if values
        .checked_sub(1)
        .and_then(|at| tokens.get(at))
        .is_some_and(|token| token.is_word(source, "default"))
    {
        return Ok(CopyData {
            columns: None,
            rows: vec![Vec::new()],
        });
    }
    let mut rows = Vec::new();
    let mut row = Vec::new();
    let mut depth = 0;
    let mut rest = tokens
        .get(values + 1..)
        .unwrap_or_default()
        .iter()
        .peekable();
    while let Some(token) = rest.next() {
        let text = token.text(source);
        match (token.kind, text) {
            (TokenKind::Punctuation, "(") => depth += 1,
            (TokenKind::Punctuation, ")") => {
                depth -= 1;
                rows.push(std::mem::take(&mut row));
            }
            (TokenKind::Punctuation, ",") => {}
            // `pg_dump --on-conflict-do-nothing`; nothing conflicts in a new tenant.
            (TokenKind::Word, _)
                if depth == 0 && is_do_nothing(*token, rest.clone().copied(), source) =>
            {
                break;
            }
            _ if depth != 1 => {
                return Err(ValueError::NotALiteral(text.chars().take(40).collect()));
            }
            (TokenKind::Operator, "-" | "+") => {
                let number = rest.next().map_or("", |number| number.text(source));
                row.push(Value::Text(format!("{text}{number}")));
            }
            (TokenKind::Number, _) => row.push(Value::Text(text.to_owned())),
            (TokenKind::String(..), _) => row.push(Value::Text(
                content(*token, source).ok_or(ValueError::NotValues)?.text,
            )),
            (TokenKind::Word, _) if text.eq_ignore_ascii_case("null") => row.push(Value::Null),
            (TokenKind::Word, _) if text.eq_ignore_ascii_case("default") => {
                row.push(Value::Default);
            }
            (TokenKind::Word, _)
                if text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false") =>
            {
                row.push(Value::Text(text.to_ascii_lowercase()));
            }
            _ => return Err(ValueError::NotALiteral(text.chars().take(40).collect())),
        }
        // A cast after a literal adds nothing to the column's type.
        if rest.peek().is_some_and(|next| next.kind == TokenKind::Cast) && depth == 1 {
            rest.next();
            while rest
                .peek()
                .is_some_and(|next| next.kind == TokenKind::Word || next.is(source, "."))
            {
                rest.next();
            }
        }
    }
    Ok(CopyData {
        columns: columns(statement, source),
        rows,
    })
}

/// Returns `true` for `ON CONFLICT DO NOTHING`, up to the statement's end.
fn is_do_nothing(first: Token, rest: impl Iterator<Item = Token>, source: &str) -> bool {
    std::iter::once(first)
        .chain(rest)
        .map(|token| token.text(source).to_ascii_lowercase())
        .filter(|word| word != ";")
        .eq(["on", "conflict", "do", "nothing"])
}

/// The rows of COPY's text format.
pub(super) fn copy_rows(data: &str) -> Result<Vec<Vec<Value>>, ValueError> {
    data.split_terminator('\n')
        .enumerate()
        .map(|(index, line)| {
            line.strip_suffix('\r')
                .unwrap_or(line)
                .split('\t')
                .map(|field| copy_value(field).ok_or(ValueError::Encoding { row: index + 1 }))
                .collect()
        })
        .collect()
}

/// `CopyReadAttributesText`: backslash escapes, `\N` for NULL. `None` where escapes make bytes that are not UTF-8.
fn copy_value(field: &str) -> Option<Value> {
    if field == "\\N" {
        return Some(Value::Null);
    }
    if !field.contains('\\') {
        return Some(Value::Text(field.to_owned()));
    }
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field.bytes().peekable();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        match rest.next() {
            Some(b'b') => bytes.push(8),
            Some(b'f') => bytes.push(12),
            Some(b'n') => bytes.push(b'\n'),
            Some(b'r') => bytes.push(b'\r'),
            Some(b't') => bytes.push(b'\t'),
            Some(b'v') => bytes.push(11),
            Some(digit @ b'0'..=b'7') => {
                let mut value = u32::from(digit - b'0');
                for _ in 0..2 {
                    match rest.peek() {
                        Some(digit @ b'0'..=b'7') => value = value * 8 + u32::from(digit - b'0'),
                        _ => break,
                    }
                    rest.next();
                }
                bytes.push(u8::try_from(value & 0xff).unwrap_or_default());
            }
            Some(b'x') if rest.peek().is_some_and(u8::is_ascii_hexdigit) => {
                let mut value = 0_u32;
                for _ in 0..2 {
                    let Some(digit) = rest
                        .peek()
                        .and_then(|digit| char::from(*digit).to_digit(16))
                    else {
                        break;
                    };
                    value = value * 16 + digit;
                    rest.next();
                }
                bytes.push(u8::try_from(value).unwrap_or_default());
            }
            Some(other) => bytes.push(other),
            None => bytes.push(b'\\'),
        }
    }
    // The server refuses NUL in a text, too.
    let text = String::from_utf8(bytes).ok()?;
    (!text.contains('\0')).then_some(Value::Text(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::Script;

    fn text(value: &str) -> Value {
        Value::Text(value.to_owned())
    }

    #[test]
    fn copy_text() {
        assert_eq!(
            copy_rows("1\t\\N\ta\\tb\\\\N\n2\t\\x41\\101\tx\n").unwrap(),
            [
                vec![text("1"), Value::Null, text("a\tb\\N")],
                vec![text("2"), text("AA"), text("x")]
            ]
        );
        assert_eq!(copy_rows("").unwrap(), Vec::<Vec<Value>>::new());
        assert_eq!(
            copy_rows("\\303\\244\\xe2\\x82\\xac\n").unwrap(),
            [[text("ä€")]]
        );
        for (data, row) in [
            ("ok\n\\377\n", 2),
            ("a\t\\xe4\n", 1),
            ("\\303\tb\n", 1),
            ("x\\000\n", 1),
        ] {
            assert_eq!(copy_rows(data), Err(ValueError::Encoding { row }), "{data}");
        }
    }

    #[test]
    fn insert_literals() {
        let source = "INSERT INTO a.t (id, \"N\") OVERRIDING SYSTEM VALUE VALUES (-1, 'x''y'), (2.5, NULL), (DEFAULT, E'a\\nb'::text)";
        let script = Script::parse(source).unwrap();
        let data = insert_rows(script.statements().next().unwrap(), source).unwrap();
        assert_eq!(data.columns.unwrap(), ["id", "N"]);
        assert_eq!(
            data.rows,
            [
                [text("-1"), text("x'y")],
                [text("2.5"), Value::Null],
                [Value::Default, text("a\nb")]
            ]
        );
        let read = |source: &str| {
            let script = Script::parse(source).unwrap();
            insert_rows(script.statements().next().unwrap(), source).map(|data| data.rows)
        };
        assert!(read("INSERT INTO t VALUES (now())").is_err());
        assert_eq!(
            read("INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING;").unwrap(),
            [[text("1")]]
        );
        assert!(read("INSERT INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET a = 2").is_err());
        assert_eq!(
            read("INSERT INTO t DEFAULT VALUES").unwrap(),
            [Vec::<Value>::new()]
        );
    }
}
