//! Proves that a spare of a snapshot becomes equal to a tenant.

use super::error::PoolError;
use crate::pg::catalog::{Aspects, ObjectAspect, objects};
use crate::pg::{PsqlError, ScriptOptions, Server};
use crate::process::Shutdown;
use crate::snapshot::capture::{
    LoadedCopy, ServerProperty, differences, fresh_name, search_path, without_server_properties,
};
use crate::snapshot::citus::ON_COORDINATOR;
use crate::snapshot::{Marking, PLACEHOLDER, RenderOptions, Snapshot, TemplateError, settings};
use crate::sql::{TenantName, quote_literal};
use crate::tenant::{RewriteReader, rewrites};

/// Result of the proof.
pub(super) struct Proven {
    /// Number of equal objects.
    pub(super) objects: usize,
    /// Properties that were not compared, because this server sets them by itself.
    pub(super) ignored: Vec<ServerProperty>,
}

/// Creates a spare, renames it, creates a tenant next to it, compares the two object by object, and
/// rolls everything back.
///
/// If they differ, it does the same with two tenants: what differs between these belongs to the
/// server.
pub(super) async fn try_out(
    server: &Server,
    snapshot: &Snapshot,
    options: &RenderOptions,
    shutdown: &Shutdown,
) -> Result<Proven, PoolError> {
    let major = read_major(server, shutdown).await?;
    let trial = SpareTrial {
        server,
        snapshot,
        options,
        major,
    };
    let first = trial.run([name()?], shutdown).await?;
    let [(made, of_made)] = &first.made;
    let mut found = differences(
        &first.of_renamed,
        of_made,
        made.as_str(),
        first.renamed.as_str(),
    );
    let mut ignored = Vec::new();
    // An object that one side lacks is no property of the server; only values that differ may be.
    if found.iter().any(|d| d.source.is_some() && d.copy.is_some()) {
        let second = trial.run([name()?, name()?], shutdown).await?;
        let copies: Vec<LoadedCopy<'_>> = first
            .made
            .iter()
            .chain(&second.made)
            .map(|(name, aspects)| LoadedCopy {
                name: name.as_str(),
                aspects,
            })
            .collect();
        (found, ignored) = without_server_properties(found, &copies, first.renamed.as_str());
    }
    // The name of an object must not depend on the tenant. It would show as a missing and a new
    // object.
    for different in &mut found {
        for part in &mut different.object.parts {
            for name in [&first.spare, &first.renamed, made] {
                *part = part.replace(name.as_str(), PLACEHOLDER);
            }
        }
    }
    if found.is_empty() {
        Ok(Proven {
            objects: of_made.count_objects(),
            ignored,
        })
    } else {
        Err(PoolError::NotProven(found))
    }
}

/// The parts of a trial.
struct SpareTrial<'a> {
    server: &'a Server,
    snapshot: &'a Snapshot,
    options: &'a RenderOptions,
    major: u32,
}

/// A spare that was renamed, and tenants, as the catalogs had them in one transaction.
struct Tried<const TENANTS: usize> {
    spare: TenantName,
    renamed: TenantName,
    of_renamed: Aspects,
    made: [(TenantName, Aspects); TENANTS],
}

