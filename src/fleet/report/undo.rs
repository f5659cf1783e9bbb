//! The report on an undo.

use super::model::{OutcomeWeight, ReportedTenant, TargetReport};
use crate::fleet::undo::{UndoOutcome, UndoReport, UndoneTenant};

impl TargetReport {
    /// Creates the report on the undo of a run at one target.
    pub fn from_undo(name: Option<&str>, report: &UndoReport) -> Self {
        Self::from_tenants(name, report.tenants.iter().map(reported).collect())
    }
}

fn reported(tenant: &UndoneTenant) -> ReportedTenant {
    let severity = match tenant.outcome {
        UndoOutcome::Undone => OutcomeWeight::Fine,
        UndoOutcome::WouldUndo | UndoOutcome::NotReached => OutcomeWeight::Notice,
        _ => OutcomeWeight::Problem,
    };
    ReportedTenant {
        name: tenant.tenant.as_str().to_owned(),
        outcome: tenant.outcome.word(),
        severity,
        version: tenant.to.clone(),
        behind: None,
        reason: tenant.outcome.reason(),
    }
}
