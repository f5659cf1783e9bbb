//! The command line: usage, output, snapshots that cannot be used, and what capture says.

mod capture;
mod connection;
mod docs;
mod ignored;
mod input;
mod json;
mod output;
mod shells;
mod usage;
