//! Tenants of a database: provisioned from a snapshot, each all or nothing.
//!
//! [`Provisioner`] is the whole of it for a program that embeds its snapshot; `examples/sign_up.rs` shows one.

mod error;
mod hint;
mod locate;
mod look;
mod names;
mod outcome;
mod provision;

pub use error::{FailedStatement, ProvisionError};
pub use names::{LineError, LineProblem, NameLines};
pub use outcome::{MadeOf, Outcome};
pub use provision::{IfExists, ProvisionOptions, Provisioner};
