//! Tenants: created, kept up to date, compared, and the rest of their life.

pub mod mark;
pub mod migrate;
pub mod migrations;
pub mod status;
pub mod verify;
pub mod versions;
