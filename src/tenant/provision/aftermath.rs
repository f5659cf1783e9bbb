//! Inspects a tenant on the server.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::Value;

use super::outcome::TenantOrigin;
use crate::pg::{PsqlError, Server, UNHURRIED, read_json};
use crate::process::Shutdown;
use crate::snapshot::{Action, CompiledStatement, ObjectKind, ObjectScope, PLACEHOLDER, Snapshot};
use crate::sql::{TenantName, quote_literal};
use crate::tenant::marker::Mark;
use crate::tenant::own_table::is_trusted;

/// Time to wait for the end of a message whose psql is gone. The server notices that within a
/// second, if it can.
const PATIENCE: Duration = Duration::from_secs(15);
/// Time to wait for a server that accepts no connections.
const ABSENCE: Duration = Duration::from_secs(12);
/// Time limit of one query.
const LIMIT: Duration = Duration::from_secs(10);
/// Pause between two queries.
const PAUSE: Duration = Duration::from_millis(100);

/// The contents of a schema.
#[derive(Debug, Default, Deserialize)]
pub(super) struct SchemaState {
    comment: Option<String>,
    /// The role that owns the schema, if its marker does not count.
    stranger: Option<String>,
    relations: BTreeSet<String>,
    routines: BTreeSet<String>,
    types: BTreeSet<String>,
}

/// Inspects a schema that others may be changing. Returns `None` if there is none. `owner` is the
/// role that tenants belong to, if it is known.
pub(super) async fn look(
    server: &Server,
    tenant: &TenantName,
    owner: Option<&str>,
    shutdown: &Shutdown,
) -> Result<Option<SchemaState>, PsqlError> {
    seen(server, &query(tenant, owner), shutdown).await
}

/// Returns an SQL expression that is true if the marker of a schema `n` counts: anybody who may create schemas could copy one.
/// `owner` is the role that tenants belong to, if it is known.
fn counts(owner: Option<&str>) -> String {
    is_trusted("n.nspowner", owner)
}

/// Returns the fingerprints in the markers of the tenants that have one.
pub(super) async fn marks(
    server: &Server,
    tenants: &[TenantName],
    owner: Option<&str>,
    shutdown: &Shutdown,
) -> Result<Vec<(TenantName, String)>, PsqlError> {
    let names: Vec<String> = tenants
        .iter()
        .map(|tenant| quote_literal(tenant.as_str()))
        .collect();
    let sql = format!(
        "SELECT pg_catalog.json_build_array(n.nspname, pg_catalog.obj_description(n.oid, 'pg_namespace')) \
         FROM pg_catalog.pg_namespace n WHERE n.nspname IN ({}) AND {};\n",
        names.join(", "),
        counts(owner)
    );
    let mut found = Vec::new();
    for value in server.query_json(&sql, shutdown).await? {
        let Ok((name, Some(comment))) = serde_json::from_value::<(String, Option<String>)>(value)
        else {
            continue;
        };
        if let (Ok(name), Some(Mark::Tenant { snapshot, .. })) =
            (TenantName::new(name), Mark::read(&comment))
        {
            found.push((name, snapshot));
        }
    }
    Ok(found)
}

/// The state of a schema after a run whose outcome is unknown.
#[derive(Debug)]
pub(super) enum AttemptState {
    /// The run's message has ended, and this is the state now.
    Settled(Option<SchemaState>),
    /// The run's message is still running.
    StillRunning,
}

