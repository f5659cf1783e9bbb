//! Decides for each tenant of a run what is undone, and what cannot be. Pure: no I/O.

use std::collections::BTreeMap;
use std::fmt;

use crate::fleet::inventory::Tenant;
use crate::snapshot::OutsidePolicy;
use crate::sql::TenantName;
use crate::tenant::migrate::UndoStep;
use crate::tenant::migrations::{Migration, MigrationVersion};
use crate::tenant::runs::RunRecord;
use crate::tenant::versions::{Applied, AppliedVersion, Style, TenantProblem, VersionsTable};
use crate::text::listed;

/// Number of versions that an obstacle names.
const SHOWN: usize = 5;

/// The reason why a tenant's migrations cannot be undone.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UndoObstacle {
    /// The run applied nothing to it.
    NotInRun,
    /// The schema was dropped.
    Gone,
    /// The schema has another name now.
    Renamed {
        /// The name.
        now: String,
    },
    /// The schema was dropped, and another one has its name now.
    Replaced,
    /// Its versions are not known.
    Versions(TenantProblem),
    /// A version is marked as unfinished.
    Dirty {
        /// The version.
        version: String,
    },
    /// It has newer versions, which the run did not apply.
    Newer {
        /// The versions.
        versions: Vec<String>,
    },
    /// A version that the run applied is not in the version table.
    RowMissing {
        /// The version.
        version: String,
    },
    /// The directory has no migration of the version.
    NoMigration {
        /// The file that the run applied.
        file: String,
    },
    /// The directory has another migration of the version.
    OtherMigration {
        /// The file that the run applied.
        file: String,
        /// The file of the directory.
        found: String,
    },
    /// The way up is not the text that the run applied.
    Changed {
        /// The file.
        file: String,
    },
    /// The migration has no way down.
    NoDown {
        /// The file of the way up.
        file: String,
    },
    /// The way down reaches beyond the database.
    Outside {
        /// The file of the way down.
        file: String,
    },
    /// Only the tool itself can write the version table.
    NeedsTool {
        /// The tool.
        style: Style,
    },
}

impl fmt::Display for UndoObstacle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotInRun => formatter.write_str("the run applied nothing to it"),
            Self::Gone => formatter.write_str("it was dropped after the run"),
            Self::Renamed { now } => write!(
                formatter,
                "it is called '{}' now; rename it back first",
                now.escape_debug()
            ),
            Self::Replaced => formatter
                .write_str("it was dropped after the run, and another schema has its name now"),
            Self::Versions(problem) => problem.fmt(formatter),
            Self::Dirty { version } => write!(
                formatter,
                "version {version} is marked as unfinished; repair the schema and the version table first"
            ),
            Self::Newer { versions } => write!(
                formatter,
                "it has newer versions, which the run did not apply: {}",
                listed(versions, SHOWN)
            ),
            Self::RowMissing { version } => {
                write!(formatter, "version {version} is not in its version table")
            }
            Self::NoMigration { file } => write!(formatter, "the directory has no {file}"),
            Self::OtherMigration { file, found } => write!(
                formatter,
                "the run applied {file}, and the directory has {found} for this version"
            ),
            Self::Changed { file } => write!(
                formatter,
                "{file} has changed since the run; its way down may be that of another migration"
            ),
            Self::NoDown { file } => write!(formatter, "{file} has no way down"),
            Self::Outside { file } => write!(
                formatter,
                "{file} has statements that reach beyond the database; --allow-outside runs them"
            ),
            Self::NeedsTool { style } => {
                write!(formatter, "only {style} itself can write its version table")
            }
        }
    }
}

/// The way down of a migration.
#[derive(Debug)]
pub(super) struct WayDown {
    /// The file of the way up.
    pub(super) up: String,
    /// The SHA-256 of the way up in hexadecimal.
    pub(super) digest: String,
    pub(super) down: Option<Migration>,
}

/// The ways down of a directory, by version.
pub(super) type WaysDown = BTreeMap<MigrationVersion, WayDown>;

/// The traces of a run in one tenant.
pub(super) struct TenantRun<'a> {
    pub(super) tenant: &'a TenantName,
    /// Its records of this run, in the order in which they were applied.
    pub(super) records: Vec<&'a RunRecord>,
    /// Records of other runs after it, for the same schema.
    pub(super) later: Vec<&'a RunRecord>,
    pub(super) found: Option<&'a Tenant>,
}

