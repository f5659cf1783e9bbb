//! Which words of a dump name the schema, and which only look alike.
//!
//! Tokens settle most: a word that no alias, column or variable in its statement can mean is the schema. What tokens
//! cannot settle is *contested* (`PostgreSQL` itself can tell, see [`Pair`]) or *doubtful* (nobody but the user can).

mod code;
mod literal;
mod mention;
mod pair;
mod view;

pub use code::mentions;
pub(super) use literal::may_hold;
pub use mention::{Catalog, Mention, MentionVerdict};
pub use pair::{Pair, settle};
