//! The server that the settings lead to, or the servers of a targets file.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;

use crate::cli::arguments::{OneTargetArguments, TargetsArguments};
use crate::cli::failure::CommandError;
use crate::cli::groups::say_next_group;
use crate::cli::scope::say_duplicates;
use crate::cli::session::{Session, look_at_server};
use crate::config::{Settings, TargetSettings, Targets, ToolSettings};
use crate::connect::Target;
use crate::diagnose::Context;
use crate::fleet::{
    FleetOutcome, FleetTarget, NextGroup, Route, RunLimits, RunShare, Selection, SelectionRequest,
    TenantGroups, TenantSelection, on_each_target, shared_database,
};
use crate::pg::{PgDump, Server};
use crate::sql::TenantName;
use crate::text::safe;

/// Servers that are resolved and not yet connected.
pub(in crate::cli) struct Servers {
    entries: Vec<ServerEntry>,
    /// The routing rules; `None` without a targets file.
    route: Option<Route>,
    /// The server that has the app's table of tenants; `None` without a targets file, or if it
    /// marks none.
    registry: Option<ServerEntry>,
    /// The names of all targets of the file.
    names: BTreeSet<String>,
    total_jobs: Option<usize>,
}

/// One server.
#[derive(Clone)]
pub(in crate::cli) struct ServerEntry {
    /// Its name; `None` for the only one, without a targets file.
    pub(in crate::cli) name: Option<String>,
    pub(in crate::cli) target: Target,
    /// `true` if tenants become distributed schemas of Citus.
    pub(in crate::cli) citus: bool,
}

/// The error about connection flags next to a targets file.
fn refuse_connection_flags(session: &Session) -> Result<(), CommandError> {
    if session.common.connection().is_given() {
        let text = "--targets cannot be combined with connection flags; write the connections into the targets file";
        return Err(CommandError::Usage(text.to_owned()));
    }
    Ok(())
}

fn unknown_target(name: &str, targets: &Targets) -> CommandError {
    let names: Vec<String> = targets.targets.iter().map(|t| safe(&t.name)).collect();
    CommandError::Usage(format!(
        "--target '{}': the file has the targets {}",
        safe(name),
        names.join(", ")
    ))
}

impl OneTargetArguments {
    /// Returns the settings of the named target, or else those of this process.
    pub(in crate::cli) fn settings(&self, session: &Session) -> Result<Settings, CommandError> {
        let (Some(path), Some(name)) = (&self.targets, &self.target) else {
            return session.settings();
        };
        refuse_connection_flags(session)?;
        let targets = Targets::read(path, self.choice, &session.environment)?;
        let found = targets.targets.iter().find(|target| target.name == *name);
        let target = found.ok_or_else(|| unknown_target(name, &targets))?;
        say_warnings(session, target);
        Ok(Settings {
            connection: target.connection.clone(),
            tool: session.tool()?,
        })
    }

    /// Returns the server that the settings lead to.
    pub(in crate::cli) async fn connect(
        &self,
        session: &Session,
        settings: &Settings,
    ) -> Result<Target, CommandError> {
        let name = self.target.as_deref().unwrap_or_default();
        session.target_called(settings, name).await
    }

    /// Returns the server that the settings lead to, and a `pg_dump` that can dump it.
    pub(in crate::cli) async fn connect_with_pg_dump(
        &self,
        session: &Session,
        settings: &Settings,
    ) -> Result<(Server, PgDump), CommandError> {
        let server = self.connect(session, settings).await?.server;
        let pg_dump = session.find_pg_dump(settings, &server).await?;
        Ok((server, pg_dump))
    }
}

fn say_warnings(session: &Session, target: &TargetSettings) {
    for warning in target.connection.warnings() {
        session
            .output
            .warning(&format!("target '{}': {warning}", safe(&target.name)));
    }
}

