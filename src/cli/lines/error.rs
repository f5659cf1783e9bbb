//! Errors as objects.

use schemars::JsonSchema;
use serde::Serialize;

use super::outcome::TenantOutcome;
use crate::exit;

/// The last line of a command that could not begin, or not go on.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct ErrorLine {
    /// A failure.
    pub(in crate::cli) error: ErrorObject,
}

/// A failure.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct ErrorObject {
    /// The exit code of a command that fails with it alone.
    pub(in crate::cli) code: u8,
    /// The stable id; docs/errors.md and docs/findings.md list them.
    pub(in crate::cli) id: String,
    /// The error and its causes in words.
    pub(in crate::cli) message: String,
    /// The causes, from the nearest to the root; only where there are some.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::cli) causes: Vec<String>,
    /// The SQL statement that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) statement: Option<String>,
    /// Advice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) hint: Option<String>,
    /// Details of some errors.
    #[serde(flatten)]
    pub(in crate::cli) more: ErrorDetails,
}

impl ErrorObject {
    /// Creates an error with the exit code of its id, without causes, a statement, advice and details.
    pub(in crate::cli) fn new(id: &str, message: String) -> Self {
        Self {
            code: exit::code_of(id),
            id: id.to_owned(),
            message,
            causes: Vec::new(),
            statement: None,
            hint: None,
            more: ErrorDetails::default(),
        }
    }
}

/// Details of some errors, each only where it is known.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub(in crate::cli) struct ErrorDetails {
    /// The file in which a statement failed: `migrate`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) file: Option<String>,
    /// Number of the statement in the file, from 1: `migrate`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) statement_number: Option<usize>,
    /// The line of the file at which that statement begins: `migrate`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) line: Option<usize>,
    /// Output of the server or the command besides the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) detail: Option<String>,
    /// The objects that are the reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) objects: Option<Vec<String>>,
    /// Objects of the snapshot that the schema lacks: `tenant.exists_in_part`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) missing: Option<Vec<String>>,
    /// Places that need a decision: `capture.doubtful`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) doubts: Option<Vec<DoubtObject>>,
    /// Differences of a copy from its source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) differences: Option<Vec<String>>,
    /// `unknown` if the server could not be asked what became of a rename or a clone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) outcome: Option<TenantOutcome>,
}

/// A place of which it cannot be told whether it names the schema.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(in crate::cli) struct DoubtObject {
    /// The object that has it.
    pub(in crate::cli) object: String,
    /// Number of the place in the object, from 1.
    pub(in crate::cli) place: usize,
    /// The line of the dump.
    pub(in crate::cli) line: usize,
    /// The line in the object's own definition.
    pub(in crate::cli) own_line: usize,
    /// The text around it.
    pub(in crate::cli) excerpt: String,
    /// Byte offsets in the excerpt of the word, and of what is behind it.
    pub(in crate::cli) word: [usize; 2],
    /// Reason why it cannot be told.
    pub(in crate::cli) why: String,
    /// The flag that says that it names the schema.
    pub(in crate::cli) rename: String,
    /// The flag that says that it does not.
    pub(in crate::cli) keep: String,
}
