//! Integration tests, against real programs and servers.

mod process;
