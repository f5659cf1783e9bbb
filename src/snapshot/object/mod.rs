//! Finds the object of a statement in a dump or snapshot.
//!
//! Reads the head of a statement by its grammar (`gram.y`), for the statements that `pg_dump` writes and people add.

mod identity;
mod kind;
mod parser;
mod statement;

pub use identity::{Object, ObjectScope};
pub use kind::{Action, ObjectKind};
pub use parser::identifier_value;
