use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::deadline::Deadline;

/// The request for TLS: its length, then the code 80877103.
/// <https://www.postgresql.org/docs/current/protocol-message-formats.html>
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// A server's answer to the request for TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsAnswer {
    /// `S`: go ahead.
    Willing,
    /// `N`: no TLS here.
    Unwilling,
    /// `E`: an error of the server, safe to print; it may be full or starting.
    Error(String),
    /// Anything else is not `PostgreSQL`; the first bytes, safe to print.
    Rubbish(String),
    /// It closed the connection.
    Closed,
    /// Nothing came in time.
    Silent,
}

/// Sends the request for TLS and reads the answer.
pub async fn request_tls(stream: &mut TcpStream, deadline: Deadline) -> TlsAnswer {
    deadline.run(ask(stream)).await.unwrap_or(TlsAnswer::Silent)
}

async fn ask(stream: &mut TcpStream) -> TlsAnswer {
    let mut byte = [0_u8; 1];
    if stream.write_all(&SSL_REQUEST).await.is_err() || stream.read_exact(&mut byte).await.is_err()
    {
        return TlsAnswer::Closed;
    }
    match byte {
        [b'S'] => TlsAnswer::Willing,
        [b'N'] => TlsAnswer::Unwilling,
        [first] => {
            let rest = some_more(stream).await;
            if first == b'E' && rest.first() == Some(&0) {
                // ErrorResponse: a length of four bytes, then fields.
                let message = super::startup::error_message(rest.get(4..).unwrap_or_default());
                return TlsAnswer::Error(
                    message.unwrap_or_else(|| "an error without words".to_owned()),
                );
            }
            if first == b'E'
                && let Some(message) = bare_error(&rest)
            {
                return TlsAnswer::Error(message);
            }
            let bytes: Vec<u8> = std::iter::once(first).chain(rest).collect();
            TlsAnswer::Rubbish(crate::text::bounded(&String::from_utf8_lossy(&bytes), 80))
        }
    }
}

/// An error in the form of protocol 2: bare words. The postmaster says so that it cannot start a process (`report_fork_failure_to_client`
/// in `postmaster.c`).
fn bare_error(rest: &[u8]) -> Option<String> {
    let words = std::str::from_utf8(rest.strip_suffix(b"\0")?)
        .ok()?
        .trim_end();
    let fine = words.starts_with("could not ") && !words.contains(char::is_control);
    fine.then(|| format!("FATAL:  {}", crate::text::safe(words)))
}

/// The bytes that follow at once, up to a kilobyte.
async fn some_more(stream: &mut TcpStream) -> Vec<u8> {
    let mut buffer = vec![0_u8; 1024];
    let time = std::time::Duration::from_millis(200);
    match tokio::time::timeout(time, stream.read(&mut buffer)).await {
        Ok(Ok(length)) => {
            buffer.truncate(length);
            buffer
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_protocol_2_are_bare_words() {
        let words = "could not fork new process for connection: Resource temporarily unavailable";
        let sent = format!("{words}\n\0");
        assert_eq!(
            bare_error(sent.as_bytes()),
            Some(format!("FATAL:  {words}"))
        );
        for rubbish in [
            b"HLO / HTTP\0" as &[u8],
            b"could not \x1b[2J\0",
            b"could not end",
            b"\xff\0",
        ] {
            assert_eq!(bare_error(rubbish), None);
        }
    }
}
