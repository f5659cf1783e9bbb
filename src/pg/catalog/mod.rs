//! Questions to the server's catalogs, as SQL whose every line of output is one JSON value.

mod definitions;
mod objects;
mod sql;

pub use definitions::{Definition, definitions};
pub use objects::{Aspects, DuplicateIdentity, ObjectAspect, ObjectId, objects};
pub use sql::{BY_KEYS, by_keys_in_message, for_server, with_members, with_own_members};
