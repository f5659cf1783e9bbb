use std::fmt;

use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::{Error as PemError, PemObject};

use super::certificate::{contains, is_base64_of_pem, is_pkcs12, without_mark};

/// The content of a private-key file, but never the key itself.
#[derive(Clone, PartialEq, Eq)]
pub enum KeyContent {
    /// A key that needs no pass phrase.
    Plain {
        /// `SubjectPublicKeyInfo` in DER; `None` for a kind of key that cannot be derived here.
        public_key: Option<Vec<u8>>,
    },
    /// A key under a pass phrase: OpenSSL would ask for it on the terminal, or take it from stdin.
    Encrypted,
    /// No key.
    Nothing(NoKey),
}

/// The reason why a file has no private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoKey {
    /// No bytes.
    Empty,
    /// A certificate.
    Certificate,
    /// A public key.
    PublicKey,
    /// A key in OpenSSH's own format, which OpenSSL does not read.
    OpenSsh,
    /// Certificate and key in the form of PKCS #12.
    Pkcs12,
    /// PEM that was encoded once more in base64, as in a Kubernetes secret.
    Base64,
    /// Something else.
    Unknown,
}

impl fmt::Display for NoKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Empty => "the file is empty",
            Self::Certificate => "the file holds a certificate, not a private key",
            Self::PublicKey => "the file holds a public key, not a private key",
            Self::OpenSsh => {
                "the file holds a key in OpenSSH's own format, which libpq does not read"
            }
            Self::Pkcs12 => "the file has the form of PKCS #12, which libpq does not read",
            Self::Base64 => "the file is PEM that was encoded once more in base64",
            Self::Unknown => "the file holds no private key",
        })
    }
}

impl fmt::Debug for KeyContent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain { public_key } => write!(
                formatter,
                "Plain(public key known: {})",
                public_key.is_some()
            ),
            Self::Encrypted => formatter.write_str("Encrypted"),
            Self::Nothing(why) => write!(formatter, "Nothing({why:?})"),
        }
    }
}

/// Parses a private-key file. libpq reads PEM, then DER.
pub fn content(bytes: &[u8]) -> KeyContent {
    let bytes = without_mark(bytes);
    if bytes.is_empty() {
        return KeyContent::Nothing(NoKey::Empty);
    }
    if contains(bytes, b"-----BEGIN OPENSSH PRIVATE KEY-----") {
        return KeyContent::Nothing(NoKey::OpenSsh);
    }
    if is_base64_of_pem(bytes) {
        return KeyContent::Nothing(NoKey::Base64);
    }
    if is_pkcs12(bytes) {
        return KeyContent::Nothing(NoKey::Pkcs12);
    }
    if contains(bytes, b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
        || contains(bytes, b"Proc-Type: 4,ENCRYPTED")
    {
        return KeyContent::Encrypted;
    }
    match PrivateKeyDer::from_pem_slice(bytes) {
        Ok(key) => {
            return KeyContent::Plain {
                public_key: public_key(&key),
            };
        }
        // A PEM label other than those of PKCS #1, #8 or SEC1, such as `DSA PRIVATE KEY`: OpenSSL
        // may know it.
        Err(PemError::NoItemsFound) if contains(bytes, b" PRIVATE KEY-----") => {
            return KeyContent::Plain { public_key: None };
        }
        Err(PemError::NoItemsFound) => {}
        Err(_) => return KeyContent::Nothing(NoKey::Unknown),
    }
    if contains(bytes, b"-----BEGIN CERTIFICATE-----") {
        return KeyContent::Nothing(NoKey::Certificate);
    }
    if contains(bytes, b"PUBLIC KEY-----") {
        return KeyContent::Nothing(NoKey::PublicKey);
    }
    if super::certificate::Certificate::from_der(bytes).is_ok() {
        return KeyContent::Nothing(NoKey::Certificate);
    }
    // `try_from` checks only the outer structure. A key of an unknown kind has no public key here,
    // and OpenSSL judges it.
    PrivateKeyDer::try_from(bytes).map_or(KeyContent::Nothing(NoKey::Unknown), |key| {
        KeyContent::Plain {
            public_key: public_key(&key),
        }
    })
}

fn public_key(key: &PrivateKeyDer<'_>) -> Option<Vec<u8>> {
    let signing = rustls::crypto::ring::sign::any_supported_type(key).ok()?;
    signing.public_key().map(|public| public.as_ref().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::certificate::Certificate;
    use proptest::prelude::*;
    use rcgen::{CertificateParams, KeyPair};

    #[test]
    fn a_key_and_its_certificate_are_a_pair() {
        let key = KeyPair::generate().unwrap();
        let other = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
        let certificate = CertificateParams::new(vec!["x".to_owned()])
            .unwrap()
            .self_signed(&key)
            .unwrap();
        let certificate = Certificate::from_der(certificate.der()).unwrap();
        let public = |key: &KeyPair| match content(key.serialize_pem().as_bytes()) {
            KeyContent::Plain { public_key } => public_key.unwrap(),
            no => panic!("{no:?}"),
        };
        assert_eq!(public(&key), certificate.public_key);
        assert_ne!(public(&other), certificate.public_key);
        assert_eq!(
            content(&key.serialize_der()),
            content(key.serialize_pem().as_bytes()),
            "DER keys are read too"
        );
    }

    #[test]
    fn other_contents_are_told_apart() {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![])
            .unwrap()
            .self_signed(&key)
            .unwrap()
            .pem();
        let public = key.public_key_pem();
        let table: [(&[u8], KeyContent); 6] = [
            (b"", KeyContent::Nothing(NoKey::Empty)),
            (
                certificate.as_bytes(),
                KeyContent::Nothing(NoKey::Certificate),
            ),
            (public.as_bytes(), KeyContent::Nothing(NoKey::PublicKey)),
            (
                b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nxx",
                KeyContent::Encrypted,
            ),
            (
                b"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n",
                KeyContent::Encrypted,
            ),
            (b"\xff\xfe\0garbage", KeyContent::Nothing(NoKey::Unknown)),
        ];
        for (bytes, expected) in table {
            assert_eq!(content(bytes), expected);
        }
    }

    proptest! {
        #[test]
        fn never_panics(bytes: Vec<u8>, frame: bool) {
            let bytes = if frame {
                [b"-----BEGIN PRIVATE KEY-----\n".as_slice(), &bytes, b"\n-----END PRIVATE KEY-----\n"].concat()
            } else {
                bytes
            };
            content(&bytes);
        }
    }
}
