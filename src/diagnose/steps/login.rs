//! The login by the real psql, whose verdict counts, and what the server is like.

use std::time::Duration;

use serde::Deserialize;

use crate::diagnose::finding::{Finding, Severity, Speaker};
use crate::diagnose::link::{Link, plaintext};
use crate::diagnose::probe::{ServerProbe, StartupReply};
use crate::diagnose::{Context, Prepared, explain};
use crate::pg::{EVENT_TRIGGERS, EventTrigger, PsqlError, ScriptOptions, Server, Version};
use crate::process::{RunError, Shutdown, StderrTail};
use crate::text::{duration, listed};
use crate::tls::SslMode;

/// Fewer locks than `PostgreSQL`'s defaults give: 64 for each of 100 connections.
const FEW_LOCKS: u64 = 6400;

/// `\conninfo` reports on the client's own link. A pooler's link to the server is another one.
/// Nothing is changed.
const SCRIPT: &str = r"\conninfo
SET LOCAL search_path = pg_catalog, pg_temp \;
SELECT pg_catalog.json_build_object(
  'version', pg_catalog.current_setting('server_version_num')::int,
  'user', pg_catalog.quote_ident(CURRENT_USER),
  'database', pg_catalog.current_database(),
  'create', pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE'),
  'read_only', pg_catalog.current_setting('transaction_read_only')::bool,
  'locks', pg_catalog.current_setting('max_locks_per_transaction')::bigint
    * (pg_catalog.current_setting('max_connections')::bigint + pg_catalog.current_setting('max_prepared_transactions')::bigint),
  'locks_per_transaction', pg_catalog.current_setting('max_locks_per_transaction')::bigint,
  'connections', pg_catalog.current_setting('max_connections')::bigint,
  'age_ms', (SELECT (1000 * extract(epoch FROM pg_catalog.clock_timestamp() - backend_start))::bigint
    FROM pg_catalog.pg_stat_activity WHERE pid = pg_catalog.pg_backend_pid()),
  'event_triggers', ($event_triggers$));
";

#[derive(Debug, Deserialize)]
struct LoginFacts {
    version: u32,
    user: String,
    database: String,
    create: bool,
    read_only: bool,
    locks: u64,
    locks_per_transaction: u64,
    connections: u64,
    age_ms: Option<i64>,
    event_triggers: Vec<EventTrigger>,
}

/// The output of psql.
#[derive(Debug)]
pub(in crate::diagnose) enum Outcome {
    /// It got in.
    In(Vec<Finding>),
    /// It did not, and said why.
    Out(String),
    /// It did not, for a reason that it does not say.
    Broken(Finding),
}

/// Logs in with psql and asks the server about itself.
pub(in crate::diagnose) async fn log_in(
    server: &Server,
    prepared: &Prepared,
    probe: &ServerProbe,
    context: &Context,
    shutdown: &Shutdown,
) -> Outcome {
    let options = ScriptOptions {
        restrict: false,
        ..ScriptOptions::default()
    };
    let script = SCRIPT.replace("$event_triggers$", EVENT_TRIGGERS);
    match server.run_script(&script, &options, shutdown).await {
        Ok(output) => {
            let facts = output
                .lines
                .iter()
                .rev()
                .find_map(|line| serde_json::from_str::<LoginFacts>(line).ok());
            let link = Link::from_output(&output.lines);
            if let Some(facts) = facts {
                return Outcome::In(login_findings(
                    &facts,
                    &link,
                    prepared,
                    probe,
                    context,
                    output.elapsed,
                ));
            }
            let words = output.lines.join(" ");
            Outcome::Broken(
                Finding::from_catalogue("connection.failed", context).with("message", words),
            )
        }
        Err(error) => failure(&error, probe, context),
    }
}

/// Returns `true` if psql found the server full although the earlier probes had found a free slot.
pub(in crate::diagnose) fn may_be_our_doing(
    outcome: &Outcome,
    probe: &ServerProbe,
    context: &Context,
) -> bool {
    let full = matches!(outcome, Outcome::Out(stderr)
        if explain(stderr.as_bytes(), context)
            .first()
            .is_some_and(|root| root.id == "server.too_many_clients"));
    full && [&probe.over_tls, &probe.in_plaintext]
        .into_iter()
        .any(|reply| matches!(reply, Some(StartupReply::Welcome { .. })))
}

