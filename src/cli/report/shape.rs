//! The shape of a failure as users see it.

use std::error::Error;

use crate::cli::lines::{ErrorDetails, ErrorObject};
use crate::exit;

/// A failure as it is shown.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::cli) struct ErrorReport {
    pub(in crate::cli) code: u8,
    /// Stable, documented.
    pub(in crate::cli) id: String,
    pub(in crate::cli) message: String,
    /// From the nearest to the root.
    pub(in crate::cli) causes: Vec<String>,
    /// Lines between causes and hint.
    pub(in crate::cli) details: Vec<String>,
    pub(in crate::cli) hint: Option<String>,
    /// The statement that failed.
    pub(in crate::cli) statement: Option<String>,
    /// More for programs.
    pub(in crate::cli) more: ErrorDetails,
}

impl ErrorReport {
    /// The words of an error and of its sources.
    pub(super) fn of(error: &dyn Error, id: impl Into<String>) -> Self {
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
        }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same failure as the cause of another.
    pub(super) fn beneath(mut self, error: &dyn Error) -> Self {
        let message = std::mem::replace(&mut self.message, error.to_string());
        self.causes.insert(0, message);
        self
    }

    /// As JSON users get it.
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
    /// For errors whose words hold those of their source.
    pub(super) fn without_causes(mut self) -> Self {
        self.causes.clear();
        self
    }
}
