use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};
use std::sync::Once;

use super::parents::check_parents;
use super::sweep::{PREFIX, RANDOM, UNNAMED, lock_directory, sweep};
use crate::path::{PERMISSIONS, PathError};

const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;
/// The name that no file of the run gets.
const ABSENT: &str = "absent";

/// Number of attempts to make a directory that somebody else removes.
const ATTEMPTS: u32 = 5;

/// Once for each process, remove what others have left behind.
static SWEPT: Once = Once::new();

/// A private directory (mode 0700, random name) of one run. It is removed with its contents when
/// dropped.
///
/// It is the child's working directory and home: a relative path, a `~/.pgpass` or a stray file cannot steer the child.
///
/// It is locked as long as this value lives. A directory without a lock was left behind by a killed
/// process, and the first run of the next process removes it.
#[derive(Debug)]
pub struct RunDir {
    path: PathBuf,
    _lock: Option<OwnedFd>,
}

impl RunDir {
    /// Creates the directory inside `temporary`, which should be that of `TMPDIR`.
    ///
    /// # Errors
    /// `temporary` does not exist, is not writable, is full, or its file system keeps no modes; or another user could put
    /// a directory of their own in its place.
    pub fn new(temporary: &Path) -> Result<Self, PathError> {
        let action = "create a private directory in";
        let absolute = std::path::absolute(temporary).map_err(PathError::on(action, temporary))?;
        // Without symbolic links: somebody could turn them elsewhere meanwhile.
        let resolved = fs::canonicalize(&absolute).map_err(PathError::on(action, &absolute))?;
        check_parents(&resolved).map_err(PathError::on(action, &absolute))?;
        SWEPT.call_once(|| sweep(&resolved));
        let mut attempt = 1;
        loop {
            match Self::make(&resolved) {
                // Another process that sweeps took it for an abandoned one.
                Err(error)
                    if error.kind() == io::ErrorKind::NotFound
                        && absolute.exists()
                        && attempt < ATTEMPTS =>
                {
                    attempt += 1;
                }
                made => {
                    return made
                        .map_err(|error| PathError::on(action, &absolute)(without_path(error)));
                }
            }
        }
    }

    /// A directory gets its name only once it is locked, so one with the name and without a lock
    /// was left behind.
    fn make(absolute: &Path) -> io::Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix(UNNAMED)
            .rand_bytes(RANDOM)
            .permissions(Permissions::from_mode(FOLDER_MODE))
            .tempdir_in(absolute)?;
        let lock = lock_directory(folder.path());
        check_mode(&fs::metadata(folder.path())?.permissions(), FOLDER_MODE)?;
        let unnamed = folder
            .path()
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let path = absolute.join(unnamed.replacen(UNNAMED, PREFIX, 1));
        fs::rename(folder.path(), &path)?;
        // It is another path now, and this value's own to remove.
        drop(folder.keep());
        Ok(Self { path, _lock: lock })
    }

    /// Returns the directory's absolute path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Creates the file `name` (mode 0600) with `content`; returns its path.
    ///
    /// # Errors
    /// `name` is not a plain file name, is taken, or the disk is full.
    pub fn write(&self, name: &str, content: &[u8]) -> Result<PathBuf, PathError> {
        let path = self.path().join(name);
        let plain = matches!(*Path::new(name).components().collect::<Vec<_>>(), [Component::Normal(part)] if part == name);
        if !plain || name == ABSENT {
            let error = io::Error::new(
                io::ErrorKind::InvalidInput,
                "not a name for a file of a run",
            );
            return Err(PathError::on("create", &path)(error));
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(FILE_MODE)
            .open(&path)
            .map_err(PathError::on("create", &path))?;
        let written = file
            .metadata()
            .and_then(|metadata| check_mode(&metadata.permissions(), FILE_MODE));
        written
            .and_then(|()| file.write_all(content))
            .map_err(PathError::on("write", &path))?;
        Ok(path)
    }

    /// Removes a file that [`RunDir::write`] created. If that fails, it is removed with the
    /// directory.
    pub fn remove(&self, name: &str) {
        if let Err(error) = fs::remove_file(self.path().join(name)) {
            tracing::debug!(%error, name, "the file stays until the run's end");
        }
    }

    /// Returns a path inside the directory at which nothing exists: libpq takes a missing file for
    /// "there is none".
    pub fn absent(&self) -> PathBuf {
        self.path().join(ABSENT)
    }

    /// Removes the directory, and reports a failure. Dropping removes it too, but silently.
    ///
    /// # Errors
    /// Something in it could not be removed.
    pub fn close(self) -> Result<(), PathError> {
        fs::remove_dir_all(&self.path).map_err(PathError::on("remove", &self.path))
    }
}

