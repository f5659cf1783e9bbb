//! The command `diagnose`.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::arguments::DiagnoseArguments;
use super::failure::CommandError;
use super::lines::{Counts, DiagnoseCounts, FindingLine, Line};
use super::nagios::{self, Thresholds};
use super::output::{Output, terminal_width, wrapped};
use super::report::signal_exit_code;
use super::session::Session;
use crate::config::{ConfigError, Connection, FileChoice, Targets, ToolSettings};
use crate::diagnose::{EXPIRES_WITHIN, Finding, Inputs, Report, ReportSummary, Severity, walk};
use crate::exit;
use crate::text::plural;

/// The most servers that are diagnosed at the same time.
const AT_ONCE: usize = 64;

/// Default time limit of a diagnosis.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Runs the diagnosis, prints the report on stdout, and returns the exit code.
///
/// # Errors
/// Fails if the report cannot be written, or if flags contradict each other.
pub(super) async fn run(
    session: &Session,
    arguments: DiagnoseArguments,
) -> Result<u8, CommandError> {
    let Session {
        common,
        environment,
        output,
        shutdown,
        ..
    } = session;
    let expires_within = arguments.expires_within.unwrap_or(EXPIRES_WITHIN);
    let mut thresholds = Thresholds {
        expires_within,
        timeout: None,
    };
    let reports = match ToolSettings::resolve(&common.tool(), environment) {
        Ok(tool) => {
            thresholds.timeout = tool.timeout_or(TIMEOUT);
            let reports = diagnose_targets(session, &arguments, &tool, thresholds);
            tokio::select! {
                reports = reports => reports?,
                // Nothing on the server needs to be cancelled first: psql ends with its run.
                signal = shutdown.requested() => {
                    return Err(CommandError::Interrupted(signal));
                }
            }
        }
        Err(error) => vec![failed(&error)],
    };
    if output.is_nagios() {
        let (code, line) = nagios::line(&reports, thresholds);
        Output::raw(&line)?;
        return Ok(code);
    }
    if output.is_json() {
        print_json(session, &reports)?;
    } else {
        print_text(*output, &reports)?;
    }
    let code = if reports.iter().any(|report| report.root_cause().is_some()) {
        exit::DIAGNOSED
    } else {
        exit::DONE
    };
    Ok(shutdown.signal().map_or(code, signal_exit_code))
}

/// Diagnoses the server of the settings, or those of a targets file, in its order.
async fn diagnose_targets(
    session: &Session,
    arguments: &DiagnoseArguments,
    tool: &ToolSettings,
    thresholds: Thresholds,
) -> Result<Vec<Report>, CommandError> {
    let Session {
        common,
        environment,
        shutdown,
        ..
    } = session;
    let Some(path) = &arguments.targets else {
        let inputs = Inputs {
            connection: Connection::resolve(&common.connection(), environment),
            tool,
            environment,
            timeout: thresholds.timeout,
            expires_within: thresholds.expires_within,
        };
        return Ok(vec![walk(inputs, shutdown).await]);
    };
    if common.connection().is_given() {
        let text = "--targets cannot be combined with connection flags; write the connections into the targets file";
        return Err(CommandError::Usage(text.to_owned()));
    }
    let targets = match Targets::read(path, FileChoice::Named, environment) {
        Ok(targets) => targets.targets,
        Err(error) => return Ok(vec![failed(&error)]),
    };
    // None has to wait for another one, unless the limit on open files would be near.
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let mut tasks = JoinSet::new();
    let count = targets.len();
    for (index, target) in targets.into_iter().enumerate() {
        let turns = Arc::clone(&turns);
        let tool = tool.clone();
        let environment = environment.clone();
        let shutdown = shutdown.clone();
        tasks.spawn(async move {
            let _turn = turns.acquire().await;
            let inputs = Inputs {
                connection: Ok(target.connection),
                tool: &tool,
                environment: &environment,
                timeout: thresholds.timeout,
                expires_within: thresholds.expires_within,
            };
            let mut report = walk(inputs, &shutdown).await;
            report.target = Some(target.name);
            (index, report)
        });
    }
    let mut reports: Vec<Option<Report>> = (0..count).map(|_| None).collect();
    while let Some(done) = tasks.join_next().await {
        let (index, report) = done.map_err(|error| CommandError::Stream {
            stream: "a diagnosis",
            source: error.into(),
        })?;
        if let Some(place) = reports.get_mut(index) {
            *place = Some(report);
        }
    }
    Ok(reports.into_iter().flatten().collect())
}

/// A report on settings that cannot be read.
fn failed(error: &ConfigError) -> Report {
    Report {
        findings: vec![Finding::from(error)],
        ..Report::default()
    }
}

fn print_json(session: &Session, reports: &[Report]) -> Result<(), CommandError> {
    for report in reports {
        for finding in &report.findings {
            Output::json(&Line::Finding(FindingLine {
                target: report.target.clone(),
                finding: finding.clone(),
            }))?;
        }
    }
    let summaries: Vec<ReportSummary> = reports.iter().map(Report::summary).collect();
    let several = reports.iter().any(|report| report.target.is_some());
    let failed = summaries
        .iter()
        .filter(|summary| summary.errors > 0)
        .count();
    let verdict = if failed == 0 { "ok" } else { "problem" };
    session.summary(Counts::Diagnose(DiagnoseCounts {
        verdict: verdict.to_owned(),
        errors: summaries.iter().map(|summary| summary.errors).sum(),
        warnings: summaries.iter().map(|summary| summary.warnings).sum(),
        targets: several.then_some(reports.len()),
        failed_targets: several.then_some(failed),
    }))
}

fn print_text(output: Output, reports: &[Report]) -> Result<(), CommandError> {
    let mut lines: Vec<_> = reports.iter().flat_map(Report::text).collect();
    if reports.iter().any(|report| report.target.is_some()) {
        let failed = reports
            .iter()
            .filter(|report| report.root_cause().is_some())
            .count();
        let verdict = match failed {
            0 => "every one works".to_owned(),
            failed => format!("{failed} with an error"),
        };
        lines.push((
            None,
            format!("{}: {verdict}", plural(reports.len(), "target")),
        ));
    }
    let width = terminal_width(&std::io::stdout());
    let mut stdout = output.stdout();
    let written = lines
        .iter()
        .try_for_each(|(severity, line)| write_line(&mut stdout, *severity, &wrapped(line, width)));
    let flushed = written.and_then(|()| stdout.flush());
    flushed.map_err(|source| CommandError::Stream {
        stream: "standard output",
        source,
    })
}

/// Writes a line with its first word, the severity, in color.
fn write_line(out: &mut impl Write, severity: Option<Severity>, line: &str) -> std::io::Result<()> {
    let word = line.split(' ').next().unwrap_or_default();
    match (severity.map(style), line.strip_prefix(word)) {
        (Some(style), Some(rest)) => writeln!(out, "{style}{word}{style:#}{rest}"),
        _ => writeln!(out, "{line}"),
    }
}

fn style(severity: Severity) -> Style {
    let color = match severity {
        Severity::Ok => AnsiColor::Green,
        Severity::Warning => AnsiColor::Yellow,
        Severity::Error => AnsiColor::Red,
        Severity::Skipped => AnsiColor::BrightBlack,
    };
    color.on_default()
}
