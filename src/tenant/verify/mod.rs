//! Tenants compared with a snapshot or with one another, object by object, all of them at once.

mod class;
mod fingerprint;
mod reference;
mod run;

pub use class::{Class, Finding};
pub use fingerprint::Aspect;
pub use reference::Reference;
pub use run::{Variant, Verification, VerifyError, VerifyOptions, verify};
