//! A diagnosis as a line of a Nagios plugin: the state, the problems, performance data.
//!
//! The form is that of the Monitoring Plugins Development Guidelines, which Icinga, Naemon, Sensu
//! and others read as well.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::diagnose::{ExpiryKind, Finding, Report, Severity};
use crate::text::{bounded, plural, swrite};

/// All is well.
const OK: u8 = 0;
/// It works, with warnings.
const WARNING: u8 = 1;
/// It does not work.
const CRITICAL: u8 = 2;
/// The check itself cannot be done.
pub(super) const UNKNOWN: u8 = 3;

/// The longest text of a problem, in characters.
const LONGEST: usize = 200;

/// The thresholds of the performance data.
#[derive(Clone, Copy, Debug)]
pub(super) struct Thresholds {
    /// The time before an end in which it is warned of.
    pub(super) expires_within: Duration,
    /// The time for the diagnosis.
    pub(super) timeout: Option<Duration>,
}

/// Returns the line of a check that could not be done.
pub(super) fn unknown(why: &str) -> String {
    format!("SCHEMASTAMP UNKNOWN - {}\n", clean(why))
}

/// Returns the exit code and the line for the reports on all servers.
pub(super) fn line(reports: &[Report], thresholds: Thresholds) -> (u8, String) {
    let code = reports.iter().map(state).max_by_key(|state| rank(*state));
    let code = code.unwrap_or(UNKNOWN);
    let word = match code {
        OK => "OK",
        WARNING => "WARNING",
        CRITICAL => "CRITICAL",
        _ => "UNKNOWN",
    };
    let mut problems: Vec<(Severity, String)> = reports
        .iter()
        .flat_map(|report| {
            let counted = report.findings.iter().filter(|finding| counts(finding));
            counted.map(|finding| (finding.severity, problem(report, finding)))
        })
        .collect();
    problems.sort_by(|(one, _), (other, _)| other.cmp(one));
    let text = if problems.is_empty() {
        well(reports)
    } else {
        let texts: Vec<String> = problems.into_iter().map(|(_, text)| text).collect();
        texts.join("; ")
    };
    let data = performance(reports, thresholds);
    (code, format!("SCHEMASTAMP {word} - {text} | {data}\n"))
}

fn state(report: &Report) -> u8 {
    match report.root_cause() {
        Some(root) if root.id.starts_with("config.") || root.id.starts_with("program.") => UNKNOWN,
        Some(_) => CRITICAL,
        None if report.findings.iter().any(counts) => WARNING,
        None => OK,
    }
}

/// Orders the states of several servers: one that is down counts more than one that is not known.
fn rank(state: u8) -> u8 {
    match state {
        CRITICAL => UNKNOWN,
        UNKNOWN => CRITICAL,
        other => other,
    }
}

/// Returns `true` for a finding that makes a state. Those about a psql that is started by hand make none.
fn counts(finding: &Finding) -> bool {
    finding.severity >= Severity::Warning && finding.id != "environment.interference"
}

fn problem(report: &Report, finding: &Finding) -> String {
    let target = report.target.as_ref();
    let target = target
        .map(|target| format!("{target}: "))
        .unwrap_or_default();
    let why = if finding.why.is_empty() {
        String::new()
    } else {
        format!(" ({})", finding.why)
    };
    let text = format!("{target}{}: {}{why}", finding.id, finding.what);
    clean(&bounded(&text, LONGEST))
}

fn well(reports: &[Report]) -> String {
    let first = reports
        .iter()
        .flat_map(|report| &report.expiries)
        .map(|expiry| expiry.until)
        .min();
    let end = first
        .map(|until| format!(", the first certificate expires in {}", days(left(until))))
        .unwrap_or_default();
    if reports.iter().any(|report| report.target.is_some()) {
        format!("all is well on {}{end}", plural(reports.len(), "target"))
    } else {
        format!("all is well{end}")
    }
}

fn days(seconds: i64) -> String {
    let days = usize::try_from(seconds.div_euclid(86_400)).unwrap_or_default();
    plural(days, "day")
}

