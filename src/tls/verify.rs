use std::sync::Arc;
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::{CertificateError, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, ServerName, UnixTime};

use super::certificate::{Certificate, ValidityStatus};

/// The reason why a server's chain is not trusted. libpq has only one message for all of them:
/// `certificate verify failed`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChainFault {
    /// A certificate of the chain is over.
    Expired(Box<Certificate>),
    /// A certificate of the chain has not begun.
    NotYetValid(Box<Certificate>),
    /// The server's certificate is signed by itself, and is not in the root certificate file.
    SelfSigned,
    /// The server sent its certificate alone, and the one that signed it is neither there nor in the root file; its name says
    /// that it is an intermediate of an organisation whose root is there.
    IntermediateMissing {
        /// The issuer of the last certificate that was sent.
        issuer: String,
    },
    /// The chain ends in an authority that the root certificate file does not have.
    UnknownIssuer {
        /// The issuer of the last certificate that was sent.
        issuer: String,
    },
    /// An authority of that name is in the root certificate file, but its key did not sign the chain.
    IssuerKeyMismatch {
        /// The claimed issuer of the last certificate that was sent.
        issuer: String,
    },
    /// The root file has only an intermediate, and OpenSSL wants the authority at the end of the chain.
    RootMissing {
        /// The authority that is missing.
        issuer: String,
    },
    /// The revocation list names a certificate of the chain.
    Revoked,
    /// The revocation list does not cover an authority of the chain, or is out of date.
    RevocationUnknown,
    /// The certificate is not for TLS servers.
    WrongPurpose,
    /// The certificate in the root file that signed the chain is not an authority's.
    NotAnAuthority {
        /// Its subject.
        subject: String,
    },
    /// A key of the chain is shorter than OpenSSL's security level allows.
    WeakKey {
        /// The owner of the key.
        subject: String,
        /// Its kind: `RSA 1024`.
        key: String,
    },
    /// A certificate of the chain is signed with a digest that OpenSSL's security level does not allow.
    WeakDigest {
        /// The owner of the certificate.
        subject: String,
        /// `SHA-1` or `MD5`.
        digest: &'static str,
    },
}

/// The input of a chain's verification.
#[derive(Clone, Debug)]
pub struct Trust<'a> {
    /// The certificates of the root certificate file.
    pub roots: &'a [Certificate],
    /// The revocation list in PEM.
    pub crl: Option<&'a [u8]>,
    /// Now, in seconds since 1970.
    pub now: i64,
}

/// The outcome of a verification that is not libpq's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The chain ends in a trusted authority.
    Trusted,
    /// It does not, for this reason.
    Rejected(ChainFault),
    /// It cannot be said here; the text says what the obstacle was, safe to print.
    Undecided(String),
}

/// Verifies a chain, server's certificate first, as OpenSSL would for libpq: everything but the host name.
pub fn verify(chain: &[Certificate], trust: &Trust<'_>) -> Verdict {
    let Some(leaf) = chain.first() else {
        return Verdict::Undecided("the server sent no certificate".to_owned());
    };
    // OpenSSL trusts a certificate that is itself in the root file, an authority's or not.
    let pinned = leaf.self_signed && trust.roots.iter().any(|root| root.der == leaf.der);
    if !pinned && let Some(distrust) = ends_nowhere(chain, trust) {
        return Verdict::Rejected(distrust);
    }
    if let Some(distrust) = out_of_date(chain, trust) {
        return Verdict::Rejected(distrust);
    }
    if let Some(distrust) = too_weak(chain, trust, pinned) {
        return Verdict::Rejected(distrust);
    }
    if leaf.usage.is_some_and(|usage| !usage.server) {
        return Verdict::Rejected(ChainFault::WrongPurpose);
    }
    if pinned {
        return Verdict::Trusted;
    }
    match by_webpki(leaf, chain, trust) {
        Ok(()) => Verdict::Trusted,
        Err(rustls::Error::InvalidCertificate(error)) => distrust(&error, chain),
        Err(other) => Verdict::Undecided(crate::text::safe(&other.to_string())),
    }
}

