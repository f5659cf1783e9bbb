use std::borrow::Cow;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::Path;

use anstyle::{AnsiColor, Style};

use super::bar::beside_bar;
use super::common::{CommonArguments, Format};
use super::failure::CommandError;
use super::lines::{ErrorLine, Line, SnapshotLine};
use super::nagios;
use super::report::{ErrorReport, build_report};
use crate::diagnose::Context;
use crate::exit;
use crate::path;
use crate::text::{printable, wrap};

/// The number of SIGPIPE, which ends a process that writes to a closed pipe.
const SIGPIPE: u8 = 13;

/// The least number of columns for which lines are broken.
const LEAST_WIDTH: usize = 40;

/// Prints results on stdout and everything else on stderr. Nothing else in the crate prints.
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

    /// Returns `true` if results are JSON Lines.
    pub(super) fn is_json(self) -> bool {
        self.format == Format::Json
    }

    /// Returns `true` if the result is a line for Nagios.
    pub(super) fn is_nagios(self) -> bool {
        self.format == Format::Nagios
    }

    /// Returns stdout, with colors if they are wanted.
    pub(super) fn stdout(self) -> anstream::AutoStream<io::StdoutLock<'static>> {
        anstream::AutoStream::new(io::stdout().lock(), self.color)
    }

    /// Prints a complete result as it is.
    pub(super) fn raw(text: &str) -> Result<(), CommandError> {
        beside_bar(|| {
            let mut stdout = io::stdout().lock();
            stdout
                .write_all(text.as_bytes())
                .and_then(|()| stdout.flush())
                .map_err(stdout_failed)
        })
    }

    /// Prints the line of a success as [`Output::result`] does; nothing with `--quiet`.
    pub(super) fn success(self, style: Style, word: &str, rest: &str) -> Result<(), CommandError> {
        if self.quiet {
            return Ok(());
        }
        self.result(style, word, rest)
    }

    /// Prints a line of a result as text: a colored word for the outcome, then the rest.
    pub(super) fn result(self, style: Style, word: &str, rest: &str) -> Result<(), CommandError> {
        beside_bar(|| {
            let line = format!("{word} {}", printable(rest));
            let line = wrapped(&line, terminal_width(&io::stdout()));
            let rest = line.strip_prefix(word).unwrap_or(&line);
            let mut stdout = self.stdout();
            writeln!(stdout, "{style}{word}{style:#}{rest}")
                .and_then(|()| stdout.flush())
                .map_err(stdout_failed)
        })
    }

    /// Prints a line of JSON.
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

    /// Writes a snapshot into a file, or prints it. Returns whether the file changed; `None` without a file.
    pub(super) fn snapshot(
        self,
        file: Option<&Path>,
        text: String,
    ) -> Result<Option<bool>, CommandError> {
        match file {
            Some(file) => return Self::file(file, &text).map(Some),
            None if self.is_json() => Self::json(&Line::Snapshot(SnapshotLine { snapshot: text }))?,
            None => Self::raw(&text)?,
        }
        Ok(None)
    }

    /// Prints a note on stderr.
    pub(super) fn note(self, text: &str) {
        if !self.quiet {
            self.stderr(AnsiColor::Cyan.on_default(), "note", text);
        }
    }

    /// Prints a warning on stderr.
    pub(super) fn warning(self, text: &str) {
        if !self.quiet {
            self.stderr(AnsiColor::Yellow.on_default(), "warning", text);
        }
    }

    /// Warns that a run ended before all tenants had their turn.
    pub(super) fn ended_early(self, reason: Option<&str>) {
        if let Some(reason) = reason {
            self.warning(&format!("ended early: {reason}; run again to continue"));
        }
    }

    /// Prints a line without a label on stderr.
    pub(super) fn say(self, text: &str) {
        if !self.quiet {
            self.stderr_line(&printable(text));
        }
    }

    /// Prints the last line of a command for several tenants on stderr, also with `--quiet`.
    pub(super) fn summary(self, text: &str) {
        self.stderr_line(&printable(text));
    }

    /// Prints an error without a hint on stderr.
    pub(super) fn failure(self, text: &str) {
        self.stderr(AnsiColor::Red.on_default().bold(), "error", text);
    }

    /// Prints an error, its causes, its details and its hint on stderr.
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
            // The shell reports the same code for a program that SIGPIPE ended.
            return exit::SIGNAL_BASE + SIGPIPE;
        }
        let report = build_report(failure, context);
        self.report(&report);
        if self.is_json() {
            // Stdout may be the stream that failed.
            drop(Self::json(&Line::Error(ErrorLine {
                error: report.json(),
            })));
        }
        if self.is_nagios() {
            drop(Self::raw(&nagios::unknown(&report.message)));
            return nagios::UNKNOWN;
        }
        report.code
    }

    fn stderr(self, style: Style, label: &str, text: &str) {
        let line = format!("{label}: {}", printable(text));
        let line = wrapped(&line, terminal_width(&io::stderr()));
        let text = line.strip_prefix(label).unwrap_or(&line);
        let text = text.strip_prefix(':').unwrap_or(text);
        self.print_on_stderr(&format!("{style}{label}:{style:#}{text}"));
    }

    fn stderr_line(self, line: &str) {
        self.print_on_stderr(&wrapped(line, terminal_width(&io::stderr())));
    }

    fn print_on_stderr(self, text: &str) {
        beside_bar(|| {
            let mut stderr = anstream::AutoStream::new(io::stderr().lock(), self.color);
            // If stderr is closed, only the exit code can report the error.
            drop(writeln!(stderr, "{text}"));
        });
    }
}

/// The number of columns of a stream that is a terminal.
pub(super) fn terminal_width(stream: &impl AsFd) -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(stream).ok()?;
    // A terminal that does not know its size says 0.
    Some(usize::from(size.ws_col)).filter(|columns| *columns >= LEAST_WIDTH)
}

/// The text as a terminal of this width can show it; as it is for a file or a pipe.
pub(super) fn wrapped(text: &str, width: Option<usize>) -> Cow<'_, str> {
    width.map_or(Cow::Borrowed(text), |width| Cow::Owned(wrap(text, width)))
}

fn stdout_failed(source: io::Error) -> CommandError {
    CommandError::Stream {
        stream: "standard output",
        source,
    }
}