/// Inspects a schema after a run whose outcome is unknown, once the run's message has ended on the
/// server.
///
/// `token` is a unique text in the first 1,000 bytes of the message. The time is limited, and a
/// signal does not interrupt it, because the caller needs the answer to end.
pub(super) async fn look_after(
    server: &Server,
    tenant: &TenantName,
    token: &str,
) -> Result<AttemptState, PsqlError> {
    // Check the message first: once it has ended, the following statement sees all its effects.
    let script = format!(
        "SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity WHERE (pg_catalog.strpos(query, {}) > 0 \
         OR application_name = {}) AND state <> 'idle' AND pid <> pg_catalog.pg_backend_pid();\n{}",
        quote_literal(token),
        quote_literal(&format!("run_{token}")),
        // The run's own token proves the marker.
        query(tenant, None)
    );
    Ok(match ask_until_settled(server, &script).await? {
        Some(mut values) => {
            AttemptState::Settled(read_json(values.next().ok_or(PsqlError::Unconfirmed)?, 1)?)
        }
        None => AttemptState::StillRunning,
    })
}

/// Asks the server again and again until what a run has left behind there has ended: the first value of `sql` is the number
/// of what still runs. Returns the further values, or `None` when it goes on.
///
/// Bounded, and not stopped by a signal.
pub(in crate::tenant) async fn ask_until_settled(
    server: &Server,
    sql: &str,
) -> Result<Option<std::vec::IntoIter<Value>>, PsqlError> {
    let mut server = server.clone();
    // The limit of the run may be used up, and a signal may have ended it; the answer is needed all the same.
    server.timeout = Some(LIMIT);
    let start = Instant::now();
    loop {
        let mut values = match server.query_json(sql, &Shutdown::new()).await {
            // The server may be restarting.
            Err(error) if error.is_transient() && start.elapsed() < ABSENCE => {
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            values => values?.into_iter(),
        };
        let running = values
            .next()
            .and_then(|count| count.as_u64())
            .ok_or(PsqlError::Unconfirmed)?
            > 0;
        if !running {
            return Ok(Some(values));
        }
        if start.elapsed() > PATIENCE {
            return Ok(None);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn seen(
    server: &Server,
    script: &str,
    shutdown: &Shutdown,
) -> Result<Option<SchemaState>, PsqlError> {
    server.query_json_one(script, shutdown).await
}

/// Returns a query for one row: the schema's comment and the names of its objects, or `null`.
fn query(tenant: &TenantName, owner: Option<&str>) -> String {
    let name = quote_literal(tenant.as_str());
    let names = |column: &str, catalog: &str, schema: &str| {
        format!(
            "COALESCE((SELECT pg_catalog.json_agg({column}) FROM pg_catalog.{catalog} WHERE {schema} = n.oid), '[]'::json)"
        )
    };
    format!(
        "{UNHURRIED}SELECT COALESCE((SELECT pg_catalog.json_build_object('comment', pg_catalog.obj_description(n.oid, 'pg_namespace'), \
         'stranger', CASE WHEN NOT {trusted} THEN pg_catalog.pg_get_userbyid(n.nspowner) END, \
         'relations', {relations}, 'routines', {routines}, 'types', {types})\
         FROM pg_catalog.pg_namespace n WHERE n.nspname = {name}), 'null'::json);\n",
        relations = names("relname", "pg_class", "relnamespace"),
        routines = names("proname", "pg_proc", "pronamespace"),
        types = names("typname", "pg_type", "typnamespace"),
        trusted = counts(owner),
    )
}

impl SchemaState {
    /// The role that owns it, if its marker does not count.
    pub(super) fn stranger(&self) -> Option<&str> {
        self.stranger.as_deref()
    }

    /// Returns the fingerprint in the tenant's marker, or `None` without one.
    pub(super) fn mark(&self) -> Option<String> {
        match Mark::read(self.comment.as_deref()?)? {
            Mark::Tenant { snapshot, .. } => Some(snapshot),
            Mark::Spare => None,
        }
    }

    /// Returns `true` if the marker names this run as the one that created the tenant.
    pub(super) fn is_of_run(&self, run: &str) -> bool {
        let mark = self.comment.as_deref().and_then(Mark::read);
        matches!(mark, Some(Mark::Tenant { run: Some(found), .. }) if found == run)
    }

    /// Returns the origin of the tenant, or else the number of checked objects and the missing
    /// ones.
    pub(super) fn compared(
        &self,
        snapshot: &Snapshot,
        tenant: &TenantName,
    ) -> Result<TenantOrigin, (usize, Vec<String>)> {
        match self.mark() {
            Some(mark) if snapshot.has_fingerprint(&mark) => return Ok(TenantOrigin::ThisSnapshot),
            Some(_) => return Ok(TenantOrigin::AnotherSnapshot),
            None => {}
        }
        let mut objects = 0;
        let mut missing = Vec::new();
        for statement in &snapshot.template().statements {
            let Some(names) = self.names_of(statement) else {
                continue;
            };
            objects += 1;
            if !names.contains(&name_for(statement.object.bare_name(), tenant)) {
                missing.push(name_for(&statement.object.to_string(), tenant));
            }
        }
        if missing.is_empty() {
            Ok(TenantOrigin::Unmarked)
        } else {
            Err((objects, missing))
        }
    }

    /// Returns the names among which the object of a statement must be, or `None` if it is not
    /// checked.
    fn names_of(&self, statement: &CompiledStatement) -> Option<&BTreeSet<String>> {
        let object = &statement.object;
        if object.action != Action::Create || object.scope != ObjectScope::Placeholder {
            return None;
        }
        match object.kind {
            ObjectKind::Table
            | ObjectKind::ForeignTable
            | ObjectKind::View
            | ObjectKind::MaterializedView
            | ObjectKind::Sequence
            | ObjectKind::Index => Some(&self.relations),
            ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Aggregate => {
                Some(&self.routines)
            }
            ObjectKind::Type | ObjectKind::Domain => Some(&self.types),
            _ => None,
        }
    }
}

/// Returns a name of the snapshot for one tenant.
fn name_for(name: &str, tenant: &TenantName) -> String {
    if name.contains("#{") {
        name.replace(PLACEHOLDER, tenant.as_str())
            .replace("#{#}", "#")
    } else {
        name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SNAPSHOT: &str = "-- schemastamp snapshot, format 1\n\nCREATE SCHEMA #{prefix};\n\
        CREATE TABLE #{prefix}.\"Plans of #{prefix}\" (id int);\n\
        CREATE FUNCTION #{prefix}.f(a int) RETURNS int LANGUAGE sql AS 'SELECT 1';\n\
        CREATE DOMAIN #{prefix}.d AS int;\n";

    fn seen(json: &str) -> SchemaState {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn without_a_mark_every_object_must_be_there() {
        let snapshot = Snapshot::parse(SNAPSHOT).unwrap();
        let tenant = TenantName::new("acme").unwrap();
        let whole = r#"{"comment":"x","relations":["Plans of acme","more"],"routines":["f"],"types":["d"]}"#;
        assert_eq!(
            seen(whole).compared(&snapshot, &tenant),
            Ok(TenantOrigin::Unmarked)
        );
        let part = r#"{"comment":null,"relations":["Plans of acme"],"routines":[],"types":[]}"#;
        let (objects, missing) = seen(part).compared(&snapshot, &tenant).unwrap_err();
        assert_eq!((objects, missing.len()), (3, 2));
        assert!(
            missing[0].starts_with("function f(") && missing[1] == "domain d",
            "{missing:?}"
        );
    }

    #[test]
    fn the_mark_tells_the_snapshot() {
        let snapshot = Snapshot::parse(SNAPSHOT).unwrap();
        let tenant = TenantName::new("acme").unwrap();
        let marked = |fingerprint: &str| {
            let comment = format!("our best customer\n{}{fingerprint}", crate::snapshot::MARK);
            SchemaState {
                comment: Some(comment),
                ..SchemaState::default()
            }
        };
        assert_eq!(
            marked(snapshot.fingerprint()).compared(&snapshot, &tenant),
            Ok(TenantOrigin::ThisSnapshot)
        );
        assert_eq!(
            marked(&"0".repeat(64)).compared(&snapshot, &tenant),
            Ok(TenantOrigin::AnotherSnapshot)
        );
        assert!(marked("none").mark().is_none());
    }
}
