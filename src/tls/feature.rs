use std::fmt;

/// A connection option that not every libpq knows. One that does not know it ignores the variable in silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feature {
    /// `sslrootcert=system`: earlier, `system` is the name of a file in the current directory.
    SystemRoots,
    /// `sslcertmode`.
    SslCertMode,
    /// `sslnegotiation`.
    SslNegotiation,
    /// `ssl_min_protocol_version` and `ssl_max_protocol_version`.
    ProtocolRange,
    /// `min_protocol_version` and `max_protocol_version` of the wire protocol, not of TLS.
    WireProtocolRange,
    /// `sslcrldir`.
    CrlDirectory,
    /// `sslsni`.
    Sni,
    /// `channel_binding`.
    ChannelBinding,
    /// `require_auth`.
    RequireAuth,
    /// `$HOME` decides where `~/.postgresql` is; earlier, only the password database does.
    HomeVariable,
}

impl Feature {
    /// The first major version of libpq that has it.
    pub fn since(self) -> u32 {
        match self {
            Self::ProtocolRange | Self::ChannelBinding => 13,
            Self::CrlDirectory | Self::Sni => 14,
            Self::HomeVariable => 15,
            Self::SystemRoots | Self::SslCertMode | Self::RequireAuth => 16,
            Self::SslNegotiation => 17,
            Self::WireProtocolRange => 18,
        }
    }

    /// Returns `true` if a libpq of this major version has it.
    pub fn known_to(self, libpq_major: u32) -> bool {
        libpq_major >= self.since()
    }

    /// The feature that a libpq keyword needs; `None` for keywords that every supported version knows.
    pub fn from_keyword(keyword: &str) -> Option<Self> {
        Some(match keyword {
            "sslcertmode" => Self::SslCertMode,
            "sslnegotiation" => Self::SslNegotiation,
            "ssl_min_protocol_version" | "ssl_max_protocol_version" => Self::ProtocolRange,
            "min_protocol_version" | "max_protocol_version" => Self::WireProtocolRange,
            "sslcrldir" => Self::CrlDirectory,
            "sslsni" => Self::Sni,
            "channel_binding" => Self::ChannelBinding,
            "require_auth" => Self::RequireAuth,
            _ => return None,
        })
    }
}

impl fmt::Display for Feature {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::SystemRoots => "sslrootcert=system",
            Self::SslCertMode => "sslcertmode",
            Self::SslNegotiation => "sslnegotiation",
            Self::ProtocolRange => "ssl_min_protocol_version and ssl_max_protocol_version",
            Self::WireProtocolRange => "min_protocol_version and max_protocol_version",
            Self::CrlDirectory => "sslcrldir",
            Self::Sni => "sslsni",
            Self::ChannelBinding => "channel_binding",
            Self::RequireAuth => "require_auth",
            Self::HomeVariable => "HOME as the place of ~/.postgresql",
        })
    }
}

/// A TLS protocol version as libpq names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// `TLSv1`
    V1_0,
    /// `TLSv1.1`
    V1_1,
    /// `TLSv1.2`
    V1_2,
    /// `TLSv1.3`
    V1_3,
}

impl TlsVersion {
    /// All versions, oldest first.
    pub const ALL: [Self; 4] = [Self::V1_0, Self::V1_1, Self::V1_2, Self::V1_3];

    /// The name, as in `ssl_min_protocol_version`.
    pub fn keyword(self) -> &'static str {
        match self {
            Self::V1_0 => "TLSv1",
            Self::V1_1 => "TLSv1.1",
            Self::V1_2 => "TLSv1.2",
            Self::V1_3 => "TLSv1.3",
        }
    }

    /// Reads the name without regard to case, as libpq does (`pg_strcasecmp`).
    pub fn from_keyword(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|version| version.keyword().eq_ignore_ascii_case(word))
    }
}

/// The TLS versions that libpq may offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TlsRange {
    /// The lowest; `TLSv1.2` unless set (libpq 13 and later).
    pub min: TlsVersion,
    /// The highest; `None` when OpenSSL decides.
    pub max: Option<TlsVersion>,
}

/// The reason why a pair of protocol versions is not a range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RangeError {
    /// The word is no version.
    #[error("'{0}' is no TLS version; use TLSv1, TLSv1.1, TLSv1.2 or TLSv1.3")]
    Unknown(String),
    /// The lowest is above the highest.
    #[error("the lowest TLS version {min} is above the highest {max}")]
    Empty {
        /// The lowest.
        min: &'static str,
        /// The highest.
        max: &'static str,
    },
}

impl TlsRange {
    /// Reads `ssl_min_protocol_version` and `ssl_max_protocol_version`; an empty word is as good as none.
    ///
    /// # Errors
    /// A word that is no version, or a lowest version above the highest: libpq says
    /// `invalid SSL protocol version range` and does not connect.
    pub fn new(min: Option<&str>, max: Option<&str>) -> Result<Self, RangeError> {
        let read = |word: Option<&str>| match word {
            None | Some("") => Ok(None),
            Some(word) => TlsVersion::from_keyword(word)
                .map(Some)
                .ok_or_else(|| RangeError::Unknown(crate::text::safe(word))),
        };
        let range = Self {
            min: read(min)?.unwrap_or(TlsVersion::V1_2),
            max: read(max)?,
        };
        match range.max {
            Some(max) if range.min > max => Err(RangeError::Empty {
                min: range.min.keyword(),
                max: max.keyword(),
            }),
            _ => Ok(range),
        }
    }

    /// Returns `true` if the version is within the range.
    pub fn contains(self, version: TlsVersion) -> bool {
        version >= self.min && self.max.is_none_or(|max| version <= max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_begin_with_a_version() {
        for (feature, since) in [
            (Feature::SystemRoots, 16),
            (Feature::SslCertMode, 16),
            (Feature::SslNegotiation, 17),
            (Feature::ProtocolRange, 13),
            (Feature::HomeVariable, 15),
            (Feature::WireProtocolRange, 18),
        ] {
            assert!(
                !feature.known_to(since - 1) && feature.known_to(since),
                "{feature}"
            );
        }
        assert_eq!(
            Feature::from_keyword("sslnegotiation"),
            Some(Feature::SslNegotiation)
        );
        assert_eq!(Feature::from_keyword("sslmode"), None);
    }

    #[test]
    fn ranges() {
        let range = TlsRange::new(None, Some("tlsv1.2")).unwrap();
        assert!(range.contains(TlsVersion::V1_2) && !range.contains(TlsVersion::V1_3));
        assert_eq!(
            TlsRange::new(Some(""), Some("")).unwrap(),
            TlsRange {
                min: TlsVersion::V1_2,
                max: None
            }
        );
        // The default minimum counts: a maximum below it alone is an error in libpq too.
        assert!(matches!(
            TlsRange::new(None, Some("TLSv1.1")),
            Err(RangeError::Empty { .. })
        ));
        assert!(matches!(
            TlsRange::new(Some("1.2"), None),
            Err(RangeError::Unknown(_))
        ));
    }
}
