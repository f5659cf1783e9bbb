//! The servers on which tenants are created.

use std::sync::Arc;

use crate::cli::failure::CommandError;
use crate::cli::servers::Servers;
use crate::cli::session::look_at_server;
use crate::diagnose::Context;
use crate::fleet::bulk::{BulkTarget, ServerCapacity};
use crate::fleet::find_shared;
use crate::snapshot::Snapshot;
use crate::sql::TenantName;
use crate::tenant::{ProvisionError, ProvisionOptions, Provisioner};

/// Servers with a provisioner for each.
pub(super) struct Provisioners {
    pub(super) targets: Vec<BulkTarget>,
    servers: Servers,
}

impl Provisioners {
    pub(super) fn new(
        servers: Servers,
        snapshot: &Arc<Snapshot>,
        options: &ProvisionOptions,
    ) -> Self {
        let targets = servers.entries().iter().map(|entry| {
            let mut options = options.clone();
            options.render.citus = entry.citus;
            let server = entry.target.server.clone();
            BulkTarget {
                name: entry.name.clone().unwrap_or_default(),
                provisioner: Provisioner::new(server, Arc::clone(snapshot), options),
            }
        });
        Self {
            targets: targets.collect(),
            servers,
        }
    }

    /// Returns the index of the target for a tenant.
    pub(super) fn route(&self, tenant: &TenantName) -> Result<usize, CommandError> {
        let Some(route) = self.servers.route() else {
            return Ok(0);
        };
        let index = route.target_of(tenant).ok_or(CommandError::NoTarget)?;
        let name = route.name(index);
        let target = self
            .targets
            .iter()
            .position(|t| Some(t.name.as_str()) == name);
        target.ok_or_else(|| CommandError::OtherTarget(name.unwrap_or_default().to_owned()))
    }

    /// Returns the target's name if there is a targets file.
    pub(super) fn name(&self, index: usize) -> Option<&str> {
        self.servers.name(index)
    }

    pub(super) fn context(&self, index: usize) -> Option<&Context> {
        self.servers.context(index)
    }

    /// Returns the limit of workers on all servers together.
    pub(super) fn total_jobs(&self) -> Option<usize> {
        self.servers.total_jobs()
    }

    /// Refuses two targets that lead to the same database. A server that is not reached counts as
    /// another one.
    pub(super) fn refuse_shared(
        &self,
        rooms: &[Result<ServerCapacity, ProvisionError>],
    ) -> Result<(), CommandError> {
        let databases: Vec<_> = rooms
            .iter()
            .map(|room| room.as_ref().ok()?.database.clone())
            .collect();
        self.servers.refuse(find_shared(&databases))
    }

    /// Looks at a server that could not be connected to, before its tenants' failures are reported.
    pub(super) async fn look_closer(&self, index: usize, failure: &CommandError) {
        if let Some(entry) = self.servers.entries().get(index) {
            look_at_server(failure, &entry.target.context, &entry.target.look).await;
        }
    }

    /// Returns the provisioner of a target.
    pub(super) fn provisioner(&self, index: usize) -> Option<&Provisioner> {
        self.targets.get(index).map(|target| &target.provisioner)
    }
}
