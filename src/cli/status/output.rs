//! The lines of the tenants and the summary.

use anstyle::AnsiColor;

use super::placed::{Attention, Placed};
use crate::cli::failure::CommandError;
use crate::cli::lines::{
    Counts, Line, StatusCounts, StatusDetails, TenantDetails, TenantLine, TenantOutcome,
    VersionCount,
};
use crate::cli::output::Output;
use crate::cli::scope::{missing_code, missing_tenant};
use crate::cli::servers::{FleetFailures, at};
use crate::cli::session::Session;
use crate::exit;
use crate::fleet::status::count_versions;
use crate::sql::TenantName;
use crate::text::{listed, plural, safe, swrite};

/// Number of digits of a fingerprint that are shown.
const SHOWN: usize = 12;
/// Number of tenants that are behind, and of current ones, that text shows without a flag.
const MOST: usize = 20;

/// The tenants whose lines are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Filter {
    /// Those that are behind, with `--behind`.
    pub(super) behind: bool,
    /// Those that have a problem, with `--problems`.
    pub(super) problems: bool,
    /// Text shows all of the others too, because they were named or with `-v`.
    pub(super) whole: bool,
}

impl Filter {
    fn is_set(self) -> bool {
        self.behind || self.problems
    }

    fn keeps(self, tenant: &Placed) -> bool {
        let is_behind = tenant.status.behind.is_some_and(|behind| behind > 0);
        !self.is_set()
            || (self.behind && is_behind)
            || (self.problems && tenant.attention() == Attention::Problem)
    }
}

/// The tenants of all targets, and what is not known.
#[derive(Debug)]
pub(super) struct StatusReport {
    pub(super) tenants: Vec<Placed>,
    pub(super) failures: FleetFailures,
    /// Tenants are compared with the registered ones.
    pub(super) reconciles: bool,
    pub(super) has_targets: bool,
}

impl StatusReport {
    fn count(&self, fits: impl Fn(&Placed) -> bool) -> usize {
        self.tenants.iter().filter(|tenant| fits(tenant)).count()
    }

    fn needs_attention(&self) -> usize {
        self.count(|tenant| tenant.attention() != Attention::Nothing)
    }

    fn missing(&self) -> usize {
        self.count(|tenant| tenant.status.is_missing()) + self.failures.missing
    }

    /// Counts the names that tenants of several targets have.
    fn in_two_places(&self) -> usize {
        let mut names: Vec<&TenantName> = self
            .tenants
            .iter()
            .filter(|tenant| !tenant.also_at.is_empty())
            .map(|tenant| &tenant.status.tenant)
            .collect();
        names.dedup();
        names.len()
    }

    /// Returns the exit code. `strict` is `--exit-code`: tenants that need attention are differences.
    pub(super) fn exit_code(&self, strict: bool) -> u8 {
        let missing = self.missing();
        let unregistered = self.count(|tenant| tenant.is_unregistered);
        if self.reconciles {
            // A missing tenant is what was asked for, not a wrong name.
            return match self.failures.targets {
                0 if missing + unregistered > 0 => exit::DIFFERENCES,
                0 if strict && self.needs_attention() > 0 => exit::DIFFERENCES,
                0 => exit::DONE,
                _ => exit::PARTIAL,
            };
        }
        if let Some(code) = self.failures.exit_code(self.tenants.len()) {
            return code;
        }
        match missing_code(missing, self.tenants.len()) {
            Some(code) => code,
            None if strict && self.needs_attention() > 0 => exit::DIFFERENCES,
            None => exit::DONE,
        }
    }
}

/// Prints the tenants: by name for programs, and what matters first for people.
pub(super) fn print_tenants(
    session: &Session,
    tenants: &[Placed],
    filter: Filter,
) -> Result<(), CommandError> {
    let kept = tenants.iter().filter(|tenant| filter.keeps(tenant));
    if session.output.is_json() {
        for tenant in kept {
            line(session, tenant)?;
        }
        return Ok(());
    }
    let mut sorted: Vec<&Placed> = kept.collect();
    sorted.sort_by_key(|tenant| tenant.attention());
    for (attention, word, flag) in [
        (Attention::Problem, "", ""),
        (Attention::Behind, "behind", "--behind lists them"),
        (Attention::Nothing, "current", "-v lists them"),
    ] {
        let is_bounded = !filter.whole && !filter.is_set() && attention != Attention::Problem;
        let most = if is_bounded { MOST } else { usize::MAX };
        let group = sorted
            .iter()
            .filter(|tenant| tenant.attention() == attention);
        for tenant in group.clone().take(most) {
            line(session, tenant)?;
        }
        let more = group.count().saturating_sub(most);
        if more > 0 {
            session.output.say(&format!("{more} more {word}: {flag}"));
        }
    }
    Ok(())
}

