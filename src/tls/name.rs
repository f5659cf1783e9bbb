use std::net::IpAddr;

use super::certificate::Certificate;

/// Returns `true` if libpq accepts the certificate for `host` under `verify-full`.
///
/// The rule of `fe-secure-common.c` and `fe-secure-openssl.c`: DNS names are compared without regard to case, a wildcard
/// `*.` stands for exactly one first label and never for an IP address; IP names count from libpq 15 on; the common name
/// counts only when the certificate has no name of the kind looked for. (Before 15: only when it has no DNS names at all.)
pub fn matches(certificate: &Certificate, host: &str, libpq_major: u32) -> bool {
    let address = host.parse::<IpAddr>().ok();
    let dns = certificate
        .dns_names
        .iter()
        .any(|name| matches_pattern(name, host, address.is_some()));
    if dns {
        return true;
    }
    let ip_names_count = libpq_major >= 15;
    if ip_names_count && address.is_some_and(|address| certificate.ip_names.contains(&address)) {
        return true;
    }
    let has_names_of_its_kind = match address {
        Some(_) if ip_names_count => !certificate.ip_names.is_empty(),
        _ => !certificate.dns_names.is_empty(),
    };
    !has_names_of_its_kind
        && certificate
            .common_name
            .as_deref()
            .is_some_and(|name| matches_pattern(name, host, address.is_some()))
}

fn matches_pattern(pattern: &str, host: &str, host_is_address: bool) -> bool {
    if pattern.eq_ignore_ascii_case(host) {
        return true;
    }
    let Some(tail) = pattern
        .strip_prefix('*')
        .filter(|tail| tail.starts_with('.'))
    else {
        return false;
    };
    if host_is_address {
        return false;
    }
    host.split_once('.').is_some_and(|(label, rest)| {
        !label.is_empty()
            && tail
                .strip_prefix('.')
                .is_some_and(|tail| tail.eq_ignore_ascii_case(rest))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, DnType, KeyPair, SanType};

    fn certificate(common_name: &str, names: &[&str]) -> Certificate {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![]).unwrap();
        params
            .distinguished_name
            .push(DnType::CommonName, common_name);
        params.subject_alt_names = names
            .iter()
            .map(|name| {
                name.parse().map_or_else(
                    |_| SanType::DnsName((*name).try_into().unwrap()),
                    SanType::IpAddress,
                )
            })
            .collect();
        Certificate::from_der(params.self_signed(&key).unwrap().der()).unwrap()
    }

    /// Common name, other names, host, libpq, match.
    #[test]
    fn truth_table() {
        let table: [(&str, &[&str], &str, u32, bool); 14] = [
            ("x", &["db.example.com"], "DB.example.com", 15, true),
            ("db.example.com", &["other"], "db.example.com", 15, false),
            ("db.example.com", &[], "db.example.com", 15, true),
            ("x", &["*.example.com"], "db.example.com", 15, true),
            ("x", &["*.example.com"], "a.db.example.com", 15, false),
            ("x", &["*.example.com"], "example.com", 15, false),
            ("x", &["*.0.0.1"], "127.0.0.1", 15, false),
            ("x", &["127.0.0.1"], "127.0.0.1", 15, true),
            ("x", &["127.0.0.1"], "127.0.0.1", 14, false),
            ("127.0.0.1", &["127.0.0.1"], "127.0.0.1", 14, true),
            ("127.0.0.1", &[], "127.0.0.1", 15, true),
            ("x", &["::1"], "::1", 15, true),
            ("db", &["127.0.0.1"], "db", 15, true),
            ("127.0.0.1", &["10.0.0.1"], "127.0.0.1", 15, false),
        ];
        for (common_name, names, host, libpq, expected) in table {
            let certificate = certificate(common_name, names);
            assert_eq!(
                matches(&certificate, host, libpq),
                expected,
                "{common_name} {names:?} {host} {libpq}"
            );
        }
    }
}
