//! The operations on many tenants, on one server or several.
//!
//! [`bulk`] creates tenants with a few psql processes that stay open, and [`pool`] keeps ready-made
//! ones. [`migrate`](migrate::migrate) applies pending migrations, [`status`](status::status)
//! reports versions, and [`verify`](verify::verify) finds differences. The operations on one tenant
//! are in [`tenant`](crate::tenant).

pub mod bulk;
mod database;
pub mod inventory;
pub mod migrate;
mod names;
pub mod pool;
pub mod refresh;
mod registry;
mod route;
mod schedule;
mod selection;
pub mod status;
mod target;
pub mod verify;

pub use database::{DatabaseIdentity, FleetTarget, find_shared, shared_database};
pub use names::{LineError, LineProblem, NameLines};
pub use registry::{RegistryError, RowProblem, query_tenants};
pub use route::Route;
pub use schedule::{CanaryPass, RunLimits};
pub use selection::{
    NoTenants, SelectedTenant, Selection, SelectionRequest, SelectionSource, TenantSelection,
};
pub use target::{FleetOutcome, TargetError, TargetRun, on_each_target};
