//! The proof: the snapshot, loaded under a fresh name, has the same objects as its source and needs none of them.

use super::difference::{Difference, differences, is_compared};
use super::dump::Dump;
use super::error::ProofError;
use super::exceptions::Exceptions;
use super::proof_script::ProofScript;
use super::public::{PublicState, leave_out_own_aspects, sets_schema_owner, without_schema_behind};
use super::reworded::{Reworded, may_be_reworded, without_rewording};
use super::server_properties::{LoadedCopy, ServerProperty, without_server_properties};
use super::shared::PUBLIC;
use crate::pg::catalog::{Aspects, ObjectAspect, objects, with_own_members};
use crate::pg::{PsqlError, ScriptOptions, Server, restrict_key};
use crate::process::Shutdown;
use crate::snapshot::citus::ON_COORDINATOR;
use crate::snapshot::render::settings;
use crate::snapshot::template::PLACEHOLDER;
use crate::snapshot::{Marking, RenderOptions, Snapshot};
use crate::sql::{TenantName, quote, quote_literal};

/// The proof.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Proof {
    /// Number of compared objects of the copy.
    pub objects: usize,
    /// Tables that have the same columns in another order: no dump can make a child whose inherited columns stand
    /// elsewhere than in front.
    pub column_order: Vec<String>,
    /// Properties that were not compared, because this server sets them by itself.
    pub ignored: Vec<ServerProperty>,
    /// Definitions that the server prints differently after a reload.
    pub reworded: Vec<Reworded>,
}

/// A name that nothing else has: a plain identifier.
///
/// # Errors
/// The operating system has no random bytes.
pub fn fresh_name(prefix: &str) -> std::io::Result<String> {
    let key = restrict_key()?;
    // 96 random bits: nobody can guess the name, and no text has it by chance.
    Ok(format!("{prefix}_{}", key.get(..24).unwrap_or(&key)))
}

/// A dump that can be loaded under its own name.
#[derive(Clone, Copy, Debug)]
pub struct LoadableDump<'a> {
    /// The dump.
    pub dump: &'a Dump,
    /// Materialized views that are filled.
    pub refresh: &'a [String],
}

/// The location of the source during the proof.
#[derive(Clone, Copy, Debug)]
pub enum SourceOf<'a> {
    /// It is live in the database.
    Live {
        /// Its dump, which is loaded where definitions are worded differently; `None`: they count as different then.
        dump: Option<LoadableDump<'a>>,
    },
    /// It is loaded from this dump, in the same transaction; a live schema of the same name is out of the way meanwhile.
    Dump(LoadableDump<'a>),
}

/// The two sides of a comparison.
#[derive(Clone, Copy, Debug)]
pub struct ProofInputs<'a> {
    /// The snapshot that is to be proven.
    pub snapshot: &'a Snapshot,
    /// The schema that it was captured from.
    pub schema: &'a str,
    /// The location of that schema.
    pub source: SourceOf<'a>,
    /// Major version of the server.
    pub major: u32,
    /// `true` if the server has a schema of that name.
    pub live_exists: bool,
    /// Options of rendering and comparing: with or without owners and privileges.
    pub compare: &'a RenderOptions,
    /// Objects that the copy lacks on purpose.
    pub exceptions: Exceptions<'a>,
}

/// Loads the snapshot under a fresh name, compares it with its source, and rolls everything back.
///
/// If the two differ, the snapshot is loaded again, twice: a property that differs between these
/// copies belongs to the server. The remaining differences are compared with the source's dump,
/// loaded under its own name: a difference that is gone there was only worded differently.
///
/// # Errors
/// See [`ProofError`].
pub async fn prove(
    server: &Server,
    inputs: &ProofInputs<'_>,
    shutdown: &Shutdown,
) -> Result<Proof, ProofError> {
    let tenants = [stamp().map_err(ProofError::Random)?];
    let first = Loaded::new(server, inputs, tenants, shutdown).await?;
    let [(copy, aspects)] = &first.copies;
    let copy = copy.as_str();
    let schema = inputs.schema;
    let (order, mut other) = without_order(differences(&first.source, aspects, copy, schema));
    let mut proof = Proof {
        objects: aspects.count_objects(),
        column_order: order,
        ignored: Vec::new(),
        reworded: Vec::new(),
    };
    if other.iter().any(|d| d.source.is_some() && d.copy.is_some()) {
        let one = stamp().map_err(ProofError::Random)?;
        let another = stamp().map_err(ProofError::Random)?;
        let second = Loaded::new(server, inputs, [one, another], shutdown).await?;
        let copies: Vec<LoadedCopy<'_>> = first
            .copies
            .iter()
            .chain(&second.copies)
            .map(|(tenant, aspects)| LoadedCopy {
                name: tenant.as_str(),
                aspects,
            })
            .collect();
        (other, proof.ignored) = without_server_properties(other, &copies, schema);
    }
    if let SourceOf::Live { dump: Some(dump) } = inputs.source
        && !other.is_empty()
        && other.iter().all(may_be_reworded)
    {
        match reload(server, inputs, dump, shutdown).await {
            Ok(reloaded) => {
                (other, proof.reworded) = without_rewording(other, &reloaded, copy, schema);
            }
            // A role that may not rename the schema sees the difference as it is.
            Err(error) => tracing::debug!(%error, "the dump of the source was not loaded again"),
        }
    }
    if other.is_empty() {
        Ok(proof)
    } else {
        Err(ProofError::Different(other))
    }
}

