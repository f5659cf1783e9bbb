//! Compares tenants with a snapshot or with each other, object by object, all of them at once.

mod comparison;
mod hashing;
mod reloaded;
mod run;
mod verification;

pub use run::{verify, verify_share};
pub use verification::{DriftVariant, Verification, VerifyError, VerifyOptions, VersionLevel};
