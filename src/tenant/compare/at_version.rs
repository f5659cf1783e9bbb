//! The reference of a tenant at its own version. Pure: no I/O.

use std::collections::BTreeSet;

use crate::snapshot::{OutsidePolicy, Snapshot};
use crate::tenant::migrations::{Migration, MigrationVersion, Migrations};
use crate::tenant::newer::NewerMigrations;
use crate::tenant::versions::{Applied, AppliedVersion, Style, VersionsTable, snapshot_versions};

/// Snapshots and migrations, from which the reference of each version is made: the snapshot of that version, or an older one
/// plus the migrations up to it.
#[derive(Clone, Debug)]
pub struct VersionReferences<'a> {
    snapshots: Vec<Base<'a>>,
    migrations: Option<&'a Migrations>,
    outside: OutsidePolicy,
}

/// A snapshot, and the versions that its tenants begin with.
#[derive(Clone, Debug)]
struct Base<'a> {
    snapshot: &'a Snapshot,
    versions: Option<VersionsTable>,
}

/// Tenants with the same reference.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Level {
    /// The last version, or `None` if the versions are unknown.
    pub(crate) version: Option<String>,
    /// All versions.
    versions: Vec<String>,
    /// The snapshot from which the reference is made, or `None` for the majority of the version.
    base: Option<usize>,
}

/// The reference of a level.
#[derive(Clone, Debug)]
pub(crate) enum LevelReference<'a> {
    /// A tenant of the snapshot.
    Snapshot(&'a Snapshot),
    /// A tenant of the snapshot with migrations.
    Migrated(&'a Snapshot, NewerMigrations),
    /// The state that most of the tenants have.
    Majority,
}

/// The way in which the reference of a version was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReferenceKind {
    /// A snapshot of that version.
    Snapshot,
    /// A snapshot, and the migrations up to that version.
    Migrations,
    /// The state that most of the tenants at that version have.
    Majority,
}

impl LevelReference<'_> {
    pub(crate) fn kind(&self) -> ReferenceKind {
        match self {
            Self::Snapshot(_) => ReferenceKind::Snapshot,
            Self::Migrated(..) => ReferenceKind::Migrations,
            Self::Majority => ReferenceKind::Majority,
        }
    }
}

impl<'a> VersionReferences<'a> {
    /// Creates the references from snapshots, and from migrations, if there are any in SQL.
    pub fn new(
        snapshots: impl IntoIterator<Item = &'a Snapshot>,
        migrations: Option<&'a Migrations>,
        versions_table: Option<&str>,
        outside: OutsidePolicy,
    ) -> Self {
        let bases = snapshots.into_iter().map(|snapshot| Base {
            snapshot,
            versions: snapshot_versions(snapshot, versions_table).ok(),
        });
        Self {
            snapshots: bases.collect(),
            migrations,
            outside,
        }
    }

