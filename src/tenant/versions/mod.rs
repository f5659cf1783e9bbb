//! The tables in which migration tools keep what was applied: recognised, read for all tenants at once, written.

mod fleet;
mod plan;
mod query;
mod style;

pub use fleet::{
    Applied, Fleet, FleetError, Tenant, TenantProblem, TenantSelection, VersionsTable, read_fleet,
};
pub use plan::{MigrationPlan, PlanProblem, PlanStrictness, plan};
pub(super) use style::qualified;
pub use style::{AppliedVersion, Style};