/// By names alone: does the chain end in a self-signed certificate of the root file?
fn ends_nowhere(chain: &[Certificate], trust: &Trust<'_>) -> Option<ChainFault> {
    let leaf = chain.first()?;
    let mut last = chain.first()?;
    let known = |certificate: &Certificate| {
        trust
            .roots
            .iter()
            .any(|root| certificate.names_as_issuer(root) && root.self_signed)
    };
    // A chain is at most as long as all certificates together: loops end.
    for _ in 0..chain.len() + trust.roots.len() {
        if known(last) {
            return None;
        }
        let next = chain.iter().chain(trust.roots).find(|other| {
            !last.self_signed && last.names_as_issuer(other) && other.der != last.der
        });
        match next {
            Some(next) => last = next,
            None => break,
        }
    }
    let issuer = last.issuer.clone();
    if leaf.self_signed {
        return Some(ChainFault::SelfSigned);
    }
    if trust.roots.iter().any(|root| root.der == last.der) {
        return Some(ChainFault::RootMissing { issuer });
    }
    // The next root of the same organisation is unknown as well: what the issuer is can only be read from its name. A chain
    // that was sent with an intermediate lacks its root.
    let same_house = last.organisations.1.is_some()
        && trust
            .roots
            .iter()
            .any(|root| root.self_signed && root.organisations.0 == last.organisations.1);
    Some(
        if same_house && chain.len() == 1 && is_named_intermediate(&issuer) {
            ChainFault::IntermediateMissing { issuer }
        } else {
            ChainFault::UnknownIssuer { issuer }
        },
    )
}

/// Returns `true` for a name that authorities give to intermediates and not to roots.
fn is_named_intermediate(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
    has(&[
        "intermediate",
        "issuing",
        "subordinate",
        "sub ca",
        "subca",
        "sub-ca",
        "signing ca",
    ]) && !has(&["root"])
}

/// The authorities of the root file that could end the chain.
fn find_anchors<'a>(chain: &'a [Certificate], trust: &'a Trust<'_>) -> Vec<&'a Certificate> {
    let ends = |root: &&Certificate| {
        root.self_signed
            && chain
                .iter()
                .chain(trust.roots.iter().filter(|helper| !helper.self_signed))
                .any(|certificate| certificate.names_as_issuer(root))
    };
    trust.roots.iter().filter(ends).collect()
}

/// A key, a digest or an authority that OpenSSL does not accept, whoever signed what.
fn too_weak(chain: &[Certificate], trust: &Trust<'_>, pinned: bool) -> Option<ChainFault> {
    let weak_key = |certificate: &&Certificate| certificate.has_weak_key();
    let key_of = |certificate: &Certificate| ChainFault::WeakKey {
        subject: certificate.subject.clone(),
        key: certificate.key.clone(),
    };
    if let Some(weak) = chain.iter().find(weak_key) {
        return Some(key_of(weak));
    }
    if pinned {
        return None;
    }
    let anchors = find_anchors(chain, trust);
    // One that is good is enough.
    if let Some(first) = anchors.first() {
        if anchors.iter().all(|root| !root.may_sign) {
            let subject = first.subject.clone();
            return Some(ChainFault::NotAnAuthority { subject });
        }
        if anchors.iter().all(|root| root.has_weak_key()) {
            return Some(key_of(first));
        }
    }
    // Nobody checks the signature of a self-signed certificate.
    let signed = chain.iter().filter(|certificate| !certificate.self_signed);
    signed
        .filter_map(|certificate| Some((certificate, certificate.weak_digest?)))
        .map(|(certificate, digest)| ChainFault::WeakDigest {
            subject: certificate.subject.clone(),
            digest,
        })
        .next()
}

