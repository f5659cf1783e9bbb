//! The whole of a capture: dump, judgement, rows, proof.

use std::collections::{BTreeMap, BTreeSet};

use super::additions::{add_casts, add_initial_privileges};
use super::assemble::assemble;
use super::assembled::{Assembled, SnapshotParts, Undecided};
use super::dump::{Dump, DumpError, DumpStatement};
use super::dump_facts::{is_partition_of, name_columns, partitions, primary_key};
use super::dump_rows::rows_of_dump;
use super::error::{CaptureError, ProofError};
use super::exceptions::Exceptions;
use super::inspect::{
    Inspection, OidValues, inspect, oid_values, read_rows, shared_schemas, wanted_tables,
};
use super::note::{ConcernId, Note};
use super::proof::{
    LoadableDump, Proof, ProofInputs, SourceOf, fresh_name, load_statements, prove,
};
use super::proof_script::ProofScript;
use super::public::{is_on_schema, leave_out_own};
use super::roles::roles_like;
use super::rows::{TableRows, describe_versions};
use super::shared::{Members, PUBLIC, SharedObjects};
use super::unfilled::{names_unknown_object, unfilled};
use crate::pg::catalog::{Definition, definitions};
use crate::pg::{DumpOptions, PgDump, PgDumpError, Pooling, PsqlError, ScriptOptions, Server};
use crate::process::{RunError, Shutdown};
use crate::snapshot::decision::{Decision, Decisions, TEXT_OF};
use crate::snapshot::format::Snapshot;
use crate::snapshot::header::Header;
use crate::snapshot::object::{Action, ObjectKind};
use crate::snapshot::rename::Pair;
use crate::snapshot::render::{Marking, RenderOptions, settings};
use crate::sql::{quote, quote_literal};
use crate::text::plural;

/// The `pg_dump` whose wording snapshots have, whichever made the dump.
const WORDING: u32 = 18;

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

/// Checks that the session settings of `pg_dump`, such as `search_path` and `row_security`, apply
/// to its whole session and to no other client.
async fn make_sure_of_the_session(
    pg_dump: &PgDump,
    shutdown: &Shutdown,
) -> Result<(), CaptureError> {
    match Pooling::detect(&pg_dump.server, shutdown).await {
        Ok(Pooling::Spread {
            connections,
            server,
        }) => Err(PgDumpError::Pooled {
            connections,
            server,
        }
        .into()),
        Ok(Pooling::Transactions) => {
            tracing::warn!(
                "a pooler in transaction mode stands in between: what pg_dump sets for its session may reach other \
                 clients of the pooler; connect to the server itself"
            );
            Ok(())
        }
        Ok(Pooling::Sessions) => Ok(()),
        // pg_dump will fail in the same way and be explained, except for a shutdown.
        Err(error) => match error {
            PsqlError::Run(
                stopped @ (RunError::Interrupted { .. } | RunError::TimedOut { .. }),
            ) => Err(PgDumpError::Run(stopped).into()),
            error => {
                tracing::debug!(%error, "it is not known whether there is a pooler");
                Ok(())
            }
        },
    }
}

/// Returns whether a statement sets default privileges of one of the roles, which are written as `regrole` prints them.
fn sets_privileges_of(statement: &DumpStatement, roles: &[String]) -> bool {
    statement.object.kind == ObjectKind::DefaultPrivileges
        && roles.iter().any(|role| {
            statement
                .text
                .starts_with(&format!("ALTER DEFAULT PRIVILEGES FOR ROLE {role} "))
        })
}

