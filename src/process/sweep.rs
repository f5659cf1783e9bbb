//! Removes private directories that a killed process left behind: those without a lock.

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{FlockOperation, Mode, OFlags, flock, open};

use crate::path::GROUP_AND_OTHERS;

/// The beginning of a private directory's name. `RANDOM` random characters follow.
pub(super) const PREFIX: &str = "schemastamp-run-";
/// The beginning of a private directory's name before it is locked.
pub(super) const UNNAMED: &str = ".schemastamp-new-";
/// Age after which a directory cannot still be under construction.
const MADE: Duration = Duration::from_secs(1);
/// Number of random characters in the name of a private directory.
pub(super) const RANDOM: usize = 12;

/// Files that a run puts into its directory. One that holds anything else is not touched.
const FILES: [(&str, &str); 2] = [("script", ".sql"), ("dump", ".sql")];

/// The lock of a directory, held as long as this value lives. `None` if another process holds it,
/// or the file system has no locks.
pub(super) fn lock_directory(folder: &Path) -> Option<OwnedFd> {
    // The child does not inherit it, because it may outlive the process that owns the directory.
    // NOFOLLOW: a link with such a name could lead the sweep into somebody else's directory.
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let handle = open(folder, flags, Mode::empty()).ok()?;
    flock(&handle, FlockOperation::NonBlockingLockExclusive).ok()?;
    Some(handle)
}

/// Removes the unlocked directories of this user's runs in `temporary`.
pub(super) fn sweep(temporary: &Path) {
    let Ok(entries) = fs::read_dir(temporary) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_left =
            is_called(PREFIX, &name) || (is_called(UNNAMED, &name) && is_older(&path, MADE));
        if !is_left || !is_own(&path) {
            continue;
        }
        // Hold the lock until the directory is removed, so that only one of two sweeping processes
        // removes it.
        if let Some(_held) = lock_directory(&path)
            && holds_only_scripts(&path)
        {
            match fs::remove_dir_all(&path) {
                Ok(()) => {
                    tracing::debug!(folder = %path.display(), "left behind by a run that was killed; removed");
                }
                Err(error) => {
                    tracing::debug!(%error, folder = %path.display(), "cannot be removed");
                }
            }
        }
    }
}

fn is_older(path: &Path, age: Duration) -> bool {
    let modified = fs::symlink_metadata(path).and_then(|metadata| metadata.modified());
    modified.is_ok_and(|modified| modified.elapsed().is_ok_and(|elapsed| elapsed > age))
}

fn is_called(prefix: &str, name: &str) -> bool {
    let random = name.strip_prefix(prefix);
    random.is_some_and(|random| {
        random.len() == RANDOM && random.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

fn is_own(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| {
        metadata.is_dir()
            && metadata.uid() == rustix::process::geteuid().as_raw()
            && metadata.mode() & GROUP_AND_OTHERS == 0
    })
}

fn holds_only_scripts(folder: &Path) -> bool {
    let Ok(mut entries) = fs::read_dir(folder) else {
        return false;
    };
    entries.all(|entry| {
        entry.is_ok_and(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let is_known = FILES
                .iter()
                .any(|(begins, ends)| name.starts_with(begins) && name.ends_with(ends));
            is_known && entry.file_type().is_ok_and(|kind| kind.is_file())
        })
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::super::RunDir;
    use super::*;

    #[test]
    fn what_nobody_holds_is_removed_and_nothing_else() {
        let outer = tempfile::tempdir().unwrap();
        let make = |name: &str, mode: u32, file: Option<&str>| {
            let path = outer.path().join(name);
            fs::create_dir(&path).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            if let Some(file) = file {
                crate::path::write_atomic(&path.join(file), b"SELECT 1").unwrap();
            }
            path
        };
        let live = RunDir::new(outer.path()).unwrap();
        live.write("script.sql", b"SELECT 1").unwrap();
        let stale = make("schemastamp-run-abcdefghijkl", 0o700, Some("script-7.sql"));
        let kept = [
            make("schemastamp-run-ABCDEFGHIJKL", 0o700, Some("notes.txt")),
            make("schemastamp-run-mine", 0o700, None),
            make("schemastamp-run-abcdefghijk2", 0o755, None),
            make("schemastamp-dev", 0o700, None),
            make(".schemastamp-new-abcdefghijkl", 0o700, None),
        ];
        std::os::unix::fs::symlink("/", outer.path().join("schemastamp-run-abcdefghijk3")).unwrap();
        sweep(outer.path());
        assert!(!stale.exists() && live.path().exists() && kept.iter().all(|path| path.exists()));
        assert!(lock_directory(live.path()).is_none(), "it is held");
        std::thread::sleep(MADE * 2);
        sweep(outer.path());
        assert!(
            !outer.path().join(".schemastamp-new-abcdefghijkl").exists(),
            "nobody makes it any more"
        );
        let path = live.path().to_owned();
        drop(live);
        assert!(!path.exists());
    }
}