impl SpareTrial<'_> {
    async fn run<const TENANTS: usize>(
        &self,
        tenants: [TenantName; TENANTS],
        shutdown: &Shutdown,
    ) -> Result<Tried<TENANTS>, PoolError> {
        let Self {
            server,
            snapshot,
            options,
            major,
        } = *self;
        let spare = name()?;
        let renamed = name()?;
        // The script of a trial is run once: compiling its queries would cost more than running them.
        let mut script = String::from("BEGIN;\nSET LOCAL jit = off;\n");
        let mut push = |sql: &str| {
            script.push_str(sql);
            script.push_str(";\n");
        };
        if !options.citus {
            push(ON_COORDINATOR);
        }
        for statement in snapshot.statements_for(
            &spare,
            &RenderOptions {
                mark: Marking::Spare,
                ..options.clone()
            },
        )? {
            push(&statement.sql);
        }
        push(&format!(
            "ALTER SCHEMA {} RENAME TO {}",
            spare.quoted(),
            renamed.quoted()
        ));
        // The same rewriting that a claim does. Whatever it misses shows as a difference: text that still has the
        // name of the spare.
        for rewrite in rewrites(snapshot, &renamed, 0, RewriteReader::Psql)? {
            rewrite.statements.iter().for_each(|sql| push(sql));
        }
        push(&snapshot.schema_comment(&renamed, options)?);
        for tenant in &tenants {
            // Reset what the previous body has set, such as the access method of its last table.
            push(&settings(server.timeout));
            for statement in snapshot.body_for(
                tenant,
                &RenderOptions {
                    mark: Marking::Tenant,
                    ..options.clone()
                },
            )? {
                push(&statement.sql);
            }
        }
        for schema in std::iter::once(&renamed).chain(&tenants) {
            push(&settings(server.timeout));
            push(&search_path(&[schema.as_str()]));
            push(
                objects(&[schema.as_str()], major)
                    .trim_end()
                    .trim_end_matches(';'),
            );
        }
        push(&settings(server.timeout));
        for sql in rows_that_hold(&spare, &renamed) {
            push(&sql);
        }
        script.push_str("ROLLBACK;\n");
        let output = server
            .run_script(&script, &ScriptOptions::default(), shutdown)
            .await
            .map_err(PoolError::Load)?;
        let mut tried = Tried {
            spare,
            renamed,
            of_renamed: Aspects::default(),
            made: tenants.map(|tenant| (tenant, Aspects::default())),
        };
        for line in &output.lines {
            let Some(mut aspect) = serde_json::from_str(line).ok().and_then(ObjectAspect::read)
            else {
                continue;
            };
            // Elsewhere the mark of a schema does not count; here it is what makes a spare a tenant.
            if aspect.object.kind == "schema" && aspect.aspect == "comment" {
                "comment and mark".clone_into(&mut aspect.aspect);
            }
            tried
                .made
                .iter_mut()
                .find(|(tenant, _)| tenant.as_str() == aspect.schema)
                .map_or(&mut tried.of_renamed, |(_, aspects)| aspects)
                .insert(aspect)?;
        }
        Ok(tried)
    }
}

fn name() -> Result<TenantName, PoolError> {
    let name = fresh_name("stamp").map_err(PoolError::Random)?;
    TenantName::new(name).map_err(|_| TemplateError::Glued { line: 0 }.into())
}

/// Returns statements that list the tables and materialized views of the renamed schema whose rows
/// hold the spare's name: seeds that contain it, and values that triggers and functions made of it.
fn rows_that_hold(spare: &TenantName, renamed: &TenantName) -> [String; 2] {
    let spare = quote_literal(spare.as_str());
    let renamed = quote_literal(renamed.as_str());
    let body = format!(
        "DECLARE t record; holds boolean; found text := ''; BEGIN \
         FOR t IN SELECT c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname = {renamed} AND c.relkind IN ('r', 'm') AND (c.relkind = 'r' OR c.relispopulated) LOOP \
         EXECUTE pg_catalog.format('SELECT EXISTS (SELECT FROM %I.%I r WHERE pg_catalog.strpos(r::text, %L) > 0)', \
         {renamed}, t.relname, {spare}) INTO holds; \
         IF holds THEN found := found || t.relname || E'\\n'; END IF; END LOOP; \
         PERFORM pg_catalog.set_config('schemastamp.holding', found, true); END"
    );
    [
        format!("DO {}", quote_literal(&body)),
        format!(
            "SELECT pg_catalog.json_build_array({renamed}, 'rows of', ARRAY[t], 'values', 'hold the name') FROM \
             pg_catalog.regexp_split_to_table(pg_catalog.current_setting('schemastamp.holding'), E'\\n') AS t WHERE t <> ''"
        ),
    ]
}

async fn read_major(server: &Server, shutdown: &Shutdown) -> Result<u32, PsqlError> {
    let sql = "SELECT pg_catalog.current_setting('server_version_num')::int / 10000;\n";
    server.query_json_one(sql, shutdown).await
}
