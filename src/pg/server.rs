use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::json::{not_as_expected, read_json};
use super::password::AskError;
use super::{PasswordCommand, Program, PsqlError, ServerMessage, script};
use crate::process::{
    EnvValue, Finished, Invocation, RunDir, RunError, Shutdown, StderrTail, Stdout, run,
};

/// The longest line of a result: the server's own limit for a value is 1 GB.
const LINE_LIMIT: usize = 64 * 1024 * 1024;
/// Maximum size of a collected result.
pub(super) const OUTPUT_LIMIT: usize = 256 * 1024 * 1024;

/// A server as psql reaches it: the program, the environment that holds the connection, and the limits of a run.
#[derive(Clone, Debug)]
pub struct Server {
    /// The psql that is run.
    pub psql: Program,
    /// The child's whole environment: `PG*` with the connection, and what is inherited on purpose.
    pub environment: BTreeMap<String, EnvValue>,
    /// The command that prints the password of each new connection, if `environment` has none.
    pub password_command: Option<PasswordCommand>,
    /// Connection settings that have no variable, as a `key=value` string without secrets: it is seen in `ps`.
    pub conninfo: Option<String>,
    /// The directory in which private directories are created: `TMPDIR`.
    pub temporary: PathBuf,
    /// Time limit of one run, or `None` for no limit.
    pub timeout: Option<Duration>,
    /// Time for psql to obey a signal before the next, harder one.
    pub grace: Duration,
}

/// Options of running a script.
#[derive(Clone, Debug)]
pub struct ScriptOptions {
    /// Put the script between `\restrict` and `\unrestrict`, where psql knows them.
    pub restrict: bool,
    /// Makes psql report on stderr when it is connected, so that [`PsqlError::began`] knows after
    /// an interrupted run.
    pub announce: bool,
    /// Further psql variables.
    pub variables: BTreeMap<String, String>,
}

impl Default for ScriptOptions {
    fn default() -> Self {
        Self {
            restrict: true,
            announce: true,
            variables: BTreeMap::new(),
        }
    }
}

/// The output of a successful script.
#[derive(Debug)]
#[non_exhaustive]
pub struct ScriptOutput {
    /// The rows, unaligned, without headers, one a line.
    pub lines: Vec<String>,
    /// Notices and warnings.
    pub notices: Vec<ServerMessage>,
    /// All of stderr.
    pub stderr: StderrTail,
    /// psql's own time, from its start to its end.
    pub elapsed: Duration,
}

/// Parameters that decide how values are read and printed. Each has a fixed value wherever definitions are read, compared or made:
/// the same schema is the same text, whatever the role, the database or the server sets.
pub(crate) const EXACT_SETTINGS: &[(&str, &str)] = &[
    ("timezone", "UTC"),
    ("datestyle", "ISO, MDY"),
    ("intervalstyle", "postgres"),
    ("extra_float_digits", "3"),
    ("bytea_output", "hex"),
    ("quote_all_identifiers", "off"),
    ("lc_monetary", "C"),
    ("array_nulls", "on"),
    ("transform_null_equals", "off"),
    ("xmlbinary", "base64"),
];

/// Put before a statement, it is of its transaction: a `statement_timeout` that the role or the database has, which is meant
/// for the app's statements, does not count, and no operator is found but `PostgreSQL`'s own. Anybody could have made one in
/// `public` that fits the types of a question to the catalogs better, and runs as whoever asks. Of [`EXACT_SETTINGS`], those
/// follow that change what the catalogs' functions print. A query that is run once is not worth compiling.
pub(crate) const UNHURRIED: &str = "SET LOCAL search_path = pg_catalog, pg_temp \\;\nSET LOCAL statement_timeout = 0 \\;\n\
    SET LOCAL timezone = 'UTC' \\;\nSET LOCAL datestyle = 'ISO, MDY' \\;\nSET LOCAL intervalstyle = 'postgres' \\;\n\
    SET LOCAL bytea_output = 'hex' \\;\nSET LOCAL quote_all_identifiers = off \\;\nSET LOCAL lc_monetary = 'C' \\;\n\
    SET LOCAL array_nulls = on \\;\nSET LOCAL jit = off \\;\n";

