//! Many tenants, on one server or several: created, migrated, compared, kept ready in pools.
//!
//! [`migrate`](migrate::migrate) applies what is pending to all tenants, [`status`](status::status) tells how far they
//! are, [`verify`](verify::verify) whether they are what they should be, [`bulk`] creates them by a few psql that are kept
//! open. What is done to a single tenant is in [`tenant`](crate::tenant).

pub mod bulk;
pub mod inventory;
pub mod migrate;
mod names;
pub mod pool;
pub mod refresh;
mod route;
mod selection;
pub mod status;
pub mod verify;

pub use names::{LineError, LineProblem, NameLines};
pub use route::Route;
pub use selection::TenantSelection;
