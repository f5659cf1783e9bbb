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
}

/// libpq's compiled-in port.
pub(super) const DEFAULT_PORT: u16 = 5432;

impl Connection {
    /// The hosts in the order libpq tries them; at least one.
    pub fn hosts(&self) -> Vec<Host> {
        let (names, addresses, ports) = (
            self.entries("host"),
            self.entries("hostaddr"),
            self.entries("port"),
        );
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
        let (names, addresses, ports) = (
            self.entries("host"),
            self.entries("hostaddr"),
            self.entries("port"),
        );
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
