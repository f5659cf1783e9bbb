use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use std::os::unix::process::CommandExt;

/// The user that servers run as: `PostgreSQL` and `PgBouncer` refuse to run as root.
///
/// When the tests run as root this is `postgres` if the machine has it, else `nobody`; otherwise whoever runs the tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerUser {
    pub(crate) name: String,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// Whether programs have to be started under another uid than the tests' own.
    switches: bool,
}

impl ServerUser {
    /// The user for this test process.
    pub(crate) fn get() -> &'static Self {
        static USER: OnceLock<ServerUser> = OnceLock::new();
        USER.get_or_init(|| {
            let uid = rustix::process::geteuid().as_raw();
            if uid != 0 {
                let gid = rustix::process::getegid().as_raw();
                return Self {
                    name: format!("uid {uid}"),
                    uid,
                    gid,
                    switches: false,
                };
            }
            ["postgres", "nobody"]
                .into_iter()
                .find_map(Self::named)
                .expect("a user named postgres or nobody")
        })
    }

    /// A user of `/etc/passwd`; programs started as it are started under its uid. Only root can do that.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let passwd = std::fs::read_to_string("/etc/passwd").expect("/etc/passwd is readable");
        let fields: Vec<&str> = passwd
            .split('\n')
            .map(|line| line.split(':').collect())
            .find(|fields: &Vec<&str>| fields[0] == name)?;
        Some(Self {
            name: name.to_owned(),
            uid: fields[2].parse().ok()?,
            gid: fields[3].parse().ok()?,
            switches: true,
        })
    }

    /// A user id that `/etc/passwd` does not have, as containers run programs under; `None` if the tests do not run as root.
    pub(crate) fn without_account() -> Option<Self> {
        rustix::process::geteuid().is_root().then(|| Self {
            name: "uid 54321".to_owned(),
            uid: 54321,
            gid: 54321,
            switches: true,
        })
    }

    /// Makes the command run as this user, without the caller's supplementary groups.
    pub(crate) fn applies_to(&self, command: &mut Command) {
        if self.switches {
            command.uid(self.uid).gid(self.gid);
        }
    }

    /// Gives a file or folder to this user.
    pub(crate) fn owns(&self, path: &Path) {
        if self.switches {
            std::os::unix::fs::chown(path, Some(self.uid), Some(self.gid)).expect("root may chown");
        }
    }

    /// Whether this user may run a program (every folder above it counts too).
    pub(crate) fn may_run(&self, program: &Path) -> bool {
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", "test -x \"$1\"", "sh"])
            .arg(program)
            .current_dir("/");
        self.applies_to(&mut command);
        command.status().expect("sh runs").success()
    }
}
