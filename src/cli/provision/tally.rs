//! Prints each tenant's outcome and the summary.

use std::collections::BTreeMap;
use std::time::Duration;

use anstyle::{AnsiColor, Style};

use crate::cli::failure::CommandError;
use crate::cli::lines::{
    Counts, DryRunCounts, Line, ProvisionCounts, ProvisionDetails, TenantDetails, TenantLine,
    TenantOutcome,
};
use crate::cli::output::Output;
use crate::cli::report::{ErrorReport, build_report, signal_exit_code};
use crate::cli::session::Session;
use crate::diagnose::Context;
use crate::exit;
use crate::tenant::{ProvisionError, ProvisionOutcome, ProvisionSource, TenantOrigin};
use crate::text::{duration, listed, milliseconds, plural, safe};

/// Number of failed tenants that the summary names.
const NAMED: usize = 20;

/// The outcome of one tenant.
pub(super) struct TenantResult<'a> {
    /// The name as given.
    pub(super) tenant: &'a str,
    /// The name of its target, if there are several.
    pub(super) target: Option<&'a str>,
    pub(super) result: Result<ProvisionOutcome, CommandError>,
    /// Number of attempts, or 0 if unknown.
    pub(super) attempts: u32,
    pub(super) elapsed: Duration,
}

/// The outcomes so far.
#[derive(Debug, Default)]
pub(super) struct ProvisionProgress {
    created: usize,
    skipped: usize,
    failed: usize,
    /// The names of the first failed tenants.
    named: Vec<String>,
    /// The exit code of the last failure.
    code: u8,
    /// `true` if a signal interrupted a tenant.
    interrupted: bool,
    /// `true` if stdin was not read to its end.
    pub(super) cut_short: bool,
    /// Number of workers.
    pub(super) workers: usize,
    /// `true` if there was no connection for a tenant.
    unreachable: bool,
    /// The last reported connection failure of each target.
    told: BTreeMap<String, ErrorReport>,
}

impl ProvisionProgress {
    /// Returns `true` if there was no connection for a tenant.
    pub(super) fn unreachable(&self) -> bool {
        self.unreachable
    }

    /// Counts a tenant whose script was printed.
    pub(super) fn rendered(&mut self) {
        self.created += 1;
    }

    /// Returns the number of failed tenants.
    pub(super) fn failed(&self) -> usize {
        self.failed
    }

    /// Returns the number of tenants that have an answer.
    pub(super) fn answered(&self) -> usize {
        self.created + self.skipped + self.failed
    }

    /// Prints a tenant's outcome. `context` adds concrete values to the explanation of a failed
    /// connection.
    pub(super) fn answer(
        &mut self,
        session: &Session,
        answer: TenantResult<'_>,
        context: Option<&Context>,
    ) -> Result<(), CommandError> {
        let output = session.output;
        let TenantResult {
            tenant,
            target,
            result,
            attempts,
            elapsed,
        } = answer;
        let outcome = match result {
            Ok(outcome) => outcome,
            Err(failure) => {
                return self.fail(
                    session,
                    (tenant, target),
                    &failure,
                    (attempts, elapsed),
                    context,
                );
            }
        };
        let ms = milliseconds(outcome.elapsed());
        let mut details = ProvisionDetails::default();
        let word = match &outcome {
            ProvisionOutcome::Created {
                source, attempts, ..
            } => {
                self.created += 1;
                details.attempts = Some(*attempts).filter(|attempts| *attempts > 1);
                details.source = Some(*source).filter(|source| *source == ProvisionSource::Pool);
                TenantOutcome::Created
            }
            ProvisionOutcome::Skipped { made_of, .. } => {
                self.skipped += 1;
                details.made_of = Some(*made_of);
                TenantOutcome::Skipped
            }
        };
        if output.is_json() {
            return Output::json(&Line::Tenant(TenantLine {
                tenant: tenant.to_owned(),
                target: target.map(str::to_owned),
                outcome: word,
                ms: Some(ms),
                details: TenantDetails::Provision(details),
                error: None,
            }));
        }
        let from = if details.source.is_some() {
            ", from the pool"
        } else {
            ""
        };
        let tries = details
            .attempts
            .map(|tries| format!(", {tries} attempts"))
            .unwrap_or_default();
        let at = target
            .map(|target| format!(" at {}", safe(target)))
            .unwrap_or_default();
        let rest = format!(
            "{}{at}{} ({}{from}{tries})",
            safe(tenant),
            made_of(&outcome),
            duration(outcome.elapsed())
        );
        output.success(style(&outcome), outcome.word(), &rest)
    }

