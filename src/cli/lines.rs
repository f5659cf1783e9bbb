//! The lines that `--format json` prints, as types. Their schema is docs/json-schema.json, which `schemastamp json-schema`
//! prints and the tests hold every output against.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::diagnose::Finding;
use crate::snapshot::capture::Concern;
use crate::tenant::{ProvisionSource, TenantOrigin};

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
    /// The last line of a command that did its work, also where tenants failed.
    Summary(SummaryLine),
    /// The last line of a command that could not begin, or not go on.
    Error(ErrorLine),
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

/// The outcome of a command for one tenant.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct TenantLine {
    /// The tenant's name as it was given; at most 200 characters of one that no schema can have.
    pub(super) tenant: String,
    /// The name of its target, with `--targets`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) target: Option<String>,
    /// Outcome for the tenant.
    pub(super) outcome: TenantOutcome,
    /// Milliseconds that it took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ms: Option<f64>,
    /// Fields that depend on the command.
    #[serde(flatten)]
    pub(super) details: TenantDetails,
    /// Reason for an outcome that is not good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<ErrorObject>,
}

/// Outcome of a command for a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum TenantOutcome {
    /// `provision`: it is there now, whole.
    Created,
    /// `provision`: it was there before and was not touched.
    Skipped,
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
    /// `migrate`: its versions do not fit the directory; nothing was tried.
    Refused,
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

/// Fields of a tenant's line that depend on the command.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum TenantDetails {
    /// Of `provision`.
    Provision(ProvisionDetails),
    /// Of `render`.
    Render(RenderDetails),
    /// Of `provision --dry-run`.
    DryRun(DryRunDetails),
    /// Of `migrate`.
    Migrate(MigrateDetails),
    /// Of `query`.
    Query(QueryDetails),
    /// Of `status`.
    Status(StatusDetails),
    /// Of `verify`.
    Verify(VerifyDetails),
    /// Of `drop`.
    Drop(DropDetails),
    /// Of `rename`.
    Rename(RenameDetails),
    /// Of `clone`.
    Clone(CloneDetails),
    /// None.
    None(NoDetails),
}

/// No fields.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub(super) struct NoDetails {}

/// Fields of a tenant's line of `provision`.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub(super) struct ProvisionDetails {
    /// Origin of a tenant that was skipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) made_of: Option<TenantOrigin>,
    /// Source of a tenant that was not created from the snapshot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) source: Option<ProvisionSource>,
    /// The number of attempts, where there was more than one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) attempts: Option<u32>,
}

/// Fields of a tenant's line of `render`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct RenderDetails {
    /// The SQL that creates it.
    pub(super) script: String,
}

/// Fields of a tenant's line of `provision --dry-run`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct DryRunDetails {
    /// The command line of psql.
    pub(super) command: String,
    /// The SQL that psql would get.
    pub(super) script: String,
    /// The command of `--run`.
    pub(super) run: Option<String>,
    /// The SQL that would claim a spare, with `--from-pool`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) claim: Option<String>,
}

/// Fields of a tenant's line of `migrate`.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub(super) struct MigrateDetails {
    /// Its last version before; null when it had none.
    pub(super) from: Option<String>,
    /// Its last version now; null when it has none.
    pub(super) to: Option<String>,
    /// The files that were applied, in order.
    pub(super) applied: Vec<String>,
    /// The files that are still pending, in order.
    pub(super) pending: Vec<String>,
    /// Problems that were no obstacle.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) warnings: Vec<String>,
}

/// Fields of a tenant's line of `query`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct QueryDetails {
    /// The result of each statement, in order; empty for a tenant that was not queried.
    pub(super) results: Vec<ResultObject>,
}

/// The result of a statement.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct ResultObject {
    /// The columns, in order; null for a statement that returns no rows.
    pub(super) columns: Option<Vec<ColumnObject>>,
    /// The number of rows that the statement returned or changed.
    pub(super) rows: u64,
}

/// A column of a result.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct ColumnObject {
    /// The name of the value in `row`.
    pub(super) name: String,
    /// The type: `integer`, `numeric(10,2)`, `text`.
    #[serde(rename = "type")]
    pub(super) type_name: String,
}

