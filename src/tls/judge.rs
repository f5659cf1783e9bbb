//! The judgement of each file, pure: what libpq would do with what was observed.

use super::certificate::{self, Certificate, Content, ValidityStatus};
use super::key::{self, KeyContent};
use super::mode::SslMode;
use super::observe::{Bytes, FileType, Observed, Obstacle, Stat};
use super::problem::{Fault, FileKind, Problem};
use crate::path::GROUP_AND_OTHERS;

/// The facts that a judgement depends on, besides the file.
#[derive(Clone, Copy, Debug)]
pub struct JudgementContext {
    /// The configured mode.
    pub mode: SslMode,
    /// Major version of libpq.
    pub libpq_major: u32,
    /// Now, in seconds since 1970.
    pub now: i64,
}

/// A judged file: what is in it and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileJudgement<C> {
    /// The content that libpq would load, or `None` if it would load nothing.
    pub content: Option<C>,
    /// The problems, the worst first.
    pub problems: Vec<Problem>,
}

/// Judges a root certificate file as libpq does.
///
/// Any failure of `stat` counts as "missing" (`fe-secure-openssl.c`, `initialize_SSL`): an error for verify-ca and
/// verify-full, otherwise no verification. A file that is there and unusable is an error in every TLS mode.
pub fn root_cert(
    observed: &Observed,
    circumstances: JudgementContext,
) -> FileJudgement<Vec<Certificate>> {
    let problem = |fault, fatal| Problem {
        kind: FileKind::RootCert,
        path: observed.path.clone(),
        fault,
        fatal,
    };
    let bytes = match open(observed) {
        Ok(bytes) => bytes,
        Err(fault) => {
            // Even EACCES on a directory of the path is "missing" here: libpq looks at the result of stat(), not at
            // its errno.
            let missing = matches!(fault, Fault::Missing | Fault::Unreachable(_));
            let fatal = !missing || circumstances.mode.needs_root_cert();
            return FileJudgement {
                content: None,
                problems: vec![problem(fault, fatal)],
            };
        }
    };
    match certificate::content(&bytes.bytes) {
        Content::Pem { certificates, .. } => {
            let dated = |certificate: &Certificate| dates(certificate, circumstances.now);
            // A bundle always has an authority that is over; only when none is left does it matter.
            let problems = match certificates
                .iter()
                .map(dated)
                .collect::<Option<Vec<Fault>>>()
            {
                Some(faults) => faults
                    .into_iter()
                    .take(1)
                    .map(|fault| problem(fault, false))
                    .collect(),
                None => Vec::new(),
            };
            FileJudgement {
                content: Some(certificates),
                problems,
            }
        }
        // OpenSSL accepts a file of CRLs alone, and then no chain ends anywhere.
        Content::Nothing(nothing) => FileJudgement {
            content: None,
            problems: vec![problem(Fault::NoCertificate(nothing), true)],
        },
        Content::Der(_) => FileJudgement {
            content: None,
            problems: vec![problem(Fault::Der, true)],
        },
    }
}

/// Judges a revocation list: whatever is wrong with it, libpq ignores it in silence.
pub fn crl(observed: &Observed) -> FileJudgement<Vec<u8>> {
    let problem = |fault| Problem {
        kind: FileKind::Crl,
        path: observed.path.clone(),
        fault,
        fatal: false,
    };
    match open(observed) {
        Err(fault) => FileJudgement {
            content: None,
            problems: vec![problem(fault)],
        },
        Ok(bytes) if certificate::contains(&bytes.bytes, b"-----BEGIN X509 CRL-----") => {
            FileJudgement {
                content: Some(bytes.bytes.clone()),
                problems: Vec::new(),
            }
        }
        Ok(bytes) => {
            let nothing = if bytes.bytes.is_empty() {
                certificate::Nothing::Empty
            } else {
                certificate::Nothing::Unknown
            };
            FileJudgement {
                content: None,
                problems: vec![problem(Fault::NoCertificate(nothing))],
            }
        }
    }
}

