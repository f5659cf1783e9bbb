//! The command `diagnose`.

use std::io::{self, Write};
use std::time::Duration;

use anstyle::{AnsiColor, Style};

use super::arguments::{CommonArguments, Format};
use crate::config::{Connection, Environment, ToolSettings};
use crate::diagnose::{Finding, Inputs, Report, Severity, walk};
use crate::exit;
use crate::process::Stop;

/// How long a diagnosis may take unless told otherwise.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Walks, prints the report on stdout, and returns the exit code.
///
/// # Errors
/// The report cannot be written.
pub(super) async fn run(arguments: &CommonArguments, environment: &Environment, stop: &Stop) -> io::Result<u8> {
    let report = match ToolSettings::resolve(&arguments.tool(), environment) {
        Ok(tool) => {
            let connection = Connection::resolve(&arguments.connection(), environment);
            let timeout = tool.timeout_or(TIMEOUT);
            let inputs = Inputs { connection, tool: &tool, environment, timeout };
            tokio::select! {
                report = walk(inputs, stop) => report,
                // Nothing is under way on the server that would have to be ended first; psql dies with its run.
                signal = stop.requested() => {
                    return Ok(exit::SIGNAL_BASE.saturating_add(u8::try_from(signal.number()).unwrap_or_default()));
                }
            }
        }
        Err(error) => Report { findings: vec![Finding::from(&error)], elapsed: Duration::ZERO },
    };
    let mut out = anstream::AutoStream::new(io::stdout().lock(), arguments.color.into());
    match arguments.format {
        Format::Json => out.write_all(report.json_lines().as_bytes())?,
        Format::Text => {
            for (severity, line) in report.text() {
                write_line(&mut out, severity, &line)?;
            }
        }
    }
    out.flush()?;
    Ok(report.exit_code())
}

/// Colours the first word, which is the severity.
fn write_line(out: &mut impl Write, severity: Option<Severity>, line: &str) -> io::Result<()> {
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
