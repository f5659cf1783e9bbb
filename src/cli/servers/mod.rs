//! The server that the settings lead to, or the servers of a targets file, and what is said of those that fail.

mod failures;
mod find;

pub(super) use failures::FleetFailures;
pub(super) use find::{Servers, at};
