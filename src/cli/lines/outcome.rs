//! The outcomes of a tenant.

use schemars::JsonSchema;
use serde::Serialize;

/// Outcome of a command for a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::cli) enum TenantOutcome {
    /// `provision`: it is there now, whole.
    Created,
    /// `provision`: it was there before and was not touched; `adopt`: it had a marker before.
    Skipped,
    /// `adopt`: it is what its version should be, and has its marker.
    Adopted,
    /// `adopt --dry-run`: it would get its marker.
    WouldAdopt,
    /// Nothing was changed, or what was done is in `applied`; `error` says why.
    Failed,
    /// The server could not be asked what became of it; `error` says why.
    Unknown,
    /// `render`, `provision --dry-run`: its script is in `script`.
    Rendered,
    /// `query`: the query was run; its rows are the lines before this one.
    Queried,
    /// `migrate`: everything that was pending is applied.
    Migrated,
    /// `migrate`: nothing was pending.
    UpToDate,
    /// `migrate --dry-run`: migrations are pending.
    Pending,
    /// The run ended before its turn.
    NotReached,
    /// `migrate`: its versions do not fit the directory, or it cannot be undone; nothing was tried.
    Refused,
    /// `migrate --undo`: everything that the run applied is undone.
    Undone,
    /// `migrate --undo --dry-run`: it would be undone.
    WouldUndo,
    /// Nothing is known of its versions, or they have a problem.
    Odd,
    /// It was dropped or renamed during the run.
    Gone,
    /// `status`: no migration is pending.
    Current,
    /// `status`: migrations are pending.
    Behind,
    /// `verify`: it is what it should be.
    Equal,
    /// `verify`: it differs in names or orders only.
    Cosmetic,
    /// `verify`: it is not what it should be.
    Different,
    /// `verify`: it refers to another tenant's schema.
    ForeignTenant,
    /// There is no such tenant.
    Missing,
    /// `status --reconcile`: the query of `--tenants-query` does not return it.
    Unregistered,
    /// `drop`: it is gone.
    Dropped,
    /// `drop --dry-run`: it would be dropped.
    WouldDrop,
    /// `rename`: it has its new name.
    Renamed,
    /// `clone`: it is a copy of another.
    Cloned,
}
