//! Prints which targets and tenants failed, and derives the exit code from them.

use anstyle::AnsiColor;

use super::find::{ServerEntry, Servers, at};
use crate::cli::failure::CommandError;
use crate::cli::lines::{
    ErrorObject, Line, ReasonCount, RunCounts, TargetLine, TargetOutcome, TenantDetails,
    TenantLine, TenantOutcome,
};
use crate::cli::output::Output;
use crate::cli::report::{ErrorReport, build_report, signal_exit_code};
use crate::cli::scope::missing_tenant;
use crate::cli::session::{Session, look_at_server};
use crate::exit;
use crate::fleet::{FailureGroup, FleetOutcome};
use crate::process::Signal;
use crate::sql::TenantName;
use crate::text::{plural, safe};

impl ServerEntry {
    /// Returns the report of a failure of the target `name`, and the error for programs, which have its name already.
    async fn report(&self, name: &str, failure: &CommandError) -> (ErrorReport, ErrorObject) {
        look_at_server(failure, &self.target.context, &self.target.look).await;
        let mut report = build_report(failure, Some(&self.target.context));
        let json = report.json();
        report.message = format!("target '{}': {}", safe(name), report.message);
        (report, json)
    }
}

impl Servers {
    /// Prints a target whose work failed; returns the exit code of this failure alone. The failure of
    /// the only server, without a targets file, is that of the command.
    pub(in crate::cli) async fn tell_failure(
        &self,
        session: &Session,
        index: usize,
        failure: CommandError,
    ) -> Result<u8, CommandError> {
        let Some((entry, name)) = self
            .entries()
            .get(index)
            .and_then(|entry| Some((entry, entry.name.clone()?)))
        else {
            return Err(failure);
        };
        let (report, json) = entry.report(&name, &failure).await;
        failed_target(session, &name, &report, json)?;
        Ok(if self.entries().len() == 1 {
            report.code
        } else {
            exit::PARTIAL
        })
    }

    /// Prints the targets that failed, with their tenants as far as they are known, and the tenants
    /// that no target has. `details` are those of such a tenant's line.
    pub(in crate::cli) async fn tell_failures<T>(
        &self,
        session: &Session,
        outcome: &FleetOutcome<T, CommandError>,
        details: &dyn Fn() -> TenantDetails,
    ) -> Result<FleetFailures, CommandError> {
        self.tell(session, outcome, details, FailureStream::Stdout)
            .await
    }

    /// Like [`Servers::tell_failures`], for a command whose stdout holds nothing but data.
    pub(in crate::cli) async fn tell_failures_apart<T>(
        &self,
        session: &Session,
        outcome: &FleetOutcome<T, CommandError>,
        details: &dyn Fn() -> TenantDetails,
    ) -> Result<FleetFailures, CommandError> {
        self.tell(session, outcome, details, FailureStream::Stderr)
            .await
    }

    async fn tell<T>(
        &self,
        session: &Session,
        outcome: &FleetOutcome<T, CommandError>,
        details: &dyn Fn() -> TenantDetails,
        place: FailureStream,
    ) -> Result<FleetFailures, CommandError> {
        let mut failures = FleetFailures {
            targets: 0,
            tenants: 0,
            missing: outcome.missing.len(),
            code: exit::DONE,
            signal: session.shutdown.signal(),
        };
        for (index, target) in outcome.targets.iter().enumerate() {
            let Some(Err(failure)) = &target.result else {
                continue;
            };
            let Some(entry) = self.entries().get(index) else {
                continue;
            };
            let name = entry.name.clone().unwrap_or_default();
            let (report, json) = entry.report(&name, failure).await;
            match &target.tenants {
                Some(tenants) if tenants.is_empty() => {
                    session.output.warning(&format!(
                        "target '{}': {}; none of these tenants belongs there",
                        safe(&name),
                        json.message
                    ));
                }
                Some(tenants) => {
                    session.output.report(&report);
                    for tenant in tenants {
                        failed_tenant(session, place, tenant, &name, json.clone(), details())?;
                    }
                    failures.tenants += tenants.len();
                    failures.code = report.code;
                }
                None => {
                    failures.targets += 1;
                    failures.code = report.code;
                    failed_target(session, &name, &report, json)?;
                }
            }
        }
        for tenant in &outcome.missing {
            failures.code = exit::code_of("tenant.missing");
            let target = tenant.target.as_deref();
            missing(session, place, &tenant.name, target, details())?;
        }
        Ok(failures)
    }
}

