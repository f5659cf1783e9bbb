//! Integration tests, against real programs and servers.
#![cfg(test)]
#![expect(clippy::disallowed_methods, reason = "tests stage their own files, programs and environments")]

mod process;