/// A row of a tenant.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct RowLine {
    /// The tenant.
    pub(super) tenant: String,
    /// The name of its target, with `--targets`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) target: Option<String>,
    /// The number of the statement that returned it, from 1.
    pub(super) statement: usize,
    /// The values by column. Numbers, booleans and JSON are what they are, and everything else is text. The second column
    /// of a name `a` is `a_2`.
    #[schemars(with = "BTreeMap<String, Value>")]
    pub(super) row: RowObject,
}

/// The values of a row by column, in order.
#[derive(Clone, Debug)]
pub(super) struct RowObject(pub(super) Vec<(String, Box<RawValue>)>);

impl Serialize for RowObject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// Fields of a tenant's line of `status`.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub(super) struct StatusDetails {
    /// Its last version; null when it has none or nothing is known.
    pub(super) version: Option<String>,
    /// The migrators that keep such a version table, in words.
    pub(super) tool: Option<String>,
    /// The number of migrations that are pending; null when nothing is known.
    pub(super) behind: Option<usize>,
    /// The fingerprint of the snapshot that it was made of; null when it has no marker.
    pub(super) snapshot: Option<String>,
    /// Problems of its versions.
    pub(super) problems: Vec<String>,
    /// Reason why nothing is known of its versions.
    pub(super) odd: Option<String>,
    /// In a database with Citus, true for a distributed schema and false for an ordinary one; absent otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) distributed: Option<bool>,
    /// The target where it should be by the rules of the targets file, if it is at another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) belongs_at: Option<String>,
    /// Further targets that have a tenant with this name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) also_at: Vec<String>,
}

/// Fields of a tenant's line of `verify`.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub(super) struct VerifyDetails {
    /// The number of the variant that it belongs to; the line of that variant has the differences.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) variant: Option<usize>,
}

/// Fields of a tenant's line of `drop`.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub(super) struct DropDetails {
    /// Objects that would go, with `--dry-run`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content: Option<TenantContent>,
}

/// Content of a tenant.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct TenantContent {
    /// Tables, partitions included.
    pub(super) tables: u64,
    /// Views and materialized views.
    pub(super) views: u64,
    /// Sequences.
    pub(super) sequences: u64,
    /// Functions and procedures.
    pub(super) routines: u64,
    /// Bytes on disk, indexes included; those of a distributed tenant's shards.
    pub(super) bytes: u64,
    /// True for a distributed schema of Citus; absent otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) distributed: Option<bool>,
    /// Objects of other schemas that depend on it; at most 20.
    pub(super) outside: Vec<String>,
    /// Large objects whose ids its rows hold, and that stay; null if the rows cannot be read.
    pub(super) large_objects: Option<usize>,
}

/// Fields of a tenant's line of `rename`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct RenameDetails {
    /// Its old name.
    pub(super) from: String,
    /// The objects whose text had the name in it, and was rewritten.
    pub(super) rewritten: Vec<String>,
    /// The number of objects that were compared and are equal.
    pub(super) proven: usize,
    /// Statements that would correct the settings of roles and databases that still say the old name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) settings: Vec<String>,
    /// Properties that the server sets by itself and that were not compared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) ignored: Vec<String>,
}

/// Fields of a tenant's line of `clone`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct CloneDetails {
    /// The tenant that was copied.
    pub(super) from: String,
    /// The number of tables whose rows were copied.
    pub(super) tables: usize,
    /// The number of sequences whose positions were copied.
    pub(super) sequences: usize,
    /// Objects that the copy lacks, shares with its source or has as text, grouped by reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) concerns: Vec<ConcernObject>,
    /// Properties that the server sets by itself and that were not compared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) ignored: Vec<String>,
}

/// A target whose tenants are not known.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct TargetLine {
    /// The name of the target.
    pub(super) target: String,
    /// Outcome for the target.
    pub(super) outcome: TargetOutcome,
    /// The reason.
    pub(super) error: ErrorObject,
}

