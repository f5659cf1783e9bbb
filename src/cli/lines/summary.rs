//! The summary that each command prints last, and what each command counts in it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::difference::{InvalidIndex, LevelObject};
use super::outside::OutsideObject;
use super::run::RunsCounts;
use crate::snapshot::capture::Concern;

/// The last line of a command that did its work.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct SummaryLine {
    /// Result of the command.
    pub(in crate::cli) summary: Summary,
}

/// Result of a command.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct Summary {
    /// Figures that depend on the command.
    #[serde(flatten)]
    pub(in crate::cli) counts: Counts,
    /// Milliseconds from the start of the command.
    pub(in crate::cli) ms: f64,
    /// Statements of the snapshot and the migrations that are not confined to the tenant's schema, unless
    /// `--allow-outside` is given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::cli) outside: Vec<OutsideObject>,
}

/// Figures of a command, which `command` names.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(tag = "command", rename_all = "snake_case")]
pub(in crate::cli) enum Counts {
    /// Of `provision`.
    Provision(ProvisionCounts),
    /// Of `provision --dry-run`.
    ProvisionDryRun(DryRunCounts),
    /// Of `render`.
    Render(RenderCounts),
    /// Of `capture`.
    Capture(CaptureCounts),
    /// Of `minify`.
    Minify(MinifyCounts),
    /// Of `snapshot show`.
    SnapshotShow(SnapshotShowCounts),
    /// Of `pool fill`.
    PoolFill(PoolFillCounts),
    /// Of `pool status`.
    PoolStatus(PoolStatusCounts),
    /// Of `pool drain`.
    PoolDrain(PoolDrainCounts),
    /// Of `migrate`.
    Migrate(MigrateCounts),
    /// Of `migrate --undo`.
    Undo(UndoCounts),
    /// Of `runs`.
    Runs(RunsCounts),
    /// Of `adopt`.
    Adopt(AdoptCounts),
    /// Of `query`.
    Query(QueryCounts),
    /// Of `status`.
    Status(StatusCounts),
    /// Of `verify`.
    Verify(VerifyCounts),
    /// Of `refresh`.
    Refresh(RefreshCounts),
    /// Of `check`.
    Check(CheckCounts),
    /// Of `drop`.
    Drop(DropCounts),
    /// Of `rename`.
    Rename(RenameCounts),
    /// Of `clone`.
    Clone(CloneCounts),
    /// Of `targets export`.
    TargetsExport(TargetsExportCounts),
    /// Of `diagnose`.
    Diagnose(DiagnoseCounts),
}

/// Figures of `provision`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct ProvisionCounts {
    /// Tenants that were created.
    pub(in crate::cli) created: usize,
    /// Tenants that were there.
    pub(in crate::cli) skipped: usize,
    /// Tenants that failed, with those of which it is not known.
    pub(in crate::cli) failed: usize,
    /// Tenants that were known and not begun; only where there are some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) not_reached: Option<usize>,
    /// The same as `not_reached`, by its old name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("deprecated" = true))]
    pub(in crate::cli) not_tried: Option<usize>,
}

/// Figures of `provision --dry-run`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct DryRunCounts {
    /// Tenants whose script was printed.
    pub(in crate::cli) rendered: usize,
    /// Names that no tenant can have.
    pub(in crate::cli) failed: usize,
}

/// Figures of `render`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct RenderCounts {
    /// Tenants whose script was printed: 1.
    pub(in crate::cli) rendered: usize,
}

/// Figures of `capture`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct CaptureCounts {
    /// The file; null when the snapshot was printed.
    pub(in crate::cli) file: Option<String>,
    /// True if the file changed; null without a file.
    pub(in crate::cli) changed: Option<bool>,
    /// The number of objects in the snapshot, by kind.
    pub(in crate::cli) objects: BTreeMap<String, usize>,
    /// The number of objects that were compared with the source and are equal; null with `--no-prove`.
    pub(in crate::cli) proven: Option<usize>,
    /// Objects that are left out, shared or kept as text, grouped by reason.
    pub(in crate::cli) concerns: Vec<ConcernObject>,
    /// Notes on the snapshot.
    pub(in crate::cli) notes: Vec<String>,
}

/// Objects that a snapshot does not hold, shares or keeps as text.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct ConcernObject {
    /// The property that the objects share: `partitions_outside`.
    pub(in crate::cli) id: Value,
    /// The objects, each in a few words.
    pub(in crate::cli) objects: Vec<String>,
}

impl From<&Concern> for ConcernObject {
    fn from(concern: &Concern) -> Self {
        Self {
            id: serde_json::json!(concern.id),
            objects: concern.objects.clone(),
        }
    }
}

