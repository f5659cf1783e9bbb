//! Stamps out `PostgreSQL` tenant schemas from a snapshot, through psql.
//!
//! # A sign-up in five lines
//!
//! ```no_run
//! use schemastamp::service::{ServiceError, Tenants};
//!
//! # async fn start(snapshot: &str) -> Result<(), ServiceError> {
//! // Once, at start-up. A service builds the snapshot in: include_str!("../snapshots/billing.sql").
//! let tenants = Tenants::from_env(snapshot).await?;
//! tenants.check().await?;
//!
//! // For each customer.
//! match tenants.provision("acme").await {
//!     Ok(_) => println!("welcome"),
//!     Err(error) if error.id() == "tenant.exists" => println!("the name is taken"),
//!     Err(error) if error.is_transient() => println!("try again"),
//!     Err(error) => match tenants.explain(&error) {
//!         Some(finding) => println!("{}: {}; {}", finding.id, finding.what, finding.fix),
//!         None => println!("{}: {error}", error.id()),
//!     },
//! }
//! # Ok(())
//! # }
//! ```
//!
//! [`service::Tenants`] also claims ready-made tenants, migrates and verifies. The rest of the crate is beneath it, for what
//! it does not cover; only `service`, and the types that it takes and returns, are meant to stay as they are.
//!
//! Cargo features: `cli`, on by default, is the command; a service turns it off with `default-features = false`.
//! `tokio-util` converts a `CancellationToken` into a [`process::Shutdown`].
//!
//! # The parts
//!
//! - [`snapshot::Snapshot::parse`] reads a snapshot, such as one that is built in with `include_str!`.
//! - [`config::Settings`] finds the connection as psql would, and knows where each value came from;
//!   [`connect::server`] makes a [`pg::Server`] of it.
//! - [`tenant::Provisioner`] creates tenants and returns errors to match on. Its futures can be sent between threads.
//! - [`tenant::Provisioner::session`] keeps a psql open for many tenants, [`fleet::bulk::Bulk`] runs several of them,
//!   [`fleet::pool`] keeps ready-made tenants.
//! - [`snapshot::capture::Capture`] makes snapshots; [`diagnose::walk`] explains connections that fail.
//!
//! `examples/sign_up.rs` is a sign-up handler. The library prints nothing and installs no signal handlers unless
//! [`process::Shutdown::on_signals`] is called.
//!
//! # Architecture
//!
//! From the ground up: [`text`] and [`exit`], [`path`] and [`sql`], [`process`] and [`tls`], [`config`] and [`pg`],
//! [`snapshot`], [`diagnose`], [`connect`], [`tenant`] for one tenant, [`fleet`] for many, [`service`], [`cli`]. A module imports only
//! from those before it; `tests/it/architecture.rs` holds that. Only [`config`] reads the environment, only [`process`]
//! starts programs, only [`cli`] prints; Clippy's `disallowed-methods` enforces it. `docs/architecture.md` has the way of
//! the data.

#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
pub mod config;
pub mod connect;
pub mod diagnose;
pub mod exit;
pub mod fleet;
#[doc(hidden)]
pub mod path;
pub mod pg;
pub mod process;
pub mod service;
pub mod snapshot;
pub mod sql;
pub mod tenant;
#[doc(hidden)]
pub mod text;
pub mod tls;

/// The code of the page on the library is compiled with the tests.
#[cfg(doctest)]
#[doc = include_str!("../docs/library.md")]
struct LibraryPage;

/// So is the code of the quickstart for Rust.
#[cfg(doctest)]
#[doc = include_str!("../docs/quickstart/sqlx.md")]
struct SqlxQuickstart;
