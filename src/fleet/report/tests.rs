#![expect(
    clippy::string_slice,
    reason = "the offsets are those of characters that were found"
)]

use std::time::{Duration, UNIX_EPOCH};

use super::{
    FleetReport, OutcomeWeight, ReportCommand, ReportedTenant, TargetReport, VersionShare, to_html,
    to_markdown, to_metrics,
};
use crate::fleet::pool::ReadySpares;
use crate::fleet::verify::DriftVariant;
use crate::sql::TenantName;
use crate::tenant::compare::{Class, DriftFinding};

/// A name that is markup in each of the forms.
const HOSTILE: &str =
    "<script>alert(1)</script>|`x`\n\"quoted\" \\| @octocat **b** [l](http://x) 'y' &amp;";

fn tenant(name: &str, outcome: &'static str, severity: OutcomeWeight) -> ReportedTenant {
    ReportedTenant {
        name: name.to_owned(),
        outcome,
        severity,
        version: Some("41".to_owned()),
        behind: None,
        reason: (severity == OutcomeWeight::Problem).then(|| HOSTILE.to_owned()),
    }
}

/// A report in which everything that comes from a database is hostile.
fn hostile() -> FleetReport {
    let finding = DriftFinding {
        class: Class::Real,
        kind: HOSTILE.to_owned(),
        object: HOSTILE.to_owned(),
        aspect: "definition".to_owned(),
        expected: Some(format!("{{\"sql\":{}}}", serde_json::Value::from(HOSTILE))),
        found: None,
    };
    let variant = DriftVariant {
        version: Some(HOSTILE.to_owned()),
        tenants: vec![TenantName::new("a|b").unwrap()],
        findings: vec![finding],
    };
    let share = VersionShare {
        version: Some(HOSTILE.to_owned()),
        tenants: 2,
    };
    let other = VersionShare {
        version: None,
        tenants: 1,
    };
    let down = TargetReport {
        name: Some("down".to_owned()),
        error: Some(HOSTILE.to_owned()),
        ..TargetReport::default()
    };
    FleetReport {
        command: ReportCommand::Verify,
        finished: UNIX_EPOCH + Duration::from_hours(500_000),
        elapsed: Duration::from_millis(1500),
        exit_code: 18,
        ended_early: Some(HOSTILE.to_owned()),
        targets: vec![
            TargetReport {
                name: Some(HOSTILE.to_owned()),
                versions: vec![share, other],
                tenants: vec![
                    tenant(HOSTILE, "failed", OutcomeWeight::Problem),
                    tenant("a|b", "different", OutcomeWeight::Problem),
                    tenant("plain", "equal", OutcomeWeight::Fine),
                ],
                variants: vec![variant],
                spares: vec![ReadySpares {
                    snapshot: HOSTILE.to_owned(),
                    ready: 3,
                }],
                ..TargetReport::default()
            },
            down,
        ],
    }
}

/// The elements of a page, and its text with the entities resolved. Panics where a browser would have to guess: a tag that
/// is not closed, an attribute without quotes, a bare `<` or `&`.
fn parse(page: &str) -> (Vec<String>, String) {
    const VOID: [&str; 2] = ["meta", "br"];
    let mut elements = Vec::new();
    let mut text = String::new();
    let mut open = Vec::<String>::new();
    let mut rest = page.strip_prefix("<!DOCTYPE html>\n").expect("a doctype");
    while let Some(at) = rest.find('<') {
        text.push_str(&resolved(&rest[..at]));
        let end = at + tag_end(&rest[at..]);
        let tag = &rest[at + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "before {rest:.80}");
            continue;
        }
        let name = tag.split(' ').next().unwrap();
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric()), "<{tag}>");
        elements.push(name.to_owned());
        if name == "style" {
            rest = rest.split_once("</style>").expect("its end").1;
        } else if !VOID.contains(&name) {
            open.push(name.to_owned());
        }
    }
    assert_eq!(open, Vec::<String>::new());
    (elements, text + &resolved(rest))
}

/// Returns the index of the `>` that ends a tag, outside of its quoted values.
fn tag_end(tag: &str) -> usize {
    let mut quoted = false;
    for (index, character) in tag.char_indices() {
        match character {
            '"' => quoted = !quoted,
            '>' if !quoted => return index,
            '<' if index > 0 => panic!("a bare < in {tag:.80}"),
            _ => {}
        }
    }
    panic!("no end of {tag:.80}")
}

