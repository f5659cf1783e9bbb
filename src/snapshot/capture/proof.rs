//! The proof: the snapshot, loaded under a fresh name, has the same objects as its source and needs none of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::difference::{Difference, differences, is_compared};
use super::dump::Dump;
use super::proof_script::Script;
use crate::pg::catalog::{Aspect, objects};
use crate::pg::{PsqlError, Server, restrict_key};
use crate::process::Shutdown;
use crate::snapshot::render::settings;
use crate::snapshot::template::PLACEHOLDER;
use crate::snapshot::{Marking, RenderOptions, Snapshot, TemplateError};
use crate::sql::{TenantName, quote, quote_literal};

/// What was proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// How many objects of the copy were compared.
    pub objects: usize,
    /// Tables that have the same columns in another order: no dump can make a child whose inherited columns stand
    /// elsewhere than in front.
    pub column_order: Vec<String>,
}

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// psql, the connection or the rights do not allow it.
    #[error("the proof could not be made")]
    Psql(#[source] PsqlError),
    /// The snapshot does not load.
    #[error("the snapshot does not load: {object} (line {line} of the dump's or snapshot's SQL)")]
    Load {
        /// What the failed statement is about.
        object: String,
        /// 1-based line of the statement.
        line: usize,
        /// What the server said.
        #[source]
        source: PsqlError,
    },
    /// The dump itself does not load.
    #[error("the dump itself does not load: {object} (line {line} of the dump)")]
    Dump {
        /// What the failed statement is about.
        object: String,
        /// 1-based line of the statement.
        line: usize,
        /// What the server said.
        #[source]
        source: PsqlError,
    },
    /// The copy is not its source.
    #[error("the copy is not equal to its source: {}", listed(.0))]
    Different(Vec<Difference>),
    /// The copy needs the source.
    #[error("the copy depends on its source: {}", .0.join("; "))]
    Depends(Vec<String>),
    /// The snapshot cannot be rendered.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The operating system has no random bytes for a fresh name.
    #[error("cannot make a fresh name")]
    Random(#[source] std::io::Error),
}

fn listed(differences: &[Difference]) -> String {
    let mut text = differences
        .iter()
        .take(5)
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("; ");
    if differences.len() > 5 {
        let _ = write!(text, "; and {} more", differences.len() - 5);
    }
    text
}

/// A name that nothing else has: a plain identifier.
///
/// # Errors
/// The operating system has no random bytes.
pub fn fresh_name(prefix: &str) -> std::io::Result<String> {
    let key = restrict_key()?;
    Ok(format!("{prefix}_{}", key.get(..24).unwrap_or(&key)))
}

/// Where the source is, while the proof is made.
#[derive(Clone, Copy, Debug)]
pub enum SourceOf<'a> {
    /// It is live in the database.
    Live,
    /// It is loaded from this dump, in the same transaction; a live schema of the same name is out of the way meanwhile.
    Dump {
        /// The dump.
        dump: &'a Dump,
        /// Materialized views that are filled.
        refresh: &'a [String],
    },
}

/// What is compared with what.
#[derive(Clone, Copy, Debug)]
pub struct ProofInputs<'a> {
    /// The snapshot that is to be proven.
    pub snapshot: &'a Snapshot,
    /// The schema that it was captured from.
    pub schema: &'a str,
    /// Where that schema is.
    pub source: SourceOf<'a>,
    /// Major version of the server.
    pub major: u32,
    /// Whether the server has a schema of that name.
    pub live_exists: bool,
    /// What of the snapshot is rendered and compared: with owners and privileges, or without.
    pub compare: &'a RenderOptions,
}

