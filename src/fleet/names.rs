//! Reads tenants' names from a list, one per line, as the bytes arrive.

use crate::sql::{NameError, TenantName};
use crate::text::clip;

/// Maximum number of bytes of a line that are kept. No name is nearly as long.
const LIMIT: usize = 1024;

/// A line of a list that is not a tenant's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct LineError {
    /// 1-based line.
    pub line: usize,
    /// The line's text up to the first byte that is not UTF-8, at most 200 characters.
    pub text: String,
    /// The problem.
    pub problem: LineProblem,
}

/// The problem with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LineProblem {
    /// The file is not UTF-8.
    #[error("not UTF-8")]
    Encoding,
    /// The line is too long.
    #[error("more than {LIMIT} bytes; PostgreSQL's identifiers have at most 63")]
    TooLong,
    /// No schema can have this name.
    #[error(transparent)]
    Name(#[from] NameError),
}

/// Splits bytes into lines, and parses each as a name. Blank lines are skipped, and CR LF ends a
/// line as LF does. Everything else in a line belongs to the name.
#[derive(Debug, Default)]
pub struct NameLines {
    /// True if a line that begins with `#` is a comment.
    has_comments: bool,
    line: usize,
    kept: Vec<u8>,
    overlong: bool,
}

impl NameLines {
    /// Reads the lines of a file that people edit: one that begins with `#` is a comment. On stdin, where programs write,
    /// each line is a name.
    pub fn for_file() -> Self {
        Self {
            has_comments: true,
            ..Self::default()
        }
    }

    /// Takes bytes, and returns the names of the lines that they complete.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Result<TenantName, LineError>> {
        let mut names = Vec::new();
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (content, ends) = match part.split_last() {
                Some((b'\n', content)) => (content, true),
                _ => (part, false),
            };
            let room = (LIMIT + 1).saturating_sub(self.kept.len());
            self.overlong |= content.len() > room;
            self.kept
                .extend_from_slice(content.get(..room).unwrap_or(content));
            if ends {
                names.extend(self.end_of_line());
            }
        }
        names
    }

    /// Ends the list, and returns the name of a last line without a line end.
    pub fn finish(mut self) -> Option<Result<TenantName, LineError>> {
        self.end_of_line()
    }

    fn end_of_line(&mut self) -> Option<Result<TenantName, LineError>> {
        self.line += 1;
        let bytes = std::mem::take(&mut self.kept);
        let overlong = std::mem::take(&mut self.overlong);
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(&bytes);
        let bytes = if self.line == 1 {
            bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
        } else {
            bytes
        };
        let is_comment = self.has_comments && bytes.starts_with(b"#");
        if is_comment || bytes.trim_ascii().is_empty() {
            return None;
        }
        let name = match std::str::from_utf8(bytes) {
            _ if overlong || bytes.len() > LIMIT => Err(LineProblem::TooLong),
            Ok(name) => TenantName::new(name).map_err(LineProblem::from),
            Err(_) => Err(LineProblem::Encoding),
        };
        let text = || clip(&String::from_utf8_lossy(bytes), 200).into_owned();
        Some(name.map_err(|problem| LineError {
            line: self.line,
            text: text(),
            problem,
        }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(chunks: &[&[u8]]) -> Vec<Result<String, String>> {
        names_in(NameLines::default(), chunks)
    }

    fn names_in(mut lines: NameLines, chunks: &[&[u8]]) -> Vec<Result<String, String>> {
        let mut names: Vec<_> = chunks.iter().flat_map(|chunk| lines.push(chunk)).collect();
        names.extend(lines.finish());
        names
            .into_iter()
            .map(|name| {
                name.map(|name| name.to_string())
                    .map_err(|error| error.to_string())
            })
            .collect()
    }

    #[test]
    fn one_name_a_line_whatever_is_in_it() {
        let list = b"\xef\xbb\xbfacme\r\n\n  \n# no comment\n a \nlast";
        let expected = ["acme", "# no comment", " a ", "last"].map(|name| Ok(name.to_owned()));
        assert_eq!(names(&[list]), expected);
    }

    #[test]
    fn a_file_has_comments_at_the_beginning_of_lines() {
        let list = b"\xef\xbb\xbf# customers\nacme\r\n#globex\n #1 \na#b\n#";
        let expected = ["acme", " #1 ", "a#b"].map(|name| Ok(name.to_owned()));
        assert_eq!(names_in(NameLines::for_file(), &[list]), expected);
        let cut: Vec<&[u8]> = list.chunks(1).collect();
        assert_eq!(names_in(NameLines::for_file(), &cut), expected);
        assert_eq!(names(&[list]).len(), 6);
        // A comment is not judged, and its line is counted.
        let long = [&b"#"[..], &[b'x'; 5000], b"\n#\xff\npg_x\n"].concat();
        let error = names_in(NameLines::for_file(), &[&long])
            .pop()
            .unwrap()
            .unwrap_err();
        assert!(error.starts_with("line 3: "), "{error}");
    }

    #[test]
    fn bad_lines_are_named_and_the_next_is_read() {
        let long = [b'x'; 5000];
        assert_eq!(
            names(&[b"a\0b\n", b"\xff\xfe\n", &long, &long, b"\npg_x\nok\n"]),
            [
                Err("line 1: the name 'a\\0b' has a NUL byte, which no identifier can hold".to_owned()),
                Err("line 2: not UTF-8".to_owned()),
                Err("line 3: more than 1024 bytes; PostgreSQL's identifiers have at most 63".to_owned()),
                Err("line 4: the name 'pg_x' begins with 'pg_', which PostgreSQL reserves for its own schemas"
                    .to_owned()),
                Ok("ok".to_owned()),
            ]
        );
    }

    proptest! {
        #[test]
        fn where_the_bytes_are_cut_does_not_matter(
            list in prop::collection::vec(prop::sample::select(b"ab \r\n\xc3\xa9\0".to_vec()), 0..60), cut in 0usize..60
        ) {
            let (front, back) = list.split_at(cut.min(list.len()));
            prop_assert_eq!(names(&[front, back]), names(&[&list]));
        }
    }
}