    fn fail(
        &mut self,
        session: &Session,
        (tenant, target): (&str, Option<&str>),
        failure: &CommandError,
        (attempts, elapsed): (u32, Duration),
        context: Option<&Context>,
    ) -> Result<(), CommandError> {
        let report = build_report(failure, context);
        let error = if let CommandError::Provision(error) = failure {
            Some(&**error)
        } else {
            None
        };
        let unknown = matches!(error, Some(ProvisionError::Unknown { .. }));
        self.interrupted |= matches!(error, Some(ProvisionError::Interrupted { .. }))
            || ((unknown || matches!(failure, CommandError::Hook(_)))
                && session.shutdown.signal().is_some());
        self.unreachable |= matches!(error, Some(ProvisionError::Connect(_)));
        self.failed += 1;
        self.code = report.code;
        if self.named.len() < NAMED {
            self.named.push(tenant.to_owned());
        }
        self.tell(session, tenant, target, report.clone());
        if !session.output.is_json() {
            return Ok(());
        }
        Output::json(&Line::Tenant(TenantLine {
            tenant: tenant.to_owned(),
            target: target.map(str::to_owned),
            outcome: if unknown {
                TenantOutcome::Unknown
            } else {
                TenantOutcome::Failed
            },
            ms: Some(milliseconds(elapsed)),
            details: TenantDetails::Provision(ProvisionDetails {
                attempts: Some(attempts).filter(|attempts| *attempts > 1),
                ..ProvisionDetails::default()
            }),
            error: Some(report.json()),
        }))
    }

    /// Prints a failure as text. A failed connection is explained once, not for each of a thousand
    /// tenants.
    fn tell(
        &mut self,
        session: &Session,
        tenant: &str,
        target: Option<&str>,
        mut report: ErrorReport,
    ) {
        let key = target.unwrap_or_default();
        if report.code == exit::CONNECTION && self.told.get(key) == Some(&report) {
            report = ErrorReport {
                causes: Vec::new(),
                details: Vec::new(),
                hint: None,
                ..report
            };
            report.message.push_str("; as above");
        } else {
            self.told.insert(key.to_owned(), report.clone());
        }
        // An error about a name includes the name.
        if report.id != "tenant.name" {
            let at = target
                .map(|target| format!(" at {}", safe(target)))
                .unwrap_or_default();
            report.message = format!("tenant '{}'{at}: {}", safe(tenant), report.message);
        }
        session.output.report(&report);
    }

    /// Prints the summary and returns the exit code.
    pub(super) fn conclude(
        &self,
        session: &Session,
        dry_run: bool,
        left: usize,
        elapsed: Duration,
    ) -> Result<u8, CommandError> {
        let output = session.output;
        let Self {
            created,
            skipped,
            failed,
            workers,
            ..
        } = *self;
        let total = self.answered();
        if output.is_json() {
            let not_reached = Some(left).filter(|left| *left > 0);
            session.summary(if dry_run {
                Counts::ProvisionDryRun(DryRunCounts {
                    rendered: created,
                    failed,
                })
            } else {
                Counts::Provision(ProvisionCounts {
                    created,
                    skipped,
                    failed,
                    not_reached,
                    not_tried: not_reached,
                })
            })?;
        } else if total != 1 && !dry_run {
            let by = if workers > 1 {
                format!(", {workers} workers")
            } else {
                String::new()
            };
            output.summary(&format!(
                "{created} created, {skipped} skipped, {failed} failed ({}{by})",
                duration(elapsed)
            ));
        }
        if total > 1 && failed > 0 {
            output.summary(&format!("failed: {}", named(&self.named, failed)));
        }
        if left > 0 {
            output.warning(&format!("{} not tried", plural(left, "tenant")));
        }
        Ok(match session.shutdown.signal() {
            Some(signal) if self.interrupted || self.cut_short || left > 0 => {
                signal_exit_code(signal)
            }
            _ if failed == 0 => exit::DONE,
            _ if total == 1 && left == 0 => self.code,
            _ => exit::PARTIAL,
        })
    }
}

/// The names that are known, and how many more of `total` there are.
fn named(tenants: &[String], total: usize) -> String {
    let names = tenants.iter().map(|name| safe(name));
    let unnamed = std::iter::repeat_n(String::new(), total.saturating_sub(tenants.len()));
    listed(names.chain(unnamed), tenants.len())
}

fn style(outcome: &ProvisionOutcome) -> Style {
    match outcome {
        ProvisionOutcome::Created { .. } => AnsiColor::Green.on_default(),
        ProvisionOutcome::Skipped { .. } => AnsiColor::Yellow.on_default(),
    }
}

/// Describes the origin of an existing tenant.
fn made_of(outcome: &ProvisionOutcome) -> &'static str {
    match outcome {
        ProvisionOutcome::Created { .. } => "",
        ProvisionOutcome::Skipped {
            made_of: TenantOrigin::ThisSnapshot,
            ..
        } => ": created from this snapshot",
        ProvisionOutcome::Skipped {
            made_of: TenantOrigin::AnotherSnapshot,
            ..
        } => ": created from another snapshot",
        ProvisionOutcome::Skipped {
            made_of: TenantOrigin::Unmarked,
            ..
        } => ": not created by schemastamp, but it has every object of the snapshot",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_names_are_printable_and_not_too_many() {
        let names: Vec<String> = (0..20).map(|number| format!("t\n{number}")).collect();
        let text = named(&names, 23);
        assert!(
            text.starts_with("t\\n0, t\\n1, ") && text.ends_with("t\\n19 and 3 more"),
            "{text}"
        );
    }
}
