use std::fmt;

use super::sqlstate_table::CONDITIONS;

/// A SQLSTATE: five digits and upper-case letters, of which two name the class.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SqlState([u8; 5]);

impl SqlState {
    /// Reads a SQLSTATE; `None` when it is not one.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; 5] = text.as_bytes().try_into().ok()?;
        bytes
            .iter()
            .all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
            .then_some(Self(bytes))
    }

    /// The five characters.
    pub fn as_str(&self) -> &str {
        // Always ASCII, by construction.
        str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The class: the first two characters.
    pub fn class(&self) -> &str {
        self.as_str().get(..2).unwrap_or_default()
    }

    /// The condition's name as in PL/pgSQL, such as `duplicate_table`; `None` when `PostgreSQL` has none for it.
    pub fn condition_name(&self) -> Option<&'static str> {
        condition_name(self.as_str())
    }

    /// Whether the same statements may well succeed when sent again a little later: lost or refused connections, lack
    /// of slots or locks, deadlocks, serialization failures, a server that starts up.
    pub fn is_retryable(&self) -> bool {
        match self.as_str() {
            // A protocol violation is the same next time.
            "08P01" => false,
            "40001" | "40P01" | "53300" | "55P03" | "57P01" | "57P02" | "57P03" => true,
            _ => self.class() == "08",
        }
    }
}

/// The name of a condition, such as `duplicate_table` for `42P07`.
pub fn condition_name(sqlstate: &str) -> Option<&'static str> {
    let index = CONDITIONS
        .binary_search_by_key(&sqlstate, |(state, _)| state)
        .ok()?;
    CONDITIONS.get(index).map(|(_, name)| *name)
}

impl fmt::Display for SqlState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Debug for SqlState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_have_names() {
        for (state, name) in [
            ("00000", Some("successful_completion")),
            ("42P07", Some("duplicate_table")),
            ("25P04", Some("transaction_timeout")),
            ("XX002", Some("index_corrupted")),
            ("99999", None),
            ("", None),
        ] {
            assert_eq!(condition_name(state), name, "{state}");
        }
        assert!(CONDITIONS.is_sorted_by(|(one, _), (two, _)| one < two));
        assert!(
            CONDITIONS
                .iter()
                .all(|(state, _)| SqlState::parse(state).is_some())
        );
    }

    #[test]
    fn only_what_a_second_try_may_cure_is_retryable() {
        let retryable = |state| SqlState::parse(state).unwrap().is_retryable();
        assert!(
            ["40001", "40P01", "53300", "08006", "57P03", "55P03"]
                .into_iter()
                .all(retryable)
        );
        assert!(
            !["42P07", "08P01", "57014", "23505", "53200", "40002"]
                .into_iter()
                .any(retryable)
        );
        assert_eq!(SqlState::parse("42p07"), None);
        assert_eq!(SqlState::parse("42P0"), None);
        assert_eq!(SqlState::parse("42P07").unwrap().class(), "42");
    }
}
