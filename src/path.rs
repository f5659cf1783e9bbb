//! File access whose errors name the path.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The permission bits of a mode, without the file's type.
pub const PERMISSIONS: u32 = 0o7777;
/// The permission bits of everybody but the owner: none of them is set on what is private.
pub const GROUP_AND_OTHERS: u32 = 0o077;

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
        move |source| Self {
            action,
            path: path.to_owned(),
            source,
        }
    }
}

/// Opens a file for reading.
///
/// # Errors
/// The error names the path.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that adds the path"
)]
pub fn open(path: &Path) -> Result<fs::File, PathError> {
    fs::File::open(path).map_err(PathError::on("open", path))
}

/// Reads a whole file.
///
/// # Errors
/// The error names the path.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that adds the path"
)]
pub fn read(path: &Path) -> Result<Vec<u8>, PathError> {
    fs::read(path).map_err(PathError::on("read", path))
}

/// Reads a whole file as UTF-8.
///
/// # Errors
/// The error names the path; bytes that are not UTF-8 are [`io::ErrorKind::InvalidData`].
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that adds the path"
)]
pub fn read_to_string(path: &Path) -> Result<String, PathError> {
    fs::read_to_string(path).map_err(PathError::on("read", path))
}

/// Whether something is there that is written into and never replaced: a device such as `/dev/null`, a pipe.
pub fn is_special(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|there| !there.is_file() && !there.is_dir())
}

/// Replaces a file in one step: the new content is complete under `path` or the old one stays.
///
/// Where a symbolic link stands, what it leads to is replaced. A device or a pipe is written into.
///
/// # Errors
/// The error names the path.
pub fn write_atomic(path: &Path, content: &[u8]) -> Result<(), PathError> {
    if is_special(path) {
        let opened = fs::OpenOptions::new().write(true).open(path);
        return opened
            .and_then(|mut file| file.write_all(content))
            .map_err(PathError::on("write", path));
    }
    let target = behind_links(path);
    let folder = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    // A folder that is not there yet is made, as long as its parent is there: `snapshots/` of a new project.
    if !folder.exists() {
        fs::create_dir(folder).map_err(PathError::on("create", folder))?;
    }
    let mut file = tempfile::Builder::new()
        .prefix(".schemastamp-")
        .permissions(permissions(&target))
        .tempfile_in(folder)
        // Without the temporary name, which says nothing to anybody.
        .map_err(|error| PathError::on("write", path)(error.kind().into()))?;
    file.write_all(content)
        .and_then(|()| file.as_file().sync_all())
        .map_err(PathError::on("write", path))?;
    file.persist(&target)
        .map_err(|error| PathError::on("write", path)(error.error))?;
    Ok(())
}

/// Where a symbolic link leads to, also when nothing is there.
fn behind_links(path: &Path) -> PathBuf {
    // As many as Linux follows.
    const MOST: usize = 40;
    let mut path = path.to_owned();
    for _ in 0..MOST {
        let Ok(target) = fs::read_link(&path) else {
            break;
        };
        // What is relative is so to the link's folder.
        path = path
            .parent()
            .map_or_else(|| target.clone(), |folder| folder.join(&target));
    }
    path
}

/// The mode of the file that is replaced, or what the umask leaves of 0666.
fn permissions(path: &Path) -> fs::Permissions {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).map_or_else(
        |_| fs::Permissions::from_mode(0o666),
        |old| old.permissions(),
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn links_stay_links_and_a_mode_stays() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("real")).unwrap();
        symlink("real/new", at("link")).unwrap();
        symlink(at("link"), at("link to link")).unwrap();
        write_atomic(&at("link to link"), b"1").unwrap();
        assert_eq!(read(&at("real/new")).unwrap(), b"1");
        fs::set_permissions(at("real/new"), fs::Permissions::from_mode(0o640)).unwrap();
        write_atomic(&at("link"), b"2").unwrap();
        assert_eq!(read(&at("real/new")).unwrap(), b"2");
        assert_eq!(
            fs::metadata(at("real/new")).unwrap().permissions().mode() & 0o777,
            0o640
        );
        assert!(fs::symlink_metadata(at("link")).unwrap().is_symlink());
    }

    #[test]
    fn a_device_and_a_pipe_are_written_into() {
        // A link of our own: should this fail, the system keeps its device.
        let folder = tempfile::tempdir().unwrap();
        let null = folder.path().join("null");
        symlink("/dev/null", &null).unwrap();
        assert!(
            is_special(&null)
                && !is_special(folder.path())
                && !is_special(Path::new("/nonexistent"))
        );
        write_atomic(&null, b"x").unwrap();
        assert!(
            fs::metadata("/dev/null")
                .unwrap()
                .file_type()
                .is_char_device()
        );
        let pipe = folder.path().join("pipe");
        rustix::fs::mkfifoat(
            rustix::fs::CWD,
            &pipe,
            rustix::fs::Mode::from_raw_mode(0o600),
        )
        .unwrap();
        let reader = std::thread::spawn({
            let pipe = pipe.clone();
            move || read(&pipe).unwrap()
        });
        write_atomic(&pipe, b"through").unwrap();
        assert_eq!(reader.join().unwrap(), b"through");
        assert!(is_special(&pipe));
    }
}
