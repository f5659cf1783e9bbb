//! Applies pending migrations to tenants: each with its version in one transaction, many tenants
//! through each psql.

mod engine;
mod entry;
mod external;
mod options;
mod record;
mod recovery;
mod report;

pub use engine::{migrate, migrate_share};
pub use external::{migrate_by, migrate_share_by};
pub use options::{MigrateError, MigrateOptions};
pub use record::new_run_id;
pub use report::{FailureGroup, MigrateReport};
