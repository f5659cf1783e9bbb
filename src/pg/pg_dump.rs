use std::collections::BTreeMap;
use std::ffi::OsString;
use std::time::{Duration, Instant};

use super::password::AskError;
use super::{EXACT_SETTINGS, PasswordError, Program, ProgramError, Server, ServerMessage, Version};
use crate::path::{self, PathError};
use crate::process::{EnvValue, Invocation, RunDir, RunError, Shutdown, StderrTail, Stdout, run};
use crate::text::swrite;

/// Maximum size of `pg_dump`'s stdout, although the dump goes to a file.
const STDOUT_LIMIT: usize = 1024 * 1024;

/// `pg_dump` with the server that it reads. Connection, limits and directory are those of the
/// [`Server`].
#[derive(Clone, Debug)]
pub struct PgDump {
    /// The `pg_dump` that is run.
    pub program: Program,
    /// The server; its psql is not used.
    pub server: Server,
}

/// Options of a dump.
#[derive(Clone, Debug)]
pub struct DumpOptions {
    /// `ALTER … OWNER TO`.
    pub owners: bool,
    /// `GRANT`, `REVOKE` and default privileges.
    pub privileges: bool,
    /// `COMMENT ON`.
    pub comments: bool,
    /// Time to wait for a table's lock, or `None` for no limit.
    pub lock_wait: Option<Duration>,
    /// Further arguments.
    pub arguments: Vec<OsString>,
}

impl Default for DumpOptions {
    fn default() -> Self {
        Self {
            owners: true,
            privileges: true,
            comments: true,
            lock_wait: None,
            arguments: Vec::new(),
        }
    }
}

/// The reason why there is no dump.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PgDumpError {
    /// `pg_dump` is missing, too old, or older than the server.
    #[error(transparent)]
    Program(ProgramError),
    /// There is no private directory for the dump.
    #[error("cannot run pg_dump")]
    Folder(#[source] PathError),
    /// The dump cannot be read back.
    #[error("cannot read what pg_dump wrote")]
    Dump(#[source] PathError),
    /// The operating system has no random bytes for `--restrict-key`.
    #[error("cannot make a key for \\restrict")]
    Random(#[source] std::io::Error),
    /// `pg_dump` was not started, was stopped, or was killed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A pooler gives the statements of one session to several connections of the server.
    #[error(
        "pg_dump cannot work through the pooler in between: it gives connections to transactions, and gave {connections} to \
         one client; what pg_dump sets for its session would reach others, and not all of its own statements"
    )]
    Pooled {
        /// Number of connections that were seen.
        connections: usize,
        /// The server's own address, as it sees it.
        server: Option<String>,
    },
    /// There was no connection.
    #[error("cannot connect: {}", super::error::first(messages))]
    Connect {
        /// All messages: each address and each attempt has one.
        messages: Vec<ServerMessage>,
        /// All of stderr.
        stderr: StderrTail,
    },
    /// The database has no such schema, or this role cannot see it.
    #[error("the database has no schema \"{schema}\"")]
    NoSuchSchema {
        /// The schema.
        schema: String,
    },
    /// A right is missing.
    #[error("pg_dump may not read {object}; connect as its owner, or grant SELECT on it")]
    Denied {
        /// The object as the server named it: `table invoices`.
        object: String,
        /// All messages.
        messages: Vec<ServerMessage>,
    },
    /// The command that prints the password printed none.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// `pg_dump` failed for another reason.
    #[error(
        "pg_dump failed with exit code {code}: {}",
        super::error::first(messages)
    )]
    Failed {
        /// The exit code.
        code: i32,
        /// All messages.
        messages: Vec<ServerMessage>,
        /// All of stderr.
        stderr: StderrTail,
    },
    /// The server has text that it cannot give as UTF-8, as happens with a database in `SQL_ASCII`.
    #[error(
        "the database has text that is not UTF-8 ({}); convert it, or dump from a database in UTF8",
        super::error::first(messages)
    )]
    NotUtf8 {
        /// All messages.
        messages: Vec<ServerMessage>,
    },
    /// The dump is not UTF-8 although it was asked for as such.
    #[error("line {line} of the dump is not UTF-8")]
    Encoding {
        /// 1-based line of the dump.
        line: usize,
        /// The place.
        #[source]
        source: std::str::Utf8Error,
    },
}

impl From<AskError> for PgDumpError {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Password(error) => Self::Password(error),
            AskError::Stop(shutdown) => Self::Run(shutdown),
        }
    }
}

impl From<ProgramError> for PgDumpError {
    /// A stop while the version was read is a stop of the run, not a fault of the program.
    fn from(error: ProgramError) -> Self {
        match error.into_stop() {
            Ok(shutdown) => Self::Run(shutdown),
            Err(error) => Self::Program(error),
        }
    }
}

