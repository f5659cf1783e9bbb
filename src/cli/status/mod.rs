//! The command `status`.

mod output;
mod placed;
mod report;
mod run;

pub(super) use run::run;