/// Judges a client certificate: missing means "send none", any other failure is an error.
pub fn client_cert(
    observed: &Observed,
    circumstances: JudgementContext,
) -> FileJudgement<Vec<Certificate>> {
    let problem = |fault, fatal| Problem {
        kind: FileKind::ClientCert,
        path: observed.path.clone(),
        fault,
        fatal,
    };
    let bytes = match open(observed) {
        Ok(bytes) => bytes,
        Err(fault) => {
            // libpq sends no certificate on ENOENT and ENOTDIR alone; any other errno of stat() is "could not open
            // certificate file".
            let fatal = fault != Fault::Missing;
            return FileJudgement {
                content: None,
                problems: vec![problem(fault, fatal)],
            };
        }
    };
    match certificate::content(&bytes.bytes) {
        Content::Pem { certificates, .. } => {
            let leaf = certificates.first();
            // These are the server's to judge, and only if it asks for a certificate.
            let faults = [
                leaf.and_then(|leaf| dates(leaf, circumstances.now)),
                leaf.filter(|leaf| leaf.usage.is_some_and(|usage| !usage.client))
                    .map(|_| Fault::WrongPurpose),
                leaf.filter(|leaf| leaf.is_ca).map(|_| Fault::IsCa),
                // OpenSSL's level decides, which is not known here: psql will show it.
                leaf.filter(|leaf| leaf.has_weak_key())
                    .map(|leaf| Fault::WeakKey(leaf.key.clone())),
                // Nobody checks the signature of a self-signed certificate.
                leaf.filter(|leaf| !leaf.self_signed)
                    .and_then(|leaf| leaf.weak_digest)
                    .map(Fault::WeakDigest),
            ];
            let problems = faults
                .into_iter()
                .flatten()
                .map(|fault| problem(fault, false))
                .collect();
            FileJudgement {
                content: Some(certificates),
                problems,
            }
        }
        Content::Nothing(nothing) => FileJudgement {
            content: None,
            problems: vec![problem(Fault::NoCertificate(nothing), true)],
        },
        Content::Der(_) => FileJudgement {
            content: None,
            problems: vec![problem(Fault::Der, true)],
        },
    }
}

/// Judges the private key of a client certificate that was loaded; `None` when no key is named.
pub fn client_key(
    observed: &Observed,
    cert: &Observed,
    leaf: Option<&Certificate>,
    libpq_major: u32,
) -> FileJudgement<KeyContent> {
    let wrong = |fault| FileJudgement {
        content: None,
        problems: vec![Problem {
            kind: FileKind::ClientKey,
            path: observed.path.clone(),
            fault,
            fatal: true,
        }],
    };
    // `engine:key` names a key in an engine of OpenSSL, where libpq was built with engines (`initialize_SSL`).
    if observed.path.as_os_str().as_encoded_bytes().contains(&b':') {
        return wrong(Fault::Colon);
    }
    match &observed.stat {
        Ok(stat) if stat.file_type != FileType::Regular => {
            return wrong(Fault::NotAFile(stat.file_type));
        }
        Ok(stat) if too_open(*stat, libpq_major) => {
            // libpq looks at the mode first, but another mode does not make a key of something else.
            let content = open(observed).map(|bytes| key::content(&bytes.bytes));
            return wrong(match content {
                Ok(KeyContent::Nothing(nothing)) => Fault::NoKey(nothing),
                _ => Fault::Permissions {
                    mode: stat.mode,
                    owner: stat.owner,
                },
            });
        }
        _ => {}
    }
    let bytes = match open(observed) {
        Ok(bytes) => bytes,
        Err(fault) => return wrong(fault),
    };
    match key::content(&bytes.bytes) {
        KeyContent::Nothing(nothing) => wrong(Fault::NoKey(nothing)),
        // The pass phrase would come by `sslpassword`, which has no variable; without it OpenSSL asks on the
        // terminal, and -w does not stop that.
        KeyContent::Encrypted => wrong(Fault::Encrypted),
        KeyContent::Plain {
            public_key: Some(public),
        } if leaf.is_some_and(|leaf| leaf.public_key != public) => wrong(Fault::NotAPair {
            certificate: cert.path.clone(),
        }),
        plain @ KeyContent::Plain { .. } => FileJudgement {
            content: Some(plain),
            problems: Vec::new(),
        },
    }
}

/// libpq's rule for private keys: root's at most 0640 (libpq 13.16, 14.3, 15 and later), anybody else's at most 0600.
/// It holds for a root process too, and the owner need not be the caller.
pub fn too_open(stat: Stat, libpq_major: u32) -> bool {
    let forbidden = if stat.owner == 0 && libpq_major >= 13 {
        0o037
    } else {
        GROUP_AND_OTHERS
    };
    stat.mode & forbidden != 0
}

