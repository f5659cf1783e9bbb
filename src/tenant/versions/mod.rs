//! The tables in which migration tools keep what was applied: recognised, read for all tenants at once, written.

mod fleet;
mod plan;
mod query;
mod style;

pub use fleet::{
    Applied, Fleet, FleetError, Scope, Tenant, TenantProblem, VersionsTable, read_fleet,
};
pub use plan::{Plan, PlanStrictness, Problem, plan};
pub(super) use style::qualified;
pub use style::{AppliedVersion, Style};
