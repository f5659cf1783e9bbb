use std::path::{Path, PathBuf};

use super::certificate::Certificate;
use super::error::TlsError;
use super::feature::Feature;
use super::judge::{self, FileJudgement, JudgementContext};
use super::key::KeyContent;
use super::mode::SslMode;
use super::observe::{Observed, observe};
use super::problem::{Fault, FileKind, Problem};

/// The files that usually hold the system's certificate authorities, as one file in PEM.
pub const SYSTEM_BUNDLES: [&str; 6] = [
    // Debian, Ubuntu, Arch, Gentoo
    "/etc/ssl/certs/ca-certificates.crt",
    // Fedora, RHEL
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    // SUSE
    "/etc/ssl/ca-bundle.pem",
    // Alpine, OpenBSD, macOS
    "/etc/ssl/cert.pem",
    // FreeBSD
    "/usr/local/share/certs/ca-root-nss.crt",
];

/// The word that stands for the system's authorities in `sslrootcert`.
pub const SYSTEM: &str = "system";

/// The paths as the configuration names them, absolute or relative to the current directory.
#[derive(Clone, Debug, Default)]
pub struct Named {
    /// `sslrootcert`, when it is a path.
    pub root_cert: Option<PathBuf>,
    /// `sslrootcert=system`.
    pub system_roots: bool,
    /// `sslcrl`.
    pub crl: Option<PathBuf>,
    /// `sslcert`, unless `sslcertmode=disable`.
    pub client_cert: Option<PathBuf>,
    /// `sslkey`, unless `sslcertmode=disable`.
    pub client_key: Option<PathBuf>,
    /// `SSL_CERT_FILE`, which OpenSSL prefers to its own bundle.
    pub ssl_cert_file: Option<PathBuf>,
}

/// A file that libpq gets.
#[derive(Clone, Debug)]
pub struct Used<C> {
    /// The observation.
    pub observed: Observed,
    /// The judgement.
    pub judged: FileJudgement<C>,
    /// Nobody named it: it is libpq's default in the home directory, or the system's.
    pub by_default: bool,
}

/// The authorities at which the server's chain must end.
#[derive(Clone, Debug, Default)]
pub enum Roots {
    /// Nowhere: the server is not verified.
    #[default]
    None,
    /// In one of the certificates of a file.
    File(Used<Vec<Certificate>>),
    /// In the system's, which libpq finds by the word `system`; the bundle is where they were found here.
    System(Used<Vec<Certificate>>),
}

impl Roots {
    /// The file, if there is one.
    pub fn file(&self) -> Option<&Used<Vec<Certificate>>> {
        match self {
            Self::None => None,
            Self::File(used) | Self::System(used) => Some(used),
        }
    }
}

/// The files of one connection, each looked at and judged.
#[derive(Clone, Debug, Default)]
pub struct Files {
    /// The authorities at which the server's chain must end.
    pub roots: Roots,
    /// The revocation list.
    pub crl: Option<Used<Vec<u8>>>,
    /// The client certificate with its chain.
    pub client_cert: Option<Used<Vec<Certificate>>>,
    /// The private key; looked at only when a certificate was loaded, as libpq does.
    pub client_key: Option<Used<KeyContent>>,
    /// The problem with the set: a certificate without a key.
    pub problems: Vec<Problem>,
}

impl Files {
    /// All that is wrong, in the order in which libpq would trip over it.
    pub fn all_problems(&self) -> impl Iterator<Item = &Problem> {
        let roots = self.roots.file().map(|used| &used.judged.problems);
        let crl = self.crl.as_ref().map(|used| &used.judged.problems);
        let cert = self.client_cert.as_ref().map(|used| &used.judged.problems);
        let key = self.client_key.as_ref().map(|used| &used.judged.problems);
        [roots, crl, cert, key, Some(&self.problems)]
            .into_iter()
            .flatten()
            .flatten()
    }

    /// The first problem with which libpq cannot connect.
    pub fn fatal(&self) -> Option<&Problem> {
        self.all_problems().find(|problem| problem.fatal)
    }

    /// Returns `true` if libpq verifies the server's chain whenever it uses TLS.
    pub fn verifies(&self) -> bool {
        self.roots
            .file()
            .is_some_and(|used| used.judged.content.is_some())
    }

    /// Returns `true` if a client certificate is sent to a server that asks.
    pub fn sends_client_cert(&self) -> bool {
        self.client_cert
            .as_ref()
            .is_some_and(|used| used.judged.content.is_some())
    }
}

