//! A program that prints the password of a connection: for tokens that live for minutes.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use secrecy::SecretString;

use super::PasswordToken;
use crate::path::PathError;
use crate::process::{EnvValue, Invocation, RunDir, RunError, Shutdown, StderrTail, Stdout, run};
use crate::text::{bounded, seconds};

/// The longest time that a command gets, also where a run has no time limit.
const LIMIT: Duration = Duration::from_secs(30);
/// The longest password that a server takes: `PG_MAX_AUTH_TOKEN_LENGTH` in `PostgreSQL`'s `auth.c`.
const LONGEST: usize = 65_535;
/// Number of characters of the command's last line on stderr that an error shows.
const SAID: usize = 300;

/// A command that prints the password. Each new connection runs it again.
///
/// No form of it shows its arguments, which may contain a secret, or its output. Clones share what
/// the last run printed about itself.
#[derive(Clone)]
pub struct PasswordCommand {
    invocation: Invocation,
    origin: String,
    last: Arc<Mutex<Last>>,
}

/// The facts about the last password.
#[derive(Debug, Default)]
struct Last {
    has_worked: bool,
    token: Option<PasswordToken>,
}

/// Reasons why a command gave no password.
#[derive(Debug, thiserror::Error)]
#[error("the password command '{program}' ({origin}) {problem}")]
pub struct PasswordError {
    program: String,
    origin: String,
    problem: PasswordProblem,
    /// An earlier run of the command gave a password.
    has_worked: bool,
}

/// The way in which a command failed.
#[derive(Debug, thiserror::Error)]
enum PasswordProblem {
    #[error("ended with {ended}{}", after(said))]
    Failed { ended: String, said: String },
    #[error("was stopped after {}{}", seconds(*limit), after(said))]
    TimedOut { limit: Duration, said: String },
    #[error("printed nothing on standard output{}", after(said))]
    Empty { said: String },
    #[error("printed more than one line; a password is one line")]
    SeveralLines,
    #[error("printed something that is no text")]
    NotText,
    #[error("printed more than {LONGEST} bytes")]
    TooLong,
    #[error("cannot be run: {0}")]
    NotRun(String),
}

fn after(said: &str) -> String {
    if said.is_empty() {
        String::new()
    } else {
        format!(": {said}")
    }
}

/// A password, or the signal that ended the run meanwhile.
pub(super) enum AskError {
    Password(PasswordError),
    Stop(RunError),
}

impl PasswordCommand {
    /// A command of an absolute path and its arguments, which runs in `directory` with exactly the
    /// variables in `environment`. `origin` names the setting in messages.
    pub fn new(
        program: impl Into<PathBuf>,
        arguments: impl IntoIterator<Item = OsString>,
        directory: impl Into<PathBuf>,
        environment: impl IntoIterator<Item = (String, EnvValue)>,
        origin: impl Into<String>,
    ) -> Self {
        let mut invocation = Invocation::new(program).args(arguments);
        invocation.env.extend(environment);
        invocation.directory = Some(directory.into());
        invocation.hides_arguments = true;
        invocation.grace = Duration::from_secs(1);
        Self {
            invocation,
            origin: origin.into(),
            last: Arc::default(),
        }
    }

    /// Returns the last password as a token, if it was one.
    pub fn last_token(&self) -> Option<PasswordToken> {
        self.last().token.clone()
    }

    /// Runs the command and returns the password that it prints, without its line end.
    pub(super) async fn ask(
        &self,
        temporary: &std::path::Path,
        timeout: Option<Duration>,
        shutdown: &Shutdown,
    ) -> Result<SecretString, AskError> {
        let failed = |problem| {
            AskError::Password(PasswordError {
                program: self.program(),
                origin: self.origin.clone(),
                problem,
                has_worked: self.last().has_worked,
            })
        };
        let limit = timeout.map_or(LIMIT, |timeout| timeout.min(LIMIT));
        let not_run = |error: PathError| failed(PasswordProblem::NotRun(error.to_string()));
        let run_dir = RunDir::new(temporary).map_err(not_run)?;
        let invocation = Invocation {
            timeout: Some(limit),
            ..self.invocation.clone()
        };
        // Two bytes more than the password for its line end.
        let stdout = Stdout::Collect(LONGEST + 2);
        let finished = match run(&invocation, &run_dir, shutdown, stdout).await {
            Ok(finished) => finished,
            Err(stop @ RunError::Interrupted { .. }) => return Err(AskError::Stop(stop)),
            Err(error) => return Err(failed(PasswordProblem::from_run(error, limit))),
        };
        if let Err(error) = run_dir.close() {
            tracing::warn!(%error, "the private directory is left behind");
        }
        let said = last_line(&finished.stderr);
        if finished.code != 0 {
            let ended = format!("exit code {}", finished.code);
            return Err(failed(PasswordProblem::Failed { ended, said }));
        }
        let text = String::from_utf8(finished.stdout)
            .ok()
            .filter(|text| !text.contains('\0'))
            .ok_or_else(|| failed(PasswordProblem::NotText))?;
        let password = text.strip_suffix('\n').unwrap_or(&text);
        let password = password.strip_suffix('\r').unwrap_or(password);
        if password.is_empty() {
            return Err(failed(PasswordProblem::Empty { said }));
        }
        if password.contains('\n') {
            return Err(failed(PasswordProblem::SeveralLines));
        }
        let mut last = self.last();
        last.has_worked = true;
        last.token = PasswordToken::read(password);
        Ok(SecretString::from(password))
    }

