use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use time::OffsetDateTime;
use time::macros::format_description;
use x509_parser::extensions::GeneralName;
use x509_parser::objects::{oid_registry, oid2abbrev};
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::{X509Name, X509Version};

use crate::text;

/// The most names of one certificate that are kept.
const NAMES: usize = 100;

/// The content of a certificate, ready to print: every text is escaped and bounded.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The whole certificate.
    pub der: Vec<u8>,
    /// The subject, as `CN=…, O=…`.
    pub subject: String,
    /// The issuer, as `CN=…, O=…`.
    pub issuer: String,
    /// The last common name of the subject, which libpq's CN check uses, if there is one.
    pub common_name: Option<String>,
    /// The organisations of subject and issuer, if they have any.
    pub organisations: (Option<String>, Option<String>),
    /// The DNS names it is for.
    pub dns_names: Vec<String>,
    /// The IP addresses it is for.
    pub ip_names: Vec<IpAddr>,
    /// First and last moment of its validity.
    pub validity: Validity,
    /// The kind of its key: `RSA 2048`, `EC P-256`, `Ed25519`.
    pub key: String,
    /// The public key as `SubjectPublicKeyInfo` in DER, to compare with a private key's.
    pub public_key: Vec<u8>,
    /// It is marked as an authority's.
    pub is_ca: bool,
    /// OpenSSL takes it for an authority's: it is marked so, or is a self-signed one of version 1, or may sign by its key usage.
    pub may_sign: bool,
    /// The digest of its signature, if OpenSSL's security level 1 refuses it: `SHA-1` or `MD5`.
    pub weak_digest: Option<&'static str>,
    /// Subject and issuer are the same.
    pub self_signed: bool,
    /// The purposes that its extended key usage allows, or `None` without a restriction.
    pub usage: Option<Usage>,
    raw_subject: Vec<u8>,
    raw_issuer: Vec<u8>,
}

/// The extended key usages that matter to TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// May be a TLS server.
    pub server: bool,
    /// May be a TLS client.
    pub client: bool,
}

/// A certificate's validity, in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// First second.
    pub not_before: i64,
    /// Last second.
    pub not_after: i64,
}

/// The position of a moment relative to a validity period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValidityStatus {
    /// Before its first second.
    NotYetValid,
    /// Within.
    Valid,
    /// After its last second.
    Expired,
}

impl Validity {
    /// Returns the position of `now`, in seconds since 1970.
    pub fn standing(self, now: i64) -> ValidityStatus {
        if now < self.not_before {
            ValidityStatus::NotYetValid
        } else if now > self.not_after {
            ValidityStatus::Expired
        } else {
            ValidityStatus::Valid
        }
    }

    /// Returns the whole days from `now` to the end, negative after it.
    pub fn days_left(self, now: i64) -> i64 {
        (self.not_after.saturating_sub(now)).div_euclid(86_400)
    }
}

/// Seconds since 1970 as `2026-11-23 08:40:00Z`; the bare number when no calendar has it.
pub fn moment(seconds: i64) -> String {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]Z");
    OffsetDateTime::from_unix_timestamp(seconds)
        .ok()
        .and_then(|time| time.format(&format).ok())
        .unwrap_or_else(|| seconds.to_string())
}

impl fmt::Display for Validity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} to {}",
            moment(self.not_before),
            moment(self.not_after)
        )
    }
}

/// DER that is no certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an X.509 certificate")]
pub struct NotACertificate;

