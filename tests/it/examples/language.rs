use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use crate::provision::{SMALL, snapshot};
use crate::support::{Client, CommandOutput, Database, Schemastamp};

/// A language with an example `sign_up`.
#[derive(Clone, Copy, Debug)]
pub(super) enum Language {
    Python,
    Elixir,
}

impl Language {
    /// A world in which `schemastamp` is in `PATH`, with one snapshot.
    pub(super) fn world(database: &Database<'_>) -> Schemastamp {
        let folder = Path::new(env!("CARGO_BIN_EXE_schemastamp"))
            .parent()
            .unwrap();
        let path = format!(
            "{}:{}:/usr/bin:/bin",
            folder.display(),
            Client::installed().bin.display()
        );
        let world = Schemastamp::on(database)
            .env("PATH", path)
            .env("LC_ALL", "C.UTF-8")
            .env("PYTHONDONTWRITEBYTECODE", "1");
        world.write("snapshots/app.sql", snapshot(SMALL));
        world
    }

    /// Runs the example as a program.
    pub(super) fn run(self, world: &Schemastamp, names: &[&str]) -> CommandOutput {
        let example = self.example().display().to_string();
        let arguments: Vec<&str> = [example.as_str()]
            .into_iter()
            .chain(names.iter().copied())
            .collect();
        world.finish(
            world
                .command_of(&self.program(), &arguments)
                .spawn()
                .unwrap(),
        )
    }

    /// Runs a program that uses the example. Both have `ask` and `say`, and `ups`.
    pub(super) fn drive(self, world: &Schemastamp, python: &str, elixir: &str) -> Driven {
        let example = self.example().display().to_string();
        let child = match self {
            Self::Python => {
                let setup = "import sys, threading\nsys.path.insert(0, sys.argv[1])\nimport sign_up\n\
                    def say(text): print(text, flush=True)\n\
                    def ask(name): answer = ups.sign_up(name); say(f'{name} {answer[\"outcome\"]}')\n\
                    ups = sign_up.SignUps()\n";
                let folder = self.example().parent().unwrap().display().to_string();
                world
                    .command_of(
                        &self.program(),
                        &["-c", &format!("{setup}{python}"), &folder],
                    )
                    .spawn()
            }
            Self::Elixir => {
                let setup = "ask = fn name -> IO.puts(\"#{name} #{SignUps.sign_up(name)[\"outcome\"]}\") end\n\
                    {:ok, ups} = SignUps.start_link([])\n";
                world
                    .command_of(
                        &self.program(),
                        &["-r", &example, "-e", &format!("{setup}{elixir}")],
                    )
                    .spawn()
            }
        };
        let mut child = child.unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            stdout
                .lines()
                .map_while(Result::ok)
                .all(|line| sender.send(line).is_ok())
        });
        Driven { child, lines }
    }

    fn example(self) -> PathBuf {
        let file = match self {
            Self::Python => "examples/sign_up.py",
            Self::Elixir => "examples/sign_up.exs",
        };
        Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
    }

    /// Panics when the language is missing: that is no skipped test.
    fn program(self) -> PathBuf {
        let program = Path::new(match self {
            Self::Python => "/usr/bin/python3",
            Self::Elixir => "/usr/bin/elixir",
        });
        assert!(
            program.exists(),
            "'{}' is missing: run scripts/test, which installs what the tests need",
            program.display()
        );
        program.to_owned()
    }
}

/// A program that runs, and is talked to.
#[derive(Debug)]
pub(super) struct Driven {
    child: Child,
    lines: Receiver<String>,
}

impl Driven {
    /// Its next line, which comes within 20 s.
    #[track_caller]
    pub(super) fn line(&mut self) -> String {
        self.lines
            .recv_timeout(Duration::from_secs(20))
            .expect("a line")
    }

    /// Lets it go on.
    pub(super) fn go_on(&mut self) {
        self.child.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
    }

    /// Waits for its end, which is a good one.
    #[track_caller]
    pub(super) fn end(mut self) {
        let left = self.lines.recv_timeout(Duration::from_secs(20));
        assert_eq!(left, Err(RecvTimeoutError::Disconnected));
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}");
    }
}

impl Drop for Driven {
    fn drop(&mut self) {
        // A test that failed leaves nothing running; else it has ended.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