fn resolved(text: &str) -> String {
    let mut out = String::new();
    let mut parts = text.split('&');
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let (entity, rest) = part.split_once(';').expect("an entity ends");
        out.push_str(match entity {
            "amp" => "&",
            "lt" => "<",
            "gt" => ">",
            "quot" => "\"",
            "#39" => "'",
            "nbsp" => " ",
            other => panic!("the entity {other}"),
        });
        out.push_str(rest);
    }
    out
}

#[test]
fn html_is_a_page_whose_text_says_everything_and_whose_elements_are_its_own() {
    let (elements, text) = parse(&to_html(&hostile()));
    for element in &elements {
        let own = [
            "html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "h3", "p",
            "span", "div", "b", "br", "section", "ul", "li", "i", "code", "table", "thead",
            "tbody", "tr", "th", "td", "pre", "details", "summary",
        ];
        assert!(own.contains(&element.as_str()), "{element}");
    }
    // Names are on one line; a definition keeps its lines.
    let line = HOSTILE.replace('\n', "\\n");
    assert!(text.matches(&line).count() >= 6, "{text}");
    assert!(text.contains(HOSTILE), "{text}");
    assert!(text.contains("ended early"), "{text}");
}

#[test]
fn html_loads_nothing() {
    let page = to_html(&hostile());
    for word in ["src=", "href=", "url(", "@import", "<script", "<link"] {
        assert!(!page.contains(word), "{word}");
    }
}

#[test]
fn html_lists_few_names_and_hides_the_rest() {
    let mut report = hostile();
    report.targets[0].tenants = (0..40)
        .map(|number| tenant(&format!("t{number}"), "behind", OutcomeWeight::Notice))
        .collect();
    let page = to_html(&report);
    assert!(page.contains("<summary>and 28 more</summary>"), "{page}");
}

#[test]
fn markdown_has_rows_with_the_columns_of_their_table() {
    let text = to_markdown(&hostile());
    let cells = |line: &str| line.matches('|').count();
    let mut columns = None;
    for line in text.lines() {
        if line.starts_with('|') {
            assert_eq!(cells(line), *columns.get_or_insert(cells(line)), "{line}");
        } else {
            columns = None;
        }
    }
    assert!(!text.contains("<script"), "{text}");
    assert!(!text.contains('@') && !text.contains('`'), "{text}");
    assert!(
        text.contains(
            "## schemastamp verify: 1 target not reached, 1 different, 1 failed, 1 equal\n"
        ),
        "{text}"
    );
    assert!(text.contains("<code>a&#124;b at "), "{text}");
}

#[test]
fn markdown_of_many_failures_fits_into_a_comment() {
    let mut report = hostile();
    let long = "é|".repeat(500);
    report.targets[0].tenants = (0..5000)
        .map(|number| ReportedTenant {
            reason: Some(format!("{number} {long}")),
            ..tenant(&format!("{number}{long}"), "failed", OutcomeWeight::Problem)
        })
        .collect();
    let text = to_markdown(&report);
    assert!(text.chars().count() < 65_536, "{}", text.chars().count());
    assert!(text.contains("and 4980 more"), "{text}");
}

#[test]
fn metrics_have_one_line_for_each_sample_and_escaped_labels() {
    let text = to_metrics(&hostile());
    let target = HOSTILE
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n");
    for line in [
        format!("schemastamp_tenants{{command=\"verify\",target=\"{target}\"}} 3"),
        format!("schemastamp_tenants_drifted{{command=\"verify\",target=\"{target}\"}} 1"),
        format!(
            "schemastamp_tenants_by_version{{command=\"verify\",target=\"{target}\",version=\"{target}\"}} 2"
        ),
        format!(
            "schemastamp_pool_ready{{command=\"verify\",target=\"{target}\",snapshot=\"{target}\"}} 3"
        ),
        "schemastamp_target_up{command=\"verify\",target=\"down\"} 0".to_owned(),
        "schemastamp_last_run_timestamp_seconds{command=\"verify\"} 1800000000.000".to_owned(),
        "schemastamp_last_run_duration_seconds{command=\"verify\"} 1.500".to_owned(),
        "schemastamp_last_run_exit_code{command=\"verify\"} 18".to_owned(),
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    // Each metric has its lines together, behind its type.
    let mut seen = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with("# HELP")) {
        let name = match line.strip_prefix("# TYPE ") {
            Some(rest) => {
                let name = rest.strip_suffix(" gauge").unwrap();
                assert!(!seen.contains(&name), "{name} twice");
                seen.push(name);
                continue;
            }
            None => line.split('{').next().unwrap(),
        };
        assert_eq!(seen.last(), Some(&name), "{line}");
    }
    assert!(text.ends_with('\n'));
}
