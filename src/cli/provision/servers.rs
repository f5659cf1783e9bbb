//! The server, or the servers of a targets file.

use std::sync::Arc;

use crate::cli::arguments::ProvisionArguments;
use crate::cli::failure::CommandError;
use crate::cli::session::{Session, look_at_server};
use crate::config::{Settings, Targets, ToolSettings};
use crate::connect::Target;
use crate::diagnose::{Context, LookPlan};
use crate::fleet::Route;
use crate::fleet::bulk::BulkTarget;
use crate::snapshot::Snapshot;
use crate::sql::TenantName;
use crate::tenant::{ProvisionOptions, Provisioner};

/// Servers that are resolved and not yet connected.
pub(super) struct Servers {
    found: Vec<ServerEntry>,
    route: Option<Route>,
}

struct ServerEntry {
    name: String,
    target: Target,
    citus: bool,
}

/// Servers with a provisioner for each.
pub(super) struct Provisioners {
    pub(super) targets: Vec<BulkTarget>,
    /// The facts about each target's connection, and the plan for a look at its server, for the explanation of a failure.
    contexts: Vec<(Context, LookPlan)>,
    route: Option<Route>,
}

impl Servers {
    /// Returns the servers of the targets file, or else the one that the settings lead to.
    pub(super) async fn find(
        session: &Session,
        arguments: &ProvisionArguments,
        tool: &ToolSettings,
    ) -> Result<Self, CommandError> {
        let Some(path) = &arguments.targets else {
            let target = session.target(&session.settings()?).await?;
            let found = ServerEntry {
                name: String::new(),
                target,
                citus: arguments.what.citus,
            };
            return Ok(Self {
                found: vec![found],
                route: None,
            });
        };
        if session.common.connection().is_given() {
            let text = "--targets cannot be combined with connection flags; write the connections into the targets file";
            return Err(CommandError::Usage(text.to_owned()));
        }
        let targets = Targets::read(path, &session.environment)?;
        let route = Some(Route::new(&targets));
        let mut found = Vec::with_capacity(targets.targets.len());
        for target in targets.targets {
            for warning in target.connection.warnings() {
                session
                    .output
                    .warning(&format!("target '{}': {warning}", target.name));
            }
            let settings = Settings {
                connection: target.connection,
                tool: tool.clone(),
            };
            let reached = session.target_called(&settings, &target.name).await?;
            found.push(ServerEntry {
                name: target.name,
                target: reached,
                citus: target.citus || arguments.what.citus,
            });
        }
        Ok(Self { found, route })
    }

    pub(super) fn with(self, snapshot: &Arc<Snapshot>, options: &ProvisionOptions) -> Provisioners {
        let contexts = self
            .found
            .iter()
            .map(|found| (found.target.context.clone(), found.target.look.clone()))
            .collect();
        let targets = self.found.into_iter().map(
            |ServerEntry {
                 name,
                 target,
                 citus,
             }| {
                let mut options = options.clone();
                options.render.citus = citus;
                BulkTarget {
                    name,
                    provisioner: Provisioner::new(target.server, Arc::clone(snapshot), options),
                }
            },
        );
        Provisioners {
            targets: targets.collect(),
            contexts,
            route: self.route,
        }
    }
}

impl Provisioners {
    /// Returns the index of the target for a tenant.
    pub(super) fn route(&self, tenant: &TenantName) -> Result<usize, CommandError> {
        match &self.route {
            None => Ok(0),
            Some(route) => route.target_of(tenant).ok_or(CommandError::NoTarget),
        }
    }

    /// Returns the target's name if there is a targets file.
    pub(super) fn name(&self, index: usize) -> Option<&str> {
        self.route
            .as_ref()
            .and_then(|_| self.targets.get(index))
            .map(|target| target.name.as_str())
    }

    pub(super) fn context(&self, index: usize) -> Option<&Context> {
        self.contexts.get(index).map(|(context, _)| context)
    }

    /// Looks at a server that could not be connected to, before its tenants' failures are reported.
    pub(super) async fn look_closer(&self, index: usize, failure: &CommandError) {
        if let Some((context, plan)) = self.contexts.get(index) {
            look_at_server(failure, context, plan).await;
        }
    }

    /// Returns the provisioner of a target.
    pub(super) fn provisioner(&self, index: usize) -> Option<&Provisioner> {
        self.targets.get(index).map(|target| &target.provisioner)
    }
}
