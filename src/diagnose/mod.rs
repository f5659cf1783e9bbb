//! Why a connection fails and what to change: messages recognised, probes that look for themselves, and the walk.

pub mod catalogue;
mod classify;
mod finding;
pub mod probe;
mod signature;

pub use classify::{Context, Message, classify, explain, of_id};
pub use finding::{Finding, Severity, Speaker};
