//! Tenants of a database: provisioned from a snapshot, kept up to date, compared, and the rest of their life.
//!
//! [`Provisioner`] is the whole of it for a program that embeds its snapshot; `examples/sign_up.rs` shows one.
//! [`migrate`](migrate::migrate) applies what is pending to all tenants, [`status`](status::status) tells how far they
//! are, [`verify`](verify::verify) whether they are what they should be.

mod error;
mod hint;
pub mod lifecycle;
mod locate;
mod look;
pub mod mark;
pub mod migrate;
pub mod migrations;
mod names;
mod outcome;
mod provision;
pub mod refresh;
pub mod status;
pub mod verify;
pub mod versions;

pub use error::{FailedStatement, ProvisionError};
pub use names::{LineError, LineProblem, NameLines};
pub use outcome::{MadeOf, Outcome};
pub use provision::{IfExists, ProvisionOptions, Provisioner};
