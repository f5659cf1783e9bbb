//! The servers of a fleet, and a run over all of them.

use std::collections::{BTreeMap, HashSet};
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::limits::{RunLimits, RunShare};
use crate::fleet::database::{DatabaseIdentity, FleetTarget};
use crate::fleet::join::join_all;
use crate::fleet::registry::SelectedTenant;
use crate::fleet::route::Route;
use crate::fleet::selection::{Selection, TenantSelection};
use crate::pg::{PsqlError, read_json};
use crate::process::Shutdown;
use crate::sql::{TenantName, quote_literal};
use crate::text::swrite;

/// Time limit for a target to say which of the tenants it has, if the user sets none: libpq waits
/// without a limit for a server that accepts the connection and never answers.
const SURVEY_TIMEOUT: Duration = Duration::from_secs(30);

/// The reason why nothing was done at a target.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// The target cannot be asked for its tenants.
    #[error("cannot read the tenants")]
    Psql(#[from] PsqlError),
    /// Another target leads to the same database, which would count its tenants twice.
    #[error("this is the database of target '{}' too", .0.escape_debug())]
    SharedDatabase(String),
}

/// The outcome of a run at one target.
#[derive(Debug)]
pub struct TargetRun<T, E> {
    /// The result; `None` if the target has none of the tenants.
    pub result: Option<Result<T, E>>,
    /// The tenants for which it was responsible, if they were selected by name.
    pub tenants: Option<Vec<TenantName>>,
}

/// The outcome of a run over all targets.
#[derive(Debug)]
pub struct FleetOutcome<T, E> {
    /// The outcomes, in the order of the targets.
    pub targets: Vec<TargetRun<T, E>>,
    /// Tenants that were selected by name and are at no target that was asked.
    pub missing: Vec<SelectedTenant>,
}

/// Runs a task for each target at the same time. With several targets, tenants that are selected
/// by name are looked for first, and the task of a target gets those that it has; a target without
/// any has no task.
///
/// A target that cannot be asked fails the tenants that belong to it by the selection or by the
/// route, unless they are found elsewhere.
pub async fn on_each_target<T, E, F>(
    targets: &[FleetTarget],
    selection: &Selection,
    route: Option<&Route>,
    limits: &Arc<RunLimits>,
    shutdown: &Shutdown,
    task: impl Fn(usize, TenantSelection, RunShare) -> F,
) -> FleetOutcome<T, E>
where
    E: From<TargetError>,
    F: Future<Output = Result<T, E>>,
{
    let survey = Survey {
        selection,
        shutdown,
        limits,
        seen: Mutex::default(),
    };
    // Without a survey: the task asks for its tenants anyway, and the failure of the only server is that of the
    // command.
    if let [only] = targets {
        let result = task(0, selection.at(only.name.as_deref()), limits.share()).await;
        return FleetOutcome {
            targets: vec![TargetRun {
                result: Some(result),
                tenants: selection
                    .is_by_name()
                    .then(|| survey.wanted(only).cloned().collect()),
            }],
            missing: Vec::new(),
        };
    }
    // Made before anything is awaited: one that is missing would let the others wait for ever.
    let shares: Vec<RunShare> = targets.iter().map(|_| limits.share()).collect();
    let runs = targets
        .iter()
        .zip(shares)
        .enumerate()
        .map(|(index, (target, share))| {
            let survey = &survey;
            let task = &task;
            async move {
                let found = match survey.find(target).await {
                    Ok(found) => found,
                    Err(error) => return (None, Some(Err(error.into()))),
                };
                match found {
                    None => {
                        let all = selection.at(target.name.as_deref());
                        (None, Some(task(index, all, share).await))
                    }
                    Some(names) if names.is_empty() => {
                        share.leave_unused();
                        (Some(names), None)
                    }
                    Some(names) => {
                        let scope = TenantSelection::Named(names.clone());
                        (Some(names), Some(task(index, scope, share).await))
                    }
                }
            }
        });
    let ran = join_all(runs).await;
    attribute(targets, selection, route, ran)
}

/// The selected tenants of a target, and the result of its task.
type FinishedTarget<T, E> = (Option<Vec<TenantName>>, Option<Result<T, E>>);