/// Names of decisions, as [`Decisions`] has them.
#[derive(Clone, Debug, Default)]
struct DecisionNames {
    /// Those that had an effect.
    used: BTreeSet<String>,
    /// Those that can have one.
    decidable: BTreeSet<String>,
}

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

    /// Decides on the schema's name in the rows of seed tables.
    fn decide_seeds(&self, rows: &mut [TableRows], notes: &mut Vec<Note>) -> DecisionNames {
        let mut names = DecisionNames::default();
        let mut within = Vec::new();
        for table in rows
            .iter_mut()
            .filter(|table| self.seeds.contains(&table.table))
        {
            let decided = table.decide(&self.schema, &self.decisions);
            names.used.extend(decided.used);
            if decided.places > 0 {
                names.decidable.insert(table.object());
            }
            if decided.undecided > 0 {
                notes.push(Note::NameInRows {
                    rows: table.object(),
                    values: decided.undecided,
                });
            }
            if decided.within > 0 && self.schema != PUBLIC {
                let values = plural(decided.within, "value");
                within.push(format!("{} ({values})", table.object()));
            }
        }
        notes.extend(Note::concern(ConcernId::NameWithinRows, within));
        names
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

    /// Returns the notes on a template in `public`: what of the schema is left out, and which tables go along.
    fn notes_of_public(&self, dump: &Dump, left_out: Vec<String>) -> Vec<Note> {
        if self.schema != PUBLIC {
            return Vec::new();
        }
        let tables: BTreeSet<String> = dump.tables().map(quote).collect();
        let tables = tables.into_iter().collect();
        let left_out = Note::concern(ConcernId::PublicItself, left_out);
        let tables = Note::concern(ConcernId::WholeOfPublic, tables);
        left_out.into_iter().chain(tables).collect()
    }

    /// Returns the text of the dump, and whether it was made of a live schema just now.
    async fn source_text(&self, shutdown: &Shutdown) -> Result<(String, bool), CaptureError> {
        let source = match &self.source {
            CaptureSource::Live(pg_dump) => {
                let options = DumpOptions {
                    owners: self.owners,
                    privileges: self.privileges,
                    ..DumpOptions::default()
                };
                make_sure_of_the_session(pg_dump, shutdown).await?;
                (
                    pg_dump
                        .dump_schema(&self.schema, &options, shutdown)
                        .await?,
                    true,
                )
            }
            CaptureSource::Dump(text) => (text.clone(), false),
        };
        Ok(source)
    }

    /// Removes what flags leave out.
    fn leave_out_unwanted(&self, dump: &mut Dump) {
        if !self.owners {
            dump.statements
                .retain(|statement| statement.object.action != Action::Owner);
        }
        if !self.privileges {
            dump.statements
                .retain(|statement| statement.object.action != Action::Privileges);
        }
        if !self.schema_owner {
            dump.statements
                .retain(|statement| !is_on_schema(statement, Action::Owner));
        }
    }

    /// Returns the objects of extensions in the schema. For a dump, the server may know some of them.
    async fn shared_objects(
        &self,
        dump: &Dump,
        live: Option<&Inspection>,
        shutdown: &Shutdown,
    ) -> Result<Option<SharedObjects>, CaptureError> {
        let has_none = live.is_some_and(|live| live.extensions.is_empty());
        if self.schema != PUBLIC || has_none {
            return Ok(None);
        }
        let members = match (live, self.scratch.as_ref().or(self.server.as_ref())) {
            (_, None) => Members::default(),
            (Some(_), Some(server)) => Members::query(server, &[], shutdown).await?,
            // A server that cannot install an extension of the dump may have others.
            (None, Some(server)) => {
                match Members::query(server, &dump.extensions, shutdown).await {
                    Ok(members) => members,
                    Err(PsqlError::Script { .. }) => Members::query(server, &[], shutdown).await?,
                    Err(error) => return Err(error.into()),
                }
            }
        };
        Ok(Some(SharedObjects::new(dump, members, live.is_some())))
    }

    /// Refuses the schema of an extension, and partitions of tables in another schema unless nothing is proven.
    fn refuse_what_no_copy_can_be(&self, inspection: &Inspection) -> Result<(), CaptureError> {
        if self.schema != PUBLIC
            && let Some(extension) = inspection.extensions.first()
        {
            let extension = extension.clone();
            return Err(DumpError::Extension { extension }.into());
        }
        if self.prove && !inspection.partitions_elsewhere.is_empty() {
            return Err(CaptureError::PartitionElsewhere {
                partitions: inspection.partitions_elsewhere.clone(),
            });
        }
        Ok(())
    }

    /// Refuses partitions of tables in another schema that a dump makes; without a proof, those that it makes as tables
    /// of their own first are carried as such.
    fn refuse_partitions_of_others(&self, dump: &Dump) -> Result<(), CaptureError> {
        let partitions: Vec<String> = dump
            .partitions_of_others
            .iter()
            .filter(|partition| self.prove || !partition.is_attached)
            .map(|found| {
                let schema = quote(&self.schema);
                format!("{schema}.{} of {}", found.partition, found.parent)
            })
            .collect();
        if partitions.is_empty() {
            Ok(())
        } else {
            Err(CaptureError::PartitionElsewhere { partitions })
        }
    }

    /// Returns the rows of a new tenant, and the header's text about the version tables.
    async fn rows(
        &self,
        dump: &mut Dump,
        text: &str,
        inspection: Option<&Inspection>,
        shutdown: &Shutdown,
    ) -> Result<(Vec<TableRows>, Vec<String>), CaptureError> {
        let present: Vec<String> = match inspection {
            Some(inspection) => inspection
                .tables
                .iter()
                .map(|table| table.name.clone())
                .collect(),
            None => dump.tables().map(str::to_owned).collect(),
        };
        let (versions, seeds) = wanted_tables(
            present.iter().map(String::as_str),
            self.versions_table.as_deref(),
            &self.seeds,
        );
        let wanted: Vec<String> = versions.iter().chain(&seeds).cloned().collect();
        for table in &wanted {
            if !present.contains(table) {
                let present = present.into_iter().take(20).collect();
                return Err(CaptureError::NoTable {
                    table: table.clone(),
                    present,
                });
            }
        }
        // The rows of a partition are carried with the table that it is a part of.
        let parents = partitions(dump);
        let wanted: Vec<String> = wanted
            .iter()
            .filter(|table| {
                !wanted
                    .iter()
                    .any(|other| is_partition_of(&parents, table, other))
            })
            .cloned()
            .collect();
        let mut rows = match (inspection, &self.server) {
            (Some(inspection), Some(server)) => {
                let schema = &self.schema;
                read_rows(server, schema, schema, dump, inspection, &wanted, shutdown).await?
            }
            _ => rows_of_dump(dump, text, &wanted, &self.seeds)?,
        };
        rows.extend(
            self.rows_from_elsewhere(dump, &versions, &rows, shutdown)
                .await?,
        );
        // In the order that the user gave: a CHECK may read a table that was filled before.
        rows.sort_by_key(|table| wanted.iter().position(|name| *name == table.table));
        for table in &mut rows {
            let inspected = inspection.and_then(|i| {
                i.tables
                    .iter()
                    .find(|inspected| inspected.name == table.table)
            });
            let names = inspected.map_or_else(
                || name_columns(dump, &table.table),
                |table| table.names.clone(),
            );
            table
                .rename(&names, &self.schema)
                .map_err(|column| CaptureError::Name {
                    table: table.table.clone(),
                    column,
                })?;
            table.sort(&primary_key(dump, &table.table));
        }
        let described = rows
            .iter()
            .filter(|table| versions.contains(&table.table))
            .map(describe_versions)
            .collect();
        Ok((rows, described))
    }

    /// Reads the rows of version tables that a dump of definitions alone has not, from another schema.
    async fn rows_from_elsewhere(
        &self,
        dump: &mut Dump,
        versions: &[String],
        known: &[TableRows],
        shutdown: &Shutdown,
    ) -> Result<Vec<TableRows>, CaptureError> {
        let (Some(schema), Some(server)) = (&self.versions_from, &self.server) else {
            return Ok(Vec::new());
        };
        let absent: Vec<String> = versions
            .iter()
            .filter(|table| !known.iter().any(|rows| rows.table == **table))
            .cloned()
            .collect();
        let inspection = inspect(server, schema, shutdown).await?;
        let present = |table: &&String| {
            inspection
                .tables
                .iter()
                .any(|inspected| inspected.name == **table)
        };
        if let Some(table) = absent.iter().find(|table| !present(table)) {
            return Err(CaptureError::NoTable {
                table: table.clone(),
                present: inspection
                    .tables
                    .iter()
                    .map(|inspected| inspected.name.clone())
                    .take(20)
                    .collect(),
            });
        }
        Ok(read_rows(
            server,
            schema,
            &self.schema,
            dump,
            &inspection,
            &absent,
            shutdown,
        )
        .await?)
    }

    /// Refuses OIDs in seed rows that nobody has decided about.
    fn judge_oids(
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
    fn decisions_with_effect(
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

    #[expect(
        clippy::too_many_arguments,
        reason = "the parts of one capture, used once"
    )]
    async fn body(
        &self,
        dump: &Dump,
        rows: &[TableRows],
        refresh: &[String],
        search_path: &[String],
        oids: Option<&BTreeMap<u32, String>>,
        shared: Option<&SharedObjects>,
        live: bool,
        notes: &mut Vec<Note>,
        shutdown: &Shutdown,
    ) -> Result<Assembled, CaptureError> {
        let mut parts = SnapshotParts {
            rows,
            refresh,
            search_path,
            pairs: &[],
            new_name: "",
            oids,
            shared,
        };
        let doubtful = |undecided: Undecided| {
            CaptureError::Doubtful(Undecided {
                is_file: !live,
                ..undecided
            })
        };
        let undecided = match assemble(dump, &self.schema, &self.decisions, &parts) {
            Ok(assembled) => return Ok(assembled),
            Err(undecided) if undecided.contested.is_empty() => {
                return Err(doubtful(undecided));
            }
            Err(undecided) => undecided,
        };
        let contested = |source: Option<Box<ProofError>>| CaptureError::Contested {
            objects: undecided.contested.clone(),
            source,
        };
        let server = self
            .scratch
            .as_ref()
            .or(self.server.as_ref())
            .ok_or_else(|| contested(None))?;
        let new_name = fresh_name("settled")
            .map_err(|error| contested(Some(Box::new(ProofError::Random(error)))))?;
        let renames = live && self.scratch.is_none();
        let pairs = compare_copies(server, dump, &self.schema, renames, &new_name, shutdown)
            .await
            .map_err(|error| contested(Some(Box::new(error))))?;
        parts.pairs = &pairs;
        parts.new_name = &new_name;
        match assemble(dump, &self.schema, &self.decisions, &parts) {
            Ok(assembled) => {
                notes.push(Note::AskedServer {
                    objects: undecided.contested.len(),
                });
                Ok(assembled)
            }
            Err(undecided) if undecided.contested.is_empty() => Err(doubtful(undecided)),
            Err(undecided) => Err(CaptureError::Unsettled {
                objects: undecided.contested,
            }),
        }
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

/// Extensions in the schema; the names that are used of them, if a dump does not say which these are.
fn shared_extensions(
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
fn concerns(
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

/// The server's major version, and whether it has the schema.
async fn major_and_schema(
    server: &Server,
    schema: &str,
    shutdown: &Shutdown,
) -> Result<(u32, bool), PsqlError> {
    let sql = format!(
        "SELECT pg_catalog.json_build_array(pg_catalog.current_setting('server_version_num')::int / 10000, \
         EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = {}));",
        quote_literal(schema)
    );
    server.query_json_one(&sql, shutdown).await
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

/// Has the server print the schema's definitions before and after it is renamed, in a transaction that is rolled back.
async fn compare_copies(
    server: &Server,
    dump: &Dump,
    schema: &str,
    live: bool,
    new_name: &str,
    shutdown: &Shutdown,
) -> Result<Vec<Pair>, ProofError> {
    let (major, exists) = major_and_schema(server, schema, shutdown)
        .await
        .map_err(ProofError::Psql)?;
    let mut script = ProofScript::default();
    script.ours("BEGIN");
    script.ours("SET LOCAL jit = off");
    script.ours(&settings(server.timeout));
    if !live {
        let aside = fresh_name("aside").map_err(ProofError::Random)?;
        load_statements(&mut script, server, dump, schema, exists, &aside, shutdown).await?;
        script.ours(&settings(server.timeout));
    }
    script.ours(definitions(schema, major).trim_end().trim_end_matches(';'));
    script.ours("SELECT '\"renamed\"'");
    script.ours(&format!(
        "ALTER SCHEMA {} RENAME TO {new_name}",
        quote(schema)
    ));
    script.ours(
        definitions(new_name, major)
            .trim_end()
            .trim_end_matches(';'),
    );
    script.ours("ROLLBACK");
    let output = server
        .run_script(script.text(), &ScriptOptions::default(), shutdown)
        .await
        .map_err(|error| script.explain(error))?;
    let mut before = BTreeMap::new();
    let mut pairs = Vec::new();
    let mut renamed = false;
    for line in &output.lines {
        let Ok(value) = serde_json::from_str::<serde_json::Value>(line) else {
            continue;
        };
        if value == "renamed" {
            renamed = true;
        } else if let Some(Definition { id, text }) = Definition::read(value) {
            if !renamed {
                before.insert(id, text);
            } else if let Some(before) = before.remove(&id) {
                pairs.push(Pair {
                    before,
                    after: text,
                });
            }
        }
    }
    Ok(pairs)
}
