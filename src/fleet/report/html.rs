//! A report as one page of HTML, without resources from elsewhere and without scripts.

use super::escape::{html, html_lines};
use super::model::{FleetReport, OutcomeWeight, TargetReport, TenantGroup, VersionShare};
use super::style::STYLE;
use super::words::{finished, headline, outcome_words, seconds, version_word};
use crate::fleet::verify::DriftVariant;
use crate::tenant::compare::{Class, DriftFinding};
use crate::text::{plural, swrite, swriteln};

/// Number of versions that have a color of their own; the last one stands for all others.
const COLORS: usize = 6;
/// Number of tenants that are listed without a click.
const NAMES: usize = 12;
/// Number of characters of a definition.
const LENGTH: usize = 4000;
/// Number of variants of drift, and of objects of each, that the page has.
const VARIANTS: usize = 100;

/// Writes a report as a page of HTML.
pub fn to_html(report: &FleetReport) -> String {
    let mut page = String::new();
    let title = format!("schemastamp {}", report.command.word());
    // Nothing may be loaded or run, even if an escape were missing.
    swriteln!(
        page,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}: {}</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<main>",
        html(&headline(report))
    );
    header(&mut page, report, &title);
    versions(&mut page, &report.versions());
    let groups = report.groups();
    group_section(&mut page, "Problems", &groups, OutcomeWeight::Problem);
    drift(&mut page, report);
    group_section(&mut page, "Behind", &groups, OutcomeWeight::Notice);
    targets(&mut page, report);
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

fn header(page: &mut String, report: &FleetReport, title: &str) {
    let (class, verdict) = match report.problems() {
        0 => ("fine", "no problems".to_owned()),
        problems => ("problem", plural(problems, "problem")),
    };
    swriteln!(
        *page,
        "<h1>{title} <span class=\"badge {class}\">{verdict}</span></h1>\n<p class=\"quiet\">{}, {}, in {}</p>",
        plural(report.tenants().count(), "tenant"),
        finished(report.finished),
        seconds(report.elapsed)
    );
    if let Some(reason) = &report.ended_early {
        swriteln!(
            *page,
            "<p><span class=\"badge problem\">ended early</span> {}</p>",
            html(reason)
        );
    }
    let outcomes = report.outcomes();
    if outcomes.is_empty() {
        return;
    }
    page.push_str("<div class=\"tiles\">\n");
    for count in outcomes {
        swriteln!(
            *page,
            "<div class=\"tile {}\"><b>{}</b>{}</div>",
            class_of(count.severity),
            count.tenants,
            outcome_words(count.outcome)
        );
    }
    page.push_str("</div>\n");
}

fn class_of(severity: OutcomeWeight) -> &'static str {
    match severity {
        OutcomeWeight::Problem => "problem",
        OutcomeWeight::Notice => "notice",
        OutcomeWeight::Fine => "fine",
    }
}

/// The versions as a bar, the newest first.
fn versions(page: &mut String, versions: &[VersionShare]) {
    let all: usize = versions.iter().map(|share| share.tenants).sum();
    if all == 0 {
        return;
    }
    page.push_str("<section>\n<h2>Versions</h2>\n<div class=\"bar\" role=\"img\" aria-label=\"tenants by version\">");
    for (index, share) in versions.iter().enumerate() {
        swrite!(
            *page,
            "<span class=\"v{}\" style=\"flex:{}\"></span>",
            index.min(COLORS - 1),
            share.tenants
        );
    }
    page.push_str("</div>\n<ul class=\"key\">\n");
    for (index, share) in versions.iter().enumerate() {
        let percent = (share.tenants.saturating_mul(1000) + all / 2) / all;
        swriteln!(
            *page,
            "<li><i class=\"v{}\"></i><code>{}</code> {} <span class=\"quiet\">{}.{} %</span></li>",
            index.min(COLORS - 1),
            html(&version_word(share.version.as_deref())),
            plural(share.tenants, "tenant"),
            percent / 10,
            percent % 10
        );
    }
    page.push_str("</ul>\n</section>\n");
}

fn group_section(
    page: &mut String,
    heading: &str,
    groups: &[TenantGroup],
    severity: OutcomeWeight,
) {
    let groups: Vec<&TenantGroup> = groups
        .iter()
        .filter(|group| group.severity == severity)
        .collect();
    if groups.is_empty() {
        return;
    }
    swriteln!(*page, "<section>\n<h2>{heading}</h2>");
    for group in groups {
        swriteln!(
            *page,
            "<div class=\"group\">\n<h3><span class=\"badge {}\">{}</span> {} <span class=\"quiet\">{}</span></h3>",
            class_of(severity),
            outcome_words(group.outcome),
            plural(group.tenants.len(), "tenant"),
            html(&group.reason)
        );
        names(page, &group.tenants);
        page.push_str("</div>\n");
    }
    page.push_str("</section>\n");
}

/// The names of tenants: a few, and the rest on request.
fn names(page: &mut String, tenants: &[String]) {
    let code = |name: &String| format!("<code>{}</code>", html(name));
    let (few, rest) = tenants.split_at(tenants.len().min(NAMES));
    let few: Vec<String> = few.iter().map(code).collect();
    swriteln!(*page, "<p class=\"names\">{}</p>", few.join(" "));
    if !rest.is_empty() {
        let count = rest.len();
        let rest: Vec<String> = rest.iter().map(code).collect();
        swriteln!(
            *page,
            "<details><summary>and {count} more</summary><p class=\"names\">{}</p></details>",
            rest.join(" ")
        );
    }
}

