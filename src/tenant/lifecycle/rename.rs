//! Renames a tenant: the server renames identifiers, text is rewritten, and the result is proven.

use super::guard::Demand;
use super::state::{capture_tenant, explain, guard, look};
use super::{LifecycleError, MoveOptions};
use crate::pg::catalog::{Aspects, ObjectAspect, objects};
use crate::pg::{PgDump, ScriptOptions, Server};
use crate::process::Shutdown;
use crate::snapshot::capture::{
    ConcernId, Difference, Exceptions, LoadedCopy, ServerProperty, differences, fresh_name,
    may_be_reworded, search_path, without_server_properties,
};
use crate::snapshot::citus::ON_COORDINATOR;
use crate::snapshot::{
    Action, CompiledStatement, Marking, RenderOptions, Snapshot, TemplateError, settings,
};
use crate::sql::TenantName;
use crate::tenant::transaction::{TransactionError, run_transaction};
use crate::tenant::{RewriteReader, rewrites};

/// A tenant under its new name.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Renamed {
    /// The objects whose text was rewritten: `function audit(integer)`.
    pub rewritten: Vec<String>,
    /// Number of objects that were proven to be those of a tenant of the new name.
    pub objects: usize,
    /// Properties that the proof did not compare, because this server sets them by itself.
    pub ignored: Vec<ServerProperty>,
}

/// Renames a tenant.
///
/// First in a transaction that is rolled back, in which a copy is made under a third name for comparison: nothing may
/// be left that still says the old name. Then for good, if the schema is still the same.
///
/// # Errors
/// [`LifecycleError`]; but for [`LifecycleError::Unknown`] nothing has changed then.
pub async fn rename_tenant(
    server: &Server,
    pg_dump: &PgDump,
    old: &TenantName,
    new: &TenantName,
    options: &MoveOptions,
    shutdown: &Shutdown,
) -> Result<Renamed, LifecycleError> {
    let demand = if options.not_a_tenant {
        Demand::AnySchema
    } else {
        Demand::Tenant
    };
    let versions_table = options.versions_table.as_deref();
    let before = look(server, old, new, versions_table, demand, shutdown).await?;
    let source = capture_tenant(server, pg_dump, old, &options.decisions, false, shutdown).await?;
    let snapshot = &source.snapshot;
    let mut rewriting = String::new();
    let mut rewritten = Vec::new();
    for rewrite in rewrites(snapshot, new, before.major, RewriteReader::Psql)? {
        rewritten.push(rewrite.object);
        for sql in rewrite.statements {
            rewriting.push_str(&sql);
            rewriting.push_str(";\n");
        }
    }
    let work = format!(
        "{};\n{}ALTER SCHEMA {} RENAME TO {};\n{rewriting}",
        settings(server.timeout),
        guard(old, new, &before),
        old.quoted(),
        new.quoted()
    );
    let refreshes = |statement: &&CompiledStatement| statement.object.action == Action::Refresh;
    let statements = snapshot.template().statements.iter();
    let views: Vec<String> = statements
        .filter(refreshes)
        .map(|statement| statement.object.name.clone())
        .collect();
    let trial = RenameTrial {
        server,
        snapshot,
        work: &work,
        new,
        major: before.major,
        exceptions: Exceptions {
            invalid_indexes: source.objects_of(ConcernId::InvalidIndexes),
            unfilled_views: &views,
            default_privileges: source.objects_of(ConcernId::DefaultPrivilegesOfOthers),
            partitions_of_others: !source.objects_of(ConcernId::PartitionsOfOthers).is_empty(),
        },
    };
    let Compared {
        objects,
        mut found,
        ignored,
        copy,
    } = trial.prove(shutdown).await.map_err(|error| match error {
        LifecycleError::Psql(error) => explain(TransactionError::Failed(error), old, new),
        other => other,
    })?;
    if !found.is_empty() && found.iter().all(may_be_reworded) {
        // The proof of a capture finds out what the server words differently after a reload.
        let proven =
            capture_tenant(server, pg_dump, old, &options.decisions, true, shutdown).await?;
        let reworded = proven.proof.map(|proof| proof.reworded).unwrap_or_default();
        found.retain(|difference| {
            !reworded
                .iter()
                .any(|other| other.explains(difference, new.as_str(), copy.as_str()))
        });
    }
    if !found.is_empty() {
        return Err(LifecycleError::NotProven(found));
    }
    run_transaction(server, "BEGIN", &work, shutdown)
        .await
        .map_err(|error| explain(error, old, new))?;
    Ok(Renamed {
        rewritten,
        objects,
        ignored,
    })
}