    /// Returns the level of a tenant. `marker` is the fingerprint of the snapshot that it came from.
    pub(crate) fn level(&self, applied: &Applied, marker: Option<&str>) -> Level {
        let came_from = |base: &Base<'_>| {
            marker.is_some_and(|fingerprint| base.snapshot.has_fingerprint(fingerprint))
        };
        let table = match applied {
            Applied::Known(table) if self.newest().is_some() => table,
            _ => {
                let own = self.snapshots.iter().position(came_from);
                return Level {
                    version: None,
                    versions: Vec::new(),
                    base: own.or_else(|| self.newest()).or(Some(0)),
                };
            }
        };
        let fitting = self
            .snapshots
            .iter()
            .enumerate()
            .filter_map(|(index, base)| {
                let pending = self.pending(base, table)?;
                // The snapshot of this version, or else the one that the tenant came from, or else the nearest.
                Some((!pending.is_empty(), !came_from(base), pending.len(), index))
            });
        let mut versions: Vec<String> = table
            .versions
            .iter()
            .map(|version| version.text.clone())
            .collect();
        versions.sort();
        Level {
            version: table.last().map(|version| version.text.clone()),
            versions,
            base: fitting.min().map(|(.., index)| index),
        }
    }

    /// Returns the snapshot from which the reference of a tenant without a marker is made; `None` if nothing but other
    /// tenants says what it should be.
    pub(crate) fn origin(&self, applied: &Applied) -> Option<&'a Snapshot> {
        let level = self.level(applied, None);
        let base = self.snapshots.get(level.base?)?;
        Some(base.snapshot)
    }

    /// Returns the reference of the level of a tenant.
    pub(crate) fn reference(&self, level: &Level, applied: &Applied) -> LevelReference<'a> {
        let Some(base) = level.base.and_then(|index| self.snapshots.get(index)) else {
            return LevelReference::Majority;
        };
        match applied {
            Applied::Known(table) if level.version.is_some() || !level.versions.is_empty() => {
                match (self.pending(base, table), &base.versions) {
                    (Some(pending), Some(versions)) if !pending.is_empty() => {
                        let newer = NewerMigrations::for_reference(versions.clone(), &pending);
                        LevelReference::Migrated(base.snapshot, newer)
                    }
                    _ => LevelReference::Snapshot(base.snapshot),
                }
            }
            _ => LevelReference::Snapshot(base.snapshot),
        }
    }

    /// Returns the number of migrations that a tenant has and the newest snapshot does not.
    pub(crate) fn ahead(&self, applied: &Applied) -> usize {
        let newest = self.newest().and_then(|index| self.snapshots.get(index));
        let (Applied::Known(table), Some(versions)) =
            (applied, newest.and_then(|base| base.versions.as_ref()))
        else {
            return 0;
        };
        find_lacking(versions, table).map_or(0, |versions| versions.len())
    }

    /// Returns the snapshot with the most versions, or `None` if none has any.
    fn newest(&self) -> Option<usize> {
        let known = self
            .snapshots
            .iter()
            .enumerate()
            .filter_map(|(index, base)| Some((index, base.versions.as_ref()?)));
        known
            .max_by_key(|(_, table)| {
                let last = table.last().and_then(AppliedVersion::version);
                (table.versions.len(), last)
            })
            .map(|(index, _)| index)
    }

    /// Returns the migrations that lead from a snapshot to a tenant's versions, or `None` if there is no such way.
    fn pending(&self, base: &Base<'_>, table: &VersionsTable) -> Option<Vec<&'a Migration>> {
        let versions = base.versions.as_ref()?;
        if versions.style != table.style {
            return None;
        }
        let lacking = find_lacking(versions, table)?;
        if lacking.is_empty() {
            return Some(Vec::new());
        }
        let migrations = self.migrations?;
        let mut found: Vec<&Migration> = Vec::with_capacity(lacking.len());
        for version in &lacking {
            found.push(migrations.find(version.as_ref()?)?);
        }
        if table.style == Style::GolangMigrate {
            // Its table has the last version only.
            let first = versions.last().and_then(AppliedVersion::version);
            let last = table.last().and_then(AppliedVersion::version);
            let between = |migration: &&Migration| {
                Some(&migration.version) > first.as_ref()
                    && Some(&migration.version) <= last.as_ref()
            };
            found = migrations.as_slice().iter().filter(between).collect();
        }
        found.sort_by(|one, two| one.version.cmp(&two.version));
        let refused = |migration: &&Migration| !migration.beyond_the_database().is_empty();
        (self.outside == OutsidePolicy::Allow || !found.iter().any(refused)).then_some(found)
    }
}

/// Returns the versions that a tenant has and a snapshot does not, or `None` if the snapshot has one that the tenant lacks.
fn find_lacking(
    snapshot: &VersionsTable,
    tenant: &VersionsTable,
) -> Option<Vec<Option<MigrationVersion>>> {
    if tenant.style == Style::GolangMigrate {
        let last_version = |table: &VersionsTable| table.last().and_then(AppliedVersion::version);
        let of_snapshot = last_version(snapshot);
        let of_tenant = last_version(tenant);
        return match of_snapshot.cmp(&of_tenant) {
            std::cmp::Ordering::Greater => None,
            std::cmp::Ordering::Equal => Some(Vec::new()),
            std::cmp::Ordering::Less => Some(vec![of_tenant]),
        };
    }
    let texts = |table: &VersionsTable| -> BTreeSet<String> {
        let versions = table.versions.iter();
        versions.map(|version| version.text.clone()).collect()
    };
    let old = texts(snapshot);
    let new = texts(tenant);
    old.is_subset(&new).then(|| {
        new.difference(&old)
            .map(|text| MigrationVersion::parse(text))
            .collect()
    })
}
