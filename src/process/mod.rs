//! Runs a program in a private directory, stops it, and reports how it ended.
//!
//! Nothing else in the crate starts processes. A child gets an environment built from nothing,
//! `/dev/null` as its stdin (a [`PersistentProcess`] has a pipe), and its own process group, so
//! that a terminal's Ctrl-C reaches it only through [`Shutdown`]. It never outlives its run.
//!
//! Part of the inside: it may change in any release. [`service`](crate::service) is what stays.

mod backoff;
mod capture;
mod disposition;
mod environment;
mod error;
mod invocation;
mod owner;
mod parents;
mod persistent;
mod run;
mod run_dir;
mod shutdown;
mod signal;
mod stderr;
mod supervise;
mod sweep;

pub use backoff::Backoff;
pub use capture::Stdout;
pub use environment::EnvValue;
pub use error::{ExitStatus, RunError};
pub use invocation::Invocation;
pub use owner::{foreign_owner, foreign_writers};
pub use persistent::{PersistentProcess, ProcessReply};
pub use run::{Finished, run};
pub use run_dir::RunDir;
pub use shutdown::Shutdown;
pub use signal::Signal;
pub use stderr::StderrTail;
