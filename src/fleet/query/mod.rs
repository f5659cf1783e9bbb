//! Runs a query in many tenants.

mod engine;
mod options;
mod output;
mod report;

pub use engine::query;
pub use options::{QueryError, QueryOptions};
pub use report::{QueryReport, TenantQuery};