impl Servers {
    /// Returns the servers of the targets file, or else the one that the settings lead to.
    pub(in crate::cli) async fn find(
        session: &Session,
        arguments: &TargetsArguments,
        tool: &ToolSettings,
        citus: bool,
    ) -> Result<Self, CommandError> {
        let Some(path) = &arguments.targets else {
            let target = session.target(&session.settings()?).await?;
            let only = ServerEntry {
                name: None,
                target,
                citus,
            };
            return Ok(Self {
                entries: vec![only],
                route: None,
                registry: None,
                names: BTreeSet::new(),
                total_jobs: None,
            });
        };
        refuse_connection_flags(session)?;
        let targets = Targets::read(path, arguments.choice, &session.environment)?;
        let is_known = |name: &&String| targets.targets.iter().any(|target| target.name == **name);
        if let Some(name) = arguments.target.iter().find(|name| !is_known(name)) {
            return Err(unknown_target(name, &targets));
        }
        let route = Some(Route::new(&targets));
        let names = targets.targets.iter().map(|t| t.name.clone()).collect();
        let mut entries = Vec::new();
        let mut registry = None;
        for target in targets.targets {
            let is_chosen = arguments.target.is_empty() || arguments.target.contains(&target.name);
            if !is_chosen && !target.registry {
                continue;
            }
            say_warnings(session, &target);
            let settings = Settings {
                connection: target.connection,
                tool: tool.clone(),
            };
            let entry = ServerEntry {
                target: session.target_called(&settings, &target.name).await?,
                name: Some(target.name),
                citus: target.citus || citus,
            };
            if target.registry {
                registry = Some(entry.clone());
            }
            entries.extend(is_chosen.then_some(entry));
        }
        Ok(Self {
            entries,
            route,
            registry,
            names,
            total_jobs: arguments.total_jobs,
        })
    }

    /// Returns the servers, in the file's order.
    pub(in crate::cli) fn entries(&self) -> &[ServerEntry] {
        &self.entries
    }

    /// Returns the routing rules, if there is a targets file.
    pub(in crate::cli) fn route(&self) -> Option<&Route> {
        self.route.as_ref()
    }

    /// Returns the target to which the routing rules send a tenant; `None` if they do not, or
    /// without a targets file.
    pub(in crate::cli) fn belongs_at(&self, tenant: &TenantName) -> Option<&str> {
        let route = self.route.as_ref()?;
        route.name(route.target_of(tenant)?)
    }

    /// Returns the limit of workers on all servers together.
    pub(in crate::cli) fn total_jobs(&self) -> Option<usize> {
        self.total_jobs
    }

    /// Returns the target's name if there is a targets file.
    pub(in crate::cli) fn name(&self, index: usize) -> Option<&str> {
        self.entries.get(index)?.name.as_deref()
    }

    /// Returns the facts about a target's connection.
    pub(in crate::cli) fn context(&self, index: usize) -> Option<&Context> {
        self.entries.get(index).map(|entry| &entry.target.context)
    }

    /// Runs the tenants query, if there is one, and checks that its targets exist.
    pub(in crate::cli) async fn resolve(
        &self,
        session: &Session,
        request: SelectionRequest,
    ) -> Result<Selection, CommandError> {
        let registry = match (&request, &self.registry, &self.route) {
            (SelectionRequest::Query(_), None, Some(_)) => {
                return Err(CommandError::Usage(
                    "--tenants-query with --targets needs a target with registry = true, on which to run the query"
                        .to_owned(),
                ));
            }
            (_, Some(registry), _) => Some(registry),
            (_, None, _) => self.entries.first(),
        };
        let Some(registry) = registry else {
            return Err(CommandError::NoTarget);
        };
        let selection = match request
            .resolve(&registry.target.server, &session.shutdown)
            .await
        {
            Ok(selection) => selection,
            Err(error) => {
                let failure = CommandError::from(error);
                look_at_server(&failure, &registry.target.context, &registry.target.look).await;
                return Err(failure);
            }
        };
        let strange = selection.tenants().iter().find(|tenant| {
            let target = tenant.target.as_ref();
            target.is_some_and(|target| !self.names.contains(target))
        });
        if let Some(tenant) = strange {
            return Err(CommandError::UnknownTarget {
                tenant: tenant.name.clone(),
                target: tenant.target.clone().unwrap_or_default(),
                has_file: self.route.is_some(),
            });
        }
        say_duplicates(session.output, &selection);
        Ok(selection)
    }

