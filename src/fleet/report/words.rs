//! The words that the forms share.

use std::time::{Duration, SystemTime};

use time::OffsetDateTime;
use time::macros::format_description;

use super::model::FleetReport;
use crate::text::{listed, plural};

/// Returns the result in a few words: `all tenants are as they should be`, or `3 different, 1 failed`.
pub(super) fn headline(report: &FleetReport) -> String {
    let parts: Vec<String> = report
        .outcomes()
        .into_iter()
        .map(|count| format!("{} {}", count.tenants, outcome_words(count.outcome)))
        .collect();
    let unknown = report
        .targets
        .iter()
        .filter(|target| target.error.is_some());
    let unknown = unknown.count();
    let targets = (unknown > 0).then(|| format!("{} not reached", plural(unknown, "target")));
    let parts: Vec<String> = targets.into_iter().chain(parts).collect();
    if parts.is_empty() {
        return "no tenants".to_owned();
    }
    listed(parts, usize::MAX)
}

/// Returns an outcome of the JSON as words.
pub(super) fn outcome_words(outcome: &str) -> String {
    match outcome {
        "odd" => "with problems".to_owned(),
        outcome => outcome.replace('_', " "),
    }
}

/// Returns a version, or the words for none.
pub(super) fn version_word(version: Option<&str>) -> String {
    version.unwrap_or("no version").to_owned()
}

/// `2026-11-28 03:10 UTC`.
pub(super) fn finished(time: SystemTime) -> String {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute] UTC");
    let time = OffsetDateTime::from(time).format(&format);
    time.unwrap_or_default()
}

/// `1.5 s`, or `3 min 20 s`.
pub(super) fn seconds(elapsed: Duration) -> String {
    let whole = elapsed.as_secs();
    if whole < 120 {
        crate::text::seconds(elapsed)
    } else {
        format!("{} min {} s", whole / 60, whole % 60)
    }
}
