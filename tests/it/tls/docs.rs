//! The documents name every finding, and nothing else.

use std::collections::BTreeSet;

use schemastamp::diagnose::catalogue::{ENTRIES, STEPS};
use schemastamp::diagnose::{Origins, ROWS};

#[test]
fn every_finding_is_documented() {
    let text = include_str!("../../../docs/findings.md");
    let documented: BTreeSet<&str> = text
        .split('\n')
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`').map(|(id, _)| id))
        .collect();
    let known: BTreeSet<&str> = ENTRIES.iter().map(|entry| entry.id).chain(STEPS).collect();
    let missing: Vec<_> = known.difference(&documented).collect();
    let surplus: Vec<_> = documented.difference(&known).collect();
    assert!(
        missing.is_empty() && surplus.is_empty(),
        "missing: {missing:?}, surplus: {surplus:?}"
    );
}

#[test]
fn the_words_of_the_document_are_those_of_the_code() {
    let text = include_str!("../../../docs/findings.md");
    for entry in ENTRIES {
        let row = format!(
            "| `{}` | {} | {} | {} |",
            entry.id,
            entry.what,
            entry.why,
            Origins::default().expand(entry.fix)
        );
        assert!(
            text.contains(&row),
            "docs/findings.md should have the row\n{row}"
        );
    }
}

#[test]
fn the_words_that_findings_explain_can_be_searched_for() {
    let text = include_str!("../../../docs/findings.md");
    for row in ROWS {
        let pattern = row.pattern.replace('*', "…").replace('\x15', "\\x15");
        let line = format!("| `{}` | `{pattern}` | {} |", row.finding, row.seen_in);
        assert!(
            text.contains(&line),
            "docs/findings.md should have the line\n{line}"
        );
    }
}

/// The text of every source file of a folder of `src`, but the catalogue itself.
fn sources(folder: &std::path::Path, out: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, out);
        } else if path.file_name().unwrap() != "catalogue.rs" {
            *out += &std::fs::read_to_string(&path).unwrap();
        }
    }
}

#[test]
fn every_finding_of_the_catalogue_can_occur() {
    let mut text = String::new();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    sources(&root.join("diagnose"), &mut text);
    sources(&root.join("tls"), &mut text);
    sources(&root.join("config"), &mut text);
    for entry in ENTRIES {
        // The causes of files are put together from the file's area and its fault.
        let (area, fault) = entry.id.rsplit_once('.').unwrap_or((entry.id, entry.id));
        let put_together =
            text.contains(&format!("\"{area}\"")) && text.contains(&format!("\"{fault}\""));
        assert!(
            text.contains(&format!("\"{}\"", entry.id)) || put_together,
            "{} never occurs",
            entry.id
        );
    }
}