/// A target as a pooler reaches it, without its password.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct ExportLine {
    /// The name of the target.
    pub(super) target: String,
    /// The host: a name, an address or a socket directory.
    pub(super) host: String,
    /// The port.
    pub(super) port: String,
    /// The database.
    pub(super) dbname: String,
    /// The role; null if the file names none.
    pub(super) user: Option<String>,
    /// The mode of TLS; null if the file names none.
    pub(super) sslmode: Option<String>,
    /// The tenants that it has.
    pub(super) tenants: Vec<String>,
}

/// Outcome of a command for a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum TargetOutcome {
    /// It could not be asked, or its work could not begin.
    Failed,
}

/// Tenants that differ alike from their reference.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct VariantLine {
    /// Its number, from 1.
    pub(super) variant: usize,
    /// The version of its tenants, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<String>,
    /// The number of tenants.
    pub(super) tenants: usize,
    /// The differences.
    pub(super) findings: Vec<Difference>,
}

/// A difference of a tenant from its reference.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct Difference {
    /// Gravity of the difference.
    pub(super) class: DifferenceClass,
    /// The kind of object.
    pub(super) kind: String,
    /// The object, without its schema.
    pub(super) object: String,
    /// The aspect of it.
    pub(super) aspect: String,
    /// Value of the reference: a text, or an object with the parts of the definition; null when it has no such object.
    pub(super) expected: Value,
    /// Value of the tenant, likewise.
    pub(super) found: Value,
    /// The difference in words.
    pub(super) message: String,
}

/// Gravity of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum DifferenceClass {
    /// Names of indexes and constraints, order of columns: nothing works differently.
    Cosmetic,
    /// The tenant is not what it should be.
    Different,
    /// It refers to another tenant's schema.
    ForeignTenant,
}

/// The spares of one kind.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct SparesLine {
    /// The name of their target, with `--targets`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) target: Option<String>,
    /// The fingerprint of the snapshot that they were made of.
    pub(super) snapshot: String,
    /// The options that they were made with; empty for none.
    pub(super) options: String,
    /// The role that owns them.
    pub(super) owner: Option<String>,
    /// The number that can be claimed.
    pub(super) ready: usize,
    /// The number of rows whose schema is gone.
    pub(super) broken: usize,
    /// Time at which the oldest was made.
    pub(super) oldest: Option<String>,
    /// True if a claim with these options takes them.
    pub(super) wanted: bool,
}

/// A spare that is in no pool.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct StrayLine {
    /// The name of its target, with `--targets`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) target: Option<String>,
    /// The name of its schema.
    pub(super) stray: String,
}

/// A snapshot that is not written to a file.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct SnapshotLine {
    /// The snapshot's text.
    pub(super) snapshot: String,
}

/// The last line of a command that did its work.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct SummaryLine {
    /// Result of the command.
    pub(super) summary: Summary,
}

/// Result of a command.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct Summary {
    /// Figures that depend on the command.
    #[serde(flatten)]
    pub(super) counts: Counts,
    /// Milliseconds from the start of the command.
    pub(super) ms: f64,
    /// Statements of the snapshot and the migrations that are not confined to the tenant's schema, unless
    /// `--allow-outside` is given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) outside: Vec<OutsideObject>,
}

/// A statement that is not confined to the tenant's schema.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct OutsideObject {
    /// The snapshot or migration.
    pub(super) file: String,
    /// Line of the statement, from 1.
    pub(super) line: usize,
    /// `database`, or `server` for one that reaches beyond the database.
    pub(super) reach: String,
    /// Its beginning.
    pub(super) statement: String,
}

