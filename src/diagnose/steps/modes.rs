//! Describes the effect of each sslmode here.

use crate::diagnose::Prepared;
use crate::diagnose::finding::Finding;
use crate::diagnose::probe::{ServerProbe, StartupReply};
use crate::tls::{ChainFault, SslMode, Verdict};

/// One finding with the outcome of every mode, and the sentence on the configured one.
pub(in crate::diagnose) fn outcomes(probe: &ServerProbe, prepared: &Prepared) -> Finding {
    let what = format!("sslmode={}: {}", prepared.mode, prepared.terms().sentence());
    let mut finding = Finding::ok("modes", what);
    for mode in SslMode::ALL {
        finding = finding.with(mode.keyword(), outcome(mode, probe, prepared));
    }
    finding
}

/// Returns the effect of a mode, as far as it can be determined without a password.
pub(in crate::diagnose) fn outcome(
    mode: SslMode,
    probe: &ServerProbe,
    prepared: &Prepared,
) -> String {
    let plaintext = match &probe.in_plaintext {
        Some(StartupReply::Welcome { .. } | StartupReply::Pooler) => Some(true),
        Some(StartupReply::Refused(_)) => Some(false),
        _ => None,
    };
    let tls = probe.tls && !matches!(probe.over_tls, Some(StartupReply::Alert(_)));
    let encrypted = match (&probe.verdict, prepared.files.verifies()) {
        (Some(Verdict::Trusted), true) => "encrypted, chain verified",
        (Some(Verdict::Rejected(_)), true) => "fails: the chain is not accepted",
        _ => "encrypted, not verified",
    };
    let accepted = tls && !encrypted.starts_with("fails");
    match (mode, plaintext, tls) {
        (SslMode::Disable | SslMode::Allow, Some(true), _) => "plaintext".to_owned(),
        (SslMode::Disable, Some(false), _) => "fails: the server refuses plaintext".to_owned(),
        (SslMode::Prefer, Some(true), _) if !accepted => "plaintext, without a word".to_owned(),
        (SslMode::Disable, None, _) => "not known".to_owned(),
        (SslMode::VerifyCa | SslMode::VerifyFull, _, true) => verified(mode, probe),
        (_, _, true) => encrypted.to_owned(),
        (_, _, false) => "fails: TLS does not come about".to_owned(),
    }
}

fn verified(mode: SslMode, probe: &ServerProbe) -> String {
    match &probe.verdict {
        None => "needs sslrootcert".to_owned(),
        Some(Verdict::Rejected(distrust)) => format!("fails: {}", reason(distrust)),
        Some(Verdict::Undecided(words)) => format!("not known: {words}"),
        Some(Verdict::Trusted) if mode == SslMode::VerifyCa => {
            "encrypted, chain verified".to_owned()
        }
        Some(Verdict::Trusted) => match probe.name_fits {
            Some(true) => "encrypted, chain and host name verified".to_owned(),
            Some(false) => "fails: the certificate is for another name".to_owned(),
            None => "fails: there is no host name to verify".to_owned(),
        },
    }
}

