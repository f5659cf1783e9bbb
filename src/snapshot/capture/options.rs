//! Options and the result of a capture.

use super::note::{ConcernId, Note};
use super::proof::Proof;
use crate::pg::{PgDump, Server};
use crate::snapshot::decision::Decisions;
use crate::snapshot::format::Snapshot;

/// The source of the schema.
#[derive(Clone, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "made once for a capture, never kept in numbers"
)]
#[non_exhaustive]
pub enum CaptureSource {
    /// A live database, through `pg_dump`.
    Live(PgDump),
    /// The text of a dump.
    Dump(String),
}

/// Options of a capture.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct Capture {
    /// The schema.
    pub schema: String,
    /// The source of the schema.
    pub source: CaptureSource,
    /// Tables whose rows a new tenant begins with, in the order in which they are filled.
    pub seeds: Vec<String>,
    /// The version table, or `None` for the well-known ones that exist.
    pub versions_table: Option<String>,
    /// The schema of the connected database that has the rows of version tables which a dump has not.
    pub versions_from: Option<String>,
    /// The user's decisions about ambiguous text.
    pub decisions: Decisions,
    /// `true` to keep owners.
    pub owners: bool,
    /// `true` to keep the owner of the schema itself along with the others.
    pub schema_owner: bool,
    /// `true` to keep grants.
    pub privileges: bool,
    /// The server for the exact judgement and the proof; `None` for neither.
    pub server: Option<Server>,
    /// `true` to prove the snapshot.
    pub prove: bool,
    /// True if the proof fills materialized views, as a new tenant does; who copies rows fills them behind these.
    pub fill_views: bool,
    /// Another database in which a dump is loaded, and rolled back, for judgement and proof: for a
    /// role that may not rename the schema, or create one, in its own database.
    pub scratch: Option<Server>,
}

/// A snapshot and what is to be said about it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Captured {
    /// The snapshot.
    pub snapshot: Snapshot,
    /// The proof; `None` when it was not asked for.
    pub proof: Option<Proof>,
    /// Notes for the user.
    pub notes: Vec<Note>,
}

impl Captured {
    /// The objects that a concern is about.
    pub fn objects_of(&self, id: ConcernId) -> &[String] {
        self.notes
            .iter()
            .filter_map(Note::as_concern)
            .find(|concern| concern.id == id)
            .map_or(&[], |concern| &concern.objects)
    }
}
