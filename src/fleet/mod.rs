//! The operations on many tenants, on one server or several.
//!
//! [`bulk`] creates tenants with a few psql processes that stay open, and [`pool`] keeps ready-made
//! ones. [`migrate`](migrate::migrate) applies pending migrations, [`query`](query::query) runs SQL in each
//! tenant, [`status`](status::status)
//! reports versions, and [`verify`](verify::verify) finds differences. The operations on one tenant
//! are in [`tenant`](crate::tenant).

pub mod bulk;
pub mod inventory;
pub mod migrate;
mod names;
pub mod pool;
pub mod query;
pub mod refresh;
mod registry;
mod route;
mod schedule;
mod selection;
pub mod status;
pub mod verify;

pub use names::{LineError, LineProblem, NameLines};
pub use registry::{RegistryError, RowProblem, query_tenants};
pub use route::Route;
pub use selection::{
    NoTenants, SelectedTenant, Selection, SelectionRequest, SelectionSource, TenantSelection,
};
