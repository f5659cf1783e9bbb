//! Prints the library's trace events on stderr.

use std::fmt;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::{Format, Full, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::bar::beside_bar;
use super::common::CommonArguments;
use crate::text::{printable, swrite};

/// Sends trace events to stderr, more of them with each `-v`.
pub(super) fn log_to_stderr(common: &CommonArguments) {
    let level = match common.verbose {
        _ if common.quiet => LevelFilter::ERROR,
        0 => LevelFilter::WARN,
        1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let colored = anstream::AutoStream::new(io::stderr(), common.color.into()).current_choice();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(|| StderrAroundBar)
        .with_ansi(colored != anstream::ColorChoice::Never)
        .event_format(EventFormat {
            traces: Format::default().with_target(false).without_time(),
        })
        .finish();
    // This fails only if the process already has a subscriber.
    drop(tracing::subscriber::set_global_default(subscriber));
}

/// Formats warnings like the other warnings of the command line, and everything else as traces.
struct EventFormat {
    traces: Format<Full, ()>,
}

impl<S, N> FormatEvent<S, N> for EventFormat
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut to: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        if *event.metadata().level() != Level::WARN {
            return self.traces.format_event(context, to, event);
        }
        let mut words = EventText::default();
        event.record(&mut words);
        let style = if to.has_ansi_escapes() {
            AnsiColor::Yellow.on_default()
        } else {
            Style::new()
        };
        writeln!(
            to,
            "{style}warning:{style:#} {}{}",
            printable(&words.message),
            printable(&words.fields)
        )
    }
}

/// The message of an event, and its other fields.
#[derive(Default)]
struct EventText {
    message: String,
    /// Each as `: value`.
    fields: String,
}

impl Visit for EventText {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // In a sentence, the values are enough; the names of fields are for traces.
        if field.name() == "message" {
            self.message = format!("{value:?}");
        } else {
            swrite!(self.fields, ": {value:?}");
        }
    }
}

/// Stderr, with the progress bar hidden during each write.
struct StderrAroundBar;

impl Write for StderrAroundBar {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        beside_bar(|| io::stderr().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
