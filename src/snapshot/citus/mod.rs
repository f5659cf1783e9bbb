//! Tenants that are distributed schemas of Citus.

mod distribution;
mod rewording;
mod words;

pub(crate) use distribution::{DISTRIBUTES, ON_COORDINATOR, distributing, refuse_distribution};
pub use distribution::{NO_CITUS, NOT_DISTRIBUTED};
pub(crate) use rewording::whole_views;
pub(super) use rewording::{for_citus, is_repeated};
pub(crate) use words::StatementTokens;
