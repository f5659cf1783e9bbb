//! Asks a server for TLS, makes the handshake, and begins logins.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::findings::{answer_finding, broken_finding, handshake_findings, reply_findings};
use crate::config::Host;
use crate::diagnose::finding::{Finding, Speaker};
use crate::diagnose::probe::{
    Broken, Deadline, Offer, Seen, ServerProbe, StartupReply, TlsAnswer, TlsObstacle, begin_login,
    connect, request_tls, shake_hands,
};
use crate::diagnose::steps::network::Way;
use crate::diagnose::{Context, Prepared};
use crate::tls::{TlsRange, Trust, name, verify};

/// Time limit of the probe with direct TLS.
const AT_ONCE: Duration = Duration::from_secs(1);
/// The first libpq that names the protocol (ALPN) in every handshake, not only in one without a request for TLS.
const ALPN_ALWAYS: u32 = 17;

/// Asks for TLS, makes the handshake, judges the chain, and hears the first words over TLS and in plaintext.
pub(in crate::diagnose) async fn look(
    way: Way,
    prepared: &Prepared,
    libpq_major: u32,
    context: &Context,
    deadline: Deadline,
) -> (ServerProbe, Vec<Finding>) {
    let mut probe = ServerProbe {
        has_ipv4: way.has_ipv4,
        ..ServerProbe::default()
    };
    let visit = Visit {
        host: way.host,
        address: way.address,
        prepared,
        context,
        deadline,
    };
    let mut stream = match way.stream {
        Some(stream) => stream,
        None => match connect(visit.address, visit.limit()).await {
            Ok((stream, _)) => stream,
            Err(why) => {
                let finding = Finding::from_catalogue(why.id(), context);
                return (probe, vec![finding.said_by(Speaker::Network)]);
            }
        },
    };
    let mut findings = vec![visit.request_tls(&mut stream, &mut probe).await];
    let offer = visit.offer(prepared.direct || libpq_major >= ALPN_ALWAYS, false);
    let (in_plaintext, handshake) = tokio::join!(
        visit.begin_in_plaintext(probe.answer.as_ref()),
        visit.begin_over_tls(stream, probe.answer.as_ref(), &offer)
    );
    probe.in_plaintext = in_plaintext;
    match handshake {
        None => findings.push(Finding::skipped("tls", "the server was not willing")),
        Some((seen, outcome)) => {
            probe.seen = seen;
            judge_chain(
                &mut probe,
                prepared,
                visit.host.name.as_deref(),
                libpq_major,
            );
            match outcome {
                Ok(word) => {
                    probe.tls = true;
                    probe.over_tls = Some(word);
                    let place = (offer.host.as_str(), visit.address);
                    findings.extend(handshake_findings(&probe, prepared, place, context));
                }
                Err(broken) => {
                    findings.push(broken_finding(&broken, &probe, prepared, context));
                    probe.broken = Some(broken);
                }
            }
        }
    }
    probe.pooler = [&probe.over_tls, &probe.in_plaintext]
        .into_iter()
        .any(|word| *word == Some(StartupReply::Pooler));
    findings.extend(reply_findings(&probe, prepared, context));
    (probe, findings)
}

/// A look at one address of a host.
struct Visit<'a> {
    host: Host,
    address: SocketAddr,
    prepared: &'a Prepared,
    context: &'a Context,
    deadline: Deadline,
}

