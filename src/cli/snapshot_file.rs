//! Finds and reads the snapshot file.

use std::path::{Path, PathBuf};

use super::failure::CommandError;
use super::session::{Session, input_name};
use crate::config::ToolSettings;
use crate::path;
use crate::snapshot::{OutsidePolicy, Snapshot};

/// The directory that is searched if no snapshot is named.
const FOLDER: &str = "snapshots";

/// Returns the named snapshot, or else the only one in the default directory.
pub(super) fn find(tool: &ToolSettings) -> Result<PathBuf, CommandError> {
    match &tool.snapshot {
        Some(setting) => Ok(setting.value.clone()),
        None => only_one_in(Path::new(FOLDER)),
    }
}

/// Reads the named snapshots, or else all of the default directory.
pub(super) fn load_all(
    tool: &ToolSettings,
    session: &Session,
) -> Result<Vec<Snapshot>, CommandError> {
    let named = &session.common.snapshot;
    let paths = match (named.as_slice(), &tool.snapshot) {
        ([], Some(setting)) => vec![setting.value.clone()],
        ([], None) => all_in(Path::new(FOLDER))?,
        _ => named.clone(),
    };
    if paths.is_empty() {
        return Err(CommandError::NoSnapshot);
    }
    paths.iter().map(|path| load(path, session)).collect()
}

fn only_one_in(folder: &Path) -> Result<PathBuf, CommandError> {
    let mut files = all_in(folder)?;
    match (files.pop(), files.is_empty()) {
        (None, _) => Err(CommandError::NoSnapshot),
        (Some(file), true) => Ok(file),
        (Some(last), false) => {
            let names = files
                .iter()
                .chain([&last])
                .map(|file| format!("'{}'", file.display()))
                .collect();
            Err(CommandError::SeveralSnapshots(names))
        }
    }
}

/// Returns the snapshots of a directory, by name.
fn all_in(folder: &Path) -> Result<Vec<PathBuf>, CommandError> {
    let mut files: Vec<PathBuf> = match std::fs::read_dir(folder) {
        Ok(entries) => entries
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| is_sql(path))
            .collect(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(path::PathError::on("read", folder)(error).into()),
    };
    files.sort();
    Ok(files)
}

fn is_sql(path: &Path) -> bool {
    let hidden = path
        .file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with('.'));
    !hidden && path.extension().is_some_and(|extension| extension == "sql") && path.is_file()
}

/// Reads a snapshot and prints its warnings.
pub(super) fn load(path: &Path, session: &Session) -> Result<Snapshot, CommandError> {
    parse(path, &session.read_input(path)?, session)
}

/// Like [`load`]; `-` is stdin.
pub(super) async fn load_or_stdin(
    path: &Path,
    session: &Session,
) -> Result<Snapshot, CommandError> {
    let bytes = session.read_input_or_stdin(path).await?;
    parse(input_name(path), &bytes, session)
}

fn parse(path: &Path, bytes: &[u8], session: &Session) -> Result<Snapshot, CommandError> {
    let output = session.output;
    let snapshot = Snapshot::parse_bytes(bytes, session.common.outside()).map_err(|source| {
        CommandError::Snapshot {
            path: path.to_owned(),
            source,
        }
    })?;
    if session.common.outside() == OutsidePolicy::Refuse {
        session.record_outside(path, snapshot.outside());
    }
    for warning in snapshot.warnings() {
        output.warning(&format!("'{}': {warning}", path.display()));
    }
    tracing::info!(path = %path.display(), statements = snapshot.template().statements.len(), "snapshot read");
    Ok(snapshot)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_only_file_is_taken_and_several_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let snapshots = folder.path().join("snapshots");
        assert!(matches!(
            only_one_in(&snapshots),
            Err(CommandError::NoSnapshot)
        ));
        std::fs::create_dir(&snapshots).unwrap();
        let put = |name: &str| path::write_atomic(&snapshots.join(name), b"x").unwrap();
        put("README.md");
        put(".hidden.sql");
        assert!(matches!(
            only_one_in(&snapshots),
            Err(CommandError::NoSnapshot)
        ));
        put("b.sql");
        assert_eq!(only_one_in(&snapshots).unwrap(), snapshots.join("b.sql"));
        put("a.sql");
        let error = only_one_in(&snapshots).unwrap_err().to_string();
        assert!(
            error.contains("a.sql', '") && error.ends_with("b.sql'"),
            "{error}"
        );
    }
}
