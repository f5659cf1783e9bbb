//! TLS and `diagnose` on real servers: a table of scenes, each with its root cause, its exit code and its cure.
//!
//! - [`world`]: the servers, poolers and certificates of all scenes.
//! - [`scene`]: what a scene is, and how one is run: alone, with a stray `~/.postgresql`, and with the cure.
//! - [`fake`]: servers that are none.

mod client_certificates;
mod clients;
mod comparison;
mod docs;
mod fake;
mod limits;
mod login;
mod network;
mod plaintext;
mod scene;
mod server_certificates;
mod world;
