use std::ffi::OsStr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::finding::Finding;
use super::prepare::{Prepared, settle};
use super::probe::{Answer, Deadline};
use super::report::Report;
use super::steps::encryption::{self, Learnt};
use super::steps::programs::{self, Programs};
use super::steps::{configuration, login, modes, network};
use super::verdict::{self, Login};
use super::{Context, of_id};
use crate::config::{ConfigError, Connection, Environment, ToolSettings};
use crate::pg::Server;
use crate::process::Shutdown;
use crate::tls::{Fault, FileType, Problem, SslMode};

/// What is kept of the time for ending psql and writing the report.
const RESERVE: Duration = Duration::from_millis(600);

/// How long a server may take to end the processes of connections that were left before their login.
const SETTLING: Duration = Duration::from_millis(250);

/// What a diagnosis starts from.
#[derive(Debug)]
pub struct Inputs<'a> {
    /// The resolved connection, or why there is none.
    pub connection: Result<Connection, ConfigError>,
    /// Where the programs are.
    pub tool: &'a ToolSettings,
    /// The parent's environment.
    pub environment: &'a Environment,
    /// The time for all of it; `None` is without end.
    pub timeout: Option<Duration>,
}

/// Walks from the programs to the server's rights and reports each step, and one root cause where it lies.
///
/// Nothing is changed on the server. The login by the real psql decides; what was seen before explains it.
pub async fn walk(inputs: Inputs<'_>, shutdown: &Shutdown) -> Report {
    let start = Instant::now();
    let deadline = Deadline::after(inputs.timeout);
    // On the heap: the steps together are a large future.
    let mut findings = Box::pin(steps(inputs, deadline, shutdown)).await;
    findings.iter_mut().for_each(Finding::escape);
    Report {
        findings,
        elapsed: start.elapsed(),
    }
}

async fn steps(inputs: Inputs<'_>, deadline: Deadline, shutdown: &Shutdown) -> Vec<Finding> {
    let Inputs {
        connection,
        tool,
        environment,
        ..
    } = inputs;
    let temporary = environment
        .get("TMPDIR")
        .filter(|folder| !folder.is_empty())
        .unwrap_or(OsStr::new("/tmp"));
    let temporary = PathBuf::from(temporary);
    let limit = deadline.share(1, 2).left();
    let looked = deadline
        .share(3, 4)
        .run(Box::pin(programs::look(
            tool,
            environment,
            &temporary,
            limit,
            shutdown,
        )))
        .await;
    let (programs, mut findings) = looked.unwrap_or_else(|_| programs::hung());
    let mut connection = match connection {
        Ok(connection) => connection,
        Err(error) => {
            findings.push(Finding::from(&error));
            return verdict::settle(
                findings,
                Login::NotTried("the configuration cannot be read".to_owned()),
                None,
            );
        }
    };
    // Without psql its rules are guessed to be those of the oldest version that is usual.
    let libpq_major = programs.library.map_or(15, |library| library.major);
    findings.extend(configuration::values(&connection, libpq_major));
    findings.push(configuration::parent(&connection, environment, libpq_major));
    let prepared = match settle(&mut connection, environment, libpq_major) {
        Ok(prepared) => prepared,
        Err(error) => {
            findings.push(Finding::from(&error));
            let why = format!("every command refuses to try because of {}", error.id());
            return verdict::settle(findings, Login::NotTried(why), Some(&error.id()));
        }
    };
    findings.extend(configuration::files(&prepared, &connection));
    let fatal = prepared.files.fatal();
    let refused = fatal.map(Problem::id);
    let waits = fatal.is_some_and(|problem| would_wait(&problem.fault));
    let context = context(&connection, &prepared);
    let (learnt, seen) = reach(&connection, &prepared, libpq_major, &context, deadline).await;
    let unreachable = seen
        .iter()
        .find(|finding| is_hopeless(finding))
        .map(|finding| finding.id.clone());
    findings.extend(seen);
    if let Some(learnt) = learnt.as_ref().filter(|_| !prepared.socket) {
        findings.push(modes::outcomes(learnt, &prepared));
    }
    if let Some(id) = unreachable {
        return verdict::settle(
            findings,
            Login::NotTried(format!("because of {id}")),
            refused.as_deref(),
        );
    }
    if waits {
        let why = "psql would wait for ever for what the file does not give".to_owned();
        return verdict::settle(findings, Login::NotTried(why), refused.as_deref());
    }
    let Programs {
        psql: Some(psql), ..
    } = programs
    else {
        return verdict::settle(
            findings,
            Login::NotTried("psql cannot be run".to_owned()),
            refused.as_deref(),
        );
    };
    let mut server = Server::new(psql, child_environment(&connection, environment), temporary);
    let arguments = connection.conninfo_arguments();
    server.conninfo = (!arguments.is_empty()).then(|| arguments.join(" "));
    server.timeout = inputs.timeout.map(|_| {
        deadline
            .left()
            .saturating_sub(RESERVE)
            .max(Duration::from_millis(100))
    });
    server.grace = Duration::from_millis(200);
    let learnt = learnt.unwrap_or_default();
    let mut outcome = login::log_in(&server, &prepared, &learnt, &context, shutdown).await;
    if login::may_be_our_doing(&outcome, &learnt) {
        // On a server that is nearly full the processes of the looks before may still be there.
        tokio::time::sleep(SETTLING).await;
        outcome = login::log_in(&server, &prepared, &learnt, &context, shutdown).await;
    }
    match outcome {
        login::Outcome::In(facts) => {
            let mut findings = verdict::settle(findings, Login::In, refused.as_deref());
            let facts = facts
                .into_iter()
                .map(|fact| with_reason(fact, &findings))
                .collect::<Vec<_>>();
            findings.extend(facts);
            findings
        }
        login::Outcome::Out(messages) => {
            let messages = enriched(messages, &learnt, &prepared);
            verdict::settle(findings, Login::Out(messages), refused.as_deref())
        }
    }
}

