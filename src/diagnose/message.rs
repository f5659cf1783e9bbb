//! A sentence of a client's stderr, before anybody has said what it means.

use super::finding::Speaker;
use super::words::{Endpoint, Voice};

/// A sentence of a client's stderr.
#[derive(Clone, Debug)]
pub(super) struct Message {
    /// The cause by the words alone; `None` for words of a server that no row knows.
    pub(super) id: Option<&'static str>,
    /// The program that reported it.
    pub(super) speaker: Speaker,
    /// The form of the line.
    pub(super) voice: Voice,
    /// The line without program and address, as it was said.
    pub(super) said: String,
    /// The sentence without `FATAL:  `.
    pub(super) words: String,
    /// The row's own cure; empty for the finding's.
    pub(super) fix: &'static str,
    /// The row's own reason; empty for the finding's.
    pub(super) why: &'static str,
    /// The row's pattern; empty for words that no row knows.
    pub(super) pattern: &'static str,
    /// The address of the attempt.
    pub(super) endpoint: Option<Endpoint>,
    /// The state of the connection at the time of the message.
    pub(super) link: MessageLink,
    /// Some attempt went to an address of IPv4.
    pub(super) ipv4_tried: bool,
}

/// The kind of connection that carried a server's message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MessageLink {
    /// TLS.
    Encrypted,
    /// Plaintext over a network.
    Plaintext,
    /// A Unix socket.
    Socket,
    /// It cannot be said: `prefer` says nothing when TLS cannot be had.
    Unknown,
}
