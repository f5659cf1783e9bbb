use std::fmt;
use std::io;
use std::ops::ControlFlow;

use tokio::io::{AsyncRead, AsyncReadExt};

use super::StderrTail;

const CHUNK: usize = 64 * 1024;

/// Destination of a child's stdout.
pub enum Stdout<'a> {
    /// Keep it for [`Finished::stdout`](super::Finished::stdout), up to this many bytes; more is an error.
    Collect(usize),
    /// Hand over line by line, without the line end.
    Lines {
        /// The longest line in bytes; a longer one is an error.
        limit: usize,
        /// Takes a line; [`ControlFlow::Break`] stops the child.
        take: &'a mut (dyn FnMut(&[u8]) -> ControlFlow<()> + Send),
    },
}

impl fmt::Debug for Stdout<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Collect(limit) => write!(formatter, "Collect({limit})"),
            Self::Lines { limit, .. } => write!(formatter, "Lines({limit})"),
        }
    }
}

/// End of the reading of an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReadEnd {
    /// The child has closed it.
    End,
    /// The child has written the requested line, and nothing after it.
    Mark,
}

/// Reasons why reading stdout ended early.
pub(super) enum ReadError {
    TooLong(usize),
    Refused,
    Io {
        stream: &'static str,
        source: io::Error,
    },
}

fn unreadable(stream: &'static str) -> impl Fn(io::Error) -> ReadError {
    move |source| ReadError::Io { stream, source }
}

/// Reads stdout to its end; what is to be collected goes to `kept`.
pub(super) async fn drain_stdout(
    pipe: Option<impl AsyncRead + Unpin>,
    stdout: Stdout<'_>,
    kept: &mut Vec<u8>,
) -> Result<ReadEnd, ReadError> {
    let Some(mut pipe) = pipe else {
        return Ok(ReadEnd::End);
    };
    match stdout {
        Stdout::Collect(limit) => {
            while read(&mut pipe, kept).await.map_err(unreadable("stdout"))? > 0 {
                if kept.len() > limit {
                    return Err(ReadError::TooLong(limit));
                }
            }
        }
        Stdout::Lines { limit, take } => {
            let mut pending = Vec::new();
            let mut searched = 0;
            while read(&mut pipe, &mut pending)
                .await
                .map_err(unreadable("stdout"))?
                > 0
            {
                give_lines(&mut pending, searched, limit, take)?;
                searched = pending.len();
            }
            if !pending.is_empty() && take(&pending).is_break() {
                return Err(ReadError::Refused);
            }
        }
    }
    Ok(ReadEnd::End)
}

/// Reads stdout up to a line that equals `mark`, or to its end. `kept` gets everything except that
/// line.
pub(super) async fn read_to_mark(
    pipe: &mut (impl AsyncRead + Unpin),
    mark: &[u8],
    limit: usize,
    kept: &mut Vec<u8>,
) -> Result<ReadEnd, ReadError> {
    while read(pipe, kept).await.map_err(unreadable("stdout"))? > 0 {
        if let Some(rest) = without_mark(kept, mark) {
            kept.truncate(rest);
            return Ok(ReadEnd::Mark);
        }
        if kept.len() > limit {
            return Err(ReadError::TooLong(limit));
        }
    }
    Ok(ReadEnd::End)
}

/// Reads stderr up to a line that equals `mark`, or to its end, and keeps its beginning and its
/// end.
pub(super) async fn read_stderr_to_mark(
    pipe: &mut (impl AsyncRead + Unpin),
    mark: &[u8],
    tail: &mut StderrTail,
) -> Result<ReadEnd, ReadError> {
    // Hold back text that may be the mark, until that is known.
    let mut pending = Vec::new();
    while read(pipe, &mut pending)
        .await
        .map_err(unreadable("stderr"))?
        > 0
    {
        if let Some(rest) = without_mark(&pending, mark) {
            tail.push(pending.get(..rest).unwrap_or_default());
            return Ok(ReadEnd::Mark);
        }
        let surplus = pending.len().saturating_sub(mark.len() + 2);
        tail.push(pending.get(..surplus).unwrap_or_default());
        pending.drain(..surplus);
    }
    tail.push(&pending);
    Ok(ReadEnd::End)
}

/// Returns the length of the text before the last line, if that line equals `mark`.
fn without_mark(bytes: &[u8], mark: &[u8]) -> Option<usize> {
    let rest = bytes.strip_suffix(b"\n")?.strip_suffix(mark)?;
    (rest.is_empty() || rest.ends_with(b"\n")).then_some(rest.len())
}

