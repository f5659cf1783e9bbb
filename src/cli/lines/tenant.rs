//! The line about one tenant, and what each command adds to it.

use schemars::JsonSchema;
use serde::Serialize;

use super::error::ErrorObject;
use super::outcome::TenantOutcome;
use super::row::ResultObject;
use super::summary::ConcernObject;
use crate::tenant::{ProvisionSource, TenantOrigin};

/// The outcome of a command for one tenant.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct TenantLine {
    /// The tenant's name as it was given; at most 200 characters of one that no schema can have.
    pub(in crate::cli) tenant: String,
    /// The name of its target, with `--targets`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) target: Option<String>,
    /// Outcome for the tenant.
    pub(in crate::cli) outcome: TenantOutcome,
    /// Milliseconds that it took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) ms: Option<f64>,
    /// Fields that depend on the command.
    #[serde(flatten)]
    pub(in crate::cli) details: TenantDetails,
    /// Reason for an outcome that is not good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) error: Option<ErrorObject>,
}

/// Fields of a tenant's line that depend on the command.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::cli) enum TenantDetails {
    /// Of `provision`.
    Provision(ProvisionDetails),
    /// Of `render`.
    Render(RenderDetails),
    /// Of `provision --dry-run`.
    DryRun(DryRunDetails),
    /// Of `migrate`.
    Migrate(MigrateDetails),
    /// Of `migrate --undo`.
    Undo(UndoDetails),
    /// Of `adopt`.
    Adopt(AdoptDetails),
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
pub(in crate::cli) struct NoDetails {}

/// Fields of a tenant's line of `provision`.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub(in crate::cli) struct ProvisionDetails {
    /// Origin of a tenant that was skipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) made_of: Option<TenantOrigin>,
    /// Source of a tenant that was not created from the snapshot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) source: Option<ProvisionSource>,
    /// The number of attempts, where there was more than one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) attempts: Option<u32>,
}

/// Fields of a tenant's line of `render`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct RenderDetails {
    /// The SQL that creates it.
    pub(in crate::cli) script: String,
}

/// Fields of a tenant's line of `provision --dry-run`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct DryRunDetails {
    /// The command line of psql.
    pub(in crate::cli) command: String,
    /// The SQL that psql would get.
    pub(in crate::cli) script: String,
    /// The command of `--run`.
    pub(in crate::cli) run: Option<String>,
    /// The SQL that would claim a spare, with `--from-pool`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) claim: Option<String>,
}

/// Fields of a tenant's line of `migrate`.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub(in crate::cli) struct MigrateDetails {
    /// Its last version before; null when it had none.
    pub(in crate::cli) from: Option<String>,
    /// Its last version now; null when it has none.
    pub(in crate::cli) to: Option<String>,
    /// Its group, with `--groups`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) group: Option<String>,
    /// The files that were applied, in order.
    pub(in crate::cli) applied: Vec<String>,
    /// The files that are still pending, in order.
    pub(in crate::cli) pending: Vec<String>,
    /// Problems that were no obstacle.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::cli) warnings: Vec<String>,
}

/// Fields of a tenant's line of `migrate --undo`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct UndoDetails {
    /// The run that is undone.
    pub(in crate::cli) run: String,
    /// Its last version before; null when it had none or it is not known.
    pub(in crate::cli) from: Option<String>,
    /// Its last version now; null when it has none or it is not known.
    pub(in crate::cli) to: Option<String>,
    /// The files of the ways down that were run, in order.
    pub(in crate::cli) undone: Vec<String>,
    /// The files that the run applied and that are still applied, the newest first.
    pub(in crate::cli) pending: Vec<String>,
}

impl UndoDetails {
    /// Creates the details of a tenant that was not worked on.
    pub(in crate::cli) fn new(run: &str) -> Self {
        Self {
            run: run.to_owned(),
            from: None,
            to: None,
            undone: Vec::new(),
            pending: Vec::new(),
        }
    }
}

/// Fields of a tenant's line of `adopt`, unless it is different.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub(in crate::cli) struct AdoptDetails {
    /// Its last version; null when it has none or nothing is known.
    pub(in crate::cli) version: Option<String>,
    /// The fingerprint of the snapshot that its marker names, or would name; null without one.
    pub(in crate::cli) snapshot: Option<String>,
}

