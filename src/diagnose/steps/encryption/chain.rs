//! The findings on a chain of certificates that libpq would refuse.

use crate::diagnose::finding::{Finding, Speaker};
use crate::diagnose::{Context, Prepared};
use crate::text;
use crate::tls::{Certificate, ChainFault};

/// The certificate that is not valid today: the server's own, one that it sends along, or a root.
enum Outdated {
    Leaf,
    Intermediate,
    Root,
}

impl Outdated {
    fn new(certificate: &Certificate, leaf: Option<&Certificate>, prepared: &Prepared) -> Self {
        let roots = prepared.files.roots.file();
        let mut roots = roots
            .iter()
            .flat_map(|used| used.judged.content.iter().flatten());
        if leaf.is_some_and(|leaf| leaf.der == certificate.der) {
            Self::Leaf
        } else if roots.any(|root| root.der == certificate.der) {
            Self::Root
        } else {
            Self::Intermediate
        }
    }
}

/// A certificate of the chain that has expired, or is not yet valid: renewing another one would not help.
fn outdated(
    certificate: &Certificate,
    is_over: bool,
    whose: &Outdated,
    context: &Context,
) -> Finding {
    let id = match (whose, is_over) {
        (Outdated::Root, true) => "tls.root_cert.expired",
        (Outdated::Root, false) => "tls.root_cert.not_yet_valid",
        (_, true) => "tls.server_cert.expired",
        (_, false) => "tls.server_cert.not_yet_valid",
    };
    let mut finding = Finding::from_catalogue(id, context);
    finding.why = format!("{} is valid {}", certificate.subject, certificate.validity);
    let state = if is_over {
        "has expired"
    } else {
        "is not yet valid"
    };
    match (whose, is_over) {
        (Outdated::Leaf, _) => {}
        (Outdated::Root, _) => {
            finding.what = format!("the root certificate at which the server's chain ends {state}");
            if is_over {
                let fix =
                    "get the authority's present certificate, and name its file in [sslrootcert]";
                fix.clone_into(&mut finding.fix);
            }
        }
        (Outdated::Intermediate, _) => {
            finding.what = format!("an intermediate certificate that the server sends {state}");
            if is_over {
                finding.fix = format!(
                    "put the present certificate of {} into the server's certificate file",
                    certificate.subject
                );
            }
        }
    }
    finding
}

/// Returns the finding on a chain that libpq would refuse.
pub(super) fn distrust_finding(
    distrust: &ChainFault,
    leaf: Option<&Certificate>,
    prepared: &Prepared,
    context: &Context,
) -> Finding {
    let file = prepared
        .files
        .roots
        .file()
        .map(|used| text::safe(&used.observed.path.to_string_lossy()))
        .unwrap_or_default();
    let id = match distrust {
        ChainFault::Expired(certificate) | ChainFault::NotYetValid(certificate) => {
            let is_over = matches!(distrust, ChainFault::Expired(_));
            let whose = Outdated::new(certificate, leaf, prepared);
            return outdated(certificate, is_over, &whose, context)
                .said_by(Speaker::Schemastamp)
                .with("root_certificate_file", file);
        }
        ChainFault::SelfSigned => "tls.server_cert.self_signed",
        ChainFault::IntermediateMissing { .. } => "tls.server_cert.incomplete_chain",
        ChainFault::UnknownIssuer { .. } => "tls.server_cert.unknown_issuer",
        ChainFault::IssuerKeyMismatch { .. } => "tls.server_cert.other_key",
        ChainFault::RootMissing { .. } => "tls.root_cert.incomplete",
        ChainFault::Revoked => "tls.server_cert.revoked",
        ChainFault::RevocationUnknown => "tls.crl.incomplete",
        ChainFault::WrongPurpose => "tls.server_cert.wrong_purpose",
        ChainFault::NotAnAuthority { .. } => "tls.root_cert.not_an_authority",
        ChainFault::WeakKey { .. } => "tls.server_cert.weak_key",
        ChainFault::WeakDigest { .. } => "tls.server_cert.weak_digest",
    };
    let mut finding = Finding::from_catalogue(id, context)
        .said_by(Speaker::Schemastamp)
        .with("root_certificate_file", file.clone());
    match distrust {
        ChainFault::UnknownIssuer { issuer } | ChainFault::IssuerKeyMismatch { issuer } => {
            finding.why = format!("the chain ends in {issuer}, which '{file}' does not have");
            finding.fix = format!(
                "get the present certificate of {issuer} and name its file in [sslrootcert]; if it is an intermediate, \
                 the server should send it"
            );
        }
        ChainFault::NotAnAuthority { subject } => {
            finding.why = format!(
                "{subject} in '{file}' may not sign certificates (basicConstraints CA:FALSE)"
            );
        }
        ChainFault::WeakKey { subject, key } => {
            finding.why = format!(
                "the key of {subject} is {key}, and OpenSSL's security level wants RSA of 2048 bits"
            );
        }
        ChainFault::WeakDigest { subject, digest } => {
            finding.why = format!(
                "{subject} is signed with {digest}, which OpenSSL's security level refuses"
            );
        }
        ChainFault::IntermediateMissing { issuer } => {
            finding.why = format!(
                "{issuer} signed the server's certificate, and is neither sent nor in '{file}'"
            );
            finding.fix =
                format!("append the certificate of {issuer} to the server's certificate file");
        }
        ChainFault::RootMissing { issuer } => {
            finding.fix = format!("append the certificate of {issuer} to '{file}'");
        }
        _ => {}
    }
    finding
}
