//! Escapes foreign text for each form of a report.

use crate::text::{bounded, clip, printable, safe, swrite};

/// Escapes text on one line for HTML.
pub(super) fn html(text: &str) -> String {
    entities(&safe(text))
}

/// Escapes text that keeps its lines, such as a function's body, for HTML. At most `limit` characters.
pub(super) fn html_lines(text: &str, limit: usize) -> String {
    entities(&clip(&printable(text), limit))
}

fn entities(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            plain => out.push(plain),
        }
    }
    out
}

/// Escapes text for Markdown, also within a table, as code.
///
/// A code span of Markdown itself would not do: GitHub's tables end a cell at `\\|`, because they read the first
/// backslash as an escape of the second. So marks are entities within an HTML element, which also keeps `@name` from
/// notifying somebody.
pub(super) fn markdown_code(text: &str, limit: usize) -> String {
    format!("<code>{}</code>", markdown(text, limit))
}

/// Escapes text that keeps its lines, such as a function's body, for Markdown, also within a table.
pub(super) fn markdown_code_lines(text: &str, limit: usize) -> String {
    let lines: Vec<String> = clip(text, limit)
        .lines()
        .map(|line| markdown(&line.replace('\t', "    "), usize::MAX))
        .collect();
    format!("<code>{}</code>", lines.join("<br>"))
}

/// Escapes text for Markdown, also within a table.
pub(super) fn markdown(text: &str, limit: usize) -> String {
    let text = bounded(text, limit);
    let mut out = String::with_capacity(text.len());
    let mut before = None;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        // Between letters it emphasises nothing.
        let is_inner = character == '_' && is_word(before) && is_word(characters.peek().copied());
        let is_plain = !character.is_ascii_punctuation()
            || matches!(character, ',' | '/' | '(' | ')' | '=' | '\'' | ';')
            || (matches!(character, '.' | '-') && is_word(before))
            || is_inner;
        if is_plain {
            out.push(character);
        } else {
            swrite!(out, "&#{};", u32::from(character));
        }
        before = Some(character);
    }
    out
}

/// Escapes the value of a label for Prometheus' text format.
pub(super) fn label(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_foreign_is_markup_in_html() {
        assert_eq!(
            html("<script>\"a\" & 'b'</script>\n\u{202e}"),
            "&lt;script&gt;&quot;a&quot; &amp; &#39;b&#39;&lt;/script&gt;\\n\\u{202e}"
        );
        assert_eq!(html_lines("a\n\t<b>\u{1b}", 100), "a\n\t&lt;b&gt;\\x1b");
    }

    #[test]
    fn nothing_foreign_is_markup_in_markdown() {
        for (text, expected) in [
            ("tenant_acme", "tenant_acme"),
            ("_a_", "&#95;a&#95;"),
            ("a|b\\|c", "a&#124;b&#92;&#124;c"),
            ("`x`\n# y", "&#96;x&#96;&#92;n&#35; y"),
            ("@octocat <b>", "&#64;octocat &#60;b&#62;"),
            ("- [x](http://y)", "&#45; &#91;x&#93;(http&#58;//y)"),
        ] {
            assert_eq!(markdown(text, 200), expected);
        }
        assert_eq!(markdown("1. x www.y", 200), "1. x www.y");
    }

    #[test]
    fn a_definition_keeps_its_lines_in_markdown() {
        assert_eq!(
            markdown_code_lines("begin\r\n\tselect 1|2;\n\u{1b}end", 200),
            "<code>begin<br>    select 1&#124;2;<br>&#92;x1bend</code>"
        );
        assert_eq!(markdown_code_lines("a\nbc", 3), "<code>a<br>b…</code>");
    }

    #[test]
    fn a_label_is_one_line() {
        assert_eq!(label("a\"b\\c\nd"), "a\\\"b\\\\c\\nd");
    }
}
