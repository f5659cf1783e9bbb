//! Names and addresses of hosts that lead nowhere.

use std::net::{Ipv6Addr, SocketAddr};

use super::decision::DecidedCause;
use crate::diagnose::context::Context;
use crate::diagnose::message::Message;
use crate::diagnose::words::Endpoint;
use crate::text;

pub(super) fn unreachable(id: &'static str, message: &Message, context: &Context) -> DecidedCause {
    let by_name = context
        .host
        .as_deref()
        .is_some_and(|host| host.parse::<std::net::IpAddr>().is_err());
    let only_ipv6 = !message.ipv4_tried && context.probe.get().is_none_or(|probe| !probe.has_ipv4);
    match &message.endpoint {
        Some(Endpoint::Network { address, .. }) if is_link_local(address) => at_link(id, address),
        Some(Endpoint::Network { address, .. })
            if id == "net.unreachable" && by_name && address.contains(':') && only_ipv6 =>
        {
            DecidedCause::new("net.ipv6_only").with("address", text::safe(address))
        }
        _ => DecidedCause::new(id),
    }
}

/// Returns the decision on an address that cannot be reached, if its form is the reason.
pub(in crate::diagnose) fn without_interface(
    id: &'static str,
    address: &SocketAddr,
) -> Option<DecidedCause> {
    match address {
        SocketAddr::V6(address) if address.scope_id() == 0 => {
            let address = address.ip().to_string();
            is_link_local(&address).then(|| at_link(id, &address))
        }
        _ => None,
    }
}

fn at_link(id: &'static str, address: &str) -> DecidedCause {
    DecidedCause::new(id)
        .because("an address of the local link (fe80::) means nothing without the interface that leads to it")
        .cure(with_interface(address))
}

fn is_link_local(address: &str) -> bool {
    address
        .parse::<Ipv6Addr>()
        .is_ok_and(|address| address.segments()[0] & 0xffc0 == 0xfe80)
}

/// The name that libpq's words are about: `could not translate host name "NAME" to address: …`. It may have quotes itself.
fn untranslated(words: &str) -> Option<&str> {
    let (_, behind) = words.split_once('"')?;
    behind.rsplit_once("\" to address").map(|(name, _)| name)
}

/// A name without an address.
pub(super) fn no_address(message: &Message, context: &Context) -> DecidedCause {
    let named = untranslated(&message.words).map(str::to_owned);
    let name = named.or_else(|| context.host.clone()).unwrap_or_default();
    let words = message.words.rsplit(": ").next().unwrap_or_default();
    without_address(&name, words)
}

/// The reason why a host has no address, as far as its form and the resolver's words show it.
pub(in crate::diagnose) fn without_address(name: &str, words: &str) -> DecidedCause {
    if let Some(decision) = malformed(name) {
        return decision;
    }
    let shown = text::safe(name);
    let decision = DecidedCause::new("net.dns");
    match ResolverAnswer::new(words) {
        // A resolver that does not answer says nothing about the name.
        Some(ResolverAnswer::None) => decision
            .because("the resolver of this machine does not answer, or could not get an answer itself; the name may be right")
            .cure("try again, or check the name servers in /etc/resolv.conf, the network, and the DNS policy of a container"),
        _ if is_private_name(name) => DecidedCause::new("net.private_name").with("host", shown),
        Some(ResolverAnswer::UnknownName) => decision
            .because("the resolver knows no such name")
            .cure(format!(
                "correct '{shown}' in [host], or have the name added to DNS or to /etc/hosts"
            )),
        Some(ResolverAnswer::NoAddress) => decision
            .because("the name exists, and has no address of IPv4 or IPv6")
            .cure(format!(
                "correct '{shown}' in [host], or have an address (A or AAAA) added to it"
            )),
        None => decision,
    }
}

/// The answer of a resolver.
enum ResolverAnswer {
    /// None came, or a server had a failure.
    None,
    /// There is no such name.
    UnknownName,
    /// The name has no address.
    NoAddress,
}

