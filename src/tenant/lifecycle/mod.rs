//! The rest of a tenant's life.

mod drop;

pub use drop::{DropError, Preview, drop_tenant, preview};