async fn reach(
    connection: &Connection,
    prepared: &Prepared,
    libpq_major: u32,
    context: &Context,
    deadline: Deadline,
) -> (Option<Learnt>, Vec<Finding>) {
    let (way, mut findings) = network::find_way(&connection.hosts(), context, deadline).await;
    let Some(way) = way else {
        let why = if prepared.socket {
            "the connection goes through a Unix socket"
        } else {
            "no host can be reached"
        };
        findings.extend(["ssl_request", "tls"].map(|step| Finding::skipped(step, why)));
        return (None, findings);
    };
    let (learnt, seen) = encryption::look(way, prepared, libpq_major, context, deadline).await;
    findings.extend(seen);
    (Some(learnt), findings)
}

/// Says why a connection is in plaintext where something was found that makes TLS fail.
fn with_reason(fact: Finding, findings: &[Finding]) -> Finding {
    let reason = findings
        .iter()
        .find(|finding| finding.evidence.contains_key("lowered") && finding.id.starts_with("tls."));
    match reason {
        Some(reason) if fact.id == "tls.plaintext" => {
            let why = format!("{}; TLS failed because of {}", fact.why, reason.id);
            fact.because(why)
        }
        _ => fact,
    }
}

/// After these psql would only wait until the time is up.
fn is_hopeless(finding: &Finding) -> bool {
    finding.severity == super::Severity::Error
        && matches!(
            finding.id.as_str(),
            "net.timeout" | "net.silent" | "net.dns"
        )
}

/// libpq would read a pipe or a device to its end, and OpenSSL ask for a pass phrase on the terminal.
fn would_wait(fault: &Fault) -> bool {
    match fault {
        Fault::NotAFile(file_type) => *file_type != FileType::Directory,
        Fault::Encrypted => true,
        _ => false,
    }
}

fn context(connection: &Connection, prepared: &Prepared) -> Context {
    let text = |keyword: &str| connection.value(keyword).map(str::to_owned);
    Context {
        sslmode: Some(prepared.mode),
        user: text("user"),
        database: text("dbname"),
        host: text("host").or_else(|| text("hostaddr")),
        port: text("port"),
    }
}

fn child_environment(
    connection: &Connection,
    environment: &Environment,
) -> std::collections::BTreeMap<String, crate::process::EnvValue> {
    let mut child = environment.inherited();
    child.extend(connection.child_environment());
    child
}

/// Adds what was seen to psql's words.
fn enriched(mut messages: Vec<Finding>, learnt: &Learnt, prepared: &Prepared) -> Vec<Finding> {
    let Some(root) = messages.first_mut() else {
        return messages;
    };
    if root.id.starts_with("tls.client_cert.") {
        if let Some(names) = &learnt.seen.client_cert_asked {
            *root = root.clone().with("server_accepts", names.clone());
        }
        let leaf = prepared
            .files
            .client_cert
            .as_ref()
            .and_then(|used| used.judged.content.as_ref()?.first());
        if let Some(leaf) = leaf {
            *root = root
                .clone()
                .with("certificate", configuration::describe(leaf));
        }
    }
    // libpq's words for a server that does not know direct negotiation are those for any broken connection.
    if prepared.direct
        && matches!(
            root.id.as_str(),
            "net.closed" | "tls.handshake" | "net.not_postgresql"
        )
    {
        let said = root.clone();
        *root = of_id("tls.direct_refused", &Context::default());
        root.evidence = said.evidence;
    }
    if root.id == "tls.server_requires_tls"
        && learnt.answer == Some(Answer::Unwilling)
        && prepared.mode >= SslMode::Prefer
    {
        "the server wants TLS for this connection, and has none itself".clone_into(&mut root.why);
    }
    messages
}
