use super::handshake::{Broken, Seen};
use super::request::TlsAnswer;
use super::startup::StartupReply;
use crate::tls::Verdict;

/// Something in between that does not let TLS through as `PostgreSQL` begins it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsObstacle {
    /// It answers a handshake at once, and not the request for one.
    DirectOnly,
    /// It loses a large first message, where a small one arrives.
    LosesLargeMessages,
}

/// The observed connection methods of a server, without a password.
#[derive(Debug, Default)]
pub struct ServerProbe {
    /// The answer to the request for TLS, or `None` if it was not asked.
    pub answer: Option<TlsAnswer>,
    /// The handshake came about.
    pub tls: bool,
    /// The observations.
    pub seen: Seen,
    /// The reason why the handshake failed.
    pub broken: Option<Broken>,
    /// The program in between, if it does not let TLS through as `PostgreSQL` begins it.
    pub obstacle: Option<TlsObstacle>,
    /// The verdict on the chain with the configured authorities, or `None` without any.
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
    /// Returns whether the server asked for a client certificate and ended the connection because there was none.
    pub fn insists_on_client_cert(&self) -> bool {
        let ended = matches!(self.broken, Some(Broken::Alert(_)))
            || matches!(self.over_tls, Some(StartupReply::Alert(_)));
        self.seen.client_cert_asked.is_some() && ended
    }

    /// Returns `true` if the server took part in a handshake, so that a request for a certificate
    /// would have been seen.
    pub fn handshake_begun(&self) -> bool {
        self.tls || matches!(self.broken, Some(Broken::Alert(_)))
    }
}
