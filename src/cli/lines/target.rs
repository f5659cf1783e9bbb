//! The lines about one target.

use schemars::JsonSchema;
use serde::Serialize;

use super::error::ErrorObject;

/// A target whose tenants are not known.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct TargetLine {
    /// The name of the target.
    pub(in crate::cli) target: String,
    /// Outcome for the target.
    pub(in crate::cli) outcome: TargetOutcome,
    /// The reason.
    pub(in crate::cli) error: ErrorObject,
}

/// A target as a pooler reaches it, without its password.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct ExportLine {
    /// The name of the target.
    pub(in crate::cli) target: String,
    /// The host: a name, an address or a socket directory.
    pub(in crate::cli) host: String,
    /// The port.
    pub(in crate::cli) port: String,
    /// The database.
    pub(in crate::cli) dbname: String,
    /// The role; null if the file names none.
    pub(in crate::cli) user: Option<String>,
    /// The mode of TLS; null if the file names none.
    pub(in crate::cli) sslmode: Option<String>,
    /// The tenants that it has.
    pub(in crate::cli) tenants: Vec<String>,
}

/// Outcome of a command for a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::cli) enum TargetOutcome {
    /// It could not be asked, or its work could not begin.
    Failed,
}