/// A certificate of the chain, or every authority of the root file that could end it, is out of date.
fn out_of_date(chain: &[Certificate], trust: &Trust<'_>) -> Option<ChainFault> {
    let of = |certificate: &Certificate| match certificate.validity.standing(trust.now) {
        ValidityStatus::Valid => None,
        ValidityStatus::Expired => Some(ChainFault::Expired(Box::new(certificate.clone()))),
        ValidityStatus::NotYetValid => Some(ChainFault::NotYetValid(Box::new(certificate.clone()))),
    };
    let ends = |root: &&Certificate| {
        root.self_signed
            && chain
                .iter()
                .any(|certificate| certificate.names_as_issuer(root))
    };
    chain.iter().find_map(of).or_else(|| {
        let anchors: Vec<Option<ChainFault>> = trust.roots.iter().filter(ends).map(of).collect();
        if anchors.iter().all(Option::is_some) {
            anchors.into_iter().flatten().next()
        } else {
            None
        }
    })
}

fn by_webpki(
    leaf: &Certificate,
    chain: &[Certificate],
    trust: &Trust<'_>,
) -> Result<(), rustls::Error> {
    let der = |certificate: &Certificate| CertificateDer::from(certificate.der.clone());
    let mut store = RootCertStore::empty();
    // webpki ends a chain at any certificate of its store, OpenSSL without X509_V_FLAG_PARTIAL_CHAIN (which libpq
    // does not set) only at a self-signed one. The others of the file can only help to get there.
    store.add_parsable_certificates(trust.roots.iter().filter(|root| root.self_signed).map(der));
    let helpers = trust.roots.iter().filter(|root| !root.self_signed);
    let intermediates: Vec<CertificateDer<'_>> =
        chain.iter().skip(1).chain(helpers).map(der).collect();
    let crls: Vec<CertificateRevocationListDer<'_>> = trust
        .crl
        .map(|pem| {
            CertificateRevocationListDer::pem_slice_iter(pem)
                .filter_map(Result::ok)
                .collect()
        })
        .unwrap_or_default();
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider())
        .with_crls(crls)
        // OpenSSL refuses a list that is past its next update (X509_V_ERR_CRL_HAS_EXPIRED); webpki does so only when
        // it is told to.
        .enforce_revocation_expiration()
        .build()
        .map_err(|error| rustls::Error::General(error.to_string()))?;
    // The host name is compared elsewhere, by libpq's rule. A name that certainly does not match
    // separates the two checks.
    let name = ServerName::try_from("name.invalid")
        .map_err(|error| rustls::Error::General(error.to_string()))?;
    let now = UnixTime::since_unix_epoch(Duration::from_secs(
        u64::try_from(trust.now).unwrap_or_default(),
    ));
    match verifier.verify_server_cert(&der(leaf), &intermediates, &name, &[], now) {
        Ok(_)
        | Err(rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        )) => Ok(()),
        Err(error) => Err(error),
    }
}

fn distrust(error: &CertificateError, chain: &[Certificate]) -> Verdict {
    let last = chain.last().or(chain.first());
    let issuer = last.map(|last| last.issuer.clone()).unwrap_or_default();
    Verdict::Rejected(match error {
        // The names fit, so it is the key.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            ChainFault::IssuerKeyMismatch { issuer }
        }
        CertificateError::Revoked => ChainFault::Revoked,
        CertificateError::UnknownRevocationStatus
        | CertificateError::ExpiredRevocationList
        | CertificateError::ExpiredRevocationListContext { .. } => ChainFault::RevocationUnknown,
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            ChainFault::WrongPurpose
        }
        other => return Verdict::Undecided(crate::text::safe(&other.to_string())),
    })
}

