//! The form of a failure as it is shown to users.

use std::error::Error;

use crate::cli::lines::{ErrorDetails, ErrorObject};
use crate::exit;

/// A failure as it is shown to users.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::cli) struct ErrorReport {
    pub(in crate::cli) code: u8,
    /// The stable, documented id.
    pub(in crate::cli) id: String,
    pub(in crate::cli) message: String,
    /// The causes, from the nearest to the root.
    pub(in crate::cli) causes: Vec<String>,
    /// The lines between the causes and the hint.
    pub(in crate::cli) details: Vec<String>,
    pub(in crate::cli) hint: Option<String>,
    /// The statement that failed.
    pub(in crate::cli) statement: Option<String>,
    /// Additional fields of the JSON.
    pub(in crate::cli) more: ErrorDetails,
    /// The words of psql that a look at the server may give another meaning; empty unless a connection failed.
    pub(in crate::cli) stderr: String,
}

impl ErrorReport {
    /// Creates a report with the messages of an error and of its sources.
    pub(super) fn new(error: &dyn Error, id: impl Into<String>) -> Self {
        let mut causes = Vec::new();
        let mut source = error.source();
        while let Some(error) = source {
            causes.push(error.to_string());
            source = error.source();
        }
        let message = error.to_string();
        let id = id.into();
        Self {
            code: exit::code_of(&id),
            id,
            message,
            causes,
            details: Vec::new(),
            hint: None,
            statement: None,
            more: ErrorDetails::default(),
            stderr: String::new(),
        }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Makes this report the cause of `error`.
    pub(super) fn beneath(mut self, error: &dyn Error) -> Self {
        let message = std::mem::replace(&mut self.message, error.to_string());
        self.causes.insert(0, message);
        self
    }

    /// Returns the report as JSON.
    pub(in crate::cli) fn json(&self) -> ErrorObject {
        let mut message = self.message.clone();
        for cause in &self.causes {
            message.push_str(": ");
            message.push_str(cause);
        }
        ErrorObject {
            code: self.code,
            id: self.id.clone(),
            message,
            causes: self.causes.clone(),
            statement: self.statement.clone(),
            hint: self.hint.clone(),
            more: self.more.clone(),
        }
    }
}

impl ErrorReport {
    /// Removes the causes, for errors whose message includes that of their source.
    pub(super) fn without_causes(mut self) -> Self {
        self.causes.clear();
        self
    }
}
