//! The rest of a tenant's life: dropped, renamed, cloned.

mod clone;
mod drop;
mod error;
mod rename;
mod rows;
mod state;

pub use clone::{Cloned, clone_tenant};
pub use drop::{DropError, Preview, drop_tenant, preview};
pub use error::LifecycleError;
pub use rename::{Renamed, rename_tenant};
pub use rows::CopyObstacle;
