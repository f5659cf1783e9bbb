//! Stamps out `PostgreSQL` tenant schemas from a snapshot, through psql.
//!
//! The command `schemastamp` captures a snapshot of one tenant's schema; a service that links this crate creates tenants
//! from it. [`service`] is all that a service needs:
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
//! # Connect
//!
//! [`Tenants::from_env`](service::Tenants::from_env) reads `DATABASE_URL`, `SCHEMASTAMP_*` and the `PG*` variables, as the
//! command does. [`from_url`](service::Tenants::from_url) takes a URL instead, and
//! [`from_settings`](service::Tenants::from_settings) what the service has resolved itself. None of them logs in;
//! [`check`](service::Tenants::check) does, so that a wrong password is found when the service starts and not at the first
//! sign-up.
//!
//! # Create tenants
//!
//! [`provision`](service::Tenants::provision) creates a tenant in one transaction: all of it or nothing. Its options say
//! what happens to a name that exists, and who owns the tenant:
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use schemastamp::service::{IfExists, ProvisionOptions, ServiceError, Tenants};
//!
//! # async fn start(snapshot: &str) -> Result<(), ServiceError> {
//! let mut options = ProvisionOptions::default();
//! options.if_exists = IfExists::Resume;
//! let tenants = Tenants::from_url("postgres://app@localhost/app", snapshot)
//!     .await?
//!     .with_options(options)
//!     .with_timeout(Duration::from_secs(10));
//! tenants.provision("acme").await?;
//! # Ok(())
//! # }
//! ```
//!
//! [`claim`](service::Tenants::claim) hands out a ready-made tenant that `schemastamp pool fill` has put into the pool, which
//! takes milliseconds. Without one it creates the tenant.
//!
//! # Keep them up to date
//!
//! [`migrate`](service::Tenants::migrate) applies pending migrations, each with its version in one transaction, and
//! [`verify`](service::Tenants::verify) compares tenants with the snapshot:
//!
//! ```no_run
//! use std::path::Path;
//!
//! use schemastamp::service::{MigrateOptions, TenantSelection, Tenants, read_folder};
//!
//! # async fn keep(tenants: Tenants) -> Result<(), Box<dyn std::error::Error>> {
//! let every = TenantSelection::All { pattern: None };
//! let migrations = read_folder(Path::new("migrations"))?;
//! let mut options = MigrateOptions::new(every.clone());
//! options.canary = 1;
//! let report = tenants.migrate(&migrations, &options).await?;
//! for tenant in &report.tenants {
//!     println!("{}: {:?}", tenant.tenant, tenant.outcome);
//! }
//! let verification = tenants.verify(every).await?;
//! println!("{} differ", verification.variants.len());
//! # Ok(())
//! # }
//! ```
//!
//! # End with the service
//!
//! The library prints nothing and installs no signal handler. Give the tenants a [`Shutdown`](service::Shutdown) with
//! [`with_shutdown`](service::Tenants::with_shutdown): once its end is requested, running statements are cancelled, and each
//! call reports what became of its tenant. The feature `tokio-util` makes one of a `CancellationToken`.
//!
//! # What stays as it is
//!
//! [`service`], and the types that it takes and returns, follow semantic versioning. The other modules are the inside of the
//! command. They are public for what [`service`] does not cover, and may change in any release.
//!
//! | module | subject |
//! |---|---|
//! | [`snapshot`] | the file, its template, rendering, and [`Capture`](snapshot::capture::Capture) |
//! | [`config`], [`connect`] | where each setting comes from, and the [`Server`](pg::Server) that they lead to |
//! | [`tenant`] | one tenant: [`Provisioner`](tenant::Provisioner), migrations, comparison, rename, clone and drop |
//! | [`fleet`] | many tenants, on one server or several: [`Bulk`](fleet::bulk::Bulk), [`pool`](fleet::pool) |
//! | [`diagnose`], [`tls`] | why a connection fails |
//! | [`pg`], [`process`], [`sql`] | psql and `pg_dump`, child processes, SQL's tokens and names |
//! | [`exit`] | the command's exit codes |
//!
//! The feature `cli`, on by default, is the command; a service turns it off with `default-features = false`.
//! `docs/architecture.md` has the order of the modules and the way of the data; `tests/it/architecture.rs` holds the first.

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
