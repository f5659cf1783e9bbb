//! A psql that is kept open and fed script after script: no process, TLS handshake or login for each.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::server::{OUTPUT_LIMIT, judge, parse_messages};
use super::{PsqlError, ScriptOptions, ScriptOutput, Server, restrict_key};
use crate::process::{PersistentProcess, ProcessReply, RunDir, Shutdown};

/// The oldest a psql gets: a server's memory for a connection grows with what it has seen, and addresses change.
const OLDEST: Duration = Duration::from_mins(10);
/// A psql that was asked nothing for so long is asked whether its connection lives, before it gets a script.
const DOUBTFUL: Duration = Duration::from_secs(30);
/// Time limit of the answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// A psql kept open, opened when it is needed and again when it has ended.
///
/// psql ends at the first error of a script, as it does when it is run once, and the next script gets another one.
/// Dropping the session kills it; [`PsqlSession::close`] ends it.
#[derive(Debug)]
pub struct PsqlSession {
    server: Server,
    open: Option<Open>,
    /// Amount of work after which a psql is replaced, as counted by [`PsqlSession::run_script`].
    capacity: usize,
    starts: u32,
}

#[derive(Debug)]
struct Open {
    kept: PersistentProcess,
    since: Instant,
    used: Instant,
    work: usize,
    scripts: u64,
}

impl PsqlSession {
    /// A session that is not open yet. `capacity` is how much work, in any unit, one psql is given before another takes
    /// its place.
    pub fn new(server: Server, capacity: usize) -> Self {
        Self {
            server,
            open: None,
            capacity,
            starts: 0,
        }
    }

    /// The server.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Number of psql processes that were started for it.
    pub fn starts(&self) -> u32 {
        self.starts
    }

    /// Makes sure that a psql is there, that it is connected, and neither too old nor too worn: for a time in which there
    /// is nothing else to do.
    ///
    /// # Errors
    /// See [`PsqlError`]; nothing was sent.
    pub async fn refresh(&mut self, shutdown: &Shutdown) -> Result<(), PsqlError> {
        let start = Instant::now();
        if let Some(open) = self.open.take() {
            if open.since.elapsed() < OLDEST && open.work < self.capacity {
                self.open = self.alive(open, shutdown).await;
            } else {
                open.kept.close().await;
            }
        }
        let open = self.ready(start, self.server.timeout, shutdown).await?;
        self.open = Some(open);
        Ok(())
    }

    /// Returns the idle time of its psql, or `None` if there is none.
    pub fn idle(&self) -> Option<Duration> {
        self.open.as_ref().map(|open| open.used.elapsed())
    }

    /// Runs a script as [`Server::run_script`] does, by the psql that is open. `work` is what it counts for.
    ///
    /// # Errors
    /// See [`PsqlError`]; after one the next script gets a new psql.
    pub async fn run_script(
        &mut self,
        script: &str,
        options: &ScriptOptions,
        work: usize,
        timeout: Option<Duration>,
        shutdown: &Shutdown,
    ) -> Result<ScriptOutput, PsqlError> {
        let start = Instant::now();
        if let Some(open) = self.open.take() {
            let spent = open.work >= self.capacity || open.since.elapsed() >= OLDEST;
            if spent {
                open.kept.close().await;
            } else if open.used.elapsed() >= DOUBTFUL {
                self.open = self.alive(open, shutdown).await;
            } else {
                self.open = Some(open);
            }
        }
        let mut open = self.ready(start, timeout, shutdown).await?;
        let (text, lines_before) = self.server.wrapped(script, options, shutdown).await?;
        open.scripts += 1;
        // Messages are told apart by it: nobody may guess it.
        let key = restrict_key().map_err(PsqlError::Random)?;
        let name = format!("script-{}.sql", key.get(..24).unwrap_or(&key));
        if let Err(error) = open.kept.folder().write(&name, text.as_bytes()) {
            open.kept.folder().remove(&name);
            // A disk that is full is no fault of this psql.
            self.open = Some(open);
            return Err(PsqlError::Folder(error));
        }
        let left = timeout.map(|timeout| timeout.saturating_sub(start.elapsed()));
        let answer = open.ask(&format!("\\i {name}\n"), left, shutdown).await;
        open.kept.folder().remove(&name);
        open.work += work;
        // Else it has ended, or a signal was on its way to it when it answered.
        if open.kept.is_ready() {
            self.open = Some(open);
        }
        match answer? {
            ProcessReply::Done { stdout, stderr } => {
                let lines = output_lines(stdout)?;
                Ok(ScriptOutput {
                    lines,
                    notices: parse_messages(&stderr, lines_before),
                    stderr,
                    elapsed: start.elapsed(),
                })
            }
            // It did not write the mark, so the script is not done, whatever the exit code.
            ProcessReply::ExitStatus(finished) => Err(match judge(finished, lines_before) {
                Ok((stderr, messages, _)) | Err(PsqlError::Connect { messages, stderr }) => {
                    PsqlError::Lost { messages, stderr }
                }
                Err(error) => error,
            }),
        }
    }