/// Separates tables whose columns only stand in another order, by name, from all other differences.
fn without_order(all: Vec<Difference>) -> (Vec<String>, Vec<Difference>) {
    let (order, other): (Vec<_>, Vec<_>) = all.into_iter().partition(|different| {
        different.aspect == "column order" && different.source.is_some() && different.copy.is_some()
    });
    let order = order.iter().map(|d| d.object.to_string()).collect();
    (order, other)
}

/// A source and copies of it, as the catalogs had them in one transaction.
struct Loaded<const COPIES: usize> {
    source: Aspects,
    /// The copies, by the names of their schemas.
    copies: [(TenantName, Aspects); COPIES],
}

impl<const COPIES: usize> Loaded<COPIES> {
    /// Loads the snapshot under fresh names, reads what the schemas have, and rolls back.
    async fn new(
        server: &Server,
        inputs: &ProofInputs<'_>,
        tenants: [TenantName; COPIES],
        shutdown: &Shutdown,
    ) -> Result<Self, ProofError> {
        let ProofInputs {
            snapshot,
            schema,
            source,
            major,
            compare,
            exceptions,
            ..
        } = *inputs;
        let mut script = ProofScript::default();
        begin(&mut script, server);
        if let SourceOf::Dump(dump) = source {
            let aside = fresh_name("aside").map_err(ProofError::Random)?;
            load_dump(&mut script, server, inputs, dump, &aside, shutdown).await?;
        }
        ask(&mut script, schema, major, schema);
        script.ours(ON_COORDINATOR);
        for tenant in &tenants {
            script.ours(&settings(server.timeout));
            let options = RenderOptions {
                // The source's own marker is not compared, and the copy is no tenant.
                mark: Marking::None,
                ..compare.clone()
            };
            for statement in snapshot.body_for(tenant, &options)? {
                if !exceptions.skip(&statement) {
                    script.snapshot(&statement);
                }
            }
        }
        for copy in tenants.iter().map(TenantName::as_str) {
            ask(&mut script, copy, major, schema);
            let depends = with_own_members(include_str!("depends.sql"))
                .replace("$schema$", &quote_literal(schema))
                .replace("$copy$", &quote_literal(copy));
            script.ours(depends.trim_end().trim_end_matches(';'));
        }
        script.ours("ROLLBACK");
        let mut loaded = Self {
            source: Aspects::default(),
            copies: tenants.map(|tenant| (tenant, Aspects::default())),
        };
        let mut depends = Vec::new();
        for mut aspect in read(server, &script, inputs, shutdown).await? {
            let copy = loaded
                .copies
                .iter_mut()
                .find(|(tenant, _)| tenant.as_str() == aspect.schema);
            if schema == PUBLIC && copy.is_some() {
                aspect.value = aspect
                    .value
                    .map(|value| without_schema_behind(&value, &aspect.schema));
            }
            if aspect.aspect == "depends on" {
                depends.push(
                    format!(
                        "{} on {}",
                        aspect.object.name(),
                        aspect.value.unwrap_or_default()
                    )
                    .replace(&aspect.schema, PLACEHOLDER),
                );
            } else if is_compared(&aspect, compare) {
                copy.map_or(&mut loaded.source, |(_, aspects)| aspects)
                    .insert(aspect)?;
            }
        }
        if schema == PUBLIC {
            let keeps_owner = sets_schema_owner(snapshot);
            leave_out_own_aspects(&mut loaded.source, keeps_owner);
            for (_, aspects) in &mut loaded.copies {
                leave_out_own_aspects(aspects, keeps_owner);
            }
        }
        if depends.is_empty() {
            Ok(loaded)
        } else {
            Err(ProofError::Depends(depends))
        }
    }
}

