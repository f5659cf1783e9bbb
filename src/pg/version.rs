use std::fmt;

/// The version of a `PostgreSQL` program, server or libpq: `15.18`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// The major version.
    pub major: u16,
    /// `false` for an alpha, beta, release candidate or development version, which comes before every release.
    pub released: bool,
    /// The minor version; 0 before the release.
    pub minor: u16,
}

/// The first major version this tool works with.
pub(crate) const OLDEST: u16 = 13;

/// The connection keywords that libpq learnt after version 12, with the first major version that knows them
/// (<https://www.postgresql.org/docs/current/libpq-connect.html>, release notes E).
const KEYWORDS: [(&str, u16); 22] = [
    ("channel_binding", 13),
    ("ssl_max_protocol_version", 13),
    ("ssl_min_protocol_version", 13),
    ("sslpassword", 13),
    ("sslcrldir", 14),
    ("sslsni", 14),
    ("gssdelegation", 16),
    ("load_balance_hosts", 16),
    ("require_auth", 16),
    ("sslcertmode", 16),
    ("sslnegotiation", 17),
    ("max_protocol_version", 18),
    ("min_protocol_version", 18),
    ("oauth_client_id", 18),
    ("oauth_client_secret", 18),
    ("oauth_issuer", 18),
    ("oauth_scope", 18),
    ("scram_client_key", 18),
    ("scram_server_key", 18),
    ("sslkeylogfile", 18),
    ("oauth_ca_file", 19),
    ("servicefile", 19),
];

impl Version {
    /// A released version.
    pub const fn new(major: u16, minor: u16) -> Self {
        Self {
            major,
            released: true,
            minor,
        }
    }

    /// Reads what `--version` prints: `psql (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`, `… 16beta1`, `… 18devel`.
    pub fn from_program_output(output: &str) -> Option<Self> {
        let (_, after) = output.split_once("(PostgreSQL) ")?;
        Self::parse(after.split_whitespace().next()?)
    }

    /// Reads a version by itself: `15.18`, `16beta1`, `18devel`, `9.6.24` (its major version is 9).
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (major, rest) = text.split_at_checked(digits)?;
        let major = major.parse().ok()?;
        let Some(rest) = rest.strip_prefix('.') else {
            return Some(Self {
                major,
                released: rest.is_empty(),
                minor: 0,
            });
        };
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        Some(Self {
            major,
            released: true,
            minor: rest.get(..digits)?.parse().ok()?,
        })
    }

    /// Reads `server_version_num` or `PQlibVersion`: `150018` is 15.18.
    pub fn from_number(number: u32) -> Option<Self> {
        let minor = if number >= 100_000 {
            number % 10_000
        } else {
            number / 100 % 100
        };
        Some(Self::new(
            u16::try_from(number / 10_000).ok()?,
            u16::try_from(minor).ok()?,
        ))
    }

    /// Returns `true` if psql of this version has `\restrict` and `pg_dump` writes it (the minor
    /// releases of August 2025, for CVE-2025-8714).
    pub fn knows_restrict(self) -> bool {
        match self.major {
            13 => self.minor >= 22,
            14 => self.minor >= 19,
            15 => self.minor >= 14,
            16 => self.minor >= 10,
            17 => self.minor >= 6,
            18 => self.released,
            major => major > 18,
        }
    }

    /// Returns `true` if `pg_dump` of this version has `--restrict-key`, which came with
    /// `\restrict` itself.
    pub fn knows_restrict_key_option(self) -> bool {
        self.knows_restrict()
    }

    /// Returns `true` if libpq of this version knows a connection keyword. Unknown keywords count
    /// as known by every version.
    pub fn knows_keyword(self, keyword: &str) -> bool {
        keyword_since(keyword).is_none_or(|since| self.major >= since)
    }

    /// Returns `true` if libpq of this version takes the home directory from `HOME`. Before 15 it
    /// asks the password database.
    pub fn reads_home_variable(self) -> bool {
        self.major >= 15
    }

    /// Returns `true` if libpq of this version takes `sslrootcert=system` for the system's trusted
    /// roots. Before 16 it is a file.
    pub fn knows_system_roots(self) -> bool {
        self.major >= 16
    }

    /// Returns `true` if libpq of this version compares the IP addresses of a certificate with the
    /// host.
    pub fn verifies_ip_names(self) -> bool {
        self.major >= 15
    }

    /// Returns `true` if libpq of this version allows 0640 for a private key that belongs to root.
    pub fn allows_group_readable_root_key(self) -> bool {
        match self.major {
            13 => self.minor >= 7,
            14 => self.minor >= 3,
            major => major >= 15,
        }
    }
}

/// The first major version of libpq that knows a connection keyword; `None` when all supported versions do.
pub fn keyword_since(keyword: &str) -> Option<u16> {
    KEYWORDS
        .iter()
        .find(|(name, _)| *name == keyword)
        .map(|(_, since)| *since)
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self {
                major,
                released: true,
                minor,
            } => write!(formatter, "{major}.{minor}"),
            Self { major, .. } => write!(formatter, "{major} (not released)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_version() {
        let preview = Version {
            major: 16,
            released: false,
            minor: 0,
        };
        for (text, version) in [
            (
                "psql (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n",
                Some(Version::new(15, 18)),
            ),
            ("pg_dump (PostgreSQL) 16beta1", Some(preview)),
            ("psql (PostgreSQL) 16devel", Some(preview)),
            ("psql (PostgreSQL) 9.6.24", Some(Version::new(9, 6))),
            ("psql (PostgreSQL) 18", Some(Version::new(18, 0))),
            ("psql (PostgreSQL) ", None),
            ("psql (PostgreSQL) x", None),
            ("psql (PostgreSQL) 15.", None),
            ("psql (PostgreSQL) 99999999", None),
            ("mysql 8", None),
            ("", None),
        ] {
            assert_eq!(Version::from_program_output(text), version, "{text}");
        }
        assert_eq!(Version::from_number(150_018), Some(Version::new(15, 18)));
        assert_eq!(Version::from_number(90_624), Some(Version::new(9, 6)));
        assert!(preview < Version::new(16, 0) && Version::new(15, 18) < preview);
        assert_eq!(preview.to_string(), "16 (not released)");
    }

    #[test]
    fn restrict_came_in_august_2025() {
        for (major, minor) in [(13, 22), (14, 19), (15, 14), (16, 10), (17, 6)] {
            assert!(Version::new(major, minor).knows_restrict());
            assert!(!Version::new(major, minor - 1).knows_restrict());
        }
        assert!(Version::new(18, 0).knows_restrict());
        assert!(
            !Version {
                major: 18,
                released: false,
                minor: 0
            }
            .knows_restrict()
        );
        assert!(
            Version {
                major: 19,
                released: false,
                minor: 0
            }
            .knows_restrict()
        );
        assert!(!Version::new(12, 22).knows_restrict());
    }

    #[test]
    fn keywords_have_a_first_version() {
        assert!(!Version::new(15, 18).knows_keyword("sslcertmode"));
        assert!(Version::new(16, 0).knows_keyword("sslcertmode"));
        assert!(Version::new(13, 0).knows_keyword("sslmode"));
        assert_eq!(keyword_since("sslnegotiation"), Some(17));
    }
}
