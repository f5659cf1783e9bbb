use std::io::Write as _;
use std::path::{Path, PathBuf};

use regex::Regex;

use super::page::{Action, Page, Step, workflow_commands};
use crate::support::{Client, Cluster, CommandOutput, Database, Schemastamp, tools};

/// Sourced by each command: what it exports is there for the next one, as in one shell.
const VARIABLES: &str = "tmp/variables";

/// Somebody who has an app, a database and the app's tools, and does what a page says.
pub(super) struct Reader<'a> {
    world: Schemastamp,
    database: Database<'a>,
}

impl Reader<'_> {
    /// The app of `testdata/quickstarts/NAME`, with a database as its script `setup` leaves it.
    pub(super) fn with_app(name: &str) -> Self {
        let database = Cluster::shared().database();
        let world = Schemastamp::new()
            .env("LC_ALL", "C.UTF-8")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("PYTHONPATH", python_packages());
        let source = root().join("testdata/quickstarts").join(name);
        copy(&source, &source, &world);
        let path = [
            // `python`, which Debian calls python3, and stand-ins for tools that no registry of the tests has.
            root().join("tests/it/quickstarts/programs"),
            binary_folder(),
            Client::installed().bin,
            tools().join("programs/bin"),
        ];
        let path = path.map(|folder| folder.display().to_string()).join(":");
        let world = world.env("PATH", format!("{path}:/usr/bin:/bin"));
        let reader = Self { world, database };
        if reader.world.path("setup").exists() {
            drop(reader.succeeds(&reader.database, "./setup", "setup"));
        }
        reader
    }

    /// Does everything that the page says. With `QUICKSTARTS=update` in the environment, the page gets the output that
    /// its commands had.
    pub(super) fn follow(&self, page: &Page) {
        let mut changed = Vec::new();
        for step in &page.steps {
            let place = format!("{}:{}", page.path.display(), step.lines.start);
            if let Some(output) = self.take(step, &place) {
                changed.push((step.lines.clone(), output));
            }
        }
        assert!(
            self.world.leftovers().len() <= 1,
            "{:?}",
            self.world.leftovers()
        );
        if changed.is_empty() {
            return;
        }
        let mut lines: Vec<&str> = page.text.lines().collect();
        for (range, output) in changed.iter().rev() {
            drop(lines.splice(range.clone(), output.lines()));
        }
        std::fs::write(&page.path, lines.join("\n") + "\n").unwrap();
    }

    /// Takes a step. Returns the output that the page should show and does not.
    fn take(&self, step: &Step, place: &str) -> Option<String> {
        match &step.action {
            Action::Run(script) => drop(self.succeeds(&self.database, script, place)),
            Action::Write { path, text, append } => self.write(path, text, *append, place),
            Action::Show { command, output } => {
                let shown = self.succeeds(&self.database, command, place);
                if steady(&shown) == steady(output) {
                    return None;
                }
                assert!(
                    std::env::var_os("QUICKSTARTS").is_some_and(|value| value == "update"),
                    "{place}: '{command}' printed\n{shown}\nand the page shows\n{output}"
                );
                return Some(shown);
            }
        }
        None
    }

    fn write(&self, path: &str, text: &str, append: bool, place: &str) {
        if append {
            let mut file = std::fs::OpenOptions::new()
                .append(true)
                .open(self.world.path(path))
                .unwrap_or_else(|error| panic!("{place}: '{path}': {error}"));
            file.write_all(text.as_bytes()).unwrap();
        } else {
            self.world.write(path, text);
        }
        if path.starts_with(".github/workflows/") {
            self.follow_workflow(text, place);
        }
    }

    /// A job has a database of its own.
    fn follow_workflow(&self, text: &str, place: &str) {
        let commands = workflow_commands(text);
        assert!(
            commands
                .iter()
                .any(|command| command.contains("schemastamp check")),
            "{place}: the job has no check"
        );
        let database = Cluster::shared().database();
        for command in commands {
            drop(self.succeeds(&database, &command, place));
        }
    }

    fn succeeds(&self, database: &Database<'_>, script: &str, place: &str) -> String {
        let output = self.shell(database, script);
        assert!(
            output.code == Some(0),
            "{place}: '{script}' failed:\n{}",
            output.stdout
        );
        output.stdout
    }

    fn shell(&self, database: &Database<'_>, script: &str) -> CommandOutput {
        let url = format!("{}?sslmode=disable", database.url());
        // The reader's own database stands where the page has an example's.
        let script = Regex::new("(?m)^export DATABASE_URL=.*$")
            .unwrap()
            .replace_all(script, "");
        let script = format!(
            "set -euo pipefail\nexec 2>&1\nif [ -e {VARIABLES} ]; then . ./{VARIABLES}; fi\n\
             export DATABASE_URL='{url}'\n{script}\nexport -p > {VARIABLES}\n"
        );
        let child = self
            .world
            .command_of(Path::new("/bin/bash"), &["-c", &script])
            .spawn()
            .unwrap();
        self.world.finish(child)
    }
}

/// Output without what differs from run to run and from release to release: times, fingerprints, the order in which
/// workers end, and how many objects were compared (NOT NULL constraints are some since `PostgreSQL` 18).
fn steady(output: &str) -> String {
    let times = Regex::new(r"\d+(\.\d+)? m?s\b").unwrap();
    let fingerprints = Regex::new(r"\b[0-9a-f]{12,64}\b").unwrap();
    let output = times.replace_all(output, "TIME");
    let output = fingerprints.replace_all(&output, "FINGERPRINT");
    let compared = Regex::new(r"\b\d+ objects equal\b").unwrap();
    let output = compared.replace_all(&output, "N objects equal");
    let mut lines: Vec<&str> = output.lines().collect();
    lines.sort_unstable();
    lines.join("\n")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn binary_folder() -> PathBuf {
    let binary = Path::new(env!("CARGO_BIN_EXE_schemastamp"));
    binary.parent().unwrap().to_owned()
}

/// Django, alembic and others, as `scripts/install/migrators` puts them there.
fn python_packages() -> String {
    let folders = ["migrators", "programs/python"].map(|folder| {
        let folder = tools().join(folder);
        assert!(
            folder.is_dir(),
            "'{}' is missing: run scripts/install/migrators",
            folder.display()
        );
        folder.display().to_string()
    });
    folders.join(":")
}

/// Copies the files of an app into a world, with their modes.
fn copy(folder: &Path, source: &Path, world: &Schemastamp) {
    let entries =
        std::fs::read_dir(folder).unwrap_or_else(|error| panic!("'{}': {error}", folder.display()));
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            copy(&path, source, world);
        } else {
            let name = path.strip_prefix(source).unwrap().to_str().unwrap();
            let target = world.write(name, std::fs::read(&path).unwrap());
            std::fs::set_permissions(&target, path.metadata().unwrap().permissions()).unwrap();
        }
    }
}

#[test]
fn times_fingerprints_and_order_do_not_count() {
    assert_eq!(
        steady("created b (12.3 ms), 2 s, from 1306e5846647\ncreated a\nproven: 21 objects equal"),
        "created a\ncreated b (TIME), TIME, from FINGERPRINT\nproven: N objects equal"
    );
}
