//! From a dump to a snapshot.

mod assemble;
mod dump;
mod rows;
mod values;

pub use assemble::{Doubt, Undecided, assemble};
pub use dump::{Dump, DumpError, DumpStatement};
pub use rows::{TableRows, VERSIONS_TABLES, describe_versions};
