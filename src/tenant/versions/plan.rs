//! Compares a tenant's versions with a directory of migrations.

use std::collections::BTreeMap;
use std::fmt;

use super::style::{AppliedVersion, Style, sha384};
use super::table::VersionsTable;
use crate::tenant::migrations::{Migration, MigrationVersion, Migrations};
use crate::text::listed;

/// Problems that are reported as warnings, although the tenant's own tool would refuse.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlanStrictness {
    /// Pending migrations older than an applied one.
    pub allow_out_of_order: bool,
    /// Applied versions without a file.
    pub allow_missing: bool,
    /// Files that changed after they were applied.
    pub allow_changed: bool,
}

/// The pending migrations and the problems of a tenant.
#[derive(Clone, Debug)]
pub struct MigrationPlan<'a> {
    /// The migrations to run, oldest first.
    pub pending: Vec<&'a Migration>,
    /// The problems.
    pub problems: Vec<PlanProblem>,
    /// Returns `true` if no problem is more than a warning.
    strictness: PlanStrictness,
    style: Style,
}

impl MigrationPlan<'_> {
    /// Returns the first problem that prevents the migration.
    pub fn error(&self) -> Option<&PlanProblem> {
        self.problems
            .iter()
            .find(|problem| problem.is_error(self.style, self.strictness))
    }

    /// Returns the problems that are only warnings.
    pub fn warnings(&self) -> impl Iterator<Item = &PlanProblem> {
        self.problems
            .iter()
            .filter(|problem| !problem.is_error(self.style, self.strictness))
    }
}

/// A mismatch between a tenant's version table and the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlanProblem {
    /// The tool marks a version as unfinished.
    Dirty {
        /// The version.
        version: String,
    },
    /// The file differs from the one that was applied.
    Changed {
        /// The version.
        version: String,
        /// The file.
        file: String,
    },
    /// An applied version has no file, although older ones do.
    Missing {
        /// The version.
        version: String,
    },
    /// A pending migration is older than an applied one.
    OutOfOrder {
        /// The pending file.
        file: String,
        /// The last applied version.
        last: String,
    },
    /// Only the tool itself can write its version table.
    NeedsTool {
        /// The tool.
        style: Style,
    },
    /// The tenant is not what its version should be.
    Drifted {
        /// The objects that differ.
        objects: Vec<String>,
    },
    /// The version table keeps numbers, and the migration's version is not one.
    NoNumber {
        /// The file.
        file: String,
        /// The tool.
        style: Style,
    },
}

impl PlanProblem {
    /// Returns `true` if the tenant's own tool would refuse too.
    fn is_error(&self, style: Style, strictness: PlanStrictness) -> bool {
        match self {
            Self::Dirty { .. }
            | Self::NeedsTool { .. }
            | Self::NoNumber { .. }
            | Self::Drifted { .. } => true,
            Self::Changed { .. } => !strictness.allow_changed,
            Self::Missing { .. } => {
                matches!(style, Style::Sqlx | Style::GolangMigrate) && !strictness.allow_missing
            }
            Self::OutOfOrder { .. } => style == Style::Goose && !strictness.allow_out_of_order,
        }
    }
}

impl fmt::Display for PlanProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dirty { version } => write!(
                formatter,
                "version {version} is marked as unfinished; repair the schema and the version table first"
            ),
            Self::Changed { version, file } => {
                write!(
                    formatter,
                    "{file} is not the file that was applied as version {version}"
                )
            }
            Self::Missing { version } => {
                write!(formatter, "version {version} is applied, but has no file")
            }
            Self::OutOfOrder { file, last } => {
                write!(
                    formatter,
                    "{file} is pending, although {last} is applied: out of order"
                )
            }
            Self::NeedsTool { style } => {
                write!(
                    formatter,
                    "only {style} itself can write its version table; let it run the migrations with --run"
                )
            }
            Self::Drifted { objects } => write!(
                formatter,
                "it is not what its version should be: {}; `schemastamp verify` shows the differences",
                listed(objects, 5)
            ),
            Self::NoNumber { file, style } => {
                write!(
                    formatter,
                    "{file}: {style} stores versions as numbers, and this version is not a number"
                )
            }
        }
    }
}

/// Compares a version table with a directory.
pub fn plan_migrations<'a>(
    table: &VersionsTable,
    migrations: &'a Migrations,
    strictness: PlanStrictness,
) -> MigrationPlan<'a> {
    let style = table.style;
    let mut problems = Vec::new();
    problems.extend(
        table
            .versions
            .iter()
            .filter(|v| v.dirty)
            .map(|version| PlanProblem::Dirty {
                version: version.text.clone(),
            }),
    );
    let applied: BTreeMap<MigrationVersion, &AppliedVersion> = table
        .versions
        .iter()
        .filter_map(|version| Some((version.version()?, version)))
        .collect();
    let last = applied.last_key_value().map(|(version, _)| version.clone());
    let is_applied = |migration: &Migration| match style {
        Style::GolangMigrate => last.as_ref().is_some_and(|last| migration.version <= *last),
        _ => applied.contains_key(&migration.version),
    };
    let all = migrations.as_slice();
    let pending: Vec<&Migration> = all
        .iter()
        .filter(|migration| !is_applied(migration))
        .collect();
    if !pending.is_empty() && style.only_its_tool_writes() {
        problems.push(PlanProblem::NeedsTool { style });
    }
    for migration in &pending {
        if style.write_sql("t", migration).is_none() && !style.only_its_tool_writes() {
            problems.push(PlanProblem::NoNumber {
                file: migration.file_name(),
                style,
            });
        }
        if let Some(last) = last.as_ref().filter(|last| migration.version < **last) {
            problems.push(PlanProblem::OutOfOrder {
                file: migration.file_name(),
                last: last.to_string(),
            });
        }
    }
    // Versions older than the directory were applied before, by another tool or a snapshot.
    let first = all.first().map(|migration| &migration.version);
    for (version, row) in &applied {
        match migrations.find(version) {
            None if first.is_some_and(|first| version > first) => {
                problems.push(PlanProblem::Missing {
                    version: row.text.clone(),
                });
            }
            Some(migration)
                if row
                    .sha384
                    .as_ref()
                    .is_some_and(|sum| *sum != sha384(&migration.text)) =>
            {
                problems.push(PlanProblem::Changed {
                    version: row.text.clone(),
                    file: migration.file_name(),
                });
            }
            _ => {}
        }
    }
    MigrationPlan {
        pending,
        problems,
        strictness,
        style,
    }
}
