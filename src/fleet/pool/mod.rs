//! Ready-made blank tenants, claimed at sign-up by a rename in milliseconds.
//!
//! The pools of a database are a table, `schemastamp_pool.spares`: a spare is a schema of a name that nobody can guess,
//! whose comment says that it is one, and a row that says which snapshot it was made of, and how. A claim takes the row,
//! renames the schema, writes anew what holds its name as text, and makes sure that nothing names the spare any more:
//! one transaction, one message. Whether that is enough for a snapshot is proven before its first spare is made.

mod drain;
mod error;
mod fill;
mod refill;
mod status;
mod trial;

pub use drain::{Drained, SparesToDrain, drain};
pub use error::PoolError;
pub use fill::{Filling, begin_fill};
pub use refill::{RefillError, refill};
pub use status::{PoolStatus, Spares, status};
