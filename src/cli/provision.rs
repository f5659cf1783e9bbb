//! The command `provision`.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anstyle::{AnsiColor, Style};
use serde::Serialize;
use serde_json::json;

use super::arguments::{IfExistsArgument, ProvisionArguments};
use super::diagnose;
use super::failure::Failure;
use super::migrate::external;
use super::names::{Names, Wanted};
use super::output::Output;
use super::render::render_options;
use super::report::{ErrorObject, Report, of_signal, report};
use super::session::Session;
use super::snapshot_file;
use crate::exit;
use crate::pg::ScriptOptions;
use crate::snapshot::PLACEHOLDER;
use crate::sql::TenantName;
use crate::tenant::migrate::ExternalCommand;
use crate::tenant::{IfExists, MadeOf, Outcome, ProvisionError, ProvisionOptions, Provisioner};
use crate::tls::text::safe;

/// How many failed tenants the summary names.
const NAMED: usize = 20;

/// A line of the result for programs.
#[derive(Serialize)]
struct Line<'a> {
    tenant: &'a str,
    outcome: &'static str,
    ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorObject<'a>>,
}

/// The last line of the result for programs.
#[derive(Serialize)]
struct SummaryLine {
    summary: Summary,
}

#[derive(Serialize)]
struct Summary {
    created: usize,
    skipped: usize,
    /// With those of which it is not known.
    failed: usize,
    ms: f64,
}

/// What has become of the tenants so far.
#[derive(Debug, Default)]
struct Tally {
    created: usize,
    skipped: usize,
    failed: Vec<String>,
    /// The exit code of the last failure.
    code: u8,
    /// Whether a tenant was cut short by a signal.
    interrupted: bool,
    /// Whether more names may have come.
    cut_short: bool,
    /// Whether there was no connection for a tenant.
    unreachable: bool,
}

pub(super) async fn run(session: &Session, arguments: ProvisionArguments) -> Result<u8, Failure> {
    let start = Instant::now();
    let hook = arguments.run.map(|command| external(session, command)).transpose()?;
    let settings = session.settings()?;
    let path = snapshot_file::find(&settings.tool)?;
    let mut names = Names::new(&arguments.tenants, arguments.from_file.as_deref())?;
    // psql tells its version while the snapshot is read.
    let (target, snapshot) =
        tokio::join!(session.target(&settings), async { snapshot_file::load(&path, session.output) });
    let (snapshot, target) = (snapshot?, target?);
    let if_exists = match arguments.if_exists {
        IfExistsArgument::Fail => IfExists::Fail,
        IfExistsArgument::Skip => IfExists::Skip,
    };
    let options = ProvisionOptions { render: render_options(&arguments.what), if_exists };
    let provisioner = Provisioner::new(target.server, Arc::new(snapshot), options);
    let mut tally = Tally::default();
    while let Some(wanted) = names.next(&session.stop).await? {
        if arguments.dry_run {
            dry_run(session, &provisioner, hook.as_ref(), wanted, &mut tally).await?;
        } else {
            one(session, &provisioner, hook.as_ref(), wanted, &mut tally).await?;
            // Names may come for days: it is said with the first answer.
            if !tally.unreachable {
                session.say_plaintext().await;
            }
        }
    }
    if names.repeated > 0 {
        session.output.note(&format!("{} given more than once", many(names.repeated, "name")));
    }
    tally.cut_short = names.is_cut_short();
    let code = tally.conclude(session, arguments.dry_run, names.left(), start.elapsed())?;
    if session.common.diagnose && tally.unreachable {
        diagnose::run(session).await?;
    }
    Ok(code)
}

/// Creates one tenant and runs the hook for it; one that was there was finished by whoever made it.
async fn create(
    session: &Session,
    provisioner: &Provisioner,
    hook: Option<&ExternalCommand>,
    tenant: &TenantName,
) -> Result<Outcome, Failure> {
    let outcome = provisioner.provision(tenant, &session.stop).await?;
    if let (Some(hook), Outcome::Created { .. }) = (hook, &outcome) {
        let ran = hook.run_for(provisioner.server(), tenant, &session.stop).await;
        ran.map_err(|mut failure| {
            // Said of this one tenant, so with its name.
            failure.message = failure.message.replace(PLACEHOLDER, tenant.as_str());
            Failure::Hook(Box::new(failure))
        })?;
    }
    Ok(outcome)
}

/// Provisions one tenant and tells at once.
async fn one(
    session: &Session,
    provisioner: &Provisioner,
    hook: Option<&ExternalCommand>,
    wanted: Wanted,
    tally: &mut Tally,
) -> Result<(), Failure> {
    let start = Instant::now();
    let done = match wanted.tenant {
        Ok(tenant) => create(session, provisioner, hook, &tenant).await,
        Err(failure) => Err(failure),
    };
    let output = session.output;
    match done {
        Ok(outcome) => {
            let count =
                if matches!(outcome, Outcome::Created { .. }) { &mut tally.created } else { &mut tally.skipped };
            *count += 1;
            let ms = milliseconds(outcome.elapsed());
            if output.is_json() {
                Output::json(&Line { tenant: &wanted.text, outcome: outcome.word(), ms, error: None })
            } else {
                output.result(
                    style(&outcome),
                    outcome.word(),
                    &format!("{}{} ({ms} ms)", safe(&wanted.text), made_of(&outcome)),
                )
            }
        }
        Err(failure) => {
            let report = report(&failure, session.context());
            let error = if let Failure::Provision(error) = &failure { Some(&**error) } else { None };
            let unknown = matches!(error, Some(ProvisionError::Unknown { .. }));
            tally.interrupted |= matches!(error, Some(ProvisionError::Interrupted { .. }))
                || ((unknown || matches!(failure, Failure::Hook(_))) && session.stop.now().is_some());
            tally.unreachable |= matches!(error, Some(ProvisionError::Connect(_)));
            tally.fail(&wanted.text, report.code);
            tell(session, &wanted.text, report.clone());
            if output.is_json() {
                let outcome = if unknown { "unknown" } else { "failed" };
                let ms = milliseconds(start.elapsed());
                Output::json(&Line { tenant: &wanted.text, outcome, ms, error: Some(report.json()) })?;
            }
            Ok(())
        }
    }
}

