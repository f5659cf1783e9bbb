//! The whole of a capture: dump, judgement, rows, proof.

use super::additions::{add_casts, add_initial_privileges};
use super::assembled::Assembled;
use super::concerns::{concerns, shared_extensions};
use super::decision_names::DecisionNames;
use super::dump::Dump;
use super::error::CaptureError;
use super::exceptions::Exceptions;
use super::inspect::{Inspection, inspect, oid_values, shared_schemas};
use super::note::{ConcernId, Note};
use super::options::{Capture, Captured};
use super::proof::{LoadableDump, Proof, ProofInputs, SourceOf, major_and_schema, prove};
use super::public::leave_out_own;
use super::roles::roles_like;
use super::shared::PUBLIC;
use super::source_dump::sets_privileges_of;
use super::unfilled::{names_unknown_object, unfilled};
use crate::process::Shutdown;
use crate::snapshot::format::Snapshot;
use crate::snapshot::header::Header;
use crate::snapshot::object::{Action, ObjectKind};
use crate::snapshot::render::{Marking, RenderOptions};

/// The `pg_dump` whose wording snapshots have, whichever made the dump.
const WORDING: u32 = 18;

/// Returns the objects that a copy lacks on purpose.
fn find_exceptions<'a>(
    inspection: Option<&'a Inspection>,
    unfilled_views: &'a [String],
) -> Exceptions<'a> {
    Exceptions {
        invalid_indexes: inspection.map_or(&[][..], Inspection::invalid_indexes),
        default_privileges: inspection.map_or(&[][..], |inspection| {
            inspection.objects_of(ConcernId::DefaultPrivilegesOfOthers)
        }),
        unfilled_views,
        partitions_of_others: false,
    }
}

impl Capture {
    /// Captures the schema.
    ///
    /// # Errors
    /// See [`CaptureError`]; nothing is written anywhere.
    pub async fn run(self, shutdown: &Shutdown) -> Result<Captured, CaptureError> {
        let (text, live) = self.source_text(shutdown).await?;
        let mut dump = Dump::read(&text, &self.schema)?;
        self.leave_out_unwanted(&mut dump);
        let inspection = match &self.server {
            Some(server) if live => {
                let inspection = inspect(server, &self.schema, shutdown).await?;
                self.refuse_what_no_copy_can_be(&inspection)?;
                Some(inspection)
            }
            _ => None,
        };
        self.refuse_partitions_of_others(&dump)?;
        if let Some(inspection) = &inspection {
            add_casts(&mut dump, &inspection.casts, &self.schema);
            let roles = inspection.objects_of(ConcernId::DefaultPrivilegesOfOthers);
            dump.statements
                .retain(|statement| !sets_privileges_of(statement, roles));
        }
        if self.privileges {
            add_initial_privileges(&mut dump, inspection.as_ref(), &self.schema);
        }
        let own_of_public = if self.schema == PUBLIC {
            leave_out_own(&mut dump, inspection.as_ref())
        } else {
            Vec::new()
        };
        let shared = self
            .shared_objects(&dump, inspection.as_ref(), shutdown)
            .await?;
        if let Some(shared) = &shared {
            shared.requalify(&mut dump);
        }
        let (mut rows, versions) = self
            .rows(&mut dump, &text, inspection.as_ref(), shutdown)
            .await?;
        let mut refresh = refreshed(&dump, inspection.as_ref());
        // What a role, a database or the server sets decides only where nothing else will do.
        let mut search_path = vec![PUBLIC.to_owned()];
        let of_session = inspection
            .as_ref()
            .map(|inspection| shared_schemas(&inspection.search_path, &self.schema));
        let mut notes = concerns(&dump, inspection.as_ref(), &rows, live);
        notes.extend(self.notes_of_public(&dump, own_of_public));
        if !self.privileges {
            notes.retain(|note| {
                note.as_concern()
                    .is_none_or(|concern| concern.id != ConcernId::DefaultPrivilegesOfOthers)
            });
        }
        if let Some(inspection) = &inspection {
            notes.extend(Note::concern(
                ConcernId::ShellOperators,
                inspection.shells.clone(),
            ));
        }
        notes.extend(rows.iter().map(|table| Note::Carried {
            table: table.table.clone(),
            rows: table.rows.len(),
        }));
        let mut names = self.decide_seeds(&mut rows, &mut notes);
        if let (Some(inspection), Some(server)) = (&inspection, &self.server) {
            let tables = inspection.tables.iter();
            let seeds = tables.filter(|table| self.seeds.contains(&table.name));
            let found = oid_values(server, &self.schema, seeds, shutdown).await?;
            self.judge_oids(found, &mut names)?;
        }
        let is_filled = refresh.clone();
        let mut unfilled_views = Vec::new();
        let mut unfilled_notes = Vec::new();
        let mut postponed = 0;
        let notes_on_rows = notes.clone();
        // A proof that fails may show a better search_path or a better order of the views: then the body is made again.
        let (snapshot, proof) = loop {
            notes.clone_from(&notes_on_rows);
            let assembled = self
                .body(
                    &dump,
                    &rows,
                    &refresh,
                    &search_path,
                    inspection.as_ref().map(|inspection| &inspection.oids),
                    shared.as_ref(),
                    live,
                    &mut notes,
                    shutdown,
                )
                .await?;
            let snapshot = self.snapshot_with(
                &dump,
                inspection.as_ref(),
                versions.clone(),
                names.clone(),
                assembled,
                &mut notes,
            )?;
            let empty_views = if self.fill_views {
                &unfilled_views
            } else {
                &is_filled
            };
            let exceptions = find_exceptions(inspection.as_ref(), empty_views);
            let proof = self
                .proof(&dump, &snapshot, &refresh, exceptions, live, shutdown)
                .await;
            let error = match proof {
                Err(CaptureError::Proof(error)) => error,
                proof => break (snapshot, proof?),
            };
            if let Some(of_session) = &of_session
                && *of_session != search_path
                && names_unknown_object(&error)
            {
                search_path.clone_from(of_session);
                continue;
            }
            let Some(failed) = unfilled(&error, &snapshot, &refresh) else {
                return Err(CaptureError::Proof(error));
            };
            refresh.retain(|view| *view != failed.view);
            if failed.is_too_early && postponed < is_filled.len() {
                // Behind the view that it reads, which only a function of its query names.
                postponed += 1;
                refresh.push(failed.view);
            } else {
                postponed = 0;
                unfilled_notes.push(format!("{} ({})", failed.view, failed.message));
                unfilled_views.push(failed.view);
            }
        };
        notes.extend(Note::concern(ConcernId::UnfilledViews, unfilled_notes));
        match &proof {
            None => notes.push(Note::NotProven),
            Some(proof) => {
                notes.extend(proof.column_order.iter().cloned().map(Note::ColumnOrder));
                notes.extend(proof.ignored.iter().cloned().map(Note::Ignored));
            }
        }
        Ok(Captured {
            snapshot,
            proof,
            notes,
        })
    }

