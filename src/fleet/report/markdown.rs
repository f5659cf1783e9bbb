//! A report in Markdown, as GitHub and GitLab show it in pull requests and job summaries.

use super::escape::{markdown, markdown_code, markdown_code_lines};
use super::model::{FleetReport, FleetVariant, OutcomeWeight, TenantGroup};
use super::words::{finished, headline, outcome_words, seconds, version_word};
use crate::tenant::compare::DriftFinding;
use crate::text::{listed, plural, swriteln};

/// Number of rows that a table has. A comment on GitHub has at most 65,536 characters.
const ROWS: usize = 20;
/// Number of tenants that are named in a row.
const NAMES: usize = 10;
/// Number of characters of a name, a reason or a definition.
const LENGTH: usize = 200;

/// Writes a report as Markdown.
pub fn to_markdown(report: &FleetReport) -> String {
    let mut text = String::new();
    swriteln!(
        text,
        "## schemastamp {}: {}\n",
        report.command.word(),
        headline(report)
    );
    let tenants = report.tenants().count();
    swriteln!(
        text,
        "{} in {}, {}.\n",
        plural(tenants, "tenant"),
        seconds(report.elapsed),
        finished(report.finished)
    );
    if let Some(reason) = &report.ended_early {
        swriteln!(text, "Ended early: {}\n", markdown_code(reason, LENGTH));
    }
    outcomes(&mut text, report);
    let groups = report.groups();
    let (problems, notices): (Vec<_>, Vec<_>) = groups
        .iter()
        .partition(|group| group.severity == OutcomeWeight::Problem);
    group_table(&mut text, "Problems", &problems);
    group_table(&mut text, "Behind", &notices);
    drift(&mut text, report);
    versions(&mut text, report);
    targets(&mut text, report);
    text
}

fn outcomes(text: &mut String, report: &FleetReport) {
    let outcomes = report.outcomes();
    if outcomes.is_empty() {
        return;
    }
    swriteln!(*text, "| outcome | tenants |\n|---|---:|");
    for count in outcomes {
        let words = outcome_words(count.outcome);
        swriteln!(*text, "| {words} | {} |", count.tenants);
    }
    text.push('\n');
}

fn group_table(text: &mut String, heading: &str, groups: &[&TenantGroup]) {
    if groups.is_empty() {
        return;
    }
    swriteln!(
        *text,
        "### {heading}\n\n| outcome | tenants | reason | which |\n|---|---:|---|---|"
    );
    for group in groups.iter().take(ROWS) {
        swriteln!(
            *text,
            "| {} | {} | {} | {} |",
            outcome_words(group.outcome),
            group.tenants.len(),
            markdown(&group.reason, LENGTH),
            names(&group.tenants)
        );
    }
    more(text, groups.len());
}

fn drift(text: &mut String, report: &FleetReport) {
    let variants = report.variants();
    for FleetVariant { variant, tenants } in variants.iter().take(ROWS) {
        let version = match &variant.version {
            Some(version) => format!(" at {}", markdown(version, LENGTH)),
            None => String::new(),
        };
        swriteln!(
            *text,
            "### Drift: {}{version}\n\n{}\n\n| object | expected | found |\n|---|---|---|",
            plural(tenants.len(), "tenant"),
            names(tenants)
        );
        for finding in variant.findings.iter().take(ROWS) {
            for row in rows(finding) {
                swriteln!(*text, "{row}");
            }
        }
        more(text, variant.findings.len());
    }
    if variants.len() > ROWS {
        let rest = plural(variants.len() - ROWS, "more variant");
        swriteln!(*text, "{rest} of drift: `schemastamp verify` shows them.\n");
    }
}

/// Returns the rows of an object: one for each part that differs.
fn rows(finding: &DriftFinding) -> Vec<String> {
    let side = |value: Option<&str>| match value {
        Some(value) => markdown_code_lines(value, LENGTH + 2),
        None => "nothing".to_owned(),
    };
    let parts = finding.differing_parts().into_iter();
    parts
        .map(|part| {
            let object = format!("{} {}", finding.kind, finding.object);
            let part = part.clipped(LENGTH);
            format!(
                "| {}{} | {} | {} |",
                markdown_code(&object, LENGTH),
                if part.name.is_empty() {
                    String::new()
                } else {
                    format!(" {}", markdown(&part.name, LENGTH))
                },
                side(part.expected.as_deref()),
                side(part.found.as_deref())
            )
        })
        .collect()
}

fn versions(text: &mut String, report: &FleetReport) {
    let versions = report.versions();
    if versions.len() < 2 {
        return;
    }
    swriteln!(*text, "### Versions\n\n| version | tenants |\n|---|---:|");
    for share in versions.iter().take(ROWS) {
        let version = version_word(share.version.as_deref());
        swriteln!(
            *text,
            "| {} | {} |",
            markdown(&version, LENGTH),
            share.tenants
        );
    }
    more(text, versions.len());
}

fn targets(text: &mut String, report: &FleetReport) {
    if !report.has_targets() {
        return;
    }
    swriteln!(
        *text,
        "### Targets\n\n| target | tenants | problems | |\n|---|---:|---:|---|"
    );
    for target in report.targets.iter().filter(|target| target.name.is_some()) {
        let is_problem = |severity| severity == OutcomeWeight::Problem;
        swriteln!(
            *text,
            "| {} | {} | {} | {} |",
            markdown_code(target.name.as_deref().unwrap_or_default(), LENGTH),
            target.tenants.len(),
            target.count(|tenant| is_problem(tenant.severity)),
            markdown(target.error.as_deref().unwrap_or_default(), LENGTH)
        );
    }
    text.push('\n');
}

fn names(tenants: &[String]) -> String {
    listed(
        tenants.iter().map(|name| markdown_code(name, LENGTH)),
        NAMES,
    )
}

/// Ends a table, with the number of rows that it lacks.
fn more(text: &mut String, rows: usize) {
    text.push('\n');
    if rows > ROWS {
        swriteln!(*text, "and {} more\n", rows - ROWS);
    }
}
