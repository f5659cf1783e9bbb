//! The command `provision`.

mod bulk;
mod dry_run;
mod keep_full;
mod plan;
mod run;
mod servers;
mod single;
mod tally;

pub(super) use run::run;
