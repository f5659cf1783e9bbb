//! The files that `--report` and `--metrics` write.

use std::path::PathBuf;
use std::time::{Instant, SystemTime};

use super::arguments::ReportArguments;
use super::failure::CommandError;
use super::output::Output;
use super::report::build_report;
use super::report_form::ReportForm;
use super::servers::Servers;
use crate::fleet::FleetOutcome;
use crate::fleet::report::{
    FleetReport, OutcomeWeight, ReportCommand, ReportedTenant, TargetReport, to_html, to_markdown,
    to_metrics,
};
use crate::path;
use crate::sql::TenantName;
use crate::text::safe;

/// The facts about a run that its report does not take from the targets.
#[derive(Clone, Debug)]
pub(super) struct RunFacts {
    pub(super) command: ReportCommand,
    pub(super) start: Instant,
    pub(super) exit_code: u8,
    pub(super) ended_early: Option<String>,
}

impl ReportArguments {
    /// Returns `true` if a file is to be written.
    pub(super) fn are_given(&self) -> bool {
        !self.report.is_empty() || self.metrics.is_some()
    }

    /// Refuses two options that write the same file: one would replace what the other wrote.
    pub(super) fn check(&self) -> Result<(), CommandError> {
        let reports = self.report.iter().map(|path| ("--report", path));
        let metrics = self.metrics.iter().map(|path| ("--metrics", path));
        let mut seen: Vec<(PathBuf, &str)> = Vec::new();
        for (option, path) in reports.chain(metrics) {
            let resolved = path::resolved(path);
            if let Some((_, other)) = seen.iter().find(|(seen, _)| *seen == resolved) {
                return Err(CommandError::Usage(format!(
                    "{other} and {option} both write '{}'; give each a file of its own",
                    safe(&path.display().to_string())
                )));
            }
            seen.push((resolved, option));
        }
        Ok(())
    }

    /// Writes the files of a run.
    pub(super) fn write(
        &self,
        facts: RunFacts,
        targets: Vec<TargetReport>,
    ) -> Result<(), CommandError> {
        let report = FleetReport {
            command: facts.command,
            finished: SystemTime::now(),
            elapsed: facts.start.elapsed(),
            exit_code: facts.exit_code,
            ended_early: facts.ended_early,
            targets,
        };
        for path in &self.report {
            let text = match ReportForm::from_path(path) {
                Some(ReportForm::Html) => to_html(&report),
                _ => to_markdown(&report),
            };
            Output::file(path, &text)?;
        }
        if let Some(path) = &self.metrics {
            // The collector runs as another user.
            path::write_atomic_readable(path, to_metrics(&report).as_bytes())?;
        }
        Ok(())
    }
}

/// Returns the reports on all targets: `known` makes that of a target that did its work.
pub(super) fn target_reports<T>(
    servers: &Servers,
    outcome: &FleetOutcome<T, CommandError>,
    mut known: impl FnMut(usize, &T) -> TargetReport,
) -> Vec<TargetReport> {
    let mut reports = Vec::with_capacity(outcome.targets.len());
    for (index, target) in outcome.targets.iter().enumerate() {
        let name = servers.name(index).map(str::to_owned);
        reports.push(match &target.result {
            None => TargetReport {
                name,
                ..TargetReport::default()
            },
            Some(Ok(result)) => known(index, result),
            Some(Err(failure)) => {
                let message = build_report(failure, servers.context(index)).message;
                let tenants = target.tenants.iter().flatten();
                TargetReport {
                    name,
                    tenants: tenants
                        .map(|tenant| failed(tenant, "failed", Some(&message)))
                        .collect(),
                    error: Some(message),
                    ..TargetReport::default()
                }
            }
        });
    }
    if !outcome.missing.is_empty() {
        let missing = outcome.missing.iter();
        reports.push(TargetReport {
            tenants: missing
                .map(|tenant| failed(&tenant.name, "missing", None))
                .collect(),
            ..TargetReport::default()
        });
    }
    reports
}

fn failed(tenant: &TenantName, outcome: &'static str, reason: Option<&String>) -> ReportedTenant {
    ReportedTenant {
        name: tenant.as_str().to_owned(),
        outcome,
        severity: OutcomeWeight::Problem,
        version: None,
        behind: None,
        reason: reason.cloned(),
    }
}
