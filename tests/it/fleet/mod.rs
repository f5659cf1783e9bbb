//! Many tenants at once, by the built binary on real servers.

mod faults;
mod groups;
mod hazards;
mod reports;
mod selection;
mod servers;
mod standby;
mod status;
mod world;