impl Certificate {
    /// Reads one certificate.
    ///
    /// # Errors
    /// The bytes are no X.509 certificate.
    pub fn from_der(der: &[u8]) -> Result<Self, NotACertificate> {
        let (_, parsed) = x509_parser::certificate::X509Certificate::from_der(der)
            .map_err(|_| NotACertificate)?;
        let names = parsed
            .subject_alternative_name()
            .ok()
            .flatten()
            .map(|names| &names.value.general_names);
        let mut dns_names = Vec::new();
        let mut ip_names = Vec::new();
        for name in names.into_iter().flatten().take(NAMES) {
            match name {
                GeneralName::DNSName(name) => dns_names.push(text::safe(name)),
                GeneralName::IPAddress(bytes) => ip_names.extend(ip(bytes)),
                _ => {}
            }
        }
        let usage = parsed
            .extended_key_usage()
            .ok()
            .flatten()
            .map(|usage| Usage {
                server: usage.value.server_auth || usage.value.any,
                client: usage.value.client_auth || usage.value.any,
            });
        Ok(Self {
            subject: name_text(parsed.subject()),
            issuer: name_text(parsed.issuer()),
            common_name: parsed
                .subject()
                .iter_common_name()
                .last()
                .map(attribute_text),
            organisations: (
                organisation(parsed.subject()),
                organisation(parsed.issuer()),
            ),
            dns_names,
            ip_names,
            validity: Validity {
                not_before: parsed.validity().not_before.timestamp(),
                not_after: parsed.validity().not_after.timestamp(),
            },
            key: key_text(parsed.public_key()),
            public_key: parsed.public_key().raw.to_vec(),
            is_ca: parsed.is_ca(),
            may_sign: may_sign(&parsed),
            weak_digest: weak_digest(&parsed.signature_algorithm.algorithm.to_id_string()),
            self_signed: parsed.subject().as_raw() == parsed.issuer().as_raw(),
            usage,
            raw_subject: parsed.subject().as_raw().to_vec(),
            raw_issuer: parsed.issuer().as_raw().to_vec(),
            der: der.to_vec(),
        })
    }

    /// Returns `true` if the subject of `other` is this certificate's issuer. Only names are
    /// compared; no signature is checked.
    pub fn names_as_issuer(&self, other: &Self) -> bool {
        self.raw_issuer == other.raw_subject
    }

    /// Returns `true` if OpenSSL's default security level refuses the key: RSA below 2048 bits.
    pub fn has_weak_key(&self) -> bool {
        self.key
            .strip_prefix("RSA ")
            .and_then(|bits| bits.parse::<u32>().ok())
            .is_some_and(|bits| bits < 2048)
    }

    /// The subject by RFC 2253, as `pg_ident.conf` sees it with `clientname=DN`: `CN=app,O=Acme`.
    ///
    /// A value with signs that this form escapes is not to be had from the subject's text, and stays as it is.
    pub fn distinguished_name(&self) -> String {
        let mut parts: Vec<&str> = self.subject.split(", ").collect();
        parts.reverse();
        parts.join(",")
    }

    /// All names it is for, DNS names first.
    pub fn names(&self) -> Vec<String> {
        self.dns_names
            .iter()
            .cloned()
            .chain(self.ip_names.iter().map(IpAddr::to_string))
            .collect()
    }
}

/// Names the certificate by what a reader needs; the raw bytes are of no use.
impl fmt::Debug for Certificate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Certificate")
            .field("subject", &self.subject)
            .field("issuer", &self.issuer)
            .field("names", &self.names())
            .field("validity", &self.validity.to_string())
            .field("key", &self.key)
            .field("is_ca", &self.is_ca)
            .finish_non_exhaustive()
    }
}

/// OpenSSL's rule (`check_ca` in `v3_purp.c`).
fn may_sign(parsed: &x509_parser::certificate::X509Certificate<'_>) -> bool {
    let usage = parsed.key_usage().ok().flatten();
    if usage
        .as_ref()
        .is_some_and(|usage| !usage.value.key_cert_sign())
    {
        return false;
    }
    if let Some(constraints) = parsed.basic_constraints().ok().flatten() {
        return constraints.value.ca;
    }
    let self_signed = parsed.subject().as_raw() == parsed.issuer().as_raw();
    usage.is_some() || (parsed.version() == X509Version::V1 && self_signed)
}

