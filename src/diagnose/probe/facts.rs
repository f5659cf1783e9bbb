use super::handshake::{Broken, Seen};
use super::request::Answer;
use super::startup::StartupReply;
use crate::tls::Verdict;

/// What was learnt of a server's ways of connecting, without a password.
#[derive(Debug, Default)]
pub struct ServerProbe {
    /// What it answered to the request for TLS; `None` when it was not asked.
    pub answer: Option<Answer>,
    /// The handshake came about.
    pub tls: bool,
    /// What was seen of it.
    pub seen: Seen,
    /// Why the handshake did not come about.
    pub broken: Option<Broken>,
    /// A handshake at once, without a request for it, came about where the request did not.
    pub direct_works: bool,
    /// A large first message is lost on the way, where a small one arrives.
    pub large_hello_lost: bool,
    /// What the chain is worth against the configured authorities; `None` without any.
    pub verdict: Option<Verdict>,
    /// The certificate is for the host's name; `None` when there is no certificate or no name.
    pub name_fits: Option<bool>,
    /// The server's reply to a login over TLS.
    pub over_tls: Option<StartupReply>,
    /// The server's reply to a login in plaintext.
    pub in_plaintext: Option<StartupReply>,
    /// A pooler has spoken.
    pub pooler: bool,
    /// Some address of the host is one of IPv4.
    pub has_ipv4: bool,
}

impl ServerProbe {
    /// Whether the server took part in a handshake, so that a request for a certificate would have been seen.
    pub fn handshake_begun(&self) -> bool {
        self.tls || matches!(self.broken, Some(Broken::Alert(_)))
    }
}
