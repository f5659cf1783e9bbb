//! The users who may write to a file.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;

use nix::unistd::{Gid, Group, Uid, User};

use crate::path::PERMISSIONS;

pub(super) const ROOT: u32 = 0;
pub(super) const GROUP_WRITES: u32 = 0o020;
pub(super) const OTHERS_WRITE: u32 = 0o002;

/// Returns the owner of a file, such as `the user eve`, if it is neither root nor the effective user of this process.
pub fn foreign_owner(metadata: &Metadata) -> Option<String> {
    let own = rustix::process::geteuid().as_raw();
    let owner = metadata.uid();
    (owner != ROOT && owner != own).then(|| user_name(owner))
}

/// Returns who besides the owner may write to a file, with its mode: `everybody (mode 0666)`.
///
/// A group without another member than this user does not count: with an umask of 002, files belong to such a group.
pub fn foreign_writers(metadata: &Metadata) -> Option<String> {
    let own = rustix::process::geteuid().as_raw();
    let mode = metadata.mode() & PERMISSIONS;
    let writers = if mode & OTHERS_WRITE != 0 {
        "everybody"
    } else if mode & GROUP_WRITES != 0 && !is_private_group(metadata.gid(), own) {
        "its group"
    } else {
        return None;
    };
    Some(format!("{writers} (mode {mode:04o})"))
}

/// Returns whether a group has no member but this user: with an umask of 002, every user has one of their own.
pub(super) fn is_private_group(group: u32, own: u32) -> bool {
    let (Ok(Some(group)), Ok(Some(user))) = (
        Group::from_gid(Gid::from_raw(group)),
        User::from_uid(Uid::from_raw(own)),
    ) else {
        return false;
    };
    group.name == user.name
        && group.gid == user.gid
        && group.mem.iter().all(|member| *member == user.name)
}

/// Returns the name of a user, or the id of one without an account.
pub(super) fn user_name(owner: u32) -> String {
    match User::from_uid(Uid::from_raw(owner)) {
        Ok(Some(user)) => format!("the user {}", user.name),
        _ => format!("the user {owner}"),
    }
}