fn reason(distrust: &ChainFault) -> &'static str {
    match distrust {
        ChainFault::Expired(_) => "a certificate has expired",
        ChainFault::NotYetValid(_) => "a certificate is not yet valid",
        ChainFault::SelfSigned => "the certificate is self-signed",
        ChainFault::IntermediateMissing { .. } => "the intermediate certificate is missing",
        ChainFault::UnknownIssuer { .. } | ChainFault::IssuerKeyMismatch { .. } => {
            "the authority is not in the root certificate file"
        }
        ChainFault::RootMissing { .. } => "the root certificate file has an intermediate only",
        ChainFault::Revoked => "the certificate is revoked",
        ChainFault::RevocationUnknown => "the revocation list does not cover the chain",
        ChainFault::WrongPurpose => "the certificate is not for servers",
        ChainFault::NotAnAuthority { .. } => "the root certificate is not an authority's",
        ChainFault::WeakKey { .. } => "a key is too short",
        ChainFault::WeakDigest { .. } => "a digest is too weak",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Connection, ConnectionFlags, Environment};
    use crate::diagnose::probe::Refusal;
    use crate::diagnose::settle;

    fn prepared(verifies: bool) -> (Prepared, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("root.crt");
        let key = rcgen::KeyPair::generate().unwrap();
        let pem = rcgen::CertificateParams::new(vec![])
            .unwrap()
            .self_signed(&key)
            .unwrap()
            .pem();
        crate::path::write_atomic(&path, pem.as_bytes()).unwrap();
        let root = verifies.then(|| ("PGSSLROOTCERT", path.to_str().unwrap()));
        let environment: Environment = [("PGUSER", "u"), ("PGHOST", "h")]
            .into_iter()
            .chain(root)
            .collect();
        let mut connection =
            Connection::resolve(&ConnectionFlags::default(), &environment).unwrap();
        (settle(&mut connection, &environment, 15).unwrap(), folder)
    }

    fn all(probe: &ServerProbe, verifies: bool) -> Vec<String> {
        let (prepared, _folder) = prepared(verifies);
        SslMode::ALL
            .into_iter()
            .map(|mode| outcome(mode, probe, &prepared))
            .collect()
    }

    fn welcome() -> StartupReply {
        StartupReply::Welcome {
            asks_password: false,
        }
    }

    fn refusal() -> StartupReply {
        StartupReply::Refused(Refusal {
            message: "FATAL:  SSL required".to_owned(),
            ..Refusal::default()
        })
    }

    #[test]
    fn a_good_server_that_wants_tls() {
        let probe = ServerProbe {
            tls: true,
            verdict: Some(Verdict::Trusted),
            name_fits: Some(true),
            over_tls: Some(welcome()),
            in_plaintext: Some(refusal()),
            ..ServerProbe::default()
        };
        let verified = "encrypted, chain verified";
        let expected = [
            "fails: the server refuses plaintext",
            verified,
            verified,
            verified,
            verified,
            "encrypted, chain and host name verified",
        ];
        assert_eq!(all(&probe, true), expected);
        let other_name = ServerProbe {
            name_fits: Some(false),
            ..probe
        };
        assert_eq!(
            all(&other_name, true).last().unwrap(),
            "fails: the certificate is for another name"
        );
    }

    #[test]
    fn an_untrusted_server_that_takes_plaintext() {
        let probe = ServerProbe {
            tls: true,
            verdict: Some(Verdict::Rejected(ChainFault::SelfSigned)),
            over_tls: Some(welcome()),
            in_plaintext: Some(welcome()),
            ..ServerProbe::default()
        };
        let expected = [
            "plaintext",
            "plaintext",
            "plaintext, without a word",
            "fails: the chain is not accepted",
            "fails: the certificate is self-signed",
            "fails: the certificate is self-signed",
        ];
        assert_eq!(all(&probe, true), expected);
    }

    #[test]
    fn a_server_without_tls() {
        let probe = ServerProbe {
            in_plaintext: Some(welcome()),
            ..ServerProbe::default()
        };
        let no = "fails: TLS does not come about";
        assert_eq!(
            all(&probe, false),
            [
                "plaintext",
                "plaintext",
                "plaintext, without a word",
                no,
                no,
                no
            ]
        );
    }

    #[test]
    fn without_a_root_certificate_nothing_is_verified() {
        let probe = ServerProbe {
            tls: true,
            over_tls: Some(welcome()),
            in_plaintext: Some(refusal()),
            ..ServerProbe::default()
        };
        let some = "encrypted, not verified";
        let needs = "needs sslrootcert";
        assert_eq!(
            all(&probe, false),
            [
                "fails: the server refuses plaintext",
                some,
                some,
                some,
                needs,
                needs
            ]
        );
    }
}
