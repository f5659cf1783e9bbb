//! A progress bar on the terminal: the count, the rate and the remaining time.

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::bar;
use super::session::Session;

/// Interval between redraws of the bar while no tenant ends.
const TICK: Duration = Duration::from_millis(200);

/// The progress of a run. A bar is drawn only on a terminal.
#[derive(Debug)]
pub(super) struct Progress {
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Starts a bar for `total` tenants. There is none if their number is unknown, for JSON, with
    /// `--quiet`, and if stderr is not a terminal.
    pub(super) fn new(session: &Session, total: Option<usize>) -> Self {
        let wanted =
            !session.output.is_json() && !session.common.quiet && std::io::stderr().is_terminal();
        let bar = total.filter(|_| wanted).map(|total| {
            let bar =
                ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::stderr());
            let style =
                ProgressStyle::with_template("[{bar:30}] {pos}/{len}, {rate} a second, {eta} left");
            let style = style
                .unwrap_or_else(|_| ProgressStyle::default_bar())
                .progress_chars("=> ");
            let rate = |state: &ProgressState, to: &mut dyn std::fmt::Write| {
                // Writing to the bar's own line cannot fail.
                let _ = write!(to, "{:.1}", state.per_sec());
            };
            bar.set_style(style.with_key("rate", rate));
            bar.enable_steady_tick(TICK);
            bar
        });
        bar::show(bar.as_ref());
        Self { bar }
    }

    /// Counts a tenant that is done.
    pub(super) fn done(&self) {
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        bar::show(None);
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
