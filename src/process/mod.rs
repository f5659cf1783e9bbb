//! Runs a program in a private folder, stops it, says how it ended.
//!
//! The only place that starts processes. A child gets an environment built from nothing, `/dev/null` as its stdin (one
//! that is [`PersistentProcess`] open is asked over a pipe), a process group of its own (so that a terminal's ctrl-C reaches it through
//! [`Shutdown`] only), and never outlives its run.

mod backoff;
mod capture;
mod disposition;
mod environment;
mod error;
mod invocation;
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
pub use persistent::{PersistentProcess, ProcessReply};
pub use run::{Finished, run};
pub use run_dir::RunDir;
pub use shutdown::Shutdown;
pub use signal::Signal;
pub use stderr::StderrTail;
