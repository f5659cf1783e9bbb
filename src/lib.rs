//! Stamps out `PostgreSQL` tenant schemas from a snapshot, through psql.
//!
//! # Architecture
//!
//! Data flows one way: [`config`] → [`snapshot`] → [`tenant`], with [`process`], [`pg`], [`tls`] and [`sql`] beneath.
//! A module below knows nothing of one above. Only [`config`] reads the environment, only [`process`] starts programs,
//! only [`cli`] prints; Clippy's `disallowed-methods` enforces it. `sql`, `tls` and most of `snapshot` are pure: they do
//! no I/O.

pub mod cli;
pub mod config;
pub mod connect;
pub mod diagnose;
pub mod exit;
pub mod path;
pub mod pg;
pub mod process;
pub mod snapshot;
pub mod sql;
pub mod tenant;
pub mod tls;

/// The code of the README is compiled with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
