//! The script that undoes migrations of one tenant, each with the removal of its version row in one transaction.

use std::collections::BTreeMap;

use super::script::{Expected, MigrationScript, ScriptStep};
use crate::snapshot::TemplateError;
use crate::sql::TenantName;
use crate::tenant::migrations::Migration;
use crate::tenant::runs::{RunRecord, undone_sql};
use crate::tenant::versions::{VersionsTable, qualified};

/// A migration to undo.
#[derive(Clone, Debug)]
pub struct UndoStep<'a> {
    /// The way down.
    pub down: &'a Migration,
    /// The record of the run.
    pub record: RunRecord,
}

impl MigrationScript<'_> {
    /// Adds the steps of a tenant, the newest migration first.
    pub(crate) fn undo(
        &mut self,
        tenant: &TenantName,
        versions: &VersionsTable,
        steps: &[UndoStep<'_>],
    ) -> Result<(), TemplateError> {
        let table = qualified(tenant.as_str(), &versions.table);
        let steps = steps.iter().map(|step| {
            let previous = step.record.previous.as_deref();
            let removal = versions.style.remove_sql(&table, step.down, previous);
            ScriptStep {
                migration: step.down,
                expected: Expected::Present,
                // A plan has no migration that the table cannot hold.
                finish: removal.unwrap_or_default(),
                record: Some(undone_sql(&step.record)),
            }
        });
        let steps: Vec<ScriptStep<'_>> = steps.collect();
        self.steps(tenant, versions, &steps, true, &BTreeMap::new())
    }
}