fn drift(page: &mut String, report: &FleetReport) {
    let variants = report.variants();
    if variants.is_empty() {
        return;
    }
    page.push_str("<section>\n<h2>Drift</h2>\n");
    for known in variants.iter().take(VARIANTS) {
        variant_group(page, known.variant, &known.tenants);
    }
    if variants.len() > VARIANTS {
        let rest = plural(variants.len() - VARIANTS, "more variant");
        swriteln!(
            *page,
            "<p class=\"quiet\">{rest}: <code>schemastamp verify</code> shows them.</p>"
        );
    }
    page.push_str("</section>\n");
}

fn variant_group(page: &mut String, variant: &DriftVariant, tenants: &[String]) {
    let (class, word) = match variant.class() {
        Class::Cosmetic => ("notice", "cosmetic"),
        Class::Real => ("problem", "different"),
        Class::ForeignTenant => ("problem", "foreign tenant"),
    };
    let version = match &variant.version {
        Some(version) => format!("at {}", html(version)),
        None => String::new(),
    };
    swriteln!(
        *page,
        "<div class=\"group\">\n<h3><span class=\"badge {class}\">{word}</span> {} {version}</h3>",
        plural(tenants.len(), "tenant")
    );
    names(page, tenants);
    page.push_str(
        "<table class=\"drift stack\"><thead><tr><th class=\"object\">Object</th><th>Expected</th><th>Found</th></tr></thead>\n<tbody>\n",
    );
    for finding in variant.findings.iter().take(VARIANTS) {
        finding_rows(page, finding);
    }
    page.push_str("</tbody></table>\n");
    if variant.findings.len() > VARIANTS {
        let more = variant.findings.len() - VARIANTS;
        swriteln!(*page, "<p class=\"quiet\">and {more} more</p>");
    }
    page.push_str("</div>\n");
}

/// A row for each part of an object that differs, with both sides next to each other.
fn finding_rows(page: &mut String, finding: &DriftFinding) {
    let side = |value: &Option<String>, missing: &str| match value {
        Some(value) => format!("<pre>{}</pre>", html_lines(value, LENGTH + 2)),
        None => format!("<span class=\"quiet\">{missing}</span>"),
    };
    let aspect = (finding.aspect != "definition").then_some(finding.aspect.as_str());
    for part in finding.differing_parts() {
        let part = part.clipped(LENGTH);
        let name = Some(part.name.as_str()).filter(|name| !name.is_empty());
        let about: Vec<String> = aspect.into_iter().chain(name).map(html).collect();
        let missing = if finding.class == Class::ForeignTenant {
            "no name of another tenant"
        } else {
            "nothing"
        };
        swriteln!(
            *page,
            "<tr><td class=\"object\">{} <code>{}</code><br><span class=\"quiet\">{}</span></td>\
             <td data-label=\"Expected\">{}</td><td data-label=\"Found\">{}</td></tr>",
            html(&finding.kind),
            html(&finding.object),
            about.join(", "),
            side(&part.expected, missing),
            side(&part.found, "nothing")
        );
    }
}

fn targets(page: &mut String, report: &FleetReport) {
    if !report.has_targets() {
        return;
    }
    page.push_str(
        "<section>\n<h2>Targets</h2>\n<table class=\"stack\"><thead><tr><th>Target</th><th class=\"number\">Tenants</th>\
         <th>Outcomes</th><th>Versions</th></tr></thead>\n<tbody>\n",
    );
    for target in report.targets.iter().filter(|target| target.name.is_some()) {
        let name = html(target.name.as_deref().unwrap_or_default());
        if let Some(error) = &target.error {
            swriteln!(
                *page,
                "<tr><td><code>{name}</code></td><td class=\"number\"></td>\
                 <td colspan=\"2\"><span class=\"badge problem\">not reached</span> {}</td></tr>",
                html(error)
            );
            continue;
        }
        swriteln!(
            *page,
            "<tr><td><code>{name}</code></td><td class=\"number\" data-label=\"Tenants\">{}</td>\
             <td>{}</td><td data-label=\"Versions\">{}</td></tr>",
            target.tenants.len(),
            outcome_badges(target),
            version_list(target)
        );
    }
    page.push_str("</tbody></table>\n</section>\n");
}

fn outcome_badges(target: &TargetReport) -> String {
    let badges = target.outcomes().into_iter().map(|count| {
        format!(
            "<span class=\"badge {}\">{} {}</span>",
            class_of(count.severity),
            count.tenants,
            outcome_words(count.outcome)
        )
    });
    badges.collect::<Vec<_>>().join(" ")
}

fn version_list(target: &TargetReport) -> String {
    let shown = target.versions.iter().take(COLORS).map(|share| {
        let version = version_word(share.version.as_deref());
        format!("<code>{}</code>&nbsp;({})", html(&version), share.tenants)
    });
    let mut text = shown.collect::<Vec<_>>().join(" ");
    if target.versions.len() > COLORS {
        swrite!(text, " and {} more", target.versions.len() - COLORS);
    }
    text
}
