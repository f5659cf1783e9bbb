use std::time::Duration;

use super::options::MigrateOptions;
use crate::fleet::inventory::Tenant;
use crate::tenant::migrate::{MigrateFailure, MigrateOutcome, TenantReport};
use crate::tenant::migrations::{Migration, Migrations};
use crate::tenant::versions::{Applied, PlanProblem, VersionsTable, plan_migrations};

/// A tenant and its pending work.
pub(super) struct QueueEntry<'m> {
    pub(super) report: TenantReport,
    /// `None` if its versions are unknown.
    pub(super) versions: Option<VersionsTable>,
    pub(super) pending: Vec<&'m Migration>,
    pub(super) settled: bool,
    /// The failure of the last attempt, after which the tenant was to be tried again.
    pub(super) failure: Option<MigrateFailure>,
}

impl<'m> QueueEntry<'m> {
    pub(super) fn new(
        tenant: Tenant,
        migrations: &'m Migrations,
        options: &MigrateOptions,
    ) -> Self {
        let report = TenantReport {
            tenant: tenant.name,
            from: None,
            to: None,
            applied: Vec::new(),
            pending: Vec::new(),
            warnings: Vec::new(),
            outcome: MigrateOutcome::NotReached,
            elapsed: Duration::ZERO,
        };
        let mut entry = Self {
            report,
            versions: None,
            pending: Vec::new(),
            settled: false,
            failure: None,
        };
        entry.plan(tenant.applied, migrations, options);
        let would_run = !entry.settled || entry.report.outcome == MigrateOutcome::Pending;
        if let Some(objects) = options
            .drifted
            .get(&entry.report.tenant)
            .filter(|_| would_run)
        {
            let objects = objects.clone();
            entry.settle(MigrateOutcome::Refused(PlanProblem::Drifted { objects }));
        }
        entry.report.from.clone_from(&entry.report.to);
        entry
    }

    /// Compares the applied versions with the directory.
    pub(super) fn plan(
        &mut self,
        applied: Applied,
        migrations: &'m Migrations,
        options: &MigrateOptions,
    ) {
        let versions = match applied {
            Applied::Known(versions) => versions,
            Applied::Odd(oddity) => return self.settle(MigrateOutcome::Odd(oddity)),
        };
        let plan = plan_migrations(&versions, migrations, options.strictness);
        self.report.to = versions.last().map(|version| version.text.clone());
        self.report.warnings = plan.warnings().cloned().collect();
        self.report.pending = plan
            .pending
            .iter()
            .map(|migration| migration.file_name())
            .collect();
        let outcome = match plan.error() {
            Some(problem) => Some(MigrateOutcome::Refused(problem.clone())),
            None if plan.pending.is_empty() && self.report.applied.is_empty() => {
                Some(MigrateOutcome::UpToDate)
            }
            None if plan.pending.is_empty() => Some(MigrateOutcome::Migrated),
            None => options.dry_run.then_some(MigrateOutcome::Pending),
        };
        self.pending = plan.pending;
        self.versions = Some(versions);
        if let Some(outcome) = outcome {
            self.settle(outcome);
        }
    }

    /// Records that the first pending migration is committed.
    pub(super) fn applied_one(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let migration = self.pending.remove(0);
        self.report.applied.push(migration.file_name());
        if !self.report.pending.is_empty() {
            self.report.pending.remove(0);
        }
        let style = self.versions.as_ref().map(|versions| versions.style);
        self.report.to = Some(match style {
            Some(style) => style.stored(&migration.version),
            None => migration.version.to_string(),
        });
    }

    pub(super) fn settle(&mut self, outcome: MigrateOutcome) {
        self.report.outcome = outcome;
        self.settled = true;
    }
}
