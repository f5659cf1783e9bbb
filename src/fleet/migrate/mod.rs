//! Applies pending migrations to tenants: each with its version in one transaction, many tenants
//! through each psql.

mod engine;
mod entry;
mod external;
mod options;
mod record;
mod recovery;
mod report;
mod run;

pub use options::{MigrateError, MigrateOptions};
pub use record::new_run_id;
pub use report::MigrateReport;
pub use run::{MigrationSource, migrate};
