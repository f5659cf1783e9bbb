//! The command `diagnose`.

use std::io::Write;
use std::time::Duration;

use anstyle::{AnsiColor, Style};

use super::failure::CommandError;
use super::lines::{Counts, DiagnoseCounts, Line};
use super::output::Output;
use super::report::signal_exit_code;
use super::session::Session;
use crate::config::{Connection, ToolSettings};
use crate::diagnose::{Finding, Inputs, Report, Severity, Summary, walk};
use crate::exit;

/// Default time limit of a diagnosis.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Runs the diagnosis, prints the report on stdout, and returns the exit code.
///
/// # Errors
/// Fails if the report cannot be written.
pub(super) async fn run(session: &Session) -> Result<u8, CommandError> {
    let Session {
        common,
        environment,
        output,
        shutdown,
        ..
    } = session;
    let report = match ToolSettings::resolve(&common.tool(), environment) {
        Ok(tool) => {
            let connection = Connection::resolve(&common.connection(), environment);
            let timeout = tool.timeout_or(TIMEOUT);
            let inputs = Inputs {
                connection,
                tool: &tool,
                environment,
                timeout,
            };
            tokio::select! {
                report = walk(inputs, shutdown) => report,
                // Nothing on the server needs to be cancelled first: psql ends with its run.
                signal = shutdown.requested() => {
                    return Err(CommandError::Interrupted(signal));
                }
            }
        }
        Err(error) => Report {
            findings: vec![Finding::from(&error)],
            elapsed: Duration::ZERO,
        },
    };
    if output.is_json() {
        for finding in &report.findings {
            Output::json(&Line::Finding(finding.clone()))?;
        }
        let Summary {
            verdict,
            errors,
            warnings,
        } = report.summary();
        session.summary(Counts::Diagnose(DiagnoseCounts {
            verdict: verdict.to_owned(),
            errors,
            warnings,
        }))?;
    } else {
        let mut stdout = output.stdout();
        let written = report
            .text()
            .iter()
            .try_for_each(|(severity, line)| write_line(&mut stdout, *severity, line));
        let flushed = written.and_then(|()| stdout.flush());
        flushed.map_err(|source| CommandError::Stream {
            stream: "standard output",
            source,
        })?;
    }
    Ok(shutdown
        .signal()
        .map_or_else(|| exit_code(&report), signal_exit_code))
}

fn exit_code(report: &Report) -> u8 {
    if report.root_cause().is_some() {
        exit::DIAGNOSED
    } else {
        exit::DONE
    }
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
