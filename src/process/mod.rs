//! Runs a program in a private folder, stops it, says how it ended.
//!
//! The only place that starts processes. A child gets an environment built from nothing, `/dev/null` as its stdin (one
//! that is [`Kept`] open is asked over a pipe), a process group of its own (so that a terminal's ctrl-C reaches it through
//! [`Stop`] only), and never outlives its run.

mod capture;
mod environment;
mod error;
mod invocation;
mod kept;
mod run;
mod run_dir;
mod signal;
mod stderr;
mod stop;
mod supervise;
mod sweep;

pub use capture::Stdout;
pub use environment::EnvValue;
pub use error::{Ended, RunError};
pub use invocation::Invocation;
pub use kept::{Answer, Kept};
pub use run::{Finished, run};
pub use run_dir::RunDir;
pub use signal::Signal;
pub use stderr::StderrTail;
pub use stop::Stop;