impl PgDump {
    /// Dumps the definitions of one schema as UTF-8 text.
    ///
    /// # Errors
    /// See [`PgDumpError`].
    pub async fn dump_schema(
        &self,
        schema: &str,
        options: &DumpOptions,
        shutdown: &Shutdown,
    ) -> Result<String, PgDumpError> {
        let start = Instant::now();
        let version = self
            .program
            .version(&self.server.temporary, shutdown)
            .await?;
        let mut environment = super::server::client_environment(&self.server.environment);
        let own = environment.get(OPTIONS).cloned();
        // pg_dump itself sets datestyle and intervalstyle (`setup_connection`), but not timezone: a default of type timestamptz
        // would be dumped as the role's timezone has it.
        environment.insert(OPTIONS.to_owned(), with_exact_settings(own.as_ref()));
        match self
            .dump_with(environment, version, schema, options, start, shutdown)
            .await
        {
            // PgBouncer takes no options, but for a few: what the role and the database set counts then.
            Err(PgDumpError::Connect { messages, .. }) if is_unsupported_option(&messages) => {
                tracing::warn!(
                    "a pooler in between takes no options: settings of the role or database, such as timezone, may change \
                     the dump"
                );
                let environment = super::server::client_environment(&self.server.environment);
                self.dump_with(environment, version, schema, options, start, shutdown)
                    .await
            }
            result => result,
        }
    }

    async fn dump_with(
        &self,
        environment: BTreeMap<String, EnvValue>,
        version: Version,
        schema: &str,
        options: &DumpOptions,
        start: Instant,
        shutdown: &Shutdown,
    ) -> Result<String, PgDumpError> {
        let run_dir = RunDir::new(&self.server.temporary).map_err(PgDumpError::Folder)?;
        let file = run_dir
            .write("dump.sql", b"")
            .map_err(PgDumpError::Folder)?;
        let mut invocation = Invocation::new(self.program.path())
            .args([
                "--schema-only",
                "--no-password",
                "--encoding=UTF8",
                "--strict-names",
            ])
            .args([format!("--schema={}", quoted_pattern(schema))])
            .args(options.flags());
        if version.knows_restrict_key_option() {
            // The releases of August 2025 write `\restrict` with a random key; a key of our own is known when the
            // dump is read, and nobody else can guess it.
            let key = super::restrict_key().map_err(PgDumpError::Random)?;
            invocation = invocation.args([format!("--restrict-key={key}")]);
        }
        if let Some(conninfo) = &self.server.conninfo {
            invocation = invocation.args([format!("--dbname={conninfo}")]);
        }
        invocation = invocation.args(["--file".as_ref(), file.as_os_str()]);
        invocation.env = environment;
        let left = |timeout: Duration| timeout.saturating_sub(start.elapsed());
        let password = self
            .server
            .password(self.server.timeout.map(left), shutdown);
        invocation.env.extend(password.await?);
        invocation.timeout = self.server.timeout.map(left);
        invocation.grace = self.server.grace;
        let finished = run(
            &invocation,
            &run_dir,
            shutdown,
            Stdout::Collect(STDOUT_LIMIT),
        )
        .await?;
        if finished.code != 0 {
            return Err(self.explain(schema, finished.code, finished.stderr));
        }
        let bytes = path::read(&file).map_err(PgDumpError::Dump)?;
        if let Err(error) = run_dir.close() {
            tracing::warn!(%error, "the private directory is left behind");
        }
        String::from_utf8(bytes).map_err(|error| {
            let source = error.utf8_error();
            let line = 1 + error
                .as_bytes()
                .iter()
                .take(source.valid_up_to())
                .filter(|&&byte| byte == b'\n')
                .count();
            PgDumpError::Encoding { line, source }
        })
    }

    fn explain(&self, schema: &str, code: i32, stderr: StderrTail) -> PgDumpError {
        let messages = ServerMessage::parse_all(&stderr.text());
        let texts = || messages.iter().map(|message| message.message.as_str());
        if texts().any(|text| text.starts_with("no matching schemas were found")) {
            return PgDumpError::NoSuchSchema {
                schema: schema.to_owned(),
            };
        }
        if let Some((server, program)) = version_mismatch(&messages) {
            let path = self.program.path().to_owned();
            return PgDumpError::Program(ProgramError::OlderThanServer {
                path,
                program,
                server,
            });
        }
        if texts().any(is_connection_failure) {
            return PgDumpError::Connect { messages, stderr };
        }
        if let Some(object) = texts().find_map(denied_object) {
            return PgDumpError::Denied { object, messages };
        }
        let unknown_bytes = [
            "invalid byte sequence for encoding",
            "has no equivalent in encoding",
        ];
        if texts().any(|text| unknown_bytes.iter().any(|known| text.contains(known))) {
            return PgDumpError::NotUtf8 { messages };
        }
        PgDumpError::Failed {
            code,
            messages,
            stderr,
        }
    }
}