/// The digests of signatures that OpenSSL refuses, by the algorithm's object identifier.
fn weak_digest(algorithm: &str) -> Option<&'static str> {
    Some(match algorithm {
        // md2, md4 and md5WithRSAEncryption
        "1.2.840.113549.1.1.2" | "1.2.840.113549.1.1.3" | "1.2.840.113549.1.1.4" => "MD5",
        // sha1WithRSAEncryption, its older name, dsa-with-sha1, ecdsa-with-SHA1
        "1.2.840.113549.1.1.5" | "1.3.14.3.2.29" | "1.2.840.10040.4.3" | "1.2.840.10045.4.1" => {
            "SHA-1"
        }
        _ => return None,
    })
}

/// The content of a certificate file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// PEM, with at least one certificate.
    Pem {
        /// The certificates, in the file's order.
        certificates: Vec<Certificate>,
        /// Sections that claim to be certificates and are not.
        broken: usize,
    },
    /// A single certificate in DER, which libpq does not read for certificates.
    Der(Box<Certificate>),
    /// No certificate.
    Nothing(Nothing),
}

/// The reason why a file has no certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nothing {
    /// No bytes.
    Empty,
    /// A PEM private key.
    PrivateKey,
    /// A request for a certificate, which an authority has not answered yet.
    Request,
    /// Certificates in the form of PKCS #7.
    Pkcs7,
    /// Certificate and key in the form of PKCS #12, in DER.
    Pkcs12,
    /// PEM that was encoded once more in base64, as in a Kubernetes secret.
    Base64,
    /// PEM whose line breaks are the two characters `\\n`, as from a variable.
    EscapedBreaks,
    /// PEM on a single line.
    SingleLine,
    /// PEM of another kind: a CRL, parameters.
    OtherPem,
    /// A PEM frame around something else.
    BrokenPem,
    /// Neither PEM nor DER.
    Unknown,
}

impl fmt::Display for Nothing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Empty => "the file is empty",
            Self::PrivateKey => "the file holds a private key, not a certificate",
            Self::Request => "the file holds a request for a certificate, not a certificate",
            Self::Pkcs7 => "the file has the form of PKCS #7, which libpq does not read",
            Self::Pkcs12 => "the file has the form of PKCS #12, which libpq does not read",
            Self::Base64 => "the file is PEM that was encoded once more in base64",
            Self::EscapedBreaks => "the file is PEM with \\n in place of its line breaks",
            Self::SingleLine => "the file is PEM without its line breaks",
            Self::OtherPem => "the file is PEM, but holds no certificate",
            Self::BrokenPem => "the file is PEM, but its certificate cannot be decoded",
            Self::Unknown => "the file is neither PEM nor a certificate at all",
        })
    }
}

/// Parses a certificate file.
pub fn content(bytes: &[u8]) -> Content {
    let bytes = without_mark(bytes);
    if bytes.is_empty() {
        return Content::Nothing(Nothing::Empty);
    }
    let mut certificates = Vec::new();
    let mut broken = 0;
    for section in CertificateDer::pem_slice_iter(&normalised(bytes)) {
        match section
            .ok()
            .and_then(|der| Certificate::from_der(&der).ok())
        {
            Some(certificate) => certificates.push(certificate),
            None => broken += 1,
        }
    }
    if !certificates.is_empty() {
        return Content::Pem {
            certificates,
            broken,
        };
    }
    if let Ok(certificate) = Certificate::from_der(bytes) {
        return Content::Der(Box::new(certificate));
    }
    Content::Nothing(other_form(bytes, broken > 0))
}

/// The form of a file without a certificate.
fn other_form(bytes: &[u8], is_broken: bool) -> Nothing {
    let has = |needle: &[u8]| contains(bytes, needle);
    let claims = is_broken || has(b"-----BEGIN CERTIFICATE-----");
    if has(b"PRIVATE KEY-----") {
        Nothing::PrivateKey
    } else if claims && bytes.trim_ascii().contains(&b'\n') {
        Nothing::BrokenPem
    } else if claims && has(b"\\n") {
        Nothing::EscapedBreaks
    } else if claims {
        Nothing::SingleLine
    } else if has(b"CERTIFICATE REQUEST-----") {
        Nothing::Request
    } else if has(b"-----BEGIN PKCS7-----") {
        Nothing::Pkcs7
    } else if has(b"-----BEGIN ") {
        Nothing::OtherPem
    } else if is_base64_of_pem(bytes) {
        Nothing::Base64
    } else if is_pkcs12(bytes) {
        Nothing::Pkcs12
    } else {
        Nothing::Unknown
    }
}

