//! Text for people: escaped, clipped, counted.

use std::borrow::Cow;
use std::error::Error;
use std::fmt::{Debug, Display};
use std::slice::SliceIndex;
use std::time::Duration;

/// Writes formatted text to a `String`, which cannot fail.
macro_rules! swrite {
    ($to:expr, $($arguments:tt)*) => {{
        let to: &mut String = &mut $to;
        let _: std::fmt::Result = std::fmt::Write::write_fmt(to, format_args!($($arguments)*));
    }};
}

/// Writes formatted text and a line end to a `String`, which cannot fail.
macro_rules! swriteln {
    ($to:expr, $($arguments:tt)*) => {{
        $crate::text::swrite!($to, $($arguments)*);
        $to.push('\n');
    }};
}

pub(crate) use {swrite, swriteln};

/// The longest text that a report takes from a certificate or a server, in characters.
pub const LIMIT: usize = 200;

/// Returns bytes as lower-case hexadecimal digits, two for each.
pub fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        swrite!(text, "{byte:02x}");
    }
    text
}

/// Returns the part of a text at a range of bytes that was found in the same text.
///
/// # Panics
/// The range does not lie within the text, or splits a character: it was found in another text, and whatever is made of it would be
/// wrong.
#[track_caller]
#[expect(
    clippy::panic,
    reason = "an empty text in its place would become a wrong rename"
)]
#[expect(
    clippy::needless_pass_by_value,
    reason = "ranges are passed by value, as to str::get"
)]
pub fn slice(text: &str, range: impl SliceIndex<str, Output = str> + Debug + Clone) -> &str {
    text.get(range.clone()).unwrap_or_else(|| {
        panic!(
            "the range {range:?} does not belong to this text of {} bytes",
            text.len()
        )
    })
}

/// Escapes what could steer a terminal or break a line, and cuts the text after [`LIMIT`] characters.
///
/// Control characters, also of Unicode's bidirectional kind, come out as `\n`, `\x1b` or `\u{202e}`.
pub fn safe(text: &str) -> String {
    bounded(text, LIMIT)
}

/// Like [`safe`], for bytes that may not be UTF-8.
pub fn safe_bytes(bytes: &[u8]) -> String {
    // A `char` has at most four bytes. Anything after that is cut anyway.
    let end = bytes.len().min(LIMIT * 4 + 8);
    safe(&String::from_utf8_lossy(bytes.get(..end).unwrap_or(bytes)))
}

/// Like [`safe`] with another limit, in characters.
pub fn bounded(text: &str, limit: usize) -> String {
    let mut out = String::with_capacity(text.len().min(limit));
    let mut characters = text.chars();
    for character in characters.by_ref().take(limit) {
        push(&mut out, character);
    }
    if characters.next().is_some() {
        out.push('…');
    }
    out
}

/// Escapes what could steer a terminal, and keeps line ends and tabs; for text that is laid out already.
pub fn printable(text: &str) -> Cow<'_, str> {
    let is_escaped = |character: char| is_steering(character) && !matches!(character, '\n' | '\t');
    if !text.contains(is_escaped) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if is_escaped(character) {
            push(&mut out, character);
        } else {
            out.push(character);
        }
    }
    Cow::Owned(out)
}

/// Cuts the text after `limit` characters and marks the cut with an ellipsis. Escapes nothing.
pub fn clip(text: &str, limit: usize) -> Cow<'_, str> {
    match text.char_indices().nth(limit) {
        None => Cow::Borrowed(text),
        Some((end, _)) => Cow::Owned(format!("{}…", text.get(..end).unwrap_or(text))),
    }
}

/// Cuts two texts to their parts around the first difference, if one of them has more than `limit` characters. Ellipses mark
/// the cuts. Escapes nothing.
pub fn clip_to_difference(left: &str, right: &str, limit: usize) -> (String, String) {
    let is_long = |text: &str| text.chars().nth(limit).is_some();
    if !is_long(left) && !is_long(right) {
        return (left.to_owned(), right.to_owned());
    }
    let pairs = left.chars().zip(right.chars());
    let same = pairs.take_while(|(one, other)| one == other).count();
    // A little of what is the same shows the place. A difference near the beginning needs no cut in front of it.
    let from = same.saturating_sub(limit / 4);
    let part = |text: &str| {
        let rest: String = text.chars().skip(from).collect();
        let mark = if from > 0 { "…" } else { "" };
        format!("{mark}{}", clip(&rest, limit))
    };
    (part(left), part(right))
}

