//! From a dump to a snapshot.

mod assemble;
mod difference;
mod dump;
mod dump_facts;
mod dump_reader;
mod inspect;
mod proof;
mod proof_script;
mod rows;
mod run;
mod values;
mod wording;

pub use assemble::{Doubt, MARK, Parts, Undecided, assemble, strip_mark};
pub use difference::Difference;
pub(crate) use difference::{Aspects, differences};
pub use dump::{Dump, DumpError, DumpStatement};
pub use inspect::{Inspection, inspect, shared_schemas};
pub(crate) use proof::search_path;
pub use proof::{Proof, ProofError, ProofInputs, SourceOf, fresh_name, prove};
pub use rows::{TableRows, VERSIONS_TABLES, describe_versions};
pub use run::{Capture, CaptureError, Captured, Note, Source};
pub use values::{Value, ValueError};
