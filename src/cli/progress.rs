//! Progress on the terminal: a bar with the count, the rate and the remaining time, or what is being waited for.

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::bar;
use super::session::Session;
use crate::fleet::WorkObserver;
use crate::text::{duration, plural};

/// Time after which a command that has printed nothing yet says what it does.
const PATIENCE: Duration = Duration::from_secs(1);

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
        let bar = total.filter(|_| is_wanted(session)).map(|total| {
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

    /// Starts a line that says how many tenants are done, from the first second on; how long the rest
    /// will take if their number is known.
    pub(super) fn counting(session: &Session, total: Option<usize>) -> Self {
        Self::line(session, move |state| {
            let done = usize::try_from(state.pos()).unwrap_or(usize::MAX);
            let rate = state.per_sec();
            match total.filter(|total| *total >= done && done > 0) {
                Some(total) => counts(state, done, total),
                None if done > 0 => format!("{}, {rate:.1} a second", plural(done, "tenant")),
                None => duration(state.elapsed()),
            }
        })
    }

    /// Starts a line that says what is being done, from the first second on: for how long already, and once an observer has
    /// heard of tenants, how many of them are done and how long the rest will take.
    pub(super) fn working(session: &Session, what: impl Into<String>) -> Self {
        let what = what.into();
        let progress = Self::line(session, move |state| {
            let count = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
            let (planned, done) = (count(state.len().unwrap_or_default()), count(state.pos()));
            match planned {
                0 => format!("{what}, {}", duration(state.elapsed())),
                planned => format!("{what}, {}", counts(state, done, planned)),
            }
        });
        if let Some(bar) = &progress.bar {
            bar.set_length(0);
        }
        progress
    }

    /// Starts a line that says what is being done, and for how long already, from the first second on.
    pub(super) fn waiting(session: &Session, what: impl Into<String>) -> Self {
        let what = what.into();
        Self::line(session, move |state| {
            format!("{what}, {}", duration(state.elapsed()))
        })
    }

    fn line(
        session: &Session,
        text: impl Fn(&ProgressState) -> String + Clone + Send + Sync + 'static,
    ) -> Self {
        let bar = is_wanted(session).then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template("{line}");
            let style = style.unwrap_or_else(|_| ProgressStyle::default_spinner());
            let line = move |state: &ProgressState, to: &mut dyn std::fmt::Write| {
                if state.elapsed() >= PATIENCE {
                    // Writing to the bar's own line cannot fail.
                    let _ = to.write_str(&text(state));
                }
            };
            bar.set_style(style.with_key("line", line));
            bar.enable_steady_tick(TICK);
            bar
        });
        bar::show(bar.as_ref());
        Self { bar }
    }

    /// Clears the line; nothing is shown from now on.
    pub(super) fn end(&self) {
        bar::show(None);
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    /// Counts a tenant that is done.
    pub(super) fn done(&self) {
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
    }
}

/// Returns the count, the rate, and once a tenant is done, the remaining time.
fn counts(state: &ProgressState, done: usize, total: usize) -> String {
    let count = format!("{done} of {}", plural(total, "tenant"));
    if done == 0 {
        return count;
    }
    let left = state
        .elapsed()
        .mul_f64(ratio(total.saturating_sub(done), done));
    let rate = state.per_sec();
    format!("{count}, {rate:.1} a second, {} left", duration(left))
}

fn ratio(left: usize, done: usize) -> f64 {
    let exact = |count: usize| u32::try_from(count).map_or(f64::from(u32::MAX), f64::from);
    exact(left) / exact(done)
}

/// Returns `true` if progress is shown: for people, on a terminal, without `--quiet`.
fn is_wanted(session: &Session) -> bool {
    !session.output.is_json() && !session.common.quiet && std::io::stderr().is_terminal()
}

impl WorkObserver for Progress {
    fn planned(&self, tenants: usize) {
        if let Some(bar) = &self.bar {
            bar.inc_length(tenants as u64);
        }
    }

    fn done(&self, tenants: usize) {
        if let Some(bar) = &self.bar {
            bar.inc(tenants as u64);
        }
    }

    fn withdrawn(&self, planned: usize, done: usize) {
        if let Some(bar) = &self.bar {
            bar.dec_length(planned as u64);
            bar.dec(done as u64);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
    }
}