/// `label=value;warn;crit;min;max`, separated by spaces. A span that must not become too short has
/// its limits with a colon.
fn performance(reports: &[Report], thresholds: Thresholds) -> String {
    let slowest = reports.iter().map(|report| report.elapsed).max();
    let most = thresholds
        .timeout
        .map(|timeout| timeout.as_secs_f64().to_string());
    let count = |severity: Severity| -> usize {
        let findings = reports.iter().flat_map(|report| &report.findings);
        findings
            .filter(|finding| counts(finding) && finding.severity == severity)
            .count()
    };
    let mut data = format!(
        "time={:.3}s;;;0;{} errors={};;0;0; warnings={};0;;0;",
        slowest.unwrap_or_default().as_secs_f64(),
        most.unwrap_or_default(),
        count(Severity::Error),
        count(Severity::Warning),
    );
    let warn = thresholds.expires_within.as_secs();
    for report in reports {
        let mut first: BTreeMap<ExpiryKind, i64> = BTreeMap::new();
        for expiry in &report.expiries {
            let until = first.entry(expiry.kind).or_insert(expiry.until);
            *until = expiry.until.min(*until);
        }
        for (kind, until) in first {
            let label = perfdata_label(report.target.as_deref(), kind);
            swrite!(data, " {label}={}s;{warn}:;0:;;", left(until));
        }
    }
    data
}

/// The name of a value. One with a target needs quotes, and may have no equals sign.
fn perfdata_label(target: Option<&str>, kind: ExpiryKind) -> String {
    match target {
        None => kind.label().to_owned(),
        Some(target) => {
            let target = clean(target).replace(['\'', '='], "_");
            format!("'{target} {}'", kind.label())
        }
    }
}

fn left(until: i64) -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = since.map_or(0, |since| since.as_secs());
    until.saturating_sub(i64::try_from(now).unwrap_or(i64::MAX))
}

/// A text without line ends and without the sign that begins the performance data.
fn clean(text: &str) -> String {
    text.replace('|', "/").replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::Expiry;

    const DAY: i64 = 86_400;

    fn report(target: Option<&str>, findings: Vec<Finding>, days: &[(ExpiryKind, i64)]) -> Report {
        let now = -left(0);
        let expiries = days.iter().map(|(kind, days)| Expiry {
            kind: *kind,
            name: "CN=x".to_owned(),
            path: None,
            until: now + days * DAY + 30,
        });
        Report {
            target: target.map(str::to_owned),
            expiries: expiries.collect(),
            findings,
            elapsed: Duration::from_millis(12),
        }
    }

    fn told(reports: &[Report]) -> (u8, String) {
        let thresholds = Thresholds {
            expires_within: Duration::from_hours(14 * 24),
            timeout: Some(Duration::from_secs(10)),
        };
        line(reports, thresholds)
    }

    fn of(id: &str, severity: Severity) -> Finding {
        Finding::new(id, severity, "a|b\nc")
    }

    #[test]
    fn a_healthy_server_is_ok_with_its_ends() {
        let certificates = [(ExpiryKind::ServerCert, 60), (ExpiryKind::RootCert, 900)];
        let ignored = of("environment.interference", Severity::Warning);
        let (code, line) = told(&[report(None, vec![ignored], &certificates)]);
        assert_eq!(code, 0);
        let start = "SCHEMASTAMP OK - all is well, the first certificate expires in 60 days | time=0.012s;;;0;10 \
                     errors=0;;0;0; warnings=0;0;;0; server_cert=51840";
        assert!(line.starts_with(start), "{line}");
        assert!(line.contains("s;1209600:;0:;; root_cert=777600"), "{line}");
        assert_eq!(line.matches('\n').count(), 1);
    }

    #[test]
    fn the_worst_server_decides_and_errors_come_first() {
        let fine = report(Some("eu"), vec![of("tls.x", Severity::Warning)], &[]);
        let broken = report(
            Some("u=s"),
            vec![of("net.dns", Severity::Error)],
            &[(ExpiryKind::ServerCert, 1)],
        );
        let unknown = report(Some("x"), vec![of("config.invalid", Severity::Error)], &[]);
        let (code, line) = told(&[fine.clone(), unknown.clone(), broken]);
        assert_eq!(code, 2);
        assert!(
            line.contains(
                "CRITICAL - x: config.invalid: a/b\\nc; u=s: net.dns: a/b\\nc; eu: tls.x"
            ),
            "{line}"
        );
        assert!(
            line.contains("errors=2;;0;0; warnings=1;0;;0; 'u_s server_cert'="),
            "{line}"
        );
        assert_eq!(told(std::slice::from_ref(&fine)).0, 1);
        assert_eq!(told(&[fine, unknown]).0, 3);
        assert_eq!(told(&[]).0, 3);
    }
}
