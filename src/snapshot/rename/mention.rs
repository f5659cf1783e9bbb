use std::collections::HashSet;
use std::ops::Range;

use crate::snapshot::object::{Action, Object, ObjectKind};

/// The kind of a place where the schema's name is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MentionVerdict {
    /// The schema.
    Schema,
    /// The schema, as a string of its own in a list for `search_path`: `SET search_path TO 'app', 'pg_temp'`.
    PathItem,
    /// The schema, as an identifier in a list for `search_path`: `SET search_path TO app, pg_temp`.
    PathName,
    /// Something that is only called the same: an alias, a column, a configuration parameter.
    Other,
    /// The schema or an alias: `PostgreSQL` can decide.
    Contested,
    /// Text whose use only the user knows, with the reason.
    Doubtful(&'static str),
    /// A word in a constant, a message or a comment: it stays unless the user says otherwise, and is reported.
    Text,
}

impl MentionVerdict {
    /// Returns `true` if the schema is meant.
    pub fn is_schema(self) -> bool {
        matches!(self, Self::Schema | Self::PathItem | Self::PathName)
    }
}

/// A place where the schema's name is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mention {
    /// Byte range of the identifier in the source, quotes included.
    pub range: Range<usize>,
    /// The kind.
    pub verdict: MentionVerdict,
}

/// The names of the objects in the schema: what a qualified name can refer to.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    relations: HashSet<String>,
    routines: HashSet<String>,
    others: HashSet<String>,
}

impl Catalog {
    /// Collects the names that statements create.
    pub fn from_objects<'a>(objects: impl IntoIterator<Item = &'a Object>) -> Self {
        let mut catalog = Self::default();
        for object in objects
            .into_iter()
            .filter(|object| object.action == Action::Create)
        {
            let names = match object.kind {
                ObjectKind::Table
                | ObjectKind::ForeignTable
                | ObjectKind::View
                | ObjectKind::MaterializedView
                | ObjectKind::Sequence
                | ObjectKind::Index => &mut catalog.relations,
                ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Aggregate => {
                    &mut catalog.routines
                }
                _ => &mut catalog.others,
            };
            names.insert(object.bare_name().to_owned());
        }
        catalog
    }

    /// Returns `true` if a table, view, sequence or index has the name.
    pub fn has_relation(&self, name: &str) -> bool {
        self.relations.contains(name)
    }

    /// Returns whether a function, procedure or aggregate has the name.
    pub fn has_routine(&self, name: &str) -> bool {
        self.routines.contains(name)
    }

    /// Returns `true` if an object other than a routine has the name.
    pub fn has_other(&self, name: &str) -> bool {
        self.relations.contains(name) || self.others.contains(name)
    }

    /// Returns `true` if any object has the name.
    pub fn has(&self, name: &str) -> bool {
        self.relations.contains(name) || self.routines.contains(name) || self.others.contains(name)
    }
}