impl Server {
    /// A server without extra conninfo and timeout, with 5 s of grace.
    pub fn new(
        psql: Program,
        environment: BTreeMap<String, EnvValue>,
        temporary: impl Into<PathBuf>,
    ) -> Self {
        let grace = Duration::from_secs(5);
        Self {
            psql,
            environment,
            password_command: None,
            conninfo: None,
            temporary: temporary.into(),
            timeout: None,
            grace,
        }
    }

    /// Runs a script with psql, stopping at its first error.
    ///
    /// Nothing is added that opens a transaction.
    ///
    /// # Errors
    /// See [`PsqlError`].
    pub async fn run_script(
        &self,
        script: &str,
        options: &ScriptOptions,
        shutdown: &Shutdown,
    ) -> Result<ScriptOutput, PsqlError> {
        let mut lines = Vec::new();
        let mut total = 0;
        let mut refused = None;
        let mut take = |line: &[u8]| {
            total += line.len() + 1;
            match std::str::from_utf8(line) {
                Ok(_) if total > OUTPUT_LIMIT => {
                    let program = self.psql.path().to_owned();
                    refused = Some(PsqlError::Run(RunError::TooLong {
                        program,
                        limit: OUTPUT_LIMIT,
                    }));
                    ControlFlow::Break(())
                }
                Ok(line) => {
                    lines.push(line.to_owned());
                    ControlFlow::Continue(())
                }
                Err(source) => {
                    refused = Some(PsqlError::Encoding {
                        line: lines.len() + 1,
                        source,
                    });
                    ControlFlow::Break(())
                }
            }
        };
        let ran = self.run_lines(script, options, shutdown, &mut take).await;
        if let Some(error) = refused {
            return Err(error);
        }
        let (stderr, notices, elapsed) = ran?;
        Ok(ScriptOutput {
            lines,
            notices,
            stderr,
            elapsed,
        })
    }

    /// Runs a script as [`Server::run_script`] does and hands each line of its result over as it comes; bytes, without the
    /// line end. Returns psql's own time.
    ///
    /// # Errors
    /// See [`PsqlError`]. Lines may have been handed over before: what they say has happened.
    pub async fn run_script_each(
        &self,
        script: &str,
        options: &ScriptOptions,
        shutdown: &Shutdown,
        mut take: impl FnMut(&[u8]) + Send,
    ) -> Result<Duration, PsqlError> {
        let mut take_line = |line: &[u8]| {
            take(line);
            ControlFlow::Continue(())
        };
        let (_, _, elapsed) = self
            .run_lines(script, options, shutdown, &mut take_line)
            .await?;
        Ok(elapsed)
    }

    /// Runs queries of which every line of the result is one JSON value; returns the values.
    ///
    /// A `statement_timeout` that the role or the database has does not count for the first transaction of them.
    ///
    /// # Errors
    /// See [`PsqlError`].
    pub async fn query_json(
        &self,
        sql: &str,
        shutdown: &Shutdown,
    ) -> Result<Vec<Value>, PsqlError> {
        let mut values = Vec::new();
        self.query_json_each(sql, shutdown, |value| values.push(value))
            .await?;
        Ok(values)
    }

    /// Runs a query whose result is one row of JSON, and reads it.
    ///
    /// # Errors
    /// See [`PsqlError`]; [`PsqlError::Unconfirmed`] when there is no row, [`PsqlError::Output`] when it is another than `T`.
    pub async fn query_json_one<T: DeserializeOwned>(
        &self,
        sql: &str,
        shutdown: &Shutdown,
    ) -> Result<T, PsqlError> {
        let rows = self.query_json(sql, shutdown).await?;
        read_json(rows.into_iter().next().ok_or(PsqlError::Unconfirmed)?, 1)
    }

    /// As [`Server::query_json_one`]; `None` when the result has no row.
    ///
    /// # Errors
    /// As [`Server::query_json_one`].
    pub async fn query_json_optional<T: DeserializeOwned>(
        &self,
        sql: &str,
        shutdown: &Shutdown,
    ) -> Result<Option<T>, PsqlError> {
        let rows = self.query_json(sql, shutdown).await?;
        rows.into_iter()
            .next()
            .map(|row| read_json(row, 1))
            .transpose()
    }