impl ResolverAnswer {
    /// Reads the words of `gai_strerror` in glibc, musl and macOS, and this program's own for silence.
    fn new(words: &str) -> Option<Self> {
        let has = |all: &[&str]| all.iter().any(|one| words.contains(one));
        if has(&[
            "Temporary failure in name resolution",
            "Non-recoverable failure in name resolution",
            "Try again",
            "Unrecoverable error",
            "no answer in time",
        ]) {
            Some(Self::None)
        } else if has(&[
            "Name or service not known",
            "Name does not resolve",
            "nodename nor servname provided",
        ]) {
            Some(Self::UnknownName)
        } else if has(&[
            "No address associated with hostname",
            "Name has no usable address",
        ]) {
            Some(Self::NoAddress)
        } else {
            None
        }
    }
}

/// A text that no host can have as its name.
fn malformed(name: &str) -> Option<DecidedCause> {
    let shown = text::safe(name);
    let letters = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    let placeholder = name.starts_with('$')
        || ["${", "{{", "$(", "<"]
            .iter()
            .any(|sign| name.contains(sign));
    let zone = name
        .split_once('%')
        .filter(|(address, _)| address.parse::<Ipv6Addr>().is_ok());
    let (why, cure) = if let Some((address, interface)) = zone {
        (
            format!(
                "this machine has no network interface '{}'",
                text::safe(interface)
            ),
            with_interface(address),
        )
    } else if placeholder {
        (
            format!(
                "'{shown}' is a placeholder: nothing has put the real name in its place, as only a shell expands variables"
            ),
            "name the host itself in [host]".to_owned(),
        )
    } else if let Some(sign) = name.chars().find(|c| !letters(*c)) {
        (
            format!(
                "no host name has a '{}' in it",
                text::safe(&sign.to_string())
            ),
            format!("correct '{shown}' in [host]"),
        )
    } else if name.len() > 253 || name.split('.').any(|label| label.len() > 63) {
        (
            "a host name has at most 253 characters, and 63 between two dots".to_owned(),
            format!("correct '{shown}' in [host]"),
        )
    } else {
        return None;
    };
    Some(DecidedCause::new("net.dns").because(why).cure(cure))
}

fn with_interface(address: &str) -> String {
    let address = text::safe(address);
    format!(
        "write the interface behind the address in [host], as in {address}%eth0 (ip link lists the interfaces)"
    )
}

/// Returns `true` for a name that only the resolver of a private network knows: Docker, Kubernetes,
/// a cloud's internal zone.
fn is_private_name(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let internal = [
        ".internal",
        ".local",
        ".localdomain",
        ".svc",
        ".lan",
        ".corp",
        ".intranet",
        ".home.arpa",
        ".flycast",
    ];
    !name.is_empty()
        && name != "localhost"
        && name.parse::<std::net::IpAddr>().is_err()
        && (!name.contains('.') || internal.iter().any(|end| name.ends_with(end)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resolver_that_does_not_answer_says_nothing_about_the_name() {
        for (name, words, id, why) in [
            (
                "db.example",
                "Name or service not known",
                "net.dns",
                "knows no such name",
            ),
            (
                "db.example",
                "Temporary failure in name resolution",
                "net.dns",
                "does not answer",
            ),
            (
                "db",
                "Temporary failure in name resolution",
                "net.dns",
                "does not answer",
            ),
            ("db", "no answer in time", "net.dns", "does not answer"),
            (
                "db.example",
                "No address associated with hostname",
                "net.dns",
                "no address of IPv4",
            ),
            (
                "\"db\"",
                "Name or service not known",
                "net.dns",
                "no host name has a '\"'",
            ),
            (
                "${DB_HOST}",
                "Name or service not known",
                "net.dns",
                "placeholder",
            ),
            (
                "fe80::1%x",
                "Name or service not known",
                "net.dns",
                "no network interface 'x'",
            ),
        ] {
            let decision = without_address(name, words);
            assert_eq!(decision.id, id, "{name}: {words}");
            let said = decision.why.unwrap_or_default();
            assert!(said.contains(why), "{name}: {said}");
        }
        let private = without_address("db", "Name or service not known");
        assert_eq!(private.id, "net.private_name");
    }

    #[test]
    fn the_name_in_libpqs_words_may_have_quotes() {
        let words =
            "could not translate host name \"\"db\"\" to address: Name or service not known";
        assert_eq!(untranslated(words), Some("\"db\""));
    }
}
