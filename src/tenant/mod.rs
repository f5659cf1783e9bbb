//! Tenants of a database: provisioned from a snapshot, kept up to date, compared, and the rest of their life.
//!
//! [`Provisioner`] is the whole of it for a program that embeds its snapshot; `examples/sign_up.rs` shows one.
//! [`migrate`](migrate::migrate) applies what is pending to all tenants, [`status`](status::status) tells how far they
//! are, [`verify`](verify::verify) whether they are what they should be.

mod anew;
mod attempt;
pub mod bulk;
pub mod citus;
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
pub mod pool;
mod provision;
pub mod refresh;
mod route;
pub mod status;
pub mod verify;
pub mod versions;

pub use error::{FailedStatement, ProvisionError};
pub use hint::hint_of;
pub use names::{LineError, LineProblem, NameLines};
pub use outcome::{ProvisionOutcome, ProvisionSource, TenantOrigin};
pub use provision::{IfExists, ProvisionOptions, Provisioner, Retries};
pub use route::Route;