    /// Returns the snapshot of a body, whose header has the decisions that had an effect.
    fn snapshot_with(
        &self,
        dump: &Dump,
        inspection: Option<&Inspection>,
        versions: Vec<String>,
        mut names: DecisionNames,
        assembled: Assembled,
        notes: &mut Vec<Note>,
    ) -> Result<Snapshot, CaptureError> {
        names.used.extend(assembled.used);
        names.decidable.extend(assembled.decidable);
        let extensions = shared_extensions(dump, inspection, &assembled.shared);
        notes.extend(Note::concern(ConcernId::SharedExtensions, extensions));
        let mut decisions = self.decisions_with_effect(dump, &names, notes)?;
        for (object, places) in &assembled.places {
            decisions.number_places(object, places);
        }
        let texts = assembled
            .texts
            .into_iter()
            .map(|(object, places)| match places {
                1 => object,
                _ => format!("{object} ({places} places)"),
            });
        notes.extend(Note::concern(ConcernId::NameInText, texts.collect()));
        // PUBLIC is everybody.
        if self.schema != PUBLIC {
            notes.extend(Note::concern(
                ConcernId::RolesLikeSchema,
                roles_like(&dump.statements, &self.schema),
            ));
        }
        let header = Header {
            server: inspection
                .map(|inspection| inspection.major)
                .or(dump.server),
            wording: Some(WORDING),
            versions,
            seeds: self.seeds.clone(),
            decisions,
            ..Header::default()
        };
        Ok(Snapshot::from_parts(header, assembled.body)?)
    }

    async fn proof(
        &self,
        dump: &Dump,
        snapshot: &Snapshot,
        refresh: &[String],
        exceptions: Exceptions<'_>,
        live: bool,
        shutdown: &Shutdown,
    ) -> Result<Option<Proof>, CaptureError> {
        let Some(server) = self
            .scratch
            .as_ref()
            .or(self.server.as_ref())
            .filter(|_| self.prove)
        else {
            return Ok(None);
        };
        let (major, exists) = major_and_schema(server, &self.schema, shutdown).await?;
        let source = if live && self.scratch.is_none() {
            SourceOf::Live {
                dump: Some(LoadableDump { dump, refresh }),
            }
        } else {
            SourceOf::Dump(LoadableDump { dump, refresh })
        };
        let compare = &RenderOptions {
            owners: self.owners,
            privileges: self.privileges,
            mark: Marking::None,
            ..RenderOptions::default()
        };
        let inputs = ProofInputs {
            snapshot,
            schema: &self.schema,
            source,
            major,
            live_exists: exists,
            compare,
            exceptions,
        };
        Ok(Some(prove(server, &inputs, shutdown).await?))
    }
}

/// Returns the materialized views that a new tenant has filled: those that are filled, or that the
/// dump fills. A dump of the schema alone does not show this; then all are, as with `CREATE
/// MATERIALIZED VIEW`.
fn refreshed(dump: &Dump, inspection: Option<&Inspection>) -> Vec<String> {
    dump.statements
        .iter()
        .filter(|statement| {
            statement.object.action == Action::Create
                && statement.object.kind == ObjectKind::MaterializedView
        })
        .map(|statement| statement.object.name.clone())
        .filter(|name| match inspection {
            Some(inspection) => inspection.populated.contains(name),
            None => !dump.has_data || dump.refreshed.contains(name),
        })
        .collect()
}