/// Prints the command and the script for one tenant.
async fn dry_run(
    session: &Session,
    provisioner: &Provisioner,
    hook: Option<&ExternalCommand>,
    wanted: Wanted,
    tally: &mut Tally,
) -> Result<(), Failure> {
    let script = match wanted.tenant {
        Ok(tenant) => provisioner.script(&tenant).map_err(Failure::from),
        Err(failure) => Err(failure),
    };
    let script = match script {
        Ok(script) => script,
        Err(failure) => {
            let report = report(&failure, session.context());
            tally.fail(&wanted.text, report.code);
            if session.output.is_json() {
                let line = Line { tenant: &wanted.text, outcome: "failed", ms: 0.0, error: Some(report.json()) };
                Output::json(&line)?;
            }
            tell(session, &wanted.text, report);
            return Ok(());
        }
    };
    let server = provisioner.server();
    let options = ScriptOptions::default();
    let wrapped = server.wrapped(&script, &options, &session.stop).await;
    let (script, _) = wrapped.map_err(|error| ProvisionError::Run(Box::new(error)))?;
    let command = server.psql_invocation(Path::new("script.sql"), &options.variables).to_string();
    tally.created += 1;
    if session.output.is_json() {
        let run = hook.map(|hook| &hook.command);
        Output::json(&json!({ "tenant": wanted.text, "command": command, "script": script, "run": run }))
    } else {
        let comment = |text: &str| text.replace(['\n', '\r'], " ");
        let then = hook.map(|hook| format!("-- then: {}\n", comment(&hook.command))).unwrap_or_default();
        Output::raw(&format!("-- {}\n-- {}\n{then}{script}\n", comment(&wanted.text), comment(&command)))
    }
}

fn tell(session: &Session, tenant: &str, mut report: Report) {
    // What is wrong with a name names it.
    if report.id != "tenant.name" {
        report.message = format!("tenant '{}': {}", safe(tenant), report.message);
    }
    session.output.report(&report);
}

impl Tally {
    fn fail(&mut self, tenant: &str, code: u8) {
        self.failed.push(tenant.to_owned());
        self.code = code;
    }

    /// Prints the summary; returns the exit code.
    fn conclude(&self, session: &Session, dry_run: bool, left: usize, elapsed: Duration) -> Result<u8, Failure> {
        let output = session.output;
        let total = self.created + self.skipped + self.failed.len();
        let ms = milliseconds(elapsed);
        if output.is_json() && dry_run {
            Output::json(&json!({ "summary": { "rendered": self.created, "failed": self.failed.len(), "ms": ms } }))?;
        } else if output.is_json() {
            let (created, skipped, failed) = (self.created, self.skipped, self.failed.len());
            Output::json(&SummaryLine { summary: Summary { created, skipped, failed, ms } })?;
        } else if total != 1 && !dry_run {
            let (created, skipped, failed) = (self.created, self.skipped, self.failed.len());
            output.say(&format!("{created} created, {skipped} skipped, {failed} failed ({ms} ms)"));
        }
        if total > 1 && !self.failed.is_empty() {
            output.say(&format!("failed: {}", named(&self.failed)));
        }
        if left > 0 {
            output.warning(&format!("{} not tried", many(left, "tenant")));
        }
        Ok(match session.stop.now() {
            Some(signal) if self.interrupted || self.cut_short || left > 0 => of_signal(signal),
            _ if self.failed.is_empty() => exit::DONE,
            _ if total == 1 => self.code,
            _ => exit::PARTIAL,
        })
    }
}

fn named(tenants: &[String]) -> String {
    let shown: Vec<String> = tenants.iter().take(NAMED).map(|name| safe(name)).collect();
    let more = if tenants.len() > NAMED { format!(" and {} more", tenants.len() - NAMED) } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

fn many(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// Milliseconds with one decimal.
fn milliseconds(elapsed: Duration) -> f64 {
    (elapsed.as_secs_f64() * 10_000.0).round() / 10.0
}

fn style(outcome: &Outcome) -> Style {
    match outcome {
        Outcome::Created { .. } => AnsiColor::Green.on_default(),
        Outcome::Skipped { .. } => AnsiColor::Yellow.on_default(),
    }
}

/// What a tenant that was there is made of.
fn made_of(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Created { .. } => "",
        Outcome::Skipped { made_of: MadeOf::ThisSnapshot, .. } => ": made of this snapshot",
        Outcome::Skipped { made_of: MadeOf::AnotherSnapshot, .. } => ": made of another snapshot",
        Outcome::Skipped { made_of: MadeOf::Unmarked, .. } => {
            ": not made by schemastamp, has every object of the snapshot"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_names_are_printable_and_not_too_many() {
        let names: Vec<String> = (0..23).map(|number| format!("t\n{number}")).collect();
        let text = named(&names);
        assert!(text.starts_with("t\\n0, t\\n1, ") && text.ends_with("t\\n19 and 3 more"), "{text}");
        assert!((milliseconds(Duration::from_micros(12_345)) - 12.3).abs() < f64::EPSILON);
    }
}