/// Loads the snapshot under a fresh name, compares it with its source, and rolls everything back.
///
/// # Errors
/// See [`ProofError`].
pub async fn prove(
    server: &Server,
    inputs: &ProofInputs<'_>,
    shutdown: &Shutdown,
) -> Result<Proof, ProofError> {
    let ProofInputs {
        snapshot,
        schema,
        source,
        major,
        live_exists,
        compare,
    } = *inputs;
    let copy = fresh_name("stamp").map_err(ProofError::Random)?;
    let tenant = TenantName::new(copy.clone()).map_err(|_| TemplateError::Glued { line: 0 })?;
    let mut script = Script::default();
    script.ours("BEGIN");
    // The catalog queries are run once; compiling them takes ten times as long.
    script.ours("SET LOCAL jit = off");
    script.ours(&settings(server.timeout));
    if let SourceOf::Dump { dump, refresh } = source {
        if live_exists {
            let aside = fresh_name("aside").map_err(ProofError::Random)?;
            script.ours(&format!("ALTER SCHEMA {} RENAME TO {aside}", quote(schema)));
        }
        script.dump(dump, schema)?;
        for view in refresh {
            script.ours(&search_path(&[schema, "public"]));
            script.ours(&format!(
                "REFRESH MATERIALIZED VIEW {}.{}",
                quote(schema),
                quote(view)
            ));
        }
    }
    script.ours(&search_path(&[schema]));
    script.ours(objects(&[schema], major).trim_end().trim_end_matches(';'));
    script.ours(&settings(server.timeout));
    let options = RenderOptions {
        mark: Marking::None,
        ..compare.clone()
    };
    for statement in snapshot.body_for(&tenant, &options)? {
        script.snapshot(&statement);
    }
    script.ours(&search_path(&[&copy]));
    script.ours(objects(&[&copy], major).trim_end().trim_end_matches(';'));
    let depends = include_str!("depends.sql")
        .replace("$schema$", &quote_literal(schema))
        .replace("$copy$", &quote_literal(&copy));
    script.ours(depends.trim_end().trim_end_matches(';'));
    script.ours("ROLLBACK");
    let output = server
        .run_script(
            script.text(),
            &crate::pg::ScriptOptions::default(),
            shutdown,
        )
        .await
        .map_err(|error| script.explain(error))?;
    let (mut sources, mut copies, mut depends) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
    for line in &output.lines {
        let Some(aspect) = serde_json::from_str(line).ok().and_then(Aspect::read) else {
            continue;
        };
        if aspect.aspect == "depends on" {
            depends.push(
                format!("{} on {}", aspect.object, aspect.value.unwrap_or_default())
                    .replace(&copy, PLACEHOLDER),
            );
        } else if is_compared(&aspect, compare) {
            let map = if aspect.schema == copy {
                &mut copies
            } else {
                &mut sources
            };
            map.insert((aspect.kind, aspect.object, aspect.aspect), aspect.value);
        }
    }
    if !depends.is_empty() {
        return Err(ProofError::Depends(depends));
    }
    let objects = copies
        .keys()
        .map(|(kind, object, _)| (kind, object))
        .collect::<BTreeSet<_>>()
        .len();
    let different = differences(sources, copies, &copy, schema);
    let (order, other): (Vec<_>, Vec<_>) = different.into_iter().partition(|different| {
        different.aspect == "column order" && different.source.is_some() && different.copy.is_some()
    });
    if other.is_empty() {
        let column_order = order
            .into_iter()
            .map(|Difference { kind, object, .. }| format!("{kind} {object}"))
            .collect();
        Ok(Proof {
            objects,
            column_order,
        })
    } else {
        Err(ProofError::Different(
            other.into_iter().chain(order).collect(),
        ))
    }
}

/// The statements that set the transaction's `search_path` to schemas, without a semicolon at the end.
///
/// Before that they make sure that no operator there takes the place of one of `PostgreSQL`'s in questions to the catalogs:
/// one for types of `PostgreSQL` that runs a function of somebody who is neither a superuser nor the role itself.
pub(crate) fn search_path(schemas: &[&str]) -> String {
    let path: Vec<String> = schemas.iter().map(|schema| quote(schema)).collect();
    let names: Vec<String> = schemas
        .iter()
        .map(|schema| format!("{}::pg_catalog.name", quote_literal(schema)))
        .collect();
    let body = include_str!("operators.sql").replace("$schemas$", &names.join(", "));
    format!(
        "DO {};\nSELECT pg_catalog.set_config('search_path', {}, true)",
        quote_literal(body.trim_end()),
        quote_literal(&path.join(", "))
    )
}
