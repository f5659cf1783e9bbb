//! Decides which words of a dump name the schema, and which only look like its name.
//!
//! Tokens settle most: a word that cannot mean an alias, column or variable in its statement is the
//! schema. Other words are *contested* (`PostgreSQL` itself can decide, see [`Pair`]) or *doubtful*
//! (only the user can).

mod code;
mod literal;
mod mention;
mod pair;
mod reader;
mod view;

pub use code::mentions;
pub(super) use literal::may_hold;
pub use mention::{Catalog, Mention, MentionVerdict};
pub use pair::{Pair, settle};
