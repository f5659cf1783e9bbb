use std::future::Future;
use std::io;
use std::pin::pin;
use std::time::Duration;

use rustix::process::{Pid, kill_process_group};
use tokio::process::Child;
use tokio::time::{Instant, sleep_until};

use super::capture::{ReadEnd, ReadError};
use super::{ExitStatus, Invocation, Shutdown, Signal};

/// Time for which a pipe that outlives the child (a grandchild holds it) is still read before the group is killed, and again
/// before the pipe is given up.
const LINGER: Duration = Duration::from_secs(1);

/// Reasons why a child was stopped.
pub(super) enum StopReason {
    Time(Duration),
    Shutdown(Signal),
    ReadError(ReadError),
}

/// A child's process group, killed when dropped before the child's end is known.
#[derive(Debug)]
pub(super) struct ProcessGroup {
    leader: Option<Pid>,
}

impl ProcessGroup {
    pub(super) fn from_child(child: &Child) -> Self {
        Self {
            leader: child
                .id()
                .and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)),
        }
    }

    /// The child has ended: there is nothing to kill.
    pub(super) fn forget(&mut self) {
        self.leader = None;
    }

    pub(super) fn send(&self, signal: Signal) {
        if let (Some(leader), Some(raw)) = (self.leader, signal.to_rustix()) {
            tracing::debug!(group = leader.as_raw_pid(), %signal, "sending");
            // A program that is stopped (SIGTTIN, when it reads the terminal from the background) sees no signal but
            // SIGKILL before SIGCONT.
            for raw in [raw, rustix::process::Signal::CONT] {
                if let Err(error) = kill_process_group(leader, raw) {
                    tracing::debug!(%error, "the signal was not sent");
                }
            }
        }
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        self.send(Signal::KILL);
    }
}

/// Waits for the child's end and both readers, and stops the child if there is a reason. If both
/// readers have met their mark, the child stays alive for more orders, unless it was given a
/// signal.
///
/// The timers come before the readers: a reader that never runs dry uses up tokio's cooperative budget, and timers
/// polled after it would never fire.
pub(super) async fn supervise(
    invocation: &Invocation,
    shutdown: &Shutdown,
    group: &mut ProcessGroup,
    child: &mut Child,
    stdout: impl Future<Output = Result<ReadEnd, ReadError>>,
    stderr: impl Future<Output = Result<ReadEnd, ReadError>>,
) -> io::Result<(Option<ExitStatus>, Option<StopReason>)> {
    let mut stdout = pin!(stdout);
    let mut stderr = pin!(stderr);
    let mut seen = ChildProgress::default();
    let mut alarm = invocation.timeout.map(|timeout| Instant::now() + timeout);
    // On SIGINT, psql has the server cancel the statement. A psql that SIGTERM or SIGKILL ends leaves a server that goes on with
    // the message that it has received, and commits it.
    let mut signals = [Signal::INTERRUPT, Signal::TERMINATE, Signal::KILL].into_iter();
    loop {
        if seen.ended.is_some() && seen.stdout_read && seen.stderr_read {
            group.leader = None;
            return Ok((seen.ended, seen.reason));
        }
        // stdout and stderr are two pipes, and a notice may arrive after the rows that follow it.
        if seen.marks == 2 {
            return Ok((None, seen.reason));
        }
        let event = tokio::select! {
            biased;
            status = child.wait(), if seen.ended.is_none() => Event::ExitStatus(status?.into()),
            () = until(alarm) => Event::Alarm,
            signal = shutdown.requested_more_than(seen.requests), if seen.ended.is_none() => Event::Asked(signal),
            read = &mut stdout, if !seen.stdout_read => { seen.stdout_read = true; Event::ReadEnd(read) }
            read = &mut stderr, if !seen.stderr_read => { seen.stderr_read = true; Event::ReadEnd(read) }
        };
        let why = match (event, seen.ended) {
            (Event::ExitStatus(how), _) => {
                seen.ended = Some(how);
                alarm = Some(Instant::now() + LINGER);
                continue;
            }
            // Not even SIGKILL has closed the pipes, so a process holds them that left the group (`setsid`). The child itself has
            // ended, and its answer counts.
            (Event::Alarm, Some(_)) if seen.lingered => {
                group.leader = None;
                return Ok((seen.ended, seen.reason));
            }
            (Event::Alarm, Some(_)) => {
                group.send(Signal::KILL);
                seen.lingered = true;
                alarm = Some(Instant::now() + LINGER);
                continue;
            }
            (Event::Alarm, None) => StopReason::Time(invocation.timeout.unwrap_or_default()),
            (Event::Asked(signal), _) => {
                // Each further request, such as a second Ctrl-C, comes here again and sends the next signal.
                seen.requests = shutdown.request_count();
                StopReason::Shutdown(signal)
            }
            (Event::ReadEnd(Ok(ReadEnd::End)), _) => continue,
            (Event::ReadEnd(Ok(ReadEnd::Mark)), _) => {
                seen.marks += 1;
                continue;
            }
            (Event::ReadEnd(Err(halt)), _) => StopReason::ReadError(halt),
        };
        // The first reason is the cause: the alarm of the grace period after a Ctrl-C is only its consequence.
        seen.reason.get_or_insert(why);
        if seen.ended.is_none() {
            alarm = signals.next().map(|signal| {
                group.send(signal);
                Instant::now() + invocation.grace
            });
        }
    }
}

/// The facts about a child so far, and the steps taken to end it.
#[derive(Default)]
struct ChildProgress {
    ended: Option<ExitStatus>,
    stdout_read: bool,
    stderr_read: bool,
    /// Outputs whose mark was read.
    marks: u8,
    /// The group was killed after the child's end, because an output stayed open.
    lingered: bool,
    reason: Option<StopReason>,
    /// Requests of the end that were obeyed.
    requests: usize,
}

enum Event {
    ExitStatus(ExitStatus),
    Alarm,
    Asked(Signal),
    ReadEnd(Result<ReadEnd, ReadError>),
}

async fn until(alarm: Option<Instant>) {
    match alarm {
        Some(alarm) => sleep_until(alarm).await,
        None => std::future::pending().await,
    }
}