/// Takes off the mark that editors put before UTF-8. OpenSSL 3 ignores it, and an older one says what it misses.
pub(super) fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

/// Returns `true` if a text is base64 of a text that begins as PEM does.
pub(super) fn is_base64_of_pem(bytes: &[u8]) -> bool {
    // Base64 of `-----BEGIN `, up to the last whole group of six bits.
    bytes.trim_ascii().starts_with(b"LS0tLS1CRUdJTi")
}

/// Returns `true` for a PFX of version 3 (RFC 7292).
pub(super) fn is_pkcs12(bytes: &[u8]) -> bool {
    // SEQUENCE with a length of two bytes or an indefinite one, then INTEGER 3.
    matches!(
        bytes,
        [0x30, 0x82, _, _, 2, 1, 3, ..] | [0x30, 0x80, 2, 1, 3, ..]
    )
}

/// OpenSSL takes these older frames for certificates as well.
fn normalised(bytes: &[u8]) -> Vec<u8> {
    if !contains(bytes, b"X509 CERTIFICATE-----") && !contains(bytes, b"TRUSTED CERTIFICATE-----") {
        return bytes.to_vec();
    }
    let text = String::from_utf8_lossy(bytes).replace("X509 CERTIFICATE-----", "CERTIFICATE-----");
    text.replace("TRUSTED CERTIFICATE-----", "CERTIFICATE-----")
        .into_bytes()
}

/// Returns `true` if `bytes` contains `needle`.
pub(crate) fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

fn ip(bytes: &[u8]) -> Option<IpAddr> {
    <[u8; 4]>::try_from(bytes)
        .map(|four| IpAddr::from(Ipv4Addr::from(four)))
        .or_else(|_| {
            <[u8; 16]>::try_from(bytes).map(|sixteen| IpAddr::from(Ipv6Addr::from(sixteen)))
        })
        .ok()
}

pub(super) fn name_text(name: &X509Name<'_>) -> String {
    // A hostile subject may have thousands of attributes: take what the bound lets through.
    let parts: Vec<String> = name
        .iter_attributes()
        .take(20)
        .map(|attribute| {
            let label = oid2abbrev(attribute.attr_type(), oid_registry())
                .map_or_else(|_| attribute.attr_type().to_id_string(), str::to_owned);
            format!("{label}={}", attribute_text(attribute))
        })
        .collect();
    if parts.is_empty() {
        "(no name)".to_owned()
    } else {
        text::bounded(&parts.join(", "), text::LIMIT)
    }
}

fn organisation(name: &X509Name<'_>) -> Option<String> {
    name.iter_organization().next().map(attribute_text)
}

fn attribute_text(attribute: &x509_parser::x509::AttributeTypeAndValue<'_>) -> String {
    attribute
        .as_str()
        .map_or_else(|_| text::safe_bytes(attribute.as_slice()), text::safe)
}

