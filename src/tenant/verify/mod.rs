//! Tenants compared with a snapshot or with one another, object by object, all of them at once.

mod class;
mod fingerprint;
mod reference;
mod run;

pub use class::{Class, DriftFinding};
pub use fingerprint::Aspect;
pub use reference::Reference;
pub use run::{DriftVariant, Verification, VerifyError, VerifyOptions, verify};
