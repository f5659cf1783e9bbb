use std::collections::BTreeMap;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use super::{Database, Options, Release, ServerUser, Supervisor, server_folder};

/// A throwaway `PostgreSQL` server. Its superuser is `postgres`; it is stopped and its files are removed on drop.
#[derive(Debug)]
pub(crate) struct Cluster {
    supervisor: Supervisor,
    options: Mutex<Options>,
    port: u16,
}

/// How [`Cluster::shutdown`] ends a server.
#[derive(Debug, Clone, Copy)]
pub(crate) enum StopMode {
    /// `pg_ctl shutdown -m fast`: open transactions roll back.
    Fast,
    /// `pg_ctl shutdown -m immediate`: as a crash, recovery follows.
    Immediate,
}

impl Cluster {
    /// The cluster that most tests share: the installed version with [`Options::default`]. Roles and settings of it are
    /// everybody's; a test that changes them starts its own.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(&Options::default()))
    }

    /// The shared cluster of another major version: 13, 14, 16, 17 or 18.
    pub(crate) fn of_major(major: u32) -> &'static Self {
        Self::of_release(Release::Major(major))
    }

    /// The shared cluster of a release; [`Release::Installed`] is [`Cluster::shared`].
    pub(crate) fn of_release(release: Release) -> &'static Self {
        static SHARED: Mutex<BTreeMap<Release, &'static OnceLock<Cluster>>> =
            Mutex::new(BTreeMap::new());
        if release == Release::Installed {
            return Self::shared();
        }
        // The lock covers the map alone, so that several releases start at the same time.
        let cell: &'static OnceLock<Self> = SHARED
            .lock()
            .unwrap()
            .entry(release)
            .or_insert_with(|| Box::leak(Box::default()));
        cell.get_or_init(|| Self::start(&Options::default().release(release)))
    }

    /// The shared cluster, or one of another release if the installed one was built without an extension.
    pub(crate) fn with_extension(name: &str) -> &'static Self {
        let shared = Self::shared();
        let query = format!("SELECT count(*) FROM pg_available_extensions WHERE name = '{name}'");
        match shared.maintenance().query(&query).as_str() {
            "0" => Self::of_major(16),
            _ => shared,
        }
    }

    /// Starts a cluster of one's own and waits until it takes connections.
    pub(crate) fn start(options: &Options) -> Self {
        Self::start_on(options, |bin, data| {
            copy_template(bin, options.release, data);
        })
    }

    /// Starts a hot standby that streams from this cluster, whose options are those of
    /// [`Options::with_standby`].
    pub(crate) fn standby(&self) -> Self {
        let options = self.options.lock().unwrap().clone();
        Self::start_on(&options, |bin, data| {
            let mut copy = as_server_user(&bin.join("pg_basebackup"));
            copy.args(["-R", "-X", "stream", "-c", "fast", "-U", "postgres", "-h"])
                .arg(self.socket_folder())
                .args(["-p", &self.port.to_string(), "-D"])
                .arg(data);
            must_succeed(&mut copy);
        })
    }

    /// Starts a cluster on a data directory that `fill` makes, with the server's programs.
    fn start_on(options: &Options, fill: impl Fn(&Path, &Path)) -> Self {
        let bin = server_folder(options.release);
        for _attempt in 0..5 {
            let folder = Supervisor::make_folder();
            let data = folder.join("data");
            fill(&bin, &data);
            let port = free_port();
            write_configuration(&folder, options, port);
            let postgres = bin.join("postgres");
            let program = [
                postgres.to_str().expect("UTF-8"),
                "-D",
                data.to_str().expect("UTF-8"),
            ];
            let supervisor = Supervisor::start(&folder, &program);
            let cluster = Self {
                supervisor,
                options: Mutex::new(options.clone()),
                port,
            };
            match cluster.wait_until_ready(0) {
                Ok(()) => return cluster,
                // Another process took the port in between.
                Err(log) if log.contains("could not bind") => {}
                Err(log) => panic!("the server does not start:\n{log}"),
            }
        }
        panic!("no free port found in five attempts");
    }

    /// A fresh, empty database, dropped with the returned value.
    pub(crate) fn database(&self) -> Database<'_> {
        Database::create(self)
    }

    /// The database `postgres`, for statements on the cluster itself, such as `CREATE ROLE`. It is not dropped.
    pub(crate) fn maintenance(&self) -> Database<'_> {
        Database::maintenance(self)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The folder of the Unix socket, as `PGHOST` takes it.
    pub(crate) fn socket_folder(&self) -> &Path {
        self.supervisor.folder()
    }

    /// The data directory; it belongs to the server's user.
    pub(crate) fn data_folder(&self) -> PathBuf {
        self.supervisor.folder().join("data")
    }

    /// What the server has logged so far.
    pub(crate) fn log(&self) -> String {
        self.supervisor.log()
    }

    /// The postmaster's process id.
    pub(crate) fn pid(&self) -> u32 {
        let content = std::fs::read_to_string(self.data_folder().join("postmaster.pid"))
            .expect("the server runs");
        content
            .split('\n')
            .next()
            .and_then(|line| line.parse().ok())
            .expect("a number in postmaster.pid")
    }

    /// Ends the server; [`Cluster::start_again`] brings it back on the same port with the same data.
    pub(crate) fn stop(&self, mode: StopMode) {
        self.supervisor.order(match mode {
            StopMode::Fast => "INT",
            StopMode::Immediate => "QUIT",
        });
    }

    /// Starts a stopped server and waits until it takes connections.
    pub(crate) fn start_again(&self) {
        let said_before = self.log().len();
        self.start_without_waiting();
        self.wait_until_ready(said_before)
            .unwrap_or_else(|log| panic!("the server does not come back:\n{log}"));
    }

    /// Starts a stopped server and returns at once: for tests that meet it while it starts up.
    pub(crate) fn start_without_waiting(&self) {
        self.supervisor.order("start");
    }

    /// Changes the configuration and restarts the server; connections are cut.
    pub(crate) fn reconfigure(&self, change: impl FnOnce(Options) -> Options) {
        {
            let mut options = self.options.lock().unwrap();
            *options = change(options.clone());
            write_configuration(self.supervisor.folder(), &options, self.port);
        }
        self.stop(StopMode::Fast);
        self.start_again();
    }

    /// `Err` is what the server logged beyond the first `said_before` bytes, when it ended instead.
    fn wait_until_ready(&self, said_before: usize) -> Result<(), String> {
        let deadline = Instant::now() + Duration::from_mins(1);
        loop {
            // postmaster.pid is the server's own word on its state: the process in line 1, `ready` in line 8.
            let state = std::fs::read_to_string(self.data_folder().join("postmaster.pid"))
                .unwrap_or_default();
            let lines: Vec<&str> = state.split('\n').map(str::trim).collect();
            if lines.get(7) == Some(&"ready") && Path::new("/proc").join(lines[0]).exists() {
                return Ok(());
            }
            let log = self.log().split_off(said_before);
            let ended = ["could not bind", "FATAL:  ", "database system is shut down"]
                .iter()
                .any(|end| log.contains(end));
            if (ended && lines.len() < 8) || Instant::now() > deadline {
                return Err(log);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// A port that was free just now, below the range that outgoing connections take theirs from.
pub(super) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() % 10_000).expect("below 10,000");
    (0..10_000)
        .map(|_| 20_000 + (start + NEXT.fetch_add(1, Ordering::Relaxed) * 7) % 10_000)
        .find(|&port| TcpListener::bind(("127.0.0.1", port)).is_ok())
        .expect("one of 10,000 ports is free")
}

fn write_configuration(folder: &Path, options: &Options, port: u16) {
    let data = folder.join("data");
    let socket_folder = folder.to_str().expect("UTF-8");
    write_private(
        &data.join("postgresql.conf"),
        &options.postgresql_conf(port, socket_folder),
    );
    write_private(&data.join("pg_hba.conf"), &options.pg_hba_conf());
    if let Some(tls) = &options.tls {
        write_private(&data.join("server.crt"), &tls.certificate);
        write_private(&data.join("server.key"), &tls.key);
        write_private(
            &data.join("client_ca.crt"),
            tls.client_ca.as_deref().unwrap_or_default(),
        );
        write_private(
            &data.join("client.crl"),
            tls.crl.as_deref().unwrap_or_default(),
        );
    }
}

/// Writes a file that only the server's user can read.
pub(super) fn write_private(path: &Path, content: &str) {
    std::fs::write(path, content)
        .unwrap_or_else(|error| panic!("write '{}': {error}", path.display()));
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).expect("own file");
    ServerUser::get().owns(path);
}

/// Copies what initdb made, which is done once per process and version: copying takes a tenth of the time.
fn copy_template(bin: &Path, release: Release, data: &Path) {
    static TEMPLATES: Mutex<BTreeMap<Release, Supervisor>> = Mutex::new(BTreeMap::new());
    let mut templates = TEMPLATES.lock().unwrap();
    let template = templates.entry(release).or_insert_with(|| {
        let guard = Supervisor::start(&Supervisor::make_folder(), &[]);
        let mut initdb = as_server_user(&bin.join("initdb"));
        initdb.args([
            "--no-sync",
            "--wal-segsize=1",
            "--username=postgres",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "-D",
        ]);
        initdb.arg(guard.folder().join("data"));
        must_succeed(&mut initdb);
        guard
    });
    let source = template.folder().join("data");
    must_succeed(
        as_server_user(Path::new("/bin/cp"))
            .args(["-a", "--reflink=auto"])
            .arg(source)
            .arg(data),
    );
}

fn as_server_user(program: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .envs([("PATH", "/usr/bin:/bin"), ("LC_ALL", "C")])
        .current_dir("/");
    ServerUser::get().applies_to(&mut command);
    command
}

fn must_succeed(command: &mut Command) {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}