/// Figures of `minify`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct MinifyCounts {
    /// The file; null when the snapshot was printed.
    pub(in crate::cli) file: Option<String>,
    /// The bytes of the body before.
    pub(in crate::cli) before: usize,
    /// The bytes of the body after.
    pub(in crate::cli) after: usize,
    /// True if the file changed; null without a file.
    pub(in crate::cli) changed: Option<bool>,
}

/// Figures of `snapshot show`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct SnapshotShowCounts {
    /// The file.
    pub(in crate::cli) file: String,
    /// The number of objects.
    pub(in crate::cli) objects: usize,
}

/// Figures of `pool fill`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct PoolFillCounts {
    /// Spares that were made.
    pub(in crate::cli) made: usize,
    /// Spares that can be claimed now.
    pub(in crate::cli) ready: usize,
    /// Spares that could not be made.
    pub(in crate::cli) failed: usize,
    /// Properties that the server sets by itself and that were not compared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::cli) ignored: Vec<String>,
    /// Targets that could not be asked for their pool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) failed_targets: Option<usize>,
}

/// Figures of `pool status`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct PoolStatusCounts {
    /// Spares that a claim with these options takes.
    pub(in crate::cli) ready: usize,
    /// Spares that it does not take.
    pub(in crate::cli) other: usize,
    /// Spares that are in no pool.
    pub(in crate::cli) strays: usize,
    /// Targets that could not be asked for their pool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) failed_targets: Option<usize>,
}

/// Figures of `pool drain`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct PoolDrainCounts {
    /// Spares that were dropped.
    pub(in crate::cli) dropped: usize,
    /// Rows whose schema was gone.
    pub(in crate::cli) forgotten: usize,
    /// Targets that could not be asked for their pool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) failed_targets: Option<usize>,
}

/// Figures of `migrate`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct MigrateCounts {
    /// The run's id for `--undo`, with `--record`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) run: Option<String>,
    /// Tenants that were migrated.
    pub(in crate::cli) migrated: usize,
    /// Tenants that had nothing pending.
    pub(in crate::cli) up_to_date: usize,
    /// Tenants that have something pending, with `--dry-run`.
    pub(in crate::cli) pending: usize,
    #[serde(flatten)]
    pub(in crate::cli) run_counts: RunCounts,
}

/// Figures of `migrate --undo`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct UndoCounts {
    /// The run that was undone.
    pub(in crate::cli) run: String,
    /// Tenants in which everything that the run applied is undone.
    pub(in crate::cli) undone: usize,
    /// Tenants that would be undone, with `--dry-run`.
    pub(in crate::cli) would_undo: usize,
    /// Tenants that cannot be undone.
    pub(in crate::cli) refused: usize,
    #[serde(flatten)]
    pub(in crate::cli) run_counts: RunCounts,
}

/// Figures of a run that goes through the tenants in turn.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct RunCounts {
    /// Tenants with any other outcome.
    pub(in crate::cli) failed: usize,
    /// Tenants whose turn did not come.
    pub(in crate::cli) not_reached: usize,
    /// The reasons why tenants failed or were refused, each with its number of tenants.
    pub(in crate::cli) errors: Vec<ReasonCount>,
    /// Reason why the run ended before all tenants had their turn.
    pub(in crate::cli) ended_early: Option<String>,
    /// Targets that could not be asked for their tenants.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) failed_targets: Option<usize>,
}

/// A reason, and the number of tenants that failed for it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct ReasonCount {
    /// The reason in words.
    pub(in crate::cli) reason: String,
    /// The number of tenants.
    pub(in crate::cli) tenants: usize,
}

/// Figures of `adopt`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct AdoptCounts {
    /// Tenants that were marked.
    pub(in crate::cli) adopted: usize,
    /// Tenants that would be marked, with `--dry-run`.
    pub(in crate::cli) would_adopt: usize,
    /// Tenants that had a marker before.
    pub(in crate::cli) skipped: usize,
    /// Tenants that are not what their version should be.
    pub(in crate::cli) different: usize,
    /// Tenants that were refused for another reason.
    pub(in crate::cli) refused: usize,
    /// Tenants that could not be marked.
    pub(in crate::cli) failed: usize,
    /// Names that are no schemas.
    pub(in crate::cli) missing: usize,
    /// Targets that could not be asked for their tenants.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) failed_targets: Option<usize>,
}

