//! Rows as dumps hold them: COPY's text format and INSERT.

use crate::snapshot::object::identifier_value;
use crate::snapshot::template::PLACEHOLDER;
use crate::sql::literal::content;
use crate::sql::token::Prefix;
use crate::sql::{Statement, Token, TokenKind};
use crate::text::slice;

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
    /// `COPY` with options, whose data are of another form.
    #[error("COPY has options that change what its data mean: '{0}'")]
    Options(String),
    /// A backslash in front of a carriage return, or at the end of the data.
    #[error("row {row}: a backslash stands at the end of the line")]
    Backslash {
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
    // The identity column counts on, whatever is given.
    let overrides = tokens
        .windows(2)
        .take(values)
        .any(|pair| matches!(pair, [overriding, user] if overriding.is_word(source, "overriding") && user.is_word(source, "user")));
    if overrides {
        return Err(ValueError::NotALiteral("OVERRIDING USER VALUE".to_owned()));
    }
    let mut rows = Vec::new();
    let mut row = Vec::new();
    let mut depth = 0;
    // True where a value has to follow: behind a parenthesis or comma.
    let mut is_due = false;
    let mut rest = tokens
        .get(values + 1..)
        .unwrap_or_default()
        .iter()
        .peekable();
    while let Some(token) = rest.next() {
        let text = token.text(source);
        match (token.kind, text) {
            (TokenKind::Punctuation, "(") if depth == 0 => {
                depth = 1;
                is_due = true;
            }
            (TokenKind::Punctuation, ")") if depth == 1 && !is_due => {
                depth = 0;
                rows.push(std::mem::take(&mut row));
            }
            (TokenKind::Punctuation, ",") if depth == 0 || !is_due => is_due = depth == 1,
            // `pg_dump --on-conflict-do-nothing`; nothing conflicts in a new tenant.
            (TokenKind::Word, _)
                if depth == 0 && is_do_nothing(*token, rest.clone().copied(), source) =>
            {
                break;
            }
            _ if !is_due => {
                return Err(ValueError::NotALiteral(text.chars().take(40).collect()));
            }
            _ => {
                let sign = match text {
                    "-" | "+" => rest.next_if(|number| number.kind == TokenKind::Number),
                    _ => None,
                };
                let value = match sign {
                    Some(number) => Some(Value::Text(format!("{text}{}", number.text(source)))),
                    None => literal(*token, source),
                };
                let mut cast = Vec::new();
                if rest.next_if(|next| next.kind == TokenKind::Cast).is_some() {
                    while let Some(word) =
                        rest.next_if(|next| next.kind == TokenKind::Word || next.is(source, "."))
                    {
                        cast.push(word.text(source));
                    }
                }
                let value = value.filter(|value| keeps_its_text(value, &cast));
                row.push(value.ok_or_else(|| {
                    ValueError::NotALiteral(
                        [text, &cast.join(" ")].concat().chars().take(40).collect(),
                    )
                })?);
                is_due = false;
            }
        }
    }
    Ok(CopyData {
        columns: columns(statement, source),
        rows,
    })
}

/// The value of one token.
fn literal(token: Token, source: &str) -> Option<Value> {
    let text = token.text(source);
    match token.kind {
        TokenKind::Number => Some(Value::Text(text.to_owned())),
        // The bits, not the digits, are the value.
        TokenKind::String(Prefix::Hex, _) => None,
        TokenKind::String(..) => Some(Value::Text(content(token, source)?.text)),
        TokenKind::Word => match text.to_ascii_lowercase().as_str() {
            "null" => Some(Value::Null),
            "default" => Some(Value::Default),
            boolean @ ("true" | "false") => Some(Value::Text(boolean.to_owned())),
            _ => None,
        },
        _ => None,
    }
}