    /// Ends its psql, if there is one.
    pub async fn close(&mut self) {
        if let Some(open) = self.open.take() {
            open.kept.close().await;
        }
    }

    /// The same psql if its connection answers; else nothing.
    async fn alive(&self, mut open: Open, shutdown: &Shutdown) -> Option<Open> {
        if !open.kept.is_ready() {
            return None;
        }
        // A pooler or a firewall drops an idle connection without a word, and psql notices it only when it sends something.
        match open
            .ask("SELECT 1 WHERE false;\n", Some(PATIENCE), shutdown)
            .await
        {
            Ok(ProcessReply::Done { .. }) if open.kept.is_ready() => Some(open),
            other => {
                tracing::debug!(
                    ?other,
                    "a psql that was kept open is gone; another one is started"
                );
                None
            }
        }
    }

    /// Starts a psql if there is none, and waits until it is connected.
    async fn ready(
        &mut self,
        start: Instant,
        timeout: Option<Duration>,
        shutdown: &Shutdown,
    ) -> Result<Open, PsqlError> {
        if let Some(mut open) = self.open.take()
            && open.kept.is_ready()
        {
            return Ok(open);
        }
        let run_dir = RunDir::new(&self.server.temporary).map_err(PsqlError::Folder)?;
        let mut invocation = self.server.psql_reading_stdin(&BTreeMap::new());
        let left = timeout.map(|timeout| timeout.saturating_sub(start.elapsed()));
        invocation
            .env
            .extend(self.server.password(left, shutdown).await?);
        let now = Instant::now();
        self.starts += 1;
        let kept = PersistentProcess::start(invocation, run_dir, shutdown)?;
        let mut open = Open {
            kept,
            since: now,
            used: now,
            work: 0,
            scripts: 0,
        };
        // psql reads its stdin once it is connected.
        let left = timeout.map(|timeout| timeout.saturating_sub(start.elapsed()));
        match open.ask("", left, shutdown).await? {
            ProcessReply::Done { .. } => Ok(open),
            ProcessReply::ExitStatus(finished) => Err(match judge(finished, 0) {
                Ok((stderr, messages, _)) => PsqlError::Fatal {
                    code: 0,
                    messages,
                    stderr,
                },
                Err(error) => error,
            }),
        }
    }
}

impl Open {
    /// Gives psql an order, and makes it write an unguessable mark when it is done.
    async fn ask(
        &mut self,
        order: &str,
        timeout: Option<Duration>,
        shutdown: &Shutdown,
    ) -> Result<ProcessReply, PsqlError> {
        let nonce = restrict_key().map_err(PsqlError::Random)?;
        let order = format!("{order}\\echo {nonce}\n\\warn {nonce}\n");
        let answer = self
            .kept
            .ask(&order, &nonce, timeout, OUTPUT_LIMIT, shutdown)
            .await?;
        self.used = Instant::now();
        Ok(answer)
    }
}

/// The lines of a result.
fn output_lines(stdout: Vec<u8>) -> Result<Vec<String>, PsqlError> {
    let text = String::from_utf8(stdout).map_err(|error| {
        let error = error.utf8_error();
        PsqlError::Encoding {
            line: 0,
            source: error,
        }
    })?;
    Ok(text
        .strip_suffix('\n')
        .map(|text| text.split('\n').map(str::to_owned).collect())
        .unwrap_or_default())
}