fn login_findings(
    facts: &LoginFacts,
    link: &Link,
    prepared: &Prepared,
    probe: &ServerProbe,
    context: &Context,
    elapsed: Duration,
) -> Vec<Finding> {
    let encryption = if prepared.socket {
        "a Unix socket"
    } else if link.encrypted {
        "TLS"
    } else {
        "plaintext"
    };
    let login = format!(
        "psql logs in as {} over {encryption} in {}",
        facts.user,
        duration(elapsed)
    );
    let mut findings = vec![
        Finding::ok("login", login)
            .with("encrypted", link.encrypted)
            .with("connection", link.words.clone()),
    ];
    if !prepared.socket && !link.encrypted && prepared.mode != SslMode::Disable {
        findings.push(plaintext(prepared.mode, context));
    }
    let version = Version::from_number(facts.version)
        .map_or_else(|| facts.version.to_string(), |version| version.to_string());
    let server = format!(
        "PostgreSQL {version}, database {}",
        crate::text::safe(&facts.database)
    );
    if facts.create && !facts.read_only {
        findings.push(Finding::ok(
            "server",
            format!("{server}, {} may create schemas", facts.user),
        ));
    } else {
        findings.push(Finding::ok("server", server));
        let id = if facts.read_only {
            "server.read_only"
        } else {
            "server.no_create_right"
        };
        findings.push(
            Finding::from_catalogue(id, context)
                .at(Severity::Warning)
                .said_by(Speaker::PostgreSql),
        );
    }
    let locks = format!(
        "{} ({} for each of {} connections)",
        facts.locks, facts.locks_per_transaction, facts.connections
    );
    let finding = if facts.locks < FEW_LOCKS {
        Finding::from_catalogue("server.small_lock_budget", context)
            .at(Severity::Warning)
            .with("locks", locks)
    } else {
        Finding::ok("locks", locks).with("locks", facts.locks)
    };
    findings.push(finding);
    if !facts.event_triggers.is_empty() {
        let triggers = listed(&facts.event_triggers, 5);
        findings.push(
            Finding::ok(
                "event_triggers",
                format!("they run for whatever is created here: {triggers}"),
            )
            .with("event_triggers", triggers),
        );
    }
    // A server process that is older than psql was started for somebody else.
    let age = facts
        .age_ms
        .and_then(|age| u64::try_from(age).ok())
        .map(Duration::from_millis);
    let older = age.is_some_and(|age| age > elapsed + Duration::from_millis(50));
    findings.push(if probe.pooler || older {
        let how = if probe.pooler {
            "PgBouncer"
        } else {
            "a pooler"
        };
        Finding::ok(
            "pooler",
            format!("{how} stands in between: settings last for one transaction only"),
        )
        .with("pooler", true)
    } else {
        Finding::ok("pooler", "none in between that could be seen").with("pooler", false)
    });
    findings
}

fn failure(error: &PsqlError, probe: &ServerProbe, context: &Context) -> Outcome {
    let stderr = error.stderr().map(StderrTail::text).unwrap_or_default();
    match error {
        PsqlError::Run(RunError::TimedOut { .. }) if probe.pooler => Outcome::Broken(
            Finding::from_catalogue("server.pooler_backend", context).said_by(Speaker::PgBouncer),
        ),
        PsqlError::Run(RunError::TimedOut { after, .. }) => {
            match explain(stderr.as_bytes(), context).first() {
                Some(finding) if finding.id != "connection.failed" => Outcome::Out(stderr),
                _ => Outcome::Broken(
                    Finding::from_catalogue("timeout", context)
                        .with("after_s", after.as_secs_f64()),
                ),
            }
        }
        PsqlError::Password(error) => {
            let finding = Finding::from_catalogue(error.id(), context);
            Outcome::Broken(Finding {
                what: crate::text::bounded(&error.to_string(), 500),
                ..finding
            })
        }
        PsqlError::Run(_) | PsqlError::Program(_) => Outcome::Broken(
            Finding::from_catalogue("program.failed", context).with("message", error.to_string()),
        ),
        _ => Outcome::Out(stderr),
    }
}
