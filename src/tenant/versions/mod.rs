//! The tables in which migration tools keep what was applied: recognised, read for all tenants at once, written.

mod fleet;
mod plan;
mod query;
mod style;

pub use fleet::{Applied, Fleet, FleetError, Oddity, Scope, Tenant, VersionsTable, read_fleet};
pub use plan::{Plan, Problem, Strictness, plan};
pub(super) use style::qualified;
pub use style::{AppliedVersion, Style};
