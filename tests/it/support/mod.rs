//! What the tests stand on: throwaway servers, certificates, and the built binary run in a world of its own.
//!
//! - [`Cluster`]: a `PostgreSQL` server of any installed or fetched major version; [`Cluster::shared`] for most tests.
//! - [`Database`]: a fresh database of one test, dropped at its end; SQL through the real psql.
//! - [`Bouncer`]: a `PgBouncer` in transaction mode in front of a cluster.
//! - [`Proxy`]: a network in front of a server that can be cut, refused and stalled.
//! - [`TlsProxy`]: `HAProxy` or stunnel, which end or begin TLS in front of a server.
//! - [`Authority`]: a certificate authority made on the spot.
//! - [`Schemastamp`]: runs the built binary; its [`CommandOutput`] is made for snapshots.
//!
//! Every server stands under a [`Supervisor`], so that nothing is left when the test process ends, however it ends.

mod bouncer;
mod certs;
mod cluster;
mod database;
mod hard_sql;
mod options;
mod output;
mod programs;
mod proxy;
mod schema;
mod schemastamp;
mod selftest;
mod sources;
mod supervisor;
mod tls_proxy;
mod user;

pub(crate) use bouncer::{Bouncer, BouncerOptions};
pub(crate) use certs::{Authority, Identity, Leaf};
pub(crate) use cluster::{Cluster, StopMode};
pub(crate) use database::{Database, psql};
pub(crate) use hard_sql::{Expectation, HardCase};
pub(crate) use options::{Options, ServerTls};
pub(crate) use output::CommandOutput;
pub(crate) use programs::{Client, Release, is_nightly, server_folder, tools};
pub(crate) use proxy::Proxy;
pub(crate) use schemastamp::Schemastamp;
pub(crate) use sources::{Sources, read_sources};
pub(crate) use supervisor::Supervisor;
pub(crate) use tls_proxy::TlsProxy;
pub(crate) use user::ServerUser;
