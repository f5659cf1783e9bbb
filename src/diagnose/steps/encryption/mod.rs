//! The request for TLS, the handshake, and what the server's certificate is worth.

mod chain;
mod findings;
mod look;

pub(in crate::diagnose) use look::{look, loses_large_messages};
