//! Reads all tenants of a database and their version tables.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use super::sql;
use crate::fleet::progress::{Unobserved, WorkObserver};
use crate::fleet::selection::TenantSelection;
use crate::pg::{PsqlError, Server, SqlState, read_json};
use crate::process::Shutdown;
use crate::sql::TenantName;
use crate::tenant::marker::{Mark, POOL, RUNS, is_scratch, is_spare};
use crate::tenant::versions::{Applied, AppliedVersion, Style, TenantProblem, VersionsTable};

/// Maximum number of times that reading starts again because a tenant was dropped or renamed
/// meanwhile.
const ATTEMPTS: usize = 4;

/// All tenants, as they were at one moment.
#[derive(Clone, Debug)]
pub struct Fleet {
    /// Major version of the server.
    pub major: u32,
    /// The initial `search_path` of sessions.
    pub search_path: String,
    /// The tenants, by name.
    pub tenants: Vec<Tenant>,
}

/// A tenant.
#[derive(Clone, Debug)]
pub struct Tenant {
    /// Its schema.
    pub name: TenantName,
    /// Fingerprint of its snapshot, if it has a marker.
    pub snapshot: Option<String>,
    /// In a database with Citus, `true` for a distributed schema and `false` for an ordinary one.
    pub distributed: Option<bool>,
    /// The content of its version table.
    pub applied: Applied,
}

/// The reason why the tenants could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FleetError {
    /// psql failed.
    #[error("cannot read the tenants' versions")]
    Psql(#[from] PsqlError),
    /// Tenants were created or dropped during each attempt.
    #[error("tenants were dropped or renamed during {ATTEMPTS} consecutive attempts to read them")]
    Unsteady(#[source] PsqlError),
}

/// Finds the tenants and reads all their version tables, in two runs of psql whatever their number.
///
/// # Errors
/// [`FleetError`].
pub async fn read_fleet(
    server: &Server,
    scope: &TenantSelection,
    versions_table: Option<&str>,
    shutdown: &Shutdown,
) -> Result<Fleet, FleetError> {
    read_fleet_observed(server, scope, versions_table, &Unobserved, shutdown).await
}

/// As [`read_fleet`]; the observer hears of the version tables that are read.
///
/// # Errors
/// [`FleetError`].
pub async fn read_fleet_observed(
    server: &Server,
    scope: &TenantSelection,
    versions_table: Option<&str>,
    observer: &dyn WorkObserver,
    shutdown: &Shutdown,
) -> Result<Fleet, FleetError> {
    let mut attempt = 1;
    loop {
        let counted = Counted::new(observer);
        match read_once(server, scope, versions_table, &counted, shutdown).await {
            Err(error) if !has_gone(&error) => return Err(error.into()),
            Err(error) if attempt == ATTEMPTS => return Err(FleetError::Unsteady(error)),
            Err(_) => {
                counted.withdraw();
                attempt += 1;
            }
            Ok(fleet) => return Ok(fleet),
        }
    }
}

/// The tenants of one attempt that an observer has heard of.
struct Counted<'a> {
    observer: &'a dyn WorkObserver,
    planned: AtomicUsize,
    done: AtomicUsize,
}

impl<'a> Counted<'a> {
    fn new(observer: &'a dyn WorkObserver) -> Self {
        Self {
            observer,
            planned: AtomicUsize::new(0),
            done: AtomicUsize::new(0),
        }
    }

    fn plan(&self, tenants: usize) {
        self.planned.fetch_add(tenants, Ordering::Relaxed);
        self.observer.planned(tenants);
    }

    fn one_done(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
        self.observer.done(1);
    }

    fn withdraw(&self) {
        let [planned, done] =
            [&self.planned, &self.done].map(|count| count.load(Ordering::Relaxed));
        self.observer.withdrawn(planned, done);
    }
}

/// Returns the names of the tenants of a scope, without a look at their version tables. A schema that is named and is no
/// tenant is left out.
///
/// # Errors
/// See [`PsqlError`].
pub(crate) async fn read_names(
    server: &Server,
    scope: &TenantSelection,
    shutdown: &Shutdown,
) -> Result<Vec<TenantName>, PsqlError> {
    let lines = server
        .query_json(&sql::schemas(scope, None), shutdown)
        .await?;
    let all = TenantSelection::All { pattern: None };
    let mut names = Vec::with_capacity(lines.len());
    for (index, line) in lines.into_iter().enumerate().skip(1) {
        let schema = read_json(line, index + 1)?;
        names.extend(tenant(schema, &all, None).map(|tenant| tenant.name));
    }
    Ok(names)
}

