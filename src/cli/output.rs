use std::io::{self, Write};
use std::path::Path;

use anstyle::{AnsiColor, Style};

use super::bar::beside_bar;
use super::common::{CommonArguments, Format};
use super::failure::CommandError;
use super::lines::{ErrorLine, Line};
use super::report::{ErrorReport, build_report};
use crate::diagnose::Context;
use crate::exit;
use crate::path;

/// The signal of a pipe that nobody reads.
const SIGPIPE: u8 = 13;

/// The only place that prints: results on stdout, everything else on stderr.
#[derive(Clone, Copy, Debug)]
pub(super) struct Output {
    format: Format,
    quiet: bool,
    color: anstream::ColorChoice,
}

impl Output {
    pub(super) fn new(common: &CommonArguments) -> Self {
        Self {
            format: common.format,
            quiet: common.quiet,
            color: common.color.into(),
        }
    }

    /// Whether results are JSON Lines.
    pub(super) fn is_json(self) -> bool {
        self.format == Format::Json
    }

    /// Stdout, coloured or not.
    pub(super) fn stdout(self) -> anstream::AutoStream<io::StdoutLock<'static>> {
        anstream::AutoStream::new(io::stdout().lock(), self.color)
    }

    /// A result in full, as it is.
    pub(super) fn raw(text: &str) -> Result<(), CommandError> {
        beside_bar(|| {
            let mut stdout = io::stdout().lock();
            stdout
                .write_all(text.as_bytes())
                .and_then(|()| stdout.flush())
                .map_err(stdout_failed)
        })
    }

    /// A line of a result for people: a word that says how it went, and the rest.
    pub(super) fn result(self, style: Style, word: &str, rest: &str) -> Result<(), CommandError> {
        beside_bar(|| {
            let mut stdout = self.stdout();
            writeln!(stdout, "{style}{word}{style:#} {}", printable(rest))
                .and_then(|()| stdout.flush())
                .map_err(stdout_failed)
        })
    }

    /// A line of JSON.
    pub(super) fn json(line: &Line) -> Result<(), CommandError> {
        let line = serde_json::to_string(line).map_err(|error| stdout_failed(error.into()))?;
        Self::raw(&(line + "\n"))
    }

    /// Writes a result into a file in one step; returns whether the file changed.
    pub(super) fn file(path: &Path, content: &str) -> Result<bool, CommandError> {
        if !path::is_special(path) && path::read(path).is_ok_and(|old| old == content.as_bytes()) {
            return Ok(false);
        }
        path::write_atomic(path, content.as_bytes())?;
        Ok(true)
    }

    /// Something worth knowing, on stderr.
    pub(super) fn note(self, text: &str) {
        if !self.quiet {
            self.stderr(AnsiColor::Cyan.on_default(), "note", text);
        }
    }

    /// Something that is probably not meant, on stderr.
    pub(super) fn warning(self, text: &str) {
        if !self.quiet {
            self.stderr(AnsiColor::Yellow.on_default(), "warning", text);
        }
    }

    /// A line without a label, on stderr.
    pub(super) fn say(self, text: &str) {
        if !self.quiet {
            self.stderr_line(&printable(text));
        }
    }

    /// An error, its causes and what to do, on stderr.
    pub(super) fn report(self, report: &ErrorReport) {
        self.stderr(AnsiColor::Red.on_default().bold(), "error", &report.message);
        for cause in &report.causes {
            self.stderr(Style::new().bold(), "caused by", cause);
        }
        for line in &report.details {
            self.stderr_line(&printable(line));
        }
        if let Some(hint) = &report.hint {
            self.stderr(AnsiColor::Green.on_default(), "hint", hint);
        }
    }

    /// Reports the failure of a whole command; returns its exit code.
    pub(super) fn fail(self, failure: &CommandError, context: Option<&Context>) -> u8 {
        if failure.is_broken_pipe() {
            // As for whoever is ended by the signal that says so.
            return exit::SIGNAL_BASE + SIGPIPE;
        }
        let report = build_report(failure, context);
        self.report(&report);
        if self.is_json() {
            // Stdout may be what failed.
            drop(Self::json(&Line::Error(ErrorLine {
                error: report.json(),
            })));
        }
        report.code
    }

    fn stderr(self, style: Style, label: &str, text: &str) {
        self.stderr_line(&format!("{style}{label}:{style:#} {}", printable(text)));
    }

    fn stderr_line(self, line: &str) {
        beside_bar(|| {
            let mut stderr = anstream::AutoStream::new(io::stderr().lock(), self.color);
            // Nobody reads stderr, then: the exit code tells.
            drop(writeln!(stderr, "{line}"));
        });
    }
}

fn stdout_failed(source: io::Error) -> CommandError {
    CommandError::Stream {
        stream: "standard output",
        source,
    }
}

/// Text for a terminal: control characters but line ends and tabs escaped.
pub(super) fn printable(text: &str) -> String {
    let steers = |character: char| character.is_control() && !matches!(character, '\n' | '\t');
    if !text.contains(steers) {
        return text.to_owned();
    }
    let escape = |character: char| {
        if steers(character) {
            character.escape_default().collect()
        } else {
            String::from(character)
        }
    };
    text.chars().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_steers_the_terminal() {
        assert_eq!(printable("a\u{1b}[31mb\r\nc"), "a\\u{1b}[31mb\\r\nc");
    }
}