/// Loads the dump of a live source under the source's own name, and rolls back.
async fn reload(
    server: &Server,
    inputs: &ProofInputs<'_>,
    dump: LoadableDump<'_>,
    shutdown: &Shutdown,
) -> Result<Aspects, ProofError> {
    let mut script = ProofScript::default();
    begin(&mut script, server);
    let aside = fresh_name("aside").map_err(ProofError::Random)?;
    load_dump(&mut script, server, inputs, dump, &aside, shutdown).await?;
    ask(&mut script, inputs.schema, inputs.major, inputs.schema);
    script.ours("ROLLBACK");
    let mut aspects = Aspects::default();
    for aspect in read(server, &script, inputs, shutdown).await? {
        if is_compared(&aspect, inputs.compare) {
            aspects.insert(aspect)?;
        }
    }
    Ok(aspects)
}

/// A fresh name for a copy.
fn stamp() -> std::io::Result<TenantName> {
    TenantName::new(fresh_name("stamp")?).map_err(std::io::Error::other)
}

fn begin(script: &mut ProofScript, server: &Server) {
    script.ours("BEGIN");
    // The catalog queries are run once; compiling them takes ten times as long.
    script.ours("SET LOCAL jit = off");
    script.ours(&settings(server.timeout));
}

/// Loads a dump under the source's name, with a live schema of that name out of the way, called `aside`.
async fn load_dump(
    script: &mut ProofScript,
    server: &Server,
    inputs: &ProofInputs<'_>,
    dump: LoadableDump<'_>,
    aside: &str,
    shutdown: &Shutdown,
) -> Result<(), ProofError> {
    let schema = inputs.schema;
    let live_exists = inputs.live_exists;
    load_statements(
        script,
        server,
        dump.dump,
        schema,
        live_exists,
        aside,
        shutdown,
    )
    .await?;
    script.ours(&search_path(&[schema, "public"]));
    if matches!(inputs.source, SourceOf::Dump(_)) {
        script.compile_bodies(dump.dump)?;
    }
    for view in dump.refresh {
        script.refresh_of_dump(schema, view);
    }
    Ok(())
}

/// Loads the statements of a dump, with a live schema of the same name out of the way, called `aside`.
pub(super) async fn load_statements(
    script: &mut ProofScript,
    server: &Server,
    dump: &Dump,
    schema: &str,
    live_exists: bool,
    aside: &str,
    shutdown: &Shutdown,
) -> Result<(), ProofError> {
    if schema == PUBLIC {
        let state = PublicState::query(server, shutdown)
            .await
            .map_err(ProofError::Psql)?;
        script.empty_public(&state, dump, aside);
    } else {
        if live_exists {
            script.ours(&format!("ALTER SCHEMA {} RENAME TO {aside}", quote(schema)));
        }
        script.schema_of(dump, schema);
    }
    Ok(script.dump(dump, schema)?)
}

/// Lists the aspects of a schema, which is the source or a copy of it. Objects of extensions in `public` have no schema in
/// front in either.
fn ask(script: &mut ProofScript, schema: &str, major: u32, source: &str) {
    if source == PUBLIC && schema != PUBLIC {
        script.ours(&search_path(&[schema, PUBLIC]));
    } else {
        script.ours(&search_path(&[schema]));
    }
    script.ours(objects(&[schema], major).trim_end().trim_end_matches(';'));
}

async fn read(
    server: &Server,
    script: &ProofScript,
    inputs: &ProofInputs<'_>,
    shutdown: &Shutdown,
) -> Result<Vec<ObjectAspect>, ProofError> {
    let output = server
        .run_script(script.text(), &ScriptOptions::default(), shutdown)
        .await
        .map_err(|error| script.explain(error))?;
    let read = |line: &String| {
        let aspect = serde_json::from_str(line).ok().and_then(ObjectAspect::read);
        aspect.and_then(|aspect| inputs.exceptions.adjust(aspect))
    };
    Ok(output.lines.iter().filter_map(read).collect())
}

/// The statements that set the transaction's `search_path` to schemas, without a semicolon at the end.
///
/// Before that, they check that no operator there shadows one of `PostgreSQL`'s in catalog queries:
/// one for types of `PostgreSQL` whose function belongs neither to a superuser nor to the current
/// role.
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

/// Returns the server's major version, and whether it has the schema.
pub(super) async fn major_and_schema(
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
