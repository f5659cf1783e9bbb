//! Classifies the differences between a tenant and its reference.

mod class;
mod fingerprint;
mod reference;

pub use class::{Class, DriftFinding};
pub(crate) use class::{classify, foreign};
pub use fingerprint::Aspect;
pub(crate) use fingerprint::hashes;
pub use reference::Reference;
