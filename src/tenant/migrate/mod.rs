//! Pending migrations, for all tenants: each with its version in one transaction, many tenants through each psql.

mod engine;
mod external;
mod failure;
mod indexes;
mod options;
mod queue;
mod report;
mod script;

pub use engine::migrate;
pub use external::{ExternalCommand, migrate_by};
pub use failure::MigrateFailure;
pub use options::{MigrateError, MigrateOptions};
pub use report::{FailureGroup, MigrateOutcome, MigrateReport, TenantReport};
