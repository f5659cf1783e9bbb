//! Ready-made blank tenants, claimed at sign-up by a rename in milliseconds.
//!
//! The pools of a database are a table, `schemastamp_pool.spares`. A spare is a schema with an
//! unguessable name whose comment marks it as a spare, and a row with its snapshot and options. A
//! claim takes the row, renames the schema, rewrites what holds its name as text, and checks that
//! nothing names the spare any more: one transaction, one message. Before the first spare of a
//! snapshot is created, it is proven that this is enough.

mod drain;
mod error;
mod fill;
mod refill;
mod refiller;
mod status;
mod trial;

pub use drain::{Drained, SparesToDrain, drain};
pub use error::PoolError;
pub use fill::{Filling, begin_fill};
pub use refill::{RefillError, refill};
pub use refiller::PoolRefiller;
pub use status::{PoolObstacle, PoolStatus, ReadySpares, Spares, count_ready, status};