    fn program(&self) -> String {
        let name = self.invocation.program.file_name();
        let name = name.unwrap_or(self.invocation.program.as_os_str());
        bounded(&name.to_string_lossy(), SAID)
    }

    fn last(&self) -> std::sync::MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for PasswordCommand {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "PasswordCommand({} ({}))",
            self.program(),
            self.origin
        )
    }
}

impl PasswordError {
    /// Returns the stable id.
    pub fn id(&self) -> &'static str {
        "config.password_command"
    }

    /// Returns whether the next run may work: an earlier one did, and this one failed.
    pub fn is_transient(&self) -> bool {
        let failed = matches!(
            self.problem,
            PasswordProblem::Failed { .. }
                | PasswordProblem::TimedOut { .. }
                | PasswordProblem::Empty { .. }
        );
        self.has_worked && failed
    }
}

impl PasswordProblem {
    fn from_run(error: RunError, limit: Duration) -> Self {
        match error {
            RunError::TimedOut { stderr, .. } => Self::TimedOut {
                limit,
                said: last_line(&stderr),
            },
            RunError::Signaled { signal, stderr, .. } => Self::Failed {
                ended: signal.to_string(),
                said: last_line(&stderr),
            },
            RunError::TooLong { .. } => Self::TooLong,
            RunError::NotFound { source, .. } | RunError::Spawn { source, .. } => {
                Self::NotRun(source.to_string())
            }
            other => Self::NotRun(other.to_string()),
        }
    }
}

fn last_line(stderr: &StderrTail) -> String {
    let text = stderr.text();
    let last = text.lines().rfind(|line| !line.trim().is_empty());
    last.map(|line| bounded(line.trim(), SAID))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    fn command(script: &str) -> PasswordCommand {
        let path = EnvValue::Plain("/usr/bin:/bin".into());
        PasswordCommand::new(
            "/bin/sh",
            ["-c".into(), script.into()],
            "/",
            [("PATH".to_owned(), path)],
            "--password-command",
        )
    }

    async fn ask(command: &PasswordCommand) -> Result<String, String> {
        let (temporary, limit) = (std::env::temp_dir(), Some(Duration::from_millis(700)));
        match command.ask(&temporary, limit, &Shutdown::default()).await {
            Ok(password) => Ok(password.expose_secret().to_owned()),
            Err(AskError::Password(error)) => Err(error.to_string()),
            Err(AskError::Stop(error)) => Err(error.to_string()),
        }
    }

    #[tokio::test]
    async fn one_line_end_is_removed_and_everything_else_kept() {
        for (script, password) in [
            ("printf hunter2", "hunter2"),
            ("echo hunter2", "hunter2"),
            (r"printf 'hunter2\r\n'", "hunter2"),
            (r"printf ' a b \n'", " a b "),
        ] {
            assert_eq!(
                ask(&command(script)).await.as_deref(),
                Ok(password),
                "{script}"
            );
        }
    }

    #[tokio::test]
    async fn a_failure_names_the_command_and_never_its_output() {
        for (script, expected) in [
            (
                "echo hunter2; echo 'no credentials' >&2; exit 3",
                "ended with exit code 3: no credentials",
            ),
            ("echo hunter2; kill -9 $$", "ended with SIGKILL"),
            ("echo hunter2; sleep 5", "was stopped after 0.7 s"),
            ("echo hunter2; echo hunter2", "printed more than one line"),
            (r"printf 'hunter2\377'", "printed something that is no text"),
            ("echo", "printed nothing on standard output"),
            ("echo why >&2", "printed nothing on standard output: why"),
            ("head -c 70000 /dev/zero", "printed more than 65535 bytes"),
        ] {
            let command = command(script);
            let error = ask(&command).await.unwrap_err();
            let start = "the password command 'sh' (--password-command) ";
            assert!(
                error.starts_with(&format!("{start}{expected}")),
                "{script}: {error}"
            );
            let shown = format!("{error}{command:?}{}", command.invocation);
            assert!(!shown.contains("hunter2"), "{shown}");
        }
    }

    #[tokio::test]
    async fn a_token_is_remembered_with_its_end() {
        let command = command("echo 'h:5432/?X-Amz-Date=20260101T000000Z&X-Amz-Expires=900'");
        assert_eq!(command.last_token(), None);
        ask(&command).await.unwrap();
        let clone = command.clone();
        assert_eq!(
            clone.last_token().map(|token| token.expires),
            Some(1_767_226_500)
        );
    }
}
