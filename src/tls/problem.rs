use std::fmt;
use std::path::{Path, PathBuf};

use super::certificate::{Nothing, Validity, moment};
use super::key::NoKey;
use super::observe::{FileType, Obstacle};
use crate::text;

/// The files that libpq reads for TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileKind {
    /// The certificates that the server's chain must end in.
    RootCert,
    /// The certificates that are revoked.
    Crl,
    /// The certificate that is shown to the server.
    ClientCert,
    /// The private key of the client certificate.
    ClientKey,
}

impl FileKind {
    /// libpq's keyword.
    pub fn keyword(self) -> &'static str {
        match self {
            Self::RootCert => "sslrootcert",
            Self::Crl => "sslcrl",
            Self::ClientCert => "sslcert",
            Self::ClientKey => "sslkey",
        }
    }

    /// The name of libpq's default below `~/.postgresql`.
    pub fn default_name(self) -> &'static str {
        match self {
            Self::RootCert => "root.crt",
            Self::Crl => "root.crl",
            Self::ClientCert => "postgresql.crt",
            Self::ClientKey => "postgresql.key",
        }
    }

    fn noun(self) -> &'static str {
        match self {
            Self::RootCert => "root certificate",
            Self::Crl => "certificate revocation list",
            Self::ClientCert => "client certificate",
            Self::ClientKey => "client key",
        }
    }

    fn area(self) -> &'static str {
        match self {
            Self::RootCert => "tls.root_cert",
            Self::Crl => "tls.crl",
            Self::ClientCert => "tls.client_cert",
            Self::ClientKey => "tls.client_key",
        }
    }
}

/// Something wrong with one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub kind: FileKind,
    /// Its path.
    pub path: PathBuf,
    /// The problem.
    pub fault: Fault,
    /// libpq cannot connect with TLS because of it; otherwise it goes on without the file.
    pub fatal: bool,
}

/// The problem with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// There is no such file.
    Missing,
    /// The path cannot be followed: a directory on the way may not be searched, a loop, a name too long.
    Unreachable(Obstacle),
    /// It is there, but cannot be opened for reading.
    Unreadable(Obstacle),
    /// It is no regular file.
    NotAFile(FileType),
    /// The private key can be read by others.
    Permissions {
        /// Permission bits.
        mode: u32,
        /// User id of the owner.
        owner: u32,
    },
    /// It holds no certificate, or none that libpq can read.
    NoCertificate(Nothing),
    /// It is a certificate in DER; libpq reads PEM only.
    Der,
    /// It holds no private key.
    NoKey(NoKey),
    /// The private key is encrypted: OpenSSL would ask on the terminal or eat stdin.
    Encrypted,
    /// The private key belongs to another certificate.
    NotAPair {
        /// The certificate's file.
        certificate: PathBuf,
    },
    /// No private key was named for the client certificate.
    KeyNotNamed,
    /// The path has a colon, which libpq takes for an OpenSSL engine's name.
    Colon,
    /// The certificate is over.
    Expired(Validity),
    /// The certificate has not begun.
    NotYetValid(Validity),
    /// A certificate that may not be used by a TLS client.
    WrongPurpose,
    /// A certificate of an authority as client certificate.
    IsCa,
    /// A key that OpenSSL's security level refuses: its kind, as `RSA 1024`.
    WeakKey(String),
    /// A digest that OpenSSL's security level refuses.
    WeakDigest(&'static str),
}

impl Problem {
    /// The stable id of the finding.
    pub fn id(&self) -> String {
        let fault = match &self.fault {
            Fault::Missing | Fault::KeyNotNamed => "missing",
            Fault::Unreachable(_) | Fault::Unreadable(_) => "unreadable",
            Fault::NotAFile(_) => "not_a_file",
            Fault::Permissions { .. } => "permissions",
            Fault::NoCertificate(_) | Fault::Der | Fault::NoKey(_) => "invalid",
            Fault::Encrypted => "encrypted",
            Fault::NotAPair { .. } => "mismatch",
            Fault::Colon => "colon",
            Fault::Expired(_) => "expired",
            Fault::NotYetValid(_) => "not_yet_valid",
            Fault::WrongPurpose => "wrong_purpose",
            Fault::IsCa => "is_ca",
            Fault::WeakKey(_) => "weak_key",
            Fault::WeakDigest(_) => "weak_digest",
        };
        format!("{}.{fault}", self.kind.area())
    }

