//! Every tenant with its version: who is behind, and who is odd.

use std::collections::{BTreeMap, BTreeSet};

use crate::fleet::inventory::Fleet;
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
    /// Its last version; `None` when it has none, or when nothing is known of it.
    pub version: Option<String>,
    /// The tool that keeps its versions table.
    pub style: Option<Style>,
    /// How many migrations it lacks; `None` when nothing is known of it.
    pub behind: Option<usize>,
    /// Fingerprint of the snapshot it was made of, where it carries the mark.
    pub snapshot: Option<String>,
    /// What does not fit.
    pub problems: Vec<PlanProblem>,
    /// Why nothing is known of its versions.
    pub oddity: Option<TenantProblem>,
}

/// All tenants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Each tenant, by name.
    pub tenants: Vec<TenantStatus>,
}

impl Status {
    /// How many tenants are at each version, the most frequent first; `None` stands for those without one.
    pub fn by_version(&self) -> Vec<(Option<&str>, usize)> {
        let mut counts: BTreeMap<Option<&str>, usize> = BTreeMap::new();
        for tenant in &self.tenants {
            *counts.entry(tenant.version.as_deref()).or_default() += 1;
        }
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        counts
    }
}

/// Tells how far each tenant is: against a folder of migrations, or else against what any tenant has of the same tool.
pub fn status(fleet: &Fleet, migrations: Option<&Migrations>) -> Status {
    let mut seen: BTreeMap<Style, BTreeSet<&str>> = BTreeMap::new();
    for tenant in &fleet.tenants {
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
                // golang-migrate keeps the last version only: what is lower is applied.
                .filter(|version| {
                    table.style != Style::GolangMigrate
                        || crate::tenant::migrations::MigrationVersion::parse(version) > last
                })
                .count()
        })
    };
    let tenants = fleet
        .tenants
        .iter()
        .map(|tenant| {
            let mut status = TenantStatus {
                tenant: tenant.name.clone(),
                version: None,
                style: None,
                behind: None,
                snapshot: tenant.snapshot.clone(),
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
                        // That only the tool can apply them is nothing odd about the tenant.
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
