use std::fmt;

use super::sqlstate_table::CONDITIONS;

/// A SQLSTATE: five digits and upper-case letters, of which two name the class.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SqlState([u8; 5]);

/// The conditions that this crate acts upon, by the names that `PostgreSQL` gives them in `errcodes.txt`.
impl SqlState {
    /// The client broke the protocol.
    pub const PROTOCOL_VIOLATION: Self = Self::new(*b"08P01");
    /// A parameter has a value that it cannot have.
    pub const INVALID_PARAMETER_VALUE: Self = Self::new(*b"22023");
    /// A unique constraint would be violated.
    pub const UNIQUE_VIOLATION: Self = Self::new(*b"23505");
    /// The transaction or the server is read-only.
    pub const READ_ONLY_SQL_TRANSACTION: Self = Self::new(*b"25006");
    /// There is no such schema.
    pub const INVALID_SCHEMA_NAME: Self = Self::new(*b"3F000");
    /// Two transactions of the highest isolation level got in each other's way.
    pub const T_R_SERIALIZATION_FAILURE: Self = Self::new(*b"40001");
    /// Two transactions waited for each other.
    pub const T_R_DEADLOCK_DETECTED: Self = Self::new(*b"40P01");
    /// A right is missing.
    pub const INSUFFICIENT_PRIVILEGE: Self = Self::new(*b"42501");
    /// The server does not understand the statement.
    pub const SYNTAX_ERROR: Self = Self::new(*b"42601");
    /// There is no such object, and it is neither a table nor a function.
    pub const UNDEFINED_OBJECT: Self = Self::new(*b"42704");
    /// There is no such function.
    pub const UNDEFINED_FUNCTION: Self = Self::new(*b"42883");
    /// There is no such table, view or sequence.
    pub const UNDEFINED_TABLE: Self = Self::new(*b"42P01");
    /// A schema of that name exists.
    pub const DUPLICATE_SCHEMA: Self = Self::new(*b"42P06");
    /// The disk is full.
    pub const DISK_FULL: Self = Self::new(*b"53100");
    /// The server has no memory left, also for locks.
    pub const OUT_OF_MEMORY: Self = Self::new(*b"53200");
    /// There is no free connection slot.
    pub const TOO_MANY_CONNECTIONS: Self = Self::new(*b"53300");
    /// A statement is nested too deeply.
    pub const STATEMENT_TOO_COMPLEX: Self = Self::new(*b"54001");
    /// A function has too many arguments.
    pub const TOO_MANY_ARGUMENTS: Self = Self::new(*b"54023");
    /// An object is not in the state that the statement needs.
    pub const OBJECT_NOT_IN_PREREQUISITE_STATE: Self = Self::new(*b"55000");
    /// A lock was not free, with `NOWAIT` or within `lock_timeout`.
    pub const LOCK_NOT_AVAILABLE: Self = Self::new(*b"55P03");
    /// A timeout or somebody cancelled the statement.
    pub const QUERY_CANCELED: Self = Self::new(*b"57014");
    /// The server shuts down, or somebody ended the session.
    pub const ADMIN_SHUTDOWN: Self = Self::new(*b"57P01");
    /// A process of the server crashed.
    pub const CRASH_SHUTDOWN: Self = Self::new(*b"57P02");
    /// The server starts up or shuts down.
    pub const CANNOT_CONNECT_NOW: Self = Self::new(*b"57P03");
    /// Something went wrong within the server, such as a relation that was dropped while it was opened.
    pub const INTERNAL_ERROR: Self = Self::new(*b"XX000");
}

impl SqlState {
    /// A SQLSTATE of this crate's own scripts, or one of `PostgreSQL`'s.
    pub(crate) const fn new(state: [u8; 5]) -> Self {
        Self(state)
    }

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

    /// Returns `true` if the same statements may well succeed a little later: lost or refused connections, lack
    /// of slots or locks, deadlocks, serialization failures, a server that starts up.
    pub fn is_retryable(&self) -> bool {
        match *self {
            // It is the same next time.
            Self::PROTOCOL_VIOLATION => false,
            Self::T_R_SERIALIZATION_FAILURE
            | Self::T_R_DEADLOCK_DETECTED
            | Self::TOO_MANY_CONNECTIONS
            | Self::LOCK_NOT_AVAILABLE
            | Self::ADMIN_SHUTDOWN
            | Self::CRASH_SHUTDOWN
            | Self::CANNOT_CONNECT_NOW => true,
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
    fn constants_have_their_condition_names() {
        for (state, name) in [
            (SqlState::UNIQUE_VIOLATION, "unique_violation"),
            (SqlState::INVALID_SCHEMA_NAME, "invalid_schema_name"),
            (SqlState::INSUFFICIENT_PRIVILEGE, "insufficient_privilege"),
            (SqlState::UNDEFINED_OBJECT, "undefined_object"),
            (SqlState::UNDEFINED_FUNCTION, "undefined_function"),
            (SqlState::UNDEFINED_TABLE, "undefined_table"),
            (SqlState::DUPLICATE_SCHEMA, "duplicate_schema"),
            (SqlState::LOCK_NOT_AVAILABLE, "lock_not_available"),
            (SqlState::QUERY_CANCELED, "query_canceled"),
        ] {
            assert_eq!(state.condition_name(), Some(name));
        }
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