    /// Runs queries of which every line of the result is one JSON value, and hands each over as it comes.
    ///
    /// # Errors
    /// See [`PsqlError`]; [`PsqlError::Unconfirmed`] when psql did not run all of them, though it reports success. Values may
    /// have been handed over before.
    pub async fn query_json_each(
        &self,
        sql: &str,
        shutdown: &Shutdown,
        mut take: impl FnMut(Value) + Send,
    ) -> Result<(), PsqlError> {
        // psql prints it when it has run the whole file. Without it an empty output would pass for an empty result.
        let end = script::restrict_key().map_err(PsqlError::Random)?;
        let mut line_number = 0;
        let mut refused = None;
        let mut is_whole = false;
        let mut take_line = |line: &[u8]| {
            line_number += 1;
            is_whole = line == end.as_bytes();
            if is_whole {
                return ControlFlow::Continue(());
            }
            match serde_json::from_slice(line) {
                Ok(value) => {
                    take(value);
                    ControlFlow::Continue(())
                }
                Err(source) => {
                    let text = String::from_utf8_lossy(line);
                    refused = Some(not_as_expected(&text, line_number, source));
                    ControlFlow::Break(())
                }
            }
        };
        let options = ScriptOptions {
            restrict: false,
            announce: false,
            ..ScriptOptions::default()
        };
        // The settings are joined to the first statement by `\;`: one message, so that they are of its transaction.
        let sql = sql.trim_end().trim_end_matches(';');
        let ran = self
            .run_lines(
                &format!("{UNHURRIED}{sql};\n\\echo {end}\n"),
                &options,
                shutdown,
                &mut take_line,
            )
            .await;
        if let Some(error) = refused {
            return Err(error);
        }
        ran?;
        is_whole.then_some(()).ok_or(PsqlError::Unconfirmed)
    }

    /// Runs a script and hands the lines of its result over.
    async fn run_lines(
        &self,
        script: &str,
        options: &ScriptOptions,
        shutdown: &Shutdown,
        take: &mut (dyn FnMut(&[u8]) -> ControlFlow<()> + Send),
    ) -> Result<(StderrTail, Vec<ServerMessage>, Duration), PsqlError> {
        let start = Instant::now();
        let (text, lines_before) = self.wrapped(script, options, shutdown).await?;
        let run_dir = RunDir::new(&self.temporary).map_err(PsqlError::Folder)?;
        let file = run_dir
            .write("script.sql", text.as_bytes())
            .map_err(PsqlError::Folder)?;
        let mut invocation = self.psql_invocation(&file, &options.variables);
        let password = self.password(self.timeout, shutdown).await?;
        invocation.env.extend(password);
        // The version and the password command count against the limit: it is that of the whole run.
        let spent = start.elapsed();
        invocation.timeout = self.timeout.map(|timeout| timeout.saturating_sub(spent));
        let finished = run(
            &invocation,
            &run_dir,
            shutdown,
            Stdout::Lines {
                limit: LINE_LIMIT,
                take,
            },
        )
        .await?;
        if let Err(error) = run_dir.close() {
            tracing::warn!(%error, "the private directory is left behind");
        }
        judge(finished, lines_before)
    }

    /// The variable with the password of a new connection, if a command has to print it.
    pub(super) async fn password(
        &self,
        timeout: Option<Duration>,
        shutdown: &Shutdown,
    ) -> Result<Option<(String, EnvValue)>, AskError> {
        let Some(command) = &self.password_command else {
            return Ok(None);
        };
        let password = command.ask(&self.temporary, timeout, shutdown).await?;
        Ok(Some(("PGPASSWORD".to_owned(), EnvValue::Secret(password))))
    }

    /// Returns the environment for a program that connects by itself, with the password of now.
    ///
    /// # Errors
    /// The command that prints the password fails, or the run is to end.
    pub async fn environment_now(
        &self,
        shutdown: &Shutdown,
    ) -> Result<BTreeMap<String, EnvValue>, PsqlError> {
        let mut environment = self.environment.clone();
        environment.extend(self.password(self.timeout, shutdown).await?);
        Ok(environment)
    }

