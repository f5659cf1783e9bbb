//! Renames a tenant: the server renames identifiers, text is rewritten, and the result is proven.

use super::guard::Demand;
use super::state::{StateBefore, capture_tenant, explain, guard, look};
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
    Action, CompiledStatement, Marking, Object, RenderOptions, Snapshot, TemplateError, settings,
};
use crate::sql::TenantName;
use crate::tenant::marker::Mark;
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
    let rename = Rename {
        server,
        old,
        new,
        before: &before,
    };
    let proven = match rename.by_snapshot(options, shutdown).await {
        Some(proven) => proven,
        None => rename.by_dump(pg_dump, options, shutdown).await?,
    };
    run_transaction(server, "BEGIN", &proven.plan.work, shutdown)
        .await
        .map_err(|error| explain(error, old, new))?;
    Ok(Renamed {
        rewritten: proven.plan.rewritten,
        objects: proven.objects,
        ignored: proven.ignored,
    })
}

/// A rename that is prepared.
struct Rename<'a> {
    server: &'a Server,
    old: &'a TenantName,
    new: &'a TenantName,
    before: &'a StateBefore,
}

/// The statements of a rename.
struct RenamePlan {
    /// The transaction behind `BEGIN`.
    work: String,
    /// The objects whose text is rewritten.
    rewritten: Vec<String>,
}

/// A rename that was proven.
struct ProvenRename {
    plan: RenamePlan,
    objects: usize,
    ignored: Vec<ServerProperty>,
}

impl Rename<'_> {
    /// Proves the rename with the definitions of the snapshot that the tenant came from. Returns `None` if it is not like
    /// that snapshot any more, or of another: then the catalog says what it is.
    async fn by_snapshot(
        &self,
        options: &MoveOptions,
        shutdown: &Shutdown,
    ) -> Option<ProvenRename> {
        let snapshot = options.snapshot.as_deref()?;
        let Mark::Tenant {
            snapshot: made_of, ..
        } = Mark::read(self.before.comment.as_deref()?)?
        else {
            return None;
        };
        if !snapshot.has_fingerprint(&made_of) {
            return None;
        }
        let plan = self.plan(snapshot).ok()?;
        let trial = self.trial(snapshot, &plan, TrialExceptions::default());
        let compared = trial.prove(shutdown).await.ok()?;
        compared.found.is_empty().then_some(ProvenRename {
            plan,
            objects: compared.objects,
            ignored: compared.ignored,
        })
    }

    /// Proves the rename with the definitions that `pg_dump` prints, which reads the catalog of the whole database.
    async fn by_dump(
        &self,
        pg_dump: &PgDump,
        options: &MoveOptions,
        shutdown: &Shutdown,
    ) -> Result<ProvenRename, LifecycleError> {
        let (server, old, new) = (self.server, self.old, self.new);
        let decisions = &options.decisions;
        let source = capture_tenant(server, pg_dump, old, decisions, false, shutdown).await?;
        let plan = self.plan(&source.snapshot)?;
        let trial = self.trial(
            &source.snapshot,
            &plan,
            TrialExceptions {
                invalid_indexes: source.objects_of(ConcernId::InvalidIndexes),
                default_privileges: source.objects_of(ConcernId::DefaultPrivilegesOfOthers),
                partitions_of_others: !source.objects_of(ConcernId::PartitionsOfOthers).is_empty(),
            },
        );
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
            let proven = capture_tenant(server, pg_dump, old, decisions, true, shutdown).await?;
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
        Ok(ProvenRename {
            plan,
            objects,
            ignored,
        })
    }

    fn plan(&self, snapshot: &Snapshot) -> Result<RenamePlan, LifecycleError> {
        let mut rewriting = String::new();
        let mut rewritten = Vec::new();
        for rewrite in rewrites(snapshot, self.new, self.before.major, RewriteReader::Psql)? {
            rewritten.push(rewrite.object);
            for sql in rewrite.statements {
                rewriting.push_str(&sql);
                rewriting.push_str(";\n");
            }
        }
        let work = format!(
            "{};\n{}ALTER SCHEMA {} RENAME TO {};\n{rewriting}",
            settings(self.server.timeout),
            guard(self.old, self.new, self.before),
            self.old.quoted(),
            self.new.quoted()
        );
        Ok(RenamePlan { work, rewritten })
    }

    fn trial<'t>(
        &'t self,
        snapshot: &'t Snapshot,
        plan: &'t RenamePlan,
        exceptions: TrialExceptions<'t>,
    ) -> RenameTrial<'t> {
        let refreshes = |statement: &&CompiledStatement| statement.object.action == Action::Refresh;
        let statements = snapshot.template().statements.iter();
        let views = statements
            .filter(refreshes)
            .map(|statement| statement.object.name.clone());
        RenameTrial {
            server: self.server,
            snapshot,
            work: &plan.work,
            new: self.new,
            major: self.before.major,
            exceptions,
            unfilled_views: views.collect(),
        }
    }
}

/// Objects that a copy lacks on purpose, as the capture found them; see [`Exceptions`].
#[derive(Clone, Copy, Default)]
struct TrialExceptions<'a> {
    invalid_indexes: &'a [String],
    default_privileges: &'a [String],
    partitions_of_others: bool,
}

/// The input of a rename's proof.
struct RenameTrial<'a> {
    server: &'a Server,
    snapshot: &'a Snapshot,
    /// The rename itself, behind `BEGIN`.
    work: &'a str,
    new: &'a TenantName,
    major: u32,
    exceptions: TrialExceptions<'a>,
    unfilled_views: Vec<String>,
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
                // The copy needs no rows, and has none to fill views with; the tenant's stay filled.
                let is_of_rows =
                    |object: &Object| matches!(object.action, Action::Refresh | Action::Rows);
                if !statement.object.as_ref().is_some_and(is_of_rows) {
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
        let exceptions = Exceptions {
            invalid_indexes: self.exceptions.invalid_indexes,
            unfilled_views: &self.unfilled_views,
            default_privileges: self.exceptions.default_privileges,
            partitions_of_others: self.exceptions.partitions_of_others,
        };
        let mut renamed = Aspects::default();
        let mut copies = copies.map(|copy| (copy, Aspects::default()));
        for line in &output.lines {
            let aspect = serde_json::from_str(line).ok().and_then(ObjectAspect::read);
            let Some(aspect) = aspect.and_then(|aspect| exceptions.adjust(aspect)) else {
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