/// Joins the words of a text by single blanks and clips the line as [`bounded`] does.
pub fn one_line(text: &str, limit: usize) -> String {
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        // A char has at most four bytes.
        if line.len() > limit * 4 {
            break;
        }
    }
    bounded(&line, limit)
}

/// `1 tenant`, `2 tenants`.
pub fn plural(count: usize, noun: &str) -> String {
    if count == 1 {
        format!("1 {noun}")
    } else {
        format!("{count} {noun}s")
    }
}

/// At most `most` of the items, and how many more there are: `a, b and 3 more`.
pub fn listed(items: impl IntoIterator<Item = impl Display>, most: usize) -> String {
    let mut text = String::new();
    let mut more = 0;
    for (index, item) in items.into_iter().enumerate() {
        if index >= most {
            more += 1;
        } else {
            let separator = if index == 0 { "" } else { ", " };
            swrite!(text, "{separator}{item}");
        }
    }
    if more > 0 {
        swrite!(text, " and {more} more");
    }
    text
}

/// Milliseconds with one decimal.
pub fn milliseconds(elapsed: Duration) -> f64 {
    (elapsed.as_secs_f64() * 10_000.0).round() / 10.0
}

/// `1.5 s`: a limit of time that was reached.
pub fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

/// `8.7 ms`, `343 ms`, `2.3 s`, `4 min 10 s`: the time that something took, as all reports give it.
pub fn duration(time: Duration) -> String {
    // The units end where rounding would reach the next one.
    if time < Duration::from_micros(9_950) {
        format!("{:.1} ms", time.as_secs_f64() * 1000.0)
    } else if time < Duration::from_micros(999_500) {
        format!("{:.0} ms", time.as_secs_f64() * 1000.0)
    } else if time < Duration::from_millis(99_950) {
        seconds(time)
    } else {
        let seconds = time.as_secs() + u64::from(time.subsec_millis() >= 500);
        format!("{} min {} s", seconds / 60, seconds % 60)
    }
}

/// Breaks lines that are longer than `width` at blanks, and indents what follows by two more than the line's own indent.
///
/// A quotation (`'…'` or `` `…` ``) stays on one line, so that a command can be copied.
pub fn wrap(text: &str, width: usize) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 40);
    for (index, line) in text.split('\n').enumerate() {
        if index > 0 {
            out.push('\n');
        }
        if line.chars().count() <= width {
            out.push_str(line);
        } else {
            wrap_line(line, width, &mut out);
        }
    }
    out
}

