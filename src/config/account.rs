use std::path::PathBuf;

/// The entry of the effective user in the operating system's user database, as libpq reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The login name: libpq's default user.
    pub name: String,
    /// The home directory of the entry; `$HOME` may say otherwise.
    pub home: PathBuf,
}

impl Account {
    /// The account of the effective user id; `None` when the id has no entry, as in many containers.
    pub(super) fn from_process() -> Option<Self> {
        let user = nix::unistd::User::from_uid(nix::unistd::Uid::effective())
            .ok()
            .flatten()?;
        Some(Self {
            name: user.name,
            home: user.dir,
        })
    }
}
