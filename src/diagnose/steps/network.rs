//! Names, addresses, and the way to them.

use std::net::{IpAddr, SocketAddr};

use serde_json::Value;
use tokio::net::TcpStream;

use crate::config::Host;
use crate::diagnose::Context;
use crate::diagnose::decide::{without_address, without_interface};
use crate::diagnose::finding::{Finding, Severity, Speaker};
use crate::diagnose::probe::{Deadline, Reached, Unreachable, addresses, reach};
use crate::text;

/// The way to a host that can be reached.
#[derive(Debug)]
pub(in crate::diagnose) struct Way {
    /// The host.
    pub(in crate::diagnose) host: Host,
    /// The address that was reached.
    pub(in crate::diagnose) address: SocketAddr,
    /// The host has an address of IPv4.
    pub(in crate::diagnose) has_ipv4: bool,
    /// An open connection that has carried nothing yet; the first way's only.
    pub(in crate::diagnose) stream: Option<TcpStream>,
}

/// Resolves and reaches every host; returns the ways in the order of the hosts, and the findings of the steps `dns` and `tcp`.
pub(in crate::diagnose) async fn find_ways(
    hosts: &[Host],
    context: &Context,
    deadline: Deadline,
) -> (Vec<Way>, Vec<Finding>) {
    if hosts.iter().all(Host::is_socket) {
        let why = "the connection goes through a Unix socket";
        return (
            Vec::new(),
            vec![Finding::skipped("dns", why), Finding::skipped("tcp", why)],
        );
    }
    let mut search = Search::default();
    for host in hosts.iter().filter(|host| !host.is_socket()) {
        search.reach(host, deadline).await;
    }
    let mut findings = search.unresolved_findings(context);
    if !search.resolved.is_empty() {
        findings.push(Finding::ok("dns", search.resolved.join("; ")));
    }
    findings.push(search.tcp_finding(hosts, context));
    (search.ways, findings)
}

/// The result so far of resolving and reaching the hosts.
#[derive(Default)]
struct Search {
    ways: Vec<Way>,
    /// Each name with its addresses, in words.
    resolved: Vec<String>,
    /// Names without addresses, and the reason.
    unresolved: Vec<(String, String)>,
    addresses: Vec<IpAddr>,
    /// Each address that was reached and the time that it took, in words.
    reached: Vec<String>,
    failures: Vec<(SocketAddr, Unreachable)>,
}

impl Search {
    async fn reach(&mut self, host: &Host, deadline: Deadline) {
        let name = host.address.as_ref().or(host.name.as_ref());
        let name = name.cloned().unwrap_or_default();
        let found = match addresses(&name, host.port, deadline.share(1, 2)).await {
            Ok(found) => found,
            Err(words) => {
                self.unresolved.push((name, words));
                return;
            }
        };
        let list: Vec<String> = found
            .iter()
            .map(|address| address.ip().to_string())
            .collect();
        self.addresses.extend(found.iter().map(SocketAddr::ip));
        self.resolved
            .push(format!("{} is {}", text::safe(&name), list.join(", ")));
        for Reached { address, outcome } in reach(&found, deadline.share(1, 2)).await {
            match outcome {
                Ok((stream, time)) => {
                    self.reached
                        .push(format!("{address} in {}", text::duration(time)));
                    self.ways.push(Way {
                        host: host.clone(),
                        address,
                        has_ipv4: found.iter().any(SocketAddr::is_ipv4),
                        // A server that is nearly full needs its connections.
                        stream: Some(stream).filter(|_| self.ways.is_empty()),
                    });
                }
                Err(why) => self.failures.push((address, why)),
            }
        }
    }

    fn unresolved_findings(&self, context: &Context) -> Vec<Finding> {
        let severity = if self.ways.is_empty() {
            Severity::Error
        } else {
            Severity::Warning
        };
        let findings = self.unresolved.iter().map(|(name, words)| {
            let decision = without_address(name, words);
            let context = Context {
                host: Some(name.clone()),
                ..context.clone()
            };
            let mut finding = decision
                .applied(Finding::from_catalogue(decision.id, &context), &context)
                .at(severity)
                .said_by(Speaker::Network)
                .with("message", words.clone());
            finding.what = format!("host '{}' has no address", text::safe(name));
            finding
        });
        findings.collect()
    }

