//! Why a connection fails and what to change: messages recognised, probes that look for themselves, and the walk.

pub mod catalogue;
mod classify;
mod finding;
mod prepare;
pub mod probe;
mod signature;

pub use classify::{Context, Message, classify, explain, of_id};
pub use prepare::{Prepared, prepare, settle};
pub use finding::{Finding, Severity, Speaker};
