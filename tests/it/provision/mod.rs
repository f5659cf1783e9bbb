//! Tenants created on real servers by the built binary, and what happens when that goes wrong.

mod bouncer;
mod create;
mod ends;
mod example;
mod exists;
mod fake;
mod folder;
mod library;
mod names;
mod refused;
mod secrets;
mod service;
mod world;

pub(crate) use world::{Held, SMALL, snapshot, tables, wait_for, wait_until_blocked};
