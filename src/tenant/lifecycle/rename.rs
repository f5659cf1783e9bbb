//! Renames a tenant: the server renames what are identifiers, what is text is written anew, and the result is proven.

use std::collections::BTreeMap;

use super::LifecycleError;
use super::state::{captured, explain, guard, look};
use crate::pg::catalog::{Aspect, objects};
use crate::pg::{PgDump, ScriptOptions, Server};
use crate::process::Shutdown;
use crate::snapshot::capture::{Aspects, differences, fresh_name, search_path};
use crate::snapshot::{Decisions, Marking, RenderOptions, Snapshot, TemplateError, settings};
use crate::sql::TenantName;
use crate::tenant::{RewriteReader, written_anew};

/// A tenant under its new name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renamed {
    /// The objects whose text was written anew: `function audit(integer)`.
    pub rewritten: Vec<String>,
    /// How many objects were proven to be those of a tenant of the new name.
    pub objects: usize,
}

/// Renames a tenant.
///
/// First in a transaction that is rolled back, in which a copy is made under a third name for comparison: nothing may
/// be left that still says the old name. Then for good, if the schema is still the same.
///
/// # Errors
/// [`LifecycleError`]; nothing has changed then.
pub async fn rename_tenant(
    server: &Server,
    pg_dump: &PgDump,
    old: &TenantName,
    new: &TenantName,
    decisions: &Decisions,
    shutdown: &Shutdown,
) -> Result<Renamed, LifecycleError> {
    let before = look(server, old, new, shutdown).await?;
    let snapshot = captured(server, pg_dump, old, decisions, false, shutdown)
        .await?
        .snapshot;
    let (mut rewriting, mut rewritten) = (String::new(), Vec::new());
    for anew in written_anew(&snapshot, new, before.major, RewriteReader::Psql)? {
        rewritten.push(anew.object);
        for sql in anew.statements {
            rewriting.push_str(&sql);
            rewriting.push_str(";\n");
        }
    }
    let work = format!(
        "BEGIN;\n{};\n{}ALTER SCHEMA {} RENAME TO {};\n{rewriting}",
        settings(server.timeout),
        guard(old, new, &before),
        old.quoted(),
        new.quoted()
    );
    let objects = prove(server, &snapshot, &work, new, before.major, shutdown)
        .await
        .map_err(|error| match error {
            LifecycleError::Psql(error) => explain(error, old, new),
            other => other,
        })?;
    server
        .run_script(
            &format!("{work}COMMIT;\n"),
            &ScriptOptions::default(),
            shutdown,
        )
        .await
        .map_err(|error| explain(error, old, new))?;
    Ok(Renamed { rewritten, objects })
}

/// Renames, makes a copy of the template under a third name, compares the two, and rolls back.
async fn prove(
    server: &Server,
    snapshot: &Snapshot,
    work: &str,
    new: &TenantName,
    major: u32,
    shutdown: &Shutdown,
) -> Result<usize, LifecycleError> {
    let copy = fresh_name("stamp").map_err(LifecycleError::Random)?;
    let copy = TenantName::new(copy).map_err(|_| TemplateError::Glued { line: 0 })?;
    let options = RenderOptions {
        owners: false,
        privileges: false,
        mark: Marking::None,
        ..RenderOptions::default()
    };
    let mut script = format!("{work}{};\n", settings(server.timeout));
    for statement in snapshot.body_for(&copy, &options)? {
        script.push_str(&statement.sql);
        script.push_str(";\n");
    }
    for schema in [new.as_str(), copy.as_str()] {
        script.push_str(&search_path(&[schema]));
        script.push_str(";\n");
        script.push_str(&objects(&[schema], major));
    }
    script.push_str("ROLLBACK;\n");
    let (mut renamed, mut copied): (Aspects, Aspects) = (BTreeMap::new(), BTreeMap::new());
    let compared = |aspect: &Aspect| {
        let is_left_out = matches!(
            aspect.aspect.as_str(),
            "owner" | "privileges" | "security label"
        );
        // The schema's own comment holds the mark.
        let is_own_comment = aspect.kind == "schema" && aspect.aspect == "comment";
        !is_left_out && !is_own_comment
    };
    let output = server
        .run_script(&script, &ScriptOptions::default(), shutdown)
        .await?;
    for line in &output.lines {
        let Some(aspect) = serde_json::from_str(line).ok().and_then(Aspect::read) else {
            continue;
        };
        if compared(&aspect) {
            let map = if aspect.schema == copy.as_str() {
                &mut copied
            } else {
                &mut renamed
            };
            map.insert((aspect.kind, aspect.object, aspect.aspect), aspect.value);
        }
    }
    let count = renamed
        .keys()
        .map(|(kind, object, _)| (kind, object))
        .collect::<std::collections::BTreeSet<_>>()
        .len();
    let found = differences(renamed, copied, copy.as_str(), new.as_str());
    if found.is_empty() {
        Ok(count)
    } else {
        Err(LifecycleError::NotProven(found))
    }
}