    fn fleet_targets(&self) -> Vec<FleetTarget> {
        let targets = self.entries.iter().map(|entry| FleetTarget {
            name: entry.name.clone(),
            server: entry.target.server.clone(),
        });
        targets.collect()
    }

    /// Refuses two targets that lead to the same database.
    pub(in crate::cli) async fn refuse_shared(
        &self,
        session: &Session,
    ) -> Result<(), CommandError> {
        self.refuse(shared_database(&self.fleet_targets(), &session.shutdown).await)
    }

    /// The error about two targets, by their indexes, that lead to the same database.
    pub(in crate::cli) fn refuse(
        &self,
        shared: Option<(usize, usize)>,
    ) -> Result<(), CommandError> {
        let Some((one, other)) = shared else {
            return Ok(());
        };
        let name = |index| self.name(index).unwrap_or_default().to_owned();
        Err(CommandError::SharedTargets(name(one), name(other)))
    }

    /// Runs a task for each server. The failure of the only server, without a targets file, is that
    /// of the command.
    pub(in crate::cli) async fn run<T, F: Future<Output = Result<T, CommandError>>>(
        &self,
        session: &Session,
        selection: &Selection,
        limits: &Arc<RunLimits>,
        task: impl Fn(usize, TenantSelection, RunShare) -> F,
    ) -> Result<FleetOutcome<T, CommandError>, CommandError> {
        let mut outcome = on_each_target(
            &self.fleet_targets(),
            selection,
            self.route.as_ref(),
            limits,
            &session.shutdown,
            task,
        )
        .await;
        if self.route.is_none()
            && let Some(only) = outcome.targets.first_mut()
            && let Some(Err(_)) = &only.result
            && let Some(Err(failure)) = only.result.take()
        {
            return Err(failure);
        }
        Ok(outcome)
    }

    /// Like [`Servers::run`], for a task that is one worker on each server.
    pub(in crate::cli) async fn run_single<T, F: Future<Output = Result<T, CommandError>>>(
        &self,
        session: &Session,
        selection: &Selection,
        task: impl Fn(usize, TenantSelection) -> F,
    ) -> Result<FleetOutcome<T, CommandError>, CommandError> {
        let limits = self.limits(None, 0);
        let task = &task;
        let work = async |index: usize, scope: TenantSelection, share: RunShare| {
            let _permit = share.limits().worker().await;
            task(index, scope).await
        };
        self.run(session, selection, &limits, work).await
    }

    /// Returns the limits of a run that ends after `max_failures` failed tenants, and of which
    /// `canaries` tenants go first.
    pub(in crate::cli) fn limits(
        &self,
        max_failures: Option<usize>,
        canaries: usize,
    ) -> Arc<RunLimits> {
        let limits = RunLimits::new(self.entries.len(), max_failures, canaries);
        Arc::new(limits.with_workers(self.total_jobs))
    }

    /// Like [`Servers::limits`], for a run in which groups of tenants follow each other.
    pub(in crate::cli) fn limits_with_groups(
        &self,
        session: &Session,
        max_failures: Option<usize>,
        groups: &TenantGroups,
    ) -> Arc<RunLimits> {
        let output = session.output;
        let targets = self.entries.len();
        let limits = RunLimits::new(targets, max_failures, 0).with_workers(self.total_jobs);
        let on_next = move |step: NextGroup<'_>| say_next_group(output, step);
        Arc::new(limits.with_groups(targets, groups.rules().to_vec(), on_next))
    }
}

/// ` at eu`: a tenant's place in text; empty without a targets file.
pub(in crate::cli) fn at(target: Option<&str>) -> String {
    target
        .map(|target| format!(" at {}", safe(target)))
        .unwrap_or_default()
}
