//! Many tenants at once, by the built binary on real servers.

mod faults;
mod groups;
mod reports;
mod selection;
mod servers;
mod status;
mod world;
