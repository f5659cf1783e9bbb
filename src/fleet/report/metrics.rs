//! Metrics in Prometheus' text format, as `node_exporter`'s textfile collector reads them.

use std::time::UNIX_EPOCH;

use super::escape::label;
use super::model::{FleetReport, OutcomeWeight, ReportCommand, TargetReport};
use crate::text::swrite;

/// Writes the metrics of a run.
///
/// Each has the label `command`: the collector refuses files that have the same series.
pub fn to_metrics(report: &FleetReport) -> String {
    let mut metrics = Metrics {
        command: report.command,
        text: String::new(),
    };
    metrics.tenants(&report.targets);
    if report.has_targets() {
        metrics.begin(
            "target_up",
            "1 if the target's tenants are known, otherwise 0.",
        );
        for target in report.targets.iter().filter(|target| target.name.is_some()) {
            metrics.sample(
                "target_up",
                target,
                &[],
                usize::from(target.error.is_none()),
            );
        }
    }
    let finished = report.finished.duration_since(UNIX_EPOCH);
    let finished = finished.unwrap_or_default().as_secs_f64();
    let whole = TargetReport::default();
    for (name, help, value) in [
        (
            "last_run_timestamp_seconds",
            "End of the last run, in seconds since 1970.",
            format!("{finished:.3}"),
        ),
        (
            "last_run_duration_seconds",
            "Duration of the last run.",
            format!("{:.3}", report.elapsed.as_secs_f64()),
        ),
        (
            "last_run_exit_code",
            "Exit code of the last run.",
            report.exit_code.to_string(),
        ),
    ] {
        metrics.begin(name, help);
        metrics.sample(name, &whole, &[], value);
    }
    metrics.text
}

struct Metrics {
    command: ReportCommand,
    text: String,
}

impl Metrics {
    fn tenants(&mut self, targets: &[TargetReport]) {
        // The numbers of a target that is down are not known; those of tenants that are nowhere are.
        let known: Vec<&TargetReport> = targets
            .iter()
            .filter(|target| target.error.is_none() && !target.is_nowhere(targets))
            .collect();
        self.begin("tenants", "Tenants that the run was over and that exist.");
        for target in &known {
            let exist = target.count(|tenant| tenant.outcome != "missing");
            self.sample("tenants", target, &[], exist);
        }
        self.begin("tenants_by_version", "Tenants at each version.");
        for target in &known {
            for share in &target.versions {
                let version = share.version.as_deref().unwrap_or_default();
                self.sample(
                    "tenants_by_version",
                    target,
                    &[("version", version)],
                    share.tenants,
                );
            }
        }
        self.begin("tenants_by_outcome", "Tenants with each outcome.");
        for target in targets {
            for count in target.outcomes() {
                let outcome = [("outcome", count.outcome)];
                self.sample("tenants_by_outcome", target, &outcome, count.tenants);
            }
        }
        match self.command {
            ReportCommand::Verify => self.drifted(&known),
            ReportCommand::Status | ReportCommand::Migrate => self.behind(&known),
            // The directory may have more than the run applied, so that nothing is known of the rest.
            ReportCommand::Undo => {}
        }
        self.begin(
            "tenants_with_problems",
            "Tenants that somebody must look at.",
        );
        for target in &known {
            let problems = target.count(|tenant| tenant.severity == OutcomeWeight::Problem);
            self.sample("tenants_with_problems", target, &[], problems);
        }
        if known.iter().any(|target| !target.spares.is_empty()) {
            self.begin("pool_ready", "Ready-made tenants of each snapshot.");
            for target in &known {
                for spares in &target.spares {
                    let snapshot = [("snapshot", spares.snapshot.as_str())];
                    self.sample("pool_ready", target, &snapshot, spares.ready);
                }
            }
        }
    }

    fn drifted(&mut self, known: &[&TargetReport]) {
        self.begin(
            "tenants_drifted",
            "Tenants that differ in more than names and orders.",
        );
        for target in known {
            let is_drifted = |outcome| matches!(outcome, "different" | "foreign_tenant");
            let drifted = target.count(|tenant| is_drifted(tenant.outcome));
            self.sample("tenants_drifted", target, &[], drifted);
        }
    }

    fn behind(&mut self, known: &[&TargetReport]) {
        self.begin("tenants_behind", "Tenants with pending migrations.");
        for target in known {
            let behind = target.count(|tenant| tenant.behind.is_some_and(|behind| behind > 0));
            self.sample("tenants_behind", target, &[], behind);
        }
    }

    fn begin(&mut self, name: &str, help: &str) {
        swrite!(
            self.text,
            "# HELP schemastamp_{name} {help}\n# TYPE schemastamp_{name} gauge\n"
        );
    }

    fn sample(
        &mut self,
        name: &str,
        target: &TargetReport,
        labels: &[(&str, &str)],
        value: impl std::fmt::Display,
    ) {
        swrite!(
            self.text,
            "schemastamp_{name}{{command=\"{}\"",
            self.command.word()
        );
        let target = target.name.as_deref().map(|name| ("target", name));
        for (key, text) in target.iter().chain(labels) {
            swrite!(self.text, ",{key}=\"{}\"", label(text));
        }
        swrite!(self.text, "}} {value}\n");
    }
}

impl TargetReport {
    /// Returns `true` if it stands for tenants that are at none of several targets.
    fn is_nowhere(&self, targets: &[Self]) -> bool {
        self.name.is_none() && targets.iter().any(|target| target.name.is_some())
    }
}
