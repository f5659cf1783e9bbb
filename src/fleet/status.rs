//! Reports each tenant's version, its pending migrations and its problems.

use std::collections::{BTreeMap, BTreeSet};

use crate::fleet::inventory::{Fleet, Tenant};
use crate::sql::TenantName;
use crate::tenant::migrations::Migrations;
use crate::tenant::versions::{
    Applied, PlanProblem, PlanStrictness, Style, TenantProblem, VersionsTable, plan_migrations,
};

/// One tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantStatus {
    /// Its schema.
    pub tenant: TenantName,
    /// Its last version, or `None` if it has none or its versions are unknown.
    pub version: Option<String>,
    /// The tool that writes its version table.
    pub style: Option<Style>,
    /// Number of migrations that it lacks, or `None` if its versions are unknown.
    pub behind: Option<usize>,
    /// Fingerprint of its snapshot, if it has a marker.
    pub snapshot: Option<String>,
    /// In a database with Citus, `true` for a distributed schema and `false` for an ordinary one.
    pub distributed: Option<bool>,
    /// The problems.
    pub problems: Vec<PlanProblem>,
    /// The reason why its versions are unknown.
    pub oddity: Option<TenantProblem>,
}

impl TenantStatus {
    /// Returns `true` if it was named and does not exist.
    pub fn is_missing(&self) -> bool {
        self.oddity == Some(TenantProblem::NoSchema)
    }

    /// Returns `true` if it exists, and its versions are unknown or have a problem.
    pub fn has_problem(&self) -> bool {
        !self.is_missing() && (self.oddity.is_some() || !self.problems.is_empty())
    }
}

/// All tenants.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// The tenants, by name.
    pub tenants: Vec<TenantStatus>,
}

impl Status {
    /// Counts the existing tenants at each version, the most frequent first. `None` stands for those
    /// without a version.
    pub fn by_version(&self) -> Vec<(Option<&str>, usize)> {
        count_versions(&self.tenants)
    }
}

/// As [`Status::by_version`], of any tenants.
pub fn count_versions<'a>(
    tenants: impl IntoIterator<Item = &'a TenantStatus>,
) -> Vec<(Option<&'a str>, usize)> {
    let mut counts: BTreeMap<Option<&str>, usize> = BTreeMap::new();
    for tenant in tenants.into_iter().filter(|tenant| !tenant.is_missing()) {
        *counts.entry(tenant.version.as_deref()).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
}

/// Compares each tenant with a directory of migrations, or else with the versions that any tenant
/// of the same tool has.
pub fn status(fleet: &Fleet, migrations: Option<&Migrations>) -> Status {
    let tenants: Vec<&Tenant> = fleet.tenants.iter().collect();
    status_of(&tenants, migrations)
}

/// Like [`status`], for the tenants of several servers, in the order given.
pub fn status_of(tenants: &[&Tenant], migrations: Option<&Migrations>) -> Status {
    let mut seen: BTreeMap<Style, BTreeSet<&str>> = BTreeMap::new();
    for tenant in tenants {
        if let Applied::Known(table) = &tenant.applied {
            seen.entry(table.style)
                .or_default()
                .extend(table.versions.iter().map(|version| version.text.as_str()));
        }
    }
    let lacks = |table: &VersionsTable| {
        let own: BTreeSet<&str> = table
            .versions
            .iter()
            .map(|version| version.text.as_str())
            .collect();
        let last = table
            .last()
            .and_then(crate::tenant::versions::AppliedVersion::version);
        seen.get(&table.style).map_or(0, |all| {
            all.difference(&own)
                // golang-migrate keeps only the last version, so every lower one is applied.
                .filter(|version| {
                    table.style != Style::GolangMigrate
                        || crate::tenant::migrations::MigrationVersion::parse(version) > last
                })
                .count()
        })
    };
    let tenants = tenants
        .iter()
        .map(|tenant| {
            let mut status = TenantStatus {
                tenant: tenant.name.clone(),
                version: None,
                style: None,
                behind: None,
                snapshot: tenant.snapshot.clone(),
                distributed: tenant.distributed,
                problems: Vec::new(),
                oddity: None,
            };
            match &tenant.applied {
                Applied::Odd(oddity) => status.oddity = Some(oddity.clone()),
                Applied::Known(table) => {
                    status.version = table.last().map(|version| version.text.clone());
                    status.style = Some(table.style);
                    if let Some(migrations) = migrations {
                        let plan = plan_migrations(table, migrations, PlanStrictness::default());
                        status.behind = Some(plan.pending.len());
                        // It is not a problem of the tenant that only the tool can apply its
                        // migrations.
                        let odd = |problem: &PlanProblem| {
                            !matches!(problem, PlanProblem::NeedsTool { .. })
                        };
                        status.problems = plan.problems.into_iter().filter(odd).collect();
                    } else {
                        status.behind = Some(lacks(table));
                    }
                }
            }
            status
        })
        .collect();
    Status { tenants }
}
