//! The command `query`.

mod csv;
mod json;
mod run;
mod table;

pub(super) use run::run;
