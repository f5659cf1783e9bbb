use std::cmp::Ordering;
use std::fmt;

/// A migration's version: digits, possibly in several parts separated by dots.
///
/// Versions compare by value: `9` is less than `10`, `001` equals `1`, and `1.0` equals `1`.
#[derive(Clone, Debug)]
pub struct MigrationVersion {
    text: String,
}

impl MigrationVersion {
    /// Parses a version.
    pub fn parse(text: &str) -> Option<Self> {
        let digits =
            |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        text.split('.').all(digits).then(|| Self {
            text: text.to_owned(),
        })
    }

    /// Returns the version as written, leading zeros included.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the parts without leading zeros, and without trailing parts that are zero.
    fn parts(&self) -> Vec<&str> {
        let mut parts: Vec<&str> = self
            .text
            .split('.')
            .map(|part| part.trim_start_matches('0'))
            .collect();
        while parts.len() > 1 && parts.last().is_some_and(|part| part.is_empty()) {
            parts.pop();
        }
        parts
    }

    /// Returns the version as one number, for tables that keep numbers, or `None` if it has several
    /// parts or is too big for a `bigint`.
    pub fn number(&self) -> Option<i64> {
        self.text.parse().ok()
    }
}

impl PartialEq for MigrationVersion {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for MigrationVersion {}

impl PartialOrd for MigrationVersion {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for MigrationVersion {
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |part: &&str| (part.len(), (*part).to_owned());
        self.parts()
            .iter()
            .map(key)
            .cmp(other.parts().iter().map(key))
    }
}

impl fmt::Display for MigrationVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_value() {
        let version = |text| MigrationVersion::parse(text).unwrap();
        assert!(version("9") < version("10"));
        assert!(version("20240101120000") > version("002"));
        assert!(version("1.9") < version("1.10"));
        assert!(version("1") < version("1.0.1"));
        assert_eq!(version("001"), version("1"));
        assert_eq!(version("1.0"), version("1"));
        assert_eq!(version("0"), version("000"));
        assert_eq!(version("007").number(), Some(7));
        assert_eq!(version("1.2").number(), None);
        for text in ["", "a", "1.", ".1", "1-2", "1a"] {
            assert!(MigrationVersion::parse(text).is_none(), "{text}");
        }
    }
}
