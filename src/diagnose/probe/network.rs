use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;

use super::deadline::Deadline;

/// The most addresses of one name that are tried.
const ADDRESSES: usize = 16;

/// The reason why an address cannot be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreachable {
    /// `ECONNREFUSED`: the machine is there, nothing listens.
    Refused,
    /// No answer in time.
    Timeout,
    /// `EACCES` or `EPERM`: this machine's own policy forbids it, in the operating system's words.
    Forbidden(String),
    /// No route, no address family, or another error, in the operating system's words.
    Other(String),
}

impl Unreachable {
    /// The cause's id.
    pub fn id(&self) -> &'static str {
        match self {
            Self::Refused => "net.refused",
            Self::Timeout => "net.timeout",
            Self::Forbidden(_) => "net.forbidden",
            Self::Other(_) => "net.unreachable",
        }
    }

    /// In words, safe to print.
    pub fn words(&self) -> String {
        match self {
            Self::Refused => "refused".to_owned(),
            Self::Timeout => "no answer".to_owned(),
            Self::Forbidden(text) | Self::Other(text) => text.clone(),
        }
    }
}

/// One address and how the way there is.
#[derive(Debug)]
pub struct Reached {
    /// The address.
    pub address: SocketAddr,
    /// Opens a connection, and measures the time.
    pub outcome: Result<(TcpStream, Duration), Unreachable>,
}

/// The addresses of a name, in the resolver's order.
///
/// # Errors
/// The resolver's words, safe to print; a text about time when there was no answer.
pub async fn addresses(
    host: &str,
    port: u16,
    deadline: Deadline,
) -> Result<Vec<SocketAddr>, String> {
    // An address needs no resolver, which would need a thread.
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    match deadline.run(lookup_host((host, port))).await {
        Err(time) => Err(time.to_string()),
        Ok(Err(error)) => Err(crate::text::safe(&error.to_string())),
        Ok(Ok(found)) => {
            let mut addresses: Vec<SocketAddr> = Vec::new();
            for address in found {
                if !addresses.contains(&address) && addresses.len() < ADDRESSES {
                    addresses.push(address);
                }
            }
            if addresses.is_empty() {
                Err("no address".to_owned())
            } else {
                Ok(addresses)
            }
        }
    }
}

/// Connects to all addresses at once, each within the deadline, and returns them in the order given.
pub async fn reach(addresses: &[SocketAddr], deadline: Deadline) -> Vec<Reached> {
    let mut tasks = JoinSet::new();
    for (index, address) in addresses.iter().copied().enumerate() {
        tasks.spawn(async move {
            (
                index,
                Reached {
                    address,
                    outcome: connect(address, deadline).await,
                },
            )
        });
    }
    let mut reached = tasks.join_all().await;
    reached.sort_by_key(|(index, _)| *index);
    reached.into_iter().map(|(_, reached)| reached).collect()
}

/// Connects to one address.
///
/// # Errors
/// Fails if the address cannot be reached, with the reason.
pub async fn connect(
    address: SocketAddr,
    deadline: Deadline,
) -> Result<(TcpStream, Duration), Unreachable> {
    let start = Instant::now();
    match deadline.run(TcpStream::connect(address)).await {
        Err(_) => Err(Unreachable::Timeout),
        Ok(Ok(stream)) => Ok((stream, start.elapsed())),
        Ok(Err(error)) => Err(match error.kind() {
            io::ErrorKind::ConnectionRefused => Unreachable::Refused,
            io::ErrorKind::TimedOut => Unreachable::Timeout,
            io::ErrorKind::PermissionDenied => {
                Unreachable::Forbidden(crate::text::safe(&error.to_string()))
            }
            _ => Unreachable::Other(crate::text::safe(&error.to_string())),
        }),
    }
}
