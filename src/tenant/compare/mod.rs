//! Classifies the differences between a tenant and its reference.

mod at_version;
mod class;
mod fingerprint;
mod reference;

pub(crate) use at_version::{Level, LevelReference};
pub use at_version::{ReferenceKind, VersionReferences};
pub use class::{Class, DifferingPart, DriftFinding};
pub(crate) use class::{TenantNames, classify, foreign};
pub use fingerprint::Aspect;
pub(crate) use fingerprint::hashes;
pub use reference::Reference;
