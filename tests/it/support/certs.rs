use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName,
    DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    RevocationReason, RevokedCertParams, SanType, SerialNumber, date_time_ymd,
};
use time::{Duration, OffsetDateTime};

use super::ServerTls;

/// A certificate authority made on the spot: a root, or an intermediate beneath one.
#[derive(Debug)]
pub(crate) struct Authority {
    /// Its own certificate, PEM.
    pub(crate) certificate: String,
    /// Its own private key, PEM: for the mistake of using an authority as a client certificate.
    pub(crate) key: String,
    issuer: Issuer<'static, KeyPair>,
    /// The certificates between its leaves and the root, itself first; empty for a root.
    intermediates: String,
}

/// A certificate with its private key, both PEM.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    /// The certificate alone.
    pub(crate) certificate: String,
    /// The certificate followed by the intermediates above it: what a server is started with.
    pub(crate) chain: String,
    /// The private key, PKCS #8.
    pub(crate) key: String,
    serial: SerialNumber,
}

/// What is asked of an authority.
#[derive(Debug, Clone)]
pub(crate) struct Leaf {
    params: CertificateParams,
}

impl Authority {
    /// A self-signed root with this common name.
    pub(crate) fn root(name: &str) -> Self {
        Self::from_params(authority_params(name))
    }

    /// A self-signed root that ends in so many days.
    pub(crate) fn root_for(name: &str, days: i64) -> Self {
        let mut params = authority_params(name);
        params.not_after = in_days(days);
        Self::from_params(params)
    }

    /// A certificate of this root with the same key for another time: from so many days on, until so many.
    pub(crate) fn renewed(&self, name: &str, from: i64, until: i64) -> String {
        let mut params = authority_params(name);
        (params.not_before, params.not_after) = (in_days(from), in_days(until));
        let key = KeyPair::from_pem(&self.key).expect("its own key");
        params.self_signed(&key).expect("valid parameters").pem()
    }

    fn from_params(params: CertificateParams) -> Self {
        let key = new_key();
        let certificate = params.self_signed(&key).expect("valid parameters").pem();
        Self {
            certificate,
            key: key.serialize_pem(),
            issuer: Issuer::new(params, key),
            intermediates: String::new(),
        }
    }

    /// An authority signed by this one.
    pub(crate) fn intermediate(&self, name: &str) -> Self {
        self.sign_authority(authority_params(name))
    }

    /// An authority signed by this one that ends in so many days.
    pub(crate) fn intermediate_for(&self, name: &str, days: i64) -> Self {
        let mut params = authority_params(name);
        params.not_after = in_days(days);
        self.sign_authority(params)
    }

    fn sign_authority(&self, params: CertificateParams) -> Self {
        let key = new_key();
        let certificate = params
            .signed_by(&key, &self.issuer)
            .expect("valid parameters")
            .pem();
        let intermediates = format!("{certificate}{}", self.intermediates);
        Self {
            certificate,
            key: key.serialize_pem(),
            issuer: Issuer::new(params, key),
            intermediates,
        }
    }

    /// Issues a certificate with a fresh key.
    pub(crate) fn issue(&self, leaf: &Leaf) -> Identity {
        let key = new_key();
        let (params, serial) = leaf.numbered();
        let certificate = params
            .signed_by(&key, &self.issuer)
            .expect("valid parameters")
            .pem();
        let chain = format!("{certificate}{}", self.intermediates);
        Identity {
            certificate,
            chain,
            key: key.serialize_pem(),
            serial,
        }
    }

    /// A revocation list of this authority, PEM, with these certificates on it; with none it is an empty list.
    pub(crate) fn revocation_list(&self, revoked: &[&Identity]) -> String {
        self.revocation_list_for(revoked, 364)
    }

