use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::cure::Origins;
use super::finding::Finding;
use super::look::{LookPlan, LookedAt};
use super::prepare::{Prepared, password_command, settle};
use super::probe::{Deadline, ServerProbe};
use super::report::{Expiry, Report};
use super::steps::programs::{self, Programs};
use super::steps::{configuration, expiry, login, modes, network};
use super::verdict::{self, Login};
use super::{Context, explain};
use crate::config::{ConfigError, Connection, Environment, ToolSettings};
use crate::pg::Server;
use crate::process::Shutdown;
use crate::tls::{Fault, FileType, Problem};

/// Time that is reserved for ending psql and writing the report.
const RESERVE: Duration = Duration::from_millis(600);

/// Time for a server to end the processes of connections that were closed before their login.
const SETTLING: Duration = Duration::from_millis(250);

/// The input of a diagnosis.
#[derive(Debug)]
pub struct Inputs<'a> {
    /// The resolved connection, or the reason why there is none.
    pub connection: Result<Connection, ConfigError>,
    /// The settings of the programs.
    pub tool: &'a ToolSettings,
    /// The parent's environment.
    pub environment: &'a Environment,
    /// The time for all of it; `None` is without end.
    pub timeout: Option<Duration>,
    /// Certificates and revocation lists that end within this time are warned of.
    pub expires_within: Duration,
}

/// The time before an end in which a report warns of it, unless another one is asked for.
pub const EXPIRES_WITHIN: Duration = Duration::from_hours(14 * 24);

/// Walks from the programs to the server's rights and reports each step, and one root cause where it lies.
///
/// Nothing is changed on the server. The login by the real psql decides; what was seen before explains it.
pub async fn walk(inputs: Inputs<'_>, shutdown: &Shutdown) -> Report {
    let start = Instant::now();
    let deadline = Deadline::after(inputs.timeout);
    // On the heap: the steps together are a large future.
    let mut expiries = Vec::new();
    let origins = match &inputs.connection {
        Ok(connection) => Origins::new(connection, inputs.environment),
        Err(_) => Origins::default(),
    };
    let mut findings = Box::pin(steps(inputs, deadline, shutdown, &mut expiries)).await;
    for finding in &mut findings {
        finding.fix = origins.expand(&finding.fix);
    }
    findings.iter_mut().for_each(Finding::escape);
    Report {
        target: None,
        expiries,
        findings,
        elapsed: start.elapsed(),
    }
}

async fn steps(
    inputs: Inputs<'_>,
    deadline: Deadline,
    shutdown: &Shutdown,
    expiries: &mut Vec<Expiry>,
) -> Vec<Finding> {
    let Inputs {
        connection,
        tool,
        environment,
        ..
    } = inputs;
    let temporary = temporary_directory(environment);
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
    let prepared: Prepared = match settle(&mut connection, environment, libpq_major) {
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
    let child = child_environment(&connection, environment);
    if let Some(pg_dump) = &programs.pg_dump {
        let refusal =
            programs::pg_dump_refusal(pg_dump, &child, environment, &temporary, limit, shutdown);
        findings.extend(refusal.await);
    }
    let mut context = Context::new(&connection, &prepared, environment);
    context.password_command = password_command(&connection, environment);
    context.configured.libpq_major = programs.library.map(|library| library.major);
    let plan = LookPlan::new(connection.hosts(), prepared, libpq_major, None);
    let (mut ways, seen) = network::find_ways(&plan.hosts, &context, deadline).await;
    findings.extend(seen);
    let looked_at = if ways.is_empty() {
        None
    } else {
        Some(plan.look_at(ways.remove(0), &context, deadline).await)
    };
    let watch = Watch {
        expiries,
        crl_directory: connection
            .path("sslcrldir")
            .map(|setting| setting.value.to_owned()),
        within: inputs.expires_within,
        context: &context,
    };
    let report = Findings {
        before: findings,
        refused,
        plan: &plan,
        watch,
    };
    if let Some(why) = not_tried(&report.before, looked_at.as_ref(), waits, &programs) {
        return report.conclude(looked_at, Login::NotTried(why));
    }
    let Some(psql) = programs.psql else {
        let why = "psql cannot be run".to_owned();
        return report.conclude(looked_at, Login::NotTried(why));
    };
    let mut server = Server::new(psql, child, temporary);
    server
        .password_command
        .clone_from(&context.password_command);
    let arguments = connection.conninfo_arguments();
    server.conninfo = (!arguments.is_empty()).then(|| arguments.join(" "));
    server.timeout = inputs.timeout.map(|_| login_limit(deadline));
    server.grace = Duration::from_millis(200);
    let nothing = ServerProbe::default();
    let probe = looked_at
        .as_ref()
        .map_or(&nothing, |looked_at| &looked_at.probe);
    let prepared = &plan.prepared;
    let mut outcome = login::log_in(&server, prepared, probe, &context, shutdown).await;
    if login::may_be_our_doing(&outcome, probe, &context) {
        // On a nearly full server, the processes of the earlier probes may still exist.
        tokio::time::sleep(SETTLING).await;
        outcome = login::log_in(&server, prepared, probe, &context, shutdown).await;
    }
    match outcome {
        login::Outcome::In(facts) => {
            let mut findings = report.conclude(looked_at, Login::In);
            let facts: Vec<Finding> = facts
                .into_iter()
                .map(|fact| with_reason(fact, &findings))
                .collect();
            findings.extend(facts);
            findings
        }
        login::Outcome::Broken(finding) => report.conclude(looked_at, Login::Out(vec![finding])),
        login::Outcome::Out(stderr) => {
            let looked_at = plan
                .follow_up(&stderr, &context, looked_at, &mut ways, deadline)
                .await;
            report.fail(&stderr, &context, looked_at)
        }
    }
}

fn temporary_directory(environment: &Environment) -> PathBuf {
    let named = environment.get("TMPDIR").filter(|path| !path.is_empty());
    PathBuf::from(named.unwrap_or(OsStr::new("/tmp")))
}

/// Returns the time limit of the login, which leaves some for the report on it.
fn login_limit(deadline: Deadline) -> Duration {
    let left = deadline.left().saturating_sub(RESERVE);
    left.max(Duration::from_millis(100))
}

/// The findings before the probe, and their conversion into a report.
struct Findings<'a> {
    before: Vec<Finding>,
    refused: Option<String>,
    plan: &'a LookPlan,
    watch: Watch<'a>,
}

