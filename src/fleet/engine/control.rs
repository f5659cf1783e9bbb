//! Decides whether a run starts further tenants.

use std::fmt;
use std::sync::Arc;

use super::groups::GroupStop;
use super::limits::RunLimits;
use crate::pg::PsqlError;
use crate::process::Shutdown;
use crate::text::plural;

/// The reason why a run starts no further tenant.
#[derive(Debug)]
pub(in crate::fleet) enum RunEnd {
    /// A signal ended the run.
    Stopped,
    /// One of the tenants that go first failed.
    Canary,
    /// A group of tenants failed, and no further one begins.
    Group(GroupStop),
    /// As many tenants failed as the run allows.
    Failures(usize),
    /// The pool has enough spares.
    PoolFull,
    /// The receiver of the results wants no more of them.
    ReceiverGone,
    /// The server or psql failed, and no pause helped.
    Psql(PsqlError),
}

impl fmt::Display for RunEnd {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped => formatter.write_str("the run was stopped"),
            Self::Canary => formatter.write_str("one of the first tenants failed"),
            Self::Group(stop) => stop.fmt(formatter),
            Self::Failures(count) => write!(formatter, "{} failed", plural(*count, "tenant")),
            Self::PoolFull => formatter.write_str("the pool is full"),
            Self::ReceiverGone => formatter.write_str("the receiver of the results is gone"),
            Self::Psql(error) => error.fmt(formatter),
        }
    }
}

/// Counts the failures of a run and remembers why it ended, if it did.
///
/// Failures count on all targets together, and the reason is that of one target.
#[derive(Debug)]
pub(in crate::fleet) struct RunControl {
    limits: Arc<RunLimits>,
    end: Option<RunEnd>,
}

impl RunControl {
    /// Creates the control of a run within limits that other targets may share.
    pub(in crate::fleet) fn new(limits: Arc<RunLimits>) -> Self {
        Self { limits, end: None }
    }

    /// Returns `true` while further tenants may be started. A shutdown ends the run.
    pub(in crate::fleet) fn goes_on(&mut self, shutdown: &Shutdown) -> bool {
        if shutdown.signal().is_some() {
            self.end(RunEnd::Stopped);
        } else if self.limits.canary_failed() {
            self.end(RunEnd::Canary);
        } else {
            self.end_by_failures();
        }
        !self.has_ended()
    }

    /// Returns `true` once no further tenant is started.
    pub(in crate::fleet) fn has_ended(&self) -> bool {
        self.end.is_some()
    }

    /// Ends the run. The first reason counts.
    pub(in crate::fleet) fn end(&mut self, reason: RunEnd) {
        self.end.get_or_insert(reason);
    }

    /// Counts a failed tenant, and ends the run if that was one too many.
    pub(in crate::fleet) fn count_failure(&mut self) {
        self.limits.count_failure();
        self.end_by_failures();
    }

    fn end_by_failures(&mut self) {
        if let Some(failures) = self.limits.too_many_failures() {
            self.end(RunEnd::Failures(failures));
        } else if let Some(stop) = self.limits.group_stop() {
            self.end(RunEnd::Group(stop));
        }
    }

    /// Returns the reason why the run ended early, or `None` if it did not.
    pub(in crate::fleet) fn into_end(self) -> Option<RunEnd> {
        self.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::Signal;

    #[test]
    fn the_first_reason_ends_the_run() {
        let shutdown = Shutdown::new();
        let mut control = RunControl::new(Arc::new(RunLimits::new(1, Some(2), 0)));
        control.count_failure();
        assert!(control.goes_on(&shutdown));
        control.count_failure();
        assert!(!control.goes_on(&shutdown));
        shutdown.request(Signal::TERMINATE);
        assert!(!control.goes_on(&shutdown));
        assert_eq!(control.into_end().unwrap().to_string(), "2 tenants failed");
    }

    #[test]
    fn a_signal_ends_the_run() {
        let shutdown = Shutdown::new();
        let mut control = RunControl::new(Arc::new(RunLimits::new(1, None, 0)));
        control.count_failure();
        assert!(control.goes_on(&shutdown) && !control.has_ended());
        shutdown.request(Signal::TERMINATE);
        assert!(!control.goes_on(&shutdown) && control.has_ended());
        assert_eq!(
            control.into_end().unwrap().to_string(),
            "the run was stopped"
        );
    }
}
