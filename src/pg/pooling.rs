//! Detects a pooler that spreads the statements of one client over several connections of the
//! server.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::json::parse_json;
use super::{PsqlError, PsqlSession, ScriptOptions, Server};
use crate::process::Shutdown;

/// Number of queries for the server process of a client.
const ASKED: usize = 8;
/// Time to wait for another client: a pooler in session mode may have no connection for it.
const LIMIT: Duration = Duration::from_secs(2);
/// Tolerance for the age of a server process compared with its client.
const TOLERANCE: Duration = Duration::from_millis(50);

/// The kind of connection between a client and the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pooling {
    /// Nothing that could be seen, or a pooler that gives a connection to each session.
    Sessions,
    /// A pooler that assigns a connection to each transaction (`pool_mode = transaction` of
    /// `PgBouncer`). It gave this client the same one each time, because no other client was
    /// active.
    Transactions,
    /// The same, and it gave this client several.
    Spread {
        /// Their number.
        connections: usize,
        /// The server's own address and port, as it sees them.
        server: Option<String>,
    },
}

/// The process that serves a client.
#[derive(Debug, Deserialize)]
struct Process {
    pid: i32,
    /// Since its start.
    age_ms: f64,
    server: Option<String>,
}

const PROCESS: &str = "SET LOCAL search_path = pg_catalog, pg_temp \\;\nSELECT pg_catalog.json_build_object('pid', pg_catalog.pg_backend_pid(), \
    'age_ms', COALESCE((SELECT 1000 * extract(epoch FROM pg_catalog.clock_timestamp() - backend_start) \
    FROM pg_catalog.pg_stat_activity WHERE pid = pg_catalog.pg_backend_pid()), 0), \
    'server', pg_catalog.host(pg_catalog.inet_server_addr()) || ', port ' || pg_catalog.inet_server_port());\n";

impl Pooling {
    /// Finds out what a session of several statements would meet. Nothing is changed.
    ///
    /// A process of the server that is older than its client was started for somebody else. If two clients that are
    /// connected at the same time are served by the same one, or one client by several, connections are given to
    /// transactions.
    ///
    /// # Errors
    /// See [`PsqlError`].
    pub async fn detect(server: &Server, shutdown: &Shutdown) -> Result<Self, PsqlError> {
        let start = Instant::now();
        let mut session = PsqlSession::new(server.clone(), usize::MAX);
        let first = ask(&mut session, 1, shutdown).await?.pop();
        let Some(first) = first.filter(|process| is_older(process, start.elapsed())) else {
            session.close().await;
            return Ok(Self::Sessions);
        };
        let mut seen: BTreeSet<i32> = ask(&mut session, ASKED, shutdown)
            .await?
            .iter()
            .map(|process| process.pid)
            .collect();
        // A second client while the first is connected: the same server process for both can only be a pooler's.
        let other = Server {
            timeout: Some(LIMIT),
            ..server.clone()
        };
        let beside = other
            .query_json(PROCESS, shutdown)
            .await
            .ok()
            .and_then(|mut lines| lines.pop());
        let beside = beside.and_then(|line| serde_json::from_value::<Process>(line).ok());
        seen.extend(
            ask(&mut session, 1, shutdown)
                .await?
                .iter()
                .map(|process| process.pid),
        );
        seen.insert(first.pid);
        session.close().await;
        Ok(match beside {
            _ if seen.len() > 1 => Self::Spread {
                connections: seen.len(),
                server: first.server,
            },
            Some(beside) if seen.contains(&beside.pid) => Self::Transactions,
            _ => Self::Sessions,
        })
    }
}

/// Returns `true` if a server process is older than its client.
fn is_older(process: &Process, client: Duration) -> bool {
    process.age_ms > (client + TOLERANCE).as_secs_f64() * 1000.0
}

/// Asks `ROUNDS` times, each time with its own message.
async fn ask(
    session: &mut PsqlSession,
    times: usize,
    shutdown: &Shutdown,
) -> Result<Vec<Process>, PsqlError> {
    let options = ScriptOptions {
        restrict: false,
        announce: false,
        ..ScriptOptions::default()
    };
    let timeout = session.server().timeout;
    let output = session
        .run_script(&PROCESS.repeat(times), &options, 0, timeout, shutdown)
        .await?;
    let lines = output.lines.iter().enumerate();
    lines
        .map(|(index, line)| parse_json(line, index + 1))
        .collect()
}