/// The search for what ends soon.
struct Watch<'a> {
    /// Receives every end that is found.
    expiries: &'a mut Vec<Expiry>,
    crl_directory: Option<PathBuf>,
    within: Duration,
    context: &'a Context,
}

impl Watch<'_> {
    fn warnings(
        self,
        prepared: &Prepared,
        probe: Option<&ServerProbe>,
        seen: &[Finding],
    ) -> Vec<Finding> {
        *self.expiries = expiry::ends(prepared, self.crl_directory.as_deref(), probe);
        expiry::warnings(self.expiries, self.within, seen, self.context)
    }
}

impl Findings<'_> {
    /// A report on a login whose outcome is known.
    fn conclude(self, looked_at: Option<LookedAt>, login: Login) -> Vec<Finding> {
        let mut findings = self.before;
        let probe = looked_at
            .as_ref()
            .map(|looked_at| Arc::clone(&looked_at.probe));
        if let Some(looked_at) = looked_at {
            findings.extend(looked_at.findings);
            findings.push(modes::outcomes(&looked_at.probe, &self.plan.prepared));
        } else {
            let why = if self.plan.prepared.socket {
                "the connection goes through a Unix socket"
            } else {
                "no host can be reached"
            };
            findings.extend(["ssl_request", "tls"].map(|step| Finding::skipped(step, why)));
        }
        let mut findings = verdict::settle(findings, login, self.refused.as_deref());
        // What ends soon is no reason for a failure of today.
        let expiring = self
            .watch
            .warnings(&self.plan.prepared, probe.as_deref(), &findings);
        findings.extend(expiring);
        findings
    }

    /// A report on a login that failed: what was seen decides what the words mean.
    fn fail(self, stderr: &str, context: &Context, looked_at: Option<LookedAt>) -> Vec<Finding> {
        let seen = looked_at
            .as_ref()
            .map(|looked_at| Arc::clone(&looked_at.probe));
        let context = match &seen {
            Some(probe) => context.with_probe(Arc::clone(probe)),
            None => context.clone(),
        };
        let messages = explain(stderr.as_bytes(), &context);
        let messages = enriched(messages, seen.as_deref(), &self.plan.prepared);
        self.conclude(looked_at, Login::Out(messages))
    }
}

/// The reason why psql is not run, if it is not.
fn not_tried(
    findings: &[Finding],
    looked_at: Option<&LookedAt>,
    waits: bool,
    programs: &Programs,
) -> Option<String> {
    let seen = looked_at.map_or(&[] as &[Finding], |looked_at| &looked_at.findings);
    if let Some(finding) = findings
        .iter()
        .chain(seen)
        .find(|finding| is_hopeless(finding))
    {
        return Some(format!("because of {}", finding.id));
    }
    if waits {
        return Some("psql would wait for ever for what the file does not give".to_owned());
    }
    programs
        .psql
        .is_none()
        .then(|| "psql cannot be run".to_owned())
}

/// Names the reason for plaintext, if a probe found one that makes TLS fail.
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

/// After these, psql would only wait until the timeout.
fn is_hopeless(finding: &Finding) -> bool {
    finding.severity == super::Severity::Error
        && matches!(
            finding.id.as_str(),
            "net.timeout" | "net.silent" | "net.dns" | "net.private_name"
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

fn child_environment(
    connection: &Connection,
    environment: &Environment,
) -> std::collections::BTreeMap<String, crate::process::EnvValue> {
    let mut child = environment.inherited();
    child.extend(connection.child_environment());
    child
}

/// Adds what was seen to psql's words.
fn enriched(
    mut messages: Vec<Finding>,
    probe: Option<&ServerProbe>,
    prepared: &Prepared,
) -> Vec<Finding> {
    let Some(root) = messages.first_mut() else {
        return messages;
    };
    if root.id.starts_with("tls.client_cert.") {
        if let Some(names) = probe.and_then(|probe| probe.seen.client_cert_asked.as_ref()) {
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
    messages
}
