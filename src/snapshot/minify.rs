//! The same SQL without comments, blank lines and needless blanks. Literals, bodies and quoted names stay as they are.

use crate::sql::{ScriptError, Segment, Segments, Statement, Token, TokenKind};

/// One statement a line, with its semicolon.
///
/// # Errors
/// Fails if the text is not a script that psql reads to its end.
pub fn minify(source: &str) -> Result<String, ScriptError> {
    let mut output = String::with_capacity(source.len());
    for segment in Segments::new(source, true) {
        if let Segment::Statement(statement) | Segment::Copy { statement, .. } = segment? {
            minify_into(&statement, source, &mut output);
            output.push_str(";\n");
        }
    }
    Ok(output)
}

/// One statement on one line (but for what its literals hold), without a semicolon.
pub fn minify_statement(statement: &Statement, source: &str) -> String {
    let mut output = String::new();
    minify_into(statement, source, &mut output);
    output
}

pub(super) fn minify_into(statement: &Statement, source: &str, output: &mut String) {
    let mut previous: Option<Token> = None;
    let mut blank = false;
    for token in &statement.tokens {
        if token.is_trivia() {
            blank = true;
            continue;
        }
        if blank
            && previous.is_some_and(|previous| !opens(previous, source) && !closes(*token, source))
        {
            output.push(' ');
        }
        output.push_str(token.text(source));
        previous = Some(*token);
        blank = false;
    }
}

/// No space is needed after it.
fn opens(token: Token, source: &str) -> bool {
    token.kind == TokenKind::Punctuation && matches!(token.text(source), "(" | "[" | "," | ";")
}

/// No blank is needed in front of it.
fn closes(token: Token, source: &str) -> bool {
    token.kind == TokenKind::Punctuation && matches!(token.text(source), ")" | "]" | "," | ";")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn blanks_and_comments_go_literals_stay() {
        assert_eq!(
            minify("-- table t\nCREATE TABLE t (\n    a text DEFAULT 'x  -- y' , -- why\n  b int[ ]\n) ;\n\n/* z */ SELECT\n 1 - -1, $$ a\n  -- b\n$$;").unwrap(),
            "CREATE TABLE t (a text DEFAULT 'x  -- y',b int[]);\nSELECT 1 - -1,$$ a\n  -- b\n$$;\n"
        );
    }

    #[test]
    fn a_continued_string_keeps_its_line_end() {
        assert_eq!(
            minify("SELECT 'a'\n  'b'  'c';").unwrap(),
            "SELECT 'a'\n  'b' 'c';\n"
        );
    }

    fn meaning(source: &str) -> Vec<String> {
        crate::sql::tokens_of_template(source)
            .into_iter()
            .filter(|token| !token.is_trivia())
            .map(|token| token.text(source).to_owned())
            .collect()
    }

    proptest! {
        #[test]
        fn the_tokens_are_the_same(parts in prop::collection::vec(prop::sample::select(vec![
            "select", "'a''b'", "E'x\\'y'", "\"q q\"", "$$ b  b $$", "-- c\n", "/* d */", "#{prefix}", ".", "t", ",",
            "::", "4.5", "=", "-", "\n", "  ", "[1]", "(a)", ":=", "*",
        ]), 0..24)) {
            let source = format!("{};", parts.join(" "));
            let small = minify(&source).unwrap();
            let statements = |text: &str| meaning(text).join("\u{1}").trim_matches(['\u{1}', ';']).to_owned();
            prop_assert_eq!(statements(&small), statements(&source));
            prop_assert!(small.len() <= source.len() + 1);
            prop_assert_eq!(minify(&small).unwrap(), small);
        }
    }
}