    /// Returns the reason, in one or two sentences.
    pub fn why(&self) -> String {
        let consequence = self.consequence();
        match &self.fault {
            Fault::Missing if starts_with_tilde(&self.path) => format!(
                "neither libpq nor the environment expands '~': it is the name of a directory in the current directory. \
                 {consequence}"
            ),
            Fault::Unreachable(Obstacle::Denied) => {
                let libpq = if self.kind == FileKind::RootCert { " (libpq then calls the file missing)" } else { "" };
                format!("this user may not search a directory on the way to it{libpq}. {consequence}")
            }
            Fault::Unreachable(Obstacle::Loop) => format!("a symbolic link on the way leads to itself. {consequence}"),
            Fault::Unreadable(Obstacle::Denied) => {
                format!("the file exists, but this user may not open it. {consequence}")
            }
            Fault::Permissions { owner: 0, .. } => {
                "libpq refuses a key of root's that others than owner and group can reach: at most 0640".to_owned()
            }
            Fault::Permissions { .. } => {
                "libpq refuses a key that anybody but its owner can reach: at most 0600, or 0640 when root owns it"
                    .to_owned()
            }
            Fault::NoCertificate(nothing) => format!("{nothing}. {consequence}"),
            Fault::NoKey(nothing) => format!("{nothing}. {consequence}"),
            Fault::Der => format!("libpq reads certificates in PEM only, this one is DER. {consequence}"),
            Fault::Encrypted => "a pass phrase would be asked for on the terminal, or taken from the script on stdin; \
                                 no variable can give it to psql"
                .to_owned(),
            Fault::NotAPair { certificate } => {
                format!("its public key is not the one in '{}'", text::safe(&certificate.to_string_lossy()))
            }
            Fault::KeyNotNamed => {
                "a client certificate is of no use without its private key, and keys in a home are not used unless named"
                    .to_owned()
            }
            Fault::Colon => "libpq takes what stands before the colon for the name of an OpenSSL engine".to_owned(),
            Fault::Expired(validity) => format!("it was valid until {}", moment(validity.not_after)),
            Fault::NotYetValid(validity) => format!("it is valid from {}", moment(validity.not_before)),
            Fault::WrongPurpose => "its extended key usage does not allow TLS clients; servers refuse it".to_owned(),
            Fault::IsCa => "it is the certificate of an authority, not of a client; a server accepts it only when it \
                            trusts that very authority"
                .to_owned(),
            Fault::WeakKey(key) => {
                format!("its key is {key}, and OpenSSL's usual security level wants RSA of 2048 bits")
            }
            Fault::WeakDigest(digest) => {
                format!("it is signed with {digest}, which OpenSSL's usual security level refuses")
            }
            _ => consequence.to_owned(),
        }
    }

    /// The fix.
    pub fn fix(&self) -> String {
        let path = text::safe(&self.path.to_string_lossy());
        let keyword = self.kind.keyword();
        match &self.fault {
            Fault::Missing if starts_with_tilde(&self.path) => {
                format!("write the home directory out in [{keyword}]")
            }
            Fault::Missing => match self.kind {
                FileKind::RootCert => format!(
                    "put the authority's certificate at '{path}' or name the right file in [{keyword}]; \
                     [set sslrootcert=system] to use the system's authorities"
                ),
                FileKind::ClientCert => {
                    format!(
                        "name the right file in [{keyword}], or [leave {keyword} out] when none is meant"
                    )
                }
                FileKind::ClientKey => format!("name the certificate's private key in [{keyword}]"),
                FileKind::Crl => {
                    format!("name the right file in [{keyword}], or [leave {keyword} out]")
                }
            },
            Fault::Unreachable(Obstacle::Denied) | Fault::Unreadable(Obstacle::Denied) => format!(
                "let this user read '{path}' (every directory above it needs the execute bit), \
                 or name another file in [{keyword}]"
            ),
            Fault::Unreachable(_) | Fault::Unreadable(_) | Fault::NotAFile(_) => {
                format!("name a regular file in [{keyword}]")
            }
            Fault::Permissions { .. } => format!(
                "chmod 600 '{path}' as its owner; for a mounted secret set its mode to 0640 with root as owner \
                 (Kubernetes: defaultMode 0640 and fsGroup), or copy it to a private file at start"
            ),
            Fault::NoCertificate(nothing) => from_certificate_form(*nothing, &path, keyword),
            Fault::Der => format!(
                "openssl x509 -inform der -in '{path}' -out '{path}.pem', and name '{path}.pem' in [{keyword}]"
            ),
            Fault::NoKey(nothing) => from_key_form(*nothing, &path, keyword),
            Fault::Encrypted => {
                format!(
                    "store the key without a pass phrase, with mode 0600 (openssl pkey -in '{path}' -out '{path}.plain'), and name \
                     '{path}.plain' in [{keyword}]"
                )
            }
            Fault::NotAPair { .. } => {
                "name a certificate and a key that belong together in [sslcert] and [sslkey]"
                    .to_owned()
            }
            Fault::KeyNotNamed => "name the certificate's private key in [sslkey]".to_owned(),
            Fault::Colon => "move the key to a path without a colon".to_owned(),
            Fault::Expired(_) => "renew it".to_owned(),
            Fault::NotYetValid(_) => "check this machine's clock, or wait".to_owned(),
            Fault::WrongPurpose => {
                "have it issued for TLS clients (extendedKeyUsage clientAuth)".to_owned()
            }
            Fault::IsCa => {
                "name a certificate that was issued to this client in [sslcert]".to_owned()
            }
            Fault::WeakKey(_) => {
                "have it issued for a key of 2048 bits or more (openssl req -newkey rsa:2048)"
                    .to_owned()
            }
            Fault::WeakDigest(_) => {
                "have it issued again with SHA-256 (openssl x509 -sha256)".to_owned()
            }
        }
    }

