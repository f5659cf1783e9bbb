//! A program that is kept open and asked over its stdin, again and again.

use std::fmt;
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout};

use super::capture::{read_stderr_to_mark, read_to_mark};
use super::run::{finish, refuse_after_shutdown, spawn};
use super::supervise::{ProcessGroup, supervise};
use super::{ExitStatus, Finished, Invocation, RunDir, RunError, Shutdown, StderrTail};

/// Time a program gets to end once its stdin is closed.
const FAREWELL: Duration = Duration::from_secs(1);

/// A running program that reads its orders from stdin, in its own private directory. Dropping it
/// kills it.
pub struct PersistentProcess {
    invocation: Invocation,
    run_dir: RunDir,
    group: ProcessGroup,
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: ChildStdout,
    stderr: ChildStderr,
    /// It was given a signal, or did not answer: it is asked no more.
    spoiled: bool,
}

/// Result of an order.
#[derive(Debug)]
pub enum ProcessReply {
    /// It wrote the mark to both of its outputs.
    Done {
        /// Its stdout before the mark.
        stdout: Vec<u8>,
        /// Its stderr before the mark.
        stderr: StderrTail,
    },
    /// It ended by itself instead.
    ExitStatus(Finished),
}

impl PersistentProcess {
    /// Starts a program in a directory, which is kept as long as the program.
    ///
    /// # Errors
    /// It cannot be started, or the end of the run is asked for.
    pub fn start(
        invocation: Invocation,
        run_dir: RunDir,
        shutdown: &Shutdown,
    ) -> Result<Self, RunError> {
        let program = invocation.program.clone();
        refuse_after_shutdown(&program, shutdown)?;
        let mut command = invocation.to_command(&run_dir);
        command.stdin(std::process::Stdio::piped());
        let mut child = spawn(&invocation, command)?;
        let group = ProcessGroup::from_child(&child);
        let unpiped = || RunError::Io {
            program: program.clone(),
            stream: "the pipes",
            source: std::io::ErrorKind::NotConnected.into(),
        };
        let stdin = child.stdin.take();
        let stdout = child.stdout.take();
        let stderr = child.stderr.take();
        let stdout = stdout.ok_or_else(unpiped)?;
        let stderr = stderr.ok_or_else(unpiped)?;
        Ok(Self {
            invocation,
            run_dir,
            group,
            child,
            stdin,
            stdout,
            stderr,
            spoiled: false,
        })
    }

    /// Returns its directory.
    pub fn folder(&self) -> &RunDir {
        &self.run_dir
    }

    /// Returns whether it runs and may be asked.
    pub fn is_ready(&mut self) -> bool {
        let runs = matches!(self.child.try_wait(), Ok(None));
        if !runs {
            // Its number may be another's by now.
            self.group.forget();
        }
        runs && !self.spoiled
    }

    /// Gives it an order that makes it write a line `mark` to stdout and to stderr when it is done,
    /// and waits for both.
    ///
    /// After `timeout` or on `shutdown`, its process group gets SIGINT, then SIGTERM after the
    /// grace period, then SIGKILL. If it still answers, the answer counts, but it takes no more
    /// orders.
    ///
    /// # Errors
    /// See [`RunError`]. After an error, and after [`ProcessReply::ExitStatus`], the program is gone.
    pub async fn ask(
        &mut self,
        order: &str,
        mark: &str,
        timeout: Option<Duration>,
        limit: usize,
        shutdown: &Shutdown,
    ) -> Result<ProcessReply, RunError> {
        let program = self.invocation.program.clone();
        refuse_after_shutdown(&program, shutdown)?;
        let start = Instant::now();
        // Until the answer is there, this program is not one to go on with.
        self.spoiled = true;
        self.invocation.timeout = timeout;
        if let Some(stdin) = &mut self.stdin
            && let Err(error) = stdin.write_all(order.as_bytes()).await
        {
            // It has ended. Its outputs and its exit code show the reason.
            tracing::debug!(%error, "the order was not read");
        }
        let mut collected = Vec::new();
        let mut stderr = StderrTail::default();
        let out = read_to_mark(&mut self.stdout, mark.as_bytes(), limit, &mut collected);
        let err = read_stderr_to_mark(&mut self.stderr, mark.as_bytes(), &mut stderr);
        let (ended, reason) = supervise(
            &self.invocation,
            shutdown,
            &mut self.group,
            &mut self.child,
            out,
            err,
        )
        .await
        .map_err(|source| RunError::Io {
            program: program.clone(),
            stream: "the exit status",
            source,
        })?;
        if ended.is_none() {
            self.spoiled = reason.is_some();
            return Ok(ProcessReply::Done {
                stdout: collected,
                stderr,
            });
        }
        let finished = Finished {
            code: 0,
            stdout: collected,
            stderr,
            elapsed: start.elapsed(),
        };
        finish(
            program,
            ended.unwrap_or(ExitStatus::Code(0)),
            reason,
            finished,
        )
        .map(ProcessReply::ExitStatus)
    }

    /// Closes its stdin and waits until it has ended; kills it when it does not.
    pub async fn close(mut self) {
        drop(self.stdin.take());
        if tokio::time::timeout(FAREWELL, self.child.wait())
            .await
            .is_ok()
        {
            self.group.forget();
        }
        if let Err(error) = self.run_dir.close() {
            tracing::warn!(%error, "the private directory is left behind");
        }
    }
}

impl fmt::Debug for PersistentProcess {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "Kept({}, in {})",
            self.invocation,
            self.run_dir.path().display()
        )
    }
}