/// Figures of a command, which `command` names.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(tag = "command", rename_all = "snake_case")]
pub(super) enum Counts {
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
    /// Of `pool fill`.
    PoolFill(PoolFillCounts),
    /// Of `pool status`.
    PoolStatus(PoolStatusCounts),
    /// Of `pool drain`.
    PoolDrain(PoolDrainCounts),
    /// Of `migrate`.
    Migrate(MigrateCounts),
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
pub(super) struct ProvisionCounts {
    /// Tenants that were created.
    pub(super) created: usize,
    /// Tenants that were there.
    pub(super) skipped: usize,
    /// Tenants that failed, with those of which it is not known.
    pub(super) failed: usize,
    /// Tenants that were known and not begun; only where there are some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) not_reached: Option<usize>,
    /// The same as `not_reached`, by its old name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("deprecated" = true))]
    pub(super) not_tried: Option<usize>,
}

/// Figures of `provision --dry-run`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct DryRunCounts {
    /// Tenants whose script was printed.
    pub(super) rendered: usize,
    /// Names that no tenant can have.
    pub(super) failed: usize,
}

/// Figures of `render`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct RenderCounts {
    /// Tenants whose script was printed: 1.
    pub(super) rendered: usize,
}

/// Figures of `capture`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct CaptureCounts {
    /// The file; null when the snapshot was printed.
    pub(super) file: Option<String>,
    /// True if the file changed; null without a file.
    pub(super) changed: Option<bool>,
    /// The number of objects in the snapshot, by kind.
    pub(super) objects: BTreeMap<String, usize>,
    /// The number of objects that were compared with the source and are equal; null with `--no-prove`.
    pub(super) proven: Option<usize>,
    /// Objects that are left out, shared or kept as text, grouped by reason.
    pub(super) concerns: Vec<ConcernObject>,
    /// Notes on the snapshot.
    pub(super) notes: Vec<String>,
}

/// Objects that a snapshot does not hold, shares or keeps as text.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct ConcernObject {
    /// The property that the objects share: `partitions_outside`.
    pub(super) id: Value,
    /// The objects, each in a few words.
    pub(super) objects: Vec<String>,
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
pub(super) struct MinifyCounts {
    /// The file; null when the snapshot was printed.
    pub(super) file: Option<String>,
    /// The bytes of the body before.
    pub(super) before: usize,
    /// The bytes of the body after.
    pub(super) after: usize,
    /// True if the file changed; null without a file.
    pub(super) changed: Option<bool>,
}

/// Figures of `pool fill`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct PoolFillCounts {
    /// Spares that were made.
    pub(super) made: usize,
    /// Spares that can be claimed now.
    pub(super) ready: usize,
    /// Spares that could not be made.
    pub(super) failed: usize,
    /// Properties that the server sets by itself and that were not compared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) ignored: Vec<String>,
    /// Targets that could not be asked for their pool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) failed_targets: Option<usize>,
}

/// Figures of `pool status`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct PoolStatusCounts {
    /// Spares that a claim with these options takes.
    pub(super) ready: usize,
    /// Spares that it does not take.
    pub(super) other: usize,
    /// Spares that are in no pool.
    pub(super) strays: usize,
    /// Targets that could not be asked for their pool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) failed_targets: Option<usize>,
}

/// Figures of `pool drain`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct PoolDrainCounts {
    /// Spares that were dropped.
    pub(super) dropped: usize,
    /// Rows whose schema was gone.
    pub(super) forgotten: usize,
    /// Targets that could not be asked for their pool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) failed_targets: Option<usize>,
}

/// Figures of `migrate`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct MigrateCounts {
    /// Tenants that were migrated.
    pub(super) migrated: usize,
    /// Tenants that had nothing pending.
    pub(super) up_to_date: usize,
    /// Tenants that have something pending, with `--dry-run`.
    pub(super) pending: usize,
    /// Tenants with any other outcome.
    pub(super) failed: usize,
    /// Tenants whose turn did not come.
    pub(super) not_reached: usize,
    /// The reasons for failures, each with its number of tenants.
    pub(super) errors: Vec<ReasonCount>,
    /// Reason why the run ended before all tenants had their turn.
    pub(super) ended_early: Option<String>,
    /// Targets that could not be asked for their tenants.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) failed_targets: Option<usize>,
}

/// A reason, and the number of tenants that failed for it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct ReasonCount {
    /// The reason in words.
    pub(super) reason: String,
    /// The number of tenants.
    pub(super) tenants: usize,
}

