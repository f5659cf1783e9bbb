//! All tenants of a database and the versions that they have, read in two runs of psql.

mod read;
mod sql;

pub(crate) use read::read_names;
pub use read::{Fleet, FleetError, Tenant, read_fleet, read_fleet_observed};
