//! A bar on the terminal: how far, how fast, how long yet.

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::bar;
use super::session::Session;

/// How often the bar is drawn anew while nothing ends.
const TICK: Duration = Duration::from_millis(200);

/// The progress of a run; nothing is drawn but on a terminal.
#[derive(Debug)]
pub(super) struct Progress {
    bar: Option<ProgressBar>,
}

impl Progress {
    /// A bar for so many tenants; none where their number is not known, for programs, and where nobody looks.
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
                // The bar's own line does not fail to be written.
                let _ = write!(to, "{:.1}", state.per_sec());
            };
            bar.set_style(style.with_key("rate", rate));
            bar.enable_steady_tick(TICK);
            bar
        });
        bar::show(bar.as_ref());
        Self { bar }
    }

    /// A tenant is done.
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
