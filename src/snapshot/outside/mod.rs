//! Statements of a snapshot or migration that are not confined to the tenant's schema.
//!
//! Their text decides, as far as it shows what they do: a function of another schema, and SQL that is put together from
//! values, cannot be followed.

mod calls;
mod command;
mod hidden;
mod judge;
mod names;
mod path;
mod reach;
#[cfg(test)]
mod tests;
mod words;

pub(in crate::snapshot) use hidden::reached_through_definitions;
pub(in crate::snapshot) use judge::judge;
pub use reach::{OutsidePolicy, OutsideStatement, Reach};
pub(crate) use reach::{grouped, refusal};
