//! Checks that nobody else can replace a private directory by one of their own.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::owner::{GROUP_WRITES, OTHERS_WRITE, ROOT, is_private_group, user_name};

const STICKY: u32 = 0o1000;

/// Refuses a directory in which another user could rename what is there: a script in it could be replaced by theirs between
/// the moment it is written and the moment psql opens it.
///
/// Each directory up to the root must belong to root or to this user, and others may write to it only where the sticky bit
/// keeps them from renaming what is not theirs (`unlink(2)`, `rename(2)`). `OpenSSH` does the same with `StrictModes`.
pub(super) fn check_parents(resolved: &Path) -> io::Result<()> {
    for directory in resolved.ancestors() {
        let metadata = fs::metadata(directory)?;
        if let Some(fault) = fault(&metadata) {
            let text = format!(
                "'{}' {fault}, so that its files could be replaced; point TMPDIR elsewhere",
                directory.display()
            );
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
        }
    }
    Ok(())
}

/// Returns what is wrong with a directory above a private one.
fn fault(metadata: &Metadata) -> Option<String> {
    let own = rustix::process::geteuid().as_raw();
    let owner = metadata.uid();
    if owner != ROOT && owner != own && !is_unmapped_root(owner) {
        return Some(format!("belongs to {}", user_name(owner)));
    }
    let mode = metadata.mode();
    if mode & STICKY != 0 {
        return None;
    }
    if mode & OTHERS_WRITE != 0 {
        return Some(format!(
            "has mode {:04o}: everybody may write to it, and it has no sticky bit",
            mode & 0o7777
        ));
    }
    let group = metadata.gid();
    if mode & GROUP_WRITES != 0 && group != ROOT && !is_private_group(group, own) {
        return Some(format!(
            "has mode {:04o}: its group may write to it, and it has no sticky bit",
            mode & 0o7777
        ));
    }
    None
}

/// Returns whether an owner is root outside of this user namespace: a container that does not map root shows its files as the
/// overflow user's.
fn is_unmapped_root(owner: u32) -> bool {
    let read = |path: &str| crate::path::read_to_string(Path::new(path)).unwrap_or_default();
    let is_overflow = || {
        read("/proc/sys/kernel/overflowuid")
            .trim()
            .parse()
            .is_ok_and(|overflow: u32| overflow == owner)
    };
    // A namespace that maps all users has the one line `0 0 4294967295`.
    let maps_all = || {
        let map = read("/proc/self/uid_map");
        map.split_whitespace().collect::<Vec<_>>() == ["0", "0", "4294967295"]
    };
    is_overflow() && !maps_all()
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::super::RunDir;
    use super::*;

    #[test]
    fn a_directory_that_others_may_change_is_refused_wherever_it_is_above() {
        let outer = tempfile::tempdir().unwrap();
        let (shared, inner) = (outer.path().join("shared"), outer.path().join("shared/a/b"));
        fs::create_dir_all(&inner).unwrap();
        let link = outer.path().join("link");
        symlink(&inner, &link).unwrap();
        for (mode, is_fine) in [
            (0o700, true),
            (0o755, true),
            (0o777, false),
            (0o703, false),
            (0o1777, true),
        ] {
            fs::set_permissions(&shared, Permissions::from_mode(mode)).unwrap();
            for temporary in [&inner, &link, &shared] {
                let made = RunDir::new(temporary);
                assert_eq!(made.is_ok(), is_fine, "{mode:o} {}", temporary.display());
                if let Err(error) = made {
                    let said = error.source.to_string();
                    assert!(
                        said.contains("shared' has mode") && said.contains("sticky"),
                        "{said}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_directory_of_another_user_is_refused() {
        // Only root can give one away.
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let outer = tempfile::tempdir().unwrap();
        let foreign = outer.path().join("foreign");
        fs::create_dir(&foreign).unwrap();
        std::os::unix::fs::chown(&foreign, Some(65_534), None).unwrap();
        for mode in [0o755, 0o1777] {
            fs::set_permissions(&foreign, Permissions::from_mode(mode)).unwrap();
            let said = RunDir::new(&foreign).unwrap_err().source.to_string();
            assert!(said.contains("belongs to the user"), "{said}");
        }
    }

    #[test]
    fn a_group_may_write_only_where_it_has_no_other_member() {
        let outer = tempfile::tempdir().unwrap();
        let group = fs::metadata(outer.path()).unwrap().gid();
        fs::set_permissions(outer.path(), Permissions::from_mode(0o770)).unwrap();
        let own = rustix::process::geteuid().as_raw();
        let expected = group == ROOT || is_private_group(group, own);
        assert_eq!(check_parents(outer.path()).is_ok(), expected);
        if own == ROOT {
            std::os::unix::fs::chown(outer.path(), None, Some(65_533)).unwrap();
            assert!(check_parents(outer.path()).is_err());
        }
    }
}
