//! The form of a report, by the end of its file's name.

use std::path::{Path, PathBuf};

/// Forms of `--report`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReportForm {
    Markdown,
    Html,
}

impl ReportForm {
    /// Returns the form of a file; `None` if its name does not say.
    pub(super) fn from_path(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        match extension.as_str() {
            "md" | "markdown" => Some(Self::Markdown),
            "html" | "htm" => Some(Self::Html),
            _ => None,
        }
    }
}

/// Reads the value of `--report`.
pub(super) fn parse_report_file(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    match ReportForm::from_path(&path) {
        Some(_) => Ok(path),
        None => Err("the name must end in .md or .html".to_owned()),
    }
}
