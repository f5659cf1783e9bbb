use std::time::Duration;

use serde_json::Value;

use super::finding::{Finding, Severity};
use crate::text::{plural, swrite};

/// A whole diagnosis.
#[derive(Clone, Debug)]
pub struct Report {
    /// The findings in the order of the walk.
    pub findings: Vec<Finding>,
    /// Duration.
    pub elapsed: Duration,
}

/// The figures of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// `ok`, or `problem` when there is an error.
    pub verdict: &'static str,
    /// Number of errors.
    pub errors: usize,
    /// Number of warnings.
    pub warnings: usize,
}

impl Report {
    /// Counts errors and warnings.
    pub fn summary(&self) -> Summary {
        let count = |severity| {
            self.findings
                .iter()
                .filter(|finding| finding.severity == severity)
                .count()
        };
        let errors = count(Severity::Error);
        let verdict = if errors == 0 { "ok" } else { "problem" };
        Summary {
            verdict,
            errors,
            warnings: count(Severity::Warning),
        }
    }

    /// The root cause, if there is one.
    pub fn root_cause(&self) -> Option<&Finding> {
        self.findings
            .iter()
            .find(|finding| finding.severity == Severity::Error)
    }

    /// Text for people: one line for a step that is well, a paragraph for what is not, the verdict last.
    ///
    /// Each line comes with the severity of its finding when it begins one, so that a terminal can colour it.
    pub fn text(&self) -> Vec<(Option<Severity>, String)> {
        let mut lines = Vec::new();
        for finding in &self.findings {
            paragraph(finding, &mut lines);
        }
        let summary = self.summary();
        let milliseconds = self.elapsed.as_millis();
        let verdict = match self.root_cause() {
            Some(root) => format!("{}: {}", root.id, root.what),
            None if summary.warnings == 0 => "all is well".to_owned(),
            None => format!("it works, with {}", plural(summary.warnings, "warning")),
        };
        lines.push((None, format!("{verdict} ({milliseconds} ms)")));
        lines
    }
}

fn paragraph(finding: &Finding, lines: &mut Vec<(Option<Severity>, String)>) {
    let label = finding.severity.to_string();
    let step = finding.severity <= Severity::Ok;
    let what = if finding.severity == Severity::Skipped {
        finding.why.as_str()
    } else {
        finding.what.as_str()
    };
    if step {
        lines.push((
            Some(finding.severity),
            format!("{label:<8} {:<14} {what}", finding.id),
        ));
        return;
    }
    lines.push((
        Some(finding.severity),
        format!("{label:<8} {}: {what}", finding.id),
    ));
    let mut add = |name: &str, text: &str| {
        if !text.is_empty() {
            lines.push((None, format!("         {name:<5} {text}")));
        }
    };
    add("why", &finding.why);
    add("fix", &finding.fix);
    let said_by = finding.evidence.get("said_by").and_then(Value::as_str);
    if let Some(message) = finding.evidence.get("message").and_then(Value::as_str) {
        add(
            "said",
            &format!("{message} ({})", said_by.unwrap_or("psql")),
        );
    }
    let known = ["said_by", "message", "lowered"];
    let mut seen = String::new();
    for (name, value) in finding
        .evidence
        .iter()
        .filter(|(name, value)| !known.contains(&name.as_str()) && !value.is_null())
    {
        let separator = if seen.is_empty() { "" } else { "; " };
        swrite!(seen, "{separator}{name} {}", plain(value));
    }
    add("seen", &seen);
}

/// A value without JSON's quotes, lists with commas.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => match (fields.get("value"), fields.get("origin"), fields.len()) {
            (Some(value), Some(origin), 2) => format!("{} ({})", plain(value), plain(origin)),
            _ => fields
                .iter()
                .map(|(name, value)| format!("{name} {}", plain(value)))
                .collect::<Vec<_>>()
                .join(", "),
        },
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let findings = vec![
            Finding::ok("tcp", "127.0.0.1:5432 in 0.1 ms"),
            Finding::new(
                "tls.client_key.permissions",
                Severity::Error,
                "client key '/k' has mode 0644",
            )
            .because("libpq refuses it")
            .cure("chmod 600 '/k'")
            .with(
                "message",
                "private key file \"/k\" has group or world access",
            )
            .with("said_by", "libpq"),
            Finding::skipped("login", "psql fails because of tls.client_key.permissions"),
        ];
        Report {
            findings,
            elapsed: Duration::from_millis(12),
        }
    }

    #[test]
    fn findings_serialise_to_the_documented_form() {
        let json = serde_json::to_value(&report().findings[1]).unwrap();
        let keys: Vec<&String> = json.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["evidence", "fix", "id", "severity", "what", "why"]);
    }

    #[test]
    fn text_says_the_cause_last() {
        let lines: Vec<String> = report().text().into_iter().map(|(_, line)| line).collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        ok       tcp            127.0.0.1:5432 in 0.1 ms
        error    tls.client_key.permissions: client key '/k' has mode 0644
                 why   libpq refuses it
                 fix   chmod 600 '/k'
                 said  private key file "/k" has group or world access (libpq)
        skipped  login          psql fails because of tls.client_key.permissions
        tls.client_key.permissions: client key '/k' has mode 0644 (12 ms)
        "#);
    }
}
