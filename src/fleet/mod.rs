//! The operations on many tenants, on one server or several.
//!
//! A [`Selection`] says which tenants are meant. [`on_each_target`] finds them on several servers and
//! runs a task for each of these; [`RunLimits`] are shared by the tasks.
//!
//! [`bulk`] creates tenants with a few psql processes that stay open, and [`pool`] keeps ready-made
//! ones. [`migrate`](migrate::migrate) applies pending migrations, [`query`](query::query) runs SQL in each
//! tenant, [`status`](status::status)
//! reports versions, and [`verify`](verify::verify) finds differences. The operations on one tenant
//! are in [`tenant`](crate::tenant).
//!
//! Part of the inside: it may change in any release. [`service`](crate::service) is what stays.

pub mod adopt;
pub mod bulk;
mod database;
mod engine;
mod groups;
pub mod inventory;
mod join;
pub mod migrate;
mod names;
pub mod pool;
mod progress;
pub mod query;
pub mod refresh;
mod registry;
pub mod report;
mod route;
mod selection;
pub mod status;
pub mod undo;
pub mod verify;

pub use database::{DatabaseIdentity, FleetTarget, find_shared, shared_database};
pub use engine::{
    FailureGroup, FleetOutcome, GroupRules, NextGroup, RunLimits, RunShare, TargetError, TargetRun,
    WorkerPermit, on_each_target,
};
pub use groups::{GroupError, GroupFileError, GroupPlan, TenantGroups, UnmatchedEntry};
pub use names::{LineError, LineProblem, NameLines};
pub use progress::{Unobserved, WorkObserver};
pub use registry::{RegistryError, RowProblem, SelectedTenant, query_tenants};
pub use route::Route;
pub use selection::{NoTenants, Selection, SelectionRequest, SelectionSource, TenantSelection};