    /// A script as psql gets it, and how many lines were put before it.
    ///
    /// # Errors
    /// Fails if psql does not report its version, or if the operating system has no random bytes.
    pub async fn wrapped<'a>(
        &self,
        script: &'a str,
        options: &ScriptOptions,
        shutdown: &Shutdown,
    ) -> Result<(Cow<'a, str>, u32), PsqlError> {
        let mut text = Cow::Borrowed(script);
        let mut lines_before = 0;
        if options.restrict {
            let version = self.psql.version(&self.temporary, shutdown).await?;
            let wrapped = script::wrap_restricted(script, version).map_err(PsqlError::Random)?;
            lines_before += if wrapped == script {
                0
            } else {
                script::LINES_BEFORE
            };
            text = Cow::Owned(wrapped);
        }
        if options.announce {
            text = Cow::Owned(script::announced(&text));
            lines_before += script::ANNOUNCEMENT_LINES;
        }
        Ok((text, lines_before))
    }

    /// Returns the command that runs a script, as it is run except for the directory of the file.
    pub fn psql_invocation(&self, file: &Path, variables: &BTreeMap<String, String>) -> Invocation {
        self.psql_reading_stdin(variables)
            .args(["-f".as_ref(), file.as_os_str()])
    }

    /// The command that runs what comes over its stdin.
    pub(super) fn psql_reading_stdin(&self, variables: &BTreeMap<String, String>) -> Invocation {
        let mut invocation = Invocation::new(self.psql.path()).args([
            // -X: no psqlrc, which could set \timing, an AUTOCOMMIT of off or a search_path. -w: never a prompt,
            // which would read the script for an answer. -q -A -t: rows only, so that each line of stdout is one row.
            // VERBOSITY=verbose adds the SQLSTATE and the names of what an error is about (fe-protocol3.c).
            "-X",
            "-q",
            "-w",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            "-v",
            "VERBOSITY=verbose",
        ]);
        for (name, value) in variables {
            invocation = invocation.args(["-v".to_owned(), format!("{name}={value}")]);
        }
        if let Some(conninfo) = &self.conninfo {
            invocation = invocation.args(["-d", conninfo]);
        }
        invocation.env = client_environment(&self.environment);
        invocation.timeout = self.timeout;
        invocation.grace = self.grace;
        invocation
    }
}

/// Adds what every client program needs: messages in English, text in UTF-8.
pub(super) fn client_environment(
    environment: &BTreeMap<String, EnvValue>,
) -> BTreeMap<String, EnvValue> {
    let mut environment = environment.clone();
    // The messages of libpq and psql are translated, and are recognised by their English words; those of the server follow its
    // own lc_messages, which only a superuser may override. Off a terminal, psql takes the database's encoding for the client's
    // unless PGCLIENTENCODING is set (`startup.c`).
    for (name, value) in [("LC_ALL", "C"), ("PGCLIENTENCODING", "UTF8")] {
        environment.insert(name.to_owned(), EnvValue::Plain(value.into()));
    }
    environment
}

/// Interprets psql's exit code.
pub(super) fn judge(
    finished: Finished,
    lines_before: u32,
) -> Result<(StderrTail, Vec<ServerMessage>, Duration), PsqlError> {
    let Finished {
        code,
        stderr,
        elapsed,
        ..
    } = finished;
    let messages = parse_messages(&stderr, lines_before);
    // psql stops at the first error, so it is the last message of a statement that said more than one.
    let error = messages.iter().rfind(|message| message.is_error());
    match (code, error) {
        (0, _) => Ok((stderr, messages, elapsed)),
        // Without a connection psql does not get as far as the script.
        // psql(1): 1 is a fatal error of its own, 2 a connection that went bad, 3 an error in a script with
        // ON_ERROR_STOP.
        (2, _) if messages.iter().all(|message| message.script.is_none()) => {
            Err(PsqlError::Connect { messages, stderr })
        }
        (2, _) => Err(PsqlError::Lost { messages, stderr }),
        // psql noticed the loss only as it sent the next statement (`SendQuery` in common.c).
        (3, Some(message)) if message.says_connection_lost() => {
            Err(PsqlError::Lost { messages, stderr })
        }
        (3, Some(message)) => Err(PsqlError::Script {
            message: Box::new(message.clone()),
            messages,
            stderr,
        }),
        (code, _) => Err(PsqlError::Fatal {
            code,
            messages,
            stderr,
        }),
    }
}

/// Returns psql's messages, with line numbers of the script before `lines_before` lines were put in
/// front of it.
pub(super) fn parse_messages(stderr: &StderrTail, lines_before: u32) -> Vec<ServerMessage> {
    let mut messages = ServerMessage::parse_all(&script::without_announcement(&stderr.text()).0);
    for place in messages
        .iter_mut()
        .filter_map(|message| message.script.as_mut())
    {
        place.line = place.line.saturating_sub(lines_before);
    }
    messages
}
