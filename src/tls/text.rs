use std::fmt::Write as _;

/// The longest text that a report takes from a certificate or a server, in characters.
pub const LIMIT: usize = 200;

/// Escapes what could steer a terminal or break a line, and cuts the text after [`LIMIT`] characters.
///
/// Control characters, also of Unicode's bidirectional kind, come out as `\n`, `\x1b` or `\u{202e}`.
pub fn safe(text: &str) -> String {
    bounded(text, LIMIT)
}

/// Like [`safe`], for bytes that may not be UTF-8.
pub fn safe_bytes(bytes: &[u8]) -> String {
    // A char is at most four bytes: what lies further behind is cut anyway.
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

fn push(out: &mut String, character: char) {
    match character {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        steering if is_steering(steering) => {
            let code = u32::from(steering);
            // Writing to a String cannot fail.
            let written = if code < 0x100 {
                write!(out, "\\x{code:02x}")
            } else {
                write!(out, "\\u{{{code:04x}}}")
            };
            debug_assert!(written.is_ok(), "writing to a String cannot fail");
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
    fn escapes_what_steers_a_terminal() {
        assert_eq!(
            safe("CN=\u{1b}[31mred\nnext\u{202e}"),
            "CN=\\x1b[31mred\\nnext\\u{202e}"
        );
        assert_eq!(safe("Zoë's CA"), "Zoë's CA");
    }

    #[test]
    fn cuts_what_is_huge() {
        assert_eq!(safe(&"x".repeat(10_000_000)).chars().count(), LIMIT + 1);
        assert_eq!(
            safe_bytes(&vec![0xff; 10_000_000]).chars().count(),
            LIMIT + 1
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
