//! One tenant: provisioned from a snapshot, claimed from a pool, migrated, compared, and the rest of its life.
//!
//! [`Provisioner`] is the whole of it for a program that embeds its snapshot; `examples/sign_up.rs` shows one.
//! What is done to many tenants is in [`fleet`](crate::fleet).

mod claim;
pub mod compare;
pub mod lifecycle;
pub mod marker;
pub mod migrate;
pub mod migrations;
mod provision;
mod rewrite;
pub mod spares;
pub mod versions;

pub(crate) use provision::Psql;
pub use provision::{
    BudgetError, FailedStatement, IfExists, ProvisionError, ProvisionOptions, ProvisionOutcome,
    ProvisionSource, Provisioner, Retries, TenantOrigin, citus, hint_of,
};
pub(crate) use rewrite::{RewriteReader, written_anew};
