//! The steps of the walk, one file each. A step returns findings; an error among them is a suspicion until psql has spoken.

pub(super) mod configuration;
pub(super) mod encryption;
pub(super) mod expiry;
pub(super) mod login;
pub(super) mod modes;
pub(super) mod network;
pub(super) mod programs;