/// Returns whether a value is the same text behind a cast to a type, so that the column reads the same from it.
fn keeps_its_text(value: &Value, cast: &[&str]) -> bool {
    let (Value::Text(text), [.., last]) = (value, cast) else {
        return true;
    };
    let is_number = |text: &str| {
        let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    let first = cast.first().copied().unwrap_or(last);
    let name = if cast.contains(&".") { last } else { &first };
    match name.to_ascii_lowercase().as_str() {
        "int" | "int2" | "int4" | "int8" | "integer" | "smallint" | "bigint" | "float4"
        | "float8" | "real" | "double" => is_number(text),
        "bool" | "boolean" => text == "true" || text == "false",
        "date" => {
            text.len() == 10
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_digit() || byte == b'-')
        }
        // The zone of the text would be dropped.
        "timestamp" if !cast.iter().any(|word| word.eq_ignore_ascii_case("with")) => {
            text.len() <= 26
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_digit() || b" .:-T".contains(&byte))
                && text.matches('-').count() == 2
        }
        "char" | "character" if cast.len() == 1 => text.chars().count() == 1,
        "name" | "bit" | "time" | "timetz" | "money" => false,
        _ => true,
    }
}

/// Returns `true` for `ON CONFLICT DO NOTHING`, up to the statement's end.
fn is_do_nothing(first: Token, rest: impl Iterator<Item = Token>, source: &str) -> bool {
    std::iter::once(first)
        .chain(rest)
        .map(|token| token.text(source).to_ascii_lowercase())
        .filter(|word| word != ";")
        .eq(["on", "conflict", "do", "nothing"])
}

/// Refuses options of `COPY … FROM stdin` with which its data are not rows of the text format.
pub(super) fn refuse_copy_options(statement: &Statement, source: &str) -> Result<(), ValueError> {
    let tokens: Vec<Token> = statement.significant().collect();
    let stdin = tokens
        .iter()
        .position(|token| token.is_word(source, "stdin"));
    let options = stdin.and_then(|at| tokens.get(at + 1..));
    let harmless = ["with", "(", "freeze", "format", "text", "true", ",", ")"];
    let is_harmless = |token: &Token| {
        harmless
            .iter()
            .any(|word| token.is_word(source, word) || token.is(source, word))
    };
    match options.unwrap_or_default() {
        [] => Ok(()),
        options if options.iter().all(is_harmless) => Ok(()),
        [first, ..] => Err(ValueError::Options(
            slice(source, first.start..statement.range().end)
                .chars()
                .take(40)
                .collect(),
        )),
    }
}

/// The rows of COPY's text format.
pub(super) fn copy_rows(data: &str) -> Result<Vec<Vec<Value>>, ValueError> {
    let mut rows: Vec<Vec<Value>> = Vec::new();
    let mut lines = data.split_terminator('\n');
    while let Some(first) = lines.next() {
        let row = rows.len() + 1;
        // A line feed behind a backslash belongs to the value.
        let mut line = first.to_owned();
        while ends_within_escape(&line) {
            let next = lines.next().ok_or(ValueError::Backslash { row })?;
            line = format!("{line}\n{next}");
        }
        let line = line.strip_suffix('\r').unwrap_or(&line);
        if ends_within_escape(line) {
            return Err(ValueError::Backslash { row });
        }
        let values: Option<Vec<Value>> = copy_fields(line).into_iter().map(copy_value).collect();
        rows.push(values.ok_or(ValueError::Encoding { row })?);
    }
    Ok(rows)
}

/// The fields between the tabs, but for those behind a backslash.
fn copy_fields(line: &str) -> Vec<&str> {
    let mut is_escaped = false;
    line.split(|character| {
        let ends = character == '\t' && !is_escaped;
        is_escaped = character == '\\' && !is_escaped;
        ends
    })
    .collect()
}

