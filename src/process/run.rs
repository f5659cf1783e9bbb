use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::process::{Child, Command};

use super::capture::{ReadError, drain_stderr, drain_stdout};
use super::disposition::make_children_obey;
use super::supervise::{ProcessGroup, StopReason, supervise};
use super::{ExitStatus, Invocation, RunDir, RunError, Shutdown, StderrTail, Stdout};

/// A program that ran to its own end, with whatever exit code.
#[derive(Debug)]
#[non_exhaustive]
pub struct Finished {
    /// The exit code.
    pub code: i32,
    /// Stdout, if it was collected.
    pub stdout: Vec<u8>,
    /// Its stderr.
    pub stderr: StderrTail,
    /// From just before the start to the end.
    pub elapsed: Duration,
}

/// Runs a program in the run's directory to its end.
///
/// Both outputs are read while it runs, so neither can block it. After a timeout or on `shutdown`,
/// its process group gets SIGINT (psql and `pg_dump` then cancel their query on the server), then
/// SIGTERM after the grace period, then SIGKILL. Another request of `shutdown` shortens the grace
/// period. A program that still ends with exit code 0 has done its work and counts as finished.
/// Dropping the future kills the program.
///
/// # Errors
/// See [`RunError`].
pub async fn run(
    invocation: &Invocation,
    run_dir: &RunDir,
    shutdown: &Shutdown,
    stdout: Stdout<'_>,
) -> Result<Finished, RunError> {
    let program = invocation.program.clone();
    refuse_after_shutdown(&program, shutdown)?;
    let start = Instant::now();
    let mut child = spawn(invocation, invocation.to_command(run_dir))?;
    let mut group = ProcessGroup::from_child(&child);
    let mut collected = Vec::new();
    let mut stderr = StderrTail::default();
    let out = drain_stdout(child.stdout.take(), stdout, &mut collected);
    let err = drain_stderr(child.stderr.take(), &mut stderr);
    let (ended, reason) = supervise(invocation, shutdown, &mut group, &mut child, out, err)
        .await
        .map_err(|source| RunError::Io {
            program: program.clone(),
            stream: "the exit status",
            source,
        })?;
    // A program that runs once is not kept alive by a mark.
    let ended = ended.unwrap_or(ExitStatus::Code(0));
    finish(
        program,
        ended,
        reason,
        Finished {
            code: 0,
            stdout: collected,
            stderr,
            elapsed: start.elapsed(),
        },
    )
}

/// Fails if the end of the run was requested before the program got anything to do.
pub(super) fn refuse_after_shutdown(program: &Path, shutdown: &Shutdown) -> Result<(), RunError> {
    match shutdown.signal() {
        None => Ok(()),
        Some(signal) => Err(RunError::Interrupted {
            program: program.to_owned(),
            signal,
            ended: None,
            stderr: StderrTail::default(),
        }),
    }
}

/// Starts a program.
pub(super) fn spawn(invocation: &Invocation, mut command: Command) -> Result<Child, RunError> {
    tracing::debug!(command = %invocation, "starting");
    make_children_obey();
    let program = invocation.program.clone();
    command.spawn().map_err(|source| match source.kind() {
        io::ErrorKind::NotFound if !program.exists() => RunError::NotFound { program, source },
        _ => RunError::Spawn { program, source },
    })
}

/// Turns the end of a program, and the reason for which it was stopped, into a result.
pub(super) fn finish(
    program: PathBuf,
    ended: ExitStatus,
    reason: Option<StopReason>,
    finished: Finished,
) -> Result<Finished, RunError> {
    tracing::debug!(%ended, elapsed = ?finished.elapsed, "ended");
    let stderr = finished.stderr.clone();
    match (ended, reason) {
        (ExitStatus::Code(code), None)
        | (ExitStatus::Code(code @ 0), Some(StopReason::Time(_) | StopReason::Shutdown(_))) => {
            Ok(Finished { code, ..finished })
        }
        (ExitStatus::Signal(signal), None) => Err(RunError::Signaled {
            program,
            signal,
            stderr,
        }),
        (_, Some(StopReason::Time(after))) => Err(RunError::TimedOut {
            program,
            after,
            ended,
            stderr,
        }),
        (_, Some(StopReason::Shutdown(signal))) => Err(RunError::Interrupted {
            program,
            signal,
            ended: Some(ended),
            stderr,
        }),
        (_, Some(StopReason::ReadError(ReadError::TooLong(limit)))) => {
            Err(RunError::TooLong { program, limit })
        }
        (_, Some(StopReason::ReadError(ReadError::Refused))) => Err(RunError::Refused { program }),
        (_, Some(StopReason::ReadError(ReadError::Io { stream, source }))) => Err(RunError::Io {
            program,
            stream,
            source,
        }),
    }
}
