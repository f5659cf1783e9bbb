//! The command `provision`.

mod bulk;
mod dry_run;
mod plan;
mod refill;
mod run;
mod servers;
mod single;
mod tally;

pub(super) use bulk::check_citus;
pub(super) use run::run;
