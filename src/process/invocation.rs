use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use secrecy::ExposeSecret;
use tokio::process::Command;

use super::{EnvValue, RunDir};

/// A program with its arguments, environment and limits: a plain value, fit for logs.
///
/// `Display` and `Debug` give the command as a shell would take it, secrets as `[redacted]`.
#[derive(Clone)]
pub struct Invocation {
    /// The program, an absolute path.
    pub program: PathBuf,
    /// Its arguments, without its name.
    pub args: Vec<OsString>,
    /// Its whole environment, except `HOME`, which is the run's directory.
    pub env: BTreeMap<String, EnvValue>,
    /// Time limit; `None` for no limit.
    pub timeout: Option<Duration>,
    /// Time it gets to obey SIGINT, and then SIGTERM, before the next, harder signal.
    pub grace: Duration,
    /// The directory in which it starts; `None` for the run's own.
    pub directory: Option<PathBuf>,
    /// Arguments may contain a secret, and are shown as `[redacted]`.
    pub hides_arguments: bool,
}

impl Invocation {
    /// A program without arguments, environment and timeout, and with 5 s of grace.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            env: BTreeMap::new(),
            timeout: None,
            grace: Duration::from_secs(5),
            directory: None,
            hides_arguments: false,
        }
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets a variable of the environment.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: EnvValue) -> Self {
        self.env.insert(name.into(), value);
        self
    }

    /// The only place that exposes secrets.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that starts programs"
    )]
    pub(super) fn to_command(&self, run_dir: &RunDir) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(&self.args)
            .current_dir(self.directory.as_deref().unwrap_or(run_dir.path()))
            .env_clear()
            .env("HOME", run_dir.path());
        for (name, value) in &self.env {
            match value {
                EnvValue::Plain(value) => command.env(name, value),
                EnvValue::Secret(value) => command.env(name, value.expose_secret()),
                EnvValue::Absent => command.env(name, run_dir.absent()),
            };
        }
        command
            // psql would ask for a password on stdin and OpenSSL for a pass phrase; both would take the first line of
            // a script for the answer (`-w` stops psql only).
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        // A group of its own: a Ctrl-C on the terminal reaches this process alone, which then cancels in order. A
        // child in the foreground group would get the same SIGINT at once.
        command.process_group(0).kill_on_drop(true);
        command
    }
}

fn quoted(text: &OsStr) -> String {
    shell_words::quote(&text.to_string_lossy()).into_owned()
}

impl fmt::Display for Invocation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.env {
            match value {
                EnvValue::Plain(value) => write!(formatter, "{name}={} ", quoted(value))?,
                EnvValue::Secret(_) => write!(formatter, "{name}=[redacted] ")?,
                EnvValue::Absent => write!(formatter, "{name}=[absent] ")?,
            }
        }
        formatter.write_str(&quoted(self.program.as_os_str()))?;
        if self.hides_arguments && !self.args.is_empty() {
            return formatter.write_str(" [redacted]");
        }
        self.args
            .iter()
            .try_for_each(|argument| write!(formatter, " {}", quoted(argument)))
    }
}

impl fmt::Debug for Invocation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Invocation({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_as_a_shell_takes_it_without_secrets() {
        let invocation = Invocation::new("/opt/my psql")
            .args(["-f", "it's.sql", ""])
            .env("PGPASSWORD", EnvValue::Secret("hunter2".into()))
            .env("PGHOST", EnvValue::Plain("/run/a b".into()))
            .env("PGSSLCERT", EnvValue::Absent);
        let shown = r"PGHOST='/run/a b' PGPASSWORD=[redacted] PGSSLCERT=[absent] '/opt/my psql' -f 'it'\''s.sql' ''";
        assert_eq!(invocation.to_string(), shown);
        assert_eq!(format!("{invocation:?}"), format!("Invocation({shown})"));
        assert!(!format!("{:?}", invocation.env).contains("hunter2"));
    }
}
