//! Recognises, reads and writes the tables in which migration tools record applied versions.

mod carried;
mod create;
mod plan;
mod style;
mod table;

pub use carried::snapshot_versions;
pub use create::NewVersionsTable;
pub use plan::{MigrationPlan, PlanProblem, PlanStrictness, plan_migrations};
pub use style::{AppliedVersion, Style};
pub(crate) use style::{TABLES, qualified};
pub use table::{Applied, TenantProblem, VersionsTable};
