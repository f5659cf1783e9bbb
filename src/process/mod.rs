//! Finds a program, runs it, stops it, says how it ended.

mod environment;

pub use environment::EnvValue;
