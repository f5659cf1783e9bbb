//! The project's own source files.

use std::collections::BTreeMap;
use std::path::Path;

/// Source files by their path below the directory that was read, such as `pg/server.rs`.
pub(crate) type Sources = BTreeMap<String, String>;

/// Reads all Rust files below a directory.
pub(crate) fn read_sources(root: &Path) -> Sources {
    let mut found = Sources::new();
    let mut open = vec![root.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap();
                found.insert(name.to_owned(), std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    assert!(found.len() > 100, "{} files", found.len());
    found
}
