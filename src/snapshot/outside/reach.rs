//! The reach of statements, and the decision about it.

use std::fmt;

use crate::text::{listed, one_line, plural, swrite};

/// The reach of a statement that is not confined to the tenant's schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// Something else in the database: every tenant's run changes the same.
    Database,
    /// Roles, other databases, the server, its files or programs.
    Server,
}

impl Reach {
    /// Returns the word for programs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Server => "server",
        }
    }
}

/// Decides about statements that are not confined to the tenant's schema.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OutsidePolicy {
    /// Refuses what reaches beyond the database, and warns of what else is outside.
    #[default]
    Refuse,
    /// All of it is meant.
    Allow,
}

/// A statement that is not confined to the tenant's schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutsideStatement {
    /// 1-based line in the file.
    pub line: usize,
    /// 1-based line of its end.
    pub last_line: usize,
    /// Its reach.
    pub reach: Reach,
    /// Its beginning, on one line.
    pub excerpt: String,
    /// The routine, view or trigger of the same file that reaches beyond the database when this statement runs it.
    pub through: Option<String>,
}

/// Most characters of a statement that a message shows.
const SHOWN: usize = 80;

impl OutsideStatement {
    pub(in crate::snapshot) fn new(line: usize, reach: Reach, sql: &str) -> Self {
        Self {
            line,
            last_line: line + sql.matches('\n').count(),
            reach,
            excerpt: one_line(sql, SHOWN),
            through: None,
        }
    }

    pub(in crate::snapshot) fn through(mut self, definition: String) -> Self {
        self.through = Some(definition);
        self
    }
}

impl fmt::Display for OutsideStatement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "line {}: {}", self.line, self.excerpt)?;
        match &self.through {
            Some(through) => write!(formatter, " (through {through})"),
            None => Ok(()),
        }
    }
}

/// Most statements that a message shows.
const LISTED: usize = 10;

/// Returns one warning for the statements of a file that are elsewhere in the database.
pub(crate) fn grouped(statements: &[OutsideStatement]) -> String {
    let verb = if statements.len() == 1 { "is" } else { "are" };
    let mut text = format!(
        "{} {verb} not confined to the tenant's schema, and every tenant's run changes the same \
         (--allow-outside: it is meant)",
        plural(statements.len(), "statement")
    );
    for statement in statements.iter().take(LISTED) {
        swrite!(text, "\n  {statement}");
    }
    if let Some(more) = statements.len().checked_sub(LISTED + 1) {
        swrite!(text, "\n  and {} more", more + 1);
    }
    text
}

/// Returns the reason why the statements of a file are refused, which begins with the line of the first.
pub(crate) fn refusal(statements: &[OutsideStatement]) -> String {
    let Some(first) = statements.first() else {
        return String::new();
    };
    let mut text = format!(
        "line {}: this reaches beyond the database: {}",
        first.line, first.excerpt
    );
    if let Some(through) = &first.through {
        swrite!(text, " (through {through})");
    }
    let lines = statements.iter().skip(1).map(|statement| statement.line);
    if statements.len() > 1 {
        swrite!(text, "; likewise in line {}", listed(lines, LISTED));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_one_short_line() {
        let statement = OutsideStatement::new(3, Reach::Server, "CREATE\n  ROLE\tx");
        assert_eq!(statement.to_string(), "line 3: CREATE ROLE x");
        assert_eq!(statement.last_line, 4);
        let long = OutsideStatement::new(1, Reach::Database, &"é".repeat(200));
        assert_eq!(long.excerpt.chars().count(), SHOWN + 1);
        assert!(long.excerpt.ends_with('…'));
    }
}