impl Drop for RunDir {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::debug!(%error, "the private directory is left behind");
        }
    }
}

/// The mode has no bit beyond `allowed`. An unusual umask can remove more.
fn check_mode(permissions: &Permissions, allowed: u32) -> io::Result<()> {
    let mode = permissions.mode() & PERMISSIONS;
    if mode & !allowed == 0 {
        return Ok(());
    }
    let text = format!(
        "its file system gave mode {mode:04o} instead of {allowed:04o}; point TMPDIR elsewhere"
    );
    Err(io::Error::new(io::ErrorKind::Unsupported, text))
}

/// tempfile puts its path into the error's text; [`PathError`] names it already.
fn without_path(error: io::Error) -> io::Error {
    match error.kind() {
        _ if error.raw_os_error().is_some() => error,
        io::ErrorKind::Other => error,
        kind => kind.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn folder_and_files_are_private_and_vanish() {
        let outer = tempfile::tempdir().unwrap();
        let run = RunDir::new(outer.path()).unwrap();
        let script = run.write("script.sql", b"SELECT 1").unwrap();
        assert_eq!((mode(run.path()), mode(&script)), (0o700, 0o600));
        assert!(run.path().is_absolute());
        assert!(!run.absent().exists());
        assert!(run.write("script.sql", b"").is_err(), "a name is used once");
        drop(run);
        assert_eq!(fs::read_dir(outer.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_panic_removes_it_too() {
        let outer = tempfile::tempdir().unwrap();
        let path = outer.path().to_owned();
        let panicked = std::panic::catch_unwind(|| {
            let run = RunDir::new(&path).unwrap();
            run.write("script.sql", b"SELECT 1").unwrap();
            panic!("midway");
        });
        assert!(panicked.is_err());
        assert_eq!(fs::read_dir(outer.path()).unwrap().count(), 0);
    }

    #[test]
    fn names_that_leave_the_folder_are_refused() {
        let outer = tempfile::tempdir().unwrap();
        let run = RunDir::new(outer.path()).unwrap();
        for name in ["", ".", "..", "a/b", "/etc/x", "../x", "a/", "absent"] {
            assert!(run.write(name, b"").is_err(), "{name:?}");
        }
    }

    #[test]
    fn a_temporary_folder_that_cannot_be_used_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let missing = file.path().with_extension("no-such-folder");
        for path in [file.path(), missing.as_path()] {
            let error = RunDir::new(path).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("cannot create a private directory in '{}'", path.display())
            );
            let source = error.source.to_string();
            assert!(!source.contains("schemastamp-"), "{source}");
            assert!(
                matches!(
                    error.source.kind(),
                    io::ErrorKind::NotADirectory | io::ErrorKind::NotFound
                ),
                "{source}"
            );
        }
    }

    #[test]
    fn close_says_what_it_could_not_remove() {
        let outer = tempfile::tempdir().unwrap();
        let run = RunDir::new(outer.path()).unwrap();
        let path = run.path().to_owned();
        fs::remove_dir(&path).unwrap();
        let error = run.close().unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("cannot remove '{}'", path.display())
        );
        let run = RunDir::new(outer.path()).unwrap();
        run.close().unwrap();
    }
}