impl Visit<'_> {
    /// Returns the time limit of the next step.
    fn limit(&self) -> Deadline {
        self.deadline.share(1, 2)
    }

    fn offer(&self, alpn: bool, large: bool) -> Offer {
        new_offer(&self.host, self.prepared.range, alpn, large)
    }

    /// Asks for TLS, unless the handshake comes first, and takes the answer into the probe.
    async fn request_tls(&self, stream: &mut TcpStream, probe: &mut ServerProbe) -> Finding {
        if self.prepared.direct {
            let why = "sslnegotiation=direct begins with the handshake";
            return Finding::skipped("ssl_request", why);
        }
        let answer = request_tls(stream, self.limit()).await;
        if may_be_tls_at_once(&answer) {
            let limit = self.limit().at_most(AT_ONCE);
            if speaks_tls_at_once(self.address, &self.host, self.prepared.range, limit).await {
                probe.obstacle = Some(TlsObstacle::DirectOnly);
            }
        }
        let finding = answer_finding(&answer, probe.obstacle, self.prepared.mode, self.context);
        probe.answer = Some(answer);
        finding
    }

    /// Begins a login in plaintext, on a connection of its own.
    async fn begin_in_plaintext(&self, answer: Option<&TlsAnswer>) -> Option<StartupReply> {
        // A server that said nothing to the request for TLS would be asked in vain again.
        let speaks = matches!(
            answer,
            None | Some(TlsAnswer::Willing | TlsAnswer::Unwilling)
        );
        if !speaks || self.prepared.direct {
            return None;
        }
        let (mut stream, _) = connect(self.address, self.limit()).await.ok()?;
        Some(self.begin_login(&mut stream).await)
    }

    /// Makes the handshake and begins a login, if the server is willing to use TLS.
    async fn begin_over_tls(
        &self,
        stream: TcpStream,
        answer: Option<&TlsAnswer>,
        offer: &Offer,
    ) -> Option<(Seen, Result<StartupReply, Broken>)> {
        if !self.prepared.direct && answer != Some(&TlsAnswer::Willing) {
            return None;
        }
        let (seen, result) = shake_hands(stream, offer, self.limit()).await;
        Some(match result {
            Ok(mut stream) => (seen, Ok(self.begin_login(&mut stream).await)),
            Err(broken) => (seen, Err(broken)),
        })
    }

    async fn begin_login<S>(&self, stream: &mut S) -> StartupReply
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let user = self.context.user.as_deref().unwrap_or_default();
        let database = self.context.database.as_deref().unwrap_or_default();
        begin_login(stream, user, database, self.limit()).await
    }
}

fn new_offer(host: &Host, range: TlsRange, alpn: bool, large: bool) -> Offer {
    Offer {
        host: host.name.clone().unwrap_or_default(),
        range,
        alpn,
        large,
    }
}

/// A TLS server takes the request for a broken record: it closes, or sends an alert.
fn may_be_tls_at_once(answer: &TlsAnswer) -> bool {
    match answer {
        TlsAnswer::Closed => true,
        TlsAnswer::Rubbish(bytes) => bytes.starts_with("\\x15"),
        _ => false,
    }
}

/// Returns `true` if a server answers a handshake at once, and then speaks only `PostgreSQL`'s
/// protocol.
async fn speaks_tls_at_once(
    address: SocketAddr,
    host: &Host,
    range: TlsRange,
    deadline: Deadline,
) -> bool {
    // A proxy may insist on a protocol of its own.
    for alpn in [true, false] {
        let Ok((stream, _)) = connect(address, deadline).await else {
            return false;
        };
        let offer = new_offer(host, range, alpn, false);
        match shake_hands(stream, &offer, deadline).await.1 {
            Ok(mut stream) => {
                let limit = deadline.at_most(AT_ONCE / 2);
                let reply = begin_login(&mut stream, "", "", limit).await;
                return reply != StartupReply::Rubbish;
            }
            Err(Broken::Alert(_)) => {}
            Err(_) => return false,
        }
    }
    false
}

/// Returns `true` if a first message larger than a packet is lost although a small one arrives.
pub(in crate::diagnose) async fn loses_large_messages(
    address: SocketAddr,
    host: &Host,
    range: TlsRange,
    deadline: Deadline,
) -> bool {
    let Ok((mut stream, _)) = connect(address, deadline).await else {
        return false;
    };
    if request_tls(&mut stream, deadline).await != TlsAnswer::Willing {
        return false;
    }
    let offer = new_offer(host, range, true, true);
    let (_, result) = shake_hands(stream, &offer, deadline).await;
    matches!(result, Err(Broken::Closed | Broken::Silent))
}

fn judge_chain(probe: &mut ServerProbe, prepared: &Prepared, host: Option<&str>, libpq_major: u32) {
    let Some(leaf) = probe.seen.chain.first() else {
        return;
    };
    probe.name_fits = host.map(|host| name::matches(leaf, host, libpq_major));
    let files = &prepared.files;
    let Some(roots) = files
        .roots
        .file()
        .and_then(|used| used.judged.content.as_deref())
    else {
        return;
    };
    let crl = files
        .crl
        .as_ref()
        .and_then(|used| used.judged.content.as_deref());
    let trust = Trust {
        roots,
        crl,
        now: crate::diagnose::prepare::now(),
    };
    probe.verdict = Some(verify(&probe.seen.chain, &trust));
}