/// The one cryptographic provider of this program.
pub fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{
        BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType,
        ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
        RevokedCertParams, SerialNumber, date_time_ymd,
    };

    const NOW: i64 = 1_800_000_000;

    struct Authority {
        certificate: Certificate,
        issuer: Issuer<'static, KeyPair>,
    }

    fn params(name: &str, organisation: &str) -> CertificateParams {
        let mut params = CertificateParams::new(vec!["db".to_owned()]).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params
            .distinguished_name
            .push(DnType::OrganizationName, organisation);
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2040, 1, 1);
        params.serial_number = Some(SerialNumber::from(7));
        params
    }

    fn authority_params(name: &str) -> CertificateParams {
        let mut params = params(name, "Acme");
        params.subject_alt_names.clear();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params
    }

    fn authority(params: CertificateParams, above: Option<&Authority>) -> Authority {
        let key = KeyPair::generate().unwrap();
        let made = match above {
            None => params.self_signed(&key).unwrap(),
            Some(above) => params.signed_by(&key, &above.issuer).unwrap(),
        };
        Authority {
            certificate: read(&made),
            issuer: Issuer::new(params, key),
        }
    }

    fn read(made: &rcgen::Certificate) -> Certificate {
        Certificate::from_der(made.der()).unwrap()
    }

    fn leaf(by: &Authority, change: impl FnOnce(&mut CertificateParams)) -> Certificate {
        let mut params = params("db", "Acme");
        change(&mut params);
        read(
            &params
                .signed_by(&KeyPair::generate().unwrap(), &by.issuer)
                .unwrap(),
        )
    }

    fn of(chain: &[&Certificate], roots: &[&Certificate], crl: Option<&str>) -> Verdict {
        let chain: Vec<_> = chain.iter().copied().cloned().collect();
        let roots: Vec<_> = roots.iter().copied().cloned().collect();
        verify(
            &chain,
            &Trust {
                roots: &roots,
                crl: crl.map(str::as_bytes),
                now: NOW,
            },
        )
    }

    #[test]
    fn reasons() {
        use ChainFault as D;
        let root = authority(authority_params("Root"), None);
        let other = authority(authority_params("Other"), None);
        let same_name = authority(authority_params("Root"), None);
        let between = authority(authority_params("Issuing CA"), Some(&root));
        let mut elsewhere = authority_params("S");
        elsewhere.distinguished_name = params("S", "Elsewhere").distinguished_name;
        let stranger = authority(elsewhere, None);
        let good = leaf(&root, |_| {});
        let below = leaf(&between, |_| {});
        let foreign = leaf(&stranger, |_| {});
        let old = leaf(&root, |params| params.not_after = date_time_ymd(2021, 1, 1));
        let young = leaf(&root, |params| {
            params.not_before = date_time_ymd(2035, 1, 1);
        });
        let client = leaf(&root, |params| {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        });
        let own = read(
            &params("db", "Acme")
                .self_signed(&KeyPair::generate().unwrap())
                .unwrap(),
        );
        let own_ca = read(
            &authority_params("db")
                .self_signed(&KeyPair::generate().unwrap())
                .unwrap(),
        );
        let issuer = |name: &str| format!("CN={name}, O=Acme");
        assert_eq!(of(&[&good], &[&root.certificate], None), Verdict::Trusted);
        assert_eq!(
            of(&[&good], &[&other.certificate, &root.certificate], None),
            Verdict::Trusted
        );
        assert_eq!(
            of(&[&below, &between.certificate], &[&root.certificate], None),
            Verdict::Trusted
        );
        assert_eq!(
            of(&[&below], &[&root.certificate, &between.certificate], None),
            Verdict::Trusted
        );
        assert_eq!(of(&[&own], &[&own], None), Verdict::Trusted);
        assert_eq!(of(&[&own_ca], &[&own_ca], None), Verdict::Trusted);
        let table = [
            (of(&[&own], &[&root.certificate], None), D::SelfSigned),
            (
                of(&[&below], &[&root.certificate], None),
                D::IntermediateMissing {
                    issuer: issuer("Issuing CA"),
                },
            ),
            (
                of(&[&foreign], &[&root.certificate], None),
                D::UnknownIssuer {
                    issuer: "CN=S, O=Elsewhere".to_owned(),
                },
            ),
            (
                of(
                    &[&foreign, &stranger.certificate],
                    &[&root.certificate],
                    None,
                ),
                D::UnknownIssuer {
                    issuer: "CN=S, O=Elsewhere".to_owned(),
                },
            ),
            (
                of(&[&good], &[&same_name.certificate], None),
                D::IssuerKeyMismatch {
                    issuer: issuer("Root"),
                },
            ),
            (
                of(&[&below], &[&between.certificate], None),
                D::RootMissing {
                    issuer: issuer("Root"),
                },
            ),
            (
                of(&[&old], &[&root.certificate], None),
                D::Expired(Box::new(old.clone())),
            ),
            (
                of(&[&young], &[&root.certificate], None),
                D::NotYetValid(Box::new(young.clone())),
            ),
            (of(&[&client], &[&root.certificate], None), D::WrongPurpose),
        ];
        for (verdict, expected) in table {
            assert_eq!(verdict, Verdict::Rejected(expected));
        }
        assert!(matches!(of(&[], &[], None), Verdict::Undecided(_)));
    }

    #[test]
    fn an_authority_that_is_over_ends_no_chain() {
        let mut ended = authority_params("Root");
        ended.not_after = date_time_ymd(2021, 1, 1);
        let over = authority(ended, None);
        let good = leaf(&over, |_| {});
        let expected = ChainFault::Expired(Box::new(over.certificate.clone()));
        assert_eq!(
            of(&[&good], &[&over.certificate], None),
            Verdict::Rejected(expected)
        );
    }

    #[test]
    fn revocation() {
        let root = authority(authority_params("Root"), None);
        let good = leaf(&root, |params| {
            params.serial_number = Some(SerialNumber::from(42));
        });
        let list = |serial: u64, year: i32| {
            CertificateRevocationListParams {
                this_update: date_time_ymd(2020, 1, 1),
                next_update: date_time_ymd(year, 1, 1),
                crl_number: SerialNumber::from(1),
                issuing_distribution_point: None,
                revoked_certs: vec![RevokedCertParams {
                    serial_number: SerialNumber::from(serial),
                    revocation_time: date_time_ymd(2020, 1, 1),
                    reason_code: None,
                    invalidity_date: None,
                }],
                key_identifier_method: KeyIdMethod::Sha256,
            }
            .signed_by(&root.issuer)
            .unwrap()
            .pem()
            .unwrap()
        };
        let with = |crl: &str| of(&[&good], &[&root.certificate], Some(crl));
        assert_eq!(with(&list(1, 2040)), Verdict::Trusted);
        assert_eq!(
            with(&list(42, 2040)),
            Verdict::Rejected(ChainFault::Revoked)
        );
        assert_eq!(
            with(&list(1, 2021)),
            Verdict::Rejected(ChainFault::RevocationUnknown)
        );
    }

    #[test]
    fn the_next_root_of_the_same_organisation_is_an_unknown_one() {
        let former = authority(authority_params("Root 2020"), None);
        let present = authority(authority_params("Root 2025"), None);
        let between = authority(authority_params("Issuing CA"), Some(&present));
        let unknown = Verdict::Rejected(ChainFault::UnknownIssuer {
            issuer: "CN=Root 2025, O=Acme".to_owned(),
        });
        let roots = [&former.certificate];
        assert_eq!(of(&[&leaf(&present, |_| {})], &roots, None), unknown);
        let below = leaf(&between, |_| {});
        assert_eq!(of(&[&below, &between.certificate], &roots, None), unknown);
        assert_eq!(
            of(
                &[&below, &between.certificate],
                &[&present.certificate],
                None
            ),
            Verdict::Trusted
        );
        // Neither sent nor known, and no word of its name says that it is an intermediate.
        let plain = authority(authority_params("CA 2"), Some(&former));
        let verdict = of(&[&leaf(&plain, |_| {})], &roots, None);
        assert!(matches!(
            verdict,
            Verdict::Rejected(ChainFault::UnknownIssuer { .. })
        ));
    }

    #[test]
    fn a_root_that_may_not_sign_is_no_authority() {
        let mut params = authority_params("Root");
        params.is_ca = IsCa::ExplicitNoCa;
        let root = authority(params, None);
        let verdict = of(&[&leaf(&root, |_| {})], &[&root.certificate], None);
        let subject = "CN=Root, O=Acme".to_owned();
        assert_eq!(
            verdict,
            Verdict::Rejected(ChainFault::NotAnAuthority { subject })
        );
        // One of the same name that may is enough to go on.
        let good = authority(authority_params("Root"), None);
        let verdict = of(
            &[&leaf(&good, |_| {})],
            &[&root.certificate, &good.certificate],
            None,
        );
        assert_eq!(verdict, Verdict::Trusted);
    }
}
