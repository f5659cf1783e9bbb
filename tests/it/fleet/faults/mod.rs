//! Faults while a fleet is created: each tenant is complete, absent, or reported as unknown.

mod connections;
mod disk;
mod killed;
mod locks;
mod network;
mod races;
mod settings;
mod signals;
