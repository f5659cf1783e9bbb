//! Exit codes of the command, a public contract.

/// Done.
pub const DONE: u8 = 0;
/// `check` or `verify` found differences.
pub const DIFFERENCES: u8 = 1;
/// Wrong usage, also a tenant's name that no schema can have.
pub const USAGE: u8 = 2;
/// A setting is missing, empty or malformed.
pub const CONFIGURATION: u8 = 10;
/// psql or `pg_dump` is missing or too old.
pub const PROGRAM: u8 = 11;
/// A certificate, key or other file is missing or not accessible as libpq needs it.
pub const FILE: u8 = 12;
/// Connection, TLS or login failed.
pub const CONNECTION: u8 = 13;
/// The server refused a statement.
pub const SQL: u8 = 14;
/// A snapshot or template is invalid.
pub const SNAPSHOT: u8 = 15;
/// The run took longer than `--timeout`.
pub const TIMEOUT: u8 = 16;
/// The tenant exists.
pub const EXISTS: u8 = 17;
/// Some tenants of a bulk run failed.
pub const PARTIAL: u8 = 18;
/// `diagnose` found an error.
pub const DIAGNOSED: u8 = 20;
/// Added to the number of the signal that ended the run.
pub const SIGNAL_BASE: u8 = 128;
