//! Notes on the objects that a snapshot does not hold, or shares with others.

use std::collections::{BTreeMap, BTreeSet};

use super::dump::Dump;
use super::inspect::Inspection;
use super::note::{ConcernId, Note};
use super::options::Capture;
use super::rows::TableRows;
use super::shared::PUBLIC;
use crate::sql::quote;

impl Capture {
    /// Returns the notes on a template in `public`: what of the schema is left out, and which tables go along.
    pub(super) fn notes_of_public(&self, dump: &Dump, left_out: Vec<String>) -> Vec<Note> {
        if self.schema != PUBLIC {
            return Vec::new();
        }
        let tables: BTreeSet<String> = dump.tables().map(quote).collect();
        let tables = tables.into_iter().collect();
        let left_out = Note::concern(ConcernId::PublicItself, left_out);
        let tables = Note::concern(ConcernId::WholeOfPublic, tables);
        left_out.into_iter().chain(tables).collect()
    }
}

/// Extensions in the schema; the names that are used of them, if a dump does not say which these are.
pub(super) fn shared_extensions(
    dump: &Dump,
    inspection: Option<&Inspection>,
    used: &BTreeSet<String>,
) -> Vec<String> {
    match inspection {
        Some(inspection) => inspection.extensions.clone(),
        None if dump.extensions.is_empty() => used.iter().cloned().collect(),
        None => dump.extensions.clone(),
    }
}

/// Objects that the snapshot does not hold, or shares with others.
pub(super) fn concerns(
    dump: &Dump,
    inspection: Option<&Inspection>,
    carried: &[TableRows],
    live: bool,
) -> Vec<Note> {
    let mut all = BTreeMap::<ConcernId, Vec<String>>::new();
    let mut add = |id: ConcernId, objects: Vec<String>| {
        let known = all.entry(id).or_default();
        for object in objects {
            if !known.contains(&object) {
                known.push(object);
            }
        }
    };
    let of_server = inspection.map_or(&[][..], |inspection| &inspection.concerns);
    for concern in dump.concerns.iter().chain(of_server) {
        add(concern.id, concern.objects.clone());
    }
    add(ConcernId::LeftOut, dump.left_out.clone());
    if !live {
        let partitions = dump.partitions_of_others.iter();
        let partitions = partitions.map(|found| format!("{} ({})", found.partition, found.parent));
        add(ConcernId::PartitionsOfOthers, partitions.collect());
        add(ConcernId::NotInDump, dump.unsaid(carried));
    }
    all.into_iter()
        .filter_map(|(id, objects)| Note::concern(id, objects))
        .collect()
}
