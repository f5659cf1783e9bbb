//! The command `status`.

mod output;
mod placed;
mod run;

pub(super) use run::run;
