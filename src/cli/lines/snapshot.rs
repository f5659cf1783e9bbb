//! The lines of `snapshot show`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

/// A snapshot, by its header and its body.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct SnapshotDetailsLine {
    /// The file.
    pub(in crate::cli) file: String,
    /// The fingerprint of the body, as in the header and in the markers of tenants.
    pub(in crate::cli) fingerprint: String,
    /// Fingerprints that the same schema had in older formats.
    pub(in crate::cli) formerly: Vec<String>,
    /// The format of the file.
    pub(in crate::cli) format: u32,
    /// The major version of the captured server; null if it is not known.
    pub(in crate::cli) server: Option<u32>,
    /// The major version of the `pg_dump` whose wording the body has; null if it is not known.
    pub(in crate::cli) wording: Option<u32>,
    /// The version tables and their content: `schema_migrations: 12 rows, last 20240301120000`.
    pub(in crate::cli) versions: Vec<String>,
    /// The tables whose rows are carried, in the order in which they are filled.
    pub(in crate::cli) seeds: Vec<String>,
    /// The decisions about ambiguous text.
    pub(in crate::cli) decisions: Vec<HeaderDecision>,
    /// The number of objects by kind.
    pub(in crate::cli) objects: BTreeMap<String, usize>,
}

/// A decision in the header of a snapshot.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct HeaderDecision {
    /// The object, as `--keep` and `--rename` take it.
    pub(in crate::cli) object: String,
    /// `keep` or `rename`.
    pub(in crate::cli) decision: String,
}
