//! Creates many tenants with a few psql processes that stay open, on one server or several.
//!
//! A run takes a request when it has a worker for it, so that no requests pile up, and reports each
//! tenant as soon as it is done. It measures how many workers help: it starts another one as long as
//! that speeds up the run, and as long as the server has locks and connections for it.
//!
//! Its limits, and the rules by which it ends early, are those of the fleet's engine, like those of the
//! other runs. Its loop is not, because its work is of another kind: requests arrive one by one, for days
//! perhaps, and for several servers in one run; a request that finds no connection waits for another
//! worker of its server instead of being postponed; and a worker is a session that outlives its
//! requests, is kept alive while it is idle, and is closed when it turns out not to help.
//!
//! ```no_run
//! # async fn fleet(provisioner: schemastamp::tenant::Provisioner) -> Result<(), Box<dyn std::error::Error>> {
//! use std::ops::ControlFlow;
//! use schemastamp::process::Shutdown;
//! use schemastamp::sql::TenantName;
//! use schemastamp::fleet::bulk::{Bulk, BulkOptions, BulkTarget, TenantRequest};
//!
//! let mut names = ["acme", "globex"].into_iter();
//! let next = async || names.next().map(|name| TenantRequest { tenant: TenantName::new(name).unwrap(), target: 0 });
//! let shutdown = Shutdown::on_signals()?;
//! let target = BulkTarget { name: String::new(), provisioner };
//! let mut bulk = Bulk::new(vec![target], BulkOptions::default());
//! for room in bulk.prepare(&shutdown).await {
//!     println!("{} connections", room?.connections);
//! }
//! let mut failed = 0;
//! let mut on_done = |done: schemastamp::fleet::bulk::BulkResult| {
//!     failed += usize::from(done.result.is_err());
//!     ControlFlow::Continue(())
//! };
//! let report = bulk.run(next, &mut on_done, &shutdown).await;
//! println!("{failed} failed, {} not begun", report.not_begun.len());
//! # Ok(()) }
//! ```

mod budget;
mod engine;
mod growth;
mod prepare;
mod report;
mod target;

pub use budget::{Budget, ServerCapacity, locks_of};
pub use engine::Bulk;
pub use report::{BulkOptions, BulkReport, BulkResult, TenantRequest};
pub use target::BulkTarget;