fn dates(certificate: &Certificate, now: i64) -> Option<Fault> {
    match certificate.validity.standing(now) {
        ValidityStatus::Valid => None,
        ValidityStatus::Expired => Some(Fault::Expired(certificate.validity)),
        ValidityStatus::NotYetValid => Some(Fault::NotYetValid(certificate.validity)),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::certificate::Nothing;
    use rcgen::{CertificateParams, KeyPair};
    use std::path::PathBuf;

    fn at(mode: SslMode) -> JudgementContext {
        JudgementContext {
            mode,
            libpq_major: 15,
            now: 1_800_000_000,
        }
    }

    fn file(bytes: &[u8], mode: u32, owner: u32) -> Observed {
        Observed {
            path: PathBuf::from("/f"),
            stat: Ok(Stat {
                file_type: FileType::Regular,
                mode,
                owner,
            }),
            content: Some(Ok(Bytes {
                bytes: bytes.to_vec(),
                cut: false,
            })),
        }
    }

    fn gone(obstacle: Obstacle) -> Observed {
        Observed {
            path: PathBuf::from("/f"),
            stat: Err(obstacle),
            content: None,
        }
    }

    fn unreadable() -> Observed {
        Observed {
            content: Some(Err(Obstacle::Denied)),
            ..file(b"", 0o600, 1)
        }
    }

    fn folder() -> Observed {
        let stat = Stat {
            file_type: FileType::Directory,
            mode: 0o755,
            owner: 0,
        };
        Observed {
            path: PathBuf::from("/f"),
            stat: Ok(stat),
            content: None,
        }
    }

    fn pair() -> (String, String) {
        let key = KeyPair::generate().unwrap();
        (
            CertificateParams::new(vec![])
                .unwrap()
                .self_signed(&key)
                .unwrap()
                .pem(),
            key.serialize_pem(),
        )
    }

    fn ids<C>(judged: &FileJudgement<C>) -> Vec<(String, bool)> {
        judged
            .problems
            .iter()
            .map(|problem| (problem.id(), problem.fatal))
            .collect()
    }

    /// State of the file, mode, finding, fatal: section 2 of the facts about libpq.
    #[test]
    fn root_cert_truth_table() {
        use SslMode::{Prefer, Require, VerifyCa, VerifyFull};
        let table = [
            (
                gone(Obstacle::Missing),
                Prefer,
                "tls.root_cert.missing",
                false,
            ),
            (
                gone(Obstacle::Missing),
                Require,
                "tls.root_cert.missing",
                false,
            ),
            (
                gone(Obstacle::Missing),
                VerifyCa,
                "tls.root_cert.missing",
                true,
            ),
            (
                gone(Obstacle::Missing),
                VerifyFull,
                "tls.root_cert.missing",
                true,
            ),
            (
                gone(Obstacle::Denied),
                Require,
                "tls.root_cert.unreadable",
                false,
            ),
            (
                gone(Obstacle::Denied),
                VerifyFull,
                "tls.root_cert.unreadable",
                true,
            ),
            (
                gone(Obstacle::Loop),
                VerifyCa,
                "tls.root_cert.unreadable",
                true,
            ),
            (unreadable(), Prefer, "tls.root_cert.unreadable", true),
            (unreadable(), VerifyCa, "tls.root_cert.unreadable", true),
            (file(b"", 0o644, 0), Require, "tls.root_cert.invalid", true),
            (
                file(b"\xff garbage", 0o644, 0),
                VerifyFull,
                "tls.root_cert.invalid",
                true,
            ),
            (folder(), Require, "tls.root_cert.not_a_file", true),
        ];
        for (observed, mode, id, fatal) in table {
            let judged = root_cert(&observed, at(mode));
            assert_eq!(
                ids(&judged),
                [(id.to_owned(), fatal)],
                "{observed:?} {mode}"
            );
            assert_eq!(judged.content, None);
        }
        let judged = root_cert(&file(pair().0.as_bytes(), 0o644, 0), at(VerifyFull));
        assert_eq!(
            (judged.problems, judged.content.map(|all| all.len())),
            (vec![], Some(1))
        );
    }

    #[test]
    fn client_cert_truth_table() {
        let (cert, key) = pair();
        let der = match certificate::content(cert.as_bytes()) {
            Content::Pem { certificates, .. } => certificates[0].der.clone(),
            other => panic!("{other:?}"),
        };
        let table = [
            (gone(Obstacle::Missing), "tls.client_cert.missing", false),
            (gone(Obstacle::Denied), "tls.client_cert.unreadable", true),
            (gone(Obstacle::Loop), "tls.client_cert.unreadable", true),
            (unreadable(), "tls.client_cert.unreadable", true),
            (folder(), "tls.client_cert.not_a_file", true),
            (file(b"", 0o644, 0), "tls.client_cert.invalid", true),
            (
                file(key.as_bytes(), 0o644, 0),
                "tls.client_cert.invalid",
                true,
            ),
            (file(&der, 0o644, 0), "tls.client_cert.invalid", true),
        ];
        for (observed, id, fatal) in table {
            assert_eq!(
                ids(&client_cert(&observed, at(SslMode::Require))),
                [(id.to_owned(), fatal)],
                "{observed:?}"
            );
        }
        assert_eq!(
            ids(&client_cert(
                &file(cert.as_bytes(), 0o644, 0),
                at(SslMode::Require)
            )),
            []
        );
    }

    #[test]
    fn crl_truth_table() {
        for observed in [
            gone(Obstacle::Missing),
            unreadable(),
            folder(),
            file(b"", 0o644, 0),
            file(b"x", 0o644, 0),
        ] {
            let judged = crl(&observed);
            assert_eq!(judged.problems.len(), 1);
            assert!(!judged.problems[0].fatal && judged.problems[0].id().starts_with("tls.crl."));
        }
    }

    #[test]
    fn client_key_truth_table() {
        let (cert, key) = pair();
        let (_, other) = pair();
        let leaf = match certificate::content(cert.as_bytes()) {
            Content::Pem { certificates, .. } => certificates[0].clone(),
            other => panic!("{other:?}"),
        };
        let cert = file(cert.as_bytes(), 0o644, 0);
        let of = |observed: &Observed| ids(&client_key(observed, &cert, Some(&leaf), 15));
        let key = key.as_bytes();
        let colon = Observed {
            path: PathBuf::from("/engine:key"),
            ..file(key, 0o600, 1)
        };
        let encrypted = b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n";
        let table = [
            (gone(Obstacle::Missing), "tls.client_key.missing"),
            (gone(Obstacle::Denied), "tls.client_key.unreadable"),
            (unreadable(), "tls.client_key.unreadable"),
            (folder(), "tls.client_key.not_a_file"),
            (file(key, 0o644, 1), "tls.client_key.permissions"),
            (file(key, 0o640, 1), "tls.client_key.permissions"),
            (file(key, 0o644, 0), "tls.client_key.permissions"),
            (colon, "tls.client_key.colon"),
            (file(encrypted, 0o600, 1), "tls.client_key.encrypted"),
            (file(other.as_bytes(), 0o600, 1), "tls.client_key.mismatch"),
            (file(b"", 0o600, 1), "tls.client_key.invalid"),
            (
                file(&cert.content.clone().unwrap().unwrap().bytes, 0o600, 1),
                "tls.client_key.invalid",
            ),
        ];
        for (observed, id) in table {
            assert_eq!(of(&observed), [(id.to_owned(), true)], "{observed:?}");
        }
        for (mode, owner) in [(0o600, 1), (0o400, 1), (0o640, 0), (0o000, 1)] {
            assert_eq!(of(&file(key, mode, owner)), [], "{mode:o} {owner}");
        }
    }

    #[test]
    fn words_name_the_path_once_and_escape_it() {
        let hostile = PathBuf::from("/a\n\u{1b}[31m");
        let problem = Problem {
            kind: FileKind::ClientKey,
            path: hostile,
            fault: Fault::Colon,
            fatal: true,
        };
        assert_eq!(
            problem.to_string(),
            "client key '/a\\n\\x1b[31m' has a colon in its path"
        );
        let nothing = Problem {
            fault: Fault::NoCertificate(Nothing::Empty),
            ..problem
        };
        assert!(nothing.why().starts_with("the file is empty"));
    }
}
