//! The operations on one tenant: provision, claim, migrate, compare, rename, clone and drop.
//!
//! A program that embeds its snapshot needs only [`Provisioner`]; `examples/sign_up.rs` shows one.
//! The operations on many tenants are in [`fleet`](crate::fleet).
//!
//! Part of the inside: it may change in any release. [`service`](crate::service) is what stays.

mod claim;
pub mod compare;
pub mod lifecycle;
pub mod marker;
pub mod migrate;
pub mod migrations;
mod newer;
mod own_table;
mod provision;
pub mod query;
mod rewrite;
pub mod runs;
pub mod spares;
mod transaction;
pub mod versions;

pub use newer::{NewerError, NewerMigrations, NewerPolicy, NewerSource};
pub(crate) use own_table::TableState;
pub(crate) use provision::Psql;
pub use provision::{
    BudgetError, FailedStatement, IfExists, ProvisionError, ProvisionOptions, ProvisionOutcome,
    ProvisionSource, Provisioner, Retries, TenantOrigin, citus, hint_of,
};
pub(crate) use rewrite::{RewriteReader, rewrites};
pub use transaction::UnknownEnd;
pub(crate) use transaction::was_committed;