/// Finds out for which tenants each failed target is responsible, and which are missing.
fn attribute<T, E>(
    targets: &[FleetTarget],
    selection: &Selection,
    route: Option<&Route>,
    ran: Vec<FinishedTarget<T, E>>,
) -> FleetOutcome<T, E> {
    let mut outcomes: Vec<TargetRun<T, E>> = ran
        .into_iter()
        .map(|(tenants, result)| TargetRun { result, tenants })
        .collect();
    if !selection.is_by_name() {
        return FleetOutcome {
            targets: outcomes,
            missing: Vec::new(),
        };
    }
    let mut found: HashSet<(TenantName, Option<&str>)> = HashSet::new();
    for (target, outcome) in targets.iter().zip(&outcomes) {
        for tenant in outcome.tenants.iter().flatten() {
            found.insert((tenant.clone(), None));
            found.insert((tenant.clone(), target.name.as_deref()));
        }
    }
    let mut missing = Vec::new();
    let mut lost: BTreeMap<usize, Vec<TenantName>> = BTreeMap::new();
    for tenant in selection.tenants() {
        if found.contains(&(tenant.name.clone(), tenant.target.as_deref())) {
            continue;
        }
        let place = match &tenant.target {
            Some(name) => Some(name.as_str()),
            None => route
                .and_then(|route| route.target_of(&tenant.name))
                .and_then(|index| route.and_then(|route| route.name(index))),
        };
        let index = targets
            .iter()
            .position(|target| place.is_some() && target.name.as_deref() == place);
        let unasked = |index: &usize| outcomes.get(*index).is_some_and(|o| o.tenants.is_none());
        match index.filter(unasked) {
            Some(index) => lost.entry(index).or_default().push(tenant.name.clone()),
            None => missing.push(tenant.clone()),
        }
    }
    for (index, outcome) in outcomes.iter_mut().enumerate() {
        outcome
            .tenants
            .get_or_insert_with(|| lost.remove(&index).unwrap_or_default());
    }
    FleetOutcome {
        targets: outcomes,
        missing,
    }
}

struct Survey<'a> {
    selection: &'a Selection,
    shutdown: &'a Shutdown,
    limits: &'a RunLimits,
    /// The databases that targets have led to, and the names of these targets.
    seen: Mutex<BTreeMap<DatabaseIdentity, String>>,
}

impl Survey<'_> {
    /// The names that are selected for a target.
    fn wanted(&self, target: &FleetTarget) -> impl Iterator<Item = &TenantName> {
        let fits = move |tenant: &&SelectedTenant| {
            tenant.target.is_none() || tenant.target.as_deref() == target.name.as_deref()
        };
        let tenants = self.selection.tenants().iter().filter(fits);
        tenants.map(|tenant| &tenant.name)
    }

    /// Checks that no other target leads to this database, and returns those of the selected names
    /// that it has; `None` for a selection of all or by pattern.
    async fn find(&self, target: &FleetTarget) -> Result<Option<Vec<TenantName>>, TargetError> {
        // A survey is a connection, which `--total-jobs` counts.
        let _permit = self.limits.worker().await;
        let mut sql = DatabaseIdentity::sql();
        if self.selection.is_by_name() {
            let names: Vec<&str> = self.wanted(target).map(TenantName::as_str).collect();
            let names = serde_json::Value::from(names).to_string();
            swrite!(
                sql,
                "SELECT pg_catalog.to_json(n.nspname) FROM pg_catalog.pg_namespace n WHERE n.nspname IN \
                 (SELECT wanted::pg_catalog.name FROM pg_catalog.json_array_elements_text({}) AS wanted) ORDER BY n.nspname;\n",
                quote_literal(&names)
            );
        }
        let mut server = target.server.clone();
        server.timeout.get_or_insert(SURVEY_TIMEOUT);
        let rows = server.query_json(&sql, self.shutdown).await?;
        let mut rows = rows.into_iter();
        let identity = read_json(rows.next().ok_or(PsqlError::Unconfirmed)?, 1)?;
        let name = target.name.clone().unwrap_or_default();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(other) = seen.insert(identity, name) {
            return Err(TargetError::SharedDatabase(other));
        }
        if !self.selection.is_by_name() {
            return Ok(None);
        }
        let names = rows.filter_map(|row| TenantName::for_own_schema(row.as_str()?).ok());
        Ok(Some(names.collect()))
    }
}
