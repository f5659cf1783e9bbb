use std::net::IpAddr;

use super::error::shown;
use super::value::has_colon;
use super::{ConfigError, Connection};

/// One of the places a connection is tried at, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// The host's name, address or socket directory; `None` for libpq's default, a socket directory built into libpq.
    pub name: Option<String>,
    /// The address to connect to instead of looking up the name.
    pub address: Option<String>,
    /// The port; on a socket a part of the socket's file name.
    pub port: u16,
}

impl Host {
    /// Returns `true` if the connection uses a Unix socket, on which libpq never uses TLS.
    pub fn is_socket(&self) -> bool {
        self.address.is_none()
            && self
                .name
                .as_deref()
                .is_none_or(|name| name.starts_with(['/', '@']))
    }

    /// Returns `true` if the connection certainly stays on this machine: a socket, or an address or name of the loopback
    /// interface.
    pub fn is_loopback(&self) -> bool {
        match (&self.address, &self.name) {
            (Some(address), _) => is_loopback_address(address),
            (None, Some(name)) => {
                let name = name.to_ascii_lowercase();
                let name = name.trim_end_matches('.');
                self.is_socket()
                    || name == "localhost"
                    // RFC 6761, 6.3: such names are those of the loopback interface.
                    || name.ends_with(".localhost")
                    || is_loopback_address(name)
            }
            (None, None) => true,
        }
    }
}

fn is_loopback_address(text: &str) -> bool {
    let text = text.split_once('%').map_or(text, |(address, _)| address);
    text.parse::<IpAddr>()
        .is_ok_and(|address| address.to_canonical().is_loopback())
}

/// libpq's compiled-in port.
pub(super) const DEFAULT_PORT: u16 = 5432;

impl Connection {
    /// The hosts in the order libpq tries them; at least one.
    pub fn hosts(&self) -> Vec<Host> {
        let names = self.entries("host");
        let addresses = self.entries("hostaddr");
        let ports = self.entries("port");
        let entry =
            |list: &[String], at: usize| list.get(at).filter(|entry| !entry.is_empty()).cloned();
        (0..names.len().max(addresses.len()).max(1))
            .map(|at| {
                let port = if ports.len() == 1 {
                    ports.first().cloned()
                } else {
                    entry(&ports, at)
                };
                Host {
                    name: entry(&names, at),
                    address: entry(&addresses, at),
                    port: port
                        .and_then(|port| port.parse().ok())
                        .unwrap_or(DEFAULT_PORT),
                }
            })
            .collect()
    }

    fn entries(&self, keyword: &str) -> Vec<String> {
        self.get(keyword)
            .map(|setting| setting.value.split(',').map(str::to_owned).collect())
            .unwrap_or_default()
    }

    /// Checks that there is an address and a port per host, or one port for all.
    pub(super) fn check_hosts(&self) -> Result<(), ConfigError> {
        let origin = |keyword| self.get(keyword).map(|setting| setting.origin.clone());
        let names = self.entries("host");
        let addresses = self.entries("hostaddr");
        let ports = self.entries("port");
        // A name with a colon, as in certificates of Cloud SQL, has no address of its own.
        let lost = names
            .iter()
            .enumerate()
            .find(|(at, name)| has_colon(name) && addresses.get(*at).is_none_or(String::is_empty));
        if let (Some((_, name)), Some(origin)) = (lost, origin("host")) {
            return Err(ConfigError::Value {
                origin,
                value: Some(shown(name)),
                expected: "a host name without a colon, unless hostaddr has its address".to_owned(),
            });
        }
        let (hosts_origin, hosts) = match (origin("host"), origin("hostaddr")) {
            (Some(hosts_origin), Some(addresses_origin)) if names.len() != addresses.len() => {
                return Err(ConfigError::ListLength {
                    what: "addresses",
                    count: addresses.len(),
                    origin: Box::new(addresses_origin),
                    hosts: names.len(),
                    hosts_origin: Box::new(hosts_origin),
                });
            }
            (Some(origin), _) => (origin, names.len()),
            (None, Some(origin)) => (origin, addresses.len()),
            (None, None) => (super::Origin::Default("libpq"), 1),
        };
        match origin("port") {
            Some(origin) if ports.len() != 1 && ports.len() != hosts => {
                Err(ConfigError::ListLength {
                    what: "ports",
                    count: ports.len(),
                    origin: Box::new(origin),
                    hosts,
                    hosts_origin: Box::new(hosts_origin),
                })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_on_this_machine() {
        let host = |name: &str, address: &str| {
            let entry = |text: &str| (!text.is_empty()).then(|| text.to_owned());
            Host {
                name: entry(name),
                address: entry(address),
                port: DEFAULT_PORT,
            }
        };
        for (name, address, is_loopback) in [
            ("", "", true),
            ("/run/postgresql", "", true),
            ("@abstract", "", true),
            ("localhost", "", true),
            ("LocalHost.", "", true),
            ("app.localhost", "", true),
            ("127.0.0.1", "", true),
            ("127.1.2.3", "", true),
            ("::1", "", true),
            ("::ffff:127.0.0.1", "", true),
            ("db.example.com", "127.0.0.1", true),
            // A tunnel is as private as the address that it begins at.
            ("localhost", "192.0.2.7", false),
            ("localhost.example.com", "", false),
            ("notlocalhost", "", false),
            ("192.168.1.4", "", false),
            ("10.0.0.5", "", false),
            ("172.17.0.2", "", false),
            ("0.0.0.0", "", false),
            ("2001:db8::1", "", false),
            ("::ffff:192.0.2.7", "", false),
        ] {
            assert_eq!(
                host(name, address).is_loopback(),
                is_loopback,
                "{name} {address}"
            );
        }
    }
}
