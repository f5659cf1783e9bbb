use std::path::PathBuf;

use super::feature::{Feature, RangeError};
use super::mode::{SslMode, UnknownSslMode};
use super::problem::Problem;

/// The reason why a connection with TLS cannot work as configured, known before it is tried.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] Problem),
    /// The mode is invalid.
    #[error(transparent)]
    Mode(#[from] UnknownSslMode),
    /// The protocol range is empty.
    #[error(transparent)]
    Range(#[from] RangeError),
    /// A mode that libpq refuses together with another setting.
    #[error("sslmode={mode} is too weak for {setting}")]
    WeakMode {
        /// The configured mode.
        mode: SslMode,
        /// The other setting, as `sslrootcert=system`.
        setting: &'static str,
        /// The modes that would do.
        needed: &'static str,
    },
    /// This libpq would ignore the setting in silence.
    #[error("{setting} needs libpq {} or later, and {program} loads libpq {libpq_major}", feature.since())]
    TooOld {
        /// `psql` or `pg_dump`.
        program: &'static str,
        /// The setting, as `sslnegotiation=direct`.
        setting: String,
        /// The requirement.
        feature: Feature,
        /// The libpq that there is.
        libpq_major: u32,
    },
    /// A word that is no value of the setting.
    #[error("'{value}' is no {keyword}")]
    Value {
        /// libpq's keyword.
        keyword: &'static str,
        /// The word, safe to print.
        value: String,
        /// The values that there are.
        known: &'static str,
    },
    /// The system's certificate authorities were not found.
    #[error("the system's certificate authorities are in none of the usual files")]
    NoSystemRoots {
        /// The places that were searched.
        searched: Vec<PathBuf>,
    },
    /// `verify-full` without a name to verify.
    #[error("sslmode=verify-full needs a host name, and only an address is given")]
    NoHostName,
}

impl TlsError {
    /// The stable id of the finding.
    pub fn id(&self) -> String {
        match self {
            Self::File(problem) => problem.id(),
            Self::Mode(_) => "config.sslmode".to_owned(),
            Self::Range(_) => "config.protocol_range".to_owned(),
            Self::WeakMode { .. } => "config.weak_sslmode".to_owned(),
            Self::TooOld { .. } => "program.libpq_too_old".to_owned(),
            Self::Value { .. } => "config.value".to_owned(),
            Self::NoSystemRoots { .. } => "tls.root_cert.no_system_roots".to_owned(),
            Self::NoHostName => "config.no_host_name".to_owned(),
        }
    }

    /// The reason.
    pub fn why(&self) -> String {
        match self {
            Self::File(problem) => problem.why(),
            Self::Mode(_) => {
                "libpq compares the words with case, and an empty value is not 'unset'".to_owned()
            }
            Self::Range(_) => {
                "libpq offers at least TLSv1.2 unless told otherwise, and no version is left"
                    .to_owned()
            }
            Self::WeakMode { setting, .. } => {
                format!("libpq refuses {setting} with a mode that verifies less")
            }
            Self::TooOld { feature, .. } => {
                format!(
                    "libpq decides, not the program's own version; this libpq would ignore {feature} without a word"
                )
            }
            Self::Value { known, .. } => format!("the values are {known}"),
            Self::NoSystemRoots { searched } => {
                let searched: Vec<_> = searched
                    .iter()
                    .map(|path| path.display().to_string())
                    .collect();
                format!("looked in {}", searched.join(", "))
            }
            Self::NoHostName => {
                "hostaddr says where to connect; the name in the certificate is compared with host"
                    .to_owned()
            }
        }
    }

    /// The fix.
    pub fn fix(&self) -> String {
        match self {
            Self::File(problem) => problem.fix(),
            Self::Mode(_) => "set [sslmode] to disable, allow, prefer, require, verify-ca or verify-full".to_owned(),
            Self::Range(_) => {
                "lower [ssl_min_protocol_version] or raise [ssl_max_protocol_version], or leave both out".to_owned()
            }
            Self::WeakMode { needed, .. } => format!("[set sslmode={needed}]"),
            Self::TooOld { program, feature, setting, .. } => {
                let keyword = setting.split('=').next().unwrap_or(setting);
                format!("use a {program} whose libpq is {} or later, or [leave {keyword} out]", feature.since())
            }
            Self::Value { keyword, known, .. } => format!("set [{keyword}] to one of {known}"),
            Self::NoSystemRoots { .. } => {
                "install the system's ca-certificates, or name a file in [sslrootcert]".to_owned()
            }
            Self::NoHostName => "name the host of the server's certificate in [host], and keep the address in [hostaddr]".to_owned(),
        }
    }
}