/// Figures of `query`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct QueryCounts {
    /// Tenants in which the query was run.
    pub(in crate::cli) queried: usize,
    /// Rows of all tenants.
    pub(in crate::cli) rows: usize,
    #[serde(flatten)]
    pub(in crate::cli) run_counts: RunCounts,
}

/// Figures of `status`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct StatusCounts {
    /// All tenants that exist.
    pub(in crate::cli) tenants: usize,
    /// Tenants with pending migrations.
    pub(in crate::cli) behind: usize,
    /// Tenants that have problems, or of which nothing is known.
    pub(in crate::cli) odd: usize,
    /// Tenants that were named and do not exist.
    pub(in crate::cli) missing: usize,
    /// Tenants that the query did not return, with `--reconcile`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) unregistered: Option<usize>,
    /// Tenants that the rules of the targets file send to another target, with `--targets`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) misplaced: Option<usize>,
    /// Names that tenants of two or more targets have, with `--targets`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) in_two_places: Option<usize>,
    /// Targets that could not be asked for their tenants.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) failed_targets: Option<usize>,
    /// The number of tenants at each version, the most frequent first.
    pub(in crate::cli) versions: Vec<VersionCount>,
}

/// A version, and the number of tenants that have it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct VersionCount {
    /// The last version; null for tenants without one.
    pub(in crate::cli) version: Option<String>,
    /// The number of tenants.
    pub(in crate::cli) tenants: usize,
}

/// Figures of `verify`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct VerifyCounts {
    /// Tenants that are equal to the reference.
    pub(in crate::cli) equal: usize,
    /// Tenants that differ.
    pub(in crate::cli) different: usize,
    /// Groups of tenants that differ alike.
    pub(in crate::cli) variants: usize,
    /// Names that are no tenants.
    pub(in crate::cli) missing: usize,
    /// The tenants by version, the most frequent first.
    pub(in crate::cli) versions: Vec<LevelObject>,
    /// The number of migrations that some tenant has and the newest snapshot does not.
    pub(in crate::cli) snapshot_behind: usize,
    /// Tenants that could not be compared; only where there are some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) failed: Option<usize>,
    /// Targets that could not be asked for their tenants.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) failed_targets: Option<usize>,
    /// Indexes that are invalid, whether or not their tenants differ.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::cli) invalid_indexes: Vec<InvalidIndex>,
}

/// Figures of `refresh`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct RefreshCounts {
    /// The snapshot's file.
    pub(in crate::cli) file: String,
    /// True if the file changed.
    pub(in crate::cli) changed: bool,
    /// The migrations that were applied, in order.
    pub(in crate::cli) applied: Vec<String>,
    /// The number of objects that were compared and are equal; null with `--no-prove`.
    pub(in crate::cli) proven: Option<usize>,
    /// Scratch schemas of earlier runs that were dropped.
    pub(in crate::cli) leftovers: Vec<String>,
}

/// Figures of `check`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct CheckCounts {
    /// True if the snapshot is up to date.
    pub(in crate::cli) equal: bool,
    /// The snapshot's file.
    pub(in crate::cli) file: String,
    /// The difference as a unified diff.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) diff: Option<String>,
    /// The format of the snapshot, where it is an older one and nothing else is different.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) older_format: Option<u32>,
}

/// Figures of `drop`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct DropCounts {
    /// Tenants that were dropped; none with `--dry-run`.
    pub(in crate::cli) dropped: usize,
    /// Tenants that were not.
    pub(in crate::cli) failed: usize,
    /// Tenants whose turn did not come; only where there are some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) not_reached: Option<usize>,
    /// Targets that could not be asked for their tenants.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) failed_targets: Option<usize>,
}

/// Figures of `rename`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct RenameCounts {
    /// Tenants that were renamed: 1.
    pub(in crate::cli) renamed: usize,
}

/// Figures of `clone`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct CloneCounts {
    /// Tenants that were cloned: 1.
    pub(in crate::cli) cloned: usize,
}

/// Figures of `targets export`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct TargetsExportCounts {
    /// Targets that were printed.
    pub(in crate::cli) targets: usize,
    /// Their tenants.
    pub(in crate::cli) tenants: usize,
}

/// Figures of `diagnose`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct DiagnoseCounts {
    /// `ok`, or `problem` when there is an error.
    pub(in crate::cli) verdict: String,
    /// Findings that are errors.
    pub(in crate::cli) errors: usize,
    /// Findings that are warnings.
    pub(in crate::cli) warnings: usize,
    /// Servers that were diagnosed, with `--targets`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) targets: Option<usize>,
    /// Servers that have an error, with `--targets`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) failed_targets: Option<usize>,
}
