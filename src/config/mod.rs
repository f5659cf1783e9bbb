//! Where every setting comes from, checked.
//!
//! First match wins: flag, `SCHEMASTAMP_*` variable, `DATABASE_URL`, `PG*` variable, service file, password file, default.

mod environment;
mod origin;

pub use environment::Environment;
pub use origin::{Origin, Setting};
