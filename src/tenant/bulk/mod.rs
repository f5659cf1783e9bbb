//! Many tenants: created by a few psql that are kept open, on one server or several.
//!
//! The engine pulls a request when it has a worker for it, so that nothing piles up, and tells of each tenant as soon as
//! it is done. How many workers there are is measured: another one is started as long as that makes a difference, and as
//! long as the server has locks and connections for it.

mod budget;
mod engine;
mod growth;
mod target;

pub use budget::{Budget, BudgetError, Room, locks_of};
pub use engine::{Bulk, BulkOptions, BulkReport, Done, Request};
pub use target::BulkTarget;