/// Figures of `query`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct QueryCounts {
    /// Tenants in which the query was run.
    pub(super) queried: usize,
    /// Tenants with any other outcome.
    pub(super) failed: usize,
    /// Tenants whose turn did not come.
    pub(super) not_reached: usize,
    /// Rows of all tenants.
    pub(super) rows: usize,
    /// The reasons for failures, each with its number of tenants.
    pub(super) errors: Vec<ReasonCount>,
    /// Reason why the run ended before all tenants had their turn.
    pub(super) ended_early: Option<String>,
    /// Targets that could not be asked for their tenants.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) failed_targets: Option<usize>,
}

/// Figures of `status`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct StatusCounts {
    /// All tenants that exist.
    pub(super) tenants: usize,
    /// Tenants with pending migrations.
    pub(super) behind: usize,
    /// Tenants that have problems, or of which nothing is known.
    pub(super) odd: usize,
    /// Tenants that were named and do not exist.
    pub(super) missing: usize,
    /// Tenants that the query did not return, with `--reconcile`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) unregistered: Option<usize>,
    /// Tenants that the rules of the targets file send to another target, with `--targets`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) misplaced: Option<usize>,
    /// Names that tenants of two or more targets have, with `--targets`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) in_two_places: Option<usize>,
    /// Targets that could not be asked for their tenants.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) failed_targets: Option<usize>,
    /// The number of tenants at each version, the most frequent first.
    pub(super) versions: Vec<VersionCount>,
}

/// A version, and the number of tenants that have it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct VersionCount {
    /// The last version; null for tenants without one.
    pub(super) version: Option<String>,
    /// The number of tenants.
    pub(super) tenants: usize,
}

/// Figures of `verify`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct VerifyCounts {
    /// Tenants that are equal to the reference.
    pub(super) equal: usize,
    /// Tenants that differ.
    pub(super) different: usize,
    /// Groups of tenants that differ alike.
    pub(super) variants: usize,
    /// Names that are no tenants.
    pub(super) missing: usize,
    /// The tenants by version, the most frequent first.
    pub(super) versions: Vec<LevelObject>,
    /// The number of migrations that some tenant has and the newest snapshot does not.
    pub(super) snapshot_behind: usize,
    /// Tenants that could not be compared; only where there are some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) failed: Option<usize>,
    /// Targets that could not be asked for their tenants.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) failed_targets: Option<usize>,
    /// Indexes that are invalid, whether or not their tenants differ.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) invalid_indexes: Vec<InvalidIndex>,
}

/// An index that is invalid, such as one that a failed `CREATE INDEX CONCURRENTLY` left behind.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct InvalidIndex {
    /// Its name.
    pub(super) index: String,
    /// The tenants that have it.
    pub(super) tenants: Vec<String>,
}

/// Tenants at one version, and what they were compared with.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct LevelObject {
    /// The version; null if it is unknown or does not matter.
    pub(super) version: Option<String>,
    /// Origin of the reference.
    pub(super) reference: LevelReference,
    /// Tenants that are equal to the reference.
    pub(super) equal: usize,
    /// Tenants that differ from it.
    pub(super) different: usize,
}

/// Origin of a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum LevelReference {
    /// A snapshot of that version.
    Snapshot,
    /// A snapshot and the migrations up to that version.
    Migrations,
    /// The state that most of the tenants have.
    Majority,
}

/// Figures of `refresh`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct RefreshCounts {
    /// The snapshot's file.
    pub(super) file: String,
    /// True if the file changed.
    pub(super) changed: bool,
    /// The migrations that were applied, in order.
    pub(super) applied: Vec<String>,
    /// The number of objects that were compared and are equal; null with `--no-prove`.
    pub(super) proven: Option<usize>,
    /// Scratch schemas of earlier runs that were dropped.
    pub(super) leftovers: Vec<String>,
}

/// Figures of `check`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct CheckCounts {
    /// True if the snapshot is up to date.
    pub(super) equal: bool,
    /// The snapshot's file.
    pub(super) file: String,
    /// The difference as a unified diff.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) diff: Option<String>,
    /// The format of the snapshot, where it is an older one and nothing else is different.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) older_format: Option<u32>,
}

