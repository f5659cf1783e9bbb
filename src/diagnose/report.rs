use std::time::Duration;

use serde_json::Value;

use super::finding::{Finding, Severity};
use crate::text::{self, plural, swrite};

/// The end of something that a connection depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Expiry {
    /// Its kind.
    pub kind: ExpiryKind,
    /// The subject of a certificate, the issuer of a revocation list.
    pub name: String,
    /// The file or directory on this machine, safe to print.
    pub path: Option<String>,
    /// The last moment, in seconds since 1970.
    pub until: i64,
}

/// The kinds of what has an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExpiryKind {
    /// The server's certificate.
    ServerCert,
    /// An intermediate certificate that the server sends.
    ServerChain,
    /// The root certificate at which the server's chain ends.
    RootCert,
    /// The client certificate, or one of its chain.
    ClientCert,
    /// A revocation list.
    RevocationList,
}

impl ExpiryKind {
    /// The finding about one that ends soon.
    pub fn finding(self) -> &'static str {
        match self {
            Self::ServerCert => "tls.server_cert.expires_soon",
            Self::ServerChain => "tls.server_cert.chain_expires_soon",
            Self::RootCert => "tls.root_cert.expires_soon",
            Self::ClientCert => "tls.client_cert.expires_soon",
            Self::RevocationList => "tls.crl.expires_soon",
        }
    }

    /// Its name in performance data.
    pub fn label(self) -> &'static str {
        match self {
            Self::ServerCert => "server_cert",
            Self::ServerChain => "server_chain",
            Self::RootCert => "root_cert",
            Self::ClientCert => "client_cert",
            Self::RevocationList => "crl",
        }
    }
}

/// A whole diagnosis.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// The name of the server in a targets file, or `None` for the only one.
    pub target: Option<String>,
    /// The ends of certificates and revocation lists.
    pub expiries: Vec<Expiry>,
    /// The findings in the order of the walk.
    pub findings: Vec<Finding>,
    /// Duration.
    pub elapsed: Duration,
}

/// The figures of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportSummary {
    /// `ok`, or `problem` when there is an error.
    pub verdict: &'static str,
    /// Number of errors.
    pub errors: usize,
    /// Number of warnings.
    pub warnings: usize,
}

impl Report {
    /// Counts errors and warnings.
    pub fn summary(&self) -> ReportSummary {
        let count = |severity| {
            self.findings
                .iter()
                .filter(|finding| finding.severity == severity)
                .count()
        };
        let errors = count(Severity::Error);
        let verdict = if errors == 0 { "ok" } else { "problem" };
        ReportSummary {
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
    /// Each line comes with the severity of its finding when it begins one, so that a terminal can colour it. Every
    /// finding and the verdict name the target, if there is one.
    pub fn text(&self) -> Vec<(Option<Severity>, String)> {
        let mut lines = Vec::new();
        let target = self
            .target
            .as_ref()
            .map(|target| format!("{}: ", text::safe(target)))
            .unwrap_or_default();
        for finding in &self.findings {
            paragraph(finding, &target, &mut lines);
        }
        let summary = self.summary();
        let verdict = match self.root_cause() {
            Some(root) => format!("{}: {}", root.id, root.what),
            None if summary.warnings == 0 => "all is well".to_owned(),
            None => format!("it works, with {}", plural(summary.warnings, "warning")),
        };
        lines.push((
            None,
            format!("{target}{verdict} ({})", text::duration(self.elapsed)),
        ));
        lines
    }
}

fn paragraph(finding: &Finding, target: &str, lines: &mut Vec<(Option<Severity>, String)>) {
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
            format!("{label:<8} {target}{:<14} {what}", finding.id),
        ));
        return;
    }
    lines.push((
        Some(finding.severity),
        format!("{label:<8} {target}{}: {what}", finding.id),
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
            ..Report::default()
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