/// Fields of a tenant's line of `query`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct QueryDetails {
    /// The result of each statement, in order; empty for a tenant that was not queried.
    pub(in crate::cli) results: Vec<ResultObject>,
}

/// Fields of a tenant's line of `status`.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub(in crate::cli) struct StatusDetails {
    /// Its last version; null when it has none or nothing is known.
    pub(in crate::cli) version: Option<String>,
    /// The migrators that keep such a version table, in words.
    pub(in crate::cli) tool: Option<String>,
    /// The number of migrations that are pending; null when nothing is known.
    pub(in crate::cli) behind: Option<usize>,
    /// The fingerprint of the snapshot that it was made of; null when it has no marker.
    pub(in crate::cli) snapshot: Option<String>,
    /// Problems of its versions.
    pub(in crate::cli) problems: Vec<String>,
    /// Reason why nothing is known of its versions.
    pub(in crate::cli) odd: Option<String>,
    /// In a database with Citus, true for a distributed schema and false for an ordinary one; absent otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) distributed: Option<bool>,
    /// The target where it should be by the rules of the targets file, if it is at another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) belongs_at: Option<String>,
    /// Further targets that have a tenant with this name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::cli) also_at: Vec<String>,
}

/// Fields of a tenant's line of `verify`.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub(in crate::cli) struct VerifyDetails {
    /// The number of the variant that it belongs to; the line of that variant has the differences.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) variant: Option<usize>,
}

/// Fields of a tenant's line of `drop`.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub(in crate::cli) struct DropDetails {
    /// Objects that would go, with `--dry-run`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) content: Option<TenantContent>,
}

/// Content of a tenant.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct TenantContent {
    /// Tables, partitions included.
    pub(in crate::cli) tables: u64,
    /// Views and materialized views.
    pub(in crate::cli) views: u64,
    /// Sequences.
    pub(in crate::cli) sequences: u64,
    /// Functions and procedures.
    pub(in crate::cli) routines: u64,
    /// Bytes on disk, indexes included; those of a distributed tenant's shards.
    pub(in crate::cli) bytes: u64,
    /// True for a distributed schema of Citus; absent otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) distributed: Option<bool>,
    /// Objects of other schemas that depend on it; at most 20.
    pub(in crate::cli) outside: Vec<String>,
    /// Publications that lose its tables.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::cli) publications: Vec<String>,
    /// Statements that would take back the settings of roles and databases that name it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::cli) settings: Vec<String>,
    /// Routines, foreign tables, subscriptions and registries outside of it that still name it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::cli) elsewhere: Vec<String>,
    /// Large objects whose ids its rows hold, and that stay; null if the rows cannot be read.
    pub(in crate::cli) large_objects: Option<usize>,
}

/// Fields of a tenant's line of `rename`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct RenameDetails {
    /// Its old name.
    pub(in crate::cli) from: String,
    /// The objects whose text had the name in it, and was rewritten.
    pub(in crate::cli) rewritten: Vec<String>,
    /// The number of objects that were compared and are equal.
    pub(in crate::cli) proven: usize,
    /// Statements that would correct the settings of roles and databases that still say the old name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::cli) settings: Vec<String>,
    /// Routines, foreign tables, subscriptions and registries outside of the schema that still say the old name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::cli) elsewhere: Vec<String>,
    /// Properties that the server sets by itself and that were not compared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::cli) ignored: Vec<String>,
}

/// Fields of a tenant's line of `clone`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct CloneDetails {
    /// The tenant that was copied.
    pub(in crate::cli) from: String,
    /// The number of tables whose rows were copied.
    pub(in crate::cli) tables: usize,
    /// The number of sequences whose positions were copied.
    pub(in crate::cli) sequences: usize,
    /// Objects that the copy lacks, shares with its source or has as text, grouped by reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::cli) concerns: Vec<ConcernObject>,
    /// Properties that the server sets by itself and that were not compared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::cli) ignored: Vec<String>,
}
