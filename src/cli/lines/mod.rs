//! The lines that `--format json` prints, as types. Their schema is docs/json-schema.json, which `schemastamp json-schema`
//! prints and the tests hold every output against.

mod difference;
mod error;
mod outcome;
mod outside;
mod pool;
mod row;
mod run;
mod snapshot;
mod summary;
mod target;
mod tenant;

pub(super) use difference::{
    DifferenceClass, DifferenceObject, InvalidIndex, LevelObject, ReferenceObject, VariantLine,
};
pub(super) use error::{DoubtObject, ErrorDetails, ErrorLine, ErrorObject};
pub(super) use outcome::TenantOutcome;
pub(super) use outside::OutsideObject;
pub(super) use pool::{SparesLine, StrayLine};
pub(super) use row::{ColumnObject, ResultObject, RowLine, RowObject};
pub(super) use run::{RunLine, RunState, RunsCounts};
pub(super) use snapshot::{HeaderDecision, SnapshotDetailsLine};
pub(super) use summary::{
    AdoptCounts, CaptureCounts, CheckCounts, CloneCounts, ConcernObject, Counts, DiagnoseCounts,
    DropCounts, DryRunCounts, MigrateCounts, MinifyCounts, PoolDrainCounts, PoolFillCounts,
    PoolStatusCounts, ProvisionCounts, QueryCounts, ReasonCount, RefreshCounts, RenameCounts,
    RenderCounts, RunCounts, SnapshotShowCounts, StatusCounts, Summary, SummaryLine,
    TargetsExportCounts, UndoCounts, VerifyCounts, VersionCount,
};
pub(super) use target::{ExportLine, TargetLine, TargetOutcome};
pub(super) use tenant::{
    AdoptDetails, CloneDetails, DropDetails, DryRunDetails, MigrateDetails, NoDetails,
    ProvisionDetails, QueryDetails, RenameDetails, RenderDetails, StatusDetails, TenantContent,
    TenantDetails, TenantLine, UndoDetails, VerifyDetails,
};

use schemars::JsonSchema;
use serde::Serialize;

use crate::diagnose::Finding;

/// A line that a command prints with `--format json`.
///
/// `type` names its kind. The last line of a command is its `summary`, or the `error` because of which it has none.
/// Readers must ignore fields and types that they do not know: later versions may add some.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schemars(title = "A line of schemastamp --format json")]
#[expect(clippy::large_enum_variant, reason = "lines are printed one at a time")]
pub(super) enum Line {
    /// The outcome of a command for one tenant.
    Tenant(TenantLine),
    /// A target whose tenants are not known, because it could not be asked.
    Target(TargetLine),
    /// A target for a pooler: `targets export`.
    Export(ExportLine),
    /// A recorded run: `runs`.
    Run(RunLine),
    /// A row of a tenant: `query`.
    Row(RowLine),
    /// Tenants that differ alike from their reference: `verify`.
    Variant(VariantLine),
    /// One step or fault of `diagnose`.
    Finding(FindingLine),
    /// The spares of one kind: `pool status`.
    Spares(SparesLine),
    /// A spare that is in no pool: `pool status`.
    Stray(StrayLine),
    /// A snapshot that is not written to a file: `capture`, `minify`.
    Snapshot(SnapshotLine),
    /// Origin and content of a snapshot: `snapshot show`.
    SnapshotDetails(SnapshotDetailsLine),
    /// The last line of a command that did its work, also where tenants failed.
    Summary(SummaryLine),
    /// The last line of a command that could not begin, or not go on.
    Error(ErrorLine),
}

impl From<TenantLine> for Line {
    fn from(line: TenantLine) -> Self {
        Self::Tenant(line)
    }
}

impl Line {
    /// The last line of a command.
    pub(super) fn summary(counts: Counts, ms: f64, outside: Vec<OutsideObject>) -> Self {
        Self::Summary(SummaryLine {
            summary: Summary {
                counts,
                ms,
                outside,
            },
        })
    }
}

/// One step or fault of `diagnose`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct FindingLine {
    /// The name of its server, with `--targets`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) target: Option<String>,
    /// The finding.
    #[serde(flatten)]
    pub(super) finding: Finding,
}

/// A snapshot that is not written to a file.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct SnapshotLine {
    /// The snapshot's text.
    pub(super) snapshot: String,
}

/// The JSON Schema of a line.
pub(super) fn schema() -> String {
    let schema = schemars::schema_for!(Line);
    let text = serde_json::to_string_pretty(&schema);
    // A schema is made of texts, numbers and objects only, which always serialise.
    text.map(|text| text + "\n").unwrap_or_default()
}