/// Figures of `drop`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct DropCounts {
    /// Tenants that were dropped; none with `--dry-run`.
    pub(super) dropped: usize,
    /// Tenants that were not.
    pub(super) failed: usize,
    /// Tenants whose turn did not come; only where there are some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) not_reached: Option<usize>,
    /// Targets that could not be asked for their tenants.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) failed_targets: Option<usize>,
}

/// Figures of `rename`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct RenameCounts {
    /// Tenants that were renamed: 1.
    pub(super) renamed: usize,
}

/// Figures of `clone`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct CloneCounts {
    /// Tenants that were cloned: 1.
    pub(super) cloned: usize,
}

/// Figures of `targets export`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct TargetsExportCounts {
    /// Targets that were printed.
    pub(super) targets: usize,
    /// Their tenants.
    pub(super) tenants: usize,
}

/// Figures of `diagnose`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct DiagnoseCounts {
    /// `ok`, or `problem` when there is an error.
    pub(super) verdict: String,
    /// Findings that are errors.
    pub(super) errors: usize,
    /// Findings that are warnings.
    pub(super) warnings: usize,
    /// Servers that were diagnosed, with `--targets`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) targets: Option<usize>,
    /// Servers that have an error, with `--targets`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) failed_targets: Option<usize>,
}

/// The last line of a command that could not begin, or not go on.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct ErrorLine {
    /// A failure.
    pub(super) error: ErrorObject,
}

/// A failure.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct ErrorObject {
    /// The exit code of a command that fails with it alone.
    pub(super) code: u8,
    /// The stable id; docs/errors.md and docs/findings.md list them.
    pub(super) id: String,
    /// The error and its causes in words.
    pub(super) message: String,
    /// The causes, from the nearest to the root; only where there are some.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) causes: Vec<String>,
    /// The SQL statement that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) statement: Option<String>,
    /// Advice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hint: Option<String>,
    /// Details of some errors.
    #[serde(flatten)]
    pub(super) more: ErrorDetails,
}

/// Details of some errors, each only where it is known.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub(super) struct ErrorDetails {
    /// The file in which a statement failed: `migrate`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) file: Option<String>,
    /// Number of the statement in the file, from 1: `migrate`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) statement_number: Option<usize>,
    /// The line of the file at which that statement begins: `migrate`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) line: Option<usize>,
    /// Output of the server or the command besides the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) detail: Option<String>,
    /// The objects that are the reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) objects: Option<Vec<String>>,
    /// Objects of the snapshot that the schema lacks: `tenant.exists_in_part`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) missing: Option<Vec<String>>,
    /// Places that need a decision: `capture.doubtful`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) doubts: Option<Vec<DoubtObject>>,
    /// Differences of a copy from its source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) differences: Option<Vec<String>>,
    /// `unknown` if the server could not be asked what became of a rename or a clone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) outcome: Option<TenantOutcome>,
}

/// A place of which it cannot be told whether it names the schema.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(super) struct DoubtObject {
    /// The object that has it.
    pub(super) object: String,
    /// Number of the place in the object, from 1.
    pub(super) place: usize,
    /// The line of the dump.
    pub(super) line: usize,
    /// The line in the object's own definition.
    pub(super) own_line: usize,
    /// The text around it.
    pub(super) excerpt: String,
    /// Byte offsets in the excerpt of the word, and of what is behind it.
    pub(super) word: [usize; 2],
    /// Reason why it cannot be told.
    pub(super) why: String,
    /// The flag that says that it names the schema.
    pub(super) rename: String,
    /// The flag that says that it does not.
    pub(super) keep: String,
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

/// The JSON Schema of a line.
pub(super) fn schema() -> String {
    let schema = schemars::schema_for!(Line);
    let text = serde_json::to_string_pretty(&schema);
    // A schema is made of texts, numbers and objects only, which always serialise.
    text.map(|text| text + "\n").unwrap_or_default()
}
