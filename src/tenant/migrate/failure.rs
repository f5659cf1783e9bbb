use crate::pg::ServerMessage;
use crate::sql::TenantName;

use super::script::MessagePlace;
use crate::text::slice;

/// The reason why a tenant was not fully migrated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrateFailure {
    /// The message, on one line, with `#{prefix}` for the tenant's name, so that equal failures
    /// have equal messages.
    pub message: String,
    /// The SQLSTATE, if the server sent one.
    pub sqlstate: Option<String>,
    /// The migration's file.
    pub file: Option<String>,
    /// The number of the statement in the file, starting at 1.
    pub statement: Option<usize>,
    /// 1-based line of the statement in the file.
    pub line: Option<usize>,
    /// `DETAIL` of the server.
    pub detail: Option<String>,
    /// `HINT` of the server.
    pub hint: Option<String>,
    /// `true` if the time limit ended it.
    pub is_timeout: bool,
}

impl MigrateFailure {
    /// Creates a failure without a place.
    pub(crate) fn new(message: String) -> Self {
        Self {
            message,
            sqlstate: None,
            file: None,
            statement: None,
            line: None,
            detail: None,
            hint: None,
            is_timeout: false,
        }
    }

    /// Creates a failure from the server's message, at a place.
    pub(crate) fn said(
        message: &ServerMessage,
        tenant: &TenantName,
        place: Option<&MessagePlace>,
    ) -> Self {
        let text = message.message.lines().next().unwrap_or_default();
        Self {
            message: anonymous(text, tenant),
            sqlstate: message.sqlstate.as_ref().map(ToString::to_string),
            file: place.map(|place| place.file.clone()),
            statement: place.and_then(|place| place.statement),
            line: place.and_then(|place| place.line),
            detail: message.detail.clone(),
            hint: message.hint.clone(),
            is_timeout: false,
        }
    }

    /// Creates a failure of work that the time limit ended.
    pub(crate) fn timed_out(message: String) -> Self {
        Self {
            is_timeout: true,
            ..Self::new(message)
        }
    }
}

impl std::fmt::Display for MigrateFailure {
    /// `23505 duplicate key … in 20240301_x.sql, statement 3 (line 12)`.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(sqlstate) = &self.sqlstate {
            write!(formatter, "{sqlstate} ")?;
        }
        formatter.write_str(&self.message)?;
        if let Some(file) = &self.file {
            write!(formatter, " in {file}")?;
        }
        if let Some(statement) = self.statement {
            write!(formatter, ", statement {statement}")?;
        }
        match self.line {
            Some(line) => write!(formatter, " (line {line})"),
            None => Ok(()),
        }
    }
}

/// Replaces the tenant's name with `#{prefix}` where it is a word of its own.
pub(crate) fn anonymous(text: &str, tenant: &TenantName) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    let name = tenant.as_str();
    while let Some(at) = rest.find(name) {
        let (before, from) = rest.split_at(at);
        let behind = slice(from, name.len()..);
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        let whole = !shown
            .chars()
            .chain(before.chars())
            .next_back()
            .is_some_and(is_part)
            && !behind.chars().next().is_some_and(is_part);
        shown.push_str(before);
        shown.push_str(if whole {
            crate::snapshot::PLACEHOLDER
        } else {
            name
        });
        rest = behind;
    }
    shown.push_str(rest);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenants_that_fail_alike_say_the_same() {
        let said = |text: &str| anonymous(text, &TenantName::new("app").unwrap());
        assert_eq!(
            said("relation \"app.t\" does not exist"),
            "relation \"#{prefix}.t\" does not exist"
        );
        assert_eq!(
            said("apple app my_app app"),
            "apple #{prefix} my_app #{prefix}"
        );
    }
}