/// Returns whether the last character is a backslash that escapes what follows.
fn ends_within_escape(line: &str) -> bool {
    let backslashes = line.bytes().rev().take_while(|byte| *byte == b'\\');
    backslashes.count() % 2 == 1
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
    fn a_backslash_takes_the_next_character_along() {
        assert_eq!(
            copy_rows("1\ta\\\nb\n2\tc\\\\\n3\td\\\te\n").unwrap(),
            [
                [text("1"), text("a\nb")],
                [text("2"), text("c\\")],
                [text("3"), text("d\te")],
            ]
        );
        assert_eq!(
            copy_rows("1\ta\\\\\\\n\nb\n").unwrap(),
            [vec![text("1"), text("a\\\n")], vec![text("b")]]
        );
        for data in ["ok\na\\\r\nb\n", "ok\na\\"] {
            let row = 2;
            assert_eq!(
                copy_rows(data),
                Err(ValueError::Backslash { row }),
                "{data}"
            );
        }
    }

    #[test]
    fn options_of_copy_are_refused() {
        let read = |sql: &str| {
            let script = format!("{sql};\n\\.\n");
            let script = Script::parse(&script).unwrap();
            refuse_copy_options(script.statements().next().unwrap(), sql)
        };
        for sql in [
            "COPY app.t (a) FROM stdin",
            "COPY app.t FROM STDIN WITH (FREEZE)",
            "COPY app.t FROM stdin (FORMAT text, FREEZE true)",
        ] {
            assert_eq!(read(sql), Ok(()), "{sql}");
        }
        for (sql, options) in [
            ("COPY app.t FROM stdin CSV", "CSV"),
            (
                "COPY app.t FROM stdin WITH (FORMAT csv)",
                "WITH (FORMAT csv)",
            ),
            ("COPY app.t FROM stdin DELIMITER ','", "DELIMITER ','"),
            ("COPY app.t FROM stdin WITH (NULL 'x')", "WITH (NULL 'x')"),
            ("COPY app.t FROM stdin (HEADER)", "(HEADER)"),
            ("COPY app.t FROM stdin WHERE a > 1", "WHERE a > 1"),
            (
                "COPY app.t FROM stdin (ENCODING 'LATIN1')",
                "(ENCODING 'LATIN1')",
            ),
        ] {
            let refused = Err(ValueError::Options(options.to_owned()));
            assert_eq!(read(sql), refused, "{sql}");
        }
    }

    #[test]
    fn expressions_are_no_literals() {
        for values in [
            "(1 - 1)",
            "(5-3, 'x')",
            "(- - 1)",
            "('a' || 'b')",
            "(1 2)",
            "(,1)",
            "(1,)",
            "((1))",
            "(X'1F')",
            "('a'::text::name)",
            "(1.7::int)",
            "('2024-01-01 12:00'::date)",
            "('2024-01-01 12:00+02'::timestamp)",
            "('yes'::boolean)",
            "('abc'::char)",
            "('abc'::varchar(2))",
            "(E'a' 'b')",
        ] {
            let source = format!("INSERT INTO app.t VALUES {values}");
            let script = Script::parse(&source).unwrap();
            let read = insert_rows(script.statements().next().unwrap(), &source);
            assert!(
                matches!(read, Err(ValueError::NotALiteral(_))),
                "{values}: {read:?}"
            );
        }
        let source = "INSERT INTO app.t (id) OVERRIDING USER VALUE VALUES (7)";
        let script = Script::parse(source).unwrap();
        assert!(insert_rows(script.statements().next().unwrap(), source).is_err());
    }

    #[test]
    fn casts_that_keep_the_text() {
        let source = "INSERT INTO app.t VALUES ('{}'::jsonb, -7::bigint, '2024-01-01'::date, 'a'::app.mood, \
            '2024-01-01 10:00:00'::timestamp, '2024-01-01 10:00+02'::timestamp with time zone, '1 day'::interval, \
            B'101', 'x'::character varying, NULL::int)";
        let script = Script::parse(source).unwrap();
        let data = insert_rows(script.statements().next().unwrap(), source).unwrap();
        assert_eq!(
            data.rows,
            [[
                text("{}"),
                text("-7"),
                text("2024-01-01"),
                text("a"),
                text("2024-01-01 10:00:00"),
                text("2024-01-01 10:00+02"),
                text("1 day"),
                text("101"),
                text("x"),
                Value::Null
            ]]
        );
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
