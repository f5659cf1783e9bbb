//! From a dump to a snapshot.

mod additions;
mod assemble;
mod casts;
mod difference;
mod dump;
mod dump_facts;
mod dump_reader;
mod dump_rows;
mod inspect;
mod note;
mod order;
mod overloads;
mod proof;
mod proof_script;
mod reworded;
mod rows;
mod run;
mod server_properties;
mod values;
mod wording;

pub use assemble::{Doubt, MARK, SPARE, SnapshotParts, Undecided, assemble, strip_mark};
pub use difference::Difference;
pub(crate) use difference::differences;
pub use dump::{Dump, DumpError, DumpStatement};
pub use inspect::{InspectedTable, Inspection, inspect, shared_schemas};
pub use note::Note;
pub(crate) use proof::search_path;
pub use proof::{LoadableDump, Proof, ProofError, ProofInputs, SourceOf, fresh_name, prove};
pub use reworded::Reworded;
pub(crate) use reworded::may_be_reworded;
pub use rows::{TableRows, VERSIONS_TABLES, describe_versions};
pub use run::{Capture, CaptureError, CaptureSource, Captured};
pub use server_properties::ServerProperty;
pub(crate) use server_properties::{LoadedCopy, without_server_properties};
pub use values::{Value, ValueError};
