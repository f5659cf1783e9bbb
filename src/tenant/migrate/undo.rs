//! The script that undoes migrations of one tenant, each with the removal of its version row in one transaction.

use std::collections::BTreeMap;

use super::indexes::IndexState;
use super::script::{Expected, MigrationScript, MigrationScriptError, ScriptStep};
use crate::sql::TenantName;
use crate::tenant::migrations::{Migration, MigrationVersion};
use crate::tenant::runs::{RunRecord, raise_if, still_last_sql, undone_sql};
use crate::tenant::versions::{Style, VersionsTable, qualified};

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
        indexes: &BTreeMap<String, IndexState>,
    ) -> Result<(), MigrationScriptError> {
        let table = qualified(tenant.as_str(), &versions.table);
        let known = known_versions(versions, steps);
        let has_other = versions.style.has_other_sql(&table, &known);
        let steps = steps.iter().map(|step| {
            let applied = versions.style.is_applied_sql(&table, step.down);
            let missing = applied.map(|applied| format!("NOT {applied}"));
            let checks = [
                still_last_sql(&step.record),
                missing.map_or_else(String::new, |missing| {
                    raise_if(&missing, "the version is not applied")
                }),
                raise_if(
                    &has_other,
                    "it has a version now that it had not when the undo was planned",
                ),
            ];
            let previous = step.record.previous.as_deref();
            let removal = versions.style.remove_sql(&table, step.down, previous);
            Ok(ScriptStep {
                migration: step.down,
                expected: Expected::AsPlanned(checks.concat()),
                finish: removal.ok_or_else(|| MigrationScriptError::without_row(step.down))?,
                record: Some(undone_sql(&step.record)),
            })
        });
        let steps = steps.collect::<Result<Vec<ScriptStep<'_>>, MigrationScriptError>>()?;
        self.steps(tenant, versions, &steps, true, indexes)
    }
}

/// Returns the versions that the table may have during the undo. golang-migrate's one row becomes each previous one.
fn known_versions(versions: &VersionsTable, steps: &[UndoStep<'_>]) -> Vec<String> {
    let planned = versions.versions.iter().map(|row| row.text.clone());
    let previous = steps.iter().filter_map(|step| {
        let previous = MigrationVersion::parse(step.record.previous.as_deref()?)?;
        Some(previous.number()?.to_string())
    });
    match versions.style {
        Style::GolangMigrate => planned.chain(previous).collect(),
        _ => planned.collect(),
    }
}
