//! Applies pending migrations to tenants: each with its version in one transaction, many tenants
//! through each psql.

mod engine;
mod entry;
mod external;
mod options;
mod recovery;
mod report;
mod run;

pub use options::{MigrateError, MigrateOptions};
pub use report::MigrateReport;
pub use run::{MigrationSource, migrate};
