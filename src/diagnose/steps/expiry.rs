//! Certificates and revocation lists that end soon.

use std::path::Path;
use std::time::Duration;

use crate::diagnose::finding::{Finding, Severity, Speaker};
use crate::diagnose::prepare::now;
use crate::diagnose::probe::ServerProbe;
use crate::diagnose::report::{Expiry, ExpiryKind};
use crate::diagnose::{Context, Prepared};
use crate::text;
use crate::tls::{Certificate, RevocationList, Roots, moment};

/// The most certificates of a root certificate file that each count while no chain shows which one
/// does: a bundle of a service or the system has all that ever were.
const FEW: usize = 10;

/// Returns the end of every certificate and list that the connection depends on.
pub(in crate::diagnose) fn ends(
    prepared: &Prepared,
    crl_directory: Option<&Path>,
    probe: Option<&ServerProbe>,
) -> Vec<Expiry> {
    let chain = probe.map_or(&[] as &[Certificate], |probe| &probe.seen.chain);
    let mut ends = Vec::new();
    for (index, certificate) in chain.iter().enumerate() {
        let kind = if index == 0 {
            ExpiryKind::ServerCert
        } else {
            ExpiryKind::ServerChain
        };
        // A root that the server sends along is judged by the root certificate file.
        if index == 0 || !certificate.self_signed {
            ends.push(certificate_expiry(kind, certificate, None));
        }
    }
    let files = &prepared.files;
    if let Some(used) = files.roots.file() {
        let roots = used.judged.content.as_deref().unwrap_or_default();
        let path = text::safe(&used.observed.path.to_string_lossy());
        let whole = matches!(files.roots, Roots::File(_));
        ends.extend(
            roots_that_count(roots, chain, whole)
                .map(|root| certificate_expiry(ExpiryKind::RootCert, root, Some(&path))),
        );
    }
    if let Some(used) = &files.client_cert {
        let path = text::safe(&used.observed.path.to_string_lossy());
        let certificates = used.judged.content.iter().flatten();
        ends.extend(certificates.map(|certificate| {
            certificate_expiry(ExpiryKind::ClientCert, certificate, Some(&path))
        }));
    }
    let mut lists = |found: Vec<RevocationList>, path: &Path| {
        let path = text::safe(&path.to_string_lossy());
        ends.extend(found.into_iter().filter_map(|list| {
            Some(Expiry {
                kind: ExpiryKind::RevocationList,
                name: list.issuer,
                path: Some(path.clone()),
                until: list.next_update?,
            })
        }));
    };
    if let Some(used) = &files.crl
        && let Some(bytes) = &used.judged.content
    {
        lists(RevocationList::read_all(bytes), &used.observed.path);
    }
    if let Some(directory) = crl_directory.filter(|_| !prepared.socket) {
        lists(RevocationList::read_directory(directory), directory);
    }
    ends
}

fn certificate_expiry(
    kind: ExpiryKind,
    certificate: &Certificate,
    path: Option<&String>,
) -> Expiry {
    Expiry {
        kind,
        name: certificate.subject.clone(),
        path: path.cloned(),
        until: certificate.validity.not_after,
    }
}

/// The roots at which the server's chain ends, the one that is valid for the longest; without such
/// a root, every one of a small file.
fn roots_that_count<'a>(
    roots: &'a [Certificate],
    chain: &'a [Certificate],
    whole: bool,
) -> impl Iterator<Item = &'a Certificate> {
    let ends_at = |root: &&Certificate| {
        chain.iter().any(|sent| {
            sent.names_as_issuer(root) || (sent.self_signed && sent.public_key == root.public_key)
        })
    };
    let used = roots
        .iter()
        .filter(ends_at)
        .max_by_key(|root| root.validity.not_after);
    let all = used.is_none() && chain.is_empty() && whole && roots.len() <= FEW;
    used.into_iter().chain(roots.iter().filter(move |_| all))
}

/// Warns of what ends within a span of time. `seen` are the findings so far.
pub(in crate::diagnose) fn warnings(
    ends: &[Expiry],
    within: Duration,
    seen: &[Finding],
    context: &Context,
) -> Vec<Finding> {
    let now = now();
    let within = i64::try_from(within.as_secs()).unwrap_or(i64::MAX);
    let mut findings: Vec<Finding> = Vec::new();
    for end in ends {
        let left = end.until.saturating_sub(now);
        let id = match end.kind {
            // What has ended is an error of its own, unless nothing verifies it.
            ExpiryKind::ServerCert if left < 0 => "tls.server_cert.expired",
            _ if left < 0 || left > within => continue,
            kind => kind.finding(),
        };
        if seen.iter().chain(&findings).any(|finding| finding.id == id) {
            continue;
        }
        let mut finding = Finding::from_catalogue(id, context)
            .at(Severity::Warning)
            .said_by(Speaker::Schemastamp)
            .with("name", end.name.clone())
            .with("until", moment(end.until))
            .with("days", left.div_euclid(86_400))
            .with("seconds_left", left);
        if let Some(path) = &end.path {
            finding = finding.with("path", path.clone());
        }
        let place = end.path.as_ref().map(|path| format!(" in '{path}'"));
        finding.why = format!(
            "{}{} is valid until {}",
            end.name,
            place.unwrap_or_default(),
            moment(end.until)
        );
        findings.push(finding);
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(kind: ExpiryKind, left: i64) -> Expiry {
        Expiry {
            kind,
            name: "CN=x".to_owned(),
            path: None,
            until: now() + left,
        }
    }

    #[test]
    fn only_what_ends_within_the_span_is_warned_of() {
        let ends = [
            end(ExpiryKind::ServerCert, 3700),
            end(ExpiryKind::ClientCert, 3500),
            end(ExpiryKind::RevocationList, -10),
            end(ExpiryKind::RootCert, 100),
        ];
        let ids = |seconds: u64| -> Vec<String> {
            let within = Duration::from_secs(seconds);
            let found = warnings(&ends, within, &[], &Context::default());
            found.into_iter().map(|finding| finding.id).collect()
        };
        assert_eq!(
            ids(3600),
            ["tls.client_cert.expires_soon", "tls.root_cert.expires_soon"]
        );
        assert_eq!(ids(0), Vec::<String>::new());
    }

    #[test]
    fn a_server_certificate_that_nothing_verifies_is_reported_after_its_end_too() {
        let ends = [end(ExpiryKind::ServerCert, -10)];
        let within = Duration::from_mins(1);
        let found = warnings(&ends, within, &[], &Context::default());
        assert_eq!(found[0].id, "tls.server_cert.expired");
        assert_eq!(found[0].severity, Severity::Warning);
        assert!(warnings(&ends, within, &found, &Context::default()).is_empty());
    }
}
