use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::{Client, CommandOutput, Database, ServerUser};

/// The built binary in a world of its own: a temp root as working directory, with `home` and `tmp` in it, and an
/// environment that holds nothing but what the test puts there.
#[derive(Debug)]
pub(crate) struct Schemastamp {
    root: TempDir,
    environment: BTreeMap<OsString, OsString>,
    replacements: Vec<(String, String)>,
    user: Option<ServerUser>,
}

impl Schemastamp {
    /// A world without a server: `PATH` leads to the installed psql and `pg_dump`.
    pub(crate) fn new() -> Self {
        let root = tempfile::Builder::new()
            .prefix("sst-run-")
            .tempdir()
            .expect("the temp directory is writable");
        for folder in ["home", "tmp"] {
            std::fs::create_dir(root.path().join(folder)).expect("own folder");
        }
        let replacements = vec![(root.path().display().to_string(), "$ROOT".to_owned())];
        let mut this = Self {
            root,
            environment: BTreeMap::new(),
            replacements,
            user: None,
        };
        this.set("HOME", this.path("home"));
        this.set("TMPDIR", this.path("tmp"));
        this.client(&Client::installed())
    }

    /// A world in which the `PG*` variables lead to a database over the Unix socket.
    pub(crate) fn on(database: &Database<'_>) -> Self {
        let cluster = database.cluster;
        Self::new()
            .envs(&database.environment())
            .hide(&cluster.socket_folder().display().to_string(), "$SOCKET")
            .hide(&cluster.port().to_string(), "$PORT")
            .hide(&database.name, "$DATABASE")
    }

    /// Uses psql and `pg_dump` of another version.
    pub(crate) fn client(mut self, client: &Client) -> Self {
        let mut path = client.bin.clone().into_os_string();
        path.push(":/usr/bin:/bin");
        self.set("PATH", path);
        self
    }

    /// Sets a variable for the binary.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.set(name, value);
        self
    }

    pub(crate) fn envs(mut self, variables: &BTreeMap<String, String>) -> Self {
        for (name, value) in variables {
            self.set(name, value);
        }
        self
    }

    /// Takes a variable away again.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.environment.remove(OsStr::new(name));
        self
    }

    /// Shows `shown` in the output's `Display` wherever `text` stands.
    pub(crate) fn hide(mut self, text: &str, shown: &str) -> Self {
        self.replacements.push((text.to_owned(), shown.to_owned()));
        self
    }

    /// Runs the binary as another user, who then owns the root and everything in it. Only root can do that.
    pub(crate) fn run_as(mut self, user: &ServerUser) -> Self {
        let mut folders = vec![self.root.path().to_owned()];
        while let Some(path) = folders.pop() {
            user.owns(&path);
            if path.is_dir() {
                let entries = std::fs::read_dir(&path).expect("own folder");
                folders.extend(entries.map(|entry| entry.expect("own folder").path()));
            }
        }
        self.user = Some(user.clone());
        self
    }

    /// The working directory of the binary.
    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    /// A path beneath the root.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.root.path().join(relative)
    }

    /// Writes a file beneath the root, with the folders above it; returns its path.
    pub(crate) fn write(&self, relative: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(relative);
        std::fs::create_dir_all(path.parent().expect("beneath the root")).expect("own folder");
        std::fs::write(&path, content)
            .unwrap_or_else(|error| panic!("write '{}': {error}", path.display()));
        if let Some(user) = &self.user {
            user.owns(&path);
        }
        path
    }

    /// Reads a file beneath the root.
    pub(crate) fn read(&self, relative: &str) -> String {
        let path = self.path(relative);
        std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("read '{}': {error}", path.display()))
    }

    /// What is left in the binary's `TMPDIR`: nothing, after any run.
    pub(crate) fn leftovers(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.path("tmp")).expect("own folder");
        entries
            .map(|entry| entry.expect("own folder").path())
            .collect()
    }

    /// Runs the binary to its end with empty standard input.
    #[must_use = "snapshot the output or assert on its status"]
    pub(crate) fn run(&self, arguments: &[&str]) -> CommandOutput {
        self.run_with_input(arguments, b"")
    }

    /// Runs the binary to its end.
    #[must_use = "snapshot the output or assert on its status"]
    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &[u8]) -> CommandOutput {
        let mut child = self.spawn(arguments);
        let mut stdin = child.stdin.take().expect("piped");
        let input = input.to_owned();
        // The binary may end before it has read everything.
        let feeder = std::thread::spawn(move || stdin.write_all(&input).is_ok());
        let output = self.finish(child);
        feeder.join().expect("the feeder does not panic");
        let flags = arguments.split(|argument| *argument == "--").next();
        let mut pairs = flags.unwrap_or_default().windows(2);
        if pairs.any(|pair| pair == ["--format", "json"]) {
            output.is_documented();
        }
        output
    }

    /// Starts the binary with pipes on all three streams, for tests that talk to it or send it signals.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Child {
        self.command(arguments).spawn().expect("the binary starts")
    }

    /// Waits for a binary started by [`Schemastamp::spawn`].
    #[must_use = "snapshot the output or assert on its status"]
    pub(crate) fn finish(&self, child: Child) -> CommandOutput {
        CommandOutput::new(
            &child.wait_with_output().expect("the binary ends"),
            self.replacements.clone(),
        )
    }

    /// The command that [`Schemastamp::spawn`] starts.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        self.command_of(&self.binary(), arguments)
    }

    /// Another program in the same world, for comparison.
    pub(crate) fn command_of(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(self.root.path())
            .env_clear()
            .envs(&self.environment);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(user) = &self.user {
            user.applies_to(&mut command);
            // Its own group too: a program started for another user must not be reached by the tests' ctrl-C alone.
            command.process_group(0);
        }
        command
    }

    /// The binary, or a link to it beneath the root when another user cannot reach the build folder.
    fn binary(&self) -> PathBuf {
        let built = PathBuf::from(env!("CARGO_BIN_EXE_schemastamp"));
        match &self.user {
            Some(user) if !user.may_run(&built) => {
                let copy = self.path("tmp").with_file_name("schemastamp-binary");
                if !copy.exists() {
                    std::fs::hard_link(&built, &copy)
                        .or_else(|_| std::fs::copy(&built, &copy).map(drop))
                        .expect("the built binary can be copied");
                }
                copy
            }
            _ => built,
        }
    }

    fn set(&mut self, name: &str, value: impl AsRef<OsStr>) {
        self.environment
            .insert(name.into(), value.as_ref().to_owned());
    }
}
