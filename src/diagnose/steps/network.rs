//! Names, addresses, and the way to them.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::net::TcpStream;

use crate::config::Host;
use crate::diagnose::finding::{Finding, Severity, Speaker};
use crate::diagnose::probe::{Deadline, Reached, addresses, reach};
use crate::diagnose::{Context, of_id};
use crate::text;

/// The way to the first host that can be reached.
#[derive(Debug)]
pub(in crate::diagnose) struct Way {
    /// The host.
    pub(in crate::diagnose) host: Host,
    /// The address that was reached.
    pub(in crate::diagnose) address: SocketAddr,
    /// An open connection that has carried nothing yet.
    pub(in crate::diagnose) stream: TcpStream,
}

/// Resolves and reaches every host; returns the first way, and the findings of the steps `dns` and `tcp`.
pub(in crate::diagnose) async fn find_way(
    hosts: &[Host],
    context: &Context,
    deadline: Deadline,
) -> (Option<Way>, Vec<Finding>) {
    if hosts.iter().all(Host::is_socket) {
        let why = "the connection goes through a Unix socket";
        return (
            None,
            vec![Finding::skipped("dns", why), Finding::skipped("tcp", why)],
        );
    }
    let (mut way, mut looked_up, mut failures, mut ok) = (None, Vec::new(), Vec::new(), Vec::new());
    let mut unresolved = Vec::new();
    for host in hosts.iter().filter(|host| !host.is_socket()) {
        let name = host
            .address
            .as_ref()
            .or(host.name.as_ref())
            .cloned()
            .unwrap_or_default();
        let found = match addresses(&name, host.port, deadline.share(1, 2)).await {
            Ok(found) => found,
            Err(words) => {
                unresolved.push((name, words));
                continue;
            }
        };
        let list: Vec<String> = found
            .iter()
            .map(|address| address.ip().to_string())
            .collect();
        looked_up.push(format!("{} is {}", text::safe(&name), list.join(", ")));
        for Reached { address, outcome } in reach(&found, deadline.share(1, 2)).await {
            match outcome {
                Ok((stream, time)) => {
                    ok.push(format!(
                        "{address} in {:.1} ms",
                        time.as_secs_f64() * 1000.0
                    ));
                    if way.is_none() {
                        way = Some(Way {
                            host: host.clone(),
                            address,
                            stream,
                        });
                    }
                }
                Err(why) => failures.push((address, why)),
            }
        }
    }
    let mut findings = Vec::new();
    for (name, words) in &unresolved {
        let severity = if way.is_some() {
            Severity::Warning
        } else {
            Severity::Error
        };
        let context = Context {
            host: Some(name.clone()),
            ..context.clone()
        };
        let mut finding = of_id("net.dns", &context)
            .at(severity)
            .said_by(Speaker::Network)
            .with("message", words.clone());
        finding.what = format!("host '{}' has no address", text::safe(name));
        findings.push(finding);
    }
    if !looked_up.is_empty() {
        findings.push(Finding::ok("dns", looked_up.join("; ")));
    }
    let failed: Vec<Value> = failures
        .iter()
        .map(|(address, why)| format!("{address}: {}", why.words()).into())
        .collect();
    match (&way, failures.first()) {
        (Some(_), _) => {
            // libpq tries the addresses in turn: one that fails fast does no harm.
            let mut what = ok.join(", ");
            if !failed.is_empty() {
                what = format!(
                    "{what}; not {}",
                    failures
                        .iter()
                        .map(|(address, why)| format!("{address} ({})", why.words()))
                        .collect::<Vec<_>>()
                        .join(", ")
                );
            }
            findings.push(Finding::ok("tcp", what).with("failed", failed));
        }
        (None, Some((address, why))) => {
            let context = Context {
                host: Some(address.ip().to_string()),
                port: Some(address.port().to_string()),
                ..context.clone()
            };
            let mut finding = of_id(why.id(), &context)
                .said_by(Speaker::Network)
                .with("addresses", failed);
            finding.what = format!("{address}: {}", why.words());
            findings.push(finding);
        }
        (None, None) => findings.push(Finding::skipped("tcp", "there is no address")),
    }
    (way, findings)
}
