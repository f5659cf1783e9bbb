//! The input of a body, and the result.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;

use super::rows::TableRows;
use super::shared::SharedObjects;
use crate::snapshot::decision::Decision;
use crate::snapshot::rename::Pair;

/// A place that only the user can judge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// The object, as decisions name it: `function n(integer)`.
    pub object: String,
    /// The number of the ambiguous place in the object, starting at 1.
    pub place: usize,
    /// 1-based line in the dump.
    pub line: usize,
    /// 1-based line in the object's own definition.
    pub own_line: usize,
    /// The line of text it stands in, cut on both sides so that the word is in the middle.
    pub excerpt: String,
    /// Byte range of the word within [`Doubt::excerpt`].
    pub word: Range<usize>,
    /// The reason why it is ambiguous.
    pub why: String,
}

impl fmt::Display for Doubt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}#{} ({}): {}",
            self.object, self.place, self.why, self.excerpt
        )
    }
}

/// The intermediate form between a dump and its snapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Undecided {
    /// Places for the user to decide.
    pub doubts: Vec<Doubt>,
    /// Objects in which an alias or table is called like the schema, and that `PostgreSQL` was not asked about.
    pub contested: Vec<String>,
    /// True if the lines of the dump are those of a file that the user has.
    pub is_file: bool,
}

/// A body, and what became of the decisions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Assembled {
    /// The body.
    pub body: String,
    /// Number of words in constants, messages and comments of each object stay as they are, without a decision.
    pub texts: BTreeMap<String, usize>,
    /// The names and patterns of the decisions that had an effect.
    pub used: BTreeSet<String>,
    /// The decision on each doubtful place of an object, in order.
    pub places: BTreeMap<String, Vec<Decision>>,
    /// Names that a decision can use: objects with doubtful places, and `text of …`.
    pub decidable: BTreeSet<String>,
    /// Names of extensions' objects that the body refers to.
    pub shared: BTreeSet<String>,
}

/// The input of the body in addition to the dump.
#[derive(Debug, Default)]
pub struct SnapshotParts<'a> {
    /// Rows, in the order in which they are inserted.
    pub rows: &'a [TableRows],
    /// Materialized views to fill.
    pub refresh: &'a [String],
    /// The schemas that follow the tenant's own in `search_path` while rows are inserted and views
    /// are filled.
    pub search_path: &'a [String],
    /// Definitions before and after a rename.
    pub pairs: &'a [Pair],
    /// The unguessable name in `pairs`.
    pub new_name: &'a str,
    /// The OIDs of the schema's objects, with what they are: `table t`.
    pub oids: Option<&'a BTreeMap<u32, String>>,
    /// Objects of extensions in the schema, which tenants share.
    pub shared: Option<&'a SharedObjects>,
}
