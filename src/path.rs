//! File access whose errors name the path.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// An I/O error with the path it happened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} '{}'", path.display())]
pub struct PathError {
    /// What was tried: `read`, `write`, `create` and the like.
    pub action: &'static str,
    /// The path, as it was given.
    pub path: PathBuf,
    /// What the operating system said.
    #[source]
    pub source: io::Error,
}

impl PathError {
    /// Returns a closure for `map_err` that adds the action and the path.
    pub fn on<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> Self + 'a {
        move |source| Self { action, path: path.to_owned(), source }
    }
}

/// Opens a file for reading.
///
/// # Errors
/// The error names the path.
#[expect(clippy::disallowed_methods, reason = "the one place that adds the path")]
pub fn open(path: &Path) -> Result<fs::File, PathError> {
    fs::File::open(path).map_err(PathError::on("open", path))
}

/// Reads a whole file.
///
/// # Errors
/// The error names the path.
#[expect(clippy::disallowed_methods, reason = "the one place that adds the path")]
pub fn read(path: &Path) -> Result<Vec<u8>, PathError> {
    fs::read(path).map_err(PathError::on("read", path))
}

/// Reads a whole file as UTF-8.
///
/// # Errors
/// The error names the path; bytes that are not UTF-8 are [`io::ErrorKind::InvalidData`].
#[expect(clippy::disallowed_methods, reason = "the one place that adds the path")]
pub fn read_to_string(path: &Path) -> Result<String, PathError> {
    fs::read_to_string(path).map_err(PathError::on("read", path))
}

/// Replaces a file in one step: the new content is complete under `path` or the old one stays.
///
/// # Errors
/// The error names the path.
pub fn write_atomic(path: &Path, content: &[u8]) -> Result<(), PathError> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    // A folder that is not there yet is made, as long as its parent is there: `snapshots/` of a new project.
    if !folder.exists() {
        fs::create_dir(folder).map_err(PathError::on("create", folder))?;
    }
    let mut file = tempfile::Builder::new()
        .prefix(".schemastamp-")
        .permissions(permissions(path))
        .tempfile_in(folder)
        // Without the temporary name, which says nothing to anybody.
        .map_err(|error| PathError::on("write", path)(error.kind().into()))?;
    file.write_all(content).and_then(|()| file.as_file().sync_all()).map_err(PathError::on("write", path))?;
    file.persist(path).map_err(|error| PathError::on("write", path)(error.error))?;
    Ok(())
}

/// The mode of the file that is replaced, or what the umask leaves of 0666.
fn permissions(path: &Path) -> fs::Permissions {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).map_or_else(|_| fs::Permissions::from_mode(0o644), |old| old.permissions())
}
