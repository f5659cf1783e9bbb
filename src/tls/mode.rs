use std::fmt;
use std::str::FromStr;

/// libpq's `sslmode`, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SslMode {
    /// Plaintext only.
    Disable,
    /// Plaintext first, TLS when the server refuses plaintext.
    Allow,
    /// TLS first, plaintext when TLS cannot be had: libpq's default.
    Prefer,
    /// TLS or nothing; the chain is verified only when a root certificate file is there.
    Require,
    /// TLS with a verified chain.
    VerifyCa,
    /// TLS with a verified chain and host name.
    VerifyFull,
}

impl SslMode {
    /// All modes, weakest first.
    pub const ALL: [Self; 6] = [
        Self::Disable,
        Self::Allow,
        Self::Prefer,
        Self::Require,
        Self::VerifyCa,
        Self::VerifyFull,
    ];

    /// The word libpq knows it by.
    pub fn keyword(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Allow => "allow",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        }
    }

    /// Returns `true` if the connection can end up in plaintext.
    pub fn may_be_plaintext(self) -> bool {
        self <= Self::Prefer
    }

    /// Returns `true` if a missing root certificate file is an error rather than "do not verify".
    pub fn needs_root_cert(self) -> bool {
        self >= Self::VerifyCa
    }
}

impl fmt::Display for SslMode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.keyword())
    }
}

/// A word that is no `sslmode`; libpq compares with case and has no "unset" but the absent variable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{word}' is no sslmode; use disable, allow, prefer, require, verify-ca or verify-full, in lower case"
)]
pub struct UnknownSslMode {
    /// The word, as it was given.
    pub word: String,
}

impl FromStr for SslMode {
    type Err = UnknownSslMode;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|mode| mode.keyword() == word)
            .ok_or_else(|| UnknownSslMode {
                word: crate::text::safe(word),
            })
    }
}

/// The settings that decide how much of the server's identity libpq verifies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The configured mode.
    pub mode: SslMode,
    /// A root certificate file is given to libpq and exists, or the system's roots are used.
    pub root_cert: bool,
    /// The connection goes over a Unix socket, where libpq ignores `sslmode`.
    pub socket: bool,
}

/// The protection of a successful connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protection {
    /// Encrypted for certain, not at all, or as it comes.
    pub encryption: Encryption,
    /// The server's chain is verified whenever TLS is used.
    pub chain: bool,
    /// The host name is verified whenever TLS is used.
    pub host_name: bool,
}

/// The encryption of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// Never.
    Never,
    /// Only when the server refuses plaintext.
    LastResort,
    /// Unless TLS fails for any reason, then plaintext in silence.
    PlaintextOnFailure,
    /// Always.
    Always,
}

impl Terms {
    /// The verification that really takes place.
    ///
    /// libpq verifies the chain in *every* TLS mode once a root certificate file was loaded, and the host name only
    /// under `verify-full`.
    pub fn protection(self) -> Protection {
        if self.socket {
            return Protection {
                encryption: Encryption::Never,
                chain: false,
                host_name: false,
            };
        }
        let encryption = match self.mode {
            SslMode::Disable => Encryption::Never,
            SslMode::Allow => Encryption::LastResort,
            SslMode::Prefer => Encryption::PlaintextOnFailure,
            SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => Encryption::Always,
        };
        let tls = encryption != Encryption::Never;
        Protection {
            encryption,
            chain: tls && (self.root_cert || self.mode.needs_root_cert()),
            host_name: tls && self.mode == SslMode::VerifyFull,
        }
    }

    /// The protection in one sentence, without a period.
    pub fn sentence(self) -> String {
        if self.socket {
            return format!(
                "not encrypted: on a Unix socket libpq ignores sslmode={}",
                self.mode
            );
        }
        let protection = self.protection();
        let verified = match (protection.chain, protection.host_name) {
            (false, _) => "the server's certificate is not verified",
            (true, false) => "the server's chain is verified, its host name is not",
            (true, true) => "the server's chain and host name are verified",
        };
        match protection.encryption {
            Encryption::Never => "not encrypted, nothing is verified".to_owned(),
            Encryption::LastResort => {
                format!(
                    "plaintext when the server accepts it, otherwise encrypted, and then {verified}"
                )
            }
            Encryption::PlaintextOnFailure => {
                format!(
                    "encrypted when that works, and then {verified}; otherwise plaintext without a word"
                )
            }
            Encryption::Always => format!("always encrypted; {verified}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_read_as_libpq_reads_them() {
        for mode in SslMode::ALL {
            assert_eq!(mode.keyword().parse(), Ok(mode));
        }
        for word in ["Require", "", " require", "verify_full"] {
            assert!(word.parse::<SslMode>().is_err(), "{word}");
        }
    }

    /// Mode, root file, then: encryption, chain, host name.
    #[test]
    fn truth_table_of_protection() {
        use Encryption::{Always, LastResort, Never, PlaintextOnFailure};
        let table = [
            (SslMode::Disable, false, Never, false, false),
            (SslMode::Disable, true, Never, false, false),
            (SslMode::Allow, false, LastResort, false, false),
            (SslMode::Allow, true, LastResort, true, false),
            (SslMode::Prefer, false, PlaintextOnFailure, false, false),
            (SslMode::Prefer, true, PlaintextOnFailure, true, false),
            (SslMode::Require, false, Always, false, false),
            (SslMode::Require, true, Always, true, false),
            (SslMode::VerifyCa, true, Always, true, false),
            (SslMode::VerifyFull, true, Always, true, true),
        ];
        for (mode, root_cert, encryption, chain, host_name) in table {
            let terms = Terms {
                mode,
                root_cert,
                socket: false,
            };
            assert_eq!(
                terms.protection(),
                Protection {
                    encryption,
                    chain,
                    host_name
                },
                "{terms:?}"
            );
            let on_socket = Terms {
                socket: true,
                ..terms
            };
            assert_eq!(on_socket.protection().encryption, Never);
        }
    }

    #[test]
    fn sentences_say_what_is_verified() {
        let of = |mode, root_cert, socket| {
            Terms {
                mode,
                root_cert,
                socket,
            }
            .sentence()
        };
        insta::assert_snapshot!(of(SslMode::Prefer, false, false), @"encrypted when that works, and then the server's certificate is not verified; otherwise plaintext without a word");
        insta::assert_snapshot!(of(SslMode::Require, true, false), @"always encrypted; the server's chain is verified, its host name is not");
        insta::assert_snapshot!(of(SslMode::Require, false, false), @"always encrypted; the server's certificate is not verified");
        insta::assert_snapshot!(of(SslMode::VerifyFull, true, false), @"always encrypted; the server's chain and host name are verified");
        insta::assert_snapshot!(of(SslMode::Disable, true, false), @"not encrypted, nothing is verified");
        insta::assert_snapshot!(of(SslMode::VerifyFull, true, true), @"not encrypted: on a Unix socket libpq ignores sslmode=verify-full");
    }
}