    fn tcp_finding(&self, hosts: &[Host], context: &Context) -> Finding {
        let failed: Vec<Value> = self
            .failures
            .iter()
            .map(|(address, why)| format!("{address}: {}", why.words()).into())
            .collect();
        if !self.ways.is_empty() {
            // libpq tries the addresses in turn: one that fails fast does no harm.
            let mut what = self.reached.join(", ");
            if !failed.is_empty() {
                let failures = self.failures.iter();
                let failures: Vec<String> = failures
                    .map(|(address, why)| format!("{address} ({})", why.words()))
                    .collect();
                what = format!("{what}; not {}", failures.join(", "));
            }
            return Finding::ok("tcp", what).with("failed", failed);
        }
        let Some((address, why)) = self.failures.first() else {
            return Finding::skipped("tcp", "there is no address");
        };
        let context = Context {
            host: Some(address.ip().to_string()),
            port: Some(address.port().to_string()),
            ..context.clone()
        };
        let id = why_unreachable(why, hosts, &self.addresses);
        let mut finding = Finding::from_catalogue(id, &context)
            .said_by(Speaker::Network)
            .with("addresses", failed);
        finding.what = format!("{address}: {}", why.words());
        if let Some(decision) = without_interface(id, address) {
            finding = decision.applied(finding, &context);
        }
        if *why == Unreachable::Timeout && is_private(address.ip()) && is_named(hosts) {
            finding.why = format!(
                "{} is an address of a private network; packets from elsewhere are dropped on the way",
                address.ip()
            );
            finding.fix = format!(
                "connect from inside that network, or through its VPN or bastion; {}",
                finding.fix
            );
        }
        finding
    }
}

/// The finding on an address that cannot be reached. A name with IPv6 addresses only is a cause of its own.
fn why_unreachable(why: &Unreachable, hosts: &[Host], addresses: &[IpAddr]) -> &'static str {
    let only_ipv6 = addresses.iter().all(IpAddr::is_ipv6);
    match why {
        Unreachable::Other(_) if only_ipv6 && is_named(hosts) => "net.ipv6_only",
        why => why.id(),
    }
}

/// Returns `true` if the hosts are given by name and not by address.
fn is_named(hosts: &[Host]) -> bool {
    hosts.iter().any(|host| {
        host.address.is_none()
            && host
                .name
                .as_deref()
                .is_some_and(|name| name.parse::<IpAddr>().is_err())
    })
}

/// Addresses that are routed inside a network only: RFC 1918, 6598 and 4193.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            address.is_private() || (first == 100 && (64..128).contains(&second))
        }
        IpAddr::V6(address) => address.is_unique_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(name: &str) -> Host {
        Host {
            name: Some(name.to_owned()),
            address: None,
            port: 5432,
        }
    }

    #[test]
    fn a_name_with_ipv6_addresses_only_is_told_apart() {
        let unreachable = Unreachable::Other("Network is unreachable".to_owned());
        let [v6, v4] = ["2001:db8::1", "192.0.2.1"].map(|text| text.parse::<IpAddr>().unwrap());
        for (why, name, addresses, id) in [
            (&unreachable, "db.example", vec![v6], "net.ipv6_only"),
            (&unreachable, "db.example", vec![v6, v4], "net.unreachable"),
            (&unreachable, "2001:db8::1", vec![v6], "net.unreachable"),
            (&Unreachable::Refused, "db.example", vec![v6], "net.refused"),
        ] {
            assert_eq!(
                why_unreachable(why, &[host(name)], &addresses),
                id,
                "{name}"
            );
        }
    }

    #[test]
    fn private_networks() {
        for (address, private) in [
            ("10.0.0.1", true),
            ("172.16.5.4", true),
            ("100.64.0.1", true),
            ("fd00::1", true),
            ("127.0.0.1", false),
            ("8.8.8.8", false),
            ("2001:db8::1", false),
        ] {
            assert_eq!(is_private(address.parse().unwrap()), private, "{address}");
        }
    }
}
