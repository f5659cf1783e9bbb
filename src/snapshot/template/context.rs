//! Determines the use of a literal from its context.

use crate::snapshot::object::identifier_value;
use crate::sql::literal::content;
use crate::sql::{Statement, Token, TokenKind};
use crate::text::slice;

/// The language of the routine a statement creates, when it is neither SQL nor PL/pgSQL nor compiled.
pub(in crate::snapshot) fn foreign_language(statement: &Statement, source: &str) -> Option<String> {
    let tokens: Vec<Token> = statement.significant().collect();
    let create = tokens
        .first()
        .is_some_and(|token| token.is_word(source, "create"));
    let routine = tokens
        .iter()
        .take(4)
        .any(|token| token.is_word(source, "function") || token.is_word(source, "procedure"));
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
                let language = identifier_value(next, source).or_else(|| {
                    content(next, source).map(|content| content.text.to_ascii_lowercase())
                })?;
                let known = matches!(language.as_str(), "sql" | "plpgsql" | "c" | "internal");
                return (!known).then_some(language);
            }
            _ => {}
        }
    }
    None
}

/// Returns `true` if a literal follows the `AS` of a routine.
pub(super) fn is_body(tokens: &[Token], index: usize, source: &str) -> bool {
    let before = tokens.get(..index).unwrap_or_default();
    before
        .iter()
        .rev()
        .find(|token| !token.is_trivia())
        .is_some_and(|token| token.is_word(source, "as"))
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

/// Returns `true` if the context parses a literal that holds only the name as an identifier:
/// `::regnamespace`, `to_regnamespace('…')`, `set_config('search_path', '…')`, `'…' || …`.
///
/// Everywhere else it is the name itself: an item of `SET search_path TO '…'`, an argument of `format('%I', '…')`, a
/// value compared with `nspname`.
pub(in crate::snapshot) fn reads_as_identifier(
    tokens: &[Token],
    index: usize,
    source: &str,
) -> bool {
    let significant = |token: &&Token| !token.is_trivia();
    let mut after = tokens
        .get(index + 1..)
        .unwrap_or_default()
        .iter()
        .filter(significant);
    let mut before = tokens
        .get(..index)
        .unwrap_or_default()
        .iter()
        .rev()
        .filter(significant);
    match after.next() {
        Some(token) if token.kind == TokenKind::Cast => {
            let names: Vec<&Token> = after.take(3).collect();
            if names
                .iter()
                .take_while(|token| token.kind == TokenKind::Word || token.text(source) == ".")
                .any(|token| {
                    token.kind == TokenKind::Word
                        && token.text(source).to_ascii_lowercase().starts_with("reg")
                })
            {
                return true;
            }
        }
        Some(token) if token.is(source, "||") => return true,
        Some(token)
            if token.is_word(source, "as")
                && after.next().is_some_and(|token| {
                    token.text(source).to_ascii_lowercase().starts_with("reg")
                }) =>
        {
            return true;
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
pub(crate) fn callee(tokens: &[Token], index: usize, source: &str) -> Option<(String, String)> {
    let mut depth = 0_usize;
    let end = tokens.get(index)?.start;
    for (position, token) in tokens.get(..index)?.iter().enumerate().rev() {
        match token.text(source) {
            ")" if token.kind == TokenKind::Punctuation => depth += 1,
            "(" if token.kind == TokenKind::Punctuation && depth > 0 => depth -= 1,
            "(" if token.kind == TokenKind::Punctuation => {
                let before = tokens
                    .get(..position)?
                    .iter()
                    .rev()
                    .find(|token| !token.is_trivia());
                match before.and_then(|token| identifier_value(*token, source)) {
                    Some(name) if !is_clause(&name) => {
                        return Some((name, slice(source, token.end..end).to_owned()));
                    }
                    // These parentheses only group: check further out.
                    None if before.is_none_or(|token| {
                        token.kind != TokenKind::Punctuation || token.text(source) != "]"
                    }) => {}
                    _ => return None,
                }
            }
            ";" if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

/// Returns `true` if a literal is in the first argument of `format()`.
pub(super) fn is_format(tokens: &[Token], index: usize, source: &str) -> bool {
    callee(tokens, index, source).is_some_and(|(name, arguments)| {
        let mut depth = 0_i32;
        name == "format"
            && !crate::sql::tokens(&arguments).iter().any(|token| {
                depth +=
                    i32::from(token.is(&arguments, "(")) - i32::from(token.is(&arguments, ")"));
                depth == 0 && token.is(&arguments, ",")
            })
    })
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
    use crate::snapshot::template::statement::tests::rendered;

    #[test]
    fn a_whole_literal_is_the_name_itself_unless_it_is_parsed() {
        for (template, expected) in [
            (
                "SELECT format('%I', '#{prefix}');",
                "SELECT format('%I', 'A-b')",
            ),
            (
                "CREATE FUNCTION f() SET search_path TO '#{prefix}', 'x';",
                "CREATE FUNCTION f() SET search_path TO 'A-b', 'x'",
            ),
            (
                "SELECT '#{prefix}'::regnamespace;",
                "SELECT '\"A-b\"'::regnamespace",
            ),
            (
                "SELECT to_regnamespace('#{prefix}');",
                "SELECT to_regnamespace('\"A-b\"')",
            ),
            ("SELECT '#{prefix}' || '.t';", "SELECT '\"A-b\"' || '.t'"),
            (
                "SELECT set_config('search_path', '#{prefix}', true);",
                "SELECT set_config('search_path', '\"A-b\"', true)",
            ),
            (
                "SELECT set_config('x.y', '#{prefix}', true);",
                "SELECT set_config('x.y', 'A-b', true)",
            ),
        ] {
            assert_eq!(rendered(template, "A-b"), expected);
        }
    }
}
