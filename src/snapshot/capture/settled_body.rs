//! The body of a snapshot; where text is ambiguous, the server settles it with a renamed copy.

use std::collections::BTreeMap;

use super::assemble::assemble;
use super::assembled::{Assembled, SnapshotParts, Undecided};
use super::dump::Dump;
use super::error::{CaptureError, ProofError};
use super::note::Note;
use super::options::Capture;
use super::proof::{fresh_name, load_statements, major_and_schema};
use super::proof_script::ProofScript;
use super::rows::TableRows;
use super::shared::SharedObjects;
use crate::pg::catalog::{Definition, definitions};
use crate::pg::{ScriptOptions, Server};
use crate::process::Shutdown;
use crate::snapshot::rename::Pair;
use crate::snapshot::render::settings;
use crate::sql::quote;

impl Capture {
    #[expect(
        clippy::too_many_arguments,
        reason = "the parts of one capture, used once"
    )]
    pub(super) async fn body(
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
}

/// Has the server print the schema's definitions before and after it is renamed, in a transaction that is rolled back.
pub(super) async fn compare_copies(
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
