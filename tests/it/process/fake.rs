use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use schemastamp::path;
use schemastamp::pg::{NamedProgram, PgDump, Program, Server};
use schemastamp::process::{Invocation, RunDir};
use tempfile::TempDir;

/// Links named psql and `pg_dump` to the fake program, with its orders, in a folder of their own.
///
/// Links, not copies: to write a program and run it at once fails with `ETXTBSY` when another test forks in between.
pub(crate) struct Fake {
    folder: TempDir,
}

pub(crate) fn program() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/fake-bin/psql")
}

pub(crate) fn write(path: &Path, text: &str) {
    path::write_atomic(path, text.as_bytes()).unwrap();
}

impl Fake {
    /// A fake of version 15.18 that runs these shell commands.
    pub(crate) fn new(orders: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        symlink(program(), folder.path().join("psql")).unwrap();
        symlink(program(), folder.path().join("pg_dump")).unwrap();
        fs::create_dir(folder.path().join("tmp")).unwrap();
        let fake = Self { folder };
        write(&fake.path("orders"), orders);
        fake.with_version("psql (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)")
    }

    pub(crate) fn with_version(self, version: &str) -> Self {
        write(&self.path("version"), &format!("{version}\n"));
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The folder that stands for `TMPDIR`.
    pub(crate) fn temporary(&self) -> PathBuf {
        self.path("tmp")
    }

    pub(crate) fn invocation(&self) -> Invocation {
        Invocation::new(self.path("psql"))
    }

    pub(crate) fn run_dir(&self) -> RunDir {
        RunDir::new(&self.temporary()).unwrap()
    }

    pub(crate) fn psql(&self) -> Program {
        let setting = NamedProgram {
            path: self.path("psql"),
            origin: "a test".to_owned(),
        };
        Program::find_psql(Some(&setting), "".as_ref()).unwrap()
    }

    pub(crate) fn server(&self) -> Server {
        let mut server = Server::new(self.psql(), BTreeMap::new(), self.temporary());
        server.timeout = Some(Duration::from_secs(30));
        server
    }

    pub(crate) fn pg_dump(&self) -> PgDump {
        let setting = NamedProgram {
            path: self.path("pg_dump"),
            origin: "a test".to_owned(),
        };
        let program = Program::find_pg_dump(Some(&setting), "".as_ref()).unwrap();
        PgDump {
            program,
            server: self.server(),
        }
    }

    /// What the program wrote beside its link.
    pub(crate) fn record(&self, name: &str) -> String {
        path::read_to_string(&self.path(name)).unwrap()
    }

    pub(crate) fn record_of_parts(&self, name: &str) -> Vec<String> {
        self.record(name)
            .split_terminator('\0')
            .map(str::to_owned)
            .collect()
    }

    pub(crate) fn started(&self) -> bool {
        self.path("pid").exists()
    }

    /// Whether any process of the program's group still runs, after giving the kernel a moment.
    ///
    /// One that is dead and not yet waited for does not count: an orphan is for the system's first process to reap, and
    /// that of a container takes its time, or never does.
    pub(crate) fn is_alive(&self) -> bool {
        let leader: u32 = self.record("pid").trim().parse().unwrap();
        for _ in 0..100 {
            if !any_runs_in(leader) {
                return false;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        true
    }

    /// Nothing may be left in `TMPDIR`.
    #[track_caller]
    pub(crate) fn assert_nothing_left(&self) {
        let left: Vec<_> = fs::read_dir(self.temporary())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

/// Whether a process of this group is there and neither a zombie nor dead, by /proc/PID/stat (see proc(5)).
fn any_runs_in(group: u32) -> bool {
    let group = group.to_string();
    fs::read_dir("/proc").unwrap().any(|entry| {
        // Most entries are no processes, and a process may end between the two calls.
        let Ok(stat) = fs::read_to_string(entry.unwrap().path().join("stat")) else {
            return false;
        };
        // The name of the program, in parentheses, may hold anything.
        let Some((_, fields)) = stat.rsplit_once(')') else {
            return false;
        };
        let fields: Vec<_> = fields.split_whitespace().take(3).collect();
        matches!(fields[..], [state, _parent, of] if of == group && !matches!(state, "Z" | "X"))
    })
}
