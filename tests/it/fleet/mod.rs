//! Many tenants at once, by the built binary on real servers.

mod faults;
mod selection;
mod servers;
mod status;
mod world;