    /// Returns libpq's reaction.
    fn consequence(&self) -> &'static str {
        match (self.kind, self.fatal) {
            (FileKind::RootCert, true) => {
                "libpq cannot verify the server and does not connect with TLS"
            }
            (FileKind::RootCert, false) => "libpq connects without verifying the server",
            (FileKind::Crl, _) => "libpq ignores it without a word and checks no revocation",
            (FileKind::ClientCert, false) => "libpq sends no client certificate, without a word",
            (FileKind::ClientCert | FileKind::ClientKey, _) => "libpq does not connect with TLS",
        }
    }
}

/// The way from a file's form to one that libpq reads.
fn from_certificate_form(nothing: Nothing, path: &str, keyword: &str) -> String {
    let convert =
        |command: String| format!("{command} > '{path}.pem', and name '{path}.pem' in [{keyword}]");
    match nothing {
        Nothing::Pkcs7 => convert(format!("openssl pkcs7 -print_certs -in '{path}'")),
        Nothing::Pkcs12 => convert(format!("openssl pkcs12 -nokeys -in '{path}'")),
        Nothing::Base64 => convert(format!("base64 -d '{path}'")),
        Nothing::EscapedBreaks => convert(format!("printf '%b' \"$(cat '{path}')\"")),
        Nothing::SingleLine => format!(
            "write the certificate there with its line breaks, or name the right file in [{keyword}]"
        ),
        Nothing::Request => format!(
            "have the authority issue the certificate for this request, and name its file in [{keyword}]"
        ),
        Nothing::Empty
        | Nothing::PrivateKey
        | Nothing::OtherPem
        | Nothing::BrokenPem
        | Nothing::Unknown => {
            format!("put a certificate in PEM there, or name the right file in [{keyword}]")
        }
    }
}

/// The way from the form of a key file to one that libpq reads, readable by its owner only.
fn from_key_form(nothing: NoKey, path: &str, keyword: &str) -> String {
    let convert = |command: String| {
        format!("(umask 077; {command} > '{path}.pem'), and name '{path}.pem' in [{keyword}]")
    };
    match nothing {
        NoKey::Pkcs12 => convert(format!("openssl pkcs12 -nocerts -nodes -in '{path}'")),
        NoKey::Base64 => convert(format!("base64 -d '{path}'")),
        NoKey::OpenSsh => format!(
            "make a key with openssl genpkey and have the certificate issued for it; or convert this one where its kind allows it \
             (ssh-keygen -p -m PEM -f '{path}')"
        ),
        NoKey::Empty | NoKey::Certificate | NoKey::PublicKey | NoKey::Unknown => {
            format!("put the private key in PEM there, or name the right file in [{keyword}]")
        }
    }
}

/// Returns the problem, as a lowercase fragment with the path.
impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let noun = self.kind.noun();
        let path = text::safe(&self.path.to_string_lossy());
        match &self.fault {
            Fault::Missing => write!(formatter, "{noun} '{path}' does not exist"),
            Fault::Unreachable(obstacle) => {
                write!(formatter, "{noun} '{path}' cannot be reached: {obstacle}")
            }
            Fault::Unreadable(obstacle) => {
                write!(formatter, "{noun} '{path}' cannot be read: {obstacle}")
            }
            Fault::NotAFile(file_type) => write!(
                formatter,
                "{noun} '{path}' is {file_type}, not a regular file"
            ),
            Fault::Permissions { mode, owner } => {
                write!(
                    formatter,
                    "{noun} '{path}' has mode {:04o}, owner {owner}: too open",
                    mode & 0o777
                )
            }
            Fault::NoCertificate(_) => {
                write!(formatter, "'{path}' is no {noun} that libpq can read")
            }
            Fault::Der => write!(formatter, "{noun} '{path}' is DER, not PEM"),
            Fault::NoKey(_) => write!(formatter, "'{path}' is no {noun}"),
            Fault::Encrypted => write!(formatter, "{noun} '{path}' is encrypted"),
            Fault::NotAPair { .. } => write!(
                formatter,
                "{noun} '{path}' does not belong to the client certificate"
            ),
            Fault::KeyNotNamed => write!(
                formatter,
                "no key is named for the client certificate '{path}'"
            ),
            Fault::Colon => write!(formatter, "{noun} '{path}' has a colon in its path"),
            Fault::Expired(_) => write!(formatter, "{noun} '{path}' has expired"),
            Fault::NotYetValid(_) => write!(formatter, "{noun} '{path}' is not yet valid"),
            Fault::WrongPurpose => write!(formatter, "{noun} '{path}' is not for TLS clients"),
            Fault::IsCa => write!(formatter, "{noun} '{path}' is an authority's"),
            Fault::WeakKey(_) => write!(formatter, "the key of {noun} '{path}' is too short"),
            Fault::WeakDigest(_) => write!(
                formatter,
                "{noun} '{path}' is signed with a digest that is too weak"
            ),
        }
    }
}

impl std::error::Error for Problem {}

fn starts_with_tilde(path: &Path) -> bool {
    path.components()
        .any(|component| component.as_os_str().as_encoded_bytes().starts_with(b"~"))
}