/// Finds, opens and judges the files.
///
/// A `root.crt` in `home` counts only for `verify-ca` and `verify-full`, which cannot do without; client certificates and
/// keys count only when they are named.
///
/// # Errors
/// `sslrootcert=system` with a libpq that does not know it, and no bundle in the usual places.
pub fn resolve(
    named: &Named,
    home: Option<&Path>,
    circumstances: JudgementContext,
) -> Result<Files, TlsError> {
    if circumstances.mode == SslMode::Disable {
        // libpq opens none of them.
        return Ok(Files::default());
    }
    let roots = resolve_roots(named, home, circumstances)?;
    let crl = named.crl.as_deref().map(|path| {
        let observed = observe(path);
        Used {
            judged: judge::crl(&observed),
            observed,
            by_default: false,
        }
    });
    let client_cert = named.client_cert.as_deref().map(|path| {
        let observed = observe(path);
        Used {
            judged: judge::client_cert(&observed, circumstances),
            observed,
            by_default: false,
        }
    });
    let mut files = Files {
        roots,
        crl,
        client_cert,
        ..Files::default()
    };
    if let Some(cert) = files
        .client_cert
        .as_ref()
        .filter(|cert| cert.judged.content.is_some())
    {
        if let Some(path) = named.client_key.as_deref() {
            let observed = observe(path);
            let leaf = cert.judged.content.as_ref().and_then(|chain| chain.first());
            let judged =
                judge::client_key(&observed, &cert.observed, leaf, circumstances.libpq_major);
            files.client_key = Some(Used {
                judged,
                observed,
                by_default: false,
            });
        } else {
            let path = cert.observed.path.clone();
            let problem = Problem {
                kind: FileKind::ClientKey,
                path,
                fault: Fault::KeyNotNamed,
                fatal: true,
            };
            files.problems.push(problem);
        }
    }
    Ok(files)
}

fn resolve_roots(
    named: &Named,
    home: Option<&Path>,
    circumstances: JudgementContext,
) -> Result<Roots, TlsError> {
    let used = |path: &Path, by_default| {
        let observed = observe(path);
        Used {
            judged: judge::root_cert(&observed, circumstances),
            observed,
            by_default,
        }
    };
    if named.system_roots {
        let searched: Vec<PathBuf> = named
            .ssl_cert_file
            .iter()
            .cloned()
            .chain(SYSTEM_BUNDLES.iter().map(PathBuf::from))
            .collect();
        let found = searched
            .iter()
            .map(|path| used(path, true))
            .find(|used| used.judged.content.is_some());
        return match found {
            Some(used) if Feature::SystemRoots.known_to(circumstances.libpq_major) => {
                Ok(Roots::System(used))
            }
            Some(used) => Ok(Roots::File(used)),
            // OpenSSL may have its own directory, which is not known here: a newer libpq decides.
            None if Feature::SystemRoots.known_to(circumstances.libpq_major) => Ok(Roots::None),
            None => Err(TlsError::NoSystemRoots { searched }),
        };
    }
    Ok(match (&named.root_cert, home) {
        (Some(path), _) => Roots::File(used(path, false)),
        (None, Some(home)) if circumstances.mode.needs_root_cert() => {
            Roots::File(used(&default_path(home, FileKind::RootCert), true))
        }
        (None, None) if circumstances.mode.needs_root_cert() => {
            // Without a home there is no default either; libpq fails in its own words, and so does this path.
            Roots::File(used(
                &default_path(Path::new("/nonexistent"), FileKind::RootCert),
                true,
            ))
        }
        (None, _) => Roots::None,
    })
}

/// libpq's default place of a file below a home directory.
pub fn default_path(home: &Path, kind: FileKind) -> PathBuf {
    home.join(".postgresql").join(kind.default_name())
}

/// The mode that counts: `sslrootcert=system` makes `verify-full` the default and refuses anything weaker, as libpq 16 does.
///
/// # Errors
/// A mode that is too weak.
pub fn effective_mode(
    mode: Option<SslMode>,
    system_roots: bool,
    direct: bool,
) -> Result<SslMode, TlsError> {
    let mode = mode.unwrap_or(if system_roots {
        SslMode::VerifyFull
    } else {
        SslMode::Prefer
    });
    if system_roots && mode != SslMode::VerifyFull {
        return Err(TlsError::WeakMode {
            mode,
            setting: "sslrootcert=system",
            needed: "verify-full",
        });
    }
    if direct && mode < SslMode::Require {
        return Err(TlsError::WeakMode {
            mode,
            setting: "sslnegotiation=direct",
            needed: "require",
        });
    }
    Ok(mode)
}
