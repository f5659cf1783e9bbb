//! The command `migrate`.

mod output;
mod run;
mod undo;

pub(super) use run::run;
pub(super) use undo::run as undo;