/// The stream for the text of failed tenants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FailureStream {
    Stdout,
    Stderr,
}

impl FailureStream {
    fn print(self, output: Output, word: &str, text: &str) -> Result<(), CommandError> {
        match self {
            Self::Stdout => output.result(AnsiColor::Red.on_default(), word, text),
            Self::Stderr => {
                output.failure(&format!("{word}: {text}"));
                Ok(())
            }
        }
    }
}

/// Failures because of a target, and the tenants that are missing.
#[derive(Clone, Copy, Debug)]
pub(in crate::cli) struct FleetFailures {
    /// Number of targets whose tenants are not known.
    pub(in crate::cli) targets: usize,
    /// Number of tenants that failed with their target.
    pub(in crate::cli) tenants: usize,
    /// Number of tenants that no target has.
    pub(in crate::cli) missing: usize,
    /// The exit code of the last of them alone.
    code: u8,
    /// The signal that ended the run.
    signal: Option<Signal>,
}

impl FleetFailures {
    /// Returns the number of lines that these failures are.
    pub(in crate::cli) fn count(&self) -> usize {
        self.targets + self.tenants + self.missing
    }

    /// Returns the exit code of a run with `others` further results. `None` if nothing failed here.
    pub(in crate::cli) fn exit_code(&self, others: usize) -> Option<u8> {
        match (self.count(), others) {
            (0, _) => None,
            (count, _) if count > self.missing && self.signal.is_some() => {
                self.signal.map(signal_exit_code)
            }
            (1, 0) if self.targets == 0 => Some(self.code),
            _ => Some(exit::PARTIAL),
        }
    }

    /// Returns the number of targets for the summary; `None` for none.
    pub(in crate::cli) fn failed_targets(&self) -> Option<usize> {
        Some(self.targets).filter(|targets| *targets > 0)
    }

    /// Returns the figures of a run that goes through the tenants in turn.
    pub(in crate::cli) fn run_counts(
        &self,
        failed: usize,
        not_reached: usize,
        groups: &[FailureGroup],
        ended_early: Option<&str>,
    ) -> RunCounts {
        let errors = groups.iter().map(|group| ReasonCount {
            reason: group.reason.clone(),
            tenants: group.tenants.len(),
        });
        RunCounts {
            failed,
            not_reached,
            errors: errors.collect(),
            ended_early: ended_early.map(str::to_owned),
            failed_targets: self.failed_targets(),
        }
    }

    /// Returns the end of a summary's text.
    pub(in crate::cli) fn text(&self) -> String {
        if self.targets == 0 {
            String::new()
        } else {
            format!(", {} not reached", plural(self.targets, "target"))
        }
    }
}

fn failed_target(
    session: &Session,
    name: &str,
    report: &ErrorReport,
    error: ErrorObject,
) -> Result<(), CommandError> {
    if session.output.is_json() {
        Output::json(&Line::Target(TargetLine {
            target: name.to_owned(),
            outcome: TargetOutcome::Failed,
            error,
        }))?;
    }
    session.output.report(report);
    Ok(())
}

fn failed_tenant(
    session: &Session,
    place: FailureStream,
    tenant: &TenantName,
    target: &str,
    error: ErrorObject,
    details: TenantDetails,
) -> Result<(), CommandError> {
    if session.output.is_json() {
        return Output::json(&Line::Tenant(TenantLine {
            tenant: tenant.as_str().to_owned(),
            target: Some(target.to_owned()),
            outcome: TenantOutcome::Failed,
            ms: None,
            details,
            error: Some(error),
        }));
    }
    let text = format!(
        "{}{}: {}",
        safe(tenant.as_str()),
        at(Some(target)),
        error.message
    );
    place.print(session.output, "failed", &text)
}

/// Prints the line of a tenant that does not exist.
fn missing(
    session: &Session,
    place: FailureStream,
    tenant: &TenantName,
    target: Option<&str>,
    details: TenantDetails,
) -> Result<(), CommandError> {
    if session.output.is_json() {
        return Output::json(&Line::Tenant(TenantLine {
            tenant: tenant.as_str().to_owned(),
            target: target.map(str::to_owned),
            outcome: TenantOutcome::Missing,
            ms: None,
            details,
            error: Some(missing_tenant(tenant)),
        }));
    }
    let text = format!("{}{}", safe(tenant.as_str()), at(target));
    place.print(session.output, "missing", &text)
}
