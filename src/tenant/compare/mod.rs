//! Differences between a tenant and what it should be: which objects are compared, and what a difference means.

mod class;
mod fingerprint;
mod reference;

pub use class::{Class, DriftFinding};
pub(crate) use class::{classify, foreign};
pub use fingerprint::Aspect;
pub(crate) use fingerprint::hashes;
pub use reference::Reference;
