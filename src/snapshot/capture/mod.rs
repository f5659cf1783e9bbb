//! From a dump to a snapshot.

mod assemble;
mod dump;
mod inspect;
mod proof;
mod rows;
mod run;
mod values;

pub use assemble::{Doubt, MARK, Parts, Undecided, assemble, strip_mark};
pub use dump::{Dump, DumpError, DumpStatement};
pub use inspect::{Inspection, inspect, shared_schemas};
pub(crate) use proof::{Aspects, differences, search_path};
pub use proof::{Difference, Proof, ProofError, SourceOf, fresh_name, prove};
pub use rows::{TableRows, VERSIONS_TABLES, describe_versions};
pub use run::{Capture, CaptureError, Captured, Note, Source};
pub use values::{Value, ValueError};
