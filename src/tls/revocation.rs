//! Revocation lists, as far as their end is concerned.

use std::path::Path;

use x509_parser::pem::Pem;
use x509_parser::prelude::FromDer as _;
use x509_parser::revocation_list::CertificateRevocationList;

use super::certificate::name_text;
use super::observe::observe;

/// The most lists of one directory that are read.
const MOST: usize = 1000;

/// A revocation list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationList {
    /// The authority that signed it, as `CN=…, O=…`.
    pub issuer: String,
    /// The moment from which OpenSSL refuses it, in seconds since 1970; `None` if it has no end.
    pub next_update: Option<i64>,
}

impl RevocationList {
    /// Reads the lists of a PEM file. Whatever is no list is left out.
    pub fn read_all(bytes: &[u8]) -> Vec<Self> {
        Pem::iter_from_buffer(bytes)
            .filter_map(Result::ok)
            .filter(|pem| pem.label == "X509 CRL")
            .filter_map(|pem| {
                let (_, list) = CertificateRevocationList::from_der(&pem.contents).ok()?;
                Some(Self {
                    issuer: name_text(list.issuer()),
                    next_update: list.next_update().map(|time| time.timestamp()),
                })
            })
            .collect()
    }

    /// Reads the lists of a directory that OpenSSL finds there: those in `HASH.rN`.
    pub fn read_directory(directory: &Path) -> Vec<Self> {
        let Ok(entries) = std::fs::read_dir(directory) else {
            return Vec::new();
        };
        let names = entries.flatten().map(|entry| entry.path());
        names
            .filter(|path| {
                path.file_name()
                    .is_some_and(|name| is_hashed_list(&name.to_string_lossy()))
            })
            .take(MOST)
            .filter_map(|path| observe(&path).content?.ok())
            .flat_map(|content| Self::read_all(&content.bytes))
            .collect()
    }
}

/// Returns `true` for the name under which OpenSSL looks for a list: `HASH.rN`, where `HASH` has
/// eight hexadecimal digits.
pub fn is_hashed_list(name: &str) -> bool {
    let Some((hash, number)) = name.split_once(".r") else {
        return false;
    };
    hash.len() == 8
        && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
        && number.bytes().all(|byte| byte.is_ascii_digit())
}
