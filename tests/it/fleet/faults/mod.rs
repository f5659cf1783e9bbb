//! What happens to a fleet while it is made: each tenant is whole, absent, or said to be unknown.

mod connections;
mod disk;
mod killed;
mod locks;
mod network;
mod races;
mod settings;
mod signals;
