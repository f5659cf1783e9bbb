//! Probes the server of a connection, for a diagnosis and for a command that could not connect.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::context::Context;
use super::explain::explanations;
use super::finding::Finding;
use super::prepare::Prepared;
use super::probe::{Deadline, ServerProbe, TlsObstacle};
use super::steps::encryption::{self, loses_large_messages};
use super::steps::network::{Way, find_ways};
use super::words::Endpoint;
use crate::config::Host;

/// Time limit of the probe of a command that could not connect.
const LIMIT: Duration = Duration::from_secs(3);

/// Time limit of the probe with a large first message.
const LARGE: Duration = Duration::from_secs(1);

/// The input of a probe.
#[derive(Clone, Debug)]
pub struct LookPlan {
    /// The hosts in the order libpq tries them.
    pub hosts: Vec<Host>,
    /// The TLS behaviour of the connection.
    pub prepared: Prepared,
    /// Major version of libpq.
    pub libpq_major: u32,
    /// Time limit of the probe.
    pub limit: Duration,
}

impl LookPlan {
    /// The plan for a connection that has been settled; `timeout` is the command's.
    pub fn new(
        hosts: Vec<Host>,
        prepared: Prepared,
        libpq_major: u32,
        timeout: Option<Duration>,
    ) -> Self {
        Self {
            hosts,
            prepared,
            libpq_major,
            limit: timeout.map_or(LIMIT, |timeout| timeout.min(LIMIT)),
        }
    }
}

/// A host that was looked at.
#[derive(Debug)]
pub(super) struct LookedAt {
    host: Host,
    address: SocketAddr,
    /// The observation.
    pub(super) probe: Arc<ServerProbe>,
    /// The findings of the steps `ssl_request` and `tls`.
    pub(super) findings: Vec<Finding>,
}

impl LookedAt {
    /// Returns `true` if a failed attempt went to this host.
    fn is_at(&self, endpoint: &Endpoint) -> bool {
        is_at(self.address, endpoint)
    }
}

/// The facts with the address of the host that is looked at; findings name it if there are others.
fn at_one_of_several(address: SocketAddr, context: &Context) -> Cow<'_, Context> {
    if !context.configured.several_hosts {
        return Cow::Borrowed(context);
    }
    Cow::Owned(Context {
        host: Some(address.ip().to_string()),
        port: Some(address.port().to_string()),
        ..context.clone()
    })
}

fn is_at(address: SocketAddr, endpoint: &Endpoint) -> bool {
    matches!(endpoint, Endpoint::Network { address: ip, port }
        if ip.parse() == Ok(address.ip()) && port.parse() == Ok(address.port()))
}

impl LookPlan {
    /// Looks at one host.
    pub(super) async fn look_at(
        &self,
        way: Way,
        context: &Context,
        deadline: Deadline,
    ) -> LookedAt {
        let (host, address) = (way.host.clone(), way.address);
        let context = &at_one_of_several(address, context);
        let (probe, findings) =
            encryption::look(way, &self.prepared, self.libpq_major, context, deadline).await;
        LookedAt {
            host,
            address,
            probe: Arc::new(probe),
            findings,
        }
    }

    /// Looks at the host that a failure is about, if that is another one than `looked_at`, and again where words left a question.
    pub(super) async fn follow_up(
        &self,
        stderr: &str,
        context: &Context,
        looked_at: Option<LookedAt>,
        ways: &mut Vec<Way>,
        deadline: Deadline,
    ) -> Option<LookedAt> {
        let explained = explanations(stderr.as_bytes(), context);
        let root = explained.first()?;
        let mut looked_at = match (&root.endpoint, looked_at) {
            (Some(endpoint), Some(first)) if !first.is_at(endpoint) => {
                match ways.iter().position(|way| is_at(way.address, endpoint)) {
                    Some(index) => self.look_at(ways.remove(index), context, deadline).await,
                    None => first,
                }
            }
            (_, looked_at) => looked_at?,
        };
        if root.finding.id == "net.closed" && looked_at.probe.tls && !self.prepared.direct {
            let limit = deadline.at_most(LARGE);
            let range = self.prepared.range;
            let lost = loses_large_messages(looked_at.address, &looked_at.host, range, limit).await;
            if let Some(probe) = Arc::get_mut(&mut looked_at.probe) {
                probe.obstacle = lost.then_some(TlsObstacle::LosesLargeMessages);
            }
        }
        Some(looked_at)
    }
}

/// Looks at the server of a connection that failed, where its facts may decide what the words mean, and puts them into the context.
///
/// A command calls this before it explains a failure. Nothing is changed on the server, and no password is sent.
pub async fn look_closer(plan: &LookPlan, stderr: &str, context: &Context) {
    let explained = explanations(stderr.as_bytes(), context);
    let needed = explained
        .first()
        .is_some_and(|root| depends_on_facts(&root.finding.id, context));
    if !needed || context.probe.get().is_some() {
        return;
    }
    let deadline = Deadline::after(Some(plan.limit));
    let look = async {
        let (mut ways, _) = find_ways(&plan.hosts, context, deadline).await;
        if ways.is_empty() {
            return None;
        }
        let first = ways.remove(0);
        let first = plan.look_at(first, context, deadline).await;
        plan.follow_up(stderr, context, Some(first), &mut ways, deadline)
            .await
    };
    if let Ok(Some(looked_at)) = deadline.run(Box::pin(look)).await {
        context.probe.fill(looked_at.probe);
    }
}

/// Returns `true` if the words of a finding are ambiguous, so that a probe may find another cause.
fn depends_on_facts(id: &str, context: &Context) -> bool {
    match id {
        "tls.server_cert.unverified" => context.configured.system_roots.is_some(),
        "tls.server_requires_tls"
        | "tls.client_cert.required"
        | "tls.direct_refused"
        | "tls.direct_required"
        | "tls.handshake"
        | "net.closed"
        | "net.not_postgresql"
        | "connection.failed" => true,
        _ => false,
    }
}
