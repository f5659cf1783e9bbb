use std::collections::VecDeque;
use std::fmt;

const HEAD: usize = 16 * 1024;
const TAIL: usize = 64 * 1024;

/// A child's stderr: the first 16 KiB and the last 64 KiB, however much there was.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct StderrTail {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    total: u64,
}

impl StderrTail {
    /// Adds bytes at the end.
    pub fn push(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        let (head, rest) = bytes.split_at(bytes.len().min(HEAD - self.head.len()));
        self.head.extend_from_slice(head);
        let rest = rest
            .get(rest.len().saturating_sub(TAIL)..)
            .unwrap_or_default();
        let surplus = (self.tail.len() + rest.len()).saturating_sub(TAIL);
        self.tail.drain(..surplus);
        self.tail.extend(rest);
    }

    /// Number of bytes the child wrote, kept or not.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Number of bytes in the middle that were not kept.
    pub fn left_out(&self) -> u64 {
        self.total - (self.head.len() + self.tail.len()) as u64
    }

    /// The text, bytes that are not UTF-8 replaced; a line says where bytes were left out.
    pub fn text(&self) -> String {
        let (front, back) = self.tail.as_slices();
        if self.left_out() == 0 {
            return String::from_utf8_lossy(&[&self.head, front, back].concat()).into_owned();
        }
        let head = String::from_utf8_lossy(&self.head);
        let tail = [front, back].concat();
        format!(
            "{head}\n[{} bytes left out]\n{}",
            self.left_out(),
            String::from_utf8_lossy(&tail)
        )
    }
}

impl fmt::Debug for StderrTail {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", self.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pushed(chunks: &[&[u8]]) -> StderrTail {
        let mut tail = StderrTail::default();
        for chunk in chunks {
            tail.push(chunk);
        }
        tail
    }

    #[test]
    fn short_text_is_kept_whole_even_when_a_letter_straddles_the_parts() {
        let mut text = "x".repeat(HEAD - 1);
        text.push('é');
        text.push_str("end");
        let tail = pushed(&[text.as_bytes()]);
        assert_eq!(tail.text(), text);
        assert_eq!(pushed(&[b"a\xff", b"b"]).text(), "a\u{fffd}b");
    }

    #[test]
    fn a_flood_keeps_both_ends_and_counts() {
        let mut tail = pushed(&[b"first\n"]);
        for _ in 0..100 {
            tail.push(&[b'.'; 10_000]);
        }
        tail.push(b"\nlast");
        assert_eq!(tail.total(), 1_000_011);
        assert_eq!(tail.left_out(), 1_000_011 - (HEAD + TAIL) as u64);
        let text = tail.text();
        assert!(text.starts_with("first\n.") && text.ends_with(".\nlast"));
        assert!(text.contains(&format!("\n[{} bytes left out]\n", tail.left_out())));
        let huge = pushed(&[&vec![b'z'; HEAD + TAIL + 5]]);
        assert_eq!(huge.left_out(), 5);
    }
}
