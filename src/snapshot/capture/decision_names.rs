//! Decisions that had an effect, and those that could have one.

use std::collections::BTreeSet;

use super::dump::Dump;
use super::error::CaptureError;
use super::inspect::OidValues;
use super::note::Note;
use super::options::Capture;
use crate::snapshot::decision::{Decision, Decisions, TEXT_OF};
use crate::sql::quote;

/// Names of decisions, as [`Decisions`] has them.
#[derive(Clone, Debug, Default)]
pub(super) struct DecisionNames {
    /// Those that had an effect.
    pub(super) used: BTreeSet<String>,
    /// Those that can have one.
    pub(super) decidable: BTreeSet<String>,
}

impl Capture {
    /// Refuses OIDs in seed rows that nobody has decided about.
    pub(super) fn judge_oids(
        &self,
        found: Vec<OidValues>,
        names: &mut DecisionNames,
    ) -> Result<(), CaptureError> {
        for values in found {
            let object = format!("rows of {}", quote(&values.table));
            names.decidable.insert(object.clone());
            match self.decisions.find(&object, 1) {
                Some((key, Decision::Keep)) => {
                    names.used.insert(key.to_owned());
                }
                _ => {
                    return Err(CaptureError::Oids {
                        table: values.table,
                        column: values.column,
                        large_objects: values.large_objects,
                    });
                }
            }
        }
        Ok(())
    }

    /// The decisions for the header of the snapshot.
    ///
    /// One that was just given and has no effect is an error. One that the old header remembers is dropped with a note where
    /// its object is gone; captured from another tenant, the word need not be that tenant's name.
    pub(super) fn decisions_with_effect(
        &self,
        dump: &Dump,
        names: &DecisionNames,
        notes: &mut Vec<Note>,
    ) -> Result<Decisions, CaptureError> {
        let given =
            |name: &&str| !names.used.contains(*name) && !self.decisions.is_remembered(name);
        let unused: Vec<String> = self
            .decisions
            .iter()
            .map(|(name, _)| name)
            .filter(given)
            .map(str::to_owned)
            .collect();
        if !unused.is_empty() {
            return Err(CaptureError::UnusedDecisions {
                unused,
                decidable: names.decidable.iter().take(20).cloned().collect(),
            });
        }
        let objects: Vec<String> = dump
            .statements
            .iter()
            .map(|statement| statement.object.to_string())
            .chain(
                self.seeds
                    .iter()
                    .map(|seed| format!("rows of {}", quote(seed))),
            )
            .collect();
        let mut decisions = self.decisions.clone();
        decisions.retain(|name, decision| {
            let is_there = || {
                let place = name.rsplit_once('#');
                let object = match place {
                    Some((object, place)) if place.parse::<usize>().is_ok() => object,
                    _ => name,
                };
                let object = object.strip_prefix(TEXT_OF).unwrap_or(object);
                let mut single = Decisions::default();
                single.add(object, decision);
                objects
                    .iter()
                    .any(|known| single.decision_for(known, 1).is_some())
            };
            let stays = names.used.contains(name) || is_there();
            if !stays {
                notes.push(Note::DroppedDecision(name.to_owned()));
            }
            stays
        });
        Ok(decisions)
    }
}
