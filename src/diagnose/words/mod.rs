//! The words of a client's stderr: lines taken apart, and the table that says what each sentence means.

mod line;
mod rows;

pub(super) use line::{Endpoint, MessageLine, Voice};
pub use rows::{MessageRow, ROWS};

/// The first row whose pattern fits a line.
///
/// A row of a server or pooler fits only what came from the other side; a row of libpq, OpenSSL or the network fits only what
/// was said on this side. So no word of a server is ever taken for silence.
pub(super) fn find(line: &MessageLine<'_>) -> Option<&'static MessageRow> {
    ROWS.iter().find(|row| {
        row.speaker.sends_messages() == (line.voice != Voice::Client) && fits(row, line)
    })
}

fn fits(row: &MessageRow, line: &MessageLine<'_>) -> bool {
    matches(row.pattern, line.words)
}

/// Returns `true` if a text matches a pattern in which `*` stands for any text.
///
/// The whole text has to fit: a sentence inside another one is another sentence.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    // `split` yields at least one part.
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.split_once(part) {
            Some((_, behind)) => rest = behind,
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod sentences;
#[cfg(test)]
mod tests;
