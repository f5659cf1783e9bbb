//! Why a connection fails and what to change: messages recognised, probes that look for themselves, and the walk.
//!
//! - [`explain`] is pure: what a client printed, turned into findings. Every command calls it when it cannot connect.
//! - [`prepare()`] settles what a connection does about TLS, and refuses what cannot work, before a command connects.
//! - [`walk()`] is the command `diagnose`.

pub mod catalogue;
mod classify;
mod finding;
mod libpq;
mod link;
mod prepare;
pub mod probe;
mod report;
mod signature;
mod steps;
mod verdict;
mod walk;

pub use classify::{Context, Message, classify, explain, of_id};
pub use finding::{Finding, Severity, Speaker};
pub use libpq::{Library, examine};
pub use link::{Link, silent_plaintext};
pub use prepare::{Prepared, prepare, settle};
pub use report::{Report, Summary};
pub(crate) use steps::programs::named_program;
pub use walk::{Inputs, walk};