/// The input of a rename's proof.
struct RenameTrial<'a> {
    server: &'a Server,
    snapshot: &'a Snapshot,
    /// The rename itself, behind `BEGIN`.
    work: &'a str,
    new: &'a TenantName,
    major: u32,
    /// Objects that a copy lacks on purpose.
    exceptions: Exceptions<'a>,
}

impl RenameTrial<'_> {
    /// Compares the renamed schema with a copy of the template. If they differ, a second trial with
    /// two copies finds the properties that the server sets by itself.
    async fn prove(&self, shutdown: &Shutdown) -> Result<Compared, LifecycleError> {
        let (renamed, [(copy, of_copy)]) = self.run([fresh_tenant()?], shutdown).await?;
        let new = self.new.as_str();
        let mut found = differences(&renamed, &of_copy, copy.as_str(), new);
        let mut ignored = Vec::new();
        if found.iter().any(|d| d.source.is_some() && d.copy.is_some()) {
            let (_, more) = self
                .run([fresh_tenant()?, fresh_tenant()?], shutdown)
                .await?;
            let copies: Vec<LoadedCopy<'_>> = std::iter::once((&copy, &of_copy))
                .chain(more.iter().map(|(name, aspects)| (name, aspects)))
                .map(|(name, aspects)| LoadedCopy {
                    name: name.as_str(),
                    aspects,
                })
                .collect();
            (found, ignored) = without_server_properties(found, &copies, new);
        }
        Ok(Compared {
            objects: renamed.count_objects(),
            found,
            ignored,
            copy,
        })
    }

    /// Renames, makes copies of the template under other names, reads what all have, and rolls back.
    async fn run<const COPIES: usize>(
        &self,
        copies: [TenantName; COPIES],
        shutdown: &Shutdown,
    ) -> Result<(Aspects, [(TenantName, Aspects); COPIES]), LifecycleError> {
        let options = RenderOptions {
            owners: false,
            privileges: false,
            mark: Marking::None,
            ..RenderOptions::default()
        };
        let mut script = format!("BEGIN;\n{}", self.work);
        script.push_str(ON_COORDINATOR);
        script.push_str(";\n");
        for copy in &copies {
            script.push_str(&settings(self.server.timeout));
            script.push_str(";\n");
            for statement in self.snapshot.body_for(copy, &options)? {
                // The copy has no rows to fill views with, and the tenant's stay filled.
                if statement
                    .object
                    .as_ref()
                    .is_none_or(|object| object.action != Action::Refresh)
                {
                    script.push_str(&statement.sql);
                    script.push_str(";\n");
                }
            }
        }
        for schema in std::iter::once(self.new).chain(&copies) {
            script.push_str(&search_path(&[schema.as_str()]));
            script.push_str(";\n");
            script.push_str(&objects(&[schema.as_str()], self.major));
        }
        script.push_str("ROLLBACK;\n");
        let output = self
            .server
            .run_script(&script, &ScriptOptions::default(), shutdown)
            .await?;
        let mut renamed = Aspects::default();
        let mut copies = copies.map(|copy| (copy, Aspects::default()));
        for line in &output.lines {
            let aspect = serde_json::from_str(line).ok().and_then(ObjectAspect::read);
            let Some(aspect) = aspect.and_then(|aspect| self.exceptions.adjust(aspect)) else {
                continue;
            };
            if is_compared(&aspect) {
                copies
                    .iter_mut()
                    .find(|(copy, _)| copy.as_str() == aspect.schema)
                    .map_or(&mut renamed, |(_, aspects)| aspects)
                    .insert(aspect)?;
            }
        }
        Ok((renamed, copies))
    }
}

/// The result of a trial.
struct Compared {
    objects: usize,
    found: Vec<Difference>,
    ignored: Vec<ServerProperty>,
    copy: TenantName,
}

fn is_compared(aspect: &ObjectAspect) -> bool {
    let is_left_out = matches!(
        aspect.aspect.as_str(),
        "owner" | "privileges" | "security label"
    );
    // The schema's own comment holds the marker.
    let is_own_comment = aspect.object.kind == "schema" && aspect.aspect == "comment";
    !is_left_out && !is_own_comment
}

fn fresh_tenant() -> Result<TenantName, LifecycleError> {
    let name = fresh_name("stamp").map_err(LifecycleError::Random)?;
    TenantName::new(name).map_err(|_| TemplateError::Glued { line: 0 }.into())
}
