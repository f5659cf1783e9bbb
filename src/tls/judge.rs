use super::certificate::{self, Certificate, Content, Standing};
use super::key::{self, KeyContent};
use super::mode::SslMode;
use super::observe::{Bytes, FileType, Observed, Obstacle, Stat};
use super::problem::{Fault, FileKind, Problem};

/// What a judgement depends on besides the file.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances {
    /// The configured mode.
    pub mode: SslMode,
    /// Major version of libpq.
    pub libpq_major: u32,
    /// Now, in seconds since 1970.
    pub now: i64,
}

/// A judged file: what is in it and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged<C> {
    /// What libpq would load; `None` when it would load nothing.
    pub content: Option<C>,
    /// What is wrong, the worst first.
    pub problems: Vec<Problem>,
}

/// Judges a root certificate file as libpq does.
///
/// Any failure of `stat` counts as "missing" (`fe-secure-openssl.c`, `initialize_SSL`): an error for verify-ca and
/// verify-full, otherwise no verification. A file that is there and unusable is an error in every TLS mode.
pub fn root_cert(observed: &Observed, circumstances: Circumstances) -> Judged<Vec<Certificate>> {
    let problem = |fault, fatal| Problem { kind: FileKind::RootCert, path: observed.path.clone(), fault, fatal };
    let bytes = match open(observed) {
        Ok(bytes) => bytes,
        Err(fault) => {
            let missing = matches!(fault, Fault::Missing | Fault::Unreachable(_));
            let fatal = !missing || circumstances.mode.needs_root_cert();
            return Judged { content: None, problems: vec![problem(fault, fatal)] };
        }
    };
    match certificate::content(&bytes.bytes) {
        Content::Pem { certificates, .. } => {
            let dated = |certificate: &Certificate| dates(certificate, circumstances.now);
            // A bundle always has an authority that is over; only when none is left does it matter.
            let problems = match certificates.iter().map(dated).collect::<Option<Vec<Fault>>>() {
                Some(faults) => faults.into_iter().take(1).map(|fault| problem(fault, false)).collect(),
                None => Vec::new(),
            };
            Judged { content: Some(certificates), problems }
        }
        // OpenSSL accepts a file of CRLs alone, and then no chain ends anywhere.
        Content::Nothing(nothing) => {
            Judged { content: None, problems: vec![problem(Fault::NoCertificate(nothing), true)] }
        }
        Content::Der(_) => Judged { content: None, problems: vec![problem(Fault::Der, true)] },
    }
}

/// Judges a revocation list: whatever is wrong with it, libpq ignores it in silence.
pub fn crl(observed: &Observed) -> Judged<Vec<u8>> {
    let problem = |fault| Problem { kind: FileKind::Crl, path: observed.path.clone(), fault, fatal: false };
    match open(observed) {
        Err(fault) => Judged { content: None, problems: vec![problem(fault)] },
        Ok(bytes) if certificate::contains(&bytes.bytes, b"-----BEGIN X509 CRL-----") => {
            Judged { content: Some(bytes.bytes.clone()), problems: Vec::new() }
        }
        Ok(bytes) => {
            let nothing = if bytes.bytes.is_empty() { certificate::Nothing::Empty } else { certificate::Nothing::Unknown };
            Judged { content: None, problems: vec![problem(Fault::NoCertificate(nothing))] }
        }
    }
}

/// Judges a client certificate: missing means "send none", any other failure is an error.
pub fn client_cert(observed: &Observed, circumstances: Circumstances) -> Judged<Vec<Certificate>> {
    let problem = |fault, fatal| Problem { kind: FileKind::ClientCert, path: observed.path.clone(), fault, fatal };
    let bytes = match open(observed) {
        Ok(bytes) => bytes,
        Err(fault) => {
            let fatal = fault != Fault::Missing;
            return Judged { content: None, problems: vec![problem(fault, fatal)] };
        }
    };
    match certificate::content(&bytes.bytes) {
        Content::Pem { certificates, .. } => {
            let leaf = certificates.first();
            // These are the server's to judge, and only if it asks for a certificate.
            let faults = [
                leaf.and_then(|leaf| dates(leaf, circumstances.now)),
                leaf.filter(|leaf| leaf.usage.is_some_and(|usage| !usage.client)).map(|_| Fault::WrongPurpose),
                leaf.filter(|leaf| leaf.is_ca).map(|_| Fault::IsCa),
            ];
            let problems = faults.into_iter().flatten().map(|fault| problem(fault, false)).collect();
            Judged { content: Some(certificates), problems }
        }
        Content::Nothing(nothing) => {
            Judged { content: None, problems: vec![problem(Fault::NoCertificate(nothing), true)] }
        }
        Content::Der(_) => Judged { content: None, problems: vec![problem(Fault::Der, true)] },
    }
}

/// Judges the private key of a client certificate that was loaded; `None` when no key is named.
pub fn client_key(observed: &Observed, cert: &Observed, leaf: Option<&Certificate>, libpq_major: u32) -> Judged<KeyContent> {
    let wrong = |fault| Judged {
        content: None,
        problems: vec![Problem { kind: FileKind::ClientKey, path: observed.path.clone(), fault, fatal: true }],
    };
    if observed.path.as_os_str().as_encoded_bytes().contains(&b':') {
        return wrong(Fault::Colon);
    }
    match &observed.stat {
        Ok(stat) if stat.file_type != FileType::Regular => return wrong(Fault::NotAFile(stat.file_type)),
        Ok(stat) if too_open(*stat, libpq_major) => {
            return wrong(Fault::Permissions { mode: stat.mode, owner: stat.owner });
        }
        _ => {}
    }
    let bytes = match open(observed) {
        Ok(bytes) => bytes,
        Err(fault) => return wrong(fault),
    };
    match key::content(&bytes.bytes) {
        KeyContent::Nothing(nothing) => wrong(Fault::NoKey(nothing)),
        KeyContent::Encrypted => wrong(Fault::Encrypted),
        KeyContent::Plain { public_key: Some(public) } if leaf.is_some_and(|leaf| leaf.public_key != public) => {
            wrong(Fault::NotAPair { certificate: cert.path.clone() })
        }
        plain @ KeyContent::Plain { .. } => Judged { content: Some(plain), problems: Vec::new() },
    }
}

/// libpq's rule for private keys: root's at most 0640 (libpq 13.16, 14.3, 15 and later), anybody else's at most 0600.
/// It holds for a root process too, and the owner need not be the caller.
pub fn too_open(stat: Stat, libpq_major: u32) -> bool {
    let forbidden = if stat.owner == 0 && libpq_major >= 13 { 0o037 } else { 0o077 };
    stat.mode & forbidden != 0
}

fn dates(certificate: &Certificate, now: i64) -> Option<Fault> {
    match certificate.validity.standing(now) {
        Standing::Valid => None,
        Standing::Expired => Some(Fault::Expired(certificate.validity)),
        Standing::NotYetValid => Some(Fault::NotYetValid(certificate.validity)),
    }
}

/// The bytes of a regular file, or why there are none.
fn open(observed: &Observed) -> Result<&Bytes, Fault> {
    match (&observed.stat, &observed.content) {
        (Err(Obstacle::Missing), _) => Err(Fault::Missing),
        (Err(obstacle), _) => Err(Fault::Unreachable(obstacle.clone())),
        (Ok(_), Some(Ok(bytes))) => Ok(bytes),
        (Ok(_), Some(Err(obstacle))) => Err(Fault::Unreadable(obstacle.clone())),
        (Ok(stat), None) => Err(Fault::NotAFile(stat.file_type)),
    }
}