/// Has libpq send settings with the first message of a connection: they win over those of the role and the database.
const OPTIONS: &str = "PGOPTIONS";

/// The options of the user's own, and behind them, so that they win, [`EXACT_SETTINGS`] and no limits.
fn with_exact_settings(own: Option<&EnvValue>) -> EnvValue {
    let mut options = String::new();
    for (name, value) in EXACT_SETTINGS.iter().chain(&[
        ("statement_timeout", "0"),
        ("lock_timeout", "0"),
        ("idle_in_transaction_session_timeout", "0"),
        ("standard_conforming_strings", "on"),
    ]) {
        // A blank separates options (`pg_split_opts`).
        let value = value.replace(' ', "\\ ");
        swrite!(options, " -c {name}={value}");
    }
    let mut all = match own {
        Some(EnvValue::Plain(own)) => own.clone(),
        _ => OsString::new(),
    };
    all.push(options);
    EnvValue::Plain(all)
}

/// Returns whether a pooler refused the options. `PgBouncer`: `unsupported startup parameter: options`, `… in options: timezone`.
fn is_unsupported_option(messages: &[ServerMessage]) -> bool {
    messages
        .iter()
        .any(|message| message.message.contains("unsupported startup parameter"))
}

impl DumpOptions {
    fn flags(&self) -> Vec<OsString> {
        let mut flags = Vec::new();
        for (wanted, flag) in [
            (self.owners, "--no-owner"),
            (self.privileges, "--no-privileges"),
            (self.comments, "--no-comments"),
        ] {
            if !wanted {
                flags.push(flag.into());
            }
        }
        if let Some(wait) = self.lock_wait {
            flags.push(format!("--lock-wait-timeout={}ms", wait.as_millis()).into());
        }
        flags.extend(self.arguments.iter().cloned());
        flags
    }
}

/// A pattern for `--schema` that matches this name alone: within double quotes nothing but the quote itself is special
/// (`processSQLNamePattern` in `src/fe_utils/string_utils.c`).
fn quoted_pattern(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The versions in `server version: 18.6; pg_dump version: 15.18 (…)`: a detail since version 14, an error in 13.
fn version_mismatch(messages: &[ServerMessage]) -> Option<(String, String)> {
    let texts = messages
        .iter()
        .flat_map(|message| [Some(&message.message), message.detail.as_ref()])
        .flatten();
    texts.flat_map(|text| text.lines()).find_map(|line| {
        let (server, program) = line
            .strip_prefix("server version: ")?
            .split_once("; pg_dump version: ")?;
        let short = |text: &str| text.split(" (").next().unwrap_or_default().to_owned();
        Some((short(server), short(program)))
    })
}

fn is_connection_failure(text: &str) -> bool {
    // 13 says `connection to database "d" failed: …`.
    let failed = text.starts_with("connection to ") && text.contains(" failed: ");
    let prefixes = [
        "could not connect to server",
        "could not translate host name",
        "invalid sslmode value",
    ];
    failed || prefixes.iter().any(|prefix| text.starts_with(prefix))
}

/// `table T` in `query failed: ERROR:  permission denied for table T`.
fn denied_object(text: &str) -> Option<String> {
    let (_, object) = text.split_once("permission denied for ")?;
    Some(object.lines().next()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_server_is_told_from_both_wordings() {
        let versions = Some(("18.6".to_owned(), "15.18".to_owned()));
        let new = "pg_dump: error: aborting because of server version mismatch\n\
                   pg_dump: detail: server version: 18.6 (Debian 18.6-1); pg_dump version: 15.18 (Debian 15.18-0)\n";
        assert_eq!(version_mismatch(&ServerMessage::parse_all(new)), versions);
        let old = "pg_dump: error: server version: 18.6; pg_dump version: 15.18\n\
                   pg_dump: error: aborting because of server version mismatch\n";
        assert_eq!(version_mismatch(&ServerMessage::parse_all(old)), versions);
    }

    #[test]
    fn only_the_quote_is_special_in_a_quoted_pattern() {
        assert_eq!(quoted_pattern(r#"A.b"c*?$\[x]"#), r#""A.b""c*?$\[x]""#);
    }

    #[test]
    fn failures_are_told_apart() {
        assert!(is_connection_failure(
            "connection to database \"d\" failed: FATAL:  no"
        ));
        assert!(is_connection_failure(
            "connection to server at \"h\", port 1 failed: refused"
        ));
        assert!(!is_connection_failure("query failed: ERROR:  x"));
        let denied = denied_object("query failed: ERROR:  permission denied for table T");
        assert_eq!(denied.as_deref(), Some("table T"));
    }
}