/// Returns `true` if an error says that a schema or table is gone.
fn has_gone(error: &PsqlError) -> bool {
    let PsqlError::Script { message, .. } = error else {
        return false;
    };
    // The last is what opening a relation that was dropped just now gives.
    matches!(
        message.sqlstate,
        Some(SqlState::UNDEFINED_TABLE | SqlState::INVALID_SCHEMA_NAME | SqlState::INTERNAL_ERROR)
    )
}

async fn read_once(
    server: &Server,
    scope: &TenantSelection,
    versions_table: Option<&str>,
    counted: &Counted<'_>,
    shutdown: &Shutdown,
) -> Result<Fleet, PsqlError> {
    let mut lines = server
        .query_json(&sql::schemas(scope, versions_table), shutdown)
        .await?
        .into_iter();
    let (_, major, search_path, has_citus): (String, u32, String, bool) =
        read_json(lines.next().unwrap_or_default(), 1)?;
    let mut tenants = Vec::new();
    for (index, line) in lines.enumerate() {
        let schema = read_json(line, index + 2)?;
        tenants.extend(tenant(schema, scope, versions_table));
    }
    if let TenantSelection::Named(names) = scope {
        let found: std::collections::BTreeSet<TenantName> =
            tenants.iter().map(|tenant| tenant.name.clone()).collect();
        let missing = names
            .iter()
            .filter(|name| !found.contains(*name))
            .cloned()
            .collect::<std::collections::BTreeSet<_>>();
        tenants.extend(missing.into_iter().map(|name| Tenant {
            name,
            snapshot: None,
            distributed: None,
            applied: Applied::Odd(TenantProblem::NoSchema),
        }));
    }
    tenants.sort_by(|one, two| one.name.cmp(&two.name));
    if has_citus {
        mark_distributed(server, &mut tenants, shutdown).await?;
    }
    match read_rows(server, &mut tenants, counted, shutdown).await {
        Err(error) if has_citus && is_worker_down(&error) => {
            counted.withdraw();
            let counted = Counted::new(counted.observer);
            read_rows_one_by_one(server, &mut tenants, &counted, shutdown).await?;
        }
        read => read?,
    }
    Ok(Fleet {
        major,
        search_path,
        tenants,
    })
}

/// Sets for each existing tenant whether it is a distributed schema of Citus.
async fn mark_distributed(
    server: &Server,
    tenants: &mut [Tenant],
    shutdown: &Shutdown,
) -> Result<(), PsqlError> {
    let names = server.query_json(sql::DISTRIBUTED, shutdown).await?;
    let names: std::collections::BTreeSet<&str> = names.iter().filter_map(Value::as_str).collect();
    for tenant in tenants {
        let exists = !matches!(tenant.applied, Applied::Odd(TenantProblem::NoSchema));
        tenant.distributed = exists.then(|| names.contains(tenant.name.as_str()));
    }
    Ok(())
}

/// Returns `true` if the coordinator, which is reached, cannot reach one of its workers.
fn is_worker_down(error: &PsqlError) -> bool {
    matches!(error, PsqlError::Script { message, .. }
        if message.says_worker_lost() || message.sqlstate.is_some_and(|state| state.class() == "08"))
}

/// Reads each distributed tenant by itself: a worker that is down costs those that lie there, and no others.
async fn read_rows_one_by_one(
    server: &Server,
    tenants: &mut [Tenant],
    counted: &Counted<'_>,
    shutdown: &Shutdown,
) -> Result<(), PsqlError> {
    for tenant in tenants {
        match read_rows(server, std::slice::from_mut(tenant), counted, shutdown).await {
            Err(PsqlError::Script { message, .. }) => {
                tenant.applied = Applied::Odd(TenantProblem::Unreachable {
                    reason: message.to_string(),
                });
            }
            read => read?,
        }
    }
    Ok(())
}

/// A version table: its name, the privilege to read it, its columns with their types.
type Table = (String, bool, Vec<(String, String)>);
/// A schema: its name, its comment, the privilege to use it, its version tables.
type Schema = (String, Option<String>, bool, Option<Vec<Table>>);