fn key_text(key: &x509_parser::x509::SubjectPublicKeyInfo<'_>) -> String {
    let algorithm = key.algorithm.algorithm.to_id_string();
    match (algorithm.as_str(), key.parsed()) {
        ("1.2.840.10045.2.1", _) => {
            let curve = key
                .algorithm
                .parameters
                .as_ref()
                .and_then(|any| any.as_oid().ok());
            match curve.map(|oid| oid.to_id_string()).as_deref() {
                Some("1.2.840.10045.3.1.7") => "EC P-256".to_owned(),
                Some("1.3.132.0.34") => "EC P-384".to_owned(),
                Some("1.3.132.0.35") => "EC P-521".to_owned(),
                Some(other) => format!("EC {other}"),
                None => "EC".to_owned(),
            }
        }
        ("1.3.101.112", _) => "Ed25519".to_owned(),
        ("1.3.101.113", _) => "Ed448".to_owned(),
        (_, Ok(PublicKey::RSA(rsa))) => format!("RSA {}", rsa.key_size()),
        (other, _) => format!("key of type {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rcgen::{
        BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    };

    fn make(subject: &str, change: impl FnOnce(&mut CertificateParams)) -> rcgen::Certificate {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, subject);
        change(&mut params);
        params.self_signed(&key).unwrap()
    }

    #[test]
    fn says_what_is_in_it() {
        let made = make("db", |params| {
            params.subject_alt_names = vec![rcgen::SanType::DnsName(
                "db.example.com".try_into().unwrap(),
            )];
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.not_before = rcgen::date_time_ymd(2020, 1, 1);
            params.not_after = rcgen::date_time_ymd(2021, 1, 1);
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        });
        let Content::Pem {
            certificates,
            broken: 0,
        } = content(made.pem().as_bytes())
        else {
            panic!("PEM")
        };
        let [certificate] = certificates.as_slice() else {
            panic!("one")
        };
        assert_eq!(certificate.subject, "CN=db");
        assert_eq!(certificate.names(), ["db.example.com"]);
        assert_eq!(certificate.key, "EC P-256");
        assert!(
            certificate.is_ca
                && certificate.self_signed
                && certificate.names_as_issuer(certificate)
        );
        assert_eq!(
            certificate.usage,
            Some(Usage {
                server: true,
                client: false
            })
        );
        assert_eq!(
            certificate.validity.to_string(),
            "2020-01-01 00:00:00Z to 2021-01-01 00:00:00Z"
        );
        assert_eq!(
            certificate.validity.standing(1_600_000_000),
            ValidityStatus::Valid
        );
        assert_eq!(
            certificate.validity.standing(1_700_000_000),
            ValidityStatus::Expired
        );
        assert_eq!(
            certificate.validity.standing(0),
            ValidityStatus::NotYetValid
        );
        assert_eq!(
            content(made.der()),
            Content::Der(Box::new(certificate.clone()))
        );
    }

    #[test]
    fn hostile_subjects_are_escaped_and_bounded() {
        let made = make("\u{1b}[2Jevil\nverified: yes", |_| {});
        let certificate = Certificate::from_der(made.der()).unwrap();
        assert_eq!(certificate.subject, "CN=\\x1b[2Jevil\\nverified: yes");
        let huge = make(&"A".repeat(10_000_000), |_| {});
        let certificate = Certificate::from_der(huge.der()).unwrap();
        assert!(certificate.subject.len() < 1000 && certificate.common_name.unwrap().len() < 1000);
    }

    #[test]
    fn other_contents_are_told_apart() {
        let key = KeyPair::generate().unwrap().serialize_pem();
        let table: [(&[u8], Nothing); 5] = [
            (b"", Nothing::Empty),
            (key.as_bytes(), Nothing::PrivateKey),
            (
                b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                Nothing::BrokenPem,
            ),
            (
                b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n",
                Nothing::OtherPem,
            ),
            (b"\xff\xfe\0not a certificate", Nothing::Unknown),
        ];
        for (bytes, expected) in table {
            assert_eq!(content(bytes), Content::Nothing(expected));
        }
    }

    proptest! {
        #[test]
        fn never_panics_on_garbage(bytes: Vec<u8>) {
            content(&bytes);
        }

        #[test]
        fn never_panics_on_a_damaged_certificate(position in 0usize..400, byte: u8, cut in 0usize..400) {
            let mut der = make("x", |_| {}).der().to_vec();
            let index = position % der.len();
            der[index] = byte;
            der.truncate(der.len().saturating_sub(cut % 50));
            if let Ok(certificate) = Certificate::from_der(&der) {
                prop_assert!(certificate.subject.chars().count() <= text::LIMIT + 1);
                let printed = format!("{certificate:?}");
                prop_assert!(!printed.contains(char::is_control));
            }
        }
    }
}