/// Returns the steps of a tenant, the newest migration first. None are left if all were undone.
pub(super) fn plan_undo<'a>(
    run: &TenantRun<'_>,
    ways: &'a WaysDown,
    outside: OutsidePolicy,
) -> Result<Vec<UndoStep<'a>>, UndoObstacle> {
    let open: Vec<&RunRecord> = run
        .records
        .iter()
        .copied()
        .filter(|r| !r.is_undone)
        .collect();
    let Some(last) = open.last() else {
        return Ok(Vec::new());
    };
    match &last.name_now {
        None if last.is_replaced => return Err(UndoObstacle::Replaced),
        None => return Err(UndoObstacle::Gone),
        Some(now) if now != run.tenant.as_str() => {
            return Err(UndoObstacle::Renamed { now: now.clone() });
        }
        Some(_) => {}
    }
    let table = match run.found.map(|tenant| &tenant.applied) {
        None | Some(Applied::Odd(TenantProblem::NoSchema)) => return Err(UndoObstacle::Gone),
        Some(Applied::Odd(problem)) => return Err(UndoObstacle::Versions(problem.clone())),
        Some(Applied::Known(table)) => table,
    };
    check_versions(run, &open, table)?;
    let mut steps = Vec::with_capacity(open.len());
    for record in open.iter().rev() {
        let version = MigrationVersion::parse(&record.version);
        let way = version.and_then(|version| ways.get(&version));
        steps.push(UndoStep {
            down: way_down(record, way, outside)?,
            record: (*record).clone(),
        });
    }
    Ok(steps)
}

/// Returns the way down of what a record says, if the directory still has the same migration.
fn way_down<'a>(
    record: &RunRecord,
    way: Option<&'a WayDown>,
    outside: OutsidePolicy,
) -> Result<&'a Migration, UndoObstacle> {
    let file = record.file.clone();
    let Some(way) = way else {
        return Err(UndoObstacle::NoMigration { file });
    };
    if way.up != file {
        let found = way.up.clone();
        return Err(UndoObstacle::OtherMigration { file, found });
    }
    if way.digest != record.digest {
        return Err(UndoObstacle::Changed { file });
    }
    let Some(down) = &way.down else {
        return Err(UndoObstacle::NoDown { file });
    };
    if outside == OutsidePolicy::Refuse && !down.beyond_the_database().is_empty() {
        let file = down.file_name();
        return Err(UndoObstacle::Outside { file });
    }
    Ok(down)
}

/// Checks that the versions of the run are the newest that the tenant has.
fn check_versions(
    run: &TenantRun<'_>,
    open: &[&RunRecord],
    table: &VersionsTable,
) -> Result<(), UndoObstacle> {
    if table.style.only_its_tool_writes() {
        return Err(UndoObstacle::NeedsTool { style: table.style });
    }
    if let Some(dirty) = table.versions.iter().find(|version| version.dirty) {
        return Err(UndoObstacle::Dirty {
            version: dirty.text.clone(),
        });
    }
    let undone: Vec<MigrationVersion> = open
        .iter()
        .filter_map(|record| MigrationVersion::parse(&record.version))
        .collect();
    let oldest = undone.iter().min();
    let is_newer = |version: &&AppliedVersion| {
        let version = version.version();
        version.as_ref() > oldest && version.is_some_and(|version| !undone.contains(&version))
    };
    let newer = table.versions.iter().filter(is_newer);
    let mut versions: Vec<String> = newer.map(|version| version.text.clone()).collect();
    for record in &run.later {
        if !versions.contains(&record.version) {
            versions.push(record.version.clone());
        }
    }
    if !versions.is_empty() {
        return Err(UndoObstacle::Newer { versions });
    }
    let has = |version: &MigrationVersion| match table.style {
        // Its table has the last version only.
        Style::GolangMigrate => {
            table.last().and_then(AppliedVersion::version).as_ref() == undone.iter().max()
                && undone.contains(version)
        }
        _ => table
            .versions
            .iter()
            .any(|row| row.version().as_ref() == Some(version)),
    };
    match undone.iter().find(|version| !has(version)) {
        Some(version) => Err(UndoObstacle::RowMissing {
            version: version.to_string(),
        }),
        None => Ok(()),
    }
}
