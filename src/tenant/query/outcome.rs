use super::results::ResultTable;
use crate::pg::{ServerMessage, condition_name};
use crate::sql::TenantName;
use crate::tenant::migrate::anonymous;

/// The result of one statement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatementResult {
    /// Its rows, or `None` for a statement that returns none.
    pub table: Option<ResultTable>,
    /// The number of rows that it returned or changed.
    pub affected: u64,
}

/// The outcome of a query for one tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum QueryOutcome {
    /// It was run. There is a result for each statement.
    Done(Vec<StatementResult>),
    /// It failed, and nothing was changed.
    Failed(QueryFailure),
    /// The connection was lost, and the server did not report whether the transaction was committed.
    Unknown(QueryFailure),
    /// There is no such tenant, or it was dropped or renamed meanwhile. Nothing was changed.
    Missing,
    /// The run ended before its turn.
    NotReached,
}

/// The reason why a query failed for a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryFailure {
    /// The stable id.
    pub id: String,
    /// The message, on one line, with `#{prefix}` for the tenant's name, so that equal failures have equal messages.
    pub message: String,
    /// The SQLSTATE, if the server sent one.
    pub sqlstate: Option<String>,
    /// The number of the statement, starting at 1, if one failed.
    pub statement: Option<usize>,
    /// 1-based line on which the statement begins.
    pub line: Option<usize>,
    /// `DETAIL` of the server.
    pub detail: Option<String>,
    /// `HINT` of the server.
    pub hint: Option<String>,
}

impl QueryFailure {
    /// Creates a failure without a place.
    pub(crate) fn new(id: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            message: message.into(),
            sqlstate: None,
            statement: None,
            line: None,
            detail: None,
            hint: None,
        }
    }

    /// Creates a failure from the server's message, at a statement and its line.
    pub(crate) fn said(
        message: &ServerMessage,
        tenant: &TenantName,
        place: Option<(usize, usize)>,
    ) -> Self {
        let text = message.message.lines().next().unwrap_or_default();
        let sqlstate = message.sqlstate.as_ref().map(ToString::to_string);
        let id = match &sqlstate {
            Some(state) => format!("sql.{}", condition_name(state).unwrap_or(state)),
            None => "query.failed".to_owned(),
        };
        Self {
            sqlstate,
            statement: place.map(|(statement, _)| statement),
            line: place.map(|(_, line)| line),
            detail: message.detail.clone(),
            hint: message.hint.clone(),
            ..Self::new(id, anonymous(text, tenant))
        }
    }
}

impl std::fmt::Display for QueryFailure {
    /// `42P01 relation "users" does not exist in statement 2 (line 3)`.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(sqlstate) = &self.sqlstate {
            write!(formatter, "{sqlstate} ")?;
        }
        formatter.write_str(&self.message)?;
        if let Some(statement) = self.statement {
            write!(formatter, " in statement {statement}")?;
        }
        match self.line {
            Some(line) => write!(formatter, " (line {line})"),
            None => Ok(()),
        }
    }
}

impl QueryOutcome {
    /// Returns the reason of a failure on one line, which is the same for equal failures.
    pub(crate) fn reason(&self) -> Option<String> {
        match self {
            Self::Done(_) | Self::NotReached => None,
            Self::Failed(failure) => Some(failure.to_string()),
            Self::Unknown(failure) => Some(format!("outcome unknown: {failure}")),
            Self::Missing => Some("there is no such tenant".to_owned()),
        }
    }
}