fn line(session: &Session, placed: &Placed) -> Result<(), CommandError> {
    let output = session.output;
    let outcome = placed.outcome();
    let tenant = &placed.status;
    if output.is_json() {
        return Output::json(&Line::Tenant(TenantLine {
            tenant: tenant.tenant.as_str().to_owned(),
            target: placed.target.clone(),
            outcome,
            ms: None,
            details: TenantDetails::Status(StatusDetails {
                version: tenant.version.clone(),
                tool: tenant.style.map(|style| style.tool().to_owned()),
                behind: tenant.behind,
                snapshot: tenant.snapshot.clone(),
                problems: tenant.problems.iter().map(ToString::to_string).collect(),
                odd: tenant.oddity.as_ref().map(ToString::to_string),
                distributed: tenant.distributed,
                belongs_at: placed.belongs_at.clone(),
                also_at: placed.also_at.clone(),
            }),
            error: (outcome == TenantOutcome::Missing).then(|| missing_tenant(&tenant.tenant)),
        }));
    }
    let (word, color) = match outcome {
        TenantOutcome::Missing => ("missing", AnsiColor::Red),
        TenantOutcome::Unregistered => ("unregistered", AnsiColor::Red),
        TenantOutcome::Odd => ("problem", AnsiColor::Red),
        TenantOutcome::Behind => ("behind", AnsiColor::Yellow),
        _ => ("current", AnsiColor::Green),
    };
    let text = describe_placed(placed);
    if placed.attention() == Attention::Problem {
        output.result(color.on_default(), word, &text)
    } else {
        output.success(color.on_default(), word, &text)
    }
}

/// Describes a tenant on one line.
fn describe_placed(placed: &Placed) -> String {
    let tenant = &placed.status;
    let mut text = format!(
        "{}{}",
        safe(tenant.tenant.as_str()),
        at(placed.target.as_deref())
    );
    match (&tenant.oddity, tenant.version.as_deref()) {
        _ if tenant.is_missing() => return text,
        (Some(oddity), _) => swrite!(text, ": {oddity}"),
        (None, None) => text.push_str(": no version"),
        (None, Some(version)) => swrite!(text, ": at {}", safe(version)),
    }
    if let Some(behind) = tenant.behind.filter(|behind| *behind > 0) {
        swrite!(text, ", {behind} behind");
    }
    if let Some(snapshot) = tenant
        .snapshot
        .as_deref()
        .filter(|_| tenant.oddity.is_none())
        .and_then(|snapshot| snapshot.get(..SHOWN))
    {
        swrite!(text, ", from snapshot {snapshot}");
    }
    if tenant.distributed == Some(true) {
        text.push_str(", distributed");
    }
    for problem in &tenant.problems {
        swrite!(text, "; {problem}");
    }
    if let Some(target) = &placed.belongs_at {
        swrite!(text, "; belongs at {}", safe(target));
    }
    if !placed.also_at.is_empty() {
        let others = placed.also_at.iter().map(|target| safe(target));
        swrite!(text, "; also at {}", listed(others, 10));
    }
    text
}

/// Prints the summary.
pub(super) fn summary(session: &Session, report: &StatusReport) -> Result<(), CommandError> {
    let output = session.output;
    let missing = report.missing();
    let tenants = report.count(|tenant| !tenant.status.is_missing());
    let is_behind = |tenant: &Placed| tenant.status.behind.is_some_and(|behind| behind > 0);
    let behind = report.count(is_behind);
    let problems = report.count(|tenant| tenant.status.has_problem()) + report.failures.tenants;
    let unregistered = report
        .reconciles
        .then(|| report.count(|tenant| tenant.is_unregistered));
    let misplaced = report.count(|tenant| tenant.belongs_at.is_some());
    let twice = report.in_two_places();
    let versions = count_versions(report.tenants.iter().map(|tenant| &tenant.status));
    if output.is_json() {
        let versions = versions.iter().map(|(version, count)| VersionCount {
            version: version.map(str::to_owned),
            tenants: *count,
        });
        return session.summary(Counts::Status(StatusCounts {
            tenants,
            behind,
            odd: problems,
            missing,
            unregistered,
            misplaced: report.has_targets.then_some(misplaced),
            in_two_places: report.has_targets.then_some(twice),
            failed_targets: report.failures.failed_targets(),
            versions: versions.collect(),
        }));
    }
    for (version, count) in versions.iter().filter(|_| versions.len() > 1) {
        output.summary(&format!(
            "{}: {}",
            safe(version.unwrap_or("no version")),
            plural(*count, "tenant")
        ));
    }
    let mut text = format!(
        "{}, {behind} behind, {problems} with problems",
        plural(tenants, "tenant")
    );
    for (count, what) in [
        (missing, "missing"),
        (misplaced, "in the wrong place"),
        (twice, "in two places"),
    ] {
        if count > 0 {
            swrite!(text, ", {count} {what}");
        }
    }
    if let Some(unregistered) = unregistered {
        swrite!(text, ", {unregistered} not registered");
    }
    text.push_str(&report.failures.text());
    output.summary(&text);
    Ok(())
}
