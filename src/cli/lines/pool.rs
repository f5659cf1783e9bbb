//! The lines of `pool status`.

use schemars::JsonSchema;
use serde::Serialize;

/// The spares of one kind.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct SparesLine {
    /// The name of their target, with `--targets`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) target: Option<String>,
    /// The fingerprint of the snapshot that they were made of.
    pub(in crate::cli) snapshot: String,
    /// The options that they were made with; empty for none.
    pub(in crate::cli) options: String,
    /// The role that owns them.
    pub(in crate::cli) owner: Option<String>,
    /// The number that can be claimed.
    pub(in crate::cli) ready: usize,
    /// The number of rows whose schema is gone.
    pub(in crate::cli) broken: usize,
    /// Time at which the oldest was made.
    pub(in crate::cli) oldest: Option<String>,
    /// True if a claim with these options takes them.
    pub(in crate::cli) wanted: bool,
}

/// A spare that is in no pool.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct StrayLine {
    /// The name of its target, with `--targets`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) target: Option<String>,
    /// The name of its schema.
    pub(in crate::cli) stray: String,
}