    /// The same that ends in so many days, or ended so many days ago.
    pub(crate) fn revocation_list_for(&self, revoked: &[&Identity], days: i64) -> String {
        let yesterday = OffsetDateTime::now_utc() - Duration::DAY;
        let made = yesterday.min(in_days(days) - Duration::DAY);
        let revoked_certs = revoked
            .iter()
            .map(|identity| RevokedCertParams {
                serial_number: identity.serial.clone(),
                revocation_time: made,
                reason_code: Some(RevocationReason::KeyCompromise),
                invalidity_date: None,
            })
            .collect();
        let params = CertificateRevocationListParams {
            this_update: made,
            next_update: in_days(days),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs,
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params
            .signed_by(&self.issuer)
            .expect("valid parameters")
            .pem()
            .expect("PEM")
    }
}

impl Leaf {
    /// A server's certificate for these names, host names and IP addresses alike; the first is the common name too.
    pub(crate) fn server(names: &[&str]) -> Self {
        let mut leaf = Self::with_common_name(names[0], ExtendedKeyUsagePurpose::ServerAuth);
        leaf.params.subject_alt_names = names
            .iter()
            .map(|name| {
                let host_name = || SanType::DnsName((*name).try_into().expect("ASCII"));
                name.parse::<IpAddr>()
                    .map_or_else(|_| host_name(), SanType::IpAddress)
            })
            .collect();
        leaf
    }

    /// A server's certificate whose name is in the common name only, as old tools make them.
    pub(crate) fn server_by_common_name(name: &str) -> Self {
        Self::with_common_name(name, ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// A client's certificate whose common name is the role's name.
    pub(crate) fn client(role: &str) -> Self {
        Self::with_common_name(role, ExtendedKeyUsagePurpose::ClientAuth)
    }

    /// Ended yesterday.
    pub(crate) fn expired(mut self) -> Self {
        self.params.not_after = OffsetDateTime::now_utc() - Duration::DAY;
        self
    }

    /// Ends in so many days.
    pub(crate) fn ends_in(mut self, days: i64) -> Self {
        self.params.not_after = in_days(days);
        self
    }

    /// Begins tomorrow.
    pub(crate) fn not_yet_valid(mut self) -> Self {
        self.params.not_before = OffsetDateTime::now_utc() + Duration::DAY;
        self
    }

    /// Adds to the subject, in whatever characters.
    pub(crate) fn organization(mut self, name: &str) -> Self {
        self.params
            .distinguished_name
            .push(DnType::OrganizationName, name);
        self
    }

    /// Signs the certificate with its own key.
    pub(crate) fn self_signed(&self) -> Identity {
        let key = new_key();
        let (params, serial) = self.numbered();
        let certificate = params.self_signed(&key).expect("valid parameters").pem();
        Identity {
            chain: certificate.clone(),
            certificate,
            key: key.serialize_pem(),
            serial,
        }
    }

    fn with_common_name(name: &str, usage: ExtendedKeyUsagePurpose) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2120, 1, 1);
        params.key_usages = vec![
            KeyUsagePurpose::DigitalSignature,
            KeyUsagePurpose::KeyEncipherment,
        ];
        params.extended_key_usages = vec![usage];
        params.use_authority_key_identifier_extension = true;
        Self { params }
    }

    fn numbered(&self) -> (CertificateParams, SerialNumber) {
        static NEXT: AtomicU64 = AtomicU64::new(1000);
        let serial = SerialNumber::from(NEXT.fetch_add(1, Ordering::Relaxed));
        let mut params = self.params.clone();
        params.serial_number = Some(serial.clone());
        (params, serial)
    }
}

impl Identity {
    /// What a server is started with, not asking for client certificates.
    pub(crate) fn server_tls(&self) -> ServerTls {
        ServerTls {
            certificate: self.chain.clone(),
            key: self.key.clone(),
            client_ca: None,
            crl: None,
        }
    }

    /// What a server is started with that asks for client certificates of this authority.
    pub(crate) fn server_tls_asking(&self, client_ca: &Authority) -> ServerTls {
        ServerTls {
            client_ca: Some(client_ca.certificate.clone()),
            ..self.server_tls()
        }
    }
}

fn new_key() -> KeyPair {
    KeyPair::generate().expect("the system has randomness")
}

/// A moment a few minutes after so many days.
fn in_days(days: i64) -> OffsetDateTime {
    OffsetDateTime::now_utc() + Duration::days(days) + Duration::minutes(10)
}

fn authority_params(name: &str) -> CertificateParams {
    let mut leaf = Leaf::with_common_name(name, ExtendedKeyUsagePurpose::ServerAuth);
    // As real authorities do, root and intermediates bear the name of their organisation: the first word.
    leaf.params.distinguished_name.push(
        DnType::OrganizationName,
        name.split(' ').next().unwrap_or(name),
    );
    leaf.params.extended_key_usages = Vec::new();
    leaf.params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    leaf.params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    leaf.params
}
