//! The documents name every finding, and nothing else.

use std::collections::BTreeSet;

use schemastamp::diagnose::catalogue::{ENTRIES, STEPS};

#[test]
fn every_finding_is_documented() {
    let text = include_str!("../../../docs/findings.md");
    let documented: BTreeSet<&str> =
        text.split('\n').filter_map(|line| line.strip_prefix("| `")?.split_once('`').map(|(id, _)| id)).collect();
    let known: BTreeSet<&str> = ENTRIES.iter().map(|entry| entry.id).chain(STEPS).collect();
    let missing: Vec<_> = known.difference(&documented).collect();
    let surplus: Vec<_> = documented.difference(&known).collect();
    assert!(missing.is_empty() && surplus.is_empty(), "missing: {missing:?}, surplus: {surplus:?}");
}

#[test]
fn the_words_of_the_document_are_those_of_the_code() {
    let text = include_str!("../../../docs/findings.md");
    for entry in ENTRIES {
        let row = format!("| `{}` | {} | {} | {} |", entry.id, entry.what, entry.why, entry.fix);
        assert!(text.contains(&row), "docs/findings.md should have the row\n{row}");
    }
}
