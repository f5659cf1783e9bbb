use std::path::Path;
use std::process::Command;

use regex::Regex;

use crate::support::tools;

/// Every id that the command's code holds is in `docs/errors.md`, and every id there is in the code.
#[test]
fn every_id_is_documented() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let areas = "sql|snapshot|dump|capture|tenant|config|program|file|connection|migrate|migration|query|refresh|pool";
    let in_code = Regex::new(&format!(
        r#""((?:{areas})\.[a-z_]+|usage|timeout|interrupted)"#
    ))
    .unwrap();
    let in_docs = Regex::new(&format!(
        "`((?:{areas})\\.[a-z_]+|usage|timeout|interrupted)`"
    ))
    .unwrap();
    let docs = std::fs::read_to_string(root.join("docs/errors.md")).unwrap();
    let findings = std::fs::read_to_string(root.join("docs/findings.md")).unwrap();
    let documented: Vec<&str> = in_docs
        .captures_iter(&docs)
        .map(|found| found.get(1).unwrap().as_str())
        .collect();
    let mut code = String::new();
    for file in [
        "config/error.rs",
        "pg/error.rs",
        "pg/message.rs",
        "pg/program.rs",
        "process/error.rs",
        "service.rs",
        "snapshot/problem.rs",
        "snapshot/template/error.rs",
        "tenant/provision/error.rs",
        "tenant/query/outcome.rs",
        "fleet/query/engine.rs",
        "fleet/query/output.rs",
    ] {
        let text = std::fs::read_to_string(root.join("src").join(file)).unwrap();
        code.push_str(text.split("#[cfg(test)]").next().unwrap());
    }
    for folder in [
        "src/cli",
        "src/cli/provision",
        "src/cli/query",
        "src/cli/report",
    ] {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let text = std::fs::read_to_string(path).unwrap();
                code.push_str(text.split("#[cfg(test)]").next().unwrap());
            }
        }
    }
    let used: Vec<&str> = in_code
        .captures_iter(&code)
        .map(|found| found.get(1).unwrap().as_str())
        .collect();
    assert!(used.len() > 50, "{used:?}");
    for id in &used {
        // A server's own conditions are documented as a whole.
        let known = documented.contains(id)
            || findings.contains(&format!("`{id}`"))
            || id.starts_with("sql.");
        assert!(known, "'{id}' is not in docs/errors.md");
    }
    for id in documented.iter().filter(|id| !id.ends_with("_missing")) {
        assert!(
            used.contains(id) || id.starts_with("sql."),
            "'{id}' is in docs/errors.md only"
        );
    }
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
