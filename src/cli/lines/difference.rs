//! Differences between tenants and their reference: `verify`.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// Tenants that differ alike from their reference.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct VariantLine {
    /// Its number, from 1.
    pub(in crate::cli) variant: usize,
    /// The version of its tenants, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) version: Option<String>,
    /// The number of tenants.
    pub(in crate::cli) tenants: usize,
    /// The differences.
    pub(in crate::cli) findings: Vec<DifferenceObject>,
}

/// A difference of a tenant from its reference.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Difference")]
pub(in crate::cli) struct DifferenceObject {
    /// Gravity of the difference.
    pub(in crate::cli) class: DifferenceClass,
    /// The kind of object.
    pub(in crate::cli) kind: String,
    /// The object, without its schema.
    pub(in crate::cli) object: String,
    /// The aspect of it.
    pub(in crate::cli) aspect: String,
    /// Value of the reference: a text, or an object with the parts of the definition; null when it has no such object.
    pub(in crate::cli) expected: Value,
    /// Value of the tenant, likewise.
    pub(in crate::cli) found: Value,
    /// The difference in words.
    pub(in crate::cli) message: String,
}

/// Gravity of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::cli) enum DifferenceClass {
    /// Names of indexes and constraints, order of columns: nothing works differently.
    Cosmetic,
    /// The tenant is not what it should be.
    Different,
    /// It refers to another tenant's schema.
    ForeignTenant,
}

/// An index that is invalid, such as one that a failed `CREATE INDEX CONCURRENTLY` left behind.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct InvalidIndex {
    /// Its name.
    pub(in crate::cli) index: String,
    /// The tenants that have it.
    pub(in crate::cli) tenants: Vec<String>,
}

/// Tenants at one version, and what they were compared with.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct LevelObject {
    /// The version; null if it is unknown or does not matter.
    pub(in crate::cli) version: Option<String>,
    /// Origin of the reference.
    pub(in crate::cli) reference: ReferenceObject,
    /// Tenants that are equal to the reference.
    pub(in crate::cli) equal: usize,
    /// Tenants that differ from it.
    pub(in crate::cli) different: usize,
}

/// Origin of a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "LevelReference")]
pub(in crate::cli) enum ReferenceObject {
    /// A snapshot of that version.
    Snapshot,
    /// A snapshot and the migrations up to that version.
    Migrations,
    /// The state that most of the tenants have.
    Majority,
}
