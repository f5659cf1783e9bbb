use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::deadline::Deadline;
use super::handshake::Broken;
use crate::text;

/// Protocol 3.0.
const PROTOCOL: [u8; 4] = [0, 3, 0, 0];
/// The longest first message that is read.
const LIMIT: usize = 8 << 10;
/// A parameter that no server has: `PgBouncer` refuses it before it asks for a password, `PostgreSQL` only after.
const UNKNOWN_PARAMETER: &str = "schemastamp.probe";

/// The first reply of a server to a login, before any password is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartupReply {
    /// It asks for authentication, or needs none: this way of connecting is open.
    Welcome {
        /// It asks for a password, in clear or not.
        asks_password: bool,
    },
    /// It refuses.
    Refused(Refusal),
    /// A pooler refused a parameter that only poolers check this early.
    Pooler,
    /// It closed the connection.
    Closed,
    /// It ended the TLS connection with an alert, in rustls' word for it.
    Alert(String),
    /// Nothing came in time.
    Silent,
    /// The answer is not PostgreSQL's protocol.
    Rubbish,
}

/// An error of a server, in its own words and codes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// The message with its severity, safe to print.
    pub message: String,
    /// The SQLSTATE, which is the same in every language; empty when there is none.
    pub sqlstate: String,
    /// The routine that failed. `PostgreSQL` names it; a pooler's own errors have none.
    pub routine: Option<String>,
}

impl Refusal {
    /// Returns `true` if the server itself answers, rather than a pooler.
    pub fn is_from_postgresql(&self) -> bool {
        self.routine.is_some()
    }
}

/// Begins a login without a password and returns the first reply. Nothing is changed on the server.
pub async fn begin_login<S>(
    stream: &mut S,
    user: &str,
    database: &str,
    deadline: Deadline,
) -> StartupReply
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    deadline
        .run(speak(stream, user, database))
        .await
        .unwrap_or(StartupReply::Silent)
}

async fn speak<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    user: &str,
    database: &str,
) -> StartupReply {
    let hello = startup_message(user, database);
    if stream.write_all(&hello).await.is_err() || stream.flush().await.is_err() {
        return StartupReply::Closed;
    }
    let mut head = [0_u8; 5];
    if let Err(error) = stream.read_exact(&mut head).await {
        // A server that refuses the client's certificate says so here under TLS 1.3, after its own handshake.
        return match super::handshake::broken(&error) {
            Broken::Alert(alert) => StartupReply::Alert(alert),
            _ => StartupReply::Closed,
        };
    }
    let [kind, length @ ..] = head;
    let length = usize::try_from(u32::from_be_bytes(length))
        .unwrap_or(usize::MAX)
        .saturating_sub(4);
    let word = match kind {
        b'v' => StartupReply::Welcome {
            asks_password: false,
        },
        b'R' if length <= LIMIT => {
            let mut body = vec![0_u8; length];
            if stream.read_exact(&mut body).await.is_err() {
                return StartupReply::Closed;
            }
            // AuthenticationCleartextPassword, MD5Password and SASL.
            StartupReply::Welcome {
                asks_password: matches!(body.get(..4), Some([0, 0, 0, 3 | 5 | 10])),
            }
        }
        b'E' if length <= LIMIT => {
            let mut body = vec![0_u8; length];
            if stream.read_exact(&mut body).await.is_err() {
                return StartupReply::Closed;
            }
            refusal(&body)
        }
        _ => StartupReply::Rubbish,
    };
    // Terminate: a server that waits for a password then has nothing to complain about in its log.
    let farewell = stream.write_all(&[b'X', 0, 0, 0, 4]).await;
    tracing::trace!(?farewell, "left before the login");
    word
}

fn startup_message(user: &str, database: &str) -> Vec<u8> {
    let mut body = PROTOCOL.to_vec();
    for text in ["user", user, "database", database, UNKNOWN_PARAMETER, "1"] {
        body.extend(text.bytes().filter(|byte| *byte != 0));
        body.push(0);
    }
    body.push(0);
    let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
    [length.to_be_bytes().as_slice(), &body].concat()
}

fn refusal(body: &[u8]) -> StartupReply {
    let refusal = Refusal {
        message: error_message(body).unwrap_or_default(),
        sqlstate: field(body, b'C').map(text::safe_bytes).unwrap_or_default(),
        routine: field(body, b'R').map(text::safe_bytes),
    };
    if refusal.message.contains(UNKNOWN_PARAMETER) {
        // PostgreSQL says so only to a user whom it has let in without a password.
        return if refusal.is_from_postgresql() {
            StartupReply::Welcome {
                asks_password: false,
            }
        } else {
            StartupReply::Pooler
        };
    }
    StartupReply::Refused(refusal)
}

/// `FATAL:  words` of an `ErrorResponse`'s fields, safe to print.
pub(super) fn error_message(body: &[u8]) -> Option<String> {
    let severity = field(body, b'V')
        .or_else(|| field(body, b'S'))
        .unwrap_or(b"FATAL");
    let message = field(body, b'M')?;
    Some(format!(
        "{}:  {}",
        text::safe_bytes(severity),
        text::safe_bytes(message)
    ))
}

fn field(body: &[u8], kind: u8) -> Option<&[u8]> {
    body.split(|byte| *byte == 0).find_map(|field| {
        field
            .split_first()
            .filter(|(first, _)| **first == kind)
            .map(|(_, text)| text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_of_servers_and_poolers() {
        let postgresql = b"SFATAL\0VFATAL\0C28000\0Mno pg_hba.conf entry\0Fauth.c\0L1\0RClientAuthentication\0\0";
        let expected = Refusal {
            message: "FATAL:  no pg_hba.conf entry".to_owned(),
            sqlstate: "28000".to_owned(),
            routine: Some("ClientAuthentication".to_owned()),
        };
        assert_eq!(refusal(postgresql), StartupReply::Refused(expected));
        let pooler = b"SFATAL\0C08P01\0Munsupported startup parameter: schemastamp.probe\0\0";
        assert_eq!(refusal(pooler), StartupReply::Pooler);
        let late = b"SFATAL\0C42704\0Munrecognized configuration parameter \"schemastamp.probe\"\0Rfind_option\0\0";
        let welcome = StartupReply::Welcome {
            asks_password: false,
        };
        assert_eq!(refusal(late), welcome);
    }

    #[test]
    fn the_message_has_its_length_and_no_smuggled_field() {
        let message = startup_message("u\0database\0other", "d");
        assert_eq!(
            u32::from_be_bytes(message[..4].try_into().unwrap()) as usize,
            message.len()
        );
        assert_eq!(
            message
                .split(|byte| *byte == 0)
                .filter(|text| *text == b"database")
                .count(),
            1
        );
    }

    proptest! {
        #[test]
        fn never_panics(body: Vec<u8>) {
            refusal(&body);
        }
    }
}