/// Returns `None` for schemas that are not tenants.
fn tenant(schema: Schema, scope: &TenantSelection, versions_table: Option<&str>) -> Option<Tenant> {
    let (name, comment, usage, tables) = schema;
    let name = TenantName::for_own_schema(name).ok()?;
    let tables = tables.unwrap_or_default();
    let mark = comment.as_deref().and_then(Mark::read);
    if let TenantSelection::All { .. } = scope {
        let is_tenant = match &mark {
            Some(Mark::Spare) => false,
            Some(Mark::Tenant { .. }) => true,
            None => !tables.is_empty(),
        };
        if !is_tenant
            || is_scratch(name.as_str())
            || is_spare(name.as_str())
            || [POOL, RUNS].contains(&name.as_str())
        {
            return None;
        }
    }
    let snapshot = match mark {
        Some(Mark::Tenant { snapshot, .. }) => Some(snapshot),
        _ => None,
    };
    let applied = read_applied(&tables, usage, versions_table);
    Some(Tenant {
        name,
        snapshot,
        distributed: None,
        applied,
    })
}

fn read_applied(tables: &[Table], usage: bool, versions_table: Option<&str>) -> Applied {
    let known: Vec<(&str, bool, Style)> = tables
        .iter()
        .filter_map(|(table, select, columns)| {
            Some((table.as_str(), *select, Style::from_columns(columns)?))
        })
        .collect();
    Applied::Odd(match (known.as_slice(), tables.first()) {
        (_, None) => TenantProblem::NoTable,
        _ if !usage => TenantProblem::NoRight {
            table: String::new(),
        },
        ([(table, true, style)], _) => {
            return Applied::Known(VersionsTable {
                table: (*table).to_owned(),
                style: *style,
                versions: Arc::new([]),
            });
        }
        ([(table, false, _)], _) => TenantProblem::NoRight {
            table: (*table).to_owned(),
        },
        ([], Some((table, _, columns))) => TenantProblem::UnknownColumns {
            table: versions_table.unwrap_or(table).to_owned(),
            columns: columns
                .iter()
                .map(|(name, kind)| format!("{name} {kind}"))
                .collect(),
        },
        (several, _) => TenantProblem::Ambiguous(
            several
                .iter()
                .map(|(table, _, _)| (*table).to_owned())
                .collect(),
        ),
    })
}

async fn read_rows(
    server: &Server,
    tenants: &mut [Tenant],
    counted: &Counted<'_>,
    shutdown: &Shutdown,
) -> Result<(), PsqlError> {
    let known = tenants
        .iter()
        .enumerate()
        .filter_map(|(index, tenant)| match &tenant.applied {
            Applied::Known(table) => Some((
                index,
                tenant.name.as_str(),
                table.table.as_str(),
                table.style,
            )),
            Applied::Odd(_) => None,
        });
    let known: Vec<_> = known.collect();
    if known.is_empty() {
        return Ok(());
    }
    counted.plan(known.len());
    let query = sql::rows(known.into_iter());
    // Rows are shared by the first tenant of a statement that has them, and across statements by
    // their text.
    let mut by_first: BTreeMap<usize, Option<Arc<[AppliedVersion]>>> = BTreeMap::new();
    let mut by_text: HashMap<String, Arc<[AppliedVersion]>> = HashMap::new();
    let mut same = vec![None; tenants.len()];
    server
        .query_json_each(&query, shutdown, |line| {
            let Ok((index, rows, first)) = serde_json::from_value::<(usize, Value, usize)>(line)
            else {
                return;
            };
            if index == first {
                let text = rows.to_string();
                let versions = match by_text.get(&text) {
                    Some(versions) => Some(Arc::clone(versions)),
                    None => Style::read_rows(&rows).map(|versions| {
                        let versions: Arc<[AppliedVersion]> = versions.into();
                        by_text.insert(text, Arc::clone(&versions));
                        versions
                    }),
                };
                by_first.insert(index, versions);
            }
            if let Some(place) = same.get_mut(index) {
                *place = Some(first);
            }
            counted.one_done();
        })
        .await?;
    for (tenant, first) in tenants.iter_mut().zip(same) {
        let Applied::Known(table) = &mut tenant.applied else {
            continue;
        };
        match first
            .and_then(|first| by_first.get(&first))
            .and_then(Clone::clone)
        {
            Some(versions) => table.versions = versions,
            None => {
                tenant.applied = Applied::Odd(TenantProblem::Rows {
                    table: table.table.clone(),
                });
            }
        }
    }
    Ok(())
}
