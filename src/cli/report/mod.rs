//! What users see of a failure: words, a stable id, an exit code.

mod capture;
mod command;
mod library;
mod shape;
mod tenants;

pub(super) use command::report;
pub(super) use library::of_signal;
pub(super) use shape::{ErrorObject, ErrorReport};
