use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use regex::Regex;

use crate::support::{read_sources, tools};

/// Every id that the code holds is in `docs/errors.md` or `docs/findings.md`, and every id of the first is in the code.
#[test]
fn every_id_is_documented() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let id = r"(?:sql|snapshot|dump|capture|clone|tenant|config|program|file|connection|migrate|migration|query|refresh|pool)\.[a-z_]+|usage|timeout|interrupted";
    let quoted = Regex::new(&format!("\"({id})\"")).unwrap();
    let marked = Regex::new(&format!("`({id})`")).unwrap();
    let page = |name: &str| std::fs::read_to_string(root.join("docs").join(name)).unwrap();
    let ids = |pattern: &Regex, text: &str| -> BTreeSet<String> {
        pattern
            .captures_iter(text)
            .map(|found| found.get(1).unwrap().as_str().to_owned())
            // dump.sql is a file, and a server's own conditions are documented as a whole.
            .filter(|id| id != "dump.sql" && !id.starts_with("sql."))
            .collect()
    };
    let mut used = BTreeSet::new();
    for text in read_sources(&root.join("src")).values() {
        used.extend(ids(&quoted, text.split("#[cfg(test)]").next().unwrap()));
    }
    assert!(used.len() > 50, "{used:?}");
    let errors = ids(&marked, &page("errors.md"));
    let findings = ids(&marked, &page("findings.md"));
    let undocumented: Vec<_> = used
        .iter()
        .filter(|id| !errors.contains(*id) && !findings.contains(*id))
        .collect();
    assert!(
        undocumented.is_empty(),
        "not in docs/errors.md: {undocumented:?}"
    );
    // The ids of missing programs are made of their names.
    let unused: Vec<_> = errors
        .difference(&used)
        .filter(|id| !id.ends_with("_missing"))
        .collect();
    assert!(unused.is_empty(), "in docs/errors.md only: {unused:?}");
}

/// mdBook builds the documentation without a word of warning, and every page is in it.
#[test]
fn the_book_has_every_page() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = tools().join("programs/bin/mdbook");
    let target = tempfile::tempdir().unwrap();
    let output = Command::new(&program)
        .arg("build")
        .arg(root)
        .arg("--dest-dir")
        .arg(target.path())
        .output()
        .unwrap_or_else(|error| {
            panic!(
                "{}: {error}; run scripts/install/migrators",
                program.display()
            )
        });
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(!said.contains("WARN") && !said.contains("ERROR"), "{said}");
    for folder in ["", "quickstart"] {
        for entry in std::fs::read_dir(root.join("docs").join(folder)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let Some(page) = name.strip_suffix(".md").filter(|page| *page != "SUMMARY") else {
                continue;
            };
            let page = if page == "README" { "index" } else { page };
            let html = target.path().join(folder).join(format!("{page}.html"));
            assert!(
                html.exists(),
                "docs/{folder}/{name} is not in docs/SUMMARY.md"
            );
        }
    }
    let written = std::fs::read_dir(target.path()).unwrap();
    let mut names = written.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(names.any(|name| name.starts_with("searchindex")));
}
