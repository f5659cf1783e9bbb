//! The cause of one sentence: facts first, words where facts do not decide.
//!
//! Pure. A cure that is in force already is never named, nor a cause that contradicts what was seen to work.

mod alert;
mod decision;
mod dispatch;
mod host;
mod login;
mod names;
mod other_side;
mod routing;
mod settings;
mod this_side;

pub(super) use decision::DecidedCause;
pub(super) use dispatch::decide;
pub(super) use host::{without_address, without_interface};