/// Hands over the complete lines in `kept`, of which the first `searched` bytes hold no line end, and removes them.
fn give_lines(
    kept: &mut Vec<u8>,
    mut searched: usize,
    limit: usize,
    take: &mut (dyn FnMut(&[u8]) -> ControlFlow<()> + Send),
) -> Result<(), ReadError> {
    let mut given = 0;
    while let Some(length) = kept
        .get(searched..)
        .and_then(|rest| rest.iter().position(|&byte| byte == b'\n'))
    {
        let end = searched + length;
        let line = kept.get(given..end).unwrap_or_default();
        if line.len() > limit {
            return Err(ReadError::TooLong(limit));
        }
        if take(line).is_break() {
            return Err(ReadError::Refused);
        }
        given = end + 1;
        searched = given;
    }
    kept.drain(..given);
    if kept.len() > limit {
        Err(ReadError::TooLong(limit))
    } else {
        Ok(())
    }
}

/// Reads stderr to its end, keeping both ends of it.
pub(super) async fn drain_stderr(
    pipe: Option<impl AsyncRead + Unpin>,
    tail: &mut StderrTail,
) -> Result<ReadEnd, ReadError> {
    let Some(mut pipe) = pipe else {
        return Ok(ReadEnd::End);
    };
    let mut chunk = Vec::new();
    while read(&mut pipe, &mut chunk)
        .await
        .map_err(unreadable("stderr"))?
        > 0
    {
        tail.push(&chunk);
        chunk.clear();
    }
    Ok(ReadEnd::End)
}

async fn read(pipe: &mut (impl AsyncRead + Unpin), into: &mut Vec<u8>) -> io::Result<usize> {
    into.reserve(CHUNK);
    pipe.read_buf(into).await
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn lines(input: &[u8], limit: usize) -> Result<Vec<String>, &'static str> {
        let mut seen = Vec::new();
        let mut take = |line: &[u8]| {
            seen.push(String::from_utf8_lossy(line).into_owned());
            if line == b"stop" {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        let mut kept = Vec::new();
        let read = drain_stdout(
            Some(input),
            Stdout::Lines {
                limit,
                take: &mut take,
            },
            &mut kept,
        )
        .await;
        assert!(kept.is_empty());
        match read {
            Ok(_) => Ok(seen),
            Err(ReadError::TooLong(_)) => Err("too long"),
            Err(ReadError::Refused) => Err("refused"),
            Err(ReadError::Io { .. }) => Err("io"),
        }
    }

    #[tokio::test]
    async fn lines_are_cut_at_line_ends_and_bounded() {
        assert_eq!(lines(b"", 9).await.unwrap(), Vec::<String>::new());
        assert_eq!(lines(b"a\n\nbc", 9).await.unwrap(), ["a", "", "bc"]);
        assert_eq!(
            lines(b"12345\n12345\n", 5).await.unwrap(),
            ["12345", "12345"]
        );
        assert_eq!(lines(b"123456\n", 5).await.unwrap_err(), "too long");
        assert_eq!(lines(b"1\n123456", 5).await.unwrap_err(), "too long");
        assert_eq!(lines(b"a\nstop\nb", 5).await.unwrap_err(), "refused");
        let long = "x".repeat(3 * CHUNK);
        assert_eq!(
            lines(format!("{long}\ny\n{long}").as_bytes(), 3 * CHUNK)
                .await
                .unwrap(),
            [&*long, "y", &*long]
        );
    }

    #[tokio::test]
    async fn a_mark_is_a_whole_last_line() {
        let mark = async |input: &[u8]| {
            let (mut kept, mut tail) = (Vec::new(), StderrTail::default());
            let out = read_to_mark(&mut &input[..], b"MARK", 99, &mut kept)
                .await
                .unwrap_or(ReadEnd::End);
            let err = read_stderr_to_mark(&mut &input[..], b"MARK", &mut tail)
                .await
                .unwrap_or(ReadEnd::End);
            assert_eq!(
                (out, &*String::from_utf8_lossy(&kept)),
                (err, &*tail.text())
            );
            (out, tail.text())
        };
        assert_eq!(mark(b"MARK\n").await, (ReadEnd::Mark, String::new()));
        assert_eq!(mark(b"a\nMARK\n").await, (ReadEnd::Mark, "a\n".into()));
        assert_eq!(
            mark(b"a\nnoMARK\n").await,
            (ReadEnd::End, "a\nnoMARK\n".into())
        );
        assert_eq!(mark(b"MARK").await, (ReadEnd::End, "MARK".into()));
        assert_eq!(mark(b"MARK\nb").await, (ReadEnd::End, "MARK\nb".into()));
        assert_eq!(mark(b"").await, (ReadEnd::End, String::new()));
    }

    #[tokio::test]
    async fn collected_output_is_bounded() {
        let mut kept = Vec::new();
        assert!(
            drain_stdout(Some(&b"abc"[..]), Stdout::Collect(3), &mut kept)
                .await
                .is_ok()
        );
        assert_eq!(kept, b"abc");
        let mut kept = Vec::new();
        let read = drain_stdout(Some(&b"abcd"[..]), Stdout::Collect(3), &mut kept).await;
        assert!(matches!(read, Err(ReadError::TooLong(3))));
    }
}