fn wrap_line(line: &str, width: usize, out: &mut String) {
    let indent = line.len() - line.trim_start_matches(' ').len();
    let indent = " ".repeat(indent.min(width / 2));
    out.push_str(&indent);
    let mut column = indent.chars().count();
    let mut is_first = true;
    for word in unbreakable(line.trim_start_matches(' ')) {
        let length = word.chars().count();
        if is_first {
            is_first = false;
        } else if column + 1 + length > width {
            swrite!(*out, "\n{indent}  ");
            column = indent.chars().count() + 2;
        } else {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
}

/// The parts of a line between blanks that are not within a quotation.
fn unbreakable(line: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut begin = 0;
    let mut quote = None;
    let mut before = ' ';
    for (at, character) in line.char_indices() {
        match quote {
            None if matches!(character, '\'' | '`') && matches!(before, ' ' | '(' | '=') => {
                // An apostrophe without its partner begins no quotation.
                let rest = slice(line, at + 1..);
                quote = rest.contains(character).then_some(character);
            }
            Some(open) if open == character => quote = None,
            None if character == ' ' => {
                parts.push(slice(line, begin..at));
                begin = at + 1;
            }
            _ => {}
        }
        before = character;
    }
    parts.push(slice(line, begin..));
    parts
}

/// An error and its sources on one line, from the nearest to the root.
///
/// A source whose text the line has already, as with a transparent error, is not repeated.
pub fn error_chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(beneath) = source {
        let reason = beneath.to_string();
        if !text.contains(&reason) {
            swrite!(text, ": {reason}");
        }
        source = beneath.source();
    }
    text
}

fn push(out: &mut String, character: char) {
    match character {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        steering if is_steering(steering) => {
            let code = u32::from(steering);
            if code < 0x100 {
                swrite!(*out, "\\x{code:02x}");
            } else {
                swrite!(*out, "\\u{{{code:04x}}}");
            }
        }
        plain => out.push(plain),
    }
}

/// Control characters and those that reorder or hide text.
fn is_steering(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_have_one_unit_and_at_most_one_decimal() {
        for (microseconds, text) in [
            (123, "0.1 ms"),
            (8_740, "8.7 ms"),
            (9_960, "10 ms"),
            (343_400, "343 ms"),
            (999_600, "1.0 s"),
            (2_291_400, "2.3 s"),
            (99_960_000, "1 min 40 s"),
            (250_400_000, "4 min 10 s"),
        ] {
            assert_eq!(duration(Duration::from_micros(microseconds)), text);
        }
    }

    #[test]
    fn long_lines_break_at_blanks_outside_of_quotations() {
        assert_eq!(
            wrap("one two\n  three four five", 12),
            "one two\n  three four\n    five"
        );
        let command = "run 'psql -c x' to the end";
        assert_eq!(wrap(command, 12), "run\n  'psql -c x'\n  to the end");
        assert_eq!(
            wrap("the tenant's own schema", 14),
            "the tenant's\n  own schema"
        );
        assert_eq!(wrap("exactly", 7), "exactly");
    }

    #[test]
    fn escapes_what_steers_a_terminal() {
        assert_eq!(
            safe("CN=\u{1b}[31mred\nnext\u{202e}"),
            "CN=\\x1b[31mred\\nnext\\u{202e}"
        );
        assert_eq!(safe("Zoë's CA"), "Zoë's CA");
    }

    #[test]
    fn lines_and_tabs_may_stay_and_nothing_else_that_steers() {
        assert_eq!(
            printable("a\u{1b}[31mb\r\n\tc\u{202e}"),
            "a\\x1b[31mb\\r\n\tc\\u{202e}"
        );
        assert!(matches!(printable("plain\n"), Cow::Borrowed("plain\n")));
    }

    #[test]
    fn what_is_clipped_says_so() {
        assert_eq!(clip("ééé", 3), "ééé");
        assert_eq!(clip("éééé", 3), "ééé…");
        assert_eq!(
            one_line("CREATE TABLE t (\n    a\u{7} int\n)", 40),
            "CREATE TABLE t ( a\\x07 int )"
        );
        assert_eq!(one_line(&"é".repeat(1000), 9).chars().count(), 10);
    }

    #[test]
    fn counts_and_times_have_one_form() {
        assert_eq!(
            [0, 1, 2].map(|count| plural(count, "tenant")),
            ["0 tenants", "1 tenant", "2 tenants"]
        );
        assert_eq!(listed(["a", "b", "c"], 3), "a, b, c");
        assert_eq!(listed(["a", "b", "c", "d"], 2), "a, b and 2 more");
        assert!((milliseconds(Duration::from_micros(12_345)) - 12.3).abs() < f64::EPSILON);
        assert_eq!(seconds(Duration::from_millis(1500)), "1.5 s");
    }

    #[test]
    fn cuts_what_is_huge() {
        assert_eq!(safe(&"x".repeat(10_000_000)).chars().count(), LIMIT + 1);
        assert_eq!(
            safe_bytes(&vec![0xff; 10_000_000]).chars().count(),
            LIMIT + 1
        );
    }

    #[test]
    fn long_texts_are_cut_to_where_they_differ() {
        let cut = |left: &str, right: &str| clip_to_difference(left, right, 20);
        let pair = |left: &str, right: &str| (left.to_owned(), right.to_owned());
        assert_eq!(cut("a", "b"), pair("a", "b"));
        let same = "x".repeat(300);
        assert_eq!(
            cut(&format!("{same}one"), &format!("{same}two")),
            pair("…xxxxxone", "…xxxxxtwo")
        );
        assert_eq!(
            cut(&format!("a{same}"), &format!("b{same}")),
            pair("axxxxxxxxxxxxxxxxxxx…", "bxxxxxxxxxxxxxxxxxxx…")
        );
        assert_eq!(
            cut(&same, &format!("{same}, NOT NULL")),
            pair("…xxxxx", "…xxxxx, NOT NULL")
        );
    }

    proptest! {
        #[test]
        fn never_lets_a_control_character_through(bytes: Vec<u8>) {
            let text = safe_bytes(&bytes);
            prop_assert!(!text.chars().any(is_steering));
            prop_assert!(text.chars().count() <= LIMIT * 10 + 1);
        }
    }
}
