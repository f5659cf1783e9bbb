//! Integration tests, against real programs and servers.
#![cfg(test)]
#![cfg(feature = "cli")]
#![expect(
    clippy::disallowed_methods,
    reason = "tests stage their own files, programs and environments"
)]
#![expect(
    clippy::unwrap_in_result,
    reason = "what the tests stand on panics; only what a test expects is an error"
)]

mod architecture;
mod bulk;
mod capture;
mod cli;
mod config;
mod examples;
mod fleet;
mod majors;
mod pool;
mod process;
mod provision;
mod quickstarts;
mod releases;
mod support;
mod tenants;
mod tls;
